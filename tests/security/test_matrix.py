"""Actor x route x verb x target, generated from the resolver: who is let in, and what everyone else sees.

Targets: one's own rows; rows of another project under one's own address; rows that do not exist; the same below a project
that is not one's own, and below one that does not exist. Foreign and missing answer alike, and nothing that is refused changes
a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from pytest_django import DjangoDbBlocker

from specs.access import PERMISSIONS, Policy, permissions_of
from specs.models import ApiToken, Member, MemberState, Role
from tests import cast
from tests.furnished import Furnished, furnish
from tests.security.routes import ROUTES, Route, fingerprint
from tests.undoing import undone
from workforce import departing, staffing, suspending

OUTSIDERS = ("stranger", "suspended", "removed")
ACTORS = ("nobody", *OUTSIDERS, *Role.values)
ALLOWED = {role: permissions_of(Member(roles=[role], state=MemberState.ACTIVE)) for role in Role.values}
IN_PROJECT = [route for route in ROUTES if route.in_project]
HOW_MANY = pytest.mark.parametrize(
    "all_of_them", [False, pytest.param(True, marks=pytest.mark.long)], ids=["turns", "all"]
)
"""Of several actors of whom the same is wanted, one looks closer in the short form, each in the long one."""
MISSING: dict[str, object] = {
    "load": 10**9,
    **dict.fromkeys(("item", "filter", "change"), 987_654_321),
    "direction": 10**9,
    **dict.fromkeys(("assignment", "dispute", "plan", "snapshot", "member", "job", "token"), 987_654_321),
    **dict.fromkeys(
        (
            "comment",
            "inquiry",
            "known",
            "pilot",
            "canary",
            "quiz",
            "held",
            "hold",
            "exclusion",
            "appeal",
            "degradation",
            "rule",
            "consequence",
            "notice",
            "alert",
            "webhook",
            "delivery",
            "issue",
            "sample",
            "stage",
            "review",
            "appealed",
            "session",
            "task",
            "decision",
            "other",
        ),
        987_654_321,
    ),
    **dict.fromkeys(
        ("spec", "queue", "cohort", "category", "clause", "pseudonym", "step", "name", "digest", "against"),
        "none",
    ),
    "precedent": 987_654_321,
    "served": "none",
    **dict.fromkeys(("number", "old", "new"), "9.9.9"),
}


@dataclass
class House(Furnished):
    """The project with a client of every actor, and what fills addresses with rows of another project."""

    foreign: dict[str, object] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    tokens: dict[str, Client] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    """The house stands while this file is tested: to build it takes longer than to walk it."""
    with django_db_blocker.unblock(), undone():
        yield _build()


@pytest.fixture
def house(built: House, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    """One's own project with a client of every actor; what a test does to it is taken back."""
    with django_db_blocker.unblock(), undone():
        ApiToken.objects.update(
            last_used_at=Now()
        )  # a request notes it once a minute, and the house may be older
        yield built


def _build() -> House:
    furnished = furnish("rte", versions=2)
    own = House(furnished.stage, furnished.ids, foreign=furnish("other", versions=3).ids)
    for name in ACTORS:
        own.clients[name] = Client()
        if name == "nobody":
            own.tokens[name] = Client()
            continue
        if name == "stranger":
            other = cast.stage("strangers")
            own.clients[name].force_login(other.ada.user)  # type: ignore[arg-type]
            own.tokens[name] = _bearer(other.token(other.ada))
            continue
        role = name if name not in OUTSIDERS else Role.OWNER
        member = staffing.add_member(
            project=own.stage.project, user=cast.user(name), roles=[role], by=own.stage.ada
        )
        own.members[name] = member
        own.clients[name].force_login(member.user)  # type: ignore[arg-type]
        own.tokens[name] = _bearer(own.stage.token(member))
    suspending.suspend(member=own.members["suspended"], reason="test", by=own.stage.ada)
    own.clients["suspended"].force_login(own.members["suspended"].user)  # type: ignore[arg-type]  # the first log-in ended
    departing.remove(member=own.members["removed"], by=own.stage.ada)
    return own


def _bearer(secret: str) -> Client:
    return Client(headers={"authorization": f"Bearer {secret}"})


def _ask(client: Client, verb: str, address: str, *, api: bool) -> tuple[int, bytes, str]:
    options: dict[str, Any] = {"content_type": "application/json"} if api and verb != "get" else {}
    reply = getattr(client, verb)(address, **options)
    content = b"" if reply.streaming else reply.content
    return reply.status_code, _plain(content), reply.headers.get("Location", "")


def _plain(content: bytes) -> bytes:
    """A page without what differs in every answer: the masked CSRF token."""
    return re.sub(rb"X-CSRFToken[^}]*}|csrfmiddlewaretoken[^>]*>", b"", content)


def _wanted(actor: str, policy: Policy) -> str:
    """ "in", "refused", "missing" or "sign in", as the policy has it for this actor."""
    if actor == "nobody":
        return "sign in"
    if actor in OUTSIDERS:
        return "missing"
    return "in" if policy.permission in ALLOWED[actor] else "refused"


def _requests(actor: str) -> Iterator[tuple[Route, str, str, bool]]:
    """Route, verb, what is wanted, and whether it is this actor's turn among those of whom the same is wanted there."""
    all_ = ((route, verb, policy) for route in IN_PROJECT for verb, policy in route.policies.items())
    for place, (route, verb, policy) in enumerate(all_):
        want = _wanted(actor, policy)
        alike = [other for other in ACTORS if _wanted(other, policy) == want]
        yield route, verb, want, alike[place % len(alike)] == actor


