"""When answers agree: the named rules of consensus. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from specs import canonical, schema, task_types

Verdict = Literal["agreed", "more", "disputed"]
Judge = Callable[[Mapping[str, Any], Sequence[int]], "tuple[Verdict, Any] | None"]
"""Another way to judge one question: from it and the places of the answers that have it, a verdict and the value that is
accepted; None to leave it to the rule."""


@dataclass(frozen=True)
class Outcome:
    """What the answers to one question come to. `distribution` counts them by canonical value."""

    question: str
    verdict: Verdict
    value: Any
    distribution: dict[str, int]
    disagreement: float
    no_clause_fits: bool = False

    def as_resolution(self) -> dict[str, Any]:
        """What is kept of it when it is agreed."""
        return {"question": self.question, "value": self.value, "distribution": self.distribution}


def key_of(value: Any) -> str:
    """A value as a text that equal values share."""
    return value if isinstance(value, str) else canonical.dumps(value).decode()


def decide(
    questions: Sequence[Mapping[str, Any]],
    answers: Sequence[Mapping[str, Any]],
    no_clause: Mapping[str, int],
    *,
    rule: str,
    share: Fraction,
    maximum: int,
    judge: Judge | None = None,
) -> list[Outcome]:
    """One outcome per question asked on a branch that the answers take, in order.

    A conditional question is judged among those who answered it, and only once the question it hangs on is agreed.
    `no_clause` counts, per question, the answers that say no clause fits: a majority of them is a dispute. What `judge` judges is
    not left to the rule.
    """
    agreed: dict[str, Any] = {}
    outcomes: list[Outcome] = []
    for question in questions:
        if question not in schema.shown([question], agreed):
            continue
        key = question["key"]
        places = [place for place, answer in enumerate(answers) if key in answer]
        if not places:
            continue
        values = [answers[place][key] for place in places]
        judged = judge(question, places) if judge is not None else None
        outcome = _one(question, values, no_clause.get(key, 0), len(answers), rule, share, maximum, judged)
        outcomes.append(outcome)
        if outcome.verdict == "agreed":
            agreed[key] = outcome.value
    return outcomes


def _one(
    question: Mapping[str, Any],
    values: list[Any],
    unfit: int,
    n_answers: int,
    rule: str,
    share: Fraction,
    maximum: int,
    judged: tuple[Verdict, Any] | None,
) -> Outcome:
    kind = task_types.get(question["kind"])
    groups = kind.compare(question, values)
    top = groups[0]
    distribution = {kind.key(question, group["value"]): group["n"] for group in groups}
    n = len(values)
    disagreement = 1 - sum(g["n"] * (g["n"] - 1) for g in groups) / (n * (n - 1)) if n > 1 else 0.0
    unfit_majority = 2 * unfit > n
    if unfit_majority:
        verdict: Verdict = "disputed"
    elif judged is not None:
        verdict = judged[0]
    elif agree(rule, Fraction(top["n"], n), share, tied=len(groups) > 1 and groups[1]["n"] == top["n"]):
        verdict = "agreed"
    else:
        verdict = "more" if n_answers < maximum else "disputed"
    if verdict != "agreed":
        value = None
    elif judged is not None:
        value = judged[1]
    else:
        value = kind.merge(question, [values[index] for index in top["indices"]])
    return Outcome(question["key"], verdict, value, distribution, disagreement, unfit_majority)


def agree(rule: str, top: Fraction, share: Fraction, *, tied: bool) -> bool:
    """Whether a share of the answers is enough by a queue's rule."""
    match rule:
        case "unanimity":
            return top == 1
        case "majority":
            return top > Fraction(1, 2) and not tied
        case _:
            return top >= share
