"""A project with a row of every kind that an address can name, for tests that walk all routes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta

from PIL import Image

from annotation import (
    aligning,
    appealing,
    asking,
    changing_many,
    exporting,
    finding,
    gathering,
    investigating,
    measuring,
    piloting,
    registering,
    relabelling,
    saving_filters,
)
from annotation.models import ClauseIssue, ClauseIssueCase, Dispute, Resample, Review, Ruling
from specs import drafting, pictures, proposing, publishing, running, tokens
from specs.models import Delivery, PrecedentSet, Role, SpecVersion, Subscriber
from tests import cast
from workforce import (
    alerting,
    canarying,
    cohorts,
    consequences,
    degrading,
    directing,
    excluding,
    goldkeeping,
    loading,
    media,
    paths,
    people_rules,
    queues,
    quizzing,
    review_stages,
    skills,
    staffing,
    suspending,
)
from workforce.models import Exclusion, Item, KnownAnswer, Notice, Queue


@dataclass
class Furnished:
    """The stage, and what fills the open places of an address."""

    stage: cast.Stage
    ids: dict[str, object]


def furnish(key: str, *, versions: int) -> Furnished:
    stage = cast.stage(key, overlap=2, max_overlap=2)
    stage.load(4)
    for _ in range(2):
        stage.answer(stage.ben, "yes")
        stage.answer(stage.chi, "no")
    open_one, decided = Dispute.objects.filter(project=stage.project).order_by("pk")
    precedent = cast.ruled(stage, decided, precedent=True).precedents.get()
    lease, known = stage.claim(stage.ben), _known(stage)
    for clause in ("knowledge", "numbers")[: versions - 1]:
        version = cast.amend(stage, clause)
    spec = drafting.create_spec(project=stage.project, key=f"spec-{key}", title="Another", by=stage.ada)
    drafting.open_draft(spec=spec, by=stage.ada)
    drafting.add_clause(
        draft=drafting.open_draft(spec=stage.spec, by=stage.ada),
        key=f"c-{key}",
        title="New",
        blocks=[{"type": "definition", "text": "New."}, {"type": "notes", "text": "Newer."}],
        by=stage.ada,
    )
    queues.create_queue(
        project=stage.project,
        key=f"queue-{key}",
        name="Q",
        spec=stage.spec,
        owner=stage.ada,
        by=stage.ada,
        **cast.QUIET,
    )
    hold = _held(stage, key)
    (report,) = measuring.measure(spec=stage.spec, by=stage.ada)
    gathering.gather(report=report)
    issue = investigating.open_issue(
        clause=stage.spec.clauses.get(key="numbers"), evidence=None, by=stage.ada
    )
    paths.lay(queue=stage.queue, path=paths.USUAL, by=stage.ada)
    newcomer = staffing.add_member(
        project=stage.project, user=cast.user(f"new-{key}"), roles=[Role.ANNOTATOR], by=stage.ada
    )
    staffing.enrol(queue=stage.queue, annotator=staffing.annotator_for(member=newcomer), by=stage.ada)
    snapshot = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    other = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    snapshot, other = (exporting.build(snapshot_id=asked.pk) for asked in (snapshot, other))
    registering.register(snapshot=snapshot, name=f"run-{key}", metrics={"f1": 0.5}, by=stage.ada)
    token, _ = tokens.create(member=stage.ada, name="t", permissions=["spec.read"], by=stage.ada)
    sample = _sample(stage, key)
    ids: dict[str, object] = {
        "sample": sample,
        **_before_law(stage, key),
        **_reviewed(stage, key),
        "spec": stage.spec.key,
        "queue": f"queue-{key}",
        "number": version.number,
        "old": version.number,
        "new": version.number,
        "clause": f"c-{key}",
        "assignment": lease.assignment_id,
        "dispute": open_one.pk,
        "known": known,
        "precedent": precedent.pk,
        "served": PrecedentSet.objects.filter(project=stage.project).latest("pk").digest,
        "plan": relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada).pk,
        "snapshot": snapshot.pk,
        "other": other.pk,
        "member": stage.member("chi").pk,
        "hold": hold,
        **_kept_apart(stage),
        "job": running.start(project=stage.project, kind="measure", arguments={}, by=stage.ada).pk,
        "token": token.pk,
        "pseudonym": stage.chi.pseudonym,
        "step": "suspend",
        "name": "manifest.json",
        "issue": issue.pk,
        "session": _aligned(stage),
        **_browsed(stage),
    }
    return Furnished(stage, ids)


def _browsed(stage: cast.Stage) -> dict[str, object]:
    """An item, a filter that is shared, and a change of many items that nobody has begun."""
    item = Item.objects.filter(project=stage.project).order_by("pk")[0].pk
    kept = saving_filters.save(name="Filter 1", asked=finding.Asked(), shared=True, by=stage.ada)
    change = changing_many.propose(kind="tag", given={"tag": "odd"}, items=[item], by=stage.ada)
    return {"item": item, "filter": kept.pk, "change": change.pk}


def _aligned(stage: cast.Stage) -> int:
    """A session on the cases of a clause that a ruling blamed."""
    clause = stage.spec.clauses.get(key="knowledge")
    issue = ClauseIssue.objects.filter(clause=clause).first() or investigating.open_issue(
        clause=clause, evidence=None, by=stage.ada
    )
    case = Dispute.objects.filter(project=stage.project).order_by("pk")[0].task
    ClauseIssueCase.objects.create(project=stage.project, issue=issue, task=case)
    return aligning.convene(issue=issue, members=[stage.member("ben")], by=stage.ada).pk


def _reviewed(stage: cast.Stage, key: str) -> dict[str, object]:
    """A review stage of the queue that addresses name, and an answer there that waits for a reviewer."""
    queue = Queue.objects.get(project=stage.project, key=f"queue-{key}")
    made = review_stages.add(queue=queue, terms=review_stages.Terms(), by=stage.ada)
    stage.load(1, start=70, queue=queue)
    staffing.enrol(queue=queue, annotator=stage.ben, by=stage.ada)
    stage.answer(stage.ben, "yes", queue=queue)
    ruling = Ruling.objects.select_related("dispute").get(project=stage.project)
    appeal = appealing.against_ruling(
        ruling=ruling,
        annotator=stage.ben,
        reason="It follows.",
        by=stage.member("ben"),
    )
    return {
        "stage": made.pk,
        "review": Review.objects.get(stage=made).pk,
        "appealed": appeal.pk,
        "task": ruling.dispute.task_id,
        "against": "ruling",
        "decision": appeal.ruling_id,
    }


def _sample(stage: cast.Stage, key: str) -> int:
    """A sample of settled items, of the queue that addresses name."""
    queue = Queue.objects.get(project=stage.project, key=f"queue-{key}")
    trial = publishing.freeze_again(
        version=SpecVersion.objects.published().filter(spec=stage.spec).newest_first()[0], by=stage.ada
    )
    again = queues.create_queue(
        project=stage.project,
        key=f"again-{key}",
        name="Again",
        spec=stage.spec,
        version=trial,
        purpose="pilot",
        owner=stage.ada,
        by=stage.ada,
        **cast.QUIET,
    )
    return Resample.objects.create(
        project=stage.project,
        source=queue,
        trial=trial,
        queue=again,
        kind="audit",
        labels={},
        n_items=1,
        event_id=1,
    ).pk


def _known(stage: cast.Stage) -> int:
    """A candidate, an answer in use that somebody failed, and one set aside; the id of the one in use."""
    rows = "\n".join(
        f'{{"key": "known-{k}", "value": "yes", "clauses": "whole", "text": "t{k}"}}' for k in range(3)
    )
    goldkeeping.bring_in(spec=stage.spec, source=io.BytesIO(rows.encode()), name="gold", by=stage.ada)
    gold = cast.mint(stage, stage.dov, "gold")
    assert gold is not None
    stage.submit(stage.dov, gold, {"entailed": "no"})
    known = KnownAnswer.objects.get(item=gold.item_id, spec=stage.spec)
    other = KnownAnswer.objects.filter(spec=stage.spec).exclude(pk=known.pk).order_by("pk")[0]
    goldkeeping.set_aside(known=other, reason="Wrong.", by=stage.ada)
    return int(known.pk)


def _kept_apart(stage: cast.Stage) -> dict[str, object]:
    """A sensitive category, and two who are kept apart."""
    category = excluding.add_category(
        project=stage.project, key="violence", name="Violence", warning="Wounds and blood.", by=stage.ada
    )
    excluding.keep_apart(one=stage.ben, other=stage.chi, by=stage.ada)
    return {"category": category.key, "exclusion": Exclusion.objects.filter(annotator=stage.ben).get().pk}


def _held(stage: cast.Stage, key: str) -> int:
    """A task that waits for an answer, in the queue that addresses name."""
    queue = Queue.objects.get(project=stage.project, key=f"queue-{key}")
    queues.change_settings(queue=queue, by=stage.ada, entry="none", gold_first=0, gold_share=0)  # work only
    stage.load(1, start=80, queue=queue)
    staffing.enrol(queue=queue, annotator=stage.dov, by=stage.ada)
    lease = stage.claim(stage.dov, queue)
    inquiry = asking.ask_and_hold(
        assignment_id=lease.assignment_id,
        annotator=stage.dov,
        token=lease.token,
        clause_key="whole",
        text="How?",
        by=stage.member("dov"),
    )
    assert inquiry.hold_id is not None
    return inquiry.hold_id


def _load(stage: cast.Stage, queue: Queue) -> int:
    """A load with a bad row and two items of the same content."""
    rows = b'{"key": "same-a", "text": "x"}\n{"key": "same-b", "text": "x"}\n{"key": "empty"}\n'
    return loading.load(
        project=stage.project,
        queue=queue,
        source=io.BytesIO(rows),
        name="items.jsonl",
        by=stage.ada,
        keep_good_rows=True,
    ).pk


def _before_law(stage: cast.Stage, key: str) -> dict[str, object]:
    """What stands round a version: a comment, a picture, a pilot, a canary, a quiz, a question."""
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    comment = proposing.comment(spec=stage.spec, text="Why?", by=stage.ada)
    clause = stage.spec.clauses.order_by("pk").first()
    assert clause is not None
    proposing.propose(draft=draft, notes="New.", rationale="Missing.", by=stage.ada)
    inquiry = asking.ask(version=stage.version, clause=clause, text="How?", by=stage.ada)
    pilot = piloting.start(
        draft=draft,
        sample="random",
        n_items=1,
        overlap=2,
        annotators=[stage.ben, stage.chi],
        owner=stage.ada,
        by=stage.ada,
    )
    older = queues.create_queue(
        project=stage.project,
        key=f"older-{key}",
        name="Older",
        spec=stage.spec,
        version=stage.version,
        owner=stage.ada,
        by=stage.ada,
        **cast.QUIET,
    )
    stage.load(1, start=90, queue=older)
    newest = SpecVersion.objects.published().filter(spec=stage.spec).newest_first()[0]
    canary = canarying.start(queue=older, version=newest, share=1, by=stage.ada)
    skill = skills.create(project=stage.project, key=f"skill-{key}", name="S", by=stage.ada)
    held = skills.grant(annotator=stage.chi, skill=skill, by=stage.ada)
    gus = staffing.add_member(
        project=stage.project, user=cast.user(f"gus-{key}"), roles=[Role.ANNOTATOR], by=stage.ada
    )
    suspension = suspending.suspend(member=gus, reason="Shared the items.", by=stage.ada)
    appeal = suspending.appeal(suspension=suspension, text="I did not.", by=gus)
    terms = {**people_rules.PRESETS["gold-suspension"], "name": f"Rule {key}"}
    rule = people_rules.create(project=stage.project, by=stage.ada, **terms)
    consequence = consequences.decide_on(
        annotator=stage.dov, action="review", reason="New.", days=5, by=stage.ada
    )
    notice = Notice.objects.get(consequence=consequence)
    quiz = quizzing.begin(queue=stage.queue, annotator=stage.ben, version=stage.version)
    cohorts.create(project=stage.project, key=f"cohort-{key}", name="C", by=stage.ada)
    degradation = degrading.begin(
        queue=older, measure="priority", lasting=timedelta(hours=1), reason="r", by=stage.ada
    )
    alert = alerting.raise_alert(project=stage.project, kind="backlog", queue=older, facts={})
    assert alert is not None
    webhook = Subscriber.objects.create(
        project=stage.project,
        name="w",
        url="https://example.org/",
        topics=["alert.raised"],
        nonce=key,
        made_by=stage.ada,
    )
    return {
        "alert": alert.pk,
        "webhook": webhook.pk,
        "delivery": Delivery.objects.filter(project=stage.project).latest("pk").pk,
        "degradation": degradation.pk,
        "cohort": f"cohort-{key}",
        "held": held.pk,
        "rule": rule.pk,
        "consequence": consequence.pk,
        "notice": notice.pk,
        "suspension": suspension.pk,
        "appeal": appeal.pk,
        "comment": comment.pk,
        "inquiry": inquiry.pk,
        "pilot": pilot.pk,
        "canary": canary.pk,
        "quiz": quiz.pk,
        "direction": directing.add(
            queue=Queue.objects.get(project=stage.project, key=f"queue-{key}"),
            field="tier",
            value="gold",
            priority=5,
            by=stage.ada,
        ).pk,
        "load": _load(stage, Queue.objects.get(project=stage.project, key=f"queue-{key}")),
        "digest": _picture(stage, (200, len(key), 0)),
    }


def _picture(stage: cast.Stage, colour: tuple[int, int, int]) -> str:
    """A picture that clauses may show, and items too: its digest."""
    made = io.BytesIO()
    Image.new("RGB", (3, 3), colour).save(made, "PNG")
    made.seek(0)
    media.add(project=stage.project, source=made, name="red.png", by=stage.ada)
    made.seek(0)
    return pictures.add(project=stage.project, source=made, by=stage.ada).digest
