"""Documents people wrote elsewhere, read into clean Markdown: Word, HTML and Markdown itself. Pure.

Every kind becomes the same sanitised HTML, then Markdown with the line of the source behind each of its lines. What has no
text (pictures, objects) is named in a remark; what could harm or never end is refused.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
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

from specs.wording import _, number

MAX_TEXT = 1_000_000
MAX_TAGS = 20_000
MAX_UNPACKED = 50 * 2**20
MAX_XML = 16 * 2**20  # the DOM of the XML takes some thirty times its size
MAX_RATIO = 100
MAX_ENTRIES = 2000
MAX_DEPTH = 60
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
_HTML_NAMES = (_TAGS | _SILENT | {*_OBJECTS, "head", "body", "html", "font", "form"}) - {
    "time",
    "data",
    "map",
}
_writer = MarkdownIt("commonmark", {"html": True, "maxNesting": MAX_DEPTH}).enable(["table", "strikethrough"])
_writer.validateLink = lambda url: True  # type: ignore[method-assign]


class Unreadable(ValueError):
    """The document cannot be taken in; the message says what to do about it."""


@dataclass(frozen=True)
class Remark:
    """What a person must look at, and why."""

    line: int
    message: str


def markdown(data: bytes, suffix: str, remarks: list[Remark]) -> tuple[str, list[int]]:
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
                _("A file of the type %(suffix)s cannot be read; save it as .docx, .html or .md.")
                % {"suffix": suffix or _("without a name")}
            )


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            _("The text is not UTF-8 (byte %(start)s); save it as UTF-8.") % {"start": error.start}
        ) from error
    if "\x00" in text:
        raise Unreadable(_("There are NUL characters in the text; is it really a text file?"))
    return _within_limit(text)


def _within_limit(text: str) -> str:
    if len(text) > MAX_TEXT or max(text.count("<"), text.count("\n")) > 2 * MAX_TAGS:
        raise Unreadable(
            _(
                "The document has more than %(max_text)s characters or %(max_tags)s parts; bring it in in "
                "pieces."
            )
            % {"max_text": number(MAX_TEXT), "max_tags": number(MAX_TAGS)}
        )
    return text


def too_deep() -> NoReturn:
    raise Unreadable(
        _("Something is nested more than %(max_depth)s levels deep; make lists and tables flatter.")
        % {"max_depth": MAX_DEPTH}
    )


def _soup(text: str) -> BeautifulSoup:
    # A long run of blanks takes markdownify quadratic time.
    text = re.sub(r"[ \t\r]{200,}", " ", re.sub("[\ufdd0\ufdd1]", "", text))
    # The tag in front tells Beautiful Soup that this is HTML and neither a file's name nor XML: it would warn.
    try:
        return BeautifulSoup("<body>" + text, "html.parser")
    except ParserRejectedMarkup as error:
        raise Unreadable(_("This HTML is damaged; open it in a browser and save it again.")) from error


def _as_html(text: str) -> str:
    """Markdown as HTML that remembers its lines; a tag that HTML does not know, like `<PER>`, is text."""
    tokens = parse(_writer, text)
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


def parse(parser: MarkdownIt, text: str) -> list[Token]:
    tokens = parser.parse(text)
    # Beyond its limit the parser leaves text out without a word.
    if any(token.level >= MAX_DEPTH - 2 for token in tokens):
        too_deep()
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
        raise Unreadable(
            _("This is no Word document that can be read (%(kind)s).") % {"kind": type(error).__name__}
        ) from error
    soup = _soup(_within_limit(result.value))
    for line, tag in enumerate(soup.find_all(["p", "li", *_BLOCKS[1:7]]), 1):
        tag["data-line"] = str(line)
    _place_notes(soup, remarks)
    _name_left_out(archive, soup, remarks)
    return soup


def _archive(data: bytes) -> zipfile.ZipFile:
    """The opened Word file, once nothing in it can harm who unpacks it."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(
            _("This file is protected by a password or in the old .doc format; save it as .docx.")
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        _check_sizes(archive.infolist())
        for info in archive.infolist():
            _refuse_dtd(archive.read(info))
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, zlib.error) as error:
        raise Unreadable(_("This .docx file is damaged; open it in Word and save it again.")) from error
    return archive


def _check_sizes(infos: Sequence[zipfile.ZipInfo]) -> None:
    unpacked = sum(info.file_size for info in infos)
    if any(info.flag_bits & 1 for info in infos):
        raise Unreadable(_("This .docx file is encrypted; save it without a password."))
    if len(infos) > MAX_ENTRIES or unpacked > MAX_UNPACKED:
        raise Unreadable(
            _("This .docx file is too large when it is unpacked; take out pictures or split it.")
        )
    if unpacked > MAX_RATIO * max(1, sum(info.compress_size for info in infos)):
        raise Unreadable(_("This .docx file is packed far more tightly than any real document."))
    if sum(info.file_size for info in infos if not info.filename.startswith("word/media/")) > MAX_XML:
        raise Unreadable(_("There is too much text in this .docx file; bring it in in parts."))


def _refuse_dtd(part: bytes) -> None:
    def refuse(*declaration: Any) -> NoReturn:
        raise Unreadable(_("This .docx file declares XML entities, which no Word document does."))

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
            remarks.append(Remark(line, _("a comment is left out: %(words)s") % {"words": words}))
        elif block is not None:
            note = soup.new_tag("p", attrs={"data-line": str(line)}, string=f"Note: {words}")
            block.insert_after(note)
            remarks.append(Remark(line, _("a footnote is now a note of the clause")))
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
    kept, number = set(words_of(soup.get_text(" "))), 0
    names = re.compile(r"word/(?:document|header\d*|footer\d*)\.xml")
    for part in sorted(filter(names.fullmatch, archive.namelist())):
        root = ElementTree.fromstring(archive.read(part))  # noqa: S314  (a DTD was refused)
        for paragraph in (tag for tag in root.iter() if _WORD_PARAGRAPH.fullmatch(tag.tag)):
            nodes = list(paragraph.iter())
            words = "".join(node.text or "" for node in nodes if node.tag.endswith("}t"))
            number += bool(words.strip()) and part == "word/document.xml"
            if not kept.issuperset(words_of(words)):
                remarks.append(
                    Remark(
                        max(number, 1), _("this could not be taken in: %(words)s") % {"words": words[:500]}
                    )
                )
            if any(node.tag.endswith(("}object", "}chart", "}relIds")) for node in nodes):
                remarks.append(Remark(max(number, 1), _("an embedded object is left out")))


def _from_soup(soup: BeautifulSoup, remarks: list[Remark]) -> tuple[str, list[int]]:
    for tag in soup.find_all([*_OBJECTS, *_SILENT - {"title"}]):
        if tag.name in _OBJECTS and not tag.find_parent(_OBJECTS):
            alt = str(tag.get("alt") or "")
            remarks.append(
                Remark(_line(tag), (_("left out: a picture or object %(alt)s") % {"alt": alt}).rstrip())
            )
            if alt:
                tag.insert_before(alt)
        elif tag.name == "script":
            remarks.append(Remark(_line(tag), _("a script is left out")))
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
        too_deep()
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


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text)
