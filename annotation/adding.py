"""What the answers to an item add to the live sums of its queue. Nothing changes here."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from annotation import units
from annotation.agreement import live
from annotation.agreement.live import Said
from annotation.answers import INDEPENDENT
from specs import task_types, versions
from specs.models import SpecVersion
from specs.versions import ReadVersion

# As `answers` reads them: from people, of work, the first ones where a task stops by itself. Revisions are told apart here.
_ANSWERS = f"""
    SELECT t.item_id, v.meaning, v.spec_id, a.assignment_id, a.revision, a.id, a.annotator_id, a.values,
           ARRAY(SELECT c.question || ':' || c.clause_id FROM annotation_citation c
                 WHERE c.annotation_id = a.id AND c.clause_id IS NOT NULL)
    FROM workforce_task t JOIN annotation_annotation a ON a.task_id = t.id
    JOIN specs_specversion v ON v.id = a.version_id JOIN workforce_annotator p ON p.id = a.annotator_id
    WHERE t.queue_id = %(queue)s AND t.item_id = ANY(%(items)s) AND t.purpose = 'work' AND p.kind = ANY(%(kinds)s)
      AND v.meaning > 0 AND (t.overlap_basis NOT IN ('dynamic', 'fair') OR a.ordinal <= t.planned) AND {INDEPENDENT}
    ORDER BY a.id
"""
_GOVERNED = "SELECT item_id, clause_id FROM workforce_itemclause WHERE item_id = ANY(%(items)s)"


def of_items(cursor: Any, known: Mapping[str, Any]) -> dict[tuple[int, int], dict[str, dict[str, int]]]:
    """By item and meaning, what its answers add to the sums of each question."""
    cursor.execute(_GOVERNED, known)
    governed: dict[int, list[int]] = defaultdict(list)
    for item, clause in cursor.fetchall():
        governed[item].append(clause)
    cursor.execute(_ANSWERS, known)
    by_slot: dict[int, Sequence[Any]] = {}
    for row in cursor.fetchall():
        held = by_slot.get(row[3])
        if held is None or held[4] < row[4]:
            by_slot[row[3]] = row
    rows: dict[tuple[int, int], list[Sequence[Any]]] = defaultdict(list)
    for row in sorted(by_slot.values(), key=lambda one: one[5]):
        rows[row[0], row[1]].append(row)
    newest: dict[int, ReadVersion] = {}
    found = {}
    for (item, meaning), answers in rows.items():
        if meaning not in newest:
            newest[meaning] = newest_version(answers[0][2], meaning)
        found[item, meaning] = _of_questions(newest[meaning], answers, governed[item])
    return {key: said for key, said in found.items() if said}


def newest_version(spec_id: int, meaning: int) -> ReadVersion:
    """The version by which answers of a meaning are read."""
    frozen = SpecVersion.objects.frozen().filter(spec=spec_id, meaning=meaning)
    newest = frozen.newest_first().values_list("pk", flat=True).first()
    assert newest is not None
    return versions.read(newest)


def _of_questions(
    version: ReadVersion, answers: Sequence[Sequence[Any]], governed: Sequence[int]
) -> dict[str, dict[str, int]]:
    found = {}
    values = [json.loads(row[7]) for row in answers]
    for question in version.questions:
        kind, key = task_types.get(question["kind"]), question["key"]
        said = [
            Said(row[6], kind.key(question, given[key]), given[key], _cited(row[8], key))
            for row, given in zip(answers, values, strict=True)
            if key in given
        ]
        level = units.level_of(question)
        apart = None if level in units.NAMES else partial(kind.distance, question)
        added = live.contribution(said, governed, apart=apart, by_pattern=level in units.FEW)
        if added:
            found[key] = dict(added)
    return found


def _cited(cited: Sequence[str], question: str) -> tuple[int, ...]:
    return tuple(int(clause) for of, _, clause in (one.rpartition(":") for one in cited) if of == question)
