"""A queue's tasks by REST: who has them, work given by name, leases taken away, holds released."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.refusals import Invalid
from workforce import assigning, holding
from workforce import tasks as reading
from workforce.api.base import QueueView
from workforce.models import Annotator, Assignment, Hold, Queue, Task, TaskState


class SlotOut(serializers.Serializer[Any]):
    assignment = serializers.IntegerField(source="assignment_id")
    state = serializers.CharField()
    annotator = serializers.CharField(help_text="Pseudonym.")
    until = serializers.DateTimeField(allow_null=True)


class TaskOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    item = serializers.CharField()
    state = serializers.CharField()
    n_answers = serializers.IntegerField()
    overlap = serializers.IntegerField()
    slots = SlotOut(many=True, help_text="Those that are out, kept for somebody, or waiting.")


class TaskList(serializers.Serializer[Any]):
    tasks = TaskOut(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class _Which(serializers.Serializer[Any]):
    tasks = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False, default=list)
    items = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=list,
        help_text="Instead of tasks: keys of items, whose open tasks are meant.",
    )


class AssignIn(_Which):
    annotator = serializers.CharField(max_length=64, help_text="Pseudonym.")
    keep = serializers.DurationField(
        required=False, default=timedelta(days=1), help_text="Then it is open to all again."
    )
    taking_over = serializers.BooleanField(
        required=False, default=False, help_text="Also what is kept for somebody else."
    )


class Left(serializers.Serializer[Any]):
    task = serializers.IntegerField()
    reason = serializers.ChoiceField(choices=list(assigning.REASONS.items()))


class AssignOut(serializers.Serializer[Any]):
    tasks = serializers.ListField(child=serializers.IntegerField())
    left = Left(many=True)


class TakeBackIn(_Which):
    pass


class TakeBackOut(serializers.Serializer[Any]):
    slots = serializers.IntegerField()


class RecallIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000, help_text="Read by whoever holds the task.")
    annotator = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default="", help_text="Who gets it, by pseudonym."
    )


class HoldShape(serializers.ModelSerializer[Hold]):
    item = serializers.CharField(source="task.item.key")
    annotator = serializers.CharField(source="annotator.pseudonym")

    class Meta:
        model = Hold
        fields = ("id", "task", "item", "annotator", "held_at", "until")


class HoldList(serializers.Serializer[Any]):
    holds = HoldShape(many=True)


def _chosen(queue: Queue, body: dict[str, Any]) -> list[int]:
    if bool(body["tasks"]) == bool(body["items"]):
        raise Invalid("Name tasks, or items.")
    if body["tasks"]:
        return list(body["tasks"])
    rows = Task.objects.filter(queue=queue, item__key__in=body["items"], state=TaskState.OPEN)
    return list(rows.values_list("pk", flat=True))


class Tasks(QueueView):
    policies = {"get": allows("queue.read")}

    @operation(
        "List a queue's tasks with who has them, newest first",
        gives=TaskList,
        parameters=[
            *PAGING,
            OpenApiParameter("state", str, enum=[one for one in reading.FILTERS if one]),
            OpenApiParameter("item", str, many=True, description="Keys of items."),
        ],
        name="queue_tasks",
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        state = request.query_params.get("state", "")
        if state not in reading.FILTERS:
            raise Invalid(f"A state is one of {', '.join(one for one in reading.FILTERS if one)}.")
        rows, before = self.page(
            reading.matching(queue=self.queue(), state=state, items=request.query_params.getlist("item")),
            request,
        )
        slots = reading.slots_of([task.pk for task in rows])
        shown = [
            {
                "id": task.pk,
                "item": task.item.key,
                "state": task.state,
                "n_answers": task.n_answers,
                "overlap": task.overlap,
                "slots": slots.get(task.pk, []),
            }
            for task in rows
        ]
        return Response({"tasks": TaskOut(shown, many=True).data, "next_before": before})


class Assign(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation("Keep tasks for somebody by name", takes=AssignIn, gives=AssignOut, name="queue_assign")
    def post(self, request: Request, project: str, queue: str) -> Response:
        found, body = self.queue(), self.body(AssignIn, request)
        done = assigning.assign(
            queue=found,
            task_ids=_chosen(found, body),
            annotator=get_or_404(Annotator, project=self.project, pseudonym=body["annotator"]),
            keep=body["keep"],
            taking_over=body["taking_over"],
            by=self.member,
        )
        left = [{"task": task, "reason": reason} for task, reason in done.left.items()]
        return Response({"tasks": done.tasks, "left": left})


class TakeBack(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation("Open what is kept for anybody", takes=TakeBackIn, gives=TakeBackOut, name="queue_take_back")
    def post(self, request: Request, project: str, queue: str) -> Response:
        found, body = self.queue(), self.body(TakeBackIn, request)
        n = assigning.take_back(queue=found, task_ids=_chosen(found, body), by=self.member)
        return Response({"slots": n})


class RecallOne(ApiView):
    policies = {"post": allows("queue.manage")}

    @operation("Take a lease away, with a reason", takes=RecallIn, status=204, name="assignment_recall")
    def post(self, request: Request, project: str, assignment: int) -> Response:
        slot = get_or_404(Assignment.objects.select_related("queue"), project=self.project, pk=assignment)
        body = self.body(RecallIn, request)
        to = body["annotator"]
        assigning.recall(
            assignment=slot,
            reason=body["reason"],
            to=get_or_404(Annotator, project=self.project, pseudonym=to) if to else None,
            by=self.member,
        )
        return Response(status=204)


class Holds(QueueView):
    policies = {"get": allows("queue.read")}

    @operation("List the tasks that wait for an answer", gives=HoldList, name="queue_holds")
    def get(self, request: Request, project: str, queue: str) -> Response:
        rows = holding.waiting(queue=self.queue()).select_related("annotator", "task__item")[:1000]
        return Response({"holds": HoldShape(rows, many=True).data})


class HoldRelease(ApiView):
    policies = {"post": allows("queue.manage")}

    @operation("Let a held task go on", status=204, name="hold_release")
    def post(self, request: Request, project: str, hold: int) -> Response:
        holding.release(hold=get_or_404(Hold, project=self.project, pk=hold), by=self.member)
        return Response(status=204)
