"""Two versions side by side: what changed word by word, why it has its class, what it touches, what relabelling would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from specs import clauses as clause_shape
from specs import contents, diff, edits, schema
from specs.models import Clause, Project, SpecVersion
from specs.numbering import numbers
from specs.wording import number

_TOUCHED = """
    WITH scope AS (
        SELECT t.id, t.item_id, t.overlap FROM workforce_task t
        JOIN workforce_queue q ON q.id = t.queue_id AND q.purpose IN ('labelling', 'relabelling')
        WHERE q.spec_id = %(spec)s AND t.meaning = %(meaning)s AND t.state = 'resolved'
    ), cited AS (
        SELECT c.clause_id, a.task_id, a.id FROM annotation_citation c
        JOIN annotation_annotation a ON a.id = c.annotation_id
        WHERE c.clause_id = ANY(%(clauses)s) AND NOT EXISTS (
            SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
    ), hit AS (
        SELECT clause_id, task_id, id AS answer FROM cited
        UNION ALL
        SELECT u.clause_id, r.task_id, NULL FROM annotation_resolution r JOIN annotation_ruling u ON u.id = r.ruling_id
        WHERE u.clause_id = ANY(%(clauses)s)
        UNION ALL
        SELECT ic.clause_id, s.id, NULL FROM workforce_itemclause ic JOIN scope s ON s.item_id = ic.item_id
        WHERE ic.clause_id = ANY(%(clauses)s)
    )
    SELECT h.clause_id, count(DISTINCT h.answer), count(DISTINCT s.id), NULL::bigint
    FROM hit h JOIN scope s ON s.id = h.task_id GROUP BY 1
    UNION ALL
    SELECT NULL, NULL, count(*), coalesce(sum(overlap), 0) FROM scope WHERE id IN (SELECT task_id FROM hit)
"""
_PACE = """
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM seconds)) FROM (
        SELECT s.submitted_at - s.leased_at AS seconds FROM workforce_assignment s
        JOIN workforce_queue q ON q.id = s.queue_id AND q.purpose IN ('labelling', 'relabelling')
        WHERE q.spec_id = %s AND s.state = 'submitted' AND s.leased_at IS NOT NULL AND s.submitted_at > s.leased_at
        ORDER BY s.id DESC LIMIT 5000) newest
