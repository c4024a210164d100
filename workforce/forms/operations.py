"""Forms of a queue's operations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from workforce.models import Cohort, Measure, Queue


class DegradeForm(forms.Form):
    """A measure to put into use."""

    measure = forms.ChoiceField(choices=Measure.choices, label=_("Measure"))
    hours = forms.IntegerField(min_value=1, max_value=24 * 60, initial=24, label=_("For how many hours"))
    overlap = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=50,
        label=_("Answers per task meanwhile"),
        help_text=_("For “fewer answers per task”."),
    )
    cohort = forms.ModelChoiceField(
        queryset=Cohort.objects.none(),
        required=False,
        to_field_name="key",
        empty_label=_("Everybody active"),
        label=_("Who may take it meanwhile"),
        help_text=_("For “more people may take it”."),
    )
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), label=_("Why"))

    def __init__(self, *args: Any, queue: Queue, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "degrade_%s", **kwargs})  # its page has other forms
        self.fields["cohort"].queryset = Cohort.objects.filter(project_id=queue.project_id).order_by("name")  # type: ignore[attr-defined]

    def given(self) -> dict[str, Any]:
        """What `degrading.begin` takes."""
        data = self.cleaned_data
        return {
            "measure": data["measure"],
            "lasting": timedelta(hours=data["hours"]),
            "overlap": data["overlap"],
            "cohort": data["cohort"].key if data["cohort"] else "",
            "reason": data["reason"],
        }


class WhatIfForm(forms.Form):
    """What would be different."""

    people = forms.IntegerField(
        required=False,
        min_value=-1000,
        max_value=1000,
        initial=0,
        label=_("More annotators"),
        help_text=_("Fewer, if below nothing."),
    )
    items = forms.IntegerField(
        required=False, min_value=0, max_value=100_000_000, initial=0, label=_("More items")
    )
    overlap = forms.IntegerField(required=False, min_value=1, max_value=50, label=_("Answers per task"))
