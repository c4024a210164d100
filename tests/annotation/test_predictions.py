"""What models said is a source of its own: compared with the labels, and without a trace in what people agree on."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import pytest
from django.test import Client

from annotation import foretold, measuring
from annotation.models import Annotation
from specs.models import Event, Job
from specs.refusals import Invalid
from tests import cast
from workforce import jobs, predicting
from workforce.models import Assignment, Prediction

pytestmark = pytest.mark.django_db


def _bring(stage: cast.Stage, *rows: Mapping[str, object], version: str = "1") -> predicting.BroughtIn:
    data = "\n".join(json.dumps(row) for row in rows).encode()
    return predicting.bring_in(
        spec=stage.spec,
        source=io.BytesIO(data),
        name="p.jsonl",
        model="m",
        model_version=version,
        by=stage.ada,
    )


def _labelled() -> cast.Stage:
    """Three items, two of them resolved: yes, no."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(3)
    for value in ("yes", "no"):
        stage.answer(stage.ben, value)
        stage.answer(stage.chi, value)
    return stage


def test_the_series_of_each_version_is_compared_with_the_labels() -> None:
    stage = _labelled()
    _bring(
        stage,
        {"key": "item-0", "value": "yes", "confidence": 0.9},
        {"key": "item-1", "value": "yes", "confidence": 0.7},
        {"key": "item-2", "value": "no", "confidence": 0.1},
    )
    _bring(stage, {"key": "item-0", "value": "yes"}, {"key": "item-1", "value": "no"}, version="2")
    by_version = {row["model_version"]: row for row in foretold.series(spec=stage.spec)}
    first, second = by_version["1"], by_version["2"]
    assert (first["n"], first["n_compared"], first["n_right"], first["share"]) == (3, 2, 1, 0.5)
    assert first["confidence"] == pytest.approx(0.8)
    assert first["low"] < 0.5 < first["high"]
    assert (second["n_right"], second["share"]) == (2, 1.0)


def test_predictions_leave_no_trace_in_human_agreement() -> None:
    stage = _labelled()

    def measured() -> list[object]:
        return [report.numbers for report in measuring.measure(spec=stage.spec, by=stage.ada)]

    before, n_slots, n_answers = measured(), Assignment.objects.count(), Annotation.objects.count()
    _bring(stage, *({"key": f"item-{k}", "value": "no"} for k in range(3)))
    assert measured() == before
    assert (Assignment.objects.count(), Annotation.objects.count()) == (n_slots, n_answers)


def test_the_same_again_changes_nothing_and_another_value_needs_another_version() -> None:
    stage = _labelled()
    row = {"key": "item-0", "value": "yes"}
    assert _bring(stage, row).n_new == 1
    again = _bring(stage, row)
    assert (again.n_new, again.n_known) == (0, 1)
    with pytest.raises(Invalid) as refused:
        _bring(stage, {"key": "item-1", "value": "no"}, {"key": "item-0", "value": "no"})
    assert refused.value.problems[0]["where"] == "line 2"
    assert Prediction.objects.count() == 1
    assert _bring(stage, {"key": "item-0", "value": "no"}, version="2").n_new == 1
    assert Event.objects.filter(kind="predictions.loaded").count() == 3


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"key": "nowhere", "value": "yes"}, "no item"),
        ({"key": "item-0", "value": "maybe"}, "not one of"),
        ({"key": "item-0", "value": "yes", "question": "other"}, "no question"),
        ({"key": "item-0", "value": "yes", "confidence": 1.5}, "outside"),
        ({"key": "item-0", "value": "yes", "confidence": "high"}, "no number"),
        ({"key": "item-0", "confidence": 0.5}, "no value"),
    ],
)
def test_a_bad_row_refuses_the_file(row: dict[str, object], reason: str) -> None:
    stage = _labelled()
    with pytest.raises(Invalid) as refused:
        _bring(stage, {"key": "item-1", "value": "no"}, row)
    assert reason in refused.value.problems[0]["message"]
    assert Prediction.objects.count() == 0


def test_by_page_and_by_rest_and_in_a_job(client: Client, settings: object) -> None:
    stage = _labelled()
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    address = f"/p/rte/specs/{stage.spec.key}/models/"
    assert b"No predictions yet" in client.get(address).content
    upload = io.BytesIO(b"key,value,confidence\nitem-0,yes,0.5\n")
    upload.name = "p.csv"
    assert client.post(f"{address}bring-in/", {"file": upload, "model": "bert"}).status_code == 302
    assert b"bert" in client.get(address).content
    head = {"Authorization": f"Bearer {stage.token(stage.ada)}"}
    rest = f"/api/v1/projects/rte/specs/{stage.spec.key}/predictions"
    body = b'{"key": "item-1", "value": "no"}'
    made = client.post(f"{rest}?model=gpt", body, content_type="application/x-ndjson", headers=head)
    assert (made.status_code, made.json()["n_new"]) == (201, 1)
    settings.LOAD_AT_ONCE = 1  # type: ignore[attr-defined]
    later = client.post(f"{rest}?model=late", body, content_type="application/x-ndjson", headers=head)
    assert later.status_code == 202
    jobs.load_predictions(later.json()["job"])
    assert Job.objects.get(pk=later.json()["job"]).result["n_new"] == 1
    series = client.get(rest, headers=head).json()["series"]
    assert {row["model"] for row in series} == {"bert", "gpt", "late"}
