"""What a project asks of its members by REST: reading what changed, and its rules for making law."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from specs import acknowledging, governing
from specs.access import allows
from specs.api import strict
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import SpecView
from specs.models import Acknowledgement, Project
from specs.refusals import Invalid


class AcknowledgementIn(serializers.Serializer[Any]):
    digest = serializers.CharField(max_length=80, help_text="Of the version that was read.")


class AcknowledgementOut(serializers.ModelSerializer[Acknowledgement]):
    version = serializers.CharField(source="version.number")

    class Meta:
        model = Acknowledgement
        fields = ("version", "digest", "changed", "acknowledged_at")


class Acknowledge(SpecView):
    policies = {"post": allows("spec.read")}

    @operation(
        "Confirm that one has read what a version changes",
        takes=AcknowledgementIn,
        gives=AcknowledgementOut,
        name="version_acknowledge",
    )
    def post(self, request: Request, project: str, spec: str, number: str) -> Response:
        made = acknowledging.acknowledge(
            member=self.member, version=self.version(number), **self.body(AcknowledgementIn, request)
        )
        return Response(AcknowledgementOut(made).data)


class ProjectShape(serializers.ModelSerializer[Project]):
    class Meta:
        model = Project
        fields = ("key", *governing.SETTINGS)
        read_only_fields = ("key",)


class ProjectSettings(ApiView):
    policies = {"get": allows("spec.read"), "patch": allows("project.manage")}

    @operation("How the project makes law", gives=ProjectShape, name="project_read")
    def get(self, request: Request, project: str) -> Response:
        return Response(ProjectShape(self.project).data)

    @operation("Change the project's settings", takes=ProjectShape, gives=ProjectShape, name="project_change")
    def patch(self, request: Request, project: str) -> Response:
        if not isinstance(request.data, dict):
            raise ValidationError({"body": ["must be an object"]})
        shape = ProjectShape(self.project, data=request.data, partial=True)
        unknown = sorted(set(request.data) - set(governing.SETTINGS))
        if unknown:
            raise Invalid(f"A project has no setting {', '.join(unknown)[:200]}.")
        if wrong := dict(strict.problems(shape, request.data)):
            raise ValidationError(wrong)
        shape.is_valid(raise_exception=True)
        changed = governing.change_settings(project=self.project, by=self.member, **shape.validated_data)
        return Response(ProjectShape(changed).data)
