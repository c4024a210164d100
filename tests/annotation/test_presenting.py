"""What an item looks like: by what the project says its fields are, else by what the values look like."""

from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from annotation import presenting
from specs import governing, item_fields
from specs.markdown import inert
from specs.refusals import Invalid
from tests import cast
from tests.specs.test_markdown import HOSTILE

TURNS = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi", "target": True}]
IMAGE = {"media": f"sha256:{'0' * 64}", "type": "image/png", "width": 40, "height": 30}
SOUND = {"media": f"sha256:{'1' * 64}", "type": "audio/wav", "seconds": 2.5}


def kinds(payload: dict[str, Any], declared: str = "") -> dict[str, str]:
    return {field.name: field.kind for field in presenting.fields(payload, declared=declared)}


def test_what_nobody_declared_is_seen_from_the_value() -> None:
    payload = {
        "text": "Plain.",
        "chat": TURNS,
        "photo": IMAGE,
        "speech": SOUND,
        "prices": [{"name": "a", "price": 1}, {"name": "b", "price": None}],
        "deep": {"a": {"b": [1]}},
    }
    assert kinds(payload) == {
        "text": "text",
        "chat": "conversation",
        "photo": "image",
        "speech": "audio",
        "prices": "table",
        "deep": "json",
    }


def test_what_the_project_declares_counts_where_the_value_fits() -> None:
    payload = {
        "a": "**b**",
        "b": "<b>x</b>",
        "c": {"one": "x", "two": "y"},
        "d": "secret",
        "e": "long " * 40,
        "f": 5,
    }
    declared = "a = markdown\nb = html\nc = candidates\nd = hidden\ne = detail\nf = conversation"
    assert kinds(payload, declared) == {
        "a": "markdown",
        "b": "html",
        "c": "candidates",
        "f": "text",  # a number is no conversation: it is shown as what it is
        "e": "text",
    }
    assert [field.name for field in presenting.fields(payload, declared=declared)][:3] == ["a", "b", "c"]


def test_the_turn_that_is_asked_about_is_marked() -> None:
    assert [turn["target"] for turn in item_fields.turns(TURNS)] == [False, True]
    (field,) = presenting.fields(
        {"chat": [{"speaker": "A", "text": "x"}, {"speaker": "B", "text": "y"}], "target_turn": 0},
        without=["target_turn"],
    )
    assert [(turn["role"], turn["target"]) for turn in field.value] == [("A", True), ("B", False)]


@pytest.mark.parametrize(
    "value",
    [[], [1], [{"role": "x"}], [{"role": "x", "content": 5}], "x", None, {"role": "x", "content": "y"}],
)
def test_what_is_no_conversation_is_none(value: Any) -> None:
    assert item_fields.turns(value) == []


def test_tables_and_candidates_come_in_several_forms() -> None:
    assert item_fields.rows([["a", "b"], [1, None]]) == {"columns": ["a", "b"], "rows": [[1, ""]]}
    assert item_fields.rows([{"a": 1}, {"b": 2}]) == {"columns": ["a", "b"], "rows": [[1, ""], ["", 2]]}
    assert item_fields.rows([{"a": {"deep": 1}}]) is None
    assert item_fields.candidates(["x", "y"]) == [{"title": "A", "text": "x"}, {"title": "B", "text": "y"}]
    assert item_fields.candidates([{"model": "m", "text": "x"}]) == [{"title": "m", "text": "x"}]
    assert item_fields.candidates([1]) == []


def test_a_line_that_declares_nothing_is_refused() -> None:
    for line in ("text", "= image", "text = picture", "a = text\na = json"):
        with pytest.raises(ValueError, match=r"no line|twice"):
            item_fields.declared(line)


@pytest.mark.parametrize(
    "hostile", [*HOSTILE, "<p onclick=x()>y</p>", "<img src=http://t/x.png>", "<input autofocus onfocus=x()>"]
)
def test_html_of_an_item_is_inert(hostile: str) -> None:
    shown = inert(hostile).casefold()
    for part in (
        "<script",
        "<img",
        "<svg",
        "<style",
        "<form",
        "<input",
        "<iframe",
        "<base",
        "onclick",
        "onerror",
        "hx-get",
        'href="javascript',
        'href="data',
        "srcdoc",
    ):
        assert part not in shown.replace("&lt;", "")


def test_every_kind_renders_and_nothing_of_a_value_is_markup() -> None:
    hostile = "<script>alert(1)</script>"
    payload = {
        "text": hostile,
        "chat": [{"role": hostile, "content": hostile}],
        "table": [{hostile: hostile}],
        "json": {"a": {"b": hostile}},
        "options": [hostile],
        "md": hostile,
        "page": hostile,
    }
    fields = presenting.fields(payload, declared="options = candidates\nmd = markdown\npage = html")
    assert {field.kind for field in fields} == {
        "text",
        "conversation",
        "table",
        "json",
        "candidates",
        "markdown",
        "html",
    }
    assert "<script" not in render_to_string("components/item_fields.html", {"fields": fields})


@pytest.mark.django_db
def test_the_project_says_it_once_by_page_and_by_rest(client: Client) -> None:
    stage = cast.stage()
    governing.change_settings(project=stage.project, item_fields="text = markdown", by=stage.ada)
    with pytest.raises(Invalid) as refused:
        governing.change_settings(project=stage.project, item_fields="text = film", by=stage.ada)
    assert "text = film" in refused.value.problems[0]["message"]
    stage.load(1)
    client.login(username="ben", password=cast.PASSWORD)
    client.post("/p/rte/queues/main/label/claim/", follow=True)
    assert "<p>text 0</p>" in client.get("/p/rte/queues/main/label/").content.decode()
    rest = stage.client(stage.ada)()
    reply = rest.patch(
        "/api/v1/projects/rte/settings", {"item_fields": "text = json"}, content_type="application/json"
    )
    assert (reply.status_code, reply.json()["item_fields"]) == (200, "text = json")
