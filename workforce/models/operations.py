"""What the board reads instead of counting: closed hours of a queue, and how it stood when somebody last looked closely."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from specs.models.base import BusyProjectRow, ProjectLink, ProjectRow, append_only, project_key, same_project


class QueueHour(ProjectRow):
    """What happened in a queue within one hour of the database's clock (UTC), written once when the hour is over.

    `n_again` of the `n_answers` went to slots beyond those first wanted (rework). `seconds` is the time from lease to answer,
    summed. `n_settled` tasks ended, `n_in_time` of them within the service level; `n_disputed` went to the queue of disputes.
    `n_tasks` is how many there were when the hour was closed: arrivals are the difference of two rows.
    """

    queue = ProjectLink("workforce.Queue", related_name="hours")
    hour = models.DateTimeField()
    n_answers = models.IntegerField()
    n_again = models.IntegerField()
    n_people = models.IntegerField()
    seconds = models.BigIntegerField()
    n_settled = models.IntegerField()
    n_in_time = models.IntegerField()
    n_disputed = models.IntegerField()
    n_tasks = models.BigIntegerField()
    n_slots = models.BigIntegerField()
    closed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("queue_hour"),
            *same_project("queue_hour", queue="workforce_queue"),
            models.UniqueConstraint(fields=["queue", "hour"], name="queue_hour_once"),
            models.CheckConstraint(
                condition=Q(
                    n_answers__gte=0,
                    n_again__gte=0,
                    n_again__lte=models.F("n_answers"),
                    n_settled__gte=0,
                    n_in_time__gte=0,
                    n_in_time__lte=models.F("n_settled"),
                    seconds__gte=0,
                ),
                name="queue_hour_counts_up",
            ),
        ]
        triggers = append_only()


class QueueGauge(BusyProjectRow):
    """How a queue stood at `measured_at`: a copy for the board that can be made again at any time, of no other weight.

    `ages` are groups of what waits, oldest first: [age in seconds of the group's oldest task, answers it still wants].
    `forecast` is `forecasting.Forecast` as JSON. `took_ms` says what the count cost; the next one waits accordingly.
    """

    queue = models.OneToOneField("workforce.Queue", models.PROTECT, related_name="gauge", db_constraint=False)
    counts = models.JSONField(default=dict)
    ages = models.JSONField(default=list)
    flows = models.JSONField(default=dict)
    forecast = models.JSONField(default=dict)
    oldest_at = models.DateTimeField(null=True)
    measured_at = models.DateTimeField(db_default=Now())
    took_ms = models.IntegerField(default=0)

    class Meta:
        constraints = [
            *same_project("queue_gauge", queue="workforce_queue"),
        ]
