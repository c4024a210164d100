"""What was decided: disputes, rulings, the resolutions tasks end with, and precedents."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from annotation.models.reviews import NOT_UNDER_REVIEW
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


class DisputeState(models.TextChoices):
    OPEN = "open", _("Open")
    DECIDED = "decided", _("Decided")
    PROBE = "probe", _("Gold for one lead")
    PROBED = "probed", _("Gold that a lead ruled on")
    RETURNED = "returned", _("Back for more answers")
    SECOND = "second", _("Waits for a second lead")
    SECONDED = "seconded", _("Decided by a second lead")


DISPUTE_STATES = [
    (state.value, state.label) for state in (DisputeState.OPEN, DisputeState.DECIDED, DisputeState.RETURNED)
]
"""The states that are shown: gold and second looks are like any other dispute."""


class DisputeReason(models.TextChoices):
    ANSWERS_DIFFER = "answers-differ", _("The answers differ")
    NO_CLAUSE_FITS = "no-clause-fits", _("Most say that no clause fits")
    ASKED_FOR = "asked-for", _("Opened from imported history")
    CANNOT = "cannot-be-labelled", _("Some say that it cannot be labelled")
    RETURNED = "returned", _("It was skipped or given back too often")
    REVIEW = "review", _("A reviewer and the annotator do not come together")


class Dispute(ProjectRow):
    """A task whose answers do not agree, on the questions listed. The work on it is a task of the adjudication queue.

    `confidence` is how sure the answers are of anything (0 to 1), `value` what the item is worth, and `place` follows from both:
    disputes come by it, then by `unflagged` (no clause that they cite is flagged), then as they were opened. `clauses` are those
    that the answers cite, `pair` the two labels between which they stand, `likeness` is shared by disputes that look the same.
    `independent` asks who decides for what she thinks before she sees the answers; `of` is the dispute that a second lead decides
    as well.
    """

    task = ProjectLink("workforce.Task", related_name="disputes")
    work = ProjectLink("workforce.Task", null=True)
    questions = ArrayField(models.CharField(max_length=64))
    reason = models.CharField(max_length=32, choices=DisputeReason)
    state = models.CharField(max_length=16, choices=DisputeState, default=DisputeState.OPEN)
    disagreement = models.FloatField(default=0)
    queue = ProjectLink("workforce.Queue", null=True)
    confidence = models.FloatField(default=0, db_default=0)
    value = models.FloatField(default=1, db_default=1)
    place = models.GeneratedField(
        expression=(F("confidence") - 1.0) * F("value"), output_field=models.FloatField(), db_persist=True
    )
    unflagged = models.BooleanField(default=True, db_default=True)
    clauses = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    pair = models.CharField(max_length=200, blank=True, default="", db_default="")
    likeness = models.CharField(max_length=64, blank=True, default="", db_default="")
    independent = models.BooleanField(default=False, db_default=False)
    of = ProjectLink("annotation.Dispute", null=True)
    opened_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("dispute"),
            *same_project(
                "dispute",
                task="workforce_task",
                work="workforce_task",
                queue="workforce_queue",
                of="annotation_dispute",
            ),
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=1, value__gte=0),
                name="dispute_place_is_sensible",
            ),
            models.UniqueConstraint(
                fields=["task"], condition=Q(state="open"), name="one_open_dispute_per_task"
            ),
            models.UniqueConstraint(fields=["work"], name="dispute_work_once"),
            models.UniqueConstraint(fields=["of"], name="dispute_seconded_once"),
            models.CheckConstraint(
                condition=Q(state__in=["second", "seconded"], of__isnull=False)
                | ~Q(state__in=["second", "seconded"]) & Q(of__isnull=True),
                name="second_look_is_at_a_dispute",
            ),
            one_of("dispute", "state", DisputeState),
            one_of("dispute", "reason", DisputeReason),
            models.CheckConstraint(condition=Q(questions__len__gte=1), name="dispute_lists_its_questions"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "probe", "second"]) | Q(decided_at__isnull=False),
                name="decided_dispute_has_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "place", "unflagged", "id"],
                condition=Q(state="open"),
                name="dispute_worst",
            ),
            models.Index(
                fields=["queue", "place", "unflagged", "id"],
                condition=Q(state="open"),
                name="dispute_worst_of",
            ),
            models.Index(
                fields=["project", "pair", "place", "unflagged", "id"],
                condition=Q(state="open"),
                name="dispute_worst_pair",
            ),
            models.Index(fields=["project", "id"], condition=Q(state="open"), name="dispute_oldest"),
            models.Index(
                fields=["project", "likeness"],
                condition=Q(state="open") & ~Q(likeness=""),
                name="dispute_alike",
            ),
            models.Index(fields=["project", "place"], condition=Q(state="second"), name="dispute_seconds"),
            GinIndex(fields=["clauses"], condition=Q(state="open"), name="dispute_citing"),
            models.Index(fields=["work"], condition=Q(state__in=["probe", "probed"]), name="dispute_probes"),
        ]
        triggers = [
            frozen("task_id", "questions", "reason", "opened_at", "independent", "of_id"),
            transitions(
                ("open", "decided"),
                ("decided", "open"),
                ("open", "returned"),
                ("probe", "probed"),
                ("second", "seconded"),
            ),
            *never_deleted(),
        ]

    @property
    def flagged(self) -> bool:
        return not self.unflagged

    @property
    def shown_state(self) -> str:
        """The state as whoever may see the dispute sees it."""
        return _SHOWN.get(DisputeState(self.state), self.state)


_SHOWN = {
    DisputeState.PROBE: "open",
    DisputeState.SECOND: "open",
    DisputeState.PROBED: "decided",
    DisputeState.SECONDED: "decided",
}


class Cause(models.TextChoices):
    ANNOTATOR_ERRED = "annotator-erred", _("An annotator erred")
    CLAUSE_AMBIGUOUS = "clause-ambiguous", _("The clause is ambiguous")
    CLAUSE_MISSING = "clause-missing", _("A clause is missing")
    ITEM_UNCLEAR = "item-unclear", _("The item is unclear")
    PLURAL = "plural", _("Both are right")
    LABEL_MISSING = "label-missing", _("No label fits")


CAUSES_IN_THE_SPEC = (Cause.CLAUSE_AMBIGUOUS, Cause.CLAUSE_MISSING, Cause.LABEL_MISSING)


class Ruling(ProjectRow):
    """A lead's decision of a dispute: the values, why people disagreed, and the clause that decides.

    Questions that stay plural have no value but `sides`: `{question: [{"value", "n"}]}`, the answers kept and how many gave each.
    `split_into` are the items that the item became. `along_with` is the ruling that it repeats, where many look the same.
    `as_read` says whether it says what she thought before she saw the answers, `as_first` whether a second lead says what the
    first one did; null where there was neither.
    """

    dispute = ProjectLink("annotation.Dispute", related_name="rulings")
    assignment = ProjectLink("workforce.Assignment")
    annotator = ProjectLink("workforce.Annotator")
    by = ProjectLink("specs.Member")
    version = ProjectLink("specs.SpecVersion")
    values = models.JSONField()
    cannot = models.CharField(max_length=32, blank=True, db_default="", default="")
    sides = models.JSONField(default=dict, db_default={})
    split_into = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    along_with = ProjectLink("annotation.Ruling", null=True)
    as_read = models.BooleanField(null=True)
    as_first = models.BooleanField(null=True)
    cause = models.CharField(max_length=32, choices=Cause)
    clause = ProjectLink("specs.Clause", null=True)
    reason = models.TextField(blank=True)
    ruled_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("ruling"),
            *same_project(
                "ruling",
                dispute="annotation_dispute",
                assignment="workforce_assignment",
                annotator="workforce_annotator",
                by="specs_member",
                version="specs_specversion",
                clause="specs_clause",
                along_with="annotation_ruling",
            ),
            models.UniqueConstraint(fields=["assignment"], name="ruling_once_per_slot"),
            models.CheckConstraint(
                condition=Q(sides={}) | Q(cannot="", cause=Cause.PLURAL), name="ruling_kept_plural_says_so"
            ),
            models.CheckConstraint(
                condition=Q(split_into=[]) | Q(cannot="split", split_into__len__gte=2),
                name="ruling_splits_into_several",
            ),
            one_of("ruling", "cause", Cause),
            models.CheckConstraint(
                condition=~Q(cause__in=CAUSES_IN_THE_SPEC) | ~Q(reason=""),
                name="ruling_on_the_spec_has_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(cause=Cause.CLAUSE_AMBIGUOUS) | Q(clause__isnull=False),
                name="ambiguity_names_its_clause",
            ),
            models.CheckConstraint(
                condition=Q(cannot="") | Q(values={}), name="ruling_that_nothing_fits_has_no_value"
            ),
        ]
        indexes = [
            models.Index(fields=["dispute"], name="ruling_dispute"),
            models.Index(fields=["clause"], name="ruling_clause"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="read_first",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (SELECT FROM annotation_dispute d WHERE d.id = NEW.dispute_id AND d.independent)
                       AND NOT EXISTS (SELECT FROM annotation_firstreading f WHERE f.assignment_id = NEW.assignment_id) THEN
                        RAISE EXCEPTION 'an independent dispute is read before it is ruled on'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'ruling_after_a_first_reading';
                    END IF;
                    RETURN NEW;
                """,
            ),
            *append_only(),
        ]

    @property
    def kind(self) -> str:
        """What was decided: `value`, `plural`, `cannot` or `split`."""
        if self.split_into:
            return "split"
        return "cannot" if self.cannot else "plural" if self.sides else "value"


