"""Items in by REST, streamed; their loads, and what can be done with one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.parsers import CsvParser, DocumentParser, RowsParser
from specs.api.schema import example, operation
from specs.refusals import Invalid
from workforce import likening, loading, replacing, row_files, signalling, undoing
from workforce.api import shapes
from workforce.api.base import QueueView
from workforce.models import Load, LoadState

_CHUNK = 2**18
_FLAGS = ("keep_good_rows", "sensitive", "near", "updates")


LOADED: dict[str, Any] = {
    "id": 12,
    "source": "rest.jsonl",
    "form": "jsonl",
    "state": "loaded",
    "options": {},
    "digest": "sha256:16bd717456a737e1b1edadea12acd7a6931ed0c2f1ee82166738f9a412d274bb",
    "n_rows": 2,
    "n_new": 2,
    "n_known": 0,
    "n_bad": 0,
    "n_same": 0,
    "n_near": 0,
    "n_left_out": 0,
    "n_replaced": 0,
    "n_gone": 0,
    "directed": {},
    "problems": [],
    "job": None,
    "loaded_at": "2026-01-31T12:00:00Z",
}


class Items(QueueView):
    policies = {"post": allows("queue.manage")}
    parser_classes = [RowsParser, CsvParser, DocumentParser]

    @operation(
        "Load items into a queue: JSON Lines, CSV, or any form as application/octet-stream with its name, each also as gzip",
        takes={
            "application/x-ndjson": OpenApiTypes.BINARY,
            "text/csv": OpenApiTypes.BINARY,
            "application/octet-stream": OpenApiTypes.BINARY,
        },
        gives=shapes.LoadShape,
        status=201,
        also={202: OpenApiResponse(shapes.LoadShape, description="A job loads it; ask for the load.")},
        name="queue_load",
        parameters=[
            OpenApiParameter("form", str, enum=list(row_files.FORMS)),
            OpenApiParameter(
                "twins", str, enum=list(likening.TWINS), description="Items that repeat another one."
            ),
            *(OpenApiParameter(name, bool) for name in _FLAGS),
            OpenApiParameter(
                "signals",
                bool,
                description="Signals from production: rows say happened_at, reason, selection_probability and, if they expire, "
                "expires_at. What they do not say, the parameters below say.",
            ),
            OpenApiParameter("signal_source", str, description="Where they come from; else the name."),
            OpenApiParameter("signal_reason", str),
            OpenApiParameter("signal_probability", float, description="Above 0, at most 1."),
            OpenApiParameter("signal_hours", float, description="They expire so long after they happened."),
        ],
        examples=[
            OpenApiExample(
                "Two items",
                request_only=True,
                media_type="application/x-ndjson",
                value='{"key": "item-1", "text": "Thanks a lot."}\n{"key": "item-2", "text": "Go away."}\n',
            ),
            example("Loaded", LOADED, 201),
        ],
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        csv = (request.content_type or "").startswith("text/csv")
        form = request.query_params.get("form") or ("csv" if csv else "jsonl")
        options: dict[str, Any] = {name: True for name in _FLAGS if self.flag(request, name)}
        options |= _of_signals(request, flagged=self.flag(request, "signals"))
        if twins := request.query_params.get("twins"):
            options["twins"] = twins
        load = loading.receive(
            project=self.project,
            queue=self.queue(),
            chunks=_chunks(request.data),
            name=f"rest.{form}",
            form=form,
            by=self.member,
            **options,
        )
        return Response(shapes.LoadShape(load).data, status=202 if load.state == LoadState.READING else 201)


def _of_signals(request: Request, *, flagged: bool) -> dict[str, Any]:
    """What the address says of signals. Raises `Invalid` where a number is none."""
    said: dict[str, Any] = {
        name: request.query_params[name] for name in signalling.OPTIONS if request.query_params.get(name)
    }
    try:
        for name in ("signal_probability", "signal_hours"):
            if name in said:
                said[name] = float(said[name])
    except ValueError as error:
        raise Invalid("The probability and the hours of signals are numbers.") from error
    said.pop("signals", None)
    return {**said, **({"signals": True} if flagged else {})}


def _chunks(stream: Any) -> Iterator[bytes]:
    """The body as it comes in; an empty one is a mapping."""
    while not isinstance(stream, dict) and (data := stream.read(_CHUNK)):
        yield data


class ItemsWithdraw(ApiView):
    policies = {"post": allows("queue.manage")}

    @operation(
        "Withdraw items that their source has no more: tombstones, by key",
        takes=shapes.ItemsWithdrawIn,
        gives=shapes.ItemsWithdrawOut,
        name="items_withdraw",
    )
    def post(self, request: Request, project: str) -> Response:
        """Their open tasks go, answers and labels stay on record, the next snapshot is without them. Harmless to repeat."""
        body = self.body(shapes.ItemsWithdrawIn, request)
        done = replacing.withdraw(project=self.project, keys=body["keys"], note=body["note"], by=self.member)
        return Response(shapes.ItemsWithdrawOut(done).data)


class Loads(QueueView):
    policies = {"get": allows("queue.read")}

    @operation("List what came into a queue, newest first", gives=shapes.LoadList, name="loads_list")
    def get(self, request: Request, project: str, queue: str) -> Response:
        rows, following = self.page(Load.objects.filter(queue=self.queue()), request)
        return Response({"loads": shapes.LoadShape(rows, many=True).data, "next_before": following})


class Signals(QueueView):
    policies = {"get": allows("queue.read")}

    @operation(
        "How fresh signals from production are when they are answered, and how many expired unused, by source and reason",
        gives=shapes.SignalList,
        name="queue_signals",
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        return Response({"signals": signalling.freshness(queue=self.queue())})


class _LoadView(ApiView):
    def load(self) -> Load:
        return get_or_404(
            Load.objects.select_related("project", "queue", "job"),
            project=self.project,
            pk=self.kwargs["load"],
        )

    def shown(self) -> Response:
        return Response(shapes.LoadShape(self.load()).data)


class LoadOne(_LoadView):
    policies = {"get": allows("queue.read")}

    @operation("See one load: how far it is, what came of it", gives=shapes.LoadShape, name="load_read")
    def get(self, request: Request, project: str, load: int) -> Response:
        return self.shown()


class LoadTwins(_LoadView):
    policies = {"get": allows("queue.read")}

    @operation("The items of a load that repeat another one", gives=shapes.TwinList, name="load_twins")
    def get(self, request: Request, project: str, load: int) -> Response:
        rows, following = self.page(self.load().twins.all(), request)
        return Response({"twins": shapes.TwinShape(rows, many=True).data, "next_before": following})


class LoadCancel(_LoadView):
    policies = {"post": allows("queue.manage")}

    @operation("Stop a load; it can be taken up again", gives=shapes.LoadShape, name="load_cancel")
    def post(self, request: Request, project: str, load: int) -> Response:
        loading.cancel(load=self.load(), by=self.member)
        return self.shown()


class LoadResume(_LoadView):
    policies = {"post": allows("queue.manage")}

    @operation("Take up a load that was stopped", gives=shapes.LoadShape, name="load_resume")
    def post(self, request: Request, project: str, load: int) -> Response:
        loading.resume(load=self.load(), by=self.member)
        return self.shown()


class LoadUndo(_LoadView):
    policies = {"post": allows("queue.manage")}

    @operation("Undo a load of which nothing is held or answered", gives=shapes.LoadShape, name="load_undo")
    def post(self, request: Request, project: str, load: int) -> Response:
        undoing.undo(load=self.load(), by=self.member)
        return self.shown()


class LoadWithdraw(_LoadView):
    policies = {"post": allows("queue.manage")}

    @operation(
        "Withdraw the unfinished tasks of a load; answers stay", gives=shapes.LoadShape, name="load_withdraw"
    )
    def post(self, request: Request, project: str, load: int) -> Response:
        undoing.withdraw(load=self.load(), by=self.member)
        return self.shown()
