"""One thing done to many items: what each kind changes and leaves, and what taking it back restores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from annotation import cataloguing, changing_many, finding
from annotation.models import BulkChange, BulkState, ItemTag, LiveEntry, PartState, Review
from specs.models import Event, Role
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from tests.undoing import undone
from workforce import leasing, queues, review_stages, staffing
from workforce.models import Assignment, Item, KnownAnswer, Task


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[cast.Stage]:
    """The stage stands while this file is tested."""
    with django_db_blocker.unblock(), undone():
        yield _build()


@pytest.fixture
def stage(built: cast.Stage, django_db_blocker: DjangoDbBlocker) -> Iterator[cast.Stage]:
    """What a test does to it is taken back."""
    with django_db_blocker.unblock(), undone():
        yield built


def _build() -> cast.Stage:
    """Six items: resolved by two, disputed, answered once, in Chi's hands, and two untouched."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(6)
    for value in ("yes", "no"):
        stage.answer(stage.ben, "yes")
        stage.answer(stage.chi, value)
    stage.answer(stage.ben, "yes")
    stage.claim(stage.dov)
    stage.claim(stage.chi)
    return stage


def _ids(stage: cast.Stage) -> dict[str, int]:
    return dict(Item.objects.filter(project=stage.project).values_list("key", "pk"))


def _propose(stage: cast.Stage, kind: str, **given: Any) -> BulkChange:
    return changing_many.propose(kind=kind, given=given, items=list(_ids(stage).values()), by=stage.ada)


def _done(stage: cast.Stage, kind: str, **given: Any) -> BulkChange:
    change = changing_many.begin(change=_propose(stage, kind, **given), by=stage.ada)
    assert change.state == BulkState.DONE
    assert change.n_changed + change.n_left == change.n_items == 6
    return change


def _became(change: BulkChange, state: str) -> dict[str, str]:
    return {
        one.item.key: one.reason
        for one in change.items.filter(state=state).select_related("item").order_by("item")
    }


def _states(stage: cast.Stage) -> dict[str, list[str]]:
    rows = Task.objects.filter(queue=stage.queue).order_by("pk").values_list("item__key", "state")
    found: dict[str, list[str]] = {}
    for key, state in rows:
        found.setdefault(key, []).append(state)
    return found


def test_withdrawing_leaves_what_is_in_hands_disputed_or_over_and_is_taken_back(stage: cast.Stage) -> None:
    held = set(Assignment.objects.filter(state="leased").values_list("task__item__key", flat=True))
    free = {"item-2", "item-3", "item-4", "item-5"} - held
    change = _done(stage, "withdraw")
    assert set(_became(change, PartState.CHANGED)) == free
    left = _became(change, PartState.LEFT)
    assert {key: left[key] for key in ("item-0", "item-1")} == {
        "item-0": "no-open-task",
        "item-1": "disputed",
    }
    assert {left[key] for key in held} == {"held"}
    assert not Assignment.objects.filter(task__item__key__in=free, state__in=["open", "leased"]).exists()
    undone = changing_many.undo(change=change, by=stage.ada)
    assert (undone.state, undone.n_undone) == (BulkState.UNDONE, len(free))
    assert all(_states(stage)[key] == ["withdrawn", "open"] for key in free)
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None) is not None


def test_putting_into_a_queue_and_back(stage: cast.Stage) -> None:
    other = queues.create_queue(
        project=stage.project,
        key="again",
        name="Again",
        spec=stage.spec,
        owner=stage.ada,
        by=stage.ada,
        entry="none",
        **cast.QUIET,
    )
    staffing.enrol(queue=other, annotator=stage.ben, by=stage.ada)
    change = _done(stage, "requeue", queue="again")
    assert Task.objects.filter(queue=other, state="open").count() == change.n_changed == 6
    again = _done(stage, "requeue", queue="again")
    assert (again.n_changed, set(_became(again, PartState.LEFT).values())) == (0, {"there"})
    stage.claim(stage.ben, other)
    undone = changing_many.undo(change=change, by=stage.ada)
    assert undone.n_undone == 5
    assert len(_became(undone, PartState.KEPT)) == 1
    assert Task.objects.filter(queue=other, state="open").count() == 1


