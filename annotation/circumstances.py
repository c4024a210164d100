"""What is known of items and clauses beside the answers: time lost to disagreement, disputes, rulings, questions. Read only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from annotation import asking
from annotation.answers import Answers, Scope

SPENT_AT_MOST = 1800
"""Seconds that one slot counts at the most: what was left open is no work."""

_PER_ITEM = """
    SELECT item_id, sum(seconds), sum(disputes) FROM (
        SELECT t.item_id, least(extract(epoch FROM s.submitted_at - s.leased_at), %(most)s) AS seconds, 0 AS disputes
        FROM workforce_assignment s JOIN workforce_task t ON t.id = s.task_id AND t.purpose = 'work'
        JOIN workforce_queue q ON q.id = t.queue_id AND q.purpose IN ('labelling', 'relabelling')
        WHERE q.spec_id = %(spec)s AND t.meaning = ANY(%(meanings)s) AND s.state = 'submitted' AND s.submitted_at > s.leased_at
          AND s.number > q.overlap AND (%(queue)s::bigint IS NULL OR q.id = %(queue)s)
        UNION ALL
        SELECT t.item_id, coalesce((SELECT sum(least(extract(epoch FROM s.submitted_at - s.leased_at), %(most)s))
                FROM workforce_assignment s
                WHERE s.task_id = d.work_id AND s.state = 'submitted' AND s.submitted_at > s.leased_at), 0), 1
        FROM annotation_dispute d JOIN workforce_task t ON t.id = d.task_id AND t.purpose = 'work'
        JOIN workforce_queue q ON q.id = t.queue_id
        WHERE q.spec_id = %(spec)s AND t.meaning = ANY(%(meanings)s) AND d.state IN ('open', 'decided')
          AND (%(queue)s::bigint IS NULL OR q.id = %(queue)s)
    ) spent GROUP BY 1
"""
_NONE_FITS = """
    SELECT t.item_id, count(*) FROM annotation_citation c
    JOIN annotation_annotation a ON a.id = c.annotation_id
    JOIN specs_specversion v ON v.id = a.version_id AND v.spec_id = %(spec)s AND v.meaning = ANY(%(meanings)s)
    JOIN workforce_task t ON t.id = a.task_id AND t.purpose = 'work'
    WHERE c.clause_id IS NULL AND c.question = %(question)s AND (%(queue)s::bigint IS NULL OR a.queue_id = %(queue)s)
      AND NOT EXISTS (SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
    GROUP BY 1
"""
_RULED = """
    SELECT r.clause_id, count(*), count(*) FILTER (WHERE r.cause = 'plural') FROM annotation_ruling r
    JOIN annotation_dispute d ON d.id = r.dispute_id AND d.state = 'decided'
    JOIN specs_clause c ON c.id = r.clause_id AND c.spec_id = %(spec)s GROUP BY 1
"""
_PRECEDENTS = """
    SELECT p.clause_id, count(*) FROM annotation_precedent p JOIN specs_clause c ON c.id = p.clause_id
    WHERE c.spec_id = %(spec)s AND p.superseded_at IS NULL GROUP BY 1
"""


@dataclass(frozen=True)
class Facts:
    """Arrays follow the items of the answers; mappings the ids of clauses.

    `seconds` went into answers beyond the overlap and into adjudication; `ruled` counts rulings, and those that call it plural.
    """

    seconds: NDArray[np.float64]
    disputes: NDArray[np.float64]
    none_fits: NDArray[np.float64]
    heard: dict[int, asking.Heard]
    ruled: dict[int, tuple[int, int]]
    precedents: dict[int, int]


def of(scope: Scope, given: Answers) -> Facts:
    """Five queries, whatever the size."""
    known = {**scope.known, "most": SPENT_AT_MOST}
    spent = _rows(_PER_ITEM, known)
    return Facts(
        _along(given, {row[0]: float(row[1] or 0) for row in spent}),
        _along(given, {row[0]: float(row[2]) for row in spent}),
        _along(given, {row[0]: float(row[1]) for row in _rows(_NONE_FITS, known)}),
        asking.heard(spec_id=scope.spec.pk),
        {row[0]: (row[1], row[2]) for row in _rows(_RULED, known)},
        dict(_rows(_PRECEDENTS, known)),
    )


def _rows(query: str, known: dict[str, Any]) -> list[Any]:
    """Every query here reads whole tables once, so nothing is looked up row by row: where tables were empty when they were last
    counted, such a plan takes the square of their size.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(query, known)
        found = list(cursor.fetchall())
        cursor.execute("SET LOCAL enable_nestloop = on")
    return found


def _along(given: Answers, found: dict[int, float]) -> NDArray[np.float64]:
    return np.array([found.get(item, 0.0) for item in given.items.tolist()], dtype=float)
