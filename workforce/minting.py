"""Tasks that are minted at a claim to measure the annotator: gold, repeats of what she answered long ago, and what newcomers
are given before their answers count.

    (nothing) -> a task of that purpose with one leased slot: mint, claim_anew

What is minted has the shape, the version and the identifiers of any other task, and is leased in the claim's transaction. It
is drawn by chance alone: the first claims carry `gold_first` gold items among `gold_first_of`, each as likely at any place as
at any other, later ones the queue's share. Nobody meets an item as gold twice, or as gold and as work in one queue: an item
with unsettled work in the queue is not drawn, and work that is made for it later is not given to her.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from specs.models import Member
from workforce import serving
from workforce.models import Annotator, TaskPurpose

_CHANCE = random.SystemRandom()
OWED_AT_ONCE = 5
CATCHING_UP = 0.25
"""Where more than OWED_AT_ONCE of the first gold items are owed (there was none to be had), at most this share catches up."""


@dataclass(frozen=True)
class Odds:
    """What a claim's draw depends on, read with the enrolment: shares are in [0, 1], counts of this annotator here."""

    gold_share: float
    gold_first: int
    gold_first_of: int
    repeat_share: float
    n_claims: int
    n_gold: int
    has_gold: bool
    has_repeats: bool

    @property
    def gold(self) -> float:
        """The chance that the next claim is gold.

        Of the first `gold_first_of` claims exactly `gold_first` are: each claim takes what is owed over what is left (Knuth,
        The Art of Computer Programming 3.4.2, algorithm S), and never less than the share.
        """
        if not self.has_gold:
            return 0.0
        owed, left = self.gold_first - self.n_gold, self.gold_first_of - self.n_claims
        if owed <= 0 or left <= 0:
            return self.gold_share
        first = min(1.0, owed / left)
        return max(self.gold_share, min(first, CATCHING_UP) if owed > OWED_AT_ONCE else first)

    @property
    def repeat(self) -> float:
        return self.repeat_share if self.has_repeats else 0.0


def drawn(odds: Odds, chance: random.Random = _CHANCE) -> TaskPurpose:
    """What the next claim is."""
    if odds.gold == 0 and odds.repeat == 0:
        return TaskPurpose.WORK
    at = chance.random()
    if at < odds.gold:
        return TaskPurpose.GOLD
    return TaskPurpose.REPEAT if at >= 1 - odds.repeat else TaskPurpose.WORK


ON_PROBATION = """CASE WHEN e.stage = 'probation' THEN (
    SELECT w.{} FROM workforce_pathstage w WHERE w.queue_id = q.id AND w.stage = 'probation') END"""
"""A column of the queue's probation, for an enrolment `e` that is in it; else null, and nothing is looked up."""
_GOLD_ODDS = f"""greatest(q.gold_share::float8, {{raised}}, CASE
    WHEN e.n_gold >= q.gold_first OR e.n_claims >= q.gold_first_of THEN 0
    WHEN q.gold_first - e.n_gold > {OWED_AT_ONCE}
    THEN least({CATCHING_UP}, (q.gold_first - e.n_gold)::float8 / (q.gold_first_of - e.n_claims))
    ELSE least(1, (q.gold_first - e.n_gold)::float8 / (q.gold_first_of - e.n_claims)) END)"""
_AT = """((hashtextextended(e.id::text || ':' || e.n_claims::text || ':' || extract(epoch FROM e.since)::text, 0)
    & 9007199254740991) / 9007199254740992::float8)"""


def draw(raised: str = "NULL") -> str:
    """What the next claim of an enrolment `e` by `a` in `q` is, null for work: `drawn`, as a column.

    *raised* is a share of gold, a column too, that somebody's own is raised to. Chance is a hash of the enrolment and its count
    of claims: a claim that looks twice draws the same, and nobody who does not see the enrolment can foresee it.
    """
    return f"""CASE WHEN e.stage IN ('practice', 'shadow') THEN e.stage
    WHEN q.purpose = 'calibration' AND EXISTS (SELECT FROM workforce_calibration c WHERE c.queue_id = q.id) THEN 'test'
    WHEN a.kind = 'person' AND q.purpose IN ('labelling', 'relabelling', 'training', 'calibration') THEN CASE
    WHEN {_AT} < {gold_odds(raised)} AND (e.no_gold_until IS NULL OR e.no_gold_until <= statement_timestamp())
         AND EXISTS (SELECT FROM workforce_knownanswer k
                     WHERE k.spec_id = q.spec_id AND k.state = 'in-use' AND k.held_at IS NULL) THEN 'gold'
    WHEN {_AT} >= 1 - q.repeat_share AND e.since <= statement_timestamp() - q.repeat_after THEN 'repeat' END END"""


