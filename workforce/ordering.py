"""Where an open slot lies in its queue: the SQL of its rank, and of what is told to those who came past there.

Nothing changes here. Whoever opens a slot writes `rank(...)` into it and adds `arrived(...)` to the same statement.

A rank is one number, so that one index gives the order whatever the policy is. Before the point stands the band:
`(1000 - priority) * 100 + pass`, where the pass is 0 for what is begun and 1 for the rest (depth-first), or the number of the
answer (breadth-first). Behind it stands the place among equals, from 0 to below 1. Numbers of any length take a text or a double
and the order of arrival behind it without rounding; 63 bits would not. Tasks share a rank only by accident: many on one rank
would all be looked at by whoever has answered them.

An annotator's enrolment keeps the ranks that she has passed, as ranges. A slot that is opened among them is an arrival: her
next claim looks there again, and nowhere else. So one urgent task is found at once by somebody who has answered 100,000
others, and they are not gone through again for it.
"""

from __future__ import annotations

STEP = 64
"""How far apart the ranks of two tasks lie that come in together."""
CAME_BACK = "nextval('workforce_rank')"
"""The place of what is begun where the order is first in: as it came back."""
POINTS = 64
"""So many ranges are told apart; where there are more, an arrival takes them together, and an enrolment forgets some."""

_PAYLOAD = "(SELECT i.payload FROM workforce_item i WHERE i.id = {t}.item_id)"
_RANK = f"""(
    (1000 - {{t}}.priority) * 100
    + CASE WHEN {{q}}.spread = 'breadth' THEN least({{number}}, 98) WHEN {{begun}} THEN 0 ELSE 1 END
    + CASE {{q}}."order"
        WHEN 'random' THEN (hashint8extended({{t}}.id, {{q}}.order_seed) & 9007199254740991) * 1e-16
        WHEN 'field' THEN workforce_place({{payload}} -> {{q}}.order_field, {{q}}.order_kind, {{q}}.order_descending)
                          + {{t}}.rank * 1e-70
        WHEN 'disagreement' THEN round(1 - coalesce({{t}}.disagreement, 0)::numeric, 9) * 0.9 + {{t}}.rank * 1e-30
        WHEN 'oldest-dispute' THEN coalesce(extract(epoch FROM {{t}}.disputed_at) * 1e-11, 0.99) + {{t}}.rank * 1e-35
        ELSE CASE WHEN {{begun}} AND {{q}}.spread = 'depth' THEN {{came_back}}
             ELSE {{t}}.rank + ({{number}} - 1) * {STEP} * {{q}}.stagger END * 1e-18
      END)"""


def rank(
    *,
    number: str,
    begun: str,
    t: str = "t",
    q: str = "q",
    payload: str | None = None,
    came_back: str = CAME_BACK,
) -> str:
    """A slot's rank, for the task *t* in the queue *q*: names of rows in the statement, as *number* and *begun* are columns.

    *payload* says where the item's payload is when the item is made by the same statement.
    """
    return _RANK.format(
        t=t,
        q=q,
        number=number,
        begun=begun,
        payload=payload or _PAYLOAD.format(t=t),
        came_back=came_back,
    )


def arrived(slots: str) -> str:
    """A part of a statement that opens *slots* (rows of `project_id`, `queue_id`, `rank`, `state`): who passed there looks again.

    One row for each band, so that a delivery does not open what lies between its bands. The ranges are made of a few slots
    only: to gather the 30,000 of a chunk took about a third of a load.
    """
    return f"""arrived_{slots} AS (
        INSERT INTO workforce_arrival (project_id, queue_id, ranks)
        SELECT project_id, queue_id,
               CASE WHEN n > {POINTS} THEN nummultirange(numrange(first, last, '[]'))
                    ELSE (SELECT range_agg(numrange(o.rank, o.rank, '[]')) FROM {slots} o
                          WHERE o.state = 'open' AND o.queue_id = bands.queue_id AND trunc(o.rank) = band) END
        FROM (SELECT project_id, queue_id, trunc(rank) AS band, count(*) AS n, min(rank) AS first, max(rank) AS last
              FROM {slots} WHERE state = 'open' GROUP BY project_id, queue_id, trunc(rank)) bands
    )"""


PASSED = """CASE WHEN e.cursor_epoch = q.cursor_epoch THEN e.passed - coalesce((
        SELECT range_agg(r.ranks) FROM workforce_arrival r WHERE r.queue_id = q.id AND r.xid >= e.seen), '{}')
    ELSE '{}'::nummultirange END"""
"""What the enrolment *e* of the queue *q* has passed and nothing came into since."""
SEEN = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
"""Every transaction before this one is over, and seen by this statement if it was committed: numbers of arrivals are not, since
one that began earlier may commit later."""


def beyond(passed: str, rank: str) -> str:
    """The set *passed* and everything before *rank*, which is not in it itself: other tasks may share it."""
    return f"""(SELECT CASE WHEN (SELECT count(*) FROM unnest(now.passed)) <= {POINTS} THEN now.passed
        ELSE nummultirange(numrange(0, {rank})) + (
            SELECT range_agg(g) FROM (SELECT g FROM unnest(now.passed) g ORDER BY g DESC LIMIT {POINTS // 2}) AS last) END
        FROM (SELECT {passed} + nummultirange(numrange(0, {rank})) AS passed) now)"""


DRAWN = """((hashtextextended('drawn:' || e.id::text || ':' || e.n_claims::text, q.order_seed) & 9007199254740991)
    / 9007199254740992::float8)"""
"""A number in [0, 1) for the next claim of the enrolment *e*: below the queue's random share, the claim is drawn at random.

A hash of the enrolment, its count of claims and the queue's seed: a claim that looks twice draws the same, and anybody who has
the seed can draw again.
"""
DRAWN_AT = "hashtextextended('at:' || e.id::text || ':' || e.n_claims::text, q.order_seed)"
"""Where a claim that is drawn looks, on the scale of `hashint8extended(task, 0)`: any task is as likely as any other."""
