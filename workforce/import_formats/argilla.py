"""Argilla: records as `to_json` of its client writes them, an array or one a line. Pure.

A record has `fields`, `responses` by question (`value`, `user_id`), `suggestions` by question (`value`, `score`, `agent`). Its
vectors have no place here; neither do responses that were discarded or are drafts.

Source: the record of Argilla 2, as its Python client exports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from specs import canonical
from specs.wording import _
from workforce import row_files
from workforce.import_formats import plain
from workforce.import_formats.base import Answer, BadRow, Form, Found, Predicted, Record, Said
from workforce.import_formats.sniffing import Start, start_of


class Argilla(Form):
    title = "Argilla"
    kinds = plain.TYPES

    def begins(self, start: Start) -> bool:
        return "fields" in start.first and ("responses" in start.first or "suggestions" in start.first)

    def records(self, source: BinaryIO, max_bytes: int, columns: Mapping[str, list[str]]) -> Found:
        for line, record in _objects(source, max_bytes):
            if isinstance(record, BadRow):
                yield line, record
                continue
            fields, key = record.get("fields"), record.get("id") or record.get("_server_id")
            if not isinstance(fields, dict) or not fields:
                yield line, BadRow(line, _("has no fields"))
            elif not isinstance(key, str | int):
                yield line, BadRow(line, _("has no id"))
            else:
                yield line, _record(str(key), record, fields)

    def value_of(self, kind: str, said: Said, data: Mapping[str, Any]) -> Any:
        return plain.value_of(kind, said.value, data)


def _objects(source: BinaryIO, max_bytes: int) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    if start_of(source).array:
        yield from row_files.tasks(row_files.unpacked(source), max_bytes)
        return
    for line, raw in row_files.read(row_files.unpacked(source), form="jsonl", max_bytes=max_bytes):
        yield line, row_of(line, raw)


def row_of(line: int, raw: Any) -> dict[str, Any] | BadRow:
    """The object of a line of JSON, read strictly."""
    if isinstance(raw, BadRow):
        return raw
    try:
        found = canonical.loads_strict(raw)
    except canonical.NotCanonical as error:
        return BadRow(line, str(error))
    return found if isinstance(found, dict) else BadRow(line, _("is not an object"))


def _record(key: str, record: Mapping[str, Any], fields: dict[str, Any]) -> Record:
    metadata = record.get("metadata")
    found = Record(key, {**(metadata if isinstance(metadata, dict) else {}), **fields})
    if record.get("vectors"):
        found.left_out[_("vectors")] += 1
    people: dict[str, dict[str, Said]] = {}
    for question, one in _each(record, "responses"):
        status = str(one.get("status") or "submitted")
        if status != "submitted":
            found.left_out[_("responses that are %(status)s") % {"status": status}] += 1
        elif one.get("value") is not None:
            said = Said(plain.type_of(one["value"]), one["value"])
            who = f"argilla-{str(one.get('user_id') or 'unknown')[:100]}"
            people.setdefault(who, {}).setdefault(question, said)
    found.answers = [Answer(who, said) for who, said in people.items()]
    for question, one in _each(record, "suggestions"):
        if one.get("value") is not None:
            said = Said(plain.type_of(one["value"]), one["value"])
            found.predictions.append(
                Predicted(str(one.get("agent") or "").strip(), {question: said}, one.get("score"))
            )
    return found


def _each(record: Mapping[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """`(question, response)` of all questions, whether one or a list of them stands under each."""
    told = record.get(name)
    for question, given in (told if isinstance(told, dict) else {}).items():
        for one in given if isinstance(given, list) else [given]:
            if isinstance(one, dict):
                yield str(question)[:64], one


form = Argilla()
