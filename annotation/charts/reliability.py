"""How often something is right, against how sure it says it is: on the line the two are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotation.charts import figure as f
from annotation.charts.figure import Figure
from specs.templatetags.charts import figure as written

WIDTH, SIDE, LEFT, TOP, BOTTOM = 860, 300, 52, 16, 44
"""As wide as the other figures, so that letters come out as large; the square of the drawing stands at its left."""


@dataclass(frozen=True)
class Sure:
    """*n* things said with this mean confidence, the share that is right with its interval; all in [0, 1]."""

    confidence: float
    right: float
    low: float
    high: float
    n: int


def reliability(key: str, title: str, points: Sequence[Sure], *, says: str) -> Figure:
    """A point per group of like confidence; below the line it says more than it keeps."""

    def x(value: float) -> float:
        return LEFT + value * SIDE

    def y(value: float) -> float:
        return TOP + (1 - value) * SIDE

    parts = [
        part
        for tick in f.ticks(0, 1)
        for part in (
            f.line("grid", x(0), y(tick), x(1), y(tick)),
            f.text(x(0) - 8, y(tick) + 4, f.tick(tick), anchor="end"),
            f.text(x(tick), y(0) + 18, f.tick(tick), anchor="middle"),
        )
    ]
    parts.append(f.line("reference", x(0), y(0), x(1), y(1)))
    for one in points:
        tone = "bad" if one.high < one.confidence else "warn" if one.low > one.confidence else "good"
        parts.append(
            f.group(
                tone,
                [
                    f.line("range", x(one.confidence), y(one.low), x(one.confidence), y(one.high)),
                    f.dot(x(one.confidence), y(one.right), says=_numbers(one)),
                ],
            )
        )
    parts.append(f.text(x(0), y(0) + 36, _("how sure; upwards, how often right")))
    return Figure(
        key,
        title,
        says,
        [_("mean confidence"), _("right"), _("low"), _("high"), "n"],
        [
            [round(value, 4) for value in (one.confidence, one.right, one.low, one.high)] + [one.n]
            for one in points
        ],
        f.joined(parts),
        WIDTH,
        TOP + SIDE + BOTTOM,
    )


def _numbers(one: Sure) -> str:
    return f"{written(one.confidence, 2)}: {written(one.right, 3)} ({written(one.low, 3)} – {written(one.high, 3)}) n={one.n:,}"
