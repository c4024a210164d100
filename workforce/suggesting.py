"""What models said, before the people who answer: whether they see it, when, and what they did with it.

    (nothing) -> suggestion: serve
    suggestion -> suggestion that was taken: take

The arm is drawn in the database when a task is served, by a keyed hash of task and annotator: reloading, handing back and
claiming again draw nothing anew, and it is written down with the prediction that stood behind it, shown or not. Never shown
before the answer: on gold and repeats, and on answers that a task got because of earlier ones (a third opinion, an audit, a
review), since these are asked for to be blind. Adjudication, calibration and training queues have no predictions at all.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from specs import ledger, prepared
from specs.models import Member
from specs.refusals import Invalid
from workforce import leasing
from workforce.models import Annotator

# One statement whatever there is to show, so that neither its number nor its text tells.
_SERVE = """
    WITH due AS MATERIALIZED (
        SELECT t.id AS task_id, t.project_id, t.queue_id, t.item_id, s.annotator_id, q.spec_id, q.predictions AS mode,
               q.predictions_model AS model, q.predictions_prefill AS prefill,
               CASE WHEN q.predictions = 'after' THEN 'after'
                    WHEN t.purpose <> 'work' OR s.asked_after > 0 THEN NULL
                    WHEN ('x' || substr(encode(sha256(convert_to(
                             %(key)s::text || ':' || t.id || ':' || s.annotator_id, 'UTF8')), 'hex'), 1, 8))::bit(32)::bigint
                         < 4294967296 * CASE q.predictions WHEN 'before' THEN %(all)s::numeric ELSE q.predictions_share END
                    THEN 'shown' ELSE 'hidden' END AS arm
        FROM workforce_assignment s
        JOIN workforce_task t ON t.id = s.task_id
        JOIN workforce_queue q ON q.id = s.queue_id
        WHERE s.id = %(slot)s::bigint AND s.token = %(token)s::uuid AND s.state = 'leased'
          AND q.predictions <> 'hidden' AND q.purpose = 'labelling'
    ), fresh AS (
        INSERT INTO workforce_suggestion
            (project_id, queue_id, task_id, annotator_id, prediction_id, question, arm, prefilled, served_at)
        SELECT d.project_id, d.queue_id, d.task_id, d.annotator_id, p.id, p.question, d.arm, d.prefill AND d.arm = 'shown',
               statement_timestamp()
        FROM due d CROSS JOIN LATERAL (
            SELECT DISTINCT ON (p.question) p.id, p.question FROM workforce_prediction p
            WHERE p.item_id = d.item_id AND p.spec_id = d.spec_id AND (d.model = '' OR p.model = d.model)
            ORDER BY p.question, p.id DESC
        ) p
        WHERE d.arm IS NOT NULL
        ON CONFLICT (task_id, annotator_id, question) DO NOTHING
        RETURNING prediction_id, question, arm, prefilled, taken_at
    ), served AS (
        SELECT * FROM fresh
        UNION ALL
        SELECT g.prediction_id, g.question, g.arm, g.prefilled, g.taken_at
        FROM due d JOIN workforce_suggestion g ON g.task_id = d.task_id AND g.annotator_id = d.annotator_id
    )
    SELECT p.id, g.question, p.value::text, p.model, p.model_version, p.confidence, g.prefilled, g.taken_at IS NOT NULL
    FROM served g JOIN workforce_prediction p ON p.id = g.prediction_id
    WHERE g.arm = 'shown' AND EXISTS (SELECT FROM due d WHERE d.mode IN ('before', 'experiment'))
    ORDER BY g.question
"""
_AFTERWARDS = """
    SELECT p.id, g.question, p.value::text, p.model, p.model_version, p.confidence, g.prefilled, g.taken_at IS NOT NULL
    FROM workforce_assignment s
    JOIN workforce_queue q ON q.id = s.queue_id
    JOIN workforce_suggestion g ON g.task_id = s.task_id AND g.annotator_id = s.annotator_id
    JOIN workforce_prediction p ON p.id = g.prediction_id
    WHERE s.id = %(slot)s::bigint AND s.annotator_id = %(annotator)s::bigint AND s.state = 'submitted'
      AND (g.arm = 'shown' OR g.arm = 'after' AND q.predictions = 'after')
    ORDER BY g.question
