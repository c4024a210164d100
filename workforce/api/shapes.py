"""The shapes of requests and answers of this app, with explicit fields only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from specs.api.shapes import Key
from specs.models import Member, Role
from workforce import batching, gold_settings, order_rules, prediction_settings, queues
from workforce.models import (
    BatchesFor,
    Citing,
    Direction,
    Entry,
    Feedback,
    InProgress,
    Load,
    Order,
    OrderKind,
    OverlapPolicy,
    Predictions,
    Purpose,
    Queue,
    QuizFailure,
    Rule,
    Spread,
    Twin,
)
from workforce.models.queues import MAX_STAGGER


class QueueShape(serializers.ModelSerializer[Queue]):
    spec = serializers.CharField(source="spec.key")
    version = serializers.CharField(source="version.number", allow_null=True)
    adjudication_queue = serializers.CharField(source="adjudication_queue.key", allow_null=True, default=None)
    owner = serializers.IntegerField(
        source="owner_id", allow_null=True, help_text="The member who answers for it."
    )

    class Meta:
        model = Queue
        fields = (
            "key",
            "name",
            "purpose",
            "state",
            "spec",
            "version",
            "adjudication_queue",
            "overlap",
            "max_overlap",
            *queues.OVERLAP,
            "rule",
            "consensus_share",
            *order_rules.NAMES,
            "lease_for",
            "max_renewals",
            "max_leases",
            "batches_for",
            "citing",
            "cite_share",
            "asks_confidence",
            *queues.ENTRY,
            *queues.EXCEPTIONS,
            *gold_settings.NAMES,
            *prediction_settings.NAMES,
            "in_progress",
            "owner",
            *queues.SERVICE_LEVEL,
        )


class QueueCounts(QueueShape):
    counts = serializers.DictField(child=serializers.IntegerField())

    class Meta(QueueShape.Meta):
        fields = (*QueueShape.Meta.fields, "counts")  # type: ignore[assignment]


class QueueList(serializers.Serializer[Any]):
    queues = QueueCounts(many=True)


class GoldSettings(serializers.Serializer[Any]):
    """The part of a queue's settings that is about gold and repeats."""

    gold_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    gold_first = serializers.IntegerField(min_value=0, max_value=10_000, required=False)
    gold_first_of = serializers.IntegerField(min_value=1, max_value=30_000, required=False)
    gold_feedback = serializers.ChoiceField(choices=Feedback.choices, required=False)
    gold_verdict_from = serializers.IntegerField(min_value=1, max_value=1000, required=False)
    gold_failed_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    gold_exposures = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False)
    gold_age = serializers.DurationField(required=False, allow_null=True)
    repeat_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    repeat_after = serializers.DurationField(required=False)
    repeat_after_answers = serializers.IntegerField(min_value=1, max_value=100_000, required=False)