def gold_odds(raised: str = "NULL") -> str:
    """`Odds.gold` in the words of the database, for an enrolment `e` of a queue `q`."""
    return _GOLD_ODDS.format(raised=raised)


# A random stretch of the pool in a random order of labels, of clauses within a label, of answers within a clause; the first
# that she may be given. The order is made before it is asked who met what, so that this is asked of few: OFFSET 0 keeps the
# planner from joining where it is to look.
_GOLD = """
    WITH place AS MATERIALIZED (
        SELECT e.annotator_id, e.queue_id, q.spec_id, a.member_id, v.meaning, q.purpose = 'adjudication' AS lead
        FROM workforce_enrolment e JOIN workforce_queue q ON q.id = e.queue_id
        JOIN workforce_annotator a ON a.id = e.annotator_id
        JOIN specs_specversion v ON v.id = %(version)s
        WHERE e.id = %(enrolment)s
    ), pool AS (
        (SELECT k.* FROM workforce_knownanswer k, place p WHERE k.spec_id = p.spec_id AND k.state = 'in-use'
            AND k.held_at IS NULL AND k.draw >= %(at)s AND k.meaning <= p.meaning AND (k.disputed OR NOT p.lead)
         ORDER BY k.draw LIMIT %(pool)s)
        UNION ALL
        (SELECT k.* FROM workforce_knownanswer k, place p WHERE k.spec_id = p.spec_id AND k.state = 'in-use'
            AND k.held_at IS NULL AND k.draw < %(at)s AND k.meaning <= p.meaning AND (k.disputed OR NOT p.lead)
         ORDER BY k.draw LIMIT %(pool)s)
    ), ordered AS MATERIALIZED (
        SELECT k.item_id, k.decided_by_id FROM (SELECT * FROM pool LIMIT %(pool)s) k
        LEFT JOIN LATERAL unnest(k.clauses) AS c (id) ON true
        ORDER BY md5(k.question || k.value::text || %(seed)s), md5(coalesce(c.id, 0)::text || %(seed)s),
                 md5(k.id::text || %(seed)s)
    )
    SELECT o.item_id FROM ordered o, place p
    WHERE o.decided_by_id IS DISTINCT FROM p.member_id
      AND NOT EXISTS (SELECT 1 FROM workforce_probe b WHERE b.annotator_id = p.annotator_id AND b.item_id = o.item_id
                      AND b.purpose IN ('gold', 'practice', 'test') OFFSET 0)
      AND NOT EXISTS (SELECT 1 FROM workforce_task t WHERE t.item_id = o.item_id AND (
          t.queue_id = p.queue_id AND t.state IN ('open', 'disputed')
          OR EXISTS (SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id AND s.annotator_id = p.annotator_id)) OFFSET 0)
    LIMIT 1
"""
# A random moment of her past here, long enough ago by time and by answers; one of what she answered around it.
_REPEAT = """
    WITH place AS MATERIALIZED (
        SELECT e.annotator_id, e.queue_id, v.meaning,
               least(statement_timestamp() - q.repeat_after, coalesce((
                   SELECT s.submitted_at FROM workforce_assignment s
                   WHERE s.annotator_id = e.annotator_id AND s.state = 'submitted'
                   ORDER BY s.submitted_at DESC OFFSET q.repeat_after_answers LIMIT 1), '-infinity')) AS until,
               (SELECT min(s.submitted_at) FROM workforce_assignment s
                WHERE s.annotator_id = e.annotator_id AND s.state = 'submitted') AS since
        FROM workforce_enrolment e JOIN workforce_queue q ON q.id = e.queue_id
        JOIN specs_specversion v ON v.id = %(version)s
        WHERE e.id = %(enrolment)s
    ), past AS MATERIALIZED (
        SELECT s.id, t.item_id, t.meaning, t.purpose, s.queue_id
        FROM (SELECT *, since + (until - since) * %(at)s AS at FROM place WHERE until >= since) p, LATERAL (
            (SELECT s.id, s.task_id, s.queue_id FROM workforce_assignment s
             WHERE s.annotator_id = p.annotator_id AND s.state = 'submitted' AND s.submitted_at <= p.at
             ORDER BY s.submitted_at DESC LIMIT 25)
            UNION ALL
            (SELECT s.id, s.task_id, s.queue_id FROM workforce_assignment s
             WHERE s.annotator_id = p.annotator_id AND s.state = 'submitted' AND s.submitted_at > p.at
               AND s.submitted_at <= p.until
             ORDER BY s.submitted_at LIMIT 25)) s
        JOIN workforce_task t ON t.id = s.task_id
    )
    SELECT h.item_id, h.id FROM past h, place p
    WHERE h.queue_id = p.queue_id AND h.meaning = p.meaning AND h.purpose = 'work'
      AND NOT EXISTS (SELECT 1 FROM workforce_probe b WHERE b.annotator_id = p.annotator_id AND b.item_id = h.item_id)
    ORDER BY md5(h.id::text || %(seed)s) LIMIT 1
"""
# Something here that others answered: settled of late, or begun; never hers, and never seen by her. It is barred to her from
# then on, so that a shadow is never followed by the work itself.
_SHADOW = """
    WITH place AS MATERIALIZED (
        SELECT e.annotator_id, e.queue_id, v.meaning
        FROM workforce_enrolment e JOIN specs_specversion v ON v.id = %(version)s WHERE e.id = %(enrolment)s
    ), pool AS MATERIALIZED (
        (SELECT t.id, t.item_id, t.meaning, 0 AS later FROM workforce_task t, place p
         WHERE t.queue_id = p.queue_id AND t.state = 'resolved' ORDER BY t.settled_at DESC LIMIT %(pool)s)
        UNION ALL
        (SELECT t.id, t.item_id, t.meaning, 1 AS later FROM workforce_task t, place p
         WHERE t.queue_id = p.queue_id AND t.state IN ('open', 'disputed') AND t.n_answers > 0 ORDER BY t.rank LIMIT %(pool)s)
    )
    SELECT o.item_id, o.id FROM pool o, place p
    WHERE o.meaning = p.meaning
      AND NOT EXISTS (SELECT 1 FROM workforce_probe b WHERE b.annotator_id = p.annotator_id AND b.item_id = o.item_id OFFSET 0)
      AND NOT EXISTS (SELECT 1 FROM workforce_assignment s WHERE s.task_id = o.id AND s.annotator_id = p.annotator_id OFFSET 0)
      AND NOT EXISTS (SELECT 1 FROM workforce_barred b WHERE b.task_id = o.id AND b.annotator_id = p.annotator_id OFFSET 0)
    ORDER BY o.later, md5(o.id::text || %(seed)s) LIMIT 1
"""
_MINT = (
    """
    WITH probe AS (
        INSERT INTO workforce_probe
            (project_id, task_id, queue_id, item_id, annotator_id, purpose, first_id, beside_id, minted_at)
        SELECT e.project_id, nextval(pg_get_serial_sequence('workforce_task', 'id')), e.queue_id, %(item)s, e.annotator_id,
               %(purpose)s, %(first)s, %(beside)s, statement_timestamp()
        FROM workforce_enrolment e WHERE e.id = %(enrolment)s
        ON CONFLICT DO NOTHING RETURNING *
    ), task AS (
        INSERT INTO workforce_task
            (id, project_id, item_id, queue_id, meaning, round, state, overlap, n_answers, rank, priority, purpose, created_at)
        SELECT p.task_id, p.project_id, p.item_id, p.queue_id, v.meaning, -p.annotator_id, 'withdrawn', 1, 0, 0, 0, p.purpose,
               statement_timestamp()
        FROM probe p JOIN specs_specversion v ON v.id = %(version)s RETURNING id
    ), slot AS (
        INSERT INTO workforce_assignment
            (project_id, task_id, queue_id, number, state, rank, returned, n_returns, n_renewals, annotator_id, token, leased_at,
             lease_until, version_id, served_digest)
        SELECT p.project_id, t.id, p.queue_id, 1, 'leased', 0, false, 0, 0, p.annotator_id, %(token)s, statement_timestamp(),
               statement_timestamp() + q.lease_for, v.id, """
    + serving.digest("p.item_id")
    + """
        FROM probe p JOIN task t ON t.id = p.task_id JOIN workforce_queue q ON q.id = p.queue_id
        JOIN specs_specversion v ON v.id = %(version)s RETURNING *
    ), lease AS (
        INSERT INTO workforce_lease (project_id, assignment_id, annotator_id, token, renewal, version_id, leased_at, until)
        SELECT project_id, id, annotator_id, token, 0, version_id, leased_at, lease_until FROM slot
    ), barred AS (
        INSERT INTO workforce_barred (project_id, task_id, annotator_id, reason, created_at)
        SELECT p.project_id, p.beside_id, p.annotator_id, 'shadow', statement_timestamp() FROM probe p
        WHERE p.beside_id IS NOT NULL ON CONFLICT DO NOTHING
    ), counted AS (
        UPDATE workforce_enrolment e SET n_claims = e.n_claims + %(counts)s::boolean::int,
            n_gold = e.n_gold + %(gold)s::boolean::int,
            held_until = greatest(e.held_until, s.lease_until)
        FROM slot s WHERE e.id = %(enrolment)s
    ), event AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT project_id, 'assignment.claimed', 'assignment', id, %(by)s,
               jsonb_build_object('annotator', annotator_id, 'task', task_id, 'version', version_id) FROM slot
    )
    SELECT id FROM slot
"""
)
_FIND = {TaskPurpose.REPEAT: _REPEAT, TaskPurpose.SHADOW: _SHADOW}
_NONE_LEFT = """
    UPDATE workforce_enrolment SET no_gold_until = statement_timestamp() + make_interval(secs => %s) WHERE id = %s
"""
_ANEW = """
    WITH wider AS (
        UPDATE workforce_task t SET overlap = t.overlap + 1
        FROM workforce_probe p
        WHERE t.id = %(task)s AND p.task_id = t.id AND p.annotator_id = %(annotator)s AND t.overlap < 50
          AND NOT EXISTS (SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id AND s.state IN ('leased', 'submitted'))
        RETURNING t.*
    )
    SELECT w.project_id, w.queue_id, w.overlap, w.meaning FROM wider w
"""
_ANEW_SLOT = """
    WITH slot AS (
        INSERT INTO workforce_assignment
            (project_id, task_id, queue_id, number, state, rank, returned, n_returns, n_renewals, annotator_id, token, leased_at,
             lease_until, version_id, served_digest)
        SELECT %(project)s, %(task)s, q.id, %(number)s, 'leased', 0, false, 0, 0, %(annotator)s, %(token)s,
               statement_timestamp(), statement_timestamp() + q.lease_for, v.id, v.digest
        FROM workforce_queue q JOIN LATERAL (
            SELECT w.id, w.digest FROM specs_specversion w
            WHERE w.spec_id = q.spec_id AND w.meaning = %(meaning)s AND w.state NOT IN ('draft', 'forming')
            ORDER BY (w.id = q.version_id) DESC, w.major DESC, w.minor DESC, w.patch DESC LIMIT 1) v ON true
        WHERE q.id = %(queue)s RETURNING *
    ), lease AS (
        INSERT INTO workforce_lease (project_id, assignment_id, annotator_id, token, renewal, version_id, leased_at, until)
        SELECT project_id, id, annotator_id, token, 0, version_id, leased_at, lease_until FROM slot
    ), held AS (
        UPDATE workforce_enrolment e SET held_until = greatest(e.held_until, s.lease_until)
        FROM slot s WHERE e.annotator_id = s.annotator_id AND e.queue_id = s.queue_id
    ), event AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT project_id, 'assignment.claimed', 'assignment', id, %(by)s,
               jsonb_build_object('annotator', annotator_id, 'task', task_id, 'version', version_id) FROM slot
    )
    SELECT id FROM slot
"""


