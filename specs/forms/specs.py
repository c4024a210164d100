"""Forms of the spec pages. Clauses and questions have lists in them, so their forms read repeated fields themselves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from specs.clauses import BLOCK_TYPES, EXAMPLES
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
    rationale = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}), label=_("Why")
    )
    claimed = forms.ChoiceField(
        required=False,
        label=_("Class of the change"),
        choices=[("", _("as computed")), *ChangeClass.choices],
        help_text=_("You may claim a higher class than the one computed, never a lower one."),
    )


BLANK_BLOCKS = 2
BLANK_LABELS = 2


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
        if any(value.strip() for name, value in block.items() if name != "type"):
            blocks.append(block)
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
    """The questions as their form gives them; one without a key and title is left out, so that it can be removed."""
    questions = []
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
        values, titles = form.getlist(f"{prefix}.value"), form.getlist(f"{prefix}.label")
        after = form.get(f"{prefix}.after", "").strip()
        questions.append(
            {
                "key": form.get(f"{prefix}.key", "").strip(),
                "kind": form.get(f"{prefix}.kind", "choice"),
                "title": form.get(f"{prefix}.title", "").strip(),
                "help": form.get(f"{prefix}.help", "").strip(),
                "required": bool(form.get(f"{prefix}.required")),
                "labels": [
                    {"value": value.strip(), "title": title.strip() or value.strip()}
                    for value, title in zip(values, titles, strict=False)
                    if value.strip()
                ],
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
            }
        )
    return questions


def block_rows(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks of a clause form, with blank ones to fill at the end."""
    return [
        *blocks,
        *({"type": "definition" if not blocks and n == 0 else "example"} for n in range(BLANK_BLOCKS)),
    ]


BLOCK_CHOICES = list(BLOCK_TYPES.items())
