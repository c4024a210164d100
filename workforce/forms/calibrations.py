"""The form of a calibration queue's test: it checks shape, `calibrating` checks what makes sense."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from specs.models import Clause
from workforce.models import Calibration, Queue, Skill
from workforce.skills import MAX_LEVEL


class CalibrationForm(forms.Form):
    """What is tested, when it is passed, what it grants, and what failing costs."""

    skill = forms.ModelChoiceField(queryset=Skill.objects.none(), label=_("Skill that it grants"))
    level = forms.IntegerField(min_value=1, max_value=MAX_LEVEL, initial=1, label=_("At level"))
    clause = forms.ModelChoiceField(
        queryset=Clause.objects.none(),
        required=False,
        label=_("Only for the clause"),
        empty_label=_("all clauses"),
    )
    valid_days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=3660,
        initial=180,
        label=_("It holds for days"),
        help_text=_("Empty: without end."),
    )
    bound = forms.BooleanField(
        required=False, initial=True, label=_("Only under versions of the meaning it was shown under")
    )
    wanted = forms.IntegerField(min_value=1, max_value=500, initial=20, label=_("Known answers of one test"))
    percent = forms.IntegerField(min_value=1, max_value=100, initial=80, label=_("Right, at least (%)"))
    sure = forms.BooleanField(
        required=False,
        label=_("Chance ruled out: the lower end of the 95 % interval (Wilson) has to reach it"),
    )
    wait_hours = forms.IntegerField(
        min_value=0, max_value=8760, initial=24, label=_("Whoever fails may try again after hours")
    )
    attempts = forms.IntegerField(
        min_value=0, max_value=100, initial=3, label=_("Attempts in all"), help_text=_("0: without limit.")
    )

    def __init__(self, *args: Any, queue: Queue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        skills: Any = self.fields["skill"]
        skills.queryset = Skill.objects.filter(project=queue.project_id).order_by("name")
        clauses: Any = self.fields["clause"]
        clauses.queryset = Clause.objects.filter(spec=queue.spec_id).order_by("key")
        clauses.label_from_instance = lambda clause: clause.key

    def terms(self) -> dict[str, Any]:
        """What `calibrating.set_terms` takes."""
        data = dict(self.cleaned_data)
        percent, hours = data.pop("percent"), data.pop("wait_hours")
        return {**data, "share": percent / 100, "wait": timedelta(hours=hours)}

    @staticmethod
    def of(row: Calibration | None) -> dict[str, Any]:
        """The form's values for the terms as they are."""
        if row is None:
            return {}
        names = ("skill", "level", "clause", "valid_days", "bound", "wanted", "sure", "attempts")
        return {
            **{name: getattr(row, name) for name in names},
            "percent": round(100 * row.share),
            "wait_hours": round(row.wait.total_seconds() / 3600),
        }
