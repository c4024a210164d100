"""What the source of items has changed or withdrawn.

    current -> replaced by the next revision of its key: end_of (a load that asks for updates)
    current -> withdrawn, a tombstone: end_of (a row that says so), withdraw (by key)

Nothing is deleted: an item that ended keeps its answers and labels. Its open tasks are withdrawn, but for those that somebody
holds or a lead has to decide; snapshots leave it out from then on; as a known answer it is set aside. A next revision goes into
the queues that the last one was in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member, Project
from specs.refusals import Invalid
from workforce import routing, setting_aside
from workforce.models import KnownAnswer, Load, Queue, SetAside

_COUNT = """
    SELECT count(*) FILTER (WHERE NOT gone), count(*) FILTER (WHERE gone) FROM workforce_stagedrow
    WHERE load_number = %(load)s AND replaces IS NOT NULL
"""
# One that its source had withdrawn before has ended already; it comes back as the next revision.
_END = """
    INSERT INTO workforce_itemend (project_id, item_id, reason, successor_id, load_id, by_id, note, ended_at, event_id)
    SELECT s.project_id, s.replaces, CASE WHEN s.gone THEN 'withdrawn' ELSE 'replaced' END,
           CASE WHEN NOT s.gone THEN (SELECT i.id FROM workforce_item i
                                      WHERE i.project_id = s.project_id AND i.key = s.key AND i.revision = s.revision) END,
           s.load_number, %(by)s, '', statement_timestamp(), %(event)s
    FROM workforce_stagedrow s WHERE s.load_number = %(load)s AND s.replaces IS NOT NULL
    ON CONFLICT (item_id) DO NOTHING
"""
_WITHDRAW = """
    INSERT INTO workforce_itemend (project_id, item_id, reason, by_id, note, ended_at, event_id)
    SELECT %(project)s, unnest(%(items)s::bigint[]), 'withdrawn', %(by)s, %(note)s, statement_timestamp(), %(event)s
    ON CONFLICT (item_id) DO NOTHING
"""
_NEWEST = """
    SELECT k.key, i.id, i.id IS NOT NULL AND EXISTS (SELECT FROM workforce_itemend e WHERE e.item_id = i.id)
    FROM unnest(%(keys)s::text[]) AS k (key) LEFT JOIN LATERAL (
        SELECT i.id FROM workforce_item i WHERE i.project_id = %(project)s AND i.key = k.key ORDER BY i.revision DESC LIMIT 1
    ) i ON true
"""
_QUEUES = """
    SELECT t.queue_id, array_agg(DISTINCT e.successor_id) FROM workforce_itemend e
    JOIN workforce_task t ON t.item_id = e.item_id AND t.purpose = 'work' AND t.state <> 'withdrawn'
    JOIN workforce_queue q ON q.id = t.queue_id AND q.purpose IN ('labelling', 'relabelling') AND q.state <> 'closed'
    WHERE e.event_id = %(event)s AND e.successor_id IS NOT NULL AND q.version_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM workforce_task n WHERE n.item_id = e.successor_id AND n.queue_id = t.queue_id
                         AND n.purpose = 'work' AND n.state <> 'withdrawn')
    GROUP BY t.queue_id ORDER BY t.queue_id
"""
_OURS = "t.item_id IN (SELECT e.item_id FROM workforce_itemend e WHERE e.event_id = %(event)s)"
_FREE = "NOT EXISTS (SELECT 1 FROM workforce_assignment h WHERE h.task_id = t.id AND h.state = 'leased')"
# The slots first: whoever claims one at this moment has it before, and is honoured, or finds nothing.
_SLOTS = f"""
    UPDATE workforce_assignment s SET state = 'withdrawn', annotator_id = NULL, reserved_until = NULL FROM workforce_task t
    WHERE {_OURS} AND t.state = 'open' AND t.purpose = 'work' AND s.task_id = t.id
      AND s.state IN ('open', 'held', 'reserved') AND {_FREE}
