"""One thing done to many items, part by part, and taken back.

    (nothing) -> proposed: propose
    proposed -> running -> done: begin, run
    proposed -> dismissed: dismiss
    done -> undoing -> undone: undo, run

The items are fixed when a change is proposed, so what was looked at is what is done. Each part is one transaction with its
events; a run that was killed or stopped goes on with the items that wait. What was changed is kept by item, which is what
taking it back goes by.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from annotation import bulk_kinds, cataloguing, finding
from annotation.bulk_kinds import KINDS
from annotation.models import BulkChange, BulkState, PartState
from specs import ledger, running
from specs.access import require
from specs.models import Job, JobState, Member
from specs.refusals import Invalid, WrongState
from workforce.models import ABOUT_OTHERS

JOB = "annotation.change_many"
CAUGHT_UP = 2.0
"""Seconds for which a proposal waits at the most until what just happened is found."""

_ITEMS = """
    INSERT INTO annotation_bulkchangeitem (project_id, change_id, item_id, state, reason, told)
    SELECT i.project_id, %(change)s, i.id, 'waiting', '', '{}'::jsonb
    FROM workforce_item i WHERE i.project_id = %(project)s AND i.id = ANY(%(items)s)
"""
_PART = """
    SELECT item_id, told::text FROM annotation_bulkchangeitem
    WHERE change_id = %(change)s AND state = %(state)s ORDER BY item_id LIMIT %(limit)s FOR NO KEY UPDATE
"""
_KEEP = """
    UPDATE annotation_bulkchangeitem b SET state = k.state, reason = k.reason, told = k.told
    FROM unnest(%(items)s::bigint[], %(states)s::text[], %(reasons)s::text[], %(told)s::jsonb[]) AS k (item, state, reason, told)
    WHERE b.change_id = %(change)s AND b.item_id = k.item
"""
_TAKEN_BACK = """
    UPDATE annotation_bulkchangeitem SET state = CASE WHEN item_id = ANY(%(back)s) THEN 'undone' ELSE 'kept' END
    WHERE change_id = %(change)s AND item_id = ANY(%(items)s)
"""
_LOOK = """
    SELECT count(DISTINCT b.item_id), count(DISTINCT b.item_id) FILTER (WHERE t.id IS NOT NULL),
           count(t.id) FILTER (WHERE t.state = 'open'), count(t.id) FILTER (WHERE t.state = 'open' AND t.held),
           count(t.id) FILTER (WHERE t.state = 'open' AND t.n_answers > 0), count(t.id) FILTER (WHERE t.state = 'disputed'),
           count(t.id) FILTER (WHERE t.state IN ('resolved', 'unlabellable')),
           count(DISTINCT b.item_id) FILTER (WHERE g.item_id IS NOT NULL)
    FROM annotation_bulkchangeitem b
    LEFT JOIN LATERAL (
        SELECT t.id, t.state, t.n_answers,
               EXISTS (SELECT FROM workforce_assignment s WHERE s.task_id = t.id AND s.state = 'leased') AS held
        FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id
        WHERE t.item_id = b.item_id AND t.purpose = 'work' AND t.state <> 'withdrawn' AND NOT q.purpose = ANY(%(others)s)
          AND (%(queue)s::bigint IS NULL OR t.queue_id = %(queue)s)
    ) t ON true
    LEFT JOIN annotation_itemtag g ON g.item_id = b.item_id AND g.tag_id = %(tag)s
    WHERE b.change_id = %(change)s
