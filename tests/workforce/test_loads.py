"""A load as people see it: in a job, stopped and taken up, killed, refused, repeated, undone."""

from __future__ import annotations

import gzip
import io
import json
import random
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from specs import running, store
from specs.models import Event, Job
from specs.refusals import Invalid, WrongState
from tests import cast
from workforce import activating, jobs, leasing, loading, staging, undoing
from workforce.models import Assignment, Item, ItemClause, Load, LoadState, StagedRow, Task, Twin


def _rows(n: int, start: int = 0) -> bytes:
    return "\n".join(
        json.dumps({"key": f"i{k}", "text": f"text {k}"}) for k in range(start, start + n)
    ).encode()


def _kept(data: bytes) -> str:
    with store.writing() as scratch:
        scratch.write(data)
        return store.keep(scratch)[0]


def _begin(stage: cast.Stage, data: bytes, name: str = "items.jsonl", **options: Any) -> Load:
    return loading.begin(
        project=stage.project, queue=stage.queue, file=_kept(data), name=name, by=stage.ada, **options
    )


def _at_once(stage: cast.Stage, data: bytes, name: str = "items.jsonl", **options: Any) -> Load:
    return loading.load(
        project=stage.project, queue=stage.queue, source=io.BytesIO(data), name=name, by=stage.ada, **options
    )


def _counts() -> tuple[int, int, int]:
    return Item.objects.count(), Task.objects.count(), Assignment.objects.count()


class _Killed(BaseException):
    """Nothing after this runs, as after a kill."""


@pytest.fixture
def stage(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> cast.Stage:
    monkeypatch.setattr(staging, "CHUNK", 40)
    monkeypatch.setattr(activating, "CHUNK", 30)
    return cast.stage(overlap=2)


def test_a_job_loads_a_file_with_progress(stage: cast.Stage) -> None:
    load = _begin(stage, gzip.compress(_rows(150)), "items.jsonl.gz")
    job = loading.start(load=load, by=stage.ada)
    jobs.load_items(job.pk)
    job.refresh_from_db()
    load.refresh_from_db()
    assert (job.state, job.result["new"], load.state) == ("done", 150, LoadState.LOADED)
    assert job.n_done == job.n_total == 150
    assert _counts() == (150, 150, 300)
    assert StagedRow.objects.count() == 0
    ranks = list(Task.objects.order_by("rank").values_list("item__key", flat=True))
    assert ranks == [f"i{k}" for k in range(150)]
    jobs.load_items(job.pk)
    assert _counts() == (150, 150, 300)


def test_killed_twenty_times_the_counts_are_exact(stage: cast.Stage) -> None:
    chance = random.Random(4)
    load = _begin(stage, _rows(1200) + b"\nnonsense\n" + _rows(3), keep_good_rows=True)
    n_killed = n_positions = 0
    seen: set[int] = set()
    while n_killed < 20:
        # Near the end a run has few steps left: there the first one kills, or it would come through.
        left = [chance.randint(1, 4) if load.position < 900 else 1]

        def progress(*_: Any, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] <= 0:
                raise _Killed

        with pytest.raises(_Killed):
            loading.run(load_id=load.pk, progress=progress)
        n_killed += 1
        assert _counts() == (0, 0, 0), "something of it is visible"
        load.refresh_from_db()
        seen.add(load.position)
    n_positions = len(seen)
    assert n_positions > 5, "it never went on where it was"
    done = loading.run(load_id=load.pk, progress=lambda *_: None)
    assert (done.n_rows, done.n_new, done.n_known, done.n_bad) == (1204, 1200, 0, 1)
    assert done.problems[0]["line"] == 1201
    assert _counts() == (1200, 1200, 2400)
    assert Event.objects.filter(kind="items.loaded", subject_id=load.pk).count() == 1


def test_what_one_of_two_commits_left_is_completed(stage: cast.Stage) -> None:
    load = _begin(stage, _rows(100))
    with pytest.raises(_Killed):
        loading.run(load_id=load.pk, progress=_kill_at("making"))
    assert _counts() == (0, 0, 0)
    load.refresh_from_db()
    assert load.checked
    with transaction.atomic():
        assert sum(activating._Work(load).run(0, 50)) == 50
    assert _counts() == (49, 49, 98)
    done = loading.run(load_id=load.pk, progress=lambda *_: None)
    assert (done.n_new, done.n_known) == (100, 0)
    assert _counts() == (100, 100, 200)
    assert not Task.objects.exclude(assignments__number=2).exists()


def _kill_at(note: str) -> Any:
    def progress(done: int, total: int | None = None, said: str = "") -> None:
        if said.startswith(note):
            raise _Killed

    return progress


def test_a_crash_that_emptied_the_scratch_table_starts_again(stage: cast.Stage) -> None:
    load = _begin(stage, _rows(100))
    with pytest.raises(_Killed):
        loading.run(load_id=load.pk, progress=_kill_at("checking"))
    StagedRow.objects.all().delete()
    done = loading.run(load_id=load.pk, progress=lambda *_: None)
    assert (done.n_rows, done.n_new) == (100, 100)
    assert _counts() == (100, 100, 200)


def test_a_load_is_stopped_and_taken_up(stage: cast.Stage) -> None:
    load = _begin(stage, _rows(200))
    job = loading.start(load=load, by=stage.ada)
    job.refresh_from_db()

    def stop(*_: Any) -> None:
        raise running.Cancelled

    with pytest.raises(running.Cancelled):
        loading.run(load_id=load.pk, progress=stop)
    load.refresh_from_db()
    assert (load.state, load.position, _counts()) == (LoadState.CANCELLED, 40, (0, 0, 0))
    again = loading.resume(load=load, by=stage.ada)
    jobs.load_items(again.pk)
    load.refresh_from_db()
    assert (load.state, load.n_new) == (LoadState.LOADED, 200)
    with pytest.raises(WrongState):
        loading.resume(load=load, by=stage.ada)


def test_a_load_that_waits_is_stopped_at_once(stage: cast.Stage) -> None:
    load = _begin(stage, _rows(3))
    job = loading.start(load=load, by=stage.ada)
    loading.cancel(load=load, by=stage.ada)
    jobs.load_items(job.pk)
    load.refresh_from_db()
    assert (load.state, Job.objects.get(pk=job.pk).state, _counts()) == ("cancelled", "cancelled", (0, 0, 0))


def test_bad_rows_refuse_a_job_and_stay_with_the_load(stage: cast.Stage) -> None:
    load = _begin(stage, _rows(90) + b"\nnonsense\n")
    job = loading.start(load=load, by=stage.ada)
    jobs.load_items(job.pk)
    job.refresh_from_db()
    load.refresh_from_db()
    assert (job.state, load.state, load.n_bad, load.problems[0]["line"]) == ("failed", "refused", 1, 91)
    assert (_counts(), StagedRow.objects.count()) == ((0, 0, 0), 0)


def test_two_files_with_the_same_items_make_them_once(stage: cast.Stage) -> None:
    first, second = _begin(stage, _rows(60)), _begin(stage, _rows(60, start=30))
    for load in (first, second):
        loading.run(load_id=load.pk, progress=lambda *_: None)
    second.refresh_from_db()
    assert (second.n_new, second.n_known) == (30, 30)
    assert _counts() == (90, 90, 180)


@pytest.mark.django_db
def test_an_undone_load_leaves_nothing_to_claim_and_comes_again() -> None:
    stage = cast.stage(overlap=2)
    load = _at_once(stage, _rows(3))
    assert undoing.undo(load=load, by=stage.ada) == 3
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=stage.member("ben")) is None
    again = _at_once(stage, _rows(3))
    assert (again.n_new, again.n_known) == (0, 3)
    assert sorted(Task.objects.filter(state="open").values_list("round", flat=True)) == [2, 2, 2]
    assert stage.claim(stage.ben).item_key == "i0"
    _at_once(stage, _rows(3))
    assert Task.objects.filter(state="open").count() == 3


