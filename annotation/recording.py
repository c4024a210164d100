"""What accepting an answer reads and writes: the SQL of a submission, put together from named parts.

A plain answer takes one or two statements. `look` reads, without a lock, all that judging the answer needs. `store` stores it
where everything still stands as it was seen, settles the task if this was the last wanted answer and all of them agree, and
leases the next slot if that was asked for. It gives no row where something moved meanwhile; then, as for every answer that is
not plain, `submitting` goes the long way under locks. `store_at_once` is both in one: it looks, and stores an answer that was
judged already, where it was served under the version that it was judged by, and another one is wanted besides.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
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

_MINE = "s.id, s.annotator_id, s.task_id, s.queue_id, s.served_digest"

_LOOK = f"""
    SELECT s.version_id, s.served_digest, t.id AS task_id, t.queue_id, t.item_id, t.n_answers, t.n_corrections, t.overlap,
           t.meaning, q.purpose,
           CASE WHEN q.overlap_policy = 'dynamic' THEN 'dynamic' ELSE q.rule END AS rule, q.consensus_share, q.max_overlap,
           s.lease_until, i.payload::text AS payload,
           CASE WHEN t.n_answers + 1 >= t.overlap THEN (
               SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'id', a.id, 'values', a.values, 'version', a.version_id, 'cannot', a.cannot,
                   'unfit', ARRAY(SELECT c.question FROM annotation_citation c
                                  WHERE c.annotation_id = a.id AND c.clause_id IS NULL)) ORDER BY a.ordinal), '[]')::text
               FROM annotation_annotation a
               WHERE a.task_id = t.id AND NOT EXISTS (
                   SELECT FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision))
           END AS answers
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
        RETURNING {_MINE}, %(until)s::timestamptz AS leased_until
    )"""
_STANDS_AS_JUDGED = f"""
    looked AS MATERIALIZED ({_LOOK}),
    t AS MATERIALIZED (
        SELECT w.id, looked.lease_until FROM looked JOIN workforce_task w ON w.id = looked.task_id
        WHERE looked.version_id = %(version)s::bigint AND looked.queue_id = %(queue)s::bigint
          AND w.state = 'open' AND w.overlap = looked.overlap
          AND w.n_corrections = looked.n_corrections AND w.n_answers + 1 < w.overlap
        FOR NO KEY UPDATE OF w
    ), mine AS ({_SUBMIT}
        FROM t
        WHERE s.id = %(assignment)s::bigint AND s.task_id = t.id AND s.lease_until = t.lease_until AND {_LIVE}
        RETURNING {_MINE}, t.lease_until AS leased_until
    )"""
_ANSWER = """
    submitted AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT %(project)s::bigint, %(kind)s::text, 'assignment', mine.id, %(by)s::bigint,
               jsonb_build_object('annotator', mine.annotator_id, 'task', mine.task_id, 'version', %(version)s::bigint)
                   || %(said)s::jsonb FROM mine
        RETURNING id
    ), task AS (
        UPDATE workforce_task SET n_answers = n_answers + 1{settled} FROM mine WHERE workforce_task.id = mine.task_id
        RETURNING n_answers
    ), answer AS (
        INSERT INTO annotation_annotation
            (project_id, assignment_id, task_id, queue_id, annotator_id, version_id, served_digest, lease_token, client_key,
             revision, ordinal, values, cannot, flagged, confidence, source, answered_at, recorded_at, event_id)
        SELECT %(project)s::bigint, %(assignment)s::bigint, mine.task_id, mine.queue_id, %(annotator)s::bigint,
               %(version)s::bigint, mine.served_digest, %(token)s::uuid, %(client_key)s, 1, task.n_answers, %(values)s::jsonb,
               %(cannot)s::text, %(flagged)s::boolean, %(confidence)s::smallint, 'live',
               statement_timestamp(), statement_timestamp(), submitted.id
        FROM mine, submitted, task RETURNING id
    ), cited AS (
        INSERT INTO annotation_citation (project_id, annotation_id, question, clause_id)
        SELECT %(project)s::bigint, answer.id, c.question, c.clause
        FROM answer, unnest(%(questions)s::text[], %(clauses)s::bigint[]) AS c (question, clause)
    ), gone AS (
        DELETE FROM annotation_answerdraft d USING mine
        WHERE d.task_id = mine.task_id AND d.annotator_id = %(annotator)s::bigint
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
        WHERE e.annotator_id = mine.annotator_id AND e.queue_id = mine.queue_id AND e.held_until = mine.leased_until
    )"""

_LOCKED = f"""
    WITH mine AS ({_SUBMIT}
        FROM workforce_assignment was WHERE was.id = %(assignment)s::bigint AND s.id = was.id
        RETURNING {_MINE}, was.lease_until AS leased_until
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
    version_id: int
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
        said = {"category": self.cannot} if self.cannot else {"values": canonical.digest(written)}
        return {
            "kind": "annotation.declined" if self.cannot else "annotation.submitted",
            "project": self.project_id,
            "annotator": self.annotator_id,
            "assignment": self.assignment_id,
            "token": self.token,
            "version": self.version_id,
            "values": written.decode(),
            "questions": list(self.questions),
            "clauses": list(self.clauses),
            "cannot": self.cannot,
            "flagged": self.flagged,
            "confidence": self.confidence,
            "client_key": self.client_key,
            "by": self.by_id,
            "said": canonical.dumps(said).decode(),
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


_N_LOOKED = len(fields(Looked))


def look(*, project_id: int, annotator_id: int, assignment_id: int, token: uuid.UUID) -> Looked | None:
    """A live lease of hers with its task, item and queue, nothing locked; None for anything else."""
    known = {"project": project_id, "annotator": annotator_id, "assignment": assignment_id, "token": token}
    found = prepared.run(_LOOK, known)
    if not found:
        return None
    return _looked(found[0])


def _looked(row: Sequence[Any]) -> Looked:
    return Looked(*[*row[:-2], json.loads(row[-2]), None if row[-1] is None else json.loads(row[-1])])


def store_at_once(
    accepted: Accepted, *, queue_id: int, claim_next: bool
) -> tuple[Looked | None, Stored | None]:
    """Look, and store the answer if it is plain, in that queue, under the version it was judged by, and not the last wanted.

    What was seen, as `look` gives it, and what was stored; None where nothing was.
    """
    known = {**accepted.parameters(), "queue": queue_id}
    if claim_next:
        known["next_token"] = uuid.uuid4()
    ((annotation_id, *row),) = prepared.run(_at_once(claim_next), known)
    seen, served = row[:_N_LOOKED], row[_N_LOOKED:]
    if annotation_id is None:
        return _looked(seen) if seen[0] is not None else None, None
    return _looked(seen), _stored(annotation_id, served)


def _stored(annotation_id: int, served: Sequence[Any]) -> Stored:
    return Stored(annotation_id, leasing.Served.of(served) if served and served[0] is not None else None)


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
        "task": looked.task_id,
        "queue": looked.queue_id,
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
    return _stored(annotation_id, served)


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
    parts += picking.after("mine") if claims else [_FREE]
    last = (
        picking.SERVED.format(first="(SELECT id FROM answer), ")
        if claims
        else "SELECT (SELECT id FROM answer)"
    )
    return f"WITH {', '.join(parts)} {last}"


@cache
def _at_once(claims: bool) -> str:
    parts = [_STANDS_AS_JUDGED, _ANSWER.format(settled="")]
    parts += picking.after("mine") if claims else [_FREE]
    first = "(SELECT id FROM answer), looked.*"
    served = picking.SERVED.format(first=f"{first}, ") if claims else f"SELECT {first} FROM (SELECT) always"
    return f"WITH {', '.join(parts)} {served} LEFT JOIN looked ON true"
