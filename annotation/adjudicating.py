"""A lead's decision of a dispute.

    open -> decided: rule
    second -> seconded, probe -> probed: rule (`seconding`, `shadowing`)
    (decided -> open: `appealing`; open -> returned: `deferring`)

The work on a dispute is a task of the adjudication queue, claimed like any other; whoever answered cannot claim it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from annotation import (
    adjudicated,
    appealing,
    deferring,
    ending,
    establishing,
    nominating,
    reading_first,
    rules,
    seconding,
    settling,
    shadowing,
    sides,
    splitting,
)
from annotation.models import (
    CAUSES_IN_THE_SPEC,
    Annotation,
    Basis,
    Cause,
    Deferral,
    Dispute,
    DisputeState,
    Resolution,
    Ruling,
)
from specs import ledger, task_types, versions
from specs.models import Member, Spec
from specs.refusals import Invalid, NotAllowed, WrongState
from workforce import categories, leasing, routing, slots
from workforce.models import Annotator, Assignment, Barred, Queue, Task, TaskState


def version_id(dispute: Dispute, answers: Sequence[Annotation] | None = None) -> int:
    """The version whose clauses stand beside a dispute: the newest one that its answers were given under, if there are any.

    *answers* are the counted ones, if they are at hand.
    """
    given = [one.version_id for one in (settling.counted(dispute.task_id) if answers is None else answers)]
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
    return lease(dispute=dispute, queue_id=queue_id, annotator=annotator, by=by)


def lease(*, dispute: Dispute, queue_id: int, annotator: Annotator, by: Member) -> leasing.Served:
    """Lease the work on a dispute, a task of this queue, that she holds no lease on. Raises as `take`."""
    assert dispute.work_id is not None
    if dispute.state in shadowing.SHADOWS:
        shadow = shadowing.take(dispute=dispute, annotator=annotator, by=by)
        if shadow is None:
            raise WrongState(_("Somebody else is ruling on this dispute, or has ruled."))
        return shadow
    served_now = leasing.claim(queue_id=queue_id, annotator=annotator, by=by, task_id=dispute.work_id)
    if served_now is None:
        if Ruling.objects.filter(dispute=dispute, annotator=annotator).exists():
            raise NotAllowed(_("You have ruled on this dispute; another lead looks at it now."))
        if Deferral.objects.filter(dispute=dispute, annotator=annotator).exists():
            raise NotAllowed(_("You passed this dispute on; somebody else decides it now."))
        if Barred.objects.filter(task_id=dispute.work_id, annotator=annotator).exists():
            raise NotAllowed(_("You answered this task, or gave it back; somebody else has to rule on it."))
        raise WrongState(_("Somebody else is ruling on this dispute, or has ruled."))
    return served_now


def with_later(rows: QuerySet[Ruling]) -> QuerySet[Ruling]:
    """The rulings with `n_later`: how many answers to their task came or changed after them, so that they may be stale."""
    later = Annotation.objects.counted().filter(
        task=OuterRef("dispute__task"), recorded_at__gt=OuterRef("ruled_at")
    )
    counted = later.order_by().values("task").annotate(n=Count("pk")).values("n")
    return rows.annotate(n_later=Coalesce(Subquery(counted), 0))


def stale(ruling: Ruling) -> int:
    """How many answers came or changed after the ruling."""
    return int(with_later(Ruling.objects.filter(pk=ruling.pk)).get().n_later)  # type: ignore[attr-defined]


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
    plural: Mapping[str, Sequence[Any]] | None = None,
    split: splitting.Split | None = None,
    gold: bool = False,
    along_with: Ruling | None = None,
    by: Member,
) -> Ruling:
    """Decide a dispute: the values, why people disagreed, the decisive clause. The resolution is appended.

    With *gold*, what is ruled is a known answer from now on. A dispute that is gold itself (`shadowing`), or a second look
    (`seconding`), is judged or compared instead: its ruling makes no resolution, no precedent and no known answer.

    With *cannot*, a category of the task's queue, the ruling is that the item cannot be labelled; with *split*, that it is
    several items; there are no values then. *plural* names for a question the answers that are all right: it ends
    with a soft label. *along_with* is the ruling that this one repeats for a dispute that looks the same.

    Raises `Invalid` for values that do not fit, an unknown cause, a clause or reason that is missing; `LeaseLost` when the
    lease on the work has ended; `WrongState` when somebody ruled first, or she has not said first what she thinks.
    """
    with transaction.atomic():
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)
        locked = deferring.lock(dispute, slot)
        assert slot is not None
        assert slot.version_id is not None
        if reading_first.hides(locked, assignment_id):
            raise WrongState(_("Say first what you think of it; then you see the answers, and rule."))
        version = versions.read(slot.version_id)
        kept = _kept(version, locked, plural or {})
        decided = _decided(version, locked, values, kept, cannot, split, slot.payload)
        clause = version.clause(clause_key) if clause_key else None
        _check(cause, clause_key, clause, reason, precedent, kept)
        real = locked.state == DisputeState.OPEN
        parts = splitting.split(task_id=locked.task_id, into=split, by=by) if split and real else []
        cannot = splitting.CANNOT if split else cannot
        event = ledger.record(
            project_id=locked.project_id,
            kind="dispute.decided" if locked.state != DisputeState.SECOND else "dispute.seconded",
            by=by,
            subject=("dispute", locked.pk),
            data={
                "task": locked.task_id,
                "work": slot.task_id,
                "cause": cause,
                "clause": clause.id if clause else None,
                "cannot": cannot,
                **({"plural": sorted(kept)} if kept else {}),
                **({"along_with": along_with.pk} if along_with else {}),
            },
        )
        ruling = Ruling(
            project_id=locked.project_id,
            dispute=locked,
            assignment_id=assignment_id,
            annotator=annotator,
            by=by,
            version_id=version.id,
            values=decided,
            sides=kept,
            cannot=cannot,
            split_into=parts,
            cause=cause,
            clause_id=clause.id if clause else None,
            reason=reason.strip(),
            along_with=along_with,
            event_id=event,
        )
        if (said := reading_first.of(locked, assignment_id)) is not None:
            ruling.as_read = adjudicated.says(ruling, said.values, said.cannot)
        if locked.state == DisputeState.SECOND:
            ruling.as_first = seconding.compare(second=ruling)
        ruling.save(force_insert=True)
        Assignment.objects.filter(pk=assignment_id).update(
            state="submitted", submitted_at=Now(), lease_until=None
        )
        Task.objects.filter(pk=slot.task_id).update(n_answers=F("n_answers") + 1)
        if real:
            _put_in_force(locked, ruling, version, by)
        elif locked.state == DisputeState.SECOND:
            routing.mark(task_id=slot.task_id, state=TaskState.RESOLVED)
            _end_dispute(locked, DisputeState.SECONDED)
        else:
            shadowing.judge(
                dispute=locked, assignment_id=assignment_id, version_id=version.id, values=decided
            )
            _end_dispute(locked, DisputeState.PROBED)
        if real and gold:
            nominating.from_ruling(ruling=ruling, spec=Spec.objects.get(pk=version.spec_id), by=by)
        if real and precedent:
            establishing.establish(ruling=ruling, text=reason, by=by)
        queue = Queue.objects.get(pk=slot.queue_id)
        if real and along_with is None:
            seconding.draw(dispute=locked, queue=queue, by=by)
        shadowing.draw(annotator=annotator, queue=queue, by=by)
    return ruling


def _put_in_force(locked: Dispute, ruling: Ruling, version: versions.ReadVersion, by: Member) -> None:
    """The task ends with what was ruled, earlier precedents and appeals follow."""
    if ruling.cannot:
        _end_without_label(locked, ruling, version)
    else:
        _resolve(locked, ruling, version)
    assert locked.work_id is not None
    routing.mark(task_id=locked.work_id, state=TaskState.RESOLVED)
    _end_task(locked.task_id, TaskState.UNLABELLABLE if ruling.cannot else TaskState.RESOLVED)
    _end_dispute(locked, DisputeState.DECIDED)
    establishing.supersede(dispute=locked, ruling=ruling, by=by)
    appealing.follow_ruling(dispute=locked, ruling=ruling, by=by)


def _end_dispute(locked: Dispute, state: DisputeState) -> None:
    locked.state, locked.decided_at = state, Now()
    locked.save(update_fields=["state", "decided_at"])


def _end_task(task_id: int, ended: TaskState) -> None:
    """The task ends with the ruling; after an appeal it has ended before, and may now end the other way."""
    was = Task.objects.values_list("state", flat=True).get(pk=task_id)
    if was not in (TaskState.DISPUTED, ended):
        routing.mark(task_id=task_id, state=TaskState.OPEN)
    routing.mark(task_id=task_id, state=ended)


def _decided(
    version: versions.ReadVersion,
    locked: Dispute,
    values: Mapping[str, Any],
    kept: Mapping[str, Any],
    cannot: str,
    split: splitting.Split | None,
    payload: Mapping[str, Any],
) -> dict[str, Any]:
    """The ruling's values for the disputed questions that have one. Raises `Invalid` where it says two things at once."""
    if ((cannot or split) and (values or kept)) or (cannot and split):
        raise Invalid(
            _("A ruling gives values, or says that the item cannot be labelled, or that it is several items.")
        )
    if cannot:
        _check_category(locked, cannot)
    if cannot or split:
        return {}
    if both := sorted(set(values) & set(kept)):
        raise Invalid(_("%(both)s has one value, or keeps several.") % {"both": ", ".join(both)})
    left = [key for key in locked.questions if key not in kept]
    return reading_first.parse(version, left, values, payload) if left or values else {}


