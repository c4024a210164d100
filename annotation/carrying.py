"""Labels carried from one meaning to the next, once a blind sample has put a bound on the flips that nobody saw.

    sampling -> sampling, more of the sample asked: advance
    sampling -> sampling, all of the others asked again: advance, where the sample shows too many flips for certain; decide
    sampling -> confirmed, the rest carried: advance, where the sample shows few enough; decide
    (confirmed, and something ends under the old meaning: `trailing`)
    resolved task of the sample (one answer, another label) -> open with one more slot: advance

The sample is drawn by chance from the affected tasks that are not asked again anyway, or from all the others where there are none
of these, a wave at a time. It may be looked at and stopped at any moment (`agreement.missed`): few flips stop it early, and so do
many. A task of the sample is asked for one answer; only where that differs from the label is it asked until it settles, so that a
slip of one person is no flip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import affected, mapping, reasking, rechecking, trailing
from annotation.agreement import missed
from annotation.models import Carry, Choice, PlanState, Reach, RelabelPlan, RelabelTask
from specs import canonical, ledger
from specs.models import Member
from specs.refusals import Invalid, WrongState

Verdict = Literal["waiting", "more", "carry", "ask", "decide"]

_LEFT = f"""
    WITH RECURSIVE {affected.VALID}
    SELECT t.id, r.id FROM valid t LEFT JOIN annotation_relabeltask r ON r.plan_id = %(plan)s AND r.task_id = t.id
    WHERE t.settled_at <= %(until)s AND r.again_id IS NULL AND (r.id IS NOT NULL OR NOT %(affected)s)
    ORDER BY md5(%(plan)s || ':' || t.id) LIMIT %(limit)s
"""
_N_VALID = f"WITH RECURSIVE {affected.VALID} SELECT count(*) FROM valid"
# One row for each question that either task has a value for; equal is the same value, or the same reason for none.
_COMPARED = """
    WITH unknown AS (
        SELECT r.id, r.task_id, r.again_id, t.state, t.n_answers, q.overlap FROM annotation_relabeltask r
        JOIN workforce_task t ON t.id = r.again_id JOIN workforce_queue q ON q.id = t.queue_id
        WHERE r.plan_id = %(plan)s AND r.flipped IS NULL AND t.state IN ('resolved', 'unlabellable', 'withdrawn')
    ), held AS (
        SELECT DISTINCT ON (u.id, r.task_id, r.question)
               u.id, r.task_id = u.again_id AS new, r.question, r.value, r.cannot, r.basis
        FROM unknown u JOIN annotation_resolution r ON r.task_id IN (u.task_id, u.again_id)
        ORDER BY u.id, r.task_id, r.question, r.revision DESC
    )
    SELECT u.id, u.again_id, u.state, u.n_answers, u.overlap, h.question,
           max(h.value::text) FILTER (WHERE NOT h.new), max(h.value::text) FILTER (WHERE h.new),
           max(h.cannot) FILTER (WHERE NOT h.new), max(h.cannot) FILTER (WHERE h.new),
           max(h.basis) FILTER (WHERE h.new)
    FROM unknown u JOIN held h ON h.id = u.id GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1
"""


@dataclass(frozen=True)
class Sample:
    """How the sample of a plan stands: asked, not known yet, and what the known ones put a bound on."""

    n_asked: int
    n_waiting: int
    bounds: missed.Bounds
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        return {
            "n_bounded": self.bounds.n_all,
            "n_asked": self.n_asked,
            "n_waiting": self.n_waiting,
            "n_flipped": self.bounds.n_flipped,
            "missed_at_most": self.bounds.missed_at_most,
            "verdict": self.verdict,
        }


def lock(plan: RelabelPlan) -> RelabelPlan:
    return (
        RelabelPlan.objects.select_for_update(no_key=True, of=("self",))
        .select_related("queue__project", "relabel_queue", "from_version", "to_version")
        .get(pk=plan.pk)
    )


def begin(plan: RelabelPlan, *, by: Member | None) -> None:
    """Draw the first of a sample, or carry at once where there is nothing to draw from. Call it under the plan's lock."""
    plan.refresh_from_db(fields=["begun_at"])
    n_all = len(_left(plan, None))
    plan.state, plan.n_bounded = PlanState.SAMPLING, n_all
    plan.save(update_fields=["state", "n_bounded"])
    _draw(plan, missed.fewest(n_all, plan.tolerated or 0), by=by)
    if not n_all:
        carry(plan, by=by)


