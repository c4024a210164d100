"""The manifest of a snapshot: everything that made it, counted while its rows went by. Its digest is the snapshot's.

Floats are rounded to 6 digits, texts are in the house's own language, nothing tells when or where it was written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection

from annotation import export_formats, export_rules, export_terms, measuring
from annotation.models import Snapshot, SnapshotFile
from specs import task_types, versions

_DEGRADED = """
    SELECT q.key, e.kind, e.data->>'measure', l.position FROM specs_event e
    JOIN specs_ledgerentry l ON l.event_id = e.id JOIN workforce_queue q ON q.id = e.subject_id
    WHERE l.project_id = %(project)s AND l.position <= %(position)s AND e.kind IN ('queue.degraded', 'queue.restored')
      AND q.spec_id = %(spec)s ORDER BY l.position
"""
_ANSWERED = """
    SELECT q.key, count(DISTINCT t.item_id), sum(given.n)::bigint FROM (
        SELECT a.task_id, count(*) AS n FROM annotation_annotation a
        JOIN specs_ledgerentry l ON l.event_id = a.event_id AND l.position <= %(position)s
        WHERE a.project_id = %(project)s
          AND a.version_id IN (SELECT id FROM specs_specversion WHERE spec_id = %(spec)s AND meaning = ANY(%(meanings)s))
        GROUP BY a.task_id) given
    JOIN workforce_task t ON t.id = given.task_id JOIN workforce_queue q ON q.id = t.queue_id
    WHERE t.purpose = 'work' GROUP BY q.key ORDER BY q.key COLLATE "C"
"""


class Counts:
    """What the manifest counts while rows pass by; counts of parts add up."""

    def __init__(self, questions: Sequence[Mapping[str, Any]]) -> None:
        self.rows = self.plural = 0
        self.of: dict[str, dict[str, int]] = {
            "splits": {},
            "queues": {},
            "versions": {},
            "cannot_be_labelled": {},
        }
        self.basis: dict[str, dict[str, int]] = {question["key"]: {} for question in questions}
        # Only of values that come out of a few: a text or a span is hardly ever the same twice.
        self.values: dict[str, dict[str, int]] = {
            question["key"]: {}
            for question in questions
            if (kind := task_types.get(question["kind"])).one_of_options or kind.level == "set"
        }

    def add(self, row: Mapping[str, Any]) -> None:
        self.rows += 1
        if "split" in row:
            _one_more(self.of["splits"], row["split"])
        if "queue" in row:
            _one_more(self.of["queues"], row["queue"])
        for question, label in row["labels"].items():
            if label.get("spec_version"):
                _one_more(self.of["versions"], label["spec_version"])
            if category := label.get("cannot_be_labelled"):
                _one_more(self.of["cannot_be_labelled"], f"{question}: {category}")
                continue
            _one_more(self.basis[question], label["basis"])
            self.plural += "soft_label" in label
            if question in self.values and "soft_label" not in label:
                value = label["value"]
                _one_more(
                    self.values[question],
                    _quoted(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
                )

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {"rows": self.rows, "basis": self.basis, "values": self.values}
        if self.plural:
            found["plural"] = self.plural
        return found | {name: counts for name, counts in self.of.items() if counts}


@lru_cache(4096)
def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _one_more(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def together(counts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The counts of parts as those of the whole."""
    found: dict[str, Any] = {}
    for one in counts:
        for name, value in one.items():
            if isinstance(value, int):
                found[name] = found.get(name, 0) + value
            else:
                found[name] = together([found.get(name, {}), value])
    return found


def write(
    snapshot: Snapshot, counts: Mapping[str, Any], files: Sequence[SnapshotFile], left_out: Mapping[str, Any]
) -> dict[str, Any]:
    """The manifest of a snapshot whose files are there."""
    version, asked = versions.read(snapshot.version_id), snapshot.request
    meanings = asked.get("meanings") or [version.meaning]
    return {
        "format": export_terms.FORMAT,
        "project": snapshot.project.key,
        "request": asked,
        "spec": {
            "key": snapshot.version.spec.key,
            "title": snapshot.version.spec.title,
            "version": version.number,
            "meanings": meanings,
            "digest": version.digest,
            "questions": version.questions,
            "clauses": [
                {"key": c.key, "number": c.number, "title": c.title, "blocks": c.blocks, "governs": c.governs}
                for c in version.clauses
            ],
        },
        "rule": export_rules.RULE_WORDS[asked.get("rule") or export_terms.SETTLED],
        "counts": counts,
        "shares": {
            question: {value: round(n / total, 6) for value, n in sorted(values.items())}
            for question, values in counts["values"].items()
            if (total := sum(values.values()))
        },
        "coverage": _coverage(snapshot, meanings, counts),
        "agreement": measuring.summarised(
            spec=snapshot.version.spec, version=version, position=snapshot.position or 0, meanings=meanings
        ),
        "degradations": _degradations(snapshot),
        "files": [
            {"name": file.name, "digest": file.digest, "bytes": file.n_bytes, "rows": file.n_rows}
            for file in files
        ],
        "writer": {name: export_formats.FORMATS[name].about for name in asked["formats"]},
        **({"left_out": left_out} if left_out else {}),
    }


def _coverage(snapshot: Snapshot, meanings: Sequence[int], counts: Mapping[str, Any]) -> dict[str, Any]:
    """By queue: items with an answer at the position, their answers, and how many of them are rows here."""
    known = {
        "project": snapshot.project_id,
        "position": snapshot.position,
        "spec": snapshot.version.spec_id,
        "meanings": list(meanings),
    }
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERED, known)
        return {
            queue: {"items_answered": n_items, "answers": n, "rows": counts.get("queues", {}).get(queue, 0)}
            for queue, n_items, n in cursor.fetchall()
        }


def _degradations(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Measures that were in use on purpose on a queue of the spec, by the positions at which they began and ended."""
    known = {
        "project": snapshot.project_id,
        "position": snapshot.position,
        "spec": snapshot.version.spec_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DEGRADED, known)
        return [
            {"queue": queue, "measure": measure, "at": position, "what": kind.partition(".")[2]}
            for queue, kind, measure, position in cursor.fetchall()
        ]
