"""What leads do with a dispute besides ruling: pass it on, and say what they think before they see the answers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import ProjectLink, ProjectRow, append_only, one_of, project_key, same_project

MOST_MORE = 10
"""Answers that a lead can ask for at once."""


class DeferralKind(models.TextChoices):
    MORE = "more", _("Back for more answers")
    TIER = "tier", _("To another adjudication queue")
    PERSON = "person", _("To a named person")


class Deferral(ProjectRow):
    """A lead did not decide: the task wants more answers, or the dispute went on to a queue or a person by name."""

    dispute = ProjectLink("annotation.Dispute", related_name="deferrals")
    assignment = ProjectLink("workforce.Assignment")
    annotator = ProjectLink("workforce.Annotator")
    by = ProjectLink("specs.Member")
    kind = models.CharField(max_length=8, choices=DeferralKind)
    n_answers = models.SmallIntegerField(null=True)
    queue = ProjectLink("workforce.Queue", null=True)
    person = ProjectLink("workforce.Annotator", null=True)
    reason = models.TextField(blank=True)
    deferred_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("deferral"),
            *same_project(
                "deferral",
                dispute="annotation_dispute",
                assignment="workforce_assignment",
                annotator="workforce_annotator",
                by="specs_member",
                queue="workforce_queue",
                person="workforce_annotator",
            ),
            models.UniqueConstraint(fields=["assignment"], name="deferral_once_per_slot"),
            one_of("deferral", "kind", DeferralKind),
            models.CheckConstraint(
                condition=Q(
                    kind="more",
                    n_answers__gte=1,
                    n_answers__lte=MOST_MORE,
                    queue__isnull=True,
                    person__isnull=True,
                )
                | Q(
                    ~Q(reason=""),
                    kind="tier",
                    n_answers__isnull=True,
                    queue__isnull=False,
                    person__isnull=True,
                )
                | Q(
                    ~Q(reason=""),
                    kind="person",
                    n_answers__isnull=True,
                    queue__isnull=False,
                    person__isnull=False,
                ),
                name="deferral_says_to_whom",
            ),
            models.CheckConstraint(
                condition=Q(person__isnull=True) | ~Q(person=models.F("annotator")),
                name="nobody_passes_on_to_herself",
            ),
        ]
        indexes = [models.Index(fields=["dispute"], name="deferral_dispute")]
        triggers = append_only()


class Reopening(ProjectRow):
    """A decided dispute was opened again, since `n_later` answers came or changed after its ruling."""

    dispute = ProjectLink("annotation.Dispute", related_name="reopenings")
    ruling = ProjectLink("annotation.Ruling")
    by = ProjectLink("specs.Member")
    reason = models.TextField()
    n_later = models.IntegerField()
    reopened_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("reopening"),
            *same_project(
                "reopening", dispute="annotation_dispute", ruling="annotation_ruling", by="specs_member"
            ),
            models.UniqueConstraint(fields=["ruling"], name="ruling_reopened_once"),
            models.CheckConstraint(condition=~Q(reason="") & Q(n_later__gte=1), name="reopening_says_why"),
        ]
        indexes = [models.Index(fields=["dispute"], name="reopening_dispute")]
        triggers = append_only()


class FirstReading(ProjectRow):
    """What a lead said of a disputed item before she saw the answers: values, or that it cannot be labelled."""

    dispute = ProjectLink("annotation.Dispute", related_name="first_readings")
    assignment = ProjectLink("workforce.Assignment")
    annotator = ProjectLink("workforce.Annotator")
    version = ProjectLink("specs.SpecVersion")
    values = models.JSONField()
    cannot = models.CharField(max_length=32, blank=True, default="")
    read_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("first_reading"),
            *same_project(
                "first_reading",
                dispute="annotation_dispute",
                assignment="workforce_assignment",
                annotator="workforce_annotator",
                version="specs_specversion",
            ),
            models.UniqueConstraint(fields=["assignment"], name="first_reading_once_per_slot"),
            models.CheckConstraint(
                condition=Q(cannot="") & ~Q(values={}) | ~Q(cannot="") & Q(values={}),
                name="first_reading_says_one_thing",
            ),
        ]
        indexes = [models.Index(fields=["annotator"], name="first_reading_annotator")]
        triggers = append_only()
