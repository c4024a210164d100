"""What is known of a version before and after it became law: pilots, the gate it passed, questions and ratings on its clauses."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models import SpecVersion
from specs.models.base import (
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


class PilotState(models.TextChoices):
    RUNNING = "running", _("Running")
    ENDED = "ended", _("Ended")


class Sample(models.TextChoices):
    RANDOM = "random", _("A random sample")
    CHANGED = "changed", _("A sample for each clause that changed")
    PRECEDENTS = "precedents", _("The items of the precedents in force")
    CASES = "cases", _("The cases of the open clause issues")


class Asks(models.TextChoices):
    QUESTIONS = "questions", _("The draft's questions")
    CLAUSES = "clauses", _("Of every clause, whether it applies")


class Pilot(ProjectRow):
    """A draft, frozen as a trial, on a sample of items by chosen annotators in a queue of its own.

    `asks` says whether the trial puts the draft's questions, or one about each of its clauses (`annotation.criteria`).
    """

    spec = ProjectLink("specs.Spec", related_name="pilots")
    trial = ProjectLink("specs.SpecVersion")
    queue = ProjectLink("workforce.Queue")
    sample = models.CharField(max_length=16, choices=Sample)
    asks = models.CharField(
        max_length=16, choices=Asks, default=Asks.QUESTIONS, db_default=Asks.QUESTIONS.value
    )
    changed = models.JSONField(default=list)
    n_items = models.IntegerField()
    state = models.CharField(max_length=8, choices=PilotState, default=PilotState.RUNNING)
    started_by = ProjectLink("specs.Member", null=True)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("pilot"),
            *same_project(
                "pilot",
                spec="specs_spec",
                trial="specs_specversion",
                queue="workforce_queue",
                started_by="specs_member",
            ),
            models.UniqueConstraint(fields=["trial"], name="pilot_once_per_trial"),
            one_of("pilot", "state", PilotState),
            one_of("pilot", "sample", Sample),
            one_of("pilot", "asks", Asks),
        ]
        indexes = [models.Index(fields=["spec", "-id"], name="pilot_newest")]
        triggers = [
            frozen("spec_id", "trial_id", "queue_id", "sample", "asks", "changed"),
            transitions(("running", "ended"), ("ended", "running")),
            *never_deleted(),
        ]


class ResampleKind(models.TextChoices):
    AGAIN = "again", _("The same items once more, blind")
    AUDIT = "audit", _("Accepted labels, one more blind look by others")
    BRIDGE = "bridge", _("The same items for new people or a new model")


class Resample(ProjectRow):
    """A frozen sample of settled items before people again, in a queue of its own that mixes with nothing.

    It runs under a trial with the words of the version in force, `version`. `labels` are those in force when it was drawn:
    `{item: {question: value}}`. A bridge to a model that sends predictions (`model`, `model_version`) has neither trial nor
    queue: its predictions of these items are its answers, whenever they come. Written once.
    """

    source = ProjectLink("workforce.Queue", related_name="resamples")
    version = ProjectLink("specs.SpecVersion", null=True)
    trial = ProjectLink("specs.SpecVersion", null=True)
    queue = ProjectLink("workforce.Queue", null=True)
    model = models.CharField(max_length=200, blank=True, db_default="", default="")
    model_version = models.CharField(max_length=100, blank=True, db_default="", default="")
    kind = models.CharField(max_length=8, choices=ResampleKind)
    labels = models.JSONField()
    n_items = models.IntegerField()
    started_by = ProjectLink("specs.Member", null=True)
    started_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("resample"),
            *same_project(
                "resample",
                source="workforce_queue",
                version="specs_specversion",
                trial="specs_specversion",
                queue="workforce_queue",
                started_by="specs_member",
            ),
            models.CheckConstraint(
                condition=Q(model="", trial__isnull=False, queue__isnull=False)
                | Q(
                    ~Q(model=""),
                    kind="bridge",
                    trial__isnull=True,
                    queue__isnull=True,
                    version__isnull=False,
                ),
                name="resample_is_before_people_or_a_model",
            ),
            models.UniqueConstraint(fields=["trial"], name="resample_once_per_trial"),
            models.UniqueConstraint(fields=["queue"], name="resample_once_per_queue"),
            one_of("resample", "kind", ResampleKind),
            models.CheckConstraint(condition=Q(n_items__gte=1), name="resample_has_items"),
        ]
        indexes = [models.Index(fields=["source", "-id"], name="resample_newest")]
        triggers = append_only()

    @property
    def name(self) -> str:
        """What the sample is called: its queue, or the model whose predictions it waits for."""
        if self.queue is None:
            return f"{self.model} {self.model_version}".strip()
        return self.queue.name

    @property
    def words(self) -> SpecVersion:
        """The version whose labels are looked at again; older samples name it through their trial alone."""
        found = self.version or (self.trial.based_on if self.trial else None)
        assert found is not None
        return found


class Publication(ProjectRow):
    """What the gate said when a version was published, and who published past it, if somebody did."""

    version = ProjectLink("specs.SpecVersion")
    pilot = ProjectLink("annotation.Pilot", null=True)
    gate = models.JSONField(default=dict)
    passed = models.BooleanField(null=True)
    overridden_by = ProjectLink("specs.Member", null=True)
    override_reason = models.TextField(blank=True)
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project(
                "publication",
                version="specs_specversion",
                pilot="annotation_pilot",
                overridden_by="specs_member",
            ),
            models.UniqueConstraint(fields=["version"], name="publication_once_per_version"),
            models.CheckConstraint(
                condition=Q(overridden_by__isnull=True, override_reason="")
                | Q(~Q(override_reason=""), overridden_by__isnull=False),
                name="past_the_gate_with_a_name_and_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(gate__binding=True, passed=False) | Q(overridden_by__isnull=False),
                name="failed_gate_is_passed_by_name_only",
            ),
        ]
        triggers = append_only()


class Inquiry(ProjectRow):
    """A question about a clause and its answer: public ones stand beside the clause, private ones are seen by two sides only."""

    clause = ProjectLink("specs.Clause", related_name="+")
    version = ProjectLink("specs.SpecVersion")
    queue = ProjectLink("workforce.Queue", null=True)
    task = ProjectLink("workforce.Task", null=True)
    hold = ProjectLink("workforce.Hold", null=True)
    asked_by = ProjectLink("specs.Member", null=True)
    public = models.BooleanField(default=True)
    text = models.TextField()
    asked_at = models.DateTimeField(db_default=Now())
    answer = models.TextField(blank=True)
    answered_by = ProjectLink("specs.Member", null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("inquiry"),
            *same_project(
                "inquiry",
                clause="specs_clause",
                version="specs_specversion",
                queue="workforce_queue",
                task="workforce_task",
                hold="workforce_hold",
                asked_by="specs_member",
                answered_by="specs_member",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="inquiry_asks_something"),
            models.CheckConstraint(
                condition=Q(answer="", answered_at__isnull=True)
                | Q(~Q(answer=""), answered_at__isnull=False),
                name="answered_inquiry_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["clause", "-id"], name="inquiry_clause"),
            models.Index(fields=["project", "-id"], name="inquiry_newest"),
        ]
        triggers = [frozen("clause_id", "version_id", "text", "asked_by_id", "public"), *never_deleted()]


class ClarityRating(ProjectRow):
    """Whether a member finds one wording of a clause clear; changing one's mind replaces it."""

    clause = ProjectLink("specs.Clause", related_name="+")
    revision = ProjectLink("specs.ClauseRevision")
    member = ProjectLink("specs.Member")
    clear = models.BooleanField()
    rated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project(
                "clarity_rating",
                clause="specs_clause",
                revision="specs_clauserevision",
                member="specs_member",
            ),
            models.UniqueConstraint(fields=["revision", "member"], name="clarity_rated_once"),
        ]
        indexes = [models.Index(fields=["clause"], name="clarity_rating_clause")]
