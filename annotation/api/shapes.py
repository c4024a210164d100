"""The shapes of requests and answers of this app, with explicit fields only."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from annotation.api.estimates import EstimateShape
from annotation.models import (
    DISPUTE_STATES,
    MOST_MORE,
    Cause,
    Deferral,
    Dispute,
    FirstReading,
)
from specs.api.schema import Problem
from specs.api.shapes import Key
from workforce.api.shapes import LeaseShape


class Citations(serializers.DictField):
    """Clause keys per question, or `no-clause-fits`."""

    child = serializers.ListField(child=serializers.CharField(max_length=64), max_length=50)


def confidence() -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=5,
        help_text="How sure the author is: 1 is a guess, 5 is certain; queues with `asks_confidence` ask for it.",
    )


class Submission(serializers.Serializer[Any]):
    token = serializers.UUIDField(help_text="The lease's token.")
    values = serializers.DictField(help_text="The value per question.")
    citations = Citations(required=False, default=dict)
    flagged = serializers.BooleanField(required=False, default=False)
    confidence = confidence()
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)
    keep_version = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Send it under the version that was served, although another one is in force by now.",
    )
    claim_next = serializers.BooleanField(
        required=False, default=False, help_text="Lease the next task in the same request."
    )


class Told(serializers.Serializer[Any]):
    mark = serializers.IntegerField(help_text="The number of the mark: what an appeal names.")
    question = serializers.CharField()
    title = serializers.CharField()
    given = serializers.CharField()
    expected = serializers.CharField()
    right = serializers.BooleanField()
    explanation = serializers.CharField(allow_blank=True)
    clauses = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of the clauses that decide."
    )


class Receipt(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=["counted", "late"])
    annotation = serializers.IntegerField(allow_null=True)
    task = serializers.IntegerField()
    served_digest = serializers.CharField()
    feedback = Told(
        many=True,
        help_text="What was expected and why, where the answer was known and the queue tells at once; else empty.",
    )
    next = LeaseShape(allow_null=True, help_text="The next lease, when it was asked for and there is one.")


class SubmissionOfMany(Submission):
    assignment = serializers.IntegerField(min_value=1)
    idempotency_key = serializers.CharField(
        max_length=100, help_text="8 to 100 characters of your own, for this answer alone."
    )


class Submissions(serializers.Serializer[Any]):
    # Each is checked by itself (`SubmissionOfMany`), so that one that is wrong keeps none of the others out.
    answers = serializers.ListField(child=serializers.DictField(), min_length=1)


class Outcome(serializers.Serializer[Any]):
    assignment = serializers.JSONField(help_text="As it was sent.")
    status = serializers.IntegerField(help_text="What the answer would have got by itself: 200, 409, 422 …")
    receipt = Receipt(allow_null=True)
    problem = Problem(allow_null=True)


class Outcomes(serializers.Serializer[Any]):
    replies = Outcome(many=True, help_text="In the order of the answers.")


SUBMISSIONS_EXAMPLES = [
    OpenApiExample(
        "Two answers",
        request_only=True,
        value={
            "answers": [
                {
                    "assignment": 42,
                    "token": "0b7e3c1a-6d1f-4f0e-9c55-2f4b8a1d7e10",
                    "idempotency_key": "run-7-item-42",
                    "values": {"label": "toxic"},
                    "citations": {"label": ["insult"]},
                },
                {
                    "assignment": 43,
                    "token": "5c9d2f77-1b0a-4a8e-8f3d-6e2c4b9a0f21",
                    "idempotency_key": "run-7-item-43",
                    "values": {"label": "rude"},
                },
            ]
        },
    ),
    OpenApiExample(
        "The first counts, the second does not fit and leaves the first alone",
        response_only=True,
        status_codes=["207"],
        value={
            "replies": [
                {
                    "assignment": 42,
                    "status": 200,
                    "receipt": {
                        "outcome": "counted",
                        "annotation": 1007,
                        "task": 311,
                        "served_digest": "sha256:9f2c…",
                        "feedback": [],
                        "next": None,
                    },
                    "problem": None,
                },
                {
                    "assignment": 43,
                    "status": 422,
                    "receipt": None,
                    "problem": {
                        "type": "urn:concordat:problem:invalid",
                        "title": "invalid",
                        "status": 422,
                        "detail": "The answer does not fit the questions.",
                        "problems": [{"where": "question label", "message": "has no option 'rude'"}],
                    },
                },
            ]
        },
    ),
]


class DraftIn(serializers.Serializer[Any]):
    values = serializers.DictField()
    citations = Citations(required=False, default=dict)
    flagged = serializers.BooleanField(required=False, default=False)
    confidence = confidence()
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)
    revision = serializers.IntegerField(min_value=0, help_text="The revision that was seen, 0 for none.")


class DraftOut(serializers.Serializer[Any]):
    revision = serializers.IntegerField()


class DisputeShape(serializers.ModelSerializer[Dispute]):
    item = serializers.CharField(source="task.item.key")
    queue = serializers.CharField(source="task.queue.key")
    state = serializers.ChoiceField(source="shown_state", choices=DISPUTE_STATES, read_only=True)
    flagged = serializers.BooleanField(help_text="An answer cites a clause that is flagged.", read_only=True)

    class Meta:
        model = Dispute
        fields = (
            "id",
            "item",
            "queue",
            "questions",
            "reason",
            "state",
            "disagreement",
            "confidence",
            "value",
            "flagged",
            "pair",
            "likeness",
            "independent",
            "opened_at",
            "decided_at",
        )


class DisputeList(serializers.Serializer[Any]):
    disputes = DisputeShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class DisputeLine(serializers.Serializer[Any]):
    disputes = DisputeShape(many=True)
    next_after = serializers.CharField(allow_null=True)


class NextDispute(serializers.Serializer[Any]):
    dispute = DisputeShape(allow_null=True)
    lease = LeaseShape(allow_null=True)


class Side(serializers.Serializer[Any]):
    value = serializers.JSONField()
    describe = serializers.CharField()
    answers = serializers.ListField(
        child=serializers.CharField(), help_text="Letters for the people who gave it."
    )
    citations = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    fixes = serializers.ListField(
        child=serializers.CharField(), help_text="Letters of reviewers who fixed it so."
    )
    quick = serializers.ListField(
        child=serializers.CharField(), help_text="Letters of who took far less time than the others."
    )


class DeferralShape(serializers.ModelSerializer[Deferral]):
    queue = serializers.CharField(source="queue.key", allow_null=True, default=None)
    person = serializers.CharField(source="person.pseudonym", allow_null=True, default=None)

    class Meta:
        model = Deferral
        fields = ("kind", "n_answers", "queue", "person", "reason", "deferred_at")


class DisputeWhole(DisputeShape):
    payload = serializers.DictField()
    sides = serializers.DictField(child=Side(many=True))
    declined = serializers.DictField(
        child=serializers.IntegerField(), help_text="Who says that it cannot be labelled, by category."
    )
    hidden = serializers.BooleanField(
        help_text="An independent dispute: the answers are kept from you until you have said what you think."
    )
    deferrals = DeferralShape(many=True)
    later = serializers.IntegerField(
        help_text="Answers that came or changed after the ruling in force: it may be stale."
    )

    class Meta(DisputeShape.Meta):
        fields = (*DisputeShape.Meta.fields, "payload", "sides", "declined", "hidden", "deferrals", "later")  # type: ignore[assignment]


class SplitIn(serializers.Serializer[Any]):
    field = serializers.CharField(max_length=200, help_text="The field of the item that is divided.")
    parts = serializers.ListField(
        child=serializers.CharField(max_length=100_000), help_text="What stands in it in each new item."
    )


class RulingIn(serializers.Serializer[Any]):
    assignment = serializers.IntegerField()
    token = serializers.UUIDField()
    values = serializers.DictField(required=False, default=dict)
    cannot = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        default="",
        help_text="Instead of values: why the item cannot be labelled.",
    )
    cause = serializers.ChoiceField(choices=Cause.choices)
    clause = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=10_000, required=False, allow_blank=True, default="")
    plural = serializers.DictField(
        child=serializers.ListField(child=serializers.JSONField()),
        required=False,
        default=dict,
        help_text="Instead of a value: for a question the answers that are all right; it ends with a soft label.",
    )
    split = SplitIn(
        required=False, allow_null=True, default=None, help_text="Instead of values: it is several items."
    )
    precedent = serializers.BooleanField(required=False, default=False)
    gold = serializers.BooleanField(
        required=False, default=False, help_text="Keep what is ruled as a known answer, in use at once."
    )


class FirstIn(serializers.Serializer[Any]):
    assignment = serializers.IntegerField()
    token = serializers.UUIDField()
    values = serializers.DictField(required=False, default=dict)
    cannot = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")


class FirstOut(serializers.ModelSerializer[FirstReading]):
    class Meta:
        model = FirstReading
        fields = ("values", "cannot", "read_at")


class DeferIn(serializers.Serializer[Any]):
    assignment = serializers.IntegerField()
    token = serializers.UUIDField()
    more = serializers.IntegerField(
        min_value=1, max_value=MOST_MORE, required=False, allow_null=True, default=None
    )
    queue = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default="", help_text="Another adjudication queue."
    )
    person = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default="", help_text="A lead, by pseudonym."
    )
    reason = serializers.CharField(max_length=10_000, required=False, allow_blank=True, default="")


class AlikeOut(serializers.Serializer[Any]):
    disputes = DisputeShape(many=True)


class AlikeIn(serializers.Serializer[Any]):
    disputes = serializers.ListField(child=serializers.IntegerField(min_value=1), allow_empty=False)


class AlikeDone(serializers.Serializer[Any]):
    dispute = serializers.IntegerField()
    ruling = serializers.IntegerField(allow_null=True)
    refusal = serializers.CharField(help_text="Why there is no ruling; empty where there is one.")


class RuledAlike(serializers.Serializer[Any]):
    done = AlikeDone(many=True)


class LeadShare(serializers.Serializer[Any]):
    right = serializers.IntegerField()
    n = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    enough = serializers.BooleanField()


class LeadOut(serializers.Serializer[Any]):
    lead = serializers.CharField()
    rulings = serializers.IntegerField()
    known = LeadShare()
    seconded = LeadShare()
    as_read = LeadShare()
    appeals = serializers.IntegerField(help_text="Decided appeals against her decisions.")
    reversed = serializers.IntegerField(help_text="How many of these reversed them.")


class LeadsBeyondChance(serializers.Serializer[Any]):
    question = serializers.CharField(help_text="Its title.")
    alpha = EstimateShape()


class LeadsOut(serializers.Serializer[Any]):
    between = LeadShare()
    beyond_chance = LeadsBeyondChance(
        many=True, help_text="Per question Krippendorff's alpha of what both leads decided, nominal."
    )
    leads = LeadOut(many=True)


class RulingOut(serializers.Serializer[Any]):
    ruling = serializers.IntegerField()
    dispute = serializers.IntegerField()


class ReopenIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=10_000)


class ReopeningOut(serializers.Serializer[Any]):
    dispute = serializers.IntegerField(source="dispute_id")
    ruling = serializers.IntegerField(source="ruling_id")
    later = serializers.IntegerField(source="n_later")


class MeasureIn(serializers.Serializer[Any]):
    spec = Key()
    queue = Key(required=False, allow_null=True, default=None)
