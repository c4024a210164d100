"""Which tasks a change of meaning touches, in one queue. Nothing changes here.

*Directly*: a counted answer cites a changed clause, a ruling on it decided the task, or the item is known to fall under it.
*Possibly*: the value in force is one that a changed clause governs, before or after. A clause that names none governs
everything; where what a clause leaves out has changed, the values that its own are confused with may become its own as well.
*Likely* is what is possible and has more to it: its answers differed between values that the clause governs, or all of them came
from people who were mostly overruled where leads called that clause ambiguous.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from specs import contents, diff
from specs.models import Clause, ClauseLineage, SpecVersion
from workforce.models import Queue

ENDED = "('resolved', 'unlabellable')"
LEAST_OVERRULED = 3
"""Rulings on a clause from which on it is said that somebody was mostly overruled under it."""
NEGATIVE = ("avoid_when", "counter_example")
"""Blocks that say what does not fall under a clause."""

VALID = f"""
    standing (id, meaning) AS (
        SELECT t.id, t.meaning FROM workforce_task t
        WHERE t.queue_id = %(queue)s AND t.meaning <= %(meaning)s AND t.state IN {ENDED}
        UNION ALL
        SELECT s.id, n.meaning FROM standing s JOIN annotation_carry c ON c.queue_id = %(queue)s
        JOIN specs_specversion o ON o.id = c.from_version_id AND o.meaning = s.meaning
        JOIN specs_specversion n ON n.id = c.to_version_id
        WHERE NOT EXISTS (SELECT FROM annotation_relabeltask r
                          WHERE r.plan_id = c.plan_id AND r.task_id = s.id AND r.again_id IS NOT NULL)
    ), valid AS (
        SELECT t.* FROM standing s JOIN workforce_task t ON t.id = s.id WHERE s.meaning = %(meaning)s
    )
