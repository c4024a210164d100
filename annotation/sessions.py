"""How long somebody has worked without a pause, from leases and submissions only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from specs import prepared
from workforce.models import Annotator

DISMISSED = "rest_hint_dismissed_at"
# Work on a slot lasts from its lease to its answer; a gap between two of them that is long enough is a pause.
_SINCE = """
    WITH work AS (
        SELECT s.leased_at AS began, s.submitted_at AS ended FROM workforce_assignment s
        WHERE s.annotator_id = %(annotator)s::bigint AND s.state = 'submitted'
          AND s.submitted_at > statement_timestamp() - interval '8 hours'
        UNION ALL
        SELECT s.leased_at, statement_timestamp() FROM workforce_assignment s
        WHERE s.annotator_id = %(annotator)s::bigint AND s.state = 'leased' AND s.lease_until > statement_timestamp()
    ), paused AS (
        SELECT began, ended, coalesce(began - max(ended) OVER (ORDER BY began ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                                      > %(pause)s::interval, true) AS after_pause
        FROM work
    )
    SELECT statement_timestamp() - max(began) FROM paused
    WHERE after_pause AND (SELECT max(ended) FROM work) > statement_timestamp() - %(pause)s::interval
"""


def at_work_for(annotator: Annotator) -> timedelta:
    """How long ago the stretch of work began that is still going on; zero when there is none."""
    known: dict[str, Any] = {"annotator": annotator.pk, "pause": settings.PAUSE_COUNTS_FROM}
    found = prepared.run(_SINCE, known)
    return found[0][0] or timedelta(0) if found else timedelta(0)


def minutes_to_rest_after(annotator: Annotator, session: Mapping[str, Any]) -> int:
    """The minutes of work after which a rest is suggested now; 0 when it is not, or was dismissed a short while ago."""
    dismissed = session.get(DISMISSED)
    if dismissed and timezone.now() - datetime.fromisoformat(dismissed) < settings.REST_HINT_AFTER:
        return 0
    worked = at_work_for(annotator)
    return int(worked.total_seconds() // 60) if worked >= settings.REST_HINT_AFTER else 0
