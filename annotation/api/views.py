"""Agreement by REST; the transitions are the pages' own."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import jobs
from annotation.api import shapes
from specs import running
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.shapes import JobShape
from specs.models import Spec
from workforce.models import Queue


class Agreement(ApiView):
    policies = {"get": allows("agreement.read"), "post": allows("agreement.measure")}

    @operation(
        "The newest reports of a spec's questions",
        gives=OpenApiTypes.OBJECT,
        name="agreement_read",
        parameters=[OpenApiParameter("spec", str, required=True), OpenApiParameter("queue", str)],
    )
    def get(self, request: Request, project: str) -> Response:
        from annotation import measuring

        spec, queue = self._scope(request.query_params.get("spec", ""), request.query_params.get("queue"))
        return Response(
            {
                report.question: {
                    **report.numbers,
                    "measured_at": report.measured_at.isoformat(),
                    "meaning": report.meaning,
                }
                for report in measuring.newest_reports(spec=spec, queue=queue)
            }
        )

    @operation(
        "Measure agreement in a job",
        takes=shapes.MeasureIn,
        gives=JobShape,
        status=202,
        name="agreement_measure",
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(shapes.MeasureIn, request)
        spec, queue = self._scope(body["spec"], body["queue"])
        job = running.start(
            project=self.project,
            kind=jobs.MEASURE,
            by=self.member,
            arguments={"spec": spec.pk, "queue": queue.pk if queue else None},
        )
        job.refresh_from_db()
        return Response(JobShape(job).data, status=202)

    def _scope(self, spec: str, queue: str | None) -> tuple[Spec, Queue | None]:
        found = get_or_404(Spec, project=self.project, key=spec)
        return found, get_or_404(Queue, project=self.project, key=queue, spec=found) if queue else None
