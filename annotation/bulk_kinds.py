"""What can be done to many items at once: each kind with what it needs, how it is done, and how it is taken back.

Every kind works on a part of the items inside the transaction of that part, and says of each item what became of it. Nothing
waits for anybody: a lease is honoured, what a lead has before her stays, and so does every answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import nominating, reviewing, tagging, under_review
from annotation.models import Annotation, BulkChange, BulkKind, ItemTag, Resolution
from specs import ledger
from specs.access import get_or_404
from specs.models import Member, Spec
from specs.refusals import Invalid
from workforce import assigning, goldkeeping, reordering, reserving, review_stages, routing
from workforce.models import ABOUT_OTHERS, Annotator, KnownAnswer, Queue, QueueState, Task, TaskState

REASONS: Mapping[str, str | Promise] = {
    "held": gettext_lazy("somebody has it in hands"),
    "disputed": gettext_lazy("a lead has it to decide"),
    "no-open-task": gettext_lazy("it has no open task there"),
    "there": gettext_lazy("it waits there already"),
    "same": gettext_lazy("it is so already"),
    "no-answer": gettext_lazy("nobody has answered it"),
    "no-stage": gettext_lazy("its queue has no review stage"),
    "under-review": gettext_lazy("it is under review already"),
    "ruled": gettext_lazy("a lead has decided it"),
    "not-alike": gettext_lazy("its answers are not alike, or it is known already"),
    "replaced": gettext_lazy("its source has changed or withdrawn it"),
    **assigning.REASONS,
}
"""Why an item was left as it was."""


@dataclass
class Outcome:
    """Of a part: `changed` items with what has to be known to take it back, and why the others were left."""

    changed: dict[int, dict[str, Any]] = field(default_factory=dict)
    left: dict[int, str] = field(default_factory=dict)

    def rest(self, items: Sequence[int], reason: str) -> Outcome:
        """With every item that is not named yet left for this reason."""
        for item in items:
            if item not in self.changed:
                self.left.setdefault(item, reason)
        return self


class Kind(ABC):
    """One kind of change. `permission` is needed for it; `taken_back` says in words what taking it back does."""

    kind: ClassVar[str]
    permission: ClassVar[str] = "queue.manage"
    takes: ClassVar[tuple[str, ...]] = ()
    undoable: ClassVar[bool] = True
    taken_back: ClassVar[str | Promise]

    @abstractmethod
    def check(self, given: Mapping[str, Any], by: Member) -> dict[str, Any]:
        """The arguments as they are kept. Raises `Invalid`, `Http404`."""

    @abstractmethod
    def do(self, change: BulkChange, items: Sequence[int]) -> Outcome:
        """Do it to these items."""

    def undo(self, change: BulkChange, told: Mapping[int, dict[str, Any]], by: Member) -> Collection[int]:
        """Take it back from these items; those of which it could be."""
        raise NotImplementedError


def _queue(given: Mapping[str, Any], by: Member, *, needed: bool) -> Queue | None:
    key = str(given.get("queue") or "")
    if not key and not needed:
        return None
    if not key:
        raise _problem("queue", _("Name a queue."))
    found = get_or_404(Queue, project=by.project, key=key)
    if found.purpose in ABOUT_OTHERS:
        raise _problem("queue", _("What waits in this queue is about answers of another one."))
    return found


def _problem(where: str, message: str) -> Invalid:
    return Invalid(message, problems=[{"where": where, "message": message}])


def open_tasks(change: BulkChange, items: Sequence[int]) -> list[Task]:
    """The unfinished tasks of these items, locked, in the queue that is named or in any."""
    rows = Task.objects.filter(item__in=items, state__in=[TaskState.OPEN, TaskState.DISPUTED], purpose="work")
    rows = rows.exclude(queue__purpose__in=ABOUT_OTHERS)
    if queue := change.arguments.get("queue"):
        rows = rows.filter(queue=queue)
    return list(rows.order_by("pk").select_for_update(no_key=True, of=("self",)))


def ended_items(items: Sequence[int]) -> set[int]:
    """Those that are not current any more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT item_id FROM workforce_itemend WHERE item_id = ANY(%s)", [list(items)])
        return {row[0] for row in cursor.fetchall()}


