"""Entries are what their items are: after every transition, read from events, as if everything had been read anew."""

from __future__ import annotations

import pytest
from django.db import connection

from annotation import cataloguing
from annotation.models import LiveEntry, LiveEntrySweep
from tests import cast
from tests.furnished import furnish

pytestmark = pytest.mark.django_db


def _facets(stage: cast.Stage, key: str) -> set[str]:
    found = LiveEntry.objects.get(project=stage.project, key=key)
    return {facet.partition(" ")[2] for facet in found.facets}


def _caught_up(stage: cast.Stage) -> None:
    assert cataloguing.catch_up(project_id=stage.project.pk, seconds=60).whole


def _entries() -> list[tuple[object, ...]]:
    rows = LiveEntry.objects.order_by("item")
    return list(
        rows.values_list("item", "key", "facets", "n_answers", "disagreement", "priority", "changed_at")
    )


def test_an_entry_follows_its_item() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(2)
    _caught_up(stage)
    main = stage.queue.pk
    assert _facets(stage, "item-0") == {
        "p",
        "e none",
        "s open",
        f"q {main}",
        f"qs {main} open",
        "f text=text 0",
    }
    clause = stage.spec.clauses.get(key="whole").pk
    stage.answer(stage.ben, "yes", cite=["whole"])
    _caught_up(stage)
    assert {f"A {stage.ben.pk}", "V entailed=yes", f"C {clause}"} <= _facets(stage, "item-0")
    stage.answer(stage.chi, "yes")
    _caught_up(stage)
    found = _facets(stage, "item-0")
    assert {
        f"a {stage.ben.pk}",
        f"a {stage.chi.pk}",
        "v entailed=yes",
        f"c {clause}",
        "l entailed=yes",
        "s resolved",
    } <= found
    assert not {facet for facet in found if facet[0] in "AVC"}
    entry = LiveEntry.objects.get(key="item-0")
    assert (entry.n_answers, entry.disagreement) == (2, 0)


def test_the_answers_of_an_independent_dispute_are_not_found_while_it_is_open() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    type(stage.queue).objects.filter(purpose="adjudication").update(independent_share=1)
    stage.load(1)
    stage.answer(stage.ben, "yes", cite=["whole"])
    stage.answer(stage.chi, "no")
    _caught_up(stage)
    found = _facets(stage, "item-0")
    assert "s disputed" in found
    assert not {facet for facet in found if facet[0] in "AVCavc"}


def test_after_everything_that_happens_entries_are_as_if_read_anew() -> None:
    stage = furnish("rte", versions=2).stage
    _caught_up(stage)
    followed = _entries()
    assert len(followed) > 8
    LiveEntry.objects.all().delete()
    cataloguing.sweep_all(project_id=stage.project.pk)
    _caught_up(stage)
    assert _entries() == followed
    assert not LiveEntrySweep.objects.exists()


def test_a_part_that_was_cut_off_is_swept_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cataloguing, "AT_ONCE", 3)
    stage = cast.stage()
    stage.load(8)
    assert not cataloguing.catch_up(project_id=stage.project.pk, seconds=0).whole
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM annotation_liveentry")
    cataloguing.sweep_all(project_id=stage.project.pk)
    assert cataloguing._sweep(stage.project.pk) == 3
    assert LiveEntry.objects.count() == 3
    assert cataloguing.catch_up(project_id=stage.project.pk, seconds=60).whole
    assert LiveEntry.objects.count() == 8
