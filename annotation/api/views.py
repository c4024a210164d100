"""Disputes, agreement and relabelling by REST; the transitions are the pages' own."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import adjudicating, jobs, relabelling, shadowing
from annotation.api import shapes
from annotation.models import Dispute, DisputeState, RelabelPlan
from specs import running, versions
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.shapes import JobShape
from specs.api.views import PAGING
from specs.models import Spec
from specs.refusals import Invalid
from workforce import limiting, staffing
from workforce.api.base import lease, version_of
from workforce.api.shapes import LeaseShape
from workforce.models import Queue


class Disputes(ApiView):
    policies = {"get": allows("dispute.read")}

    @operation(
        "List disputes, newest first",
        gives=shapes.DisputeList,
        name="disputes_list",
        parameters=[*PAGING, OpenApiParameter("state", str, enum=["open", "decided"])],
    )
    def get(self, request: Request, project: str) -> Response:
        rows = shadowing.visible_to(self.member, Dispute.objects.filter(project=self.project))
        if (state := request.query_params.get("state")) is not None:
            if state not in ("open", "decided"):
                raise Invalid("The state is open or decided.")
            shadow = DisputeState.PROBE if state == "open" else DisputeState.PROBED
            rows = rows.filter(state__in=[state, shadow])
        rows = rows.select_related("task__item", "task__queue")
        found, before = self.page(rows, request)
        return Response({"disputes": shapes.DisputeShape(found, many=True).data, "next_before": before})


class DisputeView(ApiView):
    def dispute(self) -> Dispute:
        return shadowing.get(member=self.member, project=self.project, number=self.kwargs["dispute"])


class DisputeOne(DisputeView):
    policies = {"get": allows("dispute.read")}

    @operation(
        "See one dispute with its competing answers, without names",
        gives=shapes.DisputeWhole,
        name="dispute_read",
    )
    def get(self, request: Request, project: str, dispute: int) -> Response:
        found = self.dispute()
        version = versions.read(adjudicating.version_id(found))
        sides = {
            question: [
                {
                    "value": side.value,
                    "describe": side.describe,
                    "answers": side.letters,
                    "citations": side.citations,
                }
                for side in groups
            ]
            for question, groups in adjudicating.sides(found, version).items()
        }
        return Response(
            {
                **shapes.DisputeShape(found).data,
                "payload": found.task.item.payload,
                "sides": sides,
                "declined": adjudicating.declined(found),
            }
        )


class DisputeClaim(DisputeView):
    policies = {"post": allows("dispute.decide")}

    @operation("Claim the work on a dispute", gives=LeaseShape, name="dispute_claim")
    def post(self, request: Request, project: str, dispute: int) -> Response:
        found = self.dispute()
        if found.work is None or found.shown_state != DisputeState.OPEN:
            raise Invalid("There is no open work on this dispute.")
        annotator = staffing.annotator_for(member=self.member)
        staffing.enrol(queue=found.work.queue, annotator=annotator, by=self.member)
        with limiting.within(bearer=self.bearer, annotator=annotator):
            served = adjudicating.take(dispute=found, annotator=annotator, by=self.member)
        return Response(lease(served))


class DisputeRule(DisputeView):
    policies = {"post": allows("dispute.decide")}

    @operation(
        "Rule on a dispute", takes=shapes.RulingIn, gives=shapes.RulingOut, status=201, name="dispute_rule"
    )
    def post(self, request: Request, project: str, dispute: int) -> Response:
        body = self.body(shapes.RulingIn, request)
        ruling = adjudicating.rule(
            dispute=self.dispute(),
            annotator=staffing.annotator_for(member=self.member),
            assignment_id=body["assignment"],
            token=body["token"],
            values=body["values"],
            cause=body["cause"],
            clause_key=body["clause"],
            reason=body["reason"],
            precedent=body["precedent"],
            gold=body["gold"],
            cannot=body["cannot"],
            by=self.member,
        )
        return Response({"ruling": ruling.pk, "dispute": ruling.dispute_id}, status=201)


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
