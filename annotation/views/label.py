"""The labelling page: start, answer, renew. Answering brings the next task in the same request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import keeping, labelling, revealing, revising, submitting, surroundings
from annotation.models import Annotation, Source
from specs import schema, versions
from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Invalid, Refusal
from specs.schema import BadAnswer
from workforce import (
    categories,
    entering,
    excluding,
    hours,
    judging,
    leasing,
    onboarding,
    paying,
    placing,
    sitting,
    walking,
)
from workforce.models import Annotator, Assignment, Predictions, Purpose, Queue, Recall, SkipReason


def annotator_of(request: MemberRequest) -> Annotator:
    return get_or_404(Annotator, project=request.project, member=request.member)


def queue_of(request: MemberRequest, key: str) -> Queue:
    """A queue that the caller is enrolled in; any other one is as missing as none. `stage` is where she stands on its path."""
    return place_of(request, key)[0]


def place_of(request: MemberRequest, key: str) -> tuple[Queue, Annotator]:
    """The same with the caller as its annotator."""
    found = placing.place_of(request, key)
    if found is None:
        raise Http404
    return found


@require_GET
@page(allows("work.label"), by=placing.enter)
def label(request: MemberRequest, queue: str) -> HttpResponse:
    """The task that is held, or the way to begin. Looking at it changes nothing but the record of what she was shown."""
    found, annotator = place_of(request, queue)
    if found.purpose == Purpose.REVIEW:
        return redirect("annotation:review", project=request.project.key, queue=found.key)
    held = leasing.held(annotator=annotator, queue_id=found.pk)
    number = request.GET.get("after", "")
    after = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None
    told = [] if after is None else judging.feedback(assignment_id=after, annotator=annotator)
    served = held[0] if held else None
    return show(request, found, annotator, served, told=told, revealed=_revealed(found, annotator, after))


def _revealed(queue: Queue, annotator: Annotator, assignment: int | None) -> list[revealing.Told]:
    """What models said of the task that she answered before this one, where the queue tells that."""
    if assignment is None or queue.predictions != Predictions.AFTER:
        return []
    return revealing.revealed(assignment_id=assignment, annotator=annotator)


def show(
    request: MemberRequest,
    queue: Queue,
    annotator: Annotator,
    served: leasing.Served | None,
    form: Mapping[str, Any] | None = None,
    errors: Mapping[str, list[str]] | None = None,
    fresh: revising.Fresh | None = None,
    **more: Any,
) -> HttpResponse:
    """The page, or its work area for htmx: one task, with what a refused form held, or the way to begin.

    *fresh* is the answer that she gave by this request.
    """
    around = surroundings.around(
        annotator=annotator, queue=queue, task_id=served.task_id if served else None, fresh=fresh
    )
    work = None
    if served:
        work = labelling.work(
            served=served, annotator=annotator, queue=queue, draft=around.draft, form=form, errors=errors
        )
    told = labelling.with_clauses(more.pop("told", ()), queue)
    template = "annotation/label_work.html" if request.headers.get("HX-Request") else "annotation/label.html"
    context = {
        "queue": queue,
        "annotator": annotator,
        "work": work,
        "blank": work is not None and work.blank and not more.keys() & {"refused", "restored", "changed"},
        "skip_reasons": SkipReason.choices,
        "cannot": categories.offered(queue),
        "undecided": [] if work else excluding.undecided(annotator),
        "recalled": [] if work else _recalled(queue, annotator),
        "kept": [] if work else keeping.lapsed(annotator=annotator, queue=queue),
        "around": around,
        "rest_after": around.rest_after(request.session),
        "titles": schema.titles(work.version.questions) if work else {},
        "ended": more.pop("ended", False),
        "offer": None if work else _offer(request, queue, annotator),
        "told": told,
        "way": _way(queue, annotator),
        "tests": not work and queue.purpose == Purpose.CALIBRATION,
        **more,
    }
    return render(request, template, context, status=422 if more.get("refused") else 200)


def _way(queue: Queue, annotator: Annotator) -> walking.Way | None:
    """A newcomer's way, as it stands after what she just did; None for whoever was beside the path when she came."""
    if not getattr(queue, "stage", ""):
        return None
    enrolment = walking.of(queue_id=queue.pk, annotator=annotator)
    return walking.way(enrolment=enrolment) if enrolment is not None else None


