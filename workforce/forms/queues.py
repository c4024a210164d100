"""Forms of the queue pages: they check shape, the transitions check rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.utils.translation import gettext_lazy as _

from specs.models import Spec
from workforce.forms.gold import GoldFields
from workforce.models import (
    BatchesFor,
    Citing,
    Entry,
    Order,
    OrderKind,
    OverlapPolicy,
    Predictions,
    Purpose,
    Queue,
    QuizFailure,
    Rule,
    Spread,
)
from workforce.models.queues import MAX_STAGGER, offered_categories

_PLAIN = (
    "name",
    "overlap_policy",
    "error_cost",
    "overlap",
    "max_overlap",
    "rule",
    "order",
    "order_field",
    "order_kind",
    "spread",
    "stagger",
    "max_renewals",
    "max_leases",
    "batches_for",
    "citing",
    "asks_confidence",
    "entry",
    "qualification",
    "quiz_items",
    "quiz_attempts",
    "quiz_failure",
    "skips_per_hour",
    "max_returns",
    "max_holds",
    "n_correctable",
    "predictions",
    "predictions_model",
    "predictions_prefill",
    "value_field",
)


class Unit(NamedTuple):
    """How a setting is kept, from what a person says, and how it is said."""

    kept: Callable[[Any], Any]
    said: Callable[[Any], Any]


def _span(seconds: int, least: int = 1) -> Unit:
    return Unit(
        lambda n: timedelta(seconds=n * seconds),
        lambda span: max(least, round(span.total_seconds() / seconds)),
    )


_PERCENT = Unit(lambda percent: Decimal(percent) / 100, lambda share: round(share * 100))
_TENTHS = Unit(_PERCENT.kept, lambda share: round(share * 100, 1))
_MINUTES, _HOURS = _span(60), _span(3600)
_ASKED: dict[str, tuple[str, Unit]] = {
    "consensus_share": ("consensus_percent", _PERCENT),
    "random_share": ("random_percent", _TENTHS),
    "double_share": ("double_percent", _PERCENT),
    "accuracy_target": ("accuracy_percent", _PERCENT),
    "stop_target": ("stop_percent", _TENTHS),
    "fair_share": ("fair_percent", _PERCENT),
    "audit_share": ("audit_percent", _PERCENT),
    "quiz_pass_share": ("quiz_pass_percent", _PERCENT),
    "quiz_wait": ("quiz_wait_minutes", _MINUTES),
    "hold_for": ("hold_hours", _span(3600, least=0)),
    "undo_for": ("undo_seconds", _span(1, least=0)),
    "skip_share": ("skip_percent", _PERCENT),
    "independent_share": ("independent_percent", _TENTHS),
    "second_share": ("second_percent", _TENTHS),
    "cite_share": ("cite_percent", _PERCENT),
    "lease_for": ("lease_minutes", _MINUTES),
    "oldest_within": ("oldest_hours", _HOURS),
    "settled_within": ("settled_hours", _HOURS),
    "settled_share": ("settled_percent", _PERCENT),
    "disputes_within": ("disputes_hours", _HOURS),
    "disputes_share": ("disputes_percent", _PERCENT),
}
"""Settings that are asked in another unit than they are kept in: the field, and what lies between."""
FIELDS = {
    "predictions_share": "predictions_percent",
    "order_descending": "order_ends",
    **{name: field for name, (field, _unit) in _ASKED.items()},
}
"""The field of the form that a setting with another unit is asked in."""


class SettingsForm(GoldFields):
    """A queue's settings in the units people think in: minutes, days, percent."""

    name = forms.CharField(max_length=200, label=_("Name"))
    overlap_policy = forms.ChoiceField(
        choices=OverlapPolicy.choices,
        initial=OverlapPolicy.FIXED,
        label=_("How many answers"),
        help_text=_(
            "Holds for tasks made from now on; on the page Overlap it can be applied to tasks under way."
        ),
    )
    overlap = forms.IntegerField(
        min_value=1,
        max_value=50,
        initial=3,
        label=_("Answers per task"),
        help_text=_("The least, where the number is not the same for every task."),
    )
    max_overlap = forms.IntegerField(
        min_value=1,
        max_value=50,
        initial=5,
        label=_("At most"),
        help_text=_("One more at a time where they do not agree; then a dispute."),
    )
    double_percent = forms.IntegerField(
        min_value=1,
        max_value=99,
        initial=10,
        label=_("Random share that gets two answers (%)"),
        help_text=_("For “two answers for a random share”."),
    )
    accuracy_percent = forms.IntegerField(
        min_value=51,
        max_value=99,
        initial=95,
        label=_("Labels that should be right (%)"),
        help_text=_("For numbers set by clauses, and for stopping when the answers are sure enough."),
    )
    stop_percent = forms.DecimalField(
        min_value=51,
        max_value=Decimal("99.9"),
        max_digits=4,
        decimal_places=1,
        initial=Decimal(95),
        label=_("Sure enough at (%)"),
        help_text=_(
            "For stopping when the answers are sure enough, until 100 items with a known answer tell where to stop."
        ),
    )
    fair_percent = forms.IntegerField(
        min_value=0,
        max_value=100,
        initial=20,
        label=_("Random share that gets at least 3 answers (%)"),
        help_text=_("For stopping when the answers are sure enough: so that statistics stay fair."),
    )
    audit_percent = forms.IntegerField(
        min_value=0,
        max_value=50,
        initial=5,
        label=_("Accepted tasks that get one more blind answer (%)"),
        help_text=_("For stopping when the answers are sure enough: measures how often that was wrong."),
    )
    error_cost = forms.DecimalField(
        min_value=0,
        max_value=Decimal("100000"),
        max_digits=7,
        decimal_places=1,
        initial=Decimal(0),
        label=_("What a wrong label costs, in answers"),
        help_text=_(
            "For stopping when the answers are sure enough: a lead is asked where one more answer is worth less than it costs. "
            "0: not weighed."
        ),
    )
    rule = forms.ChoiceField(choices=Rule.choices, initial=Rule.SHARE, label=_("Answers agree by"))
    consensus_percent = forms.IntegerField(
        min_value=51,
        max_value=100,
        initial=80,
        label=_("Share that has to agree (%)"),
        help_text=_("For the rule “share of the answers”."),
    )
    order = forms.ChoiceField(
        choices=Order.choices,
        initial=Order.FIRST_IN,
        label=_("Order"),
        help_text=_(
            "Among tasks of the same priority; higher priorities come first. Holds for all that is open."
        ),
    )
    order_field = forms.CharField(
        max_length=100,
        required=False,
        label=_("Field of the item"),
        help_text=_("For “by a field of the item”. Items without it come last."),
    )
    order_kind = forms.ChoiceField(
        choices=OrderKind.choices, initial=OrderKind.NUMBER, label=_("The field holds")
    )
    order_ends = forms.ChoiceField(
        choices=[("up", _("Lowest first, from A to Z")), ("down", _("Highest first, from Z to A"))],
        initial="up",
        label=_("Begin with"),
    )
    spread = forms.ChoiceField(
        choices=Spread.choices,
        initial=Spread.DEPTH,
        label=_("Several answers per task"),
        help_text=_("Whether what is begun is finished before anything else is begun."),
    )
    stagger = forms.IntegerField(
        min_value=0,
        max_value=MAX_STAGGER,
        initial=0,
        label=_("Tasks between two answers of one task"),
        help_text=_("For many people at once: so they do not meet on one task in the same second."),
    )
    random_percent = forms.DecimalField(
        min_value=0,
        max_value=100,
        max_digits=4,
        decimal_places=1,
        initial=0,
        label=_("Share of random tasks (%)"),
        help_text=_("So many claims ignore the order: what they bring is a fair sample of the queue."),
    )
    lease_minutes = forms.IntegerField(
        min_value=1, max_value=43_200, initial=30, label=_("Time for one task (minutes)")
    )
    max_renewals = forms.IntegerField(min_value=0, max_value=1000, initial=4, label=_("Renewed at most"))
    max_leases = forms.IntegerField(
        min_value=1, max_value=1000, initial=1, label=_("Tasks one person holds at a time")
    )
    batches_for = forms.ChoiceField(
        choices=BatchesFor.choices,
        initial=BatchesFor.PROGRAMS,
        label=_("Who may claim several tasks at once"),
        help_text=_("By REST, up to the number above."),
    )
    citing = forms.ChoiceField(choices=Citing.choices, initial=Citing.SAMPLE, label=_("Citing a clause"))
    cite_percent = forms.IntegerField(
        min_value=0, max_value=100, initial=20, label=_("Random share that is asked (%)")
    )
    asks_confidence = forms.BooleanField(
        required=False, label=_("Each answer may say how sure its author is, from 1 to 5")
    )
    entry = forms.ChoiceField(
        choices=Entry.choices, initial=Entry.ACKNOWLEDGE, label=_("Before the first claim under a version")
    )
    qualification = forms.BooleanField(
        required=False, label=_("Newcomers are asked about the whole spec, not only about what changed")
    )
    quiz_items = forms.IntegerField(min_value=1, max_value=50, initial=5, label=_("Items of a quiz"))
    quiz_pass_percent = forms.IntegerField(
        min_value=1, max_value=100, initial=80, label=_("Right answers that pass it (%)")
    )
    quiz_attempts = forms.IntegerField(min_value=1, max_value=20, initial=3, label=_("Attempts"))
    quiz_failure = forms.ChoiceField(
        choices=QuizFailure.choices, initial=QuizFailure.LEAD, label=_("Who has used them up")
    )
    quiz_wait_minutes = forms.IntegerField(
        min_value=1, max_value=43_200, initial=60, label=_("… waits (minutes)")
    )
    skips_per_hour = forms.IntegerField(
        min_value=0,
        max_value=1000,
        initial=20,
        label=_("Skips of one person within an hour, at most"),
        help_text=_("What is skipped because it upsets never counts."),
    )
    skip_percent = forms.IntegerField(
        min_value=0,
        max_value=100,
        initial=30,
        label=_("… and of her tasks within a day (%)"),
        help_text=_("Judged from 20 tasks on."),
    )
    max_returns = forms.IntegerField(
        min_value=1,
        max_value=1000,
        initial=10,
        label=_("Times a task comes back before a lead looks at it"),
        help_text=_("Skipped, handed back, or its time ran out."),
    )
    hold_hours = forms.IntegerField(
        min_value=0,
        max_value=1440,
        initial=48,
        label=_("A task waits for an answer about a clause at most (hours)"),
        help_text=_("0, and no task is held."),
    )
    max_holds = forms.IntegerField(
        min_value=1, max_value=100, initial=3, label=_("Tasks one person has waiting at a time")
    )
    undo_seconds = forms.IntegerField(
        min_value=0,
        max_value=3600,
        initial=30,
        label=_("The last answer can be undone for (seconds)"),
        help_text=_("While its task is open. 0, and there is no undo."),
    )
    n_correctable = forms.IntegerField(
        min_value=0,
        max_value=100,
        initial=10,
        label=_("Last answers one can correct"),
        help_text=_("Each until its task ends. 0, and an answer stands once it is sent."),
    )
    cannot_categories = forms.CharField(
        required=False,
        max_length=700,
        initial=", ".join(offered_categories()),
        label=_("Why an item cannot be labelled"),
        help_text=_(
            "Categories, separated by commas: lower-case letters, digits, hyphens. None, and nobody can say so."
        ),
    )
    predictions = forms.ChoiceField(
        choices=Predictions.choices,
        initial=Predictions.HIDDEN,
        required=False,
        label=_("What models said of the items"),
        help_text=_(
            "Never before an answer to gold, a repeat, an audit or a dispute. Where it is shown before the answer, a share of "
            "the tasks goes without, so that gold cannot be told and the effect is measured."
        ),
    )
    predictions_percent = forms.IntegerField(
        min_value=1,
        max_value=99,
        initial=50,
        required=False,
        label=_("Random share that sees it (%)"),
        help_text=_("For “shown before the answer to a random share”."),
    )
    predictions_model = forms.CharField(
        max_length=200,
        required=False,
        label=_("Only of this model"),
        help_text=_("Empty: the newest prediction of any."),
    )
    predictions_prefill = forms.BooleanField(
        required=False, label=_("What is shown is chosen already, and has to be confirmed")
    )
    value_field = forms.CharField(
        max_length=100,
        required=False,
        label=_("Field that says what an item is worth"),
        help_text=_(
            "A number of the item, such as how often it occurs: of disputes that are equally unsure the one that is worth most "
            "comes first. Empty: all are worth the same."
        ),
    )
    independent_percent = forms.DecimalField(
        min_value=0,
        max_value=100,
        max_digits=4,
        decimal_places=1,
        initial=Decimal(0),
        label=_("Random share that a lead judges before seeing the answers (%)"),
        help_text=_("Of an adjudication queue. Disputes that an audit opened are always judged so."),
    )
    second_percent = forms.DecimalField(
        min_value=0,
        max_value=100,
        max_digits=4,
        decimal_places=1,
        initial=Decimal(0),
        label=_("Random share that a second lead decides as well (%)"),
        help_text=_(
            "Of an adjudication queue: measures how far leads agree. The first ruling stays in force."
        ),
    )
    oldest_hours = forms.IntegerField(
        min_value=1,
        max_value=87_600,
        initial=168,
        label=_("Oldest task at most (hours)"),
        help_text=_("The service level: what the queue's owner answers for. 168 hours are a week."),
    )
    settled_hours = forms.IntegerField(
        min_value=1, max_value=87_600, initial=120, label=_("Tasks settled within (hours)")
    )
    settled_percent = forms.IntegerField(
        min_value=1, max_value=100, initial=90, label=_("… of this share of them (%)")
    )
    disputes_hours = forms.IntegerField(
        min_value=1, max_value=87_600, initial=48, label=_("Disputes decided within (hours)")
    )
    disputes_percent = forms.IntegerField(
        min_value=1, max_value=100, initial=90, label=_("… of this share of them (%)")
    )

    PARTS = {
        "overlap_policy": _("How many answers"),
        "order": _("Order"),
        "lease_minutes": _("Time and leases"),
        "citing": _("Clauses and newcomers"),
        "skips_per_hour": _("What comes back"),
        "predictions": _("What models said"),
        "value_field": _("Disputes"),
        "oldest_hours": _("Service level"),
        "gold_percent": _("Gold and repeats"),
    }
    """The field that a part of the page begins with: a field that is added falls into a part by its place."""

    def parts(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields in the parts that the page shows them in, each with its title."""
        found: list[tuple[str, list[forms.BoundField]]] = [(str(_("The queue")), [])]
        for name in self.fields:
            if name in self.PARTS:
                found.append((str(self.PARTS[name]), []))
            found[-1][1].append(self[name])
        return found

    def settings(self) -> dict[str, Any]:
        """What `queues.change_settings` takes."""
        data = self.cleaned_data
        return {
            **{name: data[name] for name in _PLAIN},
            **{name: unit.kept(data[field]) for name, (field, unit) in _ASKED.items()},
            **self.gold_settings(),
            "predictions": data["predictions"] or Predictions.HIDDEN,
            "predictions_share": Decimal(data["predictions_percent"] or 50) / 100,
            "cannot_categories": [
                word for part in data["cannot_categories"].split(",") if (word := part.strip())
            ],
            "order_descending": data["order_ends"] == "down",
        }

    @staticmethod
    def of(queue: Queue) -> dict[str, Any]:
        """The form's values for a queue."""
        return {
            **{name: getattr(queue, name) for name in _PLAIN},
            **{field: unit.said(getattr(queue, name)) for name, (field, unit) in _ASKED.items()},
            **GoldFields.of_gold(queue),
            "cannot_categories": ", ".join(queue.cannot_categories),
            "predictions_percent": round(queue.predictions_share * 100),
            "order_ends": "down" if queue.order_descending else "up",
        }


class NewQueueForm(SettingsForm):
    """A new queue: what it is for, and its settings."""

    key = forms.SlugField(
        max_length=64,
        label=_("Key"),
        help_text=_("Short, for addresses and programs: lower-case letters, digits, hyphens."),
    )
    spec = forms.ModelChoiceField(queryset=Spec.objects.none(), label=_("Spec"))
    purpose = forms.ChoiceField(
        choices=[(p.value, p.label) for p in (Purpose.LABELLING, Purpose.CALIBRATION, Purpose.TRAINING)],
        initial=Purpose.LABELLING,
        label=_("Purpose"),
    )
    field_order = ["name", "key", "spec", "purpose"]

    def __init__(self, *args: Any, specs: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["spec"].queryset = specs  # type: ignore[attr-defined]
