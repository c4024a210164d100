"""Claims and leases by REST."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows
from specs.api.hot import HotView
from specs.api.schema import operation
from workforce import batching, entering, leasing
from workforce.api import shapes
from workforce.api.base import WorkView, lease, queue_id_of


class Claim(HotView, WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Claim the next task of a queue, or with n up to so many at once",
        takes=shapes.ClaimIn,
        gives=PolymorphicProxySerializer(
            "Claimed", [shapes.LeaseShape, shapes.BatchShape], resource_type_field_name=None
        ),
        also={204: None},
        name="queue_claim",
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        # a claim without a body comes with any media type, or none
        plain = request.content_type.partition(";")[0] != "application/json"
        status, reply = self.answer({}, {} if plain else self.body(shapes.ClaimIn, request))
        return Response(reply, status=status)

    def shaped(self, data: dict[str, Any]) -> dict[str, Any] | None:
        n = data.get("n", 1)
        return data if type(n) is int and n >= 1 else None

    def answer(self, data: dict[str, Any], given: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        known: dict[str, Any] = {
            "queue_id": queue_id_of(self.project.pk, self.kwargs["queue"]),
            "annotator": self.annotator(),
            "bearer": self.bearer,
        }
        try:
            if (n := given.get("n")) is not None:
                batch = batching.claim_many(**known, n=n)
                return 200, {"leases": [lease(served) for served in batch.leases], "short": batch.short}
            served = batching.claim_one(**known)
        except entering.NotEnrolled as refusal:
            # Annotators may not read queues, so they are told of one only by being enrolled in it.
            raise Http404 from refusal
        return (200, lease(served)) if served else (204, None)


class ClaimFirst(WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Claim the next task of whichever of your queues comes first",
        gives=shapes.LeaseShape,
        also={204: None},
        name="claim_first",
    )
    def post(self, request: Request, project: str) -> Response:
        served = batching.claim_first(annotator=self.annotator(), bearer=self.bearer)
        return Response(lease(served)) if served else Response(status=204)


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
