"""Labels of every kind made elsewhere: real data sets come out with the agreement that other implementations measured."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation import import_values, importing
from annotation.models import Annotation, Resolution
from specs.refusals import Invalid
from tests.agreement import real
from workforce.models import KnownAnswer, Task

pytestmark = pytest.mark.django_db


def write(folder: Path, name: str, header: str, rows: Iterable[Iterable[Any]]) -> None:
    with (folder / f"{name}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])


def measured(folder: Path, *options: str) -> dict[str, Any]:
    call_command(
        "import_labels", str(folder), *options, "--project", "history", "--json", stdout=io.StringIO()
    )
    said = io.StringIO()
    call_command("agreement", "--project", "history", "--json", stdout=said)
    found: dict[str, Any] = json.loads(said.getvalue())
    return {name: one["value"] for name, one in found["coefficients"].items()}


def test_sets_of_options_that_come_from_the_item_are_measured_as_published(tmp_path: Path) -> None:
    data, reference = real.read("event_annotation"), real.reference("event_annotation")["multi_label"]
    write(
        tmp_path,
        "items",
        "item_id,text,options",
        ((n, f"t{n}", "|".join(o)) for n, o in enumerate(data["options"])),
    )
    labels = ((item, n, "|".join(chosen)) for n, (item, chosen) in enumerate(data["chosen"]))
    write(
        tmp_path,
        "labels",
        "item_id,annotator_id,label",
        ((i, f"a{n // 42}-{n}", label) for i, n, label in labels),
    )
    found = measured(tmp_path, "--kind", "multichoice", "--options-from", "options")
    for ours, theirs in (
        ("alpha", "alpha_masi"),
        ("alpha_jaccard", "alpha_jaccard"),
        ("alpha_exact", "alpha_exact_set"),
        ("alpha_options", "alpha_binary_over_item_option_units"),
    ):
        for expected in real.values_of(reference[theirs]):
            assert found[ours] == pytest.approx(expected, abs=1e-6)
    assert Annotation.objects.count() == 840


def test_spans_are_measured_as_published(tmp_path: Path) -> None:
    data, reference = real.read("event_annotation"), real.reference("event_annotation")["spans"]
    texts = ("x" * length for length in data["lengths"])
    write(tmp_path, "items", "item_id,text", enumerate(texts))
    spans = ((item, f"a{n}", json.dumps(marked)) for n, (item, marked) in enumerate(data["spans"]))
    write(tmp_path, "spans", "item_id,annotator_id,spans", spans)
    found = measured(tmp_path, "--kind", "spans")
    assert found["alpha"] == pytest.approx(0.243793, abs=1e-6), reference
    assert found["f1_exact"] == pytest.approx(0.2749, abs=5e-4)
    assert found["f1_overlap"] == pytest.approx(0.3229, abs=5e-4)
    assert found["f1_characters"] == pytest.approx(0.3893, abs=5e-4)


def test_points_of_a_scale_are_measured_as_published(tmp_path: Path) -> None:
    data, reference = real.read("convabuse_eliza"), real.reference("convabuse_eliza")
    seen: dict[tuple[int, int], int] = {}
    rows = []
    for item, who, value in zip(data["items"], data["annotators"], data["values"], strict=True):
        repeat = seen[item, who] = seen.get((item, who), -1) + 1
        rows.append((item, data["names"][who], value - 3, repeat))
    write(tmp_path, "labels", "item_id,annotator_id,label,repeat", rows)
    found = measured(tmp_path, "--kind", "rating", "--level", "ordinal")
    for ours, theirs in (
        ("alpha", "alpha_ordinal_severity"),
        ("alpha_interval", "alpha_interval_severity"),
        ("alpha_nominal", "alpha_nominal_severity"),
    ):
        for expected in real.values_of(reference[theirs]):  # which has five decimals
            assert found[ours] == pytest.approx(expected, abs=6e-6)
    assert found["ac1"] == pytest.approx(reference["gwet_ac1_severity"], abs=6e-5)
    first = Annotation.objects.order_by("pk").first()
    assert first is not None
    assert first.values == {"label": data["values"][0] - 3}
    assert Resolution.objects.count() == Task.objects.filter(state="resolved").count() > 1000


HEAD = "item_id,annotator_id,label"


@pytest.mark.parametrize(
    ("kind", "settings", "texts", "values", "agreed"),
    [
        ("text", {}, ["New York", "new york"], ["New York", "new york"], None),
        ("text", {"fold": "1"}, ["New York", "new york"], ["New York", "new york"], "New York"),
        ("number", {"unit": "cm"}, ["1,5", "1.50"], [1.5, 1.5], 1.5),
        ("number", {"agree_within": "0.2"}, ["10", "11"], [10, 11], 10),
        ("rating", {"agree_points": "1", "max": "5"}, ["1", "2"], [1, 2], 1),
        ("multichoice", {}, ["b|a", '["a", "b"]'], [["a", "b"], ["a", "b"]], ["a", "b"]),
        ("multichoice", {}, ["b|a", "a"], [["a", "b"], ["a"]], None),
    ],
)
def test_texts_of_a_table_become_values_and_agree_as_their_question_says(
    tmp_path: Path, kind: str, settings: dict[str, str], texts: list[str], values: list[Any], agreed: Any
) -> None:
    write(tmp_path, "labels", HEAD, (("i0", f"a{n}", text) for n, text in enumerate([*texts, texts[0]])))
    write(tmp_path, "gold", "item_id,label", [("i0", texts[0])])
    wanted = import_values.Wanted(kind, settings=settings)
    importing.import_labels(folder=tmp_path, project_key="history", wanted=wanted)
    assert [one.values["label"] for one in Annotation.objects.order_by("ordinal")] == [*values, values[0]]
    assert KnownAnswer.objects.get().value == values[0]
    resolved = Resolution.objects.first()
    assert (resolved.value if resolved else None) == agreed


@pytest.mark.parametrize(
    ("kind", "label", "why"),
    [
        ("rating", "two", "line 3: .*no point"),
        ("number", "tall", "line 3: .*no number"),
        ("ranking", "a", "line 2"),
    ],
)
def test_a_text_that_is_no_answer_is_refused_with_its_line(
    tmp_path: Path, kind: str, label: str, why: str
) -> None:
    write(tmp_path, "labels", HEAD, (("i0", "a0", "1"), ("i0", "a1", label), ("i0", "a2", "3")))
    with pytest.raises(Invalid) as refused:
        importing.import_labels(folder=tmp_path, project_key="history", wanted=import_values.Wanted(kind))
    assert kind == "ranking" or refused.match(why)
    assert not Annotation.objects.exists()


def test_settings_that_a_kind_does_not_have_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "labels", HEAD, [("i0", "a0", "1"), ("i0", "a1", "2")])
    for options in (
        ["--setting", "unit"],
        ["--setting", "unit=m"],
        ["--kind", "rating", "--options-from", "x"],
    ):
        with pytest.raises(CommandError):
            call_command("import_labels", str(tmp_path), "--project", "history", *options)
