"""What each way to confirm a relabelling plan would take, before anybody confirms it. Nothing changes here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotation import comparing, mapping, picking, reasking
from annotation.agreement import missed
from annotation.models import Choice, Reach, RelabelPlan, RelabelTask

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
    """The choices in the order of their names in `Choice`, each with a sample that tolerates the share *tolerated*.

    New questions are counted as asked on every label.
    """
    pace = comparing.pace(plan.to_version.spec_id)
    overlap = reasking.overlap_of(plan.queue)
    new = set(mapping.unanswered(plan, [one["key"] for one in mapping.added(plan)]))
    affected = RelabelTask.objects.filter(plan=plan, late=False).exclude(reach=Reach.REST)
    listed = set(affected.values_list("task", flat=True))
    found = []
    for choice in Choice.values:
        rows = picking.chosen(plan, choice)
        asked = set(rows.values_list("task", flat=True)) | new
        n_tasks = len(asked)
        n_whole = len(set(picking.asked_whole(rows).values_list("task", flat=True)) | new)
        n_affected = len(listed - asked)
        n_others = n_affected or plan.n_tasks - n_tasks
        n_sample = missed.fewest(n_others, tolerated)
        n_answers = n_whole * overlap + (n_tasks - n_whole) + n_sample
        cost = comparing.cost(plan.queue.project, n_tasks + n_sample, n_answers, pace)
        found.append(Option(choice, n_tasks, n_others, n_sample, cost))
    return found
