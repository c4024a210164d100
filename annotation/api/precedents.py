"""Precedents by REST: what stands beside the clauses, and how a ruling comes to stand there."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import establishing
from annotation.models import Dispute, Precedent, Ruling
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING


class PrecedentOut(serializers.ModelSerializer[Precedent]):
    spec = serializers.CharField(source="clause.spec.key")
    clause = serializers.CharField(source="clause.key")
    dispute = serializers.IntegerField(source="ruling.dispute_id")
    by = serializers.IntegerField(source="by_id", allow_null=True)
    superseded_by = serializers.IntegerField(source="superseded_by_id", allow_null=True)

    class Meta:
        model = Precedent
        fields = (
            "id",
            "spec",
            "clause",
            "dispute",
            "ruling",
            "revision",
            "text",
            "by",
            "created_at",
            "superseded_at",
            "superseded_by",
            "withdrawn_reason",
        )


class PrecedentList(serializers.Serializer[Any]):
    precedents = PrecedentOut(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class PrecedentIn(serializers.Serializer[Any]):
    clause = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="The key of the clause it interprets; by default the one that the ruling names.",
    )
    text = serializers.CharField(help_text="What the ruling means for the clause, in words for annotators.")


class RewordIn(serializers.Serializer[Any]):
    text = serializers.CharField()


class WithdrawIn(serializers.Serializer[Any]):
    reason = serializers.CharField()


class Precedents(ApiView):
    policies = {"get": allows("dispute.read")}

    @operation(
        "List precedents, newest first",
        gives=PrecedentList,
        parameters=[
            *PAGING,
            OpenApiParameter("spec", str, description="Of this spec only."),
            OpenApiParameter("clause", str, description="Of the clause with this key only."),
            OpenApiParameter("state", str, enum=["in-force", "gone"], description="By default both."),
        ],
        name="precedents_list",
    )
    def get(self, request: Request, project: str) -> Response:
        rows = Precedent.objects.filter(project=self.project).select_related("clause__spec", "ruling")
        asked = request.query_params
        if spec := asked.get("spec"):
            rows = rows.filter(clause__spec__key=spec)
        if clause := asked.get("clause"):
            rows = rows.filter(clause__key=clause)
        if state := self.choice(request, "state", ["in-force", "gone"]):
            rows = rows.filter(superseded_at__isnull=state != "gone")
        shown, before = self.page(rows, request)
        return Response({"precedents": PrecedentOut(shown, many=True).data, "next_before": before})


class Establish(ApiView):
    policies = {"post": allows("dispute.decide")}

    @operation(
        "Put the ruling of a decided dispute beside a clause",
        takes=PrecedentIn,
        gives=PrecedentOut,
        status=201,
        name="precedent_establish",
    )
    def post(self, request: Request, project: str, dispute: int) -> Response:
        found = get_or_404(Dispute, project=self.project, pk=dispute)
        ruling = Ruling.objects.filter(dispute=found).order_by("-pk").first()
        if ruling is None:
            raise Http404
        body = self.body(PrecedentIn, request)
        made = establishing.establish(
            ruling=ruling, clause_key=body["clause"], text=body["text"], by=self.member
        )
        return Response(PrecedentOut(made).data, status=201)


class PrecedentView(ApiView):
    """Base of the steps of one precedent."""

    def precedent(self) -> Precedent:
        rows = Precedent.objects.select_related("clause__spec", "ruling")
        return get_or_404(rows, project=self.project, pk=self.kwargs["precedent"])


class Reword(PrecedentView):
    policies = {"post": allows("dispute.decide")}

    @operation(
        "Say it in other words: the next revision",
        takes=RewordIn,
        gives=PrecedentOut,
        status=201,
        name="precedent_reword",
    )
    def post(self, request: Request, project: str, precedent: int) -> Response:
        body = self.body(RewordIn, request)
        made = establishing.reword(precedent=self.precedent(), text=body["text"], by=self.member)
        return Response(PrecedentOut(made).data, status=201)


class Withdraw(PrecedentView):
    policies = {"post": allows("dispute.decide")}

    @operation("Show it no more", takes=WithdrawIn, gives=PrecedentOut, name="precedent_withdraw")
    def post(self, request: Request, project: str, precedent: int) -> Response:
        body = self.body(WithdrawIn, request)
        establishing.withdraw(precedent=self.precedent(), reason=body["reason"], by=self.member)
        return Response(PrecedentOut(self.precedent()).data)


class Keep(PrecedentView):
    policies = {"post": allows("dispute.decide")}

    @operation(
        "Show it under the newest version as well, whose clause was reworded",
        gives=PrecedentOut,
        name="precedent_keep",
    )
    def post(self, request: Request, project: str, precedent: int) -> Response:
        establishing.keep(precedent=self.precedent(), by=self.member)
        return Response(PrecedentOut(self.precedent()).data)