def _offer(request: MemberRequest, queue: Queue, annotator: Annotator) -> paying.Offer | None:
    """What the work pays, told before it begins."""
    return paying.offer(
        queue=queue,
        annotator=annotator,
        at=leasing.database_now(),
        zone=hours.zone_of(annotator, request.project),
    )


def _recalled(queue: Queue, annotator: Annotator) -> list[Recall]:
    """What was taken away from her here within a day, newest first."""
    since = timezone.now() - timedelta(days=1)
    return list(
        Recall.objects.filter(annotator=annotator, assignment__queue=queue, recalled_at__gte=since)
        .select_related("assignment__task__item")
        .order_by("-pk")[:3]
    )


@require_POST
@page(allows("work.label"), by=placing.enter)
def take_again(request: MemberRequest, queue: str, assignment: int) -> HttpResponse:
    """Another version came into force: the task again, under that one."""
    queue_of(request, queue)
    submitting.take_again(
        annotator=annotator_of(request), assignment_id=assignment, token=token_of(request), by=request.member
    )
    return here(request, queue)


@require_POST
@page(allows("work.label"), by=placing.enter)
def claim(request: MemberRequest, queue: str) -> HttpResponse:
    """Take the next task, or that very one, where she had begun it when her time ended."""
    found, annotator = place_of(request, queue)
    task = _begun(request, found, annotator)
    try:
        served = leasing.claim(queue_id=found.pk, annotator=annotator, by=request.member, task_id=task)
    except entering.AcknowledgementNeeded as refusal:
        return redirect(_changes(request, found, refusal))
    except entering.QuizNeeded:
        return redirect("annotation:quiz", project=request.project.key, queue=found.key)
    except (sitting.AlreadyQualified, sitting.NoSittingLeft) as refusal:
        messages.warning(request, refusal.message)
        return redirect("workforce:qualify", project=request.project.key, queue=found.key)
    except entering.NotQualified as refusal:
        if not refusal.details["tests"]:
            raise
        messages.warning(request, refusal.message)
        return redirect("workforce:qualify", project=request.project.key, queue=refusal.details["tests"][0])
    except (excluding.ExposureCap, onboarding.PathHeld) as refusal:
        messages.warning(request, refusal.message)
        return here(request, queue)
    if served is None and task is None:
        messages.info(request, _("Nothing is left for you in this queue just now."))
    elif served is None:
        messages.info(
            request, _("That task wants no more answers just now. What you wrote is kept, for you alone.")
        )
    return here(request, queue)


def _begun(request: MemberRequest, queue: Queue, annotator: Annotator) -> int | None:
    """The task that she asks for by name: one that she has begun, since nobody picks what to work on."""
    named = request.POST.get("task")
    if not named:
        return None
    begun = {str(one.task_id): one.task_id for one in keeping.lapsed(annotator=annotator, queue=queue)}
    if named not in begun:
        raise Http404
    return begun[named]


def _changes(request: MemberRequest, queue: Queue, refusal: entering.AcknowledgementNeeded) -> str:
    """Where what changed is read and confirmed; from there the way leads back here."""
    number = versions.read(refusal.details["version"]).number
    way = reverse(
        "annotation:changes",
        kwargs={"project": request.project.key, "spec": queue.spec.key, "number": number},
    )
    return f"{way}?queue={queue.key}"


def here(request: MemberRequest, queue: str) -> HttpResponseRedirect:
    return redirect(reverse("annotation:label", kwargs={"project": request.project.key, "queue": queue}))


@require_POST
@page(allows("work.label"), by=placing.enter)
def submit(request: MemberRequest, queue: str, assignment: int) -> HttpResponse:
    """Answer, and claim the next task: in one statement where all is plain, else in one transaction."""
    found, annotator = place_of(request, queue)
    asked: dict[str, Any] = {
        "annotator": annotator,
        "assignment_id": assignment,
        "token": token_of(request),
        "answer": partial(labelling.answer, form=request.POST),
        "client_key": labelling.client_key(token_of(request)),
        "by": request.member,
    }
    try:
        plain = submitting.submit_plain(**asked, claim_next=True)
        if plain is None:
            return _submit(request, found, annotator, assignment, asked)
    except BadAnswer as error:
        return _again(
            request, found, annotator, assignment, labelling.errors_by_question(error), labelling.said(error)
        )
    except submitting.VersionChanged as refusal:
        return _again(request, found, annotator, assignment, {}, refusal.message, changed=refusal.details)
    except Invalid as refusal:
        errors = {str(p["where"]).removeprefix("question "): [p["message"]] for p in refusal.problems}
        return _again(request, found, annotator, assignment, errors, refusal.message)
    if plain.next is None:
        claim_next(found, annotator, request)
    fresh = revising.Fresh(assignment, open=not plain.settled)
    return _after(request, found, annotator, assignment, plain.receipt, plain.next, fresh)