class Requeue(Kind):
    kind = BulkKind.REQUEUE
    takes = ("queue",)
    taken_back = gettext_lazy(
        "Taken back, the new tasks are withdrawn that nobody holds or has answered by then."
    )

    def check(self, given: Mapping[str, Any], by: Member) -> dict[str, Any]:
        queue = _queue(given, by, needed=True)
        assert queue is not None
        if queue.state == QueueState.CLOSED or queue.version_id is None:
            raise _problem("queue", _("The queue is closed."))
        return {"queue": queue.pk}

    def do(self, change: BulkChange, items: Sequence[int]) -> Outcome:
        queue = Queue.objects.select_related("version").get(pk=change.arguments["queue"])
        if queue.state == QueueState.CLOSED or queue.version is None:
            raise Invalid(_("The queue is closed."))
        found = Outcome(left=dict.fromkeys(ended_items(items), "replaced"))
        found.left |= {task.item_id: "there" for task in open_tasks(change, items)}
        answered: dict[int, set[int]] = defaultdict(set)
        for item, annotator in Annotation.objects.filter(
            task__item__in=items, task__queue=queue, task__purpose="work"
        ).values_list("task__item", "annotator"):
            answered[item].add(annotator)
        for item in items:
            if item not in found.left:
                task = routing.route(
                    item_id=item,
                    queue=queue,
                    meaning=queue.version.meaning or 0,
                    barred=answered[item],
                    by=change.by,
                )
                found.changed[item] = {"tasks": [task.pk]}
        return found

    def undo(self, change: BulkChange, told: Mapping[int, dict[str, Any]], by: Member) -> Collection[int]:
        tasks = {task: item for item, one in told.items() for task in one["tasks"]}
        return {tasks[task] for task in withdraw(list(tasks), untouched=True)}


_SLOTS = """
    UPDATE workforce_assignment s SET state = 'withdrawn', annotator_id = NULL, reserved_until = NULL FROM workforce_task t
    WHERE t.id = ANY(%(tasks)s) AND t.state = 'open' AND s.task_id = t.id AND s.state IN ('open', 'held', 'reserved')
      AND NOT EXISTS (SELECT FROM workforce_assignment h WHERE h.task_id = t.id AND h.state = 'leased')
      AND (NOT %(untouched)s OR t.n_answers = 0)
"""
_TASKS = """
    UPDATE workforce_task t SET state = 'withdrawn', settled_at = statement_timestamp()
    WHERE t.id = ANY(%(tasks)s) AND t.state = 'open' AND (NOT %(untouched)s OR t.n_answers = 0)
      AND NOT EXISTS (SELECT FROM workforce_assignment h WHERE h.task_id = t.id AND h.state = 'leased')
    RETURNING t.id
"""


def withdraw(tasks: Sequence[int], *, untouched: bool = False) -> list[int]:
    """Withdraw these open tasks with their slots, but for those that somebody holds; with *untouched* only unanswered ones."""
    known: dict[str, Any] = {"tasks": list(tasks), "untouched": untouched}
    with connection.cursor() as cursor:
        # The slots first: whoever claims one at this moment has it before, and is honoured, or finds nothing.
        cursor.execute(_SLOTS, known)
        cursor.execute(_TASKS, known)
        return [row[0] for row in cursor.fetchall()]


