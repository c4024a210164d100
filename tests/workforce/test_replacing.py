"""What a source changed or withdrew: the next revision, tombstones, queues, known answers, and the next snapshot."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from annotation import cataloguing, exporting, finding
from annotation.export_rows import Reader
from annotation.models import Snapshot
from specs.refusals import Invalid, WrongState
from tests import cast
from tests.undoing import undone
from workforce import goldkeeping, leasing, loading, queues, replacing, undoing
from workforce.models import Item, ItemEnd, KnownAnswer, Load, Queue, Task


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
    """Four items, one resolved, one in Dov's hands."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(4)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    return stage


def _load(stage: cast.Stage, *rows: dict[str, Any], queue: Queue | None = None, **options: Any) -> Load:
    return loading.load(
        project=stage.project,
        queue=queue,
        source=io.BytesIO("\n".join(map(json.dumps, rows)).encode()),
        name="items.jsonl",
        by=stage.ada,
        **options,
    )


def _revisions(key: str) -> list[tuple[int, str, str]]:
    rows = Item.objects.filter(key=key).order_by("revision").prefetch_related("ends")
    return [
        (one.revision, one.payload["text"], "".join(end.reason for end in one.ends.all())) for one in rows
    ]


def _states(key: str) -> list[tuple[int, str]]:
    return list(Task.objects.filter(item__key=key).order_by("pk").values_list("item__revision", "state"))


def test_another_content_is_the_next_revision_and_is_asked_anew(stage: cast.Stage) -> None:
    with pytest.raises(Invalid):
        _load(stage, {"key": "item-0", "text": "new"})
    done = _load(stage, {"key": "item-0", "text": "new"}, {"key": "item-3", "text": "text 3"}, updates=True)
    assert (done.n_new, done.n_known, done.n_replaced, done.n_gone) == (1, 1, 1, 0)
    assert _revisions("item-0") == [(1, "text 0", "replaced"), (2, "new", "")]
    assert _states("item-0") == [(1, "resolved"), (2, "open")]
    assert _states("item-3") == [(1, "open")]
    again = _load(stage, {"key": "item-0", "text": "new"}, updates=True)
    assert (again.n_known, again.n_replaced) == (1, 0)
    assert _states("item-0") == [(1, "resolved"), (2, "open")]


def test_an_update_reaches_every_queue_that_the_item_was_in(stage: cast.Stage) -> None:
    other = queues.create_queue(
        project=stage.project,
        key="other",
        name="O",
        spec=stage.spec,
        owner=stage.ada,
        by=stage.ada,
        **cast.QUIET,
    )
    stage.load(2, queue=other)
    _load(stage, {"key": "item-1", "text": "new"}, queue=stage.queue, updates=True)
    rows = Task.objects.filter(item__key="item-1").order_by("queue", "pk")
    assert list(rows.values_list("queue", "item__revision", "state")) == [
        (stage.queue.pk, 1, "withdrawn"),
        (stage.queue.pk, 2, "open"),
        (other.pk, 1, "withdrawn"),
        (other.pk, 2, "open"),
    ]


def test_what_somebody_holds_is_honoured_and_what_is_disputed_stays(stage: cast.Stage) -> None:
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    held = stage.claim(stage.dov)
    _load(stage, {"key": held.item_key, "text": "new"}, {"key": "item-1", "text": "new"}, updates=True)
    assert _states(held.item_key) == [(1, "open"), (2, "open")]
    assert _states("item-1")[0] == (1, "disputed")
    stage.submit(stage.dov, held, {"entailed": "no"})


def test_what_is_deleted_leaves_its_queues_and_comes_back_as_the_next_revision(stage: cast.Stage) -> None:
    done = _load(stage, {"key": "item-2", "deleted": True}, {"key": "never", "deleted": True}, updates=True)
    assert (done.n_new, done.n_known, done.n_gone) == (0, 0, 1)
    assert _revisions("item-2") == [(1, "text 2", "withdrawn")]
    assert _states("item-2") == [(1, "withdrawn")]
    assert _load(stage, {"key": "item-2", "deleted": True}, updates=True).n_gone == 0
    with pytest.raises(Invalid) as refused:
        _load(stage, {"key": "item-2", "text": "text 2"})
    assert "withdrawn" in refused.value.problems[0]["message"]
    assert _load(stage, {"key": "item-2", "text": "text 2"}, queue=stage.queue, updates=True).n_new == 1
    assert _revisions("item-2") == [(1, "text 2", "withdrawn"), (2, "text 2", "")]
    assert _states("item-2") == [(1, "withdrawn"), (2, "open")]


def test_a_field_called_deleted_is_content_unless_updates_are_asked_for(stage: cast.Stage) -> None:
    assert _load(stage, {"key": "a", "text": "x", "deleted": True}).n_new == 1
    assert Item.objects.get(key="a").payload == {"text": "x", "deleted": True}


