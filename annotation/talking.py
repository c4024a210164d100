"""Threads: what annotators, reviewers and leads write to each other about one task.

    (nothing) -> message, with its mentions: say
    mention unread -> read: open_thread

Who has the task, or had it, reviews an answer of it, or may see disputes, may write. Nobody's name is shown: annotators are
numbers of this thread alone, others are what they are. An annotator who has not answered reads what she wrote herself and
nothing else, so that no message gives her another's answer; and so does a lead while a dispute of the task waits to be decided
blind to what was said of it. A task that measures her has its thread like any other.
A question about a clause is asked there (`asking`), not here.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import shadowing
from annotation.models import (
    Dispute,
    DisputeState,
    FirstReading,
    Mention,
    Message,
    Review,
    Ruling,
    Speaker,
)
from specs import canonical, ledger
from specs.access import permissions_of
from specs.models import Member, MemberState
from specs.refusals import Invalid, NotAllowed
from workforce.models import Assignment, Queue, SlotState, Task

_MENTIONED = re.compile(r"(?<![\w@])@(reviewer|lead|[1-9][0-9])\b")
_HERS = (SlotState.LEASED, SlotState.SUBMITTED, SlotState.RESERVED)


@dataclass(frozen=True)
class Place:
    """How somebody stands to the thread of a task: as what she writes, and whether she reads what others wrote."""

    speaker: Speaker
    reads_all: bool


@dataclass(frozen=True)
class Said:
    """One message as its reader sees it: by whom, as a number or a role."""

    number: int
    who: str
    own: bool
    speaker: str
    text: str
    written_at: datetime


def place_of(*, task: Task, member: Member) -> Place | None:
    """How the member stands to the task's thread; None where she has nothing to do with it."""
    slots = Assignment.objects.filter(task=task, annotator__member=member, state__in=_HERS)
    own = slots.values_list("state", flat=True).first()
    if own is not None:
        return Place(Speaker.ANNOTATOR, own == SlotState.SUBMITTED)
    works = Review.objects.filter(task=task).values("work")
    if Assignment.objects.filter(task__in=works, annotator__member=member, state__in=_HERS).exists():
        return Place(Speaker.REVIEWER, True)
    if "dispute.read" in permissions_of(member):
        return Place(Speaker.LEAD, not _blind(task, member))
    return None


def _blind(task: Task, member: Member) -> bool:
    """Whether the member may be to decide a dispute of the task without knowing what was said of it: as a second lead, after an
    appeal or anew, before she has said what she thinks, or as gold of her own."""
    waits = Dispute.objects.filter(task=task)
    if waits.filter(shadowing.hers(member), state=DisputeState.PROBE).exists():
        return True
    seconds = waits.filter(state=DisputeState.SECOND)
    if seconds.exclude(of__in=Ruling.objects.filter(by=member).values("dispute")).exists():
        return True
    for one in waits.filter(state=DisputeState.OPEN):
        ruled = Ruling.objects.filter(dispute=one)
        if ruled.exists() and not ruled.filter(by=member).exists():
            return True
        said = FirstReading.objects.filter(dispute=one, annotator__member=member)
        if one.independent and not said.exists():
            return True
    return False


def about(task: Task) -> Task:
    """The task that a thread is about: of work on a review, or of rework, the one whose answer it looks at."""
    found = Review.objects.filter(Q(work=task) | Q(rework=task)).select_related("task").first()
    return found.task if found is not None else task


