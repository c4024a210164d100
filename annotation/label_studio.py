"""A Label Studio export as labels made elsewhere: which of its controls becomes which question, and the rows of it. Pure.

An export is an array of tasks; a task has `data`, and `annotations` with `result`s, each of one control (`from_name`) and type.
One control becomes the answers to one question; everything that has no place here is counted and named.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from specs.wording import number
from workforce import row_files
from workforce.label_studio import KINDS, MARKS, NotCarried, chooses_several, control_of, parts, value_of


class NotMapped(ValueError):
    """The export cannot be mapped as asked; the message says what there is."""


@dataclass
class Mapping:
    """What an export holds: results by control and type, which control is taken, and the kind of question it answers.

    `left_out` counts annotations that say something of the control which has no place here, by reason.
    """

    n_tasks: int = 0
    n_annotations: int = 0
    n_predictions: int = 0
    controls: Counter[tuple[str, str]] = field(default_factory=Counter)
    several: set[str] = field(default_factory=set)
    taken: str = ""
    kind: str = ""
    n_labels: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[int, str]] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """The mapping in words, one line each."""
        lines = [
            _("%(n_tasks)s tasks, %(n_annotations)s annotations, %(n_predictions)s predictions")
            % {
                "n_tasks": number(self.n_tasks),
                "n_annotations": number(self.n_annotations),
                "n_predictions": number(self.n_predictions),
            }
        ]
        for (name, kind), n in sorted(self.controls.items()):
            lines.append(
                _("%(name)s (%(kind)s), %(n)s results: %(what)s")
                % {"name": name, "kind": kind, "n": number(n), "what": self._what_becomes(name, kind)}
            )
        lines += [
            _("%(name)s: the results of %(n)s annotations %(why)s; these annotations are left out")
            % {"name": self.taken, "n": number(n), "why": why}
            for why, n in sorted(self.left_out.items())
        ]
        lines += [
            _("task %(line)s: %(reason)s") % {"line": line, "reason": reason}
            for line, reason in self.bad[:20]
        ]
        return lines

    def _what_becomes(self, name: str, kind: str) -> str:
        if kind not in KINDS:
            return _("is left out: no kind of question here takes it")
        if self.kind not in KINDS[kind]:
            return _("is left out: it is no answer to a question of the kind %(kind)s") % {"kind": self.kind}
        if name != self.taken:
            return _("is left out")
        return _("becomes the question (%(kind)s)") % {"kind": self.kind}


def survey(
    source: BinaryIO, *, max_bytes: int, control: str | None = None, kind: str | None = None
) -> Mapping:
    """Read through an export and say what it holds. *kind* is that of the question, where there is one already.

    Raises `NotMapped` where it is not clear which control to take.
    """
    found = Mapping()
    for _line, task in _tasks(source, max_bytes, found):
        found.n_tasks += 1
        found.n_predictions += len(parts(task, "predictions"))
        for annotation in _annotations(task):
            found.n_annotations += 1
            for result in parts(annotation, "result"):
                if len(found.controls) < 200:
                    found.controls[control_of(result)] += 1
                if chooses_several(result) and len(found.several) < 200:
                    found.several.add(control_of(result)[0])
    fitting = {
        name: type_
        for name, type_ in sorted(found.controls)
        if type_ in KINDS and (kind is None or kind in KINDS[type_])
    }
    named = ", ".join(f"{name} ({type_})" for name, type_ in fitting.items())
    if control is not None and control not in fitting:
        raise NotMapped(
            _("The export has no control %(control)r that can answer the question; it has %(fitting)s.")
            % {"control": control, "fitting": named or _("none")}
        )
    if not fitting:
        raise NotMapped(_("The export has no control that can answer the question."))
    if control is None and len(fitting) > 1:
        raise NotMapped(
            _("Say which of its controls becomes the question: %(fitting)s.") % {"fitting": named}
        )
    found.taken = control or next(iter(fitting))
    several = fitting[found.taken] == "choices" and found.taken in found.several
    found.kind = kind or ("multichoice" if several else KINDS[fitting[found.taken]][0])
    return found


def unfold(source: BinaryIO, folder: Path, *, max_bytes: int, mapping: Mapping) -> None:
    """Write `items.csv` and `labels.csv` as `importing.import_labels` reads them; counts go into *mapping*."""
    names = list(_fields(source, max_bytes))
    source.seek(0)
    with ExitStack() as files:
        items = csv.writer(
            files.enter_context((folder / "items.csv").open("w", newline="", encoding="utf-8"))
        )
        labels = csv.writer(
            files.enter_context((folder / "labels.csv").open("w", newline="", encoding="utf-8"))
        )
        items.writerow(("item_id", *names))
        labels.writerow(("item_id", "annotator_id", "label", "timestamp", "repeat"))
        for _line, task in _tasks(source, max_bytes, mapping):
            key = row_files.key_of(task)
            data = task["data"]
            items.writerow((key, *(_text(data.get(name, "")) for name in names)))
            seen: set[str] = set()
            for annotation in _annotations(task):
                label = _label(annotation, data, mapping)
                if label is None:
                    continue
                who = _who(annotation)
                labels.writerow((key, who, label, annotation.get("created_at") or "", int(who in seen)))
                mapping.n_labels += who not in seen
                seen.add(who)


def _label(annotation: dict[str, Any], data: dict[str, Any], mapping: Mapping) -> str | None:
    """What an annotation says of the control that is taken, as a text of a table; None where that is nothing."""
    results = [one for one in parts(annotation, "result") if one.get("from_name") == mapping.taken]
    if not results and mapping.kind not in MARKS:
        return None
    try:
        return _text(value_of(mapping.kind, results, data))
    except NotCarried as error:
        mapping.left_out[str(error)] += 1
        return None


def _tasks(source: BinaryIO, max_bytes: int, mapping: Mapping) -> Iterator[tuple[int, dict[str, Any]]]:
    mapping.bad = []
    for line, task in row_files.tasks(row_files.unpacked(source), max_bytes):
        if isinstance(task, row_files.BadRow):
            mapping.bad.append((line, task.reason))
        elif not isinstance(task.get("data"), dict) or not task["data"]:
            mapping.bad.append((line, _("has no data")))
        elif row_files.key_of(task) is None:
            mapping.bad.append((line, _("has neither an id nor a key in its data")))
        else:
            yield line, task


def _fields(source: BinaryIO, max_bytes: int) -> dict[str, None]:
    found: dict[str, None] = {}
    for _line, task in _tasks(source, max_bytes, Mapping()):
        for name in task["data"]:
            if name not in ("key", "item_id", "id", "clause_id"):
                found[name] = None
    return found


def _annotations(task: dict[str, Any]) -> list[dict[str, Any]]:
    """The annotations that count: cancelled ones are skips."""
    return [one for one in parts(task, "annotations") if not one.get("was_cancelled")]


def _who(annotation: dict[str, Any]) -> str:
    """The annotator by number; an export may hold names and addresses, which stay out."""
    who = annotation.get("completed_by")
    number = who.get("id") if isinstance(who, dict) else who
    return f"label-studio-{number if isinstance(number, int) else 'unknown'}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
