"""Where disagreement points without a citation, how far clauses overlap, and groups that read in opposite ways."""

from __future__ import annotations

import json

import numpy as np
import pytest

from annotation.agreement import opposing, pointing
from annotation.agreement.clauses import Members

VALUES = ["a", "b", "c"]


def close(*values: str, pairs: tuple[tuple[str, str], ...] = ()) -> np.ndarray:
    governs = [{"question": "q", "values": list(values), "pairs": [list(pair) for pair in pairs]}]
    return pointing.closeness(governs, question="q", values=VALUES)


def test_a_named_pair_is_closer_than_both_values_and_these_closer_than_one() -> None:
    found = close("a", "b", pairs=(("b", "c"),))
    assert (found[0, 1], found[1, 2], found[0, 2]) == (pointing.BOTH, pointing.NAMED, pointing.ONE)
    assert (found == found.T).all()
    assert (
        pointing.closeness(
            [{"question": "r", "values": ["a"], "pairs": []}], question="q", values=VALUES
        ).sum()
        == 0
    )


def test_a_confused_pair_counts_for_whoever_governs_it_most_closely_in_equal_parts() -> None:
    confused = np.array([[0, 6, 2], [6, 0, 2], [2, 2, 0]], dtype=float)
    clauses = np.stack([close("a"), close("b"), close("a", "b"), close(pairs=(("b", "c"),))])
    assert pointing.pointed(confused, clauses).tolist() == pytest.approx([0.1, 0, 0.7, 0.2])
    assert pointing.pointed(np.zeros((3, 3)), clauses).tolist() == [0, 0, 0, 0]


def test_pairs_weigh_as_items_do() -> None:
    """Two items of one clause: 2 against 1 (2 pairs by 1/2), 1 against 1 (one pair); the second is half another clause's."""
    counts = np.array([[2, 1, 0], [1, 0, 1], [3, 0, 0]])
    members = Members(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 0]), np.array([1.0, 0.5, 0.5, 1.0]))
    found = pointing.confusions(counts, members, n_clauses=2)
    assert found[0].tolist() == [[0, 1.0, 0.5], [1.0, 0, 0], [0.5, 0, 0]]
    assert found[1, 0, 2] == 0.5
    share, both = pointing.beside(members, n_clauses=2)
    assert (share[0, 1], share[1, 0]) == pytest.approx((0.2, 1.0))
    assert both.tolist() == [[0, 1], [1, 0]]
    assert pointing.most_contested(counts, members, 0, n=9).tolist() == [0, 1]
    assert pointing.unanimous(counts, members, 0, n=9).tolist() == [2]


def opposed(n: int, share: float) -> opposing.Across | None:
    """Two groups on *n* items; on a share of them the second says the opposite."""
    item = np.tile(np.arange(n), 2)
    one = np.arange(n) % 2
    other = np.where(np.arange(n) < share * n, 1 - one, one)
    return opposing.across(
        item, np.repeat([0, 1], n), np.concatenate([one, other]), n_items=n, n_values=2, one=0, other=1
    )


def test_groups_that_say_the_opposite_have_a_negative_kappa() -> None:
    found = opposed(30, 1.0)
    assert found is not None
    assert found.kappa == pytest.approx(-1)
    assert json.dumps([found.kappa, found.low, found.high, found.opposite]), "numbers that a report can keep"
    assert found.opposite
    some = opposed(40, 0.5)
    assert some is not None
    assert (round(some.kappa, 9), some.opposite) == (0, False)
    assert opposed(19, 1.0) is None


def test_groups_without_a_second_value_are_not_compared() -> None:
    n = 30
    item, group = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    assert (
        opposing.across(item, group, np.zeros(2 * n, dtype=int), n_items=n, n_values=2, one=0, other=1)
        is None
    )
