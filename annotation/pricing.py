"""What each way to confirm a relabelling plan would take, before anybody confirms it. Nothing changes here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotation import comparing, reasking, relabelling
from annotation.agreement import missed
from annotation.models import Choice, RelabelPlan

_TITLES = dict(Choice.choices)


@dataclass(frozen=True)
class Option:
    """One choice: tasks asked again for certain, the fewest of the others that a sample asks, and what the answers take.

    `cost.n_answers` counts what is asked at first; what is given because answers differ comes on top.
    """

    choice: str
    n_tasks: int
    n_others: int
    n_sample: int
    cost: comparing.Cost

    @property
    def title(self) -> str:
        return str(_TITLES[Choice(self.choice)])

    def as_dict(self) -> dict[str, Any]:
        return {
            "choice": self.choice,
            "tasks": self.n_tasks,
            "others": self.n_others,
            "sample": self.n_sample,
            "answers": self.cost.n_answers,
            "hours": self.cost.hours,
            "money": self.cost.money,
            "currency": self.cost.currency,
        }


def options(plan: RelabelPlan, *, tolerated: float) -> list[Option]:
    """The choices in the order of their names in `Choice`, each with a sample that tolerates the share *tolerated*."""
    pace = comparing.pace(plan.to_version.spec_id)
    overlap = reasking.overlap_of(plan.queue)
    found = []
    for choice in Choice.values:
        rows = relabelling.chosen(plan, choice)
        n_tasks = rows.count()
        n_whole = relabelling.asked_whole(rows).count()
        n_affected = plan.n_direct + plan.n_likely + plan.n_possible - n_tasks
        n_others = n_affected or plan.n_tasks - n_tasks
        n_sample = missed.fewest(n_others, tolerated)
        n_answers = n_whole * overlap + (n_tasks - n_whole) + n_sample
        cost = comparing.cost(plan.queue.project, n_tasks + n_sample, n_answers, pace)
        found.append(Option(choice, n_tasks, n_others, n_sample, cost))
    return found
