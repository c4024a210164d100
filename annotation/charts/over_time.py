"""Numbers over time with their intervals, and what happened in between marked as upright lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from annotation.charts import figure as f
from annotation.charts.figure import Figure
from specs.templatetags.charts import figure as written

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 280, 52, 14, 40, 34


@dataclass(frozen=True)
class Point:
    at: datetime
    value: float
    low: float
    high: float
    n: int
    word: str = ""


@dataclass(frozen=True)
class Moment:
    """Something that happened: a publication, a change of the rule."""

    at: datetime
    name: str


def over_time(
    key: str,
    title: str,
    points: Sequence[Point],
    moments: Sequence[Moment] = (),
    *,
    limits: Sequence[float] = (),
) -> Figure:
    """Points in the order of time, with bounds; a line joins what has the same `word` (another meaning is another line)."""
    times = [point.at for point in points] + [moment.at for moment in moments]
    first, last = min(times), max(times)
    span = (last - first).total_seconds() or 1.0
    start = min([0.0, *(point.low for point in points)])
    end = max([*(point.high for point in points), *limits]) * 1.03 or 1.0

    def x(at: datetime) -> float:
        return LEFT + 10 + (at - first).total_seconds() / span * (WIDTH - LEFT - RIGHT - 20)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - start) / (end - start) * (HEIGHT - TOP - BOTTOM)

    parts = [
        part
        for tick in f.ticks(start, end, 4)
        for part in (
            f.line("grid", LEFT, y(tick), WIDTH - RIGHT, y(tick)),
            f.text(LEFT - 8, y(tick) + 4, f.tick(tick), anchor="end"),
        )
    ]
    parts += [f.line("limit", LEFT, y(limit), WIDTH - RIGHT, y(limit)) for limit in limits]
    edge = -100.0
    for moment in sorted(moments, key=lambda one: one.at):
        parts.append(f.line("moment", x(moment.at), TOP - 6, x(moment.at), HEIGHT - BOTTOM))
        if x(moment.at) - edge > 46:  # names that would lie upon each other stand in the table alone
            edge = x(moment.at)
            parts.append(f.text(edge, TOP - 12, f.short(moment.name, 14), anchor="middle"))
    words = list(dict.fromkeys(point.word for point in points))
    for word in words:
        same = [point for point in points if point.word == word]
        drawn = [f.path("line", [(x(one.at), y(one.value)) for one in same])] if len(same) > 1 else []
        for one in same:
            drawn.append(f.line("range", x(one.at), y(one.low), x(one.at), y(one.high)))
            drawn.append(f.dot(x(one.at), y(one.value), r=3.5, says=_says(one)))
        parts.append(f.group("", drawn))
    for at, anchor in [(first, "start"), (last, "end")] if last > first else [(first, "start")]:
        parts.append(
            f.text(
                x(at) - (10 if anchor == "start" else -10),
                HEIGHT - 10,
                date_format(at, "j M Y"),
                anchor=anchor,
            )
        )
    rows: list[list[Any]] = [
        *[[one.at.isoformat(), one.value, one.low, one.high, one.n, one.word] for one in points],
        *[[one.at.isoformat(), None, None, None, None, one.name] for one in moments],
    ]
    return Figure(
        key,
        title,
        _("%(n)d measurements; the newest %(last)s.") % {"n": len(points), "last": _says(points[-1])},
        [_("time"), _("value"), _("low"), _("high"), "n", _("what it is")],
        sorted(rows, key=lambda row: str(row[0])),
        f.joined(parts),
        WIDTH,
        HEIGHT,
    )


def _says(one: Point) -> str:
    when = date_format(one.at, "j M Y")
    return f"{written(one.value, 3)} ({written(one.low, 3)} – {written(one.high, 3)}) n={one.n:,}, {when}"
