"""Relabelling by REST: what a version touches, what asking it again takes, how a sample of the others stands."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import carrying, mapping, pricing, relabelling
from annotation.models import Carry, Choice, RelabelPlan, RelabelTask
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.shapes import Key
from specs.api.views import PAGING
from specs.models import Spec
from workforce.api.base import version_of

_WITH = ("queue", "queue__project", "relabel_queue", "from_version", "to_version")


class PlanShape(serializers.ModelSerializer[RelabelPlan]):
    queue = serializers.CharField(source="queue.key")
    relabel_queue = serializers.CharField(source="relabel_queue.key", allow_null=True, default=None)
    from_version = serializers.CharField(source="from_version.number")
    to_version = serializers.CharField(source="to_version.number")

    class Meta:
        model = RelabelPlan
        fields = (
            *(
                "id",
                "queue",
                "relabel_queue",
                "from_version",
                "to_version",
                "state",
                "changed",
                "n_tasks",
                "n_direct",
            ),
            *("n_likely", "n_possible", "choice", "tolerated", "created_at", "begun_at", "confirmed_at"),
        )


class PlanList(serializers.Serializer[Any]):
    plans = PlanShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class Propose(serializers.Serializer[Any]):
    spec = Key()
    version = serializers.CharField(max_length=40)


class Proposed(serializers.Serializer[Any]):
    plans = PlanShape(many=True)


class OptionShape(serializers.Serializer[Any]):
    choice = serializers.ChoiceField(choices=Choice.choices)
    tasks = serializers.IntegerField(help_text="Asked again for certain.")
    others = serializers.IntegerField(help_text="What a sample of the rest is drawn from.")
    sample = serializers.IntegerField(help_text="The fewest that it asks: enough when none of them flipped.")
    answers = serializers.IntegerField(help_text="Asked at first; more where answers differ.")
    hours = serializers.FloatField(allow_null=True)
    money = serializers.FloatField(allow_null=True)
    currency = serializers.CharField()


class SampleShape(serializers.Serializer[Any]):
    n_bounded = serializers.IntegerField(help_text="Labels that the sample is drawn from.")
    n_asked = serializers.IntegerField()
    n_waiting = serializers.IntegerField()
    n_flipped = serializers.IntegerField()
    missed_at_most = serializers.IntegerField(
        help_text="Flips among those that nobody looked at: 95 %, at any time."
    )
    verdict = serializers.ChoiceField(choices=["waiting", "more", "carry", "ask", "decide"])


class CarryShape(serializers.ModelSerializer[Carry]):
    class Meta:
        model = Carry
        fields = (
            "n_carried",
            "n_bounded",
            "n_sampled",
            "n_flipped",
            "missed_at_most",
            "left_empty",
            "reason",
            "carried_at",
        )


class PlanWhole(PlanShape):
    options = serializers.SerializerMethodField()
    sample = serializers.SerializerMethodField()
    carry = serializers.SerializerMethodField()
    clauses = serializers.SerializerMethodField()
    labels = serializers.SerializerMethodField()
    added = serializers.SerializerMethodField()
    late = serializers.SerializerMethodField()

    def get_added(self, plan: RelabelPlan) -> list[dict[str, Any]]:
        return [
            {
                "question": one["key"],
                "unanswered": len(mapping.unanswered(plan, [one["key"]])),
                "left_empty": one["key"] in plan.left_empty,
            }
            for one in mapping.added(plan)
        ]

    def get_late(self, plan: RelabelPlan) -> dict[str, int]:
        rows = RelabelTask.objects.filter(plan=plan, late=True)
        return {"ended": rows.count(), "asked_again": rows.filter(again__isnull=False).count()}

    def get_labels(self, plan: RelabelPlan) -> list[dict[str, Any]]:
        known = plan.mapping if plan.begun_at else mapping.proposed(plan)
        return [row.as_dict() for row in mapping.rows(plan, known)]

    def get_options(self, plan: RelabelPlan) -> list[dict[str, Any]]:
        found = pricing.options(plan, tolerated=settings.RELABEL_FLIPS_PERCENT / 100)
        return [one.as_dict() for one in found]

    def get_sample(self, plan: RelabelPlan) -> dict[str, Any] | None:
        found = carrying.read(plan)
        return found.as_dict() if found else None

    def get_carry(self, plan: RelabelPlan) -> dict[str, Any] | None:
        found = Carry.objects.filter(plan=plan).first()
        return dict(CarryShape(found).data) if found else None

    def get_clauses(self, plan: RelabelPlan) -> list[dict[str, Any]]:
        return [
            {"clause": row["clause__key"], "reach": row["reach"], "n": row["n"]}
            for row in relabelling.by_clause(plan)
        ]

    class Meta(PlanShape.Meta):
        fields = (*PlanShape.Meta.fields, "options", "sample", "carry", "clauses", "labels", "added", "late")  # type: ignore[assignment]


class Confirm(serializers.Serializer[Any]):
    choice = serializers.ChoiceField(choices=Choice.choices, required=False, default=Choice.TOUCHED)
    tolerated = serializers.FloatField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The share of the others that may have flipped unseen: a blind sample of them is asked first. Null: none is.",
    )
    reason = serializers.CharField(max_length=10_000, help_text="Why the other labels stay valid.")
    labels = serializers.DictField(
        child=serializers.DictField(child=serializers.ListField(child=serializers.CharField(max_length=200))),
        required=False,
        default=dict,
        help_text="What becomes of old labels, by question: the new label, or several or none, which are asked again.",
    )

    left_empty = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        default=list,
        help_text="New questions that nobody is asked on carried labels; all others are asked on every label that stands.",
    )


class Decide(serializers.Serializer[Any]):
    ask = serializers.BooleanField(
        help_text="Ask all the others again; else carry them with the bound that there is."
    )
    reason = serializers.CharField(max_length=10_000)


class Plans(ApiView):
    policies = {"get": allows("spec.read"), "post": allows("spec.publish")}

    @operation("List relabelling plans, newest first", gives=PlanList, parameters=PAGING, name="plans_list")
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(
            RelabelPlan.objects.filter(project=self.project).select_related(*_WITH), request
        )
        return Response({"plans": PlanShape(rows, many=True).data, "next_before": before})

    @operation(
        "List what a version touches, per queue",
        takes=Propose,
        gives=Proposed,
        status=201,
        name="plans_propose",
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(Propose, request)
        version = version_of(
            get_or_404(Spec.objects.select_related("project"), project=self.project, key=body["spec"]),
            body["version"],
        )
        made = [plan.pk for plan in relabelling.propose_all(version=version, by=self.member)]
        rows = RelabelPlan.objects.filter(pk__in=made).select_related(*_WITH).order_by("pk")
        return Response({"plans": PlanShape(rows, many=True).data}, status=201)


class PlanView(ApiView):
    def plan(self) -> RelabelPlan:
        return get_or_404(
            RelabelPlan.objects.select_related(*_WITH), project=self.project, pk=self.kwargs["plan"]
        )

    def whole(self) -> Response:
        return Response(PlanWhole(self.plan()).data)


class PlanOne(PlanView):
    policies = {"get": allows("spec.read")}

    @operation("One plan with its choices, its sample and its carry", gives=PlanWhole, name="plan")
    def get(self, request: Request, project: str, plan: int) -> Response:
        return self.whole()


class PlanConfirm(PlanView):
    policies = {"post": allows("spec.publish")}

    @operation(
        "Confirm a plan: relabel what is chosen, carry the rest",
        takes=Confirm,
        gives=PlanWhole,
        name="plan_confirm",
    )
    def post(self, request: Request, project: str, plan: int) -> Response:
        relabelling.confirm(plan=self.plan(), by=self.member, **self.body(Confirm, request))
        return self.whole()


class PlanDecide(PlanView):
    policies = {"post": allows("spec.publish")}

    @operation("End the sample of a plan", takes=Decide, gives=PlanWhole, name="plan_decide")
    def post(self, request: Request, project: str, plan: int) -> Response:
        carrying.decide(plan=self.plan(), by=self.member, **self.body(Decide, request))
        return self.whole()