@pytest.mark.django_db
def test_a_load_of_which_something_was_answered_is_withdrawn_and_the_answers_stay() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    load = _at_once(stage, _rows(4))
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    stage.answer(stage.ben, "yes")
    held = stage.claim(stage.dov)
    with pytest.raises(WrongState, match="2 of its tasks"):
        undoing.undo(load=load, by=stage.ada)
    assert Task.objects.filter(state="withdrawn").count() == 0, "a refused undo changes nothing"
    assert undoing.n_touched(load=load) == 2
    undoing.withdraw(load=load, by=stage.ada)
    states = dict(Task.objects.order_by("rank").values_list("item__key", "state"))
    assert (states["i0"], states["i3"]) == ("resolved", "withdrawn")
    assert Task.objects.get(pk=held.task_id).state == "open"
    stage.submit(stage.dov, held, {"entailed": "yes"})
    assert Assignment.objects.filter(state="submitted").count() == 4


@pytest.mark.django_db
def test_items_that_repeat_another_one_are_reported_or_left_out() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    _at_once(stage, b'{"key": "old", "text": "The cat sat on the mat and looked at the door."}')
    rows = (
        b'{"key": "a", "text": "The cat sat on the mat and looked at the door."}\n'
        b'{"key": "b", "text": "A new one that is like nothing else that anybody ever put down in this place here."}\n'
        b'{"key": "c", "text": "A new one that is like nothing else that anybody ever put down in this place here."}\n'
        b'{"key": "d", "text": "A new one that is like nothing else that anybody ever put down in this place there."}\n'
        b'{"key": "e", "text": "Quite another matter altogether, this one."}\n'
    )
    load = _at_once(stage, rows, near=True)
    found = {twin.key: (twin.kind, twin.of, twin.within) for twin in Twin.objects.filter(load=load)}
    assert found["a"] == ("same", "old", False)
    assert found["c"] == ("same", "b", True)
    assert found["d"][0] == "near"
    assert (load.n_same, load.n_near, load.n_left_out, load.n_new) == (2, 1, 0, 5)
    undoing.undo(load=load, by=stage.ada)
    other = cast.stage("other")
    left = _at_once(other, rows, near=True, twins="leave_out")
    assert (left.n_new, left.n_left_out) == (3, 2)
    assert set(Item.objects.filter(project=other.project).values_list("key", flat=True)) == {"a", "b", "e"}


