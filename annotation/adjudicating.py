"""A lead's decision of a dispute.

    open -> decided: rule
    (decided -> open: `appealing`)

The work on a dispute is a task of the adjudication queue, claimed like any other; whoever answered cannot claim it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import appealing, ending, establishing, nominating, rules, settling, shadowing, sides
from annotation.models import (
    CAUSES_IN_THE_SPEC,
    Basis,
    Cause,
    Dispute,
    DisputeState,
    Resolution,
    Ruling,
)
from specs import ledger, schema, task_types, versions
from specs.models import Member, Spec
from specs.refusals import Invalid, NotAllowed, WrongState
from specs.schema import BadAnswer
from workforce import categories, leasing, routing, slots
from workforce.models import Annotator, Assignment, Barred, Queue, Task, TaskState


def version_id(dispute: Dispute) -> int:
    """The version whose clauses stand beside a dispute: the newest one that its answers were given under, if there are any."""
    given = [answer.version_id for answer in settling.counted(dispute.task_id)]
    if given:
        return max(given)
    task = Task.objects.select_related("queue").get(pk=dispute.task_id)
    return ending.newest(spec_id=task.queue.spec_id, meaning=task.meaning)


def take(*, dispute: Dispute, annotator: Annotator, by: Member) -> leasing.Served:
    """Lease the work on a dispute, or find the lease one holds on it. Raises `NotAllowed` for whoever answered."""
    assert dispute.work_id is not None
    queue_id = Task.objects.values_list("queue_id", flat=True).get(pk=dispute.work_id)
    for served in leasing.held(annotator=annotator, queue_id=queue_id):
        if served.task_id == dispute.work_id:
            return served
    if dispute.state in shadowing.SHADOWS:
        shadow = shadowing.take(dispute=dispute, annotator=annotator, by=by)
        if shadow is None:
            raise WrongState(_("Somebody else is ruling on this dispute, or has ruled."))
        return shadow
    served_now = leasing.claim(queue_id=queue_id, annotator=annotator, by=by, task_id=dispute.work_id)
    if served_now is None:
        if Barred.objects.filter(task_id=dispute.work_id, annotator=annotator).exists():
            raise NotAllowed(_("You answered this task, or gave it back; somebody else has to rule on it."))
        if Ruling.objects.filter(dispute=dispute, annotator=annotator).exists():
            raise NotAllowed(_("You have ruled on this dispute; another lead looks at it now."))
        raise WrongState(_("Somebody else is ruling on this dispute, or has ruled."))
    return served_now


def dispute_of_work(task_id: int) -> Dispute | None:
    """The dispute whose work this task of an adjudication queue is."""
    return Dispute.objects.select_related("task").filter(work_id=task_id).first()


def rule(
    *,
    dispute: Dispute,
    annotator: Annotator,
    assignment_id: int,
    token: uuid.UUID,
    values: Mapping[str, Any],
    cause: str,
    clause_key: str = "",
    reason: str = "",
    precedent: bool = False,
    cannot: str = "",
    gold: bool = False,
    by: Member,
) -> Ruling:
    """Decide a dispute: the values, why people disagreed, the decisive clause. The resolution is appended.

    With *gold*, what is ruled is a known answer from now on. A dispute that is gold itself (`shadowing`) is judged instead:
    its ruling makes no resolution, no precedent and no known answer.

    With *cannot*, a category of the task's queue, the ruling is that the item cannot be labelled; there are no values then.

    Raises `Invalid` for values that do not fit, an unknown cause, a clause or reason that is missing; `LeaseLost` when the
    lease on the work has ended; `WrongState` when somebody ruled first.
    """
    with transaction.atomic():
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)
        if slot is None or slot.task_id != dispute.work_id:
            raise leasing.LeaseLost(_("This is not your lease on the dispute."))
        Task.objects.select_for_update(no_key=True).get(pk=dispute.task_id)
        locked = Dispute.objects.select_for_update(no_key=True).get(pk=dispute.pk)
        if locked.state not in (DisputeState.OPEN, DisputeState.PROBE):
            raise WrongState(_("Somebody else ruled on this dispute."))
        if not slot.live:
            raise leasing.LeaseLost(_("Your lease on this dispute has ended; open it again."))
        assert slot.version_id is not None
        version = versions.read(slot.version_id)
        decided = {} if cannot else _values(version, locked, values, slot.payload)
        if cannot:
            _check_category(locked, values, cannot)
        clause = version.clause(clause_key) if clause_key else None
        _check(cause, clause_key, clause, reason, precedent)
        event = ledger.record(
            project_id=locked.project_id,
            kind="dispute.decided",
            by=by,
            subject=("dispute", locked.pk),
            data={
                "task": locked.task_id,
                "cause": cause,
                "clause": clause.id if clause else None,
                "cannot": cannot,
            },
        )
        ruling = Ruling.objects.create(
            project_id=locked.project_id,
            dispute=locked,
            assignment_id=assignment_id,
            annotator=annotator,
            by=by,
            version_id=version.id,
            values=decided,
            cannot=cannot,
            cause=cause,
            clause_id=clause.id if clause else None,
            reason=reason.strip(),
            event_id=event,
        )
        if locked.state == DisputeState.PROBE:
            shadowing.judge(
                dispute=locked, assignment_id=assignment_id, version_id=version.id, values=decided
            )
        elif cannot:
            _end_without_label(locked, ruling, version, event)
        else:
            _resolve(locked, ruling, version, event)
        Assignment.objects.filter(pk=assignment_id).update(
            state="submitted", submitted_at=Now(), lease_until=None
        )
        Task.objects.filter(pk=slot.task_id).update(n_answers=F("n_answers") + 1)
        if locked.state == DisputeState.PROBE:
            locked.state, locked.decided_at, precedent = DisputeState.PROBED, Now(), False
        else:
            routing.mark(task_id=slot.task_id, state=TaskState.RESOLVED)
            _end_task(locked.task_id, TaskState.UNLABELLABLE if cannot else TaskState.RESOLVED)
            locked.state, locked.decided_at = DisputeState.DECIDED, Now()
        locked.save(update_fields=["state", "decided_at"])
        if locked.state == DisputeState.DECIDED:
            establishing.supersede(dispute=locked, ruling=ruling, by=by)
            appealing.follow_ruling(dispute=locked, ruling=ruling, by=by)
            if gold:
                nominating.from_ruling(ruling=ruling, spec=Spec.objects.get(pk=version.spec_id), by=by)
            if precedent:
                establishing.establish(ruling=ruling, text=reason, by=by)
        shadowing.draw(annotator=annotator, queue=Queue.objects.get(pk=slot.queue_id), by=by)
    return ruling


def _end_task(task_id: int, ended: TaskState) -> None:
    """The task ends with the ruling; after an appeal it has ended before, and may now end the other way."""
    was = Task.objects.values_list("state", flat=True).get(pk=task_id)
    if was not in (TaskState.DISPUTED, ended):
        routing.mark(task_id=task_id, state=TaskState.OPEN)
    routing.mark(task_id=task_id, state=ended)


def _values(
    version: versions.ReadVersion, dispute: Dispute, values: Mapping[str, Any], payload: Mapping[str, Any]
) -> dict[str, Any]:
    """The ruling's values for the disputed questions, together with what the undisputed ones agreed on."""
    asked = [question for question in version.questions if question["key"] in dispute.questions]
    unknown = set(values) - {question["key"] for question in asked}
    if unknown:
        raise Invalid(_("%(unknown)s is not disputed here.") % {"unknown": ", ".join(sorted(unknown))[:100]})
    try:
        return schema.parse_answer([{**question, "shown_when": None} for question in asked], values, payload)
    except BadAnswer as error:
        raise Invalid(
            _("The ruling does not fit."), problems=[problem.as_dict() for problem in error.problems]
        ) from error


