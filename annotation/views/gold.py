"""The gold of a queue: its spec's known answers with their health, candidates to decide on, one answer, and the people."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation import goldreading, nominating, presenting
from specs.access import MemberRequest, allows, get_or_404, page
from specs.paging import newest_first
from specs.refusals import Invalid
from workforce import goldkeeping, judging, retiring
from workforce.forms.gold import BringInForm, FindForm
from workforce.intervals import share
from workforce.models import Enrolment, GoldState, Judgement, KnownAnswer, Queue
from workforce.views.queues import queue_of

_JUDGEMENTS = 50


def _crumbs(request: MemberRequest, queue: Queue, *, below: bool = True) -> list[tuple[str, str]]:
    start = f"/p/{request.project.key}/queues/"
    found = [(_("Queues"), start), (queue.name, f"{start}{queue.key}/")]
    return [*found, (_("Gold"), f"{start}{queue.key}/gold/")] if below else found


def _known(request: MemberRequest, queue: Queue, number: int) -> KnownAnswer:
    rows = KnownAnswer.objects.select_related("item", "decided_by__user")
    return get_or_404(rows, project=request.project, spec=queue.spec, pk=number)


@require_GET
@page(allows("gold.manage"))
def gold(request: MemberRequest, queue: str) -> HttpResponse:
    """The known answers, filtered by state, clause and label; candidates can be ticked and decided upon together."""
    found = queue_of(request, queue)
    chosen = {name: request.GET.get(name, "")[:200] for name in ("state", "clause", "label")}
    if "state" not in request.GET:
        chosen["state"] = GoldState.IN_USE.value
    try:
        rows = goldreading.listed(found.spec, **chosen)
    except Invalid as error:
        raise Http404 from error
    shown, further = newest_first(request, rows)
    counts = goldreading.counts(found.spec)
    questions = goldreading.newest_questions(found.spec)
    return render(
        request,
        "annotation/gold.html",
        {
            "queue": found,
            "rows": goldreading.described(found.spec, shown),
            "next": further,
            "chosen": chosen,
            "filtered": any(chosen[name] for name in ("clause", "label")),
            "states": [(state.value, state.label, counts[state]) for state in GoldState],
            "n_known": sum(counts.values()),
            "labels": {
                label["value"]: label.get("title") or label["value"]
                for question in questions.values()
                for label in question["labels"]
            },
            "clauses": found.spec.clauses.order_by("key").values_list("key", flat=True),
            "tiles": _tiles(found, counts),
            "find": FindForm(),
            "crumbs": _crumbs(request, found, below=False),
        },
    )


def _tiles(queue: Queue, counts: dict[str, int]) -> list[dict[str, Any]]:
    gold = judging.judged(purpose="gold", queue=queue, flagged=nominating.flagged(queue.project_id))
    again = judging.self_agreement(queue=queue, enough_from=queue.gold_verdict_from)
    right = share(gold.filter(right=True).count(), gold.count(), enough_from=queue.gold_verdict_from)
    return [
        {"title": _("In use"), "value": counts[GoldState.IN_USE]},
        {"title": _("Candidates"), "value": counts[GoldState.CANDIDATE]},
        _figure(_("Gold answered right here"), right),
        _figure(_("Repeats answered alike here"), again),
    ]


def _figure(title: str, found: Any) -> dict[str, Any]:
    if not found.enough:
        return {"title": title, "value": "–", "note": _("too few to say (n = %(n)d)") % {"n": found.n}}
    note = _("%(low).0f to %(high).0f %%, n = %(n)d") % {
        "low": 100 * found.low,
        "high": 100 * found.high,
        "n": found.n,
    }
    return {"title": title, "value": f"{100 * (found.value or 0):.0f} %", "note": note}


@require_GET
@page(allows("gold.manage"))
def people(request: MemberRequest, queue: str) -> HttpResponse:
    """How each annotator does: against what is known, against herself, against the others."""
    found = queue_of(request, queue)
    rows = Enrolment.objects.filter(queue=found, active=True).select_related("annotator")
    shown, further = newest_first(request, rows)
    return render(
        request,
        "annotation/gold_people.html",
        {
            "queue": found,
            "rows": goldreading.people(found, shown),
            "next": further,
            "crumbs": _crumbs(request, found),
        },
    )


@require_GET
@page(allows("gold.manage"))
def one(request: MemberRequest, queue: str, known: int) -> HttpResponse:
    """One known answer: its item, why it is right, how it does, and who answered what."""
    found = queue_of(request, queue)
    answer = _known(request, found, known)
    return render(
        request,
        "annotation/gold_one.html",
        {
            "queue": found,
            "row": goldreading.described(found.spec, [answer])[0],
            "fields": presenting.fields(answer.item.payload, declared=request.project.item_fields),
            "rules": retiring.rules(found.spec),
            "judgements": [
                (
                    judgement,
                    goldreading.in_words(
                        goldreading.newest_questions(found.spec).get(answer.question), judgement.value
                    ),
                )
                for judgement in Judgement.objects.filter(known=answer)
                .select_related("annotator", "queue")
                .order_by("-pk")[:_JUDGEMENTS]
            ],
            "crumbs": _crumbs(request, found),
        },
    )


@require_http_methods(["GET", "POST"])
@page(allows("gold.manage"))
def bring_in(request: MemberRequest, queue: str) -> HttpResponse:
    """A file of known answers; a bad row refuses it, with line and reason."""
    found = queue_of(request, queue)
    form = BringInForm(request.POST or None, request.FILES or None)
    problems: list[dict[str, Any]] = []
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        if upload.size > settings.MAX_DOCUMENT_BYTES:
            form.add_error(
                "file", _("The file is larger than %(n)d bytes.") % {"n": settings.MAX_DOCUMENT_BYTES}
            )
        else:
            try:
                done = goldkeeping.bring_in(
                    spec=found.spec, source=upload.file, name=upload.name, by=request.member
                )
            except Invalid as refusal:
                form.add_error(None, refusal.message)
                problems = refusal.problems
            else:
                messages.success(
                    request,
                    _("%(new)d new known answers, %(known)d known already, %(items)d new items.")
                    % {"new": done.n_new, "known": done.n_known + done.n_confirmed, "items": done.n_items},
                )
                return redirect("annotation:gold", project=request.project.key, queue=found.key)
    return render(
        request,
        "annotation/gold_bring_in.html",
        {"queue": found, "form": form, "problems": problems, "crumbs": _crumbs(request, found)},
        status=422 if form.errors else 200,
    )


@require_POST
@page(allows("gold.manage"))
def find(request: MemberRequest, queue: str) -> HttpResponse:
    """Look for candidates among unanimous tasks, or among rulings."""
    found = queue_of(request, queue)
    form = FindForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("Ask for 2 to 50 equal answers and for 1 to 2000 candidates."))
    limit = form.cleaned_data["limit"]
    if request.POST.get("source") == goldkeeping.RULING:
        n = nominating.from_rulings(spec=found.spec, limit=limit, by=request.member)
    else:
        n = nominating.from_unanimous(
            spec=found.spec, least=form.cleaned_data["least"], limit=limit, by=request.member
        )
    messages.info(request, _("%(n)d new candidates.") % {"n": n})
    return _candidates(request, found)


def _candidates(request: MemberRequest, queue: Queue) -> HttpResponse:
    where = redirect("annotation:gold", project=request.project.key, queue=queue.key)
    where["Location"] += "?state=candidate"
    return where


@require_POST
@page(allows("gold.manage"))
def decide(request: MemberRequest, queue: str) -> HttpResponse:
    """Confirm or decline the ticked candidates."""
    found = queue_of(request, queue)
    ids = [
        int(one) for one in request.POST.getlist("known") if one.isascii() and one.isdigit() and len(one) < 19
    ]
    if not ids:
        messages.warning(request, _("Tick at least one candidate."))
    elif request.POST.get("decision") == "confirm":
        n = goldkeeping.confirm(spec=found.spec, ids=ids, by=request.member)
        messages.success(request, _("%(n)d are in use now.") % {"n": n})
    elif request.POST.get("decision") == "decline":
        n = goldkeeping.decline(spec=found.spec, ids=ids, by=request.member)
        messages.success(request, _("%(n)d declined.") % {"n": n})
    else:
        raise Http404
    return _candidates(request, found)


@require_POST
@page(allows("gold.manage"))
def explain(request: MemberRequest, queue: str, known: int) -> HttpResponse:
    found = queue_of(request, queue)
    goldkeeping.explain(
        known=_known(request, found, known),
        explanation=request.POST.get("explanation", ""),
        by=request.member,
    )
    messages.success(request, _("Kept."))
    return redirect("annotation:gold-one", project=request.project.key, queue=found.key, known=known)


@require_POST
@page(allows("gold.manage"))
def set_aside(request: MemberRequest, queue: str, known: int) -> HttpResponse:
    found = queue_of(request, queue)
    goldkeeping.set_aside(
        known=_known(request, found, known), reason=request.POST.get("reason", ""), by=request.member
    )
    messages.success(request, _("It is served no more."))
    return redirect("annotation:gold-one", project=request.project.key, queue=found.key, known=known)
