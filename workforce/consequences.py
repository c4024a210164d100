"""What follows for an annotator: from a rule's finding, or from a person's own decision.

    (nothing) -> proposed, in force: follow (a rule), decide_on (a person)
    proposed -> in force, declined: confirm, decline
    in force -> ended: end, end_over

A suspension never follows by itself: it is proposed, and confirming it makes a `Suspension` by the person who confirms.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member
from specs.refusals import Invalid, NotAllowed, WrongState
from workforce import leasing, noticing, suspending
from workforce.models import Action, Annotator, AnnotatorState, Consequence, ConsequenceState, Finding, Queue


def follow(*, finding: Finding) -> Consequence | None:
    """What a rule's finding leads to; None for a notice, which she reads herself as well. Call it where the finding is made."""
    rule = finding.rule
    if rule.action == Action.NOTIFY:
        noticing.write(finding=finding)
        return None
    made = Consequence(
        project_id=finding.project_id,
        finding=finding,
        annotator_id=finding.annotator_id,
        action=rule.action,
        reason=rule.reason,
        share=rule.share if rule.action == Action.REVIEW else 0,
        gold_share=rule.gold_share if rule.action == Action.REVIEW else 0,
        queues=rule.queues if rule.action in (Action.RETRAIN, Action.RESTRICT) else [],
        goal_answers=rule.goal_answers if rule.action == Action.RETRAIN else 0,
        goal_share=rule.goal_share if rule.action == Action.RETRAIN else 0,
        lasts_days=rule.lasts_days,
    )
    made.save(force_insert=True)
    if rule.confirm or rule.action == Action.SUSPEND:
        _record(made, "consequence.proposed", None)
    else:
        _start(made, None)
    return made


def decide_on(
    *,
    annotator: Annotator,
    action: str,
    reason: str,
    days: int,
    queues: Sequence[Queue] = (),
    share: float = 0.5,
    gold_share: float = 0.1,
    by: Member,
) -> Consequence:
    """A person's own decision, without a rule: raise review, or restrict to queues. Suspension has its own way."""
    if action not in (Action.REVIEW, Action.RESTRICT):
        raise Invalid(
            _("A person raises review or restricts to queues here; a suspension is decided on its own.")
        )
    if not reason.strip():
        raise Invalid(_("Say why; she reads it."))
    if action == Action.RESTRICT and not queues:
        raise Invalid(_("Name the queues where she may work meanwhile."))
    if not 1 <= days <= 366 or not 0 < share <= 1:
        raise Invalid(_("It lasts 1 to 366 days, on a share of her tasks."))
    if not 0 <= gold_share <= 0.5:
        raise Invalid(_("At most half of what somebody is given is gold."))
    if annotator.member_id == by.pk:
        raise NotAllowed(_("Nobody decides about himself."))
    with transaction.atomic():
        made = Consequence.objects.create(
            project_id=annotator.project_id,
            annotator=annotator,
            action=action,
            reason=reason.strip()[:2000],
            share=share if action == Action.REVIEW else 0,
            gold_share=gold_share if action == Action.REVIEW else 0,
            queues=[queue.pk for queue in queues] if action == Action.RESTRICT else [],
            lasts_days=days,
            decided_by=by,
            decided_at=leasing.database_now(),
        )
        _start(made, by)
    return made


def confirm(*, consequence: Consequence, note: str = "", by: Member) -> Consequence:
    """A person agrees to what a rule proposed. A suspension is made here, in her name, with the figures as evidence."""
    with transaction.atomic():
        locked = _proposed(consequence, by)
        locked.decided_by, locked.decided_at, locked.note = by, leasing.database_now(), note.strip()[:2000]
        if locked.action == Action.SUSPEND:
            _suspend(locked, by)
        _start(locked, by)
    return locked


def _suspend(locked: Consequence, by: Member) -> None:
    member, finding = locked.annotator.member, locked.finding
    if member is None:
        raise WrongState(_("This annotator is nobody's log-in."))
    evidence: dict[str, Any] = {}
    if finding is not None:
        evidence = {
            "figure": finding.rule.get_metric_display(),
            "value": round(finding.value, 4),
            "interval": None if finding.low is None else [round(finding.low, 4), round(finding.high or 0, 4)],
            "answers": finding.n,
            "set aside": finding.n_set_aside,
            "day": finding.window_end.isoformat(),
        }
    suspending.suspend(
        member=member,
        reason=f"{locked.reason} {locked.note}".strip(),
        until=leasing.database_now() + timedelta(days=locked.lasts_days),
        evidence=evidence,
        by=by,
    )


