"""Freezing a draft into a numbered, digest-stamped version.

draft -> published: publish
published -> retired: retire
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from specs import canonical, diff, ledger, schema
from specs import clauses as clause_shape
from specs.models import (
    ChangeClass,
    ClauseRevision,
    DraftClause,
    Member,
    SpecVersion,
    VersionClause,
    VersionState,
)
from specs.problems import Problem
from specs.refusals import Invalid, WrongState


def content(version: SpecVersion) -> dict[str, Any]:
    """A version as plain data, the shape that `specs.diff` compares: clauses in order and questions."""
    if version.state == VersionState.DRAFT:
        rows = DraftClause.objects.filter(version=version).select_related("clause").order_by("position")
        clauses = [_plain(row.clause.key, row.section, row) for row in rows]
    else:
        entries = (
            VersionClause.objects.filter(version=version)
            .select_related("clause", "revision")
            .order_by("position")
        )
        clauses = [_plain(entry.clause.key, entry.section, entry.revision) for entry in entries]
    return {"clauses": clauses, "questions": schema.clean(version.questions)}


def _plain(key: str, section: str, words: DraftClause | ClauseRevision) -> dict[str, Any]:
    cleaned = clause_shape.clean({"title": words.title, "blocks": words.blocks, "governs": words.governs})
    return {"key": key, "section": section, **cleaned}


def canonical_bytes(version: SpecVersion) -> bytes:
    """The bytes a version's digest covers: its clauses in order and its questions, under a format number."""
    return canonical.dumps({"format": canonical.FORMAT, "spec": version.spec.key, **content(version)})


def compare(old: SpecVersion, new: SpecVersion) -> diff.Difference:
    return diff.compare(content(old), content(new))


def problems(draft: SpecVersion) -> list[Problem]:
    """Everything that stands in the way of publication."""
    data = content(draft)
    found = schema.problems(
        data["questions"], max_questions=settings.MAX_QUESTIONS, max_labels=settings.MAX_LABELS
    )
    if not data["clauses"]:
        found.append(Problem("clauses", "there is no clause"))
    for clause in data["clauses"]:
        found += clause_shape.problems(
            clause["key"], clause, data["questions"], max_characters=settings.MAX_BLOCK_CHARACTERS
        )
    return found


def publish(
    *,
    draft: SpecVersion,
    claimed: ChangeClass | None = None,
    notes: str,
    rationale: str = "",
    by: Member | None,
) -> SpecVersion:
    """Freeze the draft under the next number.

    The class of the change is computed; *claimed* may be higher, never lower. Raises `Invalid` with every problem by clause
    and block, when nothing changed, when notes are missing, and when the claim is too low (naming the block).
    """
    with transaction.atomic():
        locked = (
            SpecVersion.objects.select_for_update(no_key=True, of=("self",))
            .select_related("spec")
            .get(pk=draft.pk)
        )
        if locked.state != VersionState.DRAFT:
            raise WrongState("This version is published already.")
        found = problems(locked)
        if found:
            raise Invalid(
                "The draft cannot be published yet.", problems=[problem.as_dict() for problem in found]
            )
        if not notes.strip():
            raise Invalid("Say in the notes what changed, for those who work under it.")
        base = locked.based_on
        change_class = _change_class(locked, base, claimed)
        number = (base.major, base.minor, base.patch) if base else None
        locked.major, locked.minor, locked.patch = diff.next_number(number, change_class)  # type: ignore[arg-type]
        locked.meaning = 1 if base is None else (base.meaning or 0) + (change_class == "major")
        locked.canonical = canonical_bytes(locked)
        locked.digest = canonical.digest(locked.canonical)
        _freeze_clauses(locked)
        locked.state = VersionState.PUBLISHED
        locked.change_class = change_class
        locked.notes, locked.rationale = notes.strip(), rationale.strip()
        locked.published_at, locked.published_by = Now(), by
        locked.save()
        ledger.record(
            project_id=locked.project_id,
            kind="version.published",
            by=by,
            subject=("version", locked.pk),
            data={
                "spec": locked.spec_id,
                "number": locked.number,
                "class": change_class,
                "digest": locked.digest,
            },
        )
    locked.refresh_from_db()
    return locked


def _change_class(draft: SpecVersion, base: SpecVersion | None, claimed: ChangeClass | None) -> diff.Class:
    if base is None:
        return "major"
    difference = compare(base, draft)
    computed = difference.change_class
    if computed == "none":
        raise Invalid("Nothing changed since the version it is based on.")
    wanted: diff.Class = claimed.value if claimed else computed  # type: ignore[assignment]
    if not diff.at_least(wanted, computed):
        too_high = [
            {"where": f"{where}, {reason.where}", "message": f"{reason.message} ({reason.change_class})"}
            for where, reason in difference.reasons
            if not diff.at_least(wanted, reason.change_class)
        ]
        raise Invalid(f"This is not a {wanted} change: it is {computed}.", problems=too_high)
    return wanted


def _freeze_clauses(version: SpecVersion) -> None:
    """Draft clauses become revisions known by their content; the same words are the same row as in earlier versions."""
    rows = list(DraftClause.objects.filter(version=version).select_related("clause").order_by("position"))
    wanted = {
        row.clause_id: clause_shape.revision_bytes(
            {"title": row.title, "blocks": row.blocks, "governs": row.governs}
        )
        for row in rows
    }
    digests = {clause: canonical.digest(data) for clause, data in wanted.items()}
    known = {
        (revision.clause_id, revision.digest): revision
        for revision in ClauseRevision.objects.filter(clause_id__in=wanted, digest__in=digests.values())
    }
    fresh = [
        ClauseRevision(
            project_id=version.project_id,
            clause_id=row.clause_id,
            digest=digests[row.clause_id],
            canonical=wanted[row.clause_id],
            title=row.title,
            blocks=row.blocks,
            governs=row.governs,
        )
        for row in rows
        if (row.clause_id, digests[row.clause_id]) not in known
    ]
    known.update(
        {
            (revision.clause_id, revision.digest): revision
            for revision in ClauseRevision.objects.bulk_create(fresh)
        }
    )
    VersionClause.objects.bulk_create(
        VersionClause(
            project_id=version.project_id,
            version=version,
            clause_id=row.clause_id,
            revision=known[row.clause_id, digests[row.clause_id]],
            position=position,
            section=row.section,
        )
        for position, row in enumerate(rows, 1)
    )
    DraftClause.objects.filter(version=version).delete()


def retire(*, version: SpecVersion, by: Member | None) -> SpecVersion:
    """Take a published version out of use; what was made under it stays."""
    with transaction.atomic():
        locked = SpecVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
        if locked.state != VersionState.PUBLISHED:
            raise WrongState("Only a published version can be retired.")
        locked.state = VersionState.RETIRED
        locked.save(update_fields=["state"])
        ledger.record(
            project_id=locked.project_id,
            kind="version.retired",
            by=by,
            subject=("version", locked.pk),
            data={},
        )
    return locked
