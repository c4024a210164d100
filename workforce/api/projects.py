"""A project that works like another, by REST."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows
from specs.api.base import ApiView
from specs.api.schema import operation
from workforce import cloning
from workforce.api import shapes


class ProjectClone(ApiView):
    policies = {"post": allows("project.manage")}

    @operation(
        "Clone the project: its rules, specs and queues",
        takes=shapes.ProjectCloneIn,
        gives=shapes.ProjectCloneOut,
        status=201,
        name="project_clone",
    )
    def post(self, request: Request, project: str) -> Response:
        made = cloning.clone_project(
            source=self.project, by=self.member, **self.body(shapes.ProjectCloneIn, request)
        )
        return Response({"key": made.key, "name": made.name}, status=201)
