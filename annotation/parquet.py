"""The Parquet form of a snapshot: fixed columns, fixed writer settings, nothing in the file that tells when it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from specs import task_types

WRITER = f"pyarrow {pa.__version__}, zstd 3"
_BATCH = 10_000
_TYPES = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "yes": pa.bool_()}


class Writer:
    """Collects rows into row groups of a fixed size. Per question the columns that its kind declares, and how it was decided.

    *selected* adds how items were selected from production, *sure* how many authors said each level of confidence, *plural*
    the soft labels.
    """

    def __init__(
        self,
        out: BinaryIO,
        questions: Sequence[Mapping[str, Any]],
        *,
        selected: bool = False,
        sure: bool = False,
        plural: bool = False,
    ) -> None:
        self.questions = questions
        columns = [("key", pa.string()), ("payload", pa.string())]
        for asked in questions:
            question = asked["key"]
            own = task_types.get(asked["kind"]).columns(asked)
            columns += [(name, _TYPES[holds]) for name, holds in own.items()]
            columns += [
                (f"{question}.basis", pa.string()),
                (f"{question}.distribution", pa.string()),
                *([(f"{question}.soft_label", pa.string())] if plural else []),
                (f"{question}.n_answers", pa.int32()),
                *([(f"{question}.confidence", pa.string())] if sure else []),
                (f"{question}.spec_version", pa.string()),
                (f"{question}.clauses", pa.list_(pa.string())),
            ]
        if selected:
            columns += [
                ("selection.probability", pa.float64()),
                ("selection.reason", pa.string()),
                ("selection.source", pa.string()),
                ("selection.happened_at", pa.string()),
            ]
        self.schema = pa.schema(columns)
        self.writer = pq.ParquetWriter(
            out, self.schema, compression="zstd", compression_level=3, store_schema=False
        )
        self.rows: list[dict[str, Any]] = []

    def write(self, row: dict[str, Any]) -> None:
        flat: dict[str, Any] = {"key": row["key"], "payload": _json(row["payload"])}
        flat |= {f"selection.{name}": value for name, value in row.get("selection", {}).items()}
        for asked in self.questions:
            question = asked["key"]
            label = row["labels"].get(question)
            if label is None:
                continue
            if label["value"] is not None:
                flat |= task_types.get(asked["kind"]).rows(asked, label["value"])
            flat[f"{question}.basis"] = label["basis"]
            flat[f"{question}.distribution"] = _json(label["distribution"])
            flat[f"{question}.n_answers"] = label["n_answers"]
            if "soft_label" in label:
                flat[f"{question}.soft_label"] = _json(label["soft_label"])
            if "confidence" in label:
                flat[f"{question}.confidence"] = _json(label["confidence"])
            flat[f"{question}.spec_version"] = label["spec_version"]
            flat[f"{question}.clauses"] = label["clauses"]
        self.rows.append(flat)
        if len(self.rows) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self.rows:
            self.writer.write_table(pa.Table.from_pylist(self.rows, schema=self.schema))
            self.rows = []

    def close(self) -> None:
        self._flush()
        self.writer.close()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
