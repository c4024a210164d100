"""Known answers out of our own record: candidates from unanimous tasks and from rulings, and what a new version makes doubtful.

    (nothing) -> candidate, or in use: from_unanimous, from_items, from_rulings, from_ruling
    in use -> set aside: after_publication

A candidate is an answer that many people gave, which is no proof: a lead confirms or declines it (`workforce.goldkeeping`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Max
from django.utils.translation import gettext as _

from annotation import affected, flagging
from annotation.models import Ruling
from annotation.models.decisions import STANDING_ISSUES, ClauseIssue
from specs import contents
from specs.models import Member, Spec, SpecVersion
from specs.refusals import Invalid
from workforce import goldkeeping
from workforce.models import KnownAnswer

MAX_FOUND = 2000
"""Candidates that one search brings."""

# Resolved by consensus under the newest meaning, by enough people who all said the same and none of whom flagged it; spread
# evenly over labels and clauses, whose turns alternate.
_UNANIMOUS = """
    WITH agreed AS (
        SELECT t.item_id, r.question, r.value, cardinality(r.answers) AS n,
               ARRAY(SELECT DISTINCT c.clause_id FROM annotation_citation c WHERE c.annotation_id = ANY(r.answers)
                     AND c.question = r.question AND c.clause_id IS NOT NULL ORDER BY 1) AS clauses
        FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id
        JOIN annotation_resolution r ON r.task_id = t.id AND r.basis = 'consensus' AND r.value IS NOT NULL
        WHERE q.spec_id = %(spec)s AND t.meaning = %(meaning)s AND t.state = 'resolved' AND t.purpose = 'work'
          AND q.purpose IN ('labelling', 'relabelling') AND cardinality(r.answers) >= %(least)s
          AND (%(items)s::bigint[] IS NULL OR t.item_id = ANY(%(items)s))
          AND NOT EXISTS (SELECT FROM workforce_itemend e WHERE e.item_id = t.item_id)
          AND NOT EXISTS (SELECT 1 FROM annotation_resolution l
                          WHERE l.task_id = r.task_id AND l.question = r.question AND l.revision > r.revision)
          AND NOT EXISTS (SELECT 1 FROM annotation_annotation a
                          WHERE a.id = ANY(r.answers) AND (a.flagged OR a.values -> r.question IS DISTINCT FROM r.value))
          AND NOT EXISTS (SELECT 1 FROM workforce_knownanswer k
                          WHERE k.item_id = t.item_id AND k.spec_id = q.spec_id AND k.question = r.question
                            AND (k.set_aside_at IS NULL OR k.state = 'declined'
                                 OR k.meaning = %(meaning)s AND k.state = 'set-aside'))
    ), turns AS (
        SELECT DISTINCT ON (item_id, question) *, row_number() OVER (
            PARTITION BY question, value, clauses ORDER BY n DESC, md5(item_id::text)) AS turn
        FROM agreed ORDER BY item_id, question
    )
    SELECT item_id, question, value::text, clauses FROM turns ORDER BY turn, item_id LIMIT %(limit)s
"""
_RULED = """
    SELECT DISTINCT ON (t.item_id, v.key) t.item_id, v.key, v.value::text, u.clause_id, u.reason
    FROM annotation_ruling u JOIN annotation_dispute d ON d.id = u.dispute_id AND d.state = 'decided'
    JOIN workforce_task t ON t.id = d.task_id JOIN workforce_queue q ON q.id = t.queue_id
    CROSS JOIN LATERAL jsonb_each(u.values) AS v (key, value)
    WHERE q.spec_id = %(spec)s AND t.meaning = %(meaning)s AND v.value <> 'null'::jsonb AND {which}
      AND NOT EXISTS (SELECT FROM workforce_itemend e WHERE e.item_id = t.item_id)
      AND NOT EXISTS (SELECT 1 FROM workforce_knownanswer k
                      WHERE k.item_id = t.item_id AND k.spec_id = q.spec_id AND k.question = v.key
                        AND (k.set_aside_at IS NULL OR k.meaning = %(meaning)s))
    ORDER BY t.item_id, v.key, u.id DESC LIMIT %(limit)s
