"""The frame of every page: navigation by permission, what htmx may do, what screen readers hear."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.template.loader import get_template, render_to_string
from django.test import RequestFactory

from specs.access import PERMISSIONS
from specs.models import Project
from specs.refusals import Invalid

ERRORS = ["400", "403", "403_csrf", "404", "429", "500", "503"]


def request_of(user: User | AnonymousUser, *permissions: str, path: str = "/p/rte/queues/7/") -> HttpRequest:
    request = RequestFactory().get(path)
    request.user = user
    if permissions:
        request.project = Project(key="rte", name="Textual entailment")  # type: ignore[attr-defined]
        request.permissions = frozenset(permissions)  # type: ignore[attr-defined]
    return request


def page_of(request: HttpRequest) -> str:
    return render_to_string("base.html", {"user": request.user}, request)


def links(html: str) -> list[str]:
    navigation = re.search(r"<nav id=\"nav\".*?</nav>", html, re.DOTALL)
    return re.findall(r"<a [^>]*>([^<]+)</a>", navigation.group()) if navigation else []


def test_htmx_may_not_evaluate_reach_out_or_style() -> None:
    html = page_of(request_of(AnonymousUser()))
    found = re.search(r"name=\"htmx-config\"\s+content='([^']+)'", html)
    assert found
    assert json.loads(found.group(1)) == {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "selfRequestsOnly": True,
        "allowScriptTags": False,
        "historyCacheSize": 0,
        "refreshOnHistoryMiss": True,
    }


def test_htmx_sends_the_token_of_the_page() -> None:
    html = page_of(request_of(AnonymousUser()))
    assert re.search(r"<body hx-headers='\{\"X-CSRFToken\": \"\w{64}\"\}'>", html)


def test_the_page_has_one_live_region_and_a_way_past_the_navigation() -> None:
    html = page_of(request_of(AnonymousUser()))
    assert html.count('aria-live="polite"') == 1
    assert html.index('href="#main"') < html.index('<main id="main"')


def test_a_visitor_sees_no_navigation() -> None:
    assert links(page_of(request_of(AnonymousUser()))) == []


def test_an_annotator_sees_only_the_rooms_that_are_open_to_them() -> None:
    assert links(page_of(request_of(User(username="ben"), "spec.read", "work.label"))) == [
        "Inbox",
        "Spec",
        "Questions",
    ]


def test_a_member_with_every_permission_sees_every_room() -> None:
    assert links(page_of(request_of(User(username="ada"), *PERMISSIONS))) == [
        "Inbox", "Queues", "Items", "Spec", "Questions",
        "Disputes", "Agreement", "Snapshots", "People", "Settings", "Jobs", "Tokens",
    ]  # fmt: skip


def test_a_page_below_a_room_marks_the_room() -> None:
    html = page_of(request_of(User(username="ada"), *PERMISSIONS))
    assert re.findall(r'<a [^>]*aria-current="(\w+)">(\w+)<', html) == [("true", "Queues")]


@pytest.mark.parametrize(
    ("room", "marked"),
    [
        ("alerts", "Queues"),
        ("cost", "Queues"),
        ("webhooks", "Queues"),
        ("findings", "People"),
        ("precedents", "Disputes"),
    ],
)
def test_a_page_beside_a_room_marks_the_room(room: str, marked: str) -> None:
    html = page_of(request_of(User(username="ada"), *PERMISSIONS, path=f"/p/rte/{room}/"))
    assert re.findall(r'<a [^>]*aria-current="(\w+)">(\w+)<', html) == [("true", marked)]


def test_logging_out_is_a_post() -> None:
    html = page_of(request_of(User(username="ada"), path="/"))
    assert re.search(r'<form method="post" action="/accounts/logout/"[^>]*>', html)


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_page_needs_no_request(code: str) -> None:
    html = get_template(f"{code}.html").render()
    assert html.count("<h1>") == 1
    assert "user-menu" not in html


@pytest.mark.parametrize("code", sorted(set(ERRORS) - {"500", "503"}))
def test_an_error_page_says_what_was_kept(code: str) -> None:
    assert "Nothing was changed" in get_template(f"{code}.html").render()


def refused(request: HttpRequest) -> str:
    problems = [{"where": "clause target", "message": "has no <title>"}]
    refusal = Invalid("The clause is not complete.", problems=problems)
    return render_to_string("refused.html", {"refusal": refusal}, request)


def test_a_refusal_is_a_page_with_its_reasons() -> None:
    html = refused(request_of(User(username="ada"), path="/"))
    assert html.count("<h1>") == 1
    assert "The clause is not complete." in html
    assert "has no &lt;title&gt;" in html


def test_a_refusal_for_htmx_is_only_the_reasons() -> None:
    request = request_of(User(username="ada"), path="/")
    request.htmx = True  # type: ignore[attr-defined]
    html = refused(request)
    assert "The clause is not complete." in html
    assert "<html" not in html
