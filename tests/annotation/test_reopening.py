"""A ruling that an answer came after is decided again; without such an answer, or without a reason, it stands."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from annotation import deferring, reopening
from annotation.models import Annotation, Dispute, Reopening, Resolution, Ruling
from specs import ledger
from specs.models import Event
from specs.refusals import Invalid, WrongState
from tests import cast
from tests.cast import user_of

pytestmark = pytest.mark.django_db
API = "/api/v1/projects/rte/disputes"


def _ruled() -> tuple[cast.Stage, Ruling]:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(1)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no")):
        stage.answer(who, value)
    return stage, cast.ruled(stage, Dispute.objects.get())


def _another(answer: Annotation) -> None:
    """The next revision of an answer, as a correction after the ruling leaves it."""
    fields = {field.attname: getattr(answer, field.attname) for field in Annotation._meta.concrete_fields}
    event = ledger.record(
        project_id=answer.project_id,
        kind="annotation.revised",
        by=answer.annotator.member,
        subject=("assignment", answer.assignment_id),
        data={},
    )
    changed = {"id": None, "revision": 2, "client_key": "again", "values": {"entailed": "no"}}
    del fields["recorded_at"]
    Annotation.objects.create(**fields | changed | {"event_id": event})


def test_a_stale_ruling_is_decided_again_by_any_lead_and_the_label_stands_till_then() -> None:
    stage, ruling = _ruled()
    dispute = ruling.dispute
    with pytest.raises(WrongState, match="No answer came"):
        reopening.reopen(dispute=dispute, reason="Again.", by=stage.ada)
    _another(Annotation.objects.order_by("pk")[0])
    with pytest.raises(Invalid):
        reopening.reopen(dispute=dispute, reason=" ", by=stage.ada)
    made = reopening.reopen(dispute=dispute, reason="Ben says no now.", by=stage.ada)
    assert (made.n_later, made.ruling, Dispute.objects.get().state) == (1, ruling, "open")
    assert Resolution.objects.current().get().value == "no"
    with pytest.raises(WrongState):
        reopening.reopen(dispute=dispute, reason="Twice.", by=stage.ada)
    second = cast.ruled(stage, dispute, values={"entailed": "yes"})
    assert (Resolution.objects.current().get().value, second.annotator) == ("yes", ruling.annotator)
    with pytest.raises(WrongState, match="No answer came"):
        reopening.reopen(dispute=dispute, reason="Again.", by=stage.ada)
    with pytest.raises(IntegrityError, match="ruling_reopened_once"), transaction.atomic():
        Reopening.objects.create(
            project=stage.project,
            dispute=dispute,
            ruling=ruling,
            by=stage.ada,
            reason="Twice.",
            n_later=1,
            event_id=1,
        )


def test_what_is_opened_again_is_not_sent_back_for_more_answers() -> None:
    stage, ruling = _ruled()
    _another(Annotation.objects.order_by("pk")[0])
    reopening.reopen(dispute=ruling.dispute, reason="Ben says no now.", by=stage.ada)
    api = stage.client(stage.ada)()
    lease = api.post(f"{API}/{ruling.dispute_id}/claim").json()
    with pytest.raises(WrongState):
        deferring.ask_more(
            dispute=ruling.dispute,
            annotator=ruling.annotator,
            assignment_id=lease["assignment"],
            token=lease["token"],
            n=1,
            by=stage.ada,
        )


def test_it_is_opened_again_by_page_and_by_rest(client: Client) -> None:
    stage, ruling = _ruled()
    there = f"/p/rte/disputes/{ruling.dispute_id}/"
    client.force_login(user_of(stage.ada))
    api = stage.client(stage.ada)()
    assert api.get(f"{API}/{ruling.dispute_id}").json()["later"] == 0
    assert "Open it again" not in client.get(there).text
    _another(Annotation.objects.order_by("pk")[0])
    assert api.get(f"{API}/{ruling.dispute_id}").json()["later"] == 1
    assert "Open it again" in client.get(there).text
    assert client.post(f"{there}reopen/", {"reason": ""}).status_code == 422
    assert client.post(f"{there}reopen/", {"reason": "Ben says no now."}).status_code == 302
    shown = client.get(there).text
    assert "Ben says no now." in shown
    assert "It does not say whose." not in shown  # the first ruling is not before whoever decides
    again = api.post(f"{API}/{ruling.dispute_id}/reopen", {"reason": "Twice."}, "application/json")
    assert again.status_code == 409
    event = Event.objects.get(kind="dispute.reopened")
    assert event.data == {"task": ruling.dispute.task_id, "ruling": ruling.pk, "later": 1}
