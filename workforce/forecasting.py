"""Pure: how loaded a queue is, when it will be empty, when its service level is missed. Little's law, M/M/c, simulation.

Rates are per hour, service times in hours, times ahead in hours from now. All simulations are seeded: the same question has the
same answer. Intervals are percentiles of simulated paths. Work of every sort is counted apart and named: first answers, rework
(answers beyond those first wanted), disputes that go to another queue.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

HORIZON = 24 * 90  # hours that are looked ahead; what lasts longer has no date
PATHS = 200
LOW, HIGH = 10.0, 90.0  # percentiles of an interval: four paths of five lie in it


@dataclass(frozen=True)
class Load:
    """What is measured of a queue.

    `backlog`: answers still wanted. `arrivals`: tasks an hour. `overlap`: answers a task wants first. `rework`: further answers
    for each first one. `hours`: answers given in each measured hour, newest last, idle hours included. `dispute_share`: disputes
    for each settled task. `people`: how many gave them. `ages`: (age in hours of the oldest task of a group, answers it still
    wants), oldest first, which add up to the backlog. `oldest_within`: the service level, in hours.
    """

    backlog: float
    arrivals: float
    overlap: float
    rework: float
    hours: tuple[float, ...]
    dispute_share: float = 0.0
    people: float = 0.0
    ages: tuple[tuple[float, float], ...] = ()
    oldest_within: float = 168.0

    @property
    def demand(self) -> float:
        """Answers an hour that arriving tasks want, rework included."""
        return self.arrivals * self.overlap * (1 + self.rework)

    @property
    def capacity(self) -> float:
        """Answers an hour that people give."""
        return float(np.mean(self.hours)) if self.hours else 0.0


@dataclass(frozen=True)
class Forecast:
    """What is to be expected; times in hours from now, None beyond the horizon or where nothing is known.

    `utilisation` is demand over capacity; `waiting` is Little's law for what waits now: backlog over throughput. `drained` is
    (low, middle, high); so is `missed`, when the oldest task will be older than the service level allows. `path` is the backlog
    (hour, low, middle, high). `disputes` are the ones an hour that go to the queue of disputes.
    """

    utilisation: float | None
    waiting: float | None
    drained: tuple[float | None, float | None, float | None]
    missed: tuple[float | None, float | None, float | None]
    path: tuple[tuple[float, float, float, float], ...]
    disputes: float


def little(*, arrivals: float, waiting: float) -> float:
    """How many are there: arrivals an hour times the hours each stays. Source: Little 1961, L = lambda W."""
    return arrivals * waiting


def utilisation(*, demand: float, capacity: float) -> float | None:
    """Demand over capacity; above 1 the backlog grows. None when nobody works and nothing comes."""
    if capacity > 0:
        return demand / capacity
    return None if demand == 0 else math.inf


def erlang_c(*, arrivals: float, service: float, servers: int) -> float:
    """The chance that one has to wait in M/M/c: *arrivals* an hour, *service* hours each, *servers* at work; 1 when overloaded.

    Source: Erlang 1917, by the recursion of Erlang B. Worked: 2 an hour, half an hour each, 2 servers: 1/3.
    """
    load = arrivals * service
    if load >= servers:
        return 1.0
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def mmc_waiting(*, arrivals: float, service: float, servers: int) -> float:
    """Mean hours before service in M/M/c; infinite when overloaded."""
    spare = servers / service - arrivals
    if spare <= 0:
        return math.inf
    return erlang_c(arrivals=arrivals, service=service, servers=servers) / spare


def station(
    *,
    arrivals: float,
    services: Sequence[float],
    servers: int,
    n: int,
    rework: float = 0.0,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Simulate first in, first out with *servers*: returns (n, 2), hours waited and hours in service of each task, in order.

    Arrivals are Poisson; service times are drawn from the measured *services*. With the chance *rework* a task comes again at
    once after its service, at the end of the line; its times add up.
    """
    generator = np.random.default_rng(seed)
    at = np.cumsum(generator.exponential(1 / arrivals, n))
    drawn = np.asarray(services, dtype=float)
    found = np.zeros((n, 2))
    free = [0.0] * servers
    line: list[tuple[float, int]] = [(float(when), number) for number, when in enumerate(at)]
    heapq.heapify(line)
    while line:
        when, number = heapq.heappop(line)
        start = max(when, heapq.heappop(free))
        length = float(drawn[generator.integers(len(drawn))])
        heapq.heappush(free, start + length)
        found[number] += (start - when, length)
        if rework and generator.random() < rework:
            heapq.heappush(line, (start + length, number))
    return found


