"""An existing guideline comes in: a Word, HTML or Markdown document is split into proposed clauses. Pure.

Every kind of document becomes the same sanitised HTML, then Markdown, and one splitter reads that. What the splitter cannot
place is kept as text; what has no text (pictures, objects) is named in a remark.
"""

from __future__ import annotations

import html
import io
import itertools
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

import mammoth
import nh3
from bs4 import BeautifulSoup
from bs4.element import NavigableString, Tag
from bs4.exceptions import ParserRejectedMarkup
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdownify import MarkdownConverter

from specs.clauses import EXAMPLES, MAX_KEY, MAX_TITLE

MAX_TEXT = 1_000_000
MAX_TAGS = 20_000
MAX_UNPACKED = 50 * 2**20
MAX_XML = 16 * 2**20  # the DOM of the XML takes some thirty times its size
MAX_RATIO = 100
MAX_ENTRIES = 2000
MAX_DEPTH = 60
MAX_BLOCKS = 200
_WORDS = {
    "avoid_when": r"(?:do not|don['’]t)(?: use)?(?: it)?(?: when| if)?|avoid(?: it)?(?: when| if)?"
    r"|does not apply(?: when| if| to)?",
    "use_when": r"use(?: it)? (?:when|if)|applies(?: when| if| to)?|do",
    "counter_example": r"(?:counter|non|negative|bad)[ -]?examples?(?: \d+)?|not an example",
    "example": r"(?:good |positive )?examples?(?: \d+)?|e\.g\.?|for example",
    "definition": r"definition",
    "rationale": r"rationale|why|reasons?",
    "notes": r"notes?",
}
_ANY = "|".join(f"(?P<{kind}>{words})" for kind, words in _WORDS.items())
_BOLD_LEAD = re.compile(rf"(\*{{1,3}})(?:{_ANY})\s*:?\s*\1\s*:?\s*", re.IGNORECASE)
_PLAIN_LEAD = re.compile(rf"(?:{_ANY})(?::|(?<=e\.g\.),?\s|(?<=for example),)\s*", re.IGNORECASE)
_LEAD_WHOLE = re.compile(rf"(?:{_ANY})\s*:?", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?:(?:§+|(?i:rule|clause|section|chapter|article|part|step))\s*(?:\d+(?:\.\d+)*|[A-Z]|[IVX]+)\b[.):–—-]*"
    r"|\d+(?:\.\d+)+[.):]*|(?:\d+|[A-Z]|[IVX]+)[.):]|\d{1,2}(?=\s+[A-Z]))\s+(?:[–—-]\s+)?"
)
_EXAMPLE = re.compile(
    r"(?:[\"“„«‘'](?P<quoted>.+?)[\"”“»’']|(?P<bare>.+?))\s*(?:-{1,2}>|=>|→|⇒)\s*(?P<value>[^:(]{1,100}?)\s*"
    r"(?:(?::|\s[–—-])\s+(?P<why>.+)|\((?P<because>.+)\)\.?)?"
)
_QUOTED = re.compile(r"[\"“„«‘']([^\"“”„«»]+)[\"”“»’']")
_COLUMNS = {
    "item": re.compile(r"example|text|item", re.IGNORECASE),
    "value": re.compile(r"label|value|class", re.IGNORECASE),
    "why": re.compile(r"why|reason|comment", re.IGNORECASE),
}
_MARK = re.compile("\ufdd0(\\d+)\ufdd1")  # characters that Unicode keeps for such inner use
_WORD_PARAGRAPH = re.compile(r"\{[^}]*wordprocessingml[^}]*\}p")
_LIVE = re.compile(r"[\\`*<\[\]|]|(?<![^\W_])_|_(?![^\W_])|~(?=~)|&(?=[#\w])")
_LIVE_START = re.compile(
    "^((?:\\s|\ufdd0\\d+\ufdd1)*)(?:(#{1,6}(?=\\s|$)|>|[+-](?=\\s|-|$)|=+(?=\\s*$))|(\\d{1,9})([.)](?=\\s|$)))",
    re.MULTILINE,
)
_BLOCKS = ["p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "td", "th", "pre", "dt", "dd", "div", "caption"]
_OBJECTS = ["img", "svg", "video", "audio", "object", "embed", "iframe", "canvas", "picture"]
_SILENT = {"script", "style", "title", "template"}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}, "td": {"colspan"}, "th": {"colspan"}, "*": {"data-line"}}
_TAGS = (nh3.ALLOWED_TAGS | {"section", "main", "tfoot", "address"}) - {"img"}
# Those that are labels in many a guideline are left out: there `<time>` is meant to be read.
_HTML_NAMES = (_TAGS | _SILENT | {*_OBJECTS, "head", "body", "html", "font", "form"}) - {
    "time",
    "data",
    "map",
}
_writer = MarkdownIt("commonmark", {"html": True, "maxNesting": MAX_DEPTH}).enable(["table", "strikethrough"])
_reader = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_DEPTH}).enable(
    ["table", "strikethrough"]
)
# nh3 drops the target of a bad link and keeps its words; the parser would keep the target as text.
_writer.validateLink = lambda url: True  # type: ignore[method-assign]


