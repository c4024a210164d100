"""Suspensions and appeals by REST. A suspended member has no token, so she appeals on her page."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.models import Appeal, Suspension
from workforce import suspending
from workforce.api import standing_shapes as shapes


class Suspensions(ApiView):
    policies = {"get": allows("people.manage")}

    @operation(
        "List suspensions with who, why and how they ended",
        gives=shapes.SuspensionList,
        parameters=PAGING,
        name="suspensions_list",
    )
    def get(self, request: Request, project: str) -> Response:
        rows = (
            Suspension.objects.filter(project=self.project)
            .select_related("by__user")
            .prefetch_related("ends")
        )
        found, before = self.page(rows, request)
        return Response({"suspensions": shapes.SuspensionShape(found, many=True).data, "next_before": before})


def _rows() -> Any:
    return Appeal.objects.select_related("suspension__by__user", "decided_by__user").prefetch_related(
        "texts", "suspension__ends"
    )


class Appeals(ApiView):
    policies = {"get": allows("people.manage")}

    @operation("List appeals", gives=shapes.AppealList, parameters=PAGING, name="appeals_list")
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(_rows().filter(project=self.project), request)
        return Response({"appeals": shapes.AppealShape(rows, many=True).data, "next_before": before})


class AppealDecide(ApiView):
    policies = {"post": allows("people.manage")}

    @operation(
        "Decide an appeal", takes=shapes.AppealDecision, gives=shapes.AppealShape, name="appeal_decide"
    )
    def post(self, request: Request, project: str, appeal: int) -> Response:
        found = get_or_404(Appeal, project=self.project, pk=appeal)
        suspending.decide(appeal=found, by=self.member, **self.body(shapes.AppealDecision, request))
        return Response(shapes.AppealShape(_rows().get(pk=found.pk)).data)