"""  # noqa: S608 (nothing in it comes from elsewhere)
_TASKS = f"""
    UPDATE workforce_task t SET state = 'withdrawn', settled_at = statement_timestamp()
    WHERE {_OURS} AND t.state = 'open' AND t.purpose = 'work' AND {_FREE}
"""  # noqa: S608 (nothing in it comes from elsewhere)


@dataclass(frozen=True)
class Withdrawn:
    """The keys that were withdrawn now, and those that had been before or never came."""

    keys: list[str]
    known: list[str]
    unknown: list[str]


def end_of(*, load: Load) -> tuple[int, int]:
    """End what the rows of a load replace or withdraw; how many of each. Call it inside the transaction that finishes the load.

    Harmless to repeat: what has ended stays so.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"load": load.pk})
        n_replaced, n_gone = cursor.fetchone()
        if not n_replaced + n_gone:
            return 0, 0
        by = load.loaded_by_id
        event = ledger.record(
            project_id=load.project_id,
            kind="items.ended",
            by=by,
            subject=("load", load.pk),
            data={"replaced": n_replaced, "withdrawn": n_gone},
        )
        cursor.execute(_END, {"load": load.pk, "by": by, "event": event})
        _leave_queues(cursor, event, load.loaded_by)
    return n_replaced, n_gone


def withdraw(*, project: Project, keys: Sequence[str], note: str = "", by: Member) -> Withdrawn:
    """Withdraw what has these keys now. Harmless to repeat. Raises `Invalid` for none, too many, or too long a note."""
    wanted = sorted(set(keys))
    most = settings.MAX_WITHDRAWN_ITEMS
    if not 0 < len(wanted) <= most:
        raise Invalid(_("Name 1 to %(n)s keys; more of them are a file to load.") % {"n": most})
    if len(note) > settings.MAX_NOTE_CHARACTERS:
        raise Invalid(
            _("A reason has at most %(max_note_characters)s characters.")
            % {"max_note_characters": settings.MAX_NOTE_CHARACTERS}
        )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('workforce.loading'), %s)", [project.pk])
        cursor.execute(_NEWEST, {"project": project.pk, "keys": wanted})
        rows = cursor.fetchall()
        items = sorted(item for _key, item, ended in rows if item is not None and not ended)
        if items:
            event = ledger.record(
                project_id=project.pk,
                kind="items.withdrawn",
                by=by,
                subject=("project", project.pk),
                data={"items": items},
            )
            known: dict[str, Any] = {"project": project.pk, "items": items, "by": by.pk, "note": note.strip()}
            cursor.execute(_WITHDRAW, {**known, "event": event})
            _leave_queues(cursor, event, by)
    return Withdrawn(
        keys=[key for key, item, ended in rows if item is not None and not ended],
        known=[key for key, _item, ended in rows if ended],
        unknown=[key for key, item, _ended in rows if item is None],
    )


def _leave_queues(cursor: Any, event: int, by: Member | None) -> None:
    """What ended with this event leaves the queues and the known answers; its successors come into the same queues."""
    cursor.execute(_QUEUES, {"event": event})
    wanted = cursor.fetchall()
    cursor.execute(_SLOTS, {"event": event})
    cursor.execute(_TASKS, {"event": event})
    for number, items in wanted:
        queue = Queue.objects.select_related("version").get(pk=number)
        assert queue.version is not None
        routing.route_many(item_ids=items, queue=queue, meaning=queue.version.meaning or 0, by=by)
    known: dict[tuple[int, int], list[int]] = defaultdict(list)
    in_use = KnownAnswer.objects.select_for_update(no_key=True, of=("self",)).filter(
        item__ends__event_id=event, set_aside_at=None
    )
    for answer, spec, project in in_use.order_by("pk").values_list("pk", "spec", "project"):
        known[spec, project].append(answer)
    for (spec, project), answers in known.items():
        setting_aside.end(spec_id=spec, project_id=project, ids=answers, why=SetAside.SOURCE, by=by)
