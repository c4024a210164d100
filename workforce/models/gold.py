"""Gold: answers known beforehand, the tasks that are minted to measure one annotator, and what they showed."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Random
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    BusyProjectRow,
    ProjectLink,
    ProjectRow,
    append_only,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)


class Feedback(models.TextChoices):
    """Whether an annotator learns that an item was gold."""

    SILENT = "silent", _("Silent: nobody is told which items were gold")
    AT_ONCE = "at-once", _("At once: after the answer, what was expected and why")


class GoldState(models.TextChoices):
    CANDIDATE = "candidate", _("Candidate")
    IN_USE = "in-use", _("In use")
    DECLINED = "declined", _("Declined")
    SET_ASIDE = "set-aside", _("Set aside")


class SetAside(models.TextChoices):
    """Why a known answer is no longer used."""

    CLAUSE_CHANGED = "clause-changed", _("Its clause changed meaning")
    FAILED = "failed", _("Good annotators fail it")
    EXPOSED = "exposed", _("Seen too often")
    AGED = "aged", _("Too old")
    PERSON = "person", _("By a person")
    SOURCE = "source", _("Its source changed or withdrew the item")


class KnownAnswer(ProjectRow):
    """Gold: a resolution known beforehand, under a meaning and bound to clauses. Set aside, never deleted.

    `meaning` is the first one it holds under; a later one that changes none of its clauses leaves it in use, one that does is
    `until_meaning`: what was answered before is still measured by it. `draw` is its random place in the pool. `held_at` is
    set while a clause it is bound to is flagged: it is not served then. `disputed` says that people answered its item
    differently, so that it can be served to leads as well.
    """

    item = ProjectLink("workforce.Item", related_name="known_answers")
    spec = ProjectLink("specs.Spec")
    question = models.CharField(max_length=64)
    value = models.JSONField()
    source = models.CharField(max_length=32)
    meaning = models.IntegerField()
    clauses = ArrayField(models.BigIntegerField(), default=list)
    created_at = models.DateTimeField(db_default=Now())
    set_aside_at = models.DateTimeField(null=True)
    until_meaning = models.IntegerField(null=True)
    explanation = models.TextField(blank=True, db_default="")
    state = models.CharField(
        max_length=16, choices=GoldState, default=GoldState.IN_USE, db_default=GoldState.IN_USE.value
    )
    set_aside_for = models.CharField(max_length=16, choices=SetAside, blank=True, db_default="")
    reason = models.TextField(blank=True, db_default="")
    decided_by = ProjectLink("specs.Member", null=True)
    held_at = models.DateTimeField(null=True)
    disputed = models.BooleanField(default=False, db_default=False)
    draw = models.FloatField(db_default=Random())

    class Meta:
        constraints = [
            project_key("known_answer"),
            *same_project(
                "known_answer", item="workforce_item", spec="specs_spec", decided_by="specs_member"
            ),
            models.UniqueConstraint(
                fields=["item", "spec", "question"],
                condition=Q(set_aside_at__isnull=True),
                name="known_answer_once",
            ),
            one_of("known_answer", "state", GoldState),
            models.CheckConstraint(
                condition=Q(state__in=["candidate", "in-use"], set_aside_at__isnull=True)
                | Q(state__in=["declined", "set-aside"], set_aside_at__isnull=False),
                name="known_answer_in_use_is_not_set_aside",
            ),
            models.CheckConstraint(
                condition=(Q(state="set-aside") & ~Q(set_aside_for=""))
                | (~Q(state="set-aside") & Q(set_aside_for="")),
                name="known_answer_is_set_aside_for_something",
            ),
            models.CheckConstraint(
                condition=~Q(set_aside_for="person") | ~Q(reason=""),
                name="known_answer_is_set_aside_with_a_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["spec", "draw"], condition=Q(state="in-use", held_at__isnull=True), name="gold_pool"
            ),
            models.Index(fields=["spec", "-id"], name="gold_newest"),
        ]
        triggers = [
            frozen("item_id", "spec_id", "question", "value", "source", "meaning"),
            transitions(
                ("candidate", "in-use"),
                ("candidate", "declined"),
                ("candidate", "set-aside"),
                ("in-use", "set-aside"),
            ),
            *never_deleted(),
        ]


class Probe(BusyProjectRow):
    """A task minted at a claim to measure its annotator: gold (in practice and in tests as well), a repeat of what she answered
    in the slot `first`, or a shadow of the real task `beside`.
    """

    task = ProjectLink("workforce.Task")
    queue = ProjectLink("workforce.Queue")
    item = ProjectLink("workforce.Item")
    annotator = ProjectLink("workforce.Annotator")
    purpose = models.CharField(max_length=8)
    first = ProjectLink("workforce.Assignment", null=True)
    beside = ProjectLink("workforce.Task", null=True)
    minted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("probe"),
            *same_project(
                "probe",
                task="workforce_task",
                queue="workforce_queue",
                item="workforce_item",
                annotator="workforce_annotator",
                first="workforce_assignment",
                beside="workforce_task",
            ),
            models.UniqueConstraint(fields=["task"], name="probe_once_per_task"),
            models.UniqueConstraint(
                fields=["annotator", "item", "purpose"], name="probe_once_per_annotator_and_item"
            ),
            models.CheckConstraint(
                condition=Q(purpose="repeat", first__isnull=False)
                | Q(purpose__in=["gold", "practice", "shadow", "test"], first__isnull=True),
                name="repeat_names_what_it_repeats",
            ),
            models.CheckConstraint(
                condition=Q(purpose="shadow", beside__isnull=False)
                | ~Q(purpose="shadow") & Q(beside__isnull=True),
                name="shadow_names_its_task",
            ),
        ]
        indexes = [
            models.Index(fields=["item"], name="probe_item"),
            models.Index(fields=["beside"], condition=Q(purpose="shadow"), name="probe_shadow"),
        ]
        triggers = append_only()


class Judgement(BusyProjectRow):
    """One question of a probe, compared once: with the known answer, with what the same annotator said before, or (a shadow)
    with what the real task ended with.

    `distance` is the question kind's, in [0, 1]; `right` is no distance at all. `clauses` are those that the known answer is
    bound to, or that the item is known to fall under. It is of the answer in force: one that was corrected is judged anew, in
    this row, with its own event.
    """

    probe = ProjectLink("workforce.Probe", related_name="judgements")
    assignment = ProjectLink("workforce.Assignment")
    annotator = ProjectLink("workforce.Annotator")
    queue = ProjectLink("workforce.Queue")
    version = ProjectLink("specs.SpecVersion")
    known = ProjectLink("workforce.KnownAnswer", null=True)
    purpose = models.CharField(max_length=8)
    question = models.CharField(max_length=64)
    clauses = ArrayField(models.BigIntegerField(), default=list)
    expected = models.JSONField()
    value = models.JSONField(null=True)
    distance = models.FloatField()
    right = models.BooleanField()
    judged_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("judgement"),
            *same_project(
                "judgement",
                probe="workforce_probe",
                assignment="workforce_assignment",
                annotator="workforce_annotator",
                queue="workforce_queue",
                version="specs_specversion",
                known="workforce_knownanswer",
            ),
            models.UniqueConstraint(fields=["assignment", "question"], name="judged_once"),
            models.CheckConstraint(
                condition=Q(purpose__in=["gold", "practice", "test"], known__isnull=False)
                | Q(purpose__in=["repeat", "shadow"], known__isnull=True),
                name="gold_is_judged_by_a_known_answer",
            ),
            models.CheckConstraint(
                condition=Q(distance__gte=0, distance__lte=1), name="judged_distance_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(right=True, distance=0) | Q(right=False, distance__gt=0),
                name="right_is_no_distance",
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "-id"], name="judgement_annotator"),
            models.Index(fields=["known"], condition=Q(known__isnull=False), name="judgement_known"),
            models.Index(fields=["queue", "annotator"], name="judgement_queue"),
        ]
        triggers = [
            frozen(
                "probe_id",
                "assignment_id",
                "annotator_id",
                "queue_id",
                "version_id",
                "known_id",
                "purpose",
                "question",
                "clauses",
                "expected",
                "judged_at",
            ),
            pgtrigger.Protect(
                name="judged_anew_by_an_event",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("NEW.event_id <= OLD.event_id"),
            ),
            *never_deleted(),
        ]
