"""Items as signals from production: their time, the reason and probability of their selection, and their end.

    (nothing) -> live: keep (with the items of a load)
    live -> expired, used: end_over
    open task -> withdrawn, of what expired: end_over

A row of such a load brings `happened_at`, `reason`, `selection_probability` and, if it likes, `expires_at`, beside the item and
not in it: nobody who answers sees why an item was chosen. Where rows bring none, the load's options say them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from specs import canonical, ledger
from specs.refusals import Invalid
from workforce import rows
from workforce.models import Load, Queue

OPTIONS = ("signals", "signal_source", "signal_reason", "signal_probability", "signal_hours")
FIELDS = ("happened_at", "reason", "selection_probability", "expires_at")
_NAMED_AT_ONCE = 500
"""How many withdrawn tasks one event names; the rest are named by further ones."""


class Staged(NamedTuple):
    """What is said of one row, in the order of its table."""

    line: int
    reason: str
    probability: float
    happened_at: datetime
    expires_at: datetime | None


_COPY = "COPY workforce_stagedsignal (project_id, load_number, line, reason, probability, happened_at, expires_at) FROM STDIN"
# The planner knows nothing of a scratch table, so keys and items are looked up and not joined.
_KEEP = """
    WITH told AS MATERIALIZED (
        SELECT g.*, (SELECT s.key FROM workforce_stagedrow s
                     WHERE s.load_number = %(load)s AND s.line = g.line AND s.target IS NOT DISTINCT FROM %(target)s) AS key
        FROM workforce_stagedsignal g
        WHERE g.load_number = %(load)s AND g.line >= %(first)s AND g.line < %(beyond)s
    ), found AS MATERIALIZED (
        SELECT told.*, (SELECT i.id FROM workforce_item i
                        WHERE i.project_id = %(project)s AND i.key = told.key ORDER BY i.revision DESC LIMIT 1) AS item
        FROM told WHERE key IS NOT NULL
    )
    INSERT INTO workforce_signal
        (project_id, item_id, load_id, source, reason, probability, happened_at, expires_at, state, came_at)
    SELECT %(project)s, item, %(load)s, %(source)s, reason, probability, happened_at, expires_at, 'live', statement_timestamp()
    FROM found ORDER BY line
    ON CONFLICT (item_id) DO NOTHING
"""
# A task is withdrawn only with every slot of it locked and free: who claims or answers one at this moment keeps it, and the
# task is looked at again next time.
_DUE = """
    SELECT g.id, g.item_id, g.expires_at FROM workforce_signal g
    WHERE g.state = 'live' AND g.expires_at <= coalesce(%(at)s, statement_timestamp())
      AND (g.expires_at, g.id) > (%(after_at)s, %(after)s)
    ORDER BY g.expires_at, g.id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""
