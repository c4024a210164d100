"""How far a project's events are followed by something that is derived from them, in order and without gaps.

Events are told apart by their transactions, not by their numbers: one that began earlier may commit later. So a cursor names the
transaction before which all are over and looked at (`seen`), and a number up to which no event can still turn up (`upto`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SETTLED_AFTER = 60
"""Seconds after which a number that was given by then belongs to a transaction that has a number itself."""

# The question before it is no matter of speed: an insertion waits for whoever holds the row, also where it does nothing.
_BEGIN = """
    INSERT INTO {table} (project_id, seen, upto, ahead, ahead_xid, ahead_at)
    SELECT %(project)s, pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 0, 0, 0, statement_timestamp()
    WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE project_id = %(project)s)
    ON CONFLICT (project_id) DO NOTHING
"""
_LOCK = "SELECT seen, upto FROM {table} WHERE project_id = %(project)s FOR NO KEY UPDATE {wait}"
_ELSEWHERE = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint < %(seen)s"
_ANEW = "UPDATE {table} SET upto = 0, ahead = 0, ahead_xid = 0 WHERE project_id = %(project)s"
_RESTART = "UPDATE {table} SET upto = 0, ahead = 0, ahead_xid = 0, seen = ({now}) RETURNING project_id"
_SEEN = "UPDATE {table} SET seen = %(xmin)s WHERE project_id = %(project)s"
# A number that was given to nobody yet when it was noted cannot be below; one that was, is settled with its transaction.
_NEXT = """
    UPDATE {table}
    SET upto = ahead, ahead = coalesce((SELECT max(id) FROM specs_event WHERE project_id = %(project)s), 0),
        ahead_xid = pg_snapshot_xmax(pg_current_snapshot())::text::bigint, ahead_at = statement_timestamp()
    WHERE project_id = %(project)s AND ahead_xid <= %(xmin)s
      AND ahead_at < statement_timestamp() - %(settled)s * interval '1 second'
"""
FRESH = "e.project_id = %(project)s AND e.id > %(upto)s AND e.xact >= %(seen)s::text::xid8"
"""What is to be looked at, as a condition on events `e`, with the parameters that `lock` gives."""
NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
"""Asked in the statement that reads the events, so that what it sees and what it says of finished transactions are one moment."""


@dataclass(frozen=True)
class EventCursor:
    """The cursors in one table, a row for each project. All of it inside a transaction, in this order."""

    table: str

    def begin(self, cursor: Any, project_id: int) -> bool:
        """Make the project's row; whether it is new, so that what lies before it has to be read whole."""
        cursor.execute(_BEGIN.format(table=self.table), {"project": project_id})
        return bool(cursor.rowcount)

    def lock(self, cursor: Any, project_id: int, *, wait: bool) -> dict[str, Any] | None:
        """The parameters of `FRESH`; None where somebody else is at it and is not waited for."""
        cursor.execute(
            _LOCK.format(table=self.table, wait="" if wait else "SKIP LOCKED"), {"project": project_id}
        )
        row = cursor.fetchone()
        return None if row is None else {"project": project_id, "seen": row[0], "upto": row[1]}

    def start_anew(self, cursor: Any, known: dict[str, Any]) -> bool:
        """Whether this is another database cluster than the one the row was written in: then it starts over, and all is read."""
        cursor.execute(_ELSEWHERE, known)
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(_ANEW.format(table=self.table), known)
        return True

    def restart(self, cursor: Any) -> list[int]:
        """Begin every project's row over, after a restore; the projects, of which all has to be read then."""
        cursor.execute(_RESTART.format(table=self.table, now=NOW))
        return sorted(row[0] for row in cursor.fetchall())

    def looked(self, cursor: Any, known: dict[str, Any], xmin: int) -> None:
        """All that `FRESH` let through is looked at; *xmin* is what `NOW` said beside it."""
        told = {**known, "xmin": xmin, "settled": SETTLED_AFTER}
        cursor.execute(_SEEN.format(table=self.table), told)
        cursor.execute(_NEXT.format(table=self.table), told)
