"""The path of newcomers in a queue: its stages, who stands where, one person on it, and one's own way."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.paging import newest_first
from specs.refusals import Invalid
from workforce import onboarding, paths, walking
from workforce.forms.paths import PathForm, PlaceForm
from workforce.models import Annotator, Enrolment, Stage
from workforce.views.queues import crumbs_of, put_errors, queue_of


@require_GET
@page(allows("people.manage"))
def path(request: MemberRequest, queue: str) -> HttpResponse:
    """Who stands where on the path, for how long, and whom only a person gets on; `?stage=` keeps one stage."""
    found = queue_of(request, queue)
    stages = paths.stages(queue=found)
    asked = request.GET.get("stage", "")
    stage = asked if asked in Stage.values else ""
    shown, further = newest_first(request, walking.on_path(queue=found, stage=stage))
    counts, n_through = walking.counts(queue=found)
    context = {
        "queue": found,
        "stages": [(one, counts.get(one.stage, 0)) for one in stages],
        "n_through": n_through,
        "asked": stage,
        "walkers": walking.walkers(shown),
        "next": further,
        "possible": found.purpose in onboarding.PURPOSES,
        "crumbs": crumbs_of(request, found),
    }
    return render(request, "workforce/path.html", context)


@require_http_methods(["GET", "POST"])
@page(allows("people.manage"))
def lay(request: MemberRequest, queue: str) -> HttpResponse:
    """The stages of the path with their thresholds, kept as a whole."""
    found = queue_of(request, queue)
    form = PathForm(request.POST or None, initial=PathForm.of(paths.stages(queue=found)))
    if request.method == "POST" and form.is_valid():
        try:
            paths.lay(queue=found, path=form.path(), by=request.member)
        except Invalid as refusal:
            problems = [{**one, "where": str(one["where"]).replace(".", "_")} for one in refusal.problems]
            put_errors(form, Invalid(refusal.message, problems=problems))
        else:
            messages.success(request, _("Kept. It holds for whoever is enrolled from now on."))
            return redirect("workforce:path", project=request.project.key, queue=found.key)
    context = {"queue": found, "form": form, "crumbs": crumbs_of(request, found)}
    return render(request, "workforce/path_form.html", context, status=422 if form.errors else 200)


def _enrolment(request: MemberRequest, queue: str, pseudonym: str) -> Enrolment:
    rows = Enrolment.objects.select_related("annotator__member__user", "queue")
    return get_or_404(
        rows, project=request.project, queue=queue_of(request, queue), annotator__pseudonym=pseudonym
    )


@require_GET
@page(allows("people.manage"))
def person(request: MemberRequest, queue: str, pseudonym: str) -> HttpResponse:
    """One person on the path: how far she is, every step with its reason, and what can be decided."""
    return _person(request, _enrolment(request, queue, pseudonym))


def _person(request: MemberRequest, found: Enrolment, refused: PlaceForm | None = None) -> HttpResponse:
    stages = paths.stages(queue=found.queue)
    context = {
        "queue": found.queue,
        "enrolment": found,
        "way": walking.way(enrolment=found),
        "form": refused or PlaceForm(stages=stages, now=found.stage),
        "crumbs": [
            *crumbs_of(request, found.queue),
            (_("Path"), f"/p/{request.project.key}/queues/{found.queue.key}/path/"),
        ],
    }
    return render(request, "workforce/path_person.html", context, status=422 if refused else 200)


@require_POST
@page(allows("people.manage"))
def step(request: MemberRequest, queue: str, pseudonym: str, step: str) -> HttpResponse:
    """Hold somebody, let her go on, or place her, in one's own name and with a reason."""
    found = _enrolment(request, queue, pseudonym)
    if step not in ("hold", "let-go", "place"):
        raise Http404
    form = PlaceForm(
        request.POST, stages=paths.stages(queue=found.queue), now=found.stage, placing=step == "place"
    )
    if not form.is_valid():
        return _person(request, found, form)
    reason = form.cleaned_data["reason"]
    if step == "place":
        onboarding.place(enrolment=found, stage=form.meant(), reason=reason, by=request.member)
    else:
        move = onboarding.hold if step == "hold" else onboarding.let_go
        move(enrolment=found, reason=reason, by=request.member)
    messages.success(request, _("Decided; it is on record with your name, and she reads it."))
    return redirect("workforce:path-person", project=request.project.key, queue=queue, pseudonym=pseudonym)


@require_GET
@page(allows("work.label"))
def mine(request: MemberRequest, queue: str) -> HttpResponse:
    """My own way: where I am, what comes next, and every step so far."""
    annotator = get_or_404(Annotator, project=request.project, member=request.member)
    rows = Enrolment.objects.select_related("annotator", "queue__spec", "queue__version")
    found = get_or_404(rows, project=request.project, annotator=annotator, queue__key=queue, active=True)
    context = {"queue": found.queue, "enrolment": found, "way": walking.way(enrolment=found)}
    return render(request, "workforce/my_path.html", context)
