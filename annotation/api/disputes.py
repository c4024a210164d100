"""Disputes and rulings by REST; the transitions are the pages' own."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import adjudicating, choosing, shadowing, sides
from annotation.api import shapes
from annotation.models import Dispute, DisputeState
from specs import versions
from specs.access import allows
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.refusals import Invalid
from workforce import limiting, staffing
from workforce.api.base import lease
from workforce.api.shapes import LeaseShape

ASKED = [
    OpenApiParameter("queue", str, description="Of one queue, by its key."),
    OpenApiParameter("clause", str, description="Whose answers cite one clause, by its key."),
    OpenApiParameter("pair", str, description="Between two labels, as `pair` says it."),
    OpenApiParameter("alike", str, description="All that look like one another, by their `likeness`."),
]


class Disputes(ApiView):
    policies = {"get": allows("dispute.read")}

    @operation(
        "List disputes, newest first",
        gives=shapes.DisputeList,
        name="disputes_list",
        parameters=[*PAGING, OpenApiParameter("state", str, enum=["open", "decided"])],
    )
    def get(self, request: Request, project: str) -> Response:
        rows = shadowing.visible_to(self.member, Dispute.objects.filter(project=self.project))
        if (state := request.query_params.get("state")) is not None:
            if state not in ("open", "decided"):
                raise Invalid("The state is open or decided.")
            shadow = DisputeState.PROBE if state == "open" else DisputeState.PROBED
            rows = rows.filter(state__in=[state, shadow])
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
            for question, groups in sides.of(found, version).items()
        }
        return Response(
            {
                **shapes.DisputeShape(found).data,
                "payload": found.task.item.payload,
                "sides": there,
                "declined": sides.declined(found),
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
            by=self.member,
        )
        return Response({"ruling": ruling.pk, "dispute": ruling.dispute_id}, status=201)
