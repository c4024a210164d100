"""Which precedents stand beside the clauses of a version: sets that are frozen, and named by the digest of what is served.

    (nothing) -> set: add, replace, drop, carry; each is one more revision for every version it concerns

A precedent holds for the wording it was ruled under: it is shown under every published version that has the clause in that very
wording, and goes along into the next version unless its clause is reworded there. What a precedent is, and who makes one, is not
known here: a set holds its words. Claims pin the digest of the newest set (`workforce.leasing`), or the version's own where
there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from specs import canonical, ledger
from specs.models import Member, PrecedentSet, Spec, SpecVersion, VersionClause, VersionState
from specs.refusals import Invalid

FORMAT = 1


@dataclass(frozen=True)
class Shown:
    """A precedent as it is served: its id, the key of its clause, the lead's words, and what was ruled."""

    precedent: int
    clause: str
    text: str
    ruled: str


Entries = list[tuple[Shown, int]]
"""Precedents with the item each comes from, in the order they were made."""


def served_bytes(version: SpecVersion, entries: Entries) -> bytes:
    """The canonical bytes of a version with these precedents; the version's own when there are none."""
    if not entries:
        return bytes(version.canonical or b"")
    return canonical.dumps(
        {"format": FORMAT, "version": version.digest, "precedents": [asdict(shown) for shown, _ in entries]}
    )


def newest(versions: Iterable[int]) -> dict[int, PrecedentSet]:
    """The newest set of each version that has one. One query."""
    rows = PrecedentSet.objects.filter(version__in=list(versions)).order_by("version", "-revision")
    return {row.version_id: row for row in rows.distinct("version")}


def current(version_id: int) -> dict[str, list[Shown]]:
    """The precedents in force under a version, by the key of their clause."""
    found = newest([version_id]).get(version_id)
    return _by_clause(parsed(found)) if found else {}


def precedents_of(versions: Iterable[int]) -> dict[int, set[int]]:
    """The ids of the precedents in force under each version. One query."""
    return {version: {one.precedent for one in parsed(row)} for version, row in newest(versions).items()}


def served(*, version_id: int, version_digest: str, digest: str) -> dict[str, list[Shown]]:
    """The precedents that *digest* names, by the key of their clause: what was beside the clauses when that was served."""
    return {} if digest in ("", version_digest) else _by_clause(_read(version_id, digest))


@lru_cache(maxsize=1024)
def _read(version_id: int, digest: str) -> tuple[Shown, ...]:
    return tuple(parsed(PrecedentSet.objects.filter(version=version_id, digest=digest).order_by("pk")[0]))


def parsed(row: PrecedentSet) -> list[Shown]:
    """The precedents of a set, from the bytes that its digest covers."""
    content = canonical.loads_strict(bytes(row.canonical))
    return [Shown(**entry) for entry in content["precedents"]] if row.items else []


def _by_clause(shown: Iterable[Shown]) -> dict[str, list[Shown]]:
    found: dict[str, list[Shown]] = {}
    for one in shown:
        found.setdefault(one.clause, []).append(one)
    return found


def add(*, clause_id: int, under: SpecVersion, shown: Shown, item_id: int, by: Member | None) -> list[int]:
    """Show a precedent under every published version that has the clause as *under* has it; returns their ids.

    Call it inside the transaction that makes the precedent. Raises `Invalid` when a version would show too many.
    """
    lock(under.spec_id)
    wording = VersionClause.objects.values_list("revision_id").filter(version=under, clause=clause_id)
    versions = list(
        SpecVersion.objects.filter(
            state=VersionState.PUBLISHED,
            version_clauses__clause=clause_id,
            version_clauses__revision_id__in=wording,
        ).order_by("pk")
    )
    _rewrite(
        versions,
        lambda entries: [
            *((one, item) for one, item in entries if one.precedent != shown.precedent),
            (shown, item_id),
        ],
        by,
    )
    return [version.pk for version in versions]


def replace(*, spec_id: int, precedent: int, shown: Shown, by: Member | None) -> None:
    """Show other words in a precedent's place, wherever it is shown. Call it inside the transaction that rewords it."""
    _rewrite(
        _with_sets(spec_id),
        lambda entries: [(shown if one.precedent == precedent else one, item) for one, item in entries],
        by,
    )


def drop(*, spec_id: int, precedent: int, by: Member | None) -> None:
    """Show a precedent no more, under any version. Call it inside the transaction that withdraws it."""
    _rewrite(
        _with_sets(spec_id),
        lambda entries: [entry for entry in entries if entry[0].precedent != precedent],
        by,
    )


def _with_sets(spec_id: int) -> list[SpecVersion]:
    lock(spec_id)
    known = PrecedentSet.objects.filter(version__spec=spec_id).values("version")
    return list(SpecVersion.objects.filter(pk__in=known).order_by("pk"))


def carry(version: SpecVersion, *, by: Member | None) -> None:
    """What is shown under the version before goes along, except where the clause has another wording now, or is gone."""
    if version.based_on_id is None:
        return
    lock(version.spec_id)
    before = newest([version.based_on_id]).get(version.based_on_id)
    if before is None or not before.items:
        return
    wordings: dict[int, dict[str, int]] = {version.based_on_id: {}, version.pk: {}}
    for version_id, key, revision in VersionClause.objects.filter(version__in=wordings).values_list(
        "version", "clause__key", "revision"
    ):
        wordings[version_id][key] = revision
    old, new = wordings[version.based_on_id], wordings[version.pk]
    kept = [
        (shown, item)
        for shown, item in zip(parsed(before), before.items, strict=True)
        if shown.clause in new and old.get(shown.clause) == new[shown.clause]
    ]
    if kept:
        _write({version: kept}, {}, by)


def lock(spec_id: int) -> None:
    """One at a time per spec: a precedent that is made while a version is published is in that version's set, or not made yet."""
    Spec.objects.select_for_update(no_key=True).get(pk=spec_id)


def _rewrite(versions: list[SpecVersion], change: Callable[[Entries], Entries], by: Member | None) -> None:
    sets = newest(version.pk for version in versions)
    changed: dict[SpecVersion, Entries] = {}
    for version in versions:
        known = sets.get(version.pk)
        entries = list(zip(parsed(known), known.items, strict=True)) if known else []
        wanted = change(entries)
        if wanted != entries:
            changed[version] = wanted
    _write(changed, sets, by)


def _write(
    changed: Mapping[SpecVersion, Entries], sets: Mapping[int, PrecedentSet], by: Member | None
) -> None:
    rows: list[PrecedentSet] = []
    for version, entries in changed.items():
        if len(entries) > settings.MAX_PRECEDENTS:
            raise Invalid(
                _("A version shows at most %(max_precedents)s precedents.")
                % {"max_precedents": settings.MAX_PRECEDENTS}
            )
        data = served_bytes(version, entries)
        revision = sets[version.pk].revision + 1 if version.pk in sets else 1
        facts: dict[str, Any] = {
            "revision": revision,
            "digest": canonical.digest(data),
            "n": len(entries),
        }
        event = ledger.record(
            project_id=version.project_id,
            kind="precedents.set",
            by=by,
            subject=("version", version.pk),
            data=facts,
        )
        rows.append(
            PrecedentSet(
                project_id=version.project_id,
                version=version,
                revision=revision,
                canonical=data,
                digest=facts["digest"],
                items=[item for _, item in entries],
                withheld=settings.PRECEDENTS_WITHHELD_PERCENT,
                made_by=by,
                event_id=event,
            )
        )
    PrecedentSet.objects.bulk_create(rows)
