"""Disputes and rulings by REST; the transitions are the pages' own."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import (
    adjudicating,
    choosing,
    comparing_leads,
    deferring,
    reading_first,
    reopening,
    ruling_alike,
    seconding,
    shadowing,
    sides,
    splitting,
)
from annotation.api import shapes
from annotation.models import Deferral, Dispute, DisputeState, Ruling
from specs import versions
from specs.access import allows, get_or_404, permissions_of
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.refusals import Invalid, WrongState
from workforce import limiting, staffing
from workforce.api.base import lease
from workforce.api.shapes import LeaseShape
from workforce.models import Annotator, Assignment, Queue

ASKED = [
    OpenApiParameter("queue", str, description="Of one queue, by its key."),
    OpenApiParameter("clause", str, description="Whose answers cite one clause, by its key."),
    OpenApiParameter("pair", str, description="Between two labels, as `pair` says it."),
    OpenApiParameter("alike", str, description="All that look like one another, by their `likeness`."),
]


_STATES = {
    "open": (DisputeState.OPEN, DisputeState.PROBE, DisputeState.SECOND),
    "decided": (DisputeState.DECIDED, DisputeState.PROBED, DisputeState.SECONDED),
    "returned": (DisputeState.RETURNED,),
}


class Disputes(ApiView):
    policies = {"get": allows("dispute.read")}

    @operation(
        "List disputes, newest first",
        gives=shapes.DisputeList,
        name="disputes_list",
        parameters=[*PAGING, OpenApiParameter("state", str, enum=["open", "decided", "returned"])],
    )
    def get(self, request: Request, project: str) -> Response:
        rows = shadowing.visible_to(self.member, Dispute.objects.filter(project=self.project))
        if (state := request.query_params.get("state")) is not None:
            if state not in _STATES:
                raise Invalid("The state is open, decided or returned.")
            rows = rows.filter(state__in=_STATES[state])
        rows = rows.select_related("task__item", "task__queue")
        found, before = self.page(rows, request)
        return Response({"disputes": shapes.DisputeShape(found, many=True).data, "next_before": before})


class DisputesOpen(ApiView):
    policies = {"get": allows("dispute.read")}

    @operation(
        "List open disputes in the order in which they should be decided: worst first, or oldest first",
        gives=shapes.DisputeLine,
        name="disputes_open",
        parameters=[
            OpenApiParameter("order", str, enum=list(choosing.ORDERS)),
            *ASKED,
            OpenApiParameter("after", str, description="`next_after` of the page before."),
            PAGING[1],
        ],
    )
    def get(self, request: Request, project: str) -> Response:
        self.choice(request, "order", choosing.ORDERS)
        asked = choosing.Asked.of(self.project, request.query_params)
        limit = self.number(request, "limit", settings.PAGE_SIZE, low=1, high=settings.MAX_PAGE_SIZE)
        after = request.query_params.get("after", "")
        found = choosing.open_of(
            member=self.member, project=self.project, asked=asked, limit=limit + 1, after=after
        )
        shown = found[:limit]
        last = asked.mark(shown[-1]) if len(found) > limit else None
        return Response({"disputes": shapes.DisputeShape(shown, many=True).data, "next_after": last})


class DisputeNext(ApiView):
    policies = {"post": allows("dispute.decide")}

    @operation(
        "Claim the next dispute in an order, if one is free",
        gives=shapes.NextDispute,
        name="dispute_next",
        parameters=[OpenApiParameter("order", str, enum=list(choosing.ORDERS)), *ASKED],
    )
    def post(self, request: Request, project: str) -> Response:
        self.choice(request, "order", choosing.ORDERS)
        asked = choosing.Asked.of(self.project, request.query_params)
        annotator = staffing.annotator_for(member=self.member)
        with limiting.within(bearer=self.bearer, annotator=annotator):
            found = choosing.take_next(member=self.member, project=self.project, asked=asked)
        if found is None:
            return Response({"dispute": None, "lease": None})
        return Response({"dispute": shapes.DisputeShape(found[0]).data, "lease": lease(found[1])})


class DisputeView(ApiView):
    def dispute(self) -> Dispute:
        return shadowing.get(member=self.member, project=self.project, number=self.kwargs["dispute"])

    def lease_of(self, dispute: Dispute) -> int | None:
        """The caller's slot of its work."""
        slots = Assignment.objects.filter(task=dispute.work_id, annotator__member=self.member)
        return slots.values_list("pk", flat=True).first()

    def later(self, dispute: Dispute) -> int:
        """How many answers came after the ruling that stands; none where she may not see it."""
        if dispute.shown_state == DisputeState.OPEN or seconding.hides(dispute, self.member):
            return 0
        ruling = Ruling.objects.filter(dispute=dispute).order_by("-pk").first()
        return adjudicating.stale(ruling) if ruling else 0


