"""Pictures and sounds that items show, under the names that files of items call them by."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from specs.models.base import ProjectLink, ProjectRow, append_only, same_project

TYPES = {
    "image": ("image/png", "image/jpeg"),
    "audio": ("audio/wav", "audio/mpeg", "audio/ogg", "audio/flac"),
}


class Media(ProjectRow):
    """One file in the one store. A name means the same bytes for good; the same bytes may have several names."""

    name = models.CharField(max_length=300)
    digest = models.CharField(max_length=80)
    media_type = models.CharField(max_length=40)
    width = models.IntegerField(null=True)
    height = models.IntegerField(null=True)
    seconds = models.FloatField(null=True)
    n_bytes = models.IntegerField()
    added_by = ProjectLink("specs.Member", null=True)
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("media", added_by="specs_member"),
            models.UniqueConstraint(fields=["project", "name"], name="media_once_per_name"),
            models.CheckConstraint(
                condition=Q(
                    media_type__in=TYPES["image"],
                    width__isnull=False,
                    height__isnull=False,
                    width__gt=0,
                    height__gt=0,
                )
                | Q(media_type__in=TYPES["audio"], width=None, height=None),
                name="media_is_an_image_or_a_sound",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="media_has_a_name"),
        ]
        indexes = [models.Index(fields=["project", "digest"], name="media_by_digest")]
        triggers = append_only()

    def __str__(self) -> str:
        return self.name

    def facts(self) -> dict[str, str | int | float]:
        """What stands in an item that shows it."""
        measured = {"width": self.width, "height": self.height, "seconds": self.seconds}
        known = {name: value for name, value in measured.items() if value is not None}
        return {"media": self.digest, "type": self.media_type, **known}
