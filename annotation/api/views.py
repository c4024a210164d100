"""Agreement and relabelling by REST; the transitions are the pages' own."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import jobs, relabelling
from annotation.api import shapes
from annotation.models import RelabelPlan
from specs import running
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.shapes import JobShape
from specs.api.views import PAGING
from specs.models import Spec
from workforce.api.base import version_of
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


_PLANS = ("queue", "relabel_queue", "from_version", "to_version")


class Plans(ApiView):
    policies = {"get": allows("spec.read"), "post": allows("spec.publish")}

    @operation(
        "List relabelling plans, newest first", gives=shapes.PlanList, parameters=PAGING, name="plans_list"
    )
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(
            RelabelPlan.objects.filter(project=self.project).select_related(*_PLANS), request
        )
        return Response({"plans": shapes.PlanShape(rows, many=True).data, "next_before": before})

    @operation(
        "List what a version touches, per queue",
        takes=shapes.Propose,
        gives=shapes.Proposed,
        status=201,
        name="plans_propose",
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(shapes.Propose, request)
        version = version_of(
            get_or_404(Spec.objects.select_related("project"), project=self.project, key=body["spec"]),
            body["version"],
        )
        made = [plan.pk for plan in relabelling.propose_all(version=version, by=self.member)]
        rows = RelabelPlan.objects.filter(pk__in=made).select_related(*_PLANS).order_by("pk")
        return Response({"plans": shapes.PlanShape(rows, many=True).data}, status=201)


class PlanConfirm(ApiView):
    policies = {"post": allows("spec.publish")}

    @operation(
        "Confirm a plan: relabel the affected, carry the rest",
        takes=shapes.Confirm,
        gives=shapes.CarryOut,
        name="plan_confirm",
    )
    def post(self, request: Request, project: str, plan: int) -> Response:
        found = get_or_404(RelabelPlan, project=self.project, pk=plan)
        carry = relabelling.confirm(plan=found, by=self.member, **self.body(shapes.Confirm, request))
        found = RelabelPlan.objects.select_related("relabel_queue").get(pk=found.pk)
        return Response(
            {
                "n_carried": carry.n_carried,
                "n_affected": len(carry.exceptions),
                "relabel_queue": found.relabel_queue.key if found.relabel_queue else None,
            }
        )
