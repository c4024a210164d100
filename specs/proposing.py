"""From a draft to its approval, and the talk about it.

    (nothing) -> open: propose
    open -> withdrawn: withdraw; open -> published: close_for (called by the publication)
    open -> open, with a verdict: approve, decline
    (nothing) -> comment: comment; comment <-> resolved: resolve_comment, reopen_comment

An approval names the digest of what was approved: an edit afterwards makes it count for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import contents, ledger
from specs.models import (
    Approval,
    ChangeClass,
    Clause,
    Comment,
    Member,
    Proposal,
    ProposalState,
    Spec,
    SpecVersion,
    Verdict,
)
from specs.refusals import Invalid, NotAllowed, WrongState


def propose(
    *,
    draft: SpecVersion,
    notes: str,
    rationale: str,
    claimed: ChangeClass | None = None,
    by: Member,
) -> Proposal:
    """Put a draft forward, with the words it is to be published under. One proposal of a spec is open at a time."""
    if not notes.strip() or not rationale.strip():
        raise Invalid(_("A proposal says what changed, for those who work under it, and why."))
    with transaction.atomic():
        spec = Spec.objects.select_for_update(no_key=True).get(pk=draft.spec_id)
        if not SpecVersion.objects.draft().filter(pk=draft.pk).exists():
            raise WrongState(_("This version is not a draft any more."))
        if open_proposal(spec) is not None:
            raise WrongState(_("There is an open proposal already; withdraw it first."))
        if found := contents.problems(draft):
            raise Invalid(_("The draft cannot be proposed yet."), problems=[one.as_dict() for one in found])
        contents.change_class_of(draft, claimed)
        proposal = Proposal.objects.create(
            project_id=spec.project_id,
            spec=spec,
            version=draft,
            claimed=claimed.value if claimed else "",
            notes=notes.strip(),
            rationale=rationale.strip(),
            proposed_by=by,
        )
        ledger.record(
            project_id=spec.project_id,
            kind="proposal.opened",
            by=by,
            subject=("proposal", proposal.pk),
            data={"spec": spec.pk, "digest": contents.digest_of(draft)},
        )
    return proposal


def withdraw(*, proposal: Proposal, by: Member | None) -> Proposal:
    """Take a proposal back; the draft stays."""
    with transaction.atomic():
        locked = _open(proposal)
        locked.state, locked.closed_at = ProposalState.WITHDRAWN, Now()
        locked.save(update_fields=["state", "closed_at"])
        ledger.record(
            project_id=locked.project_id,
            kind="proposal.withdrawn",
            by=by,
            subject=("proposal", locked.pk),
            data={},
        )
    return locked


def approve(*, proposal: Proposal, note: str = "", by: Member) -> Approval:
    """Approve the draft as it stands now. Raises `NotAllowed` on one's own proposal where the project wants other eyes."""
    return _verdict(proposal, Verdict.APPROVED, note, by)


def decline(*, proposal: Proposal, note: str, by: Member) -> Approval:
    """Ask for changes; says which. Stands until the same member approves."""
    if not note.strip():
        raise Invalid(_("Say which changes you ask for."))
    return _verdict(proposal, Verdict.DECLINED, note, by)


def _verdict(proposal: Proposal, verdict: Verdict, note: str, by: Member) -> Approval:
    with transaction.atomic():
        locked = _open(proposal)
        project = locked.spec.project
        if verdict == Verdict.APPROVED and project.four_eyes and locked.proposed_by_id == by.pk:
            raise NotAllowed(_("In this project nobody approves a proposal of his own."))
        assert locked.version is not None
        draft = SpecVersion.objects.select_for_update(no_key=True).get(pk=locked.version.pk)
        digest = contents.digest_of(draft)
        event = ledger.record(
            project_id=locked.project_id,
            kind=f"proposal.{verdict.value}",
            by=by,
            subject=("proposal", locked.pk),
            data={"digest": digest},
        )
        return Approval.objects.create(
            project_id=locked.project_id,
            proposal=locked,
            by=by,
            verdict=verdict,
            digest=digest,
            note=note.strip()[: settings.MAX_NOTE_CHARACTERS],
            event_id=event,
        )