class Withdraw(Kind):
    kind = BulkKind.WITHDRAW
    takes = ("queue",)
    taken_back = gettext_lazy(
        "Taken back, each item gets a new task in the same queue, with the same priority. Answers that a withdrawn task had "
        "stay with it and do not count for the new one."
    )

    def check(self, given: Mapping[str, Any], by: Member) -> dict[str, Any]:
        queue = _queue(given, by, needed=False)
        return {"queue": queue.pk} if queue else {}

    def do(self, change: BulkChange, items: Sequence[int]) -> Outcome:
        found = Outcome()
        tasks = {task.pk: task for task in open_tasks(change, items)}
        gone = withdraw([pk for pk, task in tasks.items() if task.state == TaskState.OPEN])
        for number in gone:
            task = tasks[number]
            if under_review.pending(number):
                under_review.withdraw(task_id=number)
            found.changed.setdefault(task.item_id, {"tasks": []})["tasks"].append(number)
        for number in tasks.keys() - set(gone):
            disputed = tasks[number].state == TaskState.DISPUTED
            found.left.setdefault(tasks[number].item_id, "disputed" if disputed else "held")
        found.left = {item: why for item, why in found.left.items() if item not in found.changed}
        return found.rest(items, "no-open-task")

    def undo(self, change: BulkChange, told: Mapping[int, dict[str, Any]], by: Member) -> Collection[int]:
        numbers = [task for one in told.values() for task in one["tasks"]]
        tasks = Task.objects.filter(pk__in=numbers).select_related("queue__version").order_by("pk")
        live = set(
            Task.objects.filter(item__in=list(told), purpose="work")
            .exclude(state=TaskState.WITHDRAWN)
            .values_list("item", "queue")
        )
        back, moved, gone = set(), [], ended_items(list(told))
        for task in tasks:
            queue = task.queue
            if (task.item_id, queue.pk) in live or task.item_id in gone or queue.version is None:
                continue
            if queue.state == QueueState.CLOSED:
                continue
            again = routing.route(
                item_id=task.item_id,
                queue=queue,
                meaning=queue.version.meaning or 0,
                overlap=max(task.planned or queue.overlap, 1),
                by=by,
            )
            if task.priority:
                Task.objects.filter(pk=again.pk).update(priority=task.priority)
                moved.append(again.pk)
            back.add(task.item_id)
        reordering.place(tasks=moved)
        return back


class Prioritise(Kind):
    kind = BulkKind.PRIORITISE
    takes = ("priority", "queue")
    taken_back = gettext_lazy("Taken back, tasks that still have this priority get the one they had before.")

    def check(self, given: Mapping[str, Any], by: Member) -> dict[str, Any]:
        queue = _queue(given, by, needed=False)
        said = str(given.get("priority", ""))
        if not (said.isascii() and said.isdigit() and len(said) < 6 and int(said) <= reordering.MAX_PRIORITY):
            raise _problem(
                "priority",
                _("A priority lies between 0 and %(max_priority)s.")
                % {"max_priority": reordering.MAX_PRIORITY},
            )
        return {"priority": int(said), **({"queue": queue.pk} if queue else {})}

    def do(self, change: BulkChange, items: Sequence[int]) -> Outcome:
        found, priority = Outcome(), change.arguments["priority"]
        for task in open_tasks(change, items):
            if task.state != TaskState.OPEN:
                found.left.setdefault(task.item_id, "disputed")
            elif task.priority == priority:
                found.left.setdefault(task.item_id, "same")
            else:
                found.changed.setdefault(task.item_id, {"tasks": []})["tasks"].append(
                    [task.pk, task.priority]
                )
        moved = [task for one in found.changed.values() for task, _before in one["tasks"]]
        Task.objects.filter(pk__in=moved).update(priority=priority)
        reordering.place(tasks=moved)
        found.left = {item: why for item, why in found.left.items() if item not in found.changed}
        return found.rest(items, "no-open-task")

    def undo(self, change: BulkChange, told: Mapping[int, dict[str, Any]], by: Member) -> Collection[int]:
        before = {task: was for one in told.values() for task, was in one["tasks"]}
        rows = Task.objects.filter(
            pk__in=list(before), state=TaskState.OPEN, priority=change.arguments["priority"]
        ).select_for_update(no_key=True)
        back = list(rows.order_by("pk"))
        for task in back:
            task.priority = before[task.pk]
        Task.objects.bulk_update(back, ["priority"])
        reordering.place(tasks=[task.pk for task in back])
        return {task.item_id for task in back}


