"""Alignment sessions: blind until revealed, talked about after it, decided into the draft of the clause."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client

from annotation import aligning, investigating
from annotation.models import AlignmentSession, AlignmentVote, ClauseIssue, Dispute
from specs import delivering, preferring
from specs.models import Event, SpecVersion
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from tests.cast import user_of

pytestmark = pytest.mark.django_db
PAGES = "/p/rte/specs/rte/"


def _issue(n: int = 3) -> tuple[cast.Stage, ClauseIssue]:
    """An issue on a clause that rulings blamed, with its disputes as cases."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(n)
    for _ in range(n):
        stage.answer(stage.ben, "yes")
        stage.answer(stage.chi, "no")
    for dispute in Dispute.objects.order_by("pk"):
        cast.ruled(stage, dispute)
    clause = stage.spec.clauses.get(key="knowledge")
    return stage, investigating.open_issue(clause=clause, evidence=None, by=stage.ada)


def _voted(stage: cast.Stage, issue: ClauseIssue) -> AlignmentSession:
    ben, chi = stage.member("ben"), stage.member("chi")
    session = aligning.convene(issue=issue, members=[ben, chi], by=stage.ada)
    for member, reading in ((ben, "yes"), (chi, "no"), (stage.ada, "no")):
        for case in issue.cases.all():
            aligning.vote(session=session, case=case, reading=reading, by=member)
    return session


def test_votes_are_blind_till_they_are_revealed_and_do_not_change_after_it() -> None:
    stage, issue = _issue()
    session = _voted(stage, issue)
    case = issue.cases.order_by("pk")[0]
    assert aligning.tally(session) == {}
    aligning.vote(session=session, case=case, reading="no", note="On second thought.", by=stage.member("ben"))
    with pytest.raises(NotAllowed):
        aligning.vote(session=session, case=case, reading="no", by=stage.member("dov"))
    with pytest.raises(Invalid):
        aligning.vote(session=session, case=case, reading="perhaps", by=stage.ada)
    with pytest.raises(WrongState):
        aligning.remark(session=session, text="Too early.", by=stage.ada)
    session = aligning.reveal(session=session, by=stage.ada)
    assert aligning.tally(session)[case.pk] == {"no": 3}
    with pytest.raises(WrongState):
        aligning.vote(session=session, case=case, reading="yes", by=stage.ada)
    with pytest.raises(IntegrityError), transaction.atomic():
        AlignmentVote.objects.filter(session=session, case=case).update(value="yes")


def test_there_is_one_session_at_a_time_of_two_people_or_more_on_an_issue_with_cases() -> None:
    stage, issue = _issue(1)
    with pytest.raises(Invalid):
        aligning.convene(issue=issue, members=[], by=stage.ada)
    session = aligning.convene(issue=issue, members=[stage.member("ben")], by=stage.ada)
    with pytest.raises(WrongState):
        aligning.convene(issue=issue, members=[stage.member("chi")], by=stage.ada)
    with pytest.raises(Invalid):
        aligning.reveal(session=session, by=stage.ada)
    aligning.call_off(session=session, by=stage.ada)
    aligning.convene(issue=issue, members=[stage.member("chi")], by=stage.ada)
    empty = investigating.open_issue(
        clause=stage.spec.clauses.get(key="numbers"), evidence=None, by=stage.ada
    )
    with pytest.raises(Invalid):
        aligning.convene(issue=empty, members=[stage.member("ben")], by=stage.ada)


def test_a_decision_is_a_record_and_the_next_words_of_the_clause_with_examples_made_from_cases() -> None:
    stage, issue = _issue()
    session = aligning.reveal(session=_voted(stage, issue), by=stage.ada)
    aligning.remark(session=session, text="Whose knowledge?", by=stage.member("chi"))
    first, second, third = issue.cases.order_by("pk")
    record = {
        "asked": "Whose knowledge counts?",
        "decision": "Every adult's.",
        "rule": "What every adult knows counts.",
    }
    with pytest.raises(Invalid):
        aligning.decide(session=session, **{**record, "rule": " "}, outcomes=[], by=stage.ada)
    outcome = aligning.Outcome(first.pk, "yes", "example")
    with pytest.raises(Invalid):
        aligning.decide(session=session, **record, outcomes=[outcome], by=stage.ada)
    session = aligning.decide(
        session=session,
        **record,
        outcomes=[
            aligning.Outcome(first.pk, "yes", "example", "Everybody knows it."),
            aligning.Outcome(second.pk, "no", "counter_example", "One has to look it up."),
            aligning.Outcome(third.pk, "no"),
        ],
        by=stage.ada,
    )
    draft = SpecVersion.objects.draft().get(spec=stage.spec)
    blocks = draft.draft_clauses.get(clause=issue.clause).blocks
    assert session.draft == draft
    assert blocks[0] == {"type": "definition", "text": "What every adult knows counts."}
    assert [(one["type"], one["value"], one["why"]) for one in blocks[1:]] == [
        ("example", "yes", "Everybody knows it."),
        ("counter_example", "no", "One has to look it up."),
    ]
    assert blocks[1]["item"] == first.task.item.payload["text"]
    assert [one["votes"] for one in session.outcomes] == [{"yes": 1, "no": 2}] * 3
    kinds = Event.objects.filter(subject="alignment-session").order_by("pk").values_list("kind", flat=True)
    assert list(dict.fromkeys(kinds)) == [
        f"alignment.{what}" for what in ("convened", "voted", "revealed", "remarked", "decided")
    ]
    with pytest.raises(WrongState):
        aligning.call_off(session=session, by=stage.ada)


