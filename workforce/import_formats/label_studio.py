"""Label Studio JSON: an array of tasks, each with its annotations and predictions. See `workforce.label_studio`. Pure.

An export of this house says of each annotation which questions it answers, so that what says nothing comes back as that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from specs.label_config import REST
from specs.wording import _
from workforce import label_studio, row_files
from workforce.import_formats.base import Answer, BadRow, Form, Found, Predicted, Record, Said
from workforce.import_formats.sniffing import Start


class LabelStudio(Form):
    title = "Label Studio JSON"
    kinds = label_studio.KINDS

    def begins(self, start: Start) -> bool:
        return start.array and "fields" not in start.first

    def records(self, source: BinaryIO, max_bytes: int, columns: Mapping[str, list[str]]) -> Found:
        for line, task in row_files.tasks(row_files.unpacked(source), max_bytes):
            if isinstance(task, BadRow):
                yield line, task
                continue
            data, key = task.get("data"), row_files.key_of(task)
            if not isinstance(data, dict) or not data:
                yield line, BadRow(line, _("has no data"))
            elif key is None:
                yield line, BadRow(line, _("has neither an id nor a key in its data"))
            else:
                yield line, _record(str(key), task, data)

    def value_of(self, kind: str, said: Said, data: Mapping[str, Any]) -> Any:
        return label_studio.value_of(kind, said.value, data)

    def kind_of(self, said: Said) -> str:
        if said.type == "choices" and any(map(label_studio.chooses_several, said.value)):
            return "multichoice"
        return super().kind_of(said)


def _record(key: str, task: dict[str, Any], data: dict[str, Any]) -> Record:
    found = Record(key, row_files.fields_of(data))
    for one in label_studio.parts(task, "annotations"):
        if not one.get("was_cancelled"):  # a skip
            found.answers.append(
                Answer(_who(one), _said(one), str(one.get("created_at") or ""), answered=_answered(one))
            )
    for one in label_studio.parts(task, "predictions"):
        told = str(one.get("model_version") or "").strip()
        found.predictions.append(Predicted(told, _said(one), one.get("score")))
    return found


def _said(owner: Mapping[str, Any]) -> dict[str, Said]:
    """Results by control; one of two types in one answer is that of the first, and the others say so by their own type."""
    found: dict[str, Said] = {}
    for result in label_studio.parts(owner, "result"):
        name, kind = label_studio.control_of(result)
        found.setdefault(name, Said(kind, [])).value.append(result)
    return found


def _answered(annotation: Mapping[str, Any]) -> frozenset[str] | None:
    told = annotation.get(REST)
    names = told.get("answered") if isinstance(told, dict) else None
    return frozenset(map(str, names)) if isinstance(names, list) else None


def _who(annotation: Mapping[str, Any]) -> str:
    """The annotator by number; an export may hold names and addresses, which stay out."""
    who = annotation.get("completed_by")
    number = who.get("id") if isinstance(who, dict) else who
    return f"label-studio-{number if isinstance(number, int) else 'unknown'}"


form = LabelStudio()