_FREE = """
    WITH slots AS MATERIALIZED (
        SELECT s.task_id, s.state FROM workforce_assignment s JOIN workforce_task t ON t.id = s.task_id
        WHERE t.item_id = ANY(%(items)s) AND t.state = 'open' AND t.purpose = 'work' AND t.n_answers = 0
        FOR NO KEY UPDATE OF s SKIP LOCKED
    )
    SELECT coalesce(array_agg(t.id), ARRAY[]::bigint[]) FROM workforce_task t
    WHERE t.item_id = ANY(%(items)s) AND t.state = 'open' AND t.purpose = 'work' AND t.n_answers = 0
      AND (SELECT count(*) FROM slots l WHERE l.task_id = t.id AND l.state IN ('open', 'withdrawn'))
        = (SELECT count(*) FROM workforce_assignment s WHERE s.task_id = t.id)
"""
_SLOTS = (
    "UPDATE workforce_assignment SET state = 'withdrawn' WHERE task_id = ANY(%(tasks)s) AND state = 'open'"
)
_TASKS = """
    UPDATE workforce_task SET state = 'withdrawn', settled_at = statement_timestamp()
    WHERE id = ANY(%(tasks)s) AND state = 'open' RETURNING project_id, id
"""
_END = """
    WITH judged AS (
        SELECT g.id, EXISTS (
                   SELECT FROM workforce_task t JOIN workforce_assignment s ON s.task_id = t.id AND s.state = 'submitted'
                   WHERE t.item_id = g.item_id AND t.purpose = 'work') AS used,
               EXISTS (SELECT FROM workforce_task t WHERE t.item_id = g.item_id AND t.purpose = 'work'
                       AND t.state IN ('open', 'disputed') AND t.n_answers = 0) AS waits
        FROM workforce_signal g WHERE g.id = ANY(%(signals)s)
    )
    UPDATE workforce_signal g SET state = CASE WHEN j.used THEN 'used' ELSE 'expired' END, ended_at = statement_timestamp()
    FROM judged j WHERE g.id = j.id AND (j.used OR NOT j.waits)
    RETURNING g.project_id, g.state
"""
_FRESHNESS = """
    SELECT g.source, g.reason, count(*), count(w.answered_at),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM w.answered_at - g.happened_at)),
           percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM w.answered_at - g.happened_at)),
           count(*) FILTER (WHERE g.state = 'expired'), count(*) FILTER (WHERE g.state = 'live' AND w.answered_at IS NULL)
    FROM (SELECT * FROM workforce_signal
          WHERE project_id = %(project)s AND came_at >= statement_timestamp() - %(since)s
          ORDER BY came_at DESC LIMIT %(limit)s) g
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE t.state <> 'withdrawn' OR g.state = 'expired') AS n, min(s.submitted_at) AS answered_at
        FROM workforce_task t LEFT JOIN workforce_assignment s ON s.task_id = t.id AND s.state = 'submitted'
        WHERE t.item_id = g.item_id AND t.queue_id = %(queue)s AND t.purpose = 'work'
    ) w
    WHERE w.n > 0
    GROUP BY 1, 2 ORDER BY 1, count(*) DESC, 2 LIMIT 500
"""


def check_options(options: Mapping[str, Any], queue: Queue | None) -> None:
    """Refuse options of a load of signals that say nothing, or that stand where no signals come. Raises `Invalid`."""
    given = [name for name in OPTIONS if options.get(name) not in (None, "", False)]
    if given and "signals" not in given:
        raise Invalid(_("Time, reason and probability go with a load of signals."))
    probability, span = options.get("signal_probability"), options.get("signal_hours")
    if probability is not None and not 0 < probability <= 1:
        raise Invalid(_("A probability of selection lies above 0 and at most at 1."))
    if span is not None and not 0 < span <= 24 * 3650:
        raise Invalid(_("A signal expires after more than no time, and within ten years."))
    if given and queue is None:
        raise Invalid(_("Signals are loaded into a queue."))


def told(
    found: Iterator[rows.Row | rows.BadRow], *, options: Mapping[str, Any], pending: list[Staged]
) -> Iterator[rows.Row | rows.BadRow]:
    """The rows of a load of signals without what is said of their selection, which goes to *pending*; other rows as they are."""
    if not options.get("signals"):
        yield from found
        return
    for row in found:
        if isinstance(row, rows.BadRow):
            yield row
            continue
        fields = row.fields()
        said = {name: fields.pop(name, None) for name in FIELDS}
        staged = _staged(row.line, said, options)
        if isinstance(staged, rows.BadRow):
            yield staged
        elif not fields:
            yield rows.BadRow(row.line, "has nothing but a key and what is said of its selection")
        else:
            payload = canonical.dumps(fields)
            pending.append(staged)
            yield rows.Row(row.line, row.key, payload, canonical.digest(payload), row.sensitive)


def _staged(line: int, said: Mapping[str, Any], options: Mapping[str, Any]) -> Staged | rows.BadRow:
    reason = str(said["reason"] or options.get("signal_reason") or "").strip()
    if not 0 < len(reason) <= 200:
        return rows.BadRow(line, "has no reason of its selection, of at most 200 characters")
    given = said["selection_probability"]
    if given in (None, ""):
        given = options.get("signal_probability")
    try:
        probability = math.nan if given is None or isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        probability = math.nan
    if not 0 < probability <= 1:
        return rows.BadRow(
            line, "the probability of its selection is missing, or does not lie above 0 and at most at 1"
        )
    try:
        happened = _time(said["happened_at"])
        expires = None if said["expires_at"] in (None, "") else _time(said["expires_at"])
    except ValueError:
        return rows.BadRow(line, "happened_at is missing, or a time is not in ISO 8601")
    if expires is None and options.get("signal_hours"):
        expires = happened + timedelta(hours=options["signal_hours"])
    if expires is not None and expires <= happened:
        return rows.BadRow(line, "expires before it happened")
    return Staged(line, reason, probability, happened, expires)


