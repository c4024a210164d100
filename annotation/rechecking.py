"""A second look at what somebody answered: one more blind answer on each task, from somebody who has not seen it.

    open task -> open task with one more slot: recheck
    resolved task (by consensus) -> open task with one more slot: recheck

Nothing is dropped and nothing is taken from anybody: the answers stay and count, a settled task keeps its label until the new
answer is in and settles it anew. Tasks that a lead decided or has on the table, and withdrawn ones, stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from annotation.models import Recheck
from specs import canonical, ledger
from specs.models import Member
from specs.refusals import Invalid
from workforce import ordering
from workforce.models import Annotator

_TASKS = """
    SELECT DISTINCT t.id, CASE
        WHEN t.state IN ('disputed', 'withdrawn') OR t.overlap >= 50 THEN 'left'
        WHEN EXISTS (SELECT 1 FROM annotation_recheck r WHERE r.annotator_id = %(annotator)s AND t.id = ANY(r.tasks)) THEN 'again'
        WHEN t.state = 'open' THEN 'open'
        WHEN EXISTS (SELECT 1 FROM annotation_resolution r WHERE r.task_id = t.id AND r.basis <> 'consensus'
                       AND NOT EXISTS (SELECT 1 FROM annotation_resolution l WHERE l.task_id = r.task_id
                                         AND l.question = r.question AND l.revision > r.revision)) THEN 'left'
        ELSE 'resolved' END
    FROM workforce_assignment s
    JOIN workforce_queue q ON q.id = s.queue_id AND q.purpose IN ('labelling', 'relabelling')
    JOIN workforce_task t ON t.id = s.task_id AND t.purpose = 'work'
    WHERE s.annotator_id = %(annotator)s AND s.state = 'submitted' AND s.submitted_at >= %(since)s
"""
_WIDEN = (
    """
    WITH wider AS (
        UPDATE workforce_task SET overlap = overlap + 1, state = 'open', settled_at = NULL WHERE id = ANY(%(tasks)s) RETURNING *
    ), slots AS (
        INSERT INTO workforce_assignment
            (project_id, task_id, queue_id, number, asked_after, state, rank, returned, n_returns, served_digest, n_renewals)
        SELECT t.project_id, t.id, t.queue_id,
               1 + (SELECT max(s.number) FROM workforce_assignment s WHERE s.task_id = t.id), -- withdrawn slots keep theirs
               greatest(t.n_answers, 1), 'open', """
    + ordering.rank(number="t.overlap", begun="true")
    + """, true, 0, '', 0
        FROM wider t JOIN workforce_queue q ON q.id = t.queue_id RETURNING project_id, queue_id, rank, state
    ), """
    + ordering.arrived("slots")
    + """
    INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
    SELECT project_id, 'task.slot-added', 'task', id, %(by)s, jsonb_build_object('overlap', overlap) FROM wider
"""
)


@dataclass(frozen=True)
class Preview:
    """What a second look would do: tasks still open, tasks that open again, tasks left as they are, tasks looked at already."""

    open: list[int]
    resolved: list[int]
    n_left: int
    n_again: int

    @property
    def n_wanted(self) -> int:
        return len(self.open) + len(self.resolved)


def preview(*, annotator: Annotator, since: datetime) -> Preview:
    found: dict[str, list[int]] = {"open": [], "resolved": [], "left": [], "again": []}
    with connection.cursor() as cursor:
        cursor.execute(_TASKS, {"annotator": annotator.pk, "since": since})
        for task, kind in cursor.fetchall():
            found[kind].append(task)
    return Preview(sorted(found["open"]), sorted(found["resolved"]), len(found["left"]), len(found["again"]))


def recheck(*, annotator: Annotator, since: datetime, reason: str, by: Member) -> Recheck:
    """Want one more answer on every task that the annotator answered since then. Raises `Invalid` where there is none.

    A task is looked at again once on account of the same annotator, so repeating it does no more.
    """
    if not reason.strip():
        raise Invalid(_("Say why these answers are looked at again."))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM workforce_annotator WHERE id = %s FOR NO KEY UPDATE", [annotator.pk])
        cursor.execute(
            "SELECT t.id FROM workforce_task t WHERE t.id IN (SELECT s.task_id FROM workforce_assignment s WHERE "
            "s.annotator_id = %s AND s.state = 'submitted' AND s.submitted_at >= %s) ORDER BY t.id FOR NO KEY UPDATE",
            [annotator.pk, since],
        )
        found = preview(annotator=annotator, since=since)
        tasks = sorted([*found.open, *found.resolved])
        if not tasks:
            raise Invalid(
                _(
                    "There is nothing to look at again: no task of hers since then is open or settled by consensus."
                )
            )
        widen(tasks=tasks, by=by)
        event = ledger.record(
            project_id=annotator.project_id,
            kind="answers.rechecked",
            by=by,
            subject=("annotator", annotator.pk),
            data={
                "since": since.isoformat(),
                "tasks": len(tasks),
                "reopened": len(found.resolved),
                "digest": canonical.digest(canonical.dumps(tasks)),
            },
        )
        return Recheck.objects.create(
            project_id=annotator.project_id,
            annotator=annotator,
            since=since,
            reason=reason.strip()[:2000],
            tasks=tasks,
            n_reopened=len(found.resolved),
            by=by,
            event_id=event,
        )


def widen(*, tasks: list[int], by: Member | None) -> None:
    """Want one more answer on each of these tasks, settled or not. Call it inside the transaction that gives the reason."""
    with connection.cursor() as cursor:
        cursor.execute(_WIDEN, {"tasks": tasks, "by": by.pk if by else None})