def read(plan: RelabelPlan) -> Sample | None:
    """How the sample stands; None where there is none."""
    if plan.n_bounded is None:
        return None
    flips = list(RelabelTask.objects.filter(plan=plan, sampled=True).values_list("flipped", flat=True))
    n_waiting = flips.count(None)
    known = missed.bounds(plan.n_bounded, len(flips) - n_waiting, flips.count(True))
    return Sample(len(flips), n_waiting, known, _verdict(plan, known, len(flips), n_waiting))


def _verdict(plan: RelabelPlan, known: missed.Bounds, n_asked: int, n_waiting: int) -> Verdict:
    tolerated = plan.tolerated or 0.0
    if known.missed_share <= tolerated:
        return "carry"
    if known.least_share > tolerated:
        return "ask" if plan.choice == Choice.TOUCHED else "decide"
    if n_waiting:
        return "waiting"
    return "more" if n_asked < settings.RELABEL_SAMPLE_TASKS else "decide"


def advance(*, plan: RelabelPlan) -> RelabelPlan:
    """Look at what came back: which labels flipped, whether the sample can stop, and how. Harmless to repeat."""
    with transaction.atomic():
        locked = lock(plan)
        _compare(locked)
        if locked.state != PlanState.SAMPLING:
            trailing.follow(locked, by=None)
            return locked
        found = read(locked)
        assert found is not None
        if found.verdict == "carry":
            carry(locked, by=None)
        elif found.verdict == "ask":
            _ask_others(locked, by=None)
        elif found.verdict == "more":
            _draw(locked, settings.RELABEL_SAMPLE_WAVE, by=None)
    return locked


def advance_all() -> int:
    """Every plan whose tasks came back or may have; returns how many."""
    unknown = RelabelTask.objects.filter(again__isnull=False, flipped__isnull=True).values("plan")
    late = trailing.waiting()
    plans = RelabelPlan.objects.filter(
        Q(state=PlanState.SAMPLING) | Q(pk__in=unknown) | Q(pk__in=late)
    ).order_by("to_version__meaning", "pk")
    for plan in plans:
        advance(plan=plan)
    return len(plans)


def decide(*, plan: RelabelPlan, ask: bool, reason: str, by: Member) -> RelabelPlan:
    """A person ends the sample before it ends by itself: all the others are asked again, or carried with the bound that there is.

    Raises `Invalid` without a reason, `WrongState` while no sample is asked.
    """
    reason = reason.strip()[: settings.MAX_NOTE_CHARACTERS]
    if not reason:
        raise Invalid(_("Say why the sample ends here."))
    with transaction.atomic():
        locked = lock(plan)
        if locked.state != PlanState.SAMPLING:
            raise WrongState(_("No sample of this plan is being asked."))
        _compare(locked)
        locked.reason = f"{locked.reason}\n\n{reason}"
        locked.save(update_fields=["reason"])
        if ask:
            _ask_others(locked, by=by)
        else:
            carry(locked, by=by)
    return locked


def carry(plan: RelabelPlan, *, by: Member | None) -> Carry:
    """Carry every label that is not asked again. Call it under the plan's lock."""
    trailing.look(plan, by=by)
    sample = read(plan)
    exceptions = list(
        RelabelTask.objects.filter(plan=plan, again__isnull=False)
        .order_by("task_id")
        .values_list("task_id", flat=True)
    )
    n_carried = _n_valid(plan) - len(exceptions)
    plan.state, plan.confirmed_at, plan.confirmed_by = PlanState.CONFIRMED, Now(), by or plan.begun_by
    plan.save(update_fields=["state", "confirmed_at", "confirmed_by"])
    event = ledger.record(
        project_id=plan.project_id,
        kind="relabelling.confirmed",
        by=by,
        subject=("plan", plan.pk),
        data={
            "queue": plan.relabel_queue_id,
            "affected": len(exceptions),
            "carried": n_carried,
            "sampled": sample.bounds.n_seen if sample else None,
            "missed_at_most": sample.bounds.missed_at_most if sample else None,
        },
    )
    return Carry.objects.create(
        project_id=plan.project_id,
        plan=plan,
        queue=plan.queue,
        from_version_id=plan.from_version_id,
        to_version=plan.to_version,
        reason=plan.reason,
        n_carried=n_carried,
        n_bounded=sample.bounds.n_all if sample else None,
        n_sampled=sample.bounds.n_seen if sample else None,
        n_flipped=sample.bounds.n_flipped if sample else None,
        missed_at_most=sample.bounds.missed_at_most if sample else None,
        mapping=mapping.names(plan.mapping),
        left_empty=plan.left_empty,
        exceptions=exceptions,
        event_id=event,
    )