def say(*, task: Task, text: str, by: Member) -> Message:
    """Write into the thread of a task; whom it names by `@` and a number, `@reviewer` or `@lead` finds it in the inbox.

    Raises `NotAllowed`, `Invalid`.
    """
    if not text.strip():
        raise Invalid(_("The message is empty."))
    if len(text) > settings.MAX_COMMENT_CHARACTERS:
        raise Invalid(_("A message has at most %(n)s characters.") % {"n": settings.MAX_COMMENT_CHARACTERS})
    place = place_of(task=task, member=by)
    if place is None:
        raise NotAllowed(_("Who has the task, reviews an answer of it or decides disputes writes here."))
    with transaction.atomic():
        event = ledger.record(
            project_id=task.project_id,
            kind="thread.message",
            by=by,
            subject=("task", task.pk),
            data={"speaker": place.speaker.value, "text": canonical.digest(text.strip().encode())},
        )
        made = Message.objects.create(
            project_id=task.project_id,
            task=task,
            by=by,
            speaker=place.speaker,
            text=text.strip(),
            event_id=event,
        )
        named = set(_MENTIONED.findall(text))
        Mention.objects.bulk_create(
            Mention(project_id=task.project_id, message=made, member=member)
            for member in _named(task, named)
            if member.pk != by.pk
        )
    return made


def _named(task: Task, names: Iterable[str]) -> list[Member]:
    """Who is meant: annotators by their numbers, who has reviewed, the leads who wrote here or else the queue's owner."""
    found: dict[int, Member] = {}
    numbers = {number: pk for pk, number in numbers_of(task).items()}
    wanted = set(names)
    annotators = [numbers[name] for name in wanted if name in numbers]
    members = Q(pk__in=annotators)
    if "reviewer" in wanted:
        works = Review.objects.filter(task=task).values("work")
        reviewers = Assignment.objects.filter(task__in=works, annotator__isnull=False)
        members |= Q(pk__in=reviewers.values("annotator__member"))
    if "lead" in wanted:
        wrote = Message.objects.filter(task=task, speaker=Speaker.LEAD).values("by")
        leads = Member.objects.filter(pk__in=wrote, state=MemberState.ACTIVE)
        owner = Queue.objects.values_list("owner", flat=True).get(pk=task.queue_id)
        members |= Q(pk__in=leads.values("pk")) if leads.exists() else Q(pk=owner)
    for member in Member.objects.filter(members, project=task.project_id, state=MemberState.ACTIVE):
        found[member.pk] = member
    return list(found.values())


def numbers_of(task: Task) -> dict[int, str]:
    """The number, 10 to 99, that stands for each annotator's member in this thread, and in no other.

    A hash of both, so that it tells nothing and stays as it is when others come; of two with one number the later takes the next.
    """
    slots = Assignment.objects.filter(task=task, annotator__member__isnull=False, state__in=_HERS)
    found: dict[int, str] = {}
    for member in slots.order_by("leased_at", "pk").values_list("annotator__member", flat=True):
        place = uuid.uuid5(uuid.NAMESPACE_OID, f"thread:{task.pk}:{member}").int
        tried = (str(10 + (place + step) % 90) for step in range(90))
        found[member] = next(one for one in tried if one not in found.values())
    return found


def read(*, task: Task, member: Member) -> list[Said]:
    """The messages that the member may read, oldest first. Raises `NotAllowed`."""
    place = place_of(task=task, member=member)
    if place is None:
        raise NotAllowed(_("Who has the task, reviews an answer of it or decides disputes reads here."))
    rows = Message.objects.filter(task=task).order_by("pk")
    if not place.reads_all:
        rows = rows.filter(by=member)
    numbers = numbers_of(task)
    return [
        Said(
            number=one.pk,
            who=numbers.get(one.by_id, "") if one.speaker == Speaker.ANNOTATOR else "",
            own=one.by_id == member.pk,
            speaker=one.speaker,
            text=one.text,
            written_at=one.written_at,
        )
        for one in rows
    ]


def open_thread(*, task: Task, member: Member) -> int:
    """She has opened the thread: what names her in it, and she may read, is read. Harmless to repeat; returns how many."""
    place = place_of(task=task, member=member)
    if place is None or not place.reads_all:
        return 0
    unread = Mention.objects.filter(member=member, message__task=task, read_at=None)
    return unread.update(read_at=Now())


def unread(members: Iterable[Member]) -> QuerySet[Mention]:
    """What names these members and they have not read, the newest first."""
    rows = Mention.objects.filter(member__in=list(members), read_at=None)
    return rows.select_related("message__task__item", "message__task__queue").order_by("-pk")
