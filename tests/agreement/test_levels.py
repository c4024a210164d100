"""One function for every level of measurement: real answers against other implementations, worked numbers, what is undefined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.agreement import (
    bootstrap,
    boxes,
    by_distance,
    coefficients,
    levels,
    repeats,
    scales,
    sets,
    wide,
)
from annotation.agreement.levels import LEVELS, Agreement, Level, Units
from specs import matching
from specs.edits import edit_distance
from tests.agreement import real


def _units(answers: list[tuple[int, int, Any]], **more: Any) -> Units:
    """From `(item, annotator, value)` rows."""
    codes: dict[Any, int] = {}
    value = np.array([codes.setdefault(row[2], len(codes)) for row in answers], dtype=np.int64)
    item = np.array([row[0] for row in answers], dtype=np.int64)
    who = np.array([row[1] for row in answers], dtype=np.int64)
    return Units(item, who, value, list(codes), int(item.max(initial=-1)) + 1, **more)


def _values(found: Agreement) -> dict[str, float | None]:
    return {name: one.value for name, one in found.coefficients.items()}


@pytest.mark.parametrize("name", real.SHIPPED)
def test_labels_have_alpha_and_its_companions(name: str) -> None:
    labels, expected = real.labels(name), real.reference(name)["agreement"]
    units = Units(
        labels.items,
        labels.annotators,
        labels.values,
        [str(k) for k in range(labels.n_values)],
        int(labels.items.max()) + 1,
    )
    found = levels.measure("nominal", units)
    fields = {
        "alpha": "krippendorff_alpha_nominal",
        "percent_agreement": "mean_pairwise_percent_agreement",
        "ac1": "gwet_ac1",
        "fleiss": "fleiss_kappa",
        "brennan_prediger": "brennan_prediger",
    }
    for ours, field in fields.items():
        for value in real.values_of(expected[field]):
            assert found.coefficients[ours].value == pytest.approx(value, abs=1e-6)
    interval = expected["alpha_nominal_bootstrap_items_95"]
    low, high = found.value.low, found.value.high
    assert (low, high) == pytest.approx((interval["low"], interval["high"]), abs=interval["se"] / 2)


def test_a_scale_has_alpha_with_its_order() -> None:
    data, expected = real.read("convabuse_eliza"), real.reference("convabuse_eliza")
    item, who, value = (np.array(data[column]) for column in ("items", "annotators", "values"))
    first = repeats.first(item, who)
    units = Units(item[first], who[first], value[first], list(range(5)), int(item.max()) + 1)
    found = levels.measure("ordinal", units, n_resamples=500)
    for name, field in (("alpha", "ordinal"), ("alpha_interval", "interval"), ("alpha_nominal", "nominal")):
        for said in real.values_of(expected[f"alpha_{field}_severity"]):
            assert found.coefficients[name].value == pytest.approx(said, abs=6e-6)
    assert found.coefficients["ac1"].value == pytest.approx(expected["gwet_ac1_severity"], abs=6e-5)
    assert found.coefficients["percent_agreement"].value == pytest.approx(
        expected["percent_agreement_severity"], abs=6e-6
    )
    assert (found.value.low, found.value.high) == pytest.approx(
        expected["alpha_ordinal_bootstrap_items_95"], abs=0.006
    )


def test_sets_have_alpha_with_masi_and_its_companions() -> None:
    data = real.read("event_annotation")
    rows = [(item, k, frozenset(chosen)) for k, (item, chosen) in enumerate(data["chosen"])]
    found = levels.measure("set", _units(rows, options=data["options"]), n_resamples=0)
    expected = real.reference("event_annotation")["multi_label"]
    for name, field in (
        ("alpha", "alpha_masi"),
        ("alpha_jaccard", "alpha_jaccard"),
        ("alpha_exact", "alpha_exact_set"),
        ("alpha_options", "alpha_binary_over_item_option_units"),
    ):
        for value in real.values_of(expected[field]):
            assert found.coefficients[name].value == pytest.approx(value, abs=1e-6)


def test_spans_have_alpha_over_characters_and_f1() -> None:
    data = real.read("event_annotation")
    rows = [
        (item, k, tuple((*span, "") for span in marked)) for k, (item, marked) in enumerate(data["spans"])
    ]
    found = levels.measure("spans", _units(rows, lengths=np.array(data["lengths"])), n_resamples=300)
    expected = real.reference("event_annotation")["spans"]
    assert found.headline == "alpha"
    for value in real.values_of(expected["alpha_character_level_in_out"]):
        assert found.value.value == pytest.approx(value, abs=1e-6)
    for name, field in (
        ("f1_exact", "mean_pairwise_f1_exact_span"),
        ("f1_overlap", "mean_pairwise_f1_iou_0_5"),
        ("f1_characters", "mean_pairwise_f1_characters"),
    ):
        one = found.coefficients[name]
        assert one.value == pytest.approx(expected[field]["value"], abs=1e-6)
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.value < one.high


def test_spans_of_different_labels_do_not_match() -> None:
    rows = [(0, 0, ((0, 4, "person"),)), (0, 1, ((0, 4, "place"),)), (1, 0, ((2, 3, "person"),)), (1, 1, ())]
    found = _values(levels.measure("spans", _units(rows, lengths=np.array([8, 8])), n_resamples=0))
    assert (found["f1_exact"], found["f1_overlap"], found["f1_characters"]) == (0, 0, 0)
    assert found["alpha"] is not None


def test_preferences_have_alpha_over_pairs_and_transitivity() -> None:
    """Two people on one item: a > b > c and a > c > b; they agree on two of three pairs, and nobody goes in a circle."""
    rows = [(0, 0, (("a", "b"), ("b", "c"), ("a", "c"))), (0, 1, (("a", "b"), ("c", "b"), ("a", "c")))]
    found = _values(levels.measure("ranking", _units(rows), n_resamples=0))
    assert found["pair_agreement"] == pytest.approx(2 / 3)
    assert found["transitivity"] == 1
    # coincidences: 4 on the first of a pair, 2 between both sides: 1 - (2/6) / (2 * 5 * 1 / 30)
    assert found["alpha"] == pytest.approx(0)
    circle = [(0, 0, (("a", "b"), ("b", "c"), ("c", "a")))]
    assert levels.measure("ranking", _units(circle)).coefficients["transitivity"].value == 0


def test_boxes_match_one_to_one() -> None:
    whole, half, other = (
        (0.0, 0.0, 10.0, 10.0, "car"),
        (0.0, 0.0, 10.0, 5.0, "car"),
        (0.0, 0.0, 10.0, 5.0, "van"),
    )
    rows = [(0, 0, (whole,)), (0, 1, (half,)), (1, 0, (whole,)), (1, 1, (other,)), (2, 0, ()), (2, 1, ())]
    found = _values(levels.measure("boxes", _units(rows), n_resamples=0))
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["f1_without_labels"] == 1
    assert found["mean_overlap"] == pytest.approx(0.5)
    # two boxes over one: only the better one counts
    assert boxes.f1([whole], [half, (0.0, 0.0, 10.0, 9.0, "car")]) == pytest.approx(2 / 3)
    assert matching.overlap_of_areas(whole, (10.0, 0.0, 12.0, 10.0, "car")) == 0


def test_texts_are_as_near_as_their_edits() -> None:
    rows = [(0, 0, "kitten"), (0, 1, "sitting"), (1, 0, "the same"), (1, 1, " the  same")]
    found = levels.measure("text", _units(rows))
    assert found.headline == "similarity"
    assert found.value.value == pytest.approx((4 / 7 + 1) / 2)
    assert found.coefficients["percent_agreement"].value == 0.5


@settings(max_examples=80, deadline=None)
@given(st.text("abc", max_size=9), st.text("abc", max_size=9))
def test_edits_are_those_of_the_usual_table(one: str, other: str) -> None:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        after = [i]
        for j, b in enumerate(other, 1):
            after.append(min(row[j] + 1, after[-1] + 1, row[j - 1] + (a != b)))
        row = after
    assert edit_distance(one, other) == row[-1] == edit_distance(other, one)


SAMPLES: dict[Level, tuple[Any, Any]] = {
    "nominal": ("a", "b"),
    "ordinal": (1, 2),
    "interval": (1.0, 2.5),
    "ratio": (1.0, 2.5),
    "set": (frozenset("a"), frozenset("b")),
    "spans": (((0, 2, ""),), ((1, 3, ""),)),
    "ranking": ((("a", "b"),), (("b", "a"),)),
    "boxes": (((0.0, 0.0, 1.0, 1.0, ""),), ((0.0, 0.0, 1.0, 0.5, ""),)),
    "text": ("one", "two"),
}


@pytest.mark.parametrize("level", LEVELS)
def test_what_cannot_be_said_has_a_reason_at_every_level(level: Level) -> None:
    one, other = SAMPLES[level]
    for rows in ([], [(0, 0, one)], [(0, 0, one), (1, 1, other)]):
        found = levels.measure(level, _units(rows))
        assert found.value.value is None
        assert found.value.reason == "no item has two answers"
        assert all(each.value is not None or each.reason for each in found.coefficients.values())
    same = levels.measure(level, _units([(0, 0, one), (0, 1, one), (1, 0, one), (1, 1, one)]))
    if level in ("nominal", "ordinal", "interval", "ratio", "set", "ranking"):
        assert "no variation" in same.value.reason
    apart = levels.measure(level, _units([(0, 0, one), (0, 1, other), (1, 0, one), (1, 1, one)]))
    assert apart.value.value is not None
    assert apart.value.n_answers == 4


ANSWERS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=40)


@settings(max_examples=60, deadline=None)
@given(ANSWERS)
def test_without_a_table_it_is_the_same(rows: list[tuple[int, int]]) -> None:
    """The ways for many distinct values give what the table of counts gives."""
    item, value = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    counts = np.zeros((6, 4), dtype=np.int64)
    np.add.at(counts, (item, value), 1)
    points = np.arange(4)
    for level, found in (
        ("nominal", wide.nominal_alpha(item, value, n_items=6)),
        ("interval", wide.interval_alpha(item, value.astype(float), n_items=6)),
        ("nominal", by_distance.alpha(item, value, 1 - np.eye(4), n_items=6)),
    ):
        expected = scales.of_counts(counts, level=level, values=list(points), n_resamples=0)["alpha"]  # type: ignore[arg-type]
        assert found.reason == expected.reason
        assert found.value == pytest.approx(expected.value, abs=1e-9)
    expected = scales.of_counts(counts, n_resamples=0)["percent_agreement"]
    assert wide.percent_agreement(item, value, n_items=6).value == pytest.approx(expected.value)


def test_many_distinct_numbers_need_no_table() -> None:
    generator = np.random.default_rng(0)
    item = np.repeat(np.arange(3000), 3)
    points = np.round(np.repeat(generator.normal(size=3000), 3) + generator.normal(size=9000), 4)
    values, value = np.unique(points, return_inverse=True)
    units = Units(item, np.tile(np.arange(3), 3000), value, values.tolist(), 3000)
    found = levels.measure("interval", units).value
    assert found.value == pytest.approx(0.5, abs=0.03)
    assert found.low is not None
    assert found.high is not None
    assert 0.02 < found.high - found.low < 0.08


def test_groups_of_items_give_the_interval_of_items() -> None:
    sums = np.random.default_rng(0).normal(size=(20_000, 1)) + 1
    ones = np.column_stack([sums, np.ones(len(sums))])
    low, high = bootstrap.of_sums(ones, lambda whole: whole[:, 0] / whole[:, 1]) or (0, 0)
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(20_000), rel=0.1)
    assert low < sums.mean() < high


@settings(max_examples=40, deadline=None)
@given(st.lists(st.frozensets(st.sampled_from("abcd")), min_size=1, max_size=8))
def test_distances_of_many_sets_at_once_are_those_of_two(values: list[frozenset[str]]) -> None:
    for distance in (sets.masi, sets.jaccard, sets.exact):
        found = sets.table(values, distance)
        expected = np.array([[distance(one, other) for other in values] for one in values])
        assert np.allclose(found, expected, atol=1e-12)


def test_ordinal_differences_rest_on_the_marginals() -> None:
    assert coefficients.distances("ordinal", np.array([2.0, 2.0, 2.0]), None)[0].tolist() == [0, 4, 16]
