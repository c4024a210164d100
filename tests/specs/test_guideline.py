"""An existing guideline comes in: nothing of it is lost, and nothing in it can harm."""

import re
from html import escape
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specs import clauses as clause_shape
from specs.guideline import Guideline, Proposed, propose
from tests.specs.written import HTML, MARKDOWN, NAMESPACES, PICTURE, as_word, p, word


def read(text: str, name: str = "guide.md") -> Guideline:
    return propose(text.encode(), name)


def one(text: str) -> Proposed:
    (clause,) = read(f"# Clause\n\n# Clause\n\n{text}").clauses[1:]
    return clause


def blocks(text: str) -> list[dict[str, str]]:
    return one(text).blocks


def said(guideline: Guideline) -> str:
    clauses = guideline.clauses
    texts = chain.from_iterable(block.values() for clause in clauses for block in clause.blocks)
    return " ".join([guideline.title, *(f"{clause.title} {clause.section}" for clause in clauses), *texts])


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def messages(guideline: Guideline) -> str:
    return "\n".join(remark.message for remark in guideline.remarks)


# Clauses from headings


def test_headings_become_sections_and_clauses_with_their_blocks() -> None:
    found = read(MARKDOWN)
    persons, places, asking = found.clauses
    assert (found.title, found.remarks) == ("Entities", [])
    assert [(clause.key, clause.title, clause.section, clause.line) for clause in found.clauses] == [
        ("persons", "Persons", "Names", 5),
        ("places", "Places", "Names", 25),
        ("asking", "Asking", "Doubt", 36),
    ]
    assert persons.blocks == [
        {"type": "definition", "text": "A person is *anyone* with a name.\n\nNot a title alone."},
        {"type": "use_when", "text": "somebody is named"},
        {"type": "avoid_when", "text": "the name is a place"},
        {"type": "example", "item": "Ada came", "value": "PER", "why": "a first name"},
        {"type": "example", "item": "Ben ran", "value": "PER", "why": "short"},
        {"type": "example", "item": "Chi", "value": "PER"},
        {"type": "example", "item": "Dov"},
        {"type": "example", "text": "anything else"},
        {"type": "rationale", "text": "readers look for people."},
    ]
    assert places.blocks[1:] == [
        {"type": "example", "item": "Rome", "value": "LOC", "why": "a city"},
        {"type": "example", "item": "Nile", "value": "LOC", "why": "a river"},
    ]
    assert asking.blocks == [{"type": "notes", "text": "ask the lead."}]


@pytest.mark.parametrize(("data", "name"), [(HTML.encode(), "g.HTML"), (as_word(), "g.docx")])
def test_every_kind_of_document_gives_the_same_clauses(data: bytes, name: str) -> None:
    expected, found = read(MARKDOWN), propose(data, name)
    assert (found.title, found.remarks) == (expected.title, [])
    for ours, theirs in zip(found.clauses, expected.clauses, strict=True):
        assert (ours.key, ours.title, ours.section) == (theirs.key, theirs.title, theirs.section)
        assert ours.blocks == theirs.blocks


def test_a_clause_of_html_names_its_line_and_one_of_word_its_paragraph() -> None:
    assert [clause.line for clause in propose(HTML.encode(), "g.html").clauses] == [4, 9, 12]
    assert [clause.line for clause in propose(as_word(), "g.docx").clauses] == [3, 15, 27]


@pytest.mark.parametrize(("data", "name"), [(MARKDOWN.encode(), "g.md"), (as_word(), "g.docx")])
def test_every_word_of_the_document_is_in_the_result(data: bytes, name: str) -> None:
    numbers, lead_ins = words("1 2 7 Rule"), words("Use Avoid when Examples Rationale Note Text Label Why")
    assert words(MARKDOWN) - numbers - lead_ins <= words(said(propose(data, name)))


def test_a_heading_with_text_and_headings_below_is_a_clause_at_the_head_of_its_section() -> None:
    found = read("# Guide\n\n## A\n\nabout a\n\n### B\n\nb\n\n## C\n\nc")
    assert [(clause.title, clause.section) for clause in found.clauses] == [("A", "A"), ("B", "A"), ("C", "")]


