"""The competing answers of a dispute, as whoever decides it sees them: side by side, without names. Nothing changes here."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from annotation import under_review
from annotation.models import Annotation, Citation, Dispute, ReviewDecision
from specs import task_types, versions
from specs.models import Clause
from workforce.models import Assignment, Task


@dataclass(frozen=True)
class Voice:
    """One answer to a disputed task: an annotator's, or what a reviewer put in its place.

    `cites` holds for each question the clauses' ids, None for "no clause fits"; `seed` is what chance orders it by. A `fix`
    stands for the answer that is `fixed`.
    """

    seed: str
    annotator_id: int
    assignment_id: int | None
    values: Mapping[str, Any]
    cannot: str
    cites: Mapping[str, Sequence[int | None]]
    fix: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class Side:
    """One of the competing answers of a question: who gave it, under letters, and what they cite.

    `fixes` are the letters of reviewers, `quick` those of answers that took far less time than the others.
    """

    key: str
    value: Any
    describe: str
    letters: list[str]
    citations: dict[str, list[str]]
    fixes: list[str]
    quick: list[str]

    @property
    def n(self) -> int:
        return len(self.letters)


def voices(task_id: int, *, answers: Sequence[Annotation] | None = None) -> list[Voice]:
    """The task's counted answers in their order, then what reviewers fixed of them; *answers*, if they are at hand."""
    rows = Annotation.objects.counted().filter(task=task_id).order_by("ordinal")
    given = list(rows) if answers is None else answers
    cites: dict[int, dict[str, list[int | None]]] = {}
    for citation in Citation.objects.filter(annotation__in=given).order_by("pk"):
        cites.setdefault(citation.annotation_id, {}).setdefault(citation.question, []).append(
            citation.clause_id
        )
    there = under_review.fixes(task_id)
    found = [
        Voice(
            seed=str(one.pk),
            annotator_id=one.annotator_id,
            assignment_id=one.assignment_id,
            values=one.values,
            cannot=one.cannot,
            cites=cites.get(one.pk, {}),
            fixed=one.pk in there,
        )
        for one in given
    ]
    fixes = [there[one.pk] for one in given if one.pk in there]
    return found + [
        Voice(f"fix:{one.pk}", one.reviewer_id, None, one.values, one.cannot, cited, fix=True)
        for one, cited in zip(fixes, _of_fixes(fixes), strict=True)
    ]


def _of_fixes(fixes: Sequence[ReviewDecision]) -> list[dict[str, list[int | None]]]:
    """What reviewers cite, who name clauses by key."""
    if not fixes:
        return []
    spec = Task.objects.values_list("queue__spec", flat=True).get(pk=fixes[0].review.task_id)
    ids = dict(Clause.objects.filter(spec=spec).values_list("key", "pk"))
    return [
        {question: [ids.get(key) for key in cited] for question, cited in one.citations.items()}
        for one in fixes
    ]


def of(
    dispute: Dispute, version: versions.ReadVersion, *, said: Sequence[Voice] | None = None
) -> dict[str, list[Side]]:
    """The competing answers per disputed question, largest group first, people as A, B, C in no telling order."""
    given = sorted(
        voices(dispute.task_id) if said is None else said,
        key=lambda one: uuid.uuid5(uuid.NAMESPACE_OID, f"{dispute.pk}:{one.seed}"),
    )
    room = _Room(given, {clause.id: f"§{clause.number}" for clause in version.clauses}, _quick(given))
    found: dict[str, list[Side]] = {}
    for key in dispute.questions:
        question = version.question(key)
        kind = task_types.get(question["kind"])
        there = [place for place, one in enumerate(given) if key in one.values]
        groups = kind.compare(question, [given[place].values[key] for place in there])
        found[key] = [
            room.side(
                key, kind.key(question, group["value"]), group, [there[index] for index in group["indices"]]
            )
            for group in groups
        ]
    return found


@dataclass(frozen=True)
class _Room:
    """Everybody who said something of a dispute, in the order of their letters."""

    given: list[Voice]
    clauses: dict[int, str]
    quick: set[int]

    def side(self, question: str, key: str, group: Mapping[str, Any], places: list[int]) -> Side:
        cited = {place: self.given[place].cites.get(question, ()) for place in places}
        return Side(
            key=key,
            value=group["value"],
            describe=group["describe"],
            letters=[_letter(place) for place in places],
            citations={
                _letter(place): [self._named(clause) for clause in clauses]
                for place, clauses in cited.items()
                if clauses
            },
            fixes=[_letter(place) for place in places if self.given[place].fix],
            quick=[_letter(place) for place in places if place in self.quick],
        )

    def _named(self, clause: int | None) -> str:
        return self.clauses.get(clause, _("an earlier clause")) if clause else _("no clause fits")


def _letter(index: int) -> str:
    """A to Z, then A1, B1 and so on."""
    return chr(65 + index % 26) + (str(index // 26) if index >= 26 else "")


def _quick(given: Sequence[Voice]) -> set[int]:
    """The places of answers that took far less time than the others to the same item did: a hint, never a number."""
    slots = Assignment.objects.filter(
        pk__in=[one.assignment_id for one in given if one.assignment_id], leased_at__isnull=False
    )
    took = {
        pk: (end - start).total_seconds()
        for pk, start, end in slots.values_list("pk", "leased_at", "submitted_at")
        if start and end
    }
    found = set()
    for place, one in enumerate(given):
        others = [seconds for pk, seconds in took.items() if pk != one.assignment_id]
        own = took.get(one.assignment_id or 0)
        if own is not None and len(others) >= 2 and own < median(others) * settings.QUICK_PERCENT / 100:
            found.add(place)
    return found


def declined(dispute: Dispute, *, said: Sequence[Voice] | None = None) -> dict[str, int]:
    """How many say that the item cannot be labelled, by category."""
    given = voices(dispute.task_id) if said is None else said
    return dict(Counter(one.cannot for one in given if one.cannot))
