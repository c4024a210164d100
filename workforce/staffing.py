"""Members, annotators and who may pull from which queue.

(nothing) -> active: add_member, annotator_for
left -> active: add_member
enrolled <-> not: enrol, dismiss

Pausing and leaving are in `leaving`, suspension in `suspending`.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from specs import ledger, tokens
from specs.access import ROLES, permissions_of
from specs.models import ApiToken, Member, MemberState, Project, Role
from specs.refusals import Invalid, NotAllowed, WrongState
from workforce import leasing, onboarding, reserving
from workforce.models import Annotator, AnnotatorKind, AnnotatorState, Enrolment, Queue
from workforce.pseudonyms import pseudonym


def add_member(*, project: Project, user: User, roles: Iterable[str], by: Member | None) -> Member:
    """Make a user a member, or give a former member new roles. Nobody grants more than his own permissions."""
    roles = _known(roles)
    may_grant(by, roles)
    with transaction.atomic():
        member, new = Member.objects.select_for_update(no_key=True).get_or_create(
            project=project, user=user, defaults={"roles": roles}
        )
        if not new:
            if member.state == MemberState.ACTIVE:
                raise Invalid(_("%(username)s is a member already.") % {"username": user.get_username()})
            if member.state == MemberState.SUSPENDED:
                raise WrongState(
                    _("%(username)s is suspended: reinstate instead.") % {"username": user.get_username()}
                )
            may_grant(by, member.roles)
            member.state, member.roles = MemberState.ACTIVE, roles
            member.save(update_fields=["state", "roles"])
            Annotator.objects.filter(member=member, state=AnnotatorState.LEFT).update(
                state=AnnotatorState.ACTIVE
            )
        ledger.record(
            project_id=project.pk,
            kind="member.added",
            by=by,
            subject=("member", member.pk),
            data={"roles": roles},
        )
        _annotator_if_needed(member)
    return member


def set_roles(*, member: Member, roles: Iterable[str], by: Member) -> Member:
    """Change what a member may do. Refused above one's own permissions, for oneself, and for the last owner."""
    roles = _known(roles)
    with transaction.atomic():
        locked = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if locked.pk == by.pk:
            raise NotAllowed(_("Nobody changes his own roles."))
        may_grant(by, roles)
        may_grant(by, locked.roles)
        if Role.OWNER in locked.roles and Role.OWNER not in roles:
            keep_an_owner(locked)
        before, locked.roles = locked.roles, roles
        locked.save(update_fields=["roles"])
        ledger.record(
            project_id=locked.project_id,
            kind="member.roles-changed",
            by=by,
            subject=("member", locked.pk),
            data={"before": before, "after": roles},
        )
        _annotator_if_needed(locked)
    tokens.forget()
    return locked


def may_stop(locked: Member, by: Member) -> None:
    """Raises where *by* may not end this member's work."""
    if locked.pk == by.pk:
        raise NotAllowed(_("Nobody suspends or removes himself."))
    may_grant(by, locked.roles)
    keep_an_owner(locked)


def stop(locked: Member, state: MemberState, annotator_state: AnnotatorState, by: Member) -> None:
    """Move a locked member out of work: tokens end, leases return to their queues."""
    locked.state = state
    locked.save(update_fields=["state"])
    ApiToken.objects.filter(member=locked, revoked_at__isnull=True).update(revoked_at=leasing.database_now())
    annotator = Annotator.objects.filter(member=locked).first()
    if annotator is not None:
        annotator.state = annotator_state
        annotator.save(update_fields=["state"])
        leasing.return_leases_of(annotator=annotator, by=by)
        reserving.return_all_of(annotator=annotator, by=by)
    tokens.forget()


def annotator_for(*, member: Member, kind: str = AnnotatorKind.PERSON) -> Annotator:
    """The member's annotator, made under a fresh random pseudonym at first need."""
    found = Annotator.objects.filter(member=member).first()
    while found is None:
        try:
            with transaction.atomic():
                found = Annotator.objects.create(
                    project_id=member.project_id,
                    member=member,
                    user_id=member.user_id,
                    kind=kind,
                    pseudonym=pseudonym(),
                )
                ledger.record(
                    project_id=member.project_id,
                    kind="annotator.created",
                    by=member,
                    subject=("annotator", found.pk),
                    data={"kind": kind},
                )
        except IntegrityError:
            found = Annotator.objects.filter(member=member).first()
    return found


def _annotator_if_needed(member: Member) -> None:
    """Whoever may label has a pseudonym from the start, so that looking at a queue changes nothing."""
    if "work.label" in permissions_of(member):
        annotator_for(member=member)


def enrol(*, queue: Queue, annotator: Annotator, by: Member | None) -> Enrolment:
    """Let an annotator pull from a queue. Harmless to repeat."""
    with transaction.atomic():
        enrolment, new = Enrolment.objects.get_or_create(
            queue=queue, annotator=annotator, defaults={"project_id": queue.project_id}
        )
        if new or not enrolment.active:
            Enrolment.objects.filter(pk=enrolment.pk).update(active=True)
            enrolment.active = True
            ledger.record(
                project_id=queue.project_id,
                kind="annotator.enrolled",
                by=by,
                subject=("annotator", annotator.pk),
                data={"queue": queue.pk},
            )
        if new:
            onboarding.begin(enrolment=enrolment, by=by)
    return enrolment


def dismiss(*, queue: Queue, annotator: Annotator, by: Member | None) -> None:
    """Take an annotator out of a queue; what was answered stays, what is leased there returns."""
    with transaction.atomic():
        changed = Enrolment.objects.filter(queue=queue, annotator=annotator, active=True).update(active=False)
        if changed:
            leasing.return_leases_of(annotator=annotator, queue=queue, by=by)
            reserving.return_all_of(annotator=annotator, queue_id=queue.pk, by=by)
            ledger.record(
                project_id=queue.project_id,
                kind="annotator.dismissed",
                by=by,
                subject=("annotator", annotator.pk),
                data={"queue": queue.pk},
            )


def _known(roles: Iterable[str]) -> list[str]:
    found = sorted(set(roles))
    if not found or not set(found) <= set(ROLES):
        raise Invalid(_("Roles are one or more of %(roles)s.") % {"roles": ", ".join(ROLES)})
    return found


WORK = frozenset({"work.label", "answer.review"})
"""To annotate and to review: no power over others."""


def may_grant(by: Member | None, roles: Iterable[str]) -> None:
    """Raises where *by* may not give or take these roles.

    `by` None is the command line. Only an owner makes owners; permissions to work (`WORK`) can always be given.
    """
    if by is None or Role.OWNER in by.roles:
        return
    wanted = frozenset().union(*(ROLES[role] for role in roles)) - WORK
    if Role.OWNER in roles or not wanted < permissions_of(by):
        raise NotAllowed(_("Nobody grants or takes a role at or above his own."))


def keep_an_owner(leaving: Member) -> None:
    """Raises `WrongState` where nobody else owns the project."""
    if Role.OWNER not in leaving.roles:
        return
    others = Member.objects.filter(
        project_id=leaving.project_id, state=MemberState.ACTIVE, roles__contains=[Role.OWNER]
    )
    if not others.exclude(pk=leaving.pk).exists():
        raise WrongState(_("A project keeps at least one active owner."))
