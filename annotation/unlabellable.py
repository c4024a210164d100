"""When enough annotators say that an item cannot be labelled. Pure.

Saying so is a vote like any other: it counts against every label, by the queue's rule, and is itself what a task may end with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from annotation import rules

Verdict = Literal["agreed", "cannot", "more", "disputed"]


@dataclass(frozen=True)
class Judgement:
    """What the votes come to; `category` when the item cannot be labelled, `disagreement` as a share of pairs."""

    verdict: Verdict
    category: str
    disagreement: float


def judge(
    outcomes: Sequence[rules.Outcome],
    said: Sequence[str],
    *,
    rule: str,
    share: Fraction,
    maximum: int,
) -> Judgement:
    """Judge a task where somebody said that it cannot be labelled.

    `said` has one entry per counted answer: the category, or "" for a label; `outcomes` is what the labels alone come to.
    The category is the one most name; of two, the one that comes first in the alphabet.
    """
    n, categories = len(said), Counter(category for category in said if category)
    k = sum(categories.values())
    category = min(categories, key=lambda one: (-categories[one], one))
    votes = [k, *(max(outcome.distribution.values(), default=0) for outcome in outcomes[:1])]
    disagreement = 2 * k * (n - k) / (n * (n - 1)) if n > 1 else 0.0
    disagreement = max([disagreement, *(outcome.disagreement for outcome in outcomes)])
    if rules.agree(rule, Fraction(k, n), share, tied=k in votes[1:]):
        return Judgement("cannot", category, disagreement)
    if outcomes and all(_stands(outcome, k, rule, share) for outcome in outcomes):
        return Judgement("agreed", "", disagreement)
    if n < maximum and not any(outcome.no_clause_fits for outcome in outcomes):
        return Judgement("more", "", disagreement)
    return Judgement("disputed", category, disagreement)


def _stands(outcome: rules.Outcome, k: int, rule: str, share: Fraction) -> bool:
    """Whether a label that is agreed on among those who gave one is so among all."""
    top, labels = max(outcome.distribution.values()), sum(outcome.distribution.values())
    return outcome.verdict == "agreed" and rules.agree(rule, Fraction(top, labels + k), share, tied=top == k)
