"""COCO for boxes: images, categories and annotations in one document. Images are named by the digest of their bytes."""

from __future__ import annotations

import tempfile
from typing import Any

import orjson
from django.utils.translation import gettext_lazy

from annotation.export_formats.base import Format, Row, Writer, field_of


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


class CocoWriter(Writer):
    """Annotations wait in a file of their own until the images are written, so that neither stands in memory."""

    def begin(self) -> None:
        self.categories: dict[tuple[str, str], int] = {}
        for question in self.layout.of_kind("boxes"):
            for label in question.get("labels") or ():
                self.categories[question["key"], label["value"]] = len(self.categories) + 1
        self.marks = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the file that it goes into)
        self.n_images = self.n_marks = 0
        self.out.write(b'{"images":[')

    def write(self, row: Row) -> None:
        payload = row.get("payload") or {}
        for question in self.layout.of_kind("boxes"):
            label = row["labels"].get(question["key"]) or {}
            image = payload.get(field_of(question))
            if label.get("value") is None or not isinstance(image, dict) or "width" not in image:
                self.left_out["item without image or boxes"] += 1
                continue
            self._image(row, image)
            for box in label["value"]:
                self._box(question["key"], box)

    def _image(self, row: Row, image: dict[str, Any]) -> None:
        self.n_images += 1
        ending = str(image.get("type", "")).partition("/")[2] or "png"
        name = f"{str(image.get('media', '')).removeprefix('sha256:')}.{ending}"
        found = {"id": self.n_images, "file_name": name, "width": image["width"], "height": image["height"]}
        found |= {"key": row["key"], **({"split": row["split"]} if "split" in row else {})}
        self.out.write((b"," if self.n_images > 1 else b"") + _json(found))

    def _box(self, question: str, box: dict[str, Any]) -> None:
        self.n_marks += 1
        found = {
            "id": self.n_marks,
            "image_id": self.n_images,
            "category_id": self.categories.setdefault((question, box["label"]), len(self.categories) + 1),
            "bbox": [box["x"], box["y"], box["width"], box["height"]],
            "area": round(box["width"] * box["height"], 6),
            "iscrowd": 0,
            "segmentation": [],
        }
        self.marks.write((b"," if self.n_marks > 1 else b"") + _json(found))

    def close(self) -> None:
        self.out.write(b'],"annotations":[')
        self.marks.seek(0)
        while chunk := self.marks.read(2**20):
            self.out.write(chunk)
        self.marks.close()
        categories = [
            {"id": number, "name": value, "supercategory": question}
            for (question, value), number in self.categories.items()
        ]
        self.out.write(b'],"categories":' + _json(categories) + b"}\n")


class Coco(Format):
    suffix, media_type = "coco.json", "application/json"
    title = gettext_lazy("COCO for boxes")
    kinds = ("boxes",)
    writer = CocoWriter

    @property
    def about(self) -> str:
        return "COCO object detection; bbox [x, y, width, height] in pixels; file_name is the digest of the image's bytes"


form = Coco()