class Basis(models.TextChoices):
    CONSENSUS = "consensus", _("Consensus")
    RULING = "ruling", _("Ruling")
    GOLD = "gold", _("Gold")
    REVIEW = "review", _("Review")
    PLURAL = "plural", _("Several are right")


class ResolutionQuerySet(models.QuerySet["Resolution"]):
    def current(self) -> ResolutionQuerySet:
        """The newest revision for each task and question."""
        later = Resolution.objects.filter(
            task=OuterRef("task"), question=OuterRef("question"), revision__gt=OuterRef("revision")
        )
        return self.filter(~Exists(later))


class Resolution(BusyProjectRow):
    """The value a task ends with, per question: appended, never edited; the newest revision is the one in force.

    `value` is null when the item cannot be labelled, and `cannot` says why, and where several answers are right
    (basis `plural`). `distribution` counts the answers it rests on,
    `answers` names them.
    """

    task = ProjectLink("workforce.Task", related_name="resolutions")
    question = models.CharField(max_length=64)
    revision = models.SmallIntegerField(default=1)
    value = models.JSONField(null=True)
    cannot = models.CharField(max_length=32, blank=True, db_default="", default="")
    basis = models.CharField(max_length=16, choices=Basis)
    version = ProjectLink("specs.SpecVersion")
    ruling = ProjectLink("annotation.Ruling", null=True)
    distribution = models.JSONField(default=dict)
    answers = ArrayField(models.BigIntegerField(), default=list)
    rule = models.CharField(max_length=64)
    resolved_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    objects = ResolutionQuerySet.as_manager()

    class Meta:
        constraints = [
            project_key("resolution"),
            *same_project(
                "resolution", task="workforce_task", version="specs_specversion", ruling="annotation_ruling"
            ),
            models.UniqueConstraint(fields=["task", "question", "revision"], name="resolution_revision_once"),
            one_of("resolution", "basis", Basis),
            models.CheckConstraint(
                condition=~Q(basis="ruling") | Q(ruling__isnull=False),
                name="ruled_resolution_names_its_ruling",
            ),
            models.CheckConstraint(
                condition=~Q(basis="plural") | Q(ruling__isnull=False, value__isnull=True, cannot=""),
                name="plural_resolution_has_no_one_value",
            ),
            models.CheckConstraint(
                condition=Q(cannot="") | Q(value__isnull=True),
                name="what_cannot_be_labelled_ends_without_a_value",
            ),
        ]
        indexes = [models.Index(fields=["event_id", "id"], name="resolution_event_row")]
        triggers = [NOT_UNDER_REVIEW, *append_only()]


