"""The shapes of requests and answers of this app, with explicit fields only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from specs.clauses import BLOCK_TYPES
from specs.models import Job, Spec, SpecVersion

KEY = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"


class Key(serializers.RegexField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(KEY, max_length=64, **kwargs)


class SpecShape(serializers.ModelSerializer[Spec]):
    class Meta:
        model = Spec
        fields = ("key", "title", "purpose", "created_at")
        read_only_fields = ("created_at",)


class NewSpec(serializers.Serializer[Any]):
    key = Key()
    title = serializers.CharField(max_length=200)
    purpose = serializers.CharField(required=False, allow_blank=True, default="", max_length=10_000)


class SpecList(serializers.Serializer[Any]):
    specs = SpecShape(many=True)


class Block(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=list(BLOCK_TYPES))
    text = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    item = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    value = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    why = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)


class Governs(serializers.Serializer[Any]):
    question = serializers.CharField(max_length=64)
    values = serializers.ListField(child=serializers.CharField(max_length=200), required=False, default=list)
    pairs = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(max_length=200), min_length=2, max_length=2),
        required=False,
        default=list,
    )


class ClauseWords(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=200, allow_blank=True)
    section = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    blocks = Block(many=True, required=False, default=list)
    governs = Governs(many=True, required=False, default=list)
    revision = serializers.IntegerField(
        required=False, allow_null=True, help_text="The revision that was seen; an older one is refused."
    )


class NewClause(ClauseWords):
    key = serializers.CharField(max_length=64)


class Ancestor(serializers.Serializer[Any]):
    key = serializers.CharField()
    kind = serializers.ChoiceField(choices=["split", "merged"])


class ClauseOut(ClauseWords):
    key = serializers.CharField()
    position = serializers.IntegerField()
    ancestors = Ancestor(many=True, required=False)
    unseen = serializers.BooleanField(
        required=False, help_text="Came out of a document, and nobody has looked at it yet."
    )


class Split(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=64, help_text="Of the new clause.")
    title = serializers.CharField(max_length=200)
    blocks = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=1, help_text="Their places, counting from 1."
    )
    revision = serializers.IntegerField(required=False, allow_null=True)


class Merge(serializers.Serializer[Any]):
    other = serializers.CharField(max_length=64, help_text="The key of the clause to take in.")
    revision = serializers.IntegerField(
        required=False, allow_null=True, help_text="Of this clause, as it was seen; an older one is refused."
    )
    other_revision = serializers.IntegerField(
        required=False, allow_null=True, help_text="Of the clause to take in, as it was seen."
    )


class RenameSection(serializers.Serializer[Any]):
    old = serializers.CharField(max_length=200)
    new = serializers.CharField(max_length=200, allow_blank=True)


class Move(serializers.Serializer[Any]):
    to = serializers.IntegerField(min_value=1, max_value=100_000)
    section = serializers.CharField(max_length=200, required=False, allow_blank=True)


class Label(serializers.Serializer[Any]):
    value = serializers.CharField(max_length=200)
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    shortcut = serializers.CharField(max_length=1, required=False, allow_blank=True)
    colour = serializers.CharField(max_length=20, required=False, allow_blank=True)


class ShownWhen(serializers.Serializer[Any]):
    question = serializers.CharField(max_length=64)
    values = serializers.ListField(child=serializers.CharField(max_length=200), min_length=1)


class Question(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=63)
    kind = serializers.CharField(max_length=64)
    title = serializers.CharField(max_length=500)
    help = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
    required = serializers.BooleanField(required=False, default=True)  # type: ignore[assignment]
    labels = Label(many=True, required=False, default=list)
    options_from = serializers.CharField(max_length=200, required=False, allow_null=True, default=None)
    cite = serializers.ChoiceField(choices=["default", "always", "never"], required=False, default="default")
    shown_when = ShownWhen(required=False, allow_null=True, default=None)
    settings = serializers.DictField(required=False)


class Questions(serializers.Serializer[Any]):
    questions = Question(many=True)
    revision = serializers.IntegerField(required=False, allow_null=True)


class Draft(serializers.Serializer[Any]):
    revision = serializers.IntegerField()
    based_on = serializers.CharField(allow_null=True)
    questions = Question(many=True)
    clauses = ClauseOut(many=True)


class VersionShape(serializers.ModelSerializer[SpecVersion]):
    number = serializers.CharField(read_only=True)

    class Meta:
        model = SpecVersion
        fields = (
            "number",
            "state",
            "meaning",
            "change_class",
            "digest",
            "notes",
            "rationale",
            "published_at",
        )


class VersionList(serializers.Serializer[Any]):
    versions = VersionShape(many=True)


class VersionWhole(VersionShape):
    clauses = ClauseOut(many=True)
    questions = Question(many=True)

    class Meta(VersionShape.Meta):
        fields = (*VersionShape.Meta.fields, "clauses", "questions")  # type: ignore[assignment]


class JobShape(serializers.ModelSerializer[Job]):
    class Meta:
        model = Job
        fields = (
            "id",
            "kind",
            "state",
            "n_done",
            "n_total",
            "note",
            "error",
            "result",
            "created_at",
            "started_at",
            "finished_at",
        )


class JobList(serializers.Serializer[Any]):
    jobs = JobShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)
