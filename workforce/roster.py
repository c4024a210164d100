"""Reading the roster: annotators by what is asked for, each with what a manager looks for first. Nothing changes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now, TruncDate

from specs.models import Member, Project
from workforce.models import Annotator, AnnotatorSkill, CohortMembership, DayAway

FILTERS = ("q", "state", "skill", "cohort", "language")

_LAST = """
    SELECT w.id, (SELECT s.submitted_at FROM workforce_assignment s WHERE s.annotator_id = w.id AND s.state = 'submitted'
                  ORDER BY s.submitted_at DESC LIMIT 1),
           (SELECT count(*) FROM workforce_assignment s WHERE s.annotator_id = w.id AND s.state = 'leased'
              AND s.lease_until > statement_timestamp()),
           (SELECT count(*) FROM workforce_enrolment e WHERE e.annotator_id = w.id AND e.active)
    FROM unnest(%s::bigint[]) AS w (id)
"""


@dataclass
class Row:
    """One annotator as the roster shows her: `last_at` is her newest answer, `away_until` the last day she is away now."""

    annotator: Annotator
    last_at: datetime | None = None
    n_held: int = 0
    n_queues: int = 0
    away_until: Any = None
    skills: list[AnnotatorSkill] = field(default_factory=list)
    cohorts: list[str] = field(default_factory=list)


def find(*, project: Project, asked: Mapping[str, str]) -> QuerySet[Annotator]:
    """The annotators that fit what is asked for (see `FILTERS`); what is not known finds nobody."""
    rows = Annotator.objects.filter(project=project).select_related("member__user")
    if text := asked.get("q", "").strip()[:64]:
        rows = rows.filter(Q(pseudonym__icontains=text) | Q(member__user__username__icontains=text))
    if state := asked.get("state"):
        rows = rows.filter(state=state)
    if language := asked.get("language", "").strip().lower():
        rows = rows.filter(languages__contains=[language])
    if skill := asked.get("skill"):
        valid = AnnotatorSkill.objects.valid().filter(annotator=OuterRef("pk"), skill__key=skill)
        rows = rows.filter(Exists(valid))
    if cohort := asked.get("cohort"):
        within = CohortMembership.objects.filter(
            annotator=OuterRef("pk"), cohort__key=cohort, until__isnull=True
        )
        rows = rows.filter(Exists(within))
    return rows


def rows_of(annotators: Sequence[Annotator]) -> list[Row]:
    """A page of annotators with their skills, cohorts, last answer and leases: four queries, whatever the number."""
    rows = {one.pk: Row(one) for one in annotators}
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [list(rows)])
        for pk, last_at, n_held, n_queues in cursor.fetchall():
            rows[pk].last_at, rows[pk].n_held, rows[pk].n_queues = last_at, n_held, n_queues
    held = AnnotatorSkill.objects.valid().filter(annotator__in=rows)
    for skill in held.select_related("skill", "version", "clause").order_by("skill__name", "pk"):
        rows[skill.annotator_id].skills.append(skill)
    within = CohortMembership.objects.filter(annotator__in=rows, until__isnull=True)
    for pk, name in within.order_by("cohort__name").values_list("annotator_id", "cohort__name"):
        rows[pk].cohorts.append(name)
    away = DayAway.objects.filter(annotator__in=rows, first__lte=TruncDate(Now()), last__gte=TruncDate(Now()))
    for pk, last in away.values_list("annotator_id", "last"):
        rows[pk].away_until = last
    return list(rows.values())


def n_by_state(*, project: Project) -> dict[str, int]:
    found = Annotator.objects.filter(project=project).values_list("state").annotate(n=Count("pk"))
    return dict(found)


def languages_of(*, project: Project) -> list[str]:
    """Every language that somebody here works in."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT unnest(languages) FROM workforce_annotator WHERE project_id = %s ORDER BY 1",
            [project.pk],
        )
        return [row[0] for row in cursor.fetchall()]


def own(member: Member) -> Annotator | None:
    """The annotator that a member answers as."""
    return Annotator.objects.filter(member=member).first()
