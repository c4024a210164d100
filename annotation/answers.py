"""Which answers to a question count as agreement between people, and these as codes. Nothing changes here.

Versions of one meaning count together, and those of meanings that were declared to be one (`specs.equating`); others never.
Models and bots are no part of human agreement. Counted are the first revisions in force of answers from people, made here or
elsewhere, as they stood before any reviewer returned them; of a task that stops by itself only as many as it wanted before
anybody had answered, because it is the contested ones that get more; of somebody who answered an item under several meanings the
first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation import columns
from annotation.agreement import by_distance, repeats
from annotation.agreement.clauses import Members
from annotation.agreement.counts import Table, from_codes, sums
from annotation.agreement.levels import NAMES
from annotation.agreement.pairs import Apart, Pairs
from annotation.agreement.pairs import of as pairs_of
from specs import equating, task_types
from specs.models import Spec
from specs.versions import ReadVersion
from workforce.models import Queue

Codes = NDArray[np.int64]
PEOPLE = ("person", "imported")
MODELS = ("model", "bot")
WHOLE_FROM = 5_000
"""Answers from which on tables are read whole instead of row by row. Low, since a plan by row that was made while the tables were
empty takes the square of their size: 20,000 answers that had just been imported took minutes."""
AT_ONCE = 50_000
"""Texts that are looked up in one query."""

_VERSIONS = """
    SELECT v.id FROM specs_specversion v WHERE v.spec_id = %(spec)s AND v.meaning = ANY(%(meanings)s)
      AND (%(version)s::bigint IS NULL OR v.id = %(version)s)
"""
_N_ANSWERS = """
    SELECT count(*) FROM annotation_annotation WHERE version_id = ANY(%(versions)s)
      AND (%(queue)s::bigint IS NULL OR queue_id = %(queue)s)
"""
_PEOPLE = """
    SELECT p.id FROM workforce_annotator p JOIN specs_spec s ON s.project_id = p.project_id
    WHERE s.id = %(spec)s AND p.kind = ANY(%(kinds)s)
"""


def independent(one: str = "a") -> str:
    """The condition that no reviewer asked for the revision *one*: what is said once an answer was returned is in part hers."""
    return f"""({one}.revision = 1 OR NOT EXISTS (
        SELECT FROM annotation_review w JOIN annotation_reviewdecision d ON d.review_id = w.id
        WHERE w.assignment_id = {one}.assignment_id AND d.verdict = 'return' AND d.decided_at <= {one}.recorded_at))"""


INDEPENDENT = independent()
# Superseded revisions, answers without a value and models come as well, and are left out afterwards: a set of rows is told
# apart faster as arrays than row by row. What a value is, its number says; which number is which, `_values` finds out.
_ANSWERS = f"""
    SELECT t.item_id, a.annotator_id, a.id, a.version_id, a.assignment_id, a.revision::bigint,
           (a.values ? %(question)s)::int::bigint, coalesce(hashtextextended((a.values -> %(question)s)::text, 0), 0)
    FROM annotation_annotation a JOIN workforce_task t ON t.id = a.task_id
    WHERE a.version_id = ANY(%(versions)s) AND t.purpose = 'work'
      AND (t.overlap_basis NOT IN ('dynamic', 'fair') OR a.ordinal <= t.planned) AND {INDEPENDENT}
"""
_IN_QUEUE = " AND a.queue_id = %(queue)s"
_OF_ITEMS = " AND t.item_id = ANY(%(items)s)"
_SEALED = """ AND EXISTS (
    SELECT 1 FROM specs_ledgerentry e WHERE e.event_id = a.event_id AND e.position <= %(position)s)"""
_TEXTS = "SELECT id, values -> %(question)s FROM annotation_annotation WHERE id = ANY(%(answers)s)"
_NUMBERS = "SELECT hashtextextended(one::jsonb::text, 0) FROM unnest(%(texts)s::text[]) WITH ORDINALITY AS u (one, k) ORDER BY k"
_CITED = """
    SELECT c.annotation_id, c.clause_id FROM annotation_citation c
    WHERE c.question = %(question)s AND c.clause_id = ANY(%(clauses)s)