"""


@dataclass(frozen=True)
class Touched:
    """How far one changed clause reaches: answers that cite it, tasks that rest on it."""

    n_answers: int
    n_tasks: int


@dataclass(frozen=True)
class Cost:
    """What asking the touched tasks again would take. `seconds_per_answer` is the median, None when nobody answered here yet."""

    n_tasks: int
    n_answers: int
    seconds_per_answer: float | None
    hours: float | None
    money: float | None
    currency: str


@dataclass(frozen=True)
class Block:
    """One kind of block of a clause: its title, and the runs of words from the old text to the new."""

    title: str
    runs: list[tuple[str, str]]


@dataclass(frozen=True)
class Row:
    """One clause that changed, for people."""

    change: diff.ClauseChange
    old_number: str
    new_number: str
    title: str
    blocks: list[Block]
    touched: Touched | None


@dataclass(frozen=True)
class Comparison:
    old: SpecVersion
    new: SpecVersion
    difference: diff.Difference
    rows: list[Row]
    cost: Cost | None

    def as_dict(self) -> dict[str, Any]:
        """The comparison as JSON; `cost` is None where the meaning stays, since nothing has to be asked again."""
        return {
            "old": self.old.number,
            "new": self.new.number,
            "change_class": self.difference.change_class,
            "clauses": [_row_dict(row) for row in self.rows],
            "questions": [vars(reason) for reason in self.difference.schema],
            "changed_meaning": self.difference.changed_meaning(),
            "cost": vars(self.cost) if self.cost else None,
        }


@dataclass(frozen=True)
class Names:
    """What labels and questions are called, beside the values that programs know them by."""

    questions: dict[str, str]
    labels: dict[tuple[str, str], str]
    anywhere: dict[str, str]

    @classmethod
    def of(cls, *versions: Sequence[Mapping[str, Any]]) -> Names:
        """From the questions of one version or several; a later one's word is the one that counts.

        One word for both sides of a comparison, so that a label that was only renamed does not make every example look changed.
        """
        questions: dict[str, str] = {}
        labels: dict[tuple[str, str], str] = {}
        anywhere: dict[str, str] = {}
        for asked in versions:
            anywhere |= schema.titles([dict(question) for question in asked])
            for question in asked:
                questions[question["key"]] = question.get("title") or question["key"]
                for label in question.get("labels") or ():
                    labels[question["key"], label["value"]] = label.get("title") or label["value"]
        return cls(questions, labels, anywhere)

    def label(self, value: str, question: str = "") -> str:
        """The title of a label, with its value where that is another word, capitals apart."""
        return _beside(self.labels.get((question, value)) or self.anywhere.get(value), value)

    def question(self, key: str) -> str:
        return _beside(self.questions.get(key), key)


def _beside(title: str | None, value: str) -> str:
    if not title or title == value:
        return value
    return title if title.casefold() == value.casefold() else f"{title} ({value})"


NAMELESS = Names({}, {}, {})


def compare(old: SpecVersion, new: SpecVersion) -> Comparison:
    """Everything there is to say about two versions; the number of queries does not depend on how many clauses they have."""
    difference = contents.compare(old, new)
    before, after = contents.content(old)["clauses"], contents.content(new)["clauses"]
    places = [
        dict(zip((c["key"] for c in found), numbers([c["section"] for c in found]), strict=True))
        for found in (before, after)
    ]
    touched, cost = _touched(old, difference)
    names = Names.of(old.questions, new.questions)
    rows = [
        Row(
            change=change,
            old_number=places[0].get(change.key, ""),
            new_number=places[1].get(change.key, ""),
            title=str((change.new or change.old or {})["title"]),
            blocks=blocks(change.old, change.new, names),
            touched=touched.get(change.key),
        )
        for change in difference.clauses
    ]
    return Comparison(old, new, difference, rows, cost)


def blocks(old: Any, new: Any, names: Names = NAMELESS) -> list[Block]:
    """The kinds of block that differ between two wordings of a clause; either may be None."""
    found = []
    for kind, title in [("title", _("Title")), ("section", _("Section")), *clause_shape.BLOCK_TYPES.items()]:
        before, after = text_of(old, kind, names), text_of(new, kind, names)
        if before != after:
            found.append(Block(_(title), list(edits.words(before, after))))
    governed = [_governed(clause, names) for clause in (old, new)]
    if governed[0] != governed[1]:
        found.append(Block(_("Governs"), list(edits.words(*governed))))
    return found


def text_of(clause: Any, kind: str, names: Names = NAMELESS) -> str:
    """All text of one kind in a clause, as it is compared: blocks apart by a blank line, an example's parts by line."""
    if clause is None:
        return ""
    if kind in ("title", "section"):
        return str(clause.get(kind, ""))
    parts = (block for block in clause["blocks"] if block["type"] == kind)
    return "\n\n".join(
        "\n".join(
            f"→ {names.label(str(block[name]))}" if name == "value" else str(block[name])
            for name in ("text", "item", "value", "why")
            if block.get(name)
        )
        for block in parts
    )


def _governed(clause: Any, names: Names) -> str:
    lines = []
    for entry in (clause or {}).get("governs", ()):
        key = entry["question"]
        named = [names.label(value, key) for value in entry["values"]]
        named += [" / ".join(names.label(value, key) for value in pair) for pair in entry["pairs"]]
        lines.append(f"{names.question(key)}: {', '.join(named) or _('every label')}")
    return "\n".join(lines)


