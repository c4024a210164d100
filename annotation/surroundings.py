"""What stands around a task on the labelling page: how her day goes, what she can still take up, what she had begun to write.

All of it is one statement, since each answer brings it anew. Nothing changes here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone

from annotation import keeping, revising
from annotation.models import AnswerDraft
from specs import prepared
from workforce.models import Annotator, Queue

DISMISSED = "rest_hint_dismissed_at"

# Her answers since midnight, by the database's clock, and the median seconds that the last of them took. Those until %(until)s
# were counted before (`_Known`); `n_before` is how many there are until `before`.
_TODAY = """
    SELECT known.n + count(s.id) AS n, known.n + count(s.id) FILTER (WHERE s.submitted_at <= known.before) AS n_before,
           known.before, (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM submitted_at - leased_at)) FROM (
            SELECT s.submitted_at, s.leased_at FROM workforce_assignment s
            WHERE s.annotator_id = %(annotator)s::bigint AND s.state = 'submitted'
              AND s.submitted_at >= date_trunc('day', statement_timestamp())
            ORDER BY s.submitted_at DESC LIMIT %(paced)s::int
        ) latest) AS pace
    FROM (SELECT CASE WHEN %(until)s::timestamptz >= date_trunc('day', statement_timestamp()) THEN %(counted)s::int
                      ELSE 0 END AS n, statement_timestamp() - interval '10 seconds' AS before) known
    LEFT JOIN workforce_assignment s
        ON s.annotator_id = %(annotator)s::bigint AND s.state = 'submitted'
       AND s.submitted_at >= date_trunc('day', statement_timestamp()) AND s.submitted_at > %(until)s::timestamptz
    GROUP BY known.n, known.before
