"""Forms of the people page."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from specs.models import Role


class RolesForm(forms.Form):
    roles = forms.MultipleChoiceField(
        choices=Role.choices, widget=forms.CheckboxSelectMultiple, label=_("Roles")
    )


class AddForm(RolesForm):
    """A user who is there already, or a new one."""

    username = forms.CharField(max_length=150, label=_("User name"))
    email = forms.EmailField(required=False, label=_("E-mail, for a new user"))
    field_order = ["username", "email", "roles"]
