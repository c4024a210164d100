"""Pausing, coming back, and leaving: by the annotator herself or by whoever manages people.

    active -> paused: pause; paused -> active: resume
    active, paused or suspended -> left: remove, leave

Nothing has to be dealt out anew: work is pulled, so whoever is away is simply not given any, and what she holds returns to its
queue in the same transaction. What she answered and decided stays; enrolments, skills and cohorts wait for her.
"""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from specs import ledger
from specs.access import require
from specs.models import Member, MemberState
from specs.refusals import NotAllowed, WrongState
from workforce import leasing, staffing, suspending
from workforce.models import Annotator, AnnotatorState


def pause(*, annotator: Annotator, by: Member) -> Annotator:
    """No more tasks for now; what she holds is given back. Tokens and log-ins stay."""
    with transaction.atomic():
        locked = _locked(annotator, by)
        if locked.state != AnnotatorState.ACTIVE:
            raise WrongState(
                _("Only who is active can pause; this annotator is %(state)s.")
                % {"state": locked.get_state_display().lower()}
            )
        locked.state, locked.paused_by = AnnotatorState.PAUSED, by
        locked.save(update_fields=["state", "paused_by"])
        n_returned = leasing.return_leases_of(annotator=locked, by=by)
        _record(locked, "annotator.paused", by, returned=n_returned)
    return locked


def resume(*, annotator: Annotator, by: Member) -> Annotator:
    """Back to work. Who was paused by somebody else does not resume herself."""
    with transaction.atomic():
        locked = _locked(annotator, by)
        if locked.state != AnnotatorState.PAUSED:
            raise WrongState(
                _("Only who is paused can resume; this annotator is %(state)s.")
                % {"state": locked.get_state_display().lower()}
            )
        if locked.member_id == by.pk and locked.paused_by_id != by.pk:
            raise NotAllowed(_("You were paused by somebody else: ask whoever manages people here."))
        locked.state = AnnotatorState.ACTIVE
        locked.save(update_fields=["state"])
        _record(locked, "annotator.resumed", by)
    return locked


def remove(*, member: Member, by: Member) -> Member:
    """End a membership: tokens end, leases return; what the member answered and decided stays. `add_member` takes back."""
    with transaction.atomic():
        locked = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if locked.state == MemberState.LEFT:
            raise WrongState(_("This member has left already."))
        staffing.may_stop(locked, by)
        suspending.end_because_left(member=locked, by=by)
        _leave(locked, by, "member.removed")
    return locked


def leave(*, member: Member) -> Member:
    """A member goes of her own accord. The last owner stays."""
    with transaction.atomic():
        locked = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if locked.state != MemberState.ACTIVE:
            raise WrongState(_("Only an active member leaves."))
        staffing.keep_an_owner(locked)
        _leave(locked, locked, "member.left")
    return locked


def _leave(locked: Member, by: Member, kind: str) -> None:
    staffing.stop(locked, MemberState.LEFT, AnnotatorState.LEFT, by)
    ledger.record(project_id=locked.project_id, kind=kind, by=by, subject=("member", locked.pk), data={})


def _locked(annotator: Annotator, by: Member) -> Annotator:
    """The annotator under her lock, if *by* is herself or manages people."""
    if annotator.member_id != by.pk:
        require(by, "people.manage")
    return Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)


def _record(annotator: Annotator, kind: str, by: Member, **data: int) -> None:
    ledger.record(
        project_id=annotator.project_id, kind=kind, by=by, subject=("annotator", annotator.pk), data=data
    )
