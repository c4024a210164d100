"""Word, HTML and Markdown documents for tests, put together from the little that each needs."""

from __future__ import annotations

import io
import zipfile
from html import escape

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NAMESPACES = (
    f'xmlns:w="{W}" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
)
NUMBERING = (
    f"<w:numbering {NAMESPACES}>"
    '<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
    '<w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num></w:numbering>'
)
STYLES = (
    f"<w:styles {NAMESPACES}>"
    + "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{n}"><w:name w:val="heading {n}"/></w:style>'
        for n in range(1, 7)
    )
    + "</w:styles>"
)
PICTURE = (
    '<w:r><w:drawing><wp:inline><wp:docPr id="1" name="p" descr="a drawn apple"/><a:graphic><a:graphicData>'
    '<pic:pic><pic:blipFill><a:blip r:embed="rId9"/></pic:blipFill></pic:pic>'
    "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
)


def run(text: str, *, bold: bool = False) -> str:
    look = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return f'<w:r>{look}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def p(text: str = "", *, level: int = 0, listed: int = 0, inner: str = "") -> str:
    style = f'<w:pStyle w:val="Heading{level}"/>' if level else ""
    number = f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{listed}"/></w:numPr>' if listed else ""
    return f"<w:p><w:pPr>{style}{number}</w:pPr>{run(text) if text else ''}{inner}</w:p>"


def table(*rows: tuple[str, ...]) -> str:
    cells = ("".join(f"<w:tc>{p(cell)}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def word(*body: str, **parts: str | bytes) -> bytes:
    """A Word file; the name of a further part has __ for each slash and _dot_ for each dot."""
    file = io.BytesIO()
    document = f"<w:document {NAMESPACES}><w:body>{''.join(body)}</w:body></w:document>"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", document)
        archive.writestr("word/styles.xml", STYLES)
        archive.writestr("word/numbering.xml", NUMBERING)
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return file.getvalue()


MARKDOWN = """# Entities

## 1 Names

### 1.1 Persons

A person is *anyone* with a name.

Not a title alone.

Use when: somebody is named

**Avoid when:** the name is a place

Examples:

- "Ada came" -> PER: a first name
- "Ben ran" → PER (short)
- Chi => PER
- "Dov"
- anything else

Rationale: readers look for people.

### 1.2 Places

Somewhere.

| Text | Label | Why |
| --- | --- | --- |
| Rome | LOC | a city |
| Nile | LOC | a river |

## 2 Doubt

### Rule 7: Asking

Note: ask the lead.
"""
HTML = """<!doctype html>
<html><head><title>ignored</title><style>p {color: red}</style></head><body><div>
<h1>Entities</h1><h2>1 Names</h2>
<h3>1.1 Persons</h3>
<p>A person is <em>anyone</em> with a name.<p>Not a title alone.
<p>Use when: somebody is named</p><p><b>Avoid when:</b> the name is a place</p>
<p>Examples:</p><ul><li>"Ada came" -&gt; PER: a first name<li>"Ben ran" → PER (short)
<li>Chi =&gt; PER</li><li>"Dov"</li><li>anything else</li></ul>
<p>Rationale: readers look for people.</p><h3>1.2 Places</h3><p>Somewhere.</p>
<table><tr><th>Text</th><th>Label</th><th>Why</th></tr><tr><td>Rome</td><td>LOC</td><td>a city</td></tr>
<tr><td>Nile</td><td>LOC</td><td>a river</td></tr></table>
<h2>2 Doubt</h2><h3>Rule 7: Asking</h3><p>Note: ask the lead.</p></div></body></html>
"""


def as_word() -> bytes:
    person = "<w:p>" + run("A person is ") + "<w:r><w:rPr><w:i/></w:rPr><w:t>anyone</w:t></w:r>"
    return word(
        p("Entities", level=1),
        p("1 Names", level=2),
        p("1.1 Persons", level=3),
        person + run(" with a name.") + "</w:p>",
        p("Not a title alone."),
        p("Use when: somebody is named"),
        p(inner=run("Avoid when:", bold=True) + run(" the name is a place")),
        p("Examples:"),
        p('"Ada came" -> PER: a first name', listed=1),
        p('"Ben ran" → PER (short)', listed=1),
        p("Chi => PER", listed=1),
        p('"Dov"', listed=1),
        p("anything else", listed=1),
        p("Rationale: readers look for people."),
        p("1.2 Places", level=3),
        p("Somewhere."),
        table(("Text", "Label", "Why"), ("Rome", "LOC", "a city"), ("Nile", "LOC", "a river")),
        p("2 Doubt", level=2),
        p("Rule 7: Asking", level=3),
        p("Note: ask the lead."),
    )
