"""Labels of Argilla, doccano and tables come in as answers to every question they fit; a snapshot goes out and comes back."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.test import Client

from annotation import exporting, histories, jobs
from annotation.export_terms import Terms
from annotation.histories import How
from annotation.models import Annotation, Resolution
from specs import store
from specs.models import Job
from specs.refusals import Invalid
from tests import cast
from tests.questions import ALL, TOPICS, item
from workforce import loading, predicting
from workforce.models import Annotator, Item, Prediction, Task

TONE = {
    "key": "tone",
    "kind": "choice",
    "title": "Tone",
    "labels": [{"value": "kind"}, {"value": "rude"}],
}
STARS = {"key": "stars", "kind": "rating", "title": "Stars", "required": False}


def _argilla(key: str, *said: tuple[str, str, int | None]) -> dict[str, Any]:
    stars = [{"value": n, "user_id": who} for who, _tone, n in said if n is not None]
    return {
        "id": key,
        "fields": {"text": f"Text of {key}."},
        "responses": {"tone": [{"value": tone, "user_id": who} for who, tone, _ in said], "stars": stars},
        "suggestions": {"stars": {"value": 4, "score": 0.8, "agent": "bert-3"}},
    }


def _given() -> dict[tuple[str, str], Any]:
    rows = Annotation.objects.order_by("pk").values_list("task__item__key", "annotator__origin_key", "values")
    return {(item, who): values for item, who, values in rows}


@pytest.mark.django_db
def test_responses_to_several_questions_become_one_answer_each() -> None:
    stage = cast.stage(questions=[TONE, STARS])
    records = [_argilla("r-1", ("u1", "kind", 4), ("u2", "kind", 4)), _argilla("r-2", ("u1", "rude", None))]
    records += [_argilla("r-3", ("u1", "kind", 1), ("u2", "kind", 5))]
    source = io.BytesIO(json.dumps(records).encode())
    done = histories.bring_in(spec=stage.spec, source=source, by=stage.ada)
    assert (done.form, done.controls, done.n_labels) == ("Argilla", {"tone": "tone", "stars": "stars"}, 5)
    assert _given()["r-1", "argilla-u1"] == {"tone": "kind", "stars": 4}
    assert _given()["r-2", "argilla-u1"] == {"tone": "rude"}
    assert dict(Task.objects.values_list("item__key", "state")) == {
        "r-1": "resolved",
        "r-2": "resolved",
        "r-3": "open",  # of one mind on one question only
    }
    settled = Resolution.objects.filter(task__item__key="r-1").values_list("question", "value")
    assert dict(settled) == {"tone": "kind", "stars": 4}
    assert Item.objects.get(key="r-1").payload == {"text": "Text of r-1."}
    source.seek(0)
    assert histories.bring_in(spec=stage.spec, source=source, by=stage.ada).n_labels == 0
    source.seek(0)
    told = predicting.bring_in(spec=stage.spec, source=source, name="records.jsonl", by=stage.ada)
    assert (told.n_new, told.models) == (3, {"bert-3": 3})
    assert set(Prediction.objects.values_list("question", "value")) == {("stars", 4)}
    bad = io.BytesIO(json.dumps([_argilla("r-9", ("u1", "kind", 9))]).encode())
    with pytest.raises(Invalid, match="stars: '9' lies outside"):
        histories.bring_in(spec=stage.spec, source=bad, by=stage.ada)
    assert not Item.objects.filter(key="r-9").exists()


@pytest.mark.django_db
def test_doccano_and_a_table_come_in_by_page_rest_and_job(client: Client, settings: Any) -> None:
    stage = cast.stage(questions=[TONE, STARS])
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    lines = [{"id": 1, "text": "Thanks.", "label": ["kind"], "relations": [{"id": 1}]}]
    lines += [{"id": 2, "text": "Go.", "label": ["kind", "rude"]}]
    file = io.BytesIO("\n".join(map(json.dumps, lines)).encode())
    file.name = "all.jsonl"
    page = f"/p/rte/specs/{stage.spec.key}/history/"
    looked = client.post(page, {"file": file, "look": "1"}).content.decode()
    assert "label (list), 2 results: becomes the question tone (choice)" in looked
    assert "1 relations have no place here" in looked
    file.seek(0)
    shown = client.post(page, {"file": file, "form": "doccano"}).content.decode()
    assert "choose several values" in shown
    assert list(_given().values()) == [{"tone": "kind"}]

    head = {"Authorization": f"Bearer {stage.token(stage.ada)}"}
    way = f"/api/v1/projects/rte/specs/{stage.spec.key}/history"
    table = b"post;rater;mood;stars;at\np-1;ann@example.org;kind;5;2026-01-02T03:04:05Z\np-1;bo;rude;;\n"

    def post(**asked: str) -> Any:
        url = way + "?" + "&".join(f"{name}={value}" for name, value in asked.items())
        return client.post(url, table, content_type="application/octet-stream", headers=head)

    columns = "item=post,annotator=rater,label=mood,label=stars,time=at"
    assert "no column for" in post().json()["detail"]
    assert post(columns="what=post").status_code == post(form="word").status_code == 422
    assert post(columns=columns, control="nobody").status_code == 422
    report = post(columns=columns, control="mood", look="1")
    assert (report.status_code, Item.objects.filter(key="p-1").exists()) == (200, False)
    done = post(columns=columns, control="mood")
    assert (done.status_code, done.json()["controls"]) == (201, {"mood": "tone", "stars": "stars"})
    assert sorted(map(str, [v for (key, _), v in _given().items() if key == "p-1"])) == [
        "{'tone': 'kind', 'stars': 5}",
        "{'tone': 'rude'}",
    ]
    assert not Annotator.objects.filter(origin_key__contains="@").exists()
    first = Annotation.objects.get(values__stars=5)
    assert first.answered_at.isoformat() == "2026-01-02T03:04:05+00:00"
    settings.LOAD_AT_ONCE = 1
    later = post(columns=columns, control="mood")
    jobs.import_history(later.json()["job"])
    assert Job.objects.get(pk=later.json()["job"]).result["controls"] == {"mood": "tone", "stars": "stars"}


def test_a_snapshot_for_label_studio_comes_back_as_the_same_answers(committed_db: None) -> None:
    here = cast.stage(questions=list(ALL), overlap=2, max_overlap=2)
    rows = "\n".join(json.dumps(item(n)) for n in (1, 2)).encode()
    loading.load(project=here.project, queue=here.queue, source=io.BytesIO(rows), name="i.jsonl", by=here.ada)
    whole = {
        "topics": ["art"],
        "severity": 5,
        "why": "A reason.",
        "order": [["b"], ["a", "c"]],
        "fixed": "This is sentence 1.",
        "height": 2.5,
    }
    rest = {**whole, "severity": 1, "topics": ["nothing"]}
    del rest["why"]
    for who in (here.ben, here.chi):
        for values in (whole, rest):
            here.submit(who, here.claim(who), values)
    guess = [{"key": "item-1", "question": "severity", "value": 4, "model": "m", "confidence": 0.5}]
    predicting.bring_in(
        spec=here.spec, source=io.BytesIO(json.dumps(guess[0]).encode()), name="p.jsonl", by=here.ada
    )
    terms = Terms(columns=["payload", "answers", "predictions"], formats=["label_studio", "jsonl"])
    asked = exporting.request(project=here.project, version=here.version, name="", terms=terms, by=here.ada)
    late = {**guess[0], "model_version": "2"}
    predicting.bring_in(
        spec=here.spec, source=io.BytesIO(json.dumps(late).encode()), name="p.jsonl", by=here.ada
    )
    frozen = exporting.build(snapshot_id=asked.pk)
    assert frozen.manifest is not None
    assert "left_out" not in frozen.manifest
    names = set(frozen.files.values_list("name", flat=True))
    assert {"labels.label-studio.json", "label-studio.xml"} <= names
    with store.opened(frozen.files.get(name="labels.label-studio.json").digest) as source:
        data = source.read()
    [told, nothing] = [task["predictions"] for task in json.loads(data)]
    assert ([one["model_version"] for one in told], nothing) == (["m"], [])  # what came after is not in it

    mine = {**{(one.task.item.key, one.annotator_id): one.values for one in Annotation.objects.all()}}
    there = cast.stage(questions=list(ALL), key="there")
    done = histories.bring_in(spec=there.spec, source=io.BytesIO(data), by=there.ada)
    assert (done.n_labels, done.n_items, len(done.controls)) == (4, 2, len(ALL))
    back = Annotation.objects.filter(project=there.project).order_by("pk")
    assert sorted(str(sorted(one.values.items())) for one in back) == sorted(
        str(sorted(values.items())) for values in mine.values()
    )
    assert set(back.values_list("answered_at", flat=True)) == set(
        Annotation.objects.filter(project=here.project).values_list("answered_at", flat=True)
    )
    for key in ("item-1", "item-2"):
        one, other = Item.objects.filter(key=key)
        assert one.payload == other.payload
    again = histories.bring_in(
        spec=there.spec, source=io.BytesIO(data), how=How(form="label-studio"), by=there.ada
    )
    assert again.n_labels == 0
    assert TOPICS["key"] in done.controls.values()
