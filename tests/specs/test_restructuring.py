"""The outline of a draft: places, sections, splits and merges with their lineage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import contents, drafting, merging, publishing, restructuring
from specs.models import ClauseLineage, DraftClause, SpecVersion
from specs.numbering import numbers
from specs.refusals import Invalid, Stale
from tests import cast

pytestmark = pytest.mark.django_db


def _row(draft: SpecVersion, key: str) -> DraftClause:
    return DraftClause.objects.select_related("clause", "version").get(version=draft, clause__key=key)


def _outline(draft: SpecVersion) -> list[tuple[str, str]]:
    rows = DraftClause.objects.filter(version=draft).order_by("position")
    return list(rows.values_list("clause__key", "section"))


@pytest.fixture
def stage() -> cast.Stage:
    return cast.stage()


@pytest.fixture
def draft(stage: cast.Stage) -> SpecVersion:
    return drafting.open_draft(spec=stage.spec, by=stage.ada)


def test_a_clause_steps_into_the_next_section_before_it_passes_a_neighbour(
    stage: cast.Stage, draft: SpecVersion
) -> None:
    restructuring.move_clause(clause=_row(draft, "numbers"), to=3, section="Figures", by=stage.ada)
    assert _outline(draft) == [("whole", ""), ("knowledge", ""), ("numbers", "Figures")]
    restructuring.step_clause(clause=_row(draft, "knowledge"), to="down", by=stage.ada)
    assert _outline(draft) == [("whole", ""), ("knowledge", "Figures"), ("numbers", "Figures")]
    restructuring.step_clause(clause=_row(draft, "knowledge"), to="down", by=stage.ada)
    assert _outline(draft) == [("whole", ""), ("numbers", "Figures"), ("knowledge", "Figures")]
    restructuring.step_clause(clause=_row(draft, "knowledge"), to="down", by=stage.ada)
    assert _outline(draft)[-1] == ("knowledge", "")
    assert numbers([section for _, section in _outline(draft)]) == ["1", "2.1", "3"]


def test_a_section_in_two_places_is_not_published(stage: cast.Stage, draft: SpecVersion) -> None:
    for key, place in (("whole", 1), ("numbers", 3)):
        restructuring.move_clause(clause=_row(draft, key), to=place, section="Apart", by=stage.ada)
    assert [str(p.where) for p in contents.problems(draft)] == ["section Apart"]
    restructuring.rename_section(draft=draft, old="Apart", new="", by=stage.ada)
    assert contents.problems(draft) == []
    with pytest.raises(Invalid, match="no section"):
        restructuring.rename_section(draft=draft, old="Apart", new="x", by=stage.ada)


def test_a_split_clause_knows_its_ancestor_and_statistics_can_follow(
    stage: cast.Stage, draft: SpecVersion
) -> None:
    row = _row(draft, "knowledge")
    blocks = [{"type": "definition", "text": "One."}, {"type": "avoid_when", "text": "Two."}]
    row = drafting.reword_clause(
        clause=row, title=row.title, blocks=blocks, governs=row.governs, by=stage.ada
    )
    with pytest.raises(Stale):
        restructuring.split_clause(
            clause=row, key="facts", title="Facts", blocks=[2], revision=0, by=stage.ada
        )
    for bad in ([], [1, 2], [7]):
        with pytest.raises(Invalid):
            restructuring.split_clause(clause=row, key="facts", title="Facts", blocks=bad, by=stage.ada)
    made = restructuring.split_clause(clause=row, key="facts", title="Facts", blocks=[2], by=stage.ada)
    assert (made.position, made.blocks, made.governs) == (3, blocks[1:], row.governs)
    difference = contents.compare(stage.version, draft)
    split = next(change for change in difference.clauses if change.key == "facts")
    assert (split.kind, split.ancestors, split.change_class) == ("split", ("knowledge",), "major")
    version = publishing.publish(draft=draft, notes="Split.", rationale="Two rules.", by=stage.ada)
    lineage = ClauseLineage.objects.get()
    assert (lineage.clause.key, lineage.ancestor.key, lineage.kind, lineage.version) == (
        "facts",
        "knowledge",
        "split",
        version,
    )
    later = cast.amend(stage, "numbers")
    kinds = {change.key: change.kind for change in contents.compare(stage.version, later).clauses}
    assert kinds == {"knowledge": "reworded", "facts": "split", "numbers": "reworded"}


def test_a_merged_clause_takes_in_blocks_rule_and_ancestry(stage: cast.Stage, draft: SpecVersion) -> None:
    merged = restructuring.merge_clauses(
        into=_row(draft, "whole"), other=_row(draft, "numbers"), by=stage.ada
    )
    assert [block["text"] for block in merged.blocks] == ["The whole decides.", "Numbers decides."]
    assert merged.governs == [{"question": "entailed", "values": ["no", "yes"], "pairs": []}]
    assert [key for key, _ in _outline(draft)] == ["whole", "knowledge"]
    difference = contents.compare(stage.version, draft)
    assert {change.key: change.kind for change in difference.clauses} == {
        "whole": "merged",
        "numbers": "removed",
    }
    gone = next(change for change in difference.clauses if change.key == "numbers")
    assert gone.reasons[0].message == "merged into whole"
    publishing.publish(draft=draft, notes="Merged.", rationale="One rule.", by=stage.ada)
    assert ClauseLineage.objects.get().kind == "merged"


_BLOCK = st.fixed_dictionaries({"type": st.just("definition"), "text": st.sampled_from(["a", "b", "c", "d"])})
_CLAUSE = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["A", "B"]),
        "section": st.sampled_from(["", "S"]),
        "blocks": st.lists(_BLOCK, max_size=5),
        "governs": st.just([]),
    }
)


@given(_CLAUSE, _CLAUSE)
def test_choosing_one_side_everywhere_gives_that_text(mine: dict, theirs: dict) -> None:
    sides = merging.sides(mine, theirs)
    assert merging.merged(mine, theirs, {side.name: "mine" for side in sides}) == mine
    assert merging.merged(mine, theirs, {side.name: "theirs" for side in sides}) == theirs
    both = merging.merged(mine, theirs, {side.name: "both" for side in sides})
    assert {block["text"] for block in both["blocks"]} == {
        block["text"] for block in [*mine["blocks"], *theirs["blocks"]]
    }
