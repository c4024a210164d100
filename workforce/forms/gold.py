"""Forms about gold: the settings of a queue, a file of known answers, finding candidates."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from workforce.models import Feedback, Queue

_PLAIN = (
    "gold_first",
    "gold_first_of",
    "gold_feedback",
    "gold_verdict_from",
    "gold_exposures",
    "repeat_after_answers",
)


class GoldFields(forms.Form):
    """The part of a queue's settings that is about gold and repeats; its fields stand last."""

    gold_percent = forms.DecimalField(
        min_value=0, max_value=50, decimal_places=1, initial=5, label=_("Gold among the tasks (%)")
    )
    gold_first = forms.IntegerField(
        min_value=0, max_value=10_000, initial=40, label=_("Gold items a newcomer gets")
    )
    gold_first_of = forms.IntegerField(
        min_value=1, max_value=30_000, initial=500, label=_("… among her first tasks")
    )
    gold_feedback = forms.ChoiceField(
        choices=Feedback.choices, initial=Feedback.SILENT, label=_("Feedback on gold")
    )
    gold_verdict_from = forms.IntegerField(
        min_value=1,
        max_value=1000,
        initial=10,
        label=_("Gold answers a verdict needs"),
        help_text=_("Below, the pages say “too few to say”."),
    )
    gold_failed_percent = forms.DecimalField(
        min_value=Decimal("0.1"),
        max_value=100,
        decimal_places=1,
        initial=30,
        label=_("Retire gold that more than this share of skilled annotators fail (%)"),
    )
    gold_exposures = forms.IntegerField(
        min_value=1, max_value=1_000_000, initial=200, label=_("Retire gold that was shown so often")
    )
    gold_age_days = forms.IntegerField(
        min_value=1,
        max_value=3650,
        required=False,
        label=_("Retire gold older than (days)"),
        help_text=_("Empty: never for its age."),
    )
    repeat_percent = forms.DecimalField(
        min_value=0,
        max_value=10,
        decimal_places=1,
        initial=1,
        label=_("Repeats among the tasks (%)"),
        help_text=_("An item one answered long ago comes again: how steadily one works."),
    )
    repeat_after_days = forms.IntegerField(
        min_value=1, max_value=3650, initial=7, label=_("Repeated after (days)")
    )
    repeat_after_answers = forms.IntegerField(
        min_value=1, max_value=100_000, initial=100, label=_("… and so many answers")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in GoldFields.base_fields:
            if name in self.fields:
                self.fields[name] = self.fields.pop(name)

    def gold_settings(self) -> dict[str, Any]:
        data = self.cleaned_data
        days = data["gold_age_days"]
        return {
            **{name: data[name] for name in _PLAIN},
            "gold_share": data["gold_percent"] / 100,
            "gold_failed_share": data["gold_failed_percent"] / 100,
            "gold_age": timedelta(days=days) if days else None,
            "repeat_share": data["repeat_percent"] / 100,
            "repeat_after": timedelta(days=data["repeat_after_days"]),
        }

    @staticmethod
    def of_gold(queue: Queue) -> dict[str, Any]:
        return {
            **{name: getattr(queue, name) for name in _PLAIN},
            "gold_percent": _percent(queue.gold_share),
            "gold_failed_percent": _percent(queue.gold_failed_share),
            "gold_age_days": max(1, queue.gold_age.days) if queue.gold_age else None,
            "repeat_percent": _percent(queue.repeat_share),
            "repeat_after_days": max(1, queue.repeat_after.days),
        }


def _percent(share: Decimal) -> str:
    return f"{Decimal(share) * 100:.1f}".removesuffix(".0")


class BringInForm(forms.Form):
    """A file of known answers."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "JSON Lines or CSV: key and value in every row; question, clauses and explanation if you like. Further fields are "
            "the content of an item that is not known yet."
        ),
    )


class FindForm(forms.Form):
    """Where candidates are looked for."""

    least = forms.IntegerField(min_value=2, max_value=50, initial=3, label=_("People who said the same"))
    limit = forms.IntegerField(min_value=1, max_value=2000, initial=200, label=_("Candidates at most"))
