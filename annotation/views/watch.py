"""Rules about people: the list, one rule with its dry run, what they found, and what a person decides about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation import watching
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Event
from specs.paging import newest_first
from specs.refusals import Invalid
from workforce import consequences, people_rules
from workforce.forms.people_rules import RuleForm
from workforce.models import (
    Annotator,
    AnnotatorKind,
    AnnotatorState,
    Consequence,
    ConsequenceState,
    Finding,
    PeopleRule,
    SpecWarning,
)
from workforce.views.queues import put_errors

FEW = 100
SHOWN = 200
"""Lines of a dry run; those found come first."""
PROPOSED = 20
"""Proposals on a page, the oldest; the others follow as these are decided."""


@require_GET
@page(allows("people.manage"))
def rules(request: MemberRequest) -> HttpResponse:
    """The rules, newest first, and the presets that are not taken yet."""
    rows = PeopleRule.objects.filter(project=request.project)
    names = [terms["name"] for terms in people_rules.PRESETS.values()]
    taken = set(rows.filter(name__in=names).values_list("name", flat=True))
    presets = [(key, terms) for key, terms in people_rules.PRESETS.items() if terms["name"] not in taken]
    shown, further = newest_first(request, rows.select_related("queue"))
    return render(
        request, "annotation/people_rules.html", {"rules": shown, "next": further, "presets": presets}
    )


@require_http_methods(["GET", "POST"])
@page(allows("people.manage"))
def create(request: MemberRequest) -> HttpResponse:
    """A new rule, from a preset if one is named; tried before it is kept."""
    preset = people_rules.PRESETS.get(request.GET.get("preset", ""), {})
    form = RuleForm(request.POST or None, project=request.project, initial=RuleForm.of(preset))
    return _edit(request, form, PeopleRule(project=request.project), None)


@require_http_methods(["GET", "POST"])
@page(allows("people.manage"))
def rule(request: MemberRequest, rule: int) -> HttpResponse:
    """One rule: its terms, whom it would find today, its history."""
    found = get_or_404(PeopleRule.objects.select_related("queue"), project=request.project, pk=rule)
    form = RuleForm(request.POST or None, project=request.project, initial=RuleForm.of_rule(found))
    return _edit(request, form, found, found)


def _edit(request: MemberRequest, form: RuleForm, tried: PeopleRule, kept: PeopleRule | None) -> HttpResponse:
    outcome = None
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("to") == "keep":
                done = (
                    people_rules.create(project=request.project, by=request.member, **form.terms())
                    if kept is None
                    else people_rules.change(rule=kept, by=request.member, **form.terms())
                )
                messages.success(request, _("Kept."))
                return redirect("annotation:people-rule", project=request.project.key, rule=done.pk)
            outcome = watching.look(rule=people_rules.tried(rule=tried, **form.terms()))
        except Invalid as refusal:
            put_errors(form, _beside(form, refusal))
    elif kept is not None and request.method == "GET" and _few(request):
        outcome = watching.look(rule=kept)
    context = {
        "form": form,
        "rule": kept,
        "outcome": outcome,
        "looks": outcome.looks[:SHOWN] if outcome else [],
        "held": {pk for who in outcome.suspected.values() for pk in who} if outcome else set(),
        "history": Event.objects.filter(
            subject="people-rule", subject_id=kept.pk, project=request.project
        ).order_by("-pk")[:20]
        if kept
        else [],
    }
    return render(request, "annotation/people_rule.html", context, status=422 if form.errors else 200)


def _beside(form: RuleForm, refusal: Invalid) -> Invalid:
    """The refusal with its problems beside the fields of the chosen action."""
    own = form.own_names()
    problems = [{**one, "where": own.get(str(one["where"]), one["where"])} for one in refusal.problems]
    return Invalid(refusal.message, problems=problems)


def _few(request: MemberRequest) -> bool:
    """Few enough to be judged whenever the page is opened; with more, it waits for the button."""
    rows = Annotator.objects.filter(project=request.project, state=AnnotatorState.ACTIVE)
    return rows.filter(kind=AnnotatorKind.PERSON).count() <= FEW


@require_POST
@page(allows("people.manage"))
def switch(request: MemberRequest, rule: int) -> HttpResponse:
    found = get_or_404(PeopleRule, project=request.project, pk=rule)
    on = request.POST.get("to") == "on"
    people_rules.switch(rule=found, on=on, by=request.member)
    messages.success(request, _("The rule is on.") if on else _("The rule is off."))
    return redirect("annotation:people-rules", project=request.project.key)


@require_GET
@page(allows("people.manage"))
def findings(request: MemberRequest) -> HttpResponse:
    """What waits for a person, what is in force, which clauses are suspected, and everything found, newest first."""
    rows = Consequence.objects.filter(project=request.project).select_related("annotator", "finding__rule")
    found, further = newest_first(
        request,
        Finding.objects.filter(project=request.project).select_related(
            "rule", "annotator", "held_back__clause"
        ),
    )
    proposed = rows.filter(state=ConsequenceState.PROPOSED)
    in_force, further_in_force = newest_first(
        request, rows.filter(state=ConsequenceState.IN_FORCE), named="in_force_before"
    )
    context = {
        "proposed": proposed.order_by("pk")[:PROPOSED],
        "n_proposed": proposed.count(),
        "in_force": in_force,
        "further_in_force": further_in_force,
        "warnings": SpecWarning.objects.filter(project=request.project)
        .select_related("rule", "clause")
        .order_by("-pk")[:20],
        "found": found,
        "next": further,
    }
    return render(request, "annotation/findings.html", context)


@require_POST
@page(allows("people.manage"))
def decide(request: MemberRequest, consequence: int, step: str) -> HttpResponse:
    """A person confirms or declines what a rule proposed, or lifts what is in force."""
    found = get_or_404(Consequence, project=request.project, pk=consequence)
    said: dict[str, Any] = {"consequence": found, "by": request.member}
    if step == "confirm":
        consequences.confirm(note=request.POST.get("note", ""), **said)
    elif step == "decline":
        consequences.decline(note=request.POST.get("note", ""), **said)
    elif step == "lift":
        consequences.end(**said)
    else:
        raise Http404
    messages.success(request, _("Decided; it is on her record with your name."))
    return redirect("annotation:findings", project=request.project.key)
