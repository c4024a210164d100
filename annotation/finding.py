"""Looking for items: what may be asked, by whom, and a page of what is found. Reads only.

A question that few items answer is put to the index of facets and words, and what it gives is sorted; one that many answer is put
to the items in their order, from the place where the page begins, until the page is full. The count that is shown anyway
tells which, so a page costs about the same wherever it lies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection, transaction
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Tag
from specs.access import permissions_of
from specs.models import Clause, Member, Project
from specs.refusals import Invalid, NotAllowed
from workforce.models import ABOUT_OTHERS, Annotator, Enrolment, Queue, TaskState

ORDERS = {
    "newest": gettext_lazy("Newest first"),
    "oldest": gettext_lazy("Oldest first"),
    "changed": gettext_lazy("Changed last"),
    "disagreement": gettext_lazy("Disagreement"),
    "answers": gettext_lazy("Most answers"),
    "priority": gettext_lazy("Priority"),
    "key": gettext_lazy("Key"),
}
_COLUMNS = {
    "newest": ("item_id", "DESC", "bigint"),
    "oldest": ("item_id", "ASC", "bigint"),
    "changed": ("changed_at", "DESC", "timestamptz"),
    "disagreement": ("disagreement", "DESC", "double precision"),
    "answers": ("n_answers", "DESC", "integer"),
    "priority": ("priority", "DESC", "smallint"),
    "key": ('key COLLATE "C"', "ASC", "text"),
}
STATES = {"none": gettext_lazy("No task"), **dict(TaskState.choices)}
STANDING = {
    "current": gettext_lazy("Current"),
    "replaced": gettext_lazy("Replaced by a newer revision"),
    "withdrawn": gettext_lazy("Withdrawn by the source"),
    "any": gettext_lazy("All"),
}
SHOWN = {
    "text": gettext_lazy("Content"),
    "state": gettext_lazy("State"),
    "queue": gettext_lazy("Queue"),
    "label": gettext_lazy("Label"),
    "answers": gettext_lazy("Answers"),
    "disagreement": gettext_lazy("Disagreement"),
    "priority": gettext_lazy("Priority"),
    "tags": gettext_lazy("Tags"),
    "changed": gettext_lazy("Changed"),
    "load": gettext_lazy("Came in"),
}
USUAL = ("text", "state", "label", "answers", "disagreement", "changed")
MANY = ("field", "label", "said", "state", "tag", "columns")
MOST = 20
"""Values of one kind that a question names at the most."""
WALKED = 20_000
"""Items in their order that are looked through for a page, before all that were found are sorted."""


@dataclass(frozen=True)
class Asked:
    """What is looked for; everything that is said has to hold. Of several fields, labels, answers or tags each has to; of several
    states one. `text` are words: a phrase in quotes, `or`, a minus before what must not be there, a star after a beginning.
    `differ_from` and `differ_to` bound the share of pairs of answers that differ."""

    text: str = ""
    key: str = ""
    field: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    annotator: str = ""
    clause: str = ""
    state: tuple[str, ...] = ()
    queue: str = ""
    tag: tuple[str, ...] = ()
    differ_from: str = ""
    differ_to: str = ""
    review: str = ""
    flagged: str = ""
    standing: str = "current"
    order: str = "newest"
    columns: tuple[str, ...] = USUAL

    @classmethod
    def of(cls, query: QueryDict | Mapping[str, Any]) -> Asked:
        """What an address asks; parameters that it does not have are left alone. Raises `Invalid`."""
        found: dict[str, Any] = {}
        for one in fields(cls):
            if one.name in MANY:
                given = query.getlist(one.name) if isinstance(query, QueryDict) else query.get(one.name, ())
                told = tuple(dict.fromkeys(filter(None, (part.strip() for part in given))))
                if told:
                    found[one.name] = told
            elif told_once := str(query.get(one.name, "")).strip():
                found[one.name] = told_once
        return cls(**found).checked()

    def checked(self) -> Asked:
        """Itself. Raises `Invalid` with every problem."""
        problems = [
            *_unknown("state", self.state, STATES),
            *_unknown("standing", [self.standing], STANDING),
            *_unknown("order", [self.order], ORDERS),
            *_unknown("columns", self.columns, SHOWN),
        ]
        for name in MANY:
            if len(getattr(self, name)) > MOST:
                problems.append(_problem(name, _("has at most %(n)s values") % {"n": MOST}))
        for name in ("field", "label", "said"):
            if any("=" not in one for one in getattr(self, name)):
                problems.append(_problem(name, _("is a name, =, and a value")))
        for one in fields(self):
            said = getattr(self, one.name)
            if any(len(part) > 400 or "\x00" in part for part in ([said] if isinstance(said, str) else said)):
                problems.append(_problem(one.name, _("has at most 400 characters")))
        for name in ("differ_from", "differ_to"):
            if getattr(self, name) and _share(getattr(self, name)) is None:
                problems.append(_problem(name, _("is a share between 0 and 1")))
        if problems:
            raise Invalid(_("Items cannot be looked for like that."), problems=problems)
        return self

    def query(self, **changed: Any) -> str:
        """As an address has it, without what is usual."""
        said: dict[str, Any] = {}
        usual = Asked()
        for one in fields(self):
            value = changed.get(one.name, getattr(self, one.name))
            if value != getattr(usual, one.name):
                said[one.name] = value
        return urlencode(said, doseq=True)

    @property
    def parts(self) -> list[tuple[str, list[str]]]:
        """Its names and values, as fields of a form."""
        found = [(one.name, getattr(self, one.name)) for one in fields(self)]
        return [(name, [said] if isinstance(said, str) else list(said)) for name, said in found]

    @property
    def narrowed(self) -> bool:
        """Whether it leaves anything out."""
        return replace(self, order="newest", columns=USUAL) != Asked()


def _unknown(name: str, given: Sequence[str], there: Mapping[str, Any]) -> list[dict[str, str]]:
    if set(given) <= set(there):
        return []
    return [_problem(name, _("is one or more of: %(there)s") % {"there": ", ".join(there)})]


def _problem(where: str, message: str) -> dict[str, str]:
    return {"where": where, "message": message}


def _share(text: str) -> float | None:
    try:
        share = float(text)
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


@dataclass(frozen=True)
class Eyes:
    """What somebody may see of answers. `names`: pseudonyms. `names_of_open`, `answers_of_open`: also of tasks that have not
    ended: not for who may be asked to decide or to answer them."""

    names: bool
    names_of_open: bool
    answers_of_open: bool

    @classmethod
    def of(cls, member: Member, allowed: Collection[str] | None = None) -> Eyes:
        """Of a member with these permissions: a token may have fewer of them than she has."""
        allowed = permissions_of(member) if allowed is None else allowed
        works = (
            Enrolment.objects.filter(annotator__member=member, active=True)
            .exclude(queue__purpose__in=ABOUT_OTHERS)
            .exists()
        )
        names = "member.read" in allowed
        decides = "dispute.decide" in permissions_of(member)
        return cls(names, names and not works and not decides, not works)


@dataclass(frozen=True)
class Entry:
    """One item that was found."""

    item_id: int
    key: str
    n_answers: int
    disagreement: float | None
    priority: int
    changed_at: Any
    mark: str


@dataclass(frozen=True)
class Found:
    """A page. `n` items were found, or more than `n` if `more_than`; `next` is the mark behind the last one, "" at the end."""

    entries: list[Entry]
    n: int
    more_than: bool
    next: str = ""


@dataclass
class Terms:
    """A question as a condition on entries `e`. `nothing` says that no item can answer it."""

    where: list[str] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)
    nothing: bool = False

    def all_of(self, *facets: str) -> None:
        self.known.setdefault("facets", []).extend(f"{self.known['project']} {facet}" for facet in facets)

    def any_of(self, facets: Sequence[str]) -> None:
        if len(facets) == 1:
            return self.all_of(*facets)
        name = f"any{len(self.known)}"
        self.where.append(f"e.facets && %({name})s")
        self.known[name] = [f"{self.known['project']} {facet}" for facet in facets]
        return None

    @property
    def sql(self) -> str:
        facets = ["e.facets @> %(facets)s"] if "facets" in self.known else []
        return " AND ".join(["e.project_id = %(project)s", *facets, *self.where])


def terms(*, project: Project, asked: Asked, eyes: Eyes) -> Terms:
    """The question as a condition. Raises `Invalid` for what is not there, `NotAllowed` for names that she does not see."""
    found = Terms(known={"project": project.pk})
    if asked.standing != "any":
        found.all_of("e none" if asked.standing == "current" else f"e {asked.standing}")
    found.all_of(*(f"f {one}" for one in asked.field), *(f"l {one}" for one in asked.label))
    for one in asked.said:
        found.any_of([f"v {one}", f"V {one}"] if eyes.answers_of_open else [f"v {one}"])
    if asked.annotator:
        if not eyes.names:
            raise NotAllowed(_("You do not see who answered."))
        number = _id(Annotator.objects.filter(project=project, pseudonym=asked.annotator), asked.annotator)
        found.any_of([f"a {number}", f"A {number}"] if eyes.names_of_open else [f"a {number}"])
    if asked.clause:
        number = (
            0
            if asked.clause == "none"
            else _id(Clause.objects.filter(project=project, key=asked.clause), asked.clause)
        )
        found.any_of([f"c {number}", f"C {number}"] if eyes.answers_of_open else [f"c {number}"])
    _by_task(found, project, asked)
    for one in asked.tag:
        found.all_of(f"g {_id(Tag.objects.filter(project=project, key=one), one)}")
    if asked.review:
        found.all_of("r")
    if asked.flagged:
        found.all_of("x")
    for name, sign in (("differ_from", ">="), ("differ_to", "<=")):
        if said := getattr(asked, name):
            found.where.append(f"e.disagreement {sign} %({name})s")
            found.known[name] = _share(said)
    if asked.differ_to and not asked.differ_from:
        found.where.append("e.disagreement >= 0")
    if asked.key:
        found.where.append('e.key COLLATE "C" LIKE %(key)s')
        found.known["key"] = re.sub(r"([\\%_])", r"\\\1", asked.key) + "%"
    _by_words(found, asked.text)
    return found


def _id(rows: Any, said: str) -> int:
    """The row's number. Raises `Invalid` where there is none."""
    number = rows.values_list("pk", flat=True).first()
    if number is None:
        raise Invalid(_("There is no %(said)s here.") % {"said": said[:100]})
    return int(number)


