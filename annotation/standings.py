"""Agreement in a queue as it stands, read from its live sums alone: the history is never read, whatever its size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from annotation import units
from annotation.adding import newest_version
from annotation.agreement import live
from specs import task_types
from workforce.models import Queue


@dataclass(frozen=True)
class Standing:
    """Agreement on one question of a queue as it stands, under one meaning; `whole` once all of its history is counted."""

    question: str
    title: str
    meaning: int
    level: str
    live: live.Live
    whole: bool
    at: datetime


def read(*, queue: Queue, meaning: int | None = None) -> list[Standing]:
    """Every question of a queue under a meaning (the newest with an answer), from the sums alone; empty before any is answered.

    Call `catch_up` first where it has to be up to this moment.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT meaning, question, name, amount FROM annotation_livesum WHERE queue_id = %s AND meaning = coalesce(%s, "
            "(SELECT max(meaning) FROM annotation_livesum WHERE queue_id = %s))",
            [queue.pk, meaning, queue.pk],
        )
        rows = cursor.fetchall()
        cursor.execute(
            "SELECT recounted_to IS NULL, folded_at FROM annotation_livequeue WHERE queue_id = %s", [queue.pk]
        )
        counted = cursor.fetchone()
    if not rows:
        return []
    sums: dict[str, dict[str, int]] = defaultdict(dict)
    for _, question, name, amount in rows:
        sums[question][name] = int(amount)
    version = newest_version(queue.spec_id, rows[0][0])
    return [
        Standing(
            question["key"],
            question["title"],
            rows[0][0],
            units.level_of(question),
            _live(question, sums[question["key"]]),
            *counted,
        )
        for question in version.questions
        if question["key"] in sums
    ]


def _live(question: Mapping[str, Any], sums: Mapping[str, int]) -> live.Live:
    kind = task_types.get(question["kind"])
    order = [kind.key(question, value) for value in kind.known_values(question)]
    return live.read(
        sums,
        level=units.level_of(question),
        order=order,
        n_resamples=min(settings.BOOTSTRAP_RESAMPLES, 300),
    )