class Unreadable(ValueError):
    """The document cannot be taken in; the message says what to do about it."""


@dataclass(frozen=True)
class Proposed:
    """One proposed clause. `line` is the line of the source where it begins; in Word, the number of the paragraph."""

    key: str
    title: str
    section: str
    blocks: list[dict[str, str]]
    line: int


@dataclass(frozen=True)
class Remark:
    """What a person must look at, and why."""

    line: int
    message: str


@dataclass(frozen=True)
class Guideline:
    """The clauses that a document seems to consist of, in its order; `title` is "" where it names none."""

    title: str
    clauses: list[Proposed]
    remarks: list[Remark]


@dataclass(frozen=True)
class _Piece:
    """A top-level part of the Markdown: `text` is its source, `title` and `level` are a heading's."""

    kind: str
    text: str
    line: int
    title: str = ""
    level: int = 0
    items: list[tuple[str, list[int]]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    @property
    def lead(self) -> str | None:
        """The type of block that a heading announces."""
        found = _LEAD_WHOLE.fullmatch(self.title) if self.kind == "heading" else None
        return _kind(found) if found else None


@dataclass
class _Draft:
    title: str
    section: str
    line: int
    pieces: list[_Piece] = field(default_factory=list)


def propose(data: bytes, name: str, *, max_characters: int = 20_000, max_clauses: int = 500) -> Guideline:
    """The clauses proposed from the file *name* with the bytes *data*. Raises `Unreadable`."""
    remarks: list[Remark] = []
    try:
        pieces = _pieces(*_markdown(data, PurePath(name).suffix.lower(), remarks))
        title, drafts = _drafts(pieces, remarks)
        clauses = list(_clauses(drafts, max_characters, max_clauses, remarks))
    except RecursionError:
        _too_deep()
    if not clauses:
        raise Unreadable("There is no text in this document.")
    return Guideline(title, clauses, sorted(remarks, key=lambda remark: remark.line))


def _markdown(data: bytes, suffix: str, remarks: list[Remark]) -> tuple[str, list[int]]:
    """The document as sanitised Markdown, and for each of its lines the line of the source."""
    match suffix:
        case ".docx":
            return _from_soup(_from_word(data, remarks), remarks)
        case ".html" | ".htm":
            soup = _soup(_text(data))
            for tag in soup.find_all(True):
                tag["data-line"] = str(tag.sourceline)
            return _from_soup(soup, remarks)
        case ".md" | ".markdown" | ".txt":
            return _from_soup(_soup(_within_limit(_as_html(_text(data)))), remarks)
        case _:
            raise Unreadable(
                f"A file of the type {suffix or 'without a name'} cannot be read; save it as .docx, .html or .md."
            )


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"The text is not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    if "\x00" in text:
        raise Unreadable("There are NUL characters in the text; is it really a text file?")
    return _within_limit(text)


def _within_limit(text: str) -> str:
    if len(text) > MAX_TEXT or max(text.count("<"), text.count("\n")) > 2 * MAX_TAGS:
        raise Unreadable(
            f"The document has more than {MAX_TEXT:,} characters or {MAX_TAGS:,} parts; bring it in in pieces."
        )
    return text


def _too_deep() -> NoReturn:
    raise Unreadable(f"Something is nested more than {MAX_DEPTH} levels deep; make lists and tables flatter.")


def _soup(text: str) -> BeautifulSoup:
    # A long run of blanks takes markdownify quadratic time.
    text = re.sub(r"[ \t\r]{200,}", " ", _MARK.sub("", text))
    # The tag in front tells Beautiful Soup that this is HTML and neither a file's name nor XML: it would warn.
    try:
        return BeautifulSoup("<body>" + text, "html.parser")
    except ParserRejectedMarkup as error:
        raise Unreadable("This HTML is damaged; open it in a browser and save it again.") from error


def _as_html(text: str) -> str:
    """Markdown as HTML that remembers its lines; a tag that HTML does not know, like `<PER>`, is text."""
    tokens = _parse(_writer, text)
    for token in tokens:
        if token.map and token.nesting >= 0 and token.type not in ("inline", "html_block"):
            token.attrSet("data-line", str(token.map[0] + 1))
        for raw in (token, *(token.children or ())):
            if raw.type in ("html_block", "html_inline") and not _is_html(raw.content):
                raw.content = html.escape(raw.content, quote=False)
                raw.content = f"<p>{raw.content}</p>\n" if raw.type == "html_block" else raw.content
    return str(_writer.renderer.render(tokens, _writer.options, {}))


def _is_html(text: str) -> bool:
    found = re.match(r"\s*</?([a-zA-Z][\w-]*)", text)
    return not found or found.group(1).lower() in _HTML_NAMES


def _parse(parser: MarkdownIt, text: str) -> list[Token]:
    tokens = parser.parse(text)
    # Beyond its limit the parser leaves text out without a word.
    if any(token.level >= MAX_DEPTH - 2 for token in tokens):
        _too_deep()
    return tokens


def _from_word(data: bytes, remarks: list[Remark]) -> BeautifulSoup:
    archive = _archive(data)
    try:
        # The document's own style map is not asked: it can hide text.
        result = mammoth.convert_to_html(
            io.BytesIO(data),
            include_embedded_style_map=False,
            style_map="comment-reference => sup",
            convert_image=mammoth.images.img_element(lambda image: {}),
        )
    except RecursionError:
        raise
    except Exception as error:  # mammoth lets whatever a malformed document causes pass
        raise Unreadable(f"This is no Word document that can be read ({type(error).__name__}).") from error
    soup = _soup(_within_limit(result.value))
    for number, tag in enumerate(soup.find_all(["p", "li", *_BLOCKS[1:7]]), 1):
        tag["data-line"] = str(number)
    _place_notes(soup, remarks)
    _name_left_out(archive, soup, remarks)
    return soup


def _archive(data: bytes) -> zipfile.ZipFile:
    """The opened Word file, once nothing in it can harm who unpacks it."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("This file is protected by a password or in the old .doc format; save it as .docx.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        _check_sizes(archive.infolist())
        for info in archive.infolist():
            _refuse_dtd(archive.read(info))
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, zlib.error) as error:
        raise Unreadable("This .docx file is damaged; open it in Word and save it again.") from error
    return archive


def _check_sizes(infos: Sequence[zipfile.ZipInfo]) -> None:
    unpacked = sum(info.file_size for info in infos)
    if any(info.flag_bits & 1 for info in infos):
        raise Unreadable("This .docx file is encrypted; save it without a password.")
    if len(infos) > MAX_ENTRIES or unpacked > MAX_UNPACKED:
        raise Unreadable("This .docx file is too large when it is unpacked; take out pictures or split it.")
    if unpacked > MAX_RATIO * max(1, sum(info.compress_size for info in infos)):
        raise Unreadable("This .docx file is packed far more tightly than any real document.")
    if sum(info.file_size for info in infos if not info.filename.startswith("word/media/")) > MAX_XML:
        raise Unreadable("There is too much text in this .docx file; bring it in in parts.")


def _refuse_dtd(part: bytes) -> None:
    def refuse(*declaration: Any) -> NoReturn:
        raise Unreadable("This .docx file declares XML entities, which no Word document does.")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(part, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, Unreadable):
            raise


def _place_notes(soup: BeautifulSoup, remarks: list[Remark]) -> None:
    """Footnotes become notes behind the block that refers to them; comments become remarks."""
    for reference in soup.find_all("a", href=re.compile(r"^#(footnote|endnote|comment)-\d+$")):
        target = soup.find(id=str(reference["href"])[1:])
        words = _note_words(target)
        block = next((tag for tag in reference.parents if tag.parent and tag.parent.name == "body"), None)
        line = _line(reference)
        if "comment" in str(reference["href"]):
            remarks.append(Remark(line, f"a comment is left out: {words}"))
        elif block is not None:
            note = soup.new_tag("p", attrs={"data-line": str(line)}, string=f"Note: {words}")
            block.insert_after(note)
            remarks.append(Remark(line, "a footnote is now a note of the clause"))
        reference.decompose()
    for target in soup.find_all(["li", "dt", "dd"], id=re.compile(r"^(footnote|endnote|comment)-\d+$")):
        for part in (target, target.find_next_sibling("dd") if target.name == "dt" else None):
            if part is not None:
                part.decompose()


def _note_words(target: Tag | None) -> str:
    found = target.find_next_sibling("dd") if target is not None and target.name == "dt" else target
    return " ".join(found.get_text(" ").replace("↑", "").split()) if found is not None else ""


def _line(tag: Tag) -> int:
    """The line of the tag or of the nearest one before or around it that knows its own."""
    known = tag if tag.has_attr("data-line") else tag.find_previous(attrs={"data-line": True})
    number = str(known["data-line"]) if isinstance(known, Tag) else "1"
    return int(number) if re.fullmatch(r"\d{1,7}", number) else 1


def _name_left_out(archive: zipfile.ZipFile, soup: BeautifulSoup, remarks: list[Remark]) -> None:
    """Remarks on objects, and on words of the Word file (equations, page headers) that did not come through."""
    kept, number = set(_words_of(soup.get_text(" "))), 0
    names = re.compile(r"word/(?:document|header\d*|footer\d*)\.xml")
    for part in sorted(filter(names.fullmatch, archive.namelist())):
        root = ElementTree.fromstring(archive.read(part))  # noqa: S314  (a DTD was refused)
        for paragraph in (tag for tag in root.iter() if _WORD_PARAGRAPH.fullmatch(tag.tag)):
            nodes = list(paragraph.iter())
            words = "".join(node.text or "" for node in nodes if node.tag.endswith("}t"))
            number += bool(words.strip()) and part == "word/document.xml"
            if not kept.issuperset(_words_of(words)):
                remarks.append(Remark(max(number, 1), f"this could not be taken in: {words[:500]}"))
            if any(node.tag.endswith(("}object", "}chart", "}relIds")) for node in nodes):
                remarks.append(Remark(max(number, 1), "an embedded object is left out"))


def _from_soup(soup: BeautifulSoup, remarks: list[Remark]) -> tuple[str, list[int]]:
    for tag in soup.find_all([*_OBJECTS, *_SILENT - {"title"}]):
        if tag.name in _OBJECTS and not tag.find_parent(_OBJECTS):
            alt = str(tag.get("alt") or "")
            remarks.append(Remark(_line(tag), f"left out: a picture or object {alt}".rstrip()))
            if alt:
                tag.insert_before(alt)
        elif tag.name == "script":
            remarks.append(Remark(_line(tag), "a script is left out"))
    clean = nh3.clean(
        str(soup), tags=_TAGS, attributes=_ATTRIBUTES, clean_content_tags=_SILENT, link_rel=None,
        url_schemes={"http", "https", "mailto"},
    )  # fmt: skip
    return _with_lines(
        _Writer(heading_style="atx", table_infer_header=True, bullets="-").convert_soup(_marked(clean))
    )


def _marked(clean: str) -> BeautifulSoup:
    """The HTML with the number of its source line in front of the text of each block."""
    soup = BeautifulSoup("<body>" + clean, "html.parser")
    if any(_depth(tag) > MAX_DEPTH for tag in soup.find_all(True)):
        _too_deep()
    for inner in soup.select("table table"):
        inner.replace_with(inner.get_text(" "))
    for tag in soup.find_all(_BLOCKS):
        first = next((text for text in tag.strings if text.strip()), None)
        if first is not None and tag.has_attr("data-line"):
            blank = len(first) - len(first.lstrip())
            first.replace_with(NavigableString(f"{first[:blank]}\ufdd0{_line(tag)}\ufdd1{first[blank:]}"))
    return soup


def _depth(tag: Tag) -> int:
    return next((number for number, _ in enumerate(tag.parents) if number > MAX_DEPTH), 0)


def _with_lines(text: str) -> tuple[str, list[int]]:
    lines: list[int] = []
    for line in text.split("\n"):
        found = _MARK.search(line)
        lines.append(int(found.group(1)) if found else lines[-1] if lines else 1)
    return _within_limit(_MARK.sub("", text)), lines


class _Writer(MarkdownConverter):
    """Writes Markdown in which text stays text, with no more backslashes than that takes."""

    def escape(self, text: str, parent_tags: set[str]) -> str:
        return _LIVE_START.sub(r"\1\3\\\2\4", _LIVE.sub(r"\\\g<0>", text))

    def convert_code(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        text = text.replace("|", r"\|") if "_inline" in parent_tags else text
        return str(super().convert_code(el, text, parent_tags))  # type: ignore[misc]


def _pieces(text: str, lines: list[int]) -> list[_Piece]:
    found: list[_Piece] = []
    group: list[Token] = []
    for token in _parse(_reader, text):
        group.append(token)
        if token.level == 0 and token.nesting <= 0:
            found.extend(_split_leads(_piece(group, text.split("\n"), lines)))
            group = []
    return found


def _piece(group: list[Token], source: list[str], lines: list[int]) -> _Piece:
    opening = group[0]
    start, end = opening.map or (0, 0)
    piece = _Piece(opening.type.removesuffix("_open"), "\n".join(source[start:end]).rstrip(), lines[start])
    match piece.kind:
        case "heading":
            return replace(piece, title=_plain(group[1]), level=int(opening.tag[1:]))
        case "bullet_list" | "ordered_list":
            maps = [token.map for token in group if token.type == "list_item_open" and token.level == 1]
            return replace(piece, items=[_item(source[a:b], lines[a:b]) for a, b in filter(None, maps)])
        case "table":
            return replace(piece, rows=_rows(group))
    return piece


def _plain(inline: Token) -> str:
    """The words of a line without its markup."""
    parts = (" " if child.type.endswith("break") else child.content for child in inline.children or ())
    return " ".join("".join(parts).split())


def _rows(group: list[Token]) -> list[list[str]]:
    rows: list[list[str]] = []
    for token in group:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_plain(token))
    return rows


def _item(source: list[str], lines: list[int]) -> tuple[str, list[int]]:
    """The text of a list item as a document of its own."""
    marker = re.match(r"\s*(?:[*+-]|\d+[.)])\s?", source[0])
    width = marker.end() if marker else 0
    rest = [line[min(width, len(line) - len(line.lstrip())) :] for line in source[1:]]
    return "\n".join([source[0][width:], *rest]).rstrip(), lines


def _split_leads(piece: _Piece) -> Iterator[_Piece]:
    """A paragraph, cut where one of its lines begins with a lead-in."""
    if piece.kind != "paragraph":
        yield piece
        return
    part: list[str] = []
    for line in piece.text.split("\n"):
        if part and _lead(line):
            yield replace(piece, text="\n".join(part).rstrip())
            part = []
        part.append(line)
    yield replace(piece, text="\n".join(part))


def _lead(text: str) -> tuple[str, str] | None:
    """The type of block that the text begins, and the rest of the text."""
    found = _BOLD_LEAD.match(text) or _PLAIN_LEAD.match(text) or _LEAD_WHOLE.fullmatch(text)
    if not found:
        return None
    return _kind(found), text[found.end() :].strip()


def _kind(found: re.Match[str]) -> str:
    return next(kind for kind in _WORDS if found.group(kind))


def _drafts(pieces: list[_Piece], remarks: list[Remark]) -> tuple[str, list[_Draft]]:
    """The title of the guideline and its clauses as titled runs of pieces."""
    headings = [piece for piece in pieces if piece.kind == "heading"]
    title = ""
    if (
        len(pieces) > 1
        and headings
        and headings[0].level == 1
        and sum(piece.level == 1 for piece in headings) == 1
    ):
        title = headings[0].title
        pieces = [piece for piece in pieces if piece is not headings[0]]
    structural = _structural(pieces)
    if structural:
        return title, _by_headings(pieces, structural, remarks)
    return title, _by_parts(pieces, remarks)


def _structural(pieces: list[_Piece]) -> list[_Piece]:
    """The headings that are no lead-ins: those name a part of the clause above them."""
    found: list[_Piece] = []
    for piece in pieces:
        if piece.kind == "heading" and not (piece.lead and found and piece.level >= found[-1].level):
            found.append(piece)
    return found


def _by_headings(pieces: list[_Piece], structural: list[_Piece], remarks: list[Remark]) -> list[_Draft]:
    following = dict(zip(map(id, pieces), [*pieces[1:], None], strict=True))
    known = {id(piece) for piece in structural}
    full = {id(piece) for piece in structural if (after := following[id(piece)]) and id(after) not in known}
    deepest = max((piece.level for piece in structural if id(piece) in full), default=structural[0].level)
    parents = {id(a) for a, b in itertools.pairwise(structural) if a.level < b.level <= deepest}
    above: list[_Piece] = []
    drafts = [_Draft("Introduction", "", 1)]
    for piece in pieces:
        if id(piece) not in known or piece.level > deepest:
            if id(piece) in known:
                remarks.append(
                    Remark(piece.line, f"the heading {piece.title!r} is too deep: it is bold text now")
                )
            drafts[-1].pieces.append(piece)
            continue
        above = [heading for heading in above if heading.level < piece.level]
        path = above
        if id(piece) in parents:
            above = path = [*above, piece]
            if len(path) > 1:
                remarks.append(
                    Remark(piece.line, f"the heading {piece.title!r} is one section with those above it")
                )
        if id(piece) in full or id(piece) not in parents:
            section = " – ".join(_unnumbered(heading.title) for heading in path)
            drafts.append(_Draft(piece.title, section, piece.line))
    if not drafts[0].pieces:
        return drafts[1:]
    drafts[0].line = drafts[0].pieces[0].line
    remarks.append(Remark(drafts[0].line, "the text in front of the first clause is an introduction"))
    return drafts


def _by_parts(pieces: list[_Piece], remarks: list[Remark]) -> list[_Draft]:
    """Without headings: a clause for each numbered item, or else for each paragraph."""
    remarks.append(
        Remark(1, "there are no headings: clauses are numbered items or paragraphs; look at their titles")
    )
    numbered = any(piece.kind == "ordered_list" for piece in pieces)
    drafts = [_Draft("Introduction", "", 1)]
    for piece in pieces:
        if numbered and piece.kind == "ordered_list":
            drafts += [_titled(_pieces(text, lines)) for text, lines in piece.items if text]
        elif not numbered and piece.kind == "paragraph" and not _lead(piece.text):
            drafts.append(_titled([piece]))
        else:
            drafts[-1].pieces.append(piece)
    return [draft for draft in drafts if draft.pieces]


def _titled(pieces: list[_Piece]) -> _Draft:
    """A clause whose title is the bold run or the first sentence that its text begins with."""
    first = pieces[0]
    bold = re.match(r"\*\*(.+?)\*\*[\s:.]*", first.text)
    words = _plain(_parse(_reader, first.text)[1]) if first.kind == "paragraph" else first.text
    if bold and not _lead(first.text) and (rest := first.text[bold.end() :]):
        pieces = [replace(first, text=rest), *pieces[1:]]
        words = _plain(_parse(_reader, bold.group(1))[1])
    elif sentence := re.match(r".+?[.!?:](?=\s)", words):
        words = sentence.group()
    return _Draft(words, "", first.line, pieces)


def _clauses(drafts: list[_Draft], limit: int, most: int, remarks: list[Remark]) -> Iterator[Proposed]:
    taken: set[str] = set()
    for draft in drafts:
        title = _unnumbered(draft.title) or "Clause"
        pieces = draft.pieces
        if len(title) > MAX_TITLE:
            pieces = [_Piece("paragraph", title, draft.line), *pieces]
            title = title[: MAX_TITLE - 1].rstrip() + "…"
            remarks.append(Remark(draft.line, "the title is cut; the whole of it stands in the text"))
        blocks = list(_fitting(_blocks(pieces), limit))
        if not blocks:
            remarks.append(Remark(draft.line, f"there is no text under {title!r}"))
        for start in range(0, max(1, len(blocks)), MAX_BLOCKS):
            if len(taken) == most:
                raise Unreadable(f"The document has more than {most} clauses; bring it in in parts.")
            if start:
                remarks.append(
                    Remark(draft.line, f"{title!r} goes on in another clause: it has too many blocks")
                )
            key = _key(title, taken)
            yield Proposed(key, title, draft.section, blocks[start : start + MAX_BLOCKS], draft.line)


def _unnumbered(title: str) -> str:
    return title[found.end() :] if (found := _NUMBER.match(title)) else title


def _key(title: str, taken: set[str]) -> str:
    """A key made from the title, from now on taken."""
    ascii_only = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_only)[: MAX_KEY - 6].strip("-") or f"clause-{len(taken) + 1}"
    key, number = stem, 1
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    taken.add(key)
    return key


def _blocks(pieces: list[_Piece]) -> Iterator[dict[str, str]]:
    """The blocks of a clause. A lead-in on its own, or one that ends with a colon, holds for what follows it."""
    base = kind = "definition"
    holds = listed = False
    for piece in pieces:
        text = piece.text
        if piece.kind == "heading":
            base = kind = piece.lead or "definition"
            holds, listed = bool(piece.lead), False
            if not piece.lead:
                yield {"type": kind, "text": f"**{text.lstrip('# ')}**"}
            continue
        if piece.kind == "paragraph" and (found := _lead(text)):
            kind, text = found
            holds, listed = not text or text.endswith(":"), False
        elif not holds or (listed and piece.kind == "paragraph"):
            kind, holds = base, False
        listed = listed or piece.kind != "paragraph"
        if text:
            yield from _piece_blocks(replace(piece, text=text), kind)


def _piece_blocks(piece: _Piece, kind: str) -> Iterator[dict[str, str]]:
    rows = list(_row_examples(piece.rows, kind if kind in EXAMPLES else "example"))
    if rows and set(_words_of(piece.text)) <= set(_words_of(" ".join(map(str, [piece.rows[0], *rows])))):
        yield from rows
    elif kind in EXAMPLES and not piece.items:
        yield _example(kind, piece.text)
    elif kind in EXAMPLES or any(_lead(text) for text, _ in piece.items):
        for text, lines in piece.items:
            if _lead(text):
                yield from _blocks(_pieces(text, lines))
            elif text:
                yield (
                    _example(kind, text)
                    if kind in EXAMPLES
                    else {"type": kind, "text": "- " + text.replace("\n", "\n  ")}
                )
    else:
        yield {"type": kind, "text": piece.text}


def _words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _row_examples(rows: list[list[str]], kind: str) -> Iterator[dict[str, str]]:
    """An example for each row of a table whose header names a column of items and one of labels."""
    columns: dict[str, int] = {}
    for number, header in enumerate(rows[0] if rows else ()):
        name = next(
            (name for name, words in _COLUMNS.items() if words.search(header) and name not in columns), None
        )
        columns.setdefault(name or f"{header}:", number)
    if {"item", "value"} <= columns.keys():
        for row in rows[1:]:
            found = {name: row[number] for name, number in columns.items() if row[number]}
            other = [f"{name} {text}" for name, text in found.items() if name not in _COLUMNS]
            known = {name: text for name, text in found.items() if name in _COLUMNS}
            yield {"type": kind, **({"text": "\n".join(other)} if other else {}), **known}


def _example(kind: str, text: str) -> dict[str, str]:
    tokens = _parse(_reader, text)
    links = any(child.type == "link_open" for token in tokens for child in token.children or ())
    if len(tokens) == 3 and tokens[0].type == "paragraph_open" and not links:
        plain = _plain(tokens[1])
        if found := _EXAMPLE.fullmatch(plain):
            item, why = found["quoted"] or found["bare"], found["why"] or found["because"]
            value = found["value"].rstrip(". ") or found["value"]
            return {"type": kind, "item": item, "value": value} | ({"why": why} if why else {})
        if found := _QUOTED.fullmatch(plain):
            return {"type": kind, "item": found.group(1)}
    return {"type": kind, "text": text}


def _fitting(blocks: Iterator[dict[str, str]], limit: int) -> Iterator[dict[str, str]]:
    """The blocks, neighbours of one type joined and those beyond the limit cut."""
    last: dict[str, str] = {}
    for block in itertools.chain.from_iterable(_cut(block, limit) for block in blocks):
        joined = f"{last.get('text', '')}\n\n{block.get('text', '')}"
        if last.get("type") == block["type"] and block["type"] not in EXAMPLES and len(joined) <= limit:
            last = {**last, "text": joined}
            continue
        if last:
            yield last
        last = block
    if last:
        yield last


def _cut(block: dict[str, str], limit: int) -> Iterator[dict[str, str]]:
    if all(len(text) <= limit for text in block.values()):
        yield block
        return
    rest = " → ".join(text for name, text in block.items() if name != "type")
    while rest:
        end = len(rest) if len(rest) <= limit else max(rest.rfind(" ", 1, limit), rest.rfind("\n", 1, limit))
        end = end if end > 0 else limit
        yield {"type": block["type"], "text": rest[:end].strip()}
        rest = rest[end:].strip()
