"""Pictures of clauses by REST."""

from __future__ import annotations

import io

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs import pictures, store
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.files import BINARY, body_of
from specs.api.parsers import DocumentParser
from specs.api.schema import operation
from specs.models import Picture


class PictureOut(serializers.ModelSerializer[Picture]):
    class Meta:
        model = Picture
        fields = ("digest", "media_type", "width", "height", "n_bytes")


class Pictures(ApiView):
    policies = {"post": allows("spec.edit")}
    parser_classes = [DocumentParser]

    @operation("Keep a picture for clauses", takes=BINARY, gives=PictureOut, status=201, name="picture_add")
    def post(self, request: Request, project: str) -> Response:
        data = body_of(request, settings.MAX_PICTURE_BYTES)
        picture = pictures.add(project=self.project, source=io.BytesIO(data), by=self.member)
        return Response(PictureOut(picture).data, status=201)


class PictureOne(ApiView):
    policies = {"get": allows("spec.read")}

    @operation("A kept picture", gives=OpenApiTypes.BINARY, media="image/*", name="picture_read")
    def get(self, request: Request, project: str, digest: str) -> HttpResponse:
        found = get_or_404(Picture, project=self.project, digest=digest)
        with store.opened(found.digest) as source:
            reply = HttpResponse(source.read(), content_type=found.media_type)
        reply["X-Content-Type-Options"] = "nosniff"
        return reply
