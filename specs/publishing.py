"""Freezing a draft into a numbered, digest-stamped version.

draft -> published: publish
draft -> draft, with a frozen copy for a pilot: freeze_trial
published -> retired: retire
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import canonical, contents, delivering, diff, ledger, precedents, proposing
from specs import clauses as clause_shape
from specs.models import (
    ChangeClass,
    Clause,
    ClauseLineage,
    ClauseRevision,
    DraftClause,
    Member,
    SpecVersion,
    VersionClause,
    VersionState,
)
from specs.refusals import Invalid, WrongState


def publish(
    *,
    draft: SpecVersion,
    claimed: ChangeClass | None = None,
    notes: str,
    rationale: str,
    by: Member | None,
) -> SpecVersion:
    """Freeze the draft under the next number.

    The class of the change is computed; *claimed* may be higher, never lower. Raises `Invalid` with every problem by clause
    and block, when nothing changed, when notes or rationale are missing, and when the claim is too low (naming the block);
    `WrongState` while the approvals that the project asks for are missing. The gate is the business of whoever calls.
    """
    with transaction.atomic():
        locked = (
            SpecVersion.objects.select_for_update(no_key=True, of=("self",))
            .select_related("spec__project", "based_on")
            .get(pk=draft.pk)
        )
        if locked.state != VersionState.DRAFT:
            raise WrongState(_("This version is published already."))
        found = contents.problems(locked)
        if found:
            raise Invalid(
                _("The draft cannot be published yet."), problems=[problem.as_dict() for problem in found]
            )
        if not notes.strip():
            raise Invalid(_("Say in the notes what changed, for those who work under it."))
        if not rationale.strip():
            raise Invalid(_("Say in the rationale why it changed, for those who ask later."))
        locked.canonical = contents.canonical_bytes(locked)
        locked.digest = canonical.digest(locked.canonical)
        proposing.close_for(draft=locked, digest=locked.digest)
        base = locked.based_on
        change_class = contents.change_class_of(locked, claimed)
        number = (base.major, base.minor, base.patch) if base else None
        locked.major, locked.minor, locked.patch = diff.next_number(number, change_class)  # type: ignore[arg-type]
        locked.meaning = 1 if base is None else (base.meaning or 0) + (change_class == "major")
        _freeze_clauses(locked, draft=locked)
        _keep_lineage(locked)
        DraftClause.objects.filter(version=locked).delete()
        locked.state = VersionState.PUBLISHED
        locked.change_class = change_class
        locked.notes, locked.rationale = notes.strip(), rationale.strip()
        locked.published_at, locked.published_by = Now(), by
        locked.save()
        precedents.carry(locked, by=by)
        event = ledger.record(
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
        delivering.tell(
            project_id=locked.project_id,
            topic="version.published",
            event_id=event,
            body={
                "spec": locked.spec.key,
                "version": locked.number,
                "class": change_class,
                "breaking": change_class == "major",
                "digest": locked.digest,
            },
        )
    locked.refresh_from_db()
    return locked


def freeze_trial(
    *, draft: SpecVersion, questions: Sequence[Any] | None = None, by: Member | None
) -> SpecVersion:
    """A frozen copy of the draft that a pilot can run under; the draft goes on. With *questions* it asks these (as `schema.clean`
    has them) instead of the draft's own. Raises `Invalid` with every problem."""
    with transaction.atomic():
        locked = (
            SpecVersion.objects.select_for_update(no_key=True, of=("self",))
            .select_related("spec")
            .get(pk=draft.pk)
        )
        if locked.state != VersionState.DRAFT:
            raise WrongState(_("Only a draft is tried; this version is published already."))
        found = contents.problems(locked)
        if found:
            raise Invalid(
                _("The draft cannot be tried yet."), problems=[problem.as_dict() for problem in found]
            )
        trial = SpecVersion.objects.create(
            project_id=locked.project_id,
            spec=locked.spec,
            state=VersionState.FORMING,
            based_on=locked.based_on,
            questions=locked.questions if questions is None else list(questions),
        )
        _freeze_clauses(trial, draft=locked)
        trial.canonical = contents.canonical_bytes(locked, questions=questions)
        trial.digest = canonical.digest(trial.canonical)
        trial.meaning, trial.state = -trial.pk, VersionState.TRIAL
        trial.save()
        precedents.carry(trial, by=by)
        ledger.record(
            project_id=trial.project_id,
            kind="draft.frozen-for-trial",
            by=by,
            subject=("version", trial.pk),
            data={"digest": trial.digest},
        )
    return trial


def freeze_again(*, version: SpecVersion, by: Member | None) -> SpecVersion:
    """A trial with exactly the words of a published version: what is answered under it stays apart. Raises `WrongState`."""
    with transaction.atomic():
        if version.state != VersionState.PUBLISHED:
            raise WrongState(_("Only a published version is put before people again."))
        trial = SpecVersion.objects.create(
            project_id=version.project_id,
            spec=version.spec,
            state=VersionState.FORMING,
            based_on=version,
            questions=version.questions,
        )
        VersionClause.objects.bulk_create(
            VersionClause(
                project_id=version.project_id,
                version=trial,
                clause_id=row.clause_id,
                revision_id=row.revision_id,
                position=row.position,
                section=row.section,
            )
            for row in VersionClause.objects.filter(version=version).order_by("position")
        )
        trial.canonical, trial.digest = version.canonical, version.digest
        trial.meaning, trial.state = -trial.pk, VersionState.TRIAL
        trial.save()
        precedents.carry(trial, by=by)
        ledger.record(
            project_id=trial.project_id,
            kind="version.frozen-again",
            by=by,
            subject=("version", trial.pk),
            data={"digest": trial.digest, "version": version.pk},
        )
    return trial


def _freeze_clauses(version: SpecVersion, *, draft: SpecVersion) -> None:
    """Draft clauses become revisions known by their content; the same words are the same row as in earlier versions."""
    rows = list(DraftClause.objects.filter(version=draft).select_related("clause").order_by("position"))
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


def _keep_lineage(version: SpecVersion) -> None:
    """What the draft says about splits and merges becomes a record. Ancestors are clauses of the same spec, or forgotten."""
    rows = DraftClause.objects.filter(version=version).exclude(ancestors=[])
    named = {entry["key"] for row in rows for entry in row.ancestors}
    clauses = dict(Clause.objects.filter(spec_id=version.spec_id, key__in=named).values_list("key", "pk"))
    ClauseLineage.objects.bulk_create(
        [
            ClauseLineage(
                project_id=version.project_id,
                clause_id=row.clause_id,
                ancestor_id=clauses[entry["key"]],
                kind=entry["kind"],
                version=version,
            )
            for row in rows
            for entry in row.ancestors
            if clauses.get(entry["key"], row.clause_id) != row.clause_id
        ],
        ignore_conflicts=True,
    )


def retire(*, version: SpecVersion, by: Member | None) -> SpecVersion:
    """Take a published version out of use; what was made under it stays."""
    with transaction.atomic():
        locked = SpecVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
        if locked.state != VersionState.PUBLISHED:
            raise WrongState(_("Only a published version can be retired."))
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
