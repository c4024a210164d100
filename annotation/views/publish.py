"""Publication: what stands in the way, what changed, what the gate says, and what happens to work in progress."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotation import comparing, releasing
from annotation.forms import PublicationForm
from specs import contents, proposing
from specs.access import MemberRequest, allows, page
from specs.models import ChangeClass, Comment, Role, SpecVersion
from specs.refusals import Invalid, NotAllowed, WrongState
from specs.views.drafts import draft_of
from specs.views.specs import crumbs, spec_of
from workforce.models import Purpose, Queue


@require_http_methods(["GET", "POST"])
@page(allows("spec.publish"))
def publish(request: MemberRequest, spec: str) -> HttpResponse:
    found = spec_of(request, spec)
    draft = draft_of(request, found)
    queues = Queue.objects.filter(spec=found, purpose__in=[Purpose.LABELLING, Purpose.RELABELLING]).exclude(
        state="closed"
    )
    proposal = proposing.open_proposal(found)
    initial = (
        {"notes": proposal.notes, "rationale": proposal.rationale, "claimed": proposal.claimed}
        if proposal
        else {}
    )
    form = PublicationForm(request.POST or None, initial=initial, queues=queues.order_by("name"))
    refusal: Invalid | WrongState | NotAllowed | releasing.GateFailed | None = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            published = releasing.publish(
                draft=draft,
                claimed=ChangeClass(data["claimed"]) if data["claimed"] else None,
                notes=data["notes"],
                rationale=data["rationale"],
                override_reason=data["override_reason"],
                in_force=list(data["in_force"]),
                in_progress=data["in_progress"],
                by=request.member,
            )
        except (Invalid, WrongState, NotAllowed, releasing.GateFailed) as error:
            refusal = error
        else:
            messages.success(request, _("%(number)s is published.") % {"number": published.number})
            return redirect("specs:spec", project=request.project.key, spec=found.key)
    return render(
        request,
        "annotation/publish.html",
        {
            "spec": found,
            "draft": draft,
            "form": form,
            "refusal": refusal,
            "owner": Role.OWNER in request.member.roles,
            "n_comments": Comment.objects.filter(spec=found, resolved_at__isnull=True).count(),
            "proposal": proposal,
            "n_approvals": proposing.n_approvals(
                proposing.verdicts(proposal) if proposal else [], digest=contents.digest_of(draft)
            ),
            **_standing(draft),
            "crumbs": [
                *crumbs(request, found),
                (_("Draft"), f"/p/{request.project.key}/specs/{found.key}/draft/"),
            ],
        },
        status=(refusal.status if refusal else 422 if form.errors else 200),
    )


def _standing(draft: SpecVersion) -> dict[str, object]:
    """How the draft stands: its problems, what it changes and costs, and the gate, as far as they can be told."""
    problems = contents.problems(draft)
    comparison = comparing.compare(draft.based_on, draft) if draft.based_on else None
    changed = comparison is None or comparison.difference.change_class != "none"
    gate = releasing.gate_of(draft) if changed and not problems else None
    return {"problems": problems, "comparison": comparison, "gate": gate}
