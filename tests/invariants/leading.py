"""What leads do with disputes, as rules: second rulings, first readings, splits, passing on; and appeals, reopenings."""

from __future__ import annotations

from typing import Any, ClassVar

from annotation import adjudicating, appealing, deferring, reading_first, reopening, splitting
from annotation.models import Dispute, DisputeState, Ruling
from specs.models import Member, Role
from specs.refusals import Refusal
from tests import cast
from tests.invariants.machine import Machine, step
from workforce import queues, staffing
from workforce.models import Queue

NAMES = ("gil", "hei", "ivo", "jun")
OPEN = (DisputeState.OPEN, DisputeState.SECOND)


def leads(stage: cast.Stage) -> list[Member]:
    """Ada and four more, a second tier, and a queue of disputes that asks second leads and first readings."""
    rows = [stage.ada]
    for name in NAMES:
        rows.append(
            staffing.add_member(project=stage.project, user=cast.user(name), roles=[Role.LEAD], by=stage.ada)
        )
    queue = Queue.objects.get(project=stage.project, purpose="adjudication")
    queues.change_settings(
        queue=queue, by=stage.ada, second_share="0.3", independent_share="0.3", **cast.QUIET
    )
    cast.seniors(stage)
    return rows


def decide(dispute: Dispute, lead: Member, **options: Any) -> Ruling:
    """Take a dispute, read it first where that is asked, and rule."""
    terms = take(dispute, lead)
    values = options.get("values") or {"entailed": "yes"}
    if reading_first.hides(terms["dispute"], terms["assignment_id"]):
        reading_first.read(**terms, values=values)
    return adjudicating.rule(**terms, **{"values": {}, "cause": "annotator-erred", **options})


def take(dispute: Dispute, lead: Member) -> dict[str, Any]:
    found = Dispute.objects.select_related("work__queue", "task").get(pk=dispute.pk)
    assert found.work is not None
    annotator = staffing.annotator_for(member=lead)
    staffing.enrol(queue=found.work.queue, annotator=annotator, by=lead)
    served = adjudicating.take(dispute=found, annotator=annotator, by=lead)
    return {
        "dispute": found,
        "annotator": annotator,
        "assignment_id": served.assignment_id,
        "token": served.token,
        "by": lead,
    }


class Leading(Machine):
    leads: ClassVar[list[Member]]

    def _dispute(self, place: int, *states: str) -> Dispute | None:
        rows = Dispute.objects.filter(project=self.stage.project, state__in=states)
        found = list(rows.exclude(work=None).order_by("pk"))
        return found[place % len(found)] if found else None

    def _lead(self, n: int) -> Member:
        return self.leads[n % len(self.leads)]

    @step
    def decide_as_one_of_several_leads(self, place: int, n: int, value: str) -> None:
        """Second rulings, first readings and appeals among them."""
        if (dispute := self._dispute(place, *OPEN)) is not None:
            ruling = decide(dispute, self._lead(n), values={"entailed": value})
            assert (ruling.as_first is None) == (dispute.state == DisputeState.OPEN)

    @step
    def split_an_item(self, place: int, n: int) -> None:
        if (dispute := self._dispute(place, DisputeState.OPEN)) is not None:
            split = splitting.Split("text", ("The first half.", f"The second half, {n}."))
            decide(dispute, self._lead(n), split=split)

    @step
    def pass_a_dispute_on(self, place: int, n: int, flag: bool) -> None:
        dispute = self._dispute(place, *OPEN)
        if dispute is None:
            return
        person = staffing.annotator_for(member=self._lead(n + 1))
        seniors = Queue.objects.get(project=self.stage.project, key="seniors")
        to: dict[str, Any] = {"queue": seniors} if flag else {"person": person}
        deferring.escalate(**take(dispute, self._lead(n)), **to, reason="It is hard.")

    @step
    def appeal(self, place: int, who: str) -> None:
        dispute = self._dispute(place, DisputeState.DECIDED, DisputeState.OPEN)
        ruling = Ruling.objects.filter(dispute=dispute).order_by("-pk").first() if dispute else None
        if ruling is not None:
            appealing.against_ruling(
                ruling=ruling, annotator=self.people[who], reason="It follows.", by=self._by(who)
            )

    @step
    def open_again(self, place: int, n: int) -> None:
        if (dispute := self._dispute(place, DisputeState.DECIDED)) is not None:
            reopening.reopen(dispute=dispute, reason="Somebody said more.", by=self._lead(n))

    def _all_disputes_are_decided(self) -> None:
        """By whoever of the leads may; by somebody new where all have had their say."""
        for _round in range(3):
            for dispute in Dispute.objects.filter(project=self.stage.project, state__in=OPEN).order_by("pk"):
                self._decided_by_any(dispute)

    def _decided_by_any(self, dispute: Dispute) -> None:
        for lead in self.leads:
            try:
                decide(dispute, lead, values={"entailed": "no"})
            except Refusal:
                continue
            return
        name = f"lead-{dispute.pk}"
        new = staffing.add_member(
            project=self.stage.project, user=cast.user(name), roles=[Role.LEAD], by=self.ada
        )
        decide(dispute, new, values={"entailed": "no"})
