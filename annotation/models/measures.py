"""What was measured: dated reports, and their readings per clause and per annotator."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from specs.models.base import ProjectLink, ProjectRow, append_only, project_key, same_project


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


class AnnotatorReading(ProjectRow):
    """One annotator as one report saw her. Whoever reads a report may not judge people, so these rows stand apart from it.

    `effect` is what she adds to the disagreement of a pair, clauses apart; `n_agreed` of `n_beside` answers are the plurality
    of at least two others; `n_right` of `n_known` the known answer; `alpha_without` alpha of the others, null when undefined.
    """

    report = ProjectLink("annotation.AgreementReport", related_name="annotator_readings")
    annotator = ProjectLink("workforce.Annotator", related_name="+")
    n_answers = models.IntegerField()
    effect = models.FloatField()
    n_beside = models.IntegerField()
    n_agreed = models.IntegerField()
    n_known = models.IntegerField()
    n_right = models.IntegerField()
    alpha_without = models.FloatField(null=True)

    class Meta:
        constraints = [
            *same_project(
                "annotator_reading",
                report="annotation_agreementreport",
                annotator="workforce_annotator",
            ),
            models.UniqueConstraint(fields=["report", "annotator"], name="annotator_reading_once"),
            models.CheckConstraint(
                condition=models.Q(n_agreed__lte=models.F("n_beside"), n_right__lte=models.F("n_known")),
                name="annotator_reading_parts_of_wholes",
            ),
        ]
        indexes = [models.Index(fields=["annotator", "-id"], name="annotator_reading_newest")]
        triggers = append_only()
