"""Forms of the spec pages. Clauses and questions have lists in them, so their forms read repeated fields themselves."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from specs import task_types
from specs.clauses import BLOCK_TYPES, EXAMPLES
from specs.label_config import LONGEST
from specs.models import ChangeClass


class SpecForm(forms.Form):
    title = forms.CharField(max_length=200, label=_("Title"))
    key = forms.SlugField(
        max_length=64,
        label=_("Key"),
        help_text=_("Short, for addresses and programs: lower-case letters, digits, hyphens."),
    )
    purpose = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}), label=_("What it is for")
    )


class PublishForm(forms.Form):
    notes = forms.CharField(
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label=_("What changed, for those who work under it"),
    )
    rationale = forms.CharField(max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}), label=_("Why"))
    claimed = forms.ChoiceField(
        required=False,
        label=_("Class of the change"),
        choices=[("", _("as computed")), *ChangeClass.choices],
        help_text=_("You may claim a higher class than the one computed, never a lower one."),
    )


class DocumentForm(forms.Form):
    """A spec file, or a guideline that was written elsewhere."""

    file = forms.FileField(label=_("File"))
    what = forms.ChoiceField(
        label=_("What it is"),
        choices=[
            ("guideline", _("A guideline (Word, HTML or Markdown): propose clauses from it")),
            ("spec", _("A spec file: take the draft's place")),
        ],
        widget=forms.RadioSelect,
        initial="guideline",
    )


class LabelConfigForm(forms.Form):
    """A labelling configuration of Label Studio, as a file or as text; `config` is the text of either."""

    file = forms.FileField(required=False, label=_("File"), help_text=_("The configuration as XML."))
    config = forms.CharField(
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 12, "class": "mono", "spellcheck": "false"}),
        label=_("Or its text"),
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("file"):
            try:
                data["config"] = data["file"].read(LONGEST + 1).decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", _("The file is not UTF-8."))
        elif not data.get("config"):
            self.add_error("file", _("Choose a file, or put its text below."))
        return data


class CloneForm(forms.Form):
    title = forms.CharField(max_length=200, label=_("Title"))
    key = forms.SlugField(
        max_length=64,
        label=_("Key"),
        help_text=_("Short, for addresses and programs: lower-case letters, digits, hyphens."),
    )


BLANK_LABELS = 2
COLOURS = [
    ("blue", _("Blue")),
    ("green", _("Green")),
    ("amber", _("Amber")),
    ("red", _("Red")),
    ("violet", _("Violet")),
    ("grey", _("Grey")),
]
"""Colours of labels, by name: the stylesheet knows them in light and dark."""


def clause_of(form: QueryDict) -> dict[str, Any]:
    """A clause as its form gives it: blocks by number, what it governs by question."""
    blocks = []
    for place in sorted(
        {
            int(name.split(".")[1])
            for name in form
            if name.startswith("block.") and name.split(".")[1].isdigit()
        }
    ):
        block = {
            field: form.get(f"block.{place}.{field}", "").replace("\r\n", "\n")
            for field in ("type", "text", "item", "value", "why")
        }
        if block["type"] not in EXAMPLES:
            block = {"type": block["type"], "text": block["text"]}
        if form.get(f"block.{place}.gone"):
            continue
        if any(value.strip() for name, value in block.items() if name != "type"):
            blocks.append(block)
    up = form.get("raise", "")
    if up.isdigit() and 0 < int(up) < len(blocks):
        blocks.insert(int(up) - 1, blocks.pop(int(up)))
    governs = []
    for question in form.getlist("governs"):
        pairs = [
            pair.split("|") for pair in form.getlist(f"governs.{question}.pairs") if pair.count("|") == 1
        ]
        governs.append(
            {"question": question, "values": form.getlist(f"governs.{question}.values"), "pairs": pairs}
        )
    return {
        "title": form.get("title", ""),
        "section": form.get("section", ""),
        "blocks": blocks,
        "governs": governs,
    }


def questions_of(form: QueryDict) -> list[dict[str, Any]]:
    """The questions as their form gives them, in the order of their places; one without a key and title is left out."""
    questions = []
    places: list[float] = []
    for place in sorted(
        {
            int(name.split(".")[1])
            for name in form
            if name.startswith("question.") and name.split(".")[1].isdigit()
        }
    ):
        prefix = f"question.{place}"
        if not (form.get(f"{prefix}.key", "").strip() or form.get(f"{prefix}.title", "").strip()):
            continue
        columns = (
            form.getlist(f"{prefix}.{name}") for name in ("value", "label", "shortcut", "colour", "place")
        )
        after = form.get(f"{prefix}.after", "").strip()
        places.append(_place(form.get(f"{prefix}.order", ""), place))
        kind = form.get(f"{prefix}.kind", "choice")
        questions.append(
            {
                "key": form.get(f"{prefix}.key", "").strip(),
                "kind": kind,
                "title": form.get(f"{prefix}.title", "").strip(),
                "help": form.get(f"{prefix}.help", "").strip(),
                "required": bool(form.get(f"{prefix}.required")),
                "labels": _labels_of(zip_longest(*columns, fillvalue="")),
                "options_from": form.get(f"{prefix}.options_from", "").strip() or None,
                "cite": form.get(f"{prefix}.cite", "default"),
                "shown_when": {
                    "question": after,
                    "values": [
                        v.strip() for v in form.get(f"{prefix}.after_values", "").split(",") if v.strip()
                    ],
                }
                if after
                else None,
                **_settings_of(form, f"{prefix}.{kind}", kind),
            }
        )
    order = sorted(range(len(questions)), key=lambda n: places[n])
    return [questions[n] for n in order]


def _settings_of(form: QueryDict, prefix: str, kind: str) -> dict[str, Any]:
    """The settings of the kind that is chosen; those of the others stand in the form as well, and do not count."""
    declared = task_types.get(kind).settings if kind in task_types.kinds() else ()
    found = {one.name: one.read(form.get(f"{prefix}.{one.name}", "")) for one in declared}
    return {"settings": found} if found else {}


def _labels_of(rows: Iterable[tuple[str, ...]]) -> list[dict[str, str]]:
    """Labels from the columns of their rows (value, title, shortcut, colour, place), in the order of their places."""
    found = []
    for number, (value, title, shortcut, colour, place) in enumerate(rows):
        if value.strip():
            label = {"value": value.strip(), "title": title.strip() or value.strip()}
            label |= {k: v.strip() for k, v in (("shortcut", shortcut), ("colour", colour)) if v.strip()}
            found.append((_place(place, number), label))
    return [label for _, label in sorted(found, key=lambda entry: entry[0])]


def _place(text: str, number: int) -> float:
    """The place somebody wrote (counting from 1), else where it stands."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else number + 1.5


BLOCK_CHOICES = [(kind, _(title)) for kind, title in BLOCK_TYPES.items()]


class EquivalenceForm(forms.Form):
    """Two meanings, and why they ask for the same labels (where that is asked)."""

    earlier = forms.TypedChoiceField(coerce=int, label=_("Meaning"))
    later = forms.TypedChoiceField(coerce=int, label=_("asks for the same labels as meaning"))
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label=_("Why: what changed, and how you know that no label changes by it"),
    )

    def __init__(self, *args: Any, meanings: Iterable[int], with_reason: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = sorted(meanings)
        for name, newest in (("earlier", known[-2:-1]), ("later", known[-1:])):
            self.fields[name].choices = [(one, str(one)) for one in known]  # type: ignore[attr-defined]
            self.fields[name].initial = next(iter(newest), None)
        if not with_reason:
            del self.fields["reason"]

    def said(self) -> dict[str, Any]:
        """What `equating` takes."""
        data = dict(self.cleaned_data)
        return {"meanings": (data.pop("earlier"), data.pop("later")), **data}
