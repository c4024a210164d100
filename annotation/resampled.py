"""What a sample put before people again shows: how many labels would come out otherwise, each share with its interval."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection

from annotation import appraising, rules
from annotation.agreement import opposing, people
from annotation.models import Resample
from specs import versions

_ANSWERS = """
    SELECT t.item_id, a.annotator_id, t.queue_id = %(queue)s, a.values::text
    FROM annotation_annotation a JOIN workforce_task t ON t.id = a.task_id AND t.purpose = 'work'
    WHERE (t.queue_id = %(queue)s OR t.queue_id = %(source)s AND t.meaning = %(meaning)s) AND t.item_id = ANY(%(items)s)
      AND NOT EXISTS (SELECT 1 FROM annotation_annotation l
                      WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
    ORDER BY a.id
"""
# A model has no annotator: 0 is nobody's number, so its predictions are never taken for somebody's own answers.
_BEFORE_AND_PREDICTED = """
    SELECT t.item_id, a.annotator_id, false, a.values::text
    FROM annotation_annotation a JOIN workforce_task t ON t.id = a.task_id AND t.purpose = 'work'
    WHERE t.queue_id = %(source)s AND t.meaning = %(meaning)s AND t.item_id = ANY(%(items)s)
      AND NOT EXISTS (SELECT 1 FROM annotation_annotation l
                      WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
    UNION ALL
    SELECT p.item_id, 0, true, json_object_agg(p.question, p.value)::text FROM workforce_prediction p
    WHERE p.spec_id = %(spec)s AND p.model = %(model)s AND p.model_version = %(model_version)s AND p.item_id = ANY(%(items)s)
    GROUP BY p.item_id
"""


@dataclass(frozen=True)
class Shown:
    """One question of a sample. Shares have None below one answer.

    `items` of those answered again: how many come out *otherwise* than their label (the unique plurality of the new answers
    differs from it); `answers`: how many new answers say what the label says; `own`: how many say what the same person said
    before; `across`: earlier answers against new ones, kappa over the items.
    """

    title: str
    otherwise: appraising.Share
    answers: appraising.Share
    own: appraising.Share
    across: opposing.Across | None


def read(sample: Resample) -> list[Shown]:
    """Every question of the version. One query; the sample is at most `MAX_PILOT_ITEMS` items."""
    whole = versions.read(sample.words.pk)
    known = {
        "queue": sample.queue_id,
        "source": sample.source_id,
        "meaning": sample.words.meaning,
        "items": [int(item) for item in sample.labels],
        "spec": sample.words.spec_id,
        "model": sample.model,
        "model_version": sample.model_version,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERS if sample.queue_id else _BEFORE_AND_PREDICTED, known)
        rows = [(item, who, new, json.loads(values)) for item, who, new, values in cursor.fetchall()]
    return [_shown(sample, question, rows) for question in whole.questions]


def _shown(sample: Resample, question: dict[str, Any], rows: list[tuple[int, int, bool, Any]]) -> Shown:
    key = question["key"]
    said = [(item, who, new, rules.key_of(values[key])) for item, who, new, values in rows if key in values]
    labels = {int(item): rules.key_of(values[key]) for item, values in sample.labels.items() if key in values}
    fresh = [(item, who, value) for item, who, new, value in said if new and item in labels]
    before = {(item, who): value for item, who, new, value in said if not new}
    by_item: dict[int, list[str]] = {}
    for item, _who, value in fresh:
        by_item.setdefault(item, []).append(value)
    return Shown(
        question["title"],
        _share(
            [top != labels[item] for item, values in by_item.items() if (top := _top(values)) is not None]
        ),
        _share([value == labels[item] for item, _who, value in fresh]),
        _share([value == before[item, who] for item, who, value in fresh if (item, who) in before]),
        _across(said),
    )


def _top(values: list[str]) -> str | None:
    """The unique plurality, None where there is none."""
    (first, n), *rest = Counter(values).most_common(2)
    return None if rest and rest[0][1] == n else first


def _share(found: Iterable[bool]) -> appraising.Share:
    each = list(found)
    if not each:
        return appraising.Share(0, 0, None)
    low, high = people.wilson(sum(each), len(each))
    return appraising.Share(len(each), sum(each), sum(each) / len(each), low, high)


def _across(said: list[tuple[int, int, bool, str]]) -> opposing.Across | None:
    items = {item: k for k, item in enumerate(dict.fromkeys(row[0] for row in said))}
    values = {value: k for k, value in enumerate(dict.fromkeys(row[3] for row in said))}
    if not said:
        return None
    return opposing.across(
        np.array([items[row[0]] for row in said]),
        np.array([int(row[2]) for row in said]),
        np.array([values[row[3]] for row in said]),
        n_items=len(items),
        n_values=len(values),
        one=0,
        other=1,
    )
