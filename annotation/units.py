"""Answers in the form that statistics of their level take: numbers of a scale in order, sets, spans, orders, boxes, texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.levels import FEW, NAMES, Level, Units
from annotation.answers import Answers
from specs import task_types
from workforce.models import Item

__all__ = ["FEW", "NAMES", "level_of", "of"]
Question = Mapping[str, Any]


def level_of(question: Question) -> Level:
    """The level of measurement of a question."""
    return task_types.get(question["kind"]).level_of(question)


def of(question: Question, given: Answers) -> tuple[Units, list[Any]]:
    """The answers as units, and the values as they were given, in the order of the units' values."""
    order = _order(question, given.values)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    as_given = [given.values[k] for k in order]
    read = _FORMS.get(level_of(question), str)
    values = [read(value) for value in as_given]
    value = place[given.value] if len(order) else given.value
    level = level_of(question)
    offered = _offered(question, given) if level == "set" else None
    lengths = _lengths(question, given) if level == "spans" else None
    whole = Units(
        given.item, given.annotator, value, values, len(given.items), lengths=lengths, options=offered
    )
    return whole, as_given


def _lengths(question: Question, given: Answers) -> NDArray[np.int64]:
    """How many characters the marked text of each item has."""
    name = task_types.get(question["kind"]).setting(question, "field")
    payloads = _payloads(given)
    return np.array([len(str(payloads[item].get(name, ""))) for item in given.items.tolist()], dtype=np.int64)


def _payloads(given: Answers) -> dict[int, dict[str, Any]]:
    return dict(Item.objects.filter(pk__in=given.items.tolist()).values_list("pk", "payload"))


def _offered(question: Question, given: Answers) -> list[list[str]]:
    """What could be chosen for each item: the question's labels, or what the item itself brings.

    Where items bring options, labels that stand beside them ("nothing of it") are none of these units, and an option that an
    item names twice is two: so the reference of event_annotation counts them.
    """
    source = question.get("options_from")
    if not source:
        return [[label["value"] for label in question.get("labels") or ()]] * len(given.items)
    payloads = _payloads(given)
    return [_brought(payloads[item].get(source)) for item in given.items.tolist()]


def _brought(field: Any) -> list[str]:
    options = field.split("|") if isinstance(field, str) else field if isinstance(field, list) else []
    return [str(one.get("value") if isinstance(one, Mapping) else one) for one in options]


def _order(question: Question, values: Sequence[Any]) -> list[int]:
    """Where the columns of a scale come from: what the question names stands in its order already, numbers go by size."""
    if level_of(question) not in ("ordinal", "interval", "ratio"):
        return list(range(len(values)))
    if any(isinstance(value, str) for value in values):
        return list(range(len(values)))
    return sorted(range(len(values)), key=lambda k: _number(values[k]))


def _number(value: Any) -> float:
    """A number, or the number of a quantity with a unit."""
    return float(value["value"] if isinstance(value, Mapping) else value)


def _set(value: Sequence[Any]) -> frozenset[str]:
    return frozenset(map(str, value))


def _spans(value: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, int, str], ...]:
    return tuple(sorted((int(each["start"]), int(each["end"]), str(each.get("label", ""))) for each in value))


def _boxes(value: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, float, float, float, str], ...]:
    return tuple(
        (
            float(each["x"]),
            float(each["y"]),
            float(each["x"]) + float(each["width"]),
            float(each["y"]) + float(each["height"]),
            str(each.get("label", "")),
        )
        for each in value
    )


def _ranking(value: Sequence[Sequence[Any]]) -> tuple[tuple[str, str], ...]:
    """Places, best first, each with the things that share it, as every pair of things of which one is better."""
    return tuple(
        (str(better), str(worse))
        for first, second in combinations(value, 2)
        for better in first
        for worse in second
    )


_FORMS: dict[str, Callable[[Any], Any]] = {
    "interval": _number,
    "ratio": _number,
    "set": _set,
    "spans": _spans,
    "ranking": _ranking,
    "boxes": _boxes,
}
