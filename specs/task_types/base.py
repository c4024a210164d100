"""What a kind of question must answer. Pure.

A question is a dict of the version's schema, an item is its payload (a dict), a value is JSON. `BadValue` is the one way to
say that an answer cannot be taken.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from specs.problems import Problem

Question = Mapping[str, Any]
Level = Literal["nominal", "ordinal", "interval", "set", "intervals of text"]


class BadValue(ValueError):
    """The answer does not fit its question; the message is for the person who gave it."""


class TaskType(ABC):
    """One kind of question. A file of this package holds one instance named `task_type`; its name is the kind's key."""

    name: ClassVar[str]
    level: ClassVar[Level]

    @abstractmethod
    def problems(self, question: Question) -> list[Problem]:
        """What is wrong with the question as written."""

    @abstractmethod
    def options(self, question: Question, item: Mapping[str, Any]) -> list[dict[str, str]]:
        """What can be chosen for this item: `{"value", "title", "shortcut"}` each; empty for kinds without options."""

    @abstractmethod
    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        """The value in a posted form, None when nothing was answered. Raises `BadValue`."""

    @abstractmethod
    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        """The value in a JSON answer, checked. Raises `BadValue`."""

    @abstractmethod
    def codes(self, question: Question, values: Sequence[Any]) -> tuple[np.ndarray, list[Any]]:
        """`(codes: (n,) int, distinct: list)` such that `distinct[codes[i]] == values[i]`; labels first, in their order."""

    @abstractmethod
    def distance(self, question: Question, a: Any, b: Any) -> float:
        """How far two values are apart, in [0, 1]: 0 for equal ones, symmetric."""

    @abstractmethod
    def merge(self, question: Question, values: Sequence[Any]) -> Any:
        """One value that stands for several equal or nearly equal ones; merging equals gives the equal."""

    @abstractmethod
    def compare(self, question: Question, values: Sequence[Any]) -> list[dict[str, Any]]:
        """For the console: groups of equal answers, largest first: `{"value", "describe", "indices", "n"}`."""

    @abstractmethod
    def mapping(self, old: Question, new: Question) -> dict[str, str | None]:
        """Old value -> new value, or None where the label is gone and the question has to be asked again."""

    @abstractmethod
    def rows(self, question: Question, value: Any) -> dict[str, Any]:
        """The columns this value has in a flat export."""

    @abstractmethod
    def describe(self, question: Question, value: Any) -> str:
        """The value in words."""

    @abstractmethod
    def sample(self) -> dict[str, Any]:
        """A question of this kind, an item and some values: `{"question", "item", "values", "bad"}`."""
