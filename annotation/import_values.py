"""Labels made elsewhere as values of a question: which question they answer, what each text says, what a task's come to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import label_files, rules, settling
from annotation.label_files import Files
from annotation.models import Basis
from specs import canonical, task_types
from specs.models import Project
from specs.refusals import Invalid
from specs.task_types import BadValue
from specs.versions import ReadVersion
from workforce.models import Item, Queue, Task

LONGEST = 100_000  # characters of a label that is no name: a text, a list of spans
QUESTION = "label"


@dataclass(frozen=True)
class Wanted:
    """How labels are to be read: kind of the question, level, the field of items that has the options, settings as texts."""

    kind: str = "choice"
    level: str | None = None
    options_from: str = ""
    settings: Mapping[str, str] | None = None

    @property
    def task_type(self) -> task_types.TaskType:
        """Raises `Invalid` for a kind that there is not."""
        if self.kind not in task_types.kinds():
            raise Invalid(
                _("There is no kind of question %(kind)r; there are %(task_types)s.")
                % {"kind": self.kind, "task_types": ", ".join(task_types.kinds())}
            )
        return task_types.get(self.kind)

    def checked(self) -> Wanted:
        """Raises `Invalid` for a kind, a level or a setting that there is not."""
        known = {one.name: one for one in self.task_type.settings}
        if unknown := sorted(set(self.settings or {}) - set(known)):
            raise Invalid(
                _("A %(kind)s question has no setting %(unknown)s; it has %(known)s.")
                % {"kind": self.kind, "unknown": ", ".join(unknown), "known": ", ".join(known) or _("none")}
            )
        if self.level is not None and self.level not in self._levels():
            raise Invalid(
                _("A %(kind)s question is %(levels)s, not %(level)s.")
                % {"kind": self.kind, "levels": " or ".join(self._levels()), "level": self.level}
            )
        if self.options_from and not self.task_type.item_options:
            raise Invalid(_("A %(kind)s question has no options that come from items.") % {"kind": self.kind})
        return self

    def _levels(self) -> list[str]:
        own = next((one for one in self.task_type.settings if one.name == "level"), None)
        return [value for value, _ in own.choices] if own else [self.task_type.level]

    def question(self, files: Files) -> dict[str, Any]:
        """The question that the labels of these files answer."""
        texts = {row["label"] for row in files.labels} | {row["label"] for row in files.gold}
        try:
            drafted = self.task_type.drafted(texts, _offered(files, self.options_from))
        except BadValue as error:
            raise Invalid(
                _("These are no answers to a %(kind)s question: a label %(error)s.")
                % {"kind": self.kind, "error": error}
            ) from error
        given = {
            one.name: one.read((self.settings or {}).get(one.name, "")) for one in self.task_type.settings
        }
        named = {name: value for name, value in given.items() if name in (self.settings or {})}
        level = {"level": self.level} if self.level and "level" in given else {}
        return {
            "key": QUESTION,
            "kind": self.kind,
            "title": "Which label fits?",
            "required": True,
            **({"options_from": self.options_from} if self.options_from else {}),
            **drafted,
            "settings": {**drafted.get("settings", {}), **named, **level},
        }

    def read(self, folder: Any) -> Files:
        """The files of a folder; where labels are no names, the table of the kind and longer texts."""
        table, column = self.task_type.imported_from
        longest = label_files.LONGEST_KEY if self.task_type.one_of_options else LONGEST
        return label_files.read(folder, table, column, longest=longest)


def _offered(files: Files, field: str) -> set[str]:
    if not field:
        return set()
    told = [label_files.fields_of(row).get(field) or "" for row in files.items]
    return {
        str(one) for value in told for one in (value if isinstance(value, list) else str(value).split("|"))
    }


def answers_several(files: Files) -> bool:
    """Whether the answers of these files are to more questions than the first."""
    return label_files.OTHERS in files.labels[0]


def answers(project: Project, version: ReadVersion, files: Files) -> list[str]:
    """What every first label says, as the JSON of an answer to all its questions. Raises `Invalid` naming the line."""
    question = json.dumps(version.questions[0]["key"])
    found = texts(project, version, files, "labels")
    if not answers_several(files):
        return [f"{{{question}:{text}}}" for text in found]
    asked = {one["key"]: one for one in version.questions[1:]}
    items = _items(project, files)
    whole = []
    for row, text in zip(files.first_labels, found, strict=True):
        more: dict[str, Any] = json.loads(row[label_files.OTHERS] or "{}")
        values = {} if text is None else {version.questions[0]["key"]: json.loads(text)}
        for key, value in more.items():
            kind, item = task_types.get(asked[key]["kind"]), items.get(row["item_id"], {})
            try:
                values[key] = kind.parse_json(asked[key], kind.from_elsewhere(asked[key], value, item), item)
            except BadValue as error:
                raise _refused(files, "labels", row, f"{key}: {str(value)[:60]!r} {error}") from error
        whole.append(canonical.dumps(values).decode())
    return whole


def texts(project: Project, version: ReadVersion, files: Files, which: str) -> list[str | None]:
    """The values of the rows of `labels` or `gold` to the first question as JSON, None where a row has none.

    Raises `Invalid` naming the line of one that is no answer.
    """
    question = version.questions[0]
    kind = task_types.get(question["kind"])
    fields: dict[str, Mapping[str, Any]] = {}
    if question.get("options_from") or _reads_items(kind):
        fields = _items(project, files)
    rows = files.first_labels if which == "labels" else files.gold
    known: dict[tuple[str, str], str] = {}
    found: list[str | None] = []
    for row in rows:
        if not row["label"]:
            found.append(None)
            continue
        item = row["item_id"] if fields else ""
        text = known.get((item, row["label"]))
        if text is None:
            try:
                value = kind.from_text(question, row["label"], fields.get(item, {}))
            except BadValue as error:
                raise _refused(files, which, row, f"{row['label'][:60]!r} {error}") from error
            text = known[item, row["label"]] = canonical.dumps(value).decode()
        found.append(text)
    return found


def _refused(files: Files, which: str, row: label_files.Row, why: str) -> Invalid:
    place = next(n for n, one in enumerate(files.tables.rows[which]) if one is row)
    return files.tables.at(which, place, why)


def _items(project: Project, files: Files) -> dict[str, Mapping[str, Any]]:
    """The fields of all items of these labels: as they are there already, else as their file has them."""
    told = {row["item_id"]: label_files.fields_of(row) for row in files.items}
    return told | _known_items(project, files)


def _known_items(project: Project, files: Files) -> dict[str, Mapping[str, Any]]:
    """The items of these labels that are there already, as they are: an import leaves them so, whatever its file says of them."""
    keys = {row["item_id"] for row in files.labels}
    known = Item.objects.filter(project=project, revision=1, key__in=keys)
    return dict(known.values_list("key", "payload").iterator())


def _reads_items(kind: task_types.TaskType) -> bool:
    """Whether a value is checked against the item's own content: a text, spans, boxes."""
    return not kind.one_of_options