def test_a_task_put_back_is_not_given_to_who_answered_it(stage: cast.Stage) -> None:
    _done(stage, "requeue", queue="main")
    task = Task.objects.get(item__key="item-0", queue=stage.queue, state="open")
    assert task.round == 2
    assert set(task.barred.values_list("annotator", flat=True)) == {stage.ben.pk, stage.chi.pk}


def test_priorities_go_back_to_what_they_were_unless_somebody_changed_them(stage: cast.Stage) -> None:
    Task.objects.filter(item__key="item-5").update(priority=7)
    change = _done(stage, "prioritise", priority="500")
    open_ones = Task.objects.filter(queue=stage.queue, state="open")
    assert set(open_ones.values_list("priority", flat=True)) == {500}
    Task.objects.filter(item__key="item-4").update(priority=9)
    changing_many.undo(change=change, by=stage.ada)
    now = dict(open_ones.values_list("item__key", "priority"))
    assert (now["item-5"], now["item-4"], now["item-2"]) == (7, 9, 0)


def test_work_kept_for_somebody_is_open_to_all_again(stage: cast.Stage) -> None:
    change = _done(stage, "assign", queue="main", annotator=stage.dov.pseudonym, days="2")
    kept = Assignment.objects.filter(annotator=stage.dov, state="reserved")
    assert kept.count() == change.n_changed > 0
    changing_many.undo(change=change, by=stage.ada)
    assert not kept.exists()


def test_tags_are_put_on_taken_off_and_both_taken_back(stage: cast.Stage) -> None:
    first = changing_many.propose(
        kind="tag", given={"tag": "Odd"}, items=[_ids(stage)["item-0"]], by=stage.ada
    )
    changing_many.begin(change=first, by=stage.ada)
    change = _done(stage, "tag", tag="odd")
    assert (change.n_changed, _became(change, PartState.LEFT)) == (5, {"item-0": "same"})
    off = _done(stage, "untag", tag="odd")
    assert not ItemTag.objects.exists()
    changing_many.undo(change=off, by=stage.ada)
    changing_many.undo(change=change, by=stage.ada)
    assert list(ItemTag.objects.values_list("item__key", flat=True)) == ["item-0"]


def test_what_people_answered_alike_is_proposed_as_known_and_declined_again(stage: cast.Stage) -> None:
    change = _done(stage, "gold")
    assert list(_became(change, PartState.CHANGED)) == ["item-0"]
    assert KnownAnswer.objects.get().state == "candidate"
    assert changing_many.undo(change=change, by=stage.ada).n_undone == 1
    assert KnownAnswer.objects.get().state == "declined"


def test_answers_go_to_review_and_a_settled_task_is_open_until_then(stage: cast.Stage) -> None:
    with pytest.raises(Invalid):
        _propose(stage, "review", queue="main")
    review_stages.add(queue=stage.queue, terms=review_stages.Terms(), by=stage.ada)
    change = _done(stage, "review", queue="main")
    assert {"item-0", "item-2"} <= set(_became(change, PartState.CHANGED))
    assert _became(change, PartState.LEFT)["item-1"] == "disputed"
    assert Review.objects.filter(task__item__key="item-0", state="open").count() == 2
    assert _states(stage)["item-0"] == ["open"]
    with pytest.raises(WrongState):
        changing_many.undo(change=change, by=stage.ada)


def test_all_that_is_found_is_fixed_when_it_is_proposed(stage: cast.Stage) -> None:
    cataloguing.catch_up(project_id=stage.project.pk, seconds=60)
    asked = finding.Asked(state=("resolved",))
    change = changing_many.propose(kind="tag", given={"tag": "a"}, asked=asked, by=stage.ada)
    assert (change.n_items, change.query) == (1, "state=resolved")
    LiveEntry.objects.all().delete()
    assert changing_many.begin(change=change, by=stage.ada).n_changed == 1


