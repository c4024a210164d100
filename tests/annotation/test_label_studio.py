"""A Label Studio export becomes items with their labels: by a mapping that is shown first, and without anybody's name."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from annotation import controls, jobs
from annotation.models import Annotation
from specs.models import Job, Project
from tests import cast
from workforce import predicting
from workforce.import_formats import FORMATS
from workforce.models import Annotator, Item, Prediction

MAX = 2**20
LABEL_STUDIO = FORMATS["label-studio"]


def _annotation(who: Any, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"completed_by": who, "result": list(results), "created_at": "2026-01-02T03:04:05Z", **more}


def _choice(*values: str, name: str = "sentiment") -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": list(values)}}


KEYPOINT = {"from_name": "keys", "type": "keypointlabels", "value": {"x": 1, "y": 2}}
SPAN = {"from_name": "ner", "type": "labels", "value": {"start": 0, "end": 2, "labels": ["x"]}}
EXPORT = [
    {
        "id": 7,
        "data": {"text": "Good.", "meta": {"a": 1}},
        "annotations": [
            _annotation({"id": 1, "email": "ann@example.org"}, _choice("good"), SPAN, KEYPOINT),
            _annotation(2, _choice("bad")),
            _annotation(2, _choice("good")),
            _annotation(3, _choice("good"), was_cancelled=True),
        ],
        "predictions": [{"model_version": "m1", "result": [_choice("good")], "score": 0.9}],
    },
    {
        "id": 8,
        "data": {"text": "Bad."},
        "annotations": [_annotation(1, _choice("bad", "good")), _annotation(2, _choice("bad"))],
    },
    {"id": 9, "annotations": []},
]


def test_the_mapping_says_what_is_taken_and_what_is_left_out() -> None:
    source = io.BytesIO(json.dumps(EXPORT).encode())
    found = controls.survey(source, form=LABEL_STUDIO, max_bytes=MAX, kind="choice")
    assert (found.n_tasks, found.n_annotations, found.n_predictions, found.first) == (2, 5, 1, "sentiment")
    assert found.bad == [(3, "has no data")]
    said = found.sentences(LABEL_STUDIO.kinds)
    assert "ner (labels), 1 results: is left out: it is no answer to a question of the kind choice" in said
    assert "keys (keypointlabels), 1 results: is left out: no kind of question here takes it" in said


def test_several_controls_have_to_be_told_apart() -> None:
    export = [
        {
            "id": 1,
            "data": {"x": "y"},
            "annotations": [_annotation(1, _choice("a"), _choice("b", name="other"))],
        }
    ]
    source = io.BytesIO(json.dumps(export).encode())
    with pytest.raises(controls.NotMapped, match=r"other \(choices\), sentiment"):
        controls.survey(source, form=LABEL_STUDIO, max_bytes=MAX)
    source.seek(0)
    assert controls.survey(source, form=LABEL_STUDIO, max_bytes=MAX, control="other").first == "other"


@pytest.mark.django_db
def test_the_command_brings_in_items_and_labels_without_names(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "export.json.gz"
    path.write_bytes(gzip.compress(json.dumps(EXPORT).encode()))
    call_command("import_labels", str(path), project="ls", look=True, kind="choice")
    assert "sentiment (choices), 5 results: becomes the question label (choice)" in capsys.readouterr().out
    assert not Project.objects.filter(key="ls").exists()
    call_command("import_labels", str(path), project="ls", json=True, control="sentiment", kind="choice")
    assert "sentiment: the results of 1 annotations choose several values" in capsys.readouterr().err
    assert set(Item.objects.values_list("key", flat=True)) == {"7", "8"}
    given = Annotation.objects.values_list("task__item__key", "annotator__origin_key", "values__label")
    assert set(given) == {
        ("7", "label-studio-1", "good"),
        ("7", "label-studio-2", "bad"),
        ("8", "label-studio-2", "bad"),
    }
    assert not Annotator.objects.filter(origin_key__contains="@").exists()


@pytest.mark.django_db
def test_a_file_that_is_no_export_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text('{"id": 1}')
    with pytest.raises(CommandError, match="no control that can answer the question"):
        call_command("import_labels", str(path), project="ls")


def _predicted(version: str, *results: dict[str, Any], score: Any = 0.7) -> dict[str, Any]:
    return {"model_version": version, "score": score, "result": list(results)}


@pytest.mark.django_db
def test_predictions_of_an_export_become_those_of_their_model() -> None:
    stage = cast.stage()
    stage.load(3)
    entailed = _choice("yes", name="entailed")
    tasks = [
        {
            "data": {"key": "item-0"},
            "predictions": [_predicted("bert-3", entailed, SPAN), _predicted("bert-4", entailed)],
        },
        {
            "data": {"key": "item-1"},
            "predictions": [_predicted("bert-3", _choice("no", name="mood"), score=7.5)],
        },
        {"data": {"key": "item-2"}, "predictions": [_predicted("bert-3", _choice("no", name="other"))]},
    ]
    file = io.BytesIO(json.dumps(tasks).encode())
    done = predicting.bring_in(spec=stage.spec, source=file, name="export.json", by=stage.ada)
    assert (done.n_new, done.models) == (3, {"bert-3": 2, "bert-4": 1})
    assert done.left_out == {
        "ner (labels): are no answer to a question of the kind choice": 1,
        "score outside [0, 1]": 1,
        "other (choices)": 1,
    }
    found = {(one.item.key, one.model): one for one in Prediction.objects.select_related("item")}
    assert found["item-0", "bert-3"].confidence == 0.7
    assert (found["item-1", "bert-3"].value, found["item-1", "bert-3"].confidence) == ("no", None)
    file.seek(0)
    named = predicting.bring_in(spec=stage.spec, source=file, name="export.json", model="bert", by=stage.ada)
    assert set(named.models) == {"bert bert-3", "bert bert-4"}


@pytest.mark.django_db
def test_annotations_come_in_by_page_and_rest_with_a_report(client: Client, settings: Any) -> None:
    stage = cast.stage()
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    tasks = [
        {
            "id": 7,
            "data": {"text": "Good."},
            "annotations": [_annotation(1, _choice("yes"), SPAN), _annotation(2, _choice("yes"))],
        }
    ]
    data = json.dumps(tasks).encode()

    def upload(**more: str) -> Any:
        file = io.BytesIO(data)
        file.name = "export.json"
        return client.post(f"/p/rte/specs/{stage.spec.key}/history/", {"file": file, **more})

    assert b"becomes the question" in upload(look="1").content
    assert not Annotation.objects.exists()
    assert upload(control="mood").status_code == 422
    assert b"ner (labels), 1 results: is left out" in upload().content
    assert Annotation.objects.filter(source="import").count() == 2
    head = {"Authorization": f"Bearer {stage.token(stage.ada)}"}
    way = f"/api/v1/projects/rte/specs/{stage.spec.key}/history"
    again = client.post(way, data, content_type="application/octet-stream", headers=head)
    assert (again.status_code, again.json()["n_labels"], again.json()["control"]) == (201, 0, "sentiment")
    settings.LOAD_AT_ONCE = 1
    later = client.post(way, data, content_type="application/octet-stream", headers=head)
    assert later.status_code == 202
    jobs.import_history(later.json()["job"])
    assert Job.objects.get(pk=later.json()["job"]).result["n_labels"] == 0
