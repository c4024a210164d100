"""Published versions as readers need them: they never change, so each process keeps what it has read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import Http404

from specs import schema
from specs.models import SpecVersion, VersionClause, VersionState
from specs.numbering import numbers


@dataclass(frozen=True)
class ReadClause:
    """A clause as a version has it; `number` is `3`, or `2.3` in a section."""

    id: int
    key: str
    position: int
    number: str
    section: str
    title: str
    blocks: list[dict[str, Any]]
    governs: list[dict[str, Any]]
    revision_id: int

    def decides(self, question: str) -> bool:
        return any(entry["question"] == question for entry in self.governs)


@dataclass(frozen=True)
class ReadVersion:
    """A published version, whole."""

    id: int
    spec_id: int
    number: str
    meaning: int
    digest: str
    questions: list[dict[str, Any]]
    clauses: tuple[ReadClause, ...]

    def clause(self, key: str) -> ReadClause | None:
        return next((clause for clause in self.clauses if clause.key == key), None)

    def question(self, key: str) -> dict[str, Any]:
        return next(question for question in self.questions if question["key"] == key)


@lru_cache(maxsize=256)
def read(version_id: int) -> ReadVersion:
    """The published version or trial of that id. Raises `SpecVersion.DoesNotExist`, also for drafts."""
    version = SpecVersion.objects.frozen().get(pk=version_id)
    entries = list(
        VersionClause.objects.filter(version=version)
        .select_related("clause", "revision")
        .order_by("position")
    )
    return ReadVersion(
        id=version.pk,
        spec_id=version.spec_id,
        number=version.number,
        meaning=version.meaning or 0,
        digest=version.digest,
        questions=schema.clean(version.questions),
        clauses=tuple(
            ReadClause(
                entry.clause_id,
                entry.clause.key,
                entry.position,
                number,
                entry.section,
                entry.revision.title,
                entry.revision.blocks,
                entry.revision.governs,
                entry.revision_id,
            )
            for entry, number in zip(entries, numbers([entry.section for entry in entries]), strict=True)
        ),
    )


def keys_of(number: str) -> dict[str, Any]:
    """What finds the version of a number: `1.4.0`, `draft`, `trial-12`. Raises `Http404` for what is none."""
    if number == "draft":
        return {"state": VersionState.DRAFT}
    kind, _, ident = number.partition("-")
    if kind == "trial" and _whole(ident):
        return {"state": VersionState.TRIAL, "pk": int(ident)}
    parts = number.split(".")
    if len(parts) != 3 or not all(_whole(part) and len(part) < 9 for part in parts):
        raise Http404
    major, minor, patch = (int(part) for part in parts)
    return {"major": major, "minor": minor, "patch": patch}


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
