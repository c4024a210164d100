"""Which slot a claim takes, and what taking it writes: the SQL of a claim, put together from named parts.

A claim is one statement. It asks who claims (`may`: one row, or none when the claim is refused or has to go the long way),
picks one slot from four lanes, leases it, and gives back the item with the version that is served. The lanes are, in order:
slots that came back and lie ahead of the annotator's cursor, untouched slots ahead of it, and the same two behind. A lane is
looked into only when those before it had nothing.
"""

from __future__ import annotations

from workforce import entering, serving

PLAIN = f"""
    entry AS MATERIALIZED ({entering.ENTRY} FOR NO KEY UPDATE OF e),
    may AS MATERIALIZED (SELECT * FROM entry WHERE {" AND ".join(entering.PLAIN)} AND {entering.HOLDS_NOTHING})"""
"""`may` of a plain claim: the entry itself, where nothing speaks against it."""

ENTERED = """may AS MATERIALIZED (
    SELECT %(enrolment)s::bigint AS enrolment_id, %(epoch)s::int AS epoch, %(cursor)s::bigint AS cursor,
           %(returned_cursor)s::bigint AS returned_cursor, %(lease_for)s::interval AS lease_for
)"""
"""`may` of a claim that went the long way: what `entering.enter` found, as parameters."""

TO_ALL, TO_THE_COHORT = "IS NULL", "= %(cohort)s::bigint"
"""Which slots are hers to pick. Two texts, since the planner misjudges one for both."""


def _lane(name: str, where: str, reserved: str, before: str, also: str) -> str:
    unless = "".join(f" AND NOT EXISTS (SELECT FROM {lane})" for lane in before)
    return f"""{name} AS MATERIALIZED (
        SELECT s.id, s.rank, s.returned FROM workforce_assignment s
        WHERE s.queue_id = %(queue)s::bigint AND s.state = 'open' AND {where} AND s.reserved_for_id {reserved}
          AND EXISTS (SELECT FROM may){unless}
          AND NOT EXISTS (SELECT FROM workforce_assignment mine
                          WHERE mine.task_id = s.task_id AND mine.annotator_id = %(annotator)s::bigint)
          AND NOT EXISTS (SELECT FROM workforce_barred b
                          WHERE b.task_id = s.task_id AND b.annotator_id = %(annotator)s::bigint){also}
        ORDER BY s.rank LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED
    )"""


def next_slot(reserved: str = TO_ALL, also: str = "", *, ahead_only: bool = False) -> str:
    """`picked`: the next slot of the queue. A plain claim looks ahead only; what lies behind is found the long way.

    *also* is a further condition on the slot `s`.
    """
    lanes = {
        "a": "s.returned AND s.rank > (SELECT returned_cursor FROM may)",
        "b": "NOT s.returned AND s.rank > (SELECT cursor FROM may)",
        "c": "s.returned AND s.rank <= (SELECT returned_cursor FROM may)",
        "d": "NOT s.returned AND s.rank <= (SELECT cursor FROM may)",
    }
    if ahead_only:
        del lanes["c"], lanes["d"]
    names = "".join(lanes)
    parts = [_lane(name, where, reserved, names[: names.index(name)], also) for name, where in lanes.items()]
    union = " UNION ALL ".join(f"SELECT *, true AS moves FROM {name}" for name in names)
    return ", ".join([*parts, f"picked AS ({union})"])


def slot_kept_for_her(one: bool = False, also: str = "") -> str:
    """`picked`: a slot that is kept for her by name, of *one* task if asked for. It is in no lane, and no cursor moves."""
    return f"""picked AS MATERIALIZED (
        SELECT s.id, s.rank, s.returned, false AS moves FROM workforce_assignment s
        WHERE s.annotator_id = %(annotator)s::bigint AND s.queue_id = %(queue)s::bigint AND s.state = 'reserved'
          AND s.reserved_until > statement_timestamp(){" AND s.task_id = %(task)s::bigint" if one else ""}{also}
        ORDER BY s.rank LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    )"""


