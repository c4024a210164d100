"""Opening and editing a draft.

    (nothing) -> draft: open_draft
    draft -> draft: set_questions, add_clause, reword_clause, confirm_clause, withdraw_clause (its order: `restructuring`)
    draft -> (nothing): discard_draft

Each edit names the revision its author saw; an older one is refused with what stands there now, so two editors never
overwrite each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import clauses as clause_shape
from specs import ledger, schema
from specs.models import (
    Clause,
    DraftClause,
    Member,
    Project,
    Proposal,
    ProposalState,
    Spec,
    SpecVersion,
    VersionClause,
    VersionState,
)
from specs.refusals import Invalid, Stale, WrongState


class KeyTaken(Invalid):
    """The draft has a clause of this key already. `details` holds its words, so that the two can be put together."""

    code = "key-taken"
    status = 409


def create_spec(*, project: Project, key: str, title: str, purpose: str = "", by: Member | None) -> Spec:
    """A new spec without any version yet."""
    if clause_shape.key_problem(key) or "." in key:
        raise Invalid(_("A spec's key has lower-case letters, digits and hyphens."), problems=[])
    if not title.strip():
        raise Invalid(_("A spec needs a title."))
    if Spec.objects.filter(project=project, key=key).exists():
        raise Invalid(_("There is a spec %(key)s already.") % {"key": key})
    with transaction.atomic():
        spec = Spec.objects.create(project=project, key=key, title=title.strip(), purpose=purpose)
        ledger.record(
            project_id=project.pk, kind="spec.created", by=by, subject=("spec", spec.pk), data={"key": key}
        )
    return spec


def open_draft(*, spec: Spec, by: Member | None) -> SpecVersion:
    """The spec's draft: the one that is open, or a new one that starts from the newest published version."""
    with transaction.atomic():
        Spec.objects.select_for_update(no_key=True).get(pk=spec.pk)
        draft = SpecVersion.objects.draft().filter(spec=spec).first()
        if draft is not None:
            return draft
        base = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
        draft = SpecVersion.objects.create(
            project_id=spec.project_id, spec=spec, based_on=base, questions=base.questions if base else []
        )
        if base is not None:
            DraftClause.objects.bulk_create(
                DraftClause(
                    project_id=spec.project_id,
                    version=draft,
                    clause_id=entry.clause_id,
                    position=entry.position,
                    section=entry.section,
                    title=entry.revision.title,
                    blocks=entry.revision.blocks,
                    governs=entry.revision.governs,
                    edited_by=by,
                )
                for entry in VersionClause.objects.filter(version=base)
                .select_related("revision")
                .order_by("position")
            )
        ledger.record(
            project_id=spec.project_id,
            kind="draft.opened",
            by=by,
            subject=("version", draft.pk),
            data={"based_on": base.number if base else None},
        )
    return draft


def discard_draft(*, draft: SpecVersion, by: Member | None) -> None:
    """Throw a draft away; published versions are untouched."""
    with transaction.atomic():
        draft = lock(draft)
        Proposal.objects.filter(version=draft, state=ProposalState.OPEN).update(
            state=ProposalState.WITHDRAWN, closed_at=Now()
        )
        Proposal.objects.filter(version=draft).update(version=None)
        DraftClause.objects.filter(version=draft).delete()
        number = draft.pk
        draft.delete()
        ledger.record(
            project_id=draft.project_id, kind="draft.discarded", by=by, subject=("version", number), data={}
        )


def set_questions(
    *,
    draft: SpecVersion,
    questions: Sequence[Mapping[str, Any]],
    revision: int | None = None,
    by: Member | None,
) -> SpecVersion:
    """Replace the draft's questions. Raises `Invalid` naming each question's problem, `Stale` on an older revision."""
    found = schema.problems(questions, max_questions=settings.MAX_QUESTIONS, max_labels=settings.MAX_LABELS)
    if found:
        raise Invalid(
            _("The questions cannot be asked like this."), problems=[problem.as_dict() for problem in found]
        )
    with transaction.atomic():
        draft = lock(draft)
        if revision is not None and draft.revision != revision:
            raise Stale(
                _("Somebody changed the questions meanwhile."),
                revision=draft.revision,
                questions=draft.questions,
            )
        draft.questions = schema.clean(questions)
        draft.revision += 1
        draft.save(update_fields=["questions", "revision"])
        record_edit(draft, by, "questions", "")
    return draft