def _draw(plan: RelabelPlan, n: int, *, by: Member | None) -> None:
    """Ask *n* more tasks of the sample, drawn by chance: the order is that of a digest, so the same plan draws the same."""
    left = settings.RELABEL_SAMPLE_TASKS - RelabelTask.objects.filter(plan=plan, sampled=True).count()
    rows = _left(plan, min(n, left))
    known = [row for _, row in rows if row is not None]
    RelabelTask.objects.filter(pk__in=known).update(sampled=True)
    made = RelabelTask.objects.bulk_create(
        RelabelTask(project_id=plan.project_id, plan=plan, task_id=task, reach=Reach.REST, sampled=True)
        for task, row in rows
        if row is None
    )
    reasking.ask(plan, [*known, *(row.pk for row in made)], overlap=reasking.FIRST, by=by)


def _ask_others(plan: RelabelPlan, *, by: Member | None) -> None:
    """Ask all that the sample was drawn from, and carry the rest: nothing is left that could have been missed there."""
    rows = _left(plan, None)
    made = RelabelTask.objects.bulk_create(
        [
            RelabelTask(project_id=plan.project_id, plan=plan, task_id=task, reach=Reach.REST, sampled=True)
            for task, row in rows
            if row is None
        ],
        batch_size=5000,
    )
    known = [row for _, row in rows if row is not None]
    reasking.ask(plan, [*known, *(row.pk for row in made)], overlap=reasking.FIRST, by=by)
    carry(plan, by=by)


def _left(plan: RelabelPlan, limit: int | None) -> list[tuple[int, int | None]]:
    with connection.cursor() as cursor:
        cursor.execute(_LEFT, {**_scope(plan), "limit": limit})
        return list(cursor.fetchall())


def _n_valid(plan: RelabelPlan) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_N_VALID, {"queue": plan.queue_id, "meaning": plan.from_version.meaning})
        return int(cursor.fetchone()[0])


def _scope(plan: RelabelPlan) -> dict[str, Any]:
    """`affected`: whether the sample is drawn from affected tasks that are not asked again for certain."""
    others = (
        RelabelTask.objects.filter(plan=plan)
        .exclude(reach=Reach.REST)
        .filter(Q(again=None) | Q(sampled=True))
    )
    return {
        "plan": plan.pk,
        "queue": plan.queue_id,
        "meaning": plan.from_version.meaning,
        "until": plan.begun_at,
        "affected": others.exists(),
    }


def _compare(plan: RelabelPlan) -> None:
    """Say of each task that came back whether its label flipped; one answer alone that differs is given company first."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPARED, {"plan": plan.pk})
        found: dict[int, list[tuple[Any, ...]]] = {}
        for row in cursor.fetchall():
            found.setdefault(row[0], []).append(row)
    new = {one["key"] for one in mapping.added(plan)}  # what nobody was asked before is no flip
    same, flipped, alone = [], [], []
    for number, rows in found.items():
        _id, again, state, n_answers, overlap, *_rest = rows[0]
        if state != "withdrawn" and all(row[5] in new or _equal(row, plan.mapping) for row in rows):
            same.append(number)
        elif (
            state == "resolved"
            and n_answers == 1 < overlap
            and all(row[10] in (None, "consensus") for row in rows)
        ):
            alone.append(again)
        else:
            flipped.append(number)
    RelabelTask.objects.filter(pk__in=same).update(flipped=False)
    RelabelTask.objects.filter(pk__in=flipped).update(flipped=True)
    if alone:
        rechecking.widen(tasks=sorted(alone), by=None)


def _equal(row: tuple[Any, ...], labels: mapping.Targets) -> bool:
    question, old, new, cannot, cannot_now = row[5:10]
    if question not in labels or old is None or new is None:
        return bool((old, cannot) == (new, cannot_now))
    value, now = (canonical.loads_strict(text.encode()) for text in (old, new))
    return mapping.may_be(value, now, labels[question])
