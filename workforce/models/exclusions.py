"""Who may not see what: sensitive categories and consent to them, what was seen of them, people and items kept apart."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from specs.models.base import (
    BusyProjectRow,
    ProjectLink,
    ProjectRow,
    append_only,
    frozen,
    never_deleted,
    project_key,
    same_project,
)
from workforce.models.clearances import ends_clearance


class SensitiveCategory(ProjectRow):
    """A sort of content that people see only if they agreed to, after its warning."""

    key = models.SlugField(max_length=32)
    name = models.CharField(max_length=100)
    warning = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("sensitive_category"),
            models.UniqueConstraint(fields=["project", "key"], name="sensitive_category_key_once"),
            models.CheckConstraint(condition=~Q(warning=""), name="sensitive_category_has_a_warning"),
        ]
        triggers = [ends_clearance("project"), frozen("key", "project_id"), *never_deleted()]

    def __str__(self) -> str:
        return self.name


class ItemCategory(BusyProjectRow):
    """An item is of a sensitive category: said after it came in. What its row said stands in its payload."""

    item = ProjectLink("workforce.Item", related_name="categories")
    category = ProjectLink("workforce.SensitiveCategory")

    class Meta:
        constraints = [
            *same_project("item_category", item="workforce_item", category="workforce_sensitivecategory"),
            models.UniqueConstraint(fields=["item", "category"], name="item_category_once"),
        ]
        triggers = append_only()


class Consent(ProjectRow):
    """An annotator agreed to see a category, having read its warning, until she withdrew. Never asked for reasons."""

    annotator = ProjectLink("workforce.Annotator", related_name="consents")
    category = ProjectLink("workforce.SensitiveCategory")
    given_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *same_project("consent", annotator="workforce_annotator", category="workforce_sensitivecategory"),
            models.UniqueConstraint(
                fields=["annotator", "category"],
                condition=Q(withdrawn_at__isnull=True),
                name="consent_given_once",
            ),
        ]
        triggers = [frozen("annotator_id", "category_id", "given_at"), *never_deleted()]


class Exclusion(ProjectRow):
    """An annotator is not given what another one has (`other`), or items whose `field` has a `value`, such as her own texts.

    Of two who are kept apart there are two rows.
    """

    annotator = ProjectLink("workforce.Annotator", related_name="exclusions")
    other = ProjectLink("workforce.Annotator", null=True)
    field = models.CharField(max_length=100, blank=True)
    value = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    by = ProjectLink("specs.Member", null=True)

    class Meta:
        constraints = [
            project_key("exclusion"),
            *same_project(
                "exclusion", annotator="workforce_annotator", other="workforce_annotator", by="specs_member"
            ),
            models.CheckConstraint(
                condition=Q(other__isnull=False, field="", value="") | Q(~Q(field=""), other__isnull=True),
                name="exclusion_names_a_person_or_a_field",
            ),
            models.CheckConstraint(
                condition=Q(other__isnull=True) | ~Q(other=F("annotator")), name="nobody_is_kept_from_herself"
            ),
            models.UniqueConstraint(
                fields=["annotator", "other", "field", "value"],
                condition=Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="exclusion_once",
            ),
        ]
        triggers = [
            ends_clearance("annotator"),
            frozen("annotator_id", "other_id", "field", "value", "since"),
            *never_deleted(),
        ]


class Exposure(BusyProjectRow):
    """A sensitive item was served to a person: what the caps count, across all her projects."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    annotator = ProjectLink("workforce.Annotator")
    assignment = ProjectLink("workforce.Assignment")
    token = models.UUIDField()
    served_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("exposure", annotator="workforce_annotator", assignment="workforce_assignment"),
            models.UniqueConstraint(fields=["token"], name="exposure_once_per_lease"),
        ]
        indexes = [models.Index(fields=["user", "-served_at"], name="exposure_user_newest")]
        triggers = never_deleted()
