"""Specs that come from somewhere else: another spec, another project, a file, a document.

    (nothing) -> spec with a draft: clone_spec
    draft -> draft with other words: import_file, import_guideline

What comes in lands in a draft and is published by a person or not at all. What a machine proposed stays marked as unseen
until somebody has confirmed or changed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from specs import clauses as clause_shape
from specs import contents, documents, drafting, guideline, ledger, pictures, schema, spec_file
from specs.models import Clause, DraftClause, Member, Picture, Project, Spec, SpecVersion
from specs.problems import Problem
from specs.refusals import Invalid
from specs.spec_file import BadFile, SpecFile


def export(version: SpecVersion) -> str:
    """The version (or draft) as one readable Markdown file."""
    spec = version.spec
    meta = {
        "spec": spec.key,
        "title": spec.title,
        "purpose": spec.purpose,
        "version": version.number,
        "notes": version.notes,
        "rationale": version.rationale,
    }
    return spec_file.write(contents.content(version), meta=meta)


def parsed(data: bytes) -> SpecFile:
    """The spec file in these bytes. Raises `Invalid` naming line and reason."""
    if len(data) > settings.MAX_DOCUMENT_BYTES:
        raise Invalid(
            _("A spec file has at most %(max_document_bytes)s MiB.")
            % {"max_document_bytes": settings.MAX_DOCUMENT_BYTES // 2**20}
        )
    try:
        return spec_file.read(data.decode())
    except UnicodeDecodeError as error:
        raise Invalid(_("The file is not UTF-8 at byte %(start)s.") % {"start": error.start}) from error
    except BadFile as error:
        raise Invalid(
            _("The file cannot be read as a spec."), problems=[one.as_dict() for one in error.problems]
        ) from error


def import_file(*, project: Project, data: bytes, key: str = "", by: Member | None) -> SpecVersion:
    """Make the spec's draft say what the file says; the spec is made if it is not there. All of it or nothing.

    The same file again changes nothing. Raises `Invalid` naming line, or clause and block.
    """
    file = parsed(data)
    key = key or file.meta.get("spec", "")
    with transaction.atomic():
        spec = Spec.objects.filter(project=project, key=key).first()
        if spec is None:
            spec = drafting.create_spec(
                project=project,
                key=key,
                title=file.meta.get("title") or key,
                purpose=file.meta.get("purpose", ""),
                by=by,
            )
        draft = drafting.open_draft(spec=spec, by=by)
        replace(draft=draft, clauses=file.clauses, questions=file.questions, by=by)
    draft.refresh_from_db()
    return draft


def replace(
    *,
    draft: SpecVersion,
    clauses: Sequence[Mapping[str, Any]],
    questions: Sequence[Mapping[str, Any]],
    by: Member | None,
) -> None:
    """Put other clauses and questions in the place of the draft's. Raises `Invalid` and changes nothing."""
    found = schema.problems(questions, max_questions=settings.MAX_QUESTIONS, max_labels=settings.MAX_LABELS)
    if len(clauses) > settings.MAX_CLAUSES:
        found.append(
            Problem(
                "clauses",
                _("a spec has at most %(max_clauses)s clauses") % {"max_clauses": settings.MAX_CLAUSES},
            )
        )
    for clause in clauses:
        found += clause_shape.shape_problems(
            clause["key"],
            clause,
            max_characters=settings.MAX_BLOCK_CHARACTERS,
            max_blocks=settings.MAX_BLOCKS,
        )
    if found:
        raise Invalid(_("The draft cannot say this."), problems=[problem.as_dict() for problem in found])
    with transaction.atomic():
        draft = drafting.lock(draft)
        wanted = {"clauses": [_plain(clause) for clause in clauses], "questions": schema.clean(questions)}
        if contents.content(draft) == wanted:
            return
        known = _clauses(draft, [clause["key"] for clause in clauses])
        before = {row.clause.key: row for row in _rows(draft)}
        DraftClause.objects.filter(version=draft).delete()
        DraftClause.objects.bulk_create(
            DraftClause(
                project_id=draft.project_id,
                version=draft,
                clause=known[clause["key"]],
                position=place,
                section=clause["section"],
                title=clause["title"],
                blocks=clause["blocks"],
                governs=clause["governs"],
                ancestors=clause.get("ancestors", []),
                revision=before[clause["key"]].revision + 1 if clause["key"] in before else 0,
                edited_by=by,
            )
            for place, clause in enumerate(wanted["clauses"], 1)
        )
        draft.questions, draft.revision = wanted["questions"], draft.revision + 1
        draft.save(update_fields=["questions", "revision"])
        drafting.record_edit(draft, by, "replaced-from-file", "")