def mint(
    *,
    purpose: TaskPurpose,
    enrolment_id: int,
    version_id: int,
    by: Member | None,
    chance: random.Random = _CHANCE,
) -> int | None:
    """A task of that purpose leased to her, inside the claim's transaction: the id of its slot, None when there is none.

    What newcomers are given is not counted among the claims that carry their first gold. *version_id* is the version that her
    next task would be served under. Call it under the enrolment's lock.
    """
    gold = purpose == TaskPurpose.GOLD
    known: dict[str, Any] = {
        "enrolment": enrolment_id,
        "version": version_id,
        "at": chance.random(),
        "seed": f"{chance.getrandbits(64):x}",
        "pool": settings.GOLD_POOL,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FIND.get(purpose, _GOLD), known)
        row = cursor.fetchone()
        if row is not None:
            cursor.execute(
                _MINT,
                {
                    **known,
                    "item": row[0],
                    "first": row[1] if purpose == TaskPurpose.REPEAT else None,
                    "beside": row[1] if purpose == TaskPurpose.SHADOW else None,
                    "counts": purpose in (TaskPurpose.GOLD, TaskPurpose.REPEAT),
                    "purpose": purpose.value,
                    "gold": gold,
                    "token": uuid.uuid4(),
                    "by": by.pk if by else None,
                },
            )
            row = cursor.fetchone()
        if row is None and gold:
            cursor.execute(_NONE_LEFT, [settings.GOLD_AGAIN_AFTER.total_seconds(), enrolment_id])
    return int(row[0]) if row else None


def claim_anew(*, task_id: int, annotator: Annotator, by: Member | None) -> int | None:
    """For a late answer to a probe: the same task again for the one it was minted for, if she has not answered it."""
    known: dict[str, Any] = {"task": task_id, "annotator": annotator.pk, "by": by.pk if by else None}
    with connection.cursor() as cursor:
        cursor.execute(_ANEW, known)
        row = cursor.fetchone()
        if row is None:
            return None
        project, queue, number, meaning = row
        cursor.execute(
            _ANEW_SLOT,
            {
                **known,
                "project": project,
                "queue": queue,
                "number": number,
                "meaning": meaning,
                "token": uuid.uuid4(),
            },
        )
        slot = cursor.fetchone()
    return int(slot[0]) if slot else None
