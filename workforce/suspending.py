"""Suspension by a named person, with a reason and a way to appeal.

    active -> suspended: suspend
    suspended -> active: lift, end_over, decide (an appeal is granted)
    (nothing) -> open appeal: appeal
    open appeal -> upheld, granted: decide

Nothing else suspends: the database takes the state from a `Suspension`, which has no row without an actor and a reason.
Leases, sessions and tokens end in the same transaction. What was answered stays and counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import ledger, sessions
from specs.access import permissions_of
from specs.models import (
    Appeal,
    AppealState,
    AppealText,
    Ending,
    Member,
    MemberState,
    Role,
    Suspension,
    SuspensionEnd,
)
from specs.refusals import Invalid, NotAllowed, WrongState
from workforce import leasing, staffing
from workforce.models import Annotator, AnnotatorState


def suspend(
    *,
    member: Member,
    reason: str,
    by: Member,
    until: datetime | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> Suspension:
    """Stop a member's work at once: leases return, sessions and tokens end. Lasts until *until*, or until it is lifted."""
    reason = _words(reason, _("A suspension needs a reason."))
    with transaction.atomic():
        locked = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if locked.state != MemberState.ACTIVE:
            raise WrongState(_("Only an active member can be suspended."))
        staffing.may_stop(locked, by)
        if until is not None and until <= leasing.database_now():
            raise Invalid(_("A suspension ends after now."))
        event = ledger.record(
            project_id=locked.project_id,
            kind="member.suspended",
            by=by,
            subject=("member", locked.pk),
            data={"reason_length": len(reason), "until": until.isoformat() if until else None},
        )
        suspension = Suspension.objects.create(
            project_id=locked.project_id,
            member=locked,
            by=by,
            reason=reason,
            until=until,
            evidence=dict(evidence or {}),
            event_id=event,
        )
        staffing.stop(locked, MemberState.SUSPENDED, AnnotatorState.SUSPENDED, by)
        if locked.user_id is not None:
            sessions.end_sessions_of(user_id=locked.user_id)
    return suspension


def lift(*, member: Member, by: Member) -> Member:
    """Take a suspension back."""
    with transaction.atomic():
        locked = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if locked.state != MemberState.SUSPENDED:
            raise WrongState(_("Only a suspended member can be reinstated."))
        if locked.pk == by.pk:
            raise NotAllowed(_("Nobody reinstates himself."))
        staffing.may_grant(by, locked.roles)
        _end(locked, Ending.LIFTED, by)
    return locked


def end_over() -> int:
    """End the suspensions whose time is over; returns how many. Harmless to repeat and to run twice at once."""
    n_ended = 0
    for member_id in open_ones().filter(until__lte=Now()).values_list("member_id", flat=True):
        with transaction.atomic():
            locked = Member.objects.select_for_update(no_key=True).get(pk=member_id)
            if open_ones().filter(member=locked, until__lte=Now()).exists():
                _end(locked, Ending.OVER, None)
                n_ended += 1
    return n_ended


def end_because_left(*, member: Member, by: Member) -> None:
    """Whoever leaves is not suspended any more. Call it under the member's lock, before she leaves."""
    for suspension in open_ones().filter(member=member):
        _close(suspension, Ending.LEFT, by)


def open_ones() -> Any:
    """Suspensions that last."""
    return Suspension.objects.filter(ends__isnull=True)


def appeal(*, suspension: Suspension, text: str, by: Member) -> Appeal:
    """Ask another person to look again; by the suspended member herself, while the suspension lasts."""
    text = _words(text, _("Say why the suspension is wrong."))
    if suspension.member_id != by.pk:
        raise NotAllowed(_("Only the suspended person appeals."))
    with transaction.atomic():
        Member.objects.select_for_update(no_key=True).get(pk=by.pk)
        if not open_ones().filter(pk=suspension.pk).exists():
            raise WrongState(_("This suspension is over."))
        if Appeal.objects.filter(suspension=suspension, state=AppealState.OPEN).exists():
            raise WrongState(_("Your appeal is with us already."))
        made = Appeal.objects.create(
            project_id=suspension.project_id, suspension=suspension, suspended_by_id=suspension.by_id
        )
        AppealText.objects.create(project_id=suspension.project_id, appeal=made, text=text)
        ledger.record(
            project_id=suspension.project_id,
            kind="appeal.filed",
            by=by,
            subject=("appeal", made.pk),
            data={"suspension": suspension.pk},
        )
    return made


def decide(*, appeal: Appeal, grant: bool, answer: str, by: Member) -> Appeal:
    """Decide an appeal, by another person than who suspended; by an owner where nobody else could."""
    answer = _words(answer, _("The decision of an appeal needs a reason."))
    with transaction.atomic():
        suspension = Suspension.objects.select_related("member").get(pk=appeal.suspension_id)
        member = Member.objects.select_for_update(no_key=True).get(pk=suspension.member_id)
        locked = Appeal.objects.select_for_update(no_key=True).get(pk=appeal.pk)
        if locked.state != AppealState.OPEN:
            raise WrongState(_("This appeal is decided already."))
        if by.pk == member.pk:
            raise NotAllowed(_("Nobody decides his own appeal."))
        fallback = by.pk == locked.suspended_by_id
        if fallback and (Role.OWNER not in by.roles or _others_could(suspension)):
            raise NotAllowed(_("Another person than the one who suspended decides an appeal."))
        staffing.may_grant(by, member.roles)
        locked.state = AppealState.GRANTED if grant else AppealState.UPHELD
        locked.decided_by, locked.answer, locked.fallback = by, answer, fallback
        locked.decided_at = leasing.database_now()
        locked.save(update_fields=["state", "decided_by", "answer", "fallback", "decided_at"])
        if grant and open_ones().filter(pk=suspension.pk).exists():
            _end(member, Ending.APPEAL, by)
        ledger.record(
            project_id=locked.project_id,
            kind="appeal.decided",
            by=by,
            subject=("appeal", locked.pk),
            data={"granted": grant, "fallback": fallback},
        )
    return locked


def _others_could(suspension: Suspension) -> bool:
    """Somebody active other than who suspended, and other than the suspended, may decide."""
    others = Member.objects.filter(project_id=suspension.project_id, state=MemberState.ACTIVE).exclude(
        pk__in=[suspension.by_id, suspension.member_id]
    )
    return any("people.manage" in permissions_of(member) for member in others)


def _end(locked: Member, ending: Ending, by: Member | None) -> None:
    """The member works again. Skills, cohorts and enrolments are as they were; nothing has to be dealt out anew."""
    for suspension in open_ones().filter(member=locked):
        _close(suspension, ending, by)
    locked.state = MemberState.ACTIVE
    locked.save(update_fields=["state"])
    Annotator.objects.filter(member=locked, state=AnnotatorState.SUSPENDED).update(
        state=AnnotatorState.ACTIVE
    )


def _close(suspension: Suspension, ending: Ending, by: Member | None) -> None:
    event = ledger.record(
        project_id=suspension.project_id,
        kind="member.reinstated" if ending != Ending.LEFT else "member.suspension-ended",
        by=by,
        subject=("member", suspension.member_id),
        data={"ending": str(ending)},
    )
    SuspensionEnd.objects.create(
        project_id=suspension.project_id, suspension=suspension, ending=ending, by=by, event_id=event
    )


def _words(text: str, missing: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid(missing)
    if len(text) > settings.MAX_NOTE_CHARACTERS:
        raise Invalid(
            _("At most %(max_note_characters)s characters.")
            % {"max_note_characters": settings.MAX_NOTE_CHARACTERS}
        )
    return text
