"""The form that brings items in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from workforce import row_files, signalling

_FLAGS = ("keep_good_rows", "sensitive", "near", "updates")


class LoadForm(forms.Form):
    """A file of items, or the one that was looked at just before (`kept`, signed), and what to do with it."""

    file = forms.FileField(
        label=_("File"),
        error_messages={"required": _("Choose a file.")},
        help_text=_("With a field key (or item_id, or id) in every row; each form also as gzip."),
    )
    kept = forms.CharField(required=False, widget=forms.HiddenInput)
    form = forms.ChoiceField(
        required=False,
        choices=[("", _("As its name says")), *row_files.FORMS.items()],
        label=_("Form"),
    )
    keep_good_rows = forms.BooleanField(required=False, label=_("Load the good rows if others are bad"))
    sensitive = forms.BooleanField(
        required=False, label=_("The items may be upsetting: blur them until asked for")
    )
    updates = forms.BooleanField(
        required=False,
        label=_("The file brings updates"),
        help_text=_(
            "A known key with other content becomes its next revision, which is asked anew; a row whose field deleted is true "
            "withdraws its key."
        ),
    )
    near = forms.BooleanField(
        required=False, label=_("Look for items that are nearly the same as another one; takes longer")
    )
    twins = forms.ChoiceField(
        choices=[
            ("keep", _("Load them and report them")),
            ("leave_out", _("Leave them out and report them")),
        ],
        initial="keep",
        required=False,
        label=_("Items that repeat another one"),
    )

    signals = forms.BooleanField(
        required=False,
        label=_("They are signals from production"),
        help_text=_(
            "Every row says happened_at, reason and selection_probability, and expires_at if it expires. These are kept beside "
            "the item and shown to nobody who answers."
        ),
    )
    signal_source = forms.CharField(
        max_length=200,
        required=False,
        label=_("Where they come from"),
        help_text=_("Empty: the file's name."),
    )
    signal_reason = forms.CharField(
        max_length=200, required=False, label=_("Reason of selection, where rows say none")
    )
    signal_probability = forms.FloatField(
        min_value=0, max_value=1, required=False, label=_("Selection probability, where rows say none")
    )
    signal_hours = forms.IntegerField(
        min_value=1,
        max_value=87_600,
        required=False,
        label=_("They expire after (hours), where rows do not say"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].required = not self.data.get("kept")

    def plain(self) -> list[forms.BoundField]:
        """The fields of every load."""
        return [field for field in self.visible_fields() if field.name not in signalling.OPTIONS]

    def of_signals(self) -> list[forms.BoundField]:
        """The fields of a load of signals."""
        return [self[name] for name in signalling.OPTIONS]

    def told_signals(self) -> list[forms.BoundField]:
        """What the form says of all signals, to be said again with a file that was looked at."""
        return [self[name] for name in signalling.OPTIONS[1:] if self[name].value() not in (None, "")]

    def options(self) -> dict[str, Any]:
        """What `loading.begin` takes."""
        data = self.cleaned_data
        return {
            **{name: True for name in _FLAGS if data[name]},
            **({"twins": data["twins"]} if data["twins"] else {}),
            **{name: data[name] for name in signalling.OPTIONS if data[name] not in (None, "", False)},
        }
