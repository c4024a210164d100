"""Rules about people: what they look at, whom they found, and what follows. A rule never suspends; it proposes."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
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
from workforce.models.clearances import ends_clearance


class Metric(models.TextChoices):
    GOLD = "gold", _("Known answers given right (share)")
    AGREEMENT = "agreement", _("Agreement with the others (share)")
    DRIFT = "drift", _("Drift alarms (number)")
    SKIPS = "skips", _("Tasks skipped (share)")
    SPEED = "speed", _("Time per answer, as a multiple of the others'")
    SELF = "self", _("Agreement with oneself (share)")
    LATE = "late", _("Answers that came too late (share)")


class Action(models.TextChoices):
    NOTIFY = "notify", _("Tell whoever manages people")
    REVIEW = "review", _("Raise review: one more answer on her tasks")
    RETRAIN = "retrain", _("Require retraining in the named queues")
    RESTRICT = "restrict", _("Restrict to the named queues")
    SUSPEND = "suspend", _("Propose suspension")


class PeopleRule(ProjectRow):
    """If `metric` over a window lies beyond `threshold` on at least `minimum` judged answers, `action` follows.

    The window is the last `last_answers` or the last `days`. With `sure`, the whole interval has to lie beyond the threshold.
    `share` of her tasks get one more answer, and at least `gold_share` of what she is given is gold (review); `queues` are
    where she may work (retrain, restrict); retraining ends with `goal_answers` known answers there at `goal_share`. What
    follows lasts `lasts_days`. With `confirm`, a person decides first; a suspension is never anything but a proposal.
    """

    name = models.CharField(max_length=200)
    queue = ProjectLink("workforce.Queue", null=True)
    metric = models.CharField(max_length=16, choices=Metric)
    last_answers = models.IntegerField(
        null=True, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    days = models.IntegerField(null=True, validators=[MinValueValidator(1), MaxValueValidator(366)])
    minimum = models.IntegerField(default=20, validators=[MinValueValidator(1), MaxValueValidator(10_000)])
    above = models.BooleanField(default=False)
    threshold = models.FloatField()
    sure = models.BooleanField(default=True)
    action = models.CharField(max_length=16, choices=Action)
    confirm = models.BooleanField(default=True)
    share = models.FloatField(default=0.5, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    gold_share = models.FloatField(
        default=0.1, db_default=0.1, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)]
    )
    queues = ArrayField(models.BigIntegerField(), default=list)
    goal_answers = models.IntegerField(default=10, validators=[MinValueValidator(1), MaxValueValidator(1000)])
    goal_share = models.FloatField(default=0.8, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    lasts_days = models.IntegerField(default=14, validators=[MinValueValidator(1), MaxValueValidator(366)])
    reason = models.TextField()
    active = models.BooleanField(default=False)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("people_rule"),
            *same_project("people_rule", queue="workforce_queue"),
            models.UniqueConstraint(fields=["project", "name"], name="people_rule_name_once"),
            one_of("people_rule", "metric", Metric),
            one_of("people_rule", "action", Action),
            models.CheckConstraint(
                condition=Q(last_answers__isnull=False, days__isnull=True)
                | Q(last_answers__isnull=True, days__isnull=False),
                name="people_rule_has_one_window",
            ),
            models.CheckConstraint(
                condition=Q(
                    minimum__gte=1, share__gte=0, share__lte=1, lasts_days__gte=1, goal_answers__gte=1
                ),
                name="people_rule_is_sensible",
            ),
            models.CheckConstraint(
                condition=Q(gold_share__gte=0, gold_share__lte=0.5), name="people_rule_gold_is_a_share"
            ),
            models.CheckConstraint(
                condition=~Q(action="suspend") | Q(confirm=True), name="people_rule_never_suspends"
            ),
            models.CheckConstraint(
                condition=~Q(action__in=["retrain", "restrict"]) | Q(queues__len__gt=0),
                name="people_rule_names_its_queues",
            ),
            models.CheckConstraint(condition=Q(reason__regex=r"\S"), name="people_rule_has_a_reason"),
        ]
        triggers = [frozen("project_id"), *never_deleted()]

    def __str__(self) -> str:
        return self.name


class SpecWarning(ProjectRow):
    """Several annotators were found at once, under the same clause or altogether: a sign about spec or data, not about people."""

    rule = ProjectLink("workforce.PeopleRule")
    window_end = models.DateField()
    clause = ProjectLink("specs.Clause", null=True)
    n_annotators = models.IntegerField()
    n_judged = models.IntegerField()
    found_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("spec_warning"),
            *same_project("spec_warning", rule="workforce_peoplerule", clause="specs_clause"),
            models.UniqueConstraint(
                fields=["rule", "window_end", "clause"], nulls_distinct=False, name="spec_warning_once"
            ),
        ]
        triggers = append_only()


class Finding(ProjectRow):
    """A rule found an annotator: the figures as they were. Once per rule, annotator and day. `held_back` by a spec warning."""

    rule = ProjectLink("workforce.PeopleRule", related_name="findings")
    annotator = ProjectLink("workforce.Annotator")
    window_end = models.DateField()
    value = models.FloatField()
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    n = models.IntegerField()
    n_set_aside = models.IntegerField(default=0)
    terms = models.JSONField(default=dict)
    held_back = ProjectLink("workforce.SpecWarning", null=True)
    found_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("finding"),
            *same_project(
                "finding",
                rule="workforce_peoplerule",
                annotator="workforce_annotator",
                held_back="workforce_specwarning",
            ),
            models.UniqueConstraint(
                fields=["rule", "annotator", "window_end"], name="finding_once_per_window"
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "-id"], name="finding_annotator"),
            models.Index(fields=["project", "-id"], name="finding_newest"),
        ]
        triggers = append_only()


class ConsequenceState(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    IN_FORCE = "in-force", _("In force")
    DECLINED = "declined", _("Declined")
    ENDED = "ended", _("Ended")


class Consequence(ProjectRow):
    """What follows from a finding, or from a person's decision. Its terms are written once.

    A suspension is proposed here and made elsewhere: confirming it writes a `Suspension` with a named person.
    """

    finding = ProjectLink("workforce.Finding", null=True, related_name="consequences")
    annotator = ProjectLink("workforce.Annotator", related_name="consequences")
    action = models.CharField(max_length=16, choices=Action)
    reason = models.TextField()
    share = models.FloatField(default=0)
    gold_share = models.FloatField(default=0, db_default=0)
    queues = ArrayField(models.BigIntegerField(), default=list)
    goal_answers = models.IntegerField(default=0)
    goal_share = models.FloatField(default=0)
    lasts_days = models.IntegerField()
    state = models.CharField(max_length=16, choices=ConsequenceState, default=ConsequenceState.PROPOSED)
    made_at = models.DateTimeField(db_default=Now())
    decided_by = ProjectLink("specs.Member", null=True)
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True, db_default="")
    started_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = ProjectLink("specs.Member", null=True)

    class Meta:
        constraints = [
            project_key("consequence"),
            *same_project(
                "consequence",
                finding="workforce_finding",
                annotator="workforce_annotator",
                decided_by="specs_member",
                ended_by="specs_member",
            ),
            models.UniqueConstraint(fields=["finding"], name="consequence_once_per_finding"),
            one_of("consequence", "action", Action),
            one_of("consequence", "state", ConsequenceState),
            models.CheckConstraint(condition=Q(reason__regex=r"\S"), name="consequence_has_a_reason"),
            models.CheckConstraint(
                condition=Q(gold_share__gte=0, gold_share__lte=0.5), name="consequence_gold_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(finding__isnull=False) | Q(decided_by__isnull=False),
                name="consequence_comes_from_somewhere",
            ),
            models.CheckConstraint(
                condition=~Q(action="suspend") | Q(state="proposed") | Q(decided_by__isnull=False),
                name="suspension_is_confirmed_by_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="declined") | Q(decided_by__isnull=False),
                name="consequence_is_declined_by_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="in-force") | Q(started_at__isnull=False, until__isnull=False),
                name="consequence_in_force_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["ended", "declined"]) | Q(ended_at__isnull=False),
                name="ended_consequence_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["annotator"], condition=Q(state="in-force"), name="consequence_in_force"),
            models.Index(
                fields=["project", "-id"], condition=Q(state="proposed"), name="consequence_proposed"
            ),
        ]
        triggers = [
            ends_clearance("annotator"),
            frozen(
                "annotator_id",
                "action",
                "reason",
                "share",
                "gold_share",
                "queues",
                "finding_id",
                "lasts_days",
            ),
            transitions(
                ("proposed", "in-force"),
                ("proposed", "declined"),
                ("proposed", "ended"),
                ("in-force", "ended"),
            ),
            *never_deleted(),
        ]


class Notice(ProjectRow):
    """What an annotator is told in her own inbox: that a rule found her, or what follows for her. She says that she read it.

    It rests on a finding, on a consequence, or on both; the figures and the reason stand there.
    """

    annotator = ProjectLink("workforce.Annotator", related_name="notices")
    finding = ProjectLink("workforce.Finding", null=True)
    consequence = ProjectLink("workforce.Consequence", null=True)
    written_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project(
                "notice",
                annotator="workforce_annotator",
                finding="workforce_finding",
                consequence="workforce_consequence",
            ),
            models.UniqueConstraint(
                fields=["finding", "consequence"], nulls_distinct=False, name="notice_once"
            ),
            models.CheckConstraint(
                condition=Q(finding__isnull=False) | Q(consequence__isnull=False),
                name="notice_rests_on_something",
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "-id"], name="notice_annotator"),
            models.Index(fields=["annotator"], condition=Q(read_at__isnull=True), name="notice_unread"),
        ]
        triggers = [
            frozen("annotator_id", "finding_id", "consequence_id", "written_at", "event_id"),
            *never_deleted(),
        ]


class ReviewDraw(BusyProjectRow):
    """Whether a task that an annotator under raised review was given wants one more answer: drawn once, by chance."""

    task = ProjectLink("workforce.Task")
    annotator = ProjectLink("workforce.Annotator")
    raised = models.BooleanField()
    drawn_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("review_draw", task="workforce_task", annotator="workforce_annotator"),
            models.UniqueConstraint(fields=["task", "annotator"], name="review_drawn_once"),
        ]
        triggers = append_only()
