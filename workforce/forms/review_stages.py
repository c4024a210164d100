"""The form that adds a review stage: it checks shape, `review_stages` checks what makes sense."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from specs.models import Role
from workforce.models import Cohort, Queue, ReviewScope, Skill
from workforce.review_stages import Terms
from workforce.skills import MAX_LEVEL


class ReviewStageForm(forms.Form):
    """Whose answers are reviewed, and who reviews them."""

    scope = forms.ChoiceField(choices=ReviewScope.choices, initial=ReviewScope.ALL, label=_("It takes"))
    percent = forms.IntegerField(
        min_value=1, max_value=99, initial=10, required=False, label=_("Random share (%)")
    )
    first_n = forms.IntegerField(
        min_value=1,
        max_value=100_000,
        initial=50,
        required=False,
        label=_("First answers of each annotator"),
    )
    cohort = forms.ModelChoiceField(
        queryset=Cohort.objects.none(), required=False, empty_label=_("none"), label=_("Cohort")
    )
    skill = forms.ModelChoiceField(
        queryset=Skill.objects.none(),
        required=False,
        empty_label=_("none"),
        label=_("Skill that a reviewer has"),
    )
    level = forms.IntegerField(min_value=1, max_value=MAX_LEVEL, initial=1, label=_("At level"))
    role = forms.ChoiceField(
        choices=[("", _("any; a manager enrols reviewers")), *Role.choices],
        required=False,
        label=_("Role that a reviewer holds"),
    )

    def __init__(self, *args: Any, queue: Queue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cohorts: Any = self.fields["cohort"]
        cohorts.queryset = Cohort.objects.filter(project=queue.project_id).order_by("name")
        cohorts.label_from_instance = lambda cohort: cohort.name
        skills: Any = self.fields["skill"]
        skills.queryset = Skill.objects.filter(project=queue.project_id).order_by("name")

    def terms(self) -> Terms:
        """What `review_stages.add` takes."""
        data = self.cleaned_data
        return Terms(
            scope=data["scope"],
            share=Decimal(data["percent"]) / 100 if data["percent"] else None,
            first_n=data["first_n"],
            cohort=data["cohort"],
            skill=data["skill"],
            level=data["level"],
            role=data["role"],
        )
