"""Questions out to Label Studio and in from it: its labelling configuration, with what has no place there or here."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from specs import configuring, label_config, task_types
from specs.access import MemberRequest, allows, page
from specs.forms.specs import LabelConfigForm
from specs.refusals import Invalid
from specs.views.drafts import draft_of
from specs.views.specs import crumbs, spec_of, version_of


@require_GET
@page(allows("spec.read"))
def label_config_out(request: MemberRequest, spec: str, number: str) -> HttpResponse:
    """A version's configuration, shown with what it leaves out; with `as=xml` the file."""
    found = spec_of(request, spec)
    version = version_of(request, found, number)
    config, left_out = label_config.written(version.questions)
    if request.GET.get("as") == "xml":
        reply = HttpResponse(config, content_type="application/xml; charset=utf-8")
        reply["Content-Disposition"] = f'attachment; filename="{found.key}-{version.number}.xml"'
        return reply
    shown = {"spec": found, "version": version, "config": config, "left_out": left_out}
    return render(request, "specs/label_config.html", {**shown, "crumbs": crumbs(request, found)})


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def label_config_in(request: MemberRequest, spec: str) -> HttpResponse:
    """A configuration's questions take the place of the draft's; looked at first, nothing is written."""
    found = spec_of(request, spec)
    draft = draft_of(request, found)
    form = LabelConfigForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        try:
            if "look" in request.POST:
                questions, left_out = configuring.look(form.cleaned_data["config"])
                kinds = [(one, _(task_types.get(one["kind"]).name)) for one in questions]
                context = {"questions": kinds, "left_out": left_out}
            else:
                left_out = configuring.take(draft=draft, text=form.cleaned_data["config"], by=request.member)
                for one in left_out:
                    messages.warning(request, one)
                messages.success(request, _("The questions are kept."))
                return redirect("specs:draft-questions", project=request.project.key, spec=found.key)
        except Invalid as refusal:
            form.add_error(None, refusal.message)
            context["problems"] = refusal.problems
    back = (_("Draft"), f"/p/{request.project.key}/specs/{found.key}/draft/")
    return render(
        request,
        "specs/label_config_in.html",
        {"spec": found, "form": form, "crumbs": [*crumbs(request, found), back], **context},
        status=422 if form.errors else 200,
    )
