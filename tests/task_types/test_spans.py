"""Spans: what is taken and refused, in code points; the plain form; distances; what the page gets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from specs import task_types
from specs.task_types import BadValue, spans

FIREMEN = "👨🏻‍🚒 firemen drive firetrucks"


def _question(**settings_of: Any) -> dict[str, Any]:
    labels = [{"value": "who", "title": "Who"}, {"value": "what", "title": "What"}]
    return {"key": "q", "kind": "spans", "title": "Which?", "labels": labels, "settings": settings_of}


def _span(text: str, start: int, end: int, label: str = "who") -> dict[str, Any]:
    return {"start": start, "end": end, "label": label, "text": text[start:end]}


def _kind() -> spans.Spans:
    found = task_types.get("spans")
    assert isinstance(found, spans.Spans)
    return found


def _refused(value: Any, text: str = FIREMEN, **settings_of: Any) -> str:
    with pytest.raises(BadValue) as refused:
        _kind().parse_json(_question(**settings_of), value, {"text": text})
    return str(refused.value)


def test_places_count_code_points_and_other_units_are_refused() -> None:
    at = FIREMEN.index("firetrucks")
    assert at == 19
    value = [_span(FIREMEN, at, at + 10)]
    assert _kind().parse_json(_question(), value, {"text": FIREMEN}) == value
    utf16 = {"start": 22, "end": 32, "label": "who", "text": "firetrucks"}
    assert "has the characters 0 to 29" in _refused([utf16])
    assert "stands" in _refused([{**utf16, "start": 16, "end": 26}])


def test_spans_that_cannot_be_say_why() -> None:
    one = _span(FIREMEN, 5, 12)
    assert "its end lies not behind" in _refused([{**one, "start": 12, "end": 5}])
    assert "its end lies not behind" in _refused([{**one, "end": 5, "text": ""}])
    assert "from -1 to 12" in _refused([{**one, "start": -1}])
    assert "not asked for here" in _refused([{**one, "label": "nobody"}])
    assert "at most 3" in _refused([one] * 100_000, at_most=3)
    assert "no text in its field 'body'" in _refused([one], field="body")
    assert "twice" in _refused([one, one], overlapping=True)


def test_overlap_is_taken_where_the_question_allows_it() -> None:
    value = [_span(FIREMEN, 5, 18), _span(FIREMEN, 5, 12, "what"), _span(FIREMEN, 10, 20)]
    assert "overlaps another span" in _refused(value)
    found = _kind().parse_json(_question(overlapping=True), value, {"text": FIREMEN})
    assert [(span["start"], span["end"]) for span in found] == [(5, 12), (5, 18), (10, 20)]
    touching = [_span(FIREMEN, 5, 8), _span(FIREMEN, 8, 12)]
    assert _kind().parse_json(_question(), touching, {"text": FIREMEN}) == touching


def _posted(query: list[tuple[str, str]]) -> QueryDict:
    form = QueryDict(mutable=True)
    for name, text in query:
        form.appendlist(name, text)
    return form


def _rows(*rows: tuple[str, str, str, str]) -> QueryDict:
    names = ("label", "text", "start", "end")
    return _posted([(f"q.q.{name}", part) for row in rows for name, part in zip(names, row, strict=True)])


def test_the_plain_form_takes_words_or_places() -> None:
    item, empty = {"text": "one two one\r\nsix"}, ("", "", "", "")
    form = _rows(empty, ("who", "two", "", ""), ("what", "", "8", "11"), ("who", "six", "13", "16"), empty)
    found = _kind().parse(_question(), form, item)
    assert [(span["start"], span["end"], span["text"]) for span in found] == [
        (4, 7, "two"),
        (8, 11, "one"),
        (13, 16, "six"),
    ]
    # what a field of one line makes of words with a line end in them
    assert _kind().parse(_question(), _rows(("who", "one six", "8", "16")), item)[0]["text"] == "one\r\nsix"


def test_the_plain_form_says_what_is_missing_and_keeps_what_was_written() -> None:
    item = {"text": "one two one"}
    for row, why in (
        (("who", "one", "", ""), "stands 2 times"),
        (("who", "four", "", ""), "does not stand in the text"),
        (("", "two", "", ""), "has no label"),
        (("who", "", "4", ""), "needs both places"),
        (("who", "two", "x", "7"), "needs both places"),
        (("who", "two", "0", "3"), "stands 'one', not 'two'"),
        (("who", "", "9", "4"), "its end lies not behind"),
    ):
        form = _rows(row)
        with pytest.raises(BadValue, match=why):
            _kind().parse(_question(), form, item)
        kept = _kind().context(_question(), item, _kind().entered(_question(), form))["rows"]
        assert [[str(kept[0].get(part, "")) for part in ("label", "text", "start", "end")]] == [list(row)]


def test_nothing_to_mark_is_an_answer_and_an_empty_form_is_none() -> None:
    item = {"text": "one"}
    assert _kind().parse(_question(), _posted([("q.q", "[]")]), item) is None
    assert _kind().parse(_question(), _rows(("", "", "", "")), item) is None
    assert _kind().parse(_question(), _posted([("q.q", "[]"), ("q.q.none", "1")]), item) == []
    both = _rows(("who", "one", "", ""))
    both["q.q.none"] = "1"
    with pytest.raises(BadValue, match="take one of them back"):
        _kind().parse(_question(), both, item)
    with pytest.raises(BadValue, match="is a list of spans"):
        _kind().parse(_question(), _posted([("q.q", '{"a":')]), item)


@given(st.text(min_size=1), st.data())
@settings(max_examples=100)
def test_an_answer_comes_back_from_its_form(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    value = [_span(text, start, data.draw(st.integers(start + 1, len(text))))]
    question, item = _question(), {"text": text}
    if "\x00" in text:
        return  # no text that was loaded has one
    form = _posted([(name, part) for name, parts in _kind().form(question, value).items() for part in parts])
    assert _kind().parse(question, form, item) == value
    rows = _kind().context(question, item, value)["rows"]
    plain = _rows(*((row["label"], row["text"], str(row["start"]), str(row["end"])) for row in rows))
    assert _kind().parse(question, plain, item) == value


def test_distances_as_the_question_measures() -> None:
    text = "x" * 100
    a, b = [_span(text, 0, 10)], [_span(text, 0, 6), _span(text, 50, 60)]
    distance = _kind().distance
    assert distance(_question(measure="exact"), a, b) == 1
    assert distance(_question(measure="overlap"), a, b) == pytest.approx(1 - 2 / 3)
    assert distance(_question(measure="characters"), a, b) == pytest.approx(1 - 12 / 26)
    assert distance(_question(measure="characters"), a, [_span(text, 0, 10, "what")]) == 1
    nested = [_span(text, 0, 10), _span(text, 2, 4)]
    assert distance(_question(measure="characters"), a, nested) == 0
    assert _kind().agrees(_question(measure="overlap", agree_within=0.4), a, b)
    assert not _kind().agrees(_question(measure="overlap", agree_within=0.3), a, b)


_RANGES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 10), st.sampled_from(["who", "what"])),
    max_size=6,
    unique=True,
)


@given(_RANGES, _RANGES, st.sampled_from(["exact", "overlap", "characters"]))
@settings(max_examples=200)
def test_a_distance_does_not_mind_the_order(one: list[Any], other: list[Any], measure: str) -> None:
    text = "x" * 50
    a, b = ([_span(text, start, start + n, label) for start, n, label in each] for each in (one, other))
    question = _question(measure=measure, overlapping=True)
    assert _kind().distance(question, a, b) == pytest.approx(_kind().distance(question, b, a))
    assert _kind().distance(question, a, a) == pytest.approx(0)
    assert -1e-9 <= _kind().distance(question, a, b) <= 1


def test_characters_are_counted_like_a_set_of_them() -> None:
    text = "x" * 60
    a = [_span(text, 0, 10), _span(text, 5, 15), _span(text, 20, 30, "what")]
    b = [_span(text, 8, 25), _span(text, 29, 31, "what"), _span(text, 40, 41, "what")]
    marked = [
        {(place, span["label"]) for span in each for place in range(span["start"], span["end"])}
        for each in (a, b)
    ]
    expected = 1 - 2 * len(marked[0] & marked[1]) / (len(marked[0]) + len(marked[1]))
    assert _kind().distance(_question(measure="characters"), a, b) == pytest.approx(expected)


def test_the_text_is_cut_where_marks_begin_and_end() -> None:
    found = spans.segments("one\r\ntwo", [{"start": 0, "end": 5}, {"start": 2, "end": 8}])
    assert found == [
        {"start": 0, "parts": ["on"], "marks": [0]},
        {"start": 2, "parts": ["e", "\n"], "marks": [0, 1]},
        {"start": 5, "parts": ["two"], "marks": [1]},
    ]


def test_answers_laid_over_each_other_say_where_they_differ() -> None:
    text = "one two six"
    readings = [("A, B", [_span(text, 0, 7)]), ("C", [_span(text, 0, 3), _span(text, 4, 7, "what")])]
    found = _kind().overlay(_question(), {"text": text}, readings)
    assert found is not None
    assert [(piece["parts"][0], piece["whose"], piece["same"]) for piece in found["pieces"]] == [
        ("one", "A, B · C", True),
        (" ", "A, B", False),
        ("two", "A, B · C", False),
        (" six", "", True),
    ]
    assert found["pieces"][2]["tags"] == [("C", "What")]


def test_a_draft_that_is_no_list_does_not_break_the_page() -> None:
    odd: list[Any] = [None, "[", 5, {}, [None, 1, {"start": "x"}], [{"start": 5, "end": 2, "label": "who"}]]
    for value in odd:
        found = _kind().context(_question(), {"text": "one"}, value)
        assert "".join("\r".join(piece["parts"]) for piece in found["segments"]) == "one"
    assert _kind().context(_question(), {}, None)["text"] is None
    json.dumps(_kind().entered(_question(), _posted([("q.q", "[" * 100)])))