def _open(proposal: Proposal) -> Proposal:
    locked = (
        Proposal.objects.select_for_update(no_key=True, of=("self",))
        .select_related("spec__project", "version")
        .get(pk=proposal.pk)
    )
    if locked.state != ProposalState.OPEN or locked.version is None:
        raise WrongState(_("This proposal is %(state)s.") % {"state": locked.get_state_display().lower()})
    return locked


def open_proposal(spec: Spec) -> Proposal | None:
    return (
        Proposal.objects.filter(spec=spec, state=ProposalState.OPEN)
        .select_related("version", "proposed_by__user", "spec__project")
        .first()
    )


def verdicts(proposal: Proposal) -> list[Approval]:
    """Each member's newest verdict, newest first."""
    newest: dict[int, Approval] = {}
    for verdict in Approval.objects.filter(proposal=proposal).select_related("by__user").order_by("pk"):
        newest[verdict.by_id] = verdict
    return sorted(newest.values(), key=lambda verdict: -verdict.pk)


def n_approvals(given: Sequence[Approval], *, digest: str) -> int:
    """How many approvals count for a draft of that digest; a member who declined it has to approve first."""
    if any(verdict.verdict == Verdict.DECLINED and verdict.digest == digest for verdict in given):
        return 0
    return sum(verdict.verdict == Verdict.APPROVED and verdict.digest == digest for verdict in given)


def close_for(*, draft: SpecVersion, digest: str) -> None:
    """Called by the publication under the draft's lock: the approvals are there, and the proposal ends with it.

    Raises `WrongState` naming how many approvals are missing for exactly these words.
    """
    proposal = open_proposal(draft.spec)
    wanted = draft.spec.project.approvals
    given = n_approvals(verdicts(proposal), digest=digest) if proposal else 0
    if given < wanted:
        raise WrongState(
            _("This project publishes with %(wanted)s approvals; the draft as it stands has %(given)s.")
            % {"wanted": wanted, "given": given},
            approvals=given,
            wanted=wanted,
        )
    if proposal is not None:
        Proposal.objects.filter(pk=proposal.pk).update(state=ProposalState.PUBLISHED, closed_at=Now())


def comment(*, spec: Spec, text: str, clause: Clause | None = None, by: Member) -> Comment:
    """Say something about the draft, or about one of its clauses."""
    if not text.strip():
        raise Invalid(_("The comment is empty."))
    if len(text) > settings.MAX_COMMENT_CHARACTERS:
        raise Invalid(
            _("A comment has at most %(max_comment_characters)s characters.")
            % {"max_comment_characters": settings.MAX_COMMENT_CHARACTERS}
        )
    with transaction.atomic():
        made = Comment.objects.create(
            project_id=spec.project_id, spec=spec, clause=clause, text=text.strip(), by=by
        )
        ledger.record(
            project_id=spec.project_id,
            kind="comment.written",
            by=by,
            subject=("comment", made.pk),
            data={"clause": clause.key if clause else ""},
        )
    return made


def resolve_comment(*, comment: Comment, by: Member) -> Comment:
    """It has been dealt with. Harmless to repeat."""
    return _resolved(comment, True, by)


def reopen_comment(*, comment: Comment, by: Member) -> Comment:
    return _resolved(comment, False, by)


def _resolved(comment: Comment, resolved: bool, by: Member) -> Comment:
    with transaction.atomic():
        locked = Comment.objects.select_for_update(no_key=True).get(pk=comment.pk)
        if (locked.resolved_at is not None) == resolved:
            return locked
        locked.resolved_at, locked.resolved_by = (Now(), by) if resolved else (None, None)
        locked.save(update_fields=["resolved_at", "resolved_by"])
        ledger.record(
            project_id=locked.project_id,
            kind="comment.resolved" if resolved else "comment.reopened",
            by=by,
            subject=("comment", locked.pk),
            data={},
        )
    locked.refresh_from_db()
    return locked
