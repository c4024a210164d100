"""A matrix as a heat map: how often two labels meet, or how far two people agree."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotation.charts import figure as f
from annotation.charts.figure import Figure

CELL, MOST = 46, 0.5
ACROSS, DOWN = 7.2, 4.6
"""What a letter takes beside the matrix, and slanted above it."""


def heat(
    key: str,
    title: str,
    says: str,
    names: Sequence[str],
    cells: Sequence[Sequence[float | None]],
    *,
    written: Sequence[Sequence[str]],
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    low: float | None = None,
    high: float | None = None,
    cuts: Sequence[int] = (),
) -> Figure:
    """`cells` are shaded from *low* to *high* (of the cells by default), and say what is `written`; None is left void.

    `cuts` are places before which a line parts the matrix. The shade stays light enough for the text upon it.
    """
    size = CELL if len(names) <= 16 else 26
    longest = max((len(name) for name in names), default=0)
    left, top = 24 + ACROSS * min(longest, 24), 24 + DOWN * min(longest, 18)
    known = [cell for row in cells for cell in row if cell is not None]
    start = min(known, default=0.0) if low is None else low
    end = max(known, default=1.0) if high is None else high
    parts = []
    for place, name in enumerate(names):
        middle = size * place + size / 2
        parts.append(f.text(left - 8, top + middle + 4, f.short(name, 24), name="name", anchor="end"))
        parts.append(
            format_html(
                '<text class="name" transform="translate({} {}) rotate(-40)">{}</text>',
                f"{left + middle + 2:.1f}",
                top - 8,
                f.short(name, 18),
            )
        )
    for i, row in enumerate(cells):
        for k, cell in enumerate(row):
            x, y = left + size * k, top + size * i
            parts.append(_cell(x, y, size, cell, start, end, f"{names[i]} · {names[k]}: {written[i][k]}"))
            if size == CELL:
                parts.append(
                    f.text(x + size / 2, y + size / 2 + 4, written[i][k], name="name", anchor="middle")
                )
    whole = size * len(names)
    for cut in cuts:
        parts.append(f.line("reference", left, top + size * cut, left + whole, top + size * cut))
        parts.append(f.line("reference", left + size * cut, top, left + size * cut, top + whole))
    return Figure(
        key,
        title,
        says,
        columns,
        rows,
        f.joined(parts),
        max(520, round(left + whole + 80)),
        round(top + whole + 8),
    )


def _cell(
    x: float, y: float, size: int, cell: float | None, start: float, end: float, says: str
) -> SafeString:
    if cell is None:
        return format_html(
            '<rect class="void" x="{}" y="{}" width="{}" height="{}"/>', x, y, size - 1, size - 1
        )
    share = (min(max(cell, start), end) - start) / ((end - start) or 1.0)
    return format_html(
        '<rect class="cell" x="{}" y="{}" width="{}" height="{}" fill-opacity="{}"><title>{}</title></rect>',
        x,
        y,
        size - 1,
        size - 1,
        f"{0.03 + MOST * share:.3f}",
        says,
    )
