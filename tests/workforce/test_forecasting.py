"""The forecast against closed forms, Little's law, and plain sense."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from workforce import forecasting
from workforce.forecasting import Load


def test_erlang_c_gives_the_published_numbers() -> None:
    assert forecasting.erlang_c(arrivals=2, service=0.5, servers=2) == pytest.approx(1 / 3)
    assert forecasting.erlang_c(arrivals=0.8, service=1, servers=1) == pytest.approx(0.8)
    assert forecasting.erlang_c(arrivals=5, service=1, servers=4) == 1
    assert forecasting.mmc_waiting(arrivals=5, service=1, servers=4) == math.inf


@pytest.mark.parametrize(("arrivals", "servers"), [(0.7, 1), (1.6, 2), (4.0, 5)])
def test_the_simulated_line_waits_as_long_as_m_m_c_says(arrivals: float, servers: int) -> None:
    services = np.random.default_rng(1).exponential(1.0, 20_000)
    n = 60_000
    found = forecasting.station(arrivals=arrivals, services=list(services), servers=servers, n=n, seed=2)
    waited = found[n // 10 :, 0].mean()
    assert waited == pytest.approx(
        forecasting.mmc_waiting(arrivals=arrivals, service=services.mean(), servers=servers), rel=0.12
    )


def test_the_simulated_line_obeys_littles_law() -> None:
    services = list(np.random.default_rng(3).exponential(1.0, 5000))
    found = forecasting.station(arrivals=1.5, services=services, servers=2, n=20_000, seed=4)
    at = np.cumsum(np.random.default_rng(4).exponential(1 / 1.5, 20_000))
    stay = found.sum(axis=1)
    edges = np.linspace(at[2000], at[-2000], 4000)
    inside = [int(np.sum((at <= t) & (at + stay > t))) for t in edges]
    rate = 16_000 / (at[-2000] - at[2000])
    assert np.mean(inside) == pytest.approx(
        forecasting.little(arrivals=rate, waiting=float(stay[2000:-2000].mean())), rel=0.05
    )


def test_rework_loads_the_line_like_that_many_more_arrivals() -> None:
    services = [1.0]
    once = forecasting.station(arrivals=0.5, services=services, servers=1, n=20_000, seed=5)
    again = forecasting.station(arrivals=0.5, services=services, servers=1, n=20_000, rework=0.3, seed=5)
    assert again[:, 1].mean() == pytest.approx(1 / 0.7, rel=0.03)
    assert again[:, 0].mean() > once[:, 0].mean()


STEADY = Load(backlog=1200, arrivals=0, overlap=3, rework=0, hours=(10.0,) * 72, people=5)


def test_a_steady_queue_drains_when_arithmetic_says() -> None:
    found = forecasting.forecast(STEADY)
    assert found.drained == (120, 120, 120)
    assert found.waiting == pytest.approx(120)
    assert found.utilisation == 0


def test_rework_makes_it_longer_and_arrivals_can_keep_it_from_ending() -> None:
    assert forecasting.forecast(replace(STEADY, rework=0.25)).drained[1] == pytest.approx(150, abs=1)
    full = forecasting.forecast(replace(STEADY, arrivals=4))
    assert full.drained == (None, None, None)
    assert full.utilisation == pytest.approx(1.2)


def test_nobody_at_work_means_no_date_and_no_division_by_nothing() -> None:
    found = forecasting.forecast(replace(STEADY, hours=()))
    assert (found.drained, found.waiting, found.utilisation) == ((None, None, None), None, None)
    assert forecasting.forecast(replace(STEADY, hours=(), arrivals=1)).utilisation == math.inf


def test_the_level_is_missed_when_the_first_task_is_older_than_it_may_be() -> None:
    ages = ((100.0, 600.0), (10.0, 600.0))
    found = forecasting.forecast(replace(STEADY, ages=ages, oldest_within=150))
    assert found.missed == (50, 50, 50), "600 answers take 60 hours; the oldest may wait 50 more"
    assert forecasting.forecast(replace(STEADY, ages=ages, oldest_within=200)).missed == (None, None, None)


def test_the_interval_is_wider_where_days_differ_and_holds_its_middle() -> None:
    mixed = tuple([2.0] * 24 + [18.0] * 24 + [10.0] * 24)
    low, middle, high = forecasting.forecast(replace(STEADY, hours=mixed)).drained
    assert low is not None
    assert middle is not None
    assert high is not None
    assert low < middle < high
    assert middle == pytest.approx(120, rel=0.15)


def test_the_same_question_has_the_same_answer() -> None:
    load = replace(STEADY, arrivals=1.5, hours=tuple(float(n % 24) for n in range(96)))
    assert forecasting.forecast(load, seed=7) == forecasting.forecast(load, seed=7)


def test_more_people_more_items_another_overlap() -> None:
    assert forecasting.forecast(forecasting.what_if(STEADY, people=5)).drained[1] == 60
    assert forecasting.forecast(forecasting.what_if(STEADY, items=100)).drained[1] == 150
    assert forecasting.forecast(forecasting.what_if(STEADY, overlap=2)).drained[1] == 80
    assert forecasting.what_if(STEADY) == STEADY
    assert forecasting.forecast(forecasting.what_if(STEADY, people=-5)).drained[1] is None
