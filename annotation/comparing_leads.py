"""How leads decide: on known disputes, beside a second lead, before and after seeing the answers. Nothing changes here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from specs.models import Project
from workforce.intervals import Share, share
from workforce.models import Annotator

_RULED = """
    SELECT r.annotator_id, count(*), count(r.as_read), count(*) FILTER (WHERE r.as_read)
    FROM annotation_ruling r JOIN annotation_dispute d ON d.id = r.dispute_id
    WHERE r.project_id = %(project)s AND d.state <> 'probed' GROUP BY 1
"""
_KNOWN = """
    SELECT j.annotator_id, count(*), count(*) FILTER (WHERE j."right")
    FROM workforce_judgement j JOIN workforce_queue q ON q.id = j.queue_id
    WHERE j.project_id = %(project)s AND q.purpose = 'adjudication' AND j.purpose = 'gold' GROUP BY 1
"""
_BOTH = """
    SELECT who, count(*), count(*) FILTER (WHERE other.as_first)
    FROM annotation_ruling other
    JOIN annotation_dispute d ON d.id = other.dispute_id AND d.state = 'seconded'
    JOIN LATERAL (SELECT r.annotator_id FROM annotation_ruling r WHERE r.dispute_id = d.of_id AND r.id < other.id
                  ORDER BY r.id DESC LIMIT 1) one ON true
    CROSS JOIN unnest(ARRAY[one.annotator_id, other.annotator_id]) AS who
    WHERE other.project_id = %(project)s AND other.as_first IS NOT NULL GROUP BY 1
"""


@dataclass(frozen=True)
class Lead:
    """One lead: how often right on known disputes, as the other lead (`seconded`), as before seeing the answers (`as_read`)."""

    annotator: Annotator
    n_rulings: int
    known: Share
    seconded: Share
    as_read: Share


@dataclass(frozen=True)
class Leads:
    """All leads of a project, and how far any two agree."""

    between: Share
    people: list[Lead]


def read(*, project: Project, only: Annotator | None = None) -> Leads:
    """In three queries; of the people *only* one, if she is named."""
    ruled = {row[0]: row[1:] for row in _rows(_RULED, project)}
    known, both = ({row[0]: row[1:] for row in _rows(text, project)} for text in (_KNOWN, _BOTH))
    there = {*ruled, *known, *both} if only is None else {only.pk}
    people = Annotator.objects.filter(project=project, pk__in=there).select_related("member__user")
    return Leads(
        between=share(sum(n for _, n in both.values()) // 2, sum(n for n, _ in both.values()) // 2),
        people=[
            Lead(
                annotator=one,
                n_rulings=ruled.get(one.pk, (0, 0, 0))[0],
                known=share(*known.get(one.pk, (0, 0))[::-1]),
                seconded=share(*both.get(one.pk, (0, 0))[::-1]),
                as_read=share(*ruled.get(one.pk, (0, 0, 0))[1:][::-1]),
            )
            for one in people.order_by("pseudonym")
        ],
    )


def _rows(query: str, project: Project) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"project": project.pk})
        return cursor.fetchall()
