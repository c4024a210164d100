"""Forms about one annotator: they check shape, the transitions check rules."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from specs.models import Clause, Project, SpecVersion
from workforce.models import ABOUT_OTHERS, Action, Annotator, Queue, Skill
from workforce.skills import MAX_LEVEL

WEEK = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))


def _at_midnight(day: Any) -> datetime | None:
    return datetime.combine(day, time.min, tzinfo=UTC) if day else None


class DescribeForm(forms.Form):
    """When and in which languages somebody works."""

    languages = forms.CharField(
        required=False, max_length=400, label=_("Languages"), help_text=_("Tags, with commas: de, en, pt-br.")
    )
    time_zone = forms.CharField(
        required=False, max_length=64, label=_("Time zone"), help_text=_("As in Europe/Berlin.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for place, name in enumerate(WEEK):
            self.fields[f"day_{place}"] = forms.FloatField(
                required=False,
                min_value=0,
                max_value=24,
                label=name,
                widget=forms.NumberInput(attrs={"step": "0.5"}),
            )

    def described(self) -> dict[str, Any]:
        """What `availability.describe` takes; a week without any number is one not said."""
        data = self.cleaned_data
        hours = [data[f"day_{place}"] for place in range(7)]
        return {
            "languages": data["languages"].split(","),
            "time_zone": data["time_zone"].strip(),
            "weekday_hours": [] if all(each is None for each in hours) else [each or 0 for each in hours],
        }

    @staticmethod
    def of(annotator: Annotator) -> dict[str, Any]:
        hours = {f"day_{place}": each for place, each in enumerate(annotator.weekday_hours)}
        return {"languages": ", ".join(annotator.languages), "time_zone": annotator.time_zone, **hours}


class AwayForm(forms.Form):
    """Days off, both included."""

    first = forms.DateField(label=_("Away from"), widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=_("to"), widget=forms.DateInput(attrs={"type": "date"}))


class SkillForm(forms.Form):
    """A new skill of the project."""

    name = forms.CharField(max_length=200, label=_("Name"))
    key = forms.SlugField(max_length=64, label=_("Key"), help_text=_("Lower-case letters, digits, hyphens."))
    description = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), label=_("What it takes")
    )


class GrantForm(forms.Form):
    """A qualification for one annotator."""

    skill = forms.ModelChoiceField(queryset=Skill.objects.none(), to_field_name="key", label=_("Skill"))
    level = forms.IntegerField(min_value=1, max_value=MAX_LEVEL, initial=1, label=_("Level"))
    until = forms.DateField(
        required=False,
        label=_("Ends on"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Empty: never."),
    )
    version = forms.ModelChoiceField(
        queryset=SpecVersion.objects.none(),
        required=False,
        label=_("Only under"),
        empty_label=_("every version"),
        help_text=_("Holds under the versions of the same meaning."),
    )
    clause = forms.ModelChoiceField(
        queryset=Clause.objects.none(),
        required=False,
        label=_("Only for the clause"),
        empty_label=_("all clauses"),
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose(self, "skill", Skill.objects.filter(project=project).order_by("name"))
        _choose(
            self,
            "version",
            SpecVersion.objects.published()
            .filter(project=project)
            .select_related("spec")
            .order_by("spec", "-pk"),
            lambda version: f"{version.spec.title} {version.number}",
        )
        _choose(
            self,
            "clause",
            Clause.objects.filter(project=project).select_related("spec").order_by("spec", "key"),
            lambda clause: f"{clause.spec.title}: {clause.key}",
        )

    def granted(self) -> dict[str, Any]:
        """What `skills.grant` takes."""
        return {**self.cleaned_data, "until": _at_midnight(self.cleaned_data["until"])}


class DecisionForm(forms.Form):
    """What a person decides about an annotator without a rule: more review, or other queues only."""

    action = forms.ChoiceField(
        choices=[(action.value, action.label) for action in (Action.REVIEW, Action.RESTRICT)],
        label=_("What follows"),
    )
    share_percent = forms.IntegerField(
        min_value=1, max_value=100, initial=50, label=_("Share of her tasks that get one more answer (%)")
    )
    gold_percent = forms.IntegerField(
        min_value=0,
        max_value=50,
        initial=10,
        label=_("Share of known answers in what she is given, at least (%)"),
    )
    queues = forms.ModelMultipleChoiceField(
        queryset=Queue.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("She works only in"),
    )
    days = forms.IntegerField(min_value=1, max_value=366, initial=14, label=_("For how long (days)"))
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Reason"),
        help_text=_("She reads it in her inbox."),
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Queue.objects.filter(project=project).exclude(purpose__in=ABOUT_OTHERS).order_by("name")
        _choose(self, "queues", rows)

    def parts(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """Title, the action the fields belong to ("" for both), and the fields."""
        return [
            ("", "", [self["action"]]),
            ("", Action.REVIEW, [self["share_percent"], self["gold_percent"]]),
            ("", Action.RESTRICT, [self["queues"]]),
            ("", "", [self["days"], self["reason"]]),
        ]

    def decided(self) -> dict[str, Any]:
        """What `consequences.decide_on` takes."""
        data = dict(self.cleaned_data)
        share, gold = data.pop("share_percent"), data.pop("gold_percent")
        return {**data, "share": share / 100, "gold_share": gold / 100}


class RequirementForm(forms.Form):
    """What a queue asks of whoever claims in it."""

    required_skill = forms.ModelChoiceField(
        queryset=Skill.objects.none(),
        required=False,
        to_field_name="key",
        label=_("Skill"),
        empty_label=_("none"),
    )
    required_level = forms.IntegerField(
        min_value=1, max_value=MAX_LEVEL, initial=1, label=_("At least at level")
    )
    required_clause = forms.ModelChoiceField(
        queryset=Clause.objects.none(),
        required=False,
        to_field_name="key",
        label=_("For the clause"),
        empty_label=_("in general"),
        help_text=_("Then a skill granted for this clause alone is enough."),
    )
    required_languages = forms.CharField(
        required=False,
        max_length=400,
        label=_("Languages"),
        help_text=_("Tags, with commas. All of them are needed."),
    )

    def __init__(self, *args: Any, queue: Queue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose(self, "required_skill", Skill.objects.filter(project_id=queue.project_id).order_by("name"))
        _choose(
            self,
            "required_clause",
            Clause.objects.filter(spec_id=queue.spec_id).order_by("key"),
            lambda clause: clause.key,
        )

    def settings(self) -> dict[str, Any]:
        """What `queues.change_settings` takes."""
        data = self.cleaned_data
        return {
            **data,
            "required_languages": [tag for tag in data["required_languages"].split(",") if tag.strip()],
        }

    @staticmethod
    def of(queue: Queue) -> dict[str, Any]:
        return {
            "required_skill": queue.required_skill.key if queue.required_skill else None,
            "required_level": queue.required_level,
            "required_clause": queue.required_clause.key if queue.required_clause else None,
            "required_languages": ", ".join(queue.required_languages),
        }


def _choose(form: forms.Form, name: str, rows: Any, say: Any = None) -> None:
    field: Any = form.fields[name]
    field.queryset = rows
    if say is not None:
        field.label_from_instance = say
