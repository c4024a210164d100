"""Rows behind the machinery: background jobs, and replies kept so that a repeated request has one effect."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from specs.models.base import ProjectLink, ProjectRow, one_of, project_key, same_project


class JobState(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Job(ProjectRow):
    """Background work as people see it: what, how far, who asked, what went wrong. Celery carries only its id."""

    kind = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=JobState, default=JobState.QUEUED)
    arguments = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    n_done = models.BigIntegerField(default=0)
    n_total = models.BigIntegerField(null=True)
    note = models.CharField(max_length=200, blank=True)
    error = models.TextField(blank=True)
    requested_by = ProjectLink("specs.Member", null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("job"),
            *same_project("job", requested_by="specs_member"),
            one_of("job", "state", JobState),
            models.CheckConstraint(condition=Q(n_done__gte=0), name="job_progress_counts_up"),
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="job_newest"),
            models.Index(
                fields=["state", "id"], condition=Q(state__in=["queued", "running"]), name="job_unfinished"
            ),
        ]

    @property
    def title(self) -> str:
        """`annotation.build_snapshot` as people read it: "Build snapshot". Each app's jobs mark theirs for the catalogs."""
        return gettext(self.kind.rpartition(".")[2].replace("_", " ").capitalize())

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class StoredReply(models.Model):
    """The first reply to a request with an idempotency key, written in the transaction of its effect; purged after days."""

    member = models.ForeignKey(
        "specs.Member", models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    route = models.CharField(max_length=100)
    key = models.CharField(max_length=100)
    body_digest = models.CharField(max_length=80)
    status = models.SmallIntegerField()
    reply = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "route", "key"], name="stored_reply_once"),
            models.CheckConstraint(condition=Q(status__gte=200), name="stored_reply_is_final"),
        ]
        indexes = [models.Index(fields=["created_at"], name="stored_reply_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class RequestCount(models.Model):
    """How many requests of the API one token or one person made in a minute, counted here while Redis is away: a row each."""

    subject = models.CharField(max_length=40, primary_key=True)
    minute = models.BigIntegerField()
    used = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(used__gte=1), name="request_count_counts_up")]

    def __str__(self) -> str:
        return f"{self.subject}: {self.used}"
