"""Answers to probes as the record sees them: kept like any answer, judged, and never part of a label or of agreement.

    submitted -> judged: judge

A probe's task is withdrawn from its first moment, so nothing settles, disputes, carries or exports it. Readers of answers that
do not go by a task's state take tasks whose purpose is work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotation.models import Annotation
from workforce import judging, leasing
from workforce.models import Annotator, Probe


def judge(
    *, slot: leasing.Slot, annotator: Annotator, version_id: int, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Judge the answer if its task is a probe; returns what she is told of it, which is nothing unless her queue says so.

    A task that was withdrawn for another reason has nothing to judge.
    """
    probe = Probe.objects.filter(task_id=slot.task_id).first()
    if probe is None:
        return []
    before = (
        Annotation.objects.counted()
        .filter(assignment=probe.first_id)
        .values_list("values", flat=True)
        .first()
        if probe.first_id
        else None
    )
    judging.judge(
        probe=probe,
        assignment_id=slot.assignment_id,
        version_id=version_id,
        values=values,
        before=before,
    )
    return judging.feedback(assignment_id=slot.assignment_id, annotator=annotator)
