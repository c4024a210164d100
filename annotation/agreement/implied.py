"""What a rule of overlap would have done with answers that exist: answers used, share in dispute, how many are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import replay, stopping
from annotation.agreement.replay import Labels

Codes = NDArray[np.int64]
REPETITIONS = 4


@dataclass(frozen=True)
class Rule:
    """A rule as a queue has it. `starts` are the numbers of answers tasks begin with, and the share of tasks of each."""

    policy: str
    name: str
    share: float
    starts: tuple[tuple[int, float], ...]
    maximum: int
    tau: float = stopping.FIRST_TAU
    audit_share: float = 0.0
    error_cost: float = 0.0


@dataclass(frozen=True)
class Implied:
    """Means over tasks. `n_tasks` had answers enough to tell; `accuracy` and `n_known` are of those with a known answer."""

    answers: float
    disputed: float
    accuracy: float | None
    n_tasks: int
    n_known: int


def imply(labels: Labels, rule: Rule, *, seed: int = 0) -> Implied | None:
    """Play the rule on the labels in random order; None where no item has answers enough to tell.

    An item that runs out of labels before the rule ends is left out. By-skill stops learn from the other half of the items.
    """
    generator = np.random.default_rng(seed)
    runs = []
    for _ in range(REPETITIONS):
        for start, weight in rule.starts:
            played = (
                _by_skill(labels, rule, start, generator)
                if rule.policy == "dynamic"
                else _by_vote(labels, rule, start, generator)
            )
            if len(played[0]):
                runs.append((weight, *played))
    if not runs:
        return None
    total = sum(weight for weight, *_ in runs)
    answers = sum(weight * float(n.mean()) for weight, n, *_ in runs) / total
    disputed = sum(weight * float((~agreed).mean()) for weight, _, agreed, *_ in runs) / total
    right, known = 0.0, 0.0
    for weight, _, agreed, hit, has_gold in runs:
        counted = agreed & has_gold
        right += weight * float(hit[counted].sum())
        known += weight * float(counted.sum())
    most_known = max(int((agreed & has_gold).sum()) for _, _, agreed, _, has_gold in runs)
    return Implied(
        answers=answers + rule.audit_share * (1 - disputed),
        disputed=disputed,
        accuracy=right / known if known else None,
        n_tasks=max(len(n) for _, n, *_ in runs),
        n_known=most_known,
    )


def _by_vote(
    labels: Labels, rule: Rule, start: int, generator: np.random.Generator
) -> tuple[Codes, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Labels used, whether the task agreed, whether its value is right, whether that is known; one entry per item."""
    values = replay.shuffled(labels, generator, width=rule.maximum)[1]
    given = (values >= 0).sum(axis=1)
    running = (values[:, :, None] == np.arange(labels.n_values)).cumsum(axis=1)
    ordered = np.sort(running, axis=2)
    place = np.arange(1, rule.maximum + 1)[None, :]
    top = ordered[:, :, -1]
    if rule.name == "unanimity":
        agree = top == place
    elif rule.name == "majority":
        agree = 2 * top > place
    else:
        agree = top >= rule.share * place - 1e-9
    stop = agree & (place >= start) & (place <= given[:, None])
    agreed = stop.any(axis=1)
    n = np.where(agreed, stop.argmax(axis=1) + 1, rule.maximum)
    whole = (agreed | (given >= rule.maximum)) & (given > 0)
    value = running[np.arange(len(n)), np.minimum(n, rule.maximum) - 1].argmax(axis=1)
    return n[whole], agreed[whole], (value == labels.gold)[whole], (labels.gold >= 0)[whole]


def _by_skill(
    labels: Labels, rule: Rule, start: int, generator: np.random.Generator
) -> tuple[Codes, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    parts = []
    for half in replay.deal(labels, generator, width=rule.maximum):
        stop = stopping.stops(
            half.posterior,
            half.n_given,
            minimum=min(start, rule.maximum),
            maximum=rule.maximum,
            tau=rule.tau,
            pooled=half.pooled,
            error_cost=rule.error_cost,
        )
        whole = ~stop.short & (half.n_given > 0)
        gold = labels.gold[half.rows]
        parts.append((stop.n[whole], stop.accepted[whole], (stop.value == gold)[whole], (gold >= 0)[whole]))
    n, agreed, hit, known = (np.concatenate(part) for part in zip(*parts, strict=True))
    return n, agreed, hit, known
