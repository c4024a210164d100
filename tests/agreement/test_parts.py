"""Agreement in parts: by hand, and the parts of one are the whole."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.agreement import coefficients, confusion, pairs, parts
from annotation.agreement.clauses import Members
from annotation.agreement.counts import from_codes, grouped

ITEM = np.array([0, 0, 0, 1, 1, 2, 2, 3])
WHO = np.array([0, 1, 2, 0, 1, 0, 1, 0])
VALUE = np.array([1, 1, 0, 1, 1, 0, 1, 1])


def _pairs() -> pairs.Pairs:
    return pairs.of(ITEM, WHO, VALUE, n_items=4)


def test_the_whole_is_percent_agreement() -> None:
    everything = Members(np.arange(4), np.zeros(4, dtype=np.int64), np.ones(4))
    (found,) = parts.of_items(_pairs(), everything, n_parts=1, minimum=2)
    rows, n = grouped(from_codes(ITEM, VALUE, n_items=4, n_values=2))
    assert found.value == pytest.approx(float(coefficients.percent_agreement(rows, n)))
    assert (found.n_items, found.n_answers) == (3, 7), "an item with one answer has no pair"


def test_parts_by_hand_and_what_is_too_few() -> None:
    """Item 0 agrees in 1 of 3 pairs, item 1 in all, item 2 in none."""
    members = Members(np.array([0, 1, 1, 2, 3]), np.array([0, 0, 1, 1, 1]), np.array([1, 1, 0.5, 1, 1]))
    one, other = parts.of_items(_pairs(), members, n_parts=2, minimum=2)
    assert one.value == pytest.approx((1 / 3 + 1) / 2)
    assert other.value == pytest.approx(0.5 * 1 / 1.5)
    assert one.low is not None
    assert one.low < 2 / 3 < (one.high or 0)
    few = parts.of_items(_pairs(), members, n_parts=3, minimum=3)
    assert [each.reason for each in few] == [f"too few items to say ({n} of 3)" for n in (2, 2, 0)]


def test_positive_agreement_by_label_is_that_of_the_confusion() -> None:
    generator = np.random.default_rng(2)
    item = np.concatenate([np.repeat(np.arange(200), 3), np.repeat(np.arange(80), 2)])
    counts = from_codes(item, generator.integers(0, 4, len(item)), n_items=200, n_values=4)
    found = parts.of_labels(counts, minimum=2)
    expected = confusion.positive_agreement(*grouped(counts)).tolist()
    assert [one.value for one in found] == pytest.approx(expected)
    assert all((one.low or 0) < (one.value or 0) < (one.high or 0) for one in found)


def test_alpha_of_a_part_is_that_of_its_answers_alone() -> None:
    generator = np.random.default_rng(3)
    item, value = np.repeat(np.arange(60), 3), generator.integers(0, 2, 180)
    mask = item < 30
    known = {"level": "nominal", "n_items": 60, "n_values": 2, "n_resamples": 100}
    found = parts.alpha_of(item, value, mask, minimum=10, **known)  # type: ignore[arg-type]
    rows, n = grouped(from_codes(item[mask], value[mask], n_items=30, n_values=2))
    assert found.value == pytest.approx(float(coefficients.krippendorff_alpha(rows, n)))
    assert found.n_items == 30
    assert "30 of 31" in parts.alpha_of(item, value, mask, minimum=31, **known).reason  # type: ignore[arg-type]


def test_numbers_in_ranges_of_about_as_many() -> None:
    codes, ends = parts.ranges(np.arange(100.0), 5)
    assert np.bincount(codes).tolist() == [20] * 5
    assert (ends[0], ends[-1]) == ((0.0, 19.0), (80.0, 99.0))
    codes, ends = parts.ranges(np.array([1.0, 1.0, 1.0, 9.0]), 5)
    assert (codes.tolist(), ends) == ([0, 0, 0, 1], [(1.0, 1.0), (9.0, 9.0)])
    assert parts.largest([3, 9, 1, 9], 2) == [1, 3]