class Assign(Kind):
    kind = BulkKind.ASSIGN
    takes = ("queue", "annotator", "days")
    taken_back = gettext_lazy(
        "Taken back, what is still kept for her is open to all again; what she has taken stays hers."
    )

    def check(self, given: Mapping[str, Any], by: Member) -> dict[str, Any]:
        queue = _queue(given, by, needed=True)
        assert queue is not None
        who = get_or_404(Annotator, project=by.project, pseudonym=str(given.get("annotator") or ""))
        said = str(given.get("days") or "1")
        if not (said.isascii() and said.isdigit() and 1 <= int(said[:4]) <= 90 and len(said) < 4):
            raise _problem("days", _("Work is kept for somebody for 1 to 90 days here."))
        assigning.check(queue=queue, annotator=who)
        return {"queue": queue.pk, "annotator": who.pk, "days": int(said)}

    def do(self, change: BulkChange, items: Sequence[int]) -> Outcome:
        found = Outcome()
        tasks = {task.pk: task.item_id for task in open_tasks(change, items) if task.state == TaskState.OPEN}
        if tasks:
            done = assigning.assign(
                queue=Queue.objects.get(pk=change.arguments["queue"]),
                task_ids=list(tasks),
                annotator=Annotator.objects.get(pk=change.arguments["annotator"]),
                keep=timedelta(days=change.arguments["days"]),
                by=change.by,
            )
            for task in done.tasks:
                found.changed.setdefault(tasks[task], {"tasks": []})["tasks"].append(task)
            for task, reason in done.left.items():
                if tasks[task] not in found.changed:
                    found.left.setdefault(tasks[task], reason)
        return found.rest(items, "no-open-task")

    def undo(self, change: BulkChange, told: Mapping[int, dict[str, Any]], by: Member) -> Collection[int]:
        tasks = {task: item for item, one in told.items() for task in one["tasks"]}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT task_id FROM workforce_assignment WHERE task_id = ANY(%s) AND annotator_id = %s AND state = 'reserved'",
                [list(tasks), change.arguments["annotator"]],
            )
            kept = [row[0] for row in cursor.fetchall()]
        reserving.give_back(
            which="s.annotator_id = %(annotator)s AND s.task_id = ANY(%(tasks)s)",
            by=by,
            annotator=change.arguments["annotator"],
            tasks=kept,
        )
        return {tasks[task] for task in kept}


class TagOn(Kind):
    kind = BulkKind.TAG
    permission = "item.read"
    takes = ("tag",)
    taken_back = gettext_lazy("Taken back, the tag goes from the items that had it not before.")

    def check(self, given: Mapping[str, Any], by: Member) -> dict[str, Any]:
        return {"tag": tagging.tag(project=by.project, key=str(given.get("tag") or ""), by=by).pk}

    def do(self, change: BulkChange, items: Sequence[int]) -> Outcome:
        return _both({item: {} for item in self._put(change, items)}, items)

    def undo(self, change: BulkChange, told: Mapping[int, dict[str, Any]], by: Member) -> Collection[int]:
        return self._take(change, list(told))

    def _put(self, change: BulkChange, items: Sequence[int]) -> list[int]:
        known = [change.project_id, change.arguments["tag"], list(items)]
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO annotation_itemtag (project_id, tag_id, item_id) SELECT %s, %s, unnest(%s::bigint[]) "
                "ON CONFLICT DO NOTHING RETURNING item_id",
                known,
            )
            return [row[0] for row in cursor.fetchall()]

    def _take(self, change: BulkChange, items: Sequence[int]) -> list[int]:
        rows = ItemTag.objects.filter(tag=change.arguments["tag"], item__in=list(items)).select_for_update()
        found = list(rows.order_by("item").values_list("item", flat=True))
        ItemTag.objects.filter(tag=change.arguments["tag"], item__in=found).delete()
        return found


class TagOff(TagOn):
    kind = BulkKind.UNTAG
    taken_back = gettext_lazy("Taken back, the items have the tag again.")

    def do(self, change: BulkChange, items: Sequence[int]) -> Outcome:
        return _both({item: {} for item in self._take(change, items)}, items)

    def undo(self, change: BulkChange, told: Mapping[int, dict[str, Any]], by: Member) -> Collection[int]:
        return self._put(change, list(told))


def _both(changed: dict[int, dict[str, Any]], items: Sequence[int]) -> Outcome:
    return Outcome(changed).rest(items, "same")


