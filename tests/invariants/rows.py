"""What the fold of the ledger keeps of tasks, slots and queues."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction


class Broken(AssertionError):
    """An event tells of a step that the state machine does not have."""


@dataclass
class Task:
    """A task as the fold knows it; the first five never change."""

    item: int
    queue: int
    meaning: int
    work: bool
    load: int | None
    state: str = "open"
    overlap: int = 0
    answers: list[str] = field(default_factory=list)
    slots: dict[int, Slot] = field(default_factory=dict)


@dataclass
class Slot:
    number: int
    state: str = "open"
    annotator: int | None = None
    version: int | None = None
    n_renewals: int = 0
    n_returns: int = 0
    said: int | None = None
    """The place of its answer among the task's."""


@dataclass
class Queue:
    overlap: int
    maximum: int
    share: Fraction
    purpose: str
    version: int
    state: str = "open"


def withdraw_slots(task: Task) -> int:
    gone = [slot for slot in task.slots.values() if slot.state in ("open", "held", "reserved")]
    for slot in gone:
        slot.state, slot.annotator = "withdrawn", None
    return len(gone)
