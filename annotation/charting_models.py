"""The figures of a model beside people, with their tables."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from annotation.beside_model import Report
from annotation.charts.figure import Figure
from annotation.charts.forest import Row, forest
from annotation.charts.heat import heat
from annotation.charts.reliability import Sure, reliability
from specs.templatetags.charts import figure as written
from specs.templatetags.charts import percent


def of_clauses(found: Report) -> Figure | None:
    """How often people say what the model says, under each clause that anything is known of."""
    rows = [
        Row(
            f"§{clause.number} {clause.title}",
            one.n_items,
            one.value,
            one.low,
            one.high,
            tone="bad" if _below(one.high, found) else "",
            reason=one.reason,
        )
        for clause, one in found.clauses
        if one.n_items
    ]
    if not rows:
        return None
    return forest(
        "clauses",
        _("Agreement with the model by clause, with 95 % interval"),
        rows,
        reference=found.agreement.value or 0.0,
        reference_says=_("over all"),
        from_zero=found.agreement.value is None,
    )


def _below(high: float | None, found: Report) -> bool:
    return high is not None and found.agreement.value is not None and high < found.agreement.value


def of_confusion(found: Report) -> Figure | None:
    """What people say where the model says the label of the row."""
    if len(found.titles) < 2:
        return None
    totals = [sum(row) for row in found.confusion]
    cells: list[list[float | None]] = [
        [cell / total if total else None for cell in row]
        for row, total in zip(found.confusion, totals, strict=True)
    ]
    return heat(
        "confusion",
        _("What people say where the model says the label of the row"),
        _(
            "Of the items on which the model says the label of the row, the share of what people say about them."
        ),
        found.titles,
        cells,
        written=[[percent(cell) if cell is not None else "" for cell in row] for row in cells],
        columns=[_("the model says"), _("people say"), _("share"), _("items")],
        rows=[
            [found.titles[i], found.titles[k], cells[i][k], found.confusion[i][k]]
            for i in range(len(cells))
            for k in range(len(cells))
        ],
        low=0.0,
        high=1.0,
    )


def of_calibration(found: Report) -> Figure | None:
    """How often the model is right against how sure it says it is."""
    known = found.calibration
    if known is None or known.error is None:
        return None
    points = [
        Sure(one.confidence, one.right, one.low, one.high, one.n)
        for one in known.bins
        if one.confidence is not None
        and one.right is not None
        and one.low is not None
        and one.high is not None
    ]
    return reliability(
        "calibration",
        _("How often it is right, against how sure it says it is"),
        points,
        says=_(
            "On %(n)s items it is %(sure)s sure and %(right)s right; expected calibration error %(error)s."
        )
        % {
            "n": f"{known.n:,}",
            "sure": percent(known.confidence),
            "right": percent(known.right),
            "error": written(known.error, 3),
        },
    )


FIGURES: dict[str, Callable[[Report], Figure | None]] = {
    "clauses": of_clauses,
    "confusion": of_confusion,
    "calibration": of_calibration,
}
"""Figures of a report about a model."""
