"""Whether somebody's errors have changed: shares in batches between control limits, and a CUSUM with its threshold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotation.charts import figure as f
from annotation.charts.figure import Figure
from specs.templatetags.charts import figure as written

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 220, 52, 14, 16, 30


@dataclass(frozen=True)
class Batch:
    """`n_wrong` of the answers `first` to `last` (counted from 1)."""

    first: int
    last: int
    n_wrong: int

    @property
    def n(self) -> int:
        return self.last - self.first + 1

    @property
    def share(self) -> float:
        return self.n_wrong / self.n


def bounds(baseline: float, n: int) -> tuple[float, float]:
    """Three standard errors round the baseline share, within [0, 1]. Source: Shewhart's p chart.

    >>> [round(bound, 3) for bound in bounds(0.1, 100)]
    [0.01, 0.19]
    """
    half = 3 * sqrt(baseline * (1 - baseline) / n)
    return max(0.0, baseline - half), min(1.0, baseline + half)


def p_chart(key: str, title: str, batches: Sequence[Batch], *, baseline: float) -> Figure:
    """A point per batch, beside the limits of its own size; outside them it is marked."""
    spread = [bounds(baseline, batch.n) for batch in batches]
    end = max([*(batch.share for batch in batches), *(high for _low, high in spread)]) * 1.06 or 1.0
    n = max(1, len(batches))

    def x(place: float) -> float:
        return LEFT + (place + 0.5) / n * (WIDTH - LEFT - RIGHT)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - share / end * (HEIGHT - TOP - BOTTOM)

    parts = _scale(end, y)
    parts.append(f.line("reference", LEFT, y(baseline), WIDTH - RIGHT, y(baseline)))
    edges = [(x(place - 0.5 + side), y(high)) for place, (_low, high) in enumerate(spread) for side in (0, 1)]
    floor = [(x(place - 0.5 + side), y(low)) for place, (low, _high) in enumerate(spread) for side in (0, 1)]
    parts.append(f.group("none", [f.path("area", edges + floor[::-1], closed=True)]))
    parts.append(f.path("line", [(x(place), y(batch.share)) for place, batch in enumerate(batches)]))
    outside = [not low <= batch.share <= high for batch, (low, high) in zip(batches, spread, strict=True)]
    for place, batch in enumerate(batches):
        says = f"{batch.first}–{batch.last}: {batch.n_wrong} / {batch.n}"
        parts.append(
            f.group("bad" if outside[place] else "", [f.dot(x(place), y(batch.share), r=3.5, says=says)])
        )
    parts.append(f.text(LEFT, HEIGHT - 8, _("answers in the order they were given")))
    return Figure(
        key,
        title,
        _("%(out)d of %(n)d batches lie outside three standard errors of %(base)s.")
        % {"out": sum(outside), "n": len(batches), "base": written(baseline, 3)},
        [_("first"), _("last"), "n", _("wrong"), _("share"), _("lower limit"), _("upper limit")],
        [
            [
                batch.first,
                batch.last,
                batch.n,
                batch.n_wrong,
                round(batch.share, 4),
                round(low, 4),
                round(high, 4),
            ]
            for batch, (low, high) in zip(batches, spread, strict=True)
        ],
        f.joined(parts),
        WIDTH,
        HEIGHT,
    )


def cusum(
    key: str, title: str, path: Sequence[float], *, threshold: float, alarms: Sequence[int], begins: int = 0
) -> Figure:
    """S after each answer that follows the baseline; alarms are places in the path. *begins* answers were the baseline."""
    end = max([*path, threshold]) * 1.08
    n = max(2, len(path))

    def xy(place: int) -> tuple[float, float]:
        across = LEFT + place / (n - 1) * (WIDTH - LEFT - RIGHT)
        return across, HEIGHT - BOTTOM - path[place] / end * (HEIGHT - TOP - BOTTOM)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / end * (HEIGHT - TOP - BOTTOM)

    highest: dict[int, tuple[float, float]] = {}
    for place in range(len(path)):
        point = xy(place)
        if round(point[0]) not in highest or point[1] < highest[round(point[0])][1]:
            highest[round(point[0])] = point
    parts = _scale(end, y)
    parts += [
        f.line("limit", LEFT, y(threshold), WIDTH - RIGHT, y(threshold)),
        f.path("line", highest.values()),
        f.text(LEFT, HEIGHT - 8, begins + 1),
        f.text(WIDTH - RIGHT, HEIGHT - 8, begins + len(path), anchor="end"),
    ]
    parts += [f.group("bad", [f.dot(*xy(place), says=str(begins + place + 1))]) for place in alarms]
    return Figure(
        key,
        title,
        _("S after %(n)d answers, with %(k)d alarms above %(h)s.")
        % {"n": len(path), "k": len(alarms), "h": written(threshold, 1)},
        [_("answer"), "S", _("alarm")],
        [[begins + place + 1, round(value, 4), place in set(alarms)] for place, value in enumerate(path)],
        f.joined(parts),
        WIDTH,
        HEIGHT,
    )


def columns(
    key: str, title: str, says: str, bars: Sequence[tuple[str, float]], *, named: Sequence[str]
) -> Figure:
    """Columns with their names below; *named* are what the table calls names and numbers."""
    end = max((value for _name, value in bars), default=1.0) * 1.1 or 1.0
    step = (WIDTH - LEFT - RIGHT) / max(1, len(bars))

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / end * (HEIGHT - TOP - BOTTOM)

    parts = _scale(end, y)
    for place, (name, value) in enumerate(bars):
        left, wide = LEFT + (place + 0.5) * step, min(step * 0.7, 64)
        parts.append(
            format_html(
                '<rect class="pillar" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
                f"{left - wide / 2:.1f}",
                f"{y(value):.1f}",
                f"{wide:.1f}",
                f"{HEIGHT - BOTTOM - y(value):.1f}",
                f"{name}: {value:,.0f}",
            )
        )
        if len(bars) <= 20 or place % (len(bars) // 10) == 0:
            parts.append(f.text(left, HEIGHT - 10, f.short(name, 12), anchor="middle"))
    return Figure(key, title, says, list(named), [list(bar) for bar in bars], f.joined(parts), WIDTH, HEIGHT)


def _scale(end: float, y: Callable[[float], float]) -> list[SafeString]:
    return [
        part
        for tick in f.ticks(0, end, 4)
        for part in (
            f.line("grid", LEFT, y(tick), WIDTH - RIGHT, y(tick)),
            f.text(LEFT - 8, y(tick) + 4, f.tick(tick), anchor="end"),
        )
    ]