"""
_BY_ANSWER = " AND c.annotation_id = ANY(%(answers)s)"
_GOVERNED = (
    "SELECT ic.item_id, ic.clause_id FROM workforce_itemclause ic WHERE ic.clause_id = ANY(%(clauses)s)"
)
_BY_ITEM = " AND ic.item_id = ANY(%(items)s)"
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
    kinds: tuple[str, ...] = PEOPLE
    items: tuple[int, ...] | None = None
    """Primary keys of the only items looked at; None for all."""
    pinned: tuple[int, ...] = ()
    """Meanings that count together because somebody wrote them down then; none for what is declared now."""

    @cached_property
    def meanings(self) -> list[int]:
        """What counts together: the version's meaning, with those declared to be one with it.

        Up to a place in the ledger it is the meaning alone: a later declaration must not change what was counted then.
        """
        if self.pinned:
            return sorted(self.pinned)
        if self.only_version is not None or self.position is not None:
            return [self.version.meaning]
        return equating.together(spec_id=self.spec.pk, meaning=self.version.meaning)

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
            "meanings": self.meanings,
            "question": self.question,
            "queue": self.queue.pk if self.queue else None,
            "position": self.position,
            "version": self.only_version,
            "kinds": list(self.kinds),
            "items": None if self.items is None else list(self.items),
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
    apart: Apart | None = None
    """How far values are from each other, by their codes, at levels where they do more than differ."""

    def table(self) -> Table:
        """How many answers of each value each item has."""
        counts = from_codes(self.item, self.value, n_items=len(self.items), n_values=len(self.values))
        return Table(self.items.tolist(), list(self.values), counts)

    def first(self) -> Answers:
        """Only what everybody said of an item first."""
        return only(self, repeats.first(self.item, self.annotator))

    def pairs(self) -> Pairs:
        """Every two answers of different people to one item; an answer of the same person to it again is left out."""
        once = self.first()
        return pairs_of(once.item, once.annotator, once.value, n_items=len(self.items), apart=self.apart)


def only(given: Answers, kept: NDArray[Any]) -> Answers:
    """Some of the answers, by a mask or by places; items and annotators keep their codes."""
    return replace(
        given,
        item=given.item[kept],
        annotator=given.annotator[kept],
        value=given.value[kept],
        answer=given.answer[kept],
        version=given.version[kept],
    )


def n_given(scope: Scope) -> int:
    """How many answers there are in the versions of the scope, whoever gave them: what reading it costs."""
    with connection.cursor() as cursor:
        return _n_given(cursor, _known_of(cursor, scope))


def _known_of(cursor: Any, scope: Scope) -> dict[str, Any]:
    cursor.execute(_VERSIONS, scope.known)
    return {**scope.known, "versions": [row[0] for row in cursor.fetchall()]}


def _n_given(cursor: Any, known: dict[str, Any]) -> int:
    cursor.execute(_N_ANSWERS, known)
    return int(cursor.fetchone()[0])


def read(scope: Scope) -> Answers:
    """The answers as codes, the values that the question names first."""
    with connection.cursor() as cursor:
        known = _known_of(cursor, scope)
        whole = scope.items is None and _n_given(cursor, known) >= WHOLE_FROM
        cursor.execute(_PEOPLE, known)
        people = np.array([row[0] for row in cursor.fetchall()], dtype=np.int64)
    query = _ANSWERS + (_IN_QUEUE if scope.queue else "") + (_SEALED if scope.position is not None else "")
    query += "" if scope.items is None else _OF_ITEMS
    rows = _counted(columns.read(query, known, 8, whole=whole), people)
    items, item = np.unique(rows[:, 0], return_inverse=True)
    annotators, annotator = np.unique(rows[:, 1], return_inverse=True)
    value, values = _values(scope, rows[:, 2], rows[:, 7])
    found = Answers(
        items,
        annotators,
        values,
        item,
        annotator,
        value,
        rows[:, 2].copy(),
        rows[:, 3].copy(),
        apart_of(scope, values),
    )
    return found.first() if len(scope.meanings) > 1 else found


def apart_of(scope: Scope, values: list[Any]) -> Apart | None:
    """The kind's own distance, asked once for every two values that meet; None where values only differ."""
    kind, question = scope.kind, scope.asked
    if kind.level_of(question) in NAMES:
        return None

    def near(one: Any, other: Any) -> float:
        return 1 - kind.distance(question, one, other)

    return lambda first, second: 1 - by_distance.of_pairs(first, second, values, near)


