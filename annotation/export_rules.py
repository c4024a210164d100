"""From the answers to an item to its label, by the rule that a snapshot names. Pure but for what a fit reads beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from annotation.export_terms import ADJUDICATED, MAJORITY, SETTLED, SOFT, WEIGHED
from specs import task_types

Label = dict[str, Any]
RULE_WORDS = {
    SETTLED: "the resolution in force at the position: consensus by the queue's rule, a review or a ruling; carried where the "
    "meaning changed and the label was not touched",
    ADJUDICATED: "only labels that a lead decided",
    MAJORITY: "the value with the most answers, none where several tie; a ruling stands",
    WEIGHED: "the value with the highest posterior of a shrunken Dawid-Skene fit over all answers sealed at the position, "
    "`share` is that posterior; questions without fixed labels, carried labels and rulings stand as they were settled",
    SOFT: "`soft` holds the share of every value among the answers; `value` is the first of them, none where several tie; a "
    "ruling stands",
}


@dataclass(frozen=True)
class Fitted:
    """Posteriors of a question: `shares[item]` is aligned with `values`; `chance[item]` how likely the first of them is right."""

    values: Sequence[Any]
    shares: Mapping[int, Sequence[float]]
    chance: Mapping[int, float] = field(default_factory=dict)


def counted(question: Mapping[str, Any], values: Sequence[Any]) -> tuple[dict[str, int], dict[str, Any]]:
    """How many answers of each value, and the value behind each text; keys in order."""
    kind = task_types.get(question["kind"])
    counts: dict[str, int] = {}
    behind: dict[str, Any] = {}
    for value in values:
        key = kind.key(question, value)
        counts[key] = counts.get(key, 0) + 1
        behind.setdefault(key, value)
    return dict(sorted(counts.items())), behind


def entropy(counts: Mapping[str, int]) -> float | None:
    """Of the shares of the values, in bits; None without an answer."""
    return _entropy(tuple(counts.values()))


@lru_cache(4096)
def _entropy(counts: tuple[int, ...]) -> float | None:
    total = sum(counts)
    if not total:
        return None
    return round(-sum(n / total * math.log2(n / total) for n in counts if n) + 0.0, 6)


def decide(
    rule: str,
    question: Mapping[str, Any],
    label: Label,
    values: Sequence[Any],
    *,
    item: int,
    fitted: Fitted | None,
) -> Label | None:
    """The label under the rule; None where the rule gives none. *values* are the counted answers to the question."""
    ruled = label["decided_by"] in ("adjudicated", "plural")
    if rule == ADJUDICATED:
        return label if ruled else None
    if rule == SETTLED or "cannot_be_labelled" in label:
        return label
    counts, behind = counted(question, values)
    if rule == WEIGHED:
        return (
            label if ruled or label["basis"] == "carried" or fitted is None else _weighed(label, fitted, item)
        )
    if not counts:
        return label
    total, most = sum(counts.values()), max(counts.values())
    first = [key for key, n in counts.items() if n == most]
    found = {**label, "distribution": counts, "entropy": entropy(counts), "n_answers": total}
    if not ruled:
        found |= {
            "value": behind[first[0]] if len(first) == 1 else None,
            "share": round(most / total, 6),
            "rule": rule,
        }
    if rule == SOFT:
        return {**found, "soft": {key: round(n / total, 6) for key, n in counts.items()}}
    return found if found["value"] is not None or "soft_label" in found else None


def _weighed(label: Label, fitted: Fitted, item: int) -> Label:
    shares = fitted.shares.get(item)
    if shares is None:
        return label
    best = max(range(len(shares)), key=lambda k: (round(shares[k], 6), -k))
    found = {**label, "value": fitted.values[best], "share": round(float(shares[best]), 6), "rule": WEIGHED}
    if item in fitted.chance:
        found["chance"] = round(float(fitted.chance[item]), 6)
    return found
