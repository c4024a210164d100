"""From a dispute to the effect of the clause's next words, by keyboard only in a real Chromium."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from annotation import aligning, carrying, investigating
from annotation.models import AlignmentSession, Carry, ClauseIssue, Dispute, RelabelPlan
from specs.models import SpecVersion
from tests import cast
from tests.browser.keyboard import choose, pick, press, write
from tests.browser.test_every_page import AXE, SCHEMES, WIDER, broken_rules
from tests.browsing import log_in, settled
from workforce import queues

SHOTS = os.environ.get("SHOTS", "")
"""A folder for pictures of the pages, wide and narrow, light and dark; none are taken without one."""
N = 12


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    """Disputes on one clause, all but one of them ruled on."""
    made = cast.stage(overlap=2, max_overlap=2)
    made.load(N)
    for who, value in ((made.ben, "yes"), (made.chi, "no")):
        for _ in range(N):
            made.answer(who, value, cite=["knowledge"])
    for dispute in Dispute.objects.order_by("-pk")[: N - 1]:
        cast.ruled(made, dispute)
    return made


def _looked_at(page: Page, name: str) -> None:
    """The page keeps the rules of its look, wide and narrow."""
    settled(page)
    page.wait_for_load_state()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDER) == [], (name, width)
        for scheme in SCHEMES:
            assert broken_rules(page, scheme) == [], (name, width, scheme)
            if SHOTS:
                page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


def _press(page: Page, name: str, role: str = "button") -> None:
    """Enter on what has this name, and wait for the page that it brings."""
    press(page.locator("main").get_by_role(role, name=name).first)  # type: ignore[arg-type]
    page.wait_for_load_state()
    settled(page)


def test_a_dispute_becomes_the_clauses_next_words_and_their_effect_is_seen(
    page: Page, stage: cast.Stage
) -> None:
    page.add_init_script(AXE)
    log_in(page, "ada")
    root = "/p/rte/specs/rte/"

    # the ruling that completes the evidence, and the issue that opens by itself
    page.goto("/p/rte/disputes/")
    settled(page)
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    settled(page)
    pick(page.get_by_role("radio", name="No", exact=True))
    pick(page.get_by_label("The clause is ambiguous"))
    choose(page.locator("select[name=clause]"), "knowledge")
    write(page.locator("[name=reason]"), "It does not say whose knowledge.")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ruled.").first).to_be_visible()
    (issue,) = investigating.watch(project=stage.project)
    page.goto(f"{root}issues/")
    _looked_at(page, "issues")
    _press(page, f"#{issue.pk}", "link")
    _looked_at(page, "issue")

    # several people read the cases blindly, then talk, then decide
    press(page.get_by_role("checkbox", name="ben"), "Space")
    _press(page, "Convene it")
    session = AlignmentSession.objects.get()
    for case in issue.cases.order_by("pk"):
        pick(page.locator(f"input[name='reading-{case.pk}']").last)
    _press(page, "Keep my votes")
    _looked_at(page, "session-voting")
    for case in issue.cases.all():
        aligning.vote(
            session=session, case=case, reading="no", note="One has to look.", by=stage.member("ben")
        )
    _press(page, "Reveal all votes")
    write(page.get_by_label("Say something"), "Then it is what every adult knows.")
    _press(page, "Say it")
    case = issue.cases.order_by("pk")[0]
    choose(page.locator(f"#use-{case.pk}"), "example")
    write(page.locator(f"#why-{case.pk}"), "One has to look it up.")
    write(page.get_by_label("The question that was open"), "Whose knowledge counts?")
    write(page.get_by_label("What was decided"), "Every adult's.")
    write(page.get_by_label("The rule, as it stands"), "Only what every adult knows counts.")
    _looked_at(page, "session-deciding")
    _press(page, "Record it and write the draft")
    expect(page.get_by_text("Decision record")).to_be_visible()
    _looked_at(page, "session-decided")

    # the draft that came of it is published past the gate, and resolves the issue
    _press(page, "The clause in the draft", "link")
    expect(page.get_by_text("Only what every adult knows counts.").first).to_be_visible()
    page.goto(f"{root}draft/publish/")
    write(page.locator("[name=notes]"), "Sharper.")
    write(page.locator("[name=rationale]"), "Two readings.")
    write(page.locator("[name=override_reason]"), "No annotator is free for a pilot.")
    _press(page, "Publish")
    version = SpecVersion.objects.get(major=2, state="published")
    page.goto(f"{root}issues/{issue.pk}/")
    choose(page.get_by_label("Resolved by version"), str(version.pk))
    _press(page, "Close the issue")
    assert ClauseIssue.objects.get(pk=issue.pk).closed_by_version == version

    # what it touches is priced, asked again, and carried
    page.goto("/p/rte/relabel/")
    _press(page, "What does Entailment 2.0.0 touch?")
    _press(page, "Main", "link")
    _looked_at(page, "plan")
    write(page.get_by_label("Why the other labels stay valid"), "Their clauses did not change.")
    _press(page, "Relabel these, carry the rest")
    plan = RelabelPlan.objects.select_related("relabel_queue").get(queue=stage.queue)
    assert plan.relabel_queue is not None
    assert Carry.objects.filter(plan=plan).exists()  # nothing else may have been touched
    queues.change_settings(queue=plan.relabel_queue, by=stage.ada, entry="none", **cast.QUIET)
    for served in stage.claims(stage.dov, plan.relabel_queue):
        stage.submit(stage.dov, served, {"entailed": "no"})
    carrying.advance_all()
    queues.put_in_force(queue=stage.queue, version=version, by=stage.ada)
    stage.load(N, start=50)
    for who in (stage.ben, stage.chi):
        for _ in range(N):
            stage.answer(who, "no", cite=["knowledge"])
    connections.close_all()
    page.reload()
    _looked_at(page, "carried")

    # and its effect is there to be seen
    page.goto(f"{root}effect/")
    expect(page.get_by_text("100.0").first).to_be_visible()
    _looked_at(page, "effect")