def forecast(load: Load, *, seed: int = 0, paths: int = PATHS, horizon: int = HORIZON) -> Forecast:
    """Simulate the backlog hour by hour on *paths* paths.

    An hour's answers are drawn from the measured hours (a whole day of them at a time, so that nights stay nights), its arrivals
    from a Poisson whose rate is itself uncertain by its count. Rework comes with the answers. Cost: horizon x paths.
    """
    used = utilisation(demand=load.demand, capacity=load.capacity)
    disputes = load.dispute_share * load.arrivals
    if load.backlog <= 0 and load.arrivals <= 0:
        return Forecast(used, 0.0, (0.0, 0.0, 0.0), (None, None, None), ((0.0, 0.0, 0.0, 0.0),), disputes)
    given = _capacity(load, np.random.default_rng(seed), paths, horizon)
    wanted = _arrivals(load, np.random.default_rng(seed + 1), paths, horizon)
    net = 1 / (1 + load.rework)  # of what is answered, this share is not asked again
    backlog = np.empty((paths, horizon + 1))
    backlog[:, 0] = load.backlog
    for hour in range(horizon):
        backlog[:, hour + 1] = np.maximum(backlog[:, hour] + wanted[:, hour] - given[:, hour] * net, 0)
    done = np.cumsum(given * net, axis=1)
    empty = _first(backlog[:, 1:] <= 0, horizon) if load.backlog > 0 else np.zeros(paths)
    waiting = load.backlog / (load.capacity * net) if load.capacity > 0 else None
    return Forecast(
        used,
        waiting,
        _interval(empty, horizon),
        # nobody has answered yet: that says nothing of when somebody will
        _interval(_missed(load, done, horizon), horizon) if load.hours else (None, None, None),
        _path(backlog, empty),
        disputes,
    )


def what_if(load: Load, *, people: float = 0, items: float = 0, overlap: float | None = None) -> Load:
    """The load with *people* more (less if negative), *items* more tasks now, another *overlap*.

    People give as much as those who are there do on the average; another overlap scales what still waits and what arrives.
    """
    changed = load
    if overlap is not None and load.overlap > 0:
        scale = overlap / load.overlap
        ages = tuple((age, n * scale) for age, n in load.ages)
        changed = replace(changed, overlap=overlap, backlog=load.backlog * scale, ages=ages)
    if items:
        more = items * changed.overlap
        changed = replace(changed, backlog=changed.backlog + more, ages=(*changed.ages, (0.0, more)))
    if people and load.people > 0:
        scale = max(0.0, (load.people + people) / load.people)
        changed = replace(
            changed, people=max(0.0, load.people + people), hours=tuple(n * scale for n in load.hours)
        )
    return changed


def _capacity(load: Load, generator: np.random.Generator, paths: int, horizon: int) -> NDArray[np.float64]:
    hours = np.asarray(load.hours, dtype=float)
    if not len(hours):
        return np.zeros((paths, horizon))
    if len(hours) < 48:
        return hours[generator.integers(len(hours), size=(paths, horizon))]
    n_days = len(hours) // 24
    days = hours[-24 * n_days :].reshape(n_days, 24)
    picked = generator.integers(n_days, size=(paths, -(-horizon // 24)))
    whole: NDArray[np.float64] = days[picked].reshape(paths, -1)[:, :horizon]
    return whole


def _arrivals(load: Load, generator: np.random.Generator, paths: int, horizon: int) -> NDArray[np.float64]:
    if load.arrivals <= 0:
        return np.zeros((paths, horizon))
    measured = max(len(load.hours), 1)
    rate = generator.gamma(load.arrivals * measured + 0.5, 1 / measured, size=(paths, 1))
    drawn: NDArray[np.float64] = generator.poisson(rate, size=(paths, horizon)).astype(np.float64)
    return drawn * load.overlap


def _missed(load: Load, done: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    """On each path the first hour at which some task has waited longer than the level allows; horizon if never."""
    found = np.full(len(done), float(horizon))
    before = 0.0
    for age, n in load.ages:
        before += n
        deadline = load.oldest_within - age
        finished = _first(done >= before, horizon)
        late = finished > deadline
        found = np.where(late, np.minimum(found, max(deadline, 0.0)), found)
    return found


def _first(reached: NDArray[np.bool_], horizon: int) -> NDArray[np.float64]:
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, float(horizon))


def _interval(hours: NDArray[np.float64], horizon: int) -> tuple[float | None, float | None, float | None]:
    low, middle, high = (float(x) for x in np.percentile(hours, [LOW, 50, HIGH], method="nearest"))
    return tuple(None if value >= horizon else value for value in (low, middle, high))  # type: ignore[return-value]


def _path(
    backlog: NDArray[np.float64], empty: NDArray[np.float64]
) -> tuple[tuple[float, float, float, float], ...]:
    """At most 60 points up to a little after the slow paths end."""
    horizon = backlog.shape[1] - 1
    last = int(min(horizon, max(24.0, 1.2 * float(np.percentile(empty, HIGH)))))
    points = np.unique(np.linspace(0, last, 61).astype(int))
    low, middle, high = np.percentile(backlog[:, points], [LOW, 50, HIGH], axis=0)
    return tuple(
        (float(hour), float(a), float(b), float(c))
        for hour, a, b, c in zip(points, low, middle, high, strict=True)
    )
