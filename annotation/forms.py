"""Forms of this app's pages: they check shape, the transitions check rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from annotation.models import Asks, Choice, ResampleKind, Sample
from specs.forms.specs import PublishForm
from specs.models import SpecVersion
from workforce.import_formats import FORMATS
from workforce.models import Annotator, Cohort, InProgress, Queue


class PublicationForm(PublishForm):
    """Publication, and the queues that work under the version from then on."""

    in_force = forms.ModelMultipleChoiceField(
        queryset=Queue.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Put in force at once in"),
    )
    in_progress = forms.ChoiceField(
        choices=InProgress.choices,
        initial=InProgress.FINISH,
        label=_("Work in progress there"),
    )
    override_reason = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Reason for publishing past the gate"),
        help_text=_("Only if the gate is not passed; an owner's name and this reason stay on record."),
    )
    field_order = ["notes", "rationale", "claimed", "in_force", "in_progress", "override_reason"]

    def __init__(self, *args: Any, queues: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["in_force"].queryset = queues  # type: ignore[attr-defined]


class PilotForm(forms.Form):
    """A draft on trial: on what, how often answered, by whom."""

    sample = forms.ChoiceField(
        choices=Sample.choices, initial=Sample.CHANGED, widget=forms.RadioSelect, label=_("Items")
    )
    asks = forms.ChoiceField(
        choices=Asks.choices,
        initial=Asks.QUESTIONS,
        widget=forms.RadioSelect,
        label=_("What is asked"),
        help_text=_(
            "Clause by clause you see which clauses apply, over which people are split, and which apply together. The gate "
            "reads pilots of the draft's questions alone."
        ),
    )
    n_items = forms.IntegerField(min_value=1, max_value=2000, initial=40, label=_("How many, at most"))
    overlap = forms.IntegerField(min_value=2, max_value=10, initial=3, label=_("Answers per item"))
    annotators = forms.ModelMultipleChoiceField(
        queryset=Annotator.objects.none(), widget=forms.CheckboxSelectMultiple, label=_("Annotators")
    )

    def __init__(self, *args: Any, annotators: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["annotators"].queryset = annotators  # type: ignore[attr-defined]


class ResampleForm(forms.Form):
    """A frozen sample before people again, or for a model's predictions: what for, of how many items, how often, by whom."""

    kind = forms.ChoiceField(
        choices=ResampleKind.choices,
        initial=ResampleKind.AUDIT,
        widget=forms.RadioSelect,
        label=_("What for"),
    )
    n_items = forms.IntegerField(min_value=1, max_value=2000, initial=100, label=_("How many items, at most"))
    overlap = forms.IntegerField(min_value=1, max_value=10, initial=1, label=_("Answers per item"))
    annotators = forms.ModelMultipleChoiceField(
        queryset=Annotator.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Annotators"),
    )
    model = forms.CharField(
        max_length=200,
        required=False,
        label=_("Or the predictions of this model"),
        help_text=_(
            "For a bridge to a new model: nobody answers, its predictions of these items are compared."
        ),
    )
    model_version = forms.CharField(max_length=100, required=False, label=_("Version of the model"))

    def __init__(self, *args: Any, annotators: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["annotators"].queryset = annotators  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("model"):
            if data.get("kind") != ResampleKind.BRIDGE:
                self.add_error("kind", _("The predictions of a model are a bridge."))
            if data.get("annotators"):
                self.add_error("annotators", _("Choose people or a model, not both."))
        elif not data.get("annotators"):
            self.add_error("annotators", _("Choose the people who answer, or name a model."))
        return data


class CanaryForm(forms.Form):
    """A version for a part of a queue first."""

    version = forms.ModelChoiceField(queryset=SpecVersion.objects.none(), label=_("Version"))
    percent = forms.IntegerField(
        min_value=1, max_value=100, initial=10, label=_("Share of the untouched tasks (%)")
    )
    cohort = forms.ModelChoiceField(
        queryset=Cohort.objects.none(), required=False, label=_("Only for"), empty_label=_("everybody")
    )

    def __init__(self, *args: Any, versions: Any, cohorts: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].queryset = versions  # type: ignore[attr-defined]
        self.fields["cohort"].queryset = cohorts  # type: ignore[attr-defined]


class PredictionsForm(forms.Form):
    """A file of what a model said, and the model where the rows name none."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "JSON Lines, CSV or Parquet with key, value and, if there is one, confidence; or a Label Studio export (.json) "
            "with predictions."
        ),
    )
    model = forms.CharField(max_length=200, required=False, label=_("Model, where the rows name none"))
    model_version = forms.CharField(max_length=100, required=False, label=_("Its version"))


class HistoryForm(forms.Form):
    """Labels made elsewhere: another tool's export, and which of its controls and columns is what."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("An export with annotations; each also as .gz."),
    )
    form = forms.ChoiceField(
        required=False,
        choices=lambda: [
            ("", _("what it begins like")),
            *((name, one.title) for name, one in FORMATS.items()),
        ],
        label=_("Read it as"),
    )
    control = forms.CharField(
        max_length=2000,
        required=False,
        label=_("Control that becomes the question"),
        help_text=_(
            "Only where its name is not the question's: sentiment, or sentiment=tone, about=topics. “Look at it first” names "
            "the controls."
        ),
    )
    columns = forms.CharField(
        max_length=2000,
        required=False,
        label=_("Columns of a table"),
        help_text=_("Only where they have other names: item=post, annotator=rater, label=tone, time=at."),
    )
    sensitive = forms.BooleanField(
        required=False, label=_("The items may be upsetting: blur them until asked for")
    )


class ConfirmForm(forms.Form):
    """Which affected tasks are asked again, and how sure people want to be of the others."""

    choice = forms.ChoiceField(choices=Choice.choices)
    sampled = forms.BooleanField(required=False)
    percent = forms.FloatField(min_value=0.1, max_value=99, required=False)
    reason = forms.CharField(max_length=10_000, required=False)

    def cleaned(self) -> dict[str, Any]:
        percent = self.cleaned_data["percent"] or settings.RELABEL_FLIPS_PERCENT
        return {
            "choice": self.cleaned_data["choice"],
            "tolerated": percent / 100 if self.cleaned_data["sampled"] else None,
            "reason": self.cleaned_data["reason"],
        }
