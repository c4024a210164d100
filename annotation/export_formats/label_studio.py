"""Label Studio JSON: an array of tasks, each with one annotation for its label, or one for each of its answers.

Source: the formats of results in Label Studio's documentation of exports. Places in a text count UTF-16 units there, rectangles
are in per cent of their image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from django.utils.translation import gettext_lazy

from annotation.export_formats.base import Format, Row, Writer, field_of

CARRIED = ("choice", "multichoice", "rating", "number", "text", "spans", "boxes")


def results(question: Mapping[str, Any], value: Any, payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a value is there: results of the control that has the question's key. Empty for nothing marked."""
    kind, key = question["kind"], question["key"]
    match kind:
        case "choice":
            return [_result(key, "choices", {"choices": [value]}, payload)]
        case "multichoice":
            return [_result(key, "choices", {"choices": list(value)}, payload)]
        case "rating" | "number":
            return [_result(key, kind, {kind: value}, payload)]
        case "text":
            return [_result(key, "textarea", {"text": [value]}, payload)]
        case "spans":
            return [_span(question, span, payload) for span in value]
        case _:
            return [_box(question, box, payload) for box in value]


def _result(
    key: str, type_: str, value: dict[str, Any], payload: Mapping[str, Any], to: str = ""
) -> dict[str, Any]:
    return {"from_name": key, "to_name": to or _shown(payload), "type": type_, "value": value}


def _shown(payload: Mapping[str, Any]) -> str:
    texts = [name for name, value in payload.items() if isinstance(value, str)]
    return "text" if "text" in texts else min(texts, default="text")


def _span(question: Mapping[str, Any], span: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    name = field_of(question)
    text = str(payload.get(name, ""))
    start = _units(text[: span["start"]])
    value = {
        "start": start,
        "end": start + _units(text[span["start"] : span["end"]]),
        "text": span["text"],
        "labels": [span["label"]],
    }
    return _result(question["key"], "labels", value, payload, name)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _box(question: Mapping[str, Any], box: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    name = field_of(question)
    image = payload.get(name) or {}
    width, height = image.get("width", 0), image.get("height", 0)
    value = {
        "x": box["x"] * 100 / width,
        "y": box["y"] * 100 / height,
        "width": box["width"] * 100 / width,
        "height": box["height"] * 100 / height,
        "rotation": 0,
        "rectanglelabels": [box["label"]],
    }
    found = _result(question["key"], "rectanglelabels", value, payload, name)
    return found | {"original_width": width, "original_height": height, "image_rotation": 0}


def who(pseudonym: str) -> int:
    """The number that stands for an annotator there."""
    return int.from_bytes(hashlib.sha256(pseudonym.encode()).digest()[:4], "big") >> 1


class LabelStudioWriter(Writer):
    def begin(self) -> None:
        self.n = self.n_annotations = 0
        self.out.write(b"[")

    def write(self, row: Row) -> None:
        self.n += 1
        payload = row.get("payload") or {}
        annotations = (
            [
                self._annotation(answer["values"], payload, row, completed_by=who(answer["annotator"]))
                for answer in row["answers"]
            ]
            if "answers" in row
            else [self._annotation({key: one["value"] for key, one in row["labels"].items()}, payload, row)]
        )
        task = {
            "id": self.n,
            "data": {**payload, "key": row["key"]},
            "annotations": annotations,
            "predictions": [],
        }
        task["meta"] = {name: row[name] for name in ("split", "queue") if name in row}
        self.out.write((b",\n" if self.n > 1 else b"\n") + orjson.dumps(task, option=orjson.OPT_SORT_KEYS))

    def _annotation(self, values: Mapping[str, Any], payload: Any, row: Row, **more: Any) -> dict[str, Any]:
        self.n_annotations += 1
        found: list[dict[str, Any]] = []
        for question in self.layout.questions:
            value = values.get(question["key"])
            if value is None:
                continue
            if question["kind"] not in CARRIED:
                self.left_out[f"answer of the kind {question['kind']}"] += 1
                continue
            if question["kind"] == "multichoice" and not value:
                self.left_out["answer that chooses nothing"] += 1
                continue
            found += results(question, value, payload)
        for number, result in enumerate(found, 1):
            result["id"] = f"{self.n_annotations}-{number}"
        return {
            "id": self.n_annotations,
            "result": found,
            "was_cancelled": False,
            "ground_truth": not more,
            **more,
        }

    def close(self) -> None:
        self.out.write(b"\n]\n")


class LabelStudio(Format):
    suffix, media_type = "label-studio.json", "application/json"
    title = gettext_lazy("Label Studio JSON")
    kinds = CARRIED
    writer = LabelStudioWriter

    @property
    def about(self) -> str:
        return "Label Studio tasks; places in texts count UTF-16 units, rectangles are per cent; annotators are numbers"


form = LabelStudio()
