"""Forms of a queue's operations."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


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
