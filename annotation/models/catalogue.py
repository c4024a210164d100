"""Items as they are looked for: what is found of each, how far that has come, filters that people keep, and tags.

What is found of items is derived: it can be dropped and is read again.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Collate, Now

from specs.models.base import (
    BusyProjectRow,
    LinkedAtOnce,
    ProjectLink,
    ProjectRow,
    frozen,
    project_key,
    same_project,
)


class LiveEntry(BusyProjectRow):
    """What an item is found by. `facets` are words that `cataloguing` makes of its tasks, answers, labels, fields and tags.

    `words` are the words of its payload. `disagreement` is the largest share of pairs of answers that differ on one of its
    tasks, `priority` that of its open task, `changed_at` when anything last happened to it.
    """

    item = ProjectLink("workforce.Item")
    key = models.CharField(max_length=200)
    facets = ArrayField(models.TextField())
    words = SearchVectorField()
    n_answers = models.IntegerField(default=0)
    disagreement = models.FloatField(default=-1)
    priority = models.SmallIntegerField(default=0)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item"], name="live_entry_once")]
        indexes = [
            GinIndex(fields=["facets", "words"], name="live_entry_found"),
            models.Index(F("project"), Collate("key", "C"), F("item"), name="live_entry_key"),
            models.Index(fields=["project", "item"], name="live_entry_newest"),
            models.Index(fields=["project", "changed_at", "item"], name="live_entry_changed"),
            models.Index(fields=["project", "disagreement", "item"], name="live_entry_disagreement"),
            models.Index(fields=["project", "n_answers", "item"], name="live_entry_answers"),
            models.Index(fields=["project", "priority", "item"], name="live_entry_priority"),
        ]
        triggers = [
            LinkedAtOnce(*same_project("live_entry", item="workforce_item")),
            frozen("id", "project_id", "item_id"),
        ]


class LiveEntryCursor(ProjectRow):
    """How far a project's events are followed: as `LiveCursor`, for entries. Its row is locked by whoever follows."""

    seen = models.BigIntegerField()
    upto = models.BigIntegerField(default=0)
    ahead = models.BigIntegerField(default=0)
    ahead_xid = models.BigIntegerField(default=0)
    ahead_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project"], name="live_entry_cursor_one_per_project")]


class LiveEntrySweep(ProjectRow):
    """Items of a project, from one number to another, that are read anew part by part."""

    first = models.BigIntegerField()
    last = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "first", "last"], name="live_entry_sweep_once"),
        ]


class SavedFilter(ProjectRow):
    """What somebody looks for again and again, under a name: for herself, or for everybody who sees items."""

    member = ProjectLink("specs.Member")
    name = models.CharField(max_length=100)
    query = models.TextField()
    shared = models.BooleanField(default=False)
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("saved_filter", member="specs_member"),
            models.UniqueConstraint(fields=["member", "name"], name="saved_filter_name_once"),
            models.CheckConstraint(condition=~Q(name=""), name="saved_filter_has_a_name"),
        ]
        indexes = [
            models.Index(fields=["project", "name"], condition=Q(shared=True), name="saved_filter_shared")
        ]


class Tag(ProjectRow):
    """A word that items are marked with."""

    key = models.CharField(max_length=64)
    made_by = ProjectLink("specs.Member", null=True)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("tag"),
            *same_project("tag", made_by="specs_member"),
            models.UniqueConstraint(fields=["project", "key"], name="tag_once"),
            models.CheckConstraint(
                condition=Q(key__regex=r"^[a-z0-9][a-z0-9-]*$"), name="tag_is_a_word_of_small_letters"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class ItemTag(BusyProjectRow):
    """That an item is marked with a tag. Taking it off deletes the row; the ledger keeps both."""

    item = ProjectLink("workforce.Item", related_name="item_tags")
    tag = ProjectLink("annotation.Tag")

    class Meta:
        constraints = [
            *same_project("item_tag", item="workforce_item", tag="annotation_tag"),
            models.UniqueConstraint(fields=["item", "tag"], name="item_tagged_once"),
        ]
