"""What people choose for themselves, whatever project they are in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class Preferences(models.Model):
    """One row for a log-in that chose something. `language` is a tag such as de or pt-br; without a row, the browser's counts."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, primary_key=True, related_name="+")
    language = models.CharField(max_length=16)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(language__regex=r"^[a-z]{2,3}(-[a-z0-9]{2,8})*$"),
                name="preferences_language_is_a_tag",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.language}"
