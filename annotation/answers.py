"""Which answers to a question count as agreement between people, and these as codes. Nothing changes here.

Versions of one meaning count together, versions of different meaning never. Models and bots are no part of human agreement.
Counted are the first revisions in force of answers from people, made here or elsewhere; of a task that stops by itself only as
many as it wanted before anybody had answered, because it is the contested ones that get more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation.agreement import repeats
from annotation.agreement.clauses import Members
from annotation.agreement.counts import Table, from_codes
from annotation.agreement.pairs import Pairs
from annotation.agreement.pairs import of as pairs_of
from specs import task_types
from specs.models import Spec
from specs.versions import ReadVersion
from workforce.models import Queue

Codes = NDArray[np.int64]
AT_ONCE = 50_000

_SCOPE = """
    FROM annotation_annotation a
    JOIN specs_specversion v ON v.id = a.version_id
    JOIN workforce_annotator p ON p.id = a.annotator_id
    JOIN workforce_task t ON t.id = a.task_id AND t.purpose = 'work'
    WHERE v.spec_id = %(spec)s AND v.meaning = %(meaning)s AND p.kind IN ('person', 'imported')
      AND (%(queue)s::bigint IS NULL OR a.queue_id = %(queue)s)
      AND (%(version)s::bigint IS NULL OR a.version_id = %(version)s)
      AND a.values ? %(question)s
      AND (t.overlap_basis NOT IN ('dynamic', 'fair') OR a.ordinal <= t.planned)
      AND (%(position)s::bigint IS NULL OR EXISTS (
          SELECT 1 FROM specs_ledgerentry e WHERE e.event_id = a.event_id AND e.position <= %(position)s))
      AND NOT EXISTS (
          SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision
            AND (%(position)s::bigint IS NULL OR EXISTS (
                SELECT 1 FROM specs_ledgerentry e WHERE e.event_id = l.event_id AND e.position <= %(position)s)))
"""
_ANSWERS = f"SELECT t.item_id, a.annotator_id, a.id, a.version_id, a.values -> %(question)s {_SCOPE}"
_MEMBERSHIP = f"""
    WITH scope AS (SELECT a.id, t.item_id {_SCOPE}),
    answers AS (SELECT item_id, count(*) AS n FROM scope GROUP BY 1)
    SELECT c.clause_id, s.item_id, count(*)::float / max(n.n)
    FROM scope s JOIN annotation_citation c ON c.annotation_id = s.id AND c.question = %(question)s
    JOIN answers n ON n.item_id = s.item_id
    WHERE c.clause_id IS NOT NULL GROUP BY 1, 2
    UNION ALL
    SELECT ic.clause_id, n.item_id, 1.0 FROM answers n JOIN workforce_itemclause ic ON ic.item_id = n.item_id
"""
_GOLD = """
    SELECT item_id, value::text FROM workforce_knownanswer
    WHERE spec_id = %(spec)s AND question = %(question)s AND (state = 'in-use' OR until_meaning > %(meaning)s)
      AND meaning <= %(meaning)s ORDER BY id
"""


@dataclass(frozen=True)
class Scope:
    """Whose answers to what: a question of a version's meaning, in one queue or all, up to a place in the ledger or all."""

    spec: Spec
    version: ReadVersion
    question: str
    queue: Queue | None = None
    position: int | None = None
    only_version: int | None = None

    def key(self, value: Any) -> str:
        """The text that equal values of the question share."""
        return self.kind.key(self.asked, value)

    @property
    def asked(self) -> dict[str, Any]:
        return self.version.question(self.question)

    @property
    def kind(self) -> task_types.TaskType:
        return task_types.get(self.asked["kind"])

    @property
    def known(self) -> dict[str, Any]:
        return {
            "spec": self.spec.pk,
            "meaning": self.version.meaning,
            "question": self.question,
            "queue": self.queue.pk if self.queue else None,
            "position": self.position,
            "version": self.only_version,
        }