def slot_of_task(reserved: str = TO_ALL, also: str = "") -> str:
    """`picked`: a free slot of one task. No cursor moves."""
    return (
        _lane("a", "s.task_id = %(task)s::bigint", reserved, "", also)
        + ", picked AS (SELECT *, false AS moves FROM a)"
    )


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
        JOIN workforce_assignment found ON found.id = p.id
        JOIN workforce_task t ON t.id = found.task_id
        JOIN workforce_queue q ON q.id = found.queue_id
        CROSS JOIN may
        JOIN LATERAL (
            SELECT w.id, w.digest FROM specs_specversion w
            WHERE w.spec_id = q.spec_id AND w.meaning = t.meaning AND w.state NOT IN ('draft', 'forming')
            ORDER BY (w.id = t.pinned_id) DESC, (w.id = q.version_id) DESC, w.major DESC, w.minor DESC, w.patch DESC LIMIT 1
        ) v ON true
        WHERE s.id = p.id
        RETURNING s.id, s.project_id, s.task_id, s.queue_id, s.number, s.annotator_id, s.token, s.leased_at, s.lease_until,
                  s.n_renewals, s.version_id, s.served_digest, q.predictions <> 'hidden' AS suggests
    ), leases AS (
        INSERT INTO workforce_lease (project_id, assignment_id, annotator_id, token, renewal, version_id, leased_at, until)
        SELECT project_id, id, annotator_id, token, 0, version_id, leased_at, lease_until FROM taken
    ), claimed AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT project_id, 'assignment.claimed', 'assignment', id, %(by)s::bigint,
               jsonb_build_object('annotator', annotator_id, 'task', task_id, 'version', version_id) FROM taken
    )"""
)
"""Lease what was picked: the slot, its lease, its event."""

MOVE = """
    moved AS (
        UPDATE workforce_enrolment e
        SET cursor_epoch = may.epoch,
            cursor = CASE WHEN p.moves AND NOT p.returned THEN p.rank ELSE may.cursor END,
            returned_cursor = CASE WHEN p.moves AND p.returned THEN p.rank ELSE may.returned_cursor END,
            held_until = greatest(e.held_until, taken.lease_until), n_claims = e.n_claims + p.moves::int
        FROM may, picked p, taken WHERE e.id = may.enrolment_id
    )"""
"""How far she has come, and until when she holds something."""

SERVED = """
    SELECT {first}s.id, s.task_id, s.number, s.token, s.leased_at, s.lease_until, s.n_renewals, s.version_id, s.served_digest,
           i.id, i.key, i.payload::text, i.sensitive, s.queue_id, s.suggests
    FROM (SELECT) always LEFT JOIN (taken s
    JOIN workforce_task t ON t.id = s.task_id
    JOIN workforce_item i ON i.id = t.item_id) ON true
"""
"""One row: what is served now, nulls for nothing."""


def statement(may: str, picked: str) -> str:
    """A claim, whole; its parameters are those that its parts name, with `token` for the lease."""
    return f"WITH {may}, {picked}, {TAKE.format(key='token')}, {MOVE} {SERVED.format(first='')}"


def after(slot: str) -> list[str]:
    """A plain claim inside the statement that submits *slot*, a row of `lease_until`, `annotator_id`, `queue_id`.

    It depends on that row, so that a submission locks task, slot and enrolment always in this order. The parameter for its
    lease is `next_token`. `taken` is what it leased.
    """
    holds = f"(held_until = (SELECT lease_until FROM {slot}) OR {entering.HOLDS_NOTHING})"
    return [
        f"entry AS MATERIALIZED ({entering.ENTRY} AND EXISTS (SELECT FROM {slot}) FOR NO KEY UPDATE OF e)",
        f"may AS MATERIALIZED (SELECT * FROM entry WHERE {' AND '.join(entering.PLAIN)} AND {holds})",
        next_slot(ahead_only=True),
        TAKE.format(key="next_token"),
        f"""moved AS (
            UPDATE workforce_enrolment e
            SET cursor_epoch = coalesce(now.epoch, e.cursor_epoch),
                cursor = CASE WHEN now.epoch IS NULL THEN e.cursor WHEN now.returned THEN now.cursor ELSE now.rank END,
                returned_cursor = CASE WHEN now.epoch IS NULL THEN e.returned_cursor
                                       WHEN now.returned THEN now.rank ELSE now.returned_cursor END,
                n_claims = e.n_claims + (now.epoch IS NOT NULL)::int,
                held_until = CASE WHEN now.epoch IS NOT NULL THEN now.lease_until
                                  WHEN e.held_until = {slot}.lease_until THEN NULL ELSE e.held_until END
            FROM {slot} LEFT JOIN (
                SELECT may.epoch, may.cursor, may.returned_cursor, p.rank, p.returned, taken.lease_until
                FROM may, picked p, taken
            ) now ON true
            WHERE e.annotator_id = {slot}.annotator_id AND e.queue_id = {slot}.queue_id
        )""",
    ]
