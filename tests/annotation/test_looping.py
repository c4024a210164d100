"""The loop on a planted world: the product finds what was planted, and what follows from it holds."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from annotation.demo import planted
from annotation.demo.looping import Loop
from annotation.management.commands.simulate_loop import table
from specs.refusals import Invalid


def test_the_world_is_decided_by_its_seed_alone_and_errs_as_often_as_it_says() -> None:
    world, people = planted.World(3), [f"p{k}" for k in range(8)]
    items = [world.item(k) for k in range(1500)]
    assert world.planted == planted.World(3).planted != planted.World(4).planted
    given = [
        (item, *world.answer(people[0], people, item, amended=frozenset(), time="first")) for item in items
    ]
    cited = [(item, clause) for item, _, clause in given if clause]
    assert 0.17 < len(cited) / len(items) < 0.23
    assert 0.2 < sum(item.clause != clause for item, clause in cited) / len(cited) < 0.4
    for clause in world.planted:
        assert sum(world.second_reading(name, people, clause) for name in people) == 4
    rulings = [world.ruling(item, amended=frozenset(), time="first") for item in items]
    assert 0.07 < sum(not ruling["clause"] for ruling in rulings) / len(rulings) < 0.13
    amended = [
        world.answer(people[0], people, item, amended=frozenset(world.planted), time="a") for item in items
    ]
    assert (
        sum(label == item.label for item, (label, _) in zip(items, amended, strict=True)) / len(items) > 0.9
    )


def test_both_planted_clauses_are_flagged_and_their_amendment_pays(
    committed_db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("simulate_loop", seed=1, items=450, fresh=300, json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["as_planted"], found["flagged"]
    for one in found["agreement"].values():
        assert one["change"][2] < 0
    assert found["relabelled_share"] < 0.25
    assert found["gold_accuracy"]["after"] > found["gold_accuracy"]["before"]
    assert found["plan"]["missed"] <= found["plan"]["missed_at_most"]
    assert "Flips missed in truth" in table(found)
    with pytest.raises(Invalid):
        Loop(1, 450, 300)
    with pytest.raises(CommandError):
        call_command("simulate_loop", seed=1, items=1)
