"""One's own answers with what became of them."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotation import rules
from annotation.models import Annotation, Resolution
from specs import task_types, versions
from specs.access import MemberRequest, allows, page
from specs.paging import newest_first


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
    answers = [_outcomes(answer, ended) for answer in shown]
    return render(
        request,
        "annotation/mine.html",
        {"answers": answers, "next": further},
    )


def _outcomes(answer: Annotation, ended: dict[tuple[int, str], Resolution]) -> dict[str, object]:
    version = versions.read(answer.version_id)
    outcomes = []
    for key, value in answer.values.items():
        question = version.question(key)
        resolution = ended.get((answer.task_id, key))
        describe = task_types.get(question["kind"]).describe
        outcomes.append(
            {
                "title": question["title"],
                "given": describe(question, value),
                "ended": describe(question, resolution.value) if resolution else None,
                "same": resolution is not None and rules.key_of(resolution.value) == rules.key_of(value),
                "ruling": resolution.ruling if resolution else None,
            }
        )
    return {"answer": answer, "version": version, "outcomes": outcomes}
