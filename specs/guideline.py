"""An existing guideline comes in: a document is split into proposed clauses by its headings, lists and examples. Pure.

What the splitter cannot place is kept as text, and said in a remark.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from markdown_it import MarkdownIt
from markdown_it.token import Token

from specs.clauses import EXAMPLES, MAX_KEY, MAX_TITLE
from specs.documents import MAX_DEPTH, Remark, Unreadable, markdown, parse, too_deep, words_of
from specs.wording import _

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
_reader = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_DEPTH}).enable(
    ["table", "strikethrough"]
)


@dataclass(frozen=True)
class Proposed:
    """One proposed clause. `line` is the line of the source where it begins; in Word, the number of the paragraph."""

    key: str
    title: str
    section: str
    blocks: list[dict[str, str]]
    line: int


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


def _untold(step: str, done: int, total: int | None) -> None:
    pass


def propose(
    data: bytes,
    name: str,
    *,
    max_characters: int = 20_000,
    max_clauses: int = 500,
    said: Callable[[str, int, int | None], None] = _untold,
) -> Guideline:
    """The clauses proposed from the file *name* with the bytes *data*. *said* is told each step, how far, and of how many.

    Raises `Unreadable`.
    """
    remarks: list[Remark] = []
    try:
        said(_("reading the document"), 0, None)
        text, lines = markdown(data, PurePath(name).suffix.lower(), remarks)
        said(_("finding its parts"), 0, None)
        title, drafts = _drafts(_pieces(text, lines), remarks)
        clauses = []
        for clause in _clauses(drafts, max_characters, max_clauses, remarks):
            clauses.append(clause)
            said(_("proposing clauses"), len(clauses), max(len(drafts), len(clauses)))
    except RecursionError:
        too_deep()
    if not clauses:
        raise Unreadable(_("There is no text in this document."))
    return Guideline(title, clauses, sorted(remarks, key=lambda remark: remark.line))


def _pieces(text: str, lines: list[int]) -> list[_Piece]:
    found: list[_Piece] = []
    group: list[Token] = []
    for token in parse(_reader, text):
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
                    Remark(
                        piece.line,
                        _("the heading %(piece)r is too deep: it is bold text now") % {"piece": piece.title},
                    )
                )
            drafts[-1].pieces.append(piece)
            continue
        above = [heading for heading in above if heading.level < piece.level]
        path = above
        if id(piece) in parents:
            above = path = [*above, piece]
            if len(path) > 1:
                remarks.append(
                    Remark(
                        piece.line,
                        _("the heading %(piece)r is one section with those above it")
                        % {"piece": piece.title},
                    )
                )
        if id(piece) in full or id(piece) not in parents:
            section = " – ".join(_unnumbered(heading.title) for heading in path)
            drafts.append(_Draft(piece.title, section, piece.line))
    if not drafts[0].pieces:
        return drafts[1:]
    drafts[0].line = drafts[0].pieces[0].line
    remarks.append(Remark(drafts[0].line, _("the text in front of the first clause is an introduction")))
    return drafts


def _by_parts(pieces: list[_Piece], remarks: list[Remark]) -> list[_Draft]:
    """Without headings: a clause for each numbered item, or else for each paragraph."""
    remarks.append(
        Remark(1, _("there are no headings: clauses are numbered items or paragraphs; look at their titles"))
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
    words = _plain(parse(_reader, first.text)[1]) if first.kind == "paragraph" else first.text
    if bold and not _lead(first.text) and (rest := first.text[bold.end() :]):
        pieces = [replace(first, text=rest), *pieces[1:]]
        words = _plain(parse(_reader, bold.group(1))[1])
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
            remarks.append(Remark(draft.line, _("the title is cut; the whole of it stands in the text")))
        blocks = list(_fitting(_blocks(pieces), limit))
        if not blocks:
            remarks.append(Remark(draft.line, _("there is no text under %(title)r") % {"title": title}))
        for start in range(0, max(1, len(blocks)), MAX_BLOCKS):
            if len(taken) == most:
                raise Unreadable(
                    _("The document has more than %(most)s clauses; bring it in in parts.") % {"most": most}
                )
            if start:
                remarks.append(
                    Remark(
                        draft.line,
                        _("%(title)r goes on in another clause: it has too many blocks") % {"title": title},
                    )
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
    if rows and set(words_of(piece.text)) <= set(words_of(" ".join(map(str, [piece.rows[0], *rows])))):
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
    tokens = parse(_reader, text)
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
