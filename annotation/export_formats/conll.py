"""CoNLL for spans: a token a line with its BIO tag, one column of tags per question, a blank line after every item.

Tokens are runs of letters and digits, or single other characters. A token belongs to a span that it touches; of spans that
overlap the first stands, and the others are counted as left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy

from annotation.export_formats.base import Format, Row, Writer, field_of

TOKEN = re.compile(r"\w+|[^\w\s]")


def tags(tokens: Sequence[re.Match[str]], spans: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """`(a tag per token, how many spans are left out)`: those that overlap an earlier one or touch no token."""
    found, left_out = ["O"] * len(tokens), 0
    for span in sorted(spans, key=lambda one: (one["start"], -one["end"], one["label"])):
        touched = [
            k for k, token in enumerate(tokens) if token.start() < span["end"] and token.end() > span["start"]
        ]
        if not touched or any(found[k] != "O" for k in touched):
            left_out += 1
            continue
        for place, k in enumerate(touched):
            found[k] = f"{'I' if place else 'B'}-{re.sub(chr(92) + 's', '_', span['label'])}"
    return found, left_out


class ConllWriter(Writer):
    def write(self, row: Row) -> None:
        payload = row.get("payload") or {}
        for name, asked in self._by_field().items():
            text = payload.get(name)
            labelled = [
                row["labels"][one] for one in asked if row["labels"].get(one, {}).get("value") is not None
            ]
            if not isinstance(text, str) or not labelled:
                self.left_out["item without text or spans"] += 1
                continue
            tokens = list(TOKEN.finditer(text))
            columns = []
            for label in labelled:
                tagged, n = tags(tokens, label["value"])
                columns.append(tagged)
                if n:
                    self.left_out["span that overlaps another, or touches no token"] += n
            head = f"# key = {_line(row['key'])}\n" + (
                f"# split = {row['split']}\n" if "split" in row else ""
            )
            lines = [
                "\t".join((token.group(), *(column[k] for column in columns))) + "\n"
                for k, token in enumerate(tokens)
            ]
            self.out.write((head + "".join(lines) + "\n").encode())

    def _by_field(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for question in self.layout.of_kind("spans"):
            found.setdefault(field_of(question), []).append(question["key"])
        return found


def _line(text: str) -> str:
    return " ".join(text.split())


class Conll(Format):
    suffix, media_type = "conll", "text/plain"
    title = gettext_lazy("CoNLL (BIO) for spans")
    kinds = ("spans",)
    writer = ConllWriter

    @property
    def about(self) -> str:
        return rf"BIO, tokens by {TOKEN.pattern}, a span tags the tokens it touches"


form = Conll()
