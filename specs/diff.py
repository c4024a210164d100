"""What changed between two versions, clause by clause and block by block, and whether meaning changed. Pure.

A version here is `{"clauses": [{"key", "section", "title", "blocks", "governs"}, ...], "questions": [...]}` in order; a
clause that the version split or merged has `ancestors` (`{"key", "kind"}`) as well. The
class of a change says what it does to labels made before: *major* may make them invalid, *minor* adds something that leaves
them valid, *patch* is wording beside the rule. A doubtful change takes the higher class.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from specs import clauses as clause_shape
from specs import task_types
from specs.wording import _, later

Class = Literal["none", "patch", "minor", "major"]
_RANK: dict[Class, int] = {"none": 0, "patch": 1, "minor": 2, "major": 3}
Number = tuple[int, int, int]
SAID = (
    later("none"),
    later("patch"),
    later("minor"),
    later("major"),
    later("added"),
    later("removed"),
    later("reworded"),
    later("moved"),
    later("split"),
    later("merged"),
)
"""Classes and kinds of change are words of the API; pages say them in the reader's language (`specs.retelling`)."""


@dataclass(frozen=True)
class Reason:
    """One change: where (the block or the field), its class, and why it has that class."""

    where: str
    change_class: Class
    message: str


@dataclass(frozen=True)
class ClauseChange:
    """What happened to one clause. `old` or `new` is None where it was added or removed.

    `ancestors` are the clauses it was split from or took in; `old` stays its own wording before, if it had one.
    """

    key: str
    kind: Literal["added", "removed", "reworded", "moved", "split", "merged"]
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    reasons: tuple[Reason, ...]
    ancestors: tuple[str, ...] = ()

    @property
    def change_class(self) -> Class:
        return highest(reason.change_class for reason in self.reasons)


@dataclass(frozen=True)
class Difference:
    """All changes from one version to the next; `order`, `questions` and `ancestors` are the new ones, so that `apply` can
    rebuild it."""

    clauses: tuple[ClauseChange, ...]
    schema: tuple[Reason, ...]
    order: tuple[str, ...]
    questions: Sequence[Mapping[str, Any]] = field(default=())
    ancestors: Mapping[str, Any] = field(default_factory=dict)

    @property
    def change_class(self) -> Class:
        return highest(
            [change.change_class for change in self.clauses] + [reason.change_class for reason in self.schema]
        )

    @property
    def reasons(self) -> list[tuple[str, Reason]]:
        found = [(f"clause {change.key}", reason) for change in self.clauses for reason in change.reasons]
        return found + [("questions", reason) for reason in self.schema]

    def changed_meaning(self) -> list[str]:
        """The keys of clauses whose rule is new, gone or different: what relabelling follows."""
        return [
            change.key
            for change in self.clauses
            if change.change_class == "major" or change.kind in ("added", "removed", "split", "merged")
        ]


def highest(classes: Iterable[Class]) -> Class:
    return max(classes, key=lambda name: _RANK[name], default="none")


def at_least(claimed: Class, computed: Class) -> bool:
    """An author may claim a higher class than the diff shows, never a lower one."""
    return _RANK[claimed] >= _RANK[computed]


def next_number(number: Number | None, change_class: Class) -> Number:
    """The version number that follows; the first version is 1.0.0.

    >>> next_number((1, 4, 2), "minor")
    (1, 5, 0)
    """
    if number is None:
        return 1, 0, 0
    major, minor, patch = number
    match change_class:
        case "major":
            return major + 1, 0, 0
        case "minor":
            return major, minor + 1, 0
        case _:
            return major, minor, patch + 1


