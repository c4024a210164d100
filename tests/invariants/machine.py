"""The ground under the rules of `test_transitions`: what was served and said, and what has to hold at the end."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import wraps
from typing import Any, ClassVar

from django.db import connection, transaction
from hypothesis.stateful import RuleBasedStateMachine

from annotation import reviewing, submitting
from annotation.models import Annotation, Dispute, LateAnswer, Review
from specs.models import SpecVersion
from specs.refusals import Refusal
from tests import cast
from tests.invariants import checking, rebuilding, recounting
from workforce import holding, leasing, queues, staffing
from workforce.models import (
    Annotator,
    Assignment,
    Exclusion,
    Queue,
    ReviewStage,
    SlotState,
    Task,
    TaskState,
)

WORKERS = ("ben", "chi", "dov", "eli", "fay")
FRESH = ("hal", "ida", "jon", "kim", "lea")
"""Who finishes what is left: more than any task may want."""


@dataclass(frozen=True)
class Ticket:
    """What somebody was served once, live or not by now."""

    who: str
    served: leasing.Served


@dataclass(frozen=True)
class Told:
    """What somebody was told of an answer."""

    ticket: Ticket
    value: str
    key: str
    receipt: submitting.Receipt


@dataclass
class Figures:
    """What a run came to, over all its examples."""

    examples: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    events: int = 0

    def __str__(self) -> str:
        done = ", ".join(f"{name} {n}" for name, n in sorted(self.steps.items()))
        refused = ", ".join(f"{name} {n}" for name, n in sorted(self.refused.items()))
        return (
            f"{self.examples} examples, {self.steps.total()} steps, {self.events} events folded\n  done: {done}\n  "
            f"refused: {refused or 'none'}"
        )


def step(act: Callable[..., None]) -> Callable[..., None]:
    """A refusal is a fine outcome and changes nothing; after every step the invariants hold."""

    @wraps(act)
    def taken(self: Machine, *arguments: Any, **named: Any) -> None:
        name, figures = act.__name__, Machine.figures
        try:
            with transaction.atomic():
                act(self, *arguments, **named)
            figures.steps[name] += 1
        except Refusal as refusal:
            figures.refused[f"{name} ({refusal.code})"] += 1
        found = checking.violations()
        assert found == [], found

    return taken


class Machine(RuleBasedStateMachine):
    stage: ClassVar[cast.Stage]
    people: ClassVar[dict[str, Annotator]]
    versions: ClassVar[list[SpecVersion]]
    figures: ClassVar[Figures]

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        self.tickets: list[Ticket] = []
        self.told: list[Told] = []
        self.stored: dict[int, str] = {}
        self.n_loaded = 0
        Machine.figures.examples += 1

    def teardown(self) -> None:
        try:
            self._nothing_was_lost()
            self._is_what_the_ledger_says()
            self._all_that_is_left_is_finished()
            self._is_what_the_ledger_says()
            assert recounting.differences(self.stage.project.pk) == []
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(
                    "SELECT count(*) FROM specs_event WHERE project_id = %s", [self.stage.project.pk]
                )
                Machine.figures.events += cursor.fetchone()[0]
        finally:
            transaction.savepoint_rollback(self.savepoint)

    def _is_what_the_ledger_says(self) -> None:
        found = rebuilding.differences(self.stage.project.pk)
        assert found == [], found

    # Parts

    @property
    def queue(self) -> Queue:
        return self.stage.queue

    @property
    def ada(self) -> Any:
        return self.stage.ada

    def _by(self, who: str) -> Any:
        return self.people[who].member

    def _member(self, annotator: Annotator) -> Any:
        assert annotator.member is not None
        annotator.member.refresh_from_db()
        return annotator.member

    def _load(self, n: int, start: int | None = None) -> None:
        first = self.n_loaded if start is None else start
        self.stage.load(n, start=first)
        self.n_loaded = max(self.n_loaded, first + n)

    def _task(self, place: int) -> Task:
        tasks = list(Task.objects.filter(queue=self.queue, purpose="work").order_by("pk"))
        return tasks[place % len(tasks)]

    def _ticket(self, place: int) -> Ticket:
        """One of the live ones, three times of four; else any that was ever given."""
        tokens = set(Assignment.objects.filter(state=SlotState.LEASED).values_list("token", flat=True))
        live = [ticket for ticket in self.tickets if ticket.served.token in tokens]
        chosen = live if live and place < 75 else self.tickets
        return chosen[place % len(chosen)]

    def _lease(self, place: int) -> dict[str, Any]:
        ticket = self._ticket(place)
        return {
            "assignment_id": ticket.served.assignment_id,
            "annotator": self.people[ticket.who],
            "token": ticket.served.token,
        }

    def _serve(self, who: str, served: leasing.Served | None, *, minted: bool = False) -> Any:
        """Note what was served; she works here, and nobody she is kept apart from has the item or had it."""
        if served is None:
            return None
        annotator = Annotator.objects.get(pk=self.people[who].pk)
        assert annotator.state == "active"
        assert Queue.objects.get(pk=self.queue.pk).state == "open"
        others = Exclusion.objects.filter(annotator=annotator, ended_at=None).values("other")
        apart = Assignment.objects.filter(task__item=served.item_id, annotator__in=others, state="leased")
        assert minted or not apart.exists()
        ticket = Ticket(who, served)
        self.tickets.append(ticket)
        return ticket

    def _asked(self, ticket: Ticket, value: str, key: str, *, keep: bool = False) -> dict[str, Any]:
        return {
            "annotator": self.people[ticket.who],
            "assignment_id": ticket.served.assignment_id,
            "token": ticket.served.token,
            "answer": submitting.Answer({"entailed": value}, {}, keep_version=keep),
            "client_key": key,
            "by": self._by(ticket.who),
        }

    def _answer(self, ticket: Ticket, value: str, *, keep: bool = False) -> None:
        live = Assignment.objects.filter(
            pk=ticket.served.assignment_id,
            state=SlotState.LEASED,
            token=ticket.served.token,
            annotator=self.people[ticket.who],
            lease_until__gt=leasing.database_now(),
        ).exists()
        key = str(uuid.uuid4())
        receipt = submitting.submit(**self._asked(ticket, value, key, keep=keep))
        self.told.append(Told(ticket, value, key, receipt))
        if live:
            assert receipt.outcome == "counted"
        under = Annotation.objects.filter(client_key=key).values_list("lease_token", flat=True)
        if not live:  # it counts under a new lease of its task, or is kept
            assert ticket.served.token not in under
            assert receipt.outcome == "counted" or LateAnswer.objects.filter(client_key=key).exists()

    def _n_answers(self) -> tuple[int, int]:
        return Annotation.objects.count(), LateAnswer.objects.count()

    def _nothing_was_lost(self) -> None:
        """Every answer that somebody was told of stands as it was given, and there are no others."""
        counted = {
            told.receipt.annotation_id or 0: told for told in self.told if told.receipt.outcome == "counted"
        }
        for annotation in Annotation.objects.filter(pk__in=counted):
            told = counted[annotation.pk]
            assert annotation.values == {"entailed": told.value}
            assert annotation.annotator_id == self.people[told.ticket.who].pk
        assert Annotation.objects.filter(cannot="").count() == len(counted)
        late = {told.key for told in self.told if told.receipt.outcome == "late"}
        assert set(LateAnswer.objects.values_list("client_key", flat=True)) == late

    def _all_that_is_left_is_finished(self) -> None:
        """Leases run out, what waits is let go, disputes are ruled on: fresh people finish everything without a beat."""
        if Queue.objects.get(pk=self.queue.pk).state == "paused":
            queues.reopen(queue=self.queue, by=self.ada)
        now = leasing.database_now()
        for queue in Queue.objects.filter(project=self.stage.project):
            for hold in holding.waiting(queue=queue):
                holding.release(hold=hold, by=self.ada)
        Assignment.objects.filter(state=SlotState.LEASED).update(lease_until=now - timedelta(seconds=1))
        Assignment.objects.filter(state=SlotState.RESERVED).update(reserved_until=now - timedelta(seconds=1))
        for _ in range(200):
            self._all_rework_is_overdue()
            done = [who for who in FRESH if self._one_more(who) or self._one_more_reviewed(who)]
            if not done:
                break
        self._all_disputes_are_decided()
        found = checking.violations()
        assert found == [], found
        left = Task.objects.filter(project=self.stage.project, state__in=[TaskState.OPEN, TaskState.DISPUTED])
        assert list(left) == [], "a task is stuck"

    def _all_disputes_are_decided(self) -> None:
        for dispute in Dispute.objects.filter(project=self.stage.project, state="open"):
            cast.ruled(self.stage, dispute)

    def _review(self, who: str, stage: ReviewStage, verdict: str, value: str) -> bool:
        """Take the next review of the stage and decide; False where none waits for her."""
        reviewer = self.people[who]
        staffing.enrol(queue=stage.review_queue, annotator=reviewer, by=self.ada)
        taken = reviewing.take(queue=stage.review_queue, annotator=reviewer, by=self._by(who))
        if taken is None:
            return False
        found, served = taken
        assert found.annotator_id != reviewer.pk
        decided = reviewing.Decided(
            verdict,
            seen=reviewing.in_force(found).pk,
            values={"entailed": value} if verdict == "fix" else {},
            reason="Why?",
            clause="knowledge" if verdict == "return" else "",
        )
        reviewing.decide(
            review=found,
            annotator=reviewer,
            assignment_id=served.assignment_id,
            token=served.token,
            decided=decided,
            by=self._by(who),
        )
        return True

    def _one_more_reviewed(self, who: str) -> bool:
        stages = ReviewStage.objects.filter(queue=self.queue)
        return any(self._review(who, stage, "accept", "yes") for stage in stages)

    def _all_rework_is_overdue(self) -> None:
        returned = Review.objects.filter(project=self.stage.project, state="returned")
        returned.update(due_at=leasing.database_now() - timedelta(seconds=1))
        reviewing.end_overdue()
        reviewing.withdraw_ended()

    def _one_more(self, who: str) -> bool:
        served = leasing.claim(queue_id=self.queue.pk, annotator=self.people[who], by=self._by(who))
        if served is None:
            return False
        self._answer(Ticket(who, served), "yes", keep=True)
        return True
