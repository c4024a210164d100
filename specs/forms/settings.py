"""The form of a project's own rules."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from specs.models import GateRule


class ProjectForm(forms.Form):
    name = forms.CharField(max_length=200, label=_("Name"))
    description = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}), label=_("What it is for")
    )
    approvals = forms.IntegerField(
        min_value=0,
        max_value=10,
        label=_("Approvals that a publication needs"),
        help_text=_("0: whoever may publish publishes."),
    )
    four_eyes = forms.BooleanField(required=False, label=_("Nobody approves a proposal of his own"))
    gate = forms.ChoiceField(
        choices=GateRule.choices,
        label=_("Gate before publication"),
        help_text=_("A pilot of the draft has to show that its clauses are read alike."),
    )
    gate_disagreement = forms.FloatField(
        min_value=0,
        max_value=1,
        label=_("Highest disagreement of a changed clause"),
        help_text=_("Share of pairs of answers that differ, at the upper end of its interval."),
    )
    gate_items = forms.IntegerField(
        min_value=1, max_value=10_000, label=_("Items that a changed clause is tried on, at least")
    )
    hourly_rate = forms.DecimalField(
        min_value=0, max_digits=8, decimal_places=2, label=_("What an hour of labelling costs")
    )
    currency = forms.RegexField("^[A-Z]{3}$", label=_("Currency"), help_text=_("Three letters, such as EUR."))
    living_wage = forms.DecimalField(
        min_value=0,
        max_digits=8,
        decimal_places=2,
        label=_("Living wage for an hour"),
        help_text=_("Pay that comes to less an hour is warned of. 0: no warning."),
    )
    time_zone = forms.CharField(
        max_length=64,
        label=_("Time zone"),
        help_text=_("Of the days on timesheets, such as Europe/Berlin, for whoever has named none."),
    )
    item_fields = forms.CharField(
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono"}),
        label=_("What the fields of items are"),
        help_text=_(
            "A line for each: field = text, markdown, conversation, candidates, image, audio, table, json, html, detail or "
            "hidden. What is not named is shown as what it looks like."
        ),
    )
