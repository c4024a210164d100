"""Pictures and sounds of items by REST."""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows
from specs.api.base import ApiView
from specs.api.files import body_of
from specs.api.parsers import DocumentParser
from specs.api.schema import operation
from specs.refusals import Invalid
from workforce import media as keeping
from workforce.views.media import served


class MediaOut(serializers.Serializer[Any]):
    name = serializers.CharField(help_text='What rows of items call it: `"media:<name>"`.')
    media = serializers.CharField(help_text="The digest of what is kept.")
    type = serializers.CharField()
    width = serializers.IntegerField(required=False, help_text="Pixels, upright.")
    height = serializers.IntegerField(required=False)
    seconds = serializers.FloatField(required=False, help_text="Of a WAV file.")


class MediaAll(ApiView):
    policies = {"post": allows("queue.manage")}
    parser_classes = [DocumentParser]

    @operation(
        "Keep a picture or a sound that items show, or all files of a ZIP",
        takes={"application/octet-stream": OpenApiTypes.BINARY},
        gives=MediaOut(many=True),
        status=201,
        name="media_add",
        parameters=[
            OpenApiParameter(
                "name", str, required=True, description="Its name; files of a ZIP keep their paths."
            ),
        ],
    )
    def post(self, request: Request, project: str) -> Response:
        name = request.query_params.get("name", "")
        data = body_of(
            request, settings.MAX_LOAD_BYTES if name.endswith(".zip") else settings.MAX_MEDIA_BYTES
        )
        if not data:
            raise Invalid("There is no file in the body.")
        made = keeping.add(project=self.project, source=io.BytesIO(data), name=name, by=self.member)
        return Response([{"name": row.name, **row.facts()} for row in made], status=201)


class MediaOne(ApiView):
    policies = {"get": allows("spec.read")}

    @operation("A kept picture or sound", gives=OpenApiTypes.BINARY, media="*/*", name="media_read")
    def get(self, request: Request, project: str, digest: str) -> HttpResponse:
        return served(digest, self.project, request.headers.get("Range", ""))