def settled_by_sql(version: ReadVersion) -> bool:
    """Whether equal texts are the same answer and nothing else is: then one statement settles all tasks."""
    question = version.questions[0]
    kind = task_types.get(question["kind"])
    return kind.one_of_options and kind.tolerance(question) == 0


def settle(*, queue: Queue, version: ReadVersion, tasks: Iterable[int], event: int) -> int:
    """Resolve the open ones of these tasks whose answers agree by the queue's share on every question; returns how many."""
    n = 0
    for task, ids, given in _answers(tasks):
        agreed = []
        for question in version.questions:
            kind, key = task_types.get(question["kind"]), question["key"]
            said = [(one, values[key]) for one, values in zip(ids, given, strict=True) if key in values]
            if not said:
                continue
            groups = kind.compare(question, [value for _one, value in said])
            if groups[0]["n"] < queue.consensus_share * len(said):
                break
            agreed.append((key, groups, [one for one, _value in said]))
        else:
            Task.objects.filter(pk=task).update(state="resolved", settled_at=Now())
            for key, groups, answered in agreed:
                settling.append_resolution(
                    task_id=task,
                    project_id=queue.project_id,
                    question=key,
                    value=groups[0]["value"],
                    basis=Basis.CONSENSUS,
                    version_id=version.id,
                    distribution={rules.key_of(group["value"]): group["n"] for group in groups},
                    answers=answered,
                    rule="share",
                    event_id=event,
                )
            n += 1
    return n


def _answers(tasks: Iterable[int]) -> list[tuple[int, list[int], list[dict[str, Any]]]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.task_id, array_agg(a.id ORDER BY a.ordinal), jsonb_agg(a.values ORDER BY a.ordinal)::text "
            "FROM annotation_annotation a JOIN workforce_task t ON t.id = a.task_id AND t.state = 'open' "
            "WHERE a.task_id = ANY(%s) GROUP BY a.task_id ORDER BY a.task_id",
            [list(tasks)],
        )
        return [(task, ids, json.loads(values)) for task, ids, values in cursor.fetchall()]
