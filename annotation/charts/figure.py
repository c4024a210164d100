"""A chart with its table: shown in a page, and taken away as SVG, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

_TOKEN = re.compile(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)")


@dataclass(frozen=True)
class Figure:
    """`says` is the text alternative; `columns` and `rows` the table, numbers as they are; `drawing` what is inside the SVG.

    `key` names the figure in addresses and among a page's ids.
    """

    key: str
    title: str
    says: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    drawing: SafeString
    width: int
    height: int

    @property
    def svg(self) -> SafeString:
        return self._svg(SafeString(), SafeString())

    def standalone(self) -> str:
        """The whole file, with its colours for light and dark in it, so that it stands in a report as it stands in the page."""
        style = mark_safe(f"<style>{_style()}</style>")  # noqa: S308 (our own file)
        ground = format_html('<rect class="ground" width="{}" height="{}"/>', self.width, self.height)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{self._svg(style, ground)}\n'

    def _svg(self, style: SafeString, ground: SafeString) -> SafeString:
        return format_html(
            '<svg xmlns="http://www.w3.org/2000/svg" class="drawn" viewBox="0 0 {w} {h}" role="img" '
            'aria-labelledby="{k}-title {k}-desc"><title id="{k}-title">{title}</title><desc id="{k}-desc">{says}</desc>'
            "{style}{ground}{drawing}</svg>",
            w=self.width,
            h=self.height,
            k=f"f-{self.key}",
            title=self.title,
            says=self.says,
            style=style,
            ground=ground,
            drawing=self.drawing,
        )

    def csv(self) -> str:
        """The table; a text that a spreadsheet would take for a formula has an apostrophe before it."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_harmless(cell) for cell in row] for row in self.rows)
        return out.getvalue()

    def json(self) -> str:
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return json.dumps({"title": self.title, "says": self.says, "rows": rows}, ensure_ascii=False)


def _harmless(cell: Any) -> Any:
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{cell}"
    return "" if cell is None else cell


@cache
def _style() -> str:
    """The rules of `charts.css` with the tokens written in: not every reader of SVG knows variables."""
    rules = _read("charts.css").split(".drawing {")[0]
    normal = _read("tokens.css").split("@media (prefers-contrast: more)")[0]
    colours = {name: (light, dark) for name, light, dark in _TOKEN.findall(normal)}
    rules += ".drawn { color: var(--accent); } .drawn .ground { fill: var(--card); }"
    light, dark = (
        re.sub(r"var\(--([\w-]+)\)", lambda found, k=scheme: colours[found[1]][k], rules)  # type: ignore[misc]
        for scheme in (0, 1)
    )
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


def _read(name: str) -> str:
    return Path(str(finders.find(f"css/{name}"))).read_text()


def line(name: str, x1: float, y1: float, x2: float, y2: float) -> SafeString:
    return format_html(
        '<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>', name, *(f"{n:.1f}" for n in (x1, y1, x2, y2))
    )


def text(x: float, y: float, says: object, *, name: str = "", anchor: str = "start") -> SafeString:
    return format_html(
        '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>',
        name,
        f"{x:.1f}",
        f"{y:.1f}",
        anchor,
        says,
    )


def dot(x: float, y: float, *, r: float = 4.5, says: str = "") -> SafeString:
    return format_html(
        '<circle class="point" cx="{}" cy="{}" r="{}"><title>{}</title></circle>',
        f"{x:.1f}",
        f"{y:.1f}",
        r,
        says,
    )


def path(name: str, points: Iterable[tuple[float, float]], *, closed: bool = False) -> SafeString:
    shape = "polygon" if closed else "polyline"
    return format_html(
        '<{} class="{}" points="{}"/>', shape, name, " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    )


def group(tone: str, parts: Iterable[SafeString]) -> SafeString:
    return format_html('<g class="{}">{}</g>', tone, joined(parts))


def joined(parts: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))


def short(name: str, most: int = 30) -> str:
    """A name that fits beside a drawing; the table has the whole."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


def tick(value: float) -> str:
    """A round number beside an axis, with as many decimals as it has, three at the most."""
    whole = round(value, 3)
    if whole == int(whole):
        return str(number_format(int(whole), decimal_pos=0, force_grouping=True))
    return str(number_format(whole, decimal_pos=len(f"{whole:.3f}".rstrip("0").split(".")[1])))


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Round numbers between two ends, about *n* of them.

    >>> ticks(0, 0.19)
    [0.0, 0.05, 0.1, 0.15]
    """
    span = (high - low) or 1.0
    rough = span / n
    size = 10 ** floor(log10(rough))
    step = next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= rough - 1e-12)
    first = ceil(low / step - 1e-9)
    return [round(k * step, 10) + 0.0 for k in range(first, floor(high / step + 1e-9) + 1)]
