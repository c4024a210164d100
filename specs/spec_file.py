"""A whole spec as one readable Markdown file with front matter, so that specs can live in git. Pure.

    ---
    concordat: 1
    spec: "entailment"
    title: "Textual entailment"
    questions:
    - {"key":"follows","kind":"choice",...}
    ---

    # Section title

    ## Clause title {#clause-key}

    > {"governs":[{"question":"follows","values":["yes"]}]}

    ### Definition

    Text as Markdown.

    ### Example

    - item: "A man sleeps."
    - value: "yes"
    - why: "…"

Each front matter value is JSON on one line; a plain word is taken as text, so that people need few quotes. `write` and
`read` are each other's inverse, whatever the texts contain: a line of text that could be taken for structure (it begins with
`#`, `>`, `- item:`, a backslash or white space alone) is written behind a backslash, and text whose ends or line breaks
Markdown would not keep is written as one JSON line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specs import canonical
from specs import clauses as clause_shape
from specs.problems import Problem
from specs.wording import _

FORMAT = 1
_HEAD = re.compile(r"^(#{1,3}) (.*)$")
_KEY = re.compile(r"^(.*?) ?\{#([^{}]+)\}$")
_GUARDED = re.compile(r"^(\\|#|> \{|- (?:item|value|why|text): )")
_FIELD = re.compile(r"^- (item|value|why|text): (.*)$")
_TYPES = {title.casefold(): kind for kind, title in clause_shape.BLOCK_TYPES.items()}
_FRONT = ("spec", "title", "purpose", "version", "notes", "rationale")


class BadFile(ValueError):
    """The file is no spec; `problems` names the line and says why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.where}: {problem.message}" for problem in problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class SpecFile:
    """What a file holds: `meta` (spec, title, purpose, version, ... as far as they are there), clauses and questions."""

    meta: dict[str, str]
    clauses: list[dict[str, Any]]
    questions: list[dict[str, Any]]


def write(content: Mapping[str, Any], *, meta: Mapping[str, str]) -> str:
    """The file of a version: *content* as `contents.content` gives it, *meta* what stands above it."""
    lines = ["---", f"concordat: {FORMAT}"]
    lines += [f"{name}: {_json(meta[name])}" for name in _FRONT if meta.get(name)]
    lines.append("questions:")
    lines += [f"- {_json(question)}" for question in content["questions"]]
    lines.append("---")
    section = ""
    for clause in content["clauses"]:
        if clause.get("section", "") != section:
            section = clause.get("section", "")
            lines += ["", f"# {_heading(section)}"]
        lines += _clause_lines(clause)
    return "\n".join(lines) + "\n"


def _clause_lines(clause: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"## {_heading(clause['title'])} {{#{clause['key']}}}", "")
    about = {name: clause[name] for name in ("governs", "ancestors") if clause.get(name)}
    if about:
        yield from (f"> {_json(about)}", "")
    for block in clause["blocks"]:
        yield f"### {clause_shape.BLOCK_TYPES[block['type']]}"
        yield ""
        text = block.get("text", "")
        fields = [name for name in ("item", "value", "why") if name in block]
        if text and not _survives(text):
            fields.append("text")
        elif text:
            yield from ("\\" + line if _GUARDED.match(line) else line for line in text.split("\n"))
            yield ""
        for name in fields:
            yield f"- {name}: {_json(block[name])}"
        if fields:
            yield ""


def _survives(text: str) -> bool:
    """Whether the text comes back from lines of a file: no blank first or last line, no other line breaks than `\\n`."""
    lines = text.split("\n")
    return bool(lines[0].strip() and lines[-1].strip()) and text.splitlines() == lines


def _heading(title: str) -> str:
    """A title as it stands in a heading; as JSON where it would not come back by itself."""
    plain = title and title == title.strip() and title.splitlines() == [title] and title[0] not in '"{['
    return title if plain and not title.endswith("}") else _json(title)


def _json(value: Any) -> str:
    written = canonical.dumps(value).decode()
    for mark in ("\u2028", "\u2029", "\x85", "\x7f"):  # what editors may take for the end of a line
        written = written.replace(mark, f"\\u{ord(mark):04x}")
    return written


