"""The shapes of the roster: annotators, skills, availability, what a queue asks for."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from specs.api.shapes import Key
from workforce.models import AnnotatorSkill, AnnotatorState
from workforce.skills import MAX_LEVEL


class SkillShape(serializers.Serializer[Any]):
    key = Key()
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class SkillList(serializers.Serializer[Any]):
    skills = SkillShape(many=True)


class HeldSkill(serializers.ModelSerializer[AnnotatorSkill]):
    skill = serializers.CharField(source="skill.key")
    version = serializers.CharField(source="version.number", allow_null=True, default=None)
    clause = serializers.CharField(source="clause.key", allow_null=True, default=None)

    class Meta:
        model = AnnotatorSkill
        fields = ("id", "skill", "level", "version", "clause", "since", "until", "source")


class Grant(serializers.Serializer[Any]):
    skill = Key()
    level = serializers.IntegerField(min_value=1, max_value=MAX_LEVEL, required=False, default=1)
    until = serializers.DateTimeField(required=False, allow_null=True, default=None)
    spec = serializers.CharField(
        max_length=64, required=False, default="", help_text="The spec that version and clause belong to."
    )
    version = serializers.CharField(max_length=40, required=False, default="", help_text="As in 1.2.0.")
    clause = serializers.CharField(max_length=200, required=False, default="", help_text="A clause's key.")


class RosterEntry(serializers.Serializer[Any]):
    pseudonym = serializers.CharField()
    username = serializers.CharField(allow_null=True)
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=AnnotatorState.choices)
    languages = serializers.ListField(child=serializers.CharField())
    time_zone = serializers.CharField()
    weekday_hours = serializers.ListField(child=serializers.FloatField())
    away_until = serializers.DateField(allow_null=True)
    cohorts = serializers.ListField(child=serializers.CharField())
    skills = HeldSkill(many=True)
    n_queues = serializers.IntegerField()
    n_held = serializers.IntegerField()
    last_answer_at = serializers.DateTimeField(allow_null=True)


class RosterPage(serializers.Serializer[Any]):
    annotators = RosterEntry(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class Description(serializers.Serializer[Any]):
    languages = serializers.ListField(child=serializers.CharField(max_length=35), max_length=50)
    time_zone = serializers.CharField(max_length=64, allow_blank=True)
    weekday_hours = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=24),
        max_length=7,
        help_text="Monday first; none: not said.",
    )


class Away(serializers.Serializer[Any]):
    first = serializers.DateField()
    last = serializers.DateField()


class Requirement(serializers.Serializer[Any]):
    skill = serializers.CharField(max_length=64, allow_null=True)
    level = serializers.IntegerField(min_value=1, max_value=MAX_LEVEL, required=False, default=1)
    clause = serializers.CharField(max_length=200, allow_null=True, required=False, default=None)
    languages = serializers.ListField(
        child=serializers.CharField(max_length=35), max_length=50, required=False
    )


class RequirementMet(Requirement):
    n_enrolled = serializers.IntegerField()
    n_able = serializers.IntegerField()
