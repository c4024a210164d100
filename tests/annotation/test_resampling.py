"""Settled items before people again: a queue of their own, blind, mixed with nothing, and what it shows."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from annotation import measuring, resampled, resampling
from annotation.models import Resample, Resolution
from specs.models import Event
from specs.refusals import Invalid
from tests import cast
from workforce import leasing, predicting
from workforce.models import Item, Purpose, Queue

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> cast.Stage:
    """Six items that Ben and Chi agree on."""
    made = cast.stage(overlap=2, max_overlap=2)
    made.load(6)
    for k in range(6):
        for who in (made.ben, made.chi):
            made.answer(who, "yes" if k % 2 else "no")
    return made


def drawn(stage: cast.Stage, **changed: Any) -> Resample:
    options: dict[str, Any] = {
        "kind": "audit",
        "n_items": 4,
        "annotators": [stage.dov],
        "overlap": 1,
        **changed,
    }
    return resampling.draw(source=stage.queue, owner=stage.ada, by=stage.ada, **options)


def queue_of(sample: Resample) -> Queue:
    assert sample.queue is not None
    return sample.queue


def test_an_audit_measures_how_many_accepted_labels_come_out_otherwise(stage: cast.Stage) -> None:
    before = list(Resolution.objects.order_by("pk").values())
    sample = drawn(stage)
    assert (sample.n_items, queue_of(sample).purpose) == (4, Purpose.PILOT)
    assert sample.trial is not None
    assert sample.trial.digest == stage.version.digest
    (shown,) = resampled.read(sample)
    assert (shown.answers.n, shown.otherwise.value) == (0, None)
    for k in range(4):
        served = stage.claim(stage.dov, sample.queue)
        label = sample.labels[str(served.item_id)]["entailed"]
        other = {"yes": "no", "no": "yes"}[label]
        stage.submit(stage.dov, served, {"entailed": other if k == 0 else label})
    (shown,) = resampled.read(sample)
    assert (shown.otherwise.n_right, shown.otherwise.n) == (1, 4)
    assert shown.otherwise.low == pytest.approx(0.0456, abs=1e-4)
    assert (shown.answers.n_right, shown.own.n) == (3, 0)
    assert list(Resolution.objects.order_by("pk").values()) == before, "no label changes by it"
    (measured,) = measuring.compute(spec=stage.spec)
    assert measured.summary.n_answers == 12, "and no agreement"
    assert Event.objects.get(kind="resample.drawn").data["items"] == 4


def test_nobody_audits_what_she_answered_and_whoever_repeats_is_told_apart(stage: cast.Stage) -> None:
    audit = drawn(stage, annotators=[stage.ben])
    assert leasing.claim(queue_id=queue_of(audit).pk, annotator=stage.ben, by=stage.ben.member) is None
    again = drawn(stage, kind="again", annotators=[stage.ben])
    served = stage.claim(stage.ben, again.queue)
    stage.submit(stage.ben, served, again.labels[str(served.item_id)])
    (shown,) = resampled.read(again)
    assert (shown.own.n_right, shown.own.n) == (1, 1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": "other"}, "not 'other'"),
        ({"n_items": 0}, "between 1"),
        ({"overlap": 2}, "at least 2 annotators"),
    ],
)
def test_what_cannot_be_drawn_is_said(stage: cast.Stage, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        drawn(stage, **changed)
    assert not Resample.objects.exists()


def test_a_queue_without_labels_has_nothing_to_draw() -> None:
    stage = cast.stage()
    with pytest.raises(Invalid, match="No task"):
        drawn(stage)


def test_a_sample_is_drawn_and_read_by_pages(stage: cast.Stage) -> None:
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    form = {"kind": "bridge", "n_items": 3, "overlap": 1, "annotators": [stage.dov.pk]}
    reply = client.post("/p/rte/queues/main/samples/draw/", form)
    sample = Resample.objects.get()
    assert reply["Location"] == f"/p/rte/queues/main/samples/{sample.pk}/"
    assert "Nobody has answered yet" in client.get(reply["Location"]).content.decode()
    assert queue_of(sample).name in client.get("/p/rte/queues/main/samples/").content.decode()
    assert client.post("/p/rte/queues/main/samples/draw/", {**form, "n_items": 0}).status_code == 422


def test_a_sample_by_rest(stage: cast.Stage) -> None:
    client = stage.client(stage.ada)()
    root = "/api/v1/projects/rte/queues/main/samples"
    body = {"kind": "again", "n_items": 2, "annotators": [stage.dov.pseudonym]}
    made = client.post(root, body, content_type="application/json").json()
    sample = Resample.objects.get(pk=made["id"])
    stage.answer(stage.dov, "yes", queue=sample.queue)
    (shown,) = client.get(f"{root}/{made['id']}").json()["shown"]
    assert (shown["answers"]["n"], shown["title"]) == (1, "Does it follow?")
    assert [one["id"] for one in client.get(root).json()["samples"]] == [made["id"]]


def test_the_database_holds_what_a_sample_is(stage: cast.Stage) -> None:
    sample = drawn(stage)
    values: dict[str, Any] = {
        "project": stage.project,
        "source": stage.queue,
        "trial": sample.trial,
        "queue": sample.queue,
        "kind": "audit",
        "labels": {},
        "n_items": 1,
        "event_id": 1,
    }
    other = drawn(stage)
    for changed, rule in (
        ({"queue": stage.queue}, "resample_once_per_trial"),
        ({"trial": stage.version}, "resample_once_per_queue"),
        ({"queue": stage.queue, "trial": stage.version, "kind": "x"}, "resample_kind_known"),
        ({"queue": stage.queue, "trial": stage.version, "n_items": 0}, "resample_has_items"),
    ):
        with pytest.raises(IntegrityError, match=rule), transaction.atomic():
            Resample.objects.create(**{**values, **changed})
    assert other.pk != sample.pk
    neither: tuple[dict[str, Any], ...] = ({"model": "m"}, {"queue": None, "trial": None})
    for wrong in neither:
        with (
            pytest.raises(IntegrityError, match="resample_is_before_people_or_a_model"),
            transaction.atomic(),
        ):
            Resample.objects.create(**{**values, **wrong})


def test_a_bridge_to_a_model_needs_nobody_to_be_enrolled(stage: cast.Stage) -> None:
    """The sample is frozen first; what the model says of its items counts as it comes in, by page and by REST."""
    client, root = stage.client(stage.ada)(), "/api/v1/projects/rte/queues/main/samples"
    body = {"kind": "bridge", "n_items": 4, "model": "new", "model_version": "2"}
    made = client.post(root, body, content_type="application/json").json()
    assert (made["queue"], made["model"], made["n_items"]) == (None, "new", 4)
    whole = client.get(f"{root}/{made['id']}").json()
    assert (len(whole["items"]), whole["shown"][0]["answers"]["n"]) == (4, 0)
    sample = Resample.objects.get()
    labels = {key: sample.labels[str(pk)]["entailed"] for pk, key in _keys(sample)}
    rows = [
        {"key": key, "value": {"yes": "no", "no": "yes"}[label] if k == 0 else label}
        for k, (key, label) in enumerate(labels.items())
    ]
    source = io.BytesIO("\n".join(json.dumps(row) for row in rows).encode())
    predicting.bring_in(
        spec=stage.spec, source=source, name="p.jsonl", model="new", model_version="2", by=stage.ada
    )
    (shown,) = resampled.read(sample)
    assert (shown.otherwise.n_right, shown.answers.n_right, shown.answers.n) == (1, 3, 4)
    assert (shown.own.n, shown.across) == (0, None), "and too few items for kappa"
    pages = Client()
    pages.force_login(stage.ada.user)  # type: ignore[arg-type]
    assert "new 2" in pages.get("/p/rte/queues/main/samples/").content.decode()
    page = pages.get(f"/p/rte/queues/main/samples/{sample.pk}/").content.decode()
    assert "Labels that would come out otherwise" in page
    form = {"kind": "bridge", "n_items": 2, "overlap": 1, "model": "later"}
    assert pages.post("/p/rte/queues/main/samples/draw/", form).status_code == 302
    for wrong in ({**form, "kind": "audit"}, {**form, "annotators": [stage.dov.pk]}, {**form, "model": ""}):
        assert pages.post("/p/rte/queues/main/samples/draw/", wrong).status_code == 422
    bad = client.post(root, {**body, "kind": "audit"}, content_type="application/json")
    assert (bad.status_code, Event.objects.filter(kind="resample.drawn").count()) == (422, 2)


def _keys(sample: Resample) -> list[tuple[int, str]]:
    return list(Item.objects.filter(pk__in=map(int, sample.labels)).order_by("key").values_list("pk", "key"))
