"""The shapes of calibration queues: the terms of a test, and sittings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from workforce.models import Calibration, Sitting, SittingState
from workforce.skills import MAX_LEVEL


class TestTerms(serializers.Serializer[Any]):
    skill = serializers.CharField(max_length=64, help_text="The key of the skill that is granted.")
    level = serializers.IntegerField(min_value=1, max_value=MAX_LEVEL, default=1)
    clause = serializers.CharField(max_length=64, required=False, allow_null=True, default=None)
    wanted = serializers.IntegerField(min_value=1, max_value=500, default=20)
    share = serializers.FloatField(min_value=0.01, max_value=1, default=0.8)
    sure = serializers.BooleanField(
        default=False, help_text="The lower end of the 95 % interval has to reach the share."
    )
    valid_days = serializers.IntegerField(
        min_value=1, max_value=3660, required=False, allow_null=True, default=None
    )
    bound = serializers.BooleanField(
        default=True, help_text="Granted for versions of the meaning it was shown under."
    )
    wait_seconds = serializers.IntegerField(min_value=0, max_value=31_536_000, default=86_400)
    attempts = serializers.IntegerField(min_value=0, max_value=100, default=3, help_text="0: without limit.")


class SittingShape(serializers.ModelSerializer[Sitting]):
    annotator = serializers.CharField(source="annotator.pseudonym")
    version = serializers.CharField(source="version.number")
    n_right = serializers.SerializerMethodField(allow_null=True)

    class Meta:
        model = Sitting
        fields = ("annotator", "number", "version", "state", "wanted", "n_right", "started_at", "ended_at")

    def get_n_right(self, row: Sitting) -> int | None:
        """Nothing while it is under way: what is right is told at the end."""
        return None if row.state == SittingState.OPEN else row.n_right


class SittingList(serializers.Serializer[Any]):
    sittings = SittingShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class MyTest(serializers.Serializer[Any]):
    terms = TestTerms()
    holds = serializers.BooleanField(help_text="You have what it grants.")
    refused = serializers.CharField(allow_blank=True, help_text="Why you cannot begin now; empty: you can.")
    sittings = SittingShape(many=True)


def terms(row: Calibration) -> dict[str, Any]:
    return {
        "skill": row.skill.key,
        "level": row.level,
        "clause": row.clause.key if row.clause else None,
        "wanted": row.wanted,
        "share": row.share,
        "sure": row.sure,
        "valid_days": row.valid_days,
        "bound": row.bound,
        "wait_seconds": int(row.wait.total_seconds()),
        "attempts": row.attempts,
    }
