"""Correcting one's own answers: the last ones of a queue, and one of them opened again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from annotation import labelling, revising
from annotation.models import Annotation
from annotation.views.label import annotator_of, queue_of
from specs import schema, task_types, versions
from specs.access import MemberRequest, allows, page
from specs.refusals import Invalid, Refusal, Stale
from specs.schema import BadAnswer
from workforce import categories
from workforce.models import Queue


@require_GET
@page(allows("work.label"))
def answered(request: MemberRequest, queue: str) -> HttpResponse:
    """Her last answers in the queue, and which of them can still be corrected."""
    found = queue_of(request, queue)
    given = revising.last(annotator=annotator_of(request), queue=found)
    rows = [{"given": one, "said": _said(one.version_id, one.values, one.cannot)} for one in given]
    return render(request, "annotation/answered.html", {"queue": found, "rows": rows})


@require_http_methods(["GET", "POST"])
@page(allows("work.label"))
def correct(request: MemberRequest, queue: str, assignment: int) -> HttpResponse:
    """One of her answers opened again; posting puts the corrected one in its place."""
    found = queue_of(request, queue)
    answer = revising.in_force(annotator=annotator_of(request), assignment_id=assignment)
    if answer.queue_id != found.pk:
        raise Http404
    if request.method == "POST":
        return _post(request, found, answer)
    place = next((one for one in _last(request, found) if one.assignment_id == assignment), None)
    if place is None or not place.correctable:
        messages.info(request, _("This answer stands: its task has ended, or too many came after it."))
        return redirect("annotation:answered", project=request.project.key, queue=found.key)
    return _render(request, found, answer)


def _last(request: MemberRequest, queue: Queue) -> list[revising.Given]:
    return revising.last(annotator=annotator_of(request), queue=queue)


def _post(request: MemberRequest, queue: Queue, answer: Annotation) -> HttpResponse:
    seen = request.POST.get("seen", "")
    version = versions.read(answer.version_id)
    try:
        revising.revise(
            annotator=answer.annotator,
            assignment_id=answer.assignment_id,
            answer=labelling.answer(form=request.POST, version=version, payload=answer.task.item.payload),
            seen=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 5 else 0,
            client_key=request.POST.get("key", ""),
            by=request.member,
        )
    except BadAnswer as error:
        return _render(request, queue, answer, labelling.errors_by_question(error), labelling.said(error))
    except Invalid as refusal:
        errors = {str(p["where"]).removeprefix("question "): [p["message"]] for p in refusal.problems}
        return _render(request, queue, answer, errors, refusal.message)
    except Stale:
        now = revising.in_force(annotator=answer.annotator, assignment_id=answer.assignment_id)
        other = _said(now.version_id, now.values, now.cannot)
        told = _(
            "You corrected this answer in another window meanwhile: %(said)s. Send again to put what you see here in its place."
        )
        return _render(request, queue, now, {}, told % {"said": other})
    except Refusal as refusal:
        messages.warning(request, refusal.message)
        return redirect("annotation:answered", project=request.project.key, queue=queue.key)
    messages.success(request, _("Corrected. What you said before stays on record."))
    return redirect("annotation:label", project=request.project.key, queue=queue.key)


def _render(
    request: MemberRequest,
    queue: Queue,
    answer: Annotation,
    errors: dict[str, list[str]] | None = None,
    refused: str = "",
) -> HttpResponse:
    form = request.POST if request.method == "POST" else None
    work = labelling.correction(answer=answer, form=form, errors=errors)
    context: dict[str, Any] = {
        "queue": queue,
        "annotator": answer.annotator,
        "work": work,
        "answer": answer,
        "key": labelling.correction_key(answer),
        "titles": schema.titles(work.version.questions),
        "refused": refused,
    }
    return render(request, "annotation/correct.html", context, status=422 if refused else 200)


def _said(version_id: int, values: Any, cannot: str) -> str:
    """An answer in words."""
    if cannot:
        return _("cannot be labelled: %(why)s") % {"why": categories.title(cannot)}
    version = versions.read(version_id)
    asked = [version.question(key) for key in values]
    said = [task_types.get(one["kind"]).describe(one, values[one["key"]]) for one in asked]
    return (
        said[0]
        if len(said) == 1
        else "; ".join(f"{one['title']} {text}" for one, text in zip(asked, said, strict=True))
    )
