"""What models said, by REST: brought in as a stream, and their series against the labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import foretold
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.parsers import CsvParser, DocumentParser, RowsParser
from specs.api.schema import example, operation
from specs.models import Job, Spec
from workforce import predicting, row_files

_CHUNK = 2**18


class SeriesShape(serializers.Serializer[Any]):
    model = serializers.CharField()
    model_version = serializers.CharField()
    question = serializers.CharField()
    n = serializers.IntegerField(help_text="Predictions.")
    n_compared = serializers.IntegerField(help_text="Of these on items that ended with a label.")
    n_right = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval (Wilson).")
    high = serializers.FloatField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True, help_text="Mean on the compared items.")


class SeriesList(serializers.Serializer[Any]):
    series = SeriesShape(many=True)


class PredictionsIn(serializers.Serializer[Any]):
    n_rows = serializers.IntegerField()
    n_new = serializers.IntegerField()
    n_known = serializers.IntegerField()
    models = serializers.DictField(child=serializers.IntegerField(), help_text="Rows by model and version.")
    left_out = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Of an export of Label Studio or Argilla: what has no place here.",
    )


class PredictionsJob(serializers.Serializer[Any]):
    job = serializers.IntegerField()


class Predictions(ApiView):
    policies = {"get": allows("agreement.read"), "post": allows("queue.manage")}
    parser_classes = [RowsParser, CsvParser, DocumentParser]

    def spec(self) -> Spec:
        return get_or_404(
            Spec.objects.select_related("project"), project=self.project, key=self.kwargs["spec"]
        )

    @operation(
        "How far models agree with the labels",
        gives=SeriesList,
        name="predictions_series",
        examples=[
            example(
                "One model",
                {
                    "series": [
                        {
                            "model": "bert-3",
                            "model_version": "2026-01",
                            "question": "tone",
                            "n": 400,
                            "n_compared": 380,
                            "n_right": 342,
                            "share": 0.9,
                            "low": 0.866,
                            "high": 0.926,
                            "confidence": 0.93,
                        }
                    ]
                },
            )
        ],
    )
    def get(self, request: Request, project: str, spec: str) -> Response:
        return Response({"series": SeriesShape(foretold.series(spec=self.spec()), many=True).data})

    @operation(
        "Bring in what a model said of items",
        takes={
            "application/x-ndjson": OpenApiTypes.BINARY,
            "text/csv": OpenApiTypes.BINARY,
            "application/octet-stream": OpenApiTypes.BINARY,
        },
        gives=PredictionsIn,
        status=201,
        also={202: OpenApiResponse(PredictionsJob, description="A job takes them.")},
        name="predictions_bring_in",
        parameters=[
            OpenApiParameter("model", str, description="Where rows name none."),
            OpenApiParameter("model_version", str, description="Where rows name none."),
            OpenApiParameter("form", str, enum=list(row_files.FORMS)),
        ],
        examples=[
            OpenApiExample(
                "Two rows",
                request_only=True,
                media_type="application/x-ndjson",
                value='{"key": "item-1", "value": "rude", "confidence": 0.9}\n{"key": "item-2", "value": "kind"}\n',
            ),
            example(
                "Brought in",
                {
                    "n_rows": 2,
                    "n_new": 2,
                    "n_known": 0,
                    "models": {"bert-3": 2},
                    "left_out": {"score outside [0, 1]": 1},
                },
                201,
            ),
        ],
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        form = request.query_params.get("form", "")
        csv = form == "csv" or (request.content_type or "").startswith("text/csv")
        ending = "csv" if csv else {"parquet": "parquet", "label-studio": "json"}.get(form, "jsonl")
        done = predicting.receive(
            spec=self.spec(),
            chunks=_chunks(request.data),
            name=f"rest.{ending}",
            model=request.query_params.get("model", ""),
            model_version=request.query_params.get("model_version", ""),
            by=self.member,
        )
        if isinstance(done, Job):
            return Response({"job": done.pk}, status=202)
        return Response(vars(done), status=201)


def _chunks(stream: Any) -> Iterator[bytes]:
    """The body as it comes in; an empty one is a mapping."""
    while not isinstance(stream, dict) and (data := stream.read(_CHUNK)):
        yield data