class DisputeOne(DisputeView):
    policies = {"get": allows("dispute.read")}

    @operation(
        "See one dispute with its competing answers, without names",
        gives=shapes.DisputeWhole,
        name="dispute_read",
    )
    def get(self, request: Request, project: str, dispute: int) -> Response:
        found = self.dispute()
        version = versions.read(adjudicating.version_id(found))
        hidden = reading_first.hides(found, self.lease_of(found))
        there = {
            question: [
                {
                    "value": side.value,
                    "describe": side.describe,
                    "answers": side.letters,
                    "citations": side.citations,
                    "fixes": side.fixes,
                    "quick": side.quick,
                }
                for side in groups
            ]
            for question, groups in ({} if hidden else sides.of(found, version)).items()
        }
        return Response(
            {
                **shapes.DisputeShape(found).data,
                "payload": found.task.item.payload,
                "sides": there,
                "declined": {} if hidden else sides.declined(found),
                "hidden": hidden,
                "later": self.later(found),
                "deferrals": shapes.DeferralShape(
                    Deferral.objects.filter(dispute=found).select_related("queue", "person").order_by("pk"),
                    many=True,
                ).data,
            }
        )


class DisputeClaim(DisputeView):
    policies = {"post": allows("dispute.decide")}

    @operation("Claim the work on a dispute", gives=LeaseShape, name="dispute_claim")
    def post(self, request: Request, project: str, dispute: int) -> Response:
        found = self.dispute()
        if found.work is None or found.shown_state != DisputeState.OPEN:
            raise Invalid("There is no open work on this dispute.")
        annotator = staffing.annotator_for(member=self.member)
        staffing.enrol(queue=found.work.queue, annotator=annotator, by=self.member)
        with limiting.within(bearer=self.bearer, annotator=annotator):
            served = adjudicating.take(dispute=found, annotator=annotator, by=self.member)
        return Response(lease(served))


class DisputeRule(DisputeView):
    policies = {"post": allows("dispute.decide")}

    @operation(
        "Rule on a dispute", takes=shapes.RulingIn, gives=shapes.RulingOut, status=201, name="dispute_rule"
    )
    def post(self, request: Request, project: str, dispute: int) -> Response:
        body = self.body(shapes.RulingIn, request)
        ruling = adjudicating.rule(
            dispute=self.dispute(),
            annotator=staffing.annotator_for(member=self.member),
            assignment_id=body["assignment"],
            token=body["token"],
            values=body["values"],
            cause=body["cause"],
            clause_key=body["clause"],
            reason=body["reason"],
            precedent=body["precedent"],
            gold=body["gold"],
            cannot=body["cannot"],
            plural=body["plural"],
            split=splitting.Split(**body["split"]) if body["split"] else None,
            by=self.member,
        )
        return Response({"ruling": ruling.pk, "dispute": ruling.dispute_id}, status=201)


class DisputeFirst(DisputeView):
    policies = {"post": allows("dispute.decide")}

    @operation(
        "Say what you think of an independent dispute, before you see the answers",
        takes=shapes.FirstIn,
        gives=shapes.FirstOut,
        status=201,
        name="dispute_first",
    )
    def post(self, request: Request, project: str, dispute: int) -> Response:
        body = self.body(shapes.FirstIn, request)
        said = reading_first.read(
            dispute=self.dispute(),
            annotator=staffing.annotator_for(member=self.member),
            assignment_id=body["assignment"],
            token=body["token"],
            values=body["values"],
            cannot=body["cannot"],
            by=self.member,
        )
        return Response(shapes.FirstOut(said).data, status=201)


