"""The difference of two shares with answers clustered by item, against statsmodels and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.agreement.anchoring import Sums, difference


def _spread(items: list[tuple[int, int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Item by item as single answers: right or not, shown or not, which item."""
    right: list[int] = []
    shown: list[int] = []
    item: list[int] = []
    for number, (n1, k1, n0, k0) in enumerate(items):
        right += [1] * k1 + [0] * (n1 - k1) + [1] * k0 + [0] * (n0 - k0)
        shown += [1] * n1 + [0] * n0
        item += [number] * (n1 + n0)
    return np.array(right), np.array(shown), np.array(item)


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_is_the_cluster_robust_one_of_statsmodels(seed: int) -> None:
    import statsmodels.api as sm

    random = np.random.default_rng(seed)
    items = []
    for _ in range(80):
        ease, n = random.uniform(0.3, 1), random.integers(1, 6)
        n1 = int(random.binomial(n, 0.5))
        items.append(
            (
                n1,
                int(random.binomial(n1, min(1, ease + 0.1))),
                int(n - n1),
                int(random.binomial(n - n1, ease)),
            )
        )
    right, shown, item = _spread(items)
    fit = sm.OLS(right, sm.add_constant(shown)).fit(
        cov_type="cluster", cov_kwds={"groups": item}, use_t=False
    )
    found = difference(Sums.of(items), minimum=1)
    low, high = fit.conf_int()[1]
    assert found.value == pytest.approx(fit.params[1])
    assert (found.low, found.high) == pytest.approx((low, high))


def test_answers_on_the_same_item_count_less_than_as_many_on_others() -> None:
    alone = [(1, int(k < 70), 0, 0) for k in range(100)] + [(0, 0, 1, int(k < 50)) for k in range(100)]
    together = [(10, 10 * (k < 7), 0, 0) for k in range(10)] + [(0, 0, 10, 10 * (k < 5)) for k in range(10)]
    a, b = difference(Sums.of(alone), minimum=1), difference(Sums.of(together), minimum=1)
    assert a.value == b.value == pytest.approx(0.2)
    assert a.high is not None
    assert a.low is not None
    assert b.high is not None
    assert b.low is not None
    assert b.high - b.low > 2.5 * (a.high - a.low)


def test_too_few_is_said_and_shares_are_still_there() -> None:
    found = difference(Sums.of([(5, 4, 29, 20)] * 2), minimum=30)
    assert (found.value, found.low, found.shown) == (None, None, 0.8)
    assert found.reason.startswith("too few")
    assert difference(Sums.of([]), minimum=1).shown is None


def test_arms_that_agree_always_still_have_an_interval() -> None:
    """Newcombe 1998, table II, case (g) 10/10 against 0/20 by method 10: 0.6791 to 1.0000; (h) 10/10 against 0/10: 0.6075."""
    g = difference(Sums.of([(1, 1, 2, 0)] * 10), minimum=1)
    assert (g.low, g.high) == pytest.approx((0.6791, 1.0), abs=5e-5)
    h = difference(Sums.of([(1, 1, 1, 0)] * 10), minimum=1)
    assert h.low == pytest.approx(0.6075, abs=5e-5)
