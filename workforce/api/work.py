"""Claims and leases by REST."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows
from specs.api.hot import HotView
from specs.api.schema import operation
from workforce import entering, leasing
from workforce.api import shapes
from workforce.api.base import WorkView, lease, queue_id_of


class Claim(HotView, WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Claim the next task of a queue", gives=shapes.LeaseShape, also={204: None}, name="queue_claim"
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        status, reply = self.answer({}, {})
        return Response(reply, status=status)

    def shaped(self, data: dict[str, Any]) -> dict[str, Any] | None:
        return {}

    def answer(self, data: dict[str, Any], given: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        try:
            served = leasing.claim(
                queue_id=queue_id_of(self.project.pk, self.kwargs["queue"]),
                annotator=self.annotator(),
                by=self.member,
            )
        except entering.NotEnrolled as refusal:
            # Annotators may not read queues, so they are told of one only by being enrolled in it.
            raise Http404 from refusal
        return (200, lease(served)) if served else (204, None)


class Leases(WorkView):
    policies = {"get": allows("work.label")}

    @operation("List the leases you hold", gives=shapes.LeaseList, name="leases_list")
    def get(self, request: Request, project: str) -> Response:
        return Response({"leases": [lease(served) for served in leasing.held(annotator=self.annotator())]})


class Renew(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Renew a lease", takes=shapes.Renewal, gives=shapes.Renewed, name="lease_renew")
    def post(self, request: Request, project: str, assignment: int) -> Response:
        body = self.body(shapes.Renewal, request)
        until = leasing.renew(assignment_id=assignment, annotator=self.annotator(), token=body["token"])
        return Response({"lease_until": until})


class ReleaseOne(WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Hand a task back, without harm: it may come again",
        takes=shapes.Release,
        status=204,
        name="lease_release",
    )
    def post(self, request: Request, project: str, assignment: int) -> Response:
        body = self.body(shapes.Release, request)
        leasing.release(
            assignment_id=assignment,
            annotator=self.annotator(),
            token=body["token"],
            by=self.member,
        )
        return Response(status=204)
