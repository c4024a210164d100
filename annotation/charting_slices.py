"""Agreement in slices as a figure with its table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotation.charts.figure import Figure
from annotation.charts.forest import Row, forest


def of_slices(found: Mapping[str, Any]) -> Figure | None:
    """The share of pairs that agree in every slice, beside that of all answers; `found` as `slicing.as_dict` has it."""
    whole = found["whole"]["agreement"]
    rows = [_row(one, whole) for one in found["slices"]]
    if not rows:
        return None
    return forest(
        "slices",
        _("Pairs of answers that agree, with 95 % interval"),
        rows,
        reference=whole["value"] or 0.0,
        reference_says=_("all answers") if whole["value"] is not None else "",
        from_zero=whole["value"] is None,
    )


def _row(one: Mapping[str, Any], whole: Mapping[str, Any]) -> Row:
    agreement, alpha = one["agreement"], one["alpha"]
    below = None not in (agreement["high"], whole["value"]) and agreement["high"] < whole["value"]
    return Row(
        one["title"],
        agreement["items"],
        agreement["value"],
        agreement["low"],
        agreement["high"],
        tone="bad" if below else "",
        reason=agreement["reason"],
        word=""
        if alpha["value"] is None
        else f"alpha {alpha['value']:.3f} ({alpha['low']:.3f} – {alpha['high']:.3f})",
    )