def _plain(clause: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = clause_shape.clean(clause)
    ancestors = sorted(
        (
            {"key": str(entry["key"]), "kind": str(entry["kind"])}
            for entry in clause.get("ancestors") or ()
            if entry.get("kind") in clause_shape.LINEAGE and entry.get("key")
        ),
        key=lambda entry: entry["key"],
    )
    return {
        "key": clause["key"],
        "section": str(clause.get("section", "")).strip(),
        **cleaned,
        **({"ancestors": ancestors} if ancestors else {}),
    }


def _rows(draft: SpecVersion) -> list[DraftClause]:
    return list(DraftClause.objects.filter(version=draft).select_related("clause").order_by("position"))


def _clauses(draft: SpecVersion, keys: Sequence[str]) -> dict[str, Clause]:
    """The spec's clauses of these keys; those that are not there yet are made. Three statements, however many there are."""
    Clause.objects.bulk_create(
        [Clause(project_id=draft.project_id, spec_id=draft.spec_id, key=key) for key in keys],
        ignore_conflicts=True,
    )
    return {clause.key: clause for clause in Clause.objects.filter(spec_id=draft.spec_id, key__in=keys)}


def import_guideline(
    *, draft: SpecVersion, data: bytes, name: str, by: Member | None
) -> tuple[int, list[documents.Remark]]:
    """Split an existing guideline (Word, HTML, Markdown) into clauses at the end of the draft, each marked as unseen.

    Returns how many there are and what a person has to look at, by line. Raises `Invalid`. Reads while the caller waits: what
    may be large or hostile goes through a job (`incoming`).
    """
    if len(data) > settings.MAX_DOCUMENT_BYTES:
        raise Invalid(
            _("A document has at most %(max_document_bytes)s MiB.")
            % {"max_document_bytes": settings.MAX_DOCUMENT_BYTES // 2**20}
        )
    try:
        found = guideline.propose(
            data, name, max_characters=settings.MAX_BLOCK_CHARACTERS, max_clauses=settings.MAX_CLAUSES
        )
    except documents.Unreadable as error:
        raise Invalid(str(error)) from error
    propose(draft=draft, found=found, by=by)
    return len(found.clauses), found.remarks


def propose(*, draft: SpecVersion, found: guideline.Guideline, by: Member | None) -> None:
    """Put the clauses that were found in a document at the end of the draft, each marked as unseen. Raises `Invalid`."""
    with transaction.atomic():
        locked = drafting.lock(draft)
        rows = _rows(locked)
        taken, first = {row.clause.key for row in rows}, max((row.position for row in rows), default=0) + 1
        if len(taken) + len(found.clauses) > settings.MAX_CLAUSES:
            raise Invalid(
                _("A spec has at most %(max_clauses)s clauses.") % {"max_clauses": settings.MAX_CLAUSES}
            )
        keys = [_free(clause.key, taken) for clause in found.clauses]
        known = _clauses(locked, keys)
        DraftClause.objects.bulk_create(
            DraftClause(
                project_id=locked.project_id,
                version=locked,
                clause=known[key],
                position=place,
                section=clause.section[: clause_shape.MAX_TITLE],
                unseen=True,
                edited_by=by,
                **drafting.checked(key, clause.title, clause.blocks, []),
            )
            for place, (key, clause) in enumerate(zip(keys, found.clauses, strict=True), first)
        )
        drafting.record_edit(locked, by, "guideline-imported", "")


def _free(key: str, taken: set[str]) -> str:
    """The key, or the key with a number, and from now on taken."""
    found, number = key, 1
    while found in taken:
        number += 1
        found = f"{key[: clause_shape.MAX_KEY - 5]}-{number}"
    taken.add(found)
    return found


def clone_spec(
    *, version: SpecVersion, to: Project, key: str, title: str = "", by: Member | None
) -> SpecVersion:
    """A new spec whose draft says what *version* says, in the same project or another; pictures come along.

    The clauses keep their keys and begin a history of their own.
    """
    content = contents.content(version)
    with transaction.atomic():
        spec = drafting.create_spec(
            project=to,
            key=key,
            title=title or version.spec.title,
            purpose=version.spec.purpose,
            by=by,
        )
        draft = drafting.open_draft(spec=spec, by=by)
        clauses = [{**clause, "ancestors": []} for clause in content["clauses"]]
        replace(draft=draft, clauses=clauses, questions=content["questions"], by=by)
        if to.pk != version.project_id:
            _copy_pictures(clauses, version.project_id, to, by)
        ledger.record(
            project_id=to.pk,
            kind="spec.cloned",
            by=by,
            subject=("spec", spec.pk),
            data={"from": contents.digest_of(version)},
        )
    draft.refresh_from_db()
    return draft


def _copy_pictures(
    clauses: Sequence[Mapping[str, Any]], from_project: int, to: Project, by: Member | None
) -> None:
    named = set().union(*(pictures.named_in(clause) for clause in clauses)) if clauses else set()
    Picture.objects.bulk_create(
        [
            Picture(
                project=to,
                digest=one.digest,
                media_type=one.media_type,
                width=one.width,
                height=one.height,
                n_bytes=one.n_bytes,
                added_by=by,
            )
            for one in Picture.objects.filter(project_id=from_project, digest__in=named)
        ],
        ignore_conflicts=True,
    )
