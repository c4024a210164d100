"""CSV for spreadsheets: no cell is ever taken for a formula. What would be opens with an apostrophe, here only."""

from __future__ import annotations

import csv
import io

from django.utils.translation import gettext_lazy

from annotation.export_formats import flat
from annotation.export_formats.base import Format, Row, Writer
from specs import csvs


class CsvWriter(Writer):
    def begin(self) -> None:
        self.text = io.TextIOWrapper(self.out, encoding="utf-8", newline="", write_through=True)
        self.rows = csv.writer(self.text, lineterminator="\n")
        self.columns = flat.columns(self.layout)
        self.cells = flat.cells(self.layout)
        self.rows.writerow([csvs.inert(name) for name in self.columns])

    def write(self, row: Row) -> None:
        found = self.cells(row)
        self.rows.writerow([self._cell(found.get(name)) for name in self.columns])

    @staticmethod
    def _cell(value: object) -> object:
        if isinstance(value, list):
            value = " ".join(map(str, value))
        if isinstance(value, bool):
            return "true" if value else "false"
        return csvs.inert(value)

    def close(self) -> None:
        self.text.flush()
        self.text.detach()


class Csv(Format):
    suffix, media_type = "csv", "text/csv"
    title = gettext_lazy("CSV")
    writer = CsvWriter

    @property
    def about(self) -> str:
        return (
            "RFC 4180, LF; a text that begins like a formula (= + - @, tab, CR) has an apostrophe before it"
        )


form = Csv()
