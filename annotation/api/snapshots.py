"""Snapshots by REST: build, read the manifest, download files by range, verify."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import jobs
from annotation.api import snapshot_examples as examples
from annotation.api import snapshot_shapes as shapes
from annotation.downloading import download
from annotation.models import Snapshot, SnapshotFile
from specs import equating, running
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.deprecating import Deprecation
from specs.api.schema import operation
from specs.api.shapes import JobShape
from specs.api.views import PAGING
from specs.models import Spec
from workforce.api.base import version_of
from workforce.models import Queue


class Snapshots(ApiView):
    policies = {"get": allows("snapshot.read"), "post": allows("snapshot.build")}

    @operation(
        "List snapshots, newest first",
        gives=shapes.SnapshotList,
        parameters=PAGING,
        name="snapshots_list",
        examples=[examples.LISTED],
    )
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(
            Snapshot.objects.filter(project=self.project).select_related("version"), request
        )
        return Response({"snapshots": shapes.SnapshotShape(rows, many=True).data, "next_before": before})

    @operation(
        "Build a snapshot in a job",
        takes=shapes.SnapshotIn,
        gives=shapes.SnapshotStarted,
        status=202,
        name="snapshots_build",
        examples=[examples.STARTED],
    )
    def post(self, request: Request, project: str) -> Response:
        from annotation import exporting

        body = self.body(shapes.SnapshotIn, request)
        version = version_of(
            get_or_404(Spec.objects.select_related("project"), project=self.project, key=body["spec"]),
            body["version"],
        )
        queues = [
            get_or_404(Queue, project=self.project, key=key, spec_id=version.spec_id)
            for key in body["queues"]
        ]
        snapshot = exporting.request(
            project=self.project,
            version=version,
            name=body["name"],
            queues=queues,
            position=body["position"],
            terms=shapes.SnapshotIn().terms(body),
            by=self.member,
        )
        job = running.start(
            project=self.project, kind=jobs.BUILD, arguments={"snapshot": snapshot.pk}, by=self.member
        )
        job.refresh_from_db()
        snapshot = Snapshot.objects.select_related("version").get(pk=snapshot.pk)
        return Response(
            {"snapshot": shapes.SnapshotShape(snapshot).data, "job": JobShape(job).data}, status=202
        )


class SnapshotView(ApiView):
    looked_at: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        self.looked_at = get_or_404(
            Snapshot.objects.select_related("version", "version__spec", "project").prefetch_related("files"),
            project=self.project,
            pk=self.kwargs["snapshot"],
        )
        return self.looked_at

    def deprecation(self) -> Deprecation | None:
        """Since a newer version of its spec means something else; a snapshot stays all the same."""
        if self.looked_at is None:
            return None
        version = self.looked_at.version
        newer = equating.next_meaning(spec_id=version.spec_id, meaning=version.meaning or 0)
        if newer is None or newer.published_at is None:
            return None
        path = f"/api/v1/projects/{self.project.key}/specs/{version.spec.key}/versions/{newer.number}"
        return Deprecation(newer.published_at, link=path, rel="successor-version")


class SnapshotOne(SnapshotView):
    policies = {"get": allows("snapshot.read")}

    @operation(
        "See one snapshot with its manifest",
        gives=shapes.SnapshotWhole,
        name="snapshot_read",
        examples=[examples.WHOLE],
    )
    def get(self, request: Request, project: str, snapshot: int) -> Response:
        return Response(shapes.SnapshotWhole(self.snapshot()).data)


class SnapshotVerify(SnapshotView):
    policies = {"get": allows("snapshot.read")}

    @operation(
        "Recompute every digest of a snapshot",
        gives=shapes.Verified,
        name="snapshot_verify",
        examples=[examples.VERIFIED],
    )
    def get(self, request: Request, project: str, snapshot: int) -> Response:
        from annotation import exporting

        faults = exporting.verify(self.snapshot())
        return Response({"intact": not faults, "faults": faults})


class SnapshotDownload(SnapshotView):
    policies = {"get": allows("snapshot.read")}

    @operation(
        "Download a file, whole or by range",
        gives=OpenApiTypes.BINARY,
        media="*/*",
        name="snapshot_download",
        also={(206, "*/*"): OpenApiTypes.BINARY, 416: OpenApiResponse(description="The range lies outside.")},
    )
    def get(self, request: Request, project: str, snapshot: int, name: str) -> HttpResponseBase:
        file = get_or_404(SnapshotFile, project=self.project, snapshot=self.snapshot(), name=name)
        return download(request, file)