def test_a_withdrawn_or_changed_item_is_known_no_more(stage: cast.Stage) -> None:
    rows = b'{"key": "item-3", "value": "yes"}\n'
    goldkeeping.bring_in(spec=stage.spec, source=io.BytesIO(rows), name="gold", by=stage.ada)
    _load(stage, {"key": "item-3", "text": "new"}, updates=True)
    known = KnownAnswer.objects.get()
    assert (known.state, known.set_aside_for) == ("set-aside", "source")


def _keys(stage: cast.Stage, position: int | None = None) -> list[tuple[str, str]]:
    made = exporting.request(
        project=stage.project, version=stage.version, name="", position=position, by=stage.ada
    )
    snapshot = Snapshot.objects.select_related("version", "project").get(pk=made.pk)
    return [(row["key"], row["payload"]["text"]) for row in Reader(snapshot).all()]


def test_the_next_snapshot_is_without_it_and_an_earlier_one_stays_as_it_was(stage: cast.Stage) -> None:
    stage.answer(stage.ben, "no")
    stage.answer(stage.chi, "no")
    assert _keys(stage) == [("item-0", "text 0"), ("item-1", "text 1")]
    before = Snapshot.objects.latest("pk").position
    replacing.withdraw(project=stage.project, keys=["item-1"], by=stage.ada)
    _load(stage, {"key": "item-0", "text": "new"}, updates=True)
    assert _keys(stage) == []
    assert _keys(stage, before) == [("item-0", "text 0"), ("item-1", "text 1")]
    for who in (stage.ben, stage.chi):
        for served in stage.claims(who, stage.queue):
            stage.submit(who, served, {"entailed": "no"})
    assert ("item-0", "new") in _keys(stage)
    assert "item-1" not in dict(_keys(stage))


def test_the_browser_shows_what_is_current_unless_asked_for_more(stage: cast.Stage) -> None:
    _load(stage, {"key": "item-0", "text": "new"}, {"key": "item-1", "deleted": True}, updates=True)
    cataloguing.catch_up(project_id=stage.project.pk, seconds=60)
    eyes = finding.Eyes.of(stage.ada)

    def found(**asked: Any) -> list[str]:
        page = finding.find(project=stage.project, asked=finding.Asked(order="key", **asked), eyes=eyes)
        return [entry.key for entry in page.entries]

    assert found() == ["item-0", "item-2", "item-3"]
    assert found(standing="replaced") == ["item-0"]
    assert found(standing="withdrawn") == ["item-1"]
    assert len(found(standing="any")) == 5


def test_by_rest_items_are_withdrawn_by_key_and_repeating_it_changes_nothing(stage: cast.Stage) -> None:
    client = stage.client(stage.ada)()
    body = json.dumps({"keys": ["item-2", "never"], "note": "asked for"})

    def post() -> Any:
        return client.post("/api/v1/projects/rte/items/withdraw", body, content_type="application/json")

    assert post().json() == {"keys": ["item-2"], "known": [], "unknown": ["never"]}
    assert post().json() == {"keys": [], "known": ["item-2"], "unknown": ["never"]}
    assert ItemEnd.objects.get().note == "asked for"
    reply = client.post(
        "/api/v1/projects/rte/queues/main/items?updates=1",
        b'{"key": "item-2", "text": "back"}\n',
        content_type="application/x-ndjson",
    )
    assert (reply.status_code, reply.json()["n_new"]) == (201, 1)
    assert _states("item-2") == [(1, "withdrawn"), (2, "open")]
    reader = Client(headers={"authorization": f"Bearer {stage.token(stage.ada, 'item.read')}"})
    assert (
        reader.post("/api/v1/projects/rte/items/withdraw", body, content_type="application/json").status_code
        == 403
    )


def test_a_load_that_changed_items_is_not_undone(stage: cast.Stage) -> None:
    done = _load(stage, {"key": "item-0", "text": "new"}, queue=stage.queue, updates=True)
    with pytest.raises(WrongState):
        undoing.undo(load=done, by=stage.ada)


def test_nobody_is_given_what_its_source_withdrew(stage: cast.Stage) -> None:
    replacing.withdraw(project=stage.project, keys=["item-1", "item-2", "item-3"], by=stage.ada)
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.dov, by=None) is None


@pytest.mark.parametrize(
    "columns",
    [
        "(SELECT id FROM workforce_item WHERE key = 'item-0'), 'replaced', (SELECT id FROM workforce_item WHERE key = 'item-1')",
        "(SELECT id FROM workforce_item WHERE key = 'item-0'), 'replaced', NULL",
        "(SELECT id FROM workforce_item WHERE key = 'item-0'), 'lost', NULL",
    ],
)
def test_the_database_keeps_what_replaces_what(stage: cast.Stage, columns: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workforce_itemend (project_id, item_id, reason, successor_id, note, ended_at, event_id) "
            f"SELECT {stage.project.pk}, {columns}, '', now(), 1"
        )
    replacing.withdraw(project=stage.project, keys=["item-0"], by=stage.ada)
    for statement in ("UPDATE workforce_itemend SET note = 'x'", "DELETE FROM workforce_itemend"):
        with (
            pytest.raises(Exception, match=r"permission|Cannot"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
