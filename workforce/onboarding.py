"""How newcomers move along a queue's path, stage by stage, until they work like everybody else.

    (nothing) -> first stage: begin, at enrolment
    stage -> next stage, or through: advance, by the stage's rule
    stage -> another stage, or through: place, by a named person with a reason
    going on <-> held: hold, let_go, by a named person with a reason

Where somebody stands is a column of her enrolment, so that the claim knows it from the row it locks anyway: whoever is in
practice or shadow is given nothing but what is minted for her. Each step is one row of `OnboardingStep` and one event.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member
from specs.refusals import Invalid, NotAllowed, Refusal, WrongState
from workforce.models import (
    Annotator,
    AnnotatorKind,
    Enrolment,
    OnboardingStep,
    PathStage,
    Purpose,
    Stage,
    Step,
)
from workforce.progressing import ORDER, Progress, progress

PURPOSES = (Purpose.LABELLING, Purpose.RELABELLING, Purpose.TRAINING)
"""Queues that can have a path."""
MINTED = (Stage.PRACTICE, Stage.SHADOW)
"""Stages in which nothing is given but what is minted for the annotator."""


class PathHeld(Refusal):
    """Somebody has stopped her on the path, or its rule waits for a person or for the others; the message says which."""

    code = "path-waits"
    status = 409


class StillOnPath(NotAllowed):
    """Work by name is for those who are through practice and shadow."""

    code = "still-on-path"


def begin(*, enrolment: Enrolment, by: Member | None) -> Enrolment:
    """Put a newcomer at the start of her queue's path, where it has one. Call it where the enrolment is made."""
    first = PathStage.objects.filter(queue=enrolment.queue_id)
    annotator = Annotator.objects.get(pk=enrolment.annotator_id)
    if annotator.kind != AnnotatorKind.PERSON or not (stages := {one.stage for one in first}):
        return enrolment
    _move(enrolment, next(stage for stage in ORDER if stage in stages), Step.BEGUN, by=by)
    return enrolment


def advance(*, enrolment_id: int) -> str:
    """Move on over every stage whose rule is met; returns the stage she is in then, "" when she is through.

    Harmless to repeat. Held, she stays where she is.
    """
    with transaction.atomic():
        locked = _locked(enrolment_id)
        while locked.stage and not locked.held:
            found = progress(enrolment=locked)
            if not found.passed:
                break
            _move(locked, _after(locked), Step.PASSED, found=found)
    return locked.stage


def catch_up(*, queue_id: int, annotator: Annotator) -> None:
    """Move her on where she stands on this queue's path, if she stands on it."""
    on_path = Enrolment.objects.filter(queue=queue_id, annotator=annotator).exclude(stage="")
    for pk in on_path.values_list("pk", flat=True):
        advance(enrolment_id=pk)


def admit(*, enrolment_id: int) -> str:
    """Move on by rule, then say why she cannot go on where she cannot; returns her stage. Call it in a claim, under its lock.

    Raises `PathHeld`.
    """
    stage = advance(enrolment_id=enrolment_id)
    locked = Enrolment.objects.get(pk=enrolment_id)
    if locked.held:
        raise PathHeld(
            _("Somebody looks at how you get on: %(held_reason)s") % {"held_reason": held_reason(locked)}
        )
    if stage not in MINTED:
        return stage
    found = progress(enrolment=locked)
    if found.stuck:
        raise PathHeld(
            _(
                "You have given %(found_n)s answers in this stage, and it is not passed yet. Whoever manages "
                "people here looks at it with you now."
            )
            % {"found_n": found.n + found.n_waiting}
        )
    if found.n_waiting and found.n + found.n_waiting >= found.at_most:
        raise PathHeld(
            _("%(n_waiting)s of your answers wait for what their tasks end with; then it goes on by itself.")
            % {"n_waiting": found.n_waiting}
        )
    return stage


def held_reason(enrolment: Enrolment) -> str:
    """Why she is held; "" where she is not."""
    if not enrolment.held:
        return ""
    steps = OnboardingStep.objects.filter(queue=enrolment.queue_id, annotator=enrolment.annotator_id)
    last = steps.filter(step=Step.HELD).order_by("-pk").first()
    return last.reason if last else ""


