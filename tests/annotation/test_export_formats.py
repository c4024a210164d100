"""Every form of a snapshot's rows, read back by what reads it elsewhere."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from annotation import controls
from annotation.export_formats import FORMATS, Layout, conll
from annotation.export_formats.base import Row
from annotation.export_terms import USUAL_COLUMNS
from specs import task_types
from workforce.import_formats import FORMATS as ELSEWHERE
from workforce.import_formats import Record

CHOICE = {
    "key": "tone",
    "kind": "choice",
    "title": "Tone",
    "labels": [{"value": "kind"}, {"value": "=rude"}],
}
LABEL_STUDIO = ELSEWHERE["label-studio"]
TEXT = "👨🏻‍🚒 Ada met Zoë Ada"


def _label(value: Any, **more: Any) -> dict[str, Any]:
    return {
        "value": value,
        "basis": "consensus",
        "decided_by": "consensus",
        "rule": "share",
        "n_answers": 2,
        **more,
    }


def _row(question: dict[str, Any], value: Any, payload: dict[str, Any], **more: Any) -> Row:
    label = _label(value, distribution={"x": 2}, clauses=["whole", "part"], spec_version="1.0.0", share=1.0)
    return {"key": "k-1", "payload": payload, "queue": "main", "labels": {question["key"]: label}, **more}


def _written(form: str, questions: list[dict[str, Any]], rows: list[Row], **layout: Any) -> tuple[bytes, Any]:
    out = io.BytesIO()
    named = layout.pop("item_fields", ("text",))
    writer = FORMATS[form].open(out, Layout(questions, frozenset(USUAL_COLUMNS), named, **layout))
    for row in rows:
        writer.write(row)
    writer.close()
    return out.getvalue(), writer


def _sample(kind: str) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    sample = task_types.get(kind).sample()
    return sample["question"], sample["item"], sample["values"]


def test_there_is_a_form_for_everything_promised() -> None:
    assert set(FORMATS) == {"coco", "conll", "csv", "jsonl", "label_studio", "parquet"}
    assert FORMATS["coco"].why_not([CHOICE])
    assert not FORMATS["csv"].why_not([CHOICE])


def test_a_spreadsheet_sees_no_formula_and_pandas_the_values() -> None:
    rows = [
        _row(CHOICE, "=rude", {"text": "=HYPERLINK(1)"}),
        _row(CHOICE, "kind", {"text": 'a "quote",\n=1'}),
    ]
    data, _ = _written("csv", [CHOICE], rows)
    cells = [cell for line in csv.reader(io.StringIO(data.decode())) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    frame = pd.read_csv(io.BytesIO(data))
    assert frame["tone"].tolist() == ["'=rude", "kind"]
    assert frame["item.text"].tolist()[1] == 'a "quote",\n=1'
    assert frame["tone.clauses"].tolist() == ["whole part"] * 2


@pytest.mark.parametrize("kind", task_types.kinds())
def test_parquet_holds_every_kind_and_the_same_rows_give_the_same_bytes(kind: str) -> None:
    question, payload, values = _sample(kind)
    rows = [_row(question, value, payload) for value in values]
    data, _ = _written("parquet", [question], rows, item_fields=tuple(sorted(payload)))
    assert data == _written("parquet", [question], rows, item_fields=tuple(sorted(payload)))[0]
    table = pq.read_table(io.BytesIO(data)).to_pylist()
    expected = [task_types.get(kind).rows(question, value)[question["key"]] for value in values]
    assert [row[question["key"]] for row in table] == expected


def test_tokens_carry_their_spans() -> None:
    question, payload, values = _sample("spans")
    data, writer = _written("conll", [question], [_row(question, values[0], payload)])
    lines = [line.split("\t") for line in data.decode().splitlines() if "\t" in line]
    assert [line for line in lines if line[1] != "O"] == [["Ada", "B-person"], ["שלום", "B-place"]]
    assert not writer.left_out
    spans = [
        {"start": 0, "end": 7, "label": "a", "text": "one two"},
        {"start": 4, "end": 7, "label": "b", "text": "two"},
    ]
    assert conll.tags(list(conll.TOKEN.finditer("one two three")), spans) == (["B-a", "I-a", "O"], 1)


def test_boxes_are_coco() -> None:
    question, payload, values = _sample("boxes")
    data, _ = _written("coco", [question], [_row(question, value, payload) for value in values])
    found = json.loads(data)
    names = {one["id"]: one["name"] for one in found["categories"]}
    assert sorted(names.values()) == ["cat", "dog"]
    assert [one["id"] for one in found["images"]] == [1, 2, 3, 4]
    first = [one for one in found["annotations"] if one["image_id"] == 1]
    assert {(names[one["category_id"]], *one["bbox"]) for one in first} == {
        (box["label"], box["x"], box["y"], box["width"], box["height"]) for box in values[0]
    }
    assert len({one["id"] for one in found["annotations"]}) == len(found["annotations"])


@pytest.mark.parametrize("kind", task_types.kinds())
def test_label_studio_gives_every_kind_back(kind: str) -> None:
    """Out, and in again by the reader of its exports: no value changes, nor does what is not answered become an answer."""
    question, payload, values = _sample(kind)
    more = {"clauses": {}, "answered_at": "2026-01-02T03:04:05+00:00"}
    answers = [
        {"annotator": f"calm-owl-{n}", "values": {question["key"]: value}, **more}
        for n, value in enumerate(values)
    ]
    answers += [{"annotator": "brave-fox", "values": {"tone": "kind"}, **more}]
    row = _row(question, values[0], payload, answers=answers)
    data, writer = _written("label_studio", [question, CHOICE], [row])
    assert writer.left_out == {}
    (_line, record), *_ = LABEL_STUDIO.records(io.BytesIO(data), 10**6, {})
    assert isinstance(record, Record)
    assert (record.key, record.data) == ("k-1", payload)
    found = controls.Controls("", taken={question["key"]: question["key"]}, kinds={question["key"]: kind})
    *whole, nothing = [controls._values(answer, record, LABEL_STUDIO, found) for answer in record.answers]
    assert (nothing, found.left_out) == ({}, {})
    task_type = task_types.get(kind)
    for read, value in zip(whole, values, strict=True):
        given = task_type.from_elsewhere(question, read[question["key"]], payload)
        given = task_type.parse_json(question, given, payload)
        assert task_type.distance(question, given, value) < 1e-9, (given, value)
    assert {answer.at for answer in record.answers} == {"2026-01-02T03:04:05+00:00"}


def test_what_label_studio_cannot_hold_is_counted() -> None:
    answer = {
        "annotator": "calm-owl",
        "values": {},
        "clauses": {"tone": ["whole"]},
        "confidence": 2,
        "answered_at": "",
        "cannot_be_labelled": "unreadable",
    }
    told = {"question": "other", "value": 1, "model": "m", "model_version": "", "confidence": None}
    row = _row(CHOICE, "kind", {"text": "x"}, answers=[answer], predictions=[told])
    data, writer = _written("label_studio", [CHOICE], [row])
    assert writer.left_out == {
        "clauses of an answer": 1,
        "confidence of an answer": 1,
        "cannot_be_labelled of an answer": 1,
        "prediction of other": 1,
    }
    [(_line, record)] = LABEL_STUDIO.records(io.BytesIO(data), 10**6, {})
    assert isinstance(record, Record)
    assert record.answers == []  # a skip there, and no answer that says nothing


def test_label_studio_json_is_surveyed_as_an_export() -> None:
    answers = [
        {"annotator": who, "values": {"tone": "kind"}, "clauses": {}, "answered_at": ""}
        for who in ("calm-owl", "brave-fox")
    ]
    data, _ = _written("label_studio", [CHOICE], [_row(CHOICE, "kind", {"text": TEXT}, answers=answers)])
    found = controls.survey(io.BytesIO(data), form=LABEL_STUDIO, max_bytes=10**6)
    assert (found.n_tasks, found.n_annotations, found.first, found.kind) == (1, 2, "tone", "choice")
    assert len({one["completed_by"] for one in json.loads(data)[0]["annotations"]}) == 2
