"""How leads decide: on known disputes, beside a second lead, before and after seeing the answers. Nothing changes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection

from annotation import appealing
from annotation.agreement import bootstrap, coefficients
from annotation.agreement.counts import from_codes
from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate
from specs import canonical, task_types, versions
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
_PAIRS = """
    SELECT d.questions, one.version_id, one.values::text, one.sides::text, one.cannot,
           other.values::text, other.sides::text, other.cannot
    FROM annotation_ruling other
    JOIN annotation_dispute d ON d.id = other.dispute_id AND d.state = 'seconded'
    JOIN LATERAL (SELECT r.* FROM annotation_ruling r WHERE r.dispute_id = d.of_id AND r.id < other.id
                  ORDER BY r.id DESC LIMIT 1) one ON true
    WHERE other.project_id = %(project)s AND other.as_first IS NOT NULL ORDER BY other.id
"""


@dataclass(frozen=True)
class Beyond:
    """How far two leads agree on one question beyond chance: `alpha` of what each decided, one unit per disputed item."""

    title: str
    alpha: Estimate


@dataclass(frozen=True)
class Lead:
    """One lead: how often right on known disputes, as the other lead (`seconded`), as before seeing the answers (`as_read`);
    how many appeals against her decisions were decided, and how many of them reversed."""

    annotator: Annotator
    n_rulings: int
    known: Share
    seconded: Share
    as_read: Share
    n_appealed: int
    n_reversed: int


@dataclass(frozen=True)
class Leads:
    """All leads of a project, and how far any two agree."""

    between: Share
    beyond: list[Beyond]
    people: list[Lead]


def read(*, project: Project, only: Annotator | None = None) -> Leads:
    """In five queries; of the people *only* one, if she is named."""
    ruled = {row[0]: row[1:] for row in _rows(_RULED, project)}
    known, both = ({row[0]: row[1:] for row in _rows(text, project)} for text in (_KNOWN, _BOTH))
    appeals = {one.who.pk: one for one in appealing.reversals(project_id=project.pk, by="against")}
    there = {*ruled, *known, *both} if only is None else {only.pk}
    people = Annotator.objects.filter(project=project, pk__in=there).select_related("member__user")
    return Leads(
        between=share(sum(n for _, n in both.values()) // 2, sum(n for n, _ in both.values()) // 2),
        beyond=_beyond(_rows(_PAIRS, project)),
        people=[
            Lead(
                annotator=one,
                n_rulings=ruled.get(one.pk, (0, 0, 0))[0],
                known=share(*known.get(one.pk, (0, 0))[::-1]),
                seconded=share(*both.get(one.pk, (0, 0))[::-1]),
                as_read=share(*ruled.get(one.pk, (0, 0, 0))[1:][::-1]),
                n_appealed=appeals[one.member_id].n if one.member_id in appeals else 0,
                n_reversed=appeals[one.member_id].n_reversed if one.member_id in appeals else 0,
            )
            for one in people.order_by("pseudonym")
        ],
    )


def _rows(query: str, project: Project) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"project": project.pk})
        return cursor.fetchall()


def _beyond(pairs: Sequence[Sequence[Any]]) -> list[Beyond]:
    """Per question alpha, nominal over decisions: a value, several kept, or that it cannot be labelled; most items first."""
    found: dict[tuple[int, str], tuple[str, list[tuple[str, str]]]] = {}
    for questions, version_id, *decided in pairs:
        version = versions.read(version_id)
        for key in questions:
            question = version.question(key)
            both = _decision(question, *decided[:3]), _decision(question, *decided[3:])
            found.setdefault((version.spec_id, key), (question["title"], []))[1].append(both)
    rows = [Beyond(title, alpha(both)) for title, both in found.values()]
    return sorted(rows, key=lambda row: -row.alpha.n_items)


def _decision(question: Mapping[str, Any], ruled: str, sides: str, cannot: str) -> str:
    """What was decided of one question, as a category."""
    values, kept = (canonical.loads_strict(text.encode()) for text in (ruled, sides))
    key, kind = question["key"], task_types.get(question["kind"])
    if key in values:
        return f"is {kind.key(question, values[key])}"
    if key in kept:
        return canonical.dumps(sorted(kind.key(question, one["value"]) for one in kept[key])).decode()
    return f"cannot {cannot}"


def alpha(pairs: Sequence[tuple[str, str]]) -> Estimate:
    """Krippendorff's alpha of pairs of categories, nominal, with its bootstrap over them.

    >>> round(alpha([("a", "a"), ("a", "b"), ("b", "b")]).value, 6)
    0.444444
    """
    names = {name: code for code, name in enumerate(dict.fromkeys(name for pair in pairs for name in pair))}
    if not pairs:
        return Estimate(None, reason=NO_PAIRS)
    if len(names) < 2:
        return Estimate(None, n_items=len(pairs), n_answers=2 * len(pairs), reason=NO_VARIATION)
    value = np.array([names[name] for pair in pairs for name in pair], dtype=np.int64)
    counts = from_codes(np.repeat(np.arange(len(pairs)), 2), value, n_items=len(pairs), n_values=len(names))
    ones = np.ones(len(pairs), dtype=np.int64)
    bounds = bootstrap.interval(
        counts, ones, coefficients.krippendorff_alpha, n_resamples=settings.BOOTSTRAP_RESAMPLES
    )
    low, high = bounds or (None, None)
    found = float(coefficients.krippendorff_alpha(counts, ones))
    return Estimate(found, low, high, len(pairs), 2 * len(pairs))
