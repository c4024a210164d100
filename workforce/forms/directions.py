"""The form that adds a rule to where loaded items go."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from workforce.models import Queue, QueueState, Skill


class DirectionForm(forms.Form):
    """A field and its value, and where items that have it go."""

    field = forms.CharField(max_length=100, label=_("Field of the item"))
    value = forms.CharField(max_length=200, required=False, label=_("Its value"))
    target = forms.ModelChoiceField(
        queryset=Queue.objects.none(),
        required=False,
        empty_label=_("stays here"),
        label=_("Goes to the queue"),
    )
    skill = forms.ModelChoiceField(
        queryset=Skill.objects.none(),
        required=False,
        empty_label=_("no matter"),
        label=_("or to the queue that asks for the skill"),
    )
    priority = forms.IntegerField(min_value=0, max_value=1000, required=False, label=_("With the priority"))

    def __init__(self, *args: Any, queue: Queue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        queues = (
            Queue.objects.filter(spec_id=queue.spec_id).exclude(pk=queue.pk).exclude(state=QueueState.CLOSED)
        )
        self.fields["target"].queryset = queues.order_by("name")  # type: ignore[attr-defined]
        self.fields["skill"].queryset = Skill.objects.filter(project=queue.project_id).order_by("key")  # type: ignore[attr-defined]
