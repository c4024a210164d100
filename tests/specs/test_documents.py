"""What a document cannot do: harm, never end, or be refused without a reason."""

from __future__ import annotations

import io
import warnings
import zipfile

import pytest

from specs.documents import Unreadable
from specs.guideline import propose
from tests.specs.written import p, word


def packed(*entries: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


ENTITY = '<!DOCTYPE w [<!ENTITY x "y">]><w/>'
HOSTILE = {
    "bomb": (packed(("word/document.xml", b" " * 5_000_000)), "tightly"),
    "huge": (packed(("word/media/a.png", b"\0" * 51 * 2**20)), "too large"),
    "many": (packed(*((str(n), b"x") for n in range(2001))), "too large"),
    "entity": (word(p("x"), customXml_dot_xml=ENTITY), "entities"),
    "entity in utf-16": (word(p("x"), word__other=ENTITY.encode("utf-16")), "entities"),
    "password": (b"\xd0\xcf\x11\xe0" + b"\0" * 100, "password"),
    "truncated": (word(p("x"))[:-40], "damaged"),
    "no zip": (b"hello", "damaged"),
    "no document": (packed(("a.txt", b"x")), "no Word document"),
    "broken xml": (packed(("word/document.xml", b"<w")), "no Word document"),
    "deep": (word("<w:sdt><w:sdtContent>" * 5000 + "</w:sdtContent></w:sdt>" * 5000), "tightly|deep"),
    "empty": (word(), "no text"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_word_file_is_refused(kind: str) -> None:
    data, why = HOSTILE[kind]
    with pytest.raises(Unreadable, match=why):
        propose(data, "g.docx")


def test_an_encrypted_entry_and_a_wrong_checksum_are_refused() -> None:
    data = bytearray(word(p("Apples", level=1)))
    directory = data.index(b"PK\x01\x02")
    encrypted = data.copy()
    encrypted[directory + 8] |= 1
    with pytest.raises(Unreadable, match="encrypted"):
        propose(bytes(encrypted), "g.docx")
    data[directory + 16] ^= 255
    with pytest.raises(Unreadable, match="damaged"):
        propose(bytes(data), "g.docx")


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (b"", "g.md", "no text"),
        (b" \n\n<!-- x -->", "g.html", "no text"),
        ("größe".encode("latin-1"), "g.txt", "UTF-8"),
        ("text".encode("utf-16"), "g.md", "UTF-8"),
        (b"a\0b", "g.md", "NUL"),
        (b"%PDF", "g.pdf", "docx"),
        (b"x", "g.doc", "docx"),
        (b"x", "g.odt", "docx"),
        (b"x", "g", "docx"),
        (b"x" * 1_000_001, "g.md", "characters"),
        (b"<i>" * 40_001, "g.html", "parts"),
        (b"<![" * 100, "g.html", "damaged"),
        (b"# A\n\nx\n\n" * 501, "g.md", "more than 500 clauses"),
        (b"<div>" * 10_000 + b"x", "g.html", "deep"),
        (b"<ul><li>" * 10_000 + b"x", "g.html", "deep"),
        (b"> " * 10_000 + b"x", "g.md", "deep"),
        (b"".join(b"  " * n + b"- x\n" for n in range(300)), "g.md", "deep"),
        (b"<div>" * 10_000 + b"x", "g.md", "deep"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(data: bytes, name: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        propose(data, name)


@pytest.mark.parametrize(
    "text", ["notes.txt", "https://example.org", '<?xml version="1.0"?><html><p>hello</p></html>']
)
def test_odd_but_harmless_text_warns_nobody(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert propose(text.encode(), "g.html").clauses


def test_a_byte_order_mark_is_no_part_of_the_title() -> None:
    assert propose(b"\xef\xbb\xbf# Guide\n\ntext", "g.md").title == "Guide"


def test_a_document_cannot_forge_the_marks_that_carry_its_lines() -> None:
    found = propose("# A\n\n# B\n\n<p data-line='x'>one</p>te\ufdd099\ufdd1xt".encode(), "g.md")
    assert found.clauses[1].blocks[0]["text"].endswith("te99xt")
    assert [clause.line for clause in found.clauses] == [1, 3]
