"""What annotators ask about clauses, and how clear they find them, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import asking
from annotation.models import Inquiry
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING, SpecView
from specs.models import Clause


class InquiryOut(serializers.ModelSerializer[Inquiry]):
    clause = serializers.CharField(source="clause.key")
    version = serializers.CharField(source="version.number")

    class Meta:
        model = Inquiry
        fields = ("id", "clause", "version", "public", "text", "asked_at", "answer", "answered_at")


class InquiryList(serializers.Serializer[Any]):
    inquiries = InquiryOut(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class InquiryIn(serializers.Serializer[Any]):
    clause = serializers.CharField(max_length=64)
    text = serializers.CharField(max_length=20_000)
    public = serializers.BooleanField(required=False, default=True)


class AnswerIn(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=20_000)


class RatingIn(serializers.Serializer[Any]):
    clear = serializers.BooleanField()


class ClauseHeard(serializers.Serializer[Any]):
    clause = serializers.CharField()
    n_open = serializers.IntegerField()
    n_asked = serializers.IntegerField()
    n_clear = serializers.IntegerField()
    n_unclear = serializers.IntegerField()


class HeardOut(serializers.Serializer[Any]):
    clauses = ClauseHeard(many=True)


class Inquiries(ApiView):
    policies = {"get": allows("spec.read")}

    @operation(
        "Questions about clauses, newest first", gives=InquiryList, parameters=PAGING, name="inquiries_list"
    )
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(asking.visible_to(self.member).select_related("clause", "version"), request)
        return Response({"inquiries": InquiryOut(rows, many=True).data, "next_before": before})


class Ask(SpecView):
    policies = {"post": allows("spec.read")}

    @operation("Ask about a clause", takes=InquiryIn, gives=InquiryOut, status=201, name="inquiry_ask")
    def post(self, request: Request, project: str, spec: str, number: str) -> Response:
        body, version = self.body(InquiryIn, request), self.version(number)
        clause = get_or_404(Clause, project=self.project, spec=version.spec_id, key=body.pop("clause"))
        made = asking.ask(version=version, clause=clause, by=self.member, **body)
        return Response(InquiryOut(made).data, status=201)


class Answer(ApiView):
    policies = {"post": allows("spec.answer")}

    @operation("Answer a question about a clause", takes=AnswerIn, gives=InquiryOut, name="inquiry_answer")
    def post(self, request: Request, project: str, inquiry: int) -> Response:
        row = get_or_404(
            Inquiry.objects.select_related("clause", "version"), project=self.project, pk=inquiry
        )
        asking.answer(inquiry=row, by=self.member, **self.body(AnswerIn, request))
        row.refresh_from_db()
        return Response(InquiryOut(row).data)


class Rate(SpecView):
    policies = {"post": allows("spec.read")}

    @operation("Say whether a clause is clear", takes=RatingIn, status=204, name="clause_rate")
    def post(self, request: Request, project: str, spec: str, number: str, clause: str) -> Response:
        version = self.version(number)
        row = get_or_404(Clause, project=self.project, spec=version.spec_id, key=clause)
        asking.rate(version=version, clause=row, by=self.member, **self.body(RatingIn, request))
        return Response(status=204)


class Heard(SpecView):
    policies = {"get": allows("spec.read")}

    @operation("What was heard of each clause: questions and ratings", gives=HeardOut, name="clauses_heard")
    def get(self, request: Request, project: str, spec: str) -> Response:
        found = self.spec()
        keys = dict(found.clauses.values_list("pk", "key"))
        return Response(
            {
                "clauses": [
                    {"clause": keys[clause], **vars(heard)}
                    for clause, heard in sorted(asking.heard(spec_id=found.pk).items())
                ]
            }
        )