class DisputeDefer(DisputeView):
    policies = {"post": allows("dispute.decide")}

    @operation(
        "Do not decide: back for more answers, or on to a queue or a person",
        takes=shapes.DeferIn,
        gives=shapes.DeferralShape,
        status=201,
        name="dispute_defer",
    )
    def post(self, request: Request, project: str, dispute: int) -> Response:
        body = self.body(shapes.DeferIn, request)
        terms = {
            "dispute": self.dispute(),
            "annotator": staffing.annotator_for(member=self.member),
            "assignment_id": body["assignment"],
            "token": body["token"],
            "reason": body["reason"],
            "by": self.member,
        }
        if body["more"] is not None:
            made = deferring.ask_more(n=body["more"], **terms)
        else:
            made = deferring.escalate(
                queue=get_or_404(Queue, project=self.project, key=body["queue"]) if body["queue"] else None,
                person=get_or_404(Annotator, project=self.project, pseudonym=body["person"])
                if body["person"]
                else None,
                **terms,
            )
        return Response(shapes.DeferralShape(made).data, status=201)


class DisputeReopen(DisputeView):
    policies = {"post": allows("dispute.decide")}

    @operation(
        "Open a dispute again, since an answer came after its ruling",
        takes=shapes.ReopenIn,
        gives=shapes.ReopeningOut,
        status=201,
        name="dispute_reopen",
    )
    def post(self, request: Request, project: str, dispute: int) -> Response:
        body = self.body(shapes.ReopenIn, request)
        made = reopening.reopen(dispute=self.dispute(), reason=body["reason"], by=self.member)
        return Response(shapes.ReopeningOut(made).data, status=201)


class DisputeAlike(DisputeView):
    policies = {"get": allows("dispute.decide"), "post": allows("dispute.decide")}

    @operation("List open disputes that look the same", gives=shapes.AlikeOut, name="dispute_alike")
    def get(self, request: Request, project: str, dispute: int) -> Response:
        found = ruling_alike.alike(dispute=self.dispute(), member=self.member, project=self.project)
        return Response({"disputes": shapes.DisputeShape(found, many=True).data})

    @operation(
        "Rule on disputes that look the same as you ruled on this one, each on its own record",
        takes=shapes.AlikeIn,
        gives=shapes.RuledAlike,
        name="dispute_rule_alike",
    )
    def post(self, request: Request, project: str, dispute: int) -> Response:
        body = self.body(shapes.AlikeIn, request)
        found = self.dispute()
        rows = Ruling.objects.select_related("clause", "dispute").filter(dispute=found, by=self.member)
        ruling = rows.order_by("-pk").first()
        if ruling is None:
            raise WrongState("You have not ruled on this dispute.")
        done = ruling_alike.rule(ruling=ruling, disputes=body["disputes"], member=self.member)
        return Response(
            {
                "done": [
                    {
                        "dispute": one.dispute.pk,
                        "ruling": one.ruling.pk if one.ruling else None,
                        "refusal": one.refusal,
                    }
                    for one in done
                ]
            }
        )


class Leads(ApiView):
    policies = {"get": allows("dispute.decide")}

    @operation(
        "How leads decide: on known disputes, beside a second lead, before and after seeing the answers",
        gives=shapes.LeadsOut,
        name="leads_read",
    )
    def get(self, request: Request, project: str) -> Response:
        every = "people.manage" in permissions_of(self.member)
        only = None if every else staffing.annotator_for(member=self.member)
        found = comparing_leads.read(project=self.project, only=only)
        return Response(
            {
                "between": found.between.as_dict(),
                "beyond_chance": [
                    {"question": one.title, "alpha": one.alpha.with_n()} for one in found.beyond
                ],
                "leads": [
                    {
                        "lead": one.annotator.pseudonym,
                        "rulings": one.n_rulings,
                        "known": one.known.as_dict(),
                        "seconded": one.seconded.as_dict(),
                        "as_read": one.as_read.as_dict(),
                        "appeals": one.n_appealed,
                        "reversed": one.n_reversed,
                    }
                    for one in found.people
                ],
            }
        )
