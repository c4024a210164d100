"""A new project that works like this one."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from specs.access import MemberRequest, allows, page
from specs.refusals import Invalid
from workforce import cloning


class ProjectCloneForm(forms.Form):
    name = forms.CharField(max_length=200, label=gettext_lazy("Name"))
    key = forms.SlugField(
        max_length=64,
        label=gettext_lazy("Key"),
        help_text=gettext_lazy("Short, for addresses and programs: lower-case letters, digits, hyphens."),
    )


@require_http_methods(["GET", "POST"])
@page(allows("project.manage"))
def clone(request: MemberRequest) -> HttpResponse:
    form = ProjectCloneForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = cloning.clone_project(source=request.project, by=request.member, **form.cleaned_data)
        except Invalid as refusal:
            form.add_error("key", refusal.message)
        else:
            messages.success(request, _("A project of your own, without items and people yet."))
            return redirect("specs:project", project=made.key)
    return render(request, "workforce/project_clone.html", {"form": form}, status=422 if form.errors else 200)
