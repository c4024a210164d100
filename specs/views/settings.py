"""A project's own rules, for who manages it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from specs import governing
from specs.access import MemberRequest, allows, page
from specs.forms.settings import ProjectForm
from specs.refusals import Invalid


@require_http_methods(["GET", "POST"])
@page(allows("project.manage"))
def settings(request: MemberRequest) -> HttpResponse:
    initial = {name: getattr(request.project, name) for name in governing.SETTINGS}
    form = ProjectForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            governing.change_settings(project=request.project, by=request.member, **form.cleaned_data)
        except Invalid as refusal:
            for problem in refusal.problems:
                form.add_error(problem["where"], problem["message"])
        else:
            messages.success(request, _("Kept."))
            return redirect("specs:settings", project=request.project.key)
    return render(request, "specs/settings.html", {"form": form}, status=422 if form.errors else 200)
