"""The state of a project told from its ledger alone: a second implementation of what every event means.

Events are folded in order. What they name is looked up in columns that never change (a task's item, queue, meaning, round and
load; a slot's number; a dispute's task), and in rows that are only ever added. Nothing that a transition moves is read:
states, overlaps, counts and who holds what come out of the fold, and `tables` reads the same from the tables.

An event that could not have happened in the state before it is a `Broken`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from tests.invariants.disputes import Disputes
from tests.invariants.reading import Event, Facts, events, tables
from tests.invariants.reviews import Reviews
from tests.invariants.rows import Broken, Queue, Slot, Task, withdraw_slots


class Rebuilt(Reviews, Disputes):
    """The fold: `Rebuilt(project).run().state()`."""

    def __init__(self, project: int) -> None:
        self.project, self.facts = project, Facts(project)
        self.tasks: dict[int, Task] = {}
        self.queues: dict[int, Queue] = {}
        self.people: dict[int, str] = {}
        self.enrolled: dict[tuple[int, int], bool] = {}
        self.loads: dict[int, str] = {}
        self.holds: dict[int, tuple[int, int, int]] = {}
        self.disputes: dict[int, str] = {}
        self.reviews: dict[int, str] = {}
        self.due: dict[int, str] = {}
        """Tasks whose last wanted answer is in, and what the rule makes of it: the next event on them has to say the same."""
        self.ended: dict[tuple[int, int], str] = {}
        """What tasks ended with, by task and event."""

    def run(self) -> Rebuilt:
        kinds = {name: getattr(self, name) for name in dir(self) if name.startswith("on_")}
        for event in events(self.project):
            handler: Callable[[Event], None] | None = kinds.get(
                "on_" + event.kind.replace(".", "_").replace("-", "_")
            )
            if handler is not None:
                handler(event)
        if self.due:
            raise Broken(f"tasks whose answers are in were not judged: {self.due}")
        return self

    def state(self) -> dict[str, Any]:
        """Everything derived, in the shape of `tables`."""
        slots = [
            (
                number,
                slot.state,
                slot.annotator,
                slot.version if slot.state in ("leased", "submitted") else None,
                slot.n_renewals if slot.state == "leased" else 0,
                slot.n_returns,
            )
            for task in self.tasks.values()
            for number, slot in task.slots.items()
        ]
        return {
            "tasks": {
                number: (task.state, task.overlap, len(task.answers)) for number, task in self.tasks.items()
            },
            "slots": {row[0]: row[1:] for row in slots},
            "queues": {
                number: (queue.state, queue.version, queue.overlap) for number, queue in self.queues.items()
            },
            "people": self.people,
            "enrolled": self.enrolled,
            "loads": self.loads,
            "held": {number: task for number, (task, _, _) in self.holds.items()},
            "disputes": self.disputes,
            "reviews": self.reviews,
            "ended": self.ended,
        }

    # Queues and loads

    def on_queue_created(self, event: Event) -> None:
        named = event.data["settings"]
        self.queues[event.subject] = Queue(
            int(named.get("overlap", 3)),
            int(named.get("max_overlap", 5)),
            Fraction(str(named.get("consensus_share", "0.8"))),
            event.data["purpose"],
            event.data["version"],
        )

    def on_queue_settings_changed(self, event: Event) -> None:
        queue = self.queues[event.subject]
        for name, (_, after) in event.data.items():
            match name:
                case "overlap":
                    queue.overlap = after
                case "max_overlap":
                    queue.maximum = after
                case "consensus_share":
                    queue.share = Fraction(after)

    def on_queue_paused(self, event: Event) -> None:
        self.queues[event.subject].state = "paused"

    def on_queue_open(self, event: Event) -> None:
        self.queues[event.subject].state = "open"

    def on_items_loaded(self, event: Event) -> None:
        self.loads[event.subject] = "loaded"
        for number, (*_, load, created_at) in self.facts.tasks.items():
            if load == event.subject and created_at <= event.at and number not in self.tasks:
                self._make(number, self.queues[self.facts.tasks[number][1]].overlap)

    def on_load_undone(self, event: Event) -> None:
        self._take_back(event, "undone")

    def on_load_withdrawn(self, event: Event) -> None:
        self._take_back(event, "withdrawn")

    def _take_back(self, event: Event, state: str) -> None:
        self.loads[event.subject] = state
        gone = [task for task in self.tasks.values() if task.load == event.subject and _free(task)]
        n_slots = sum(withdraw_slots(task) for task in gone)
        for task in gone:
            task.state = "withdrawn"
        _same(event, tasks=len(gone), slots=n_slots)

    def on_signals_expired(self, event: Event) -> None:
        """What nobody answered or holds of expired signals is withdrawn; the event names the tasks."""
        for number in event.data["tasks"]:
            task = self.tasks[number]
            if not _untouched(task):
                raise Broken(f"{event}: task {number} is {task}")
            withdraw_slots(task)
            task.state = "withdrawn"

    def on_tasks_begun_again(self, event: Event) -> None:
        """Tasks that nobody has touched end, and others take their place in the same queue, for the same items."""
        for number, again in event.data["tasks"]:
            task = self.tasks[number]
            if not _untouched(task) or self.facts.tasks[again][:2] != (task.item, event.subject):
                raise Broken(f"{event}: task {again} does not take the place of {task}")
            withdraw_slots(task)
            task.state = "withdrawn"
            self._make(again, task.overlap)

    def on_relabelling_asked(self, event: Event) -> None:
        """What was made in the queue that the event names, and is not told of yet, is the tasks that are asked again."""
        new = [
            number
            for number, (_, queue, *_, created_at) in self.facts.tasks.items()
            if queue == event.data["queue"] and created_at <= event.at and number not in self.tasks
        ]
        for number in new:
            self._make(number, event.data["overlap"])
        _same(event, again=len(new))

    def on_queue_version_in_force(self, event: Event) -> None:
        """Untouched tasks of another meaning begin again, with `restart` begun ones as well; a lease is honoured."""
        queue = self.queues[event.subject]
        queue.version = event.data["after"]
        meaning, begun = self.facts.meanings[queue.version], event.data["in_progress"] == "restart"
        gone = [
            task
            for task in self.tasks.values()
            if task.queue == event.subject and task.meaning != meaning and _free(task) and (begun or _untouched(task))
        ]  # fmt: skip
        for task in gone:
            withdraw_slots(task)
            task.state = "withdrawn"
            again = min(
                number
                for number, (item, where, under, *_, created_at) in self.facts.tasks.items()
                if (item, where, under) == (task.item, task.queue, meaning) and number not in self.tasks
                and created_at <= event.at
            )  # fmt: skip
            self._make(again, queue.overlap if task.answers else task.overlap)
        _same(event, again=len(gone))

    def on_tasks_overlap_changed(self, event: Event) -> None:
        """Surplus slots go, the last ones first; missing ones come; what is complete is judged."""
        queue, counts = self.queues[event.subject], Counter(event.data)
        if event.data["policy"] != "fixed" or event.data["overlap"] != queue.overlap:
            raise Broken(f"{event} is not by the settings in force")
        seen: Counter[str] = Counter()
        for number, task in self.tasks.items():
            if task.queue != event.subject or task.state != "open" or task.overlap == queue.overlap:
                continue
            live = sum(slot.state != "withdrawn" for slot in task.slots.values())
            spare = sorted((s for s in task.slots.values() if s.state == "open"), key=lambda s: -s.number)
            for slot in spare[: max(0, live - queue.overlap)]:
                slot.state = "withdrawn"
                live -= 1
                seen["slots_withdrawn"] += 1
            wanted = max(queue.overlap, live)
            seen["raised"] += wanted > task.overlap
            seen["lowered"] += wanted < task.overlap
            seen["tasks"] += 1
            task.overlap = wanted
            for _ in range(wanted - live):
                self._add_slot(number)
                seen["slots_added"] += 1
            if len(task.answers) >= wanted:
                seen["complete"] += 1
                self._judge_if_all_is_reviewed(number)
        _same(event, **{name: seen[name] for name in counts if name not in ("overlap", "policy")})

    # Tasks

    def on_task_routed(self, event: Event) -> None:
        self._make(event.subject, event.data["overlap"])

    def on_task_slot_added(self, event: Event) -> None:
        task = self.tasks[event.subject]
        self._decided(event.subject, "more")
        task.state, task.overlap = "open", event.data["overlap"]
        self._add_slot(event.subject)

    def on_task_resolved(self, event: Event) -> None:
        task = self.tasks[event.subject]
        said = Counter(task.answers)
        value = max(said, key=lambda one: said[one])
        self._decided(event.subject, "resolved")
        task.state = "resolved"
        self.ended[event.subject, event.id] = value

    def on_task_unlabellable(self, event: Event) -> None:
        self._decided(event.subject, "unlabellable")
        task = self.tasks[event.subject]
        withdraw_slots(task)
        task.state = "unlabellable"
        self.ended[event.subject, event.id] = event.data["category"]

    # Slots

    def on_assignment_claimed(self, event: Event) -> None:
        number, place = self.facts.slots[event.subject]
        if not self.facts.tasks[number][4] and event.subject not in self._slots_of(
            number
        ):  # minted with the claim
            if number not in self.tasks:
                self._make(number, 0)
            self.tasks[number].state = "withdrawn"
            self.tasks[number].overlap = place
            self.tasks[number].slots[event.subject] = Slot(place)
        slot = self._slots_of(number)[event.subject]
        if slot.state != "open" and (slot.state, slot.annotator) != ("reserved", event.data["annotator"]):
            raise Broken(f"{event}: the slot is {slot}")
        if event.data["annotator"] in [s.annotator for s in self._slots_of(number).values() if s is not slot]:
            raise Broken(f"{event}: she has the task already")
        slot.state, slot.annotator, slot.version = "leased", event.data["annotator"], event.data["version"]
        slot.n_renewals = 0

    def on_assignment_renewed(self, event: Event) -> None:
        slot = self._leased(event)
        slot.n_renewals += 1

    def _returned(self, event: Event) -> None:
        slot = self._leased(event)
        slot.version, slot.n_renewals = None, 0
        self._comes_back(self.facts.slots[event.subject][0], slot, self._free_state(event))

    def _came_back(self, event: Event) -> None:
        self._returned(event)
        self._slot(event).n_returns += 1

    on_assignment_released = on_assignment_expired = on_assignment_skipped = _came_back
    on_assignment_returned = on_assignment_recalled = _returned

    def _free_state(self, event: Event) -> str:
        """What a slot is that nobody has: what was minted is gone, and what is of a held task waits."""
        number = self.facts.slots[event.subject][0]
        if not self.tasks[number].work:
            return "withdrawn"
        return "held" if self._waits(number) else "open"

    def _waits(self, number: int) -> bool:
        return number in [held for held, _, _ in self.holds.values()]

    def on_assignment_reserved(self, event: Event) -> None:
        slot = self._slot(event)
        if slot.state not in ("open", "reserved"):
            raise Broken(f"{event}: the slot is {slot}")
        slot.state, slot.annotator = "reserved", event.data["annotator"]

    def _unreserved(self, event: Event) -> None:
        slot = self._slot(event)
        if (slot.state, slot.annotator) != ("reserved", event.data["annotator"]):
            raise Broken(f"{event}: the slot is {slot}")
        self._comes_back(self.facts.slots[event.subject][0], slot, self._free_state(event))

    on_assignment_unreserved = on_assignment_reservation_ended = _unreserved

    def on_assignment_held(self, event: Event) -> None:
        asked = self._leased(event)
        task = self.facts.slots[event.subject][0]
        self.holds[event.data["hold"]] = task, event.subject, event.data["annotator"]
        for slot in self.tasks[task].slots.values():
            if slot is asked or slot.state == "open":
                slot.state, slot.annotator, slot.version, slot.n_renewals = "held", None, None, 0

    def on_task_hold_released(self, event: Event) -> None:
        number, asked, annotator = self.holds.pop(event.data["hold"])
        task = self.tasks[number]
        slot = task.slots[asked]
        if slot.state == "held":
            hers = self.people[annotator] == "active" and annotator not in [
                other.annotator for other in task.slots.values()
            ]
            if task.work and task.state != "open":
                slot.state = "withdrawn"
            elif hers:
                slot.state, slot.annotator = "reserved", annotator
            else:
                slot.state = ("held" if self._waits(number) else "open") if task.work else "withdrawn"
        if not self._waits(number):
            for other in task.slots.values():
                if other.state == "held":
                    other.state = "open" if task.state == "open" else "withdrawn"

    def _submitted(self, event: Event) -> None:
        slot = self._leased(event)
        number = self.facts.slots[event.subject][0]
        task = self.tasks[number]
        if slot.annotator != event.data["annotator"]:
            raise Broken(f"{event}: the slot is {slot}")
        slot.state, slot.said = "submitted", len(task.answers)
        task.answers.append(self.facts.said[event.id])
        self._judge_if_all_is_reviewed(number)

    on_annotation_submitted = on_annotation_declined = _submitted

    def on_annotation_revised(self, event: Event) -> None:
        """Her answer is another one now, while the task is open; nothing else moves."""
        slot, task = self._slot(event), self.tasks[self.facts.slots[event.subject][0]]
        if (slot.state, slot.annotator) != ("submitted", event.data["annotator"]) or slot.said is None:
            raise Broken(f"{event}: the slot is {slot}")
        if task.work and task.state != "open":
            raise Broken(f"{event}: the task is {task.state}")
        task.answers[slot.said] = self.facts.said[event.id]

    # People

    def on_annotator_created(self, event: Event) -> None:
        self.people[event.subject] = "active"

    def on_annotator_paused(self, event: Event) -> None:
        self.people[event.subject] = "paused"

    def on_annotator_resumed(self, event: Event) -> None:
        self.people[event.subject] = "active"

    def on_member_suspended(self, event: Event) -> None:
        self.people[self.facts.annotator_of[event.subject]] = "suspended"

    def on_member_reinstated(self, event: Event) -> None:
        self.people[self.facts.annotator_of[event.subject]] = "active"

    def _left(self, event: Event) -> None:
        self.people[self.facts.annotator_of[event.subject]] = "left"

    on_member_left = on_member_removed = _left

    def on_member_added(self, event: Event) -> None:
        annotator = self.facts.annotator_of.get(event.subject)
        if annotator in self.people:
            self.people[annotator] = "active"

    def on_annotator_enrolled(self, event: Event) -> None:
        self.enrolled[event.data["queue"], event.subject] = True

    def on_annotator_dismissed(self, event: Event) -> None:
        self.enrolled[event.data["queue"], event.subject] = False

    # Parts

    def _make(self, number: int, overlap: int) -> None:
        item, queue, meaning, _, work, load, _ = self.facts.tasks[number]
        self.tasks[number] = Task(item, queue, meaning, work, load)
        for _ in range(overlap):
            self._add_slot(number)
        self.tasks[number].overlap = overlap

    def _add_slot(self, number: int) -> None:
        task = self.tasks[number]
        place = 1 + max((slot.number for slot in task.slots.values()), default=0)
        if (number, place) not in self.facts.numbered:
            raise Broken(f"task {number} has no slot {place}")
        state = "held" if self._waits(number) else "open"
        task.slots[self.facts.numbered[number, place]] = Slot(place, state)

    def _slots_of(self, number: int) -> dict[int, Slot]:
        return self.tasks[number].slots if number in self.tasks else {}

    def _slot(self, event: Event) -> Slot:
        found = self._slots_of(self.facts.slots[event.subject][0]).get(event.subject)
        if found is None:
            raise Broken(f"{event}: there is no such slot by then")
        return found

    def _leased(self, event: Event) -> Slot:
        slot = self._slot(event)
        if slot.state != "leased" or event.data.get("annotator", slot.annotator) != slot.annotator:
            raise Broken(f"{event}: the slot is {slot}")
        return slot

    def _decided(self, number: int, outcome: str) -> None:
        expected = self.due.pop(number, None)
        if (expected is not None and expected != outcome) or (
            expected is None and outcome in ("resolved", "disputed")
        ):
            raise Broken(
                f"task {number} became {outcome}; its answers {self.tasks[number].answers} make it {expected}"
            )

    def _judge(self, task: Task) -> str:
        """The rule of the house: a share of all answers; saying that it cannot be labelled is a vote like any other."""
        queue, n = self.queues[task.queue], len(task.answers)
        cannot = sum(not answer.startswith("{") for answer in task.answers)
        labels = Counter(answer for answer in task.answers if answer.startswith("{"))
        if Fraction(cannot, n) >= queue.share:
            return "unlabellable"
        if Fraction(max(labels.values()), n) >= queue.share:
            return "resolved"
        return "more" if n < max(queue.maximum, task.overlap) else "disputed"


def differences(project: int) -> list[str]:
    """Where the tables are not what the ledger says, in words; nothing where they are."""
    told, seen = Rebuilt(project).run().state(), tables(project)
    return [
        f"{name} {key}: the ledger says {told[name].get(key)}, the table {seen[name].get(key)}"
        for name in told
        for key in sorted({*told[name], *seen[name]}, key=str)
        if told[name].get(key) != seen[name].get(key)
    ]


def _free(task: Task) -> bool:
    return task.state == "open" and all(slot.state != "leased" for slot in task.slots.values())


def _untouched(task: Task) -> bool:
    untaken = all(slot.state in ("open", "withdrawn") for slot in task.slots.values())
    return task.state == "open" and not task.answers and untaken


def _same(event: Event, **counts: int) -> None:
    """The event's own counts are what the fold came to."""
    for name, n in counts.items():
        if event.data[name] != n:
            raise Broken(f"{event} says {event.data[name]} {name}; the fold comes to {n}")
