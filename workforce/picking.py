"""Which slot a claim takes, and what taking it writes: the SQL of a claim, put together from named parts.

A claim is one statement. It asks who claims (`may`: one row, or none when the claim is refused or has to go the long way),
picks the first slot by rank among those she has not passed yet, leases it, and gives back the item with the version that is
served. What she has passed is looked at again only when nothing else is left, or where something came in (see `ordering`).
"""

from __future__ import annotations

from workforce import entering, excluding, ordering, serving

PLAIN = f"""
    entry AS MATERIALIZED ({entering.PLAIN} FOR NO KEY UPDATE OF e),
    may AS MATERIALIZED (SELECT * FROM entry WHERE {" AND ".join(entering.TAKES_THE_NEXT)} AND {entering.HOLDS_NOTHING})"""
"""`may` of a plain claim: the entry itself, where nothing speaks against it."""

ENTERED = f"""may AS MATERIALIZED (
    SELECT %(enrolment)s::bigint AS enrolment_id, %(epoch)s::int AS epoch, %(passed)s::nummultirange AS passed,
           %(seen)s::bigint AS seen, %(lease_for)s::interval AS lease_for, {entering.QUEUE}
    FROM workforce_queue q WHERE q.id = %(queue)s::bigint
)"""
"""`may` of a claim that went the long way: what `entering.enter` found, as parameters."""

TO_ALL, TO_THE_COHORT = "IS NULL", "= %(cohort)s::bigint"
"""Which slots are hers to pick. Two texts, since the planner misjudges one for both."""

_HERS = """
          AND NOT EXISTS (SELECT FROM workforce_assignment mine
                          WHERE mine.task_id = {task} AND mine.annotator_id = %(annotator)s::bigint)
          AND NOT EXISTS (SELECT FROM workforce_barred b
                          WHERE b.task_id = {task} AND b.annotator_id = %(annotator)s::bigint)"""
"""That she has not had the task, and may have it."""


def _first(where: str, reserved: str, also: str) -> str:
    """The first slot by rank for which *where* holds."""
    return f"""
        SELECT s.id, s.task_id, s.rank FROM workforce_assignment s
        WHERE s.queue_id = %(queue)s::bigint AND s.state = 'open' AND {where} AND s.reserved_for_id {reserved}
          AND EXISTS (SELECT FROM may){_HERS.format(task="s.task_id")}{also}
        ORDER BY s.rank LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED"""


def _passed(rank: str) -> str:
    return ordering.beyond("(SELECT passed FROM may)", rank)


def next_slot(reserved: str = TO_ALL, also: str = "") -> str:
    """`picked`: the next slot of the queue, first of those ahead of her, then of what she has passed.

    *also* is a further condition on the slot `s`.
    """
    # The gaps come in their order, each is looked through by itself, and the first that has a slot ends the search.
    return f"""
    gaps AS MATERIALIZED (
        SELECT lower(g) AS low, coalesce(upper(g), 'Infinity') AS high
        FROM may, unnest(nummultirange(numrange(0, NULL)) - may.passed) g
    ), ahead AS MATERIALIZED (
        SELECT found.* FROM (SELECT * FROM gaps ORDER BY low) gap CROSS JOIN LATERAL (
            {_first("s.rank >= gap.low AND s.rank <= gap.high", reserved, also)}
        ) found LIMIT 1
    ), behind AS MATERIALIZED (
        {_first("NOT EXISTS (SELECT FROM ahead)", reserved, also)}
    ), picked AS (
        SELECT *, true AS counts, {_passed("rank")} AS passed FROM ahead UNION ALL
        SELECT *, true AS counts, nummultirange(numrange(0, rank)) AS passed FROM behind
    )"""


NEXT_AHEAD = f"""
    picked AS MATERIALIZED (
        SELECT found.*, true AS counts
        FROM may, workforce_slot_ahead(%(queue)s::bigint, %(annotator)s::bigint, may.passed, {ordering.POINTS}) found
    )"""
"""`picked` of a plain claim: the next slot ahead of her; what she has passed is found the long way.

The search is a function of the database (a migration has it), because others move the head of the queue all the time: whoever
meets a slot that somebody took since her statement began has PostgreSQL set up the statement's whole plan once more to look at
that row again. A function looks with a snapshot of its own, taken now, and what is set up anew is small. It also says what she
has passed then, as `ordering.beyond` does: one range nearly always, which takes no query there.
"""