def _kept(
    version: versions.ReadVersion, locked: Dispute, plural: Mapping[str, Sequence[Any]]
) -> dict[str, list[dict[str, Any]]]:
    """For each question that stays plural the values kept, each with how many gave it. Raises `Invalid`."""
    found: dict[str, list[dict[str, Any]]] = {}
    given = sides.voices(locked.task_id) if plural else []
    for key, values in plural.items():
        if key not in locked.questions:
            raise Invalid(_("%(unknown)s is not disputed here.") % {"unknown": key[:100]})
        question = version.question(key)
        kind = task_types.get(question["kind"])
        said = [one.values[key] for one in given if key in one.values]
        groups = {
            kind.key(question, group["value"]): group
            for group in (kind.compare(question, said) if said else [])
        }
        named = dict.fromkeys(_key(kind, question, value) for value in values)
        if len(named) < 2 or any(name not in groups for name in named):
            raise Invalid(_("What stays plural are two or more of the answers that were given."))
        found[key] = [{"value": groups[name]["value"], "n": groups[name]["n"]} for name in named]
    return found


def _key(kind: task_types.TaskType, question: Mapping[str, Any], value: Any) -> str:
    try:
        return kind.key(question, value)
    except (TypeError, ValueError, KeyError, AttributeError):
        return ""


