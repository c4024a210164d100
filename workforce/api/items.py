"""Items in by REST, streamed."""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows
from specs.api.parsers import CsvParser, RowsParser
from specs.api.schema import operation
from specs.refusals import Invalid
from workforce import loading
from workforce.api import shapes
from workforce.api.base import QueueView


class Items(QueueView):
    policies = {"post": allows("queue.manage")}
    parser_classes = [RowsParser, CsvParser]

    @operation(
        "Load items (JSON Lines or CSV) into a queue",
        takes={"application/x-ndjson": OpenApiTypes.BINARY, "text/csv": OpenApiTypes.BINARY},
        gives=shapes.LoadShape,
        status=201,
        name="queue_load",
        parameters=[OpenApiParameter("keep_good_rows", bool), OpenApiParameter("sensitive", bool)],
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        csv = (request.content_type or "").startswith("text/csv")
        stream = request.data if not isinstance(request.data, dict) else io.BytesIO()
        load = loading.load(
            project=self.project,
            queue=self.queue(),
            source=_Capped(stream, settings.MAX_LOAD_BYTES),  # type: ignore[arg-type]
            name="rest.csv" if csv else "rest.jsonl",
            by=self.member,
            keep_good_rows=request.query_params.get("keep_good_rows") in ("1", "true"),
            sensitive=request.query_params.get("sensitive") in ("1", "true"),
        )
        return Response(shapes.LoadShape(load).data, status=201)


class _Capped:
    """A stream of lines that ends with a refusal beyond a limit."""

    def __init__(self, source: Any, limit: int) -> None:
        self.source, self.left = source, limit

    def readline(self, size: int = -1) -> bytes:
        return self._counted(self.source.readline(size) if size >= 0 else self.source.readline())

    def read(self, size: int = -1) -> bytes:
        return self._counted(self.source.read(size) if size >= 0 else self.source.read())

    def _counted(self, data: bytes) -> bytes:
        self.left -= len(data)
        if self.left < 0:
            raise Invalid(f"The file is larger than {settings.MAX_LOAD_BYTES} bytes; nothing was loaded.")
        return data
