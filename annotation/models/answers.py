"""What was said: annotations with their citations, answers that came too late, and drafts of answers not yet given."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    BusyProjectRow,
    LinkedAtOnce,
    ProjectLink,
    SameProject,
    append_only,
    one_of,
    project_key,
    same_project,
)

FROM_ONE_TO_FIVE = Q(confidence=None) | Q(confidence__gte=1, confidence__lte=5)


class Source(models.TextChoices):
    LIVE = "live", _("Answered here")
    IMPORT = "import", _("Made elsewhere")


class AnnotationQuerySet(models.QuerySet["Annotation"]):
    def counted(self) -> AnnotationQuerySet:
        """The newest revision of each slot's answer: what is compared, measured and exported."""
        later = Annotation.objects.filter(
            assignment=OuterRef("assignment"), revision__gt=OuterRef("revision")
        )
        return self.filter(~Exists(later))


class Annotation(BusyProjectRow):
    """What one annotator submitted for one slot. A correction is the next revision; nothing is edited.

    `confidence` is how sure she was, 1 (a guess) to 5 (certain), where her queue asks and she said.
    `ordinal` is the answer's rank on its task, given under the task's lock, so that "the first n answers" is well defined.
    `values` is `{question key: value}`, and empty where she says that the item cannot be labelled: `cannot` is why.
    `served_digest` names the bytes of the law that was shown beside the item.
    One wide link holds all copied columns to the slot, which holds them to everything else: an answer is checked once, not four
    times, and "one answer of an annotator for a task" follows from the slot's own key. A slot that was answered keeps what the
    answer repeats; the index of a wide key for that was a tenth of what a slot costs, each time it moved.
    """

    assignment = ProjectLink("workforce.Assignment")
    task = ProjectLink("workforce.Task", related_name="annotations")
    queue = ProjectLink("workforce.Queue")
    annotator = ProjectLink("workforce.Annotator")
    version = ProjectLink("specs.SpecVersion")
    served_digest = models.CharField(max_length=80)
    lease_token = models.UUIDField(null=True)
    client_key = models.CharField(max_length=100)
    revision = models.SmallIntegerField(default=1)
    ordinal = models.SmallIntegerField()
    values = models.JSONField()
    cannot = models.CharField(max_length=32, blank=True, db_default="", default="")
    flagged = models.BooleanField(default=False)
    confidence = models.SmallIntegerField(null=True)
    source = models.CharField(max_length=8, choices=Source, default=Source.LIVE)
    answered_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    objects = AnnotationQuerySet.as_manager()

    class Meta:
        constraints = [
            project_key("annotation"),
            models.UniqueConstraint(
                fields=["assignment", "revision"], name="annotation_once_per_slot_and_revision"
            ),
            models.UniqueConstraint(fields=["task", "ordinal", "revision"], name="annotation_ordinal_once"),
            models.UniqueConstraint(
                fields=["annotator", "client_key"],
                condition=Q(source="live"),
                name="annotation_client_key_once",
            ),
            one_of("annotation", "source", Source),
            models.CheckConstraint(
                condition=Q(ordinal__gte=1, revision__gte=1), name="annotation_counts_from_one"
            ),
            models.CheckConstraint(condition=FROM_ONE_TO_FIVE, name="annotation_confidence_from_one_to_five"),
            models.CheckConstraint(
                condition=Q(cannot="") | Q(values={}), name="what_cannot_be_labelled_has_no_value"
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "version"], name="annotation_queue_version"),
            models.Index(
                fields=["event_id", "id"], condition=Q(source="import"), name="annotation_of_import"
            ),
        ]
        triggers = [
            LinkedAtOnce(
                SameProject(
                    name="annotation_repeats_its_slot",
                    columns=("queue_id", "task_id", "annotator_id", "version_id", "assignment_id"),
                    table="workforce_assignment",
                    keys=("queue_id", "task_id", "annotator_id", "version_id", "id"),
                )
            ),
            *append_only(),
        ]


class Citation(BusyProjectRow):
    """The clause an answer rests on, or the explicit statement that none fits."""

    annotation = ProjectLink("annotation.Annotation", related_name="citations")
    question = models.CharField(max_length=64)
    clause = ProjectLink("specs.Clause", null=True)

    class Meta:
        constraints = [
            *same_project("citation", annotation="annotation_annotation", clause="specs_clause"),
            models.UniqueConstraint(
                fields=["annotation", "question", "clause"],
                nulls_distinct=False,
                name="citation_once_per_clause",
            ),
        ]
        indexes = [models.Index(fields=["clause"], condition=Q(clause__isnull=False), name="citation_clause")]
        triggers = append_only()

    @property
    def no_clause_fits(self) -> bool:
        return self.clause_id is None


class AnnotationNote(BusyProjectRow):
    """Free text beside an answer (why it was flagged). Apart from the answer, so that it can be erased."""

    annotation = ProjectLink("annotation.Annotation", related_name="notes")
    text = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("annotation_note", annotation="annotation_annotation"),
            models.UniqueConstraint(fields=["annotation"], name="annotation_note_once"),
        ]


class LateAnswer(BusyProjectRow):
    """An answer whose lease was lost: kept, shown to its author and to leads, and never counted under its dead token."""

    assignment = ProjectLink("workforce.Assignment")
    annotator = ProjectLink("workforce.Annotator")
    token = models.UUIDField()
    client_key = models.CharField(max_length=100)
    values = models.JSONField()
    citations = models.JSONField(default=list)
    flagged = models.BooleanField(default=False, db_default=False)
    confidence = models.SmallIntegerField(null=True)
    reason = models.CharField(max_length=32)
    received_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project("late_answer", assignment="workforce_assignment", annotator="workforce_annotator"),
            models.UniqueConstraint(fields=["annotator", "client_key"], name="late_answer_client_key_once"),
            models.CheckConstraint(
                condition=FROM_ONE_TO_FIVE, name="late_answer_confidence_from_one_to_five"
            ),
        ]
        indexes = [models.Index(fields=["assignment"], name="late_answer_assignment")]
        triggers = append_only()


class AnswerDraft(BusyProjectRow):
    """An answer being written. The revision rises with each save: an older one never overwrites a newer one."""

    task = ProjectLink("workforce.Task")
    annotator = ProjectLink("workforce.Annotator")
    values = models.JSONField()
    citations = models.JSONField(default=list)
    flagged = models.BooleanField(default=False, db_default=False)
    confidence = models.SmallIntegerField(null=True)
    note = models.TextField(default="", db_default="", blank=True)
    revision = models.IntegerField(default=1)
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("answer_draft", task="workforce_task", annotator="workforce_annotator"),
            models.UniqueConstraint(fields=["annotator", "task"], name="answer_draft_once"),
        ]