def _counted(rows: Codes, people: Codes) -> Codes:
    """The rows in the order of their ids without superseded revisions, answers without a value, and answers of others."""
    if len(rows) and rows[:, 5].max() > 1:
        order = np.lexsort((rows[:, 5], rows[:, 4]))
        slot = rows[order, 4]
        last = np.append(slot[1:] != slot[:-1], True)
        rows = rows[order[last]]
    kept = (rows[:, 6] == 1) & np.isin(rows[:, 1], people)
    if not kept.all():
        rows = rows[kept]
    return rows[np.argsort(rows[:, 2], kind="stable")]


def _values(scope: Scope, answer: Codes, number: Codes) -> tuple[Codes, list[Any]]:
    """`(codes: (n_answers,), values)`: what each answer says, what the question names first.

    *number* is that of its JSON text. Texts are looked up by one answer with each, but for those that the question names. Two
    texts may be one value (a number with another number of noughts): which are one, the question's kind says.
    """
    numbers, first, place = np.unique(number, return_index=True, return_inverse=True)
    named = list(scope.kind.known_values(scope.asked))
    found = {scope.key(value): value for value in named}
    codes = {key: k for k, key in enumerate(found)}
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS, {"texts": [json.dumps(value) for value in named]})
        of = dict(zip((row[0] for row in cursor.fetchall()), map(scope.key, named), strict=True))
        unknown = {int(answer[first[k]]): int(each) for k, each in enumerate(numbers) if int(each) not in of}
        for begin in range(0, len(unknown), AT_ONCE):
            some = sorted(unknown)[begin : begin + AT_ONCE]
            cursor.execute(_TEXTS, {**scope.known, "answers": some})
            for one, text in sorted(cursor.fetchall()):
                value = json.loads(text)
                of[unknown[one]] = scope.key(value)
                found.setdefault(of[unknown[one]], value)
                codes.setdefault(of[unknown[one]], len(codes))
    table = np.array([codes[of[each]] for each in numbers.tolist()], dtype=np.int64)
    return table[place.ravel()] if len(table) else place.ravel(), list(found.values())


def members(scope: Scope, answers: Answers) -> Members:
    """Which of the version's clauses every item is about: cited by a share of its answers, or known of it (whole).

    Clauses are codes in the order of the version.
    """
    clauses = np.array([clause.id for clause in scope.version.clauses], dtype=np.int64)
    known = {**scope.known, "clauses": clauses.tolist()}
    cited, governed = _CITED, _GOVERNED
    if len(answers.answer) < AT_ONCE:
        known |= {"answers": answers.answer.tolist(), "items": answers.items.tolist()}
        cited, governed = cited + _BY_ANSWER, governed + _BY_ITEM
    order = np.argsort(clauses)
    rows, places = _known(columns.read(cited, known, 2), answers.answer)
    of_items, items = _known(columns.read(governed, known, 2), answers.items)
    n_answers = np.bincount(answers.item, minlength=len(answers.items))
    clause = order[np.searchsorted(clauses, np.concatenate([rows[:, 1], of_items[:, 1]]), sorter=order)]
    item = np.concatenate([answers.item[places], items])
    share = np.concatenate([1 / n_answers[answers.item[places]], np.ones(len(items))])
    cells, place = np.unique(item * max(len(clauses), 1) + clause, return_inverse=True)
    return Members(
        cells // max(len(clauses), 1),
        cells % max(len(clauses), 1),
        np.minimum(sums(place, share, len(cells)), 1),
    )


def _known(rows: Codes, keys: Codes) -> tuple[Codes, Codes]:
    """The rows whose first column is among the sorted *keys*, and its place there."""
    place = np.minimum(np.searchsorted(keys, rows[:, 0]), max(len(keys) - 1, 0))
    kept = keys[place] == rows[:, 0] if len(keys) else np.zeros(len(rows), dtype=bool)
    return rows[kept], place[kept]


def known_answers(scope: Scope) -> dict[int, str]:
    """The known answer of every item that has one, as the text that equal values share."""
    with connection.cursor() as cursor:
        cursor.execute(_GOLD, scope.known)
        return {item: scope.key(json.loads(text)) for item, text in cursor.fetchall()}


def gold(scope: Scope, answers: Answers) -> Codes | None:
    """The code of every item's known answer, -1 for none; None where no item has one."""
    known = known_answers(scope)
    items = answers.items.tolist()
    if not any(item in known for item in items):
        return None
    columns = {scope.key(value): k for k, value in enumerate(answers.values)}
    return np.array([columns.get(known.get(item, ""), -1) for item in items], dtype=np.int64)
