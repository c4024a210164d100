"""Who worked when: the leases and quizzes of people, read for `timekeeping`.

A person's leases are read in all projects together, so that no moment of hers counts twice; a project is shown its own only.
Read from append-only rows (leases, events) and from when a slot was submitted, which never changes: the same question with
the same `as_of` has the same answer at any later time.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from specs.models import Project
from workforce import timekeeping
from workforce.models import Annotator

LONGEST = timedelta(days=30)
"""No lease lasts longer (`queues._validate`): how far before a period its time can have begun."""

# The end of a lease: its answer, its return, or the answer that came after it (in another slot of the task, or kept as late).
_LEASES = """
    WITH given AS MATERIALIZED (
        SELECT l.token, min(l.assignment_id) AS assignment_id, min(l.annotator_id) AS annotator_id, min(l.id) AS id,
               min(l.leased_at) AS leased_at, max(l.leased_at) AS renewed_at, max(l.until) AS until
        FROM workforce_lease l
        WHERE l.annotator_id = ANY(%(annotators)s) AND l.leased_at >= %(since)s AND l.leased_at < %(until)s
          AND l.leased_at <= %(as_of)s
        GROUP BY l.token
    )
    SELECT g.id, g.annotator_id, s.queue_id, t.round, s.id, g.leased_at, g.renewed_at, g.until, s.project_id,
           least(CASE WHEN s.token = g.token AND s.annotator_id = g.annotator_id THEN s.submitted_at END, back.at),
           least(anew.at, late.at)
    FROM given g
    JOIN workforce_assignment s ON s.id = g.assignment_id
    JOIN workforce_task t ON t.id = s.task_id
    LEFT JOIN LATERAL (
        SELECT min(e.recorded_at) AS at FROM specs_event e
        WHERE e.subject = 'assignment' AND e.subject_id = g.assignment_id AND e.recorded_at >= g.leased_at
          AND e.recorded_at <= g.until
          AND left(e.kind, 11) = 'assignment.'
          AND e.kind NOT IN ('assignment.claimed', 'assignment.renewed', 'assignment.expired')
          AND (e.data->>'annotator')::bigint = g.annotator_id
    ) back ON true
    LEFT JOIN LATERAL (
        SELECT min(a.submitted_at) AS at FROM workforce_assignment a
        WHERE a.task_id = s.task_id AND a.annotator_id = g.annotator_id AND a.token <> g.token
          AND a.state = 'submitted' AND a.submitted_at >= g.until
          AND a.submitted_at - a.leased_at < interval '2 seconds' -- taken and answered in one go: the late answer itself
    ) anew ON true
    LEFT JOIN LATERAL (
        SELECT min(e.recorded_at) AS at FROM specs_event e
        WHERE e.subject = 'assignment' AND e.subject_id = g.assignment_id AND e.recorded_at >= g.until
          AND e.kind = 'annotation.late' AND (e.data->>'annotator')::bigint = g.annotator_id
    ) late ON true
"""
_QUIZZES = """
    SELECT -z.id, z.annotator_id, z.queue_id, 0, 0, z.started_at, z.started_at,
           z.started_at + %(cap)s * greatest(jsonb_array_length(z.items), 1), z.project_id, z.ended_at, NULL
    FROM workforce_quizattempt z
    WHERE z.annotator_id = ANY(%(annotators)s) AND z.started_at >= %(since)s AND z.started_at < %(until)s
      AND z.started_at <= %(as_of)s
"""
_SAME_PERSON = """
    SELECT a.id, coalesce(o.id, a.id) FROM workforce_annotator a
    LEFT JOIN workforce_annotator o ON o.user_id = a.user_id
    WHERE a.id = ANY(%s)
"""


@dataclass(frozen=True)
class Booking:
    """What a lease's time is booked on. `task_round` is 0 for a quiz."""

    project_id: int
    annotator_id: int
    queue_id: int
    task_round: int
    assignment_id: int


def worked(
    *, annotators: Sequence[Annotator], since: datetime, until: datetime, as_of: datetime
) -> dict[int, list[timekeeping.Piece]]:
    """By annotator: the pieces of active time that begin in the period, booked on `Booking`, her other projects' left out.

    Four queries for any number of people; cost follows the leases of the period.
    """
    persons: dict[int, set[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SAME_PERSON, [[annotator.pk for annotator in annotators]])
        for own, same in cursor.fetchall():
            persons.setdefault(own, set()).add(same)
        wanted: dict[str, Any] = {
            "annotators": sorted({other for same in persons.values() for other in same}),
            "since": since - LONGEST,
            "until": until,
            "as_of": as_of,
            "cap": settings.IDLE_CAP,
        }
        leases: dict[int, list[timekeeping.Lease]] = {}
        for query in (_LEASES, _QUIZZES):
            cursor.execute(query, wanted)
            for (
                key,
                annotator_id,
                queue_id,
                task_round,
                slot,
                given,
                renewed,
                end,
                project_id,
                ended,
                late,
            ) in cursor:
                booking = Booking(project_id, annotator_id, queue_id, task_round, slot)
                leases.setdefault(annotator_id, []).append(
                    timekeeping.Lease(key, booking, given, renewed, end, ended, late)
                )
    found = {}
    for annotator in annotators:
        of_person = [lease for same in persons[annotator.pk] for lease in leases.get(same, ())]
        found[annotator.pk] = [
            piece
            for piece in _within(
                timekeeping.pieces(of_person, cap=settings.IDLE_CAP, as_of=as_of), since, until
            )
            if isinstance(piece.what, Booking) and piece.what.annotator_id == annotator.pk
        ]
    return found


def _within(found: Sequence[timekeeping.Piece], since: datetime, until: datetime) -> list[timekeeping.Piece]:
    return [
        timekeeping.Piece(max(piece.start, since), min(piece.end, until), piece.key, piece.what)
        for piece in found
        if piece.end > since and piece.start < until
    ]


def zone_of(annotator: Annotator | None, project: Project) -> zoneinfo.ZoneInfo:
    """The time zone of somebody's days: her own if she named one, else the project's."""
    named = getattr(annotator, "time_zone", "") or project.time_zone
    try:
        return zoneinfo.ZoneInfo(named)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")