"""


def _meaning(spec: Spec) -> int:
    newest = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
    if newest is None:
        raise Invalid(_("This spec has no published version."))
    return newest.meaning or 0


def from_unanimous(*, spec: Spec, least: int = 3, limit: int = 200, by: Member | None) -> int:
    """Nominate what at least *least* people answered alike; returns how many candidates are new. Harmless to repeat."""
    if not (2 <= least <= 50 and 1 <= limit <= MAX_FOUND):
        raise Invalid(
            _("Ask for 2 to 50 equal answers and for 1 to %(max_found)s candidates.")
            % {"max_found": MAX_FOUND}
        )
    return _from_unanimous(spec, {"least": least, "limit": limit, "items": None}, by)


def from_items(*, spec: Spec, items: Sequence[int], by: Member | None) -> int:
    """Nominate of these items what at least two people answered alike, and what leads ruled where the annotators erred.

    Returns how many candidates are new. Harmless to repeat.
    """
    known = {"items": list(items), "limit": MAX_FOUND}
    found = _from_unanimous(spec, {**known, "least": 2}, by)
    erred = "u.cause = 'annotator-erred' AND t.item_id = ANY(%(items)s)"
    return found + _from_rulings(spec, erred, known, candidates=True, by=by)


def _from_unanimous(spec: Spec, known: dict[str, Any], by: Member | None) -> int:
    meaning = _meaning(spec)
    with connection.cursor() as cursor:
        cursor.execute(_UNANIMOUS, {"spec": spec.pk, "meaning": meaning, **known})
        rows = cursor.fetchall()
    answers = [
        _answer(spec, meaning, item, question, json.loads(value), clauses)
        for item, question, value, clauses in rows
    ]
    return goldkeeping.add(spec=spec, answers=answers, source=goldkeeping.UNANIMOUS, candidates=True, by=by)


def from_rulings(*, spec: Spec, limit: int = 200, by: Member | None) -> int:
    """Nominate what leads ruled where the annotators erred: the spec was clear there. Returns how many are new."""
    if not 1 <= limit <= MAX_FOUND:
        raise Invalid(_("Ask for 1 to %(max_found)s candidates.") % {"max_found": MAX_FOUND})
    return _from_rulings(spec, "u.cause = 'annotator-erred'", {"limit": limit}, candidates=True, by=by)


def from_ruling(*, ruling: Ruling, spec: Spec, by: Member) -> int:
    """Take one ruling into use at once, on the word of the lead who made it. Returns how many questions are known by it."""
    return _from_rulings(
        spec, "u.id = %(ruling)s", {"limit": 100, "ruling": ruling.pk}, candidates=False, by=by
    )


def _from_rulings(
    spec: Spec, which: str, known: dict[str, Any], *, candidates: bool, by: Member | None
) -> int:
    meaning = _meaning(spec)
    with connection.cursor() as cursor:
        cursor.execute(_RULED.format(which=which), {"spec": spec.pk, "meaning": meaning, **known})
        rows = cursor.fetchall()
    answers = []
    for item, question, value, clause, reason in rows:
        answer = _answer(spec, meaning, item, question, json.loads(value), [clause] if clause else [])
        answer.explanation, answer.disputed = reason, True
        answers.append(answer)
    return goldkeeping.add(
        spec=spec, answers=answers, source=goldkeeping.RULING, candidates=candidates, by=by
    )


def _answer(
    spec: Spec, meaning: int, item: int, question: str, value: Any, clauses: Sequence[int]
) -> KnownAnswer:
    return KnownAnswer(
        project_id=spec.project_id,
        spec=spec,
        item_id=item,
        question=question,
        value=value,
        meaning=meaning,
        clauses=list(clauses),
    )


def after_publication(*, version: SpecVersion, by: Member | None) -> int:
    """Set aside the known answers that a change of meaning makes doubtful. Call it in the transaction that publishes."""
    before = (
        SpecVersion.objects.published()
        .filter(spec_id=version.spec_id, meaning__lt=version.meaning or 0)
        .newest_first()
        .first()
    )
    if before is None or version.minor or version.patch:
        return 0
    difference = contents.compare(before, version)
    clauses = affected.with_ancestors(version.spec_id, sorted(set(difference.changed_meaning())))
    governed = {(question, value) for _, question, value in affected.governing(difference, clauses)}
    return goldkeeping.set_aside_changed(
        version=version, clauses=sorted(clauses.values()), governed=sorted(governed), by=by
    )


def flagged(project_id: int) -> list[int]:
    """The clauses with an open issue, or flagged as last measured under the newest meaning: answers under them say something
    about the spec, not about people.
    """
    issues = ClauseIssue.objects.filter(project_id=project_id, state__in=STANDING_ISSUES)
    newest = (
        SpecVersion.objects.published()
        .filter(project=project_id)
        .values_list("spec")
        .annotate(newest=Max("meaning"))
        .order_by("spec")
    )
    measured = flagging.flagged(specs=[(spec, meaning) for spec, meaning in newest])
    return sorted(set(issues.values_list("clause_id", flat=True)).union(*measured.values()))


def hold_flagged(*, project_id: int) -> tuple[int, int]:
    """Hold back the gold under flagged clauses, and free the rest. Call it when an issue is opened or closed."""
    return goldkeeping.hold_flagged(project_id=project_id, clauses=flagged(project_id))
