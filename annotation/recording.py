"""What accepting an answer reads and writes: the SQL of a submission, put together from named parts.

A plain answer takes two statements. The first looks, without a lock, at all that judging the answer needs. The second stores
it where everything still stands as it was seen, settles the task if this was the last wanted answer and all of them agree,
and leases the next slot if that was asked for. It gives no row where something moved meanwhile; then, as for
every answer that is not plain, `submitting` goes the long way under locks.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from specs import canonical, prepared
from workforce import leasing, picking

# A `CASE`, so that the slot is found by its key. Planned while few leases are live, or few slots have an annotator, a walk
# through all of them by a partial index looks as cheap, and would be taken by every answer from then on.
_LIVE = """CASE WHEN s.state = 'leased' AND s.annotator_id = %(annotator)s::bigint AND s.token = %(token)s::uuid
               AND s.lease_until > statement_timestamp() THEN true END"""
_SUBMIT = """
        UPDATE workforce_assignment s SET state = 'submitted', submitted_at = statement_timestamp(), lease_until = NULL"""

_LOOK = f"""
    SELECT s.version_id, s.served_digest, t.id, t.queue_id, t.item_id, t.n_answers, t.n_corrections, t.overlap, t.meaning,
           q.purpose,
           CASE WHEN q.overlap_policy = 'dynamic' THEN 'dynamic' ELSE q.rule END, q.consensus_share, q.max_overlap,
           s.lease_until, i.payload::text,
           CASE WHEN t.n_answers + 1 >= t.overlap THEN (
               SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'id', a.id, 'values', a.values, 'version', a.version_id, 'cannot', a.cannot,
                   'unfit', ARRAY(SELECT c.question FROM annotation_citation c
                                  WHERE c.annotation_id = a.id AND c.clause_id IS NULL)) ORDER BY a.ordinal), '[]')::text
               FROM annotation_annotation a
               WHERE a.task_id = t.id AND NOT EXISTS (
                   SELECT FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision))
           END
    FROM workforce_assignment s
    JOIN workforce_task t ON t.id = s.task_id
    JOIN workforce_queue q ON q.id = s.queue_id
    JOIN workforce_item i ON i.id = t.item_id
    WHERE s.id = %(assignment)s::bigint AND s.project_id = %(project)s::bigint AND {_LIVE} AND t.state = 'open'
      AND NOT (q.in_progress = 'ask' AND s.version_id <> q.version_id AND t.pinned_id IS NULL)
      AND NOT q.reviewed AND q.purpose NOT IN ('review', 'rework')
      AND NOT (q."order" = 'disagreement' AND t.n_answers > 0 AND t.n_answers + 1 < t.overlap)
"""

# The task first, then the slot: the order in which every submission locks.
_STANDS = f"""
    t AS MATERIALIZED (
        SELECT id FROM workforce_task
        WHERE id = %(task)s::bigint AND state = 'open' AND overlap = %(overlap)s::int
          AND n_corrections = %(corrections)s::int AND {{wanted}}
        FOR NO KEY UPDATE
    ), mine AS ({_SUBMIT}
        FROM t
        WHERE s.id = %(assignment)s::bigint AND s.task_id = t.id AND s.lease_until = %(until)s::timestamptz AND {_LIVE}
        RETURNING s.id, %(until)s::timestamptz AS lease_until, s.annotator_id, s.queue_id
    )"""
_ANSWER = """
    submitted AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT %(project)s::bigint, %(kind)s::text, 'assignment', mine.id, %(by)s::bigint, %(data)s::jsonb FROM mine
        RETURNING id
    ), task AS (
        UPDATE workforce_task SET n_answers = n_answers + 1{settled} FROM mine WHERE workforce_task.id = %(task)s::bigint
        RETURNING n_answers
    ), answer AS (
        INSERT INTO annotation_annotation
            (project_id, assignment_id, task_id, queue_id, annotator_id, version_id, served_digest, lease_token, client_key,
             revision, ordinal, values, cannot, flagged, confidence, source, answered_at, recorded_at, event_id)
        SELECT %(project)s::bigint, %(assignment)s::bigint, %(task)s::bigint, %(queue)s::bigint, %(annotator)s::bigint,
               %(version)s::bigint, %(digest)s, %(token)s::uuid, %(client_key)s, 1, task.n_answers, %(values)s::jsonb,
               %(cannot)s::text, %(flagged)s::boolean, %(confidence)s::smallint, 'live',
               statement_timestamp(), statement_timestamp(), submitted.id
        FROM submitted, task RETURNING id
    ), cited AS (
        INSERT INTO annotation_citation (project_id, annotation_id, question, clause_id)
        SELECT %(project)s::bigint, answer.id, c.question, c.clause
        FROM answer, unnest(%(questions)s::text[], %(clauses)s::bigint[]) AS c (question, clause)
    ), gone AS (
        DELETE FROM annotation_answerdraft d USING mine
        WHERE d.task_id = %(task)s::bigint AND d.annotator_id = %(annotator)s::bigint
    )"""
_RESOLVE = """
    resolved AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT %(project)s::bigint, 'task.resolved', 'task', %(task)s::bigint, NULL, %(basis)s::jsonb FROM answer RETURNING id
    ), resolutions AS (
        INSERT INTO annotation_resolution
            (project_id, task_id, question, revision, value, basis, version_id, distribution, answers, rule, resolved_at,
             event_id)
        SELECT %(project)s::bigint, %(task)s::bigint, r.question,
               1 + coalesce((SELECT max(o.revision) FROM annotation_resolution o
                             WHERE o.task_id = %(task)s::bigint AND o.question = r.question), 0),
               r.value, 'consensus', %(resolved_version)s::bigint, r.distribution, %(earlier)s::bigint[] || answer.id, %(rule)s,
               statement_timestamp(), resolved.id
        FROM resolved, answer,
             jsonb_to_recordset(%(outcomes)s::jsonb) AS r (question text, value jsonb, distribution jsonb)
    )"""
_FREE = """
    freed AS (
        UPDATE workforce_enrolment e SET held_until = NULL FROM mine
        WHERE e.annotator_id = mine.annotator_id AND e.queue_id = mine.queue_id AND e.held_until = mine.lease_until
    )"""

_LOCKED = f"""
    WITH mine AS ({_SUBMIT}
        FROM workforce_assignment was WHERE was.id = %(assignment)s::bigint AND s.id = was.id
        RETURNING s.id, was.lease_until, s.annotator_id, s.queue_id
    ), {_ANSWER.format(settled="")}, {_FREE} SELECT id FROM answer
