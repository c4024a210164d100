"""JSON Lines: one row a line, keys in the order of their code points, UTF-8, no white space."""

from __future__ import annotations

import orjson
from django.utils.translation import gettext_lazy

from annotation.export_formats.base import Format, Row, Writer


class JsonLinesWriter(Writer):
    def write(self, row: Row) -> None:
        self.out.write(orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))


class JsonLines(Format):
    suffix, media_type = "jsonl", "application/x-ndjson"
    title = gettext_lazy("JSON Lines")
    writer = JsonLinesWriter
    lines = True

    @property
    def about(self) -> str:
        return f"orjson {orjson.__version__}, keys sorted"


form = JsonLines()
