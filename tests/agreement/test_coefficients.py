"""Worked numbers of the literature, the reference library, a second implementation, and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from annotation.agreement import (
    bootstrap,
    coefficients,
    counts,
    krippendorff_adapter,
    majority,
    scales,
)
from annotation.agreement.coefficients import Level

Counts = NDArray[np.int64]


def _table(*raters: str) -> Counts:
    """A count table from one line of digits per annotator, `.` for a missing answer."""
    values = sorted({c for line in raters for c in line if c != "."})
    return np.array(
        [[sum(line[k] == value for line in raters) for value in values] for k in range(len(raters[0]))],
        dtype=np.int64,
    )


def _alpha(table: Counts, level: Level = "nominal") -> float:
    values = np.arange(1, table.shape[1] + 1, dtype=float)
    return float(
        coefficients.krippendorff_alpha(
            table, np.ones(len(table), dtype=np.int64), level=level, values=values
        )
    )


def _of(statistic: bootstrap.Statistic, table: Counts) -> float:
    return float(statistic(table, np.ones(len(table), dtype=np.int64)))


KRIPPENDORFF_C = _table("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


@pytest.mark.parametrize(
    ("level", "expected"),
    [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)],
)
def test_krippendorff_2011_example_c(level: Level, expected: float) -> None:
    assert _alpha(KRIPPENDORFF_C, level) == pytest.approx(expected, abs=5e-7)


def test_krippendorff_2011_examples_a_and_b() -> None:
    assert _alpha(_table("0100000010", "1110010000")) == pytest.approx(0.0952, abs=5e-5)
    assert _alpha(_table("112243335441", "212223335444")) == pytest.approx(0.692, abs=5e-4)


def test_gwet_on_example_c() -> None:
    assert _of(coefficients.percent_agreement, KRIPPENDORFF_C) == pytest.approx(0.81818, abs=5e-6)
    assert _of(coefficients.gwet_ac1, KRIPPENDORFF_C) == pytest.approx(0.77544, abs=5e-6)
    assert _of(coefficients.fleiss_kappa, KRIPPENDORFF_C) == pytest.approx(0.76117, abs=5e-6)


def test_gwet_with_weights_and_brennan_on_example_c() -> None:
    """irrCAC 0.4.4: AC2 ordinal 0.89894, quadratic 0.91400, Brennan-Prediger 0.77273; with plain weights AC2 is AC1."""
    ones = np.ones(len(KRIPPENDORFF_C), dtype=np.int64)
    for kind, expected in (("identity", 0.77544), ("ordinal", 0.89894), ("quadratic", 0.91400)):
        agree = coefficients.agreement_weights(5, kind)  # type: ignore[arg-type]
        assert float(coefficients.gwet_ac2(KRIPPENDORFF_C, ones, agree)) == pytest.approx(expected, abs=5e-6)
    assert _of(coefficients.brennan_prediger, KRIPPENDORFF_C) == pytest.approx(0.77273, abs=5e-6)


@pytest.mark.parametrize(
    ("cells", "observed", "ac1"),
    [([40, 9, 6, 45], 0.85, 0.7008), ([80, 10, 5, 5], 0.85, 0.8080), ([118, 5, 2, 0], 0.944, 0.9408)],
)
def test_the_kappa_paradox(cells: list[int], observed: float, ac1: float) -> None:
    """Feinstein and Cicchetti: the same observed agreement, very different chance terms."""
    table = np.repeat(np.array([[2, 0], [1, 1], [1, 1], [0, 2]]), cells, axis=0)
    assert _of(coefficients.percent_agreement, table) == pytest.approx(observed, abs=5e-4)
    assert _of(coefficients.gwet_ac1, table) == pytest.approx(ac1, abs=1e-4)


FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)


def test_fleiss_1971_and_statsmodels_agree() -> None:
    assert _of(coefficients.fleiss_kappa, FLEISS) == pytest.approx(0.209931, abs=5e-7)
    assert _of(coefficients.fleiss_kappa, FLEISS) == pytest.approx(
        float(statsmodels_fleiss(FLEISS)), abs=1e-12
    )
    assert _alpha(FLEISS) == pytest.approx(0.215574, abs=5e-7)


def test_what_is_undefined_has_a_reason_and_no_number() -> None:
    nothing = scales.of_counts(np.array([[1, 0], [0, 1]]))
    assert (nothing["alpha"].value, nothing["alpha"].reason) == (None, "no item has two answers")
    flat = scales.of_counts(np.array([[2, 0], [3, 0]]))
    assert flat["alpha"].value is None
    assert "no variation" in flat["alpha"].reason
    assert flat["percent_agreement"].value == 1.0
    assert krippendorff_adapter.alpha(np.array([[2, 0], [3, 0]]), level="nominal").value is None


TABLES = st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=2, max_size=12).map(
    lambda rows: np.array(rows, dtype=np.int64)
)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
def test_ours_equals_the_reference_package(table: Counts, level: Level) -> None:
    values = np.arange(1, 4, dtype=float)
    reference = krippendorff_adapter.alpha(table, level=level, values=values)
    if reference.value is not None:
        assert _alpha(table, level) == pytest.approx(reference.value, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.permutations([0, 1, 2]), st.randoms())
def test_names_and_order_do_not_matter_and_grouping_changes_nothing(
    table: Counts, names: list[int], draw: object
) -> None:
    rows, multiplicity = counts.grouped(table)
    assert multiplicity.sum() == len(table)
    same = float(coefficients.krippendorff_alpha(rows, multiplicity))
    renamed = _alpha(table[::-1][:, names])
    assert (np.isnan(same) and np.isnan(renamed)) or same == pytest.approx(renamed, abs=1e-12)
    assert np.isnan(same) or same <= 1 + 1e-12


def test_the_bootstrap_holds_the_published_interval_and_repeats() -> None:
    """Example C, nominal: 0.421 to 1.000 with 10,000 resamples of items."""
    made = [scales.of_counts(KRIPPENDORFF_C, n_resamples=4000, seed=seed)["alpha"] for seed in (0, 0, 1)]
    assert made[0] == made[1] != made[2]
    low, high = made[0].low, made[0].high
    assert low is not None
    assert high is not None
    assert low == pytest.approx(0.421, abs=0.03)
    assert high == pytest.approx(1.0, abs=0.01)


def test_majority_with_ties_is_an_expectation() -> None:
    table = np.array([[2, 1], [1, 1], [0, 3], [1, 2]])
    assert majority.accuracy(table, np.array([0, 0, 0, -1])) == pytest.approx((1 + 0.5 + 0) / 3)
    assert majority.accuracy(table, np.array([-1, -1, -1, -1])) is None
