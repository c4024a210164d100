"""What spans and boxes share: answers that are lists of labelled marks, and the two forms they are posted in. Pure.

A page with its script posts `q.<key>`, the list as JSON. Without, it posts rows: `q.<key>.label`, `q.<key>.start` and so on, each
as often as there are rows. `q.<key>.none` says that there is nothing to mark; without it an empty list is no answer.
"""

from __future__ import annotations

import itertools
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from specs import canonical
from specs.problems import Problem
from specs.task_types import _options
from specs.task_types.base import BadValue, Column, Question, TaskType, field, given
from specs.wording import _

_WHOLE = re.compile(r"^[+-]?[0-9]{1,15}$")
_NUMBER = re.compile(r"^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?$")
_TEXTS = ("label", "text")
_MOST_SHOWN = 1000
_DESCRIBED = 8
UNNAMED = "span"
"""The label of spans that come from elsewhere without one."""
_COLOURS = ("blue", "green", "amber", "violet", "red", "grey")


class Marks(TaskType):
    """A kind whose value is a list of marks on something that a field of the item holds. A subclass says what a mark is."""

    item_options = True
    parts: ClassVar[tuple[str, ...]]
    """What a mark has, its label first."""
    mark: ClassVar[str]
    """What one of them is called in a message."""
    marks: ClassVar[str]
    """What several are called."""

    @abstractmethod
    def whole(self, question: Question, item: Mapping[str, Any]) -> Any:
        """What is marked, as `checked` needs it. Raises `BadValue` where the item has none."""

    @abstractmethod
    def checked(self, number: int, mark: Mapping[str, Any], whole: Any) -> dict[str, Any]:
        """One mark of an answer in its canonical form; its parts are there, its label is asked for. Raises `BadValue`."""

    @abstractmethod
    def place(self, mark: Mapping[str, Any]) -> tuple[Any, ...]:
        """What marks are sorted by; those of one place are the same."""

    @abstractmethod
    def words(self, mark: Mapping[str, Any]) -> str:
        """A mark in words, without its label."""

    @abstractmethod
    def completed(self, question: Question, rows: list[Any], item: Mapping[str, Any]) -> list[Any]:
        """The marks that rows of the plain form say. Raises `BadValue` naming the row that says none."""

    def problems(self, question: Question) -> list[Problem]:
        """What is wrong with where the labels come from; one is enough, since a thing can also be left unmarked."""
        where, labels = f"question {question.get('key', '')}", question.get("labels") or []
        if question.get("options_from"):
            both = _("has labels of its own and options from the item; it can have one of the two")
            return [Problem(where, both)] if labels else []
        return [] if labels else [Problem(where, _("needs at least one label"))]

    def options(self, question: Question, item: Mapping[str, Any]) -> list[dict[str, str]]:
        """The options, each with a colour: what is marked lies close together, so no two neighbours should look alike."""
        return [
            {**option, "colour": option.get("colour") or _COLOURS[place % len(_COLOURS)]}
            for place, option in enumerate(_options.of(question, item))
        ]

    def shows(self, question: Question) -> tuple[str, ...]:
        return (self.setting(question, "field"),)

    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        found = self.entered(question, form)
        if found is None:
            return None
        if found and given(form, question, "none"):
            raise BadValue(
                _("something is marked, and it is said that there is nothing to mark: take one of them back")
            )
        if not given(form, question) and isinstance(found, list):
            found = self.completed(question, found, item)
        return self.parse_json(question, found, item)

    def entered(self, question: Question, form: Mapping[str, Any]) -> Any:
        """What was entered: a list, a text that is no list, or None for nothing. Never raises."""
        nothing = bool(given(form, question, "none"))
        if posted := given(form, question):
            found = _loaded(posted[-1])
        else:
            found = _rows(question, form, self.parts)
        if found == []:
            return [] if nothing else None
        return found

    def form(self, question: Question, value: Sequence[Any]) -> dict[str, list[str]]:
        found = {field(question): [canonical.dumps(value).decode()]}
        return found if value else {**found, field(question, "none"): ["1"]}

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        if not isinstance(value, list):
            raise BadValue(_("the answer is a list of %(things)s") % {"things": self.marks})
        if len(value) > (most := self.setting(question, "at_most")):
            raise BadValue(
                _("there are %(n_value)s %(things)s, and this question takes at most %(at_most)s")
                % {"n_value": len(value), "things": self.marks, "at_most": most}
            )
        whole = self.whole(question, item)
        labels = {option["value"] for option in self.options(question, item)}
        for number, mark in enumerate(value, 1):
            self._check_parts(number, mark, labels)
        found = sorted(
            (self.checked(number, mark, whole) for number, mark in enumerate(value, 1)), key=self.place
        )
        for one, other in itertools.pairwise(found):
            if self.place(one) == self.place(other):
                raise BadValue(
                    _("%(words)s is marked twice with the same label") % {"words": self.words(one)}
                )
        return found

    def _check_parts(self, number: int, mark: Any, labels: set[str]) -> None:
        if not isinstance(mark, Mapping) or set(mark) != set(self.parts):
            raise BadValue(
                _("%(name)s %(number)s is not an object of %(parts)s")
                % {"name": self.mark, "number": number, "parts": ", ".join(sorted(self.parts))}
            )
        if not isinstance(mark["label"], str) or mark["label"] not in labels:
            raise BadValue(
                _("%(name)s %(number)s has the label %(label)r, which is not asked for here")
                % {"name": self.mark, "number": number, "label": str(mark["label"])[:50]}
            )

    def columns(self, question: Question) -> dict[str, Column]:
        return {question["key"]: "text", f"{question['key']}:n": "whole"}

    def rows(self, question: Question, value: Any) -> dict[str, Any]:
        """The list as canonical JSON, and how long it is."""
        return {question["key"]: self.key(question, value), f"{question['key']}:n": len(value)}

    def describe(self, question: Question, value: Any) -> str:
        if not value:
            return _("nothing marked")
        named = [
            f"{_options.title(question, mark['label'])}: {self.words(mark)}" for mark in value[:_DESCRIBED]
        ]
        return "; ".join(named) + (
            _("; and %(n_value)s more") % {"n_value": len(value) - _DESCRIBED}
            if len(value) > _DESCRIBED
            else ""
        )


