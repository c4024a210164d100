"""The shapes of the item browser."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from annotation import bulk_kinds, changing_many, finding, item_story
from annotation.models import BulkChange, BulkKind, BulkState, SavedFilter
from specs.api.base import ApiView
from specs.api.shapes import JobShape


def limit_of(view: ApiView, request: Request) -> int:
    return view.number(request, "limit", settings.PAGE_SIZE, low=1, high=settings.MAX_PAGE_SIZE)


def asked(query: str) -> finding.Asked:
    """What an address asks, written as one."""
    return finding.Asked.of(QueryDict(query))


class TaskBrief(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    queue = serializers.CharField(source="queue.key")
    state = serializers.CharField()
    n_answers = serializers.IntegerField()
    overlap = serializers.IntegerField()
    priority = serializers.IntegerField()


class LabelBrief(serializers.Serializer[Any]):
    question = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    text = serializers.CharField()


class ItemRow(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="item.pk")
    key = serializers.CharField(source="item.key")
    revision = serializers.IntegerField(source="item.revision")
    ended = serializers.CharField(help_text="`replaced` or `withdrawn` by its source; else empty.")
    excerpt = serializers.CharField()
    n_answers = serializers.IntegerField(source="entry.n_answers")
    disagreement = serializers.FloatField(
        source="entry.disagreement", allow_null=True, help_text="The share of pairs of answers that differ."
    )
    changed_at = serializers.DateTimeField(source="entry.changed_at")
    tags = serializers.ListField(child=serializers.CharField())
    tasks = TaskBrief(many=True)
    labels = LabelBrief(many=True)


class ItemList(serializers.Serializer[Any]):
    items = ItemRow(many=True)
    n = serializers.IntegerField(help_text="How many are found, up to COUNTED_ITEMS.")
    more_than_n = serializers.BooleanField()
    complete = serializers.BooleanField(help_text="False while items that came in are still being read.")
    next_after = serializers.CharField(allow_null=True)


class RevisionShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    revision = serializers.IntegerField()
    digest = serializers.CharField()
    created_at = serializers.DateTimeField()
    ended = serializers.CharField()


class StoryTask(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    queue = serializers.CharField()
    state = serializers.CharField()
    meaning = serializers.IntegerField()
    round = serializers.IntegerField()
    hidden = serializers.CharField(
        help_text="Why answers are kept from you: `independent` (a lead reads it first), `asked` (you may be asked); else empty."
    )
    slots = serializers.ListField(child=serializers.DictField())
    answers = serializers.ListField(child=serializers.DictField())
    labels = serializers.ListField(child=serializers.DictField())
    disputes = serializers.ListField(child=serializers.DictField())
    reviews = serializers.ListField(child=serializers.DictField())
    n_messages = serializers.IntegerField(allow_null=True)


class ItemStory(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    key = serializers.CharField()
    revision = serializers.IntegerField()
    payload = serializers.JSONField()
    tags = serializers.ListField(child=serializers.CharField())
    clauses = serializers.ListField(child=serializers.CharField(), help_text="Clauses known from the item.")
    revisions = RevisionShape(many=True)
    tasks = StoryTask(many=True)
    by_version = serializers.ListField(
        child=serializers.DictField(), help_text="Its label under each version."
    )
    events = serializers.ListField(child=serializers.DictField(), help_text="Newest first.")
    exports = serializers.ListField(child=serializers.DictField(), required=False)


def story(told: item_story.Story) -> dict[str, Any]:
    """A story as JSON."""
    return {
        "id": told.item.pk,
        "key": told.item.key,
        "revision": told.item.revision,
        "payload": told.item.payload,
        "tags": told.tags,
        "clauses": told.clauses,
        "revisions": [
            {
                "id": one.pk,
                "revision": one.revision,
                "digest": one.digest,
                "created_at": one.created_at,
                "ended": next((end.reason for end in one.ends.all()), ""),
            }
            for one in told.revisions
        ],
        "tasks": [_task(one) for one in told.tasks],
        "by_version": told.by_version,
        "events": told.events,
    }


def _task(one: item_story.TaskStory) -> dict[str, Any]:
    return {
        "id": one.task.pk,
        "queue": one.task.queue.key,
        "state": one.task.state,
        "meaning": one.task.meaning,
        "round": one.task.round,
        "hidden": one.hidden,
        "slots": [{"state": slot.state, "annotator": slot.who, "until": slot.until} for slot in one.slots],
        "answers": [
            {
                "id": said.id,
                "who": said.who,
                "values": said.stored,
                "cannot": said.cannot,
                "clauses": [key for key in said.cited if key],
                "no_clause_fits": "" in said.cited,
                "flagged": said.flagged,
                "confidence": said.confidence,
                "version": said.version,
                "answered_at": said.at,
                "revision": said.revision,
            }
            for said in one.answers
        ],
        "labels": one.labels,
        "disputes": [
            {
                "id": dispute.pk,
                "state": dispute.shown_state,
                "reason": dispute.reason,
                "cause": ruling.cause if ruling else None,
                "clause": ruling.clause.key if ruling and ruling.clause else None,
                "values": ruling.values if ruling else None,
            }
            for dispute, ruling in one.disputes
        ],
        "reviews": [
            {"id": review.pk, "state": review.state, "round": review.round, "opened_at": review.opened_at}
            for review in one.reviews
        ],
        "n_messages": one.n_messages,
    }


class TagList(serializers.Serializer[Any]):
    tags = serializers.ListField(child=serializers.CharField())


class FilterIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    query = serializers.CharField(
        max_length=4000, allow_blank=True, help_text="As the address of a list has it."
    )
    shared = serializers.BooleanField(required=False, default=False)


class FilterShape(serializers.ModelSerializer[SavedFilter]):
    own = serializers.SerializerMethodField(help_text="False for one that somebody shares.")

    class Meta:
        model = SavedFilter
        fields = ("id", "name", "query", "shared", "saved_at", "own")

    def get_own(self, kept: SavedFilter) -> bool:
        return not kept.shared


class FilterList(serializers.Serializer[Any]):
    filters = FilterShape(many=True)


class ChangeIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=BulkKind.choices)
    items = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, help_text="Their ids."
    )
    query = serializers.CharField(
        max_length=4000,
        required=False,
        allow_blank=True,
        help_text="Instead: all that a list of this address finds.",
    )
    queue = serializers.CharField(max_length=64, required=False)
    priority = serializers.IntegerField(required=False)
    annotator = serializers.CharField(max_length=64, required=False, help_text="Pseudonym.")
    days = serializers.IntegerField(required=False, help_text="For how long work is kept for somebody.")
    tag = serializers.CharField(max_length=64, required=False)
    spec = serializers.CharField(max_length=64, required=False)


class PreviewShape(serializers.Serializer[Any]):
    n_items = serializers.IntegerField()
    n_with_tasks = serializers.IntegerField()
    n_open = serializers.IntegerField()
    n_held = serializers.IntegerField()
    n_answered = serializers.IntegerField()
    n_disputed = serializers.IntegerField()
    n_ended = serializers.IntegerField()
    n_tagged = serializers.IntegerField()


class ChangeShape(serializers.ModelSerializer[BulkChange]):
    job = JobShape(allow_null=True)
    undoable = serializers.SerializerMethodField()
    preview = serializers.SerializerMethodField()
    left = serializers.SerializerMethodField(help_text="Why items were left as they were, and how many.")

    class Meta:
        model = BulkChange
        fields = (
            "id", "kind", "query", "state", "n_items", "n_changed", "n_left", "n_undone", "undoable", "preview", "left",
            "job", "proposed_at", "begun_at", "ended_at",
        )  # fmt: skip

    def get_undoable(self, change: BulkChange) -> bool:
        return bulk_kinds.KINDS[change.kind].undoable

    @extend_schema_field(PreviewShape(allow_null=True))
    def get_preview(self, change: BulkChange) -> dict[str, int] | None:
        return vars(changing_many.preview(change)) if change.state == BulkState.PROPOSED else None

    def get_left(self, change: BulkChange) -> dict[str, int]:
        return dict(changing_many.reasons(change)) if change.n_left else {}


class ChangeList(serializers.Serializer[Any]):
    changes = ChangeShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)
