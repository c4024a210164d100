"""A model beside people: kappa against published numbers, agreement by hand, and what its confidence is worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.agreement import beside_model, means, pairs
from annotation.agreement.clauses import Members
from annotation.agreement.means import Cells

# Fleiss, Levin and Paik: kappa 0.676471, standard error 0.087703 (statsmodels 0.15.0)
TABLE = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])


def _answers(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    said, value = np.nonzero(table)
    n = table[said, value]
    return np.repeat(said, n), np.repeat(value, n)


def test_one_answer_per_item_is_cohens_kappa_with_its_error() -> None:
    said, value = _answers(TABLE)
    found = beside_model.kappa(np.arange(100), value, said, n_values=3)
    assert found.value == pytest.approx(0.676471, abs=1e-6)
    assert (found.high or 0) - (found.low or 0) == pytest.approx(2 * 1.959964 * 0.087703, abs=1e-5)
    confused = beside_model.confusion(np.arange(100), value, said, n_values=3)
    assert confused == pytest.approx(TABLE)


def test_an_item_weighs_one_however_many_answered_it() -> None:
    """Every answer three times: the same kappa and the same interval."""
    said, value = _answers(TABLE)
    once = beside_model.kappa(np.arange(100), value, said, n_values=3)
    thrice = beside_model.kappa(np.repeat(np.arange(100), 3), np.repeat(value, 3), said, n_values=3)
    assert [thrice.value, thrice.low] == pytest.approx([once.value, once.low])
    assert thrice.n_answers == 300


def test_a_model_beside_people_by_hand() -> None:
    """Item 0: yes, yes, no against yes; item 1: no, no against yes; item 2: yes, and the model says nothing."""
    item = np.array([0, 0, 0, 1, 1, 2])
    value = np.array([1, 1, 0, 0, 0, 1])
    said = np.array([1, 1, -1])
    made = pairs.of(item, np.array([0, 1, 2, 0, 1, 0]), value, n_items=3)
    found = beside_model.compare(item, value, said, made, apart=None)
    assert found.near[:2] == pytest.approx([2 / 3, 0])
    assert np.isnan(found.near[2])
    assert found.people[:2] == pytest.approx([1 / 3, 1])
    agreement = found.agreement(minimum=2)
    assert agreement.value == pytest.approx(1 / 3)
    assert (agreement.n_items, agreement.n_answers) == (2, 5)
    assert found.among_people(minimum=2).value == pytest.approx(2 / 3)
    assert found.lead(minimum=2).value == pytest.approx(-1 / 3)
    by_clause = found.by_group(
        Members(np.array([0, 1, 2]), np.array([0, 0, 1]), np.array([1.0, 0.5, 1.0])), n_groups=3, minimum=2
    )
    assert by_clause[0].value == pytest.approx((2 / 3) / 1.5)
    assert [one.reason for one in by_clause[1:]] == ["too few items to say (0 of 2)"] * 2
    assert "2 of 10" in found.agreement(minimum=10).reason


def test_values_may_be_more_or_less_apart() -> None:
    item, value, said = np.array([0, 1]), np.array([0, 2]), np.array([1, 1])
    made = pairs.of(item, np.array([0, 0]), value, n_items=2)
    found = beside_model.compare(item, value, said, made, apart=lambda a, b: np.abs(a - b) / 2)
    assert found.near == pytest.approx([0.5, 0.5])
    assert "too few" in found.among_people(minimum=2).reason


def test_a_model_that_always_says_what_everybody_says_has_no_kappa() -> None:
    nothing = np.zeros(12, dtype=np.int64)
    assert "no variation" in beside_model.kappa(np.arange(12), nothing, nothing, n_values=1).reason


def test_confidence_beside_how_often_it_is_right() -> None:
    confidence = np.array([0.95] * 20 + [0.55] * 20)
    right = np.array([True] * 16 + [False] * 4 + [True] * 11 + [False] * 9)
    found = beside_model.calibration(confidence, right, minimum=30)
    assert found.error == pytest.approx(0.5 * 0.15 + 0.5 * 0.0)
    assert [one.n for one in found.bins] == [0, 0, 0, 0, 0, 20, 0, 0, 0, 20]
    assert found.bins[9].right == pytest.approx(0.8)
    assert found.bins[9].low == pytest.approx(0.584, abs=1e-3)
    few = beside_model.calibration(confidence, right, minimum=50)
    assert (few.error, few.reason) == (None, "too few items to say (40 of 50)")
    assert beside_model.calibration(np.zeros(0), np.zeros(0, dtype=bool), minimum=1).confidence is None


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.25, 1.0]), st.integers(1, 4)), max_size=60)
)
def test_a_mean_lies_in_its_interval_and_both_in_0_to_1(rows: list[tuple[int, float, int]]) -> None:
    group = np.array([row[0] for row in rows], dtype=np.int64)
    share, n = (np.array([row[k] for row in rows], dtype=float) for k in (1, 2))
    for one in means.of(Cells(group, share, np.ones(len(rows)), n), n_groups=4):
        if one.value is not None and one.low is not None and one.high is not None:
            assert -1e-9 <= one.low <= one.value + 1e-9 <= one.high + 2e-9 <= 1 + 3e-9


def test_a_mean_of_ones_and_noughts_has_wilsons_interval() -> None:
    share = np.array([1.0] * 90 + [0.0] * 10)
    found = means.of(Cells(np.zeros(100, dtype=np.int64), share, np.ones(100), np.ones(100)), n_groups=1)[0]
    assert (found.low, found.high) == pytest.approx((0.825, 0.945), abs=2e-3)
    whole = means.of(
        Cells(np.zeros(20, dtype=np.int64), np.ones(20), np.ones(20), 3 * np.ones(20)), n_groups=1
    )[0]
    assert (whole.low, whole.high) == pytest.approx((0.839, 1.0), abs=1e-3), "twenty items, not sixty answers"
