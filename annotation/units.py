"""Answers in the form that statistics of their level take: numbers of a scale in order, sets, spans, orders, boxes, texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from annotation.agreement.levels import Level, Units
from annotation.answers import Answers
from specs import task_types

Question = Mapping[str, Any]


def level_of(question: Question) -> Level:
    """The level of measurement of a question."""
    return task_types.get(question["kind"]).level  # type: ignore[return-value]


def labels_of(question: Question) -> list[str]:
    """The values that are known beforehand, in their order; empty for kinds without labels."""
    return [str(label["value"]) for label in question.get("labels") or ()]


def of(question: Question, given: Answers) -> tuple[Units, list[str]]:
    """The answers as units, and what each value is called in the database, in the order of the units' values."""
    order = _order(question, given.values)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    texts = [given.values[k] for k in order]
    read = _FORMS.get(level_of(question), str)
    values = [read(text) for text in texts]
    value = place[given.value] if len(order) else given.value
    return Units(given.item, given.annotator, value, values, len(given.items)), texts


def _order(question: Question, texts: Sequence[str]) -> list[int]:
    """Where the columns of a scale come from: labels in their order first, then numbers by size."""
    n_labels = len(labels_of(question))
    if level_of(question) not in ("ordinal", "interval", "ratio"):
        return list(range(len(texts)))
    if level_of(question) == "ordinal" and n_labels:
        return list(range(len(texts)))
    return sorted(range(len(texts)), key=lambda k: _number(texts[k]))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _set(text: str) -> frozenset[str]:
    return frozenset(map(str, json.loads(text)))


def _spans(text: str) -> tuple[tuple[int, int, str], ...]:
    return tuple(
        sorted(
            (int(each["start"]), int(each["end"]), str(each.get("label", ""))) for each in json.loads(text)
        )
    )


def _boxes(text: str) -> tuple[tuple[float, float, float, float, str], ...]:
    return tuple(
        (
            float(each["x"]),
            float(each["y"]),
            float(each["x"]) + float(each["width"]),
            float(each["y"]) + float(each["height"]),
            str(each.get("label", "")),
        )
        for each in json.loads(text)
    )


def _ranking(text: str) -> tuple[tuple[str, str], ...]:
    """Things best first, as every pair of them in that order."""
    return tuple(combinations(map(str, json.loads(text)), 2))


_FORMS: dict[str, Callable[[str], Any]] = {
    "interval": _number,
    "ratio": _number,
    "set": _set,
    "spans": _spans,
    "ranking": _ranking,
    "boxes": _boxes,
}
