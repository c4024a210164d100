"""The review stages of a queue: which answers are looked at by somebody else, in which order, and where that work waits.

    (nothing) -> in force: add
    in force -> ended: end

A stage has a review queue of its own, made with it, so that its demand, its service level and who may work in it are those of
a queue; what reviewers return waits in the queue's one rework queue. Who reviews is enrolled there, has the skill that the
queue asks for, and holds the stage's role in the project if it names one. An ended stage takes no more answers; what it took is
reviewed all the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member, Role
from specs.refusals import Invalid, WrongState
from workforce import queues
from workforce.models import (
    Annotator,
    Cohort,
    CohortMembership,
    Entry,
    Purpose,
    Queue,
    ReviewScope,
    ReviewStage,
    Skill,
    Task,
    TaskState,
)

REVIEWED = (Purpose.LABELLING, Purpose.RELABELLING)


@dataclass(frozen=True)
class Terms:
    """Whose answers a stage takes, and who reviews them. `share` in (0, 1); `first_n` answers of each annotator in the queue."""

    scope: str = ReviewScope.ALL
    share: Decimal | None = None
    first_n: int | None = None
    cohort: Cohort | None = None
    role: str = ""
    skill: Skill | None = None
    level: int = 1

    def checked(self) -> Terms:
        """The same with what its scope does not ask for left out. Raises `Invalid` for what is missing or unknown."""
        if self.scope not in ReviewScope.values:
            raise Invalid(_("A stage takes one of %(values)s.") % {"values": ", ".join(ReviewScope.values)})
        if self.role not in ("", *Role.values):
            raise Invalid(_("A role is one of %(values)s.") % {"values": ", ".join(Role.values)})
        if self.scope == ReviewScope.SHARE and not (self.share and 0 < self.share < 1):
            raise Invalid(_("A random share lies between 0 and 1."))
        if self.scope == ReviewScope.NEWCOMERS and not (self.first_n and self.first_n >= 1):
            raise Invalid(_("Say how many first answers of each annotator are reviewed."))
        if self.scope == ReviewScope.COHORT and self.cohort is None:
            raise Invalid(_("Name the cohort whose answers are reviewed."))
        return Terms(
            scope=self.scope,
            share=self.share if self.scope == ReviewScope.SHARE else None,
            first_n=self.first_n if self.scope == ReviewScope.NEWCOMERS else None,
            cohort=self.cohort if self.scope == ReviewScope.COHORT else None,
            role=self.role,
            skill=self.skill,
            level=self.level,
        )


def add(*, queue: Queue, terms: Terms, by: Member) -> ReviewStage:
    """Add a stage after the others, with a review queue of its own. Raises `Invalid`.

    Answers that are given from now on go through it; those that are there already do not.
    """
    asked = terms.checked()
    with transaction.atomic():
        locked = (
            Queue.objects.select_for_update(no_key=True, of=("self",))
            .select_related("project", "spec", "owner", "version")
            .get(pk=queue.pk)
        )
        if locked.purpose not in REVIEWED:
            raise Invalid(_("Only labels are reviewed: this queue is for something else."))
        stages = ReviewStage.objects.filter(queue=locked)
        if stages.filter(ended_at=None).count() >= settings.MAX_REVIEW_STAGES:
            raise Invalid(_("A queue has at most %(n)s review stages.") % {"n": settings.MAX_REVIEW_STAGES})
        place = (stages.aggregate(last=Max("position"))["last"] or 0) + 1
        event = ledger.record(
            project_id=locked.project_id,
            kind="review-stage.added",
            by=by,
            subject=("queue", locked.pk),
            data={"position": place, "scope": asked.scope, "role": asked.role},
        )
        stage = ReviewStage.objects.create(
            project_id=locked.project_id,
            queue=locked,
            position=place,
            review_queue=_review_queue(locked, place, asked, by),
            rework_queue=_rework_queue(locked, by),
            scope=asked.scope,
            share=asked.share,
            first_n=asked.first_n,
            cohort=asked.cohort,
            role=asked.role,
            added_by=by,
            event_id=event,
        )
        Queue.objects.filter(pk=locked.pk, reviewed=False).update(reviewed=True)
    return stage


def _review_queue(queue: Queue, place: int, terms: Terms, by: Member) -> Queue:
    assert queue.owner is not None
    return queues.create_queue(
        project=queue.project,
        key=f"{queue.key[:50]}-review-{place}",
        name=f"{queue.name[:180]}: review {place}",
        spec=queue.spec,
        owner=queue.owner,
        version=queue.version,
        purpose=Purpose.REVIEW,
        by=by,
        overlap=1,
        max_overlap=1,
        citing="never",
        entry=Entry.NONE,
        required_skill=terms.skill,
        required_level=terms.level,
    )


def _rework_queue(queue: Queue, by: Member) -> Queue:
    """The queue that takes what is returned; made with the first stage."""
    before = ReviewStage.objects.filter(queue=queue).select_related("rework_queue").first()
    if before is not None:
        return before.rework_queue
    assert queue.owner is not None
    return queues.create_queue(
        project=queue.project,
        key=f"{queue.key[:55]}-rework",
        name=f"{queue.name[:180]}: rework",
        spec=queue.spec,
        owner=queue.owner,
        version=queue.version,
        purpose=Purpose.REWORK,
        by=by,
        overlap=1,
        max_overlap=1,
        citing=queue.citing,
        cite_share=queue.cite_share,
        cannot_categories=queue.cannot_categories,
        asks_confidence=queue.asks_confidence,
        entry=Entry.NONE,
    )


def end(*, stage: ReviewStage, by: Member) -> ReviewStage:
    """Let a stage take no more answers. Raises `WrongState` where it ended before."""
    with transaction.atomic():
        locked = ReviewStage.objects.select_for_update(no_key=True).get(pk=stage.pk)
        if locked.ended_at is not None:
            raise WrongState(_("This stage has ended already."))
        locked.ended_at = Now()
        locked.save(update_fields=["ended_at"])
        ledger.record(
            project_id=locked.project_id,
            kind="review-stage.ended",
            by=by,
            subject=("queue", locked.queue_id),
            data={"position": locked.position},
        )
    locked.refresh_from_db()
    return locked


def in_force(*, queue_id: int) -> list[ReviewStage]:
    """The stages that take answers of the queue now, in their order."""
    return list(ReviewStage.objects.filter(queue=queue_id, ended_at=None).order_by("position"))


def waiting(*, stages: Iterable[ReviewStage]) -> list[tuple[ReviewStage, int]]:
    """Each stage with how many answers wait in its review queue, taken or not."""
    found = list(stages)
    counts = dict(
        Task.objects.filter(queue__in=[stage.review_queue_id for stage in found], state=TaskState.OPEN)
        .order_by()
        .values_list("queue")
        .annotate(n=Count("pk"))
    )
    return [(stage, counts.get(stage.review_queue_id, 0)) for stage in found]


def following(
    *, stages: Sequence[ReviewStage], after: int, annotator_id: int, assignment_id: int
) -> ReviewStage | None:
    """The first of *stages* behind the position *after* that takes the answer of this slot; None when none does."""
    taken = (
        stage
        for stage in stages
        if stage.position > after
        and takes(stage=stage, annotator_id=annotator_id, assignment_id=assignment_id)
    )
    return next(taken, None)


def takes(*, stage: ReviewStage, annotator_id: int, assignment_id: int) -> bool:
    """Whether the stage takes the answer of a slot. A random share is a hash of stage and slot: drawn once, told again alike."""
    match stage.scope:
        case ReviewScope.SHARE:
            assert stage.share is not None
            drawn = hashlib.sha256(f"review:{stage.pk}:{assignment_id}".encode()).digest()
            return int.from_bytes(drawn[:8]) < int(stage.share * 2**64)
        case ReviewScope.NEWCOMERS:
            assert stage.first_n is not None
            return _place_of(annotator_id, assignment_id) <= stage.first_n
        case ReviewScope.COHORT:
            return CohortMembership.objects.filter(
                cohort=stage.cohort_id, annotator=annotator_id, until=None
            ).exists()
    return True


_PLACE = """
    SELECT count(*) FROM workforce_assignment s
    JOIN workforce_assignment o ON o.annotator_id = s.annotator_id AND o.queue_id = s.queue_id AND o.state = 'submitted'
     AND (o.submitted_at, o.id) <= (s.submitted_at, s.id)
    JOIN workforce_task t ON t.id = o.task_id AND t.purpose = 'work'
    WHERE s.id = %s AND s.annotator_id = %s
"""


def _place_of(annotator_id: int, assignment_id: int) -> int:
    """The how-manieth of her answers to work in the queue the one of this slot is."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACE, [assignment_id, annotator_id])
        return int(cursor.fetchone()[0])


def may_review(*, stage: ReviewStage, annotator: Annotator) -> bool:
    """Whether she holds the role that the stage names. Skill and enrolment are asked by the claim."""
    return not stage.role or (annotator.member is not None and stage.role in annotator.member.roles)
