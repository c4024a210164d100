"""A version as the rules of `specs.linting` read it: typed, each part knowing its place, whatever a draft lacks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from specs import clauses as clause_shape
from specs.numbering import numbers
from specs.vague_words import breaks_ties, normal, references


@dataclass(frozen=True)
class Place:
    """Where a finding stands: `order` sorts as the document is read, the rest is what the finding says."""

    order: tuple[int, int, int]
    where: str
    clause: str = ""
    block: int = 0


@dataclass(frozen=True)
class Block:
    type: str
    place: Place
    text: str
    item: str
    value: str
    why: str


@dataclass(frozen=True)
class Governs:
    question: str
    values: frozenset[str]
    pairs: frozenset[tuple[str, str]]

    @property
    def is_whole(self) -> bool:
        return not self.values and not self.pairs


@dataclass(frozen=True)
class Clause:
    key: str
    number: str
    section: str
    title: str
    place: Place
    blocks: tuple[Block, ...]
    governs: tuple[Governs, ...]

    @cached_property
    def words(self) -> str:
        """All that the clause itself says; the items of its examples are somebody else's words."""
        return "\n".join(part for block in self.blocks for part in (block.text, block.why) if part)

    @cached_property
    def folded(self) -> str:
        return normal(self.words)

    @cached_property
    def named(self) -> set[str]:
        """Numbers and keys of the clauses that it refers to."""
        return {name for _, name in references(self.words)}

    @cached_property
    def decides(self) -> bool:
        return breaks_ties(self.folded)

    def of_type(self, *types: str) -> list[Block]:
        return [block for block in self.blocks if block.type in types]


@dataclass(frozen=True)
class Question:
    key: str
    title: str
    help: str
    labels: Mapping[str, str]
    is_open: bool
    place: Place


@dataclass(frozen=True)
class Spec:
    clauses: tuple[Clause, ...]
    questions: tuple[Question, ...]

    @cached_property
    def by_key(self) -> dict[str, Question]:
        return {question.key: question for question in self.questions}

    @cached_property
    def rules(self) -> list[Block]:
        """The blocks that carry meaning."""
        return [block for clause in self.clauses for block in clause.of_type(*clause_shape.MEANING)]

    def asked_by(self, clause: Clause) -> list[Question]:
        """The questions that the clause governs; all of them when it governs none."""
        named = [self.by_key[entry.question] for entry in clause.governs if entry.question in self.by_key]
        return named if clause.governs else list(self.questions)


def read(version: Mapping[str, Any]) -> Spec:
    clauses = list(version.get("clauses") or ())
    numbered = numbers([str(clause.get("section") or "") for clause in clauses])
    return Spec(
        tuple(
            _clause(at, number, clause)
            for at, (number, clause) in enumerate(zip(numbered, clauses, strict=True))
        ),
        tuple(_question(at, question) for at, question in enumerate(version.get("questions") or ())),
    )


def _clause(at: int, number: str, clause: Mapping[str, Any]) -> Clause:
    key = str(clause.get("key") or "")
    place = Place((1, at, 0), f"clause {key}", key)
    return Clause(
        key,
        number,
        str(clause.get("section") or ""),
        str(clause.get("title") or ""),
        place,
        tuple(_block(place, n, block) for n, block in enumerate(clause.get("blocks") or (), 1)),
        tuple(_governs(entry) for entry in clause.get("governs") or ()),
    )


def _block(clause: Place, number: int, block: Mapping[str, Any]) -> Block:
    where = clause_shape.block_name(clause.where, number, block)
    place = Place((*clause.order[:2], number), where, clause.clause, number)
    text, item, value, why = (str(block.get(name) or "") for name in ("text", "item", "value", "why"))
    return Block(str(block.get("type") or ""), place, text, item, value, why)


def _governs(entry: Mapping[str, Any]) -> Governs:
    pairs = (sorted({str(value) for value in pair}) for pair in entry.get("pairs") or ())
    return Governs(
        str(entry.get("question") or ""),
        frozenset(str(value) for value in entry.get("values") or ()),
        frozenset((pair[0], pair[1]) for pair in pairs if len(pair) == 2),
    )


def _question(at: int, question: Mapping[str, Any]) -> Question:
    key = str(question.get("key") or "")
    values = [(str(label.get("value") or ""), label) for label in question.get("labels") or ()]
    return Question(
        key,
        str(question.get("title") or ""),
        str(question.get("help") or ""),
        {value: str(label.get("title") or value) for value, label in values},
        bool(question.get("options_from")),
        Place((0, at, 0), f"question {key}"),
    )
