"""What a ruling says, beside an answer or another ruling. Nothing changes here."""

from __future__ import annotations

from typing import Any

from annotation.models import Annotation, Ruling
from specs import task_types, versions


def agrees(ruling: Ruling, answer: Annotation) -> bool:
    """Whether the answer says what was ruled, on every question that the ruling decides."""
    return _same(ruling, answer.values, answer.cannot)


def same(one: Ruling, other: Ruling) -> bool:
    """Whether two rulings on a dispute say the same, on every question that the first decides."""
    return _same(one, other.values, other.cannot)


def _same(ruling: Ruling, values: dict[str, Any], cannot: str) -> bool:
    if ruling.cannot or cannot:
        return ruling.cannot == cannot
    version = versions.read(ruling.version_id)
    for key, ruled in ruling.values.items():
        question = version.question(key)
        if key not in values or not task_types.get(question["kind"]).agrees(question, ruled, values[key]):
            return False
    return True
