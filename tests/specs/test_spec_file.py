"""The file of a spec comes back exactly, whatever the texts contain; what is wrong in one names its line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specs import clauses as clause_shape
from specs import schema, spec_file

HOSTILE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60),
    st.lists(
        st.sampled_from(
            [
                "# Not a section",
                "## Not a clause {#x}",
                "### Definition",
                "---",
                '> {"governs":[]}',
                '- item: "x"',
                "- why: x",
                "\\",
                "\\# x",
                "",
                "  ",
                "\tx",
                "a\r\nb",
                "x\u2028y",
                "\x85",
                "{#key}",
                '"quoted"',
                "﻿",
                "‮x",
            ]
        ),
        min_size=1,
        max_size=4,
    ).map("\n".join),
)
TITLES = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)
BLOCKS = st.builds(
    lambda kind, text, item, value, why: {
        "type": kind,
        "text": text,
        **({"item": item, "value": value, "why": why} if kind in clause_shape.EXAMPLES else {}),
    },
    st.sampled_from(list(clause_shape.BLOCK_TYPES)),
    HOSTILE,
    HOSTILE,
    HOSTILE,
    HOSTILE,
)


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    keys = draw(st.lists(st.from_regex(r"\A[a-z0-9]{1,8}(-[a-z0-9]{1,4})?\Z"), unique=True, max_size=5))
    clauses = []
    for place, key in enumerate(keys):
        words = clause_shape.clean(
            {
                "title": draw(TITLES),
                "blocks": draw(st.lists(BLOCKS, max_size=4)),
                "governs": [{"question": "q", "values": draw(st.lists(TITLES, max_size=2))}]
                if place % 2
                else [],
            }
        )
        section = draw(st.one_of(st.just(""), TITLES))
        ancestors = [{"key": "old", "kind": "split"}] if draw(st.booleans()) else None
        clauses.append(
            {"key": key, "section": section, **words, **({"ancestors": ancestors} if ancestors else {})}
        )
    questions = schema.clean(
        [{"key": "q", "kind": "choice", "title": draw(TITLES), "labels": [{"value": draw(TITLES)}]}]
    )
    return {"clauses": clauses, "questions": questions}


@settings(max_examples=300, deadline=None)
@given(contents(), HOSTILE)
def test_what_is_written_is_read_again_exactly(content: dict[str, Any], purpose: str) -> None:
    meta = {"spec": "s", "title": "T", **({"purpose": purpose} if purpose else {})}
    written = spec_file.write(content, meta=meta)
    found = spec_file.read(written)
    assert {"clauses": found.clauses, "questions": found.questions} == content
    assert found.meta == meta
    assert (
        spec_file.write({"clauses": found.clauses, "questions": found.questions}, meta=found.meta) == written
    )


def test_a_file_written_by_hand_needs_few_quotes() -> None:
    found = spec_file.read(
        "---\nconcordat: 1\ntitle: Textual entailment\nquestions:\n"
        '- {"key": "q", "kind": "choice", "title": "Q", "labels": [{"value": "yes"}]}\n---\n\n'
        "# Time\n\n## Tense {#tense}\n\n### definition\n\nThe tense counts.\n\nAlways.\n\n"
        "### Example\n\n- item: He slept.\n- value: yes\n"
    )
    assert found.meta == {"title": "Textual entailment"}
    assert found.clauses == [
        {
            "key": "tense",
            "section": "Time",
            "title": "Tense",
            "blocks": [
                {"type": "definition", "text": "The tense counts.\n\nAlways."},
                {"type": "example", "item": "He slept.", "value": "yes"},
            ],
            "governs": [],
        }
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("no front matter", 1, "three hyphens"),
        ("---\nconcordat: 1\n", 1, "has no end"),
        ("---\nconcordat: 7\n---\n", 2, "format 1 can be read"),
        ("---\nwhat: 1\n---\n", 2, "front matter"),
        ("---\nquestions:\n- {\n---\n", 3, "cannot be read"),
        ("---\n---\n## No key\n", 3, "names its key"),
        ("---\n---\n## A {#a}\n### Example\n## B {#a}\n", 5, "stands on line 3 already"),
        ("---\n---\n## A {#A b}\n", 3, "lower-case"),
        ("---\n---\n## A {#a}\n### Exampel\n", 4, "no type of block"),
        ("---\n---\n### Example\n", 3, "under a clause"),
        ("---\n---\n## A {#a}\nloose text\n", 4, "under the heading of a block"),
        ('---\n---\n## A {#a}\n> {"x": 1}\n', 4, "says more"),
    ],
)
def test_what_is_wrong_names_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(spec_file.BadFile) as refused:
        spec_file.read(text)
    assert any(
        problem.where == f"line {line}" and message in problem.message for problem in refused.value.problems
    ), refused.value.problems
