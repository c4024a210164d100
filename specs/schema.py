"""The questions of a version: checked as written, and the answers parsed against them. Pure.

A question is `{"key", "kind", "title", "help", "required", "labels", "options_from", "cite", "shown_when"}`, with `settings`
where its kind has some of its own; `shown_when` is None or `{"question": earlier key, "values": [...]}`. An answer is
`{question key: value}`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from specs import task_types
from specs.problems import Problem
from specs.task_types import BadValue
from specs.wording import _

CITE = ("default", "always", "never")
_KEY = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_FIELDS = (
    "key",
    "kind",
    "title",
    "help",
    "required",
    "labels",
    "options_from",
    "cite",
    "shown_when",
    "settings",
)
_LABEL_FIELDS = ("value", "title", "shortcut", "colour")

Question = Mapping[str, Any]


class BadAnswer(ValueError):
    """An answer that does not fit the questions; `problems` names the question and says why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{problem.where}: {problem.message}" for problem in problems))
        self.problems = problems


def clean(questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The questions with exactly the known fields, defaults filled in: what is kept, digested and shown."""
    return [
        {
            "key": str(question.get("key", "")),
            "kind": str(question.get("kind", "")),
            "title": str(question.get("title", "")).strip(),
            "help": str(question.get("help") or "").strip(),
            "required": bool(question.get("required", True)),
            "labels": [
                {name: str(label[name]) for name in _LABEL_FIELDS if label.get(name)}
                for label in question.get("labels") or ()
            ],
            "options_from": question.get("options_from") or None,
            "cite": question.get("cite") or "default",
            "shown_when": question.get("shown_when") or None,
            **_settings(question),
        }
        for question in questions
    ]


def _named_values(question: Question) -> set[str]:
    """The values that a condition on a question can name; empty where they are not known beforehand."""
    if question.get("options_from") or question.get("kind") not in task_types.kinds():
        return set()
    labels = {str(label.get("value")) for label in question.get("labels") or ()}
    kind = task_types.get(question["kind"])
    if labels or list(kind.problems(question)):
        return labels
    return {str(value) for value in kind.known_values(question)}


def _settings(question: Question) -> dict[str, Any]:
    """Only where the kind has settings: without them a question, and so a digest, is what it was before there were any."""
    kind = question.get("kind")
    declared = task_types.get(kind).settings if kind in task_types.kinds() else ()
    found = task_types.own_settings.clean(declared, question.get("settings"))
    return {"settings": found} if found else {}


def problems(
    questions: Sequence[Question], *, max_questions: int = 50, max_labels: int = 500
) -> list[Problem]:
    """Everything wrong with the questions of a version, by question; an empty list means they can be asked."""
    if not questions:
        return [Problem("questions", _("there is no question"))]
    found: list[Problem] = []
    if len(questions) > max_questions:
        found.append(
            Problem(
                "questions", _("there are more than %(max_questions)s") % {"max_questions": max_questions}
            )
        )
    earlier: dict[str, Question] = {}
    for number, question in enumerate(questions, 1):
        key = question.get("key")
        where = f"question {key or number}"
        found.extend(_question_problems(where, question, earlier, max_labels))
        if isinstance(key, str):
            if key in earlier:
                found.append(Problem(where, _("the key stands twice")))
            earlier[key] = question
    return found


def _question_problems(
    where: str, question: Question, earlier: Mapping[str, Question], max_labels: int
) -> Iterable[Problem]:
    unknown = sorted(set(question) - set(_FIELDS))
    if unknown:
        yield Problem(where, _("has unknown fields: %(unknown)s") % {"unknown": ", ".join(unknown)[:100]})
    if not isinstance(question.get("key"), str) or not _KEY.match(question["key"]):
        yield Problem(where, _("the key has lower-case letters, digits and _, and begins with a letter"))
    if not str(question.get("title") or "").strip():
        yield Problem(where, _("has no title"))
    if question.get("cite") not in (None, *CITE):
        yield Problem(where, _("cite is one of %(cite)s") % {"cite": ", ".join(CITE)})
    if question.get("kind") not in task_types.kinds():
        yield Problem(
            where,
            _("%(kind)r is no kind of question; there are %(task_types)s")
            % {"kind": question.get("kind"), "task_types": ", ".join(task_types.kinds())},
        )
    else:
        yield from _kind_problems(where, question)
    yield from _label_problems(where, question.get("labels") or [], max_labels)
    condition = question.get("shown_when")
    if condition is not None:
        parent = earlier.get(str(condition.get("question"))) if isinstance(condition, Mapping) else None
        if parent is None:
            yield Problem(where, _("is shown only after a question that does not stand before it"))
        else:
            values = _named_values(parent)
            if not condition.get("values") or (values and not set(condition["values"]) <= values):
                yield Problem(
                    where,
                    _("is shown for values that %(question)s does not have")
                    % {"question": condition["question"]},
                )


def _kind_problems(where: str, question: Question) -> Iterable[Problem]:
    """What the kind says of it: first whether its settings are of their types, since the rest relies on that."""
    kind = task_types.get(question["kind"])
    wrong = list(task_types.own_settings.problems(where, kind.settings, question.get("settings")))
    yield from wrong
    if question.get("labels") and not kind.labelled:
        yield Problem(
            where, _("has labels, which the kind %(kind)s does not know") % {"kind": question["kind"]}
        )
    if question.get("options_from") and not kind.item_options:
        yield Problem(
            where,
            _("has options from the item, which the kind %(kind)s does not know")
            % {"kind": question["kind"]},
        )
    if not wrong:
        yield from kind.problems(question)


def _label_problems(where: str, labels: Sequence[Mapping[str, Any]], max_labels: int) -> Iterable[Problem]:
    if len(labels) > max_labels:
        yield Problem(where, _("has more than %(max_labels)s labels") % {"max_labels": max_labels})
    seen: dict[str, str] = {}
    shortcuts: set[str] = set()
    for label in labels:
        value = str(label.get("value") or "")
        if not value.strip() or value != value.strip() or len(value) > 200:
            yield Problem(
                where, _("the label value %(value)r is empty, padded or too long") % {"value": value[:50]}
            )
        alike = _skeleton(value)
        if alike in seen:
            yield Problem(
                where,
                _("the labels %(seen)r and %(value)r look the same")
                % {"seen": seen[alike][:50], "value": value[:50]},
            )
        seen[alike] = value
        shortcut = str(label.get("shortcut") or "")
        if shortcut and (len(shortcut) != 1 or shortcut in shortcuts):
            yield Problem(
                where,
                _("the shortcut %(shortcut)r is not one character of its own") % {"shortcut": shortcut[:10]},
            )
        shortcuts.add(shortcut)


_LOOKALIKES = str.maketrans("аеіорсухАВЕКМНОРСТХ", "aeiopcyxABEKMHOPCTX")


def _skeleton(text: str) -> str:
    """What a reader sees: compatibility forms, case, white space, invisible characters and common lookalikes folded."""
    folded = unicodedata.normalize("NFKC", text).translate(_LOOKALIKES).casefold()
    return "".join(
        character for character in folded if unicodedata.category(character) not in {"Cf", "Mn", "Zs"}
    )


def titles(questions: Sequence[Question]) -> dict[str, str]:
    """The title of every label by its value; the first question that has a value names it."""
    found: dict[str, str] = {}
    for question in questions:
        for label in question.get("labels") or ():
            found.setdefault(label["value"], label.get("title") or label["value"])
    return found


def shown(questions: Sequence[Question], values: Mapping[str, Any]) -> list[Question]:
    """The questions asked on the branch that *values* takes."""
    return [question for question in questions if _is_shown(question, values)]


def _is_shown(question: Question, values: Mapping[str, Any]) -> bool:
    condition = question.get("shown_when")
    return condition is None or _holds(values.get(condition["question"]), condition["values"])


def _holds(value: Any, wanted: Sequence[str]) -> bool:
    """Whether an answer, or any part of it, is one of the values that a condition names, which are texts."""
    if isinstance(value, Mapping):
        return any(_holds(value.get(name), wanted) for name in ("label", "value"))
    if isinstance(value, list):
        return any(_holds(part, wanted) for part in value)
    return value is not None and str(value) in wanted


def parse_answer(questions: Sequence[Question], answer: Any, item: Mapping[str, Any]) -> dict[str, Any]:
    """The checked values of a JSON answer. Raises `BadAnswer` naming every question that is missing, unknown or wrong."""
    if not isinstance(answer, Mapping):
        raise BadAnswer([Problem("answer", _("must be an object of question keys and values"))])
    known = {question["key"] for question in questions}
    found = [
        Problem(f"question {str(key)[:64]}", _("is not asked here")) for key in answer if key not in known
    ]
    values: dict[str, Any] = {}
    for question in questions:
        key, given = question["key"], answer.get(question["key"])
        if not _is_shown(question, values):
            if given is not None:
                found.append(Problem(f"question {key}", _("is not asked on this branch")))
        elif given is None:
            if question.get("required", True):
                found.append(Problem(f"question {key}", _("has no answer")))
        else:
            try:
                values[key] = task_types.get(question["kind"]).parse_json(question, given, item)
            except BadValue as error:
                found.append(Problem(f"question {key}", str(error)))
    if found:
        raise BadAnswer(found)
    return values


def parse_form(
    questions: Sequence[Question], form: Mapping[str, Any], item: Mapping[str, Any]
) -> dict[str, Any]:
    """The checked values of a posted form, with the same refusals. Fields of questions not shown are left out."""
    answer: dict[str, Any] = {}
    found: list[Problem] = []
    for question in questions:
        if _is_shown(question, answer):
            try:
                value = task_types.get(question["kind"]).parse(question, form, item)
            except BadValue as error:
                found.append(Problem(f"question {question['key']}", str(error)))
            else:
                if value is not None:
                    answer[question["key"]] = value
    if found:
        raise BadAnswer(found)
    return parse_answer(questions, answer, item)
