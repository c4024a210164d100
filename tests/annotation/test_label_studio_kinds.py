"""What annotators did in Label Studio comes in as answers of each kind here, in our units, or is left out with its reason."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from annotation import controls, histories
from annotation.models import Annotation
from specs.refusals import Invalid
from tests import cast
from tests.workforce.test_media import picture
from workforce import loading, media, predicting
from workforce.import_formats import FORMATS
from workforce.label_studio import NotCarried, value_of
from workforce.models import Prediction

TEXT = "👨🏻‍🚒 Ada met\r\nZoë in שלום"
LABELS = [{"value": "person", "title": "Person"}, {"value": "place", "title": "Place"}]


def result(kind: str, name: str = "asked", **value: Any) -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "type": kind, "value": value}


def marked(words: str, *labels: str, **more: Any) -> dict[str, Any]:
    """Words of `TEXT` as Label Studio marks them: in UTF-16 units."""
    start = len(TEXT[: TEXT.index(words)].encode("utf-16-le")) // 2
    end = start + len(words.encode("utf-16-le")) // 2
    return result("labels", start=start, end=end, labels=list(labels), **{"text": words, **more})


def drawn(**value: Any) -> dict[str, Any]:
    sides = {"x": 25, "y": 50, "width": 50, "height": 10, "rotation": 0, "rectanglelabels": ["person"]}
    return {
        **result("rectanglelabels", **{**sides, **value}),
        "original_width": 800,
        "original_height": 600,
    }


def export(*annotations: list[dict[str, Any]], **data: Any) -> io.BytesIO:
    said = [{"completed_by": who, "result": one} for who, one in enumerate(annotations, 1)]
    task = {"data": {"key": "item-000", **data}, "annotations": said}
    return io.BytesIO(json.dumps([task]).encode())


def staged(kind: str, **question: Any) -> cast.Stage:
    return cast.stage(
        questions=[{"key": "asked", "kind": kind, "title": "What is it?", "required": True, **question}]
    )


def given() -> list[Any]:
    return [one.values["asked"] for one in Annotation.objects.order_by("annotator__origin_key")]


def test_places_in_utf_16_become_code_points() -> None:
    for words in ("Ada", "Zoë", "שלום", "👨🏻‍🚒"):
        [span] = value_of("spans", [marked(words, "person")], {"text": TEXT})
        assert TEXT[span["start"] : span["end"]] == span["text"] == words
        [found] = value_of("spans", [marked(words, "person")], {"note": "x", "body": TEXT})
        assert found == span  # in whichever text of the task it stands


@pytest.mark.parametrize(
    ("kind", "results", "why"),
    [
        ("spans", [marked("Ada", "person", text="Eve")], "no text of the task"),
        (
            "spans",
            [result("labels", start=1, end=2, labels=["person"])],
            "no text of the task",
        ),  # half a sign
        (
            "spans",
            [result("labels", start=0.5, end=2.5, labels=["noise"])],
            "something else than a plain text",
        ),
        ("spans", [marked("Ada")], "without a label"),
        (
            "spans",
            [result("hypertextlabels", start="/p[1]", labels=["x"])],
            "no answer to a question of the kind spans",
        ),
        ("boxes", [drawn(rotation=30)], "turned"),
        ("boxes", [result("rectanglelabels", x=1, y=2, width=3, height=4)], "how large"),
        ("boxes", [drawn(x=None)], "no place"),
        ("choice", [result("choices", choices=["a", "b"])], "several values"),
        ("choice", [result("choices", choices=["a"])] * 2, "more than once"),
        ("multichoice", [result("choices", choices=[])], "nothing"),
        ("rating", [result("number", number=2.5)], "whole numbers"),
        ("number", [result("number", number=True)], "no number"),
        ("text", [result("textarea", text=["a", "b"])], "several texts"),
        ("text", [result("textarea", text=[" "])], "no text"),
    ],
)
def test_what_has_no_place_here_says_why(kind: str, results: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(NotCarried, match=why):
        value_of(kind, results, {"text": TEXT})


@pytest.mark.parametrize(
    ("kind", "results", "value", "settings"),
    [
        ("multichoice", [result("choices", choices=["person", "place"])], ["person", "place"], {}),
        ("rating", [result("rating", rating=4)], 4, {}),
        ("number", [result("number", number=2.5)], 2.5, {}),
        ("text", [result("textarea", text=["A free answer."])], "A free answer.", {}),
    ],
)
@pytest.mark.django_db
def test_results_become_answers_of_their_kind(
    kind: str, results: list[dict[str, Any]], value: Any, settings: dict[str, Any]
) -> None:
    labels = {"labels": LABELS} if kind == "multichoice" else {}
    stage = staged(kind, settings=settings, **labels)
    done = histories.bring_in(spec=stage.spec, source=export(results, [], text=TEXT), by=stage.ada)
    assert (done.n_labels, given()) == (1, [value])
    assert f"becomes the question asked ({kind})" in done.report[1]


@pytest.mark.django_db
def test_marks_of_a_text_become_spans_and_half_an_answer_none() -> None:
    stage = staged("spans", labels=LABELS)
    source = export(
        [marked("Ada", "person"), marked("שלום", "place")],
        [marked("Ada", "person"), marked("Zoë", "person", text="Eve")],
        [],
        text=TEXT,
    )
    done = histories.bring_in(spec=stage.spec, source=source, by=stage.ada)
    ada, place = (
        {"start": TEXT.index(words), "end": TEXT.index(words) + len(words), "label": label, "text": words}
        for words, label in (("Ada", "person"), ("שלום", "place"))
    )
    assert given() == [[ada, place], []]
    assert (
        "asked: the results of 1 annotations name places where no text of the task has what they say; "
        "these annotations are left out" in done.report
    )


@pytest.mark.django_db
def test_rectangles_become_boxes_of_the_image_that_is_here() -> None:
    stage = staged("boxes", labels=LABELS)
    media.add(project=stage.project, source=io.BytesIO(picture(400, 300)), name="red.png", by=stage.ada)
    row = json.dumps({"key": "item-000", "image": "media:red.png"}).encode()
    loading.load(
        project=stage.project, queue=stage.queue, source=io.BytesIO(row), name="i.jsonl", by=stage.ada
    )
    source = export([drawn()], [], image="/data/upload/red.png")  # 800 × 600 there
    histories.bring_in(spec=stage.spec, source=source, by=stage.ada)
    box = {"x": 100, "y": 150, "width": 200, "height": 30, "label": "person"}
    assert given() == [[box], []]
    turned = {**drawn(), "original_width": 600, "original_height": 800}
    with pytest.raises(Invalid, match="another shape"):
        histories.bring_in(spec=stage.spec, source=export([], [], [turned]), by=stage.ada)
    told = [{"data": {"key": "item-000"}, "predictions": [{"model_version": "yolo", "result": [drawn()]}]}]
    predicting.bring_in(
        spec=stage.spec, source=io.BytesIO(json.dumps(told).encode()), name="export.json", by=stage.ada
    )
    assert Prediction.objects.get().value == [box]


def test_a_control_tells_the_kind_where_no_question_is_there_yet() -> None:
    def kind(*results: dict[str, Any]) -> str:
        source = export(list(results), text=TEXT)
        return controls.survey(source, form=FORMATS["label-studio"], max_bytes=2**20).kind

    assert kind(result("choices", choices=["a"])) == "choice"
    assert kind(result("choices", choices=["a", "b"])) == "multichoice"
    assert kind(result("rating", rating=1)) == "rating"
    assert kind(marked("Ada", "person")) == "spans"