"""
"""The ended tasks of a queue whose labels stand under a meaning: given under it, or carried into it."""
_DIRECT = f"""
    WITH RECURSIVE {VALID}
    SELECT DISTINCT ON (t.id) t.id, hit.clause_id FROM valid t JOIN (
        SELECT a.task_id, c.clause_id FROM annotation_citation c JOIN annotation_annotation a ON a.id = c.annotation_id
        WHERE c.clause_id = ANY(%(clauses)s) AND NOT EXISTS (
            SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
        UNION ALL
        SELECT r.task_id, u.clause_id FROM annotation_resolution r JOIN annotation_ruling u ON u.id = r.ruling_id
        WHERE u.clause_id = ANY(%(clauses)s)
        UNION ALL
        SELECT w.id, ic.clause_id FROM workforce_itemclause ic JOIN workforce_task w ON w.item_id = ic.item_id
        WHERE ic.clause_id = ANY(%(clauses)s) AND w.queue_id = %(queue)s
    ) hit ON hit.task_id = t.id
    ORDER BY t.id, hit.clause_id
"""
_HOLDS = """
    (g.value = '' OR g.value = r.value #>> '{}'
     OR jsonb_path_exists(r.value, '$.** ? (@ == $one)', jsonb_build_object('one', g.value)))
"""
_POSSIBLE = f"""
    WITH RECURSIVE {VALID}, governed AS (
        SELECT * FROM unnest(%(governing)s::bigint[], %(questions)s::text[], %(values)s::text[]) AS g (clause_id, question, value)
    ), overruled AS (
        SELECT u.clause_id, a.annotator_id FROM annotation_ruling u JOIN annotation_dispute d ON d.id = u.dispute_id
        JOIN valid t ON t.id = d.task_id
        JOIN annotation_annotation a ON a.task_id = t.id AND NOT EXISTS (
            SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
        CROSS JOIN LATERAL jsonb_each(u.values) AS ruled (question, value)
        WHERE u.clause_id = ANY(%(clauses)s) AND u.cause = 'clause-ambiguous' AND a.values ? ruled.question
        GROUP BY 1, 2
        HAVING count(*) >= %(least)s AND 2 * count(*) FILTER (WHERE a.values -> ruled.question <> ruled.value) > count(*)
    ), held AS (
        SELECT t.id, r.question, g.clause_id FROM valid t
        JOIN annotation_resolution r ON r.task_id = t.id
        JOIN governed g ON (g.question = r.question OR g.question = '') AND {_HOLDS}
        WHERE NOT EXISTS (SELECT 1 FROM annotation_resolution l
                          WHERE l.task_id = r.task_id AND l.question = r.question AND l.revision > r.revision)
          AND NOT (t.id = ANY(%(direct)s))
        GROUP BY 1, 2, 3
    ), judged AS (
        SELECT h.id, h.clause_id, said.n_values > 1 OR said.n_by_others = 0 AS likely
        FROM held h CROSS JOIN LATERAL (
            SELECT count(DISTINCT a.values -> h.question) FILTER (WHERE EXISTS (
                       SELECT FROM governed g CROSS JOIN LATERAL (SELECT a.values -> h.question AS value) r
                       WHERE g.clause_id = h.clause_id AND g.question IN (h.question, '') AND {_HOLDS})) AS n_values,
                   count(*) FILTER (WHERE NOT EXISTS (
                       SELECT FROM overruled o
                       WHERE o.clause_id = h.clause_id AND o.annotator_id = a.annotator_id)) AS n_by_others
            FROM annotation_annotation a WHERE a.task_id = h.id AND a.values ? h.question AND NOT EXISTS (
                SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
            HAVING count(*) > 0) said
        UNION ALL
        SELECT h.id, h.clause_id, false FROM held h
    )
    SELECT DISTINCT ON (id) id, clause_id, likely FROM judged ORDER BY id, likely DESC, clause_id
"""
_CONFUSED = f"""
    WITH RECURSIVE {VALID}
    SELECT DISTINCT met.question, met.value, met.other FROM (
        SELECT one.key AS question, one.value AS value, two.value AS other, a.task_id
        FROM annotation_annotation a JOIN valid t ON t.id = a.task_id
        JOIN annotation_annotation b ON b.task_id = a.task_id AND b.id <> a.id
        CROSS JOIN LATERAL jsonb_each_text(a.values) one JOIN LATERAL jsonb_each_text(b.values) two ON two.key = one.key
        WHERE one.value <> two.value
          AND (one.key, one.value) IN (SELECT * FROM unnest(%(questions)s::text[], %(values)s::text[]))
    ) met GROUP BY 1, 2, 3 HAVING count(DISTINCT met.task_id) >= %(least)s
"""


@dataclass(frozen=True)
class Affected:
    """Tasks by how they are reached, each with the clause by which; `changed` are the keys of the clauses that changed."""

    changed: list[str]
    direct: dict[int, int]
    likely: dict[int, int]
    possible: dict[int, int]
    n_ended: int


Governed = list[tuple[int, str, str]]


def find(*, queue: Queue, before: SpecVersion, after: SpecVersion) -> Affected:
    """The ended tasks of a queue under the meaning of *before* that publishing *after* touches."""
    difference = contents.compare(before, after)
    changed = sorted(set(difference.changed_meaning()))
    clauses = with_ancestors(after.spec_id, changed)
    scope: dict[str, Any] = {"queue": queue.pk, "meaning": before.meaning, "clauses": list(clauses.values())}
    with connection.cursor() as cursor:
        cursor.execute(_DIRECT, scope)
        direct = dict(cursor.fetchall())
        governed = governing(difference, clauses)
        governed += newly(difference, clauses, governed, scope)
        cursor.execute(
            _POSSIBLE,
            {
                **scope,
                "direct": list(direct),
                "governing": [clause for clause, _, _ in governed],
                "questions": [question for _, question, _ in governed],
                "values": [value for _, _, value in governed],
                "least": LEAST_OVERRULED,
            },
        )
        found = cursor.fetchall()
        cursor.execute(f"WITH RECURSIVE {VALID} SELECT count(*) FROM valid", scope)
        n_ended = cursor.fetchone()[0]
    return Affected(
        changed=changed,
        direct=direct,
        likely={task: clause for task, clause, likely in found if likely},
        possible={task: clause for task, clause, likely in found if not likely},
        n_ended=n_ended,
    )


def with_ancestors(spec_id: int, keys: list[str]) -> dict[str, int]:
    """Changed clauses by key, together with the clauses they were split or merged from."""
    clauses = {clause.key: clause.pk for clause in Clause.objects.filter(spec_id=spec_id, key__in=keys)}
    lineage = ClauseLineage.objects.filter(clause__in=clauses.values()).select_related("ancestor")
    return clauses | {entry.ancestor.key: entry.ancestor_id for entry in lineage}


def governing(difference: diff.Difference, clauses: dict[str, int]) -> Governed:
    """`(clause, question, value)` for what the changed clauses govern, in the old wording or the new; "" is any of them."""
    found: set[tuple[int, str, str]] = set()
    for change in difference.clauses:
        if change.key not in clauses:
            continue
        for words in (change.old, change.new):
            if words is None:
                continue
            entries = words.get("governs", ())
            if not entries:
                found.add((clauses[change.key], "", ""))
            for entry in entries:
                values = {
                    *(entry.get("values") or ()),
                    *(v for pair in entry.get("pairs") or () for v in pair),
                } or {""}
                found |= {(clauses[change.key], entry["question"], value) for value in values}
    return sorted(found)


def newly(
    difference: diff.Difference, clauses: dict[str, int], governed: Governed, scope: dict[str, Any]
) -> Governed:
    """What the values of clauses whose negatives changed are confused with in the queue, as `governing` says it."""
    keys = [
        change.key for change in difference.clauses if change.key in clauses and _negatives_changed(change)
    ]
    ids = {clauses[key] for key in keys}
    mine = [(clause, question, value) for clause, question, value in governed if clause in ids and value]
    if not mine:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _CONFUSED,
            {
                **scope,
                "questions": [question for _, question, _ in mine],
                "values": [value for _, _, value in mine],
                "least": settings.RELABEL_CONFUSED_TASKS,
            },
        )
        met = cursor.fetchall()
    found = {
        (clause, question, other)
        for clause, question, value in mine
        for asked, one, other in met
        if (asked, one) == (question, value)
    }
    return sorted(found - set(governed))


def _negatives_changed(change: diff.ClauseChange) -> bool:
    if change.old is None or change.new is None:
        return False
    before, after = (
        [block for block in words["blocks"] if block["type"] in NEGATIVE]
        for words in (change.old, change.new)
    )
    return before != after