def _check_category(dispute: Dispute, category: str) -> None:
    queue = Task.objects.select_related("queue").get(pk=dispute.task_id).queue
    known = {*categories.TITLES, *queue.cannot_categories, *sides.declined(dispute)}
    if category not in known:
        raise Invalid(_("A category is one of %(known)s.") % {"known": ", ".join(sorted(known))})


def _end_without_label(dispute: Dispute, ruling: Ruling, version: versions.ReadVersion) -> None:
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
            event_id=ruling.event_id,
        )


def _check(
    cause: str, clause_key: str, clause: Any, reason: str, precedent: bool, kept: Mapping[str, Any]
) -> None:
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
    if kept and cause in Cause.values and cause != Cause.PLURAL:
        found.append({"where": "cause", "message": _("is that all are right, where several stay")})
    if precedent and (clause is None or not reason.strip()):
        found.append(
            {"where": "precedent", "message": _("a ruling shown to annotators needs a clause and a reason")}
        )
    if found:
        raise Invalid(_("The ruling is not complete."), problems=found)


def _resolve(dispute: Dispute, ruling: Ruling, version: versions.ReadVersion) -> None:
    """Disputed questions get the ruled value, or the soft label of those kept; the others what the answers agreed on."""
    answers = settling.counted(dispute.task_id)
    for question in version.questions:
        key = question["key"]
        given = [answer.values[key] for answer in answers if key in answer.values]
        groups = task_types.get(question["kind"]).compare(question, given)
        counts = {rules.key_of(group["value"]): group["n"] for group in groups}
        if key in ruling.values:
            value, basis, ruling_id = ruling.values[key], Basis.RULING, ruling.pk
        elif key in ruling.sides:
            value, basis, ruling_id = None, Basis.PLURAL, ruling.pk
            counts = {rules.key_of(one["value"]): one["n"] for one in ruling.sides[key]}
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
            event_id=ruling.event_id,
        )


def resolution(task_id: int, question: str) -> Resolution | None:
    """The resolution in force."""
    return Resolution.objects.filter(task_id=task_id, question=question).order_by("-revision").first()
