"""The shapes of rules about people, their findings and what follows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from workforce import noticing
from workforce.models import Action, Consequence, Finding, Metric, PeopleRule


class RuleTerms(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, required=False)
    queue = serializers.CharField(
        max_length=64, required=False, allow_null=True, help_text="A queue's key; null: all."
    )
    metric = serializers.ChoiceField(choices=Metric.choices, required=False)
    last_answers = serializers.IntegerField(min_value=1, max_value=10_000, required=False, allow_null=True)
    days = serializers.IntegerField(min_value=1, max_value=366, required=False, allow_null=True)
    minimum = serializers.IntegerField(min_value=1, max_value=10_000, required=False)
    above = serializers.BooleanField(required=False)
    threshold = serializers.FloatField(required=False)
    sure = serializers.BooleanField(
        required=False, help_text="The whole interval has to lie beyond the threshold."
    )
    action = serializers.ChoiceField(choices=Action.choices, required=False)
    confirm = serializers.BooleanField(
        required=False, help_text="A person decides first; always for a suspension."
    )
    share = serializers.FloatField(min_value=0, max_value=1, required=False)
    gold_share = serializers.FloatField(
        min_value=0,
        max_value=0.5,
        required=False,
        help_text="Raised review: gold in what she is given, at least.",
    )
    queues = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        max_length=200,
        help_text="Keys of queues.",
    )
    goal_answers = serializers.IntegerField(min_value=1, max_value=1000, required=False)
    goal_share = serializers.FloatField(min_value=0, max_value=1, required=False)
    lasts_days = serializers.IntegerField(min_value=1, max_value=366, required=False)
    reason = serializers.CharField(max_length=2000, required=False)


class NewRule(RuleTerms):
    name = serializers.CharField(max_length=200)
    metric = serializers.ChoiceField(choices=Metric.choices)
    threshold = serializers.FloatField()
    action = serializers.ChoiceField(choices=Action.choices)
    reason = serializers.CharField(max_length=2000)


class RuleShape(serializers.ModelSerializer[PeopleRule]):
    queue = serializers.CharField(source="queue.key", allow_null=True, default=None)
    queues = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of queues.")

    class Meta:
        model = PeopleRule
        fields = (
            "id",
            "name",
            "queue",
            "metric",
            "last_answers",
            "days",
            "minimum",
            "above",
            "threshold",
            "sure",
            "action",
            "confirm",
            "share",
            "gold_share",
            "queues",
            "goal_answers",
            "goal_share",
            "lasts_days",
            "reason",
            "active",
        )


class RuleList(serializers.Serializer[Any]):
    rules = RuleShape(many=True)


class Switch(serializers.Serializer[Any]):
    on = serializers.BooleanField()


class LookShape(serializers.Serializer[Any]):
    pseudonym = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    n_set_aside = serializers.IntegerField()
    found = serializers.BooleanField()
    held_back = serializers.BooleanField(help_text="The spec is in question, not the person.")


class DryRun(serializers.Serializer[Any]):
    n_judged = serializers.IntegerField()
    n_found = serializers.IntegerField()
    looks = LookShape(many=True)


class FindingShape(serializers.ModelSerializer[Finding]):
    rule = serializers.CharField(source="rule.name")
    annotator = serializers.CharField(source="annotator.pseudonym")
    held_back = serializers.SerializerMethodField()

    class Meta:
        model = Finding
        fields = (
            "id",
            "rule",
            "annotator",
            "window_end",
            "value",
            "low",
            "high",
            "n",
            "n_set_aside",
            "held_back",
        )

    def get_held_back(self, row: Finding) -> bool:
        return row.held_back_id is not None


class FindingList(serializers.Serializer[Any]):
    findings = FindingShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class ConsequenceShape(serializers.ModelSerializer[Consequence]):
    annotator = serializers.CharField(source="annotator.pseudonym")
    decided_by = serializers.CharField(allow_null=True)

    class Meta:
        model = Consequence
        fields = (
            "id",
            "annotator",
            "action",
            "reason",
            "state",
            "share",
            "gold_share",
            "queues",
            "lasts_days",
            "decided_by",
            "note",
            "started_at",
            "until",
            "ended_at",
        )


class ConsequenceList(serializers.Serializer[Any]):
    consequences = ConsequenceShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class Note(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class Given(serializers.Serializer[Any]):
    action = serializers.CharField(max_length=16, help_text="review or restrict")
    reason = serializers.CharField(max_length=2000)
    days = serializers.IntegerField(min_value=1, max_value=366)
    share = serializers.FloatField(min_value=0, max_value=1, required=False, default=0.5)
    gold_share = serializers.FloatField(min_value=0, max_value=0.5, required=False, default=0.1)
    queues = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=200)


class NoticeShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    written_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)
    measured = serializers.CharField(
        help_text="What was measured, over what, against what; empty for a person's decision."
    )
    reason = serializers.CharField()
    follows = serializers.CharField()


class NoticeList(serializers.Serializer[Any]):
    notices = NoticeShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


def notice(told: noticing.Told) -> dict[str, Any]:
    return {
        "id": told.notice.pk,
        "written_at": told.notice.written_at,
        "read_at": told.notice.read_at,
        "measured": told.measured,
        "reason": told.reason,
        "follows": told.follows,
    }
