"""Canonical bytes and the strict parser."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import canonical

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_bytes_are_read_back_as_the_same_object(value: object) -> None:
    assert canonical.loads_strict(canonical.dumps(value)) == value


@given(st.dictionaries(TEXT, st.integers(0, 9), min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert canonical.dumps(value) == canonical.dumps(dict(reversed(value.items())))


def test_the_digest_is_the_same_in_every_process_locale_and_hash_seed() -> None:
    code = "from specs import canonical; print(canonical.digest(canonical.dumps({'é': [1, 2.5], 'a': {'b', }.pop()})))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, locale in (("0", "C"), ("1", "C.UTF-8"), ("4711", "POSIX"))
    }
    assert len(found) == 1


def test_a_whole_number_has_one_form_whatever_it_was_written_as() -> None:
    assert canonical.dumps({"x": 1.0}) == canonical.dumps({"x": 1}) == b'{"x":1}'
    assert canonical.dumps(0.1) == b"0.1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("NaN", "not a number"),
        ("-Infinity", "not a number"),
        ("1e400", "too large"),
        ("1" * 5000, "53 bits"),
        ("9007199254740993", "53 bits"),
        ('{"a": 1, "a": 2}', "twice"),
        ('"\\u0000"', "NUL"),
        ('"\\ud800"', "surrogate"),
        ("[" * 70 + "]" * 70, "nested"),
        ("[" * 100_000, "nested"),
        ("{", "not JSON"),
        ("\ufeff{}", "byte order mark"),
    ],
)
def test_what_would_be_changed_silently_or_break_later_is_refused(text: str, why: str) -> None:
    with pytest.raises(canonical.NotCanonical, match=why):
        canonical.loads_strict(text)


def test_bytes_that_are_no_text_name_the_place() -> None:
    with pytest.raises(canonical.NotCanonical, match="byte 2"):
        canonical.loads_strict(b'"a\xff"')
