"""What makes a spec ambiguous is found, and what only looks like it is not."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specs import clauses as clause_shape
from specs.linting import CODES, Finding, lint

LABELS = [{"value": "yes", "title": "It does"}, {"value": "no", "title": "It does not"}]
QUESTION: dict[str, Any] = {
    "key": "counts",
    "title": "Does the span count?",
    "help": "Read the sentence around it.",
    "labels": LABELS,
}
PAIR = {"question": "counts", "values": [], "pairs": [["no", "yes"]]}


def _governs(*values: str) -> dict[str, Any]:
    return {"question": "counts", "values": list(values), "pairs": []}


def _example(item: str, value: str, **more: str) -> dict[str, str]:
    return {"type": "example", "item": item, "value": value, "why": "The head noun names a person.", **more}


def _against(item: str, value: str, **more: str) -> dict[str, str]:
    return {**_example(item, value), "type": "counter_example", "why": "It names a place.", **more}


def _rule(text: str, kind: str = "definition") -> dict[str, str]:
    return {"type": kind, "text": text}


def _clause(key: str, *blocks: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "key": key,
        "section": "",
        "title": key.replace("-", " ").title(),
        "blocks": list(blocks),
        "governs": [],
        **more,
    }


CLEAN: list[dict[str, Any]] = [
    _clause(
        "a-person-is-named",
        _rule(
            "A **mention** is a span whose head noun names one person. Its article belongs to the mention."
        ),
        _rule("The sentence says “usually” of `some` other person, as in the USA.", "use_when"),
        _example("the old doctor", "yes"),
        _against("the old town", "no"),
        governs=[_governs("yes")],
    ),
    _clause(
        "a-group-is-named",
        _rule(
            "A span that names two or more persons at once is not a mention. See §1 for the single person."
        ),
        _example("the doctors", "no"),
        _against("each doctor", "yes"),
        governs=[_governs("no")],
    ),
    _clause(
        "office-or-person",
        _rule("A title counts where the sentence says what its holder did. This clause overrides clause 1."),
        _example("The president said so.", "yes"),
        _against("The president is elected.", "no"),
        governs=[PAIR],
    ),
]


def _spec(*clauses: dict[str, Any], questions: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"clauses": list(clauses), "questions": [QUESTION] if questions is None else questions}


def _of(code: str, version: dict[str, Any]) -> list[Finding]:
    assert code in CODES
    return [finding for finding in lint(version) if finding.code == code]


def _wording(code: str, *texts: str) -> list[Finding]:
    return _of(code, _spec(*(_clause(f"c-{n}", _rule(text)) for n, text in enumerate(texts, 1))))


def test_a_clean_spec_has_no_finding() -> None:
    assert lint(_spec(*CLEAN)) == []


def test_an_empty_version_has_no_finding() -> None:
    assert lint({"clauses": [], "questions": []}) == lint({}) == []


def test_a_finding_is_plain_data_and_names_its_place() -> None:
    (finding,) = _wording("vague-word", "Names are usually marked.")
    assert finding.as_dict() == {
        "code": "vague-word",
        "severity": "warning",
        "clause": "c-1",
        "block": 1,
        "where": "clause c-1, block 1 (Definition)",
        "message": "“usually” leaves it to each reader what is meant.",
        "hint": finding.hint,
    }
    assert json.dumps(finding.as_dict())


def test_findings_stand_in_the_order_of_the_document() -> None:
    version = _spec(_clause("b", _rule("Some of it."), _rule("Often.")), _clause("a", _rule("Several.")))
    found = [(finding.clause, finding.block) for finding in lint(version)]
    assert found == [("", 0), ("b", 1), ("b", 2), ("a", 1)]


# --- what governs what


def test_a_label_that_no_clause_governs_is_found() -> None:
    (finding,) = _of("label-ungoverned", _spec(_clause("a", governs=[_governs("yes")])))
    assert (finding.where, finding.clause) == ("question counts, label no", "")
    assert "It does not" in finding.message


@pytest.mark.parametrize("entry", [_governs(), PAIR, _governs("yes", "no")])
def test_a_label_is_governed_by_the_whole_a_pair_or_by_name(entry: dict[str, Any]) -> None:
    assert _of("label-ungoverned", _spec(_clause("a", governs=[entry]))) == []


def test_labels_that_come_from_the_item_need_no_clause_each() -> None:
    asked = [{**QUESTION, "options_from": "options"}]
    assert _of("label-ungoverned", _spec(_clause("a", governs=[_governs("yes")]), questions=asked)) == []


def test_a_question_that_no_clause_governs_is_one_finding() -> None:
    (finding,) = lint(_spec())
    assert (finding.code, finding.where) == ("question-ungoverned", "question counts")
    assert _of("question-ungoverned", _spec(_clause("a", governs=[_governs("yes")]))) == []


@pytest.mark.parametrize("other", [PAIR, _governs("yes", "no")])
def test_two_clauses_that_decide_the_same_pair_are_found_at_the_later(other: dict[str, Any]) -> None:
    version = _spec(_clause("first-rule", governs=[PAIR]), _clause("second-rule", governs=[other]))
    (finding,) = _of("same-pair", version)
    assert finding.clause == "second-rule"
    assert "first-rule" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "It takes precedence.",
        "In case of doubt: no.",
        "Read §1 first.",
        "See clause first-rule.",
        "Unlike [that one](#clause-first-rule).",
        "Not so under First  Rule.",
    ],
)
def test_a_tie_break_settles_a_pair_that_two_clauses_decide(text: str) -> None:
    first, second = _clause("first-rule", governs=[PAIR]), _clause("second-rule", _rule(text), governs=[PAIR])
    assert _of("same-pair", _spec(first, second)) == []


def test_an_ordinary_word_is_no_mention_of_the_clause_of_that_name() -> None:
    first = _clause("time", governs=[PAIR])
    assert _of("same-pair", _spec(first, _clause("b", _rule("At the time of it."), governs=[PAIR])))
    assert not _of("same-pair", _spec(first, _clause("b", _rule("Unlike *Time* it holds."), governs=[PAIR])))


def test_clauses_that_both_govern_many_labels_need_not_meet() -> None:
    both = _governs("yes", "no")
    assert _of("same-pair", _spec(_clause("a", governs=[both]), _clause("b", governs=[both]))) == []


# --- what is missing


@pytest.mark.parametrize(("code", "other"), [("no-example", _against), ("no-counter-example", _example)])
def test_a_clause_that_governs_shows_examples_of_both_kinds(code: str, other: Any) -> None:
    there = {"no-example": _example, "no-counter-example": _against}[code]
    assert len(_of(code, _spec(_clause("a", other("x", "yes"), governs=[_governs()])))) == 1
    assert _of(code, _spec(_clause("a", there("x", "yes"), governs=[_governs()]))) == []
    assert _of(code, _spec(_clause("a", other("x", "yes")))) == []


def test_a_clause_states_its_rule() -> None:
    assert len(_of("no-definition", _spec(_clause("a", _rule(" "), _rule("n", "notes"))))) == 1
    assert _of("no-definition", _spec(_clause("a", _rule("A verb is there.", "use_when")))) == []


# --- wording


@pytest.mark.parametrize(
    "text", ["Names, dates ETC.", "Names and/or dates.", "It is Obviously so.", "a may or\nmay not"]
)
def test_vague_words_are_found(text: str) -> None:
    (finding,) = _wording("vague-word", text)
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    "text",
    [
        "someone",
        "the word “usually”",
        'he said "often"',
        "`some`",
        "irrelevant",
        "[x](http://some)",
        "`` a`some ``",
    ],
)
def test_a_word_that_is_mentioned_or_part_of_another_is_not_vague(text: str) -> None:
    assert _wording("vague-word", text) == []


def test_a_vague_word_is_found_once_in_a_block_and_not_beside_the_rule() -> None:
    assert len(_wording("vague-word", "Some here, some there.")) == 1
    assert (
        _of("vague-word", _spec(_clause("a", _rule("Often so.", "notes"), _rule("Often.", "rationale"))))
        == []
    )


def test_a_vague_word_in_a_title_or_the_help_is_advice() -> None:
    asked = [{**QUESTION, "help": "Usually the first."}]
    found = _of("vague-word", _spec(_clause("a", title="Various spans"), questions=asked))
    assert [(f.where, f.severity) for f in found] == [
        ("question counts, help", "advice"),
        ("clause a, title", "advice"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Mark each **target span**.",
        "Mark the *head noun* too.",
        "Mark every Temporal Expression there.",
        "Mark it as NER asks.",
    ],
)
def test_a_term_that_nothing_defines_is_found(text: str) -> None:
    assert len(_wording("undefined-term", text, text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Mark each **target span**. A target span is a run of words.",
        "Mark all **target spans**. **Target span**: a run of words.",
        "Mark a **target span**. By target span we mean a run of words.",
        "A run of words is called a *target span*. The *target span* counts.",
        "Use named entity recognition (NER). Then NER counts.",
        "NER stands for finding names.",
        "Mark the **It does not** label, and C-1.",
        "A claim that is **not** made; the *same* one; strictly *most likely true*, as in *said*, *plans to*.",
        "Giovanni Agnelli met Saudi Arabia in the USA; DO NOT mark this.",
        "Mark NAMES and names.",
        "**Note:** mark it.",
    ],
)
def test_a_term_that_is_defined_or_only_stressed_is_not_found(text: str) -> None:
    assert _wording("undefined-term", text) == []


def test_negations_pile_up_within_one_sentence() -> None:
    (finding,) = _wording("negation-pile", "It is not a name unless it doesn’t stand without an article.")
    assert finding.severity == "advice"
    assert _wording("negation-pile", "It is not a name. No verb. Never a place. Notably now.") == []


def test_long_sentences_and_long_clauses_are_found() -> None:
    assert len(_wording("long-sentence", "word " * 61)) == 1
    assert _wording("long-sentence", "word " * 59 + "end. " + "word " * 60) == []
    assert len(_wording("long-clause", "word. " * 601)) == 1
    assert (
        _of("long-clause", _spec(_clause("a", _rule("word. " * 600), _example("word " * 100, "yes", why=""))))
        == []
    )


def test_the_same_definition_or_title_twice_is_found_at_the_later() -> None:
    same = _spec(_clause("a", _rule("A name\nCounts.")), _clause("b", _rule("a name counts."), title=" a"))
    assert [(f.clause, f.block) for f in _of("duplicate-text", same)] == [("b", 0), ("b", 1)]
    other = _spec(
        _clause("a", _rule("A name."), _rule("A name.")),
        _clause("b", _rule("A name?"), _rule("A name.", "notes")),
    )
    assert _of("duplicate-text", other) == []


# --- examples


def test_an_example_has_a_value_of_a_question_that_its_clause_governs() -> None:
    other = {**QUESTION, "key": "other", "labels": [{"value": "red"}, {"value": "blue"}]}
    version = _spec(_clause("a", _example("x", "red"), governs=[_governs()]), questions=[QUESTION, other])
    (finding,) = _of("example-breaks-schema", version)
    assert "red" in finding.message
    free = _spec(_clause("a", _example("x", "red")), questions=[QUESTION, other])
    assert _of("example-breaks-schema", free) == []
    assert len(_of("example-breaks-schema", _spec(_clause("a", _against("x", "red"))))) == 1


def test_an_example_that_gives_the_title_of_a_label_is_told_its_value() -> None:
    (finding,) = _of("example-breaks-schema", _spec(_clause("a", _example("x", "It does"))))
    assert "yes" in finding.hint


def test_any_value_fits_a_question_whose_options_come_from_the_item() -> None:
    asked = [{"key": "counts", "title": "?", "labels": [], "options_from": "options"}]
    version = _spec(_clause("a", _example("x", "anything"), governs=[_governs()]), questions=asked)
    assert _of("example-breaks-schema", version) == _of("example-without-value", version) == []


def test_an_example_says_its_value_and_a_counter_example_why() -> None:
    bare = _spec(_clause("a", _example("x", ""), _against("y", "no", why=" "), governs=[_governs()]))
    assert [f.block for f in _of("example-without-value", bare)] == [1]
    assert [f.block for f in _of("counter-example-without-why", bare)] == [2]
    assert _of("example-without-value", _spec(_clause("a", _example("x", "")))) == []
    explained = _spec(_clause("a", _against("y", "no", why="", text="It names a place.")))
    assert _of("counter-example-without-why", explained) == []


def test_one_item_with_two_values_contradicts_itself() -> None:
    version = _spec(_clause("a", _example("The  Doctor", "yes")), _clause("b", _against("the doctor", "no")))
    (finding,) = _of("example-contradicts", version)
    assert (finding.clause, finding.block) == ("b", 1)
    assert "clause a, block 1" in finding.message


def test_one_item_may_answer_two_questions_or_stand_twice_alike() -> None:
    other = {**QUESTION, "key": "other", "labels": [{"value": "red"}, {"value": "blue"}]}
    one = _clause("a", _example("x", "yes"), _example("x", "yes"))
    assert (
        _of(
            "example-contradicts", _spec(one, _clause("b", _example("x", "red")), questions=[QUESTION, other])
        )
        == []
    )


# --- references


@pytest.mark.parametrize(
    "text",
    ["As in §7.3.", "See § 12", "Unlike clause 9 it holds.", "See clause foo-bar.", "see [it](#clause-foo)."],
)
def test_a_reference_that_names_no_clause_is_found(text: str) -> None:
    assert len(_wording("dangling-reference", text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "As in §1, clause 1, see clause c-1, [it](#clause-c-1).",
        "§ 12 BGB and 17 U.S.C. § 107 and § 3 Abs. 2",
        "The relative clause non-finite verbs make; see clause below.",
        "He wrote “clause 9”.",
    ],
)
def test_a_reference_to_a_clause_or_a_law_is_not_dangling(text: str) -> None:
    assert _wording("dangling-reference", text) == []


def test_clauses_in_sections_are_named_by_both_numbers() -> None:
    inside = _clause("a", _rule("See §1.1, or all of §1; not §2 or §1.2."), section="Names")
    assert [f.message[:5] for f in _of("dangling-reference", _spec(inside))] == ["“§2” ", "“§1.2"]


# --- whatever stands in it

HOSTILE = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(
            [
                *'`*_"“”‘«»§#|>.!?()[]\n\t\x00ſİß',
                "**a**",
                "*the* x",
                " is ",
                " we mean ",
                "(NE)",
                "§1.",
                "clause ",
                "#clause-a",
                "```",
                " called ",
                "etc.",
                "\ud800",
                "A Aa Bb",
                "see clause a-b",
            ]
        ),
        max_size=25,
    ).map("".join),
)
BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from([*sorted(clause_shape.BLOCK_TYPES), "odd"])},
    optional=dict.fromkeys(("text", "item", "value", "why"), HOSTILE),
)
ENTRY = st.fixed_dictionaries(
    {"question": st.sampled_from(["counts", "gone"])},
    optional={
        "values": st.lists(st.sampled_from(["yes", "no", "gone"]), max_size=2),
        "pairs": st.lists(st.lists(st.sampled_from(["yes", "no", "gone"]), max_size=3), max_size=2),
    },
)
CLAUSE = st.fixed_dictionaries(
    {"key": st.sampled_from("abc")},
    optional={
        "title": HOSTILE,
        "section": HOSTILE,
        "blocks": st.lists(BLOCK, max_size=3),
        "governs": st.lists(ENTRY, max_size=2),
    },
)
ASKED = st.fixed_dictionaries(
    {"key": st.sampled_from(["counts", ""])},
    optional={
        "title": HOSTILE,
        "help": HOSTILE,
        "options_from": st.none() | HOSTILE,
        "labels": st.lists(
            st.fixed_dictionaries({}, optional={"value": HOSTILE, "title": HOSTILE}), max_size=3
        ),
    },
)


@given(
    st.fixed_dictionaries({"clauses": st.lists(CLAUSE, max_size=4), "questions": st.lists(ASKED, max_size=2)})
)
@settings(deadline=None)
def test_hostile_text_is_read_alike_each_time_and_left_as_it_is(version: dict[str, Any]) -> None:
    before = copy.deepcopy(version)
    found = lint(version)
    assert found == lint(before)
    assert version == before
    assert all(
        finding.code in CODES and finding.where and finding.message and finding.hint for finding in found
    )


def test_the_order_is_the_same_in_every_process() -> None:
    text = "Some **target span** and each **head noun** of NER, often §9, #clause-x, not no never."
    version = _spec(*(_clause(f"c-{n}", _rule(text), governs=[PAIR, _governs("x", "y")]) for n in range(4)))
    program = "import json, sys; from specs.linting import lint; print([f.as_dict() for f in lint(json.load(sys.stdin))])"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(version),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize(
    "piece",
    [
        "`",
        "".join("`" * n + "x" for n in range(1, 150)),
        '"',
        "“x ",
        "*x ",
        ".",
        "\n ",
        "§1.",
        "a-",
        "A Aa ",
        "(A ",
        "is ",
    ],
)
def test_text_made_to_be_slow_comes_to_an_end(piece: str) -> None:
    version = _spec(_clause("a", _rule((piece * 20_000)[:20_000])))
    assert lint(version) == lint(version)
