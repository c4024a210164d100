"""What queues are for."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Purpose(models.TextChoices):
    LABELLING = "labelling", _("Labelling")
    ADJUDICATION = "adjudication", _("Adjudication")
    CALIBRATION = "calibration", _("Calibration")
    RELABELLING = "relabelling", _("Relabelling")
    TRAINING = "training", _("Training")
    PILOT = "pilot", _("Pilot")
    REVIEW = "review", _("Review")
    REWORK = "rework", _("Rework")


WITHOUT_DISPUTES = (Purpose.ADJUDICATION, Purpose.PILOT, Purpose.REVIEW, Purpose.REWORK)
"""Purposes of queues whose answers are never compared with each other."""
ABOUT_ANSWERS = (Purpose.REVIEW, Purpose.REWORK)
"""Purposes of queues whose tasks are about single answers of another queue."""
ABOUT_OTHERS = (Purpose.ADJUDICATION, *ABOUT_ANSWERS)
"""Purposes of queues whose tasks are about the tasks of other queues."""
