"""The law: specs, their versions and clauses.

A clause has a key that outlives every rewording. Its wording is a revision, known by its content: an unchanged clause is the
same row in many versions, so statistics can follow it. A draft's clauses are rows of their own, free to change; publication
turns them into revisions.
"""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    ProjectLink,
    ProjectRow,
    SameProject,
    append_only,
    frozen,
    never_deleted,
    no_truncate,
    one_of,
    project_key,
    same_project,
    transitions,
)


class Spec(ProjectRow):
    """The instruction set for one purpose."""

    key = models.SlugField(max_length=64)
    title = models.CharField(max_length=200)
    purpose = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("spec"),
            models.UniqueConstraint(fields=["project", "key"], name="spec_key_once_per_project"),
        ]
        triggers = never_deleted()

    def __str__(self) -> str:
        return self.title


class VersionState(models.TextChoices):
    """`trial` is a draft frozen for a pilot; `forming` is a trial inside the transaction that writes its clauses."""

    DRAFT = "draft", _("Draft")
    FORMING = "forming", _("Forming")
    TRIAL = "trial", _("Trial")
    PUBLISHED = "published", _("Published")
    RETIRED = "retired", _("Retired")


class ChangeClass(models.TextChoices):
    MAJOR = "major", _("Major")
    MINOR = "minor", _("Minor")
    PATCH = "patch", _("Patch")


class SpecVersionQuerySet(models.QuerySet["SpecVersion"]):
    def published(self) -> SpecVersionQuerySet:
        return self.filter(state__in=[VersionState.PUBLISHED, VersionState.RETIRED])

    def draft(self) -> SpecVersionQuerySet:
        return self.filter(state=VersionState.DRAFT)

    def frozen(self) -> SpecVersionQuerySet:
        """Versions that answers can be given under: published ones, and trials."""
        return self.exclude(state__in=[VersionState.DRAFT, VersionState.FORMING])

    def newest_first(self) -> SpecVersionQuerySet:
        return self.order_by("-major", "-minor", "-patch")


class SpecVersion(ProjectRow):
    """One edition of a spec: a draft that changes, then frozen with a number and a digest over its canonical bytes.

    `meaning` rises with each major version; a trial has one of its own below zero, so that nothing measures or carries it
    together with a published version. `revision` counts the draft's edits: an editor who saw an older one is told.
    """

    spec = ProjectLink("specs.Spec", related_name="versions")
    state = models.CharField(max_length=16, choices=VersionState, default=VersionState.DRAFT)
    based_on = ProjectLink("specs.SpecVersion", null=True)
    questions = models.JSONField(default=list)
    revision = models.IntegerField(default=0)
    major = models.IntegerField(null=True)
    minor = models.IntegerField(null=True)
    patch = models.IntegerField(null=True)
    meaning = models.IntegerField(null=True)
    change_class = models.CharField(max_length=8, choices=ChangeClass, blank=True)
    notes = models.TextField(blank=True)
    rationale = models.TextField(blank=True)
    canonical = models.BinaryField(null=True)
    digest = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    published_at = models.DateTimeField(null=True)
    published_by = ProjectLink("specs.Member", null=True)

    objects = SpecVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            project_key("spec_version"),
            project_key("spec_version", "spec"),
            *same_project("spec_version", spec="specs_spec", published_by="specs_member"),
            SameProject(
                name="spec_version_based_on_same_spec",
                columns=("spec_id", "based_on_id"),
                table="specs_specversion",
                keys=("spec_id", "id"),
            ),
            models.UniqueConstraint(
                fields=["spec", "major", "minor", "patch"], name="spec_version_number_once"
            ),
            models.UniqueConstraint(fields=["spec"], condition=Q(state="draft"), name="spec_has_one_draft"),
            one_of("spec_version", "state", VersionState),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "forming"], published_at__isnull=True, digest="")
                | Q(
                    ~Q(digest=""),
                    state="trial",
                    major__isnull=True,
                    meaning__lt=0,
                    canonical__isnull=False,
                    published_at__isnull=True,
                )
                | Q(
                    ~Q(digest=""),
                    state__in=["published", "retired"],
                    major__isnull=False,
                    minor__isnull=False,
                    patch__isnull=False,
                    meaning__gt=0,
                    canonical__isnull=False,
                    published_at__isnull=False,
                ),
                name="spec_version_published_is_complete",
            ),
        ]
        triggers = [
            transitions(("draft", "published"), ("published", "retired"), ("forming", "trial")),
            pgtrigger.Protect(
                name="published_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.state NOT IN ('draft', 'forming') "
                    "AND (to_jsonb(OLD) - 'state') IS DISTINCT FROM (to_jsonb(NEW) - 'state')"
                ),
            ),
            pgtrigger.Protect(
                name="published_is_kept",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Condition("OLD.state <> 'draft'"),
            ),
            no_truncate(),
        ]

    @property
    def number(self) -> str:
        if self.state == VersionState.TRIAL:
            return f"trial-{self.pk}"
        return "draft" if self.major is None else f"{self.major}.{self.minor}.{self.patch}"

    def __str__(self) -> str:
        return self.number


class Clause(ProjectRow):
    """One addressable rule of a spec, through all its rewordings."""

    spec = ProjectLink("specs.Spec", related_name="clauses")
    key = models.SlugField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("clause"),
            *same_project("clause", spec="specs_spec"),
            models.UniqueConstraint(fields=["spec", "key"], name="clause_key_once_per_spec"),
        ]
        triggers = [frozen("spec_id", "key"), *never_deleted()]

    def __str__(self) -> str:
        return self.key