class QueueSettings(GoldSettings):
    name = serializers.CharField(max_length=200, required=False)
    overlap = serializers.IntegerField(min_value=1, max_value=50, required=False)
    max_overlap = serializers.IntegerField(min_value=1, max_value=50, required=False)
    overlap_policy = serializers.ChoiceField(choices=OverlapPolicy.choices, required=False)
    double_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    accuracy_target = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    stop_target = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    fair_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    audit_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    error_cost = serializers.DecimalField(
        max_digits=7,
        decimal_places=1,
        min_value=0,
        required=False,
        help_text="What a wrong label costs, in answers. Where one more answer is worth less than it costs, a lead is asked "
        "before `max_overlap`; 0: not weighed. For the policy `dynamic`.",
    )
    rule = serializers.ChoiceField(choices=Rule.choices, required=False)
    consensus_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    order = serializers.ChoiceField(choices=Order.choices, required=False)
    order_field = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        help_text="The field of the item that the order is by.",
    )
    order_kind = serializers.ChoiceField(choices=OrderKind.choices, required=False)
    order_descending = serializers.BooleanField(required=False, help_text="Highest first, or from Z to A.")
    order_seed = serializers.IntegerField(
        min_value=0,
        max_value=2**63 - 1,
        required=False,
        help_text="What a random order and random draws are made with.",
    )
    spread = serializers.ChoiceField(choices=Spread.choices, required=False)
    stagger = serializers.IntegerField(
        min_value=0,
        max_value=MAX_STAGGER,
        required=False,
        help_text="Tasks that lie between two answers of one task, where what is begun is finished first.",
    )
    random_share = serializers.DecimalField(
        max_digits=4,
        decimal_places=3,
        required=False,
        help_text="Share of the claims that ignore the order and take a random task.",
    )
    lease_for = serializers.DurationField(required=False)
    max_renewals = serializers.IntegerField(min_value=0, max_value=1000, required=False)
    max_leases = serializers.IntegerField(min_value=1, max_value=1000, required=False)
    batches_for = serializers.ChoiceField(choices=BatchesFor.choices, required=False)
    citing = serializers.ChoiceField(choices=Citing.choices, required=False)
    cite_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    asks_confidence = serializers.BooleanField(
        required=False, help_text="Answers may say how sure their author is."
    )
    entry = serializers.ChoiceField(choices=Entry.choices, required=False)
    qualification = serializers.BooleanField(required=False)
    quiz_items = serializers.IntegerField(min_value=1, max_value=50, required=False)
    quiz_pass_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    quiz_attempts = serializers.IntegerField(min_value=1, max_value=20, required=False)
    quiz_failure = serializers.ChoiceField(choices=QuizFailure.choices, required=False)
    quiz_wait = serializers.DurationField(required=False)
    skips_per_hour = serializers.IntegerField(min_value=0, max_value=1000, required=False)
    skip_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    max_returns = serializers.IntegerField(min_value=1, max_value=1000, required=False)
    hold_for = serializers.DurationField(
        required=False, help_text="How long a task waits for an answer about a clause; 0, and none is held."
    )
    max_holds = serializers.IntegerField(min_value=1, max_value=100, required=False)
    undo_for = serializers.DurationField(
        required=False, help_text="How long the page offers to take up the last answer again; 0, and never."
    )
    n_correctable = serializers.IntegerField(
        min_value=0,
        max_value=100,
        required=False,
        help_text="How many of her last answers an annotator can correct while their tasks are open.",
    )
    cannot_categories = serializers.ListField(
        child=serializers.CharField(max_length=32),
        max_length=20,
        required=False,
        help_text="Why an item cannot be labelled; empty, and nobody can say so.",
    )
    predictions = serializers.ChoiceField(
        choices=Predictions.choices,
        required=False,
        help_text="What is done with what models said of the items.",
    )
    predictions_share = serializers.DecimalField(
        max_digits=4,
        decimal_places=3,
        required=False,
        help_text="Of an experiment: to how many they are shown.",
    )
    predictions_model = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="Only this model; empty, and the newest of any.",
    )
    predictions_prefill = serializers.BooleanField(
        required=False, help_text="What is shown is chosen already, and has to be confirmed."
    )
    independent_share = serializers.DecimalField(
        max_digits=4,
        decimal_places=3,
        required=False,
        help_text="Of an adjudication queue: disputes that a lead judges before seeing the answers.",
    )
    second_share = serializers.DecimalField(
        max_digits=4,
        decimal_places=3,
        required=False,
        help_text="Of an adjudication queue: disputes that a second lead decides as well, blind to the first.",
    )
    value_field = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        help_text="The field of an item that says what it is worth: disputes come by how unsure they are, times that.",
    )
    oldest_within = serializers.DurationField(required=False)
    settled_within = serializers.DurationField(required=False)
    settled_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)
    disputes_within = serializers.DurationField(required=False)
    disputes_share = serializers.DecimalField(max_digits=4, decimal_places=3, required=False)


class NewQueue(QueueSettings):
    key = Key()
    name = serializers.CharField(max_length=200)
    spec = Key()
    version = serializers.CharField(max_length=40, required=False, allow_null=True, default=None)
    purpose = serializers.ChoiceField(choices=Purpose.choices, required=False, default=Purpose.LABELLING)


class InForce(serializers.Serializer[Any]):
    version = serializers.CharField(max_length=40)
    in_progress = serializers.ChoiceField(
        choices=InProgress.choices,
        required=False,
        default=InProgress.FINISH,
        help_text="What happens to work under way.",
    )


class CohortShape(serializers.Serializer[Any]):
    key = Key()
    name = serializers.CharField(max_length=200)


class CohortList(serializers.Serializer[Any]):
    cohorts = CohortShape(many=True)


class ProjectCloneIn(serializers.Serializer[Any]):
    key = Key()
    name = serializers.CharField(max_length=200)


class ProjectCloneOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()


class ItemsWithdrawIn(serializers.Serializer[Any]):
    keys = serializers.ListField(child=serializers.CharField(max_length=200), min_length=1)
    note = serializers.CharField(required=False, allow_blank=True, default="", help_text="Why.")


class ItemsWithdrawOut(serializers.Serializer[Any]):
    keys = serializers.ListField(child=serializers.CharField(), help_text="Withdrawn now.")
    known = serializers.ListField(child=serializers.CharField(), help_text="Withdrawn before.")
    unknown = serializers.ListField(child=serializers.CharField(), help_text="Never came.")


class LoadShape(serializers.ModelSerializer[Load]):
    class Meta:
        model = Load
        fields = (
            "id",
            "source",
            "form",
            "state",
            "options",
            "digest",
            "n_rows",
            "n_new",
            "n_known",
            "n_bad",
            "n_replaced",
            "n_gone",
            "n_same",
            "n_near",
            "n_left_out",
            "directed",
            "problems",
            "job",
            "loaded_at",
        )