"""
_TAKE = """
    SELECT g.id, g.taken_at IS NOT NULL, p.id, g.question, p.value::text, p.model, p.model_version, p.confidence, g.prefilled,
           true
    FROM workforce_assignment s
    JOIN workforce_suggestion g ON g.task_id = s.task_id AND g.annotator_id = s.annotator_id
    JOIN workforce_prediction p ON p.id = g.prediction_id
    JOIN workforce_queue q ON q.id = s.queue_id
    WHERE s.id = %(slot)s AND s.annotator_id = %(annotator)s AND s.token = %(token)s AND s.state = 'leased'
      AND s.lease_until > statement_timestamp() AND g.question = %(question)s AND g.arm = 'shown'
      AND q.predictions IN ('before', 'experiment')
    FOR NO KEY UPDATE OF g
"""


@dataclass(frozen=True)
class Suggested:
    """What a model said on one question, as she may see it: `confidence` in [0, 1] or None."""

    prediction_id: int
    question: str
    value: Any
    model: str
    model_version: str
    confidence: float | None
    prefilled: bool
    taken: bool

    @classmethod
    def of(cls, row: Sequence[Any]) -> Suggested:
        return cls(row[0], row[1], json.loads(row[2]), *row[3:])

    def as_dict(self) -> dict[str, Any]:
        return {
            "prediction": self.prediction_id,
            "question": self.question,
            "value": self.value,
            "model": self.model,
            "model_version": self.model_version,
            "confidence": self.confidence,
            "prefilled": self.prefilled,
            "taken": self.taken,
        }


def serve(served: leasing.Served) -> list[Suggested]:
    """What she may see of models beside this task, by question; what she is served, shown or not, is put on record.

    Nothing is asked where the queue keeps predictions hidden.
    """
    if not served.suggests:
        return []
    known = {
        "slot": served.assignment_id,
        "token": served.token,
        "key": _key(settings.SECRET_KEY),
        "all": 1 - settings.PREDICTIONS_WITHHELD_PERCENT / 100,
    }
    return [Suggested.of(row) for row in prepared.run(_SERVE, known)]


def afterwards(*, assignment_id: int, annotator: Annotator) -> list[Suggested]:
    """What models said of a task that she answered: what she saw, and what the queue shows once the answer is given."""
    known = {"slot": assignment_id, "annotator": annotator.pk}
    return [Suggested.of(row) for row in prepared.run(_AFTERWARDS, known)]


def shown_to(*, annotator: Annotator, tasks: Sequence[int]) -> dict[int, list[Suggested]]:
    """What she saw before she answered, by task; nothing of what was kept from her. One query."""
    found: dict[int, list[Suggested]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT g.task_id, p.id, g.question, p.value::text, p.model, p.model_version, p.confidence, g.prefilled,
                      g.taken_at IS NOT NULL
               FROM workforce_suggestion g JOIN workforce_prediction p ON p.id = g.prediction_id
               WHERE g.annotator_id = %s AND g.task_id = ANY(%s) AND g.arm = 'shown' ORDER BY g.task_id, g.question""",
            [annotator.pk, list(tasks)],
        )
        for task, *row in cursor.fetchall():
            found.setdefault(task, []).append(Suggested.of(row))
    return found


def take(
    *, assignment_id: int, annotator: Annotator, token: uuid.UUID, question: str, by: Member | None
) -> Suggested:
    """Put on record that she took a suggestion over; what she answers is hers to say. Harmless to repeat.

    Raises `LeaseLost`, and `Invalid` where nothing is shown to her on that question.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _TAKE,
            {"slot": assignment_id, "annotator": annotator.pk, "token": token, "question": question},
        )
        row = cursor.fetchone()
        if row is None:
            if not leasing.held(annotator=annotator, assignment_id=assignment_id):
                raise leasing.LeaseLost(_("This lease has ended."))
            raise Invalid(_("No suggestion is shown on this question."))
        number, known, *rest = row
        if not known:
            cursor.execute(
                "UPDATE workforce_suggestion SET taken_at = statement_timestamp() WHERE id = %s", [number]
            )
            ledger.record(
                project_id=annotator.project_id,
                kind="suggestion.taken",
                by=by,
                subject=("assignment", assignment_id),
                data={"annotator": annotator.pk, "prediction": rest[0]},
            )
    return Suggested.of(rest)


@cache
def _key(secret: str) -> str:
    """What the draw is keyed with: nobody outside can tell the arm of a task from its number."""
    return hmac.new(secret.encode(), b"workforce.suggestions", hashlib.sha256).hexdigest()
