"""Label Studio JSON: an array of tasks, each with one annotation for its label, or one for each of its answers, and predictions.

A control is named by its question, what it is about by `specs.label_config`, whose configuration belongs to these tasks. What
`workforce.import_formats.label_studio` reads of them is the same answers; what it cannot is counted.

Source: the formats of results in Label Studio's documentation of exports. Places in a text count UTF-16 units there, rectangles
are in per cent of their image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from django.utils.translation import gettext_lazy

from annotation.export_formats.base import Format, Row, Writer, field_of, kind_of
from specs import label_config

CARRIED = tuple(label_config.TAGS)


def results(question: Mapping[str, Any], value: Any, payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a value is there: results of the control that has the question's key. Empty for nothing marked or chosen."""
    match question["kind"]:
        case "choice":
            return [_result(question, "choices", {"choices": [value]})]
        case "multichoice":
            return [_result(question, "choices", {"choices": list(value)})] if value else []
        case "rating" | "number":
            type_ = "number" if label_config.as_number(question) else question["kind"]
            return [_result(question, type_, {type_: value})]
        case "text":
            return [_result(question, "textarea", {"text": [value]})]
        case "ranking":
            return [_result(question, "ranker", {"ranker": _places(question, value)})]
        case "spans":
            return [_span(question, span, payload) for span in value]
        case _:
            return [_box(question, box, payload) for box in value]


def _result(question: Mapping[str, Any], type_: str, value: dict[str, Any]) -> dict[str, Any]:
    to = label_config.field_of(question) or label_config.ITEM
    return {"from_name": question["key"], "to_name": to, "type": type_, "value": value}


def _places(question: Mapping[str, Any], value: list[list[str]]) -> dict[str, list[str]]:
    """Groups by place where things may share one, else one list under the control's name."""
    if kind_of(question).setting(question, "ties"):
        return {str(place): things for place, things in enumerate(value, 1)}
    return {question["key"]: [thing for things in value for thing in things]}


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
    return _result(question, "labels", value)


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
    found = _result(question, "rectanglelabels", value)
    return found | {"original_width": width, "original_height": height, "image_rotation": 0}


def who(pseudonym: str) -> int:
    """The number that stands for an annotator there."""
    return int.from_bytes(hashlib.sha256(pseudonym.encode()).digest()[:4], "big") >> 1


class LabelStudioWriter(Writer):
    def begin(self) -> None:
        self.n = self.n_annotations = 0
        self.carried = [one for one in self.layout.questions if one["kind"] in CARRIED]
        self.options = {
            label_config.options_field(one): [
                {"id": label["value"], "title": label.get("title") or label["value"]}
                for label in one["labels"]
            ]
            for one in self.carried
            if one["kind"] == "ranking" and one.get("labels")
        }
        self.out.write(b"[")

    def write(self, row: Row) -> None:
        self.n += 1
        payload = row.get("payload") or {}
        if "answers" in row:
            annotations = [self._of_answer(answer, payload) for answer in row["answers"]]
        else:
            values = {key: one["value"] for key, one in row["labels"].items()}
            annotations = [self._annotation(values, payload, ground_truth=True)]
        task = {
            "id": self.n,
            "data": {**payload, **self.options, "key": row["key"]},
            "annotations": annotations,
            "predictions": [self._prediction(*one, payload) for one in self._predicted(row)],
            "meta": {name: row[name] for name in ("split", "queue") if name in row},
        }
        self.out.write((b",\n" if self.n > 1 else b"\n") + orjson.dumps(task, option=orjson.OPT_SORT_KEYS))

    def _of_answer(self, answer: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
        for name in ("clauses", "confidence", "cannot_be_labelled"):
            if answer.get(name):
                self.left_out[f"{name} of an answer"] += 1
        return self._annotation(
            answer["values"],
            payload,
            completed_by=who(answer["annotator"]),
            created_at=answer["answered_at"],
            was_cancelled=bool(answer.get("cannot_be_labelled")),
        )

    def _annotation(self, values: Mapping[str, Any], payload: Any, **more: Any) -> dict[str, Any]:
        self.n_annotations += 1
        found: list[dict[str, Any]] = []
        answered = []
        for question in self.carried:
            value = values.get(question["key"])
            if value is None:
                continue
            answered.append(question["key"])
            found += results(question, value, payload)
        for key in values.keys() - {question["key"] for question in self.carried}:
            self.left_out[f"answer to {key}"] += 1
        for number, result in enumerate(found, 1):
            result["id"] = f"{self.n_annotations}-{number}"
        return {
            "id": self.n_annotations,
            "result": found,
            "was_cancelled": False,
            "ground_truth": False,
            label_config.REST: {"answered": answered},
            **more,
        }

    def _predicted(self, row: Row) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """The predictions of a row, each with its question."""
        asked = {one["key"]: one for one in self.carried}
        for told in row.get("predictions", ()):
            if told["question"] in asked:
                yield told, asked[told["question"]]
            else:
                self.left_out[f"prediction of {told['question']}"] += 1

    def _prediction(
        self, told: Mapping[str, Any], question: Mapping[str, Any], payload: Mapping[str, Any]
    ) -> dict[str, Any]:
        score = {} if told["confidence"] is None else {"score": told["confidence"]}
        version = " ".join(filter(None, (told["model"], told["model_version"])))
        return {**score, "model_version": version, "result": results(question, told["value"], payload)}

    def close(self) -> None:
        self.out.write(b"\n]\n")


class LabelStudio(Format):
    suffix, media_type = "label-studio.json", "application/json"
    title = gettext_lazy("Label Studio JSON")
    kinds = CARRIED
    writer = LabelStudioWriter

    @property
    def about(self) -> str:
        return (
            "Label Studio tasks for the controls of label-studio.xml; places in texts count UTF-16 units, rectangles are per "
            "cent; annotators are numbers"
        )


form = LabelStudio()
