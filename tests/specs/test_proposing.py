"""A draft on its way: proposed, talked about, approved word for word, or not."""

from __future__ import annotations

from typing import Any

import pytest

from specs import drafting, governing, proposing, publishing
from specs.models import ChangeClass, DraftClause, Proposal, SpecVersion
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from workforce import staffing

pytestmark = pytest.mark.django_db
WORDS: dict[str, Any] = {"notes": "Sharper.", "rationale": "Two readings."}


@pytest.fixture
def stage() -> cast.Stage:
    made = cast.stage()
    governing.change_settings(project=made.project, approvals=1, by=made.ada)
    return made


def _draft(stage: cast.Stage, text: str = "Only what all know.") -> SpecVersion:
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    row = DraftClause.objects.select_related("clause", "version").get(version=draft, clause__key="knowledge")
    drafting.reword_clause(
        clause=row,
        title=row.title,
        blocks=[{"type": "definition", "text": text}],
        governs=row.governs,
        by=stage.ada,
    )
    return draft


def test_nobody_approves_his_own_and_an_edit_voids_what_was_approved(stage: cast.Stage) -> None:
    lea = staffing.add_member(project=stage.project, user=cast.user("lea"), roles=["lead"], by=stage.ada)
    draft = _draft(stage)
    proposal = proposing.propose(draft=draft, by=stage.ada, **WORDS)
    with pytest.raises(WrongState, match="open proposal already"):
        proposing.propose(draft=draft, by=lea, **WORDS)
    with pytest.raises(NotAllowed, match="of his own"):
        proposing.approve(proposal=proposal, by=stage.ada)
    with pytest.raises(WrongState, match="has 0"):
        publishing.publish(draft=draft, by=stage.ada, **WORDS)
    proposing.approve(proposal=proposal, by=lea)
    _draft(stage, "Something else again.")
    with pytest.raises(WrongState, match="has 0"):
        publishing.publish(draft=draft, by=stage.ada, **WORDS)
    proposing.approve(proposal=proposal, by=lea)
    assert publishing.publish(draft=draft, by=stage.ada, **WORDS).number == "2.0.0"
    assert Proposal.objects.get().state == "published"


def test_asking_for_changes_stands_until_the_same_member_approves(stage: cast.Stage) -> None:
    lea = staffing.add_member(project=stage.project, user=cast.user("lea"), roles=["lead"], by=stage.ada)
    pia = staffing.add_member(project=stage.project, user=cast.user("pia"), roles=["publisher"], by=stage.ada)
    draft = _draft(stage)
    proposal = proposing.propose(draft=draft, by=stage.ada, **WORDS)
    with pytest.raises(Invalid, match="which changes"):
        proposing.decline(proposal=proposal, note=" ", by=lea)
    proposing.decline(proposal=proposal, note="Too narrow.", by=lea)
    proposing.approve(proposal=proposal, by=pia)
    with pytest.raises(WrongState, match="has 0"):
        publishing.publish(draft=draft, by=stage.ada, **WORDS)
    proposing.approve(proposal=proposal, by=lea)
    publishing.publish(draft=draft, by=stage.ada, **WORDS)


def test_a_proposal_says_what_and_why_and_claims_enough(stage: cast.Stage) -> None:
    draft = _draft(stage)
    with pytest.raises(Invalid, match="and why"):
        proposing.propose(draft=draft, notes="x", rationale=" ", by=stage.ada)
    with pytest.raises(Invalid, match="not a patch") as refused:
        proposing.propose(draft=draft, claimed=ChangeClass.PATCH, by=stage.ada, **WORDS)
    assert refused.value.problems[0]["where"] == "clause knowledge, Definition"
    proposal = proposing.propose(draft=draft, by=stage.ada, **WORDS)
    drafting.discard_draft(draft=draft, by=stage.ada)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.version_id) == ("withdrawn", None)


def test_comments_are_resolved_and_opened_again(stage: cast.Stage) -> None:
    clause = stage.spec.clauses.get(key="numbers")
    said = proposing.comment(spec=stage.spec, clause=clause, text=" Which? ", by=stage.ada)
    assert (said.text, said.resolved_at) == ("Which?", None)
    assert proposing.resolve_comment(comment=said, by=stage.ada).resolved_by == stage.ada
    assert proposing.resolve_comment(comment=said, by=stage.ada).resolved_at is not None
    assert proposing.reopen_comment(comment=said, by=stage.ada).resolved_at is None
    with pytest.raises(Invalid):
        proposing.comment(spec=stage.spec, text="  ", by=stage.ada)
