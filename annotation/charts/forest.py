"""Intervals one below the other: a point with its 95 % interval per row, on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotation.charts import figure as f
from annotation.charts.figure import Figure
from specs.templatetags.charts import figure as written

ROW, TOP, LEFT, RIGHT, WIDTH = 26, 34, 220, 190, 860


@dataclass(frozen=True)
class Row:
    """`tone` is good, warn, bad, none or ""; without bounds only `reason` is said. `loose`: no verdict rests on it."""

    name: str
    n: int
    value: float | None
    low: float | None = None
    high: float | None = None
    tone: str = ""
    loose: bool = False
    reason: str = ""
    word: str = ""


def forest(
    key: str,
    title: str,
    rows: Sequence[Row],
    *,
    reference: float = 0.0,
    reference_says: str = "",
    limit: float | None = None,
    limit_says: str = "",
    from_zero: bool = True,
) -> Figure:
    """`reference` is a line through all rows, `limit` another one, dashed; both with what they are. The scale takes in 0, unless
    rows that all lie far from it would then be dots."""
    bounds = [bound for row in rows for bound in (row.low, row.high, row.value) if bound is not None]
    start = min([*bounds, reference, *([0.0] if from_zero else [])])
    end = max([*bounds, reference])
    if limit is not None and limit <= 2 * end:
        end = max(end, limit)
    pad = 0.04 * ((end - start) or 1.0)
    start, end = start - (pad if start < 0 or not from_zero else 0.0), end + pad
    height = TOP + ROW * len(rows) + 26

    def x(value: float) -> float:
        return LEFT + (value - start) / (end - start) * (WIDTH - LEFT - RIGHT)

    parts = [
        part
        for tick in f.ticks(start, end)
        for part in (
            f.line("grid", x(tick), TOP - 8, x(tick), height - 22),
            f.text(x(tick), height - 7, f.tick(tick), anchor="middle"),
        )
    ]
    parts += [
        f.line("reference", x(reference), TOP - 8, x(reference), height - 22),
        f.text(
            x(reference), TOP - 16, reference_says, anchor="middle" if x(reference) > LEFT + 60 else "start"
        ),
    ]
    if limit is not None and start <= limit <= end:
        parts += [
            f.line("limit", x(limit), TOP - 8, x(limit), height - 22),
            f.text(min(x(limit), WIDTH - RIGHT), TOP - 16, limit_says, anchor="end"),
        ]
    for place, row in enumerate(rows):
        y = TOP + ROW * place + ROW / 2
        parts.append(f.text(0, y + 4, f.short(row.name), name="name"))
        if row.value is None or row.low is None or row.high is None:
            parts.append(f.text(LEFT, y + 4, row.reason))
            continue
        says = f"{row.name}: {_numbers(row)}"
        parts.append(
            f.group(
                row.tone,
                [
                    f.line("range loose" if row.loose else "range", x(row.low), y, x(row.high), y),
                    f.dot(x(row.value), y, says=says),
                ],
            )
        )
        parts.append(f.text(WIDTH, y + 4, _numbers(row), anchor="end"))
    shown = [row for row in rows if row.low is not None]
    says = _("%(n)d of %(of)d rows have an interval; the first is %(first)s.") % {
        "n": len(shown),
        "of": len(rows),
        "first": f"{shown[0].name}: {_numbers(shown[0])}" if shown else "–",
    }
    return Figure(
        key,
        title,
        says,
        [_("name"), _("value"), _("low"), _("high"), "n", _("what it is")],
        [[row.name, row.value, row.low, row.high, row.n, row.word or row.reason] for row in rows],
        f.joined(parts),
        WIDTH,
        height,
    )


def _numbers(row: Row) -> str:
    return f"{written(row.value, 3)} ({written(row.low, 3)} – {written(row.high, 3)}) n={row.n:,}"
