"""A house in which every background job has something to do, for tests that run each of them in many ways."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from django.db import connection
from django.test import override_settings

from annotation import (
    asking,
    changing_many,
    contrasting,
    export_terms,
    exporting,
    histories,
    jobs,
    measuring,
    relabelling,
    scoping,
    slicing,
)
from annotation.models import AgreementReport, AnswerDraft, BulkChange, BulkState, RelabelPlan
from specs import delivering, drafting, incoming, running, store
from specs.models import Delivery, Job, JobState, Role, StoredReply, Subscriber
from tests import cast
from workforce import (
    assigning,
    degrading,
    goldkeeping,
    loading,
    paths,
    people_rules,
    predicting,
    queues,
    reordering,
    skipping,
    staffing,
    suspending,
)
from workforce.models import Item, Queue, StagedRow, Task

AGED = (
    "UPDATE workforce_assignment SET leased_at = now() - interval '2 hours', lease_until = now() - interval '1 hour' "
    "WHERE state = 'leased'",
    "UPDATE workforce_assignment SET reserved_until = now() - interval '1 hour' WHERE state = 'reserved'",
    "UPDATE workforce_hold SET held_at = now() - interval '3 days', until = now() - interval '1 hour'",
    "UPDATE specs_suspension SET started_at = now() - interval '2 hours', until = now() - interval '1 hour'",
    "UPDATE workforce_degradation SET began_at = now() - interval '2 hours', until = now() - interval '1 hour'",
    "UPDATE workforce_queue SET created_at = now() - interval '5 hours', gold_age = interval '90 days'",
    "UPDATE workforce_knownanswer SET created_at = now() - interval '400 days'",
    "UPDATE workforce_load SET loaded_at = now() - interval '400 days' WHERE state <> 'reading'",
    "UPDATE workforce_enrolment SET stage_since = now() - interval '9 days' WHERE stage <> ''",
    "UPDATE workforce_signal SET expires_at = now() - interval '1 hour'",
    "UPDATE workforce_arrival SET at = now() - interval '400 days'",
    "UPDATE specs_storedreply SET created_at = now() - interval '400 days'",
    "UPDATE annotation_answerdraft SET saved_at = now() - interval '400 days'",
    "UPDATE workforce_task SET created_at = now() - interval '401 days', settled_at = now() - interval '400 days' "
    "WHERE id IN (SELECT task_id FROM annotation_answerdraft)",
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1000000) FROM pg_sequences",
)
"""What makes time pass in the scene, as its superuser. New rows have numbers from a million on, so that they can be told."""


def build() -> dict[str, list[int]]:
    """Set the scene; returns what the jobs with a row of their own are called with."""
    stage = cast.stage("jobs", overlap=2, max_overlap=2, max_returns=1)
    stage.load(8)
    for who, value in ((stage.ben, "yes"), (stage.chi, "yes"), (stage.ben, "yes"), (stage.chi, "no")):
        stage.answer(who, value)
    ended = Task.objects.filter(queue=stage.queue, state="resolved")[0]
    AnswerDraft.objects.create(project=stage.project, annotator=stage.dov, task=ended, values={})
    _holds_and_leases(stage)
    _people(stage)
    _messages(stage)
    rows = b'{"key": "known-1", "value": "yes", "text": "t"}'
    goldkeeping.bring_in(spec=stage.spec, source=io.BytesIO(rows), name="gold", by=stage.ada)
    for alpha in (0.9, 0.3):
        numbers = {"alpha": {"value": alpha, "low": alpha - 0.1, "high": alpha + 0.1}}
        AgreementReport.objects.create(
            project=stage.project, spec=stage.spec, queue=stage.queue, meaning=1, question="entailed",
            numbers=numbers, event_id=0,
        )  # fmt: skip
    Job.objects.create(
        project=stage.project, kind="measure", state=JobState.FAILED, finished_at=_now(), error="x"
    )
    _asked_again()
    return {**_loads(stage), **_others(stage), "specs.read_document": [_document(stage)]}


def _holds_and_leases(stage: cast.Stage) -> None:
    """A lease that ran out, a task that waits for an answer, one that is kept for somebody, one that came back too often."""
    served = stage.claim(stage.ben)
    asking.ask_and_hold(
        assignment_id=served.assignment_id, annotator=stage.ben, token=served.token, clause_key="whole", text="How?",
        by=stage.member("ben"),
    )  # fmt: skip
    skipped = stage.claim(stage.dov)
    skipping.skip(
        assignment_id=skipped.assignment_id,
        annotator=stage.dov,
        token=skipped.token,
        reason="unknown",
        by=stage.member("dov"),
    )
    stage.claim(stage.dov)
    later = Task.objects.filter(queue=stage.queue).order_by("-pk")[0]
    assigning.assign(
        queue=stage.queue, task_ids=[later.pk], annotator=stage.chi, keep=timedelta(hours=1), by=stage.ada
    )


def _people(stage: cast.Stage) -> None:
    """Somebody whose suspension is over, a rule that finds somebody, a measure against a rush that has had its time."""
    gus = staffing.add_member(
        project=stage.project, user=cast.user("gus"), roles=[Role.ANNOTATOR], by=stage.ada
    )
    suspending.suspend(member=gus, reason="Shared.", until=_now() + timedelta(hours=1), by=stage.ada)
    rule = people_rules.create(
        project=stage.project, by=stage.ada, name="Skips", metric="skips", last_answers=50, minimum=1, above=True,
        threshold=0.01, action="notify", confirm=False, sure=False, reason="Skips.",
    )  # fmt: skip
    people_rules.switch(rule=rule, on=True, by=stage.ada)
    degrading.begin(
        queue=stage.queue, measure="priority", lasting=timedelta(hours=1), reason="A rush.", by=stage.ada
    )


def _messages(stage: cast.Stage) -> None:
    event = running.start(project=stage.project, kind="measure", arguments={}, by=stage.ada).pk
    Job.objects.filter(pk=event).update(state=JobState.DONE)
    Subscriber.objects.create(
        project=stage.project,
        name="w",
        url="https://example.org/",
        topics=["alert.raised"],
        nonce="n",
        made_by=stage.ada,
    )
    delivering.tell(project_id=stage.project.pk, topic="alert.raised", event_id=1, body={"n": 1})
    for number in range(3):
        delivering.mail(
            member=stage.ada, topic="alert.raised", event_id=number, subject="An alert", text="Look."
        )
    assert Delivery.objects.count() == 4
    StoredReply.objects.create(member=stage.ada, route="r", key="k", body_digest="d", status=200, reply={})


def _loads(stage: cast.Stage) -> dict[str, list[int]]:
    """A delivery and a file of predictions that wait for their jobs, and scratch rows of a load that was refused."""
    rows = [{"key": f"new-{k}", "text": f"new text {k}"} for k in range(12)]
    with _kept(rows) as (digest, _):
        load = loading.in_a_job(
            project=stage.project,
            queue=stage.queue,
            file=digest,
            name="items.jsonl",
            by=stage.ada,
            twins="leave_out",
        )
    said = [{"key": f"item-{k}", "value": "yes", "model": "m"} for k in range(6)]
    with _kept(said) as (digest, _):
        arguments = {
            "spec": stage.spec.pk,
            "file": digest,
            "name": "p.jsonl",
            "model": "",
            "model_version": "",
        }
        predictions = running.start(
            project=stage.project, kind=predicting.JOB, arguments=arguments, by=stage.ada
        )
    StagedRow.objects.create(
        project=stage.project, load_number=_first_load(stage), line=1, key="k", payload={}, digest="d"
    )
    assert load.job_id is not None
    return {loading.JOB: [load.job_id], predicting.JOB: [predictions.pk], histories.JOB: [_history(stage)]}


def _history(stage: cast.Stage) -> int:
    """An export of another tool that waits for its job, and signals whose time is over."""
    over = b'{"key": "signal-1", "text": "t", "happened_at": "2026-01-01T00:00:00"}'
    loading.load(
        project=stage.project, queue=stage.queue, source=io.BytesIO(over), name="thumbs.jsonl", by=stage.ada, signals=True,
        signal_source="chat", signal_reason="random", signal_probability=0.01, signal_hours=80000,
    )  # fmt: skip
    said = {"from_name": "entailed", "to_name": "text", "type": "choices", "value": {"choices": ["yes"]}}
    made = {"completed_by": 1, "result": [said], "created_at": "2026-01-02T03:04:05Z"}
    export = [{"id": k, "data": {"text": f"Old {k}."}, "annotations": [made]} for k in range(3)]
    with store.writing() as scratch:
        scratch.write(json.dumps(export).encode())
        digest, _ = store.keep(scratch)
    arguments = {"spec": stage.spec.pk, "file": digest, "control": "", "sensitive": False}
    return running.start(project=stage.project, kind=histories.JOB, arguments=arguments, by=stage.ada).pk


def _others(stage: cast.Stage) -> dict[str, list[int]]:
    """A snapshot, a measurement, a queue whose overlap was raised, and one that learns from its answers."""
    snapshot = exporting.request(project=stage.project, version=stage.version, name="s", by=stage.ada)
    wide = _queue(stage, "wide", overlap=2, max_overlap=4)
    stage.load(7, start=100, queue=wide)
    stage.answer(stage.ben, "yes", queue=wide)
    stage.claim(stage.chi, wide)
    measuring.measure(spec=stage.spec, by=stage.ada)  # whose evidence nobody has gathered yet
    queues.change_settings(queue=wide, overlap=3, by=stage.ada)
    newcomers = _queue(stage, "newcomers", people=())
    paths.lay(queue=newcomers, path={"probation": {"wanted": 0, "days": 3, "share": 0.5}}, by=stage.ada)
    staffing.enrol(queue=newcomers, annotator=stage.dov, by=stage.ada)
    learning = _queue(stage, "learning", overlap=2, max_overlap=4, overlap_policy="dynamic")
    stage.load(22, start=200, queue=learning)
    for number in range(22):
        stage.answer(stage.ben, "yes", queue=learning)
        stage.answer(stage.chi, "yes" if number % 4 else "no", queue=learning)
    wanted: dict[str, dict[str, Any]] = {
        jobs.BUILD: {"snapshot": snapshot.pk},
        contrasting.JOB: _two_frozen(stage),
        jobs.MEASURE: {"spec": stage.spec.pk},
        slicing.JOB: slicing.arguments(scoping.of(spec=stage.spec), by="label"),
        jobs.CHANGE_OVERLAP: {"queue": wide.pk},
        jobs.LEARN: {"queue": learning.pk},
        reordering.JOB: {"queue": wide.pk, "priority": 900, "field": "text", "value": "text 103"},
        changing_many.JOB: {"change": _changed(stage), "by": stage.ada.pk},
    }
    return {
        kind: [running.start(project=stage.project, kind=kind, arguments=arguments, by=stage.ada).pk]
        for kind, arguments in wanted.items()
    } | {jobs.HELP_BUILD: [_placed(stage)]}


def _changed(stage: cast.Stage) -> int:
    """A change of many items that was begun, in several parts, and whose job has not run."""
    items = list(Item.objects.filter(project=stage.project).order_by("pk").values_list("pk", flat=True)[:5])
    change = changing_many.propose(kind="tag", given={"tag": "odd"}, items=items, by=stage.ada)
    BulkChange.objects.filter(pk=change.pk).update(state=BulkState.RUNNING)
    return change.pk


def _asked_again() -> None:
    """A project of its own, whose sample of a relabelling has come back and was not looked at yet."""
    stage = cast.stage("again", overlap=1, max_overlap=1)
    stage.load(8)
    for _ in range(8):
        stage.answer(stage.ben, "yes")
    plan = relabelling.propose(queue=stage.queue, to_version=cast.amend(stage), by=stage.ada)
    relabelling.confirm(plan=plan, tolerated=0.2, reason="Only words.", by=stage.ada)
    again = RelabelPlan.objects.get(pk=plan.pk).relabel_queue
    assert again is not None
    queues.change_settings(queue=again, by=stage.ada, entry="none", **cast.QUIET)
    for served in stage.claims(stage.chi, again):
        stage.submit(stage.chi, served, {"entailed": "yes"})


def _two_frozen(stage: cast.Stage) -> dict[str, int]:
    frozen = []
    for rule in ("settled", "majority"):
        asked = exporting.request(
            project=stage.project,
            version=stage.version,
            name=rule,
            terms=export_terms.Terms(rule=rule),
            by=stage.ada,
        )
        frozen.append(exporting.build(snapshot_id=asked.pk).pk)
    return {"old": frozen[0], "new": frozen[1]}


def _placed(stage: cast.Stage) -> int:
    """A snapshot whose rows have their places, in several parts that nobody writes yet."""
    with override_settings(SNAPSHOT_PART_ROWS=10):
        asked = exporting.request(
            project=stage.project,
            version=stage.version,
            name="parts",
            terms=export_terms.Terms(bases=[*export_terms.BASES]),
            by=stage.ada,
        )
    assert exporting.place(asked) > 1
    return asked.pk


def _document(stage: cast.Stage) -> int:
    drafting.open_draft(spec=stage.spec, by=stage.ada)
    text = b"# Guide\n\n## Names\n\nA name is a name.\n\n## Places\n\nA place is a place.\n"
    taken = incoming.take(
        project=stage.project,
        data=text,
        name="guide.md",
        what="guideline",
        key=stage.spec.key,
        in_job=True,
        by=stage.ada,
    )
    assert taken.job is not None
    return taken.job.pk


def _queue(
    stage: cast.Stage, key: str, *, people: Iterable[str] = ("ben", "chi", "dov"), **named: Any
) -> Queue:
    made = queues.create_queue(
        project=stage.project, key=key, name=key, spec=stage.spec, owner=stage.ada, by=stage.ada, entry="none",
        citing="never", **cast.QUIET, **named,
    )  # fmt: skip
    for name in people:
        staffing.enrol(queue=made, annotator=stage.annotators[name], by=stage.ada)
    return made


def _first_load(stage: cast.Stage) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id) FROM workforce_load WHERE state = 'loaded'")
        return int(cursor.fetchone()[0])


@contextmanager
def _kept(rows: list[dict[str, str]]) -> Iterator[tuple[str, int]]:
    scratch: BinaryIO
    with store.writing() as scratch:
        scratch.write("\n".join(json.dumps(row) for row in rows).encode())
        yield store.keep(scratch)


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