class Precedent(ProjectRow):
    """A ruling beside the clause it interprets, in the lead's own words; other words are a later revision, never an edit.

    In force until a later revision or ruling supersedes it, or a lead withdraws it and says why. Under which versions it is
    shown, and since when, is what `specs.PrecedentSet` holds.
    """

    clause = ProjectLink("specs.Clause", related_name="precedents")
    ruling = ProjectLink("annotation.Ruling", related_name="precedents")
    revision = models.SmallIntegerField(default=1)
    text = models.TextField()
    by = ProjectLink("specs.Member", null=True)
    created_at = models.DateTimeField(db_default=Now())
    superseded_at = models.DateTimeField(null=True)
    superseded_by = ProjectLink("annotation.Precedent", null=True)
    withdrawn_by = ProjectLink("specs.Member", null=True)
    withdrawn_reason = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = [
            project_key("precedent"),
            *same_project(
                "precedent",
                clause="specs_clause",
                ruling="annotation_ruling",
                by="specs_member",
                superseded_by="annotation_precedent",
                withdrawn_by="specs_member",
            ),
            models.UniqueConstraint(fields=["ruling", "clause", "revision"], name="precedent_revision_once"),
            models.UniqueConstraint(
                fields=["ruling", "clause"],
                condition=Q(superseded_at__isnull=True),
                name="one_precedent_in_force_per_ruling",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="precedent_says_something"),
            models.CheckConstraint(
                condition=Q(superseded_at__isnull=False)
                | Q(superseded_by__isnull=True, withdrawn_by__isnull=True, withdrawn_reason=""),
                name="precedent_in_force_is_not_withdrawn",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_by__isnull=True) | ~Q(withdrawn_reason=""),
                name="withdrawn_precedent_says_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clause"], condition=Q(superseded_at__isnull=True), name="precedent_in_force"
            ),
            models.Index(fields=["project", "-id"], name="precedent_newest"),
        ]
        triggers = [
            frozen("clause_id", "ruling_id", "revision", "text", "by_id", "created_at"),
            pgtrigger.Protect(
                name="never_in_force_again",
                operation=pgtrigger.UpdateOf("superseded_at"),
                condition=pgtrigger.Condition("OLD.superseded_at IS NOT NULL"),
            ),
            *never_deleted(),
        ]


