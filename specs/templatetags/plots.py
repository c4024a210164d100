"""Larger charts as SVG drawn by the server: a band over time, and columns. The template puts the table beside them."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

_LEFT, _BOTTOM, _TOP, _RIGHT = 52, 24, 10, 12
Point = Sequence[float]


@register.simple_tag
def band(
    points: Sequence[Point], *, label: str, unit: str = "", width: int = 620, height: int = 220
) -> SafeString:
    """A middle line in its band: *points* are (x, low, middle, high), x rising; "" for fewer than two."""
    if len(points) < 2:
        return SafeString()
    first, last = points[0][0], points[-1][0]
    top = max(point[3] for point in points) or 1.0

    def xy(x: float, y: float) -> str:
        across = _LEFT + (x - first) / ((last - first) or 1) * (width - _LEFT - _RIGHT)
        return f"{across:.1f},{height - _BOTTOM - y / top * (height - _BOTTOM - _TOP):.1f}"

    around = [xy(p[0], p[3]) for p in points] + [xy(p[0], p[1]) for p in reversed(points)]
    return format_html(
        '<svg class="chart plot" viewBox="0 0 {w} {h}" role="img" aria-label="{}">{}'
        '<polygon class="band" points="{}"/><polyline class="middle" points="{}"/></svg>',
        label,
        _axes(first, last, top, unit, width, height),
        " ".join(around),
        " ".join(xy(p[0], p[2]) for p in points),
        w=width,
        h=height,
    )


@register.simple_tag
def columns(
    bars: Sequence[tuple[str, float]], *, label: str, mark: int = -1, width: int = 620, height: int = 180
) -> SafeString:
    """Columns with their names below: *bars* are (name, value). From *mark* on they have the tone of a warning."""
    if not bars:
        return SafeString()
    top = max(value for _, value in bars) or 1.0
    step = (width - _LEFT - _RIGHT) / len(bars)
    floor = height - _BOTTOM
    marks = []
    every = max(1, round(len(bars) / 8))
    for place, (name, value) in enumerate(bars):
        x, tall = _LEFT + place * step, value / top * (floor - _TOP)
        marks.append(
            format_html(
                '<rect class="column{}" x="{}" y="{}" width="{}" height="{}"/>',
                " warn" if 0 <= mark <= place else "",
                f"{x + step * 0.12:.1f}",
                f"{floor - tall:.1f}",
                f"{max(step * 0.76, 1):.1f}",
                f"{tall:.1f}",
            )
        )
        if place % every == 0:
            marks.append(
                format_html(
                    '<text x="{}" y="{}" text-anchor="middle">{}</text>',
                    f"{x + step / 2:.1f}",
                    height - 7,
                    name,
                )
            )
    return format_html(
        '<svg class="chart plot" viewBox="0 0 {w} {h}" role="img" aria-label="{}">{}{}</svg>',
        label,
        _scale(top, width, height),
        format_html_join("", "{}", ((mark_,) for mark_ in marks)),
        w=width,
        h=height,
    )


def _axes(first: float, last: float, top: float, unit: str, width: int, height: int) -> SafeString:
    places = [first + (last - first) * k / 4 for k in range(5)]
    names = [
        format_html(
            '<text x="{}" y="{}" text-anchor="middle">{}{}</text>',
            f"{_LEFT + k / 4 * (width - _LEFT - _RIGHT):.1f}",
            height - 7,
            _short(place),
            unit,
        )
        for k, place in enumerate(places)
    ]
    return format_html("{}{}", _scale(top, width, height), format_html_join("", "{}", ((n,) for n in names)))


def _scale(top: float, width: int, height: int) -> SafeString:
    lines = []
    for k in range(3):
        y = height - _BOTTOM - k / 2 * (height - _BOTTOM - _TOP)
        lines.append(
            format_html(
                '<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
                _LEFT,
                width - _RIGHT,
                f"{y:.1f}",
                f"{y:.1f}",
                _LEFT - 6,
                f"{y + 4:.1f}",
                _short(top * k / 2),
            )
        )
    return format_html_join("", "{}", ((line,) for line in lines))


def _short(value: float) -> str:
    """A number for an axis: "1.5 M", "20 k", "7.5"."""
    for size, name in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or abs(value) >= 1e6:
            return f"{number_format(round(value / size, 1), decimal_pos=None)}\N{NO-BREAK SPACE}{name}"
    short = round(value, 2 if abs(value) < 2 else 1 if abs(value) < 20 else 0)
    return str(number_format(int(short) if short.is_integer() else short, decimal_pos=None))
