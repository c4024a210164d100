"""What people write to each other about one task."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    ProjectLink,
    ProjectRow,
    append_only,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
)


class Speaker(models.TextChoices):
    """As what somebody writes: that is all that others read of who it was."""

    ANNOTATOR = "annotator", _("Annotator")
    REVIEWER = "reviewer", _("Reviewer")
    LEAD = "lead", _("Lead")


class Message(ProjectRow):
    """One message in the thread of a task. Kept as it was written; `speaker` is as what its author wrote."""

    task = ProjectLink("workforce.Task", related_name="messages")
    by = ProjectLink("specs.Member")
    speaker = models.CharField(max_length=16, choices=Speaker)
    text = models.TextField()
    written_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("message"),
            *same_project("message", task="workforce_task", by="specs_member"),
            one_of("message", "speaker", Speaker),
            models.CheckConstraint(condition=~Q(text=""), name="message_says_something"),
        ]
        indexes = [models.Index(fields=["task", "id"], name="message_of_task")]
        triggers = append_only()


class Mention(ProjectRow):
    """That a message names somebody: it stands in her inbox until she has opened the thread."""

    message = ProjectLink("annotation.Message", related_name="mentions")
    member = ProjectLink("specs.Member")
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *same_project("mention", message="annotation_message", member="specs_member"),
            models.UniqueConstraint(fields=["message", "member"], name="mentioned_once"),
        ]
        indexes = [
            models.Index(fields=["member", "id"], condition=Q(read_at=None), name="mention_unread"),
        ]
        triggers = [frozen("message_id", "member_id"), *never_deleted()]
