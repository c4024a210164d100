"""The page of a reviewer: one answer at a time, to accept, to fix, or to return."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import labelling, reviewing
from annotation.models import Review, ReviewDecision, ReviewVerdict
from annotation.views.label import token_of
from specs import task_types, versions
from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Invalid, Refusal, Stale
from specs.schema import BadAnswer
from workforce import categories, leasing, staffing
from workforce.models import Annotator, Purpose, Queue, ReviewStage


def review_queue(request: MemberRequest, key: str) -> Queue:
    return get_or_404(
        Queue.objects.select_related("project"), project=request.project, key=key, purpose=Purpose.REVIEW
    )


@require_GET
@page(allows("answer.review"))
def review(request: MemberRequest, queue: str) -> HttpResponse:
    """The review that she holds, or the way to begin."""
    return _show(request, review_queue(request, queue))


@require_POST
@page(allows("answer.review"))
def take(request: MemberRequest, queue: str) -> HttpResponse:
    found = review_queue(request, queue)
    _take(request, found)
    return _here(request, found)


def _take(request: MemberRequest, queue: Queue) -> None:
    try:
        taken = reviewing.take(
            queue=queue, annotator=staffing.annotator_for(member=request.member), by=request.member
        )
    except Refusal as refusal:
        messages.warning(request, refusal.message)
    else:
        if taken is None:
            messages.info(request, _("No answer waits for your review here just now."))


@require_POST
@page(allows("answer.review"))
def decide(request: MemberRequest, queue: str, review: int) -> HttpResponse:
    """Accept, fix or return, and go on to the next one."""
    found = review_queue(request, queue)
    one = get_or_404(Review, project=request.project, pk=review, stage__review_queue=found)
    answer = reviewing.in_force(one)
    try:
        reviewing.decide(
            review=one,
            annotator=staffing.annotator_for(member=request.member),
            assignment_id=_number(request.POST.get("assignment", "")),
            token=token_of(request),
            decided=_decided(request.POST, answer),
            by=request.member,
        )
    except BadAnswer as error:
        return _show(
            request, found, errors=labelling.errors_by_question(error), refused=labelling.said(error)
        )
    except Invalid as refusal:
        errors = {str(p["where"]).removeprefix("question "): [p["message"]] for p in refusal.problems}
        return _show(request, found, errors=errors, refused=refusal.message)
    except Stale as refusal:
        messages.warning(request, refusal.message)
        return _here(request, found)
    messages.success(request, _("Reviewed."))
    _take(request, found)
    return _here(request, found)


def _decided(form: Any, answer: Any) -> reviewing.Decided:
    """The form as a decision; a fix takes the values of the questions, or why the item cannot be labelled."""
    verdict, cannot = form.get("verdict", ""), form.get("cannot", "")
    said = None
    if verdict == ReviewVerdict.FIX and not cannot:
        version = versions.read(answer.version_id)
        said = labelling.answer(form=form, version=version, payload=answer.task.item.payload)
    return reviewing.Decided(
        verdict=verdict,
        seen=_number(form.get("seen", "")),
        values=said.values if said else {},
        citations=said.citations if said else {},
        cannot=cannot if verdict == ReviewVerdict.FIX else "",
        reason=form.get("reason", ""),
        clause=form.get("clause", "") if verdict == ReviewVerdict.RETURN else "",
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _here(request: MemberRequest, queue: Queue) -> HttpResponseRedirect:
    return redirect("annotation:review", project=request.project.key, queue=queue.key)


def _show(
    request: MemberRequest, queue: Queue, *, errors: dict[str, list[str]] | None = None, refused: str = ""
) -> HttpResponse:
    annotator = Annotator.objects.filter(member=request.member).first()
    held = leasing.held(annotator=annotator, queue_id=queue.pk) if annotator else []
    stage = ReviewStage.objects.select_related("queue").filter(review_queue=queue).first()
    context: dict[str, Any] = {"queue": queue, "stage": stage, "refused": refused, "work": None}
    found = Review.objects.filter(work=held[0].task_id).first() if held else None
    if found is not None:
        context |= _of_review(request, found, held[0], errors)
    return render(request, "annotation/review.html", context, status=422 if refused else 200)


def _of_review(
    request: MemberRequest, found: Review, served: leasing.Served, errors: dict[str, list[str]] | None
) -> dict[str, Any]:
    """One review: the answer in words, what earlier looks decided, and the form, which begins with what stands."""
    answer = reviewing.in_force(found)
    form = request.POST if request.method == "POST" else None
    fixed = reviewing.fix_of(answer)
    work = labelling.correction(answer=answer, form=form, errors=errors, fixed=fixed)
    earlier = (
        ReviewDecision.objects.filter(review__assignment=found.assignment_id)
        .select_related("clause", "review__stage")
        .order_by("pk")
    )
    return {
        "review": found,
        "answer": answer,
        "served": served,
        "work": work,
        "said": described(answer.version_id, answer.values, answer.cannot),
        "fixed": described(answer.version_id, fixed.values, fixed.cannot) if fixed else None,
        "earlier": earlier,
        "form": form or {},
        "problems": errors or {},
        "cannot": categories.offered(answer.queue),
        "last_round": found.round > reviewing.most_rounds(),
    }


def described(version_id: int, values: Any, cannot: str) -> list[tuple[str, str]]:
    """An answer in words, as pairs of question and value."""
    if cannot:
        return [(_("Cannot be labelled"), categories.title(cannot))]
    version = versions.read(version_id)
    asked = [version.question(key) for key in values]
    return [(one["title"], task_types.get(one["kind"]).describe(one, values[one["key"]])) for one in asked]
