"""The pages that show what a version says and what it changed, whatever became of its clauses."""

from __future__ import annotations

import pytest
from django.test import Client

from annotation import comparing
from specs import acknowledging, drafting, publishing, restructuring
from specs.models import DraftClause, SpecVersion
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> cast.Stage:
    return cast.stage()


def _row(draft: SpecVersion, key: str) -> DraftClause:
    return DraftClause.objects.select_related("clause", "version").get(version=draft, clause__key=key)


def _turned_over(stage: cast.Stage) -> SpecVersion:
    """A version in which clauses were added, reworded, split, withdrawn and moved."""
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    row = _row(draft, "whole")
    drafting.reword_clause(
        clause=row,
        title="The whole of it",
        blocks=[{"type": "definition", "text": "All <b>of</b> it."}, {"type": "notes", "text": "n"}],
        governs=row.governs,
        by=stage.ada,
    )
    restructuring.split_clause(
        clause=_row(draft, "whole"), key="rest", title="The rest", blocks=[2], by=stage.ada
    )
    drafting.withdraw_clause(clause=_row(draft, "numbers"), by=stage.ada)
    drafting.add_clause(
        draft=draft, key="dates", title="Dates", blocks=[{"type": "definition", "text": "Too."}], by=stage.ada
    )
    restructuring.move_clause(clause=_row(draft, "knowledge"), to=1, by=stage.ada)
    return publishing.publish(draft=draft, notes="All of it.", rationale="To see.", by=stage.ada)


def _client(stage: cast.Stage) -> Client:
    client = Client()
    user = stage.member("ben").user
    assert user is not None
    client.force_login(user)
    return client


def test_whoever_read_the_version_before_sees_what_changed_old_and_new(stage: cast.Stage) -> None:
    acknowledging.acknowledge(member=stage.member("ben"), version=stage.version, digest=stage.version.digest)
    version = _turned_over(stage)
    client = _client(stage)
    page = client.get("/p/rte/specs/rte/2.0.0/changes/")
    assert page.status_code == 200
    text = page.content.decode()
    for said in (
        "what changed from 1.0.0 to 2.0.0",
        "This clause is gone",
        "The rest",
        "Dates",
        "Old and new side by side",
    ):
        assert said in text, said
    assert "<b>of</b>" not in text
    client.post("/p/rte/specs/rte/2.0.0/changes/", {"digest": version.digest, "queue": "main"})
    assert "You have confirmed" in client.get("/p/rte/specs/rte/2.0.0/changes/").content.decode()


COMPARED = ["compare/1.0.0/2.0.0/", "compare/2.0.0/1.0.0/"]
HISTORIES = ["clauses/numbers/", "clauses/rest/", "clauses/whole/"]


@pytest.mark.parametrize("address", ["", "2.0.0/", "1.0.0/", "2.0.0/?q=zzz", *COMPARED, *HISTORIES])
def test_every_page_of_a_spec_opens(stage: cast.Stage, address: str) -> None:
    _turned_over(stage)
    assert _client(stage).get(f"/p/rte/specs/rte/{address}").status_code == 200


def test_a_comparison_names_splits_moves_and_what_is_gone_both_ways(stage: cast.Stage) -> None:
    version = _turned_over(stage)
    there = {row.change.key: row.change.kind for row in comparing.compare(stage.version, version).rows}
    assert there == {
        "knowledge": "moved",
        "whole": "reworded",
        "rest": "split",
        "dates": "added",
        "numbers": "removed",
    }
    back = {row.change.key: row.change.kind for row in comparing.compare(version, stage.version).rows}
    assert back["numbers"] == "added"
    assert back["rest"] == "removed"


def test_who_may_not_speak_of_a_draft_does_not_see_one(stage: cast.Stage) -> None:
    _turned_over(stage)
    drafting.open_draft(spec=stage.spec, by=stage.ada)
    client = _client(stage)
    for address in ("compare/1.0.0/draft/", "draft/", "proposal/"):
        assert client.get(f"/p/rte/specs/rte/{address}").status_code in (403, 404), address
    assert client.get("/p/rte/specs/rte/draft/file/").status_code == 404