"""
# Work on a slot lasts from its lease to its answer; a gap between two of them that is long enough is a pause. Whoever was not at
# work already when the time after which a rest is suggested began has not worked for so long: then nothing more is read. Nor is
# what lies in the stretch that is known (`_Known`), from %(began)s to %(ended)s.
_STRETCH = """
    SELECT statement_timestamp() - max(began) AS worked, max(began) AS began, max(done) AS done FROM (
        SELECT began, coalesce(began - max(ended) OVER (ORDER BY began ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                               > %(pause)s::interval, true) AS after_pause,
               max(ended) OVER () AS last, max(ended) FILTER (WHERE NOT held) OVER () AS done
        FROM (
            SELECT %(began)s::timestamptz AS began, %(ended)s::timestamptz AS ended, false AS held
            WHERE %(began)s::timestamptz IS NOT NULL
            UNION ALL
            SELECT s.leased_at, s.submitted_at, false FROM workforce_assignment s
            WHERE s.annotator_id = %(annotator)s::bigint AND s.state = 'submitted'
              AND s.submitted_at > greatest(statement_timestamp() - interval '8 hours',
                                            CASE WHEN %(began)s::timestamptz IS NOT NULL THEN %(until)s::timestamptz END)
              AND (SELECT b.leased_at FROM workforce_assignment b
                   WHERE b.annotator_id = %(annotator)s::bigint AND b.state = 'submitted'
                     AND b.submitted_at > statement_timestamp() - %(rest_after)s::interval - %(pause)s::interval
                   ORDER BY b.submitted_at LIMIT 1) <= statement_timestamp() - %(rest_after)s::interval
            UNION ALL
            SELECT s.leased_at, statement_timestamp(), true FROM workforce_assignment s
            WHERE s.annotator_id = %(annotator)s::bigint AND s.state = 'leased' AND s.lease_until > statement_timestamp()
        ) work
    ) paused
    WHERE after_pause AND last > statement_timestamp() - %(pause)s::interval
"""
_AROUND, _AFTER = (
    f"""
    SELECT today.n, today.n_before, today.before, today.pace, stretch.*, gauge.counts::text, {keeping.DRAFT.sql}{more}
    FROM ({_TODAY}) today
    CROSS JOIN ({_STRETCH}) stretch
    LEFT JOIN workforce_queuegauge gauge ON gauge.queue_id = %(queue)s::bigint
    LEFT JOIN annotation_answerdraft d ON d.annotator_id = %(annotator)s::bigint AND d.task_id = %(task)s::bigint
    {joined}"""
    for more, joined in ((", newest.*", f"LEFT JOIN LATERAL ({revising.LAST_ONE}) newest ON true"), ("", ""))
)
"""With her last answer, and without it, where it is known."""


class _Known(NamedTuple):
    """What this process knows of her until `until`: `n` answers on that day, and the stretch that she worked in, if it is long.

    An answer is never taken back. One that was ten seconds on its way is not counted until all of it is read anew.
    """

    until: datetime
    n: int
    began: datetime | None
    ended: datetime | None
    anew_at: float


_NOTHING = _Known(datetime.min.replace(tzinfo=UTC), 0, None, None, 0.0)
_ANEW_AFTER = 600.0
"""Seconds."""
_MOST_KNOWN = 10_000
_known: dict[int, _Known] = {}


@dataclass(frozen=True)
class Surroundings:
    """`n_today` answers since midnight; `pace`: median seconds of the last of them, None without any; `worked`: for how long
    without a pause, zero when that is short.

    `done` is the share of the queue's tasks that are settled and `n_left` how many are not, as the queue was last counted; None
    where it never was. `undo` is her last answer while it can be taken up, `draft` what she had begun to write on the task.
    """

    n_today: int
    pace: float | None
    worked: timedelta
    done: float | None
    n_left: int | None
    undo: revising.Undoable | None
    draft: AnswerDraft | None

    def rest_after(self, session: Mapping[str, Any]) -> int:
        """The minutes of work after which a rest is suggested now; 0 when it is not, or was dismissed a short while ago."""
        dismissed = session.get(DISMISSED)
        if dismissed and timezone.now() - datetime.fromisoformat(dismissed) < settings.REST_HINT_AFTER:
            return 0
        return int(self.worked.total_seconds() // 60) if self.worked >= settings.REST_HINT_AFTER else 0


def around(
    *, annotator: Annotator, queue: Queue, task_id: int | None, fresh: revising.Fresh | None = None
) -> Surroundings:
    """What stands around that task of hers in that queue, or around none. *fresh* is the answer that she gave just now."""
    known = _known.get(annotator.pk, _NOTHING)
    if known.anew_at < time.monotonic():
        known = _NOTHING._replace(anew_at=time.monotonic() + _ANEW_AFTER)
    asked: dict[str, Any] = {
        "annotator": annotator.pk,
        "queue": queue.pk,
        "task": task_id,
        "pause": settings.PAUSE_COUNTS_FROM,
        "rest_after": settings.REST_HINT_AFTER,
        "paced": settings.PACE_FROM_ANSWERS,
        "until": known.until,
        "counted": known.n,
        "began": known.began,
        "ended": known.ended,
    }
    ((n_today, n_before, before, pace, worked, began, done_at, counts, *rest),) = prepared.run(
        _AFTER if fresh else _AROUND, asked
    )
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    long = began is not None and done_at is not None and began < done_at
    _known[annotator.pk] = _Known(
        before, n_before, began if long else None, done_at if long else None, known.anew_at
    )
    draft, newest = rest[: len(keeping.DRAFT)], rest[len(keeping.DRAFT) :]
    done, n_left = _progress(json.loads(counts) if counts else {})
    undo: revising.Undoable | None
    if fresh:
        undo = revising.undoable_at_once(fresh, queue=queue)
    else:
        undo = revising.undoable(revising.given(newest), queue=queue) if newest[0] is not None else None
    return Surroundings(
        n_today=n_today,
        pace=float(pace) if pace is not None else None,
        worked=worked or timedelta(0),
        done=done,
        n_left=n_left,
        undo=undo,
        draft=keeping.DRAFT.instance(draft) if draft[0] is not None else None,
    )


def _progress(counts: Mapping[str, int]) -> tuple[float | None, int | None]:
    """The share of tasks that are settled, and the number that are not, from a queue's count."""
    left, settled = counts.get("open", 0) + counts.get("disputed", 0), counts.get("resolved", 0)
    return (settled / (settled + left), left) if settled + left else (None, None)
