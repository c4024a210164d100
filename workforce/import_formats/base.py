"""What a form of another tool's export must answer: its records, and which value here somebody's words there are. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar

from workforce.import_formats.sniffing import Start
from workforce.label_studio import MARKS, NotCarried
from workforce.row_files import BadRow

__all__ = ["MARKS", "Answer", "BadRow", "Form", "NotCarried", "Predicted", "Record", "Said"]


@dataclass(frozen=True)
class Said:
    """What one control (a question there) says in one answer: its `type`, and the words of it."""

    type: str
    value: Any


@dataclass(frozen=True)
class Answer:
    """One answer to a record by `who`, a name that is none of a person's; `at` in ISO 8601, empty where it is not known.

    `answered` names the controls that were answered, where the export says so: then one of them that says nothing says that there
    is nothing to say.
    """

    who: str
    said: Mapping[str, Said]
    at: str = ""
    answered: frozenset[str] | None = None


@dataclass(frozen=True)
class Predicted:
    """What a model said of a record. `score` may be anything that the export has."""

    model: str
    said: Mapping[str, Said]
    score: Any = None


@dataclass
class Record:
    """A record: its key, its fields, what people and models said of it; `left_out` counts parts that have no place here."""

    key: str
    data: dict[str, Any]
    answers: list[Answer] = field(default_factory=list)
    predictions: list[Predicted] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


Found = Iterator[tuple[int, Record | BadRow]]


class Form(ABC):
    """One form. `kinds` are the types of what its controls say, each with the kinds of question whose value that can be.

    `columns` of its `records` are names of columns, of a form that has any: see `table`.
    """

    title: ClassVar[str]
    kinds: ClassVar[Mapping[str, tuple[str, ...]]]

    @abstractmethod
    def begins(self, start: Start) -> bool:
        """Whether a file of this form begins so."""

    @abstractmethod
    def records(self, source: BinaryIO, max_bytes: int, columns: Mapping[str, list[str]]) -> Found:
        """`(line, record)` for each, or why it cannot be read. The source is not unpacked yet."""

    @abstractmethod
    def value_of(self, kind: str, said: Said, data: Mapping[str, Any]) -> Any:
        """The value that this is to a question of the kind; it is still to be parsed. Raises `NotCarried`."""

    def kind_of(self, said: Said) -> str:
        """The kind of question that this is made for; empty where no kind takes it."""
        return self.kinds.get(said.type, ("",))[0]