def place(*, enrolment: Enrolment, stage: str, reason: str, by: Member) -> Enrolment:
    """Put somebody back to a stage or on to one, or ("") through; what she answered stays. It lets go what was held.

    Raises `Invalid` for a stage that the path does not have, `WrongState` where she stands there already.
    """
    with transaction.atomic():
        locked = _decided(enrolment, reason, by)
        if stage and not PathStage.objects.filter(queue=locked.queue_id, stage=stage).exists():
            raise Invalid(_("The path of this queue has no such stage."))
        if stage == locked.stage:
            raise WrongState(_("She stands there already."))
        _move(locked, stage, Step.MOVED, reason=reason, by=by)
    return locked


def hold(*, enrolment: Enrolment, reason: str, by: Member) -> Enrolment:
    """Stop somebody on her path: she claims nothing here until she is let go. What she holds she may finish."""
    with transaction.atomic():
        locked = _decided(enrolment, reason, by)
        if not locked.stage or locked.held:
            raise WrongState(_("Only somebody who goes along the path can be held."))
        _move(locked, locked.stage, Step.HELD, reason=reason, by=by)
    return locked


def let_go(*, enrolment: Enrolment, reason: str, by: Member) -> Enrolment:
    with transaction.atomic():
        locked = _decided(enrolment, reason, by)
        if not locked.held:
            raise WrongState(_("She is not held."))
        _move(locked, locked.stage, Step.LET_GO, reason=reason, by=by)
    return locked


def advance_over() -> int:
    """Move on whoever has come to the end of her probation by its days; returns how many are through."""
    waiting = Enrolment.objects.filter(stage=Stage.PROBATION, held=False, active=True)
    timed = PathStage.objects.filter(stage=Stage.PROBATION, days__isnull=False)
    n = 0
    for pk in waiting.filter(queue__in=timed.values("queue")).values_list("pk", flat=True):
        n += not advance(enrolment_id=pk)
    return n


def _decided(enrolment: Enrolment, reason: str, by: Member) -> Enrolment:
    if not reason.strip():
        raise Invalid(_("Say why; it stays on record, and she reads it."))
    locked = _locked(enrolment.pk)
    if locked.annotator.member_id == by.pk:
        raise NotAllowed(_("Nobody decides about himself."))
    return locked


def _locked(enrolment_id: int) -> Enrolment:
    rows = Enrolment.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("annotator", "queue").get(pk=enrolment_id)


def _after(enrolment: Enrolment) -> str:
    """The next stage that the path has; "" at its end."""
    stages = set(PathStage.objects.filter(queue=enrolment.queue_id).values_list("stage", flat=True))
    later = ORDER[ORDER.index(enrolment.stage) + 1 :]
    return next((stage for stage in later if stage in stages), "")


def _move(
    enrolment: Enrolment,
    stage: str,
    step: Step,
    *,
    found: Progress | None = None,
    reason: str = "",
    by: Member | None = None,
) -> None:
    before, enrolment.held = enrolment.stage, step == Step.HELD
    if step not in (Step.HELD, Step.LET_GO):
        enrolment.stage, enrolment.stage_since = stage, Now() if stage else None
    enrolment.save(update_fields=["stage", "stage_since", "held"])
    enrolment.refresh_from_db(fields=["stage_since"])
    event = ledger.record(
        project_id=enrolment.project_id,
        kind=f"onboarding.{step.value}",
        by=by,
        subject=("annotator", enrolment.annotator_id),
        data={
            "queue": enrolment.queue_id,
            "before": before,
            "after": stage,
            "n": found.n_judged if found else 0,
            "right": found.n_right if found else 0,
        },
    )
    OnboardingStep.objects.create(
        project_id=enrolment.project_id,
        queue_id=enrolment.queue_id,
        annotator_id=enrolment.annotator_id,
        step=step,
        before=before,
        after=stage,
        n=found.n_judged if found else 0,
        n_right=found.n_right if found else 0,
        value=found.value if found else None,
        reason=reason.strip()[:2000],
        by=by,
        event_id=event,
    )
