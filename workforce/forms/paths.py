"""The form of a queue's path: one part for each stage, which is on or off; it checks shape, `paths` checks what makes sense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from workforce.models import PathStage, Stage
from workforce.paths import TERMS, USUAL
from workforce.progressing import ORDER

_NEEDED = ("wanted", "share", "at_most", "review_share", "gold_share")
_PERCENT = ("share", "review_share", "gold_share")
_LABELS: dict[tuple[str, str], Any] = {
    ("practice", "wanted"): _("Answers it is judged by (the last ones)"),
    ("practice", "share"): _("Right, at least (%)"),
    ("shadow", "wanted"): _("Compared answers it is judged by (the last ones)"),
    ("shadow", "share"): _("In agreement with what the tasks ended with, at least (%)"),
    ("probation", "wanted"): _("Ends after answers"),
    ("probation", "days"): _("… or after days, whichever comes first"),
    ("probation", "share"): _("Known answers right in it, at least (%)"),
    ("probation", "review_share"): _("Tasks that get one more answer (%)"),
    ("probation", "gold_share"): _("Gold in what she is given, at least (%)"),
}
_SHARED = {
    "sure": _("Chance ruled out: the lower end of the 95 % interval (Wilson) has to reach it"),
    "at_most": _("After so many answers a person looks"),
}


class PathForm(forms.Form):
    """Which stages a newcomer goes through, and when each is passed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False  # what a stage asks for matters while it is in the path only
        for stage in ORDER:
            self.fields[stage] = forms.BooleanField(required=False, label=_("In the path"))
            for term in TERMS[stage]:
                field = self._field(stage, term)
                field.required = term in _NEEDED and (not self.is_bound or bool(self.data.get(stage)))
                self.fields[f"{stage}_{term}"] = field

    @staticmethod
    def _field(stage: str, term: str) -> forms.Field:
        label = _LABELS.get((stage, term)) or _SHARED[term]
        usual = USUAL[stage][term]
        if term == "sure":
            return forms.BooleanField(required=False, label=label)
        if term in _PERCENT:
            most = 50 if term == "gold_share" else 100
            return forms.IntegerField(
                required=False, min_value=0, max_value=most, initial=round(100 * usual), label=label
            )
        return forms.IntegerField(
            required=False,
            min_value=0 if term == "wanted" else 1,
            max_value=366 if term == "days" else 10_000,
            initial=usual,
            label=label,
        )

    def parts(self) -> list[tuple[str, list[forms.BoundField]]]:
        """A part for each stage, in their order: its title and its fields, the switch first."""
        return [
            (str(Stage(stage).label), [self[stage], *(self[f"{stage}_{term}"] for term in TERMS[stage])])
            for stage in ORDER
        ]

    def path(self) -> dict[str, dict[str, Any]]:
        """What `paths.lay` takes: the stages that are on."""
        data = self.cleaned_data
        return {
            stage: {
                term: self._value(term, data[f"{stage}_{term}"])
                for term in TERMS[stage]
                if term in ("days", "sure") or data[f"{stage}_{term}"] is not None
            }
            for stage in ORDER
            if data[stage]
        }

    @staticmethod
    def _value(term: str, value: Any) -> Any:
        return value / 100 if term in _PERCENT else value

    @staticmethod
    def of(stages: Sequence[PathStage]) -> dict[str, Any]:
        """The form's values for a path."""
        found: dict[str, Any] = {}
        for one in stages:
            found[one.stage] = True
            for term in TERMS[one.stage]:
                value = getattr(one, term)
                found[f"{one.stage}_{term}"] = round(100 * value) if term in _PERCENT else value
        return found


THROUGH = "through"


class PlaceForm(forms.Form):
    """Where somebody is put on the path, with the reason that she reads."""

    stage = forms.ChoiceField(required=False, label=_("Put her"))
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Reason"),
        help_text=_("It stays on record with your name, and she reads it."),
    )

    def __init__(
        self, *args: Any, stages: Sequence[PathStage], now: str, placing: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["stage"]
        field.choices = [
            *((one.stage, one.get_stage_display()) for one in stages if one.stage != now),
            *([(THROUGH, _("through: she works like everybody else"))] if now else []),
        ]
        field.required = placing and bool(field.choices)

    def meant(self) -> str:
        """The stage that is meant; "" is through."""
        chosen: str = self.cleaned_data["stage"]
        return "" if chosen == THROUGH else chosen
