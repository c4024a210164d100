"""Taking over what a model said: it becomes what is chosen on the page, and that it was taken is on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_POST

from annotation import keeping, labelling
from annotation.views.label import here, place_of, token_of
from specs import task_types, versions
from specs.access import MemberRequest, allows, page
from specs.refusals import Stale
from specs.task_types.base import field
from workforce import leasing, suggesting
from workforce.models import Annotator


@require_POST
@page(allows("work.label"))
def take(request: MemberRequest, queue: str, assignment: int) -> HttpResponse:
    """The question with the suggestion chosen; kept as a draft, sent by nobody but her."""
    found, annotator = place_of(request, queue)
    held = leasing.held(annotator=annotator, queue_id=found.pk, assignment_id=assignment)
    if not held:
        raise Http404
    taken = suggesting.take(
        assignment_id=assignment,
        annotator=annotator,
        token=token_of(request),
        question=request.POST.get("take", ""),
        by=request.member,
    )
    form = _with(request.POST, versions.read(held[0].version_id).question(taken.question), taken.value)
    revision = _keep(form, held[0], annotator)
    if not request.headers.get("HX-Request"):
        return here(request, queue)
    work = labelling.work(served=held[0], annotator=annotator, queue=found, draft=None, form=form)
    asked = next(asked for asked in work.questions if asked.question["key"] == taken.question)
    return render(
        request,
        "annotation/label_taken.html",
        {
            "queue": found,
            "work": work,
            "asked": asked,
            "first": asked is work.questions[0],
            "revision": revision,
        },
    )


def _with(form: QueryDict, question: Mapping[str, Any], value: Any) -> QueryDict:
    """The form with another answer to one question: none of its fields stays as it was."""
    found = form.copy()
    own = field(question)
    for name in [name for name in found if name == own or name.startswith(f"{own}.")]:
        del found[name]
    for name, texts in task_types.get(question["kind"]).form(question, value).items():
        found.setlist(name, texts)
    return found


def _keep(form: QueryDict, served: leasing.Served, annotator: Annotator) -> int:
    """What is on the page as a draft; the revision that is kept now. A newer one of another window stays as it is."""
    version = versions.read(served.version_id)
    try:
        return keeping.save_draft(
            annotator=annotator, task_id=served.task_id, **labelling.written(version, form)
        )
    except Stale as stale:
        return int(stale.details["revision"])