def test_headings_above_the_section_are_part_of_its_name_and_remarked() -> None:
    found = read("# One\n\n## Two\n\n### Three\n\ntext\n\n# Four\n\n## Five\n\n### Six\n\ntext")
    assert [clause.section for clause in found.clauses] == ["One – Two", "Four – Five"]
    assert [remark.line for remark in found.remarks] == [3, 11]


def test_a_heading_deeper_than_any_text_is_bold_text_with_a_remark() -> None:
    found = read("# A\n\ntext\n\n# B\n\ntext\n\n## empty")
    assert found.clauses[1].blocks == [{"type": "definition", "text": "text\n\n**empty**"}]
    assert [remark.line for remark in found.remarks] == [9]


def test_text_in_front_of_the_first_clause_is_an_introduction() -> None:
    found = read("# Guide\n\nWelcome.\n\n## A\n\ntext")
    assert [(clause.title, clause.line) for clause in found.clauses] == [("Introduction", 3), ("A", 5)]
    assert [remark.line for remark in found.remarks] == [3]


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("3.2 Numbers", "Numbers"),
        ("§ 4", "§ 4"),
        ("§ 4 Money", "Money"),
        ("Rule 7: Names", "Names"),
        ("IV. Names", "Names"),
        ("A) Names", "Names"),
        ("2 Names", "Names"),
        ("3 ways to ask", "3 ways to ask"),
        ("Part of speech", "Part of speech"),
        ("I am here", "I am here"),
    ],
)
def test_numbering_is_taken_from_titles_and_nothing_else(heading: str, title: str) -> None:
    assert read(f"# One\n\n# {heading}\n\ntext").clauses[-1].title == title


def test_keys_are_unique_valid_and_ascii() -> None:
    long = "word " * 60
    found = read("".join(f"# {title}\n\ntext\n\n" for title in ["Größe", "Größe", "数字", long, long]))
    keys = [clause.key for clause in found.clauses]
    assert keys[:3] == ["grosse", "grosse-2", "clause-3"]
    assert len(set(keys)) == 5
    assert not any(map(clause_shape.key_problem, keys))
    assert all(len(clause.title) <= clause_shape.MAX_TITLE for clause in found.clauses)
    assert said(found).split().count("word") >= 120


# Without headings


def test_without_headings_numbered_items_are_clauses() -> None:
    found = read(
        "Hello.\n\n1. **Names** are tagged.\n2. Places too. See below.\n   - inner\n\nafter\n\nNote: careful"
    )
    assert [(clause.title, clause.line) for clause in found.clauses] == [
        ("Introduction", 1),
        ("Names", 3),
        ("Places too.", 4),
    ]
    assert found.clauses[1].blocks == [{"type": "definition", "text": "are tagged."}]
    assert found.clauses[2].blocks[0]["text"] == "Places too. See below.\n\n- inner\n\nafter"
    assert found.clauses[2].blocks[1] == {"type": "notes", "text": "careful"}
    assert "no headings" in messages(found)


def test_without_headings_and_numbers_paragraphs_are_clauses() -> None:
    found = read("First rule. More.\n\nExamples:\n\n- a\n\nSecond rule")
    assert [clause.title for clause in found.clauses] == ["First rule.", "Second rule"]
    assert found.clauses[0].blocks[1] == {"type": "example", "text": "a"}


# Blocks from lead-ins


@pytest.mark.parametrize(
    ("lead", "kind"),
    [
        ("Definition", "definition"),
        ("USE WHEN", "use_when"),
        ("Use it when", "use_when"),
        ("Applies when", "use_when"),
        ("Do", "use_when"),
        ("Do not use", "avoid_when"),
        ("Avoid", "avoid_when"),
        ("Don’t", "avoid_when"),
        ("Does not apply", "avoid_when"),
        ("Example", "example"),
        ("For example", "example"),
        ("Counter-examples", "counter_example"),
        ("Non-example", "counter_example"),
        ("Not an example", "counter_example"),
        ("Why", "rationale"),
        ("Reason", "rationale"),
        ("Notes", "notes"),
    ],
)
@pytest.mark.parametrize(
    "form", ["{}: text", "**{}:** text", "**{}** text", "## {}\n\ntext", "{}:\n\ntext", "- {}: text"]
)
def test_a_lead_in_names_the_type_of_block(lead: str, kind: str, form: str) -> None:
    assert blocks(form.format(lead)) == [{"type": kind, "text": "text"}]


