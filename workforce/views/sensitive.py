"""Who may not see what: an annotator's own choice of what is sensitive, and what a manager keeps apart."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.paging import newest_first
from specs.refusals import Refusal
from workforce import excluding
from workforce.models import Annotator, Consent, Exclusion, SensitiveCategory
from workforce.views.queues import named


@require_GET
@page(allows("work.label"))
def sensitive(request: MemberRequest) -> HttpResponse:
    """What one agreed to see, and how much of it there was."""
    annotator = get_or_404(Annotator, project=request.project, member=request.member)
    agreed = set(
        Consent.objects.filter(annotator=annotator, withdrawn_at__isnull=True).values_list(
            "category", flat=True
        )
    )
    rows = SensitiveCategory.objects.filter(project=request.project).order_by("name")
    return render(
        request,
        "workforce/sensitive.html",
        {
            "rows": [(category, category.pk in agreed) for category in rows],
            "used": excluding.used(annotator),
            "per_hour": settings.SENSITIVE_PER_HOUR,
            "per_day": settings.SENSITIVE_MINUTES_PER_DAY,
        },
    )


@require_POST
@page(allows("work.label"))
def consent(request: MemberRequest, category: str) -> HttpResponse:
    """Agree to see a category, or do not any more."""
    annotator = get_or_404(Annotator, project=request.project, member=request.member)
    found = get_or_404(SensitiveCategory, project=request.project, key=category)
    if request.POST.get("agree") == "1":
        excluding.agree(annotator=annotator, category=found, by=request.member)
    else:
        excluding.withdraw(annotator=annotator, category=found, by=request.member)
    return redirect("workforce:sensitive", project=request.project.key)


@require_http_methods(["GET", "POST"])
@page(allows("queue.manage"))
def exclusions(request: MemberRequest) -> HttpResponse:
    """Sensitive categories, and who is kept from whom and from what."""
    if request.method == "POST":
        try:
            messages.success(request, _change(request))
        except Refusal as refusal:
            messages.warning(request, refusal.message)
        return redirect("workforce:exclusions", project=request.project.key)
    rows, further = newest_first(
        request,
        Exclusion.objects.filter(project=request.project, ended_at__isnull=True).select_related(
            "annotator", "other"
        ),
    )
    return render(
        request,
        "workforce/exclusions.html",
        {
            "categories": SensitiveCategory.objects.filter(project=request.project).order_by("name"),
            "rows": rows,
            "next": further,
            "annotators": Annotator.objects.filter(project=request.project, kind="person")
            .exclude(state="left")
            .order_by("pseudonym")[: settings.MAX_PAGE_SIZE],
        },
    )


def _change(request: MemberRequest) -> str:
    form, by = request.POST, request.member
    step = form.get("step", "")
    if step == "category":
        excluding.add_category(
            project=request.project,
            key=form.get("key", "").strip(),
            name=form.get("name", ""),
            warning=form.get("warning", ""),
            by=by,
        )
        return _("From now on nobody is given such items before she has read the warning and agreed.")
    if step == "mark":
        category = get_or_404(SensitiveCategory, project=request.project, key=form.get("category", ""))
        keys = [key for line in form.get("items", "").splitlines() if (key := line.strip())]
        return _("%(n)d items marked.") % {"n": excluding.mark(category=category, items=keys, by=by)}
    one = named(request, form.get("annotator", ""))
    if step == "apart":
        other = named(request, form.get("other", ""))
        excluding.keep_apart(one=one, other=other, by=by)
    else:
        excluding.keep_from(annotator=one, field=form.get("field", ""), value=form.get("value", ""), by=by)
    return _("Holds from the next claim on.")


@require_POST
@page(allows("queue.manage"))
def end(request: MemberRequest, exclusion: int) -> HttpResponse:
    excluding.end(exclusion=get_or_404(Exclusion, project=request.project, pk=exclusion), by=request.member)
    messages.success(request, _("Lifted."))
    return redirect("workforce:exclusions", project=request.project.key)
