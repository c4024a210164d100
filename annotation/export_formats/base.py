"""What a form must answer: which questions it can hold, and a writer of rows. No file tells when or where it was made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar

from django.utils.functional import Promise

from specs import task_types

Row = Mapping[str, Any]
Questions = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Layout:
    """What stands in the rows of a snapshot. `item_fields` are fields of its items, None for too many to be columns."""

    questions: Questions
    columns: frozenset[str]
    item_fields: tuple[str, ...] | None = None
    selected: bool = False
    sure: bool = False
    split: bool = False
    soft: bool = False
    chance: bool = False
    plural: bool = False

    def of_kind(self, *kinds: str) -> list[Mapping[str, Any]]:
        return [question for question in self.questions if question["kind"] in kinds]


@dataclass
class Writer(ABC):
    """Writes the rows of one file. `left_out` counts what the form cannot hold, by reason."""

    out: BinaryIO
    layout: Layout
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:  # noqa: B027 (most forms have nothing to write first)
        """Write what comes first."""

    @abstractmethod
    def write(self, row: Row) -> None:
        """The next row."""

    def close(self) -> None:  # noqa: B027 (or last)
        """Write what comes last."""


class Format(ABC):
    """One form. `about` tells a reader of the manifest how it was written; `kinds` are the kinds of question it is made for."""

    suffix: ClassVar[str]
    media_type: ClassVar[str]
    title: ClassVar[str | Promise]
    kinds: ClassVar[tuple[str, ...]] = ()
    writer: ClassVar[type[Writer]]
    lines: ClassVar[bool] = False
    """Whether every row is one line."""

    @property
    @abstractmethod
    def about(self) -> str:
        """The writer with its version, and what it does to values."""

    def why_not(self, questions: Questions) -> str:
        """Why the form cannot hold answers to these questions; empty where it can."""
        from django.utils.translation import gettext as _

        if self.kinds and not any(question["kind"] in self.kinds for question in questions):
            return _("is a form for questions of the kind %(kinds)s") % {"kinds": ", ".join(self.kinds)}
        return ""

    def open(self, out: BinaryIO, layout: Layout) -> Writer:
        return self.writer(out, layout)


def kind_of(question: Mapping[str, Any]) -> task_types.TaskType:
    return task_types.get(question["kind"])


def field_of(question: Mapping[str, Any]) -> str:
    """The field of the item that a question's marks are on."""
    return str(kind_of(question).setting(question, "field"))
