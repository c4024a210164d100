"""What a ruling says, beside an answer or another ruling. Nothing changes here."""

from __future__ import annotations

from typing import Any

from annotation.models import Annotation, Ruling
from specs import canonical, task_types, versions


def agrees(ruling: Ruling, answer: Annotation) -> bool:
    """Whether the answer says what was ruled, on every question that the ruling decides."""
    return says(ruling, answer.values, answer.cannot)


def says(ruling: Ruling, values: dict[str, Any], cannot: str) -> bool:
    """Whether values, or that it cannot be labelled, are what was ruled; one of several, where several stay."""
    return _same(ruling, values, cannot) and all(_among(ruling, key, values) for key in ruling.sides)


def _among(ruling: Ruling, key: str, values: dict[str, Any]) -> bool:
    """Whether the value is one of those kept as right."""
    question = versions.read(ruling.version_id).question(key)
    kind = task_types.get(question["kind"])
    return key in values and any(
        kind.agrees(question, one["value"], values[key]) for one in ruling.sides[key]
    )


def same(one: Ruling, other: Ruling) -> bool:
    """Whether two rulings on a dispute say the same, on every question that the first decides."""
    return _same(one, other.values, other.cannot) and _kept(one) == _kept(other)


def _kept(ruling: Ruling) -> dict[str, list[str]]:
    return {
        key: sorted(canonical.dumps(one["value"]).decode() for one in kept)
        for key, kept in ruling.sides.items()
    }


def _same(ruling: Ruling, values: dict[str, Any], cannot: str) -> bool:
    if ruling.cannot or cannot:
        return ruling.cannot == cannot
    version = versions.read(ruling.version_id)
    for key, ruled in ruling.values.items():
        question = version.question(key)
        if key not in values or not task_types.get(question["kind"]).agrees(question, ruled, values[key]):
            return False
    return True
