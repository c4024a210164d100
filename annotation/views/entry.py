"""What stands before the first claim under a version: what changed, to be confirmed once, and a short quiz if the queue asks."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from annotation import asking, comparing, presenting
from specs import acknowledging, posing, schema, task_types, versions
from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Invalid, Refusal
from specs.task_types import BadValue
from specs.views.specs import crumbs, spec_of, version_of
from workforce import entering, leasing, onboarding, quizzing
from workforce.models import Annotator, Enrolment, Queue, QuizAttempt, Stage


def _back(request: MemberRequest) -> str:
    """The labelling page somebody came from, by the key of its queue; nothing else is believed."""
    key = request.POST.get("queue") or request.GET.get("queue", "")
    known = Queue.objects.filter(project=request.project, key=key).exists()
    return f"/p/{request.project.key}/queues/{key}/label/" if known else "/"


def _walk_on(request: MemberRequest) -> None:
    """Whoever reads as a newcomer is past reading now, in every queue whose path asked for it."""
    for row in Enrolment.objects.filter(
        annotator__member=request.member, annotator__project=request.project, stage=Stage.READ
    ):
        onboarding.advance(enrolment_id=row.pk)


def _on_to_work(request: MemberRequest) -> HttpResponse:
    """Back to the queue somebody came from, with the task she wanted; a refusal there is that page's to tell."""
    annotator = Annotator.objects.filter(project=request.project, member=request.member).first()
    queue = Queue.objects.filter(project=request.project, key=request.POST.get("queue", "")).first()
    if annotator is not None and queue is not None:
        try:
            leasing.claim(queue_id=queue.pk, annotator=annotator, by=request.member)
        except entering.QuizNeeded:
            return redirect("annotation:quiz", project=request.project.key, queue=queue.key)
        except Refusal as refusal:
            messages.info(request, refusal.message)
    return redirect(_back(request))


@require_http_methods(["GET", "POST"])
@page(allows("spec.read"))
def changes(request: MemberRequest, spec: str, number: str) -> HttpResponse:
    """What changed since the version one acknowledged last, clause by clause; confirmed once, with the digest that was shown."""
    found = spec_of(request, spec)
    version = version_of(request, found, number)
    if not version.digest:
        raise Invalid(_("A draft is not acknowledged; it still changes."))
    if request.method == "POST":
        acknowledging.acknowledge(
            member=request.member, version=version, digest=request.POST.get("digest", "")
        )
        _walk_on(request)
        return _on_to_work(request)
    to_read = acknowledging.to_read(member=request.member, version=version)
    difference = to_read.difference
    names = comparing.Names.of(to_read.last.questions if to_read.last else [], version.questions)
    changed = (
        [
            {
                "change": change,
                "title": (change.new or change.old or {})["title"],
                "blocks": comparing.blocks(change.old, change.new, names),
            }
            for change in difference.clauses
            if change.kind != "moved"
        ]
        if difference
        else []
    )
    whole = versions.read(version.pk)
    return render(
        request,
        "annotation/changes.html",
        {
            "spec": found,
            "version": version,
            "whole": whole,
            "titles": schema.titles(whole.questions),
            "last": to_read.last,
            "difference": difference,
            "changed": changed,
            "numbers": {clause.key: clause.number for clause in whole.clauses},
            "done": acknowledging.acknowledged(member=request.member, version=version),
            "queue": request.GET.get("queue", ""),
            "crumbs": crumbs(request, found),
        },
    )


