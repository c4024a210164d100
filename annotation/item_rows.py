"""What a list of items shows of each: read for a page at a time, in as many statements for one item as for a hundred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation import presenting
from annotation.finding import Entry
from annotation.models import ItemTag, Resolution
from specs import task_types, versions
from specs.models import Project
from workforce import categories
from workforce.models import ABOUT_OTHERS, Item, Task

EXCERPT = 160
"""Characters of an item that a list shows."""


@dataclass(frozen=True)
class Label:
    """A question's label in words; `value` as it is stored, None where it cannot be labelled or several are right."""

    question: str
    text: str
    basis: str
    value: Any


@dataclass
class Row:
    """An item in a list; `ended` is why it is not current, "" while it is."""

    entry: Entry
    item: Item
    excerpt: str
    ended: str = ""
    tasks: list[Task] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


def rows(project: Project, entries: Sequence[Entry]) -> list[Row]:
    """The entries' rows, in their order."""
    numbers = [entry.item_id for entry in entries]
    items = Item.objects.select_related("load").prefetch_related("ends").in_bulk(numbers)
    found = {
        entry.item_id: Row(
            entry,
            items[entry.item_id],
            excerpt(items[entry.item_id].payload, project.item_fields),
            ended=next((end.reason for end in items[entry.item_id].ends.all()), ""),
        )
        for entry in entries
        if entry.item_id in items
    }
    for task in work_on(numbers):
        found[task.item_id].tasks.append(task)
    of_task = {task.pk: task.item_id for row in found.values() for task in row.tasks if settled(task)}
    for told in Resolution.objects.current().filter(task__in=list(of_task)).order_by("question", "pk"):
        found[of_task[told.task_id]].labels.append(label(told))
    for tag in ItemTag.objects.filter(item__in=numbers).select_related("tag").order_by("tag__key"):
        found[tag.item_id].tags.append(tag.tag.key)
    return list(found.values())


def settled(task: Task) -> bool:
    return task.state in ("resolved", "unlabellable")


def work_on(items: Sequence[int]) -> list[Task]:
    """The tasks of these items that ask for labels: none that measures people, or is about another task. Newest last."""
    tasks = Task.objects.filter(item__in=list(items), purpose="work").exclude(queue__purpose__in=ABOUT_OTHERS)
    return list(tasks.select_related("queue", "queue__spec").order_by("pk"))


def label(told: Resolution) -> Label:
    """What a task ended with, in words."""
    if told.cannot:
        text = str(categories.title(told.cannot))
    elif told.value is None:
        text = str(told.get_basis_display())
    else:
        text = said(told.version_id, told.question, told.value)
    return Label(told.question, text, told.get_basis_display(), told.value)


def said(version_id: int, question: str, value: Any) -> str:
    """A value in the words of its version."""
    asked = versions.read(version_id).question(question)
    return task_types.get(asked["kind"]).describe(asked, value)


def excerpt(payload: dict[str, Any], declared: str) -> str:
    """The beginning of what people look at first."""
    shown = presenting.fields(payload, declared=declared)
    text = " ".join(shown[0].text.split()) if shown else ""
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}…"
