"""Appeals: an annotator files one against a decision about her answer; another lead decides, blind to the first."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import appealing, presenting, reviewing
from annotation.models import AnswerAppeal, AppealKind, ReviewDecision, Ruling
from annotation.views.label import annotator_of
from annotation.views.review import described
from specs import task_types, versions
from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Refusal
from workforce.models import Judgement


@require_POST
@page(allows("work.label"))
def file(request: MemberRequest, against: str, decision: int) -> HttpResponse:
    """Appeal against a ruling, a mark or a return; only one's own answer's."""
    asked: dict[str, Any] = {
        "annotator": annotator_of(request),
        "reason": request.POST.get("reason", ""),
        "by": request.member,
    }
    try:
        match against:
            case AppealKind.RULING:
                appealing.against_ruling(
                    ruling=get_or_404(Ruling, project=request.project, pk=decision), **asked
                )
            case AppealKind.GOLD:
                mark = get_or_404(Judgement, project=request.project, pk=decision)
                appealing.against_mark(judgement=mark, **asked)
            case AppealKind.RETURN:
                returned = get_or_404(ReviewDecision, project=request.project, pk=decision)
                appealing.against_return(decision=returned, **asked)
            case _:
                raise Http404
    except Refusal as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(
            request,
            _("Your appeal is with us. Another person decides it, and does not see the first decision."),
        )
    return redirect("annotation:mine", project=request.project.key)


@require_GET
@page(allows("dispute.decide"))
def appeals(request: MemberRequest) -> HttpResponse:
    """What waits for a decision of the reader, and how many were reversed, by clause and by person (only her own, for a lead)."""
    rows = list(appealing.to_decide(request.member)[:200])
    own = {} if "people.manage" in request.permissions else {"against": request.member}
    return render(
        request,
        "annotation/appeals.html",
        {
            "appeals": rows,
            "by_clause": appealing.reversals(project_id=request.project.pk, by="clause"),
            "by_person": appealing.reversals(project_id=request.project.pk, by="against", **own),
            "n_open": len(rows),
            "at_appeals": True,
        },
    )


@require_GET
@page(allows("dispute.decide"))
def appeal(request: MemberRequest, appealed: int) -> HttpResponse:
    return _show(request, _to_decide(request, appealed))


def _to_decide(request: MemberRequest, number: int) -> AnswerAppeal:
    return get_or_404(appealing.to_decide(request.member), project=request.project, pk=number)


def _show(request: MemberRequest, found: AnswerAppeal, refusal: Refusal | None = None) -> HttpResponse:
    shown = _of_mark(found) if found.kind == AppealKind.GOLD else _of_return(found)
    context = {
        **shown,
        "appeal": found,
        "fields": presenting.fields(shown["item"].payload, declared=request.project.item_fields),
        "clauses": shown["version"].clauses,
        "refusal": refusal,
        "form": request.POST,
        "at_appeals": True,
    }
    return render(request, "annotation/appeal.html", context, status=refusal.status if refusal else 200)


def _of_mark(found: AnswerAppeal) -> dict[str, Any]:
    mark = found.judgement
    assert mark is not None
    version = versions.read(mark.version_id)
    question = version.question(mark.question)
    describe = task_types.get(question["kind"]).describe
    return {
        "item": mark.probe.item,
        "version": version,
        "question": question,
        "sides": [(one.letter, describe(question, one.value)) for one in appealing.candidates(found)],
    }


def _of_return(found: AnswerAppeal) -> dict[str, Any]:
    assert found.decision is not None
    answer = reviewing.in_force(found.decision.review)
    return {
        "item": answer.task.item,
        "version": versions.read(answer.version_id),
        "said": described(answer.version_id, answer.values, answer.cannot),
    }


@require_POST
@page(allows("dispute.decide"))
def decide(request: MemberRequest, appealed: int) -> HttpResponse:
    found = _to_decide(request, appealed)
    right, reason = request.POST.get("right", ""), request.POST.get("reason", "")
    try:
        if found.kind == AppealKind.GOLD:
            appealing.decide_mark(appeal=found, right=right, reason=reason, by=request.member)
        else:
            if right not in ("stands", "anew"):
                raise Http404
            appealing.decide_return(appeal=found, stands=right == "stands", reason=reason, by=request.member)
    except Refusal as refusal:
        return _show(request, found, refusal)
    messages.success(request, _("Decided. Whoever appealed reads your reason."))
    return redirect("annotation:answer-appeals", project=request.project.key)