def _check_category(dispute: Dispute, values: Mapping[str, Any], category: str) -> None:
    if values:
        raise Invalid(_("A ruling gives values, or says that the item cannot be labelled."))
    queue = Task.objects.select_related("queue").get(pk=dispute.task_id).queue
    known = {*categories.TITLES, *queue.cannot_categories, *sides.declined(dispute)}
    if category not in known:
        raise Invalid(_("A category is one of %(known)s.") % {"known": ", ".join(sorted(known))})


def _end_without_label(dispute: Dispute, ruling: Ruling, version: versions.ReadVersion, event: int) -> None:
    answers = [answer.pk for answer in settling.counted(dispute.task_id)]
    for question in settling.asked(version):
        settling.append_resolution(
            task_id=dispute.task_id,
            project_id=dispute.project_id,
            question=question,
            value=None,
            cannot=ruling.cannot,
            basis=Basis.RULING,
            version_id=version.id,
            ruling_id=ruling.pk,
            answers=answers,
            rule=Basis.RULING.value,
            event_id=event,
        )


def _check(cause: str, clause_key: str, clause: Any, reason: str, precedent: bool) -> None:
    found: list[dict[str, str]] = []
    if cause not in Cause.values:
        found.append(
            {"where": "cause", "message": _("is one of %(values)s") % {"values": ", ".join(Cause.values)}}
        )
    if clause_key and clause is None:
        found.append(
            {
                "where": "clause",
                "message": _("%(clause_key)r is no clause of the served version")
                % {"clause_key": clause_key[:64]},
            }
        )
    if cause == Cause.CLAUSE_AMBIGUOUS and clause is None and not clause_key:
        found.append({"where": "clause", "message": _("name the clause that is ambiguous")})
    if cause in CAUSES_IN_THE_SPEC and not reason.strip():
        found.append({"where": "reason", "message": _("is needed when the cause lies in the spec")})
    if precedent and (clause is None or not reason.strip()):
        found.append(
            {"where": "precedent", "message": _("a ruling shown to annotators needs a clause and a reason")}
        )
    if found:
        raise Invalid(_("The ruling is not complete."), problems=found)


def _resolve(dispute: Dispute, ruling: Ruling, version: versions.ReadVersion, event: int) -> None:
    """Disputed questions get the ruled value, the others what the answers agreed on."""
    answers = settling.counted(dispute.task_id)
    for question in version.questions:
        key = question["key"]
        given = [answer.values[key] for answer in answers if key in answer.values]
        groups = task_types.get(question["kind"]).compare(question, given)
        counts = {rules.key_of(group["value"]): group["n"] for group in groups}
        if key in ruling.values:
            value, basis, ruling_id = ruling.values[key], Basis.RULING, ruling.pk
        elif given and key not in dispute.questions:
            value, basis, ruling_id = groups[0]["value"], Basis.CONSENSUS, None
        else:
            continue
        settling.append_resolution(
            task_id=dispute.task_id,
            project_id=dispute.project_id,
            question=key,
            value=value,
            basis=basis,
            version_id=version.id,
            ruling_id=ruling_id,
            distribution=counts,
            answers=[answer.pk for answer in answers],
            rule=basis.value,
            event_id=event,
        )


def resolution(task_id: int, question: str) -> Resolution | None:
    """The resolution in force."""
    return Resolution.objects.filter(task_id=task_id, question=question).order_by("-revision").first()
