"""What a snapshot is made of while it is built, what is fixed for all of them, and which training runs used one."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from specs.models.base import BusyProjectRow, ProjectLink, ProjectRow, append_only, project_key, same_project


class SplitScheme(ProjectRow):
    """How a project's items fall into train, eval and test, fixed once: other shares later would move items across.

    An item's place is the keyed hash of its key, or of its field `by`, so that items of one conversation stay together.
    """

    seed = models.CharField(max_length=64)
    by = models.CharField(max_length=64, blank=True)
    eval_percent = models.SmallIntegerField()
    test_percent = models.SmallIntegerField()
    made_by = ProjectLink("specs.Member", null=True)
    made_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project("split_scheme", made_by="specs_member"),
            models.UniqueConstraint(fields=["project"], name="split_scheme_once_per_project"),
            models.CheckConstraint(
                condition=Q(
                    eval_percent__gte=0, test_percent__gte=0, eval_percent__lt=100 - F("test_percent")
                ),
                name="split_leaves_something_to_train_on",
            ),
        ]
        triggers = append_only()


class SnapshotPlace(BusyProjectRow):
    """An item's place in a snapshot that is being built, and the task that speaks for it; gone once it is frozen.

    `maps` say what became of its labels each time they were carried.
    Numbers instead of links: a million rows that live for a minute are not worth three million look-ups.
    """

    snapshot = models.BigIntegerField()
    number = models.BigIntegerField()
    item = models.BigIntegerField()
    task = models.BigIntegerField()
    carried = models.SmallIntegerField()
    maps = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "number"], name="snapshot_place_once"),
        ]


class SnapshotPart(ProjectRow):
    """A stretch of places that is written: its files lie in the store, its counts are added up when the last part is there."""

    snapshot = ProjectLink("annotation.Snapshot", related_name="parts")
    number = models.IntegerField()
    files = models.JSONField()
    counts = models.JSONField()

    class Meta:
        constraints = [
            *same_project("snapshot_part", snapshot="annotation_snapshot"),
            models.UniqueConstraint(fields=["snapshot", "number"], name="snapshot_part_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="snapshot_part_counts_from_one"),
        ]
        triggers = append_only()


class TrainingRun(ProjectRow):
    """A training run that used a snapshot, as its pipeline told it: name, commit, metrics, and the splits it learnt from."""

    snapshot = ProjectLink("annotation.Snapshot", related_name="runs")
    name = models.CharField(max_length=200)
    commit = models.CharField(max_length=64, blank=True)
    trained_on = models.JSONField(default=list)
    metrics = models.JSONField(default=dict)
    registered_by = ProjectLink("specs.Member", null=True)
    registered_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("training_run"),
            *same_project("training_run", snapshot="annotation_snapshot", registered_by="specs_member"),
            models.UniqueConstraint(fields=["project", "name"], name="training_run_name_once"),
            models.CheckConstraint(condition=~Q(name=""), name="training_run_has_a_name"),
        ]
        indexes = [models.Index(fields=["snapshot", "-id"], name="training_run_of_snapshot")]
        triggers = append_only()

    def __str__(self) -> str:
        return self.name
