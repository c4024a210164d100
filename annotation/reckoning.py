"""How far the answers of a task differ, reckoned anew when one of them comes or changes and settles nothing.

    open task, open dispute, work on it -> the same at another place of the order "highest disagreement first": reckon

What settles a task reckons for itself. An answer can also count after the dispute was opened (its lease was out), and one can be
corrected; the place in the order follows, as an effect of the answer's own event.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from annotation import prioritising, rules, settling, unlabellable
from annotation.models import Dispute, DisputeState
from specs import versions
from workforce import reordering
from workforce.models import Order, Task, TaskState


def reckon(*, task_id: int) -> None:
    """Call it under the task's lock, inside the transaction of the answer. Touches nothing where nothing is ordered by it."""
    task = Task.objects.select_related("queue").get(pk=task_id)
    if task.state == TaskState.OPEN and task.queue.order == Order.DISAGREEMENT:
        _put([task_id], share(task))
    elif task.state == TaskState.DISPUTED:
        # Whoever holds the dispute or its work has them in hand, and no order matters to them: waiting could only deadlock.
        found = Dispute.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        for dispute in found.filter(task=task_id, state=DisputeState.OPEN):
            dispute.disagreement = share(task, dispute.questions)
            dispute.save(update_fields=["disagreement"])
            prioritising.place(dispute)
            if dispute.work_id is not None:
                works = Task.objects.select_for_update(skip_locked=True, no_key=True)
                _put([work.pk for work in works.filter(pk=dispute.work_id)], dispute.disagreement)


def share(task: Task, questions: list[str] | None = None) -> float:
    """The share of pairs of the task's counted answers that differ, 0 to 1: of the question where it is highest.

    Of *questions* only, if they are named. An answer that the item cannot be labelled differs from every label.
    """
    answers = settling.counted(task.pk)
    if len(answers) < 2:
        return 0.0
    terms: dict[str, Any] = {
        "rule": task.queue.rule,
        "share": Fraction(task.queue.consensus_share),
        "maximum": task.overlap,
    }
    version = versions.read(max(answer.version_id for answer in answers))
    outcomes = rules.decide(version.questions, [answer.values for answer in answers], {}, **terms)
    said = [answer.cannot for answer in answers]
    if any(said):
        return unlabellable.judge(outcomes, said, **terms).disagreement
    return max(
        (one.disagreement for one in outcomes if questions is None or one.question in questions), default=0.0
    )


def _put(tasks: list[int], disagreement: float) -> None:
    Task.objects.filter(pk__in=tasks).update(disagreement=disagreement)
    reordering.place(tasks=tasks)