def test_a_session_goes_by_pages_and_shows_nobody_what_is_blind(client: Client) -> None:
    stage, issue = _issue()
    client.force_login(user_of(stage.ada))
    assert "Convene it" in client.get(f"{PAGES}issues/{issue.pk}/").content.decode()
    reply = client.post(f"{PAGES}issues/{issue.pk}/convene/", {"member": [stage.member("ben").pk]})
    session = AlignmentSession.objects.get()
    where = f"{PAGES}alignment/{session.pk}/"
    assert reply["Location"] == where
    ballot = {f"reading-{case.pk}": "no" for case in issue.cases.all()}
    assert client.post(f"{where}vote/", ballot).status_code == 302
    other = Client()
    other.force_login(user_of(stage.member("ben")))
    page = other.get(where).content.decode()
    assert "Nobody sees anybody" in page
    assert "checked" not in page
    other.post(f"{where}vote/", {**ballot, f"note-{issue.cases.order_by('pk')[0].pk}": "It says so."})
    stranger = Client()
    stranger.force_login(user_of(stage.member("dov")))
    assert stranger.get(where).status_code == 404
    client.post(f"{where}reveal/")
    assert "It says so." in client.get(where).content.decode()
    client.post(f"{where}say/", {"text": "We agree."})
    case = issue.cases.order_by("pk")[0]
    record = {"asked": "Whose?", "decision": "Everybody's.", "rule": "What everybody knows."}
    assert other.post(f"{where}decide/", record).status_code == 403
    refused = client.post(f"{where}decide/", {**record, "rule": ""})
    assert refused.status_code == 422
    assert "Everybody&#x27;s." in refused.content.decode()
    client.post(
        f"{where}decide/",
        {**record, f"reading-{case.pk}": "no", f"use-{case.pk}": "example", f"why-{case.pk}": "Known."},
    )
    assert "Decision record" in client.get(where).content.decode()
    assert SpecVersion.objects.draft().filter(spec=stage.spec).exists()


def test_a_session_goes_by_rest() -> None:
    stage, issue = _issue(2)
    ada, ben = stage.client(stage.ada)(), stage.client(stage.member("ben"))()
    root = "/api/v1/projects/rte/specs/rte"

    def post(who: Client, where: str, body: dict[str, object], status: int = 200) -> dict[str, object]:
        reply = who.post(f"{root}/{where}", body, content_type="application/json")
        assert reply.status_code == status, reply.content
        found: dict[str, object] = reply.json()
        return found

    made = post(ada, f"clause-issues/{issue.pk}/sessions", {"members": [stage.member("ben").pk]}, 201)
    where = f"alignment/{made['id']}"
    case = issue.cases.order_by("pk")[0].pk
    for who in (ada, ben):
        seen = post(who, f"{where}/vote", {"case": case, "reading": "yes"})
    assert isinstance(seen["cases"], list)
    assert seen["cases"][0]["readings"][0]["votes"] is None
    assert post(ben, f"{where}/reveal", {})["state"] == "revealed"
    post(ben, f"{where}/remark", {"text": "Good."})
    decided = post(
        ada,
        f"{where}/decide",
        {
            "asked": "Whose?",
            "decision": "All.",
            "rule": "All know.",
            "outcomes": [{"case": case, "reading": "yes"}],
        },
    )
    assert (decided["state"], decided["rule"]) == ("decided", "All know.")
    assert ada.get(f"{root}/{where}").json()["cases"][0]["readings"][0]["votes"] == 2
    post(ben, f"{where}/call-off", {}, 409)


def test_who_is_asked_is_told_by_mail_and_in_the_inbox_until_she_has_voted(client: Client) -> None:
    stage, issue = _issue()
    ben, chi = stage.member("ben"), stage.member("chi")
    preferring.choose(user=user_of(chi), language="de")
    session = aligning.convene(issue=issue, members=[ben, chi], by=stage.ada)
    delivering.send_due()
    assert sorted(one.to[0] for one in mail.outbox) == ["ben@example.org", "chi@example.org"]
    assert all(f"{PAGES}alignment/{session.pk}/" in one.body for one in mail.outbox)
    assert mail.outbox[0].subject != mail.outbox[1].subject  # each in her language
    client.force_login(user_of(ben))
    assert "3 cases wait for your votes" in client.get("/").text
    for place, case in enumerate(issue.cases.all()):
        told = stage.client(ben)().get("/api/v1/projects/rte/me/alignment").json()
        assert (told[0]["clause"], told[0]["cases_left"]) == ("knowledge", 3 - place)
        aligning.vote(session=session, case=case, reading="yes", by=ben)
    assert "session on the clause" not in client.get("/").text
    for case in issue.cases.all():
        aligning.vote(session=session, case=case, reading="no", by=chi)
    aligning.reveal(session=session, by=stage.ada)
    assert "are revealed, to be talked about" in client.get("/").text
    aligning.call_off(session=session, by=stage.ada)
    assert "revealed" not in client.get("/").text
    client.force_login(user_of(stage.member("dov")))
    assert "session" not in client.get("/").text