def slot_kept_for_her(one: bool = False, also: str = "") -> str:
    """`picked`: a slot that is kept for her by name, of *one* task if asked for. It lies in no order, and she passes nothing."""
    return f"""picked AS MATERIALIZED (
        SELECT s.id, s.task_id, false AS counts, (SELECT passed FROM may) AS passed FROM workforce_assignment s
        WHERE s.annotator_id = %(annotator)s::bigint AND s.queue_id = %(queue)s::bigint AND s.state = 'reserved'
          AND s.reserved_until > statement_timestamp(){" AND s.task_id = %(task)s::bigint" if one else ""}{also}
        ORDER BY s.rank LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    )"""


def slot_of_task(reserved: str = TO_ALL, also: str = "") -> str:
    """`picked`: a free slot of one task. She passes nothing."""
    first = _first("s.task_id = %(task)s::bigint", reserved, also)
    return f"""a AS MATERIALIZED ({first}),
        picked AS (SELECT *, false AS counts, (SELECT passed FROM may) AS passed FROM a)"""


def slot_at_random(reserved: str = TO_ALL, also: str = "") -> str:
    """`picked`: a free slot of a task drawn at random among the open ones, whatever the order. She passes nothing.

    The draw goes round: from `at` to the end, then from the start.
    """

    def part(name: str, where: str) -> str:
        return f"""{name} AS MATERIALIZED (
        SELECT found.* FROM (
            SELECT t.id FROM workforce_task t
            WHERE t.queue_id = %(queue)s::bigint AND t.state = 'open' AND {where}{_HERS.format(task="t.id")}
            ORDER BY hashint8extended(t.id, 0)
        ) drawn CROSS JOIN LATERAL ({_first("s.task_id = drawn.id", reserved, also)}) found LIMIT 1
    )"""

    return f"""{part("a", "hashint8extended(t.id, 0) >= %(at)s::bigint")},
    {part("b", "hashint8extended(t.id, 0) < %(at)s::bigint AND NOT EXISTS (SELECT FROM a)")},
    picked AS (SELECT *, true AS counts, (SELECT passed FROM may) AS passed
               FROM (SELECT * FROM a UNION ALL SELECT * FROM b) either)"""


TAKE = (
    """
    taken AS (
        UPDATE workforce_assignment s
        SET state = 'leased', annotator_id = %(annotator)s::bigint, token = %({key})s::uuid, n_renewals = 0,
            leased_at = statement_timestamp(), lease_until = statement_timestamp() + may.lease_for,
            reserved_until = NULL,
            version_id = v.id, served_digest = """
    + serving.digest()
    + """
        FROM picked p
        CROSS JOIN may
        JOIN workforce_task t ON t.id = p.task_id
        JOIN workforce_item i ON i.id = t.item_id
        JOIN LATERAL (
            SELECT w.id, w.digest, w.spec_id FROM specs_specversion w
            WHERE w.spec_id = may.spec_id AND w.meaning = t.meaning AND w.state NOT IN ('draft', 'forming')
            ORDER BY (w.id = t.pinned_id) DESC, (w.id = may.queue_version_id) DESC, w.major DESC, w.minor DESC, w.patch DESC
            LIMIT 1
        ) v ON true
        WHERE s.id = p.id
        RETURNING s.id, s.project_id, s.task_id, s.queue_id, s.number, s.annotator_id, s.token, s.leased_at, s.lease_until,
                  s.n_renewals, s.version_id, s.served_digest, i.id AS item_id, i.key AS item_key, i.payload::text, i.sensitive,
                  may.suggests, may."order", may.enrolment_id, may.epoch, may.seen, p.passed, p.counts
    ), leases AS (
        INSERT INTO workforce_lease (project_id, assignment_id, annotator_id, token, renewal, version_id, leased_at, until)
        SELECT project_id, id, annotator_id, token, 0, version_id, leased_at, lease_until FROM taken
    ), claimed AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT project_id, 'assignment.claimed', 'assignment', id, %(by)s::bigint,
               jsonb_build_object('annotator', annotator_id, 'task', task_id, 'version', version_id, 'order', {how}) FROM taken
    )"""
)
"""Lease what was picked: the slot, its lease, its event, which names the order that it was picked by, or that it was `drawn`.

A statement sets up all of its plan before it looks at a row, and that is most of what a claim costs: nothing is looked up twice.
"""

MOVE = """
    moved AS (
        UPDATE workforce_enrolment e
        SET cursor_epoch = taken.epoch, passed = taken.passed, seen = taken.seen,
            held_until = greatest(e.held_until, taken.lease_until), n_claims = e.n_claims + taken.counts::int
        FROM taken WHERE e.id = taken.enrolment_id
    )"""
