"""Exports of other tools as records: what each says becomes a value of its kind, or is left out with its reason."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

import pytest

from workforce.import_formats import FORMATS, BadRow, NotCarried, Record, Said, form_of, plain

MAX = 10**6
TEXT = "👨🏻‍🚒 Ada met Zoë"
ARGILLA = {
    "id": "r-1",
    "fields": {"text": TEXT},
    "metadata": {"source": "mail"},
    "responses": {
        "tone": [{"value": "kind", "user_id": "u-1"}, {"value": "rude", "user_id": "u-2"}],
        "names": [{"value": [{"label": "person", "start": 5, "end": 8}], "user_id": "u-1"}],
        "draft": [{"value": "x", "user_id": "u-1", "status": "draft"}],
    },
    "suggestions": {"tone": {"value": "kind", "score": 0.9, "agent": "bert-3"}},
    "vectors": {"v": [1.0]},
}


def _file(*rows: Any, array: bool = False) -> io.BytesIO:
    return io.BytesIO((json.dumps(list(rows)) if array else "\n".join(map(json.dumps, rows))).encode())


def _records(source: io.BytesIO, **columns: list[str]) -> list[Record]:
    found = [one for _line, one in form_of(source).records(source, MAX, columns)]
    assert not [one for one in found if isinstance(one, BadRow)], found
    return [one for one in found if isinstance(one, Record)]


def test_every_form_is_known_by_how_it_begins() -> None:
    assert set(FORMATS) == {"argilla", "doccano", "label-studio", "table"}
    table = io.BytesIO(b"item,label\na,b\n")
    assert form_of(_file({"id": 1, "data": {"text": "x"}}, array=True)).title == "Label Studio JSON"
    assert form_of(_file(ARGILLA, array=True)).title == form_of(_file(ARGILLA)).title == "Argilla"
    assert form_of(_file({"id": 1, "text": "x", "label": []})).title == "doccano"
    assert form_of(table).title == "CSV"
    assert form_of(io.BytesIO(gzip.compress(_file(ARGILLA).getvalue()))).title == "Argilla"
    assert table.tell() == 0


@pytest.mark.parametrize("array", [True, False])
def test_argilla_has_responses_suggestions_and_what_is_left_out(array: bool) -> None:
    [record] = _records(_file(ARGILLA, array=array))
    assert (record.key, record.data) == ("r-1", {"source": "mail", "text": TEXT})
    said = {answer.who: {name: one.value for name, one in answer.said.items()} for answer in record.answers}
    assert said["argilla-u-2"] == {"tone": "rude"}
    assert set(said["argilla-u-1"]) == {"tone", "names"}
    names = record.answers[0].said["names"]
    assert FORMATS["argilla"].value_of("spans", names, record.data) == [
        {"start": 5, "end": 8, "label": "person", "text": "Ada"}
    ]
    [told] = record.predictions
    assert (told.model, told.said["tone"].value, told.score) == ("bert-3", "kind", 0.9)
    assert record.left_out == {"vectors": 1, "responses that are draft": 1}


def test_doccano_of_every_kind_and_of_several_people() -> None:
    rows = [
        {"id": 1, "text": TEXT, "label": ["kind"], "Comments": ["why?"]},
        {"id": 2, "text": TEXT, "label": [[5, 8, "person"]]},
        {
            "id": 3,
            "text": TEXT,
            "entities": [{"id": 7, "label": "person", "start_offset": 5, "end_offset": 8}],
            "relations": [{"id": 1, "from_id": 7, "to_id": 8, "type": "met"}] * 2,
        },
    ]
    one, two, three = _records(_file(*rows))
    assert (one.left_out, three.left_out) == ({"comments": 1}, {"relations": 2})
    form = FORMATS["doccano"]
    assert form.value_of("choice", one.answers[0].said["label"], one.data) == "kind"
    for record, name in ((two, "label"), (three, "entities")):
        [span] = form.value_of("spans", record.answers[0].said[name], record.data)
        assert (span["start"], span["end"], span["text"]) == (5, 8, "Ada")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for who, label in (("ann@example.org", "kind"), ("bob", "rude")):
            files.writestr(f"{who}.jsonl", json.dumps({"id": 1, "text": "x", "label": [label]}))
    archive.seek(0)
    [both] = _records(archive)
    assert len({answer.who for answer in both.answers}) == 2
    assert not [answer for answer in both.answers if "ann" in answer.who]


def test_a_long_table_by_usual_names_and_by_said_ones() -> None:
    table = io.BytesIO(b"Item_ID;Worker;Label;date;text\na;w1;yes;2026-01-02;T\na;w2;no;;T\nb;w1;yes;;U\n")
    one, two = _records(table)
    assert (one.data, [answer.said["Label"].value for answer in one.answers]) == (
        {"text": "T"},
        ["yes", "no"],
    )
    assert (one.answers[0].at, two.key) == ("2026-01-02", "b")
    assert one.answers[0].who == two.answers[0].who != one.answers[1].who
    wide = io.BytesIO(b"post,rater,tone,stars,seconds\np,r,kind,4,12\np,s,rude,2,9\n")
    [record] = _records(wide, item=["post"], annotator=["rater"], label=["tone", "stars"])
    assert set(record.answers[0].said) == {"tone", "stars"}
    assert (record.data, list(record.left_out)) == (
        {},
        ["column seconds, which differs between rows of one item"],
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a,b\n1,2\n", "no column for: item, label"),
        (b"item,label\nx\n", "more or fewer"),
        (b"item,label\n,y\n", "names no item"),
        (b"item,label\nx,\xff\n", "UTF-8"),
        (b'item,label\nx,"y\n', "CSV"),
        (b'{"id": 1, "label": ["x"], "text": ""}\n{"label": [], "text": "y"}\n', "has no id"),
        (b'{"fields": {}, "responses": {}, "id": 1}', "has no fields"),
        (b'{"fields": {"a": 1}, "responses": {}}', "has no id"),
        (b"PK\x03\x04broken", "damaged archive"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, why: str) -> None:
    source = io.BytesIO(data)
    found = [one for _line, one in form_of(source).records(source, MAX, {}) if isinstance(one, BadRow)]
    assert [one for one in found if why in one.reason], found


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("choice", "kind", "kind"),
        ("choice", ["kind"], "kind"),
        ("choice", 3.0, "3"),
        ("multichoice", ["a", "b", "a"], ["a", "b"]),
        ("rating", "4", 4),
        ("number", "2.5", 2.5),
        ("text", ["An answer."], "An answer."),
        ("ranking", ["b", "a"], [["b"], ["a"]]),
        (
            "ranking",
            [{"value": "a", "rank": 2}, {"value": "b", "rank": 1}, {"value": "c", "rank": 2}],
            [["b"], ["a", "c"]],
        ),
        ("spans", [], []),
    ],
)
def test_values_as_tools_write_them(kind: str, value: Any, read: Any) -> None:
    assert plain.value_of(kind, value, {"text": TEXT}) == read


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("choice", ["a", "b"], "several"),
        ("choice", [], "nothing"),
        ("rating", "2.5", "whole"),
        ("number", "much", "no number"),
        ("number", "nan", "no number"),
        ("spans", [[0, 999, "x"]], "no text"),
        ("spans", "x", "no answer to a question of the kind spans"),
        ("ranking", [{"value": "a", "rank": "first"}], "without a place"),
        ("boxes", [[1, 2, "x"]], "no answer to a question of the kind boxes"),
    ],
)
def test_values_that_have_no_place_say_why(kind: str, value: Any, why: str) -> None:
    with pytest.raises(NotCarried, match=why):
        plain.value_of(kind, value, {"text": TEXT})


def test_cells_of_a_table_hold_what_has_parts() -> None:
    form, data = FORMATS["table"], {"text": TEXT}
    assert form.value_of("multichoice", Said("column", "a | b"), data) == ["a", "b"]
    assert form.value_of("ranking", Said("column", "b|a"), data) == [["b"], ["a"]]
    [span] = form.value_of("spans", Said("column", '[{"start": 5, "end": 8, "label": "p"}]'), data)
    assert span["text"] == "Ada"
    with pytest.raises(NotCarried, match="none"):
        form.value_of("spans", Said("column", "[1,"), data)
