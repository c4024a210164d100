"""The form of a rule about people: it checks shape, `people_rules` checks what makes sense.

Each action has fields of its own; the page shows those of the chosen one.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from specs.models import Project
from workforce import people_rules
from workforce.models import ABOUT_OTHERS, Action, Metric, PeopleRule, Queue

_COMMON = (
    "name",
    "metric",
    "above",
    "threshold",
    "sure",
    "queue",
    "last_answers",
    "days",
    "minimum",
    "action",
    "confirm",
    "reason",
)
_DAYS: dict[str, str] = {
    Action.REVIEW: "review_days",
    Action.RETRAIN: "retrain_days",
    Action.RESTRICT: "restrict_days",
    Action.SUSPEND: "suspend_days",
}
_NAMES_QUEUES: dict[str, str] = {Action.RETRAIN: "train_in", Action.RESTRICT: "restrict_to"}
_PERCENT = {"share": "share_percent", "gold_share": "gold_percent", "goal_share": "goal_percent"}
_OWN: dict[str, tuple[str, ...]] = {
    Action.REVIEW: ("share_percent", "gold_percent", "review_days"),
    Action.RETRAIN: ("train_in", "goal_answers", "goal_percent", "retrain_days"),
    Action.RESTRICT: ("restrict_to", "restrict_days"),
    Action.SUSPEND: ("suspend_days",),
}
_PARTS = (
    (_("What is looked at"), "", ("name", "metric", "above", "threshold", "sure", "queue")),
    (_("Over what"), "", ("last_answers", "days", "minimum")),
    (_("What follows"), "", ("action", "confirm", "reason")),
    (_("Raised review"), Action.REVIEW, _OWN[Action.REVIEW]),
    (_("Retraining"), Action.RETRAIN, _OWN[Action.RETRAIN]),
    (_("Restriction"), Action.RESTRICT, _OWN[Action.RESTRICT]),
    (_("Suspension"), Action.SUSPEND, _OWN[Action.SUSPEND]),
)


def _days(label: Any) -> forms.IntegerField:
    return forms.IntegerField(required=False, min_value=1, max_value=366, initial=14, label=label)


def _queues(label: Any) -> Any:
    return forms.ModelMultipleChoiceField(
        queryset=Queue.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label=label
    )


class RuleForm(forms.Form):
    """If a figure over a window lies beyond a threshold, an action follows."""

    name = forms.CharField(max_length=200, label=_("Name"))
    metric = forms.ChoiceField(choices=Metric.choices, label=_("If"))
    above = forms.TypedChoiceField(
        choices=[("", _("lies below")), ("1", _("lies above"))],
        coerce=bool,
        empty_value=False,  # type: ignore[arg-type]  # what bool gives as well
        required=False,
        label=_("… which"),
    )
    threshold = forms.FloatField(
        label=_("… this threshold"),
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text=_("Shares from 0 to 1."),
    )
    sure = forms.BooleanField(
        required=False,
        initial=True,
        label=_("Only where the whole interval lies beyond it: chance does not explain it"),
    )
    queue = forms.ModelChoiceField(
        queryset=Queue.objects.none(), required=False, label=_("In the queue"), empty_label=_("all queues")
    )
    last_answers = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=10_000,
        label=_("Over the last answers"),
        help_text=_("Or a number of days."),
    )
    days = forms.IntegerField(required=False, min_value=1, max_value=366, label=_("… or the last days"))
    minimum = forms.IntegerField(
        min_value=1,
        max_value=10_000,
        initial=20,
        label=_("With at least"),
        help_text=_("Judged answers; below, nothing is said."),
    )
    action = forms.ChoiceField(choices=Action.choices, label=_("Then"))
    confirm = forms.BooleanField(
        required=False, initial=True, label=_("A person decides first (always, for a suspension)")
    )
    share_percent = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=100,
        initial=50,
        label=_("Share of her tasks that get one more answer (%)"),
    )
    gold_percent = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=50,
        initial=10,
        label=_("Share of known answers in what she is given, at least (%)"),
        help_text=_("Where her queue has a higher one, that stays. 0: as the queue says."),
    )
    review_days = _days(_("For how long (days)"))
    train_in = _queues(_("She works only in"))
    goal_answers = forms.IntegerField(
        required=False, min_value=1, max_value=1000, initial=10, label=_("It ends after known answers there")
    )
    goal_percent = forms.IntegerField(
        required=False, min_value=0, max_value=100, initial=80, label=_("… right at least (%)")
    )
    retrain_days = _days(_("For how long at most (days)"))
    restrict_to = _queues(_("She works only in"))
    restrict_days = _days(_("For how long (days)"))
    suspend_days = _days(_("For how long (days)"))
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Reason"),
        help_text=_("Whoever is found reads it."),
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Queue.objects.filter(project=project).exclude(purpose__in=ABOUT_OTHERS).order_by("name")
        for name in ("queue", *_NAMES_QUEUES.values()):
            field: Any = self.fields[name]
            field.queryset = rows

    def parts(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """The fields as the page shows them: title, the action they belong to ("" for all), and the fields."""
        return [(str(title), action, [self[name] for name in names]) for title, action, names in _PARTS]

    def own_names(self) -> dict[str, str]:
        """The fields that hold terms which several actions have, for the chosen action."""
        action = self.cleaned_data.get("action", "")
        found = {"lasts_days": _DAYS.get(action, "action"), "queues": _NAMES_QUEUES.get(action, "action")}
        return {**found, **_PERCENT}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in _OWN.get(data.get("action", ""), ()):
            if name not in _NAMES_QUEUES.values() and name not in self.errors and data.get(name) is None:
                self.add_error(name, _("Say how much."))
        return data

    def terms(self) -> dict[str, Any]:
        """What `people_rules` takes: what belongs to another action stays at the rule's own defaults."""
        data = self.cleaned_data
        action = data["action"]
        found = {name: data[name] for name in _COMMON}
        if action in _DAYS:
            found["lasts_days"] = data[_DAYS[action]]
        rows = data[_NAMES_QUEUES[action]] if action in _NAMES_QUEUES else []
        found["queues"] = sorted(queue.pk for queue in rows)
        if action == Action.REVIEW:
            found |= {"share": data["share_percent"] / 100, "gold_share": data["gold_percent"] / 100}
        if action == Action.RETRAIN:
            found |= {"goal_answers": data["goal_answers"], "goal_share": data["goal_percent"] / 100}
        return found

    @staticmethod
    def of(terms: dict[str, Any]) -> dict[str, Any]:
        """The form's values for a rule's terms (or a preset's)."""
        found = {name: terms[name] for name in (*_COMMON, "goal_answers") if name in terms}
        found["reason"], found["name"] = (str(terms.get(name, "")) for name in ("reason", "name"))
        found["above"] = "1" if terms.get("above") else ""
        for name, shown in _PERCENT.items():
            if name in terms:
                found[shown] = round(100 * terms[name])
        action = terms.get("action", "")
        if "lasts_days" in terms and action in _DAYS:
            found[_DAYS[action]] = terms["lasts_days"]
        if terms.get("queues") and action in _NAMES_QUEUES:
            found[_NAMES_QUEUES[action]] = terms["queues"]
        return found

    @classmethod
    def of_rule(cls, rule: PeopleRule) -> dict[str, Any]:
        return cls.of({name: getattr(rule, name) for name in people_rules.TERMS})