"""


@dataclass(frozen=True)
class Preview:
    """What a change would meet: tasks in the queue that is named, or in any. `n_held` and `n_answered` count open ones."""

    n_items: int
    n_with_tasks: int
    n_open: int
    n_held: int
    n_answered: int
    n_disputed: int
    n_ended: int
    n_tagged: int


def propose(
    *,
    kind: str,
    given: Mapping[str, Any],
    items: Sequence[int] = (),
    asked: finding.Asked | None = None,
    by: Member,
) -> BulkChange:
    """Fix which items are meant, those that are named or all that are found, and with what. Nothing is done yet.

    Raises `Invalid` for no items or too many and for arguments that do not fit, `NotAllowed`.
    """
    if kind not in KINDS:
        raise Invalid(_("A change is one of: %(kinds)s.") % {"kinds": ", ".join(KINDS)})
    require(by, KINDS[kind].permission)
    if bool(items) == (asked is not None):
        raise Invalid(_("Name items, or say what is looked for."))
    most = settings.MAX_BULK_ITEMS
    if asked is not None and not cataloguing.catch_up(project_id=by.project_id, seconds=CAUGHT_UP).whole:
        raise WrongState(_("Items that came in are still being read; try again in a moment."))
    with transaction.atomic():
        if asked is not None:
            items = finding.chosen(project=by.project, asked=asked, eyes=finding.Eyes.of(by), limit=most)
        wanted = sorted(set(items))
        if not wanted or len(wanted) > most:
            raise Invalid(
                _("There are no such items.")
                if not wanted
                else _("That is more than %(n)s items; narrow it, and do the rest after it.") % {"n": most}
            )
        change = BulkChange.objects.create(
            project_id=by.project_id,
            kind=kind,
            arguments=KINDS[kind].check(given, by),
            query=asked.query() if asked is not None else "",
            n_items=len(wanted),
            by=by,
        )
        with connection.cursor() as cursor:
            cursor.execute(_ITEMS, {"change": change.pk, "project": by.project_id, "items": wanted})
            if cursor.rowcount != len(wanted):
                raise Invalid(_("There are no such items."))
        _record(change, "proposed", by, {"kind": kind, "items": len(wanted)})
    return change


def preview(change: BulkChange) -> Preview:
    """What it is going to meet."""
    with connection.cursor() as cursor:
        cursor.execute(
            _LOOK,
            {
                "change": change.pk,
                "queue": change.arguments.get("queue"),
                "tag": change.arguments.get("tag"),
                "others": list(ABOUT_OTHERS),
            },
        )
        return Preview(*cursor.fetchone())


def reasons(change: BulkChange) -> list[tuple[str, int]]:
    """Why items were left, in words, most frequent first."""
    rows = change.items.filter(state=PartState.LEFT).values_list("reason", flat=True)
    counted = Counter(rows.iterator())
    return [(str(bulk_kinds.REASONS.get(why, why)), n) for why, n in counted.most_common()]


def begin(*, change: BulkChange, by: Member) -> BulkChange:
    """Do it: at once where it is few items, else in a job. One that was stopped goes on. Raises `WrongState`, `NotAllowed`."""
    require(by, KINDS[change.kind].permission)
    return _start(change, (BulkState.PROPOSED, BulkState.RUNNING), BulkState.RUNNING, "begun", by)


def undo(*, change: BulkChange, by: Member) -> BulkChange:
    """Take it back, as far as that is possible. Raises `WrongState`, `NotAllowed`."""
    require(by, KINDS[change.kind].permission)
    if not KINDS[change.kind].undoable:
        raise WrongState(str(KINDS[change.kind].taken_back))
    return _start(change, (BulkState.DONE, BulkState.UNDOING), BulkState.UNDOING, "undo-begun", by)


def dismiss(*, change: BulkChange, by: Member) -> BulkChange:
    """Leave everything as it is. Raises `WrongState`."""
    with transaction.atomic():
        locked = _locked(change)
        if locked.state != BulkState.PROPOSED:
            raise WrongState(_("It is %(state)s.") % {"state": locked.get_state_display().lower()})
        locked.state, locked.ended_at = BulkState.DISMISSED, Now()
        locked.save(update_fields=["state", "ended_at"])
        _record(locked, "dismissed", by, {})
    locked.refresh_from_db()
    return locked


def _locked(change: BulkChange) -> BulkChange:
    rows = BulkChange.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "job", "by__project"
    )
    return rows.get(pk=change.pk)


def _start(change: BulkChange, states: tuple[str, str], to: BulkState, what: str, by: Member) -> BulkChange:
    with transaction.atomic():
        locked = _locked(change)
        if locked.state not in states:
            raise WrongState(_("It is %(state)s.") % {"state": locked.get_state_display().lower()})
        if locked.job is not None and locked.job.state in (JobState.QUEUED, JobState.RUNNING):
            raise WrongState(_("It is under way."))
        if locked.state != to:
            locked.state = to
            if to == BulkState.RUNNING:
                locked.begun_at = Now()
            _record(locked, what, by, {})
        if locked.n_items > settings.BULK_AT_ONCE:
            locked.job = running.start(
                project=by.project, kind=JOB, arguments={"change": locked.pk, "by": by.pk}, by=by
            )
        locked.save(update_fields=["state", "begun_at", "job"])
    if locked.n_items <= settings.BULK_AT_ONCE:
        run(change_id=change.pk, by=by)
    return BulkChange.objects.select_related("job").get(pk=change.pk)


def run(*, change_id: int, by: Member, progress: Callable[..., None] | None = None) -> BulkChange:
    """Do what waits, or take back what was done, part by part. Harmless to repeat; *progress* is told between parts."""
    while True:
        with transaction.atomic():
            locked = _locked(BulkChange(pk=change_id))
            if locked.state not in (BulkState.RUNNING, BulkState.UNDOING):
                return locked
            if not (_do(locked) if locked.state == BulkState.RUNNING else _take_back(locked, by)):
                _end(locked, by)
        if progress is not None:
            done = locked.n_changed + locked.n_left
            back = locked.items.filter(state__in=[PartState.UNDONE, PartState.KEPT]).count()
            progress(back if locked.state == BulkState.UNDOING else done, locked.n_items)


def _do(change: BulkChange) -> int:
    """The next part of the items that wait, in the caller's transaction; returns how many. The member may have lost her right."""
    require(change.by, KINDS[change.kind].permission)
    items = [item for item, _told in _part(change, PartState.WAITING)]
    if items:
        found = KINDS[change.kind].do(change, items)
        told = [
            (item, PartState.CHANGED, "", found.changed[item])
            if item in found.changed
            else (item, PartState.LEFT, found.left[item], {})
            for item in items
        ]
        numbers, states, why, kept = zip(*told, strict=True)
        with connection.cursor() as cursor:
            cursor.execute(
                _KEEP,
                {
                    "change": change.pk,
                    "items": list(numbers),
                    "states": [str(state) for state in states],
                    "reasons": list(why),
                    "told": [Jsonb(one) for one in kept],
                },
            )
        n = len(found.changed)
        _count(change, n_changed=n, n_left=len(items) - n)
        _record(change, "went-on", change.by, {"kind": change.kind, "changed": n, "left": len(items) - n})
    return len(items)


