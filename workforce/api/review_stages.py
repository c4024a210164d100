"""The review stages of a queue, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.schema import operation
from specs.models import Role
from workforce import review_stages
from workforce.api.base import QueueView
from workforce.models import Cohort, ReviewScope, ReviewStage, Skill
from workforce.skills import MAX_LEVEL


class ReviewStageShape(serializers.ModelSerializer[ReviewStage]):
    review_queue: Any = serializers.SlugRelatedField("key", read_only=True)
    rework_queue: Any = serializers.SlugRelatedField("key", read_only=True)
    cohort: Any = serializers.SlugRelatedField("key", read_only=True, allow_null=True)
    share = serializers.FloatField(allow_null=True)

    class Meta:
        model = ReviewStage
        fields = [
            "id", "position", "scope", "share", "first_n", "cohort", "role", "review_queue", "rework_queue", "added_at",
            "ended_at",
        ]  # fmt: skip


class ReviewStageList(serializers.Serializer[Any]):
    stages = ReviewStageShape(many=True)


class NewReviewStage(serializers.Serializer[Any]):
    scope = serializers.ChoiceField(choices=ReviewScope.choices, required=False, default=ReviewScope.ALL)
    share = serializers.DecimalField(
        max_digits=4,
        decimal_places=3,
        required=False,
        allow_null=True,
        default=None,
        help_text="Of the answers, between 0 and 1: for the scope `share`.",
    )
    first_n = serializers.IntegerField(
        min_value=1,
        required=False,
        allow_null=True,
        default=None,
        help_text="Answers of each annotator in the queue: for the scope `newcomers`.",
    )
    cohort = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Its key: for the scope `cohort`."
    )
    skill = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="The key of the skill that a reviewer has."
    )
    level = serializers.IntegerField(min_value=1, max_value=MAX_LEVEL, required=False, default=1)
    role = serializers.ChoiceField(
        choices=Role.choices,
        required=False,
        allow_blank=True,
        default="",
        help_text="The role that a reviewer holds in the project.",
    )


class ReviewStages(QueueView):
    policies = {"get": allows("queue.read"), "post": allows("queue.manage")}

    @operation(
        "List the review stages of a queue, in their order", gives=ReviewStageList, name="review_stages_list"
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        rows = ReviewStage.objects.filter(queue=self.queue()).select_related(
            "review_queue", "rework_queue", "cohort"
        )
        return Response({"stages": ReviewStageShape(rows.order_by("position"), many=True).data})

    @operation(
        "Add a review stage after the others",
        takes=NewReviewStage,
        gives=ReviewStageShape,
        status=201,
        name="review_stage_add",
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        body = self.body(NewReviewStage, request)
        cohort, skill = body.pop("cohort"), body.pop("skill")
        terms = review_stages.Terms(
            **body,
            cohort=get_or_404(Cohort, project=self.project, key=cohort) if cohort else None,
            skill=get_or_404(Skill, project=self.project, key=skill) if skill else None,
        )
        made = review_stages.add(queue=self.queue(), terms=terms, by=self.member)
        return Response(ReviewStageShape(made).data, status=201)


class ReviewStageEnd(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation("Let a review stage take no more answers", gives=ReviewStageShape, name="review_stage_end")
    def post(self, request: Request, project: str, queue: str, stage: int) -> Response:
        found = get_or_404(ReviewStage, project=self.project, queue=self.queue(), pk=stage)
        return Response(ReviewStageShape(review_stages.end(stage=found, by=self.member)).data)
