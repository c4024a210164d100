"""Answers to probes as the record sees them: kept like any answer, judged, and never part of a label or of agreement.

    submitted -> judged: judge
    corrected -> judged anew: judge_again

A probe's task is withdrawn from its first moment, so nothing settles, disputes, carries or exports it. Readers of answers that
do not go by a task's state take tasks whose purpose is work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotation import accompanying
from annotation.models import Annotation
from workforce import calibrating, judging, onboarding, slots
from workforce.models import Annotator, Probe, TaskPurpose

_OF_NEWCOMERS = (TaskPurpose.PRACTICE, TaskPurpose.SHADOW)


def judge(
    *, slot: slots.Slot, annotator: Annotator, version_id: int, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Judge the answer if its task is a probe; returns what she is told of it, which is nothing unless her queue says so.

    A task that was withdrawn for another reason has nothing to judge.
    """
    probe = Probe.objects.filter(task_id=slot.task_id).first()
    if probe is None:
        return []
    if probe.purpose == TaskPurpose.SHADOW:
        accompanying.compare(annotator=annotator)
    else:
        judging.judge(
            probe=probe,
            assignment_id=slot.assignment_id,
            version_id=version_id,
            values=values,
            before=_before(probe),
        )
    if probe.purpose == TaskPurpose.TEST:
        calibrating.count(queue_id=slot.queue_id, annotator=annotator)
    if probe.purpose in _OF_NEWCOMERS:
        onboarding.catch_up(queue_id=slot.queue_id, annotator=annotator)
    return judging.feedback(assignment_id=slot.assignment_id, annotator=annotator)


def judge_again(*, slot: slots.Slot, version_id: int, values: Mapping[str, Any]) -> None:
    """Judge the corrected answer to a silent probe; nobody is told."""
    judging.judge_again(assignment_id=slot.assignment_id, version_id=version_id, values=values)


def _before(probe: Probe) -> dict[str, Any] | None:
    """What she answered first, where this is a repeat."""
    if probe.first_id is None:
        return None
    first = Annotation.objects.counted().filter(assignment=probe.first_id)
    return first.values_list("values", flat=True).first()
