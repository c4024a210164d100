"""Rulings: never by whoever answered, complete or refused, appended."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import Http404

from annotation import adjudicating, choosing, shadowing, sides
from annotation.models import Dispute, Precedent, Resolution, Ruling
from specs import versions
from specs.models import Role
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from workforce import leasing, staffing
from workforce.models import Annotator, Task

pytestmark = pytest.mark.django_db


def _disputed() -> tuple[cast.Stage, Dispute, Annotator]:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(1)
    stage.answer(stage.ben, "yes", cite=["whole"])
    stage.answer(stage.chi, "no", cite=["no-clause-fits"])
    dispute = Dispute.objects.select_related("work__queue", "task").get()
    lead = staffing.annotator_for(member=stage.ada)
    assert dispute.work is not None
    staffing.enrol(queue=dispute.work.queue, annotator=lead, by=stage.ada)
    return stage, dispute, lead


def test_a_ruling_resolves_the_task_and_names_cause_and_clause() -> None:
    stage, dispute, _ = _disputed()
    ruling = cast.ruled(stage, dispute, precedent=True)
    resolution = Resolution.objects.get()
    assert (resolution.value, resolution.basis, resolution.ruling) == ("no", "ruling", ruling)
    assert resolution.distribution == {"yes": 1, "no": 1}
    assert Task.objects.get(pk=dispute.task_id).state == "resolved"
    assert Precedent.objects.get().clause.key == "knowledge"


def test_the_sides_show_letters_and_citations_and_no_names() -> None:
    stage, dispute, _ = _disputed()
    there = sides.of(dispute, versions.read(stage.version.pk))["entailed"]
    assert sorted(letter for side in there for letter in side.letters) == ["A", "B"]
    assert sorted(name for side in there for names in side.citations.values() for name in names) == [
        "no clause fits",
        "§1",
    ]


def test_whoever_answered_cannot_rule() -> None:
    stage, dispute, _ = _disputed()
    staffing.set_roles(member=stage.member("ben"), roles=[Role.ANNOTATOR, Role.LEAD], by=stage.ada)
    assert dispute.work is not None
    staffing.enrol(queue=dispute.work.queue, annotator=stage.ben, by=stage.ada)
    with pytest.raises(NotAllowed, match="answered"):
        adjudicating.take(dispute=dispute, annotator=stage.ben, by=stage.member("ben"))
    assert leasing.claim(queue_id=dispute.work.queue_id, annotator=stage.ben, by=None) is None
    where: dict[str, Any] = {"member": stage.member("ben"), "project": stage.project}
    assert choosing.open_of(**where, asked=choosing.Asked(), limit=9) == []
    with pytest.raises(Http404):
        shadowing.get(**where, number=dispute.pk)


@pytest.mark.parametrize(
    "changed",
    [
        {"cause": "weather"},
        {"reason": " "},
        {"clause_key": ""},
        {"clause_key": "no-such"},
        {"values": {}},
        {"values": {"entailed": "maybe"}},
        {"values": {"entailed": "no", "other": "x"}},
        {"cause": "annotator-erred", "reason": "", "precedent": True},
    ],
)
def test_an_incomplete_ruling_is_refused_and_the_dispute_stays_open(changed: dict[str, object]) -> None:
    stage, dispute, _ = _disputed()
    with pytest.raises(Invalid):
        cast.ruled(stage, dispute, **changed)
    dispute.refresh_from_db()
    assert dispute.state == "open"
    assert not Ruling.objects.exists()


def test_a_second_ruling_meets_a_clear_conflict() -> None:
    stage, dispute, lead = _disputed()
    served = adjudicating.take(dispute=dispute, annotator=lead, by=stage.ada)
    cast.ruled(stage, dispute)
    with pytest.raises((WrongState, leasing.LeaseLost)):
        adjudicating.rule(
            dispute=dispute,
            annotator=lead,
            assignment_id=served.assignment_id,
            token=served.token,
            values={"entailed": "yes"},
            cause="annotator-erred",
            by=stage.ada,
        )
    assert Ruling.objects.count() == 1
