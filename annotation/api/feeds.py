"""Items, answers, resolutions and events for pipelines: pages, or with `Accept: application/x-ndjson` one stream of lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import orjson
from django.conf import settings
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import feeding
from specs.access import allows
from specs.api.base import ApiView
from specs.api.schema import operation

NDJSON = "application/x-ndjson"
AFTER = [
    OpenApiParameter(
        "after", str, description="The cursor of the last row that you have; without it, from the beginning."
    ),
    OpenApiParameter("limit", int, description="Rows at the most; a stream without it goes to the end."),
]


class LinesRenderer(BaseRenderer):
    """Makes the media type one that may be asked for. What is rendered here is a refusal, one line of it."""

    media_type, format, charset = NDJSON, "ndjson", None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return JSONRenderer().render(data) + b"\n" if data is not None else b""


class FedItem(serializers.Serializer[Any]):
    cursor = serializers.CharField()
    id = serializers.IntegerField()
    item = serializers.CharField(help_text="Its key.")
    item_revision = serializers.IntegerField()
    payload = serializers.JSONField()
    digest = serializers.CharField()
    sensitive = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class _OfTask(serializers.Serializer[Any]):
    cursor = serializers.CharField()
    id = serializers.IntegerField()
    item = serializers.CharField(help_text="Its key.")
    item_revision = serializers.IntegerField()
    task = serializers.IntegerField()
    queue = serializers.CharField()
    spec = serializers.CharField()
    version = serializers.CharField()
    revision = serializers.IntegerField(help_text="A correction is the next revision; the newest counts.")
    cannot = serializers.CharField(help_text="Why the item cannot be labelled; else empty.")


class FedAnswer(_OfTask):
    annotator = serializers.CharField(help_text="A pseudonym.")
    values = serializers.JSONField()
    citations = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    flagged = serializers.BooleanField()
    confidence = serializers.IntegerField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]  # a field of the row
    answered_at = serializers.DateTimeField()


class FedResolution(_OfTask):
    question = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    basis = serializers.CharField()
    distribution = serializers.JSONField()
    rule = serializers.CharField()
    ruling = serializers.IntegerField(allow_null=True)
    resolved_at = serializers.DateTimeField()


class FedEvent(serializers.Serializer[Any]):
    cursor = serializers.CharField()
    position = serializers.IntegerField(help_text="Its place in the sealed ledger.")
    id = serializers.IntegerField()
    kind = serializers.CharField()
    subject = serializers.CharField()
    subject_id = serializers.IntegerField()
    by = serializers.IntegerField(allow_null=True, help_text="A member's number; null: the system.")
    data = serializers.JSONField()  # type: ignore[assignment]  # a field of the row
    at = serializers.DateTimeField()


def _page_of(row: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    fields = {"rows": row(many=True), "next_after": serializers.CharField(allow_null=True)}
    return type(f"{row.__name__}Page", (serializers.Serializer,), fields)


class Feed(ApiView):
    feed: ClassVar[str]
    renderer_classes = [JSONRenderer, LinesRenderer]

    def give(self, request: Request) -> HttpResponseBase:
        after = feeding.read_cursor(request.query_params.get("after", ""))
        if request.accepted_renderer.media_type == NDJSON:
            most = self.number(request, "limit", 0, low=1, high=2**53) or None
            rows = feeding.stream(self.feed, project=self.project, after=after, limit=most)
            return StreamingHttpResponse(_lines(rows), content_type=NDJSON)
        limit = self.number(request, "limit", settings.PAGE_SIZE, low=1, high=settings.MAX_PAGE_SIZE)
        found = feeding.page(self.feed, project=self.project, after=after, limit=limit + 1)
        shown = found[:limit]
        return Response(
            {
                "rows": [{"cursor": row.cursor, **orjson.loads(row.json)} for row in shown],
                "next_after": shown[-1].cursor if len(found) > limit else None,
            }
        )


def _lines(rows: Iterable[feeding.Row]) -> Iterator[bytes]:
    """Many lines at a time: one by one, sending them would cost more than reading them."""
    lines: list[str] = []
    for row in rows:
        lines.append(f'{{"cursor":"{row.cursor}",{row.json[1:]}\n')
        if len(lines) == 200:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


def _described(summary: str, row: type[serializers.Serializer[Any]], name: str) -> Any:
    streamed = {(200, NDJSON): OpenApiTypes.BINARY}
    return operation(summary, gives=_page_of(row), also=streamed, parameters=AFTER, name=name)


class FeedOfItems(Feed):
    policies = {"get": allows("queue.read")}
    feed = "items"

    @_described("Items in the order in which they came", FedItem, "feed_items")
    def get(self, request: Request, project: str) -> HttpResponseBase:
        return self.give(request)


class FeedOfAnswers(Feed):
    policies = {"get": allows("snapshot.read")}
    feed = "answers"

    @_described("Answers under pseudonyms, in the order of the ledger", FedAnswer, "feed_answers")
    def get(self, request: Request, project: str) -> HttpResponseBase:
        return self.give(request)


class FeedOfResolutions(Feed):
    policies = {"get": allows("snapshot.read")}
    feed = "resolutions"

    @_described("What tasks ended with, in the order of the ledger", FedResolution, "feed_resolutions")
    def get(self, request: Request, project: str) -> HttpResponseBase:
        return self.give(request)


class FeedOfEvents(Feed):
    policies = {"get": allows("webhook.manage")}
    feed = "events"

    @_described("The sealed ledger", FedEvent, "feed_events")
    def get(self, request: Request, project: str) -> HttpResponseBase:
        return self.give(request)
