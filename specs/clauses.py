"""The shape of a clause: its blocks, what it governs, its canonical bytes. Pure.

A clause is a dict: `title`, `blocks` (each `{"type", "text"}`; an example also `item`, `value`, `why`) and `governs` (each
`{"question", "values", "pairs"}`; no values means the whole question).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from specs import canonical
from specs.problems import Problem
from specs.wording import _, later

BLOCK_TYPES = {
    "definition": later("Definition"),
    "use_when": later("Use when"),
    "avoid_when": later("Avoid when"),
    "example": later("Example"),
    "counter_example": later("Counter-example"),
    "rationale": later("Rationale"),
    "notes": later("Notes"),
}
MEANING = frozenset({"definition", "use_when", "avoid_when"})
EXAMPLES = frozenset({"example", "counter_example"})
_BLOCK_FIELDS = ("type", "text", "item", "value", "why")
_WORDS = ("text", "item", "why")
_KEY = re.compile(r"^[a-z0-9]+(?:[-_.][a-z0-9]+)*$")
MAX_KEY = 64
MAX_TITLE = 200
LINEAGE = {"split": later("split from"), "merged": later("merged from")}


def clean(clause: Mapping[str, Any]) -> dict[str, Any]:
    """The clause with exactly the known fields, empty ones left out and lists sorted where order means nothing."""
    return {
        "title": str(clause.get("title", "")).strip(),
        "blocks": [
            {name: block[name] for name in _BLOCK_FIELDS if block.get(name)}
            for block in clause.get("blocks", ())
        ],
        "governs": sorted(
            (
                {
                    "question": entry["question"],
                    "values": sorted(set(entry.get("values") or ())),
                    "pairs": [
                        list(pair) for pair in sorted({tuple(sorted(p)) for p in entry.get("pairs") or ()})
                    ],
                }
                for entry in clause.get("governs", ())
            ),
            key=lambda entry: entry["question"],
        ),
    }


def revision_bytes(clause: Mapping[str, Any]) -> bytes:
    """The canonical bytes of one wording; they carry the format number and what the clause governs."""
    return canonical.dumps({"format": canonical.FORMAT, **clean(clause)})


def key_problem(key: str) -> str | None:
    """Why *key* cannot be a clause's key, or None."""
    if not _KEY.match(key) or len(key) > MAX_KEY:
        return _("a key has lower-case letters, digits and single - _ . between them, 64 characters at most")
    return None


def shape_problems(
    key: str, clause: Mapping[str, Any], *, max_characters: int = 20_000, max_blocks: int = 200
) -> list[Problem]:
    """What cannot be kept even in a draft: unknown types of block, words beyond the limits."""
    name = f"clause {key}"
    found = [Problem(name, why)] if (why := key_problem(key)) else []
    if len(str(clause.get("title", ""))) > MAX_TITLE:
        found.append(
            Problem(name, _("the title is longer than %(max_title)s characters") % {"max_title": MAX_TITLE})
        )
    blocks = clause.get("blocks", ())
    if len(blocks) > max_blocks:
        found.append(Problem(name, _("has more than %(max_blocks)s blocks") % {"max_blocks": max_blocks}))
    for number, block in enumerate(blocks, 1):
        where, kind = block_name(name, number, block), block.get("type")
        if kind not in BLOCK_TYPES:
            known = ", ".join(BLOCK_TYPES)
            found.append(
                Problem(
                    where,
                    _("%(kind)r is no type of block; there are %(known)s") % {"kind": kind, "known": known},
                )
            )
        elif any(len(str(block.get(field) or "")) > max_characters for field in _WORDS):
            found.append(
                Problem(
                    where,
                    _("is longer than %(max_characters)s characters") % {"max_characters": max_characters},
                )
            )
    return found


def problems(
    key: str,
    clause: Mapping[str, Any],
    questions: Sequence[Mapping[str, Any]],
    *,
    max_characters: int = 20_000,
) -> list[Problem]:
    """What is wrong with a clause, block by block, against the questions of its version."""
    name = f"clause {key}"
    found = shape_problems(key, clause, max_characters=max_characters)
    if not str(clause.get("title", "")).strip():
        found.append(Problem(name, _("has no title")))
    if not clause.get("blocks"):
        found.append(Problem(name, _("says nothing: it has no block")))
    labels = {question["key"]: values_of(question) for question in questions}
    for number, block in enumerate(clause.get("blocks", ()), 1):
        found.extend(_block_problems(block_name(name, number, block), block, labels))
    for entry in clause.get("governs", ()):
        found.extend(_governs_problems(name, entry, labels))
    return found


def block_name(clause: str, number: int, block: Mapping[str, Any]) -> str:
    """How a block is called in refusals: `clause numbers, block 2 (Use when)`."""
    title = BLOCK_TYPES.get(str(block.get("type")))
    return f"{clause}, block {number}" + (f" ({title})" if title else "")


def values_of(question: Mapping[str, Any]) -> set[str]:
    return {label["value"] for label in question.get("labels", ())}


def _block_problems(
    where: str, block: Mapping[str, Any], labels: Mapping[str, set[str]]
) -> Iterable[Problem]:
    if not any(str(block.get(field) or "").strip() for field in _WORDS):
        yield Problem(where, _("is empty"))
    value = block.get("value")
    known = set().union(*labels.values()) if labels else set()
    if block.get("type") in EXAMPLES and value and known and value not in known:
        yield Problem(
            where, _("gives the value %(value)r, which is no label of any question") % {"value": value}
        )


def _governs_problems(
    name: str, entry: Mapping[str, Any], labels: Mapping[str, set[str]]
) -> Iterable[Problem]:
    question = str(entry.get("question"))
    if question not in labels:
        yield Problem(
            name, _("governs the question %(question)r, which does not exist") % {"question": question}
        )
        return
    named = set(entry.get("values") or ()) | {value for pair in entry.get("pairs") or () for value in pair}
    for value in sorted(named - labels[question]) if labels[question] else ():
        yield Problem(
            name,
            _("governs %(value)r, which is no label of %(question)s")
            % {"value": value, "question": question},
        )
    for pair in entry.get("pairs") or ():
        if len(set(pair)) != 2:
            yield Problem(name, _("governs a pair that is not two different labels"))