def decline(*, consequence: Consequence, note: str, by: Member) -> Consequence:
    """A person looked and does not agree; it is on record, and the same answers are not held against her again."""
    if not note.strip():
        raise Invalid(_("Say why it is not right."))
    with transaction.atomic():
        locked = _proposed(consequence, by)
        locked.state, locked.note = ConsequenceState.DECLINED, note.strip()[:2000]
        locked.decided_by = by
        locked.decided_at = locked.ended_at = leasing.database_now()
        locked.save(update_fields=["state", "note", "decided_by", "decided_at", "ended_at"])
        _record(locked, "consequence.declined", by)
    return locked


def end(*, consequence: Consequence, by: Member) -> Consequence:
    """Lift it before its time. A suspension is lifted on its own."""
    with transaction.atomic():
        locked = Consequence.objects.select_for_update(no_key=True).get(pk=consequence.pk)
        if locked.state != ConsequenceState.IN_FORCE:
            raise WrongState(_("Only what is in force can be lifted."))
        if locked.annotator.member_id == by.pk:
            raise NotAllowed(_("Nobody decides about himself."))
        _end(locked, by)
    return locked


def end_over() -> int:
    """End what has lasted its time, and suspensions that were lifted on their own; returns how many.

    It had no effect any more: the claim asks the clock itself.
    """
    n_ended = 0
    lifted = Q(action=Action.SUSPEND) & ~Q(annotator__state=AnnotatorState.SUSPENDED)
    over = Consequence.objects.filter(Q(until__lte=Now()) | lifted, state=ConsequenceState.IN_FORCE)
    for pk in over.values_list("pk", flat=True):
        n_ended += finish(consequence_id=pk)
    return n_ended


def finish(*, consequence_id: int) -> int:
    """End one because it is over or its goal is reached; 0 where that was done already."""
    with transaction.atomic():
        locked = Consequence.objects.select_for_update(no_key=True).get(pk=consequence_id)
        if locked.state != ConsequenceState.IN_FORCE:
            return 0
        _end(locked, None)
    return 1


def _proposed(consequence: Consequence, by: Member) -> Consequence:
    rows = Consequence.objects.select_for_update(no_key=True, of=("self",))
    locked = rows.select_related("annotator__member", "finding__rule").get(pk=consequence.pk)
    if locked.state != ConsequenceState.PROPOSED:
        raise WrongState(_("This is decided already."))
    if locked.annotator.member_id == by.pk:
        raise NotAllowed(_("Nobody decides about himself."))
    return locked


def _start(made: Consequence, by: Member | None) -> None:
    now = leasing.database_now()
    made.state, made.started_at = ConsequenceState.IN_FORCE, now
    made.until = now + timedelta(days=made.lasts_days)
    made.save(update_fields=["state", "started_at", "until", "decided_by", "decided_at", "note"])
    if made.queues:
        for queue in Queue.objects.filter(enrolments__annotator=made.annotator_id).exclude(
            pk__in=made.queues
        ):
            leasing.return_leases_of(annotator=made.annotator, queue=queue, by=by)
    if made.action != Action.SUSPEND:  # whoever is suspended reads why on a page of her own
        noticing.write(finding=made.finding, consequence=made)
    _record(made, "consequence.started", by)


def _end(locked: Consequence, by: Member | None) -> None:
    locked.state, locked.ended_at, locked.ended_by = ConsequenceState.ENDED, leasing.database_now(), by
    locked.save(update_fields=["state", "ended_at", "ended_by"])
    _record(locked, "consequence.ended", by)


def _record(row: Consequence, kind: str, by: Member | None) -> None:
    ledger.record(
        project_id=row.project_id,
        kind=kind,
        by=by,
        subject=("annotator", row.annotator_id),
        data={
            "consequence": row.pk,
            "action": str(row.action),
            "finding": row.finding_id,
            "days": row.lasts_days,
        },
    )
