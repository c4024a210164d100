"""One model beside people: agreement, confusion, clauses, confidence; who saw its prediction says nothing about it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.test import Client

from annotation import beside_model, measuring, scoping
from specs.refusals import Invalid
from tests import cast
from workforce import predicting, staffing, suggesting
from workforce.models import Annotator, Suggestion

pytestmark = pytest.mark.django_db
N = 20


def _bring(stage: cast.Stage, rows: list[dict[str, Any]], *, model: str = "m", version: str = "1") -> None:
    data = "\n".join(json.dumps(row) for row in rows).encode()
    predicting.bring_in(
        spec=stage.spec,
        source=io.BytesIO(data),
        name="p.jsonl",
        model=model,
        model_version=version,
        by=stage.ada,
    )


def _says(k: int) -> str:
    return "yes" if k % 2 else "no"


@pytest.fixture
def stage() -> cast.Stage:
    """Twenty items: Ben and Chi say the same, Dov differs on the first four; the model follows the two but on the last five."""
    made = cast.stage(overlap=3, max_overlap=3)
    made.load(N)
    rows = []
    for k in range(N):
        other = _says(k + 1)
        for who in (made.ben, made.chi):
            made.answer(who, _says(k), cite=["whole"])
        made.answer(made.dov, other if k < 4 else _says(k))
        wrong = k >= N - 5
        rows.append(
            {"key": f"item-{k}", "value": other if wrong else _says(k), "confidence": 0.65 if wrong else 0.95}
        )
    _bring(made, rows)
    return made


def _report(stage: cast.Stage, model: str = "m", version: str = "1") -> beside_model.Report:
    scope = scoping.of(spec=stage.spec)
    return beside_model.read(scope, beside_model.series_of(scope, model=model, version=version))


def test_agreement_of_the_model_beside_that_of_people(stage: cast.Stage) -> None:
    found = _report(stage)
    assert (found.n_items, found.n_said, found.n_saw) == (N, N, 0)
    # four items at 2/3, eleven at 1, five at 0
    assert found.agreement.value == pytest.approx((4 * 2 / 3 + 11) / N)
    assert found.among.value == pytest.approx((4 / 3 + 16) / N)
    assert found.lead.value == pytest.approx((found.agreement.value or 0) - (found.among.value or 0))
    assert (found.lead.high or 0) < 0.05
    assert (found.kappa.low or 1) < (found.kappa.value or 0) < (found.kappa.high or 0)
    assert found.values == ["yes", "no"]
    assert sum(map(sum, found.confusion)) == pytest.approx(N, abs=0.01)
    clauses = {clause.key: one for clause, one in found.clauses}
    assert clauses["whole"].n_items == N
    assert clauses["numbers"].reason == "too few items to say (0 of 10)"


def test_its_confidence_against_the_labels(stage: cast.Stage) -> None:
    calibration = _report(stage).calibration
    assert calibration is not None
    assert (calibration.n, calibration.right) == (16, 11 / 16), "four tasks are in dispute"
    assert calibration.error == pytest.approx(5 / 16 * 0.65 + 11 / 16 * 0.05)
    _bring(stage, [{"key": f"item-{k}", "value": "yes"} for k in range(N)], version="2")
    assert _report(stage, version="2").calibration is None


def test_who_saw_the_prediction_is_left_out(settings: Any) -> None:
    """Predictions stand before the answer: nobody's answer says anything about the model, and no label rests on others."""
    settings.PREDICTIONS_WITHHELD_PERCENT = 0
    stage = cast.stage(overlap=2, max_overlap=2, predictions="before")
    stage.load(12)
    _bring(stage, [{"key": f"item-{k}", "value": "yes", "confidence": 0.9} for k in range(12)])
    for _ in range(12):
        for who in (stage.ben, stage.chi):
            served = stage.claim(who)
            assert suggesting.serve(served)
            stage.submit(who, served, {"entailed": "yes"})
    found = _report(stage)
    assert Suggestion.objects.filter(arm="shown").count() == 24
    assert (found.n_saw, found.n_items, found.agreement.value) == (24, 0, None)
    assert found.calibration is not None
    assert found.calibration.n == 0
    assert [queue.key for queue in found.shown_in] == ["main"]


def test_a_model_that_answers_tasks_like_a_person(stage: cast.Stage) -> None:
    before = measuring.compute(spec=stage.spec)[0].summary.n_answers
    Annotator.objects.filter(pk=stage.dov.pk).update(kind="model")
    (series,) = beside_model.answering(spec=stage.spec)
    found = _report(stage, model=series.model, version="")
    assert found.agreement.value == pytest.approx(16 / N)
    assert (found.among.value, found.calibration) == (1.0, None)
    assert measuring.compute(spec=stage.spec)[0].summary.n_answers == before - N


def test_a_large_set_is_sampled_the_same_way_each_time(stage: cast.Stage, settings: Any) -> None:
    settings.MODEL_ITEMS_AT_ONCE = 12
    first, again = _report(stage), _report(stage)
    assert (first.sampled, first.n_items) == (True, 12)
    assert beside_model.as_dict(first) == beside_model.as_dict(again)


def test_by_page_and_by_rest(stage: cast.Stage, client: Client) -> None:
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    models, address = "/p/rte/specs/rte/models/", "/p/rte/specs/rte/models/beside/"
    asked = {"model": "m", "model_version": "1"}
    assert "beside/?model=m&amp;model_version=1&amp;question=entailed" in client.get(models).content.decode()
    page = client.get(address, asked).content.decode()
    assert "A person says what the model says" in page
    assert "No queue has shown it" in page
    for name in ("clauses", "confusion", "calibration"):
        assert client.get(f"{address}charts/{name}.svg", asked).status_code == 200
    assert client.get(f"{address}charts/other.svg", asked).status_code == 404
    assert client.get(address, {"model": "none"}).status_code == 404
    assert "A person says what the model says" in client.get(address).content.decode(), "the newest series"
    rest, api = stage.client(stage.ada)(), "/api/v1/projects/rte/specs/rte/predictions/beside"
    found = rest.get(api, asked).json()
    assert (found["items"], found["agreement"]["items"], len(found["calibration"]["bins"])) == (N, N, 10)
    assert found["among_people"]["value"] > found["agreement"]["value"]
    assert rest.get(api, {"model": "none"}).status_code == 422


def test_a_model_that_nobody_knows_is_refused(stage: cast.Stage) -> None:
    with pytest.raises(Invalid, match="No model none"):
        _report(stage, model="none")
    lin = staffing.add_member(project=stage.project, user=cast.user("lin"), roles=["annotator"], by=stage.ada)
    with pytest.raises(Invalid, match="has said anything"):
        _report(stage, model=staffing.annotator_for(member=lin).pseudonym)
