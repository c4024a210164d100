"""Queues by REST: list, make, change, pause, put a version in force."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.models import Spec
from workforce import queues
from workforce.api import shapes
from workforce.api.base import QueueView, queue_rows, version_of


class Queues(ApiView):
    policies = {"get": allows("queue.read"), "post": allows("queue.manage")}

    @operation("List the queues with their counts", gives=shapes.QueueList, name="queues_list")
    def get(self, request: Request, project: str) -> Response:
        counted = queues.counts(project=self.project)
        rows = queue_rows().filter(project=self.project).order_by("key")
        return Response(
            {
                "queues": [
                    {**shapes.QueueShape(queue).data, "counts": counted.get(queue.pk, {})} for queue in rows
                ]
            }
        )

    @operation(
        "Create a queue", takes=shapes.NewQueue, gives=shapes.QueueShape, status=201, name="queues_create"
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(shapes.NewQueue, request)
        spec = get_or_404(Spec.objects.select_related("project"), project=self.project, key=body.pop("spec"))
        number = body.pop("version")
        queue = queues.create_queue(
            project=self.project,
            spec=spec,
            owner=self.member,
            by=self.member,
            version=version_of(spec, number) if number else None,
            **body,
        )
        return Response(shapes.QueueShape(queue).data, status=201)


class QueueOne(QueueView):
    policies = {"get": allows("queue.read"), "patch": allows("queue.manage")}

    @operation("See one queue", gives=shapes.QueueCounts, name="queue_read")
    def get(self, request: Request, project: str, queue: str) -> Response:
        found = self.queue()
        counted = queues.counts(project=self.project).get(found.pk, {})
        return Response({**shapes.QueueShape(found).data, "counts": counted})

    @operation(
        "Change a queue's settings", takes=shapes.QueueSettings, gives=shapes.QueueShape, name="queue_change"
    )
    def patch(self, request: Request, project: str, queue: str) -> Response:
        body = self.body(shapes.QueueSettings, request)
        return Response(
            shapes.QueueShape(queues.change_settings(queue=self.queue(), by=self.member, **body)).data
        )


class Pause(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation("Pause a queue", gives=shapes.QueueShape, name="queue_pause")
    def post(self, request: Request, project: str, queue: str) -> Response:
        return Response(shapes.QueueShape(queues.pause(queue=self.queue(), by=self.member)).data)


class Reopen(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation("Reopen a paused queue", gives=shapes.QueueShape, name="queue_reopen")
    def post(self, request: Request, project: str, queue: str) -> Response:
        return Response(shapes.QueueShape(queues.reopen(queue=self.queue(), by=self.member)).data)


class PutInForce(QueueView):
    policies = {"post": allows("spec.roll-back")}

    @operation(
        "Put a version in force", takes=shapes.InForce, gives=shapes.QueueShape, name="queue_put_in_force"
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        found = self.queue()
        body = self.body(shapes.InForce, request)
        moved = queues.put_in_force(
            queue=found,
            version=version_of(found.spec, body["version"]),
            in_progress=body["in_progress"],
            by=self.member,
        )
        return Response(shapes.QueueShape(moved).data)
