"""Precedents: made beside a ruling; all of them, by clause, with what can be done to each."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from annotation import establishing
from annotation.models import Dispute, DisputeState, Precedent, Ruling
from annotation.views.console import console, dispute_of
from specs import precedents as sets
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Clause, SpecVersion
from specs.paging import newest_first
from specs.refusals import Refusal

STEPS = {
    "reword": gettext_lazy("Reworded; the earlier words stay on record."),
    "withdraw": gettext_lazy("Withdrawn. Answers that were given beside it keep naming it."),
    "keep": gettext_lazy("It is shown under the newest version as well."),
}


@require_GET
@page(allows("dispute.read"))
def precedents(request: MemberRequest) -> HttpResponse:
    """In force, or superseded and withdrawn; of all clauses, or of one (`?clause=`, its id)."""
    rows = Precedent.objects.filter(project=request.project)
    gone = request.GET.get("state") == "gone"
    clauses = Clause.objects.filter(
        pk__in=rows.filter(superseded_at__isnull=not gone).values("clause")
    ).select_related("spec")
    wanted = request.GET.get("clause", "")
    clause = next((one for one in clauses if str(one.pk) == wanted), None)
    rows = rows.filter(superseded_at__isnull=not gone).select_related(
        "clause__spec", "ruling__dispute__task__item", "by__user", "withdrawn_by__user", "superseded_by"
    )
    shown, further = newest_first(request, rows.filter(clause=clause) if clause else rows)
    return render(
        request,
        "annotation/precedents.html",
        {
            "entries": [
                {"precedent": one, "ruled": establishing.ruled(one.ruling), **where}
                for one, where in zip(shown, _where(shown), strict=True)
            ],
            "gone": gone,
            "clause": clause,
            "clauses": clauses.order_by("spec__key", "key")[: settings.MAX_PAGE_SIZE],
            "next": further,
            "at_precedents": True,
            "n_open": Dispute.objects.filter(project=request.project, state=DisputeState.OPEN).count(),
            "mine": "dispute.decide" in request.permissions,
            "max_characters": settings.MAX_PRECEDENT_CHARACTERS,
        },
    )


def _where(shown: list[Precedent]) -> list[dict[str, object]]:
    """Whether each is shown under the newest version of its spec, and which version that is. Two queries, however many."""
    specs = {one.clause.spec_id for one in shown}
    newest = {
        version.spec_id: version
        for version in SpecVersion.objects.published()
        .filter(spec__in=specs)
        .order_by("spec", "-major", "-minor", "-patch")
        .distinct("spec")
        .defer("canonical", "questions")
    }
    beside = sets.precedents_of(version.pk for version in newest.values())
    return [
        {
            "newest": newest[one.clause.spec_id],
            "shown": one.pk in beside.get(newest[one.clause.spec_id].pk, ()),
        }
        for one in shown
    ]


@require_POST
@page(allows("dispute.decide"))
def establish(request: MemberRequest, dispute: int) -> HttpResponse:
    """Put the ruling of a decided dispute beside a clause."""
    found = dispute_of(request, dispute)
    ruling = Ruling.objects.filter(dispute=found).order_by("-pk").first()
    if ruling is None:
        raise Http404
    try:
        establishing.establish(
            ruling=ruling,
            clause_key=request.POST.get("clause", ""),
            text=request.POST.get("text", ""),
            by=request.member,
        )
    except Refusal as refusal:
        return console(request, found, form=request.POST, refusal=refusal)
    messages.success(request, _("It stands beside the clause from the next claim on."))
    return redirect("annotation:adjudicate", project=request.project.key, dispute=found.pk)


@require_POST
@page(allows("dispute.decide"))
def step(request: MemberRequest, precedent: int) -> HttpResponse:
    """Reword it, withdraw it, or keep it under the newest version."""
    found = get_or_404(Precedent, project=request.project, pk=precedent)
    what = request.POST.get("what", "")
    if what == "reword":
        establishing.reword(precedent=found, text=request.POST.get("text", ""), by=request.member)
    elif what == "withdraw":
        establishing.withdraw(precedent=found, reason=request.POST.get("reason", ""), by=request.member)
    elif what == "keep":
        establishing.keep(precedent=found, by=request.member)
    else:
        raise Http404
    messages.success(request, STEPS[what])
    return redirect("annotation:precedents", project=request.project.key)
