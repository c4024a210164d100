"""A question as a page poses it, wherever one is rendered: to be answered, tried in the editor, ruled on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from specs import task_types
from specs.task_types import BadValue


@dataclass(frozen=True)
class Posed:
    """What the template of a kind gets. `value` is what was entered, right or wrong, or None; `more` is the kind's own."""

    question: Mapping[str, Any]
    options: Sequence[Mapping[str, str]]
    value: Any
    errors: Sequence[str] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return f"task_types/{self.question['kind']}.html"


def pose(
    question: Mapping[str, Any], item: Mapping[str, Any], *, value: Any = None, errors: Sequence[str] = ()
) -> Posed:
    """The question for an item. What the item fails to bring is an error beside the question, and no page that breaks."""
    return Posed(**parts(question, item, value=value, errors=errors))


def parts(
    question: Mapping[str, Any], item: Mapping[str, Any], *, value: Any = None, errors: Sequence[str] = ()
) -> dict[str, Any]:
    """The fields of `Posed`, for what is more than one."""
    kind = task_types.get(question["kind"])
    options: Sequence[Mapping[str, str]] = ()
    try:
        options = kind.options(question, item)
    except BadValue as error:
        errors = [*errors, *([] if str(error) in errors else [str(error)])]
    more = kind.context(question, item, value)
    return {"question": question, "options": options, "value": value, "errors": errors, "more": more}


def shown_by(questions: Sequence[Mapping[str, Any]]) -> set[str]:
    """Fields of the item that questions show themselves; one that is asked on a branch only may not be there to show them."""
    asked = [question for question in questions if not question.get("shown_when")]
    return {name for question in asked for name in task_types.get(question["kind"]).shows(question)}
