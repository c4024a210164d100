"""Charts as SVG drawn by the server: no script, printable, each with its text alternative."""

from __future__ import annotations

from typing import Literal

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()

# What a template leaves out arrives as "", so "" means "none" here.
Given = float | Literal[""] | None

_DASH = "\N{EN DASH}"
_INSET = 6  # room for half a point at both ends of a scale, in pixels


def _number(given: Given) -> float | None:
    return None if given is None or given == "" else float(given)


@register.filter
def figure(value: Given, places: int = 2) -> str:
    """The number as the reader's language writes it, rounded to *places* decimals; a dash where there is none.

    Django's own formatting cuts off instead of rounding.
    """
    number = _number(value)
    return _DASH if number is None else number_format(round(number, places), decimal_pos=places)


@register.filter
def percent(share: Given, places: int = 0) -> str:
    """A share in [0, 1] as "31 %"; a dash where there is none."""
    number = _number(share)
    if number is None:
        return _DASH
    return f"{number_format(round(100 * number, places), decimal_pos=places)}\N{NO-BREAK SPACE}%"


@register.filter
def cell(value: object) -> str:
    """What stands in a cell of a figure's table: whole numbers with their thousands apart, others to four decimals."""
    if isinstance(value, float) and not value.is_integer():
        return number_format(round(value, 4), decimal_pos=4)
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


@register.simple_tag
def interval(
    value: Given,
    low: Given = None,
    high: Given = None,
    *,
    lower: Given = None,
    upper: Given = None,
    zero: Given = None,
    tone: str = "",
    label: str = "",
    width: int = 220,
    height: int = 22,
) -> SafeString:
    """A point with its interval on the scale from *lower* (or 0) to *upper* (or 1); "" without a value.

    What lies beyond the scale is drawn at its end; the text alternative keeps the true numbers. *zero* draws
    a line of reference, *tone* is good, warn, bad, none or "". *label* opens the text alternative.

    Raises ValueError if the scale is empty.
    """
    point, left, right, reference = _number(value), _number(low), _number(high), _number(zero)
    start, end = _number(lower) or 0.0, _number(upper)
    end = 1.0 if end is None else end
    if end <= start:
        raise ValueError(f"a scale from {start} to {end} is empty")
    if point is None:
        return SafeString()

    def x(number: float) -> str:
        share = (min(max(number, start), end) - start) / (end - start)
        return f"{_INSET + share * (width - 2 * _INSET):.1f}"

    middle = f"{height / 2:.1f}"
    says = figure(point)
    marks = [_line("axis", x(start), x(end), middle, middle)]
    if reference is not None:
        marks.append(_line("zero", x(reference), x(reference), "0", str(height)))
    if left is not None and right is not None:
        marks.append(_line("range", x(left), x(right), middle, middle))
        numbers = {"value": says, "low": figure(left), "high": figure(right)}
        says = _("%(value)s, from %(low)s to %(high)s") % numbers
    return format_html(
        '<svg class="chart {}" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" aria-label="{}">{}'
        '<circle class="point" cx="{}" cy="{}" r="5"/></svg>',
        tone,
        f"{label}: {says}" if label else says,
        format_html_join("", "{}", ((mark,) for mark in marks)),
        x(point),
        middle,
        w=width,
        h=height,
    )


def _line(name: str, x1: str, x2: str, y1: str, y2: str) -> SafeString:
    return format_html('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>', name, x1, x2, y1, y2)
