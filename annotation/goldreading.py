"""What pages and the API say about known answers and about the people they are served to. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from annotation import nominating
from specs import task_types, versions
from specs.models import Clause, Spec, SpecVersion
from specs.refusals import Invalid
from workforce import judging, retiring
from workforce.intervals import Share, share
from workforce.models import Enrolment, GoldState, KnownAnswer, Queue

PAIRED = 20_000
"""The newest answers of a queue that agreement between people is counted on here."""


@dataclass(frozen=True)
class GoldRow:
    """A known answer as it is listed: in words, with its clauses and its health."""

    known: KnownAnswer
    title: str
    described: str
    clauses: list[str]
    health: retiring.Health | None


def listed(spec: Spec, *, state: str = "", clause: str = "", label: str = "") -> QuerySet[KnownAnswer]:
    """The known answers of a spec in a state, bound to a clause, with a value. Raises `Invalid` for an unknown state."""
    rows = KnownAnswer.objects.filter(spec=spec).select_related("item", "decided_by__user")
    if state:
        if state not in GoldState.values:
            raise Invalid(_("The state is one of %(values)s.") % {"values": ", ".join(GoldState.values)})
        rows = rows.filter(state=state)
    if clause:
        found = Clause.objects.filter(spec=spec, key=clause).first()
        rows = rows.filter(clauses__contains=[found.pk]) if found else rows.none()
    return rows.filter(value=label) if label else rows


def described(spec: Spec, shown: Sequence[KnownAnswer]) -> list[GoldRow]:
    """The rows with words, clauses and health, in a number of queries that does not depend on how many they are."""
    health = retiring.health(spec=spec, ids=[known.pk for known in shown])
    keys = dict(
        Clause.objects.filter(pk__in={one for known in shown for one in known.clauses}).values_list(
            "pk", "key"
        )
    )
    questions = newest_questions(spec)
    return [
        GoldRow(
            known,
            str(questions.get(known.question, {}).get("title") or known.question),
            in_words(questions.get(known.question), known.value),
            sorted(keys.get(clause, "?") for clause in known.clauses),
            health.get(known.pk),
        )
        for known in shown
    ]


def newest_questions(spec: Spec) -> dict[str, dict[str, Any]]:
    newest = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
    return {question["key"]: question for question in versions.read(newest.pk).questions} if newest else {}


def in_words(question: Mapping[str, Any] | None, value: Any) -> str:
    return task_types.get(question["kind"]).describe(question, value) if question else str(value)


def counts(spec: Spec) -> dict[str, int]:
    """How many known answers are in each state."""
    rows = KnownAnswer.objects.filter(spec=spec).values_list("state").annotate(n=Count("pk"))
    return {**dict.fromkeys(GoldState.values, 0), **dict(rows)}


@dataclass(frozen=True)
class PersonRow:
    """One annotator in a queue: gold, herself again, the others; and the first two clause by clause."""

    enrolment: Enrolment
    gold: Share
    again: Share
    others: Share
    by_clause: list[tuple[str, Share, Share]]


_PAIRS = """
    WITH newest AS MATERIALIZED (
        SELECT a.id, a.task_id, a.annotator_id, a.values FROM annotation_annotation a
        JOIN workforce_task t ON t.id = a.task_id AND t.purpose = 'work'
        JOIN workforce_annotator p ON p.id = a.annotator_id AND p.kind IN ('person', 'imported')
        WHERE a.queue_id = %(queue)s AND NOT EXISTS (
            SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
        ORDER BY a.id DESC LIMIT %(limit)s
    )
    SELECT a.annotator_id, count(*), count(*) FILTER (WHERE a.values -> v.key = b.values -> v.key)
    FROM newest a JOIN newest b ON b.task_id = a.task_id AND b.annotator_id <> a.annotator_id
    CROSS JOIN LATERAL jsonb_object_keys(a.values) AS v (key)
    WHERE b.values ? v.key AND (%(annotators)s::bigint[] IS NULL OR a.annotator_id = ANY(%(annotators)s))
    GROUP BY 1
"""


def people(queue: Queue, shown: Sequence[Enrolment]) -> list[PersonRow]:
    """The figures of these annotators in this queue, answers under flagged clauses left out; four queries for any number."""
    ids = [enrolment.annotator_id for enrolment in shown]
    flagged = nominating.flagged(queue.project_id)
    enough = queue.gold_verdict_from
    known: dict[str, Any] = {"queue": queue, "annotators": ids, "flagged": flagged, "enough_from": enough}
    whole = {one.annotator_id: one for one in judging.figures(project_id=queue.project_id, **known)}
    parts = judging.figures(project_id=queue.project_id, by_clause=True, **known)
    titles = dict(
        Clause.objects.filter(pk__in={one.clause_id for one in parts if one.clause_id}).values_list(
            "pk", "key"
        )
    )
    by_clause: dict[int, list[tuple[str, Share, Share]]] = {}
    for one in parts:
        if one.clause_id:
            by_clause.setdefault(one.annotator_id, []).append((titles[one.clause_id], one.gold, one.again))
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, {"queue": queue.pk, "annotators": ids, "limit": PAIRED})
        others = {annotator: share(same, n, enough_from=enough) for annotator, n, same in cursor.fetchall()}
    none = share(0, 0, enough_from=enough)
    return [
        PersonRow(
            enrolment,
            whole[annotator].gold if annotator in whole else none,
            whole[annotator].again if annotator in whole else none,
            others.get(annotator, none),
            by_clause.get(annotator, []),
        )
        for enrolment in shown
        for annotator in [enrolment.annotator_id]
    ]
