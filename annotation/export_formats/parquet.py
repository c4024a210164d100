"""Parquet: fixed columns, fixed writer settings, row groups of a fixed size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy

from annotation.export_formats import flat
from annotation.export_formats.base import Format, Row, Writer

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 10_000


def _types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "text": pa.string(),
        "whole": pa.int64(),
        "number": pa.float64(),
        "yes": pa.bool_(),
        "json": pa.string(),
        "texts": pa.list_(pa.string()),
    }


class ParquetWriter(Writer):
    """Collects cells by column into row groups."""

    def begin(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = _types()
        self.schema = pa.schema([(name, types[holds]) for name, holds in flat.columns(self.layout).items()])
        self.cells = flat.cells(self.layout)
        self.table = pq.ParquetWriter(
            self.out, self.schema, compression="zstd", compression_level=3, store_schema=False
        )
        self.n_rows = 0
        self._empty()

    def _empty(self) -> None:
        self.columns: list[list[Any]] = [[] for _ in self.schema]
        self.append = [
            (column.append, name) for column, name in zip(self.columns, self.schema.names, strict=True)
        ]

    def write(self, row: Row) -> None:
        get = self.cells(row).get
        for append, name in self.append:
            append(get(name))
        self.n_rows += 1
        if self.n_rows == BATCH:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self.n_rows:
            columns = [
                pa.array(column, type=one.type) for column, one in zip(self.columns, self.schema, strict=True)
            ]
            self.table.write_table(pa.Table.from_arrays(columns, schema=self.schema))
            self.n_rows = 0
            self._empty()

    def close(self) -> None:
        self._flush()
        self.table.close()


class Parquet(Format):
    suffix, media_type = "parquet", "application/vnd.apache.parquet"
    title = gettext_lazy("Parquet")
    writer = ParquetWriter

    @property
    def about(self) -> str:
        import pyarrow as pa

        return f"pyarrow {pa.__version__}, zstd 3, row groups of {BATCH}"


form = Parquet()