class IssueState(models.TextChoices):
    PARKED = "parked", _("Parked")
    OPEN = "open", _("Open")
    CLOSED = "closed", _("Closed")


STANDING_ISSUES = (IssueState.OPEN, IssueState.PARKED)


class CaseWhy(models.TextChoices):
    RULED = "ruled", _("a lead blamed the clause")
    CONFUSED = "confused", _("of the labels that are confused most")
    CONTESTED = "contested", _("read in different ways")
    RARE = "rare", _("a rare label")
    CONTROL = "control", _("undisputed, to compare with")


class ClauseIssue(ProjectRow):
    """Evidence that a clause is ambiguous, until a version resolves it.

    A parked one waits for more cases. `follows` is the issue that the clause had before: it came back.
    """

    clause = ProjectLink("specs.Clause", related_name="issues")
    state = models.CharField(max_length=16, choices=IssueState, default=IssueState.OPEN)
    opened_for = models.CharField(max_length=32)
    opened_at = models.DateTimeField(db_default=Now())
    follows = ProjectLink("annotation.ClauseIssue", null=True)
    owner = ProjectLink("specs.Member", null=True)
    due_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by_version = ProjectLink("specs.SpecVersion", null=True)
    closing_reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            project_key("clause_issue"),
            *same_project(
                "clause_issue",
                clause="specs_clause",
                follows="annotation_clauseissue",
                owner="specs_member",
                closed_by_version="specs_specversion",
            ),
            models.UniqueConstraint(
                fields=["clause"], condition=Q(state__in=["open", "parked"]), name="one_open_issue_per_clause"
            ),
            one_of("clause_issue", "state", IssueState),
            models.CheckConstraint(
                condition=~Q(state="closed") | Q(closed_by_version__isnull=False) | ~Q(closing_reason=""),
                name="issue_is_closed_by_a_version_or_a_reason",
            ),
        ]
        triggers = [
            transitions(("open", "closed"), ("parked", "open"), ("open", "parked"), ("parked", "closed")),
            *never_deleted(),
        ]


class ClauseIssueCase(ProjectRow):
    """One disputed task in the case pack of a clause issue."""

    issue = ProjectLink("annotation.ClauseIssue", related_name="cases")
    task = ProjectLink("workforce.Task")
    control = models.BooleanField(default=False)
    why = models.CharField(max_length=16, choices=CaseWhy, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            project_key("clause_issue_case"),
            *same_project("clause_issue_case", issue="annotation_clauseissue", task="workforce_task"),
            models.UniqueConstraint(fields=["issue", "task"], name="clause_issue_case_once"),
        ]
