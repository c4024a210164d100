"""The whole story of one item: its revisions, tasks, answers, labels, disputes, reviews, threads, events, exports. Reads only.

What may sway somebody who is to decide or to answer is kept from her: answers of a task that has not ended from whoever
answers in this project, and those of an independent dispute from everybody; who gave an answer from whoever decides, until
it is over. Then annotators are numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Count

from annotation import export_rows, item_rows, seconding, shadowing
from annotation.finding import Eyes
from annotation.models import (
    Annotation,
    Carry,
    Dispute,
    DisputeState,
    Message,
    Resolution,
    Review,
    Ruling,
    Snapshot,
    SnapshotState,
)
from specs import versions
from specs.access import permissions_of
from specs.models import Event, LedgerEntry, Member
from workforce import categories
from workforce.models import Assignment, Item, KnownAnswer, SlotState, Task

MOST_EVENTS = 200
"""Events of one item that are shown, the newest."""


@dataclass(frozen=True)
class Said:
    """One answer as its reader sees it. `who` is a pseudonym where `named`, else a number of this task."""

    id: int
    who: str
    named: bool
    values: list[tuple[str, str]]
    stored: dict[str, Any]
    cannot: str
    cited: list[str]
    flagged: bool
    confidence: int | None
    version: str
    at: Any
    revision: int
    source: str


@dataclass(frozen=True)
class Held:
    """A slot that is out, kept or waiting; `who` is "" where that is not shown."""

    state: str
    title: str
    who: str
    until: Any


@dataclass
class TaskStory:
    """One task with all that hangs on it. `hidden` says why no answers are shown: `independent`, `asked`, or ""."""

    task: Task
    hidden: str = ""
    names: bool = False
    slots: list[Held] = field(default_factory=list)
    answers: list[Said] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    disputes: list[tuple[Dispute, Ruling | None]] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    n_messages: int | None = None


@dataclass
class Story:
    item: Item
    revisions: list[Item]
    tasks: list[TaskStory]
    tags: list[str]
    clauses: list[str]
    gold: list[KnownAnswer]
    by_version: list[dict[str, Any]]
    events: list[dict[str, Any]]


def read(*, item: Item, member: Member, allowed: Collection[str] | None = None) -> Story:
    """All that the member may know of the item, by these permissions of hers. As many statements for a task as for ten."""
    allowed = permissions_of(member) if allowed is None else allowed
    eyes = Eyes.of(member, allowed)
    tasks = [TaskStory(task) for task in item_rows.work_on([item.pk])]
    by_task = {one.task.pk: one for one in tasks}
    _disputes(by_task, member)
    _hide(by_task, eyes, member)
    _slots(by_task)
    _answers(by_task)
    _labels(by_task)
    for review in Review.objects.filter(task__in=by_task).select_related("stage").order_by("pk"):
        by_task[review.task_id].reviews.append(review)
    messages = Message.objects.filter(task__in=by_task).values_list("task").annotate(n=Count("pk"))
    counted = dict(messages.order_by("task"))
    for number, one in by_task.items():
        if "thread.write" in allowed and not one.hidden:
            one.n_messages = counted.get(number, 0)
    known = KnownAnswer.objects.filter(item=item).order_by("pk") if "gold.manage" in allowed else []
    return Story(
        item=item,
        revisions=list(
            Item.objects.filter(project=item.project_id, key=item.key)
            .select_related("load")
            .prefetch_related("ends")
            .order_by("revision")
        ),
        tasks=tasks,
        tags=[one.tag.key for one in item.item_tags.select_related("tag").order_by("tag__key")],
        clauses=[
            one.clause.key for one in item.item_clauses.select_related("clause").order_by("clause__key")
        ],
        gold=list(known),
        by_version=_by_version(tasks),
        events=_events(item, by_task),
    )


def _disputes(by_task: dict[int, TaskStory], member: Member) -> None:
    rows = shadowing.visible_to(
        member, Dispute.objects.filter(task__in=by_task).exclude(state__in=shadowing.SHADOWS)
    )
    found = list(rows.exclude(state__in=shadowing.SECONDS).order_by("pk"))
    rulings = {
        one.dispute_id: one
        for one in Ruling.objects.filter(dispute__in=found).select_related("clause", "version").order_by("pk")
    }
    for dispute in found:
        ruling = rulings.get(dispute.pk)
        if ruling and (dispute.state == DisputeState.OPEN or seconding.hides(dispute, member)):
            ruling = None
        by_task[dispute.task_id].disputes.append((dispute, ruling))


def _hide(by_task: dict[int, TaskStory], eyes: Eyes, member: Member) -> None:
    waits = Dispute.objects.filter(task__in=by_task, state__in=[DisputeState.OPEN, DisputeState.SECOND])
    waiting = list(waits.values_list("task", "independent"))
    blind = {task for task, independent in waiting if independent}
    undecided = {task for task, _ in waiting}
    own = set(
        Annotation.objects.filter(task__in=undecided, annotator__member=member).values_list("task", flat=True)
    )
    for number, one in by_task.items():
        ended = one.task.state not in ("open", "disputed") and number not in undecided
        one.names = eyes.names if ended else eyes.names_of_open
        if number in blind:
            one.hidden = "independent"
        elif not ended and (not eyes.answers_of_open or number in own):
            one.hidden = "asked"


def _slots(by_task: dict[int, TaskStory]) -> None:
    out = [SlotState.LEASED, SlotState.RESERVED, SlotState.HELD]
    rows = Assignment.objects.filter(task__in=by_task, state__in=out).select_related("annotator")
    for slot in rows.order_by("task", "number"):
        one = by_task[slot.task_id]
        who = slot.annotator.pseudonym if slot.annotator is not None and one.names else ""
        one.slots.append(
            Held(slot.state, slot.get_state_display(), who, slot.lease_until or slot.reserved_until)
        )


def _answers(by_task: dict[int, TaskStory]) -> None:
    shown = [number for number, one in by_task.items() if not one.hidden]
    rows = (
        Annotation.objects.counted()
        .filter(task__in=shown)
        .select_related("annotator")
        .prefetch_related("citations__clause")
        .order_by("task", "ordinal")
    )
    for answer in rows:
        one = by_task[answer.task_id]
        one.answers.append(
            Said(
                id=answer.pk,
                who=answer.annotator.pseudonym if one.names else str(answer.ordinal),
                named=one.names,
                values=[
                    (question, item_rows.said(answer.version_id, question, value))
                    for question, value in answer.values.items()
                ],
                stored=answer.values,
                cannot=str(categories.title(answer.cannot)) if answer.cannot else "",
                cited=sorted({cited.clause.key if cited.clause else "" for cited in answer.citations.all()}),
                flagged=answer.flagged,
                confidence=answer.confidence,
                version=versions.read(answer.version_id).number,
                at=answer.answered_at,
                revision=answer.revision,
                source=answer.get_source_display(),
            )
        )


def _labels(by_task: dict[int, TaskStory]) -> None:
    """What each task ended with, every time; what was in force before an appeal or another look as well."""
    newest: dict[tuple[int, str], int] = {}
    rows = list(Resolution.objects.filter(task__in=by_task).order_by("question", "revision"))
    for told in rows:
        newest[told.task_id, told.question] = told.revision
    for told in rows:
        one = by_task[told.task_id]
        held_back = any(
            dispute.state == DisputeState.OPEN or ruling is None for dispute, ruling in one.disputes
        )
        if told.ruling_id and held_back:
            continue  # another lead is to decide it without knowing this
        label = item_rows.label(told)
        one.labels.append(
            {
                "question": label.question,
                "text": label.text,
                "value": label.value,
                "basis": label.basis,
                "rule": told.rule,
                "version": versions.read(told.version_id).number,
                "at": told.resolved_at,
                "in_force": newest[told.task_id, told.question] == told.revision
                and one.task.state not in ("open", "disputed"),
            }
        )


def _by_version(tasks: Sequence[TaskStory]) -> list[dict[str, Any]]:
    """The label under each version of the spec: decided there, or carried into it."""
    found: list[dict[str, Any]] = []
    carries: dict[int, list[Carry]] = defaultdict(list)
    queues = {one.task.queue_id for one in tasks}
    for carry in (
        Carry.objects.filter(queue__in=queues).select_related("from_version", "to_version").order_by("pk")
    ):
        carries[carry.queue_id].append(carry)
    for one in tasks:
        decided = [label for label in one.labels if label["in_force"]]
        if not decided:
            continue
        told = {
            "queue": one.task.queue.name,
            "labels": [(label["question"], label["text"]) for label in decided],
        }
        found.append({**told, "version": decided[0]["version"], "carried": False})
        meaning = one.task.meaning
        for carry in carries[one.task.queue_id]:
            if carry.from_version.meaning == meaning and one.task.pk not in carry.exceptions:
                meaning = carry.to_version.meaning or 0
                labels = [(label["question"], _carried(label, carry.mapping)) for label in decided]
                found.append({**told, "labels": labels, "version": carry.to_version.number, "carried": True})
    return found


def _carried(label: dict[str, Any], mapping: dict[str, Any]) -> str:
    names = mapping.get(label["question"]) or {}
    value = label["value"]
    return str(names.get(value) or label["text"]) if isinstance(value, str) else str(label["text"])


def _events(item: Item, by_task: dict[int, TaskStory]) -> list[dict[str, Any]]:
    """What the ledger has of its tasks and answers, newest first. Who did it is shown where names are."""
    slots = dict(Assignment.objects.filter(task__in=by_task).values_list("pk", "task"))
    disputes = dict(
        Dispute.objects.filter(task__in=by_task)
        .exclude(state__in=(*shadowing.SHADOWS, *shadowing.SECONDS))
        .values_list("pk", "task")
    )
    reviews = dict(Review.objects.filter(task__in=by_task).values_list("pk", "task"))
    subjects: list[tuple[str, dict[int, int]]] = [
        ("task", {number: number for number in by_task}),
        ("assignment", slots),
        ("dispute", disputes),
        ("review", reviews),
        ("load", {item.load_id: 0} if item.load_id else {}),
    ]
    rows: list[Event] = []
    task_of: dict[tuple[str, int], int] = {}
    for subject, numbers in subjects:
        if numbers:
            task_of |= {(subject, number): task for number, task in numbers.items()}
            rows += Event.objects.filter(
                project=item.project_id, subject=subject, subject_id__in=list(numbers)
            ).order_by("-pk")[:MOST_EVENTS]
    rows = sorted(rows, key=lambda event: -event.pk)[:MOST_EVENTS]
    places = dict(
        LedgerEntry.objects.filter(event_id__in=[row.pk for row in rows]).values_list("event_id", "position")
    )
    hidden = {"dispute.second-asked", "dispute.probed", "probe.judged"}
    found = []
    for row in rows:
        task = task_of[row.subject, row.subject_id]
        if row.kind in hidden or (task and by_task[task].hidden and row.subject != "task"):
            continue
        found.append(
            {
                "id": row.pk,
                "kind": row.kind,
                "task": task or None,
                "at": row.recorded_at,
                "position": places.get(row.pk),
            }
        )
    return found


def exports(*, item: Item) -> list[dict[str, Any]]:
    """The newest frozen snapshots (`ITEM_SNAPSHOTS` of them), each with the item's labels there; None where it has no row."""
    found = []
    rows = Snapshot.objects.filter(project=item.project_id, state=SnapshotState.FROZEN).select_related(
        "version", "version__spec", "project"
    )
    for snapshot in rows.order_by("-pk")[: settings.ITEM_SNAPSHOTS]:
        row = export_rows.Reader(snapshot).of_item(item.pk)
        labels = None if row is None else {key: one["value"] for key, one in row["labels"].items()}
        found.append({"snapshot": snapshot, "labels": labels})
    return found
