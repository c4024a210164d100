from __future__ import annotations

import re

import pytest

from annotation.charts import figure as drawing
from specs.templatetags.charts import figure, interval, percent


def x_of(svg: str, name: str) -> float:
    found = re.search(rf'class="{name}" (?:cx|x1)="([\d.]+)"', svg)
    assert found
    return float(found.group(1))


def test_the_point_stands_where_its_value_is() -> None:
    svg = interval(0.25, 0.0, 0.5, width=112)
    assert (x_of(svg, "range"), x_of(svg, "point")) == (6.0, 31.0)


def test_the_scale_may_start_below_nothing() -> None:
    svg = interval(0.0, -0.5, 0.5, lower=-1.0, zero=0.0, width=112)
    assert x_of(svg, "point") == x_of(svg, "zero") == 56.0


def test_what_lies_beyond_the_scale_is_drawn_at_its_end_and_said_as_it_is() -> None:
    svg = interval(1.5, 0.9, 2.0, width=112, label="Ratio")
    assert x_of(svg, "point") == 106.0
    assert 'aria-label="Ratio: 1.50, from 0.90 to 2.00"' in svg


def test_without_a_value_nothing_is_drawn() -> None:
    assert interval(None) == interval("") == ""


def test_without_an_interval_only_the_point_is_drawn() -> None:
    assert 'class="range"' not in interval(0.5, "", "")


def test_an_empty_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        interval(0.5, lower=1.0, upper=1.0)


def test_words_in_a_chart_are_not_markup() -> None:
    assert "<b>" not in interval(0.5, label="<b>", tone='"><b>')


def test_a_tick_has_the_decimals_that_it_has() -> None:
    assert [drawing.tick(value) for value in (0.0, 0.025, 0.05, 0.5, 1.0, 4000.0)] == [
        *("0", "0.025", "0.05", "0.5", "1", "4,000"),
    ]
    assert drawing.ticks(-0.03, 0.11) == [0.0, 0.05, 0.1]


def test_numbers_are_written_for_people() -> None:
    assert figure(0.7149) == "0.71"
    assert (figure(0.998718, 3), figure(0.6286, 3)) == ("0.999", "0.629")
    assert percent(0.3149) == "31\N{NO-BREAK SPACE}%"
    assert figure(None) == percent("") == "–"
