"""Queues that order the work, their settings, and who is enrolled in them."""

from __future__ import annotations

import secrets
from datetime import timedelta
from decimal import Decimal

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    ProjectLink,
    ProjectRow,
    SameProject,
    kept_key,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)
from workforce.models.clearances import ends_clearance
from workforce.models.gold import Feedback
from workforce.models.onboarding import Stage
from workforce.models.purposes import Purpose
from workforce.models.ranks import Ranges
from workforce.models.suggestions import Predictions


class QueueState(models.TextChoices):
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed")


class Rule(models.TextChoices):
    SHARE = "share", _("Share of the answers")
    UNANIMITY = "unanimity", _("Unanimity")
    MAJORITY = "majority", _("Majority")


class OverlapPolicy(models.TextChoices):
    """How many answers a task wants before anybody has answered it, and when it has enough."""

    FIXED = "fixed", _("The same number for every task")
    DOUBLES = "doubles", _("Two answers for a random share, one for the rest")
    EXPECTED = "expected", _("As many as the clauses that apply make necessary")
    DYNAMIC = "dynamic", _("Until the answers are sure enough")


class Order(models.TextChoices):
    """Which task comes first, among those of the same priority."""

    FIRST_IN = "first-in", _("First in, first out")
    RANDOM = "random", _("Random")
    FIELD = "field", _("By a field of the item")
    DISAGREEMENT = "disagreement", _("Highest disagreement first")
    OLDEST_DISPUTE = "oldest-dispute", _("Oldest dispute first")


class OrderKind(models.TextChoices):
    """What the field that orders a queue holds."""

    NUMBER = "number", _("Numbers")
    TEXT = "text", _("Text")


MAX_STAGGER = 10_000


class Spread(models.TextChoices):
    """Whether what is begun is finished before anything else is begun."""

    DEPTH = "depth", _("Finish what is begun first")
    BREADTH = "breadth", _("Every task its first answer before any its second")


class BatchesFor(models.TextChoices):
    """Who may claim several tasks at once."""

    NOBODY = "nobody", _("Nobody")
    PROGRAMS = "programs", _("Programs")
    EVERYBODY = "everybody", _("Programs and people's own tokens")


def some_seed() -> int:
    return secrets.randbelow(2**31)


class Entry(models.TextChoices):
    """What stands before the first claim under a version: nothing, reading what changed, or a quiz on it as well."""

    NONE = "none", _("Nothing")
    ACKNOWLEDGE = "acknowledge", _("Read and confirm what changed")
    QUIZ = "quiz", _("Read what changed and pass a quiz on it")


class QuizFailure(models.TextChoices):
    WAIT = "wait", _("May try again after a while")
    LEAD = "lead", _("A lead or manager lets her try again")


class InProgress(models.TextChoices):
    """What happens to work under way when another version comes into force."""

    FINISH = "finish", _("Finish under the old version")
    RESTART = "restart", _("Start again under the new version")
    ASK = "ask", _("Ask each annotator at submission")


class Citing(models.TextChoices):
    NEVER = "never", _("Never asked")
    SAMPLE = "sample", _("Asked on a random share, and wherever an answer is flagged")
    ALWAYS = "always", _("Always required")


def offered_categories() -> list[str]:
    """Why an item cannot be labelled, unless a queue offers other categories."""
    return ["broken", "empty", "wrong-language", "not-understandable", "other"]


def share(of: str = "0") -> models.DecimalField[Decimal, Decimal]:
    """A share in [0, 1], to a tenth of a percent."""
    return models.DecimalField(max_digits=4, decimal_places=3, default=Decimal(of), db_default=Decimal(of))


