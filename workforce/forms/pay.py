"""Forms of hours and rates."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from specs.models import Project
from workforce.models import Annotator, Queue, RateBasis, Work


class PeriodForm(forms.Form):
    """The days of a sheet; empty ones are the last seven."""

    first = forms.DateField(
        required=False, widget=forms.DateInput(attrs={"type": "date"}), label=_("First day")
    )
    last = forms.DateField(
        required=False, widget=forms.DateInput(attrs={"type": "date"}), label=_("Last day")
    )
    as_of = forms.DateTimeField(required=False, widget=forms.HiddenInput)

    @property
    def asked(self) -> dict[str, Any]:
        """What `timesheets.period` takes; a field that cannot be read is as good as none."""
        self.is_valid()
        return {name: self.cleaned_data.get(name) for name in ("first", "last", "as_of")}


class RateForm(forms.Form):
    """A rate, from a day on."""

    basis = forms.ChoiceField(choices=RateBasis.choices, label=_("What is paid"))
    amount = forms.DecimalField(min_value=0, max_digits=10, decimal_places=4, label=_("Amount"))
    currency = forms.RegexField("^[A-Z]{3}$", label=_("Currency"))
    since = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), label=_("From this day on"))
    until = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        label=_("Last day"),
        help_text=_("Empty: until another rate holds."),
    )
    queue = forms.ModelChoiceField(
        queryset=Queue.objects.none(), required=False, empty_label=_("Every queue"), label=_("Queue")
    )
    work = forms.ChoiceField(
        choices=[("", _("Every kind")), *Work.choices], required=False, label=_("Kind of work")
    )
    annotator = forms.ModelChoiceField(
        queryset=Annotator.objects.none(),
        required=False,
        to_field_name="pseudonym",
        widget=forms.TextInput(attrs={"list": "pseudonyms", "autocomplete": "off"}),
        label=_("Annotator"),
        help_text=_("A pseudonym; empty: everybody."),
        error_messages={"invalid_choice": _("Nobody here has this pseudonym.")},
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["queue"].queryset = Queue.objects.filter(project=project).order_by("name")  # type: ignore[attr-defined]
        self.fields["annotator"].queryset = Annotator.objects.filter(  # type: ignore[attr-defined]
            project=project, kind="person"
        ).order_by("pseudonym")
