"""The shapes of newcomers' paths: stages, where somebody stands, steps."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from workforce import walking
from workforce.models import OnboardingStep, PathStage, Stage
from workforce.paths import TERMS


class StageTerms(serializers.Serializer[Any]):
    """One stage; terms that a stage does not have are refused."""

    stage = serializers.ChoiceField(choices=Stage.choices)
    wanted = serializers.IntegerField(min_value=0, max_value=10_000, required=False)
    share = serializers.FloatField(min_value=0, max_value=1, required=False)
    sure = serializers.BooleanField(
        required=False, help_text="The lower end of the 95 % interval has to reach the share."
    )
    at_most = serializers.IntegerField(
        min_value=1, max_value=10_000, required=False, help_text="After so many answers a person looks."
    )
    days = serializers.IntegerField(min_value=1, max_value=366, required=False, allow_null=True)
    review_share = serializers.FloatField(min_value=0, max_value=1, required=False)
    gold_share = serializers.FloatField(min_value=0, max_value=0.5, required=False)


class PathShape(serializers.Serializer[Any]):
    stages = StageTerms(
        many=True, help_text="In whatever order; they come as read, quiz, practice, shadow, probation."
    )


class ProgressShape(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    wanted = serializers.IntegerField()
    n_judged = serializers.IntegerField(help_text="The answers that `value` is a share of.")
    n_right = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    needed = serializers.FloatField()
    n_waiting = serializers.IntegerField(help_text="Shadow answers whose tasks have not ended yet.")
    stuck = serializers.BooleanField(help_text="Only a person gets her on.")


class StepShape(serializers.ModelSerializer[OnboardingStep]):
    before = serializers.CharField(help_text="A stage; empty: before the path, or through.")
    after = serializers.CharField(help_text="A stage; empty: through.")
    by = serializers.CharField(allow_null=True, help_text="Null: by the stage's rule.")

    class Meta:
        model = OnboardingStep
        fields = ("step", "before", "after", "n", "n_right", "value", "reason", "by", "at")


class WalkerShape(serializers.Serializer[Any]):
    pseudonym = serializers.CharField()
    stage = serializers.CharField(allow_blank=True, help_text="Empty: beside the path, or through.")
    since = serializers.DateTimeField(allow_null=True)
    held = serializers.BooleanField()
    slow = serializers.BooleanField()
    nothing_left = serializers.BooleanField(
        help_text="There is nothing she could be given in this stage now."
    )
    progress = ProgressShape()


class WalkerList(serializers.Serializer[Any]):
    people = WalkerShape(many=True)
    n_by_stage = serializers.DictField(child=serializers.IntegerField())
    n_through = serializers.IntegerField()
    next_before = serializers.IntegerField(allow_null=True)


class WayShape(serializers.Serializer[Any]):
    stage = serializers.CharField(allow_blank=True)
    since = serializers.DateTimeField(allow_null=True)
    held = serializers.BooleanField()
    held_reason = serializers.CharField(allow_blank=True)
    progress = ProgressShape()
    stages = StageTerms(many=True)
    steps = StepShape(many=True)


class PathPlacing(serializers.Serializer[Any]):
    stage = serializers.ChoiceField(choices=[("", "through"), *Stage.choices], help_text="Empty: through.")
    reason = serializers.CharField(max_length=2000)


class PathReason(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


def terms(one: PathStage) -> dict[str, Any]:
    return {"stage": one.stage, **{name: getattr(one, name) for name in TERMS[one.stage]}}


def walker(one: walking.Walker) -> dict[str, Any]:
    return {
        "pseudonym": one.enrolment.annotator.pseudonym,
        "stage": one.enrolment.stage,
        "since": one.enrolment.stage_since,
        "held": one.enrolment.held,
        "slow": one.slow,
        "nothing_left": one.nothing_left,
        "progress": ProgressShape(one.progress).data,
    }
