"""The loop on a planted world, from first answers to the export of the second version, by the transitions that pages call."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from annotation import (
    adjudicating,
    aftermath,
    carrying,
    exporting,
    gathering,
    investigating,
    measuring,
    relabelling,
    releasing,
    submitting,
)
from annotation.demo import planted
from annotation.models import (
    Carry,
    Choice,
    ClauseIssue,
    Dispute,
    DisputeState,
    PlanState,
    RelabelPlan,
    Resolution,
    Ruling,
)
from specs import acknowledging, drafting, publishing
from specs.models import Member, Project, Role, SpecVersion
from specs.refusals import Invalid
from workforce import leasing, loading, queues, staffing
from workforce.models import Queue

NAMESPACE = uuid.UUID("2f0f6c5e-6c0b-4f53-8a7e-b0f5b6a1d0c2")
N_PEOPLE = 8


@dataclass
class Loop:
    """One run. `items` are answered before the amendment, `fresh` ones after it; `figures` fill up as it goes."""

    seed: int
    items: int
    fresh: int
    figures: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = f"loop-{self.seed}"
        if Project.objects.filter(key=self.key).exists():
            raise Invalid(f"There is a project {self.key} already: a run begins with nothing.")
        self.world = planted.World(self.seed)
        self.names = [f"{self.key}-{letter}" for letter in "abcdefgh"[:N_PEOPLE]]
        self.amended: frozenset[str] = frozenset()
        self.minutes = 0.0
        self._assemble()

    def run(self) -> dict[str, Any]:
        work = self._queue("work", 0, self.items)
        n_first = self._answer(work, "first")
        self._rule("first")
        issues = self._issues()
        flagged = set(issues)
        before = self._exported(self.version)
        version = self._amend(flagged)
        n_again = self._relabel(work, version)
        for issue in issues.values():
            investigating.close(issue=issue, version=version, reason="", by=self.owner)
        fresh = self._queue("fresh", self.items, self.fresh)
        n_fresh = self._answer(fresh, "fresh")
        self._rule("fresh")
        after = self._exported(version)
        self.figures |= {
            "seed": self.seed,
            "items": self.items,
            "planted": list(self.world.planted),
            "flagged": sorted(flagged),
            "flagged_for": {key: issue.opened_for for key, issue in sorted(issues.items())},
            "as_planted": sorted(flagged) == list(self.world.planted),
            "answers": n_first,
            "fresh_answers": n_fresh,
            "relabel_answers": n_again,
            "relabelled_share": n_again / n_first,
            "agreement": self._agreement(version),
            "gold_accuracy": {"before": before, "after": after},
            "rulings": Ruling.objects.filter(project=self.project).count(),
            "lead_minutes": round(self.minutes, 1),
        }
        return self.figures

    def _assemble(self) -> None:
        self.project = Project.objects.create(key=self.key, name=f"Planted ambiguity, seed {self.seed}")
        self.owner = self._member("owner", [Role.OWNER])
        self.lead = staffing.annotator_for(member=self._member("lead", [Role.LEAD]))
        self.people = {
            name: staffing.annotator_for(
                member=self._member(name.removeprefix(f"{self.key}-"), [Role.ANNOTATOR])
            )
            for name in self.names
        }
        self.spec = drafting.create_spec(
            project=self.project, key="messages", title="Messages", by=self.owner
        )
        draft = drafting.open_draft(spec=self.spec, by=self.owner)
        drafting.set_questions(draft=draft, questions=[planted.QUESTION], by=self.owner)
        for key in planted.PAIRS:
            drafting.add_clause(draft=draft, key=key, by=self.owner, **planted.clause(key))
        self.version = publishing.publish(
            draft=draft, notes="The first edition.", rationale="There was none.", by=self.owner
        )

    def _member(self, name: str, roles: Sequence[Role]) -> Member:
        user = User.objects.create(username=f"{self.key}-{name}", password=make_password(None))
        return staffing.add_member(project=self.project, user=user, roles=roles, by=None)

    def _queue(self, key: str, first: int, n: int) -> Queue:
        queue = queues.create_queue(
            project=self.project,
            key=key,
            name=key.capitalize(),
            spec=self.spec,
            owner=self.owner,
            by=self.owner,
            overlap=3,
            max_overlap=5,
            citing="never",
            gold_share=0,
            gold_first=0,
            repeat_share=0,
        )
        for annotator in self.people.values():
            staffing.enrol(queue=queue, annotator=annotator, by=self.owner)
        rows = [
            json.dumps({"key": self.world.item(k).key, "text": f"Message {k}"})
            for k in range(first, first + n)
        ]
        source = io.BytesIO("\n".join(rows).encode())
        loading.load(project=self.project, queue=queue, source=source, name=f"{key}.jsonl", by=self.owner)
        return queue

    def _answer(self, queue: Queue, time: str) -> int:
        """Everybody in turn, until nobody finds anything; returns the number of answers."""
        n, idle = 0, 0
        self._read(queue)
        for name in self._in_turn():
            served = leasing.claim(
                queue_id=queue.pk, annotator=self.people[name], by=self.people[name].member
            )
            if served is None:
                idle += 1
                if idle == len(self.names):
                    return n
                continue
            n, idle = n + 1, 0
            self._submit(name, served, time)
        return n

    def _in_turn(self) -> Any:
        while True:
            yield from self.names

    def _read(self, queue: Queue) -> None:
        assert queue.version is not None
        version = queue.version
        for annotator in self.people.values():
            assert annotator.member is not None
            acknowledging.acknowledge(member=annotator.member, version=version, digest=version.digest)

    def _submit(self, name: str, served: leasing.Served, time: str) -> None:
        item = self.world.item(int(served.item_key[1:]))
        label, cited = self.world.answer(name, self.names, item, amended=self.amended, time=time)
        key = planted.QUESTION["key"]
        submitting.submit(
            annotator=self.people[name],
            assignment_id=served.assignment_id,
            token=served.token,
            answer=submitting.Answer({key: label}, {key: [cited]} if cited else {}),
            client_key=str(uuid.uuid5(NAMESPACE, str(served.token))),
            by=self.people[name].member,
        )

    def _rule(self, time: str) -> None:
        """The lead rules on every open dispute, oldest first."""
        assert self.lead.member is not None
        for dispute in (
            Dispute.objects.filter(project=self.project, state=DisputeState.OPEN)
            .select_related("task__item", "work__queue")
            .order_by("pk")
        ):
            assert dispute.work is not None
            staffing.enrol(queue=dispute.work.queue, annotator=self.lead, by=self.owner)
            served = adjudicating.take(dispute=dispute, annotator=self.lead, by=self.lead.member)
            item = self.world.item(int(dispute.task.item.key[1:]))
            said = self.world.ruling(item, amended=self.amended, time=time)
            adjudicating.rule(
                dispute=dispute,
                annotator=self.lead,
                assignment_id=served.assignment_id,
                token=served.token,
                values={planted.QUESTION["key"]: said["label"]},
                cause=said["cause"],
                clause_key=said["clause"],
                reason=said["reason"],
                by=self.lead.member,
            )
            self.minutes += self.world.minutes(item, time)

    def _issues(self) -> dict[str, ClauseIssue]:
        """What the product opens by itself, by clause: flagged by the measurement, or blamed by rulings."""
        (report,) = measuring.measure(spec=self.spec, by=self.owner)
        gathering.gather(report=report)
        return {issue.clause.key: issue for issue in investigating.watch(project=self.project)}

    def _amend(self, keys: set[str]) -> SpecVersion:
        draft = drafting.open_draft(spec=self.spec, by=self.owner)
        for row in draft.draft_clauses.select_related("clause").filter(clause__key__in=keys):
            drafting.reword_clause(clause=row, by=self.owner, **planted.clause(row.clause.key, amended=True))
        version = releasing.publish(
            draft=draft,
            notes="One reading is left.",
            rationale="Two readings caused most of the disputes.",
            override_reason="The simulation tries nothing beforehand: it measures what follows.",
            by=self.owner,
        )
        self.amended = frozenset(keys)
        return version

    def _relabel(self, work: Queue, version: SpecVersion) -> int:
        """The touched tasks again, and a blind sample of the others for as long as the product asks for it."""
        plan = next(
            plan
            for plan in relabelling.propose_all(version=version, by=self.owner)
            if plan.queue_id == work.pk
        )
        plan = relabelling.confirm(
            plan=plan,
            choice=Choice.TOUCHED,
            tolerated=settings.RELABEL_FLIPS_PERCENT / 100,
            reason="Their clauses did not change.",
            by=self.owner,
        )
        n = 0
        while plan.relabel_queue is not None:
            given = self._answer(plan.relabel_queue, "again")
            self._rule("again")
            carrying.advance_all()
            n += given
            if not given:
                break
        plan.refresh_from_db()
        if plan.state == PlanState.SAMPLING:
            carrying.decide(plan=plan, ask=False, reason="The bound is what it is.", by=self.owner)
        self.figures["plan"] = self._carried(plan)
        return n

    def _carried(self, plan: RelabelPlan) -> dict[str, Any]:
        """What the plan did, and what only the one who planted the ambiguity knows: the flips that it missed."""
        carry = Carry.objects.get(plan=plan)
        missed = 0
        held = Resolution.objects.current().filter(
            task__queue=plan.queue, task__meaning=1, value__isnull=False
        )
        for key, value, task in held.values_list("task__item__key", "value", "task"):
            item = self.world.item(int(key[1:]))
            missed += item.clause in self.amended and value != item.label and task not in carry.exceptions
        return {
            "tasks": plan.n_tasks,
            "direct": plan.n_direct,
            "likely": plan.n_likely,
            "possible": plan.n_possible,
            "asked_again": len(carry.exceptions),
            "carried": carry.n_carried,
            "sampled": carry.n_sampled,
            "flipped_in_sample": carry.n_flipped,
            "missed_at_most": carry.missed_at_most,
            "missed": missed,
        }

    def _exported(self, version: SpecVersion) -> float:
        """The share of the first items whose exported label is what the words mean."""
        snapshot = exporting.request(project=self.project, version=version, name="", by=self.owner)
        exporting.build(snapshot_id=snapshot.pk)
        right = 0
        for row in exporting.rows(snapshot):
            item = self.world.item(int(row["key"][1:]))
            right += (
                int(row["key"][1:]) < self.items
                and row["labels"][planted.QUESTION["key"]]["value"] == item.label
            )
        return right / self.items

    def _agreement(self, version: SpecVersion) -> dict[str, Any]:
        """The share of pairs of answers that differ under each amended clause, before it and on fresh items after it."""
        effect = aftermath.of(version)
        assert effect is not None
        return {
            row.clause.key: {"before": row.before.apart, "after": row.after.apart, "change": row.change}
            for row in effect.clauses
            if row.clause
        }
