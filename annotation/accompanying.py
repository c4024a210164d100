"""Shadow answers of newcomers, compared with what their real tasks ended with.

    waiting -> judged: compare (the task has its label)

A shadow is a probe on an item that others answer for real. It is compared once the task has its label, at once where it has it
already. A task that ends without one says nothing about her answer.
"""

from __future__ import annotations

from annotation.models import Annotation, Resolution
from workforce import judging, onboarding
from workforce.models import Annotator, Enrolment, Judgement, Probe, SlotState, Stage, TaskPurpose, TaskState

AT_ONCE = 500
"""Comparisons of one run; the next one goes on."""


def compare(*, annotator: Annotator | None = None) -> int:
    """Judge what can be judged now, of one annotator or of all, and move on whoever has passed by it. Returns how many."""
    waiting = Probe.objects.filter(
        purpose=TaskPurpose.SHADOW,
        beside__state=TaskState.RESOLVED,
        task__assignments__state=SlotState.SUBMITTED,
        judgements__isnull=True,
    )
    if annotator is not None:
        waiting = waiting.filter(annotator=annotator)
    probes = list(waiting.select_related("annotator").order_by("pk")[:AT_ONCE])
    n = sum(_compare(probe) for probe in probes)
    on_path = Enrolment.objects.filter(
        annotator__in={probe.annotator_id for probe in probes}, stage=Stage.SHADOW, held=False
    )
    for pk in on_path.values_list("pk", flat=True):
        onboarding.advance(enrolment_id=pk)
    return n


def _compare(probe: Probe) -> int:
    answer = Annotation.objects.counted().filter(task=probe.task_id, annotator=probe.annotator_id).first()
    ended = dict(
        Resolution.objects.current()
        .filter(task=probe.beside_id, value__isnull=False)
        .values_list("question", "value")
    )
    if answer is None or not ended:
        return 0
    return len(_judged(probe, answer, ended))


def _judged(probe: Probe, answer: Annotation, ended: dict[str, object]) -> list[Judgement]:
    return judging.judge(
        probe=probe,
        assignment_id=answer.assignment_id,
        version_id=answer.version_id,
        values=answer.values,
        before=ended,
    )
