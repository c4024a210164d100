"""The fixed cast and a stage for it: Ada owns and leads; Ben, Chi and Dov label; Eve is nobody here."""

from __future__ import annotations

import io
import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from annotation import adjudicating, submitting
from annotation.models import Dispute, Ruling
from specs import drafting, publishing, tokens
from specs.access import permissions_of
from specs.models import Member, Project, Role, Spec, SpecVersion
from tests.remembering import remembered
from workforce import leasing, loading, minting, queues, staffing
from workforce.models import Annotator, Enrolment, Queue, TaskPurpose

PASSWORD = "correct horse battery"
QUESTION = {
    "key": "entailed",
    "kind": "choice",
    "title": "Does it follow?",
    "required": True,
    "labels": [{"value": "yes", "title": "Yes"}, {"value": "no", "title": "No"}],
}
CLAUSES = (
    ("whole", "The whole", ["yes"]),
    ("knowledge", "Common knowledge", ["yes", "no"]),
    ("numbers", "Numbers", ["no"]),
)


QUIET: dict[str, Any] = {"gold_share": 0, "gold_first": 0, "repeat_share": 0}
"""A queue in which what is served is no matter of chance."""


@dataclass
class Stage:
    """A project with a published spec, one labelling queue, and the cast in it."""

    project: Project
    ada: Member
    eve: User
    spec: Spec
    version: SpecVersion
    queue: Queue
    annotators: dict[str, Annotator] = field(default_factory=dict)

    @property
    def ben(self) -> Annotator:
        return self.annotators["ben"]

    @property
    def chi(self) -> Annotator:
        return self.annotators["chi"]

    @property
    def dov(self) -> Annotator:
        return self.annotators["dov"]

    def member(self, name: str) -> Member:
        member = self.annotators[name].member
        assert member is not None
        return member

    def load(self, n: int, *, start: int = 0, queue: Queue | None = None) -> None:
        """Load *n* items `item-<number>` into the queue."""
        rows = "\n".join(
            json.dumps({"key": f"item-{k}", "text": f"text {k}"}) for k in range(start, start + n)
        )
        loading.load(
            project=self.project,
            queue=queue or self.queue,
            source=io.BytesIO(rows.encode()),
            name="items.jsonl",
            by=self.ada,
        )

    def claim(self, who: Annotator, queue: Queue | None = None) -> leasing.Served:
        served = leasing.claim(queue_id=(queue or self.queue).pk, annotator=who, by=who.member)
        assert served is not None
        return served

    def claims(self, who: Annotator, queue: Queue) -> Iterator[leasing.Served]:
        """Whatever the queue has for somebody, one after the other."""
        while (served := leasing.claim(queue_id=queue.pk, annotator=who, by=who.member)) is not None:
            yield served

    def answer(
        self, who: Annotator, value: str, *, cite: Sequence[str] = (), queue: Queue | None = None
    ) -> submitting.Receipt:
        """Claim the next task and answer it."""
        served = self.claim(who, queue)
        return self.submit(who, served, {"entailed": value}, {"entailed": list(cite)} if cite else {})

    def submit(
        self,
        who: Annotator,
        served: leasing.Served,
        values: Mapping[str, Any],
        citations: Mapping[str, Sequence[str]] | None = None,
        *,
        key: str = "",
    ) -> submitting.Receipt:
        return submitting.submit(
            annotator=who,
            assignment_id=served.assignment_id,
            token=served.token,
            answer=submitting.Answer(values, citations or {}),
            client_key=key or str(uuid.uuid4()),
            by=who.member,
        )

    def client(self, member: Member) -> Callable[[], Client]:
        """Makes REST clients of the member, one for each thread that needs one."""
        headers = {"authorization": f"Bearer {self.token(member)}"}
        return lambda: Client(headers=headers)

    def token(self, member: Member, *permissions: str) -> str:
        """The secret of a fresh API token."""
        wanted = permissions or tuple(permissions_of(member))
        return tokens.create(member=member, name="test", permissions=wanted, by=member)[1]


def user(name: str) -> User:
    return User.objects.create_user(name, f"{name}@example.org", PASSWORD)


def user_of(member: Member) -> User:
    assert member.user is not None
    return member.user


def project(key: str = "rte") -> Project:
    return Project.objects.create(key=key, name=key.upper())