def _touched(old: SpecVersion, difference: diff.Difference) -> tuple[dict[str, Touched], Cost | None]:
    if old.meaning is None or not difference.clauses:
        return {}, None
    keys = {change.key for change in difference.clauses if change.kind != "moved"}
    ancestors = {key: change.ancestors for change in difference.clauses for key in [change.key]}
    ids = dict(Clause.objects.filter(spec=old.spec_id).values_list("key", "pk"))
    majors = {name for key in difference.changed_meaning() for name in (key, *ancestors.get(key, ()))}
    with connection.cursor() as cursor:
        scope = {"spec": old.spec_id, "meaning": old.meaning}
        named = [ids[key] for key in keys | majors if key in ids]
        cursor.execute(_TOUCHED, {**scope, "clauses": named})
        by_clause = {row[0]: Touched(row[1], row[2]) for row in cursor.fetchall() if row[0] is not None}
        cursor.execute(_TOUCHED, {**scope, "clauses": [ids[key] for key in majors if key in ids]})
        _, _, n_tasks, n_answers = cursor.fetchall()[-1]
    touched = {key: by_clause.get(ids.get(key, 0), Touched(0, 0)) for key in keys}
    if difference.change_class != "major":
        return touched, None
    return touched, cost(old.project, n_tasks, int(n_answers), pace(old.spec_id))


def pace(spec_id: int) -> float | None:
    """The median of seconds that an answer under a spec takes; None before there is one."""
    with connection.cursor() as cursor:
        cursor.execute(_PACE, [spec_id])
        found = cursor.fetchone()[0]
    return None if found is None else float(found)


def cost(project: Project, n_tasks: int, n_answers: int, seconds: float | None) -> Cost:
    """What so many answers take at so many seconds each, at the project's hourly rate."""
    hours = None if seconds is None else n_answers * seconds / 3600
    money = None if hours is None or not project.hourly_rate else hours * float(project.hourly_rate)
    return Cost(n_tasks, n_answers, seconds, hours, money, project.currency)


def _row_dict(row: Row) -> dict[str, Any]:
    return {
        "key": row.change.key,
        "kind": row.change.kind,
        "ancestors": list(row.change.ancestors),
        "title": row.title,
        "old_number": row.old_number,
        "new_number": row.new_number,
        "change_class": row.change.change_class,
        "reasons": [vars(reason) for reason in row.change.reasons],
        "blocks": [
            {"title": block.title, "runs": [{"kind": kind, "text": text} for kind, text in block.runs]}
            for block in row.blocks
        ],
        "touched": vars(row.touched) if row.touched else None,
    }


def as_markdown(comparison: Comparison, *, title: str) -> str:
    """The comparison as Markdown, for a pull request or a mail: ~~removed~~ and **added** words."""
    lines = [f"# {title}: {comparison.old.number} → {comparison.new.number}", ""]
    lines += [_("Class: **%(change_class)s**") % {"change_class": comparison.difference.change_class}, ""]
    if comparison.cost:
        lines += [cost_in_words(comparison.cost), ""]
    for reason in comparison.difference.schema:
        lines.append(f"- {reason.where}: {reason.message} ({reason.change_class})")
    for row in comparison.rows:
        number = row.new_number or row.old_number
        lines += ["", f"## §{number} {row.title} `{row.change.key}` ({row.change.kind})", ""]
        lines += [f"- {one.where}: {one.message} ({one.change_class})" for one in row.change.reasons]
        if row.touched:
            lines.append(
                _("- cited by %(n_answers)s answers; %(n_tasks)s tasks rest on it")
                % {"n_answers": row.touched.n_answers, "n_tasks": row.touched.n_tasks}
            )
        for block in row.blocks:
            lines += ["", f"**{block.title}**", "", *_quoted(block.runs)]
    return "\n".join(lines) + "\n"


def cost_in_words(cost: Cost) -> str:
    said = _("Asking the %(n_tasks)s touched tasks again takes %(n_answers)s answers") % {
        "n_tasks": cost.n_tasks,
        "n_answers": cost.n_answers,
    }
    if cost.hours is not None:
        said += _(", about %(hours)s hours") % {"hours": number(cost.hours, 1)}
    if cost.money is not None:
        said += f", {cost.money:.2f} {cost.currency}"
    return said + "."


def _quoted(runs: list[tuple[str, str]]) -> list[str]:
    marks = {"added": "**", "removed": "~~", "same": ""}
    text = ""
    for kind, words in runs:
        core = words.strip()
        if not core or kind == "same":
            text += words
            continue
        head, tail = words[: len(words) - len(words.lstrip())], words[len(words.rstrip()) :]
        text += f"{head}{marks[kind]}{core}{marks[kind]}{tail}"
    return [f"> {line}".rstrip() for line in text.split("\n")]
