"""Every form of file gives the same rows; the short way of a row and the long one agree; what is damaged says where."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workforce import row_files, rows

MAX = 2**20
WANTED = [("a", {"text": "x, y", "n": "1"}), ("b", {"text": "é\n", "n": "2"})]


def _read(data: bytes, form: str, after: int = 0) -> list[rows.Row | rows.BadRow]:
    return list(rows.read(row_files.unpacked(io.BytesIO(data)), form=form, max_bytes=MAX, after=after))


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"key": ["a", "b"], "text": ["x, y", "é\n"], "n": ["1", "2"]}), out)
    return out.getvalue()


FILES = {
    "jsonl": "\n".join(json.dumps({"key": key, **payload}) for key, payload in WANTED).encode(),
    "csv": 'key,text,n\r\na,"x, y",1\r\nb,"é\n",2\r\n'.encode(),
    "parquet": _parquet(),
    "label-studio": json.dumps([{"id": key, "data": payload} for key, payload in WANTED]).encode(),
}


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_every_form_gives_the_same_rows(form: str, packed: bool) -> None:
    data = gzip.compress(FILES[form]) if packed else FILES[form]
    if form == "parquet" and packed:
        data = gzip.decompress(data)
    found = _read(data, form)
    assert [(row.key, json.loads(row.payload)) for row in found if isinstance(row, rows.Row)] == WANTED
    assert len({row.digest for row in found if isinstance(row, rows.Row)}) == 2
    first, second = found
    line = first.line if isinstance(first, rows.Row) else 0
    assert _read(data, form, after=line) == [second]


DAMAGED = {
    "a cut gzip": (gzip.compress(FILES["jsonl"])[:-12], "jsonl", "gzip is damaged"),
    "a cut array": (FILES["label-studio"][:-5], "label-studio", "not JSON, or the file ends"),
    "an array that does not end": (FILES["label-studio"][:-1], "label-studio", "does not end"),
    "an object for an array": (b'{"id": 1}', "label-studio", "not a JSON array"),
    "a task without data": (b'[{"id": 1}]', "label-studio", "has no data"),
    "a task without a key": (b'[{"data": {"text": "x"}}]', "label-studio", "neither an id nor a key"),
    "a task with NaN": (b'[{"id": 1, "data": {"x": NaN}}]', "label-studio", "NaN is not a number"),
    "text for Parquet": (b"PAR1 nothing of the kind", "parquet", "not Parquet"),
    "a cut Parquet": (FILES["parquet"][:-20], "parquet", "not Parquet"),
    "a quote that stays open": (b'key,text\na,"x\n', "csv", "not CSV"),
    "Latin-1": ("key,text\na,é\n".encode("latin-1"), "csv", "not UTF-8"),
    "a line without an end": (b'{"key": "' + b"x" * 4 * MAX, "jsonl", "is longer than"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_says_what_and_where(name: str) -> None:
    data, form, reason = DAMAGED[name]
    last = _read(data, form)[-1]
    assert isinstance(last, rows.BadRow)
    assert reason in last.reason
    assert last.line >= 1


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["key", "id", "sensitive", "a", "b:c"]) | st.text(max_size=4), _VALUES),
    st.booleans(),
)
def test_the_short_way_and_the_long_way_agree(fields: dict[str, Any], ascii_only: bool) -> None:
    raw = json.dumps(fields, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    short = rows._short(1, raw, MAX)
    if short is not None:
        assert short == rows._long(1, raw, MAX)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"key": "k", "a": 1, "a": 1}',
        b'{"key": "k", "a" : ":", "a": ":"}',
        b'{"key": "k", "a": {"b": 1, "b": 2}}',
        b'{"key": "k", "key": "k", "a": 1}',
        b'{"key": "k", "a": "\\u003a", "b": 1, "b": 1}',
    ],
)
def test_a_member_that_stands_twice_takes_the_long_way(raw: bytes) -> None:
    assert rows._short(1, raw, MAX) is None
    bad = rows._long(1, raw, MAX)
    assert isinstance(bad, rows.BadRow)
    assert "stands twice" in bad.reason


def test_most_rows_take_the_short_way() -> None:
    for raw in (
        b'{"key": "k", "text": "it\\u0027s: \\"so\\"", "n": 3, "ok": true}',
        b'{"id": 7, "a": {"b": [1, "x:y"]}}',
    ):
        short = rows._short(1, raw, MAX)
        assert short == rows._long(1, raw, MAX)
        assert short is not None
