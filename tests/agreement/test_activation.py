"""Clauses asked one by one, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.agreement import activation

# four items, three answers each: does clause A, B, C apply?
SAID = """
    110 110 010 | 100 000 100 | 000 000 001 | 110 110 110
"""


def _found(minimum: int = 2) -> activation.Activation:
    rows = [row for block in SAID.split("|") for row in block.split()]
    applies = np.array([[mark == "1" for mark in row] for row in rows])
    return activation.of(np.repeat(np.arange(4), 3), applies, n_items=4, minimum=minimum, n_resamples=100)


def test_activation_ties_and_agreement_by_hand() -> None:
    a, b, c = _found().criteria
    assert [one.activation.value for one in (a, b, c)] == pytest.approx([7 / 12, 6 / 12, 1 / 12])
    assert [one.near_tie.value for one in (a, b, c)] == pytest.approx([0.5, 0, 0.25])
    assert [one.agreement.value for one in (a, b, c)] == pytest.approx([4 / 6, 1, 5 / 6])
    assert b.alpha.value == pytest.approx(1.0)
    assert (a.activation.n_items, a.activation.n_answers) == (4, 12)


def test_which_apply_together_and_to_what_none_does() -> None:
    """A applies to items 0, 1 and 3, B to 0 and 3."""
    found = _found()
    assert [(one.first, one.second, one.n) for one in found.overlaps] == [(1, 0, 2), (0, 1, 3)]
    assert [one.share for one in found.overlaps] == pytest.approx([1, 2 / 3])
    assert (found.none.value, found.several.value) == (0.25, 0.5)
    assert [(one.first, one.second) for one in _found(3).overlaps] == [(0, 1)]


def test_too_little_is_said() -> None:
    found = _found(5)
    assert {one.activation.reason for one in found.criteria} == {"too few items to say (4 of 5)"}
    assert found.criteria[0].alpha.value is None
    alone = activation.of(np.arange(3), np.ones((3, 1), dtype=bool), n_items=3, minimum=2, n_resamples=0)
    assert alone.criteria[0].activation.value == 1.0
    assert "0 of 2" in alone.criteria[0].near_tie.reason, "one answer is not split"