"""


@dataclass(frozen=True)
class Looked:
    """What judging an answer needs, as `_LOOK` gives it.

    `answers` are the ones before it, oldest first, where it is the last wanted; else None.
    """

    version_id: int
    served_digest: str
    task_id: int
    queue_id: int
    item_id: int
    n_answers: int
    n_corrections: int
    overlap: int
    meaning: int
    purpose: str
    rule: str
    consensus_share: Decimal
    max_overlap: int
    lease_until: datetime
    payload: dict[str, Any]
    answers: list[dict[str, Any]] | None


@dataclass(frozen=True)
class Accepted:
    """An answer that fits its version, and its slot. `questions` and `clauses` run side by side; None: no clause fits.

    `cannot` is the category of one that says that the item cannot be labelled, and then it has no values.
    """

    project_id: int
    annotator_id: int
    assignment_id: int
    token: uuid.UUID
    task_id: int
    queue_id: int
    version_id: int
    served_digest: str
    values: Mapping[str, Any]
    questions: Sequence[str]
    clauses: Sequence[int | None]
    flagged: bool
    client_key: str
    by_id: int | None
    cannot: str = ""
    confidence: int | None = None

    def parameters(self) -> dict[str, Any]:
        written = canonical.dumps(self.values)
        named = {"annotator": self.annotator_id, "task": self.task_id, "version": self.version_id}
        said = {"category": self.cannot} if self.cannot else {"values": canonical.digest(written)}
        return {
            "kind": "annotation.declined" if self.cannot else "annotation.submitted",
            "project": self.project_id,
            "annotator": self.annotator_id,
            "assignment": self.assignment_id,
            "token": self.token,
            "task": self.task_id,
            "queue": self.queue_id,
            "version": self.version_id,
            "digest": self.served_digest,
            "values": written.decode(),
            "questions": list(self.questions),
            "clauses": list(self.clauses),
            "cannot": self.cannot,
            "flagged": self.flagged,
            "confidence": self.confidence,
            "client_key": self.client_key,
            "by": self.by_id,
            "data": canonical.dumps({**named, **said}).decode(),
        }


@dataclass(frozen=True)
class Resolving:
    """That the task ends with this answer: the outcomes per question, under which version, after which answers."""

    outcomes: list[dict[str, Any]]
    version_id: int
    earlier: list[int]


@dataclass(frozen=True)
class Stored:
    annotation_id: int
    next: leasing.Served | None


def look(*, project_id: int, annotator_id: int, assignment_id: int, token: uuid.UUID) -> Looked | None:
    """A live lease of hers with its task, item and queue, nothing locked; None for anything else."""
    known = {"project": project_id, "annotator": annotator_id, "assignment": assignment_id, "token": token}
    found = prepared.run(_LOOK, known)
    if not found:
        return None
    row = found[0]
    return Looked(*[*row[:-2], json.loads(row[-2]), None if row[-1] is None else json.loads(row[-1])])


def store(
    accepted: Accepted,
    *,
    looked: Looked,
    resolving: Resolving | None,
    claim_next: bool,
) -> Stored | None:
    """Store the answer if all still stands as it was looked at; None where it does not, and then nothing was written."""
    known = {
        **accepted.parameters(),
        "overlap": looked.overlap,
        "corrections": looked.n_corrections,
        "until": looked.lease_until,
    }
    if resolving is not None:
        known |= {
            "seen": looked.n_answers,
            "outcomes": json.dumps(resolving.outcomes),
            "resolved_version": resolving.version_id,
            "earlier": resolving.earlier,
            "rule": looked.rule,
            "basis": canonical.dumps({"basis": "consensus", "questions": len(resolving.outcomes)}).decode(),
        }
    if claim_next:
        known["next_token"] = uuid.uuid4()
    ((annotation_id, *served),) = prepared.run(_statement(resolving is not None, claim_next), known)
    if annotation_id is None:
        return None
    return Stored(annotation_id, leasing.Served.of(served) if served and served[0] is not None else None)


def store_locked(accepted: Accepted) -> int:
    """Store the answer for a slot that the caller holds locked under a live lease; returns the annotation's id."""
    ((annotation_id,),) = prepared.run(_LOCKED, accepted.parameters())
    return int(annotation_id)


@cache
def _statement(resolves: bool, claims: bool) -> str:
    wanted = "n_answers = %(seen)s::int" if resolves else "n_answers + 1 < overlap"
    settled = ", state = 'resolved', settled_at = statement_timestamp()" if resolves else ""
    parts = [_STANDS.format(wanted=wanted), _ANSWER.format(settled=settled)]
    if resolves:
        parts.append(_RESOLVE)
    if claims:
        parts += picking.after("mine")
    if not claims:
        parts.append(_FREE)
    last = (
        picking.SERVED.format(first="(SELECT id FROM answer), ")
        if claims
        else "SELECT (SELECT id FROM answer)"
    )
    return f"WITH {', '.join(parts)} {last}"
