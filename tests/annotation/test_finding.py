"""What is found: every condition, several at once, in every order, page by page; and what is not shown to whom."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from annotation import cataloguing, finding, item_story, saving_filters
from annotation.models import ItemTag, Tag
from specs.models import Role
from specs.refusals import Invalid, NotAllowed
from tests import cast
from tests.undoing import undone
from workforce import loading, staffing
from workforce.models import Item, Queue


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[cast.Stage]:
    """The items stand while this file is tested: to make them takes longer than to look for them."""
    with django_db_blocker.unblock(), undone():
        yield _build()


@pytest.fixture
def stage(built: cast.Stage, django_db_blocker: DjangoDbBlocker) -> Iterator[cast.Stage]:
    """What a test does to it is taken back."""
    with django_db_blocker.unblock(), undone():
        yield built


def _build() -> cast.Stage:
    """Five items: one resolved yes, one disputed, one with an open answer, two untouched."""
    stage = cast.stage(overlap=2, max_overlap=2)
    rows = [
        {"key": f"it_em-{k}", "text": f"the {word} fox said {k}", "lang": "de" if k % 2 else "en"}
        for k, word in enumerate(["quick", "quicker", "lazy", "brown", "brown"])
    ]
    data = "\n".join(json.dumps(row) for row in rows).encode()
    loading.load(
        project=stage.project, queue=stage.queue, source=io.BytesIO(data), name="a.jsonl", by=stage.ada
    )
    stage.answer(stage.ben, "yes", cite=["whole"])
    stage.answer(stage.chi, "yes")
    stage.answer(stage.ben, "yes", cite=["numbers"])
    stage.answer(stage.chi, "no")
    stage.answer(stage.ben, "no")
    ItemTag.objects.create(
        project=stage.project,
        item=Item.objects.get(key="it_em-4"),
        tag=Tag.objects.create(project=stage.project, key="odd"),
    )
    cataloguing.catch_up(project_id=stage.project.pk, seconds=60)
    return stage


ALL = finding.Eyes(names=True, names_of_open=True, answers_of_open=True)
DECIDES = finding.Eyes(names=True, names_of_open=False, answers_of_open=True)
WORKS = finding.Eyes(names=True, names_of_open=False, answers_of_open=False)


def _found(stage: cast.Stage, eyes: finding.Eyes = ALL, **asked: Any) -> list[int]:
    found = finding.find(project=stage.project, asked=finding.Asked.of(asked), eyes=eyes)
    assert (found.n, found.more_than) == (len(found.entries), False)
    return sorted(int(entry.key.partition("-")[2]) for entry in found.entries)


CASES: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [0, 1, 2, 3, 4]),
    ({"text": "quick"}, [0]),
    ({"text": "quick*"}, [0, 1]),
    ({"text": '"brown fox"'}, [3, 4]),
    ({"text": '"fox brown"'}, []),
    ({"text": "quick or lazy"}, [0, 2]),
    ({"text": "fox -brown"}, [0, 1, 2]),
    ({"text": "the "}, [0, 1, 2, 3, 4]),
    ({"key": "it_em-3"}, [3]),
    ({"key": "it%"}, []),
    ({"key": "item"}, []),
    ({"field": ["lang=de"]}, [1, 3]),
    ({"field": ["lang=de", "lang=en"]}, []),
    ({"label": ["entailed=yes"]}, [0]),
    ({"said": ["entailed=no"]}, [1, 2]),
    ({"clause": "whole"}, [0]),
    ({"clause": "numbers"}, [1]),
    ({"state": ["resolved"]}, [0]),
    ({"state": ["resolved", "disputed"]}, [0, 1]),
    ({"state": ["none"]}, []),
    ({"queue": "main", "state": ["open"]}, [2, 3, 4]),
    ({"tag": ["odd"]}, [4]),
    ({"differ_from": "0.5"}, [1]),
    ({"differ_to": "0.5"}, [0]),
    ({"standing": "replaced"}, []),
    ({"field": ["lang=en"], "state": ["open"], "text": "fox"}, [2, 4]),
    ({"flagged": "1"}, []),
]


@pytest.mark.parametrize(("asked", "expected"), CASES, ids=[json.dumps(asked) for asked, _ in CASES])
def test_a_condition_finds_what_it_says(
    stage: cast.Stage, asked: dict[str, Any], expected: list[int]
) -> None:
    assert _found(stage, **asked) == expected


def test_who_decides_or_answers_does_not_find_what_others_say_of_what_is_open(stage: cast.Stage) -> None:
    ben = stage.ben.pseudonym
    assert _found(stage, annotator=ben) == [0, 1, 2]
    assert _found(stage, DECIDES, annotator=ben) == [0]
    assert _found(stage, DECIDES, said=["entailed=no"]) == [1, 2]
    assert _found(stage, WORKS, said=["entailed=no"]) == []
    assert _found(stage, WORKS, clause="numbers") == []
    with pytest.raises(NotAllowed):
        _found(stage, finding.Eyes(False, False, True), annotator=ben)


@pytest.mark.parametrize("few", [True, False], ids=["sorted", "walked"])
@pytest.mark.parametrize("order", finding.ORDERS)
def test_pages_in_every_order_lose_nothing_and_repeat_nothing(
    stage: cast.Stage, order: str, few: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.COUNTED_ITEMS = 10_000 if few else 2
    monkeypatch.setattr(finding, "WALKED", 2)
    asked, keys, after = finding.Asked(text="fox", order=order), [], ""
    while True:
        found = finding.find(project=stage.project, asked=asked, eyes=ALL, after=after, limit=2)
        assert found.more_than is not few
        keys += [entry.key for entry in found.entries]
        after = found.next
        if not after:
            break
    assert sorted(keys) == [f"it_em-{k}" for k in range(5)]
    if order == "key":
        assert keys == sorted(keys)
    if order == "disagreement":
        assert keys[0] == "it_em-1"


@pytest.mark.parametrize(
    "asked",
    [
        {"state": ["nothing"]},
        {"order": "item__key"},
        {"columns": ["password"]},
        {"field": ["lang"]},
        {"differ_from": "2"},
        {"text": "x" * 500},
        {"label": [f"a={k}" for k in range(30)]},
        {"key": "\x00"},
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(asked: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        finding.Asked.of(asked)
    assert refused.value.problems[0]["where"] == next(iter(asked))


@pytest.mark.parametrize("mark", ["x", "[]", '["a"]', '["1", "x"]', '[{"a": 1}, 1]', '["1", -1]', "null"])
def test_a_mark_that_is_none_is_refused(stage: cast.Stage, mark: str) -> None:
    for order in ("newest", "changed"):
        with pytest.raises(Invalid):
            finding.find(project=stage.project, asked=finding.Asked(order=order), eyes=ALL, after=mark)


def test_the_page_takes_as_many_statements_for_one_item_as_for_five(stage: cast.Stage) -> None:
    client = Client()
    client.force_login(cast.user_of(stage.ada))

    def statements(query: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(f"/p/rte/items/?{query}").status_code == 200
        return len(seen.captured_queries)

    statements("")
    assert statements("key=it_em-0") == statements("columns=tags&columns=label&columns=load")


def test_an_address_says_what_was_asked() -> None:
    asked = finding.Asked(text='a "b"', state=("open", "disputed"), order="key")
    assert asked.query() == "text=a+%22b%22&state=open&state=disputed&order=key"
    assert finding.Asked().query() == ""


def test_a_filter_is_kept_shared_and_forgotten(stage: cast.Stage) -> None:
    lead = staffing.add_member(project=stage.project, user=cast.user("lea"), roles=[Role.LEAD], by=stage.ada)
    asked = finding.Asked(state=("open",))
    own = saving_filters.save(name="mine", asked=asked, shared=False, by=stage.ada)
    shared = saving_filters.save(name="ours", asked=asked, shared=True, by=stage.ada)
    assert list(saving_filters.seen_by(lead)) == [shared]
    assert saving_filters.save(name="mine", asked=finding.Asked(), shared=False, by=stage.ada).pk == own.pk
    with pytest.raises(NotAllowed):
        saving_filters.forget(kept=shared, by=lead)
    saving_filters.forget(kept=shared, by=stage.ada)
    assert list(saving_filters.seen_by(stage.ada)) == [own]
    with pytest.raises(Invalid):
        saving_filters.save(name=" ", asked=asked, shared=False, by=lead)


def _story(stage: cast.Stage, key: str, member: Any) -> item_story.TaskStory:
    item = Item.objects.select_related("project", "load").get(key=key)
    return item_story.read(item=item, member=member).tasks[0]


def test_a_story_names_annotators_to_who_may_know_them_and_when(stage: cast.Stage) -> None:
    resolved, disputed = _story(stage, "it_em-0", stage.ada), _story(stage, "it_em-1", stage.ada)
    assert {said.who for said in resolved.answers} == {stage.ben.pseudonym, stage.chi.pseudonym}
    assert [said.who for said in disputed.answers] == ["1", "2"]
    manager = staffing.add_member(
        project=stage.project, user=cast.user("max"), roles=[Role.MANAGER], by=stage.ada
    )
    assert {said.who for said in _story(stage, "it_em-1", manager).answers} == {
        stage.ben.pseudonym,
        stage.chi.pseudonym,
    }
    editor = staffing.add_member(
        project=stage.project, user=cast.user("edi"), roles=[Role.EDITOR], by=stage.ada
    )
    assert [said.who for said in _story(stage, "it_em-0", editor).answers] == ["1", "2"]


def test_a_story_keeps_back_what_somebody_may_be_asked(stage: cast.Stage) -> None:
    both = staffing.set_roles(member=stage.member("dov"), roles=[Role.ANNOTATOR, Role.LEAD], by=stage.ada)
    told = _story(stage, "it_em-1", both)
    assert (told.hidden, told.answers) == ("asked", [])
    assert _story(stage, "it_em-0", both).answers
    Queue.objects.filter(purpose="adjudication").update(independent_share=1)
    stage.answer(stage.chi, "yes")
    told = _story(stage, "it_em-2", stage.ada)
    assert (told.hidden, told.answers) == ("independent", [])


def test_rest_finds_and_tells_what_the_pages_do(stage: cast.Stage) -> None:
    client = stage.client(stage.ada)()
    listed = client.get("/api/v1/projects/rte/items?state=resolved&state=disputed&order=oldest").json()
    assert [row["key"] for row in listed["items"]] == ["it_em-0", "it_em-1"]
    assert (listed["n"], listed["more_than_n"], listed["complete"], listed["next_after"]) == (
        2,
        False,
        True,
        None,
    )
    assert listed["items"][0]["labels"] == [{"question": "entailed", "value": "yes", "text": "Yes"}]
    first = client.get("/api/v1/projects/rte/items?limit=3").json()
    rest = client.get("/api/v1/projects/rte/items", {"limit": 3, "after": first["next_after"]}).json()
    assert [row["key"] for row in first["items"] + rest["items"]] == [f"it_em-{k}" for k in (4, 3, 2, 1, 0)]
    told = client.get(f"/api/v1/projects/rte/items/{listed['items'][0]['id']}").json()
    assert told["payload"] == {"text": "the quick fox said 0", "lang": "en"}
    assert [answer["values"] for answer in told["tasks"][0]["answers"]] == [{"entailed": "yes"}] * 2
    assert told["by_version"][0]["version"] == "1.0.0"
    assert "task.resolved" in {event["kind"] for event in told["events"]}
    assert client.get("/api/v1/projects/rte/items?state=odd").status_code == 422
    body = json.dumps({"name": "open", "query": "state=open"})
    kept = client.post("/api/v1/projects/rte/items/filters", body, content_type="application/json").json()
    assert client.get("/api/v1/projects/rte/items/filters").json()["filters"] == [kept]
    assert client.delete(f"/api/v1/projects/rte/items/filters/{kept['id']}").status_code == 204
    assert client.get("/api/v1/projects/rte/items/tags").json() == {"tags": ["odd"]}


def test_a_token_shows_no_names_that_its_scope_does_not_hold(stage: cast.Stage) -> None:
    client = Client(headers={"authorization": f"Bearer {stage.token(stage.ada, 'item.read')}"})
    number = Item.objects.get(key="it_em-0").pk
    told = client.get(f"/api/v1/projects/rte/items/{number}").json()
    assert [answer["who"] for answer in told["tasks"][0]["answers"]] == ["1", "2"]
    assert client.get(f"/api/v1/projects/rte/items?annotator={stage.ben.pseudonym}").status_code == 403
