"""What a rule of overlap implies, before it is kept: figures, refusals, the settings page with and without script, REST."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from django.test import Client

from annotation import jobs, replaying, simulating
from annotation.agreement import implied
from annotation.agreement.replay import Labels
from specs.models import Event, Job
from tests import cast
from tests.annotation.test_stopping import _gold, _history
from workforce import queues
from workforce.forms.queues import SettingsForm
from workforce.models import Queue, Task


def _rule(name: str = "share", start: int = 2, maximum: int = 3, **more: Any) -> implied.Rule:
    return implied.Rule("fixed", name, 0.8, ((start, 1.0),), maximum, **more)


def test_the_figures_of_a_rule_are_counted_on_the_labels() -> None:
    """Ten items on which all say the same, ten on which one of three differs."""
    values = np.array([[0, 0, 0]] * 10 + [[0, 0, 1]] * 10)
    labels = Labels(
        np.repeat(np.arange(20), 3),
        np.tile(np.arange(3), 20),
        values.ravel(),
        np.array([0] * 10 + [1] * 10),
        n_annotators=3,
        n_values=2,
    )
    three = implied.imply(labels, _rule("unanimity", 3, 3))
    assert three is not None
    assert (three.answers, three.disputed, three.accuracy, three.n_tasks) == (3, 0.5, 1.0, 20)
    majority = implied.imply(labels, _rule("majority", 3, 3))
    assert majority is not None
    assert (majority.disputed, majority.accuracy) == (0, 0.5)
    two = implied.imply(labels, _rule("unanimity", 2, 3))
    assert two is not None
    assert 2 < two.answers < 3  # a third answer only where the first two differ
    assert implied.imply(labels, _rule("unanimity", 4, 4)) is None  # no item has four


def test_more_answers_are_asked_and_fewer_disputes_come_of_a_milder_rule_on_real_labels() -> None:
    labels = replaying.read(replaying.folder_of("entailment"))
    strict, mild = (
        implied.imply(labels, _rule("unanimity", 3, 5)),
        implied.imply(labels, _rule("majority", 3, 5)),
    )
    assert strict is not None
    assert mild is not None
    assert strict.disputed > 0.3 > mild.disputed
    dynamic = implied.imply(labels, implied.Rule("dynamic", "share", 0.8, ((2, 1.0),), 5, 0.95))
    assert dynamic is not None
    assert dynamic.answers == pytest.approx(3.75, abs=0.1)  # as the replay has it
    assert dynamic.accuracy == pytest.approx(0.95, abs=0.015)


@pytest.mark.django_db
def test_a_queue_without_history_is_told_that_shipped_labels_were_played() -> None:
    stage = cast.stage()
    found = simulating.preview(queue=stage.queue)
    assert (found.own_history, found.tasks_per_day, found.lead_measured) == (False, None, False)
    assert found.disputes == pytest.approx(1000 * (found.disputed_share or 0))


@pytest.mark.django_db
def test_a_queue_with_history_is_played_on_its_own_answers_and_settled_nothing_by_that() -> None:
    stage = cast.stage()
    _history(stage, 60, [0.95, 0.9, 0.9, 0.85, 0.9])
    _gold(stage, 60)
    before = list(Task.objects.order_by("pk").values())
    proposed = queues.proposed(
        queue=Queue.objects.get(pk=stage.queue.pk), overlap=2, max_overlap=4, overlap_policy="dynamic"
    )
    found = simulating.preview(queue=proposed)
    assert found.own_history
    assert found.n_tasks > 30
    assert found.answers_per_task is not None
    assert 3 <= found.answers_per_task <= 4.1  # three, while fewer than 100 answers are known
    assert found.accuracy is not None
    assert found.accuracy > 0.9
    assert Queue.objects.get(pk=stage.queue.pk).overlap_policy == "fixed"
    assert list(Task.objects.order_by("pk").values()) == before


def _client(stage: cast.Stage) -> Client:
    client = Client()
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    return client


def _form(stage: cast.Stage, **changed: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in {**SettingsForm.of(stage.queue), **changed}.items()
        if value is not None and value is not False
    }


@pytest.mark.django_db
def test_the_settings_page_previews_a_rule_with_and_without_script_and_keeps_nothing() -> None:
    stage = cast.stage()
    client, address = _client(stage), f"/p/{stage.project.key}/queues/main/overlap/preview/"
    form = _form(stage, overlap_policy="dynamic", overlap=2, max_overlap=5)
    piece = client.post(address, form, headers={"HX-Request": "true"})
    assert piece.status_code == 200
    assert b"Answers per task" in piece.content
    assert b"<html" not in piece.content
    whole = client.post(address, form)
    assert b"<html" in whole.content
    assert b"Disputes per 1,000 tasks" in whole.content
    assert b'value="dynamic" selected' in whole.content  # what was typed is still there
    assert Queue.objects.get(pk=stage.queue.pk).overlap_policy == "fixed"


@pytest.mark.django_db
def test_a_rule_that_means_nothing_is_refused_beside_its_field() -> None:
    stage = cast.stage()
    client = _client(stage)
    form = _form(stage, overlap_policy="dynamic", overlap=1, max_overlap=5)
    preview = client.post(f"/p/{stage.project.key}/queues/main/overlap/preview/", form)
    assert preview.status_code == 422
    assert b"one answer alone is never sure enough" in preview.content
    kept = client.post(f"/p/{stage.project.key}/queues/main/settings/", form)
    assert kept.status_code == 422
    assert list(kept.context["form"].errors) == ["overlap"]


@pytest.mark.django_db
def test_a_token_previews_reads_and_applies_overlap(django_capture_on_commit_callbacks: Any) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(3)
    secret = stage.token(stage.ada)
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    base = f"/api/v1/projects/{stage.project.key}/queues/main/overlap"
    found = client.post(f"{base}/preview", {"overlap": 3, "max_overlap": 5}, content_type="application/json")
    assert found.status_code == 200, found.content
    assert found.json()["answers_per_task"] > 3
    refused = client.post(
        f"{base}/preview", {"overlap": 3, "max_overlap": 2}, content_type="application/json"
    )
    assert refused.status_code == 422
    queues.change_settings(queue=stage.queue, by=stage.ada, overlap=2, max_overlap=3)
    assert client.get(base).json()["under_way"]["slots_added"] == 3
    started = client.post(f"{base}/apply", {}, content_type="application/json")
    assert started.status_code == 202
    job = Job.objects.get(pk=json.loads(started.content)["id"])
    jobs.change_overlap(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["slots_added"]) == ("done", 3)
    assert Event.objects.get(kind="tasks.overlap-changed").by == stage.ada
    assert client.get(base).json()["under_way"]["tasks"] == 0


@pytest.mark.django_db
@pytest.mark.parametrize("policy", ["fixed", "dynamic", "expected"])
def test_the_overlap_page_says_what_a_policy_rests_on(policy: str) -> None:
    stage = cast.stage(overlap=2, max_overlap=4, overlap_policy=policy)
    _history(stage, 40, [0.9, 0.9, 0.8])
    queues.change_settings(queue=stage.queue, by=stage.ada, overlap_policy=policy, overlap=2, max_overlap=4)
    from annotation import learning

    learning.refresh(queue=Queue.objects.select_related("spec", "version", "project").get(pk=stage.queue.pk))
    page = _client(stage).get(f"/p/{stage.project.key}/queues/main/overlap/")
    assert page.status_code == 200
    text = page.content.decode()
    assert {"fixed": "Tasks under way", "dynamic": "Where tasks stop", "expected": "By clause"}[
        policy
    ] in text