def _take_back(change: BulkChange, by: Member) -> int:
    told = {item: json.loads(kept) for item, kept in _part(change, PartState.CHANGED)}
    if told:
        back = sorted(set(KINDS[change.kind].undo(change, told, by)))
        with connection.cursor() as cursor:
            cursor.execute(_TAKEN_BACK, {"change": change.pk, "items": list(told), "back": back})
        _count(change, n_undone=len(back))
        _record(
            change,
            "taken-back",
            by,
            {"kind": change.kind, "undone": len(back), "kept": len(told) - len(back)},
        )
    return len(told)


def _part(change: BulkChange, state: PartState) -> list[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_PART, {"change": change.pk, "state": str(state), "limit": settings.BULK_CHUNK})
        return list(cursor.fetchall())


def _count(change: BulkChange, **more: int) -> None:
    BulkChange.objects.filter(pk=change.pk).update(**{name: F(name) + n for name, n in more.items()})
    change.refresh_from_db(fields=list(more))


def _end(change: BulkChange, by: Member) -> None:
    change.state = BulkState.DONE if change.state == BulkState.RUNNING else BulkState.UNDONE
    change.ended_at = Now()
    change.save(update_fields=["state", "ended_at"])
    _record(change, str(change.state), by, {"changed": change.n_changed, "left": change.n_left})


def _record(change: BulkChange, what: str, by: Member, data: Mapping[str, Any]) -> None:
    ledger.record(
        project_id=change.project_id,
        kind=f"bulk-change.{what}",
        by=by,
        subject=("bulk-change", change.pk),
        data=dict(data),
    )


def in_a_job(*, job: Job, progress: Callable[..., None]) -> dict[str, Any]:
    """What a job was started for."""
    by = Member.objects.select_related("project").get(pk=job.arguments["by"])
    done = run(change_id=job.arguments["change"], by=by, progress=progress)
    cataloguing.catch_up(project_id=done.project_id, seconds=0)
    return {"change": done.pk, "changed": done.n_changed, "left": done.n_left, "undone": done.n_undone}