class Queue(ProjectRow):
    """An ordered supply of tasks with one purpose, an owner and a service level. `version` is the version in force.

    `cursor_epoch` rises whenever every annotator has to look from the start again. `order_seed` is what a random order and the
    draws of `random_share` are made with: the same seed and the same tasks give the same order. `stagger` is how many tasks lie
    between two answers of one task, so that people who work side by side do not meet on it in the same second. `reviewed` says
    that answers may be under review here: true from its first review stage on.
    """

    key = models.SlugField(max_length=64)
    name = models.CharField(max_length=200)
    purpose = models.CharField(max_length=16, choices=Purpose, default=Purpose.LABELLING)
    state = models.CharField(max_length=16, choices=QueueState, default=QueueState.OPEN)
    spec = ProjectLink("specs.Spec")
    version = ProjectLink("specs.SpecVersion", null=True)
    owner = ProjectLink("specs.Member", null=True)
    adjudication_queue = ProjectLink("workforce.Queue", null=True)
    required_skill = ProjectLink("workforce.Skill", null=True)
    required_level = models.SmallIntegerField(default=1, validators=[MinValueValidator(1)])
    required_clause = ProjectLink("specs.Clause", null=True)
    required_languages = ArrayField(models.CharField(max_length=35), default=list, db_default=[])
    overlap = models.SmallIntegerField(default=3, validators=[MinValueValidator(1), MaxValueValidator(50)])
    max_overlap = models.SmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    overlap_policy = models.CharField(max_length=16, choices=OverlapPolicy, default=OverlapPolicy.FIXED)
    double_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.1"))
    accuracy_target = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.95"))
    stop_target = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.95"))
    fair_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.2"))
    audit_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.05"))
    error_cost = models.DecimalField(
        max_digits=7, decimal_places=1, default=Decimal(0), db_default=Decimal(0)
    )  # of a wrong label, in answers; 0: not weighed
    rule = models.CharField(max_length=16, choices=Rule, default=Rule.SHARE)
    consensus_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.8"))
    order = models.CharField(max_length=16, choices=Order, default=Order.FIRST_IN)
    order_field = models.CharField(max_length=100, blank=True, default="", db_default="")
    order_kind = models.CharField(
        max_length=8, choices=OrderKind, default=OrderKind.NUMBER, db_default=OrderKind.NUMBER.value
    )
    order_descending = models.BooleanField(default=False, db_default=False)
    order_seed = models.BigIntegerField(default=some_seed, db_default=0)
    spread = models.CharField(
        max_length=8, choices=Spread, default=Spread.DEPTH, db_default=Spread.DEPTH.value
    )
    stagger = models.SmallIntegerField(default=0, db_default=0)
    random_share = share()
    lease_for = models.DurationField(default=timedelta(minutes=30))
    max_renewals = models.SmallIntegerField(default=4, validators=[MinValueValidator(0)])
    max_leases = models.SmallIntegerField(default=1, validators=[MinValueValidator(1)])
    batches_for = models.CharField(
        max_length=16, choices=BatchesFor, default=BatchesFor.PROGRAMS, db_default=BatchesFor.PROGRAMS.value
    )
    citing = models.CharField(max_length=16, choices=Citing, default=Citing.SAMPLE)
    cite_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.2"))
    entry = models.CharField(max_length=16, choices=Entry, default=Entry.ACKNOWLEDGE)
    qualification = models.BooleanField(default=False)
    quiz_items = models.SmallIntegerField(default=5, validators=[MinValueValidator(1), MaxValueValidator(50)])
    quiz_pass_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.8"))
    quiz_attempts = models.SmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    quiz_failure = models.CharField(max_length=8, choices=QuizFailure, default=QuizFailure.LEAD)
    quiz_wait = models.DurationField(default=timedelta(hours=1))
    in_progress = models.CharField(max_length=8, choices=InProgress, default=InProgress.FINISH)
    gold_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.05"))
    gold_first = models.SmallIntegerField(default=40, db_default=40, validators=[MinValueValidator(0)])
    gold_first_of = models.SmallIntegerField(default=500, db_default=500, validators=[MinValueValidator(1)])
    gold_feedback = models.CharField(
        max_length=8, choices=Feedback, default=Feedback.SILENT, db_default=Feedback.SILENT.value
    )
    gold_verdict_from = models.SmallIntegerField(
        default=10, db_default=10, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    gold_failed_share = share("0.3")
    gold_exposures = models.IntegerField(default=200, db_default=200, validators=[MinValueValidator(1)])
    gold_age = models.DurationField(null=True, blank=True)
    repeat_share = share("0.01")
    repeat_after = models.DurationField(default=timedelta(days=7), db_default=timedelta(days=7))
    repeat_after_answers = models.IntegerField(
        default=100, db_default=100, validators=[MinValueValidator(1), MaxValueValidator(100_000)]
    )
    skips_per_hour = models.SmallIntegerField(default=20, db_default=20, validators=[MinValueValidator(0)])
    skip_share = share("0.3")
    max_returns = models.SmallIntegerField(
        default=10, db_default=10, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    asks_confidence = models.BooleanField(default=False, db_default=False)
    reviewed = models.BooleanField(default=False, db_default=False)
    hold_for = models.DurationField(default=timedelta(days=2), db_default=timedelta(days=2))
    max_holds = models.SmallIntegerField(
        default=3, db_default=3, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    undo_for = models.DurationField(default=timedelta(seconds=30), db_default=timedelta(seconds=30))
    n_correctable = models.SmallIntegerField(
        default=10, db_default=10, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    cannot_categories = ArrayField(models.CharField(max_length=32), default=offered_categories, blank=True)
    predictions = models.CharField(
        max_length=16, choices=Predictions, default=Predictions.HIDDEN, db_default=Predictions.HIDDEN.value
    )
    predictions_share = share("0.5")
    predictions_model = models.CharField(max_length=200, blank=True, default="", db_default="")
    predictions_prefill = models.BooleanField(default=False, db_default=False)
    independent_share = share()
    second_share = share()
    value_field = models.CharField(max_length=100, blank=True, default="", db_default="")
    oldest_within = models.DurationField(default=timedelta(days=7))
    settled_within = models.DurationField(default=timedelta(days=5))
    settled_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.9"))
    disputes_within = models.DurationField(default=timedelta(days=2))
    disputes_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.9"))
    priority = models.SmallIntegerField(default=0, db_default=0)
    takes_items = models.BooleanField(default=True, db_default=True)
    cursor_epoch = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("queue"),
            *same_project(
                "queue",
                spec="specs_spec",
                owner="specs_member",
                adjudication_queue="workforce_queue",
                required_skill="workforce_skill",
                required_clause="specs_clause",
            ),
            SameProject(
                name="queue_version_of_its_spec",
                columns=("spec_id", "version_id"),
                table="specs_specversion",
                keys=("spec_id", "id"),
            ),
            models.UniqueConstraint(fields=["project", "key"], name="queue_key_once_per_project"),
            one_of("queue", "purpose", Purpose),
            one_of("queue", "state", QueueState),
            one_of("queue", "rule", Rule),
            one_of("queue", "overlap_policy", OverlapPolicy),
            models.CheckConstraint(
                condition=~Q(overlap_policy="doubles") | Q(overlap=1, max_overlap__gte=2),
                name="queue_of_doubles_wants_one",
            ),
            models.CheckConstraint(
                condition=~Q(overlap_policy="dynamic") | Q(overlap__gte=2, max_overlap__lte=10),
                name="dynamic_queue_wants_two_to_ten",
            ),
            models.CheckConstraint(
                condition=Q(
                    double_share__gt=0,
                    double_share__lt=1,
                    accuracy_target__gt=Decimal("0.5"),
                    accuracy_target__lt=1,
                    stop_target__gt=Decimal("0.5"),
                    stop_target__lt=1,
                    fair_share__gte=0,
                    fair_share__lte=1,
                    audit_share__gte=0,
                    audit_share__lte=Decimal("0.5"),
                ),
                name="queue_overlap_shares_are_shares",
            ),
            models.CheckConstraint(
                condition=Q(error_cost=0) | Q(error_cost__gt=0, overlap_policy="dynamic"),
                name="queue_weighs_errors_where_it_is_dynamic",
            ),
            models.CheckConstraint(
                condition=Q(
                    independent_share__gte=0,
                    independent_share__lte=1,
                    second_share__gte=0,
                    second_share__lte=1,
                ),
                name="queue_shares_of_disputes_are_shares",
            ),
            one_of("queue", "order", Order),
            one_of("queue", "order_kind", OrderKind),
            one_of("queue", "spread", Spread),
            one_of("queue", "batches_for", BatchesFor),
            models.CheckConstraint(
                condition=Q(stagger=0)
                | Q(stagger__gt=0, stagger__lte=MAX_STAGGER, order="first-in", spread="depth"),
                name="queue_staggered_where_it_says_something",
            ),
            models.CheckConstraint(
                condition=Q(order="field") & ~Q(order_field="") | ~Q(order="field") & Q(order_field=""),
                name="queue_ordered_by_a_field_names_it",
            ),
            models.CheckConstraint(
                condition=Q(random_share=0) | Q(random_share__gt=0, random_share__lte=1) & ~Q(order="random"),
                name="queue_random_share_is_a_share",
            ),
            one_of("queue", "citing", Citing),
            one_of("queue", "entry", Entry),
            one_of("queue", "quiz_failure", QuizFailure),
            one_of("queue", "in_progress", InProgress),
            models.CheckConstraint(
                condition=Q(overlap__gte=1, max_overlap__gte=F("overlap"), max_overlap__lte=50),
                name="queue_overlap_is_sensible",
            ),
            models.CheckConstraint(
                condition=Q(consensus_share__gt=Decimal("0.5"), consensus_share__lte=1),
                name="queue_consensus_share_is_a_majority",
            ),
            models.CheckConstraint(
                condition=Q(lease_for__gt=timedelta(0), max_renewals__gte=0, max_leases__gte=1),
                name="queue_lease_is_sensible",
            ),
            models.CheckConstraint(
                condition=Q(
                    cite_share__gte=0,
                    cite_share__lte=1,
                    gold_share__gte=0,
                    gold_share__lte=Decimal("0.5"),
                    quiz_pass_share__gt=0,
                    quiz_pass_share__lte=1,
                ),
                name="queue_shares_are_shares",
            ),
            one_of("queue", "gold_feedback", Feedback),
            models.CheckConstraint(
                condition=Q(
                    gold_first__gte=0,
                    gold_first__lte=F("gold_first_of"),
                    gold_verdict_from__gte=1,
                    gold_exposures__gte=1,
                    gold_failed_share__gt=0,
                    gold_failed_share__lte=1,
                    repeat_share__gte=0,
                    repeat_share__lte=Decimal("0.1"),
                    repeat_after_answers__gte=1,
                ),
                name="queue_gold_is_sensible",
            ),
            models.CheckConstraint(
                condition=Q(
                    skips_per_hour__gte=0,
                    skip_share__gte=0,
                    skip_share__lte=1,
                    max_returns__gte=1,
                    hold_for__gte=timedelta(0),
                    max_holds__gte=1,
                    undo_for__gte=timedelta(0),
                    n_correctable__gte=0,
                    n_correctable__lte=100,
                ),
                name="queue_skips_are_sensible",
            ),
            one_of("queue", "predictions", Predictions),
            models.CheckConstraint(
                condition=Q(predictions="hidden") | Q(purpose="labelling"),
                name="queue_that_measures_shows_no_prediction",
            ),
            models.CheckConstraint(
                condition=Q(predictions_share__gt=0, predictions_share__lt=1)
                & (Q(predictions_prefill=False) | Q(predictions__in=["before", "experiment"])),
                name="queue_predictions_are_sensible",
            ),
            models.CheckConstraint(
                condition=Q(required_level__gte=1)
                & (Q(required_clause__isnull=True) | Q(required_skill__isnull=False)),
                name="queue_requirement_is_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state="open") | Q(version__isnull=False, owner__isnull=False),
                name="open_queue_has_version_and_owner",
            ),
            models.CheckConstraint(
                condition=Q(
                    oldest_within__gt=timedelta(0),
                    settled_within__gt=timedelta(0),
                    settled_within__lte=F("oldest_within"),
                    disputes_within__gt=timedelta(0),
                    settled_share__gt=0,
                    settled_share__lte=1,
                    disputes_share__gt=0,
                    disputes_share__lte=1,
                ),
                name="queue_has_a_service_level",
            ),
        ]
        triggers = [
            ends_clearance(
                "queue",
                "version_id",
                "entry",
                "required_skill_id",
                "required_level",
                "required_clause_id",
                "required_languages",
                inserted=False,
            ),
            transitions(
                ("open", "paused"),
                ("paused", "open"),
                ("open", "closed"),
                ("paused", "closed"),
                ("closed", "paused"),
            ),
            pgtrigger.Trigger(
                name="version_in_force_is_published",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("version_id"),
                func="""
                    IF NEW.version_id IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM specs_specversion v WHERE v.id = NEW.version_id
                          AND (v.state IN ('published', 'retired') OR v.state = 'trial' AND NEW.purpose = 'pilot')) THEN
                        RAISE EXCEPTION 'only a published version can be in force'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'workforce_queue_version_in_force_is_published';
                    END IF;
                    RETURN NEW;
                """,
            ),
            kept_key(),
            *never_deleted(),
        ]

    def __str__(self) -> str:
        return self.name


class Enrolment(ProjectRow):
    """An annotator may pull from a queue. The row holds how far this annotator has got through the queue.

    `passed` are the ranks among which she was given what there was for her, and skipped what was not, as of the transaction
    `seen`; what came into them since (`Arrival`) is looked at again. Both hold while `cursor_epoch` is the queue's.
    `n_claims` counts what she was given here, `n_gold` how much of it was gold; none is looked for before `no_gold_until`.
    The claim locks it first, so one annotator's claims are one after the other, in two tabs as well. No lease of hers in this
    queue ends after `held_until`; whoever waited for the lock reads it anew, which a count of leases would not be. Until
    `cleared_until` nothing speaks against a claim of hers, unless something changes (`workforce.models.clearances`).
    `stage` is where a newcomer stands on the queue's path since `stage_since` ("": beside it, as everybody who is through),
    `held` that a person has stopped her there.
    """

    queue = ProjectLink("workforce.Queue", related_name="enrolments")
    annotator = ProjectLink("workforce.Annotator", related_name="enrolments")
    active = models.BooleanField(default=True)
    cursor_epoch = models.IntegerField(default=0)
    passed = Ranges()
    seen = models.BigIntegerField(default=0, db_default=0)
    n_claims = models.IntegerField(default=0, db_default=0)
    n_gold = models.IntegerField(default=0, db_default=0)
    no_gold_until = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    cleared_until = models.DateTimeField(null=True)
    since = models.DateTimeField(db_default=Now())
    stage = models.CharField(max_length=12, blank=True, choices=Stage, default="", db_default="")
    stage_since = models.DateTimeField(null=True)
    held = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            *same_project("enrolment", queue="workforce_queue", annotator="workforce_annotator"),
            models.UniqueConstraint(fields=["annotator", "queue"], name="enrolled_once"),
            models.CheckConstraint(condition=Q(stage__in=["", *Stage.values]), name="enrolment_stage_known"),
            models.CheckConstraint(
                condition=Q(stage="", stage_since__isnull=True, held=False)
                | ~Q(stage="") & Q(stage_since__isnull=False),
                name="enrolment_on_a_path_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["queue"], name="enrolment_queue"),
            models.Index(fields=["queue", "-id"], condition=~Q(stage=""), name="enrolment_on_path"),
        ]
        triggers = never_deleted()
