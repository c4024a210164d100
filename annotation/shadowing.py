"""Gold for leads: a dispute that was decided long ago, or whose answer is known otherwise, put before a lead as a new one.

    (nothing) -> probe: draw, after a ruling
    probe -> leased: take
    probe -> probed: `adjudicating.rule`

It is a dispute of its own on the old task, with the same answers, in a state that no other dispute has: nobody but the lead it
was made for sees it, it counts nowhere as open or decided, and its ruling makes no label and no precedent. How she ruled is
judged like any answer to gold.
"""

from __future__ import annotations

import random
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import Http404

from annotation.models import Annotation, Dispute, DisputeState
from specs import ledger
from specs.access import get_or_404
from specs.models import Member, Project
from workforce import judging, leasing, minting
from workforce.models import Annotator, Barred, Enrolment, KnownAnswer, Probe, Queue, TaskPurpose

SHADOWS = (DisputeState.PROBE, DisputeState.PROBED)
SECONDS = (DisputeState.SECOND, DisputeState.SECONDED)
COPIED = ("queue_id", "independent", "confidence", "value", "unflagged", "clauses", "pair", "likeness")
"""What puts it where the old one stood, so that it looks like any other."""


def visible_to(member: Member, rows: QuerySet[Dispute]) -> QuerySet[Dispute]:
    """The disputes without the gold of other people, second looks at what she decided, and open ones that she answered."""
    barred = Barred.objects.filter(annotator__member=member)
    return without_own(member, rows).filter(
        Q(state__in=SHADOWS) & hers(member)
        | Q(state__in=SECONDS) & ~Q(work__in=barred.values("task"))
        | ~Q(state__in=(*SHADOWS, *SECONDS))
    )


def without_own(member: Member, rows: QuerySet[Dispute]) -> QuerySet[Dispute]:
    """No lead sees the dispute of her own answer before it is decided."""
    own = Annotation.objects.filter(task=OuterRef("task"), annotator__member=member)
    return rows.exclude(Exists(own), state__in=[DisputeState.OPEN, DisputeState.SECOND])


def hers(member: Member) -> Q:
    """Gold that was put before her."""
    own = Probe.objects.filter(annotator__member=member, purpose=TaskPurpose.GOLD)
    return Q(state__in=SHADOWS, work__in=own.values("task"))


def get(*, member: Member, project: Project, number: int) -> Dispute:
    """The dispute of that number, or 404; the gold of others is as missing as none."""
    rows = Dispute.objects.select_related("task__item", "task__queue", "work__queue")
    found = get_or_404(rows, project=project, pk=number)
    if not _visible(member, found):
        raise Http404
    return found


def _visible(member: Member, dispute: Dispute) -> bool:
    """What `visible_to` says of one dispute; most are asked one thing only."""
    if dispute.state in (*SHADOWS, *SECONDS):
        return visible_to(member, Dispute.objects.filter(pk=dispute.pk)).exists()
    own = Annotation.objects.filter(task=dispute.task_id, annotator__member=member)
    return dispute.state != DisputeState.OPEN or not own.exists()


def draw(
    *, annotator: Annotator, queue: Queue, by: Member | None, chance: random.Random | None = None
) -> Dispute | None:
    """After a ruling: chance decides whether a known dispute comes to this lead next. Call it inside the ruling's transaction."""
    enrolment = (
        Enrolment.objects.select_for_update(no_key=True)
        .filter(annotator=annotator, queue=queue, active=True)
        .first()
    )
    if enrolment is None or queue.version_id is None:
        return None
    Enrolment.objects.filter(pk=enrolment.pk).update(n_claims=F("n_claims") + 1)
    waiting = enrolment.no_gold_until is not None and enrolment.no_gold_until > leasing.database_now()
    odds = minting.Odds(
        gold_share=float(queue.gold_share),
        gold_first=queue.gold_first,
        gold_first_of=queue.gold_first_of,
        repeat_share=0,
        n_claims=enrolment.n_claims,
        n_gold=enrolment.n_gold,
        has_gold=not waiting
        and KnownAnswer.objects.filter(
            spec=queue.spec_id, state="in-use", held_at=None, disputed=True
        ).exists(),
        has_repeats=False,
    )
    known: dict[str, Any] = {} if chance is None else {"chance": chance}
    if minting.drawn(odds, **known) != TaskPurpose.GOLD:
        return None
    slot = minting.mint(
        purpose=TaskPurpose.GOLD,
        enrolment_id=enrolment.pk,
        version_id=queue.version_id,
        by=by,
        **known,
    )
    return _put(slot, queue, by) if slot is not None else None


def _put(slot: int, queue: Queue, by: Member | None) -> Dispute | None:
    """The dispute before her: nobody holds it yet, it waits in her list like any other."""
    served = Probe.objects.select_related("task").get(task__assignments=slot)
    leasing.give_back(assignment_id=slot, by=by)
    before = (
        Dispute.objects.filter(
            task__item=served.item_id, task__queue__spec=queue.spec_id, state=DisputeState.DECIDED
        )
        .order_by("-pk")
        .first()
    )
    if before is None:
        return None
    event = ledger.record(
        project_id=queue.project_id,
        kind="dispute.probed",
        by=None,
        subject=("task", before.task_id),
        data={"annotator": served.annotator_id, "dispute": before.pk},
    )
    return Dispute.objects.create(
        project_id=queue.project_id,
        task_id=before.task_id,
        work_id=served.task_id,
        questions=before.questions,
        reason=before.reason,
        disagreement=before.disagreement,
        **{name: getattr(before, name) for name in COPIED},
        state=DisputeState.PROBE,
        event_id=event,
    )


def take(*, dispute: Dispute, annotator: Annotator, by: Member) -> leasing.Served | None:
    """Lease the work on it to the lead it was made for; None when she has ruled, or is somebody else."""
    assert dispute.work_id is not None
    slot = minting.claim_anew(task_id=dispute.work_id, annotator=annotator, by=by)
    return leasing.held(annotator=annotator, assignment_id=slot)[0] if slot is not None else None


def judge(*, dispute: Dispute, assignment_id: int, version_id: int, values: dict[str, Any]) -> None:
    """Compare what she ruled with what is known."""
    assert dispute.work_id is not None
    probe = Probe.objects.get(task_id=dispute.work_id)
    judging.judge(probe=probe, assignment_id=assignment_id, version_id=version_id, values=values)


def mark_disputed() -> int:
    """Known answers whose item has a decided dispute can be served to leads; returns how many are new. Harmless to repeat."""
    decided = Dispute.objects.filter(state=DisputeState.DECIDED)
    rows = KnownAnswer.objects.filter(disputed=False, set_aside_at=None)
    return rows.filter(item__in=decided.values("task__item")).update(disputed=True)