def _by_task(found: Terms, project: Project, asked: Asked) -> None:
    """By state, by queue, or by a state in a queue, of one and the same task."""
    number = _id(Queue.objects.filter(project=project, key=asked.queue), asked.queue) if asked.queue else None
    states = [state for state in asked.state if state != "none" or number is None]
    if number is not None:
        found.any_of([f"qs {number} {state}" for state in states] or [f"q {number}"])
    elif states:
        found.any_of([f"s {state}" for state in states])


def _by_words(found: Terms, text: str) -> None:
    """Words as people type them; a beginning ends with a star."""
    begun = re.findall(r"(?<![\w-])(\w+)\*", text)
    rest = re.sub(r"(?<![\w-])\w+\*", " ", text).strip()
    if rest:
        found.where.append("e.words @@ websearch_to_tsquery('simple', %(words)s)")
        found.known["words"] = rest
    for n, one in enumerate(begun[:MOST]):
        found.where.append(f"e.words @@ to_tsquery('simple', %(begun{n})s)")
        found.known[f"begun{n}"] = f"{one}:*"
    if (rest or begun) and "facets" not in found.known:
        found.all_of("p")  # words are in one index with facets, over all projects


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?")
_ENTRY = "e.item_id, e.key, e.n_answers, e.disagreement, e.priority, e.changed_at, ({column})::text"
_ROWS = "SELECT {entry} FROM annotation_liveentry e WHERE {where} ORDER BY {order} LIMIT %(limit)s"
_COUNT = "SELECT count(*) FROM (SELECT FROM annotation_liveentry e WHERE {where} LIMIT %(most)s) found"
_WALK = """
    SELECT {entry} FROM (
        SELECT * FROM annotation_liveentry e WHERE e.project_id = %(project)s{behind} ORDER BY {order} LIMIT %(walked)s
    ) e WHERE {where} ORDER BY {order} LIMIT %(limit)s
"""
_LEFT = """
    SELECT count(*) FROM (
        SELECT FROM annotation_liveentry e WHERE e.project_id = %(project)s{behind} LIMIT %(walked)s) rest
"""


