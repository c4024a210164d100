"""What came in: items, and what is known of an item from elsewhere: clauses, predictions."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex, HashIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    BusyProjectRow,
    LinkedAtOnce,
    ProjectLink,
    append_only,
    one_of,
    project_key,
    same_project,
)


class Item(BusyProjectRow):
    """The thing looked at, unchanged since it came. Another payload under the same key is the next revision, if asked for."""

    key = models.CharField(max_length=200)
    revision = models.IntegerField(default=1)
    payload = models.JSONField()
    digest = models.CharField(max_length=80)
    sensitive = models.BooleanField(default=False)
    load = ProjectLink("workforce.Load", null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("item"),
            models.UniqueConstraint(fields=["project", "key", "revision"], name="item_key_once_per_revision"),
            models.CheckConstraint(condition=Q(revision__gte=1), name="item_revision_counts_from_one"),
        ]
        indexes = [
            models.Index(fields=["project"], condition=Q(sensitive=True), name="item_sensitive"),
            HashIndex(fields=["digest"], name="item_content"),
            BrinIndex(fields=["load"], pages_per_range=32, autosummarize=True, name="item_of_load"),
        ]
        triggers = [LinkedAtOnce(*same_project("item", load="workforce_load")), *append_only()]

    def __str__(self) -> str:
        return self.key


class EndReason(models.TextChoices):
    REPLACED = "replaced", _("Its source changed it")
    WITHDRAWN = "withdrawn", _("Its source withdrew it")


class ItemEnd(BusyProjectRow):
    """That an item, one revision of its key, is not what its source has any more. What was said of it stays.

    A replaced one names its `successor`, the next revision of the key. A withdrawn one is a tombstone: the key is gone until
    its source brings it back, as the next revision.
    """

    item = ProjectLink("workforce.Item", related_name="ends")
    reason = models.CharField(max_length=16, choices=EndReason)
    successor = ProjectLink("workforce.Item", null=True)
    load = ProjectLink("workforce.Load", null=True)
    by = ProjectLink("specs.Member", null=True)
    note = models.TextField(blank=True, default="")
    ended_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project(
                "item_end",
                item="workforce_item",
                successor="workforce_item",
                load="workforce_load",
                by="specs_member",
            ),
            models.UniqueConstraint(fields=["item"], name="item_ends_once"),
            one_of("item_end", "reason", EndReason),
            models.CheckConstraint(
                condition=Q(reason="replaced", successor__isnull=False)
                | Q(reason="withdrawn", successor__isnull=True),
                name="replaced_item_names_its_successor",
            ),
        ]
        indexes = [models.Index(fields=["event_id"], name="item_end_event")]
        triggers = [
            pgtrigger.Trigger(
                name="successor_is_the_next_revision",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="fresh"),
                func="""
                    IF EXISTS (SELECT FROM fresh f JOIN workforce_item i ON i.id = f.item_id
                               JOIN workforce_item n ON n.id = f.successor_id
                               WHERE (n.key, n.revision) IS DISTINCT FROM (i.key, i.revision + 1)) THEN
                        RAISE EXCEPTION 'an item is replaced by the next revision of its key'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'item_is_replaced_by_the_next_revision';
                    END IF;
                    RETURN NULL;
                """,
            ),
            *append_only(),
        ]


class ItemClause(BusyProjectRow):
    """A clause known from the item itself (a test suite, a stratified sample): a property, not a citation."""

    item = ProjectLink("workforce.Item", related_name="item_clauses")
    clause = ProjectLink("specs.Clause")

    class Meta:
        constraints = [
            *same_project("item_clause", item="workforce_item", clause="specs_clause"),
            models.UniqueConstraint(fields=["item", "clause"], name="item_clause_once"),
        ]
        indexes = [models.Index(fields=["clause"], name="item_clause_clause")]
        triggers = append_only()


class Prediction(BusyProjectRow):
    """What a model said of an item: a source of its own, never part of human agreement."""

    item = ProjectLink("workforce.Item", related_name="predictions")
    spec = ProjectLink("specs.Spec")
    question = models.CharField(max_length=64)
    value = models.JSONField()
    model = models.CharField(max_length=200)
    model_version = models.CharField(max_length=100, blank=True)
    confidence = models.FloatField(null=True)
    predicted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("prediction"),
            *same_project("prediction", item="workforce_item", spec="specs_spec"),
            models.UniqueConstraint(
                fields=["item", "spec", "question", "model", "model_version"],
                name="prediction_once_per_model_version",
            ),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0, confidence__lte=1),
                name="confidence_is_a_share",
            ),
        ]
        triggers = append_only()