@pytest.mark.django_db
def test_a_clause_named_by_a_row_belongs_to_its_item() -> None:
    stage = cast.stage()
    _at_once(
        stage,
        b'{"key": "a", "clause_id": "numbers"}\n{"key": "b", "clause_id": "nowhere"}\n{"key": "c", "x": 1}',
    )
    assert list(ItemClause.objects.values_list("item__key", "clause__key")) == [("a", "numbers")]


@pytest.mark.django_db
def test_a_gzip_that_unpacks_beyond_the_limit_is_refused(settings: Any) -> None:
    settings.MAX_LOAD_BYTES = 2**20
    stage = cast.stage()
    bomb = gzip.compress(b"\n" * 2**24)
    with pytest.raises(Invalid, match="unpacked"):
        _at_once(stage, bomb)
    assert Load.objects.count() == 0


def test_the_command_loads_and_says_what_came_of_it(stage: cast.Stage, tmp_path: Any) -> None:
    path = tmp_path / "items.csv"
    path.write_text("key,text\na,x\nb,y\n")
    out = io.StringIO()
    call_command("load_items", str(path), project="rte", queue="main", json=True, stdout=out)
    assert json.loads(out.getvalue())["new"] == 2
    assert Task.objects.filter(queue=stage.queue).count() == 2


@pytest.mark.django_db
def test_a_file_is_looked_at_before_anything_is_written(client: Client) -> None:
    stage = cast.stage()
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    upload = io.BytesIO(_rows(3) + b"\nnonsense\n")
    upload.name = "items.jsonl"
    page = client.post("/p/rte/queues/main/load/", {"file": upload, "look": "1", "keep_good_rows": "on"})
    assert page.status_code == 200
    assert (page.context["seen"].n_looked, page.context["seen"].n_bad, _counts()) == (4, 1, (0, 0, 0))
    kept = {"kept": page.context["kept"], "form": "jsonl", "keep_good_rows": "on"}
    done = client.post("/p/rte/queues/main/load/", kept)
    load = Load.objects.get()
    assert (done.status_code, load.n_new, load.n_bad) == (302, 3, 1)
    shown = client.get(done["Location"])
    assert b"line 4" in shown.content
    csv = client.get(f"{done['Location']}bad-rows/")
    assert csv.content.decode().splitlines()[1].startswith("4,")
    forged = {**kept, "kept": kept["kept"][:-3] + "xyz"}
    assert client.post("/p/rte/queues/main/load/", forged).status_code == 422


@pytest.mark.django_db
def test_rest_takes_every_form_and_answers_202_where_a_job_loads_it(client: Client, settings: Any) -> None:
    stage = cast.stage()
    head = {"Authorization": f"Bearer {stage.token(stage.ada)}"}
    tasks = json.dumps([{"id": 1, "data": {"text": "x"}}]).encode()
    address = "/api/v1/projects/rte/queues/main/items"
    first = client.post(
        f"{address}?form=label-studio",
        gzip.compress(tasks),
        content_type="application/octet-stream",
        headers=head,
    )
    assert (first.status_code, first.json()["n_new"], first.json()["form"]) == (201, 1, "label-studio")
    settings.LOAD_AT_ONCE = 10
    second = client.post(address, _rows(2), content_type="application/x-ndjson", headers=head)
    assert (second.status_code, second.json()["state"]) == (202, "reading")
    load = Load.objects.get(pk=second.json()["id"])
    undone = client.post(f"/api/v1/projects/rte/loads/{first.json()['id']}/undo", headers=head)
    assert (undone.status_code, undone.json()["state"]) == (200, "undone")
    stopped = client.post(f"/api/v1/projects/rte/loads/{load.pk}/cancel", headers=head)
    assert stopped.json()["state"] == "cancelled"
    listed = client.get("/api/v1/projects/rte/queues/main/loads", headers=head).json()["loads"]
    assert [row["id"] for row in listed] == [load.pk, first.json()["id"]]
