"""The promises that need no long story, one by one: INV-5, INV-6, INV-16, INV-18, INV-19, INV-20, INV-22."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import Error, connection, connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from kombu import pools

from annotation import adjudicating, exporting, submitting
from annotation.models import Annotation, Dispute, LateAnswer, Resolution, Ruling
from specs import delivering
from specs.models import Delivery, Role
from specs.refusals import Refusal
from tests import cast
from workforce import leasing, staffing
from workforce.models import Annotator, Assignment


@pytest.mark.django_db
def test_no_link_of_the_database_removes_what_it_leads_to() -> None:
    """INV-16: of all foreign keys, those in SQL as well, none cascades or blanks a column of a table of ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT conrelid::regclass::text, conname FROM pg_constraint
               WHERE contype = 'f' AND confdeltype IN ('c', 'n', 'd') AND connamespace = 'public'::regnamespace
                 AND conrelid::regclass::text ~ '^(specs|workforce|annotation)_'"""
        )
        assert cursor.fetchall() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "table",
    ["auth_user", "specs_member", "specs_spec", "specs_specversion", "specs_clause", "specs_project", "workforce_annotator",
     "workforce_item", "workforce_load", "workforce_queue", "workforce_task", "workforce_assignment"],
)  # fmt: skip
def test_removing_anything_removes_no_answer(table: str) -> None:
    """INV-16: by plain SQL as the application's role, whatever the code above it thinks."""
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except Error:
        pass
    assert Annotation.objects.count() == 1


def test_of_six_leads_at_once_one_rules_on_each_dispute(committed_db: None) -> None:
    """INV-18: the others get a refusal that is a conflict, and nothing of theirs is kept."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(3)
    for _ in range(3):
        stage.answer(stage.ben, "yes")
        stage.answer(stage.chi, "no")
    disputes = list(Dispute.objects.order_by("pk"))
    leads = [
        staffing.add_member(
            project=stage.project, user=cast.user(f"lead{n}"), roles=[Role.LEAD], by=stage.ada
        )
        for n in range(6)
    ]
    assert stage.queue.adjudication_queue is not None
    people: dict[int, Annotator] = {}
    for lead in leads:
        people[lead.pk] = staffing.annotator_for(member=lead)
        staffing.enrol(queue=stage.queue.adjudication_queue, annotator=people[lead.pk], by=stage.ada)

    def rule_on_all(lead: Any) -> list[str]:
        told = []
        try:
            for dispute in disputes:
                try:
                    served = adjudicating.take(dispute=dispute, annotator=people[lead.pk], by=lead)
                    adjudicating.rule(
                        dispute=dispute,
                        annotator=people[lead.pk],
                        assignment_id=served.assignment_id,
                        token=served.token,
                        values={"entailed": "no"},
                        cause="annotator-erred",
                        by=lead,
                    )
                    told.append("ruled")
                except Refusal as refusal:
                    told.append(str(refusal.status))
        finally:
            connections.close_all()
        return told

    with ThreadPoolExecutor(6) as pool:
        told = [one for some in pool.map(rule_on_all, leads) for one in some]
    assert (told.count("ruled"), set(told) - {"ruled"}) == (3, {"409"})
    assert Ruling.objects.count() == Resolution.objects.count() == 3


@pytest.fixture
def nowhere(settings: Any) -> Iterator[None]:
    """No Redis: neither cache nor broker."""
    settings.CACHES = {
        "default": {
            "BACKEND": "annotation.config.cache.ForgivingCache",
            "LOCATION": "unix:///nowhere/redis.sock",
        }
    }
    before = current_app.conf.broker_url
    _use_broker("redis+socket:///nowhere/redis.sock")
    yield
    _use_broker(before)


def _use_broker(url: str) -> None:
    """Celery keeps lines to the broker it knows, and what was closed it would take for open."""
    current_app.conf.broker_url = url
    pools.reset()
    current_app._after_fork()


@pytest.mark.django_db
def test_work_goes_on_without_redis(nowhere: None) -> None:
    """INV-20: claim, answer, rule and freeze a snapshot; a job that is asked for waits as a row."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(2)
    root = "/api/v1/projects/rte"
    for name, value in (("ben", "yes"), ("chi", "no")):
        client = stage.client(stage.member(name))()
        lease = client.post(f"{root}/queues/main/claim").json()
        body = {"token": lease["token"], "values": {"entailed": value}}
        reply = client.post(
            f"{root}/assignments/{lease['assignment']}/submit",
            json.dumps(body),
            content_type="application/json",
            headers={"idempotency-key": f"without-redis-{name}"},
        )
        assert (reply.status_code, reply.json()["outcome"]) == (200, "counted")
    cast.ruled(stage, Dispute.objects.get())
    snapshot = exporting.request(project=stage.project, version=stage.version, name="s", by=stage.ada)
    assert exporting.build(snapshot_id=snapshot.pk).n_rows == 1


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [-1, 1])
def test_only_the_clock_of_the_database_decides_about_leases(
    monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """INV-22, INV-5: a process whose clock is an hour off gives leases of the right length and ends the right ones."""
    truth, moved = time.time, timedelta(hours=hours)
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(2)
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + moved)
    monkeypatch.setattr(time, "time", lambda: truth() + moved.total_seconds())
    served = stage.claim(stage.ben)
    assert served.lease_until - served.leased_at == timedelta(minutes=30)
    assert timedelta(0) <= leasing.database_now() - served.leased_at < timedelta(minutes=1)
    assert leasing.return_expired() == 0
    assert stage.submit(stage.ben, served, {"entailed": "yes"}).outcome == "counted"
    late = stage.claim(stage.ben)
    ended = leasing.database_now() - timedelta(seconds=1)
    Assignment.objects.filter(pk=late.assignment_id).update(
        leased_at=ended - timedelta(hours=1), lease_until=ended
    )
    assert stage.claim(stage.chi).assignment_id == late.assignment_id
    receipt = stage.submit(stage.ben, late, {"entailed": "yes"})
    assert (receipt.outcome, LateAnswer.objects.get().token) == ("late", late.token)


