"""One annotator beside the others: without her, beside another, beside herself; camps; single items."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.agreement import (
    bootstrap,
    coefficients,
    confusion,
    counts,
    items,
    leaving_out,
    pairs,
    pairwise,
    people,
    repeats,
)
from annotation.agreement.coefficients import Level
from tests.agreement import real


@pytest.mark.parametrize("name", real.SHIPPED)
def test_everybody_left_out_once_as_the_reference_has_it(name: str) -> None:
    labels, who = real.labels(name), real.names(name, "annotator_id")
    codes = labels.items, labels.annotators, labels.values
    n, n_people, n_values = labels.n_items, labels.n_annotators, labels.n_values
    without = leaving_out.alpha_without(*codes, n_items=n, n_annotators=n_people, n_values=n_values)
    beside = leaving_out.with_others(
        *codes, n_items=n, n_annotators=n_people, n_values=n_values, unique=False
    )
    for person, row in real.reference(name)["annotators"].items():
        k = who.index(person)
        assert without[k] == pytest.approx(row["alpha_without"], abs=1e-6)
        assert beside.mean[k] == pytest.approx(row["mean_agreement_with_others"], abs=1e-6)
        assert beside.share[k] == pytest.approx(row["agreement_with_other_majority"], abs=1e-6)


def _convabuse() -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    data = real.read("convabuse_eliza")
    item, annotator, value = (np.array(data[column]) for column in ("items", "annotators", "values"))
    return item, annotator, value, int(item.max()) + 1


def test_an_ordinal_scale_on_real_labels() -> None:
    who, (item, annotator, value, n_items) = real.read("convabuse_eliza")["names"], _convabuse()
    expected = real.reference("convabuse_eliza")
    first = repeats.first(item, annotator)
    item, annotator, value = item[first], annotator[first], value[first]
    table = counts.from_codes(item, value, n_items=n_items, n_values=5)
    rows, multiplicity = counts.grouped(table)
    levels: tuple[Level, ...] = ("nominal", "ordinal", "interval")
    for level in levels:
        found = float(coefficients.krippendorff_alpha(rows, multiplicity, level=level))
        for reference in real.values_of(expected[f"alpha_{level}_severity"]):
            assert found == pytest.approx(reference, abs=6e-6)
    assert float(coefficients.gwet_ac1(rows, multiplicity)) == pytest.approx(
        expected["gwet_ac1_severity"], abs=5e-5
    )
    without = leaving_out.alpha_without(
        item, annotator, value, n_items=n_items, n_annotators=8, n_values=5, level="ordinal"
    )
    for person, row in expected["annotators"].items():
        assert without[who.index(person)] == pytest.approx(row["alpha_ordinal_without"], abs=6e-6)


def test_cited_categories_and_their_positive_agreement() -> None:
    data, (item, annotator, _, n_items) = real.read("convabuse_eliza"), _convabuse()
    first = repeats.first(item, annotator)
    for expected in real.reference("convabuse_eliza")["clauses"]:
        clause = data["clauses"].index(expected["clause_id"])
        cited = np.array([int(clause in each) for each in data["cited"]])[first]
        table = counts.from_codes(item[first], cited, n_items=n_items, n_values=2)
        rows, multiplicity = counts.grouped(table)
        matrix = coefficients.coincidence_matrix(rows, multiplicity)
        positive = confusion.positive_agreement(rows, multiplicity)[1]
        assert positive == pytest.approx(expected["specific_agreement"], abs=6e-6)
        assert float(coefficients.alpha_of(matrix)) == pytest.approx(expected["alpha_cited_yes_no"], abs=6e-6)


def test_the_same_item_a_second_time() -> None:
    item, annotator, value, n_items = _convabuse()
    found = repeats.measure(
        item, annotator, value, n_items=n_items, n_annotators=8, n_values=5, level="ordinal"
    )
    expected = real.reference("convabuse_eliza")["intra_annotator"]
    assert found.own.n_items == expected["test_retest_pairs"] == found.by_annotator[:, 0].sum()
    assert found.own.value == pytest.approx(expected["percent_agreement"], abs=6e-6)
    assert found.own_alpha.value == pytest.approx(expected["alpha_ordinal"], abs=6e-6)
    assert found.others.value == pytest.approx(
        expected["same_items_inter_annotator_percent_agreement"], abs=6e-6
    )
    assert found.others_alpha.value == pytest.approx(
        expected["same_items_inter_annotator_alpha_ordinal"], abs=6e-6
    )
    once = repeats.measure(item[:1], annotator[:1], value[:1], n_items=1, n_annotators=8, n_values=5)
    assert (once.own.value, once.own.reason) == (None, repeats.NO_REPEATS)


ANSWERS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(max_examples=20, deadline=None)
@given(ANSWERS, st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
def test_leaving_out_is_measuring_without_her(generator: np.random.Generator, level: Level) -> None:
    kept = generator.random((12, 4)) < 0.7
    item, who = np.nonzero(kept)
    said = generator.integers(0, 3, len(item))
    found = leaving_out.alpha_without(item, who, said, n_items=12, n_annotators=4, n_values=3, level=level)
    beside = leaving_out.with_others(item, who, said, n_items=12, n_annotators=4, n_values=3)
    for a in range(4):
        rest = who != a
        table = counts.from_codes(item[rest], said[rest], n_items=12, n_values=3)
        alone = float(coefficients.krippendorff_alpha(table, np.ones(12, dtype=np.int64), level=level))
        assert np.isnan(found[a]) == np.isnan(alone)
        assert np.isnan(alone) or found[a] == pytest.approx(alone, abs=1e-9)
        verdicts = [
            people.agrees(int(said[k]), said[(item == item[k]) & rest].tolist())
            for k in np.flatnonzero(who == a)
        ]
        assert beside.n[a] == sum(verdict is not None for verdict in verdicts)
        assert beside.agreed[a] == sum(verdict is True for verdict in verdicts)


def _camps(generator: np.random.Generator, *, readings: int) -> tuple[pairwise.Matrix, np.ndarray]:
    """600 items by four of ten people each; a third are read in as many ways as there are camps."""
    camp = np.arange(10) % readings
    truth, contested = generator.integers(0, 2, 600), generator.random(600) < 0.3
    who = np.argsort(generator.random((600, 10)), axis=1)[:, :4]
    said = np.where(contested[:, None] & (camp[who] == 1), 1 - truth[:, None], truth[:, None])
    said = np.where(generator.random(said.shape) < 0.1, 1 - said, said)
    made = pairs.of(np.repeat(np.arange(600), 4), who.ravel(), said.ravel(), n_items=600)
    return pairwise.matrix(made, n_annotators=10), camp


def test_two_readings_make_two_camps_and_one_makes_none() -> None:
    generator = np.random.default_rng(5)
    matrix, camp = _camps(generator, readings=2)
    assert pairwise.communities(matrix).tolist() == camp.tolist()
    assert pairwise.communities(_camps(generator, readings=1)[0]).tolist() == [0] * 10
    assert pairwise.communities(matrix, least_shared=10_000).tolist() == [-1] * 10


def test_the_matrix_of_annotators_counts_what_two_share() -> None:
    made = pairs.of(
        np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 1, 0]), np.array([0, 0, 1, 1, 0]), n_items=2
    )
    found = pairwise.matrix(made, n_annotators=3)
    assert found.n.tolist() == [[0, 2, 1], [2, 0, 1], [1, 1, 0]]
    assert found.agreement[0, 1] == found.agreement[1, 0] == 0.5
    assert found.agreement[0, 2] == 0
    assert np.isnan(found.agreement[1, 1])


TABLES = st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=2, max_size=12).map(
    lambda rows: np.array(rows, dtype=np.int64)
)


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_what_items_take_adds_up_to_what_is_lacking(table: np.ndarray) -> None:
    alpha = float(coefficients.krippendorff_alpha(table, np.ones(len(table), dtype=np.int64)))
    taken = items.contribution(table)
    assert np.isnan(alpha) or taken.sum() == pytest.approx(1 - alpha)
    bits = items.entropy(table)
    assert ((bits >= 0) & (bits <= np.log2(3) + 1e-9) | (table.sum(axis=1) == 0)).all()


@pytest.mark.parametrize("name", real.SHIPPED)
def test_items_of_real_labels(name: str) -> None:
    labels, expected = real.labels(name), real.reference(name)["agreement"]
    table = counts.from_codes(labels.items, labels.values, n_items=labels.n_items, n_values=labels.n_values)
    assert items.entropy(table).mean() == pytest.approx(expected["mean_item_entropy_bits"]["value"], abs=1e-6)
    unanimous = (items.disagreement(table) == 0).mean()
    assert unanimous == pytest.approx(expected["share_of_items_unanimous"]["value"], abs=1e-6)
    assert (items.margin(table) == 1).mean() == pytest.approx(unanimous)
    rows, multiplicity = counts.grouped(table)
    for statistic, field in (
        (coefficients.krippendorff_alpha, "krippendorff_alpha_nominal"),
        (coefficients.gwet_ac1, "gwet_ac1"),
        (coefficients.fleiss_kappa, "fleiss_kappa"),
        (coefficients.percent_agreement, "mean_pairwise_percent_agreement"),
        (coefficients.brennan_prediger, "brennan_prediger"),
    ):
        for reference in real.values_of(expected[field]):
            assert float(statistic(rows, multiplicity)) == pytest.approx(reference, abs=1e-6)


def test_confusions_add_up_and_their_lift_is_one_by_chance() -> None:
    matrix = np.array([[4.0, 2.0, 0.0], [2.0, 4.0, 1.0], [0.0, 1.0, 6.0]])
    assert confusion.share(matrix).sum() == pytest.approx(1)
    assert confusion.share(matrix)[0, 1] == pytest.approx(2 / 6)
    assert np.isnan(confusion.share(np.eye(2))).all()
    chance = np.outer([3.0, 6.0], [3.0, 6.0]) / 8
    assert confusion.lift(chance)[0, 1] == pytest.approx(1, rel=0.3)


def test_documents_drawn_whole_give_a_wider_interval() -> None:
    """Thirty documents of ten equal items: as unsure as thirty items, not as three hundred."""
    generator = np.random.default_rng(2)
    few = np.array([[2, 0], [1, 1], [0, 2]])[generator.integers(0, 3, 30)]
    many, documents = np.repeat(few, 10, axis=0), np.repeat(np.arange(30), 10)
    ones = np.ones(300, dtype=np.int64)

    def width(bounds: tuple[float, float] | None) -> float:
        assert bounds is not None
        return bounds[1] - bounds[0]

    alone = width(bootstrap.interval(few, ones[:30], coefficients.percent_agreement))
    naive = width(bootstrap.interval(many, ones, coefficients.percent_agreement))
    whole = width(bootstrap.interval(many, ones, coefficients.percent_agreement, clusters=documents))
    assert whole == pytest.approx(alone, rel=0.1)
    assert naive < 0.5 * whole
