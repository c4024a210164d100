"""The precedents that are shown beside the clauses of a version, frozen as often as they change."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from specs.models.base import ProjectLink, ProjectRow, append_only, project_key, same_project


class PrecedentSet(ProjectRow):
    """One edition of a version's precedents; the newest revision is the one that is served.

    `digest` is that of the canonical bytes, which name the version and every precedent: what was served with an answer. The
    bytes of an edition without precedents are the version's own, and so is its digest. `items` are the items that the
    precedents come from, in their order: before those, before items with known answers and before `withheld` per cent of
    the others, the version is served alone.
    """

    version = ProjectLink("specs.SpecVersion", related_name="precedent_sets")
    revision = models.IntegerField()
    canonical = models.BinaryField()
    digest = models.CharField(max_length=80)
    items = ArrayField(models.BigIntegerField(), default=list)
    withheld = models.SmallIntegerField()
    made_by = ProjectLink("specs.Member", null=True)
    made_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("precedent_set"),
            *same_project("precedent_set", version="specs_specversion", made_by="specs_member"),
            models.UniqueConstraint(fields=["version", "revision"], name="precedent_set_revision_once"),
            models.CheckConstraint(
                condition=Q(revision__gte=1), name="precedent_set_revision_counts_from_one"
            ),
            models.CheckConstraint(
                condition=Q(withheld__gte=0, withheld__lte=50), name="precedent_set_withheld_is_a_share"
            ),
        ]
        indexes = [models.Index(fields=["project", "digest"], name="precedent_set_digest")]
        triggers = append_only()
