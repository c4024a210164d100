"""What the fold of the ledger makes of reviews: another look at an answer, and rework by its author."""

from __future__ import annotations

from tests.invariants.reading import Event, Facts
from tests.invariants.rows import Broken, Slot, Task

PENDING = ("open", "returned")


class Reviews:
    """The part of `rebuilding.Rebuilt` that reads the events of reviews."""

    facts: Facts
    tasks: dict[int, Task]
    reviews: dict[int, str]
    due: dict[int, str]

    def on_review_opened(self, event: Event) -> None:
        """The task waits now, whatever its answers come to."""
        review = self.facts.review_of[event.data["work"]]
        self.reviews[review] = "open"
        self.due.pop(event.data["task"], None)
        if [self.reviews.get(one) for one in self._of_answer(review)].count("open") != 1:
            raise Broken(f"{event}: the answer is under review already")

    def on_review_decided(self, event: Event) -> None:
        review = event.subject
        if self.reviews.get(review) != "open":
            raise Broken(f"{event}: the review is {self.reviews.get(review)}")
        task, assignment, work, _ = self.facts.reviews[review]
        self._done(work, event)
        verdict, value = self.facts.decided[event.id]
        self.reviews[review] = {"accept": "accepted", "fix": "fixed", "return": "returned"}[verdict]
        if verdict == "fix":
            said = self.tasks[task].slots[assignment].said
            assert said is not None
            self.tasks[task].answers[said] = value
        self._judge_if_all_is_reviewed(task)

    def on_review_disputed(self, event: Event) -> None:
        if self.reviews.get(event.subject) != "returned":
            raise Broken(f"{event}: the review is {self.reviews.get(event.subject)}")
        self.reviews[event.subject] = "disputed"
        self.due[event.data["task"]] = "disputed"

    def on_review_overturned(self, event: Event) -> None:
        if self.reviews.get(event.subject) != "returned":
            raise Broken(f"{event}: the review is {self.reviews.get(event.subject)}")
        self.reviews[event.subject] = "overturned"
        self._judge_if_all_is_reviewed(event.data["task"])

    def on_review_reworked(self, event: Event) -> None:
        if self.reviews.get(event.subject) != "returned":
            raise Broken(f"{event}: the review is {self.reviews.get(event.subject)}")
        self.reviews[event.subject] = "reworked"
        rework = self.facts.reviews[event.subject][3]
        assert rework is not None
        self._done(rework, event)

    def on_review_withdrawn(self, event: Event) -> None:
        if self.reviews.get(event.subject) not in PENDING:
            raise Broken(f"{event}: the review is {self.reviews.get(event.subject)}")
        self.reviews[event.subject] = "withdrawn"

    def on_task_dropped(self, event: Event) -> None:
        """Work on a review that nobody needs any more."""
        task = self.tasks[event.subject]
        if task.state != "open" or any(slot.state == "leased" for slot in task.slots.values()):
            raise Broken(f"{event}: the task is {task}")
        for slot in task.slots.values():
            if slot.state in ("open", "held", "reserved"):
                slot.state, slot.annotator = "withdrawn", None
        task.state = "withdrawn"

    def _under_review(self, number: int) -> bool:
        return any(
            state in PENDING and self.facts.reviews[review][0] == number
            for review, state in self.reviews.items()
        )

    def _of_answer(self, review: int) -> list[int]:
        assignment = self.facts.reviews[review][1]
        return [one for one, facts in self.facts.reviews.items() if facts[1] == assignment]

    def _judge_if_all_is_reviewed(self, number: int) -> None:
        task = self.tasks[number]
        if task.state == "open" and len(task.answers) >= task.overlap and not self._under_review(number):
            self.due[number] = self._judge(task)

    def _done(self, number: int, event: Event) -> None:
        (slot,) = (slot for slot in self.tasks[number].slots.values() if slot.state == "leased")
        if event.by is None:
            raise Broken(f"{event} names nobody")
        slot.state = "submitted"
        self.tasks[number].answers.append("")
        self.tasks[number].state = "resolved"

    def _comes_back(self, number: int, slot: Slot, state: str) -> None:
        """A slot that nobody has any more: that of a task kept for somebody is hers again."""
        kept = self.facts.kept.get(number)
        slot.state, slot.annotator = ("reserved", kept) if kept and state == "open" else (state, None)

    def _judge(self, task: Task) -> str:
        raise NotImplementedError
