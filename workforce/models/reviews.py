"""Review stages of a queue: whose answers are looked at by somebody else, in which order, and where that work waits."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models import Role
from specs.models.base import (
    ProjectLink,
    ProjectRow,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
)


class ReviewScope(models.TextChoices):
    """Whose answers a stage takes."""

    ALL = "all", _("All answers")
    SHARE = "share", _("A random share")
    NEWCOMERS = "newcomers", _("The first answers of each annotator here")
    COHORT = "cohort", _("The answers of one cohort")


class ReviewStage(ProjectRow):
    """One look at the answers of a queue, by those who work in `review_queue`; answers go through the stages by `position`.

    The review queue is the stage's own, and asks for the skill; `role`, where there is one, is what a reviewer holds in the
    project. What a reviewer returns waits in `rework_queue`, one for all stages of the queue. A stage is ended, never edited.
    """

    queue = ProjectLink("workforce.Queue", related_name="review_stages")
    position = models.SmallIntegerField()
    review_queue = ProjectLink("workforce.Queue")
    rework_queue = ProjectLink("workforce.Queue")
    scope = models.CharField(max_length=16, choices=ReviewScope)
    share = models.DecimalField(max_digits=4, decimal_places=3, null=True)
    first_n = models.IntegerField(null=True)
    cohort = ProjectLink("workforce.Cohort", null=True)
    role = models.CharField(max_length=16, choices=Role, blank=True, default="")
    added_by = ProjectLink("specs.Member", null=True)
    added_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("review_stage"),
            *same_project(
                "review_stage",
                queue="workforce_queue",
                review_queue="workforce_queue",
                rework_queue="workforce_queue",
                cohort="workforce_cohort",
                added_by="specs_member",
            ),
            models.UniqueConstraint(fields=["queue", "position"], name="review_stage_once_per_position"),
            models.UniqueConstraint(fields=["review_queue"], name="review_queue_of_one_stage"),
            one_of("review_stage", "scope", ReviewScope),
            models.CheckConstraint(condition=Q(role__in=["", *Role.values]), name="review_stage_role_known"),
            models.CheckConstraint(condition=Q(position__gte=1), name="review_stage_counts_from_one"),
            models.CheckConstraint(
                condition=Q(scope="all", share=None, first_n=None, cohort=None)
                | Q(scope="share", share__gt=0, share__lt=1, first_n=None, cohort=None)
                | Q(scope="newcomers", share=None, first_n__gte=1, cohort=None)
                | Q(scope="cohort", share=None, first_n=None, cohort__isnull=False),
                name="review_stage_scope_is_whole",
            ),
        ]
        triggers = [
            frozen(
                "queue_id",
                "position",
                "review_queue_id",
                "rework_queue_id",
                "scope",
                "share",
                "first_n",
                "cohort_id",
                "role",
                "added_by_id",
                "added_at",
                "event_id",
            ),
            pgtrigger.Protect(
                name="ended_once",
                operation=pgtrigger.UpdateOf("ended_at"),
                condition=pgtrigger.Condition("OLD.ended_at IS NOT NULL"),
            ),
            pgtrigger.Trigger(
                name="queues_serve_their_purpose",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NOT EXISTS (
                        SELECT FROM workforce_queue q, workforce_queue r, workforce_queue w
                        WHERE q.id = NEW.queue_id AND q.purpose IN ('labelling', 'relabelling') AND r.id = NEW.review_queue_id
                          AND r.purpose = 'review' AND w.id = NEW.rework_queue_id AND w.purpose = 'rework'
                          AND r.spec_id = q.spec_id AND w.spec_id = q.spec_id) THEN
                        RAISE EXCEPTION 'a stage reviews labels, in a review queue and a rework queue of the same spec'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'review_stage_queues_serve_their_purpose';
                    END IF;
                    RETURN NEW;
                """,
            ),
            *never_deleted(),
        ]
