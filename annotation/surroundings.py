"""What stands around a task on the labelling page: how her day goes, what she can still take up, what she had begun to write.

All of it is one statement, since each answer brings it anew. Nothing changes here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from annotation import keeping, revising
from annotation.models import AnswerDraft
from specs import prepared
from workforce.models import Annotator, Queue

DISMISSED = "rest_hint_dismissed_at"

# Her answers since midnight, by the database's clock, and the median seconds that the last of them took.
_TODAY = """
    SELECT count(*) AS n, (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM submitted_at - leased_at)) FROM (
            SELECT s.submitted_at, s.leased_at FROM workforce_assignment s
            WHERE s.annotator_id = %(annotator)s::bigint AND s.state = 'submitted'
              AND s.submitted_at >= date_trunc('day', statement_timestamp())
            ORDER BY s.submitted_at DESC LIMIT %(paced)s::int
        ) latest) AS pace
    FROM workforce_assignment s
    WHERE s.annotator_id = %(annotator)s::bigint AND s.state = 'submitted'
      AND s.submitted_at >= date_trunc('day', statement_timestamp())
"""
# Work on a slot lasts from its lease to its answer; a gap between two of them that is long enough is a pause. Whoever was not at
# work already when the time after which a rest is suggested began has not worked for so long: then nothing more is read.
_STRETCH = """
    SELECT statement_timestamp() - max(began) AS worked FROM (
        SELECT began, coalesce(began - max(ended) OVER (ORDER BY began ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                               > %(pause)s::interval, true) AS after_pause, max(ended) OVER () AS last
        FROM (
            SELECT s.leased_at AS began, s.submitted_at AS ended FROM workforce_assignment s
            WHERE s.annotator_id = %(annotator)s::bigint AND s.state = 'submitted'
              AND s.submitted_at > statement_timestamp() - interval '8 hours'
              AND (SELECT b.leased_at FROM workforce_assignment b
                   WHERE b.annotator_id = %(annotator)s::bigint AND b.state = 'submitted'
                     AND b.submitted_at > statement_timestamp() - %(rest_after)s::interval - %(pause)s::interval
                   ORDER BY b.submitted_at LIMIT 1) <= statement_timestamp() - %(rest_after)s::interval
            UNION ALL
            SELECT s.leased_at, statement_timestamp() FROM workforce_assignment s
            WHERE s.annotator_id = %(annotator)s::bigint AND s.state = 'leased' AND s.lease_until > statement_timestamp()
        ) work
    ) paused
    WHERE after_pause AND last > statement_timestamp() - %(pause)s::interval
"""
_AROUND = f"""
    SELECT today.n, today.pace, stretch.worked, gauge.counts::text, newest.*, {keeping.DRAFT.sql}
    FROM ({_TODAY}) today
    CROSS JOIN ({_STRETCH}) stretch
    LEFT JOIN workforce_queuegauge gauge ON gauge.queue_id = %(queue)s::bigint
    LEFT JOIN LATERAL ({revising.LAST_ONE}) newest ON true
    LEFT JOIN annotation_answerdraft d ON d.annotator_id = %(annotator)s::bigint AND d.task_id = %(task)s::bigint
"""


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
    undo: revising.Given | None
    draft: AnswerDraft | None

    def rest_after(self, session: Mapping[str, Any]) -> int:
        """The minutes of work after which a rest is suggested now; 0 when it is not, or was dismissed a short while ago."""
        dismissed = session.get(DISMISSED)
        if dismissed and timezone.now() - datetime.fromisoformat(dismissed) < settings.REST_HINT_AFTER:
            return 0
        return int(self.worked.total_seconds() // 60) if self.worked >= settings.REST_HINT_AFTER else 0


def around(*, annotator: Annotator, queue: Queue, task_id: int | None) -> Surroundings:
    """What stands around that task of hers in that queue, or around none."""
    known: dict[str, Any] = {
        "annotator": annotator.pk,
        "queue": queue.pk,
        "task": task_id,
        "pause": settings.PAUSE_COUNTS_FROM,
        "rest_after": settings.REST_HINT_AFTER,
        "paced": settings.PACE_FROM_ANSWERS,
    }
    ((n_today, pace, worked, counts, *rest),) = prepared.run(_AROUND, known)
    newest, draft = rest[: -len(keeping.DRAFT)], rest[-len(keeping.DRAFT) :]
    done, n_left = _progress(json.loads(counts) if counts else {})
    return Surroundings(
        n_today=n_today,
        pace=float(pace) if pace is not None else None,
        worked=worked or timedelta(0),
        done=done,
        n_left=n_left,
        undo=revising.undoable(revising.given(newest), queue=queue) if newest[0] is not None else None,
        draft=keeping.DRAFT.instance(draft) if draft[0] is not None else None,
    )


def _progress(counts: Mapping[str, int]) -> tuple[float | None, int | None]:
    """The share of tasks that are settled, and the number that are not, from a queue's count."""
    left, settled = counts.get("open", 0) + counts.get("disputed", 0), counts.get("resolved", 0)
    return (settled / (settled + left), left) if settled + left else (None, None)