def test_eg_is_a_lead_in_without_a_colon_and_a_word_in_a_sentence_is_none() -> None:
    assert blocks('E.g. "apple" -> FRUIT') == [{"type": "example", "item": "apple", "value": "FRUIT"}]
    text = "Do the work. Use when you like; examples follow."
    assert blocks(text) == [{"type": "definition", "text": text}]


def test_lines_of_one_paragraph_can_each_have_a_lead_in() -> None:
    assert [block["type"] for block in blocks("Use when: a\nAvoid when: b\n  **Why**: c")] == [
        "use_when",
        "avoid_when",
        "rationale",
    ]


def test_text_after_a_list_of_examples_is_the_rule_again() -> None:
    assert [block["type"] for block in blocks("Examples:\n\n- a\n- b\n\nAnd more.")] == [
        "example",
        "example",
        "definition",
    ]


def test_an_example_keeps_what_does_not_fit_its_parts() -> None:
    table_of = "| Example | Label | Source |\n|---|---|---|\n| `a\\|b` | B | page 3 |\n"
    assert blocks(table_of) == [{"type": "example", "text": "Source: page 3", "item": "a|b", "value": "B"}]
    assert blocks("Examples:\n\n- [a](http://b.example) -> B")[0]["text"] == "[a](http://b.example) -> B"
    assert blocks("Examples:\n\n- a -> B\n  - inner")[0]["text"] == "a -> B\n- inner"


def test_a_table_of_something_else_stays_a_table() -> None:
    assert blocks("| Who | When |\n|---|---|\n| Ada | now |")[0]["type"] == "definition"


def test_blocks_are_cut_at_the_limit_and_clauses_at_two_hundred_blocks() -> None:
    found = propose(b"# A\n\n# A\n\n" + b"word " * 100, "g.md", max_characters=100)
    assert all(len(block["text"]) <= 100 for block in found.clauses[1].blocks)
    assert said(found).split().count("word") == 100
    many = read("# A\n\n# A\n\nExamples:\n\n" + "- x\n" * 250)
    assert [len(clause.blocks) for clause in many.clauses] == [0, 200, 50]


# Nothing is lost


def test_text_that_looks_like_markup_stays_text() -> None:
    shown = "<p># 1. <b>a*b*c</b> &lt;PER&gt; a_b_ [x](y) `z` &amp;amp; -&gt; c|d</p><p>- no item</p><p>1) none</p>"
    text = read(f"<h1>A</h1><h1>B</h1>{shown}", "g.html").clauses[1].blocks[0]["text"]
    assert "<PER>" in text.replace("\\", "")
    assert text.split("\n\n")[1:] == ["\\- no item", "1\\) none"]
    assert text.startswith("\\# 1. **a\\*b\\*c** \\<PER> a_b\\_ \\[x\\](y) \\`z\\` \\&amp; -> c\\|d")


def test_a_tag_that_html_does_not_know_is_text_in_markdown() -> None:
    assert "PER" in blocks("Mark <PER>Ada</PER> so.")[0]["text"]
    assert "ORG" in blocks("<ORG>\nAcme\n</ORG>")[0]["text"]


def test_unclosed_html_is_read_as_browsers_do() -> None:
    found = read("<h2>A</h2>" + "<p>one<p>two" * 100 + "<h2>B</h2><ul>" + "<li>x" * 100, "g.htm")
    assert [clause.title for clause in found.clauses] == ["A", "B"]


