"""A new version on a part of a queue first, compared side by side, then for all or back.

    (nothing) -> running, with a share of the untouched tasks pinned to the version: start
    running -> adopted, the version in force for all: adopt
    running -> withdrawn, untouched tasks back under the version in force: withdraw

Tasks are pinned, not annotators: all answers of a task are given under one version, so they can be compared. With a cohort
its members claim the pinned tasks and nothing else, everybody else the other tasks.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member, SpecVersion, VersionState
from specs.refusals import Invalid, WrongState
from workforce import queues, restarting
from workforce.models import (
    Assignment,
    Canary,
    CanaryState,
    Cohort,
    CohortMembership,
    InProgress,
    Purpose,
    Queue,
    SlotState,
    Task,
)

# Which tasks is decided by a digest of task and canary: neither by age nor by anybody's choice.
_DRAW = f"""
    WITH untouched AS (
        SELECT t.id FROM workforce_task t
        WHERE t.queue_id = %(queue)s AND t.state = 'open' AND t.pinned_id IS NULL AND {restarting.UNTOUCHED}
    )
    SELECT id FROM untouched ORDER BY md5(id::text || ':' || %(canary)s::text)
    LIMIT (SELECT ceil(count(*) * %(share)s::float) FROM untouched)
"""
_PINNED = f"""
    SELECT t.id FROM workforce_task t
    WHERE t.queue_id = %(queue)s AND t.state = 'open' AND t.pinned_id = %(version)s AND {restarting.UNTOUCHED}
"""


def start(
    *, queue: Queue, version: SpecVersion, share: float, cohort: Cohort | None = None, by: Member | None
) -> Canary:
    """Serve a share of the queue's untouched tasks under *version*, to everybody or to a cohort alone.

    Raises `Invalid` (another spec's version, the one in force, no untouched task, an empty cohort) and `WrongState`.
    """
    if version.spec_id != queue.spec_id or version.state != VersionState.PUBLISHED:
        raise Invalid(_("Only a published version of the queue's own spec can be tried in it."))
    if version.pk == queue.version_id:
        raise Invalid(
            _("Version %(version_number)s is in force in this queue already.")
            % {"version_number": version.number}
        )
    if not 0 < share <= 1:
        raise Invalid(_("The share lies above 0 and at most at 1."))
    if queue.purpose not in (Purpose.LABELLING, Purpose.RELABELLING):
        raise Invalid(
            _("Queues for “%(purpose)s” have no canary.") % {"purpose": queue.get_purpose_display()}
        )
    if cohort and not CohortMembership.objects.filter(cohort=cohort, until__isnull=True).exists():
        raise Invalid(_("Nobody is in the cohort %(cohort)s.") % {"cohort": cohort.name})
    with transaction.atomic(), connection.cursor() as cursor:
        locked = Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        if running(locked) is not None:
            raise WrongState(_("A canary runs in this queue already."))
        assert locked.version_id is not None
        canary = Canary.objects.create(
            project_id=locked.project_id,
            queue=locked,
            spec_id=locked.spec_id,
            version=version,
            before_id=locked.version_id,
            cohort=cohort,
            share=share,
            started_by=by,
        )
        cursor.execute(_DRAW, {"queue": locked.pk, "canary": canary.pk, "share": share})
        drawn = [row[0] for row in cursor.fetchall()]
        canary.n_tasks = _serve(drawn, locked, version, pinned=version.pk, cohort=cohort, by=by)
        if not canary.n_tasks:
            raise Invalid(_("No task of this queue is untouched; there is nothing to try the version on."))
        canary.save(update_fields=["n_tasks"])
        _again_from_the_head(locked)
        ledger.record(
            project_id=locked.project_id,
            kind="canary.started",
            by=by,
            subject=("canary", canary.pk),
            data={
                "queue": locked.pk,
                "version": version.pk,
                "tasks": canary.n_tasks,
                "cohort": cohort.pk if cohort else None,
            },
        )
    return canary


def adopt(*, canary: Canary, in_progress: str = InProgress.FINISH, by: Member | None) -> Canary:
    """The version comes into force for the whole queue."""
    with transaction.atomic():
        locked = _running(canary)
        Task.objects.filter(queue=locked.queue, pinned=locked.version).update(pinned=None)
        _end(locked, CanaryState.ADOPTED, by)
        queues.put_in_force(queue=locked.queue, version=locked.version, in_progress=in_progress, by=by)
    return locked


def withdraw(*, canary: Canary, by: Member | None) -> Canary:
    """Back: untouched tasks are served under the version in force again; begun ones finish under the one they have."""
    with transaction.atomic(), connection.cursor() as cursor:
        locked = _running(canary)
        assert locked.queue.version is not None
        cursor.execute(_PINNED, {"queue": locked.queue_id, "version": locked.version_id})
        untouched = [row[0] for row in cursor.fetchall()]
        _serve(untouched, locked.queue, locked.queue.version, pinned=None, cohort=None, by=by)
        _end(locked, CanaryState.WITHDRAWN, by)
        _again_from_the_head(locked.queue)
    return locked


def running(queue: Queue) -> Canary | None:
    return (
        Canary.objects.filter(queue=queue, state=CanaryState.RUNNING)
        .select_related("version", "before", "cohort")
        .first()
    )


def _serve(
    task_ids: list[int],
    queue: Queue,
    version: SpecVersion,
    *,
    pinned: int | None,
    cohort: Cohort | None,
    by: Member | None,
) -> int:
    """Serve untouched tasks under a version: the same tasks where the meaning stays, else new ones for the same items."""
    stays = Task.objects.filter(pk__in=task_ids, meaning=version.meaning or 0)
    same = list(stays.values_list("pk", flat=True))
    Task.objects.filter(pk__in=same).update(pinned=pinned)
    Assignment.objects.filter(task__in=same, state=SlotState.OPEN).update(reserved_for=cohort)
    others = [task for task in task_ids if task not in set(same)]
    return len(same) + restarting.tasks(
        queue_id=queue.pk,
        task_ids=others,
        meaning=version.meaning or 0,
        pinned_id=pinned,
        cohort_id=cohort.pk if cohort else None,
        by=by,
    )


def _running(canary: Canary) -> Canary:
    locked = (
        Canary.objects.select_for_update(no_key=True, of=("self",))
        .select_related("queue__version", "version")
        .get(pk=canary.pk)
    )
    if locked.state != CanaryState.RUNNING:
        raise WrongState(
            _("This canary is %(state)s already.") % {"state": locked.get_state_display().lower()}
        )
    Queue.objects.select_for_update(no_key=True).get(pk=locked.queue_id)
    return locked


def _end(locked: Canary, state: CanaryState, by: Member | None) -> None:
    locked.state, locked.ended_at = state, Now()
    locked.save(update_fields=["state", "ended_at"])
    Assignment.objects.filter(queue=locked.queue, reserved_for__isnull=False).exclude(
        state__in=[SlotState.SUBMITTED, SlotState.WITHDRAWN]
    ).update(reserved_for=None)
    ledger.record(
        project_id=locked.project_id,
        kind=f"canary.{state.value}",
        by=by,
        subject=("canary", locked.pk),
        data={"queue": locked.queue_id, "version": locked.version_id},
    )
    locked.refresh_from_db()


def _again_from_the_head(queue: Queue) -> None:
    """Tasks were put before work already passed: every annotator's cursor starts again."""
    Queue.objects.filter(pk=queue.pk).update(cursor_epoch=F("cursor_epoch") + 1)
