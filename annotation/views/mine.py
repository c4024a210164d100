"""One's own answers with what became of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from annotation import adjudicated, appealing, reworking
from annotation.models import Annotation, Resolution
from annotation.views.label import annotator_of
from annotation.views.review import described
from specs import task_types, versions
from specs.access import MemberRequest, allows, page
from specs.paging import newest_first
from workforce import categories
from workforce.models import Judgement, Probe, TaskPurpose

UNSEEN_FOR = timedelta(days=1)
"""How long an answer to gold stands as open among one's own answers, as answers to work do."""

APPEALS = 50
"""One's own appeals that the page shows, the newest."""


@require_GET
@page(allows("work.label"))
def mine(request: MemberRequest) -> HttpResponse:
    rows = (
        Annotation.objects.counted()
        .filter(annotator__member=request.member)
        .select_related("task__item", "queue")
    )
    shown, further = newest_first(request, rows)
    ended = {
        (resolution.task_id, resolution.question): resolution
        for resolution in Resolution.objects.current()
        .filter(task__in=[answer.task_id for answer in shown])
        .select_related("ruling", "ruling__clause")
    }
    ended |= _of_probes(shown)
    annotator = annotator_of(request)
    appeals = list(appealing.of(annotator)[:APPEALS])
    appealed = {one.ruling_id for one in appeals if one.ruling_id}
    marks = {one.judgement_id for one in appeals if one.judgement_id}
    answers = [_outcomes(answer, ended, appealed, marks) for answer in shown]
    returned = [
        {
            "waits": one,
            "appeal_until": appealing.until(one.decision.decided_at),
            "appealed": one.decision.pk in {made.decision_id for made in appeals},
            "said": described(one.answer.version_id, one.answer.values, one.answer.cannot),
        }
        for one in reworking.waiting_for(annotator)
    ]
    return render(
        request,
        "annotation/mine.html",
        {"answers": answers, "next": further, "returned": returned, "appeals": appeals},
    )


def _of_probes(shown: Sequence[Annotation]) -> dict[tuple[int, str], Resolution]:
    """Gold ends with what is known, a repeat with what its first task ended with, and like work not at once: unseen here too."""
    tasks = {answer.assignment_id: answer.task_id for answer in shown}
    gold = Judgement.objects.filter(
        Q(purpose__in=[TaskPurpose.GOLD, TaskPurpose.TEST], judged_at__lt=Now() - UNSEEN_FOR)
        | Q(purpose=TaskPurpose.GOLD, known__set_aside_at__isnull=False)
        | Q(purpose=TaskPurpose.PRACTICE),  # she was told at once
        assignment__in=tasks,
    ).select_related("known")
    found = {(tasks[one.assignment_id], one.question): _of_mark(one) for one in gold}
    again = dict(
        Probe.objects.filter(task__in=tasks.values(), purpose=TaskPurpose.REPEAT).values_list(
            "first__task", "task"
        )
    )
    first = Resolution.objects.current().filter(task__in=again).select_related("ruling", "ruling__clause")
    return found | {(again[one.task_id], one.question): one for one in first}


def _of_mark(mark: Judgement) -> Resolution:
    """What is known, as if the task had ended with it; once it is set aside, with the mark itself."""
    made = Resolution(value=mark.expected)
    made.mark = mark if appealing.revealed_at(mark) else None  # type: ignore[attr-defined]
    return made


def _outcomes(
    answer: Annotation,
    ended: dict[tuple[int, str], Resolution],
    appealed: Collection[int],
    marks: Collection[int],
) -> dict[str, object]:
    version = versions.read(answer.version_id)
    outcomes = []
    for key, value in answer.values.items():
        question = version.question(key)
        resolution = ended.get((answer.task_id, key))
        kind = task_types.get(question["kind"])
        describe = kind.describe
        outcomes.append(
            {
                "title": question["title"],
                "given": describe(question, value),
                "ended": _ended(describe, question, resolution) if resolution else None,
                "same": resolution is not None
                and not resolution.cannot
                and kind.agrees(question, resolution.value, value),
                "ruling": resolution.ruling if resolution else None,
                "appeal_until": _appeal_until(resolution, answer, appealed),
                "mark": (mark := getattr(resolution, "mark", None)),
                "mark_until": _mark_until(mark, marks),
            }
        )
    if answer.cannot:
        resolution = next((ended[key] for key in ended if key[0] == answer.task_id), None)
        outcomes.append(
            {
                "title": "",
                "given": categories.title(answer.cannot),
                "ended": _ended_with(version, resolution) if resolution else None,
                "same": resolution is not None and bool(resolution.cannot),
                "ruling": resolution.ruling if resolution else None,
                "appeal_until": _appeal_until(resolution, answer, appealed),
            }
        )
    return {"answer": answer, "version": version, "outcomes": outcomes}


def _appeal_until(
    resolution: Resolution | None, answer: Annotation, appealed: Collection[int]
) -> datetime | None:
    """Until when she can appeal; None where she cannot: nothing was ruled, it says what she said, or she has appealed."""
    ruling = resolution.ruling if resolution else None
    if ruling is None or ruling.pk in appealed or adjudicated.agrees(ruling, answer):
        return None
    last = appealing.until(ruling.ruled_at)
    return last if last > timezone.now() else None


def _mark_until(mark: Judgement | None, appealed: Collection[int]) -> datetime | None:
    """Until when she can appeal against a mark on what was a known answer; None where she cannot."""
    if mark is None or mark.right or mark.pk in appealed:
        return None
    revealed = appealing.revealed_at(mark)
    last = appealing.until(max(mark.judged_at, revealed) if revealed else mark.judged_at)
    return last if last > timezone.now() else None


def _ended_with(version: versions.ReadVersion, resolution: Resolution) -> str:
    question = version.question(resolution.question)
    return _ended(task_types.get(question["kind"]).describe, question, resolution)


def _ended(describe: Callable[..., str], question: Any, resolution: Resolution) -> str:
    if resolution.cannot:
        return _("cannot be labelled: %(why)s") % {"why": categories.title(resolution.cannot)}
    return describe(question, resolution.value)
