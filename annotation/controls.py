"""An export of another tool as labels made elsewhere: which of its controls answers which question, and the rows of it. Pure.

A control is what Label Studio calls so: a question of Argilla, a column of a table. One that is called like a question here
answers it; which one answers the first question can be said. Everything that has no place here is counted and named.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from annotation.label_files import OTHERS, PAYLOAD
from specs.label_config import key_of
from specs.wording import number
from workforce.import_formats import Answer, BadRow, Form, NotCarried, Record
from workforce.import_formats.base import MARKS

Question = Mapping[str, Any]
MOST_CONTROLS = 200
FIRST = "label"
"""The key of the question that is made where there is none yet."""


class NotMapped(ValueError):
    """The export cannot be mapped as asked; the message says what there is."""


@dataclass
class Controls:
    """What an export holds: what its controls say by type, and the question that each of them answers.

    `left_out` counts answers with something that has no place here, by control and reason; `parts` what records have besides.
    """

    form: str
    n_tasks: int = 0
    n_annotations: int = 0
    n_predictions: int = 0
    controls: Counter[tuple[str, str]] = field(default_factory=Counter)
    likely: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    n_labels: int = 0
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[int, str]] = field(default_factory=list)

    @property
    def first(self) -> str:
        """The control that was taken first."""
        return next(iter(self.taken), "")

    @property
    def kind(self) -> str:
        """The kind of the question that it answers."""
        return self.kinds.get(self.taken.get(self.first, ""), "")

    def sentences(self, fits: Mapping[str, tuple[str, ...]]) -> list[str]:
        """The mapping in words, one line each."""
        lines = [
            _("%(n_tasks)s tasks, %(n_annotations)s annotations, %(n_predictions)s predictions")
            % {
                "n_tasks": number(self.n_tasks),
                "n_annotations": number(self.n_annotations),
                "n_predictions": number(self.n_predictions),
            }
        ]
        for (name, type_), n in sorted(self.controls.items()):
            lines.append(
                _("%(name)s (%(kind)s), %(n)s results: %(what)s")
                % {"name": name, "kind": type_, "n": number(n), "what": self._what_becomes(name, type_, fits)}
            )
        lines += [
            _("%(name)s: the results of %(n)s annotations %(why)s; these annotations are left out")
            % {"name": name, "n": number(n), "why": why}
            for (name, why), n in sorted(self.left_out.items())
        ]
        lines += [
            _("%(n)s %(what)s have no place here") % {"n": number(n), "what": what}
            for what, n in sorted(self.parts.items())
        ]
        lines += [
            _("task %(line)s: %(reason)s") % {"line": line, "reason": reason}
            for line, reason in self.bad[:20]
        ]
        return lines

    def _what_becomes(self, name: str, type_: str, fits: Mapping[str, tuple[str, ...]]) -> str:
        kind = self.kinds.get(self.taken.get(name, ""))
        if not fits.get(type_):
            return _("is left out: no kind of question here takes it")
        if kind is None:
            asked = ", ".join(dict.fromkeys(self.kinds.values()))
            if not set(fits[type_]) & set(self.kinds.values()):
                return _("is left out: it is no answer to a question of the kind %(kind)s") % {"kind": asked}
            return _("is left out")
        if kind not in fits[type_]:
            return _("is left out: it is no answer to a question of the kind %(kind)s") % {"kind": kind}
        return _("becomes the question %(key)s (%(kind)s)") % {"key": self.taken[name], "kind": kind}


def survey(
    source: BinaryIO,
    *,
    form: Form,
    max_bytes: int,
    questions: Sequence[Question] = (),
    control: str = "",
    kind: str | None = None,
    columns: Mapping[str, list[str]] | None = None,
) -> Controls:
    """Read through an export and say what it holds, for these questions; without any, for one that is made of it.

    *control* names the control that answers the first question, or says `control=question` for as many as there are, with commas
    between. Raises `NotMapped` where it is not clear which control to take.
    """
    found = Controls(form.title)
    for _line, record in _records(source, form, max_bytes, columns or {}, found):
        found.n_tasks += 1
        found.n_predictions += len(record.predictions)
        found.parts += record.left_out
        for answer in record.answers:
            found.n_annotations += 1
            for name, said in answer.said.items():
                if len(found.controls) < MOST_CONTROLS:
                    found.controls[name, said.type] += 1
                if len(found.likely) < MOST_CONTROLS and found.likely.get(name) != "multichoice":
                    found.likely[name] = form.kind_of(said)
    if not found.n_tasks and found.bad:
        line, reason = found.bad[0]
        raise NotMapped(
            _("The export has no control that can answer the question: line %(line)s %(reason)s.")
            % {"line": line, "reason": reason}
        )
    if questions:
        _take(found, form, questions, control)
    else:
        _take_one(found, form, control, kind)
    return found


def _take(found: Controls, form: Form, questions: Sequence[Question], control: str) -> None:
    """Which control answers which question: as it was said, else by name, else the only one that can answer the first."""
    keys = {question["key"]: question["kind"] for question in questions}
    first = questions[0]["key"]
    said = _said(control, first)
    fitting = {
        name: type_
        for name, type_ in sorted(found.controls)
        if any(kind in form.kinds.get(type_, ()) for kind in keys.values())
    }
    for name, key in said.items():
        if key not in keys:
            raise NotMapped(_("There is no question %(key)s.") % {"key": key})
        _fit(name, keys[key], fitting, form)
    for name, type_ in fitting.items():
        key = key_of(name)
        if name not in said and key not in said.values() and keys.get(key) in form.kinds[type_]:
            said[name] = key
    if first not in said.values():
        left = {
            name: type_
            for name, type_ in fitting.items()
            if name not in said and keys[first] in form.kinds[type_]
        }
        if len(left) == 1:
            said[next(iter(left))] = first
        elif left and not said:
            raise NotMapped(
                _("Say which of its controls becomes the question: %(fitting)s.") % {"fitting": _named(left)}
            )
    if not said:
        raise NotMapped(_("The export has no control that can answer the question."))
    found.taken = dict(sorted(said.items(), key=lambda one: list(keys).index(one[1])))
    found.kinds = {key: keys[key] for key in found.taken.values()}


def _take_one(found: Controls, form: Form, control: str, kind: str | None) -> None:
    """The control that a question is made for."""
    fitting = {
        name: type_
        for name, type_ in sorted(found.controls)
        if form.kinds.get(type_) and (kind is None or kind in form.kinds[type_])
    }
    if control:
        _fit(control, kind, fitting, form)
    elif not fitting:
        raise NotMapped(_("The export has no control that can answer the question."))
    elif len(fitting) > 1:
        raise NotMapped(
            _("Say which of its controls becomes the question: %(fitting)s.") % {"fitting": _named(fitting)}
        )
    name = control or next(iter(fitting))
    found.taken = {name: FIRST}
    found.kinds = {FIRST: kind or found.likely[name]}


def _said(control: str, first: str) -> dict[str, str]:
    """What was said of controls, by name: the question that each answers."""
    found = {}
    for one in control.split(",") if "=" in control else [control] if control else []:
        name, _sign, key = one.strip().rpartition("=") if "=" in one else (one.strip(), "", first)
        found[name.strip()] = key.strip()
    if len(set(found.values())) < len(found):
        raise NotMapped(_("One question is answered by one control."))
    return found


def _fit(name: str, kind: str | None, fitting: Mapping[str, str], form: Form) -> None:
    if name not in fitting or (kind is not None and kind not in form.kinds[fitting[name]]):
        raise NotMapped(
            _("The export has no control %(control)r that can answer the question; it has %(fitting)s.")
            % {"control": name, "fitting": _named(fitting) or _("none")}
        )


def _named(fitting: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({type_})" for name, type_ in fitting.items())


def unfold(
    source: BinaryIO,
    folder: Path,
    *,
    form: Form,
    max_bytes: int,
    found: Controls,
    columns: Mapping[str, list[str]] | None = None,
) -> None:
    """Write `items.csv` and `labels.csv` as `importing.import_labels` reads them; counts go into *found*."""
    with ExitStack() as files:
        items, labels = (
            csv.writer(files.enter_context((folder / f"{name}.csv").open("w", newline="", encoding="utf-8")))
            for name in ("items", "labels")
        )
        items.writerow(("item_id", PAYLOAD))
        labels.writerow(("item_id", "annotator_id", "label", "timestamp", "repeat", OTHERS))
        for _line, record in _records(source, form, max_bytes, columns or {}, found):
            data = {name: value for name, value in record.data.items() if name != "clause_id"}
            items.writerow((record.key, json.dumps(data, ensure_ascii=False)))
            seen: set[str] = set()
            for answer in record.answers:
                values = _values(answer, record, form, found)
                if not values:
                    continue
                main, *others = found.kinds
                label = _text(values[main]) if main in values else ""
                more = {key: values[key] for key in others if key in values}
                told = json.dumps(more, ensure_ascii=False) if more else ""
                labels.writerow((record.key, answer.who, label, answer.at, int(answer.who in seen), told))
                found.n_labels += answer.who not in seen
                seen.add(answer.who)


def _values(answer: Answer, record: Record, form: Form, found: Controls) -> dict[str, Any]:
    """What an answer says by question; nothing of it where a part of it has no place here."""
    values: dict[str, Any] = {}
    for name, key in found.taken.items():
        kind, said = found.kinds[key], answer.said.get(name)
        if said is None:
            if answer.answered is not None:
                empty = key in answer.answered and kind in (*MARKS, "multichoice")
            else:
                empty = kind in MARKS
            if empty:
                values[key] = []
            continue
        try:
            values[key] = form.value_of(kind, said, record.data)
        except NotCarried as error:
            found.left_out[name, str(error)] += 1
            return {}
    return values


def _records(
    source: BinaryIO, form: Form, max_bytes: int, columns: Mapping[str, list[str]], found: Controls
) -> Iterator[tuple[int, Record]]:
    found.bad = []
    for line, record in form.records(source, max_bytes, columns):
        if isinstance(record, BadRow):
            found.bad.append((line, record.reason))
        else:
            yield line, record


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
