"""The roster, and what is changed about one annotator: standing, availability, skills. Her page itself shows answers."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.paging import newest_first
from specs.refusals import Invalid, Refusal
from workforce import availability, consequences, departing, queues, roster, skills
from workforce.forms.roster import AwayForm, DecisionForm, DescribeForm, GrantForm, RequirementForm, SkillForm
from workforce.models import Annotator, AnnotatorSkill, AnnotatorState, Cohort, DayAway, Skill
from workforce.views.queues import crumbs_of, put_errors, queue_of


@require_GET
@page(allows("member.read"))
def people(request: MemberRequest) -> HttpResponse:
    """Who labels here, by name, state, skill, team and language."""
    asked = {name: request.GET.get(name, "") for name in roster.FILTERS}
    shown, further = newest_first(request, roster.find(project=request.project, asked=asked))
    counts = roster.n_by_state(project=request.project)
    context = {
        "rows": roster.rows_of(shown),
        "next": further,
        "asked": asked,
        "filtered": any(asked.values()),
        "counts": [(state, state.label, counts.get(state, 0)) for state in AnnotatorState],
        "skills": Skill.objects.filter(project=request.project).order_by("name"),
        "cohorts": Cohort.objects.filter(project=request.project).order_by("name"),
        "languages": roster.languages_of(project=request.project),
    }
    return render(request, "workforce/roster.html", context)


@require_http_methods(["GET", "POST"])
@page(allows("people.manage"))
def all_skills(request: MemberRequest) -> HttpResponse:
    """The skills of the project with how many hold each, and the form that makes one."""
    form = SkillForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            skills.create(project=request.project, by=request.member, **form.cleaned_data)
        except Invalid as refusal:
            form.add_error("key", refusal.message)
        else:
            messages.success(request, _("The skill is made."))
            return redirect("workforce:skills", project=request.project.key)
    rows = skills.with_counts(project=request.project)
    return render(
        request, "workforce/skills.html", {"form": form, "rows": rows}, status=422 if form.errors else 200
    )


def _annotator(request: MemberRequest, pseudonym: str) -> Annotator:
    return get_or_404(Annotator, project=request.project, pseudonym=pseudonym)


def _to(request: MemberRequest, annotator: Annotator) -> HttpResponse:
    return redirect("annotation:annotator", project=request.project.key, pseudonym=annotator.pseudonym)


@require_http_methods(["GET", "POST"])
@page(allows("people.manage"))
def grant(request: MemberRequest, pseudonym: str) -> HttpResponse:
    """Qualify an annotator."""
    found = _annotator(request, pseudonym)
    form = GrantForm(request.POST or None, project=request.project)
    if request.method == "POST" and form.is_valid():
        try:
            skills.grant(annotator=found, by=request.member, **form.granted())
        except Invalid as refusal:
            form.add_error(None, refusal.message)
        else:
            messages.success(request, _("Granted."))
            return _to(request, found)
    return _form(request, form, _("A skill for %(name)s") % {"name": found.pseudonym})


@require_POST
@page(allows("people.manage"))
def revoke(request: MemberRequest, pseudonym: str) -> HttpResponse:
    found = _annotator(request, pseudonym)
    skills.revoke(
        held=get_or_404(
            AnnotatorSkill, project=request.project, annotator=found, pk=_number(request, "held")
        ),
        by=request.member,
    )
    messages.success(request, _("Revoked; it stays on record."))
    return _to(request, found)


@require_http_methods(["GET", "POST"])
@page(allows("people.manage"))
def describe(request: MemberRequest, pseudonym: str) -> HttpResponse:
    """Languages, time zone and hours of somebody."""
    found = _annotator(request, pseudonym)
    form = DescribeForm(request.POST or None, initial=DescribeForm.of(found))
    if request.method == "POST" and form.is_valid() and _described(request, form, found):
        return _to(request, found)
    return _form(request, form, _("When %(name)s works") % {"name": found.pseudonym})


def _described(request: MemberRequest, form: DescribeForm, annotator: Annotator) -> bool:
    try:
        availability.describe(annotator=annotator, by=request.member, **form.described())
    except Invalid as refusal:
        put_errors(form, refusal)
        return False
    messages.success(request, _("Kept."))
    return True


@require_http_methods(["GET", "POST"])
@page(allows("people.manage"))
def decide(request: MemberRequest, pseudonym: str) -> HttpResponse:
    """Raise somebody's review, or restrict her to queues, without a rule: in one's own name, with a reason that she reads."""
    found = _annotator(request, pseudonym)
    form = DecisionForm(request.POST or None, project=request.project)
    if request.method == "POST" and form.is_valid():
        try:
            consequences.decide_on(annotator=found, by=request.member, **form.decided())
        except Refusal as refusal:
            form.add_error(None, refusal.message)
        else:
            messages.success(request, _("Decided; it is on her record with your name, and in her inbox."))
            return _to(request, found)
    return _form(request, form, _("What follows for %(name)s") % {"name": found.pseudonym})


@require_POST
@page(allows("people.manage"))
def step(request: MemberRequest, pseudonym: str, step: str) -> HttpResponse:
    """Pause and resume somebody."""
    found = _annotator(request, pseudonym)
    _take(step, found, request)
    return _to(request, found)


def _take(step: str, annotator: Annotator, request: MemberRequest) -> None:
    if step == "pause":
        departing.pause(annotator=annotator, by=request.member)
        messages.success(request, _("Paused: no more tasks, what was held is given back."))
    elif step == "resume":
        departing.resume(annotator=annotator, by=request.member)
        messages.success(request, _("Back at work."))
    else:
        raise Http404


@require_http_methods(["GET", "POST"])
@page(allows("work.label"))
def me(request: MemberRequest) -> HttpResponse:
    """My own hours, languages and days away; pausing and leaving."""
    found = get_or_404(Annotator, project=request.project, member=request.member)
    form, away = DescribeForm(request.POST or None, initial=DescribeForm.of(found)), AwayForm()
    if request.method == "POST" and form.is_valid() and _described(request, form, found):
        return redirect("workforce:me", project=request.project.key)
    context = {
        "form": form,
        "away_form": away,
        "away": found.days_away.order_by("first"),
        "annotator": found,
        "own_pause": found.paused_by_id == request.member.pk,
    }
    return render(request, "workforce/me.html", context, status=422 if form.errors else 200)


@require_POST
@page(allows("work.label"))
def my_step(request: MemberRequest, step: str) -> HttpResponse:
    """Pause, resume, days away, leave: by the annotator herself."""
    found = get_or_404(Annotator, project=request.project, member=request.member)
    if step == "away":
        form = AwayForm(request.POST)
        if not form.is_valid():
            raise Invalid(_("Days away have a first and a last day."))
        availability.go_away(annotator=found, by=request.member, **form.cleaned_data)
    elif step == "back":
        row = get_or_404(DayAway, project=request.project, annotator=found, pk=_number(request, "away"))
        availability.come_back(away=row, by=request.member)
    elif step == "leave":
        departing.leave(member=request.member)
        messages.success(request, _("You have left the project. What you answered stays; thank you."))
        return redirect("annotation:inbox")
    else:
        _take(step, found, request)
    return redirect("workforce:me", project=request.project.key)


@require_http_methods(["GET", "POST"])
@page(allows("queue.manage"))
def requirement(request: MemberRequest, queue: str) -> HttpResponse:
    """What a queue asks of whoever claims in it, and how many of those enrolled have it."""
    found = queue_of(request, queue)
    form = RequirementForm(request.POST or None, queue=found, initial=RequirementForm.of(found))
    if request.method == "POST" and form.is_valid():
        try:
            queues.change_settings(queue=found, by=request.member, **form.settings())
        except Invalid as refusal:
            put_errors(form, refusal)
        else:
            messages.success(request, _("Kept. It holds from the next claim on."))
            return redirect("workforce:queue-people", project=request.project.key, queue=found.key)
    n_enrolled, n_able = skills.n_able(queue=found)
    return render(
        request,
        "workforce/queue_people.html",
        {
            "form": form,
            "queue": found,
            "n_enrolled": n_enrolled,
            "n_able": n_able,
            "crumbs": crumbs_of(request, found),
        },
        status=422 if form.errors else 200,
    )


def _number(request: Any, name: str) -> int:
    text = request.POST.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    return int(text)


def _form(request: MemberRequest, form: Any, title: str) -> HttpResponse:
    return render(
        request,
        "workforce/people_form.html",
        {"form": form, "title": title},
        status=422 if form.errors else 200,
    )
