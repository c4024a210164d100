"""What a report's verdicts rest on: gathered once from the answers, so that no page counts them again."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import ProjectLink, ProjectRow, append_only, one_of, project_key, same_project


class ClauseVerdict(models.TextChoices):
    AMBIGUOUS = "ambiguous", _("ambiguous")
    ANNOTATOR = "annotator", _("one annotator off")
    OVERLAPPING = "overlapping", _("overlapping")
    PLURAL = "plural", _("plural")
    RARELY_USED = "rarely_used", _("rarely used")
    TOO_FEW = "too_few", _("too few to say")
    CLEAR = "clear", _("clear")


class ReportEvidence(ProjectRow):
    """Who agrees with whom in what a report measured, and how its labels meet; `numbers` is what `gathering.gather` found.

    Apart from the report: it names people, and more members read reports than may judge anybody.
    """

    report = ProjectLink("annotation.AgreementReport")
    numbers = models.JSONField()
    gathered_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("report_evidence"),
            *same_project("report_evidence", report="annotation_agreementreport"),
            models.UniqueConstraint(fields=["report"], name="evidence_once_per_report"),
        ]
        triggers = append_only()


class ClauseEvidence(ProjectRow):
    """One clause in a report: its verdict and what it rests on.

    `place` orders clauses by where to look first. `annotators` are those whom an annotator's verdict names; `items` those of its
    items that are read in the most ways; `beside` the clause that it overlaps with.
    """

    evidence = ProjectLink("annotation.ReportEvidence", related_name="clauses")
    clause = ProjectLink("specs.Clause")
    verdict = models.CharField(max_length=16, choices=ClauseVerdict)
    place = models.SmallIntegerField()
    beside = ProjectLink("specs.Clause", null=True)
    annotators = ArrayField(models.BigIntegerField(), default=list)
    items = ArrayField(models.BigIntegerField(), default=list)
    numbers = models.JSONField()

    class Meta:
        constraints = [
            *same_project(
                "clause_evidence",
                evidence="annotation_reportevidence",
                clause="specs_clause",
                beside="specs_clause",
            ),
            models.UniqueConstraint(fields=["evidence", "clause"], name="clause_evidence_once"),
            models.UniqueConstraint(fields=["evidence", "place"], name="clause_evidence_place_once"),
            one_of("clause_evidence", "verdict", ClauseVerdict),
            models.CheckConstraint(
                condition=~Q(verdict="overlapping") | Q(beside__isnull=False),
                name="overlap_names_the_other_clause",
            ),
            models.CheckConstraint(
                condition=~Q(verdict="annotator") | Q(annotators__len__gte=1),
                name="annotators_verdict_names_somebody",
            ),
        ]
        triggers = append_only()