"""How far she has come, and until when she holds something."""

SERVED = """
    SELECT {first}s.id, s.task_id, s.number, s.token, s.leased_at, s.lease_until, s.n_renewals, s.version_id, s.served_digest,
           s.item_id, s.item_key, s.payload, s.sensitive, s.queue_id, s.suggests
    FROM (SELECT) always LEFT JOIN taken s ON true
"""
"""One row: what is served now, nulls for nothing."""


_BY_ORDER, _BY_LOT = '"order"', "'drawn'"


def statement(may: str, picked: str, *, drawn: bool = False) -> str:
    """A claim, whole; its parameters are those that its parts name, with `token` for the lease."""
    take = TAKE.format(key="token", how=_BY_LOT if drawn else _BY_ORDER)
    return f"WITH {may}, {picked}, {take}, {MOVE} {SERVED.format(first='')}"


def after(slot: str) -> list[str]:
    """A plain claim inside the statement that submits *slot*, a row of `leased_until`, `annotator_id`, `queue_id`.

    It depends on that row, so that a submission locks task, slot and enrolment always in this order. The parameter for its
    lease is `next_token`. `taken` is what it leased.
    """
    holds = f"(held_until = (SELECT leased_until FROM {slot}) OR {entering.HOLDS_NOTHING})"
    return [
        f"entry AS MATERIALIZED ({entering.PLAIN} AND EXISTS (SELECT FROM {slot}) FOR NO KEY UPDATE OF e)",
        f"may AS MATERIALIZED (SELECT * FROM entry WHERE {' AND '.join(entering.TAKES_THE_NEXT)} AND {holds})",
        NEXT_AHEAD,
        TAKE.format(key="next_token", how=_BY_ORDER),
        f"""moved AS (
            UPDATE workforce_enrolment e
            SET cursor_epoch = coalesce(now.epoch, e.cursor_epoch), passed = coalesce(now.passed, e.passed),
                seen = coalesce(now.seen, e.seen), n_claims = e.n_claims + (now.epoch IS NOT NULL)::int,
                held_until = CASE WHEN now.epoch IS NOT NULL THEN now.lease_until
                                  WHEN e.held_until = {slot}.leased_until THEN NULL ELSE e.held_until END
            FROM {slot} LEFT JOIN taken now ON true
            WHERE e.annotator_id = {slot}.annotator_id AND e.queue_id = {slot}.queue_id
        )""",
    ]


PLAIN_CLAIM = statement(PLAIN, NEXT_AHEAD)
_COHORTS = ((False, TO_ALL), (True, TO_THE_COHORT))
_SHOWN = ((False, ""), (True, excluding.SHOWN))
# By whether she claims for a cohort, or one task, and whether something may be kept from her.
NEXT = {
    (cohort, watched): statement(ENTERED, next_slot(reserved, also))
    for cohort, reserved in _COHORTS
    for watched, also in _SHOWN
}
OF_TASK = {
    (cohort, watched): statement(ENTERED, slot_of_task(reserved, also))
    for cohort, reserved in _COHORTS
    for watched, also in _SHOWN
}
AT_RANDOM = {
    (cohort, watched): statement(ENTERED, slot_at_random(reserved, also), drawn=True)
    for cohort, reserved in _COHORTS
    for watched, also in _SHOWN
}
# A task that was begun out of turn is finished before others are begun, where the queue says so. Slots that somebody else is
# about to take are left to him: two who wait for each other's would wait for ever.
BEGUN = (
    """
    WITH free AS (
        SELECT s.id FROM workforce_assignment s JOIN workforce_queue q ON q.id = s.queue_id
        WHERE s.task_id = %(task)s::bigint AND s.state = 'open' AND NOT s.returned AND q.spread = 'depth'
        FOR NO KEY UPDATE OF s SKIP LOCKED
    ), slots AS (
        UPDATE workforce_assignment s SET returned = true, rank = """
    + ordering.rank(number="s.number", begun="true")
    + """
        FROM free f, workforce_task t, workforce_queue q
        WHERE s.id = f.id AND t.id = s.task_id AND q.id = s.queue_id
        RETURNING s.project_id, s.queue_id, s.rank, s.state
    ), """
    + ordering.arrived("slots")
    + " SELECT count(*) FROM slots"
)
KEPT = {
    (one, watched): statement(ENTERED, slot_kept_for_her(one, also))
    for one in (False, True)
    for watched, also in _SHOWN
}
