"""Agreement as it stands: sums that follow the answers, what every item has added to them, and how far they have come.

All of it is derived: it can be dropped and is counted again.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from specs.models.base import BusyProjectRow, ProjectLink, ProjectRow, same_project


class LiveCursor(ProjectRow):
    """How far a project's events are folded. Its row is locked by whoever folds.

    `seen`: every transaction before this one is over and folded. `upto`: no event up to this number can still turn up; `ahead`
    and `ahead_xid` are the number and the transaction that it follows next, noted at `ahead_at`. Transactions are those of
    this database cluster: in another one all of it starts anew.
    """

    seen = models.BigIntegerField()
    upto = models.BigIntegerField(default=0)
    ahead = models.BigIntegerField(default=0)
    ahead_xid = models.BigIntegerField(default=0)
    ahead_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project"], name="live_cursor_one_per_project")]


class LiveQueue(ProjectRow):
    """A queue whose sums are kept. `recounted_to` is the task up to which a count of its history has come; null when done."""

    queue = ProjectLink("workforce.Queue")
    recounted_to = models.BigIntegerField(null=True, default=0)
    folded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("live_queue", queue="workforce_queue"),
            models.UniqueConstraint(fields=["queue"], name="live_queue_once"),
        ]


class LiveItem(BusyProjectRow):
    """What an item's answers in a queue, under one meaning, have added to the sums: `{question: {name: whole number}}`."""

    queue = ProjectLink("workforce.Queue")
    meaning = models.IntegerField()
    item = ProjectLink("workforce.Item")
    said = models.JSONField()

    class Meta:
        constraints = [
            *same_project("live_item", queue="workforce_queue", item="workforce_item"),
            models.UniqueConstraint(fields=["queue", "item", "meaning"], name="live_item_once"),
        ]


class LiveSum(BusyProjectRow):
    """One sum (`agreement.live` has the names) over the items of a queue under one meaning. None is kept that came to nothing."""

    queue = ProjectLink("workforce.Queue")
    meaning = models.IntegerField()
    question = models.CharField(max_length=64)
    name = models.TextField()
    amount = models.DecimalField(max_digits=60, decimal_places=0)

    class Meta:
        constraints = [
            *same_project("live_sum", queue="workforce_queue"),
            models.UniqueConstraint(fields=["queue", "meaning", "question", "name"], name="live_sum_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="live_sum_counts_something"),
        ]