def find(*, project: Project, asked: Asked, eyes: Eyes, after: str = "", limit: int | None = None) -> Found:
    """A page of what is found behind the mark *after*, in the order asked for. Raises as `terms`, and for a bad mark."""
    limit = limit or settings.PAGE_SIZE
    question = terms(project=project, asked=asked, eyes=eyes)
    column, way, _kind = _COLUMNS[asked.order]
    order = f"e.{column} {way}, e.item_id {way}"
    behind, known = _behind(asked.order, after)
    known = {
        **question.known,
        **known,
        "limit": limit + 1,
        "most": settings.COUNTED_ITEMS + 1,
        "walked": WALKED,
    }
    texts = {"entry": _ENTRY.format(column=f"e.{column}"), "order": order, "behind": behind}
    with transaction.atomic(), connection.cursor() as cursor:
        # What was found is sorted, whatever the planner takes it for: it cannot know how words and facets go together.
        cursor.execute(
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off"
        )
        cursor.execute(_COUNT.format(where=question.sql), known)
        n = cursor.fetchone()[0]
        more_than = n > settings.COUNTED_ITEMS
        if not more_than:
            cursor.execute(_ROWS.format(where=question.sql + behind, **texts), known)
            rows = cursor.fetchall()
        else:
            cursor.execute(
                "SET LOCAL enable_indexscan = on; SET LOCAL enable_indexonlyscan = on; SET LOCAL enable_bitmapscan = off; "
                "SET LOCAL enable_sort = off"
            )
            cursor.execute(_WALK.format(where=question.sql, **texts), known)
            rows = cursor.fetchall()
            if len(rows) <= limit and _walked_through(cursor, behind, known):
                cursor.execute(
                    "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = on; SET LOCAL enable_sort = on"
                )
                cursor.execute(_ROWS.format(where=question.sql + behind, **texts), known)
                rows = cursor.fetchall()
    entries = [_entry(*row) for row in rows[:limit]]
    return Found(
        entries,
        min(n, settings.COUNTED_ITEMS),
        more_than,
        entries[-1].mark if len(rows) > limit else "",
    )


