"""The form of a rule about people: it checks shape, `people_rules` checks what makes sense."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from specs.models import Project
from workforce.models import Action, Metric, PeopleRule, Purpose, Queue


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
        min_value=1, max_value=100, initial=50, label=_("Review: share of her tasks (%)")
    )
    queues = forms.ModelMultipleChoiceField(
        queryset=Queue.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Retraining, restriction: works only in"),
    )
    goal_answers = forms.IntegerField(
        min_value=1, max_value=1000, initial=10, label=_("Retraining ends after known answers")
    )
    goal_percent = forms.IntegerField(min_value=0, max_value=100, initial=80, label=_("… right at least (%)"))
    lasts_days = forms.IntegerField(
        min_value=1, max_value=366, initial=14, label=_("It lasts at most (days)")
    )
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Reason"),
        help_text=_("Whoever is found reads it."),
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Queue.objects.filter(project=project).exclude(purpose=Purpose.ADJUDICATION).order_by("name")
        for name in ("queue", "queues"):
            field: Any = self.fields[name]
            field.queryset = rows

    def terms(self) -> dict[str, Any]:
        """What `people_rules` takes."""
        data = dict(self.cleaned_data)
        share, goal = data.pop("share_percent"), data.pop("goal_percent")
        return {
            **data,
            "share": share / 100,
            "goal_share": goal / 100,
            "queues": sorted(queue.pk for queue in data["queues"]),
        }

    @staticmethod
    def of(terms: dict[str, Any]) -> dict[str, Any]:
        """The form's values for a rule's terms (or a preset's)."""
        found = {name: value for name, value in terms.items() if name not in ("share", "goal_share")}
        found["above"] = "1" if terms.get("above") else ""
        for name, shown in (("share", "share_percent"), ("goal_share", "goal_percent")):
            if name in terms:
                found[shown] = round(100 * terms[name])
        return found

    @classmethod
    def of_rule(cls, rule: PeopleRule) -> dict[str, Any]:
        names = (
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
        )
        more = ("confirm", "share", "queues", "goal_answers", "goal_share", "lasts_days", "reason")
        return cls.of({name: getattr(rule, name) for name in (*names, *more)})
