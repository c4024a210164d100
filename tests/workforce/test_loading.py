"""Items in: idempotent, all or nothing, every bad row with its line and reason."""

from __future__ import annotations

import io
from typing import Any

import pytest

from specs.refusals import Invalid
from tests import cast
from workforce import loading
from workforce.models import Assignment, Item, Load, Task

pytestmark = pytest.mark.django_db


def _load(stage: cast.Stage, data: bytes, name: str = "items.jsonl", **options: Any) -> Load:
    return loading.load(
        project=stage.project, queue=stage.queue, source=io.BytesIO(data), name=name, by=stage.ada, **options
    )


def test_the_same_file_twice_changes_nothing() -> None:
    stage = cast.stage()
    data = b'{"key": "a", "text": "x"}\n{"key": "b", "text": "y"}\n'
    first, second = _load(stage, data), _load(stage, data)
    assert (first.n_new, first.n_known, second.n_new, second.n_known) == (2, 0, 0, 2)
    assert (Item.objects.count(), Task.objects.count(), Assignment.objects.count()) == (2, 2, 4)
    assert first.digest == second.digest


def test_csv_and_json_lines_load_alike() -> None:
    stage = cast.stage()
    _load(stage, b'{"key": "a", "text": "x, y"}')
    assert _load(stage, b'\xef\xbb\xbfkey,text\r\na,"x, y"\r\n', "items.csv").n_known == 1


BAD_ROWS = {
    b'{"text": "x"}': "has no key",
    b'{"key": "", "text": "x"}': "has no key",
    b'{"key": true, "text": "x"}': "neither text nor",
    b'{"key": "a"}': "nothing but a key",
    b'{"key": "a", "x": NaN}': "NaN is not a number",
    b'{"key": "a", "x": 1e400}': "too large",
    b'{"key": "a", "x": 123456789012345678901}': "53 bits",
    b'{"key": "a", "x": 1, "x": 2}': "stands twice",
    b'{"key": "a", "x": "\\u0000"}': "NUL",
    b'{"key": "a", "x": "\\ud800"}': "surrogate",
    b'{"key": "a", "x": ' + b"[" * 100 + b"]" * 100 + b"}": "nested",
    b'{"key": "a", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}": "nested",
    b'{"key": "a", "x": ' + b"[" * 500_000 + b"]" * 500_000 + b"}": "nested",
    b'["a"]': "not a JSON object",
    b'{"key": "a", "x": "y"': "not JSON",
    b'{"key": "a", "x": "\xff"}': "not UTF-8",
}


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS.items(), ids=[str(k) for k in range(len(BAD_ROWS))])
def test_a_bad_row_refuses_the_file_and_names_line_and_reason(row: bytes, reason: str) -> None:
    stage = cast.stage()
    with pytest.raises(Invalid) as refused:
        _load(stage, b'{"key": "good", "text": "x"}\n' + row + b"\n")
    problem = refused.value.problems[0]
    assert problem["where"] == "line 2"
    assert reason in problem["message"]
    assert Item.objects.count() == 0


def test_good_rows_are_kept_when_asked_for() -> None:
    stage = cast.stage()
    load = _load(stage, b'{"key": "a", "text": "x"}\nnonsense\n', keep_good_rows=True)
    assert (load.n_new, load.n_bad, load.problems[0]["line"]) == (1, 1, 2)


def test_the_same_key_with_other_content_is_a_bad_row() -> None:
    stage = cast.stage()
    _load(stage, b'{"key": "a", "text": "x"}')
    with pytest.raises(Invalid, match="1 of 1 rows"):
        _load(stage, b'{"key": "a", "text": "changed"}')
    with pytest.raises(Invalid):
        _load(stage, b'{"key": "b", "text": "1"}\n{"key": "b", "text": "2"}')
    assert Item.objects.get().payload == {"text": "x"}


def test_rows_of_other_lengths_and_files_without_rows_are_refused() -> None:
    stage = cast.stage()
    for data, name in (
        (b"key,text\na\n", "x.csv"),
        (b"key,key\na,b\n", "x.csv"),
        (b"\n\n", "x.jsonl"),
        (b"", "x.csv"),
    ):
        with pytest.raises(Invalid):
            _load(stage, data, name)


def test_whole_numbers_survive_whatever_form_they_had() -> None:
    stage = cast.stage()
    _load(stage, b'{"key": "a", "x": 1.0, "y": 0.1}')
    assert _load(stage, b'{"key": "a", "x": 1, "y": 0.1}').n_known == 1
