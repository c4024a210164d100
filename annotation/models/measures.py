"""What was measured: dated reports, their readings per clause, and the deltas that live sums are folded from."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from specs.models.base import BusyProjectRow, ProjectLink, ProjectRow, append_only, project_key, same_project


class AgreementReport(ProjectRow):
    """A measurement of one question of a spec under one meaning, in one queue or in all of them. Kept, never edited.

    `numbers` holds what `measuring.measure` returned, intervals and reasons included.
    """

    spec = ProjectLink("specs.Spec")
    queue = ProjectLink("workforce.Queue", null=True)
    meaning = models.IntegerField()
    question = models.CharField(max_length=64)
    job = ProjectLink("specs.Job", null=True)
    numbers = models.JSONField()
    measured_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("agreement_report"),
            *same_project("agreement_report", spec="specs_spec", queue="workforce_queue", job="specs_job"),
        ]
        indexes = [
            models.Index(fields=["spec", "meaning", "question", "-id"], name="agreement_report_newest")
        ]
        triggers = append_only()


class ClauseReading(ProjectRow):
    """Disagreement under one wording of a clause, as one report saw it. `disagreement` is null when undefined, with a reason."""

    report = ProjectLink("annotation.AgreementReport", related_name="clause_readings")
    clause = ProjectLink("specs.Clause", related_name="+")
    revision = ProjectLink("specs.ClauseRevision", null=True)
    n_items = models.IntegerField()
    n_answers = models.IntegerField()
    disagreement = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            *same_project(
                "clause_reading",
                report="annotation_agreementreport",
                clause="specs_clause",
                revision="specs_clauserevision",
            ),
            models.UniqueConstraint(fields=["report", "clause"], name="clause_reading_once"),
        ]
        indexes = [models.Index(fields=["clause", "-id"], name="clause_reading_newest")]
        triggers = append_only()


class AgreementDelta(BusyProjectRow):
    """A change of one live sum: appended per answer and folded on read, since one counter row would serialise all submits.

    `square` is the change of the sum of squares over items, so that an interval comes with the number.
    """

    queue = ProjectLink("workforce.Queue")
    version = ProjectLink("specs.SpecVersion")
    question = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    amount = models.FloatField()
    square = models.FloatField(default=0)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("agreement_delta", queue="workforce_queue", version="specs_specversion"),
        ]
        indexes = [models.Index(fields=["queue", "version", "question", "name"], name="agreement_delta_fold")]