class SignalShape(serializers.Serializer[Any]):
    source = serializers.CharField()  # type: ignore[assignment]
    reason = serializers.CharField(help_text="Why they were selected.")
    n = serializers.IntegerField()
    n_answered = serializers.IntegerField()
    median_seconds = serializers.FloatField(
        allow_null=True, help_text="Age at the first answer, from when it happened."
    )
    p90_seconds = serializers.FloatField(allow_null=True)
    n_expired = serializers.IntegerField(help_text="Expired unused.")
    n_waiting = serializers.IntegerField()


class SignalList(serializers.Serializer[Any]):
    signals = SignalShape(many=True)


class LoadList(serializers.Serializer[Any]):
    loads = LoadShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class DirectionShape(serializers.ModelSerializer[Direction]):
    target = serializers.CharField(source="target.key", allow_null=True, default=None)
    skill = serializers.CharField(source="skill.key", allow_null=True, default=None)

    class Meta:
        model = Direction
        fields = ("id", "position", "field", "value", "target", "skill", "priority")


class DirectionList(serializers.Serializer[Any]):
    directions = DirectionShape(many=True)


class NewDirection(serializers.Serializer[Any]):
    field = serializers.CharField(max_length=100)
    value = serializers.CharField(max_length=200, allow_blank=True)
    target = serializers.CharField(
        max_length=64, required=False, allow_null=True, default=None, help_text="A queue's key."
    )
    skill = serializers.CharField(
        max_length=64, required=False, allow_null=True, default=None, help_text="A skill's key."
    )
    priority = serializers.IntegerField(
        min_value=0, max_value=1000, required=False, allow_null=True, default=None
    )


class TwinShape(serializers.ModelSerializer[Twin]):
    class Meta:
        model = Twin
        fields = ("id", "kind", "line", "key", "of", "within", "likeness", "left_out")


class TwinList(serializers.Serializer[Any]):
    twins = TwinShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class Enrol(serializers.Serializer[Any]):
    member = serializers.IntegerField(help_text="The member's id, as the members list gives it.")


class Enrolled(serializers.Serializer[Any]):
    pseudonym = serializers.CharField()


class PrioritiseIn(serializers.Serializer[Any]):
    priority = serializers.IntegerField(
        min_value=0, max_value=1000, help_text="0 is what tasks have by themselves; higher ones come first."
    )
    tasks = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False, default=list)
    items = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=list,
        help_text="Instead of tasks: keys of items, whose open tasks are meant.",
    )
    field = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        default="",
        help_text="Instead of tasks: a field of the items, whose value is `value`.",
    )
    value = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class Prioritised(serializers.Serializer[Any]):
    tasks = serializers.IntegerField(
        allow_null=True, help_text="How many got another priority; null while the job is at it."
    )
    job = serializers.IntegerField(allow_null=True)


class ClaimIn(serializers.Serializer[Any]):
    n = serializers.IntegerField(
        min_value=1, required=False, help_text="Several tasks at once, at most so many; the answer is a list."
    )


class SuggestionShape(serializers.Serializer[Any]):
    prediction = serializers.IntegerField()
    question = serializers.CharField()
    value = serializers.JSONField()
    model = serializers.CharField()
    model_version = serializers.CharField(allow_blank=True)
    confidence = serializers.FloatField(allow_null=True)
    prefilled = serializers.BooleanField(help_text="The queue wants it chosen already.")
    taken = serializers.BooleanField()


class LeaseShape(serializers.Serializer[Any]):
    assignment = serializers.IntegerField()
    task = serializers.IntegerField()
    token = serializers.UUIDField()
    leased_at = serializers.DateTimeField()
    lease_until = serializers.DateTimeField()
    version = serializers.CharField()
    served_digest = serializers.CharField()
    item = serializers.CharField(help_text="The item's key.")
    payload = serializers.DictField()
    sensitive = serializers.BooleanField()
    suggestions = SuggestionShape(
        many=True, help_text="What models said, where the queue and your arm of an experiment have it shown."
    )


class BatchShape(serializers.Serializer[Any]):
    leases = LeaseShape(many=True)
    short = serializers.ChoiceField(
        choices=[("", ""), *batching.SHORT.items()], help_text="Why it is not as many as were asked for."
    )


class LeaseList(serializers.Serializer[Any]):
    leases = LeaseShape(many=True)


class Renewal(serializers.Serializer[Any]):
    token = serializers.UUIDField()


class Renewed(serializers.Serializer[Any]):
    lease_until = serializers.DateTimeField()


class Release(serializers.Serializer[Any]):
    token = serializers.UUIDField()


class HandedBack(serializers.Serializer[Any]):
    returned = serializers.IntegerField(help_text="How many leases were handed back.")


class MemberShape(serializers.ModelSerializer[Member]):
    username = serializers.CharField(source="user.username", allow_null=True, default=None)

    class Meta:
        model = Member
        fields = ("id", "username", "roles", "state", "created_at")


class MemberList(serializers.Serializer[Any]):
    members = MemberShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class NewMember(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices), min_length=1)


class Roles(serializers.Serializer[Any]):
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices), min_length=1)
