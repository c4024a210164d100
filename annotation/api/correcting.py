"""One's own answers by REST: the last ones in a queue, and one of them corrected."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import revising, submitting
from annotation.api import shapes
from annotation.api.answers import IDEMPOTENCY
from specs.access import allows, get_or_404
from specs.api.schema import operation
from workforce.api.base import WorkView
from workforce.models import Queue


class Correction(serializers.Serializer[Any]):
    values = serializers.DictField(help_text="The value per question.")
    citations = shapes.Citations(required=False, default=dict)
    flagged = serializers.BooleanField(required=False, default=False)
    confidence = shapes.confidence()
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)
    revision = serializers.IntegerField(
        min_value=1, help_text="The revision of the answer that is corrected."
    )


class Corrected(serializers.Serializer[Any]):
    annotation = serializers.IntegerField()
    task = serializers.IntegerField()
    served_digest = serializers.CharField()


class GivenShape(serializers.Serializer[Any]):
    assignment = serializers.IntegerField(source="assignment_id")
    task = serializers.IntegerField(source="task_id")
    item = serializers.CharField(source="item_key")
    values = serializers.DictField()
    cannot = serializers.CharField(help_text="Why it cannot be labelled; else empty.")
    answered_at = serializers.DateTimeField()
    revision = serializers.IntegerField()
    correctable = serializers.BooleanField(help_text="A correction would be taken now.")


class GivenList(serializers.Serializer[Any]):
    answers = GivenShape(many=True)


class Answered(WorkView):
    policies = {"get": allows("work.label")}

    @operation("Your last answers in a queue, newest first", gives=GivenList, name="queue_answered")
    def get(self, request: Request, project: str, queue: str) -> Response:
        annotator = self.annotator()
        found = get_or_404(
            Queue, project=self.project, key=queue, enrolments__annotator=annotator, enrolments__active=True
        )
        given = revising.last(annotator=annotator, queue=found)
        return Response({"answers": GivenShape(given, many=True).data})


class Correct(WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Correct an answer of yours while its task is open",
        takes=Correction,
        gives=Corrected,
        parameters=[IDEMPOTENCY],
        name="assignment_correct",
    )
    def post(self, request: Request, project: str, assignment: int) -> Response:
        body = self.body(Correction, request)
        receipt = revising.revise(
            annotator=self.annotator(),
            assignment_id=assignment,
            answer=submitting.Answer(
                values=body["values"],
                citations=body["citations"],
                flagged=body["flagged"],
                confidence=body["confidence"],
                note=body["note"],
            ),
            seen=body["revision"],
            client_key=request.META.get("HTTP_IDEMPOTENCY_KEY", ""),
            by=self.member,
        )
        reply = {
            "annotation": receipt.annotation_id,
            "task": receipt.task_id,
            "served_digest": receipt.served_digest,
        }
        return Response(reply)
