"""How often tasks that stopped by themselves were accepted wrongly, measured on those that got one more blind answer.

A blind answer that says the same confirms the task. One that says something else is a dispute; the ruling tells who was right.
People share misreadings, so a confirmation is no proof: the measured error is a lower bound in that sense.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from workforce import intervals
from workforce.models import Queue

_AUDITS = """
    SELECT count(*) FILTER (WHERE d.verdict IN ('agreed', 'audit')),
           count(*) FILTER (WHERE d.verdict = 'audit'),
           count(*) FILTER (WHERE d.verdict = 'confirmed'),
           count(*) FILTER (WHERE d.verdict = 'contradicted' AND r.decided AND NOT r.wrong),
           count(*) FILTER (WHERE d.verdict = 'contradicted' AND r.decided AND r.wrong)
    FROM annotation_stopdecision d
    LEFT JOIN LATERAL (
        SELECT bool_and(o.value IS NOT NULL) AS decided, coalesce(bool_or(o.value IS DISTINCT FROM q.value), false) AS wrong
        FROM jsonb_to_recordset(d.questions) AS q (question text, value jsonb)
        LEFT JOIN LATERAL (
            SELECT o.value FROM annotation_resolution o WHERE o.task_id = d.task_id AND o.question = q.question
            ORDER BY o.revision DESC LIMIT 1
        ) o ON true
    ) r ON d.verdict = 'contradicted'
    WHERE d.queue_id = %s
"""


@dataclass(frozen=True)
class Measured:
    """The error of accepted tasks: `n_wrong` of `n_judged`, with a Wilson interval; `n_waiting` were drawn and not judged yet."""

    n_accepted: int
    n_drawn: int
    n_judged: int
    n_wrong: int

    @property
    def n_waiting(self) -> int:
        return self.n_drawn - self.n_judged

    @property
    def error(self) -> float | None:
        return self.n_wrong / self.n_judged if self.n_judged else None

    @property
    def low(self) -> float:
        return intervals.wilson(self.n_wrong, self.n_judged)[0]

    @property
    def high(self) -> float:
        return intervals.wilson(self.n_wrong, self.n_judged)[1]

    def as_dict(self) -> dict[str, Any]:
        return {
            "accepted": self.n_accepted,
            "drawn": self.n_drawn,
            "judged": self.n_judged,
            "wrong": self.n_wrong,
            "error": None if self.error is None else round(self.error, 6),
            "low": round(self.low, 6) if self.n_judged else None,
            "high": round(self.high, 6) if self.n_judged else None,
        }


def measured(*, queue: Queue) -> Measured:
    """The measured error of the queue's accepted tasks, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_AUDITS, [queue.pk])
        accepted, drawn, confirmed, upheld, wrong = cursor.fetchone()
    return Measured(accepted, drawn, confirmed + upheld + wrong, wrong)
