"""From several answers to one: accuracies of the reference, and the parts of MACE."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from annotation.agreement import aggregate, mace, stopping
from annotation.agreement.replay import Labels
from tests.agreement import real

NAMES = {
    "majority": "majority_vote_accuracy",
    "wawa": "wawa_accuracy",
    "dawid-skene": "dawid_skene_accuracy",
    "mace": "mace_accuracy",
}


@pytest.mark.parametrize("name", real.SHIPPED)
@pytest.mark.parametrize("method", list(NAMES))
def test_accuracies_on_real_labels(name: str, method: str) -> None:
    """Equal to one of the implementations; where two differ (the fit has more than one optimum), to the better one."""
    labels = real.labels(name)
    found = aggregate.METHODS[method](labels)
    expected = real.values_of(real.reference(name)["aggregation"][NAMES[method]])
    # of the majority, the first is the one with ties at random; crowd-kit takes what comes first
    wanted = expected[0] if method == "majority" else max(expected)
    assert found.accuracy(labels.gold) == pytest.approx(wanted, abs=1e-6)
    assert found.shares.sum(axis=1) == pytest.approx(np.ones(labels.n_items))


def test_skill_ranks_people_as_their_known_answers_do() -> None:
    """Spearman with accuracy on gold, bluebirds: Wawa 0.802, Dawid-Skene 0.972."""
    labels = real.labels("bluebirds")
    right = labels.values == labels.gold[labels.items]
    true = np.bincount(labels.annotators, weights=right) / np.bincount(labels.annotators)
    for method, least in (("wawa", 0.80), ("shrunken-dawid-skene", 0.95), ("mace", 0.80)):
        skill = aggregate.METHODS[method](labels).skill
        assert stats.spearmanr(skill, true).statistic > least


def test_confidence_is_not_calibrated_and_can_be() -> None:
    labels = real.labels("snow_rte")
    found = aggregate.METHODS["dawid-skene"](labels)
    right = found.values == labels.gold
    expected = real.reference("snow_rte")["aggregation"]["confidence_quality"]["dawid_skene_posterior"]
    assert found.confidence.mean() == pytest.approx(expected["mean_confidence"], abs=1e-4)
    raw = stopping.calibration_error(found.confidence, right)
    assert raw == pytest.approx(expected["ece10"], abs=1e-3)
    n = np.bincount(labels.items)
    half = np.arange(800) % 2 == 0
    curve = stopping.calibrate(found.confidence[half], n[half], right[half])
    assert stopping.calibration_error(curve.of(found.confidence[~half], n[~half]), right[~half]) < raw / 2


def test_where_the_model_and_the_majority_differ() -> None:
    labels = real.labels("bluebirds")
    majority, model = aggregate.majority(labels), aggregate.METHODS["dawid-skene"](labels)
    apart = aggregate.differing(majority, model)
    right = (model.values == labels.gold)[apart].mean()
    assert 0 < apart.sum() < 54
    assert right > 0.5


def test_ties_count_in_parts_and_an_item_without_labels_does_not() -> None:
    labels = Labels(
        np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1]), np.array([0, 0, 0]), 2, 2
    )
    found = aggregate.majority(labels)
    assert found.accuracy(labels.gold) == pytest.approx(0.25)
    assert found.shares[2].tolist() == [0, 0]
    assert found.accuracy(np.array([-1, -1, 0])) is None


def test_mace_finds_who_does_not_look() -> None:
    generator = np.random.default_rng(6)
    truth = generator.integers(0, 3, 200)
    said = np.where(generator.random((200, 5)) < 0.9, truth[:, None], generator.integers(0, 3, (200, 5)))
    said[:, 4] = 2
    items, people = np.repeat(np.arange(200), 5), np.tile(np.arange(5), 200)
    found = mace.fit(items, people, said.ravel(), n_items=200, n_annotators=5, n_values=3, restarts=3)
    assert found.competence[4] < 0.1
    assert found.competence[:4].min() > 0.75
    assert found.habit[4, 2] > 0.8
    assert (found.posterior.argmax(axis=1) == truth).mean() > 0.97


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-3, 1e6))
def test_digamma_is_scipys(x: float) -> None:
    assert float(mace.digamma(np.array(x))) == pytest.approx(float(special.digamma(x)), rel=1e-9, abs=1e-9)
