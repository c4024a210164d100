"""The whole spec from version to version, as a chart with its table."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from annotation.aftermath import Side
from annotation.charts.figure import Figure
from annotation.charts.over_time import Moment, Point, over_time
from specs.models import SpecVersion


def of_curve(curve: Sequence[tuple[SpecVersion, Side]]) -> Figure | None:
    """How far fresh answers are apart under each meaning, at its publication; None before two of them can be told."""
    known = [(one, side, side.bounds) for one, side in curve if one.published_at and side.apart is not None]
    points = [
        Point(
            one.published_at,
            side.apart or 0.0,
            *(bounds or (side.apart or 0.0, side.apart or 0.0)),
            side.n_items,
            _("pairs that differ"),
        )
        for one, side, bounds in known
        if one.published_at
    ]
    if len(points) < 2:
        return None
    moments = [Moment(one.published_at, one.number) for one, _side in curve if one.published_at]
    return over_time("curve", _("Pairs that differ, version by version, with 95 % interval"), points, moments)
