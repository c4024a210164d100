"""Reading paths: where newcomers stand in a queue, and one's own way through it. Nothing changes here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet

from workforce import onboarding, paths
from workforce.models import Annotator, Enrolment, OnboardingStep, PathStage, Queue
from workforce.progressing import ORDER, Progress, progress_of


@dataclass(frozen=True)
class Walker:
    """A newcomer where she stands. `slow` says that she has been in her stage for longer than most should be, `nothing_left` that
    there is nothing she could be given in it now: no known answer, or no answer of others, that she has not seen.
    """

    enrolment: Enrolment
    progress: Progress
    slow: bool
    nothing_left: bool

    @property
    def waits(self) -> bool:
        """That only a person gets her on."""
        return self.enrolment.held or self.progress.stuck


@dataclass(frozen=True)
class Mark:
    """A stage as a newcomer sees it on her way: `done`, `now` or `later`."""

    terms: PathStage
    state: str


@dataclass(frozen=True)
class Way:
    """One newcomer's way: the stages, how far she is in hers, why she is held (""), and all steps, newest first."""

    marks: list[Mark]
    progress: Progress
    held_reason: str
    steps: list[OnboardingStep]


def on_path(*, queue: Queue, stage: str = "") -> QuerySet[Enrolment]:
    """The enrolments of a queue that stand on its path, in one stage if named."""
    rows = Enrolment.objects.filter(queue=queue, active=True).exclude(stage="")
    return (rows.filter(stage=stage) if stage else rows).select_related("annotator__member__user", "queue")


def walkers(enrolments: Sequence[Enrolment]) -> list[Walker]:
    """A page of newcomers with how far each is: as many queries as for one."""
    found = progress_of(enrolments)
    limit = timedelta(days=settings.PATH_SLOW_DAYS)
    idle = _nothing_left([one for one in enrolments if one.stage in onboarding.MINTED])
    return [Walker(one, found[one.pk], found[one.pk].lasted > limit, one.pk in idle) for one in enrolments]


# As `minting` looks, without the draw: from a pool, so that a queue that nobody has answered in is not read to its end.
_NOTHING_LEFT = """
    SELECT w.id FROM unnest(
        %(ids)s::bigint[], %(annotators)s::bigint[], %(queues)s::bigint[], %(specs)s::bigint[], %(stages)s::text[]
    ) AS w (id, annotator, queue, spec, stage)
    WHERE CASE WHEN w.stage = 'practice' THEN NOT EXISTS (
        SELECT FROM workforce_knownanswer k WHERE k.spec_id = w.spec AND k.state = 'in-use' AND k.held_at IS NULL
          AND NOT EXISTS (SELECT FROM workforce_probe b WHERE b.annotator_id = w.annotator AND b.item_id = k.item_id))
    ELSE NOT EXISTS (
        SELECT FROM (
            (SELECT t.item_id FROM workforce_task t WHERE t.queue_id = w.queue AND t.state = 'resolved'
             ORDER BY t.settled_at DESC LIMIT %(pool)s)
            UNION ALL
            (SELECT t.item_id FROM (SELECT * FROM workforce_task t WHERE t.queue_id = w.queue AND t.state IN ('open', 'disputed')
                                    ORDER BY t.rank LIMIT %(pool)s) t WHERE t.n_answers > 0)
        ) o WHERE NOT EXISTS (SELECT FROM workforce_probe b WHERE b.annotator_id = w.annotator AND b.item_id = o.item_id)) END
"""


def _nothing_left(enrolments: Sequence[Enrolment]) -> set[int]:
    """The enrolments in practice or shadow for which nothing is to be had now."""
    if not enrolments:
        return set()
    known: dict[str, Any] = {
        "ids": [one.pk for one in enrolments],
        "annotators": [one.annotator_id for one in enrolments],
        "queues": [one.queue_id for one in enrolments],
        "specs": [one.queue.spec_id for one in enrolments],
        "stages": [one.stage for one in enrolments],
        "pool": settings.GOLD_POOL,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTHING_LEFT, known)
        return {row[0] for row in cursor.fetchall()}


def counts(*, queue: Queue) -> tuple[dict[str, int], int]:
    """How many stand in each stage, and how many have come through or were let through."""
    rows = Enrolment.objects.filter(queue=queue, active=True)
    by_stage = dict(rows.exclude(stage="").order_by().values_list("stage").annotate(n=Count("pk")))
    walked = OnboardingStep.objects.filter(queue=queue, annotator=OuterRef("annotator"))
    return by_stage, rows.filter(Exists(walked), stage="").count()


def way(*, enrolment: Enrolment) -> Way:
    """One newcomer's way through her queue's path, for herself and for whoever manages people."""
    at = ORDER.index(enrolment.stage) if enrolment.stage else len(ORDER)
    marks = [
        Mark(terms, "done" if place < at else "now" if place == at else "later")
        for terms in paths.stages(queue=enrolment.queue)
        for place in [ORDER.index(terms.stage)]
    ]
    steps = OnboardingStep.objects.filter(queue=enrolment.queue_id, annotator=enrolment.annotator_id)
    return Way(
        marks,
        progress_of([enrolment])[enrolment.pk],
        onboarding.held_reason(enrolment),
        list(steps.select_related("by__user").order_by("-pk")[:100]),
    )


def of(*, queue_id: int, annotator: Annotator) -> Enrolment | None:
    """An annotator's enrolment, with what its way is read by."""
    rows = Enrolment.objects.filter(queue=queue_id, annotator=annotator, active=True)
    return rows.select_related("annotator", "queue").first()
