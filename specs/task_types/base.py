"""What a kind of question must answer. Pure.

A question is a dict of the version's schema, an item is its payload (a dict), a value is any JSON. `BadValue` is the one way to
say that an answer cannot be taken. Two answers are the same where their `key` is; they agree where `agrees` says so, which a
question may allow to be a little apart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from specs import canonical
from specs.problems import Problem
from specs.task_types._settings import Setting

__all__ = ["BadValue", "Column", "Level", "Question", "Setting", "TaskType", "field", "given"]

Question = Mapping[str, Any]
Level = Literal["nominal", "ordinal", "interval", "ratio", "set", "spans", "ranking", "boxes", "text"]
Column = Literal["text", "whole", "number", "yes"]


class BadValue(ValueError):
    """The answer does not fit its question; the message is for the person who gave it."""


class TaskType(ABC):
    """One kind of question. A file of this package holds one instance named `task_type`; its name is the kind's key.

    `settings` are the kind's own, kept under `settings` of a question; `labelled` says whether a question of this kind may have
    labels, `item_options` whether they may come from the item; `one_of_options` that a value is one of the options as it stands;
    `imported_from` the table and column of a folder of labels that have its answers (else `labels` and `label`).
    """

    name: ClassVar[str]
    level: ClassVar[Level]
    settings: ClassVar[tuple[Setting, ...]] = ()
    labelled: ClassVar[bool] = True
    item_options: ClassVar[bool] = False
    one_of_options: ClassVar[bool] = False
    imported_from: ClassVar[tuple[str, str]] = ("labels", "label")

    # --- The question

    @abstractmethod
    def problems(self, question: Question) -> list[Problem]:
        """What is wrong with the question as written; the types of its settings are checked already."""

    def setting(self, question: Question, name: str) -> Any:
        """The question's own setting, else its default."""
        default = next(one.default for one in self.settings if one.name == name)
        found = (question.get("settings") or {}).get(name)
        return default if found is None else found

    def level_of(self, question: Question) -> Level:
        """The level of measurement of one question."""
        return self.level

    def options(self, question: Question, item: Mapping[str, Any]) -> list[dict[str, str]]:
        """What can be chosen for this item: `{"value", "title", "shortcut"}` each; empty for kinds without options."""
        return []

    def shows(self, question: Question) -> tuple[str, ...]:
        """Fields of the item that the question itself shows, so that a page need not show them twice: those with its options."""
        return (question["options_from"],) if question.get("options_from") else ()

    def posed_with(self, question: Question) -> tuple[str, ...]:
        """Fields of the item that the question is posed with: without any, it looks the same for every item."""
        source = question.get("options_from")
        return (*self.shows(question), *([source] if source else []))

    def context(self, question: Question, item: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """What the template gets besides; *value* may be anything that was entered, right or wrong, or None. Never raises."""
        return {}

    # --- The answer

    @abstractmethod
    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        """The value in a posted form, None when nothing was answered. Raises `BadValue`."""

    @abstractmethod
    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        """The value in a JSON answer, checked and in its one canonical form. Raises `BadValue`."""

    def entered(self, question: Question, form: Mapping[str, Any]) -> Any:
        """What stands in a posted form, to be kept as a draft and shown again, right or wrong; None for nothing. Never raises."""
        return given(form, question)[-1] if given(form, question) else None

    def form(self, question: Question, value: Any) -> dict[str, list[str]]:
        """The fields of a form that post this value: `parse` of them gives it back."""
        return {field(question): [str(value)]}

    # --- Labels made elsewhere

    def drafted(self, texts: Collection[str], offered: Collection[str]) -> dict[str, Any]:
        """Fields of a question that these texts of a table of labels answer; *offered* are the options that items bring."""
        return {}

    def from_text(self, question: Question, text: str, item: Mapping[str, Any]) -> Any:
        """The value that a text of a table says: JSON, or the value itself as text. Raises `BadValue`."""
        try:
            value = canonical.loads_strict(text)
        except canonical.NotCanonical:
            value = text
        return self.parse_json(question, self.from_elsewhere(question, value, item), item)

    def from_elsewhere(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        """A value that another program gave, in the terms of this kind; it is still to be parsed. Raises `BadValue`."""
        return value

    # --- Several answers

    @abstractmethod
    def distance(self, question: Question, a: Any, b: Any) -> float:
        """How far two values are apart, in [0, 1]: 0 for equal ones, symmetric."""

    def key(self, question: Question, value: Any) -> str:
        """A text that equal values share and different ones do not."""
        return value if isinstance(value, str) else canonical.dumps(value).decode()

    def tolerance(self, question: Question) -> float:
        """The distance up to which two answers agree: the setting `agree_within` where the kind has one, else 0."""
        if not any(one.name == "agree_within" for one in self.settings):
            return 0.0
        return float(self.setting(question, "agree_within"))

    def agrees(self, question: Question, a: Any, b: Any) -> bool:
        """Whether two answers count as agreeing."""
        if self.key(question, a) == self.key(question, b):
            return True
        within = self.tolerance(question)
        return within > 0 and self.distance(question, a, b) <= within + 1e-9

    def known_values(self, question: Question) -> list[Any]:
        """The values that the question itself names, in their order; empty where values are of many parts."""
        return [label["value"] for label in question.get("labels") or ()] if self.one_of_options else []

    def codes(self, question: Question, values: Sequence[Any]) -> tuple[np.ndarray, list[Any]]:
        """`(codes: (n,) int, distinct: list)` such that `distinct[codes[i]] == values[i]`, `known_values` first."""
        distinct = {self.key(question, value): value for value in self.known_values(question)}
        places = {key: code for code, key in enumerate(distinct)}
        codes = np.zeros(len(values), dtype=np.int64)
        for index, value in enumerate(values):
            key = self.key(question, value)
            distinct.setdefault(key, value)
            codes[index] = places.setdefault(key, len(places))
        return codes, list(distinct.values())

    def merge(self, question: Question, values: Sequence[Any]) -> Any:
        """One value that stands for several equal or nearly equal ones: the one that is nearest to all of them."""
        counts, distinct = _counted(self, question, values)
        if len(distinct) == 1:
            return next(iter(distinct.values()))
        apart = {
            key: sum(n * self.distance(question, value, distinct[other]) for other, n in counts.items())
            for key, value in distinct.items()
        }
        return distinct[min(apart, key=lambda key: (round(apart[key], 9), -counts[key], key))]

    def compare(self, question: Question, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Groups of agreeing answers, largest first: `{"value", "describe", "indices", "n"}`, the value merged of its group."""
        found = []
        for indices in self.groups(question, values):
            value = self.merge(question, [values[index] for index in indices])
            describe = self.describe(question, value)
            found.append({"value": value, "describe": describe, "indices": indices, "n": len(indices)})
        return sorted(found, key=lambda group: (-group["n"], self.key(question, group["value"])))

    def overlay(
        self, question: Question, item: Mapping[str, Any], readings: Sequence[tuple[str, Any]]
    ) -> dict[str, Any] | None:
        """What `task_types/<kind>_overlay.html` shows of several answers laid over each other, for whoever decides between them.

        *readings* are `(whose, value)`. None for kinds whose values are compared as words.
        """
        return None

    def groups(self, question: Question, values: Sequence[Any]) -> list[list[int]]:
        """Places of the values that agree. What is only near goes, value by value, to the one that most others agree with."""
        same: dict[str, list[int]] = {}
        for index, value in enumerate(values):
            same.setdefault(self.key(question, value), []).append(index)
        if self.tolerance(question) <= 0 or len(same) == 1:
            return list(same.values())
        left, found = dict(sorted(same.items())), []
        while left:
            near = {
                key: [
                    other
                    for other in left
                    if self.agrees(question, values[left[key][0]], values[left[other][0]])
                ]
                for key in left
            }
            first = max(left, key=lambda key: (sum(len(left[other]) for other in near[key]), len(left[key])))
            found.append(sorted(index for other in near[first] for index in left.pop(other)))
        return found

    # --- Out of the house

    def mapping(self, old: Question, new: Question) -> dict[str, str | None]:
        """Old label -> new label, or None where it is gone and the question has to be asked again."""
        kept = {label["value"] for label in new.get("labels") or ()}
        return {
            label["value"]: label["value"] if label["value"] in kept else None
            for label in old.get("labels") or ()
        }

    def columns(self, question: Question) -> dict[str, Column]:
        """The columns of a flat export and what they hold; the first is the question's key, the others begin with `<key>:`."""
        return {question["key"]: "text"}

    def rows(self, question: Question, value: Any) -> dict[str, Any]:
        """What the value is in these columns; None where a column has nothing."""
        return {question["key"]: value if isinstance(value, str | int | float) else _json(value)}

    @abstractmethod
    def describe(self, question: Question, value: Any) -> str:
        """The value in words."""

    @abstractmethod
    def sample(self) -> dict[str, Any]:
        """A question of this kind, an item and some values: `{"question", "item", "values", "bad"}`.

        `values` differ from each other; `bad` are JSON answers that are refused.
        """


def field(question: Question, part: str = "") -> str:
    """The name of a question's field in a form: `q.<key>`, or `q.<key>.<part>`."""
    return f"q.{question['key']}.{part}" if part else f"q.{question['key']}"


def given(form: Mapping[str, Any], question: Question, part: str = "") -> list[str]:
    """All texts that a form has for a question, empty ones left out; the form is a plain dict or a `QueryDict`."""
    name = field(question, part)
    found = form.getlist(name) if hasattr(form, "getlist") else form.get(name)
    several = found if isinstance(found, list | tuple) else [found]
    return [one for one in several if isinstance(one, str) and one != ""]


def _json(value: Any) -> str:
    return canonical.dumps(value).decode()


def _counted(
    kind: TaskType, question: Question, values: Sequence[Any]
) -> tuple[dict[str, int], dict[str, Any]]:
    counts: dict[str, int] = {}
    distinct: dict[str, Any] = {}
    for value in values:
        key = kind.key(question, value)
        counts[key] = counts.get(key, 0) + 1
        distinct.setdefault(key, value)
    return counts, distinct
