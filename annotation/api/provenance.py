"""By REST: two snapshots compared, what is behind a row, training runs, and what changed upstream."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import contrasting, registering, timeline, tracing
from annotation.api import snapshot_examples as examples
from annotation.models import Snapshot, TrainingRun
from specs import running
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.shapes import JobShape
from specs.api.views import PAGING
from specs.models import JobState
from specs.refusals import WrongState


class Contrasted(serializers.Serializer[Any]):
    old = serializers.DictField()
    new = serializers.DictField()
    items = serializers.DictField(child=serializers.IntegerField())
    added = serializers.ListField(child=serializers.CharField(), help_text="Keys of the first of them.")
    removed = serializers.ListField(child=serializers.CharField(), help_text="Keys of the first of them.")
    questions = serializers.ListField(child=serializers.DictField())


class Traced(serializers.Serializer[Any]):
    snapshot = serializers.DictField()
    row = serializers.DictField(help_text="The row with every column, answers under pseudonyms.")
    clauses = serializers.ListField(child=serializers.DictField())
    since = serializers.ListField(
        child=serializers.DictField(), help_text="What the spec changed since the label was decided."
    )
    history = serializers.ListField(
        child=serializers.DictField(), help_text="Answers, settlements and rulings."
    )
    runs = serializers.ListField(child=serializers.DictField())


class RunIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    commit = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    trained_on = serializers.ListField(
        child=serializers.CharField(max_length=16), required=False, default=list, max_length=3
    )
    metrics = serializers.DictField(child=serializers.FloatField(), required=False, default=dict)


class RunShape(serializers.ModelSerializer[TrainingRun]):
    snapshot = serializers.IntegerField(source="snapshot_id")
    digest = serializers.CharField(source="snapshot.digest")

    class Meta:
        model = TrainingRun
        fields = ("id", "name", "commit", "snapshot", "digest", "trained_on", "metrics", "registered_at")


class RunList(serializers.Serializer[Any]):
    runs = RunShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class TimelineEntry(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    position = serializers.IntegerField(allow_null=True, help_text="None while it is not sealed.")
    kind = serializers.CharField()
    group = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]


class Timeline(serializers.Serializer[Any]):
    events = TimelineEntry(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class ContrastJob(serializers.Serializer[Any]):
    job = JobShape()


def _snapshot(view: ApiView, name: str = "snapshot") -> Snapshot:
    rows = Snapshot.objects.select_related("version", "version__spec", "project")
    return get_or_404(rows, project=view.project, pk=view.kwargs[name])


class SnapshotContrast(ApiView):
    policies = {"get": allows("snapshot.read"), "post": allows("snapshot.build")}

    @operation(
        "Compare two snapshots: added, removed, changed labels by cause and clause",
        gives=Contrasted,
        name="snapshots_compare",
        parameters=[OpenApiParameter("as", enum=["json", "markdown"], description="The same as Markdown.")],
        also={(200, "text/markdown"): OpenApiTypes.STR},
        examples=[examples.CONTRASTED],
    )
    def get(self, request: Request, project: str, snapshot: int, other: int) -> HttpResponseBase:
        """Large ones are compared in a job: `POST` here, and `GET` again when it is done; until then it is 409."""
        old, new = _snapshot(self), _snapshot(self, "other")
        if contrasting.at_once(old, new):
            told = contrasting.as_dict(contrasting.contrast(old, new))
        else:
            job = contrasting.done_in_job(old, new)
            if job is None or job.state != JobState.DONE:
                raise WrongState("These are compared in a job: POST here, and ask again when it is done.")
            told = job.result
        if self.choice(request, "as", ["json", "markdown"]) == "markdown":
            return HttpResponse(contrasting.as_markdown(told), content_type="text/markdown; charset=utf-8")
        return Response(told)

    @operation(
        "Compare two snapshots in a job",
        gives=ContrastJob,
        status=202,
        name="snapshots_compare_in_job",
        examples=[examples.CONTRAST_JOB],
    )
    def post(self, request: Request, project: str, snapshot: int, other: int) -> Response:
        old, new = _snapshot(self), _snapshot(self, "other")
        contrasting.at_once(old, new)
        job = running.start(
            project=self.project,
            kind=contrasting.JOB,
            arguments={"old": old.pk, "new": new.pk},
            by=self.member,
        )
        job.refresh_from_db()
        return Response({"job": JobShape(job).data}, status=202)


class SnapshotTrace(ApiView):
    policies = {"get": allows("snapshot.read")}

    @operation(
        "See everything behind one row",
        gives=Traced,
        name="snapshot_trace",
        parameters=[OpenApiParameter("key", required=True, description="The item's key.")],
        examples=[examples.TRACED],
    )
    def get(self, request: Request, project: str, snapshot: int) -> Response:
        key = request.query_params.get("key", "")
        if not key or "\x00" in key:
            raise ValidationError({"key": ["is the key of an item"]})
        return Response(tracing.trace(_snapshot(self), key))


class SnapshotRuns(ApiView):
    policies = {"get": allows("snapshot.read"), "post": allows("snapshot.build")}

    @operation(
        "List the training runs of a snapshot",
        gives=RunList,
        parameters=PAGING,
        name="runs_of_snapshot",
        examples=[examples.RUNS],
    )
    def get(self, request: Request, project: str, snapshot: int) -> Response:
        rows, before = self.page(_snapshot(self).runs.select_related("snapshot"), request)
        return Response({"runs": RunShape(rows, many=True).data, "next_before": before})

    @operation(
        "Register a training run against a snapshot",
        takes=RunIn,
        gives=RunShape,
        status=201,
        name="run_register",
        examples=[
            examples.REGISTERED,
            OpenApiExample(
                "A run",
                value={
                    "name": "bert-17",
                    "commit": "4f2a9c1",
                    "trained_on": ["train"],
                    "metrics": {"f1": 0.91},
                },
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request, project: str, snapshot: int) -> Response:
        body = self.body(RunIn, request)
        run = registering.register(snapshot=_snapshot(self), by=self.member, **body)
        return Response(RunShape(run).data, status=201)


class Runs(ApiView):
    policies = {"get": allows("snapshot.read")}

    @operation(
        "List all training runs, newest first",
        gives=RunList,
        parameters=PAGING,
        name="runs_list",
        examples=[examples.RUNS],
    )
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(
            TrainingRun.objects.filter(project=self.project).select_related("snapshot"), request
        )
        return Response({"runs": RunShape(rows, many=True).data, "next_before": before})


class TimelineView(ApiView):
    policies = {"get": allows("snapshot.read")}

    @operation(
        "See what changed upstream of the labels, newest first",
        gives=Timeline,
        parameters=[*PAGING, OpenApiParameter("group", enum=list(timeline.GROUPS))],
        name="timeline_read",
        examples=[examples.TIMELINE],
    )
    def get(self, request: Request, project: str) -> Response:
        group = request.query_params.get("group", "")
        if group and group not in timeline.GROUPS:
            raise ValidationError({"group": [f"is one of: {', '.join(timeline.GROUPS)}"]})
        rows, before = self.page(timeline.events(self.project, group), request)
        entries = TimelineEntry(timeline.told(self.project, rows), many=True).data
        return Response({"events": entries, "next_before": before})