@require_http_methods(["GET", "POST"])
@page(allows("work.label"))
def quiz(request: MemberRequest, queue: str) -> HttpResponse:
    """The quiz: one item at a time, an explanation after each, the outcome at the end."""
    found = get_or_404(Queue.objects.select_related("spec", "version"), project=request.project, key=queue)
    annotator = get_or_404(
        Annotator.objects.select_related("member"), project=request.project, member=request.member
    )
    get_or_404(annotator.enrolments.all(), project=request.project, queue=found, active=True)
    assert found.version is not None
    past = quizzing.attempts(queue=found, annotator=annotator, version=found.version)
    attempt = past[-1] if past else None
    refused = ""
    if request.method == "POST":
        if request.POST.get("begin"):
            quizzing.begin(queue=found, annotator=annotator, version=found.version)
            return redirect("annotation:quiz", project=request.project.key, queue=found.key)
        attempt = get_or_404(
            QuizAttempt, project=request.project, annotator=annotator, pk=_number(request.POST.get("attempt"))
        )
        place = _number(request.POST.get("place"))
        try:
            value = _given(request, attempt, place)
            quizzing.answer(attempt=attempt, annotator=annotator, place=place, value=value)
        except Invalid as refusal:
            refused = refusal.message
        else:
            return redirect(f"/p/{request.project.key}/queues/{found.key}/quiz/?seen={place}")
    return render(
        request,
        "annotation/quiz.html",
        {
            "queue": found,
            "attempt": attempt,
            "refused": refused,
            "left": max(found.quiz_attempts - len(past), 0),
            **(_shown(attempt, request.GET.get("seen")) if attempt else {}),
        },
        status=422 if refused else 200,
    )


def _given(request: MemberRequest, attempt: QuizAttempt, place: int) -> Any:
    """The value in the posted form; None for a place that the quiz does not have, and where nothing was answered."""
    if place >= len(attempt.items):
        return None
    entry = attempt.items[place]
    question = versions.read(attempt.version_id).question(entry["question"])
    try:
        return task_types.get(question["kind"]).parse(question, request.POST, entry["payload"])
    except BadValue as error:
        raise Invalid(_("This is no answer to the question: %(error)s.") % {"error": error}) from error


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _shown(attempt: QuizAttempt, seen: str | None) -> dict[str, object]:
    """What was answered last, with its explanation, and the next item."""
    whole = versions.read(attempt.version_id)
    place = next((n for n, entry in enumerate(attempt.items) if "answer" not in entry), None)
    last = attempt.items[int(seen)] if seen and seen.isdigit() and int(seen) < len(attempt.items) else None
    found: dict[str, object] = {
        "n_items": len(attempt.items),
        "place": place,
        "titles": schema.titles(whole.questions),
    }
    if last and "answer" in last:
        question = whole.question(last["question"])
        kind = task_types.get(question["kind"])
        found["last"] = {
            **last,
            "said": kind.describe(question, last["answer"]),
            "should": kind.describe(question, last["value"]),
            "clause": whole.clause(last["clause"]),
        }
    if place is not None:
        entry = attempt.items[place]
        question = whole.question(entry["question"])
        found |= {
            "fields": presenting.fields(
                entry["payload"],
                declared=attempt.project.item_fields,
                without=posing.shown_by([question]),
            ),
            "posed": posing.pose(question, entry["payload"]),
        }
    return found


@require_POST
@page(allows("queue.manage"))
def let_in(request: MemberRequest, queue: str) -> HttpResponse:
    """Let somebody try the quiz again, or work without it."""
    found = get_or_404(Queue.objects.select_related("version"), project=request.project, key=queue)
    annotator = get_or_404(Annotator, project=request.project, pseudonym=request.POST.get("annotator", ""))
    assert found.version is not None
    quizzing.let_in(
        queue=found,
        annotator=annotator,
        version=found.version,
        excused=bool(request.POST.get("excused")),
        reason=request.POST.get("reason", ""),
        by=request.member,
    )
    messages.success(request, _("On record."))
    return redirect("workforce:queue", project=request.project.key, queue=found.key)


@require_POST
@page(allows("spec.read"))
def rate(request: MemberRequest, spec: str, number: str, clause: str) -> HttpResponse:
    """Whether a clause is clear, by one key."""
    found = spec_of(request, spec)
    version = version_of(request, found, number)
    row = get_or_404(found.clauses.all(), project=request.project, key=clause)
    clear = request.POST.get("clear") == "yes"
    asking.rate(version=version, clause=row, clear=clear, by=request.member)
    if request.headers.get("HX-Request"):
        return render(request, "annotation/clause_rated.html", {"clear": clear})
    return redirect(f"/p/{request.project.key}/specs/{found.key}/{version.number}/#clause-{clause}")
