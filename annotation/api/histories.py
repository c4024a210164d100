"""Labels made elsewhere, by REST: a Label Studio export as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import histories
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.parsers import DocumentParser
from specs.api.schema import operation
from specs.models import Job, Spec

_CHUNK = 2**18


class HistoryIn(serializers.Serializer[Any]):
    control = serializers.CharField(help_text="The control of the export that became the question.")
    n_items = serializers.IntegerField(help_text="New ones.")
    n_annotators = serializers.IntegerField()
    n_labels = serializers.IntegerField()
    n_repeats = serializers.IntegerField(help_text="Second labels of one person for an item; left out.")
    report = serializers.ListField(
        child=serializers.CharField(), help_text="How it was mapped, and what had no place here."
    )


class HistoryJob(serializers.Serializer[Any]):
    job = serializers.IntegerField()


class History(ApiView):
    policies = {"post": allows("queue.manage")}
    parser_classes = [DocumentParser]

    @operation(
        "Bring in labels made elsewhere: the annotations of a Label Studio export",
        takes={"application/octet-stream": OpenApiTypes.BINARY},
        gives=HistoryIn,
        status=201,
        also={202: OpenApiResponse(HistoryJob, description="A job takes them.")},
        name="history_bring_in",
        parameters=[
            OpenApiParameter("control", str, description="Which control, where the export has several."),
            OpenApiParameter("sensitive", bool, description="Blur the items until asked for."),
        ],
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        done = histories.receive(
            spec=get_or_404(Spec.objects.select_related("project"), project=self.project, key=spec),
            chunks=_chunks(request.data),
            control=request.query_params.get("control", ""),
            sensitive=request.query_params.get("sensitive") in ("1", "true"),
            by=self.member,
        )
        if isinstance(done, Job):
            return Response({"job": done.pk}, status=202)
        return Response(vars(done), status=201)


def _chunks(stream: Any) -> Iterator[bytes]:
    """The body as it comes in; an empty one is a mapping."""
    while not isinstance(stream, dict) and (data := stream.read(_CHUNK)):
        yield data