def test_dropped_things_are_remarked_with_their_line() -> None:
    found = read("# A\n\n# B\n\ntext\n\n![an apple](http://x.example/a.png)\n")
    assert [(remark.line, "picture" in remark.message) for remark in found.remarks[1:]] == [(7, True)]
    assert "an apple" in said(found)
    assert "x.example" not in said(found)


def test_what_word_has_beside_its_text_is_kept_or_remarked() -> None:
    kinds = ["footnote", "comment"]
    texts = {"footnote": "mind the gap", "comment": "is it so"}
    parts = {
        f"word__{kind}s_dot_xml": f'<w:{kind}s {NAMESPACES}><w:{kind} w:id="1">{p(texts[kind])}</w:{kind}></w:{kind}s>'
        for kind in kinds
    }
    refs = "".join(f'<w:r><w:{kind}Reference w:id="1"/></w:r>' for kind in kinds)
    rels = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId9" Type="image" Target="media/a.png"/></Relationships>'
    )
    equation = "<w:p><m:oMath><m:r><m:t>energy</m:t></m:r></m:oMath></w:p>"
    found = propose(
        word(
            p("A", level=2),
            p("text", inner=refs),
            p("B", level=2),
            p("more", inner=PICTURE),
            equation,
            p("last", inner="<w:r><w:object/></w:r>"),
            word___rels__document_dot_xml_dot_rels=rels,
            word__media__a_dot_png=b"PNG",
            word__header1_dot_xml=f"<w:hdr {NAMESPACES}>{p('Draft')}</w:hdr>",
            **parts,
        ),
        "g.docx",
    )
    assert found.clauses[0].blocks == [
        {"type": "definition", "text": "text"},
        {"type": "notes", "text": "mind the gap"},
    ]
    assert "a drawn apple" in said(found)
    reported = [(remark.line, remark.message) for remark in found.remarks]
    for line, part in [
        (2, "footnote"),
        (2, "is it so"),
        (4, "apple"),
        (5, "energy"),
        (6, "object"),
        (1, "Draft"),
    ]:
        assert any(part in message for at, message in reported if at == line or part == "Draft"), part


# Nothing in it can harm


def test_scripts_never_survive_and_bad_links_lose_their_target() -> None:
    bad = '<script>alert("x")</script><a href="javascript:alert(1)" onclick="y()">click</a><img src=x onerror=z()>'
    for text, name in [
        (f"<h1>A</h1><h1>B</h1>{bad}", "g.html"),
        (f"# A\n\n# B\n\n{bad}\n\n[k](javascript:e)", "g.md"),
    ]:
        found = read(text, name)
        assert not re.search(r"alert|javascript|onclick|onerror|z\(", said(found))
        assert "click" in said(found)
        assert "script" in messages(found)


# For any document

TEXT = st.lists(
    st.text(st.sampled_from("abcXYZäß1.*_#<>&|-:[]()`~\"'"), min_size=1, max_size=8), min_size=1, max_size=6
).map(" ".join)
PLAIN = st.lists(st.text(st.sampled_from("klmnopäß"), min_size=3, max_size=6), min_size=1, max_size=6).map(
    " ".join
)
PARTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["# ", "## ", "### ", "#### "]), PLAIN),
        st.tuples(st.sampled_from(["", "- ", "1. ", "> ", "Examples: ", "**Note** "]), PLAIN),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(PARTS)
def test_no_word_of_any_document_is_lost_and_keys_are_unique(parts: list[tuple[str, str]]) -> None:
    found = read("\n\n".join(start + text for start, text in parts))
    keys = [clause.key for clause in found.clauses]
    assert words(" ".join(text for _, text in parts)) <= words(said(found))
    assert len(set(keys)) == len(keys)
    assert not any(map(clause_shape.key_problem, keys))
    lines = [clause.line for clause in found.clauses]
    assert lines == sorted(lines)


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_no_word_of_any_html_is_lost(texts: list[str]) -> None:
    found = read("<h1>A</h1><h1>B</h1>" + "".join(f"<p>k {escape(text)}</p>" for text in texts), "g.html")
    assert words(" ".join(texts)) - {"_"} <= words(said(found).replace("\\", "")) | {"_"}