class Gold(Kind):
    kind = BulkKind.GOLD
    permission = "gold.manage"
    takes = ("spec",)
    taken_back = gettext_lazy("Taken back, candidates that nobody has decided on by then are declined.")

    def check(self, given: Mapping[str, Any], by: Member) -> dict[str, Any]:
        specs = Spec.objects.filter(project=by.project)
        key = str(given.get("spec") or "")
        found = specs.filter(key=key).first() if key else specs.first() if specs.count() == 1 else None
        if found is None:
            raise _problem("spec", _("Name the spec whose answers these are."))
        return {"spec": found.pk}

    def do(self, change: BulkChange, items: Sequence[int]) -> Outcome:
        spec = Spec.objects.get(pk=change.arguments["spec"])
        rows = KnownAnswer.objects.filter(spec=spec, item__in=items)
        before = set(rows.values_list("pk", flat=True))
        nominating.from_items(spec=spec, items=items, by=change.by)
        found = Outcome(left=dict.fromkeys(ended_items(items), "replaced"))
        for number, item in rows.exclude(pk__in=before).values_list("pk", "item"):
            found.changed.setdefault(item, {"known": []})["known"].append(number)
        found.left = {item: why for item, why in found.left.items() if item not in found.changed}
        return found.rest(items, "not-alike")

    def undo(self, change: BulkChange, told: Mapping[int, dict[str, Any]], by: Member) -> Collection[int]:
        known = [number for one in told.values() for number in one["known"]]
        waiting = KnownAnswer.objects.filter(pk__in=known, state="candidate")
        items = set(waiting.values_list("item", flat=True))
        goldkeeping.decline(spec=Spec.objects.get(pk=change.arguments["spec"]), ids=known, by=by)
        return items


class Review(Kind):
    kind = BulkKind.REVIEW
    takes = ("queue",)
    undoable = False
    taken_back = gettext_lazy(
        "This cannot be taken back: a review ends when a reviewer decides, or with its task. A settled task is open again until "
        "then, and keeps its label."
    )

    def check(self, given: Mapping[str, Any], by: Member) -> dict[str, Any]:
        queue = _queue(given, by, needed=True)
        assert queue is not None
        if not review_stages.in_force(queue_id=queue.pk):
            raise _problem("queue", _("This queue has no review stage."))
        return {"queue": queue.pk}

    def do(self, change: BulkChange, items: Sequence[int]) -> Outcome:
        found, queue = Outcome(), change.arguments["queue"]
        stages = review_stages.in_force(queue_id=queue)
        rows = Task.objects.filter(item__in=items, queue=queue, purpose="work").exclude(
            state=TaskState.WITHDRAWN
        )
        for task in rows.order_by("pk").select_for_update(no_key=True):
            why = self._why_not(task) if stages else "no-stage"
            if why:
                found.left.setdefault(task.item_id, why)
                continue
            answers = list(Annotation.objects.counted().filter(task=task).order_by("ordinal"))
            if not answers:
                found.left.setdefault(task.item_id, "no-answer")
                continue
            if task.state != TaskState.OPEN:
                routing.mark(task_id=task.pk, state=TaskState.OPEN)
                ledger.record(
                    project_id=task.project_id,
                    kind="task.reopened",
                    by=change.by,
                    subject=("task", task.pk),
                    data={"for": "review"},
                )
            reviews = [reviewing.look_again(answer=answer, stage=stages[0]).pk for answer in answers]
            found.changed.setdefault(task.item_id, {"reviews": []})["reviews"] += reviews
        found.left = {item: why for item, why in found.left.items() if item not in found.changed}
        return found.rest(items, "no-answer")

    def _why_not(self, task: Task) -> str:
        if task.state in (TaskState.DISPUTED, TaskState.UNLABELLABLE):
            return "disputed" if task.state == TaskState.DISPUTED else "ruled"
        if under_review.pending(task.pk):
            return "under-review"
        decided = Resolution.objects.current().filter(task=task).exclude(basis="consensus")
        return "ruled" if task.state == TaskState.RESOLVED and decided.exists() else ""


KINDS: Mapping[str, Kind] = {
    str(one.kind): one
    for one in (Requeue(), Withdraw(), Prioritise(), Assign(), TagOn(), TagOff(), Gold(), Review())
}
