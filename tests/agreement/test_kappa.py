"""Kappas: worked numbers, statsmodels on any table, scikit-learn and nltk on one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from annotation.agreement import coefficients, kappa
from annotation.agreement.counts import from_codes
from annotation.agreement.kappa import Weights

FLEISS_LEVIN_PAIK = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])


@pytest.mark.parametrize(
    ("weights", "expected"), [(None, 0.676471), ("linear", 0.722222), ("quadratic", 0.755319)]
)
def test_cohen_on_the_table_of_fleiss_levin_and_paik(weights: Weights | None, expected: float) -> None:
    assert kappa.cohen(FLEISS_LEVIN_PAIK, weights=weights).estimate.value == pytest.approx(expected, abs=5e-7)


def test_its_standard_errors() -> None:
    found = kappa.cohen(FLEISS_LEVIN_PAIK)
    assert (found.error, found.error_at_zero) == pytest.approx((0.087703, 0.076187), abs=5e-7)


def test_the_table_of_artstein_and_poesio() -> None:
    table = np.array([[20, 20], [10, 50]])
    counts = np.repeat(np.array([[2, 0], [1, 1], [0, 2]]), [20, 30, 50], axis=0)
    ones = np.ones(100, dtype=np.int64)
    assert kappa.scott(table).value == pytest.approx(0.340659, abs=5e-7)
    assert kappa.cohen(table).estimate.value == pytest.approx(0.347826, abs=5e-7)
    assert float(coefficients.krippendorff_alpha(counts, ones)) == pytest.approx(0.343956, abs=5e-7)
    assert float(coefficients.brennan_prediger(counts, ones)) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [([[40, 9], [6, 45]], 0.6995), ([[80, 10], [5, 5]], 0.3182), ([[118, 5], [2, 0]], -0.0234)],
)
def test_the_paradox_shows_in_kappa(cells: list[list[int]], expected: float) -> None:
    assert kappa.cohen(np.array(cells)).estimate.value == pytest.approx(expected, abs=5e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=3, max_size=3).map(np.array),
    st.sampled_from([None, "linear", "quadratic"]),
)
def test_ours_is_statsmodels(table: np.ndarray, weights: Weights | None) -> None:
    found = kappa.cohen(table, weights=weights)
    if (table.sum(axis=0) > 0).sum() < 2 or (table.sum(axis=1) > 0).sum() < 2:
        return
    theirs = cohens_kappa(table, wt={None: None, "linear": "linear", "quadratic": "quadratic"}[weights])
    assert found.estimate.value == pytest.approx(theirs.kappa, abs=1e-9)
    assert found.error == pytest.approx(np.sqrt(max(theirs.var_kappa, 0)), abs=1e-7)
    assert found.error_at_zero == pytest.approx(np.sqrt(theirs.var_kappa0), abs=1e-7)
    assert -1 - 1e-9 <= (found.estimate.value or 0) <= 1 + 1e-9


FIRST = "311313013321312210212233200223110002201211123111023200031131"
SECOND = "311203013312101210212333202223110001231211221101120300000302"


def test_scikit_learn_and_nltk_say_the_same_of_sixty_answers() -> None:
    """`cohen_kappa_score(a, b, weights=...)` of scikit-learn; `.pi()`, `.S()`, `.alpha()` of nltk's `AnnotationTask`."""
    a, b = (np.array([int(c) for c in line]) for line in (FIRST, SECOND))
    table = kappa.crossed(a, b, n_values=4)
    assert kappa.cohen(table).estimate.value == pytest.approx(0.5074626865671641, abs=1e-12)
    assert kappa.cohen(table, weights="linear").estimate.value == pytest.approx(0.5181861124232404, abs=1e-12)
    assert kappa.scott(table).value == pytest.approx(0.506357516828721, abs=1e-12)
    items = np.tile(np.arange(60), 2)
    counts = from_codes(items, np.concatenate([a, b]), n_items=60, n_values=4)
    ones = np.ones(60, dtype=np.int64)
    assert float(coefficients.brennan_prediger(counts, ones)) == pytest.approx(0.5111111111111111, abs=1e-12)
    assert float(coefficients.krippendorff_alpha(counts, ones)) == pytest.approx(
        0.5104712041884817, abs=1e-12
    )


def test_conger_on_krippendorffs_example_and_with_two_as_cohen() -> None:
    raters = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    rows = np.array(
        [(i, a, int(v) - 1) for a, line in enumerate(raters) for i, v in enumerate(line) if v != "."]
    )
    assert kappa.conger(*rows.T, n_values=5).value == pytest.approx(0.76207, abs=5e-6)
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 3, (2, 50))
    items, both = np.tile(np.arange(50), 2), np.concatenate([first, second])
    cohen = kappa.cohen(kappa.crossed(first, second, n_values=3)).estimate.value
    assert kappa.conger(items, np.repeat([0, 1], 50), both, n_values=3).value == pytest.approx(cohen)


def test_what_is_undefined_has_a_reason() -> None:
    same = np.array([[7, 0], [0, 0]])
    assert kappa.cohen(same).estimate.value is None
    assert "no variation" in kappa.cohen(same).estimate.reason
    assert "no variation" in kappa.scott(same).reason
    assert kappa.cohen(np.zeros((2, 2), dtype=np.int64)).estimate.reason == "no item has two answers"
    once = np.array([0, 1])
    assert kappa.conger(once, once, once, n_values=2).reason == "no item has two answers"
    flat = np.zeros(4, dtype=np.int64)
    assert (
        "no variation"
        in kappa.conger(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), flat, n_values=2).reason
    )
