"""Where the rows of a load go, by REST."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.schema import operation
from workforce import directing
from workforce.api import shapes
from workforce.api.base import QueueView
from workforce.models import Direction, Queue, Skill


class Directions(QueueView):
    policies = {"get": allows("queue.read"), "post": allows("queue.manage")}

    @operation(
        "List the rules that send loaded items elsewhere, in their order",
        gives=shapes.DirectionList,
        name="directions_list",
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        rows = Direction.objects.filter(queue=self.queue()).select_related("target", "skill")
        return Response({"directions": shapes.DirectionShape(rows, many=True).data})

    @operation(
        "Add a rule after the others",
        takes=shapes.NewDirection,
        gives=shapes.DirectionShape,
        status=201,
        name="direction_add",
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        body = self.body(shapes.NewDirection, request)
        target, skill = body.pop("target"), body.pop("skill")
        rule = directing.add(
            queue=self.queue(),
            target=get_or_404(Queue, project=self.project, key=target) if target else None,
            skill=get_or_404(Skill, project=self.project, key=skill) if skill else None,
            by=self.member,
            **body,
        )
        return Response(shapes.DirectionShape(rule).data, status=201)


class DirectionOne(QueueView):
    policies = {"delete": allows("queue.manage")}

    @operation("Take a rule away", status=204, name="direction_remove")
    def delete(self, request: Request, project: str, queue: str, direction: int) -> Response:
        directing.remove(
            rule=get_or_404(Direction, project=self.project, queue=self.queue(), pk=direction), by=self.member
        )
        return Response(status=204)
