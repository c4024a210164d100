"""What the fold of the ledger makes of disputes: opened, decided, sent back for more answers, opened again."""

from __future__ import annotations

from collections.abc import Callable

from tests.invariants.reading import Event, Facts
from tests.invariants.rows import Broken, Task, withdraw_slots


class Disputes:
    """The part of `rebuilding.Rebuilt` that reads the events of disputes."""

    facts: Facts
    tasks: dict[int, Task]
    disputes: dict[int, str]
    ended: dict[tuple[int, int], str]
    _decided: Callable[[int, str], None]

    def on_dispute_opened(self, event: Event) -> None:
        task = self.tasks[event.subject]
        if event.data["reason"] != "returned":
            self._decided(event.subject, "disputed")
        elif any(slot.state in ("leased", "held", "reserved") for slot in task.slots.values()):
            raise Broken(f"{event}: somebody has the task")
        if task.state != "open":
            raise Broken(f"{event}: the task is {task.state}")
        withdraw_slots(task)
        task.state = "disputed"
        (number,) = [
            number
            for number, (of, _) in self.facts.disputes.items()
            if of == event.subject and number not in self.disputes
        ][:1]
        self.disputes[number] = "open"

    def on_dispute_appealed(self, event: Event) -> None:
        """It is open again, the task keeps its label; a second appeal against the same ruling joins the first."""
        if event.subject not in self.disputes:
            raise Broken(f"{event}: there is no such dispute")
        self.disputes[event.subject] = "open"

    def on_dispute_reopened(self, event: Event) -> None:
        """An answer came after the ruling; the task keeps its label."""
        if self.disputes.get(event.subject) != "decided":
            raise Broken(f"{event}: the dispute is {self.disputes.get(event.subject)}")
        self.disputes[event.subject] = "open"

    def on_dispute_decided(self, event: Event) -> None:
        if self.disputes.get(event.subject) != "open":
            raise Broken(f"{event}: the dispute is {self.disputes.get(event.subject)}")
        self.disputes[event.subject] = "decided"
        number, _ = self.facts.disputes[event.subject]
        self._work_done(event.data["work"])
        self.tasks[number].state = "unlabellable" if event.data["cannot"] else "resolved"
        self.ended[number, event.id] = event.data["cannot"]

    def on_dispute_returned(self, event: Event) -> None:
        """Back for more answers: the slots follow, each with its own event."""
        if self.disputes.get(event.subject) != "open":
            raise Broken(f"{event}: the dispute is {self.disputes.get(event.subject)}")
        self.disputes[event.subject] = "returned"
        self._work_done(event.data["work"])

    def on_dispute_escalated(self, event: Event) -> None:
        """In other hands: she who had it is done, another task of an adjudication queue follows with its own event."""
        self._work_done(event.data["work"])

    def on_dispute_seconded(self, event: Event) -> None:
        """A second lead has decided; the label stays."""
        if self.disputes.get(event.subject) != "second":
            raise Broken(f"{event}: the dispute is {self.disputes.get(event.subject)}")
        self.disputes[event.subject] = "seconded"
        self._work_done(event.data["work"])

    def on_dispute_second_asked(self, event: Event) -> None:
        """The next dispute of the same task waits for another lead."""
        task = event.data["task"]
        (number,) = [
            number
            for number, (of, _) in self.facts.disputes.items()
            if of == task and number not in self.disputes
        ][:1]
        self.disputes[number] = "second"

    def _work_done(self, work: int) -> None:
        (slot,) = [slot for slot in self.tasks[work].slots.values() if slot.state == "leased"]
        slot.state = "submitted"
        self.tasks[work].answers.append("")
        self.tasks[work].state = "resolved"
