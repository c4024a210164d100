"""Everything that can happen to tasks, slots and people, in any order: INV-2 to INV-7, INV-16 to INV-18, INV-22.

A Hypothesis state machine calls the real transitions on one database. After each step the invariants are checked by plain SQL
(`checking`); at the end everything derived is told anew from the ledger and compared with the tables (`rebuilding`), and then
fresh people finish all that is left: nothing may be stuck. Each example happens in a savepoint over the same stage.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from datetime import timedelta
from inspect import signature
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from annotation import (
    adjudicating,
    asking,
    declining,
    deferring,
    ending,
    following,
    rechecking,
    reoverlapping,
    revising,
    submitting,
)
from annotation.models import Annotation, Dispute
from specs.models import MemberState, Suspension
from specs.refusals import KeyReused, Refusal
from tests import cast
from tests.invariants.leading import Leading, leads
from tests.invariants.machine import FRESH, WORKERS, Figures, Machine, Told, step
from workforce import (
    assigning,
    departing,
    entering,
    excluding,
    goldkeeping,
    holding,
    leasing,
    queues,
    reserving,
    review_stages,
    staffing,
    suspending,
    undoing,
)
from workforce.models import Annotator, Assignment, Exclusion, Hold, Load, Queue, ReviewStage, SlotState, Task

PEOPLE, PLACES = st.sampled_from(WORKERS), st.integers(0, 99)
VALUES = st.sampled_from(["yes", "yes", "yes", "no"])


WEIGHTS = {
    "work": 12, "work_and_go_on": 8, "claim": 8, "answer": 10, "repeat": 2, "correct": 3, "release": 1, "renew": 1, "skip": 2,
    "cannot_be_labelled": 3, "hand_back": 1, "ask_and_hold": 3, "let_go": 2, "expire": 4, "what_was_kept_comes_back": 1,
    "nobody_is_left_for_a_task": 1, "assign": 3, "take_back": 1, "recall": 2, "change_overlap": 4, "put_in_force": 3,
    "pause_or_open_the_queue": 1, "load": 2, "take_a_load_back": 1, "look_again": 2, "rule_on_a_dispute": 3, "mint": 3,
    "keep_both_or_ask_for_more": 3,
    "suspend_or_reinstate": 1, "leave_or_join": 1, "pause_or_resume": 1, "dismiss_or_enrol": 1, "keep_apart_or_not": 1,
    "everybody_is_back": 2, "follow_the_answers": 3, "begin_or_end_a_review_stage": 1, "review": 5, "rework": 3,
    "rework_is_overdue": 1, "decide_as_one_of_several_leads": 4, "split_an_item": 1, "pass_a_dispute_on": 2, "appeal": 2,
    "open_again": 1,
}  # fmt: skip
"""What can happen, and how often."""
WITH_A_LEASE = ("answer", "release", "renew", "skip", "cannot_be_labelled", "ask_and_hold", "recall")


class Transitions(Leading):
    @initialize()
    def two_items(self) -> None:
        self._load(2)

    @rule(
        what=st.sampled_from([name for name, n in WEIGHTS.items() for _ in range(n)]),
        who=PEOPLE,
        other=PEOPLE,
        place=PLACES,
        value=VALUES,
        flag=st.booleans(),
        n=st.integers(1, 4),
    )
    def happens(self, what: str, **drawn: Any) -> None:
        """One rule for all: of many rules, Hypothesis would leave out most in each example, and work would hardly be done."""
        if (what in WITH_A_LEASE and not self.tickets) or (what in ("repeat", "correct") and not self.told):
            what = "work"
        act = getattr(self, what)
        act(**{name: drawn[name] for name in list(signature(act).parameters)})

    # Work

    @step
    def follow_the_answers(self) -> None:
        following.catch_up(project_id=self.stage.project.pk)

    @step
    def claim(self, who: str) -> None:
        self._serve(who, leasing.claim(queue_id=self.queue.pk, annotator=self.people[who], by=self._by(who)))

    @step
    def work(self, who: str, value: str) -> None:
        served = leasing.claim(queue_id=self.queue.pk, annotator=self.people[who], by=self._by(who))
        if served is not None:
            self._answer(self._serve(who, served), value)

    @step
    def work_and_go_on(self, who: str, value: str) -> None:
        """An answer that takes the next task with it, in one statement where it is plain."""
        served = leasing.claim(queue_id=self.queue.pk, annotator=self.people[who], by=self._by(who))
        if served is None:
            return
        ticket, key = self._serve(who, served), str(uuid.uuid4())
        done = submitting.submit_plain(**self._asked(ticket, value, key), claim_next=True)
        if done is None:
            self._answer(ticket, value)
            return
        self.told.append(Told(ticket, value, key, done.receipt))
        if done.next is not None:
            self._serve(who, done.next)

    @step
    def answer(self, place: int, value: str, flag: bool) -> None:
        """Any lease that was ever given, live or lost."""
        ticket = self._ticket(place)
        try:
            self._answer(ticket, value)
        except submitting.VersionChanged:
            if flag:
                self._answer(ticket, value, keep=True)
                return
            served = submitting.take_again(
                annotator=self.people[ticket.who],
                assignment_id=ticket.served.assignment_id,
                token=ticket.served.token,
                by=self._by(ticket.who),
            )
            self._serve(ticket.who, served)

    @step
    def correct(self, place: int, value: str) -> None:
        """Any answer that was ever given; it stands where its task has ended or it was corrected since."""
        told = self.told[place % len(self.told)]
        if told.receipt.annotation_id is None:
            return
        before, key = Annotation.objects.get(pk=told.receipt.annotation_id), str(uuid.uuid4())
        receipt = revising.revise(
            annotator=self.people[told.ticket.who],
            assignment_id=before.assignment_id,
            answer=submitting.Answer({"entailed": value}, {}),
            seen=before.revision,
            client_key=key,
            by=self._by(told.ticket.who),
        )
        self.told.append(Told(told.ticket, value, key, receipt))

    @step
    def repeat(self, place: int) -> None:
        """The same request again gives the first receipt; another body under its key is refused."""
        told = self.told[place % len(self.told)]
        n = self._n_answers()
        again = submitting.submit(**self._asked(told.ticket, told.value, told.key))
        assert (again.outcome, again.annotation_id) == (told.receipt.outcome, told.receipt.annotation_id)
        other = "no" if told.value == "yes" else "yes"
        with pytest.raises(KeyReused), transaction.atomic():
            submitting.submit(**self._asked(told.ticket, other, told.key))
        assert self._n_answers() == n

    @step
    def release(self, place: int) -> None:
        leasing.release(**self._lease(place), by=None)

    @step
    def renew(self, place: int) -> None:
        leasing.renew(**self._lease(place))

    @step
    def skip(self, place: int, flag: bool) -> None:
        ending.skip(**self._lease(place), reason="upsetting" if flag else "cannot-decide", by=None)

    @step
    def cannot_be_labelled(self, place: int, flag: bool) -> None:
        declining.decline(**self._lease(place), category="broken" if flag else "empty", by=None)

    @step
    def hand_back(self, who: str) -> None:
        leasing.return_leases_of(annotator=self.people[who], by=self._by(who), kind="assignment.released")

    @step
    def ask_and_hold(self, place: int) -> None:
        lease = self._lease(place)
        asking.ask_and_hold(**lease, clause_key="whole", text="How?", by=self._member(lease["annotator"]))

    @step
    def let_go(self, place: int, flag: bool) -> None:
        held = list(holding.waiting(queue=self.queue))
        if not held:
            return
        hold = held[place % len(held)]
        if flag:
            Hold.objects.filter(pk=hold.pk).update(until=F("held_at") + timedelta(microseconds=1))
            assert holding.release_due() == 1
        else:
            holding.release(hold=hold, by=self.ada)

    # Review

    @step
    def begin_or_end_a_review_stage(self, flag: bool) -> None:
        for stage in review_stages.in_force(queue_id=self.queue.pk):
            review_stages.end(stage=stage, by=self.ada)
            return
        terms = review_stages.Terms() if flag else review_stages.Terms(scope="newcomers", first_n=2)
        review_stages.add(queue=self.queue, terms=terms, by=self.ada)

    @step
    def review(self, who: str, place: int, value: str, n: int) -> None:
        stages = list(ReviewStage.objects.filter(queue=self.queue).order_by("pk"))
        if stages:
            self._review(
                who, stages[place % len(stages)], ("accept", "accept", "fix", "return")[n - 1], value
            )

    @step
    def rework(self, who: str, value: str) -> None:
        stage = ReviewStage.objects.filter(queue=self.queue).first()
        if stage is None:
            return
        served = leasing.claim(queue_id=stage.rework_queue_id, annotator=self.people[who], by=self._by(who))
        if served is not None:
            assert Task.objects.get(pk=served.task_id).kept_for == self.people[who]
            self._answer(self._serve(who, served, minted=True), value)

    @step
    def rework_is_overdue(self) -> None:
        self._all_rework_is_overdue()

    # Time

    @step
    def expire(self, place: int, flag: bool) -> None:
        """The time of a lease runs out; the beat sees it, or the next claim does."""
        leased = list(Assignment.objects.filter(queue=self.queue, state=SlotState.LEASED).order_by("pk"))
        if not leased:
            return
        slot = leased[place % len(leased)]
        now = leasing.database_now()
        Assignment.objects.filter(pk=slot.pk).update(
            leased_at=now - timedelta(hours=1), lease_until=now - timedelta(seconds=1)
        )
        if flag:
            assert leasing.return_expired() >= 1

    @step
    def what_was_kept_comes_back(self) -> None:
        kept = Assignment.objects.filter(queue=self.queue, state=SlotState.RESERVED)
        n = kept.update(reserved_until=leasing.database_now() - timedelta(seconds=1))
        assert reserving.return_due() == n

    @step
    def nobody_is_left_for_a_task(self) -> None:
        ending.end_exhausted()

    # Managers

    @step
    def assign(self, who: str, place: int, flag: bool) -> None:
        task = self._task(place)
        assigning.assign(
            queue=self.queue,
            task_ids=[task.pk],
            annotator=self.people[who],
            keep=timedelta(hours=1),
            taking_over=flag,
            by=self.ada,
        )

    @step
    def take_back(self, place: int) -> None:
        assigning.take_back(queue=self.queue, task_ids=[self._task(place).pk], by=self.ada)

    @step
    def recall(self, place: int, other: str, flag: bool) -> None:
        slot = Assignment.objects.get(pk=self._ticket(place).served.assignment_id)
        assigning.recall(
            assignment=slot, reason="Urgent.", to=self.people[other] if flag else None, by=self.ada
        )

    @step
    def change_overlap(self, n: int, flag: bool) -> None:
        queues.change_settings(
            queue=self.queue,
            overlap=n,
            max_overlap=n if n == 1 else max(n, 3),
            by=self.ada,
        )
        if flag:
            reoverlapping.change(queue=self.queue, by=self.ada)

    @step
    def put_in_force(self, place: int, n: int) -> None:
        version = self.versions[place % len(self.versions)]
        queues.put_in_force(
            queue=self.queue, version=version, in_progress=("finish", "restart", "ask")[n % 3], by=self.ada
        )

    @step
    def pause_or_open_the_queue(self) -> None:
        queue = Queue.objects.get(pk=self.queue.pk)
        (queues.reopen if queue.state == "paused" else queues.pause)(queue=queue, by=self.ada)

    @step
    def load(self, n: int, flag: bool) -> None:
        if self.n_loaded > 8:
            return
        self._load(n, start=0 if flag else None)

    @step
    def take_a_load_back(self, place: int, flag: bool) -> None:
        loads = list(Load.objects.filter(queue=self.queue).order_by("pk"))
        (undoing.undo if flag else undoing.withdraw)(load=loads[place % len(loads)], by=self.ada)

    @step
    def look_again(self, who: str) -> None:
        since = leasing.database_now() - timedelta(days=1)
        rechecking.recheck(annotator=self.people[who], since=since, reason="She was tired.", by=self.ada)

    @step
    def rule_on_a_dispute(self, place: int, flag: bool, value: str) -> None:
        found = list(Dispute.objects.filter(project=self.stage.project, state="open").order_by("pk"))
        if not found:
            return
        dispute = found[place % len(found)]
        options = {"values": {}, "cannot": "broken"} if flag else {"values": {"entailed": value}}
        cast.ruled(self.stage, dispute, **options)
        with pytest.raises(Refusal), transaction.atomic():
            cast.ruled(self.stage, dispute, **options)

    @step
    def keep_both_or_ask_for_more(self, place: int, flag: bool) -> None:
        """A dispute stays plural where two labels were given, or its task wants one more answer."""
        rows = Dispute.objects.select_related("work__queue").order_by("pk")
        found = list(rows.filter(project=self.stage.project, state="open"))
        if not found:
            return
        dispute = found[place % len(found)]
        if flag:
            plural = {"entailed": ["yes", "no"]}
            cast.ruled(self.stage, dispute, values={}, plural=plural, cause="plural")
            return
        assert dispute.work is not None
        lead = staffing.annotator_for(member=self.ada)
        staffing.enrol(queue=dispute.work.queue, annotator=lead, by=self.ada)
        served = adjudicating.take(dispute=dispute, annotator=lead, by=self.ada)
        terms = {"assignment_id": served.assignment_id, "token": served.token, "by": self.ada}
        deferring.ask_more(dispute=dispute, annotator=lead, n=1, **terms)

    @step
    def mint(self, who: str, flag: bool) -> None:
        """What a claim does when chance has drawn a known answer, or something she answered before."""
        if entering.enter(queue_id=self.queue.pk, annotator=self.people[who]).n_held == 0:
            self._serve(
                who,
                cast.mint(self.stage, self.people[who], "gold" if flag else "repeat", queue=self.queue),
                minted=True,
            )

    # People

    @step
    def suspend_or_reinstate(self, who: str) -> None:
        member = self._member(self.people[who])
        if member.state == MemberState.SUSPENDED:
            suspending.lift(member=member, by=self.ada)
            return
        suspending.suspend(member=member, reason="Shared the items.", by=self.ada)
        assert Suspension.objects.filter(member=member, ends=None).count() == 1

    @step
    def leave_or_join(self, who: str) -> None:
        member = self._member(self.people[who])
        if member.state == MemberState.LEFT:
            assert member.user is not None
            staffing.add_member(
                project=self.stage.project, user=member.user, roles=["annotator"], by=self.ada
            )
        else:
            departing.leave(member=member)

    @step
    def pause_or_resume(self, who: str) -> None:
        annotator = Annotator.objects.get(pk=self.people[who].pk)
        act = departing.resume if annotator.state == "paused" else departing.pause
        act(annotator=annotator, by=self.ada)

    @step
    def dismiss_or_enrol(self, who: str, flag: bool) -> None:
        (staffing.enrol if flag else staffing.dismiss)(
            queue=self.queue, annotator=self.people[who], by=self.ada
        )

    @step
    def everybody_is_back(self) -> None:
        if Queue.objects.get(pk=self.queue.pk).state == "paused":
            queues.reopen(queue=self.queue, by=self.ada)
        for who in WORKERS:
            member = self._member(self.people[who])
            if member.state != MemberState.ACTIVE:
                (self.leave_or_join if member.state == MemberState.LEFT else self.suspend_or_reinstate)(who)
            if Annotator.objects.get(pk=self.people[who].pk).state == "paused":
                self.pause_or_resume(who)
            staffing.enrol(queue=self.queue, annotator=self.people[who], by=self.ada)

    @step
    def keep_apart_or_not(self, who: str, other: str) -> None:
        found = Exclusion.objects.filter(annotator=self.people[who], ended_at=None).first()
        if found is not None:
            excluding.end(exclusion=found, by=self.ada)
        else:
            excluding.keep_apart(one=self.people[who], other=self.people[other], by=self.ada)


@pytest.fixture
def figures(db: None) -> Iterator[Figures]:
    """The stage of all examples, and what they came to."""
    stage = cast.stage(
        overlap=2,
        max_overlap=3,
        max_returns=6,
        cannot_categories=["broken", "empty"],
    )
    Queue.objects.filter(pk=stage.queue.pk).update(repeat_after=timedelta(0), repeat_after_answers=1)
    people = dict(stage.annotators)
    for name in (*WORKERS[3:], *FRESH):
        member = staffing.add_member(
            project=stage.project, user=cast.user(name), roles=["annotator"], by=stage.ada
        )
        people[name] = staffing.annotator_for(member=member)
        staffing.enrol(queue=stage.queue, annotator=people[name], by=stage.ada)
    rows = "\n".join(f'{{"key": "known-{k}", "value": "yes", "text": "t{k}"}}' for k in range(3))
    goldkeeping.bring_in(spec=stage.spec, source=io.BytesIO(rows.encode()), name="gold", by=stage.ada)
    lead = staffing.annotator_for(member=stage.ada)
    assert stage.queue.adjudication_queue is not None
    staffing.enrol(queue=stage.queue.adjudication_queue, annotator=lead, by=stage.ada)
    Machine.stage, Machine.people, Leading.leads = stage, people, leads(stage)
    Machine.versions = [stage.version, cast.amend(stage), cast.amend(stage, "numbers")]
    Machine.figures = Figures()
    yield Machine.figures
    print(Machine.figures)


_ALWAYS: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


def test_any_order_of_transitions_keeps_every_invariant(figures: Figures) -> None:
    run_state_machine_as_test(
        Transitions, settings=settings(max_examples=20, stateful_step_count=40, **_ALWAYS)
    )
    assert figures.steps.total() > 300


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_any_order_of_transitions_keeps_every_invariant_at_depth(figures: Figures) -> None:
    run_state_machine_as_test(
        Transitions, settings=settings(max_examples=300, stateful_step_count=60, **_ALWAYS)
    )
    assert figures.steps.total() > 10_000
