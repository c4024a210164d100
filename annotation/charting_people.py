"""The figures of one annotator: her errors in batches, and whether they have changed."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from annotation import dossier
from annotation.charts.control import Batch, cusum, p_chart
from annotation.charts.figure import Figure

BATCH = 50


def of_errors(figures: dossier.Figures) -> Figure | None:
    """The stream of the drift chart in batches, between the limits of its baseline; None without a baseline."""
    baseline = figures.drift.chart.baseline
    if baseline is None:
        return None
    batches = [Batch(one["first"], one["last"], one["n_wrong"]) for one in figures.blocks(BATCH)]
    return p_chart(
        "errors", _("Errors in batches of %(n)d answers") % {"n": BATCH}, batches, baseline=baseline
    )


def of_drift(figures: dossier.Figures) -> Figure | None:
    """The CUSUM after its baseline; None before there is one."""
    chart = figures.drift.chart
    if chart.baseline is None or not chart.path:
        return None
    return cusum(
        "drift",
        _("Drift of errors"),
        chart.path,
        threshold=chart.threshold,
        alarms=figures.drift.marks,
        begins=len(figures.drift.rows) - len(chart.path),
    )


Make = Callable[[dossier.Figures], Figure | None]
FIGURES: dict[str, Make] = {"drift": of_drift, "errors": of_errors}