def _time(text: Any) -> datetime:
    """A time in ISO 8601, UTC where it names no zone. Raises `ValueError`."""
    if not isinstance(text, str):
        raise ValueError(text)
    found = datetime.fromisoformat(text.strip())
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def stage(cursor: Any, *, load: Load, pending: list[Staged]) -> None:
    """Put what was read beside the staged rows, in their transaction."""
    if not pending:
        return
    with cursor.copy(_COPY) as copy:
        for row in pending:
            copy.write_row((load.project_id, load.pk, *row))
    pending.clear()


def keep(cursor: Any, scope: Mapping[str, Any], load: Load) -> None:
    """Make the signals of a range of lines, once their items are there. An item that is a signal already stays what it is."""
    if load.options.get("signals"):
        cursor.execute(_KEEP, {**scope, "source": (load.options.get("signal_source") or load.source)[:200]})


def end_over(*, at: datetime | None = None) -> int:
    """End signals whose time is over at *at* (now, by the database's clock): what nobody answered or holds is withdrawn.

    Returns how many expired unused. What somebody holds is left to her, and looked at again. One transaction for a batch.
    """
    n_expired, after = 0, (datetime(1, 1, 1, tzinfo=UTC), 0)
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                _DUE,
                {"at": at, "after_at": after[0], "after": after[1], "limit": settings.SIGNALS_ENDED_AT_ONCE},
            )
            due = cursor.fetchall()
            if due:
                n_expired += _end(cursor, [row[0] for row in due], [row[1] for row in due])
        if len(due) < settings.SIGNALS_ENDED_AT_ONCE:
            return n_expired
        after = (due[-1][2], due[-1][0])


def _end(cursor: Any, signals: list[int], items: list[int]) -> int:
    cursor.execute(_FREE, {"items": items})
    tasks = {"tasks": cursor.fetchone()[0]}
    cursor.execute(_SLOTS, tasks)
    cursor.execute(_TASKS, tasks)
    withdrawn: dict[int, list[int]] = defaultdict(list)
    for project_id, task in cursor.fetchall():
        withdrawn[project_id].append(task)
    cursor.execute(_END, {"signals": signals})
    expired = Counter(project_id for project_id, state in cursor.fetchall() if state == "expired")
    for project_id in sorted({*withdrawn, *expired}):
        gone = sorted(withdrawn[project_id])
        for start in range(0, max(len(gone), 1), _NAMED_AT_ONCE):
            ledger.record(
                project_id=project_id,
                kind="signals.expired",
                by=None,
                subject=("project", project_id),
                data={
                    "signals": 0 if start else expired[project_id],
                    "tasks": gone[start : start + _NAMED_AT_ONCE],
                },
            )
    return expired.total()


def freshness(*, queue: Queue) -> list[dict[str, Any]]:
    """By source and reason, of what came into the queue lately: how many, answered, waiting, expired unused, and how old they
    were at their first answer (seconds; None before there is one). One query.
    """
    known: dict[str, Any] = {
        "queue": queue.pk,
        "project": queue.project_id,
        "since": settings.SIGNALS_LOOKED_BACK,
        "limit": settings.SIGNALS_LOOKED_AT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FRESHNESS, known)
        return [
            {
                "source": source,
                "reason": reason,
                "n": n,
                "n_answered": n_answered,
                "median_seconds": None if median is None else round(median, 1),
                "p90_seconds": None if late is None else round(late, 1),
                "n_expired": n_expired,
                "n_waiting": n_waiting,
            }
            for source, reason, n, n_answered, median, late, n_expired, n_waiting in cursor.fetchall()
        ]