def compare(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    lineage: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
) -> Difference:
    """The difference that leads from *old* to *new*.

    *lineage* names by key the ancestors of clauses that were split or merged in versions between the two; what *new* itself
    says about its clauses is always heeded.
    """
    before = {clause["key"]: clause for clause in old["clauses"]}
    after = {clause["key"]: clause for clause in new["clauses"]}
    known = _lineage(new["clauses"], lineage or {}, before)
    taken_in = {ancestor: key for key, found in known.items() for ancestor, kind in found if kind == "merged"}
    moved = _moved([key for key in before if key in after], [key for key in after if key in before])
    changes: list[ClauseChange] = []
    for key, clause in after.items():
        ancestors = tuple(ancestor for ancestor, _ in known.get(key, ()))
        kinds = {kind for _, kind in known.get(key, ())}
        if key not in before:
            kind: Any = "merged" if "merged" in kinds else "split" if kinds else "added"
            reason = _descended(kind, ancestors) if kinds else _added(clause, before.values())
            changes.append(ClauseChange(key, kind, None, clause, (reason,), ancestors))
        elif reasons := tuple(_reworded(before[key], clause)):
            kind = "merged" if "merged" in kinds else "reworded"
            changes.append(ClauseChange(key, kind, before[key], clause, reasons, ancestors))
        elif key in moved:
            place = Reason("place", "patch", _("moved to another place"))
            changes.append(ClauseChange(key, "moved", before[key], clause, (place,)))
    changes += [
        ClauseChange(key, "removed", clause, None, (_removed(taken_in.get(key)),))
        for key, clause in before.items()
        if key not in after
    ]
    return Difference(
        clauses=tuple(changes),
        schema=tuple(_schema(old["questions"], new["questions"])),
        order=tuple(after),
        questions=new["questions"],
        ancestors={key: clause["ancestors"] for key, clause in after.items() if clause.get("ancestors")},
    )


def _lineage(
    clauses: Iterable[Mapping[str, Any]],
    between: Mapping[str, Sequence[Mapping[str, str]]],
    before: Mapping[str, Any],
) -> dict[str, list[tuple[str, str]]]:
    """`(ancestor, kind)` by clause, for ancestors that the older version had."""
    found: dict[str, list[tuple[str, str]]] = {}
    for clause in clauses:
        entries = [*clause.get("ancestors", ()), *between.get(clause["key"], ())]
        pairs = dict.fromkeys((entry["key"], entry["kind"]) for entry in entries if entry["key"] in before)
        if pairs:
            found[clause["key"]] = list(pairs)
    return found


def _descended(kind: str, ancestors: tuple[str, ...]) -> Reason:
    how = _("split from") if kind == "split" else _("merged from")
    return Reason(
        "clause",
        "major",
        _("a rule of its own now, %(how)s %(ancestors)s") % {"how": how, "ancestors": ", ".join(ancestors)},
    )


def _removed(into: str | None) -> Reason:
    return Reason(
        "clause",
        "major",
        _("merged into %(into)s") % {"into": into} if into else _("a rule that labels rest on is gone"),
    )


def apply(old: Mapping[str, Any], difference: Difference) -> dict[str, Any]:
    """The new version, rebuilt from the old one and the difference."""
    current = {clause["key"]: clause for clause in old["clauses"]}
    for change in difference.clauses:
        if change.new is not None:
            current[change.key] = change.new
    clauses = []
    for key in difference.order:
        clause = {name: value for name, value in current[key].items() if name != "ancestors"}
        if key in difference.ancestors:
            clause["ancestors"] = difference.ancestors[key]
        clauses.append(clause)
    return {"clauses": clauses, "questions": difference.questions}