def test_a_run_that_was_cut_off_goes_on_and_every_part_has_its_event(
    stage: cast.Stage, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BULK_CHUNK, settings.BULK_AT_ONCE = 2, 0
    change = changing_many.begin(change=_propose(stage, "tag", tag="a"), by=stage.ada)
    assert (change.state, change.job is not None) == (BulkState.RUNNING, True)
    with pytest.raises(WrongState):
        changing_many.begin(change=change, by=stage.ada)  # its job waits

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        changing_many.run(change_id=change.pk, by=stage.ada, progress=killed)
    assert ItemTag.objects.count() == 2
    done = changing_many.run(change_id=change.pk, by=stage.ada)
    assert (done.state, done.n_changed, ItemTag.objects.count()) == (BulkState.DONE, 6, 6)
    parts = Event.objects.filter(subject="bulk-change", subject_id=change.pk, kind="bulk-change.went-on")
    assert [event.data["changed"] for event in parts] == [2, 2, 2]


def test_it_is_for_who_may_and_within_bounds(stage: cast.Stage, settings: Any) -> None:
    lead = staffing.add_member(project=stage.project, user=cast.user("lea"), roles=[Role.LEAD], by=stage.ada)
    items = list(_ids(stage).values())
    with pytest.raises(NotAllowed):
        changing_many.propose(kind="withdraw", given={}, items=items, by=lead)
    with pytest.raises(NotAllowed):
        changing_many.begin(change=_propose(stage, "withdraw"), by=lead)
    assert changing_many.propose(kind="tag", given={"tag": "a"}, items=items, by=lead).n_items == 6
    settings.MAX_BULK_ITEMS = 5
    for wanted in (items, [], [10**9]):
        with pytest.raises(Invalid):
            changing_many.propose(kind="tag", given={"tag": "a"}, items=wanted, by=stage.ada)
    with pytest.raises(Invalid):
        changing_many.propose(kind="drop", given={}, items=items[:1], by=stage.ada)
    for wrong in ({"priority": "1001"}, {"priority": "x"}, {}):
        with pytest.raises(Invalid):
            changing_many.propose(kind="prioritise", given=wrong, items=items[:1], by=stage.ada)


def test_from_the_list_over_the_preview_to_done_and_back(stage: cast.Stage) -> None:
    client = Client()
    client.force_login(cast.user_of(stage.ada))
    form = {"kind": "withdraw", "which": "all", "query": "state=open", "queue": "main"}
    reply = client.post("/p/rte/items/changes/propose/", form)
    change = BulkChange.objects.get()
    assert reply["Location"] == f"/p/rte/items/changes/{change.pk}/"
    shown = client.get(reply["Location"]).content.decode()
    assert "What it would meet" in shown
    client.post(f"{reply['Location']}begin/")
    assert "Take it back" in client.get(reply["Location"]).content.decode()
    client.post(f"{reply['Location']}undo/")
    change.refresh_from_db()
    assert change.state == BulkState.UNDONE
    assert f"{change.pk}/" in client.get("/p/rte/items/changes/").content.decode()


def test_by_rest_it_is_proposed_begun_and_taken_back(stage: cast.Stage) -> None:
    client = stage.client(stage.ada)()

    def post(path: str, **body: Any) -> Any:
        return client.post(
            f"/api/v1/projects/rte/items/{path}", json.dumps(body), content_type="application/json"
        )

    made = post("changes", kind="withdraw", items=sorted(_ids(stage).values())).json()
    assert (made["state"], made["undoable"]) == ("proposed", True)
    assert (made["preview"]["n_disputed"], made["preview"]["n_held"]) == (1, 2)
    done = post(f"changes/{made['id']}/begin").json()
    assert (done["state"], done["n_changed"] + done["n_left"], done["preview"]) == ("done", 6, None)
    assert sum(done["left"].values()) == done["n_left"]
    assert post(f"changes/{made['id']}/undo").json()["state"] == "undone"
    assert post(f"changes/{made['id']}/dismiss").status_code == 409
    only = stage.token(stage.ada, "item.read")
    reader = Client(headers={"authorization": f"Bearer {only}"})
    body = json.dumps({"kind": "withdraw", "items": [1]})
    refused = reader.post("/api/v1/projects/rte/items/changes", body, content_type="application/json")
    assert refused.status_code == 403


def test_a_change_goes_its_way_and_its_items_are_fixed(stage: cast.Stage) -> None:
    change = _propose(stage, "tag", tag="a")
    changing_many.dismiss(change=change, by=stage.ada)
    for statement in (
        "UPDATE annotation_bulkchange SET state = 'running'",
        "UPDATE annotation_bulkchange SET kind = 'gold'",
        "UPDATE annotation_bulkchangeitem SET item_id = 1",
        "DELETE FROM annotation_bulkchange",
    ):
        with (
            pytest.raises(Exception, match=r"does not go|Cannot|permission"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
