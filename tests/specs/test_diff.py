"""What changed, its class, and that the difference leads from old to new."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import clauses, diff, edits

WORD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12)
BLOCK = st.fixed_dictionaries({"type": st.sampled_from(sorted(clauses.BLOCK_TYPES)), "text": WORD})
CLAUSE = st.fixed_dictionaries(
    {
        "title": WORD,
        "section": st.sampled_from(["", "A", "B"]),
        "blocks": st.lists(BLOCK, max_size=3),
        "governs": st.sampled_from([[], [{"question": "q", "values": ["a"], "pairs": []}]]),
    }
)
QUESTION = {
    "key": "q",
    "kind": "choice",
    "title": "Q?",
    "required": True,
    "labels": [{"value": "a"}, {"value": "b"}],
}


@st.composite
def version(draw: st.DrawFn) -> dict[str, Any]:
    keys = draw(st.lists(st.sampled_from("abcdefg"), unique=True, max_size=6))
    lineage = st.lists(st.sampled_from("abcdefgxyz"), unique=True, max_size=2).map(sorted)
    clauses_of = []
    for key in keys:
        ancestors = [
            {"key": one, "kind": draw(st.sampled_from(["split", "merged"]))} for one in draw(lineage)
        ]
        clauses_of.append({"key": key, **draw(CLAUSE), **({"ancestors": ancestors} if ancestors else {})})
    return {"clauses": clauses_of, "questions": [QUESTION]}


@given(version(), version())
def test_diff_then_apply_gives_the_new_version(old: dict[str, Any], new: dict[str, Any]) -> None:
    difference = diff.compare(old, new)
    assert diff.apply(old, difference) == new
    same = [diff.compare(v, v).change_class for v in (old, new)]
    assert same == ["none", "none"]


@given(version(), version(), st.sampled_from(sorted(clauses.BLOCK_TYPES)))
def test_one_more_change_never_lowers_the_class(old: dict[str, Any], new: dict[str, Any], kind: str) -> None:
    """Classification is monotone: of two changes the greater decides."""
    untouched = {"key": "z", "title": "Z", "section": "", "blocks": [], "governs": []}
    reworded = {**untouched, "blocks": [{"type": kind, "text": "more"}]}
    before = {**old, "clauses": [*old["clauses"], untouched]}
    less = diff.compare(before, {**new, "clauses": [*new["clauses"], untouched]}).change_class
    more = diff.compare(before, {**new, "clauses": [*new["clauses"], reworded]}).change_class
    assert diff.at_least(more, less)
    assert diff.at_least(more, "major" if kind in clauses.MEANING else "patch")


@given(version(), version())
def test_the_class_of_all_is_the_highest_of_each(old: dict[str, Any], new: dict[str, Any]) -> None:
    difference = diff.compare(old, new)
    assert difference.change_class == diff.highest(change.change_class for change in difference.clauses)
    assert all(
        diff.at_least(difference.change_class, reason.change_class) for _, reason in difference.reasons
    )


@given(st.text(max_size=60), st.text(max_size=60))
def test_runs_of_words_give_back_both_texts(old: str, new: str) -> None:
    runs = edits.words(old, new)
    assert "".join(text for kind, text in runs if kind != "added") == old
    assert "".join(text for kind, text in runs if kind != "removed") == new


def _version(**changed: Any) -> dict[str, Any]:
    clause = {
        "key": "a",
        "title": "A",
        "section": "",
        "blocks": [{"type": "definition", "text": "x"}, {"type": "notes", "text": "n"}],
        "governs": [{"question": "q", "values": ["a"], "pairs": []}],
    }
    return {"clauses": [{**clause, **changed}], "questions": [QUESTION]}


def _asked(**changed: Any) -> dict[str, Any]:
    return {**_version(), "questions": [{**QUESTION, **changed}]}


ADDED = {"key": "b", "title": "B", "section": "", "blocks": [], "governs": []}
CASES: list[tuple[dict[str, Any], str]] = [
    (_version(title="Other"), "patch"),
    (_version(blocks=[{"type": "definition", "text": "x"}, {"type": "notes", "text": "m"}]), "patch"),
    (_version(blocks=[*_version()["clauses"][0]["blocks"], {"type": "example", "text": "e"}]), "minor"),
    (_version(blocks=[{"type": "definition", "text": "y"}, {"type": "notes", "text": "n"}]), "major"),
    (_version(blocks=[*_version()["clauses"][0]["blocks"], {"type": "avoid_when", "text": "z"}]), "major"),
    (_version(governs=[]), "major"),
    ({**_version(), "clauses": []}, "major"),
    ({**_version(), "clauses": [*_version()["clauses"], ADDED]}, "minor"),
    ({**_version(), "clauses": [*_version()["clauses"], {**_version()["clauses"][0], "key": "b"}]}, "major"),
    (_asked(labels=[{"value": "a"}]), "major"),
    (_asked(labels=[*QUESTION["labels"], {"value": "c"}]), "major"),  # type: ignore[misc]
    (_asked(title="Q!"), "minor"),
    (_asked(required=False), "minor"),
    (_asked(labels=[{"value": "b"}, {"value": "a"}]), "patch"),
    ({**_version(), "questions": [QUESTION, {**QUESTION, "key": "r", "required": False}]}, "minor"),
    ({**_version(), "questions": [QUESTION, {**QUESTION, "key": "r"}]}, "major"),
    ({**_version(), "questions": []}, "major"),
]


@pytest.mark.parametrize(("new", "expected"), CASES, ids=[str(n) for n in range(len(CASES))])
def test_each_change_has_its_class(new: dict[str, Any], expected: str) -> None:
    assert diff.compare(_version(), new).change_class == expected


def test_numbers_follow_the_class() -> None:
    assert diff.next_number(None, "patch") == (1, 0, 0)
    assert [diff.next_number((1, 2, 3), c) for c in ("major", "minor", "patch")] == [
        (2, 0, 0),
        (1, 3, 0),
        (1, 2, 4),
    ]
