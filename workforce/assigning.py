"""Work given to somebody by name.

open -> reserved: assign; reserved -> reserved for another: assign with `taking_over`
reserved -> open: take_back
leased -> open, and -> reserved for another if one is named: recall
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from specs.models import Member
from specs.refusals import Invalid, WrongState
from workforce import leasing, reserving
from workforce.models import Annotator, AnnotatorState, Assignment, Enrolment, Queue, Recall, Task

_WHY_NOT = """
    SELECT t.id, CASE
        WHEN t.state <> 'open' THEN 'ended'
        WHEN EXISTS (SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id AND s.annotator_id = %(annotator)s) THEN 'has-it'
        WHEN EXISTS (SELECT 1 FROM workforce_barred b WHERE b.task_id = t.id AND b.annotator_id = %(annotator)s) THEN 'barred'
        ELSE 'no-free-slot' END
    FROM workforce_task t WHERE t.queue_id = %(queue)s AND t.id = ANY(%(tasks)s) ORDER BY t.id
"""
REASONS = {
    "ended": gettext_lazy("not open any more"),
    "has-it": gettext_lazy("she has it, or answered it"),
    "barred": gettext_lazy("she skipped it, or must not see it"),
    "no-free-slot": gettext_lazy("every slot is out, held, or kept for somebody"),
}


@dataclass(frozen=True)
class Assigned:
    """The tasks that are kept for somebody now, and why the others are not: task id -> a key of `REASONS`."""

    tasks: list[int]
    left: dict[int, str] = field(default_factory=dict)


def assign(
    *,
    queue: Queue,
    task_ids: Sequence[int],
    annotator: Annotator,
    keep: timedelta,
    taking_over: bool = False,
    by: Member,
) -> Assigned:
    """Keep one slot of each task for an annotator who pulls from the queue; after *keep* it is open to all again.

    With *taking_over*, what is kept for somebody else goes to her. Raises `Invalid`.
    """
    wanted = sorted(set(task_ids))
    if not wanted or len(wanted) > settings.MAX_ASSIGNED_AT_ONCE:
        raise Invalid(
            _("Choose 1 to %(max_assigned_at_once)s tasks.")
            % {"max_assigned_at_once": settings.MAX_ASSIGNED_AT_ONCE}
        )
    if not timedelta(minutes=1) <= keep <= timedelta(days=90):
        raise Invalid(_("Work is kept for somebody for a minute at least and 90 days at most."))
    check(queue=queue, annotator=annotator)
    with transaction.atomic(), connection.cursor() as cursor:
        # Under her lock, which whoever suspends her waits for: what is kept for her returns then.
        state = (
            Annotator.objects.select_for_update(no_key=True)
            .values_list("state", flat=True)
            .get(pk=annotator.pk)
        )
        if state in (AnnotatorState.SUSPENDED, AnnotatorState.LEFT):
            raise Invalid(
                _("%(pseudonym)s does not work here now; name somebody else.")
                % {"pseudonym": annotator.pseudonym}
            )
        kept = reserving.reserve(
            queue_id=queue.pk,
            task_ids=wanted,
            annotator=annotator,
            keep=keep,
            taking_over=taking_over,
            by=by,
        )
        rest = sorted(set(wanted) - set(kept))
        cursor.execute(_WHY_NOT, {"queue": queue.pk, "annotator": annotator.pk, "tasks": rest})
        return Assigned(kept, dict(cursor.fetchall()))


def check(*, queue: Queue, annotator: Annotator) -> None:
    """Raises `Invalid` where nothing of the queue can be kept for her: she does not pull from it."""
    if not Enrolment.objects.filter(queue=queue, annotator=annotator, active=True).exists():
        raise Invalid(
            _("%(pseudonym)s does not pull from this queue; enrol her first.")
            % {"pseudonym": annotator.pseudonym}
        )


def take_back(*, queue: Queue, task_ids: Sequence[int], by: Member) -> int:
    """Open what is kept for anybody on these tasks; returns how many slots."""
    with transaction.atomic():
        return reserving.give_back(
            which="s.queue_id = %(queue)s AND s.task_id = ANY(%(tasks)s)",
            by=by,
            queue=queue.pk,
            tasks=list(task_ids),
        )


def recall(
    *,
    assignment: Assignment,
    reason: str,
    to: Annotator | None = None,
    keep: timedelta = timedelta(days=1),
    by: Member,
) -> Recall:
    """Take a lease away from who holds it, with a reason she can read; her draft stays hers. *to* gets the slot, if named.

    Raises `Invalid` without a reason, `WrongState` when nobody holds it.
    """
    if not reason.strip():
        raise Invalid(_("Say why: whoever held the task reads it."))
    if len(reason) > settings.MAX_NOTE_CHARACTERS:
        raise Invalid(
            _("A reason has at most %(max_note_characters)s characters.")
            % {"max_note_characters": settings.MAX_NOTE_CHARACTERS}
        )
    with transaction.atomic():
        Task.objects.select_for_update(no_key=True).get(pk=assignment.task_id)
        locked = Assignment.objects.select_for_update(no_key=True).get(pk=assignment.pk)
        if locked.state != "leased":
            raise WrongState(_("Nobody holds this task now."))
        holder = locked.annotator_id
        assert holder is not None
        event = leasing.give_back(assignment_id=locked.pk, by=by, kind="assignment.recalled")
        taken = Recall.objects.create(
            project_id=locked.project_id,
            assignment=locked,
            annotator_id=holder,
            reason=reason.strip(),
            by=by,
            event_id=event,
        )
        if to is not None:
            given = assign(queue=locked.queue, task_ids=[locked.task_id], annotator=to, keep=keep, by=by)
            if not given.tasks:
                raise Invalid(
                    _("%(pseudonym)s cannot have it: %(reasons)s.")
                    % {"pseudonym": to.pseudonym, "reasons": REASONS[given.left[locked.task_id]]}
                )
    return taken
