"""The labelling page as a draft would make it, on a real item: what an author looks at while writing."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from annotation import presenting
from specs import contents, posing, schema
from specs.access import MemberRequest, allows, page
from specs.forms import specs as forms
from specs.numbering import numbers
from specs.views.drafts import draft_of
from specs.views.specs import spec_of
from workforce.models import Item, Task


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def preview(request: MemberRequest, spec: str) -> HttpResponse:
    """With the questions as they are being written when they are posted, else as the draft keeps them; keeps nothing."""
    found = spec_of(request, spec)
    draft = draft_of(request, found)
    questions = forms.questions_of(request.POST) if request.method == "POST" else draft.questions
    problems = schema.problems(questions)
    content = contents.content(draft)
    item = _item(request, found.pk)
    payload = item.payload if item else {"text": "…"}
    whole = schema.clean(questions) if not problems else []
    asked = [posing.pose(one, payload) for one in whole]
    places = numbers([clause["section"] for clause in content["clauses"]])
    return render(
        request,
        "annotation/preview.html",
        {
            "spec": found,
            "asked": asked,
            "titles": schema.titles(questions),
            "problems": problems,
            "item": item,
            "fields": presenting.fields(
                payload, declared=request.project.item_fields, without=posing.shown_by(whole)
            ),
            "clauses": list(zip(content["clauses"], places, strict=True)),
        },
    )


def _item(request: MemberRequest, spec_id: int) -> Item | None:
    """An item of the spec's own queues if there is one, else any of the project; `?after=` leads to the next."""
    after = request.GET.get("after", "")
    rows = Item.objects.filter(project=request.project).order_by("pk")
    own = rows.filter(pk__in=Task.objects.filter(queue__spec=spec_id).values("item"))
    for found in (own, rows):
        further = found.filter(pk__gt=int(after)) if after.isdigit() and len(after) < 19 else found
        item = further.first() or found.first()
        if item is not None:
            return item
    return None