def rows(value: Any, parts: Sequence[str]) -> list[dict[str, Any]]:
    """Whatever was entered as rows to be shown again; what is no row is left out."""
    found = value if isinstance(value, list) else []
    return [
        {part: row[part] for part in parts if isinstance(row.get(part), str | int | float)}
        for row in found[:_MOST_SHOWN]
        if isinstance(row, Mapping)
    ]


def _loaded(text: str) -> Any:
    try:
        return canonical.loads_strict(text.encode())
    except (canonical.NotCanonical, UnicodeEncodeError):
        return text[:200]


def _rows(question: Question, form: Mapping[str, Any], parts: Sequence[str]) -> list[dict[str, Any]]:
    columns = {part: _column(form, field(question, part)) for part in parts}
    length = max(map(len, columns.values()), default=0)
    found = []
    for place in range(length):
        row = {
            part: _read(part, texts[place])
            for part, texts in columns.items()
            if place < len(texts) and texts[place]
        }
        if set(row) - {"label"}:
            found.append(row)
    return found


def _column(form: Mapping[str, Any], name: str) -> list[str]:
    found = form.getlist(name) if hasattr(form, "getlist") else form.get(name) or []
    several = found if isinstance(found, list | tuple) else [found]
    return [text if isinstance(text, str) else "" for text in several]


def _read(part: str, text: str) -> Any:
    if part in _TEXTS:
        return text
    if _WHOLE.match(text.strip()):
        return int(text)
    return float(text) if _NUMBER.match(text.strip()) else text


def pairs(text: str) -> list[tuple[int, int, str, str | None]]:
    """`(start, end, label, text)` of a JSON list of `[start, end]`, `[start, end, label]` or spans; `text` None where it is not
    said. Raises `BadValue`."""
    try:
        listed = canonical.loads_strict(text)
    except canonical.NotCanonical as error:
        raise BadValue(_("is no list of spans: %(error)s") % {"error": error}) from error
    found = []
    for one in listed if isinstance(listed, list) else [None]:
        parts = [one.get("start"), one.get("end"), one.get("label")] if isinstance(one, dict) else one
        if (
            not isinstance(parts, list)
            or len(parts) not in (2, 3)
            or any(type(place) is not int for place in parts[:2])
        ):
            raise BadValue(_("is no list of spans, as [start, end] each"))
        label = str(parts[2]) if len(parts) == 3 and parts[2] else UNNAMED
        said = one.get("text") if isinstance(one, dict) else None
        found.append((parts[0], parts[1], label, said if isinstance(said, str) else None))
    return found