def _expect(got: tuple[int, bytes, str], want: str, actor: str, *, api: bool) -> bool:
    status, _, location = got
    if status == 405 and not api:
        return True  # a page that has no such verb says so to everybody
    match want:
        case "sign in":
            return status == 401 if api else status == 302 and location.startswith("/accounts/login/")
        case "missing":
            # a suspended member's token is dead; in a browser the project is gone
            return status == 401 if api and actor != "stranger" else status == 404
        case _:
            return status == 403


@HOW_MANY
@pytest.mark.parametrize("actor", ACTORS)
def test_who_may_not_is_refused_everywhere_and_changes_nothing(
    house: House, actor: str, all_of_them: bool
) -> None:
    """Everybody at every route; whether what does not exist answers alike, in turns."""
    before = fingerprint()
    n = 0
    for route, verb, want, turn in _requests(actor):
        if want == "in":
            continue
        closer = turn or all_of_them
        client = (house.tokens if route.is_api else house.clients)[actor]
        rows = (house.ids, MISSING) if closer else (house.ids,)
        answers = [_ask(client, verb, route.address("rte", ids), api=route.is_api) for ids in rows]
        for answer in answers:
            assert _expect(answer, want, actor, api=route.is_api), (route.where, verb, answer)
        n += 1
        if not closer:
            continue
        if want != "sign in":
            assert answers[0] == answers[1], (route.where, verb)
        if want == "missing":
            nowhere = _ask(client, verb, route.address("nowhere", MISSING), api=route.is_api)
            assert nowhere == answers[0], (route.where, verb)
    assert n > 10
    assert fingerprint() == before


@HOW_MANY
@pytest.mark.parametrize("actor", Role.values)
def test_a_foreign_child_under_ones_own_project_is_missing_and_stays_as_it_is(
    house: House, actor: str, all_of_them: bool
) -> None:
    names = {"spec", "queue", "clause", "number", "old", "new", "assignment", "dispute", "plan", "snapshot"}
    names |= {"member", "job", "token", "pseudonym"}
    foreign = {**house.foreign, "spec": "spec-other"}
    before = fingerprint()
    n = 0
    for route, verb, want, turn in _requests(actor):
        if not turn and not all_of_them:
            continue
        client = (house.tokens if route.is_api else house.clients)[actor]
        for place in set(route.places) & names:
            answers = [
                _ask(
                    client,
                    verb,
                    route.address("rte", {**house.ids, "step": house.ids["step"], place: ids[place]}),
                    api=route.is_api,
                )
                for ids in (foreign, MISSING)
            ]
            assert answers[0][0] == answers[1][0], (route.where, verb, place, answers)
            assert answers[0][0] in ((400, 404, 405, 415, 422) if want == "in" else (403, 405)), (
                route.where,
                verb,
                place,
                answers[0],
            )
            assert _without(answers[0][1], foreign[place]) == _without(answers[1][1], MISSING[place]), (
                route.where,
                verb,
            )
            n += 1
    assert n > 30
    assert fingerprint() == before


def _without(content: bytes, name: object) -> bytes:
    return content if isinstance(name, int) else content.replace(str(name).encode(), b"")


@HOW_MANY
@pytest.mark.parametrize("actor", Role.values)
def test_who_may_is_let_in(house: House, actor: str, all_of_them: bool) -> None:
    """No permission is lost on the way: with one's own rows no route says 403, and none breaks."""
    for route, verb, want, turn in _requests(actor):
        if want != "in" or not (turn or all_of_them):
            continue
        client = (house.tokens if route.is_api else house.clients)[actor]
        with undone():
            address = route.address("rte", house.ids) + (
                "?spec=rte" if route.is_api and verb == "get" else ""
            )
            status, content, _ = _ask(client, verb, address, api=route.is_api)
        assert status not in (401, 403) or b"permission" not in content.lower(), (route.where, verb, content)
        assert status < 500, (route.where, verb)
        if route.where.endswith("/trace"):
            continue  # which names an item in its query
        if verb == "get" and not set(route.places) & {
            "assignment",
            "dispute",
            "name",
            "step",
            "queue",
            "appealed",
            "session",
            "task",
        }:
            assert status in (200, 302, 405, 409), (route.where, verb, status)


def test_a_token_opens_no_page_and_a_session_opens_no_api(house: House) -> None:
    for route in IN_PROJECT:
        client = (house.clients if route.is_api else house.tokens)["owner"]
        for verb in route.policies:
            status, _, location = _ask(client, verb, route.address("rte", house.ids), api=route.is_api)
            refused = (
                status == 401 if route.is_api else status == 405 or location.startswith("/accounts/login/")
            )
            assert refused, (route.where, verb, status)


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_token_does_what_it_was_given_and_no_more(house: House, permission: str) -> None:
    """What one permission opens is open to a token with that one, and closed to a token with all others: so to any with fewer."""
    roles = [Role.OWNER, Role.ANNOTATOR]
    member = staffing.add_member(
        project=house.stage.project, user=cast.user("both"), roles=roles, by=house.stage.ada
    )
    given = _bearer(house.stage.token(member, permission))
    others = _bearer(house.stage.token(member, *(other for other in PERMISSIONS if other != permission)))
    for route in IN_PROJECT:
        for verb, policy in route.policies.items():
            if not route.is_api or policy.permission != permission:
                continue
            address = route.address("rte", house.ids)
            with undone():
                status, content, _ = _ask(given, verb, address, api=True)
            assert status != 403 or b"token" not in content, (route.where, verb, content)
            with undone():
                assert _ask(others, verb, address, api=True)[0] == 403, (route.where, verb)


def test_the_matrix_covers_every_place_of_every_address() -> None:
    assert {place for route in IN_PROJECT for place in route.places} <= set(MISSING)
