"""The shapes of suspensions and appeals."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from specs.models import Appeal
from specs.models import Suspension as SuspensionRow


class Suspend(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)
    until = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Null: until it is lifted."
    )


class SuspensionShape(serializers.ModelSerializer[SuspensionRow]):
    member = serializers.IntegerField(source="member_id")
    by = serializers.CharField()
    ending = serializers.SerializerMethodField(help_text="How it ended; null while it lasts.")

    class Meta:
        model = SuspensionRow
        fields = ("id", "member", "by", "reason", "evidence", "started_at", "until", "ending")

    def get_ending(self, row: SuspensionRow) -> str | None:
        return next((str(end.ending) for end in row.ends.all()), None)


class SuspensionList(serializers.Serializer[Any]):
    suspensions = SuspensionShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class AppealShape(serializers.ModelSerializer[Appeal]):
    suspension = SuspensionShape()
    text = serializers.SerializerMethodField(help_text="Null once it was erased.")
    decided_by = serializers.CharField(allow_null=True)

    class Meta:
        model = Appeal
        fields = (
            "id",
            "suspension",
            "state",
            "text",
            "filed_at",
            "answer",
            "decided_by",
            "decided_at",
            "fallback",
        )

    def get_text(self, row: Appeal) -> str | None:
        return next((text.text for text in row.texts.all()), None)


class AppealList(serializers.Serializer[Any]):
    appeals = AppealShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class AppealDecision(serializers.Serializer[Any]):
    grant = serializers.BooleanField(help_text="True lifts the suspension.")
    answer = serializers.CharField(max_length=2000, help_text="Why; the suspended person reads it.")
