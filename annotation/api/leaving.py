"""What can be done with a leased task besides answering it, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import asking, declining, ending
from specs.access import allows
from specs.api.schema import operation
from workforce.api.base import WorkView
from workforce.models import SkipReason


class SkipIn(serializers.Serializer[Any]):
    token = serializers.UUIDField(help_text="The lease's token.")
    reason = serializers.ChoiceField(choices=SkipReason.choices)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class SkipOut(serializers.Serializer[Any]):
    task = serializers.IntegerField()
    excused = serializers.BooleanField(help_text="It counts for no limit and no score.")


class CannotIn(serializers.Serializer[Any]):
    token = serializers.UUIDField(help_text="The lease's token.")
    category = serializers.CharField(max_length=32, help_text="One of the queue's `cannot_categories`.")
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class CannotOut(serializers.Serializer[Any]):
    annotation = serializers.IntegerField()
    task = serializers.IntegerField()


class HoldIn(serializers.Serializer[Any]):
    token = serializers.UUIDField(help_text="The lease's token.")
    clause = serializers.CharField(max_length=64, help_text="The key of the clause that you ask about.")
    text = serializers.CharField(max_length=5000)
    public = serializers.BooleanField(required=False, default=True)


class HoldOut(serializers.Serializer[Any]):
    hold = serializers.IntegerField()
    inquiry = serializers.IntegerField()
    task = serializers.IntegerField()


class HoldTask(WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Ask about a clause and hold the task until the answer comes",
        takes=HoldIn,
        gives=HoldOut,
        status=201,
        name="assignment_hold",
    )
    def post(self, request: Request, project: str, assignment: int) -> Response:
        body = self.body(HoldIn, request)
        inquiry = asking.ask_and_hold(
            assignment_id=assignment,
            annotator=self.annotator(),
            token=body["token"],
            clause_key=body["clause"],
            text=body["text"],
            public=body["public"],
            by=self.member,
        )
        reply = {"hold": inquiry.hold_id, "inquiry": inquiry.pk, "task": inquiry.task_id}
        return Response(reply, status=201)


class SkipTask(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Skip a task for good, with a reason", takes=SkipIn, gives=SkipOut, name="assignment_skip")
    def post(self, request: Request, project: str, assignment: int) -> Response:
        skipped = ending.skip(
            assignment_id=assignment,
            annotator=self.annotator(),
            by=self.member,
            **self.body(SkipIn, request),
        )
        return Response({"task": skipped.task_id, "excused": skipped.excused})


class Cannot(WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Say that an item cannot be labelled; again under the same lease, the same reply",
        takes=CannotIn,
        gives=CannotOut,
        name="assignment_cannot",
    )
    def post(self, request: Request, project: str, assignment: int) -> Response:
        receipt = declining.decline(
            assignment_id=assignment,
            annotator=self.annotator(),
            by=self.member,
            **self.body(CannotIn, request),
        )
        return Response({"annotation": receipt.annotation_id, "task": receipt.task_id})
