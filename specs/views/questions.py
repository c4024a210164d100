"""What is asked: a draft's questions, their labels, conditions and citing, with a preview of the labelling page beside them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from specs import drafting, task_types
from specs.access import MemberRequest, allows, page
from specs.forms import specs as forms
from specs.refusals import Invalid, Refusal, Stale
from specs.views.drafts import draft_of
from specs.views.specs import crumbs, spec_of


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def questions(request: MemberRequest, spec: str) -> HttpResponse:
    """A newer edit by somebody else is shown beside one's own, and nothing is lost."""
    found = spec_of(request, spec)
    version = draft_of(request, found)
    shown, revision, theirs = version.questions, version.revision, None
    refusal: Refusal | None = None
    if request.method == "POST":
        shown = forms.questions_of(request.POST)
        seen = request.POST.get("revision", "")
        revision = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else 0
        try:
            drafting.set_questions(draft=version, questions=shown, revision=revision, by=request.member)
        except Stale as stale:
            refusal, theirs, revision = stale, stale.details["questions"], stale.details["revision"]
        except Invalid as invalid:
            refusal = invalid
        else:
            messages.success(request, _("The questions are kept."))
            return redirect("specs:draft", project=request.project.key, spec=found.key)
    blank: list[dict[str, Any]] = [{}] * forms.BLANK_LABELS
    asked = [{**question, "labels": [*question.get("labels", []), *blank]} for question in shown]
    asked.append({"kind": "choice", "required": True, "labels": [{}] * 4})
    rows = [{**one, "own": _own_settings(place, one)} for place, one in enumerate(asked)]
    kinds = {kind: task_types.get(kind) for kind in task_types.kinds()}
    return render(
        request,
        "specs/questions.html",
        {
            "spec": found,
            "rows": rows,
            "revision": revision,
            "refusal": refusal,
            "theirs": theirs,
            "colours": forms.COLOURS,
            "kinds": [(key, _(kind.name)) for key, kind in kinds.items()],
            "labelled": " ".join(key for key, kind in kinds.items() if kind.labelled),
            "from_items": " ".join(key for key, kind in kinds.items() if kind.item_options),
            "crumbs": [
                *crumbs(request, found),
                (_("Draft"), f"/p/{request.project.key}/specs/{found.key}/draft/"),
            ],
        },
        status=(refusal.status if refusal else 200),
    )


def _own_settings(place: int, question: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Per kind its settings with the name of their field and what it shows: the question's own, for another kind the defaults."""
    found = []
    for kind in task_types.kinds():
        given = (question.get("settings") or {}) if kind == question.get("kind") else {}
        widgets = [
            {
                "one": one,
                "name": f"question.{place}.{kind}.{one.name}",
                "shown": one.shown(given.get(one.name, one.default)),
            }
            for one in task_types.get(kind).settings
        ]
        if widgets:
            found.append((kind, widgets))
    return found
