"""What becomes of labels that a new version has no longer: an explicit mapping, looked at on counts before anybody confirms it.

Each old label of a question goes to one new label, to several, or nowhere (an empty list). One is carried under its new name.
Several say what the old one may have become: it is asked again, and any of them is no flip; what goes nowhere is asked again as
well. So no answer is lost: every label is one of the new ones, or is asked. What the new version asks and the old one did not is
asked on every label that stands, unless somebody says that it is left empty. Nothing changes here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from annotation import affected
from annotation.models import RelabelPlan
from specs import canonical, task_types, versions
from specs.refusals import Invalid

Targets = Mapping[str, Mapping[str, Sequence[str]]]
"""The new labels of each old one, by question; a label that is not named keeps its value."""

_HELD = f"""
    WITH RECURSIVE {affected.VALID}
    SELECT t.id, r.question, r.value::text FROM valid t JOIN annotation_resolution r ON r.task_id = t.id
    WHERE r.question = ANY(%(questions)s) AND r.value IS NOT NULL AND NOT EXISTS (
        SELECT FROM annotation_resolution l WHERE l.task_id = r.task_id AND l.question = r.question AND l.revision > r.revision)
"""


_LABELLED = f"WITH RECURSIVE {affected.VALID} SELECT id FROM valid WHERE state = 'resolved'"


@dataclass(frozen=True)
class Row:
    """One old label: how many labels in force hold it, what it may go to, what it goes to."""

    question: str
    title: str
    value: str
    label: str
    n: int
    offered: list[tuple[str, str]]
    targets: list[str]

    @property
    def asked(self) -> bool:
        """Whether what holds it is asked again."""
        return len(self.targets) != 1

    def as_dict(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "value": self.value,
            "labels": self.n,
            "targets": self.targets,
            "asked_again": self.asked,
        }


def proposed(plan: RelabelPlan) -> dict[str, dict[str, list[str]]]:
    """The mapping that the kinds of question know of themselves, for labels that are gone; empty where none is."""
    found: dict[str, dict[str, list[str]]] = {}
    for old, new in _pairs(plan):
        known = task_types.get(old["kind"]).mapping(old, new)
        gone = {value: [] if to is None else [to] for value, to in known.items() if to != value}
        if gone:
            found[old["key"]] = gone
    return found


def checked(plan: RelabelPlan, given: Targets | None) -> dict[str, dict[str, list[str]]]:
    """The whole mapping of a plan: what is given, and for every other label that is gone what its kind proposes.

    Raises `Invalid` for a question or a label that the versions do not have.
    """
    whole = proposed(plan)
    pairs = {old["key"]: (old, new) for old, new in _pairs(plan)}
    for question, labels in (given or {}).items():
        if question not in pairs:
            raise Invalid(_("%(question)s is no question of both versions.") % {"question": question[:64]})
        before, after = (set(_labels(one)) for one in pairs[question])
        for value, targets in labels.items():
            if value not in before or not set(targets) <= after:
                raise Invalid(
                    _("The mapping of %(value)s names a label that its version does not have.")
                    % {"value": value[:64]}
                )
            if list(targets) != [value]:
                whole.setdefault(question, {})[value] = list(dict.fromkeys(targets))
            elif question in whole:
                whole[question].pop(value, None)
    return {question: labels for question, labels in whole.items() if labels}


def rows(plan: RelabelPlan, mapping: Targets) -> list[Row]:
    """Every label that changes or could, on the counts of labels in force: what a person looks at before confirming."""
    counts: dict[tuple[str, str], int] = {}
    for _task, question, values in _held(plan, [old["key"] for old, _new in _pairs(plan)]):
        for value in values:
            counts[question, value] = counts.get((question, value), 0) + 1
    found = []
    for old, new in _pairs(plan):
        if not mapping.get(old["key"]) and not proposed(plan).get(old["key"]):
            continue
        offered = list(_labels(new).items())
        for value, label in _labels(old).items():
            targets = mapping.get(old["key"], {}).get(value, [value])
            n = counts.get((old["key"], value), 0)
            found.append(Row(old["key"], new["title"], value, label, n, offered, list(targets)))
    return found


def asked(plan: RelabelPlan, mapping: Targets) -> list[int]:
    """The tasks whose label cannot be carried: those that the mapping asks again."""
    return sorted(
        {
            task
            for task, question, values in _held(plan, list(mapping))
            if any(len(mapping[question].get(value, [value])) != 1 for value in values)
        }
    )


def added(plan: RelabelPlan) -> list[dict[str, Any]]:
    """The questions that the new version asks and the one before did not, or asked as another kind."""
    before = {one["key"]: one["kind"] for one in versions.read(plan.from_version_id).questions}
    return [
        one for one in versions.read(plan.to_version_id).questions if before.get(one["key"]) != one["kind"]
    ]


def left_empty(plan: RelabelPlan, given: Sequence[str]) -> list[str]:
    """The new questions that carried labels say nothing on, on purpose. Raises `Invalid` for one that is not new."""
    new = {one["key"] for one in added(plan)}
    if unknown := sorted(set(given) - new):
        raise Invalid(
            _("%(question)s is no question that the new version adds.") % {"question": unknown[0][:64]}
        )
    return sorted(set(given))


def unanswered(plan: RelabelPlan, questions: Sequence[str]) -> list[int]:
    """The tasks whose label says nothing on one of these new questions, though it would be asked on its branch."""
    new = {one["key"] for one in added(plan)}
    found: set[int] = set()
    for key in questions:
        condition = versions.read(plan.to_version_id).question(key).get("shown_when")
        if not condition or condition["question"] in new:
            found |= _labelled(plan)
            continue
        targets = plan.mapping.get(condition["question"], {})
        for task, _question, values in _held(plan, [condition["question"]]):
            become = {one for value in values for one in targets.get(value, [value])}
            if become & {str(one) for one in condition["values"]}:
                found.add(task)
    return sorted(found)


def names(mapping: Targets) -> dict[str, dict[str, str]]:
    """What labels that are carried are called from now on, by question: a carry keeps it, and an export reads by it."""
    found = {
        question: {value: targets[0] for value, targets in labels.items() if len(targets) == 1}
        for question, labels in mapping.items()
    }
    return {question: labels for question, labels in found.items() if labels}


def may_be(value: Any, now: Any, labels: Mapping[str, Sequence[str]]) -> bool:
    """Whether a label given again is one that the old one was mapped to.

    >>> may_be("rude", "threat", {"rude": ["insult", "threat"]}), may_be("rude", "fine", {"rude": ["insult"]})
    (True, False)
    >>> may_be(["rude", "fine"], ["fine", "insult"], {"rude": ["insult", "threat"]})
    True
    """
    if isinstance(value, str):
        return now in labels.get(value, [value])
    if (
        isinstance(value, list)
        and isinstance(now, list)
        and all(isinstance(one, str) for one in [*value, *now])
    ):
        targets = [set(labels.get(one, [one])) for one in value]
        return set(now) <= set().union(*targets) and all(one & set(now) for one in targets)
    return bool(value == now)


def _pairs(plan: RelabelPlan) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The questions that both versions ask in the same kind and that have labels."""
    before = {one["key"]: one for one in versions.read(plan.from_version_id).questions}
    return [
        (before[one["key"]], one)
        for one in versions.read(plan.to_version_id).questions
        if one.get("labels") and before.get(one["key"], {}).get("kind") == one["kind"]
    ]


def _labels(question: Mapping[str, Any]) -> dict[str, str]:
    return {one["value"]: one.get("title") or one["value"] for one in question.get("labels") or ()}


def _labelled(plan: RelabelPlan) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_LABELLED, {"queue": plan.queue_id, "meaning": plan.from_version.meaning})
        return {task for (task,) in cursor.fetchall()}


def _held(plan: RelabelPlan, questions: list[str]) -> list[tuple[int, str, list[str]]]:
    """`(task, question, labels)` of everything in force in the plan's queue that is made of labels."""

    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            _HELD, {"queue": plan.queue_id, "meaning": plan.from_version.meaning, "questions": questions}
        )
        for task, question, text in cursor.fetchall():
            value = canonical.loads_strict(text.encode())
            if isinstance(value, str):
                found.append((task, question, [value]))
            elif isinstance(value, list) and all(isinstance(one, str) for one in value):
                found.append((task, question, value))
    return found
