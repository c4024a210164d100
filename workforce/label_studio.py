"""What a Label Studio export says of a task: its results by control, and the predictions among them. Pure.

A task holds `annotations` and `predictions`, each with `result`s of one control (`from_name`) and type. A choice of one and a
rating have a place here; what has none (spans, boxes, several values) is for the caller to count.
"""

from __future__ import annotations

from typing import Any

TAKEN = ("choices", "rating")
"""The types of results that become the value of a question."""


def parts(owner: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list inside another object; none where there is no such list."""
    found = owner.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def control_of(result: dict[str, Any]) -> tuple[str, str]:
    """The control and the type of a result."""
    return str(result.get("from_name", ""))[:64], str(result.get("type", ""))[:32]


def chooses_several(result: dict[str, Any]) -> bool:
    value = result.get("value")
    chosen = value.get("choices") if isinstance(value, dict) else None
    return isinstance(chosen, list) and len(chosen) != 1


def value_of(result: dict[str, Any]) -> str | None:
    """The one choice or the rating of a result, as text; None for anything else."""
    value = result.get("value")
    if not isinstance(value, dict):
        return None
    if isinstance(chosen := value.get("choices"), list):
        return str(chosen[0]).strip() or None if len(chosen) == 1 else None
    rating = value.get("rating")
    return str(rating) if isinstance(rating, int) and not isinstance(rating, bool) else None