def _submit(
    request: MemberRequest, queue: Queue, annotator: Annotator, assignment: int, asked: dict[str, Any]
) -> HttpResponse:
    """The long way: an answer that came before, one that is late, one that needs more than a look."""
    slot = (
        Assignment.objects.select_related("task__item").filter(project=request.project, pk=assignment).first()
    )
    if slot is None:
        raise Http404
    known = Annotation.objects.filter(
        annotator=annotator, client_key=asked["client_key"], source=Source.LIVE
    ).first()
    if known is not None:
        told = judging.feedback(assignment_id=assignment, annotator=annotator)
        before = submitting.Receipt("counted", known.pk, known.task_id, queue.pk, "", feedback=told)
        return _after(request, queue, annotator, assignment, before)
    version = versions.read(
        slot.version_id if slot.version_id and slot.annotator_id == annotator.pk else _version(queue)
    )
    answer = asked["answer"](version=version, payload=slot.task.item.payload)
    with transaction.atomic():
        receipt = submitting.submit(**{**asked, "answer": answer})
        claim_next(queue, annotator, request)
    return _after(request, queue, annotator, assignment, receipt)


def _version(queue: Queue) -> int:
    assert queue.version_id is not None
    return queue.version_id


def claim_next(queue: Queue, annotator: Annotator, request: MemberRequest) -> None:
    """A refusal to claim does not undo the answer."""
    try:
        with transaction.atomic():
            leasing.claim(queue_id=queue.pk, annotator=annotator, by=request.member)
    except Refusal as refusal:
        messages.info(request, refusal.message)


def _after(
    request: MemberRequest,
    queue: Queue,
    annotator: Annotator,
    assignment: int,
    receipt: submitting.Receipt,
    served: leasing.Served | None = None,
    fresh: revising.Fresh | None = None,
) -> HttpResponse:
    """What follows an answer: *served*, or whatever she holds. *fresh* is the answer, where it was a plain one."""
    if receipt.outcome == "late":
        messages.warning(
            request, _("Your time on that task had run out. Your answer is kept, but it does not count.")
        )
    held = [served] if served else leasing.held(annotator=annotator, queue_id=queue.pk)
    if not request.headers.get("HX-Request"):
        if not held:
            messages.info(request, _("That was the last task that waits for you here."))
        passed = _way(queue, annotator)
        if passed is not None and not passed.progress.stage:
            messages.success(
                request, _("You are through.") + " " + _("From now on your answers count like everybody's.")
            )
        way = here(request, queue.key)
        if receipt.feedback or queue.predictions == Predictions.AFTER:
            way["Location"] += f"?after={assignment}"
        return way
    return show(
        request,
        queue,
        annotator,
        held[0] if held else None,
        ended=not held,
        fresh=fresh,
        told=receipt.feedback,
        revealed=_revealed(queue, annotator, assignment),
    )


def _again(
    request: MemberRequest,
    queue: Queue,
    annotator: Annotator,
    assignment: int,
    errors: dict[str, list[str]],
    message: str,
    **more: Any,
) -> HttpResponse:
    """The same task with what was written and what is wrong with it; the lease stays."""
    held = leasing.held(annotator=annotator, queue_id=queue.pk, assignment_id=assignment)
    if not held:
        return here(request, queue.key)
    return show(request, queue, annotator, held[0], request.POST, errors, refused=message, **more)


def token_of(request: MemberRequest) -> UUID:
    try:
        return UUID(request.POST.get("token", ""))
    except ValueError as error:
        raise Http404 from error


@require_POST
@page(allows("work.label"), by=placing.enter)
def renew(request: MemberRequest, queue: str, assignment: int) -> HttpResponse:
    """Keep the lease while the page is in use; a refusal is no news until the answer is sent."""
    queue_of(request, queue)
    try:
        leasing.renew(assignment_id=assignment, annotator=annotator_of(request), token=token_of(request))
    except Refusal:
        return HttpResponse(status=204)
    return HttpResponse(status=204)