def read(text: str) -> SpecFile:
    """Parse a file. Raises `BadFile` with every problem, each naming its line."""
    reader = _Reader(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"))
    found = reader.read()
    if reader.problems:
        raise BadFile(reader.problems)
    return found


class _Reader:
    """Goes through the lines once; `at` is the number of the line it looks at, counting from 1."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.problems: list[Problem] = []

    def wrong(self, at: int, message: str) -> None:
        self.problems.append(Problem(f"line {at}", message))

    def json(self, at: int, text: str, *, plain: bool = False) -> Any:
        if plain and text[:1] not in '"{[' and text.strip():
            return text.strip()
        try:
            return canonical.loads_strict(text)
        except canonical.NotCanonical as error:
            self.wrong(at, _("cannot be read: %(error)s") % {"error": error})
            return None

    def read(self) -> SpecFile:
        meta, questions, body = self._front()
        return SpecFile(meta, self._clauses(body), questions)

    def _front(self) -> tuple[dict[str, str], list[dict[str, Any]], int]:
        meta: dict[str, str] = {}
        questions: list[dict[str, Any]] = []
        if self.lines[0].rstrip() != "---":
            self.wrong(1, _("a spec file begins with a line of three hyphens and its front matter"))
            return meta, questions, 0
        end = next((n for n, line in enumerate(self.lines[1:], 1) if line.rstrip() == "---"), None)
        if end is None:
            self.wrong(1, _("the front matter has no end: a line of three hyphens"))
            return meta, questions, len(self.lines)
        for at, line in enumerate(self.lines[1:end], 2):
            name, colon, rest = line.partition(":")
            if line.startswith("- "):
                question = self.json(at, line[2:])
                if isinstance(question, dict):
                    questions.append(question)
                elif question is not None:
                    self.wrong(at, _("a question is an object"))
            elif name == "concordat" and rest.strip() != str(FORMAT):
                self.wrong(
                    at,
                    _("this is format %(found)r; format %(format)s can be read")
                    % {"found": rest.strip()[:20], "format": FORMAT},
                )
            elif name in _FRONT and colon:
                meta[name] = str(self.json(at, rest.strip(), plain=True) or "")
            elif (
                line.strip() and not line.lstrip().startswith("#") and name not in ("concordat", "questions")
            ):
                self.wrong(at, _("%(name)r is nothing that stands in the front matter") % {"name": name[:40]})
        return meta, questions, end + 1

    def _clauses(self, start: int) -> list[dict[str, Any]]:
        clauses: list[dict[str, Any]] = []
        keys: dict[str, int] = {}
        section, block = "", None
        for at, line in enumerate(self.lines[start:], start + 1):
            head = _HEAD.match(line)
            if head is None:
                self._content(at, line, clauses, block)
                continue
            level, title = len(head.group(1)), head.group(2)
            if level == 1:
                section, block = str(self.json(at, title, plain=True) or ""), None
            elif level == 2:
                clause, block = self._clause(at, title, section), None
                if clause["key"] in keys:
                    self.wrong(
                        at,
                        _("the clause %(key)s stands on line %(keys)s already")
                        % {"key": clause["key"], "keys": keys[clause["key"]]},
                    )
                keys[clause["key"]] = at
                clauses.append(clause)
            elif not clauses:
                self.wrong(at, _("a block stands under a clause, `## Title {#key}`"))
            elif kind := _TYPES.get(title.strip().casefold()):
                block = {"type": kind, "lines": []}
                clauses[-1]["blocks"].append(block)
            else:
                known = ", ".join(clause_shape.BLOCK_TYPES.values())
                self.wrong(
                    at,
                    _("%(title)r is no type of block; there are %(known)s")
                    % {"title": title[:40], "known": known},
                )
        for clause in clauses:
            clause["blocks"] = [_block(block) for block in clause["blocks"]]
        return clauses

    def _clause(self, at: int, heading: str, section: str) -> dict[str, Any]:
        found = _KEY.match(heading)
        if found is None:
            self.wrong(at, _("a clause names its key behind its title: `## Title {#key}`"))
        title, key = found.groups() if found else (heading, f"line-{at}")
        if why := clause_shape.key_problem(key):
            self.wrong(at, _("the key %(key)r: %(why)s") % {"key": key[:40], "why": why})
        title = str(self.json(at, title, plain=True) or "") if title.strip() else ""
        return {"key": key, "section": section, "title": title, "blocks": [], "governs": []}

    def _content(
        self, at: int, line: str, clauses: list[dict[str, Any]], block: dict[str, Any] | None
    ) -> None:
        if block is not None:
            if field := _FIELD.match(line):
                block[field.group(1)] = str(self.json(at, field.group(2), plain=True) or "")
            else:
                block["lines"].append(line[1:] if line.startswith("\\") else line)
        elif clauses and line.startswith("> {"):
            about = self.json(at, line[2:])
            if isinstance(about, dict) and about.keys() <= {"governs", "ancestors"}:
                clauses[-1].update(about)
            elif about is not None:
                self.wrong(at, _("says more of a clause than what it governs and its ancestors"))
        elif line.strip():
            self.wrong(at, _("text stands under the heading of a block, such as `### Definition`"))


def _block(read: Mapping[str, Any]) -> dict[str, Any]:
    text = "\n".join(_trimmed(read["lines"]))
    found = {"type": read["type"], **({"text": text} if text else {})}
    return {**found, **{name: read[name] for name in ("text", "item", "value", "why") if read.get(name)}}


def _trimmed(lines: Iterable[str]) -> list[str]:
    """Without the blank lines at both ends, which separate blocks and belong to none."""
    found = list(lines)
    while found and not found[0].strip():
        found.pop(0)
    while found and not found[-1].strip():
        found.pop()
    return found
