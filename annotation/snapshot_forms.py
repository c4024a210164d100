"""The form that asks for a snapshot; the rules are `export_terms`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation import export_formats, export_terms, holding_out
from specs.models import SpecVersion
from workforce.models import Queue


class SnapshotForm(forms.Form):
    """What is to be frozen. Filters are lines `name = value, value`."""

    name = forms.CharField(required=False, max_length=200, label=_("Name"))
    version = forms.ModelChoiceField(
        queryset=SpecVersion.objects.none(), empty_label=None, label=_("Labels valid under")
    )
    queue = forms.ModelMultipleChoiceField(
        queryset=Queue.objects.none(),
        to_field_name="key",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("From these queues"),
        help_text=_("All, if none is chosen."),
    )
    format = forms.MultipleChoiceField(
        initial=["jsonl", "parquet"], widget=forms.CheckboxSelectMultiple, label=_("Forms")
    )
    rule = forms.ChoiceField(
        choices=list(export_terms.RULES.items()),
        initial=export_terms.SETTLED,
        required=False,
        label=_("Label"),
    )
    split = forms.BooleanField(
        required=False,
        label=_("Split into train, eval and test"),
    )
    eval_percent = forms.IntegerField(required=False, min_value=0, max_value=99, label=_("Eval, percent"))
    test_percent = forms.IntegerField(required=False, min_value=0, max_value=99, label=_("Test, percent"))
    split_by = forms.CharField(
        required=False,
        max_length=64,
        label=_("Items stay together by the field"),
        help_text=_("Such as the conversation that they come from."),
    )
    only = forms.MultipleChoiceField(
        choices=[(name, name) for name in holding_out.SPLITS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Only these splits"),
    )
    since = forms.CharField(
        required=False,
        max_length=40,
        label=_("Decided since version"),
        help_text=_("Such as 1.0.0; the versions in between have to mean the same."),
    )
    fields_are = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Only items whose field is"),
        help_text=_("A line each: field = value, value"),
    )
    labels_are = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Only items whose label is"),
        help_text=_("A line each: question = value, value"),
    )
    after = forms.DateTimeField(
        required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}), label=_("Settled from")
    )
    before = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        label=_("Settled before"),
    )
    basis = forms.MultipleChoiceField(
        choices=list(export_terms.BASES.items()),
        initial=list(export_terms.USUAL_BASES),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Basis"),
    )
    gold = forms.BooleanField(required=False, label=_("Known answers stand for the labels of their items"))
    column = forms.MultipleChoiceField(
        choices=list(export_terms.COLUMNS.items()),
        initial=list(export_terms.USUAL_COLUMNS),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Columns"),
    )
    item_fields = forms.CharField(
        required=False,
        max_length=5000,
        label=_("Only these fields of the items"),
        help_text=_("Their names with commas between; all if left empty."),
    )

    FIRST = ("name", "version", "queue", "format", "split")

    def __init__(self, *args: Any, versions: Any, queues: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        version, queue, form = (self.fields[name] for name in ("version", "queue", "format"))
        version.queryset, queue.queryset = versions, queues  # type: ignore[attr-defined]
        version.label_from_instance = lambda one: f"{one.spec.title} {one.number}"  # type: ignore[attr-defined]
        queue.label_from_instance = lambda one: one.name  # type: ignore[attr-defined]
        form.choices = [(name, one.title) for name, one in export_formats.FORMATS.items()]  # type: ignore[attr-defined]

    def first(self) -> list[forms.BoundField]:
        return [self[name] for name in self.FIRST]

    def further(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in self.FIRST]

    def clean_fields_are(self) -> dict[str, list[str]]:
        return _filters(self.cleaned_data["fields_are"])

    def clean_labels_are(self) -> dict[str, list[str]]:
        return _filters(self.cleaned_data["labels_are"])

    def terms(self) -> export_terms.Terms:
        given = self.cleaned_data
        return export_terms.Terms(
            since=given["since"],
            fields=given["fields_are"],
            labels=given["labels_are"],
            after=given["after"].isoformat() if given["after"] else "",
            before=given["before"].isoformat() if given["before"] else "",
            bases=given["basis"] or export_terms.USUAL_BASES,
            rule=given["rule"] or export_terms.SETTLED,
            gold=given["gold"],
            split=given["split"],
            splits=given["only"] or holding_out.SPLITS,
            eval_percent=given["eval_percent"],
            test_percent=given["test_percent"],
            split_by=given["split_by"],
            columns=given["column"] or export_terms.USUAL_COLUMNS,
            item_fields=[name.strip() for name in given["item_fields"].split(",") if name.strip()],
            formats=given["format"],
        )


def _filters(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, values = (part.strip() for part in line.partition("="))
        several = [value.strip() for value in values.split(",") if value.strip()]
        if not equals or not name or not several:
            raise forms.ValidationError(
                _("“%(line)s” is no line “name = value, value”.") % {"line": line[:80]}
            )
        found.setdefault(name, []).extend(several)
    return found