@dataclass(frozen=True)
class Answers:
    """`items, annotators: (n_items,), (n_annotators,)` primary keys in order; `values` of the question, its labels first.

    `item, annotator, value: (n_answers,)` codes, `answer, version` primary keys of each answer, in the order they were given.
    """

    items: Codes
    annotators: Codes
    values: list[Any]
    item: Codes
    annotator: Codes
    value: Codes
    answer: Codes
    version: Codes

    def table(self) -> Table:
        """How many answers of each value each item has."""
        counts = from_codes(self.item, self.value, n_items=len(self.items), n_values=len(self.values))
        return Table(self.items.tolist(), list(self.values), counts)

    def first(self) -> Answers:
        """Only what everybody said of an item first."""
        kept = repeats.first(self.item, self.annotator)
        parts = (part[kept] for part in (self.item, self.annotator, self.value, self.answer, self.version))
        return Answers(self.items, self.annotators, self.values, *parts)

    def pairs(self) -> Pairs:
        """Every two answers of different people to one item; an answer of the same person to it again is left out."""
        once = self.first()
        return pairs_of(once.item, once.annotator, once.value, n_items=len(self.items))


def read(scope: Scope) -> Answers:
    """The answers as codes, the values that the question names first. Rows are turned into codes as they come.

    Two JSON texts may be one value (a number with another number of noughts): which are one, the question's kind says.
    """
    texts: dict[str, int] = {}
    numbers: list[Codes] = []
    said: list[Codes] = []
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERS, scope.known)
        while rows := cursor.fetchmany(AT_ONCE):
            numbers.append(np.array([row[:4] for row in rows], dtype=np.int64))
            said.append(np.array([texts.setdefault(row[4], len(texts)) for row in rows], dtype=np.int64))
    whole = np.concatenate(numbers) if numbers else np.zeros((0, 4), dtype=np.int64)
    codes, values = _distinct(scope, texts)
    value = codes[np.concatenate(said)] if said else np.zeros(0, dtype=np.int64)
    order = np.argsort(whole[:, 2], kind="stable")
    whole, value = whole[order], value[order]
    items, item = np.unique(whole[:, 0], return_inverse=True)
    annotators, annotator = np.unique(whole[:, 1], return_inverse=True)
    return Answers(items, annotators, values, item, annotator, value, whole[:, 2], whole[:, 3])


def _distinct(scope: Scope, texts: Mapping[str, int]) -> tuple[Codes, list[Any]]:
    """`(codes: (n_texts,), values)`: what each JSON text is, those that the question names first."""
    key = scope.key
    found = {key(value): value for value in scope.kind.known_values(scope.asked)}
    places = {text: k for k, text in enumerate(found)}
    codes = np.zeros(len(texts), dtype=np.int64)
    for text, place in texts.items():
        value = json.loads(text)
        found.setdefault(key(value), value)
        codes[place] = places.setdefault(key(value), len(places))
    return codes, list(found.values())


def members(scope: Scope, answers: Answers) -> Members:
    """Which of the version's clauses every item is about: cited by a share of its answers, or known of it (whole).

    Clauses are codes in the order of the version.
    """
    places = {clause.id: k for k, clause in enumerate(scope.version.clauses)}
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERSHIP, scope.known)
        rows = [
            (places[clause], item, share) for clause, item, share in cursor.fetchall() if clause in places
        ]
    if not rows:
        nothing = np.zeros(0, dtype=np.int64)
        return Members(nothing, nothing, np.zeros(0))
    clause = np.array([row[0] for row in rows], dtype=np.int64)
    item = np.searchsorted(answers.items, np.array([row[1] for row in rows], dtype=np.int64))
    cells, place = np.unique(item * len(places) + clause, return_inverse=True)
    share = np.zeros(len(cells))
    np.maximum.at(share, place, np.array([row[2] for row in rows], dtype=float))
    return Members(cells // len(places), cells % len(places), share)


def gold(scope: Scope, answers: Answers) -> Codes | None:
    """The code of every item's known answer, -1 for none; None where no item has one."""
    with connection.cursor() as cursor:
        cursor.execute(_GOLD, scope.known)
        known = {item: scope.key(json.loads(text)) for item, text in cursor.fetchall()}
    items = answers.items.tolist()
    if not any(item in known for item in items):
        return None
    columns = {scope.key(value): k for k, value in enumerate(answers.values)}
    return np.array([columns.get(known.get(item, ""), -1) for item in items], dtype=np.int64)
