"""The priority of a queue's tasks by REST."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows
from specs.api.schema import operation
from specs.refusals import Invalid
from workforce import reordering
from workforce.api import shapes
from workforce.api.base import QueueView
from workforce.models import Task, TaskState


class Prioritise(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation(
        "Give open tasks a priority: named ones, or all whose item has a value in a field",
        takes=shapes.PrioritiseIn,
        gives=shapes.Prioritised,
        name="queue_prioritise",
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        found, body = self.queue(), self.body(shapes.PrioritiseIn, request)
        tasks = body["tasks"]
        if body["items"]:
            if tasks:
                raise Invalid("Name tasks, or items.")
            rows = Task.objects.filter(queue=found, item__key__in=body["items"], state=TaskState.OPEN)
            tasks = list(rows.values_list("pk", flat=True))
            if not tasks:
                return Response({"tasks": 0, "job": None})
        done = reordering.prioritise(
            queue=found,
            priority=body["priority"],
            tasks=tasks,
            field=body["field"],
            value=body["value"],
            by=self.member,
        )
        return Response({"tasks": done.n_tasks, "job": done.job.pk if done.job else None})
