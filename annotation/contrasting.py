"""Two snapshots side by side: which items came and went, which labels changed and why, how the classes shifted. Reads only.

The rows are those of the frozen files where they hold everything, else they are read anew from the record, which is the same.
A changed label has one cause, the first that holds: a known answer, a ruling, another version of the spec, other answers, the
rule that was asked for.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import orjson
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import export_rows, export_terms
from annotation.models import Snapshot, SnapshotState
from specs import store, task_types, versions
from specs.models import Job
from specs.refusals import WrongState

JOB = "annotation.contrast_snapshots"
CAUSES = {
    "gold": gettext_lazy("A known answer"),
    "ruling": gettext_lazy("A ruling"),
    "spec-version": gettext_lazy("Another version of the spec"),
    "answers": gettext_lazy("Other answers"),
    "rule": gettext_lazy("The rule"),
    "other": gettext_lazy("Something else"),
}
_NEEDED = {"distribution", "n_answers", "ruling", "spec_version", "clauses"}
Row = Mapping[str, Any]


@dataclass
class OfQuestion:
    """What became of the labels of one question. `shift` counts `(old value, new value)`; `clauses` the changes by clause."""

    n_same: int = 0
    n_added: int = 0
    n_removed: int = 0
    n_changed: int = 0
    causes: dict[str, int] = field(default_factory=dict)
    shift: dict[tuple[str, str], int] = field(default_factory=dict)
    values: dict[str, list[int]] = field(default_factory=dict)
    clauses: dict[str, int] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Contrast:
    """Items by key, and every question."""

    old: Snapshot
    new: Snapshot
    n_added: int = 0
    n_removed: int = 0
    n_both: int = 0
    n_moved: int = 0
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    questions: dict[str, OfQuestion] = field(default_factory=dict)


def at_once(old: Snapshot, new: Snapshot) -> bool:
    """Whether the two are compared while somebody waits. Raises `WrongState` where one is not frozen."""
    for one in (old, new):
        if one.state != SnapshotState.FROZEN:
            raise WrongState(
                _("“%(name)s” is not frozen: there is nothing to compare yet.") % {"name": one.name}
            )
    return (old.n_rows or 0) + (new.n_rows or 0) <= settings.CONTRASTED_AT_ONCE


def contrast(old: Snapshot, new: Snapshot, *, progress: Callable[..., None] = lambda *_: None) -> Contrast:
    """Compare every row of two frozen snapshots; memory does not grow with them."""
    found = Contrast(old, new)
    asked = versions.read(new.version_id).questions
    found.questions = {question["key"]: OfQuestion() for question in asked}
    countable = {q["key"] for q in asked if task_types.get(q["kind"]).one_of_options}
    with ExitStack() as stack:
        total = (old.n_rows or 0) + (new.n_rows or 0)
        for n, (key, before, after) in enumerate(_paired(_rows(stack, old), _rows(stack, new)), 1):
            _count(found, key, before, after, countable)
            if n % 20_000 == 0:
                progress(n, total, "comparing")
    return found


def _rows(stack: ExitStack, snapshot: Snapshot) -> Iterator[Row]:
    """The rows in the order of their keys."""
    asked = snapshot.request
    if "jsonl" in asked.get("formats", ()) and set(asked.get("columns") or ()) >= _NEEDED:
        files = snapshot.files.filter(name__endswith=".jsonl").order_by("name")
        sources = [stack.enter_context(store.opened(file.digest)) for file in files]
        return heapq.merge(*(map(orjson.loads, source) for source in sources), key=itemgetter("key"))
    whole = _NEEDED | set(asked.get("columns") or export_terms.USUAL_COLUMNS)
    snapshot.request = {**asked, "columns": sorted(whole)}
    return export_rows.Reader(snapshot).all()


def _paired(old: Iterator[Row], new: Iterator[Row]) -> Iterator[tuple[str, Row | None, Row | None]]:
    before, after = next(old, None), next(new, None)
    while before is not None or after is not None:
        if after is None or (before is not None and before["key"] < after["key"]):
            yield before["key"], before, None  # type: ignore[index]
            before = next(old, None)
        elif before is None or after["key"] < before["key"]:
            yield after["key"], None, after
            after = next(new, None)
        else:
            yield after["key"], before, after
            before, after = next(old, None), next(new, None)


def _count(found: Contrast, key: str, before: Row | None, after: Row | None, countable: set[str]) -> None:
    if before is None or after is None:
        kept, more = (found.added, "n_added") if before is None else (found.removed, "n_removed")
        setattr(found, more, getattr(found, more) + 1)
        if len(kept) < settings.CONTRAST_EXAMPLES:
            kept.append(key)
    else:
        found.n_both += 1
        found.n_moved += before.get("split") != after.get("split") and "split" in before and "split" in after
    for question, told in found.questions.items():
        old = before["labels"].get(question) if before else None
        new = after["labels"].get(question) if after else None
        if old is None and new is None:
            continue
        if question in countable:
            for place, label in enumerate((old, new)):
                if label is not None:
                    told.values.setdefault(_said(label), [0, 0])[place] += 1
        if old is None:
            told.n_added += 1
        elif new is None:
            told.n_removed += 1
        elif old["value"] == new["value"]:
            told.n_same += 1
        else:
            _changed(found, told, key, old, new, countable=question in countable)


def _changed(found: Contrast, told: OfQuestion, key: str, old: Row, new: Row, *, countable: bool) -> None:
    told.n_changed += 1
    cause = cause_of(old, new, other_rule=found.old.request.get("rule") != found.new.request.get("rule"))
    told.causes[cause] = told.causes.get(cause, 0) + 1
    if countable:
        pair = _said(old), _said(new)
        told.shift[pair] = told.shift.get(pair, 0) + 1
    clauses = [new["decisive_clause"]] if new.get("decisive_clause") else list(new.get("clauses") or ())
    for clause in clauses:
        told.clauses[clause] = told.clauses.get(clause, 0) + 1
    if len(told.examples) < settings.CONTRAST_EXAMPLES:
        told.examples.append(
            {"key": key, "old": old["value"], "new": new["value"], "cause": cause, "clauses": clauses}
        )


def cause_of(old: Row, new: Row, *, other_rule: bool) -> str:
    """Why a label is another one."""
    if "gold" in (old["basis"], new["basis"]):
        return "gold"
    if old.get("ruling") != new.get("ruling"):
        return "ruling"
    if old.get("spec_version") != new.get("spec_version"):
        return "spec-version"
    if any(old.get(name) != new.get(name) for name in ("n_answers", "distribution")):
        return "answers"
    return "rule" if other_rule else "other"


def _said(label: Row) -> str:
    value = label["value"]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_dict(found: Contrast) -> dict[str, Any]:
    """What a page shows and the API gives."""
    return {
        "old": _named(found.old),
        "new": _named(found.new),
        "items": {
            "added": found.n_added,
            "removed": found.n_removed,
            "in_both": found.n_both,
            "in_another_split": found.n_moved,
        },
        "added": found.added,
        "removed": found.removed,
        "questions": [
            {
                "question": question,
                "same": told.n_same,
                "added": told.n_added,
                "removed": told.n_removed,
                "changed": told.n_changed,
                "causes": dict(sorted(told.causes.items(), key=lambda one: (-one[1], one[0]))),
                "values": [
                    {
                        "value": value,
                        "old": n[0],
                        "new": n[1],
                        "old_share": _share(n[0], [m[0] for m in told.values.values()]),
                        "new_share": _share(n[1], [m[1] for m in told.values.values()]),
                    }
                    for value, n in sorted(told.values.items())
                ],
                "shift": [
                    {"from": pair[0], "to": pair[1], "n": n}
                    for pair, n in sorted(told.shift.items(), key=lambda one: (-one[1], one[0]))
                ],
                "clauses": [
                    {"clause": clause, "n": n}
                    for clause, n in sorted(told.clauses.items(), key=lambda one: (-one[1], one[0]))
                ],
                "examples": told.examples,
            }
            for question, told in found.questions.items()
        ],
    }


def _share(n: int, all_of_them: list[int]) -> float | None:
    return round(n / sum(all_of_them), 6) if sum(all_of_them) else None


def _named(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "id": snapshot.pk,
        "name": snapshot.name,
        "digest": snapshot.digest,
        "version": snapshot.request["version"],
        "rule": snapshot.request.get("rule") or export_terms.SETTLED,
        "position": snapshot.position,
        "rows": snapshot.n_rows,
    }


def as_markdown(told: Mapping[str, Any]) -> str:
    """The same for a pull request."""
    old, new, items = told["old"], told["new"], told["items"]
    lines = [f"# {old['name']} → {new['name']}", ""]
    lines += [f"`{old['digest']}` → `{new['digest']}`", ""]
    lines += [f"- {name.replace('_', ' ')}: {n}" for name, n in items.items()]
    for one in told["questions"]:
        lines += ["", f"## {one['question']}", ""]
        lines += [
            f"{one['changed']} changed, {one['same']} same, {one['added']} added, {one['removed']} removed"
        ]
        lines += ["", *(f"- {cause}: {n}" for cause, n in one["causes"].items())]
        if one["values"]:
            lines += ["", "| value | before | after |", "| --- | --- | --- |"]
            lines += [f"| {row['value']} | {row['old']} | {row['new']} |" for row in one["values"]]
        if one["shift"]:
            lines += ["", "| from | to | items |", "| --- | --- | --- |"]
            lines += [f"| {row['from']} | {row['to']} | {row['n']} |" for row in one["shift"]]
        if one["clauses"]:
            lines += ["", *(f"- under `{row['clause']}`: {row['n']} changed" for row in one["clauses"])]
    return "\n".join([*lines, ""])


def done_in_job(old: Snapshot, new: Snapshot) -> Job | None:
    """The newest job that compared these two, or is at it."""
    arguments = {"old": old.pk, "new": new.pk}
    return (
        Job.objects.filter(project_id=old.project_id, kind=JOB, arguments=arguments).order_by("-pk").first()
    )
