"""A draft on trial, the gate that reads it, and the publication that passes it, is stopped by it, or goes past it by name."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from annotation import asking, comparing, criteria, measuring, piloting, releasing
from annotation.models import Dispute, Publication, Resolution
from specs import drafting, governing
from specs.models import DraftClause, SpecVersion
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from workforce import staffing
from workforce.models import Queue

pytestmark = pytest.mark.django_db
WORDS: dict[str, Any] = {"notes": "n", "rationale": "r"}


@pytest.fixture
def stage() -> cast.Stage:
    """Twenty-four items answered alike by two people who cite one clause, and a draft that rewords it."""
    made = cast.stage()
    made.load(24)
    for who in (made.ben, made.chi):
        for _ in range(24):
            made.answer(who, "yes", cite=["knowledge"])
    _reword(made, "definition", "Only what every adult knows.")
    return made


def _reword(stage: cast.Stage, kind: str, text: str) -> SpecVersion:
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    row = DraftClause.objects.select_related("clause", "version").get(version=draft, clause__key="knowledge")
    kept = [block for block in row.blocks if block["type"] != kind]
    drafting.reword_clause(
        clause=row,
        title=row.title,
        blocks=[{"type": kind, "text": text}, *kept],
        governs=row.governs,
        by=stage.ada,
    )
    return SpecVersion.objects.draft().select_related("spec", "based_on", "project").get(pk=draft.pk)


def _pilot(stage: cast.Stage, draft: SpecVersion, answers: dict[str, str], sample: str = "changed") -> Any:
    """Run a pilot: each person gives one answer throughout, citing the clause."""
    pilot = piloting.start(
        draft=draft,
        sample=sample,
        n_items=20,
        overlap=2,
        annotators=[stage.annotators[name] for name in answers],
        owner=stage.ada,
        by=stage.ada,
    )
    Queue.objects.filter(pk=pilot.queue_id).update(entry="none")
    for name, value in answers.items():
        for _ in range(20):
            stage.answer(stage.annotators[name], value, cite=["knowledge"], queue=pilot.queue)
    return pilot


def _draft(stage: cast.Stage) -> SpecVersion:
    return SpecVersion.objects.draft().select_related("spec", "based_on", "project").get(spec=stage.spec)


def test_a_pilot_mixes_with_nothing(stage: cast.Stage) -> None:
    before = measuring.compute(spec=stage.spec)[0].summary.n_answers
    resolutions = Resolution.objects.count()
    pilot = _pilot(stage, _draft(stage), {"dov": "yes", "ben": "no"})
    assert measuring.compute(spec=stage.spec)[0].summary.n_answers == before == 48
    assert (Resolution.objects.count(), Dispute.objects.count()) == (resolutions, 0)
    reading = piloting.read(pilot)
    clause = next(one for one in reading.clauses if one.key == "knowledge")
    assert (reading.n_answers, clause.changed, clause.trial.value, clause.trial.n_items) == (
        40,
        True,
        1.0,
        20,
    )
    assert clause.before is not None
    assert clause.before.value == 0.0
    piloting.end(pilot=pilot, by=stage.ada)
    assert Queue.objects.get(pk=pilot.queue_id).state == "paused"
    with pytest.raises(WrongState):
        piloting.end(pilot=pilot, by=stage.ada)


def test_the_gate_asks_for_a_pilot_of_these_very_words_and_an_owner_goes_past_it_by_name(
    stage: cast.Stage,
) -> None:
    with pytest.raises(releasing.GateFailed, match="word for word"):
        releasing.publish(draft=_draft(stage), by=stage.ada, **WORDS)
    pia = staffing.add_member(project=stage.project, user=cast.user("pia"), roles=["publisher"], by=stage.ada)
    with pytest.raises(NotAllowed, match="owner"):
        releasing.publish(draft=_draft(stage), override_reason="In a hurry.", by=pia, **WORDS)
    version = releasing.publish(draft=_draft(stage), override_reason="In a hurry.", by=stage.ada, **WORDS)
    kept = Publication.objects.get(version=version)
    assert (kept.passed, kept.overridden_by, kept.override_reason) == (False, stage.ada, "In a hurry.")


def test_agreement_passes_the_gate_and_another_word_needs_another_pilot(stage: cast.Stage) -> None:
    _pilot(stage, _draft(stage), {"dov": "yes", "ben": "yes"})
    gate = releasing.gate_of(_draft(stage))
    assert (gate.binding, gate.passed, gate.stops) == (True, True, False)
    _reword(stage, "definition", "Only what every adult reader knows.")
    assert releasing.gate_of(_draft(stage)).stops
    _reword(stage, "definition", "Only what every adult knows.")
    version = releasing.publish(draft=_draft(stage), in_force=[stage.queue], by=stage.ada, **WORDS)
    assert Publication.objects.get(version=version).passed is True
    assert Queue.objects.get(pk=stage.queue.pk).version == version


def test_disagreement_fails_the_gate_and_names_the_clause(stage: cast.Stage) -> None:
    _pilot(stage, _draft(stage), {"dov": "yes", "ben": "no"})
    with pytest.raises(releasing.GateFailed) as refused:
        releasing.publish(draft=_draft(stage), by=stage.ada, **WORDS)
    (check,) = refused.value.details["checks"]
    assert (check["name"], check["clause"]) == ("disagreement", "knowledge")
    governing.change_settings(project=stage.project, gate="off", by=stage.ada)
    assert releasing.publish(draft=_draft(stage), by=stage.ada, **WORDS).number == "2.0.0"


def test_a_patch_that_moves_labels_is_no_patch(stage: cast.Stage) -> None:
    drafting.discard_draft(draft=_draft(stage), by=stage.ada)
    draft = _reword(stage, "notes", "Mind the gap.")
    _pilot(stage, draft, {"dov": "no", "ben": "no"}, sample="random")
    with pytest.raises(Invalid, match="labels moved"):
        releasing.publish(draft=_draft(stage), by=stage.ada, **WORDS)
    gate = releasing.gate_of(_draft(stage))
    assert gate.moved is not None
    assert (gate.moved.before, gate.moved.trial, gate.binding) == (0.0, 1.0, False)


def test_a_pilot_needs_items_people_and_a_draft_without_problems(stage: cast.Stage) -> None:
    with pytest.raises(Invalid, match="falls into"):
        _pilot(stage, _draft(stage), {"ben": "yes", "dov": "yes"}, sample="precedents")
    with pytest.raises(Invalid, match="at least 2 annotators"):
        _pilot(stage, _draft(stage), {"ben": "yes"})
    _reword(stage, "example", "")
    with pytest.raises(Invalid, match="cannot be tried"):
        _pilot(stage, _draft(stage), {"ben": "yes", "dov": "yes"})
    assert not SpecVersion.objects.filter(state="trial").exists()


def test_a_comparison_says_what_a_change_touches_and_costs(stage: cast.Stage) -> None:
    governing.change_settings(project=stage.project, hourly_rate="36.00", currency="CHF", by=stage.ada)
    comparison = comparing.compare(
        SpecVersion.objects.select_related("project").get(pk=stage.version.pk), _draft(stage)
    )
    (row,) = comparison.rows
    assert row.touched == comparing.Touched(48, 24)
    cost = comparison.cost
    assert cost is not None
    assert (cost.n_tasks, cost.n_answers, cost.currency) == (24, 48, "CHF")
    text = comparing.as_markdown(comparison, title="Entailment")
    assert "# Entailment: 1.0.0 → draft" in text
    assert "cited by 48 answers; 24 tasks rest on it" in text
    assert comparison.as_dict()["clauses"][0]["blocks"][0]["title"] == "Definition"


def test_a_comparison_calls_labels_by_their_titles_and_a_renamed_one_changes_no_example(
    stage: cast.Stage,
) -> None:
    def clause(value: str, why: str) -> dict[str, Any]:
        return {
            "title": "A",
            "section": "",
            "blocks": [{"type": "example", "item": "Lyon", "value": value, "why": why}],
            "governs": [{"question": "entailed", "values": [value], "pairs": [["no", "yes"]]}],
        }

    def asked(title: str) -> list[dict[str, Any]]:
        labels = [{"value": "1", "title": title}, {"value": "no", "title": "No"}, {"value": "yes"}]
        return [{"key": "entailed", "title": "Does it follow?", "labels": labels}]

    names = comparing.Names.of(asked("Yes"), asked("It follows"))
    blocks = comparing.blocks(clause("1", "Known."), clause("no", "Known."), names)
    runs = {block.title: block.runs for block in blocks}
    removed = "".join(text for kind, text in runs["Example"] if kind != "added")
    added = "".join(text for kind, text in runs["Example"] if kind != "removed")
    assert removed == "Lyon\n→ It follows (1)\nKnown."
    assert added == "Lyon\n→ No\nKnown."
    governs = "".join(text for kind, text in runs["Governs"] if kind != "removed")
    assert governs == "Does it follow? (entailed): No, No / yes"
    assert comparing.blocks(clause("1", "Known."), clause("1", "Known."), names) == []


def test_questions_and_ratings_are_counted_by_clause_and_private_ones_stay_private(stage: cast.Stage) -> None:
    clause = stage.spec.clauses.get(key="knowledge")
    ben, chi = stage.member("ben"), stage.member("chi")
    public = asking.ask(version=stage.version, clause=clause, text="Whose?", by=ben)
    private = asking.ask(version=stage.version, clause=clause, text="Mine?", public=False, by=ben)
    assert set(asking.visible_to(chi)) == {public}
    assert set(asking.visible_to(ben)) == {public, private} == set(asking.visible_to(stage.ada))
    asking.answer(inquiry=public, text="Everybody's.", by=stage.ada)
    with pytest.raises(WrongState):
        asking.answer(inquiry=public, text="Nobody's.", by=stage.ada)
    for clear in (False, True):
        asking.rate(version=stage.version, clause=clause, clear=clear, by=ben)
    asking.rate(version=stage.version, clause=clause, clear=False, by=chi)
    assert asking.heard(spec_id=stage.spec.pk)[clause.pk] == asking.Heard(1, 2, 1, 1)
    with pytest.raises(Invalid, match="no text"):
        asking.ask(version=stage.version, clause=clause, text=" ", by=ben)


def test_a_pilot_asks_clause_by_clause_whether_it_applies(stage: cast.Stage, client: Client) -> None:
    """The first clause always, the second with Dov alone, the third never; the gate does not read it."""
    draft = _draft(stage)
    pilot = piloting.start(
        draft=draft,
        sample="random",
        asks="clauses",
        n_items=12,
        overlap=2,
        annotators=[stage.dov, stage.ben],
        owner=stage.ada,
        by=stage.ada,
    )
    Queue.objects.filter(pk=pilot.queue_id).update(entry="none")
    asked = pilot.trial.questions
    assert [one["key"] for one in asked] == ["clause_1", "clause_2", "clause_3"]
    assert asked[0]["title"] == "§1 The whole: does it apply?"
    for who, second in ((stage.dov, "applies"), (stage.ben, "not")):
        for _ in range(12):
            served = stage.claim(who, pilot.queue)
            stage.submit(who, served, {"clause_1": "applies", "clause_2": second, "clause_3": "not"})
    reading = piloting.read(pilot)
    assert (reading.n_answers, reading.clauses, reading.moved) == (24, [], None)
    assert reading.criteria is not None
    found = {clause.key: one for clause, one in reading.criteria.clauses}
    assert [found[key].activation.value for key in ("whole", "knowledge", "numbers")] == [1, 0.5, 0]
    assert [found[key].near_tie.value for key in ("whole", "knowledge", "numbers")] == [0, 1, 0]
    assert (found["whole"].agreement.value, found["knowledge"].agreement.value) == (1, 0)
    assert reading.criteria.overlaps == []
    assert (reading.criteria.none.value, reading.criteria.several.value) == (0, 0)
    assert piloting.is_of(pilot, draft)
    assert piloting.newest_for(draft) is None
    assert releasing.gate_of(draft).pilot is None
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    page = client.get(f"/p/rte/specs/rte/pilots/{pilot.pk}/").content.decode()
    assert "Clause by clause: does it apply?" in page
    assert "says nothing about what stands there now" not in page
    assert pilot.queue.name not in client.get("/p/rte/agreement/").content.decode()
    rest = stage.client(stage.ada)()
    whole = rest.get(f"/api/v1/projects/rte/specs/rte/pilots/{pilot.pk}").json()
    assert whole["asks"] == "clauses"
    assert whole["reading"]["criteria"]["clauses"][1]["near_tie"]["value"] == 1
    draft = _reword(stage, "definition", "Something else again.")
    assert not piloting.is_of(pilot, draft)


def test_too_many_clauses_are_not_asked_one_by_one(stage: cast.Stage, settings: Any) -> None:
    settings.MAX_QUESTIONS = 1
    only = criteria.questions(_draft(stage), changed=["knowledge"])
    assert [one["key"] for one in only] == ["clause_2"]
    with pytest.raises(Invalid, match="here 2 would be asked"):
        criteria.questions(_draft(stage), changed=["knowledge", "whole"])
    with pytest.raises(Invalid, match="asks questions or clauses"):
        piloting.start(
            draft=_draft(stage),
            sample="random",
            asks="nothing",
            n_items=1,
            annotators=[stage.ben, stage.dov],
            overlap=2,
            owner=stage.ada,
            by=stage.ada,
        )
