"""How far people agree: per question, per label, per clause, as last measured."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from annotation import following, jobs, standings
from annotation.agreement import people
from annotation.models import AgreementReport, ClauseReading
from specs import running
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Spec, VersionClause
from workforce.models import WITHOUT_DISPUTES, Queue

COUNTED_FOR = 0.2
"""Seconds that a page gives to a history that is not counted yet; the rest is the beat's."""
BANDS = ((0.8, "good"), (0.667, "warn"))
VERDICTS = {
    "ambiguous": (gettext_lazy("ambiguous"), "bad"),
    "annotator": (gettext_lazy("one person's reading"), "warn"),
    "slight": (gettext_lazy("ambiguous, by little"), "warn"),
    "clear": (gettext_lazy("no more than others"), "good"),
    "too_few": (gettext_lazy("too few to judge"), ""),
}
"""What the clause model says (`agreement.ambiguity`), in words, and the tone of its badge."""


@require_GET
@page(allows("agreement.read"))
def agreement(request: MemberRequest) -> HttpResponse:
    """The newest report of every question of a spec, over all queues or in one."""
    specs = list(Spec.objects.filter(project=request.project).order_by("title"))
    spec = next((spec for spec in specs if spec.key == request.GET.get("spec")), specs[0] if specs else None)
    queues = (
        list(Queue.objects.filter(spec=spec).exclude(purpose__in=WITHOUT_DISPUTES).order_by("name"))
        if spec
        else []
    )
    queue = next((queue for queue in queues if queue.key == request.GET.get("queue")), None)
    reports = (
        AgreementReport.objects.filter(spec=spec, queue=queue)
        .order_by("question", "-pk")
        .distinct("question")
    )
    standing = _standing([queue] if queue else queues) if spec else []
    if request.headers.get("HX-Request") and request.GET.get("part") == "standing":
        return render(
            request,
            "annotation/agreement_standing.html",
            {"spec": spec, "queue": queue, "standing": standing},
        )
    context = {
        "standing": standing,
        "specs": specs,
        "spec": spec,
        "queues": queues,
        "queue": queue,
        "reports": [_report(report) for report in reports] if spec else [],
    }
    return render(request, "annotation/agreement.html", context)


def _standing(queues: list[Queue]) -> list[dict[str, Any]]:
    """Agreement in each queue at this moment: what was answered since the last look is folded in first."""
    if not queues:
        return []
    following.catch_up(project_id=queues[0].project_id, seconds=COUNTED_FOR, wait=False)
    return [{"queue": queue, "questions": standings.read(queue=queue)} for queue in queues]


def _report(report: AgreementReport) -> dict[str, Any]:
    numbers = report.numbers
    alpha = numbers["alpha"]
    readings = list(ClauseReading.objects.filter(report=report).select_related("clause", "revision"))
    places = dict(
        VersionClause.objects.filter(revision__in=[reading.revision_id for reading in readings])
        .order_by("version")
        .values_list("clause_id", "position")
    )
    readings.sort(
        key=lambda reading: (reading.low is None, reading.disagreement is None, -(reading.disagreement or 0))
    )
    said = numbers.get("clauses", {})
    highest = max((reading.high or reading.disagreement or 0 for reading in readings), default=0)
    return {
        "report": report,
        "numbers": numbers,
        "tone": _tone(alpha.get("low")),
        "majority": _majority(numbers),
        "readings": [
            (
                reading,
                places.get(reading.clause_id),
                VERDICTS.get(said.get(reading.clause.key, {}).get("verdict")),
            )
            for reading in readings
        ],
        "upper": max(0.05, min(1.0, highest * 1.1)),
    }


def _majority(numbers: dict[str, Any]) -> dict[str, Any] | None:
    """The share of known items that the majority has right, with its interval; reports of earlier days do not say of how many."""
    share, n = numbers["majority_accuracy"], numbers.get("known_items", 0)
    if share is None:
        return None
    low, high = people.wilson(share * n, n) if n else (None, None)
    return {"value": share, "low": low, "high": high, "n": n or None}


def _tone(low: float | None) -> str:
    """Bands judge the lower bound of the interval: a value alone says too little."""
    if low is None:
        return ""
    return next((tone for bound, tone in BANDS if low >= bound), "bad")


@require_POST
@page(allows("agreement.measure"))
def measure(request: MemberRequest) -> HttpResponse:
    """Measure again, in a job."""
    spec = get_or_404(Spec, project=request.project, key=request.POST.get("spec", ""))
    wanted = request.POST.get("queue", "")
    queue = get_or_404(Queue, project=request.project, key=wanted, spec=spec) if wanted else None
    job = running.start(
        project=request.project,
        kind=jobs.MEASURE,
        by=request.member,
        arguments={"spec": spec.pk, "queue": queue.pk if queue else None},
    )
    messages.info(request, _("Measuring. The page shows the new report when the job is done."))
    return redirect("specs:job", project=request.project.key, job=job.pk)