def add_clause(
    *,
    draft: SpecVersion,
    key: str,
    title: str,
    blocks: Sequence[Mapping[str, Any]] = (),
    governs: Sequence[Mapping[str, Any]] = (),
    section: str = "",
    ancestors: Sequence[Mapping[str, str]] = (),
    unseen: bool = False,
    by: Member | None,
) -> DraftClause:
    """Add a clause at the end of its section, or of the draft. A key that an earlier version used means that clause again.

    Words may still be missing; publication asks for them. *unseen* marks what no person has read yet.
    """
    content = checked(key, title, blocks, governs)
    with transaction.atomic():
        draft = lock(draft)
        if DraftClause.objects.filter(version=draft).count() >= settings.MAX_CLAUSES:
            raise Invalid(
                _("A spec has at most %(max_clauses)s clauses.") % {"max_clauses": settings.MAX_CLAUSES}
            )
        clause, _made = Clause.objects.get_or_create(
            spec_id=draft.spec_id, key=key, defaults={"project_id": draft.project_id}
        )
        if there := DraftClause.objects.filter(version=draft, clause=clause).first():
            raise KeyTaken(
                _("There is a clause %(key)s in this draft already.") % {"key": key}, **as_it_stands(there)
            )
        rows = DraftClause.objects.filter(version=draft)
        last = rows.aggregate(last=Max("position"))["last"] or 0
        of_section = rows.filter(section=section).aggregate(last=Max("position"))["last"] if section else None
        place = (of_section or last) + 1
        rows.filter(position__gte=place).update(position=F("position") + 1)
        added = DraftClause.objects.create(
            project_id=draft.project_id,
            version=draft,
            clause=clause,
            position=place,
            section=section.strip(),
            ancestors=[dict(ancestor) for ancestor in ancestors],
            unseen=unseen,
            edited_by=by,
            **content,
        )
        record_edit(draft, by, "clause-added", key)
    return added


def reword_clause(
    *,
    clause: DraftClause,
    title: str,
    blocks: Sequence[Mapping[str, Any]],
    governs: Sequence[Mapping[str, Any]],
    section: str | None = None,
    revision: int | None = None,
    by: Member | None,
) -> DraftClause:
    """Replace a draft clause's words; unfinished ones are kept as well, so that nothing written is lost.

    Raises `Stale` with the words that stand there when *revision* is an older one.
    """
    content = checked(clause.clause.key, title, blocks, governs)
    with transaction.atomic():
        draft = lock(clause.version)
        current = (
            DraftClause.objects.select_for_update(no_key=True, of=("self",))
            .select_related("clause", "version", "edited_by__user")
            .filter(pk=clause.pk)
            .first()
        )
        if current is None:
            raise WrongState(
                _("This clause was withdrawn from the draft meanwhile; what you wrote is still on this page.")
            )
        if revision is not None and current.revision != revision:
            raise Stale(_("Somebody reworded this clause meanwhile."), **as_it_stands(current))
        for name, value in content.items():
            setattr(current, name, value)
        if section is not None:
            current.section = section.strip()
        current.revision += 1
        current.unseen = False
        current.edited_by, current.edited_at = by, Now()
        current.save()
        record_edit(draft, by, "clause-reworded", clause.clause.key)
    current.refresh_from_db()
    return current


def confirm_clause(*, clause: DraftClause, by: Member | None) -> None:
    """A person has read a clause that came out of a document, and keeps it as it stands."""
    with transaction.atomic():
        draft = lock(clause.version)
        if DraftClause.objects.filter(pk=clause.pk, unseen=True).update(
            unseen=False, edited_by=by, edited_at=Now(), revision=F("revision") + 1
        ):
            record_edit(draft, by, "clause-confirmed", clause.clause.key)


def withdraw_clause(*, clause: DraftClause, revision: int | None = None, by: Member | None) -> None:
    """Leave a clause out of the draft; published versions keep it, and its key stays its own.

    Raises `Stale` when somebody reworded it after *revision* was seen: those words are in no version yet.
    """
    with transaction.atomic():
        draft = lock(clause.version)
        found = DraftClause.objects.select_related("edited_by__user").filter(pk=clause.pk).first()
        if found is None:
            return
        if revision is not None and found.revision != revision:
            raise Stale(_("Somebody reworded this clause meanwhile."), **as_it_stands(found))
        found.delete()
        DraftClause.objects.filter(version=draft, position__gt=found.position).update(
            position=F("position") - 1
        )
        record_edit(draft, by, "clause-withdrawn", clause.clause.key)


def as_it_stands(row: DraftClause) -> dict[str, Any]:
    """A clause's words and revision as they stand in the draft, and who wrote them: what a refused edit is shown beside."""
    return {
        "revision": row.revision,
        "title": row.title,
        "section": row.section,
        "blocks": row.blocks,
        "governs": row.governs,
        "by": str(row.edited_by or ""),
    }


def lock(draft: SpecVersion) -> SpecVersion:
    """The draft under its row lock, inside the caller's transaction. Raises `WrongState` when it is none any more."""
    found = SpecVersion.objects.select_for_update(no_key=True).filter(pk=draft.pk).first()
    if found is None or found.state != VersionState.DRAFT:
        raise WrongState(_("This version is not a draft any more."))
    return found


def checked(
    key: str, title: str, blocks: Sequence[Mapping[str, Any]], governs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A clause's words in their own shape; whether they are complete and fit the questions is asked at publication."""
    if why := clause_shape.key_problem(key):
        raise Invalid(_("The clause key %(key)r does not fit: %(why)s.") % {"key": key[:64], "why": why})
    content = clause_shape.clean({"title": title, "blocks": blocks, "governs": governs})
    found = clause_shape.shape_problems(key, content, max_characters=settings.MAX_BLOCK_CHARACTERS)
    if found:
        raise Invalid(
            _("The clause cannot be kept like this."), problems=[problem.as_dict() for problem in found]
        )
    return content


def record_edit(draft: SpecVersion, by: Member | None, what: str, key: str) -> None:
    """The event of one edit: what was done to which clause, never its words."""
    ledger.record(
        project_id=draft.project_id,
        kind="draft.edited",
        by=by,
        subject=("version", draft.pk),
        data={"what": what, "clause": key},
    )
