"""Claims and leases by REST."""

from __future__ import annotations

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows
from specs.api.schema import operation
from workforce import leasing
from workforce.api import shapes
from workforce.api.base import WorkView, lease
from workforce.models import Queue


class Claim(WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Claim the next task of a queue", gives=shapes.LeaseShape, also={204: None}, name="queue_claim"
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        served = leasing.claim(queue_id=self._queue_id(), annotator=self.annotator(), by=self.member)
        return Response(lease(served)) if served else Response(status=204)

    def _queue_id(self) -> int:
        """Annotators may not read queues, so they are told of one only by being enrolled in it."""
        found = (
            Queue.objects.filter(
                project_id=self.project.pk,
                key=self.kwargs["queue"],
                enrolments__annotator__member_id=self.member.pk,
                enrolments__active=True,
            )
            .values_list("pk", flat=True)
            .first()
        )
        if found is None:
            raise Http404
        return found


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