def _moved(before: list[str], after: list[str]) -> set[str]:
    """The fewest clauses that have to move to get from one order to the other."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    kept = {before[i] for i, _, size in matcher.get_matching_blocks() for i in range(i, i + size)}
    return set(before) - kept


def _governed(clauses: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """`(question, value)` for everything governed; the value "" stands for the whole question."""
    return {
        (entry["question"], value)
        for clause in clauses
        for entry in clause.get("governs", ())
        for value in [*(entry.get("values") or ()), *(v for pair in entry.get("pairs") or () for v in pair)]
        or [""]
    }


def _added(clause: Mapping[str, Any], before: Iterable[Mapping[str, Any]]) -> Reason:
    here, there = _governed([clause]), _governed(before)
    whole = {question for question, value in there if value == ""}
    if here & there or any(question in whole for question, _ in here):
        return Reason("clause", "major", _("a new rule for values that other clauses already govern"))
    return Reason("clause", "minor", _("a rule for cases that no clause covered"))


def _reworded(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Reason]:
    a, b = clause_shape.clean(old), clause_shape.clean(new)
    for kind, title in clause_shape.BLOCK_TYPES.items():
        before = [block for block in a["blocks"] if block["type"] == kind]
        after = [block for block in b["blocks"] if block["type"] == kind]
        if before == after:
            continue
        if kind in clause_shape.MEANING:
            yield Reason(_(title), "major", _("a block that carries the meaning changed"))
        elif kind in clause_shape.EXAMPLES:
            yield Reason(_(title), "minor", _("the examples changed"))
        else:
            yield Reason(_(title), "patch", _("wording beside the rule changed"))
    if a["governs"] != b["governs"]:
        yield Reason(_("Governs"), "major", _("what the clause governs changed"))
    if a["title"] != b["title"]:
        yield Reason(_("Title"), "patch", _("the title changed"))
    if new.get("ancestors") and old.get("ancestors", []) != new["ancestors"] and a == b:
        yield Reason(_("Ancestors"), "patch", _("other clauses were taken in"))
    if old.get("section", "") != new.get("section", ""):
        yield Reason(_("Section"), "patch", _("stands in another section"))
    if a != b and a["blocks"] != b["blocks"] and _same_by_type(a["blocks"], b["blocks"]):
        yield Reason(_("Order"), "patch", _("the blocks stand in another order"))


def _same_by_type(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> bool:
    return all(
        [block for block in a if block["type"] == kind] == [block for block in b if block["type"] == kind]
        for kind in clause_shape.BLOCK_TYPES
    )


def _schema(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterable[Reason]:
    before = {question["key"]: question for question in old}
    after = {question["key"]: question for question in new}
    for key in before.keys() - after.keys():
        yield Reason(f"question {key}", "major", _("is no longer asked"))
    for key, question in after.items():
        where = f"question {key}"
        if key not in before:
            required = question.get("required", True)
            yield Reason(
                where,
                "major" if required else "minor",
                _("is new and must be answered") if required else _("is new"),
            )
        else:
            yield from _question(where, before[key], question)
    if [key for key in before if key in after] != [key for key in after if key in before]:
        yield Reason("questions", "patch", _("stand in another order"))


def _question(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Reason]:
    for name in ("kind", "options_from", "shown_when"):
        if (old.get(name) or None) != (new.get(name) or None):
            yield Reason(where, "major", _("%(name)s changed") % {"name": name})
    if bool(old.get("required", True)) != bool(new.get("required", True)):
        yield Reason(
            where, "major" if new.get("required", True) else "minor", _("whether it must be answered changed")
        )
    a = {label["value"]: label for label in old.get("labels") or ()}
    b = {label["value"]: label for label in new.get("labels") or ()}
    if gone := sorted(a.keys() - b.keys()):
        yield Reason(where, "major", _("the labels %(gone)s are gone") % {"gone": ", ".join(gone)})
    if fresh := sorted(b.keys() - a.keys()):
        yield Reason(
            where,
            "major",
            _("the labels %(fresh)s are new: earlier answers could not choose them")
            % {"fresh": ", ".join(fresh)},
        )
    if any(a[value].get("title") != b[value].get("title") for value in a.keys() & b.keys()):
        yield Reason(where, "minor", _("the title of a label changed"))
    if (old.get("title"), old.get("help") or "") != (new.get("title"), new.get("help") or ""):
        yield Reason(where, "minor", _("the wording of the question changed"))
    if old.get("kind") == new.get("kind") and new.get("kind") in task_types.kinds():
        declared = task_types.get(new["kind"]).settings
        yield from (
            Reason(where, level, why) for level, why in task_types.own_settings.changes(declared, old, new)
        )
    beside = ("shortcut", "colour")
    if (
        (old.get("cite") or "default") != (new.get("cite") or "default")
        or (list(a) != list(b) and a.keys() == b.keys())
        or any(a[value].get(name) != b[value].get(name) for value in a.keys() & b.keys() for name in beside)
    ):
        yield Reason(where, "patch", _("order, shortcuts, colours or citing changed"))