def _walked_through(cursor: Any, behind: str, known: Mapping[str, Any]) -> bool:
    """Whether there are more items in the order than were looked through."""
    cursor.execute(_LEFT.format(behind=behind), known)
    return int(cursor.fetchone()[0]) == WALKED


def _entry(
    item: int, key: str, n: int, disagreement: float, priority: int, changed_at: Any, place: str
) -> Entry:
    return Entry(
        item,
        key,
        n,
        disagreement if disagreement >= 0 else None,
        priority,
        changed_at,
        json.dumps([place, item]),
    )


def _behind(order: str, mark: str) -> tuple[str, dict[str, Any]]:
    """What lies behind a mark, as a condition. Raises `Invalid` for one that is none."""
    if not mark:
        return "", {}
    column, way, kind = _COLUMNS[order]
    try:
        said, number = json.loads(mark)
        place, item = str(said)[:500], int(number)
        if kind == "timestamptz":
            if not _MOMENT.fullmatch(place):
                raise ValueError(place)
        elif kind != "text":
            float(place)
        if not 0 <= item < 2**63 or "\x00" in place:
            raise ValueError(item)
    except (ValueError, TypeError) as error:
        raise Invalid(_("This is no place in the list.")) from error
    sign = "<" if way == "DESC" else ">"
    behind = f" AND (e.{column}, e.item_id) {sign} (%(place)s::{kind}, %(item)s::bigint)"
    return behind, {"place": place, "item": item}


def chosen(*, project: Project, asked: Asked, eyes: Eyes, limit: int) -> list[int]:
    """The items that are found, in no order, at most *limit* and one more."""
    question = terms(project=project, asked=asked, eyes=eyes)
    query = f"SELECT e.item_id FROM annotation_liveentry e WHERE {question.sql} LIMIT %(limit)s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(query, {**question.known, "limit": limit + 1})
        return [row[0] for row in cursor.fetchall()]