def published(
    where: Project, by: Member, *, questions: Sequence[Mapping[str, Any]] = (QUESTION,)
) -> SpecVersion:
    """Version 1.0.0 of a spec with the cast's clauses."""
    spec = drafting.create_spec(project=where, key="rte", title="Entailment", by=by)
    draft = drafting.open_draft(spec=spec, by=by)
    drafting.set_questions(draft=draft, questions=questions, by=by)
    there = {label["value"] for label in questions[0].get("labels") or ()}
    for key, title, values in CLAUSES:
        drafting.add_clause(
            draft=draft,
            key=key,
            title=title,
            blocks=[{"type": "definition", "text": f"{title} decides."}],
            governs=[{"question": questions[0]["key"], "values": [one for one in values if one in there]}],
            by=by,
        )
    return publishing.publish(draft=draft, notes="The first edition.", rationale="There was none.", by=by)


def stage(
    key: str = "rte", *, questions: Sequence[Mapping[str, Any]] = (QUESTION,), **settings: Any
) -> Stage:
    """Everything set up; *settings* are the queue's."""
    return remembered(lambda: _stage(key, questions, settings), of=(key, questions, settings))


def _stage(key: str, questions: Sequence[Mapping[str, Any]], settings: dict[str, Any]) -> Stage:
    where = project(key)
    suffix = "" if key == "rte" else f"-{key}"
    ada = staffing.add_member(
        project=where, user=user(f"ada{suffix}"), roles=[Role.OWNER, Role.LEAD], by=None
    )
    eve = user(f"eve{suffix}")
    version = published(where, ada, questions=questions)
    settings = {"overlap": 2, "max_overlap": 3, "citing": "never", "entry": "none", **QUIET, **settings}
    queue = queues.create_queue(
        project=where, key="main", name="Main", spec=version.spec, owner=ada, by=ada, **settings
    )
    made = Stage(where, ada, eve, version.spec, version, queue)
    for name in ("ben", "chi", "dov"):
        member = staffing.add_member(project=where, user=user(name + suffix), roles=[Role.ANNOTATOR], by=ada)
        made.annotators[name] = staffing.annotator_for(member=member)
        staffing.enrol(queue=queue, annotator=made.annotators[name], by=ada)
    return made


def mint(
    stage: Stage, who: Annotator, purpose: str, *, seed: int = 1, queue: Queue | None = None
) -> leasing.Served | None:
    """What a claim serves when chance has drawn gold or a repeat; None when there is none for her."""
    where = queue or stage.queue
    slot = minting.mint(
        purpose=TaskPurpose(purpose),
        enrolment_id=Enrolment.objects.get(queue=where, annotator=who).pk,
        version_id=Queue.objects.get(pk=where.pk).version_id or 0,
        by=who.member,
        chance=random.Random(seed),
    )
    return leasing.held(annotator=who, assignment_id=slot)[0] if slot else None


def seniors(stage: Stage) -> Queue:
    """A second adjudication queue, which disputes can be passed on to; no known ones in it."""
    return queues.create_queue(
        project=stage.project,
        key="seniors",
        name="Seniors",
        spec=stage.spec,
        owner=stage.ada,
        purpose="adjudication",
        overlap=1,
        max_overlap=1,
        entry="none",
        by=stage.ada,
        **QUIET,
    )


def amend(stage: Stage, clause: str = "knowledge") -> SpecVersion:
    """Publish the next version with the clause's definition reworded: a major change."""
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    row = draft.draft_clauses.select_related("clause").get(clause__key=clause)
    drafting.reword_clause(
        clause=row,
        title=row.title,
        blocks=[{"type": "definition", "text": "Only what every adult reader knows."}],
        governs=row.governs,
        by=stage.ada,
    )
    return publishing.publish(draft=draft, notes="Sharper.", rationale="Two readings.", by=stage.ada)


def ruled(stage: Stage, dispute: Dispute, **changed: Any) -> Ruling:
    """Ada's ruling on a dispute: "no", since the clause on common knowledge is ambiguous."""
    found = Dispute.objects.select_related("work__queue", "task").get(pk=dispute.pk)
    assert found.work is not None
    lead = staffing.annotator_for(member=stage.ada)
    staffing.enrol(queue=found.work.queue, annotator=lead, by=stage.ada)
    served = adjudicating.take(dispute=found, annotator=lead, by=stage.ada)
    options: dict[str, Any] = {
        "values": {"entailed": "no"},
        "cause": "clause-ambiguous",
        "clause_key": "knowledge",
        "reason": "It does not say whose.",
        **changed,
    }
    return adjudicating.rule(
        dispute=found,
        annotator=lead,
        assignment_id=served.assignment_id,
        token=served.token,
        by=stage.ada,
        **options,
    )
