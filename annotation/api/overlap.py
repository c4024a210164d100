"""How many answers tasks want, by REST: what was learnt, what a rule implies, and applying it to tasks under way."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import auditing, learning, reoverlapping, simulating
from annotation.models import StopTarget
from specs.access import allows
from specs.api.schema import operation
from specs.api.shapes import JobShape
from workforce import overlapping, queues
from workforce.api.base import QueueView
from workforce.api.shapes import QueueSettings


class Implied(serializers.Serializer[Any]):
    answers_per_task = serializers.FloatField(allow_null=True)
    disputed_share = serializers.FloatField(allow_null=True)
    accuracy = serializers.FloatField(allow_null=True, help_text="Of accepted tasks with a known answer.")
    n_known = serializers.IntegerField()
    n_tasks = serializers.IntegerField(help_text="Tasks with answers enough to tell.")
    own_history = serializers.BooleanField(help_text="False: played on labels that are shipped.")
    tasks_per_day = serializers.FloatField(allow_null=True, help_text="Null: figures are for 1,000 tasks.")
    answers = serializers.FloatField(allow_null=True)
    disputes = serializers.FloatField(allow_null=True)
    lead_hours = serializers.FloatField(allow_null=True)
    lead_minutes = serializers.FloatField(help_text="Of a lead for one dispute.")
    lead_measured = serializers.BooleanField()
    by_share = serializers.ListField(
        child=serializers.CharField(), help_text="Questions that are settled by the share rule all the same."
    )


class OverlapChange(serializers.Serializer[Any]):
    tasks = serializers.IntegerField()
    raised = serializers.IntegerField()
    lowered = serializers.IntegerField()
    slots_added = serializers.IntegerField()
    slots_withdrawn = serializers.IntegerField()
    complete = serializers.IntegerField(help_text="Tasks that have the answers they want, and are judged.")


class Skills(serializers.Serializer[Any]):
    question = serializers.CharField()
    number = serializers.IntegerField()
    rule = serializers.CharField()
    n_answers = serializers.IntegerField()
    n_items = serializers.IntegerField()
    n_known = serializers.IntegerField()
    made_at = serializers.DateTimeField()


class Target(serializers.Serializer[Any]):
    question = serializers.CharField()
    tau = serializers.FloatField()
    reached = serializers.BooleanField()
    accuracy = serializers.FloatField()
    n_known = serializers.IntegerField()
    trials = serializers.ListField(child=serializers.DictField())
    chosen_at = serializers.DateTimeField()


class Audit(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    drawn = serializers.IntegerField()
    judged = serializers.IntegerField()
    wrong = serializers.IntegerField()
    error = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class OverlapOut(serializers.Serializer[Any]):
    policy = serializers.CharField()
    under_way = OverlapChange(help_text="What applying the settings to the tasks under way would do.")
    skills = Skills(many=True)
    targets = Target(many=True)
    audit = Audit()


class Overlap(QueueView):
    policies = {"get": allows("queue.manage")}

    @operation("How many answers tasks want, and what that rests on", gives=OverlapOut, name="overlap_read")
    def get(self, request: Request, project: str, queue: str) -> Response:
        found = self.queue()
        targets = StopTarget.objects.filter(queue=found).order_by("question", "-pk").distinct("question")
        return Response(
            {
                "policy": found.overlap_policy,
                "under_way": overlapping.preview(queue=found).counts(),
                "skills": Skills(learning.newest(queue=found), many=True).data,
                "targets": Target(targets, many=True).data,
                "audit": auditing.measured(queue=found).as_dict(),
            }
        )


class OverlapPreview(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation(
        "What settings would imply; nothing is changed",
        takes=QueueSettings,
        gives=Implied,
        name="overlap_preview",
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        proposed = queues.proposed(queue=self.queue(), **self.body(QueueSettings, request))
        return Response(simulating.preview(queue=proposed).as_dict())


class OverlapApply(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation("Apply the settings to the tasks under way", gives=JobShape, status=202, name="overlap_apply")
    def post(self, request: Request, project: str, queue: str) -> Response:
        job = reoverlapping.start(queue=self.queue(), by=self.member)
        return Response(JobShape(job).data, status=202)