@pytest.mark.django_db
def test_what_was_sent_and_not_noted_is_sent_again_under_the_same_event() -> None:
    """INV-19: a worker that dies between the network and its note leaves a delivery that is due again; never one lost."""
    stage = cast.stage()
    with transaction.atomic():
        delivering.mail(member=stage.ada, topic="alert.raised", event_id=7, subject="An alert", text="Look.")
    with transaction.atomic():
        delivering.mail(member=stage.ada, topic="alert.raised", event_id=8, subject="An alert", text="Look.")
        transaction.set_rollback(True)
    (row,) = Delivery.objects.all()
    assert (row.event_id, row.state) == (7, "waiting")
    assert delivering.send_due() == 1
    assert delivering.send_due() == 0
    with transaction.atomic():
        delivering.mail(member=stage.ada, topic="alert.raised", event_id=7, subject="An alert", text="Look.")
    assert Delivery.objects.count() == 1


@pytest.mark.django_db
def test_a_late_answer_is_there_for_its_author_and_for_leads() -> None:
    """INV-5: not discarded, not counted, and what it says is kept as it was given."""
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    lost = stage.claim(stage.ben)
    leasing.release(assignment_id=lost.assignment_id, annotator=stage.ben, token=lost.token, by=None)
    stage.answer(stage.chi, "no")
    receipt = submitting.submit(
        annotator=stage.ben,
        assignment_id=lost.assignment_id,
        token=lost.token,
        answer=submitting.Answer({"entailed": "yes"}, {}),
        client_key="late-but-kept",
        by=None,
    )
    kept = LateAnswer.objects.get()
    assert (receipt.outcome, kept.values, kept.annotator_id) == ("late", {"entailed": "yes"}, stage.ben.pk)
    assert list(Annotation.objects.values_list("annotator", flat=True)) == [stage.chi.pk]
    for who, address in (
        (stage.member("ben"), reverse("annotation:about-me", args=["rte"])),
        (stage.ada, reverse("annotation:annotator", args=["rte", stage.ben.pseudonym])),
    ):
        client = Client()
        client.force_login(who.user)  # type: ignore[arg-type]
        shown = client.get(address)
        [one] = shown.context["late"]
        assert (one.item, one.said) == ("item-0", [("Does it follow?", "Yes")])
        assert "Came too late" in shown.content.decode()