class ClauseRevision(ProjectRow):
    """One wording of a clause, known by the digest of its canonical bytes."""

    clause = ProjectLink("specs.Clause", related_name="revisions")
    digest = models.CharField(max_length=80)
    canonical = models.BinaryField()
    title = models.CharField(max_length=200)
    blocks = models.JSONField(default=list)
    governs = models.JSONField(default=list)

    class Meta:
        constraints = [
            project_key("clause_revision"),
            project_key("clause_revision", "clause"),
            *same_project("clause_revision", clause="specs_clause"),
            models.UniqueConstraint(fields=["clause", "digest"], name="clause_revision_once"),
        ]
        triggers = append_only()


_ONLY_WHILE_DRAFT = """
    IF EXISTS (SELECT 1 FROM specs_specversion v WHERE v.id = {row}.version_id AND v.state NOT IN ('draft', 'forming')) THEN
        RAISE EXCEPTION 'the clauses of a published version do not change'
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_only_while_draft';
    END IF;
    RETURN {row};
"""


def _only_while_draft() -> list[pgtrigger.Trigger]:
    return [
        pgtrigger.Trigger(
            name="only_while_draft",
            when=pgtrigger.Before,
            operation=pgtrigger.Insert | pgtrigger.Update,
            func=_ONLY_WHILE_DRAFT.format(row="NEW"),
        ),
        pgtrigger.Trigger(
            name="kept_once_published",
            when=pgtrigger.Before,
            operation=pgtrigger.Delete,
            func=_ONLY_WHILE_DRAFT.format(row="OLD"),
        ),
    ]


class VersionClause(ProjectRow):
    """A clause as a version has it: which wording, at which place."""

    version = ProjectLink("specs.SpecVersion", related_name="version_clauses")
    clause = ProjectLink("specs.Clause", related_name="+")
    revision = ProjectLink("specs.ClauseRevision")
    position = models.IntegerField()
    section = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            *same_project("version_clause", version="specs_specversion"),
            SameProject(
                name="version_clause_revision_of_clause",
                columns=("clause_id", "revision_id"),
                table="specs_clauserevision",
                keys=("clause_id", "id"),
            ),
            *same_project("version_clause", clause="specs_clause"),
            models.UniqueConstraint(fields=["version", "clause"], name="version_clause_once"),
            models.UniqueConstraint(fields=["version", "position"], name="version_clause_position_once"),
        ]
        indexes = [models.Index(fields=["clause"], name="version_clause_clause")]
        triggers = [*_only_while_draft(), no_truncate()]


class DraftClause(ProjectRow):
    """A clause while its version is a draft. `revision` counts its edits, so that two editors never overwrite each other.

    `ancestors` names the clauses it is split or merged from in this draft (`{"key", "kind"}`), until publication makes
    `ClauseLineage` of them. `unseen` stands on what came out of an imported document until a person has looked at it.
    """

    version = ProjectLink("specs.SpecVersion", related_name="draft_clauses")
    clause = ProjectLink("specs.Clause")
    position = models.IntegerField()
    section = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200)
    blocks = models.JSONField(default=list)
    governs = models.JSONField(default=list)
    ancestors = models.JSONField(default=list)
    unseen = models.BooleanField(default=False)
    revision = models.IntegerField(default=0)
    edited_at = models.DateTimeField(db_default=Now())
    edited_by = ProjectLink("specs.Member", null=True)

    class Meta:
        constraints = [
            *same_project(
                "draft_clause", version="specs_specversion", clause="specs_clause", edited_by="specs_member"
            ),
            models.UniqueConstraint(fields=["version", "clause"], name="draft_clause_once"),
            models.UniqueConstraint(
                fields=["version", "position"],
                name="draft_clause_position_once",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]
        triggers = _only_while_draft()

    @property
    def key(self) -> str:
        return self.clause.key


class Lineage(models.TextChoices):
    SPLIT = "split", _("Split from")
    MERGED = "merged", _("Merged from")


class ClauseLineage(ProjectRow):
    """A clause knows the clauses it was split or merged from, so that statistics can follow."""

    clause = ProjectLink("specs.Clause", related_name="ancestry")
    ancestor = ProjectLink("specs.Clause")
    kind = models.CharField(max_length=8, choices=Lineage)
    version = ProjectLink("specs.SpecVersion")

    class Meta:
        constraints = [
            *same_project(
                "clause_lineage", clause="specs_clause", ancestor="specs_clause", version="specs_specversion"
            ),
            models.UniqueConstraint(fields=["clause", "ancestor"], name="clause_lineage_once"),
            one_of("clause_lineage", "kind", Lineage),
            models.CheckConstraint(condition=~Q(clause=F("ancestor")), name="clause_is_not_its_own_ancestor"),
        ]
        triggers = append_only()


class Acknowledgement(ProjectRow):
    """A member has read what a version says; `changed` names the clauses that were shown as new or reworded."""

    member = ProjectLink("specs.Member")
    version = ProjectLink("specs.SpecVersion")
    digest = models.CharField(max_length=80)
    changed = ArrayField(models.CharField(max_length=64), default=list)
    acknowledged_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project("acknowledgement", member="specs_member", version="specs_specversion"),
            models.UniqueConstraint(fields=["member", "version"], name="acknowledged_once"),
        ]
        triggers = append_only()
