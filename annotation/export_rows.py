"""The rows of a snapshot, streamed: one per item in the order of its key, its label per question with everything it rests on.

A signal from production has its `selection`: its label stands for `1 / probability` of what it was selected from. Where any
author of a label's answers said how sure she was, `confidence` counts how many said 1 (a guess) to 5 (certain).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson
from django.db import connection, transaction

from annotation import export_choice, export_rules, export_terms, fitting, holding_out
from annotation.models import Snapshot
from specs import task_types, versions
from specs.models import SpecVersion
from workforce.models import Queue

Row = dict[str, Any]
BATCH = 2000
_QUESTION_AND_REVISION = itemgetter(0, 1)
_NAMED = frozenset(("distribution", "share", "entropy", "n_answers", "clauses", "spec_version", "settled_at"))
_PREDICTED = ("question", "value", "model", "model_version", "confidence")
_OF_RULINGS = frozenset(("ruling", "cause", "decisive_clause"))
_NAMES = {"ruling": "adjudicated"}
"""What leaves the house under another word."""

# One line per item. Everything below it is looked up by task, so a part costs what it holds, however much there is besides.
# Revisions come as they lie, without a sort for each item; the last one of a question is in force.
_ROWS = """
    SELECT i.id::text, i.key, i.payload::text, (c.carried > 0)::text, c.maps::text, t.queue_id::text, d.labels::text,
        CASE WHEN %(answers)s OR d.without
        THEN (SELECT json_agg(json_build_array(
                a.values, n.pseudonym, a.version_id, a.answered_at, a.cannot, a.confidence,
                CASE WHEN %(cites)s THEN (
                    SELECT json_agg(json_build_array(ci.question, cl.key) ORDER BY ci.question, cl.key)
                    FROM annotation_citation ci LEFT JOIN specs_clause cl ON cl.id = ci.clause_id
                    WHERE ci.annotation_id = a.id) END) ORDER BY a.ordinal)
              FROM (SELECT DISTINCT ON (o.assignment_id) o.* FROM annotation_annotation o
                    JOIN specs_ledgerentry l ON l.event_id = o.event_id AND l.position <= %(position)s
                    WHERE o.task_id = c.task_id ORDER BY o.assignment_id, o.revision DESC) a
              JOIN workforce_annotator n ON n.id = a.annotator_id AND n.kind IN ('person', 'imported'))::text END,
        CASE WHEN %(selected)s THEN (
            SELECT json_build_array(g.probability, g.reason, g.source, g.happened_at)
            FROM workforce_signal g JOIN workforce_load o ON o.id = g.load_id
            JOIN specs_ledgerentry l ON l.event_id = o.event_id AND l.position <= %(position)s
            WHERE g.item_id = c.item_id) END::text,
        CASE WHEN %(predictions)s::bigint IS NOT NULL THEN (
            SELECT json_agg(json_build_array(p.question, p.value, p.model, p.model_version, p.confidence) ORDER BY p.id)
            FROM workforce_prediction p
            WHERE p.item_id = c.item_id AND p.spec_id = %(spec)s AND p.id <= %(predictions)s) END::text
"""
_DECIDED = """
    CROSS JOIN LATERAL (
        SELECT json_agg(json_build_array(
            r.question, r.revision, r.version_id, r.value, r.basis, r.distribution, cardinality(r.answers), r.rule, r.cannot,
            r.resolved_at,
            CASE WHEN %(cites)s THEN ARRAY(
                SELECT DISTINCT cl.key FROM annotation_citation ci JOIN specs_clause cl ON cl.id = ci.clause_id
                WHERE ci.annotation_id = ANY(r.answers) AND ci.question = r.question ORDER BY 1) END,
            CASE WHEN %(sure)s THEN ARRAY(
                SELECT a.confidence FROM annotation_annotation a
                WHERE a.id = ANY(r.answers) AND a.confidence IS NOT NULL) END,
            r.ruling_id, u.cause, k.key, CASE WHEN r.basis = 'plural' THEN u.sides->r.question END)) AS labels,
            bool_or(r.answers = '{}') AS without
        FROM annotation_resolution r
        JOIN specs_ledgerentry l ON l.event_id = r.event_id AND l.position <= %(position)s
        LEFT JOIN annotation_ruling u ON u.id = r.ruling_id LEFT JOIN specs_clause k ON k.id = u.clause_id
        WHERE r.task_id = c.task_id) d
"""
_OF_PLACES = f"""
    FROM (SELECT p.item AS item_id, p.task AS task_id, p.carried, p.maps, p.number FROM annotation_snapshotplace p
          WHERE p.snapshot = %(snapshot)s AND p.number BETWEEN %(first)s AND %(last)s) c
    JOIN workforce_item i ON i.id = c.item_id JOIN workforce_task t ON t.id = c.task_id {_DECIDED}
    ORDER BY c.number
"""
_OF_CHOSEN = f" JOIN workforce_task t ON t.id = c.task_id {_DECIDED}"
_SELECTED = """
    SELECT EXISTS (
        SELECT FROM workforce_signal g JOIN workforce_load o ON o.id = g.load_id
        JOIN specs_ledgerentry l ON l.event_id = o.event_id
        WHERE g.project_id = %(project)s AND l.project_id = %(project)s AND l.position <= %(position)s)
"""
_SURE = """
    SELECT EXISTS (
        SELECT FROM annotation_annotation a JOIN specs_ledgerentry l ON l.event_id = a.event_id
        WHERE a.project_id = %(project)s AND a.confidence IS NOT NULL
          AND l.project_id = %(project)s AND l.position <= %(position)s)
"""
_CITES = "SELECT EXISTS (SELECT FROM annotation_citation WHERE project_id = %(project)s)"
_PLURAL = """
    SELECT EXISTS (
        SELECT FROM annotation_ruling r JOIN specs_ledgerentry l ON l.event_id = r.event_id
        WHERE r.project_id = %(project)s AND r.sides <> '{}'::jsonb
          AND l.project_id = %(project)s AND l.position <= %(position)s)
"""


@dataclass
class Reader:
    """Reads the rows of one snapshot. What holds of all of them is looked up once."""

    snapshot: Snapshot
    questions: Sequence[Mapping[str, Any]] = field(init=False)
    selected: bool = field(init=False)
    sure: bool = field(init=False)
    plural: bool = field(init=False)
    cites: bool = field(init=False)
    gold: fitting.Known = field(init=False)
    _fitted: dict[str, export_rules.Fitted] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        asked = self.snapshot.request
        self.questions = versions.read(self.snapshot.version_id).questions
        self.columns = frozenset(asked.get("columns") or export_terms.USUAL_COLUMNS)
        self.rule = asked.get("rule") or export_terms.SETTLED
        self.bases = frozenset(asked.get("bases") or export_terms.USUAL_BASES)
        self.gold = fitting.known(asked.get("known") or "") if asked.get("gold") else {}
        self.selected = "selection" in self.columns and self._has(_SELECTED)
        self.plural = self._has(_PLURAL)
        self.sure = "confidence" in self.columns and self._has(_SURE)
        self.cites = self._has(_CITES)
        self.dropped = _NAMED - self.columns
        if "ruling" not in self.columns:
            self.dropped |= _OF_RULINGS
        spec = self.snapshot.version.spec
        numbers = SpecVersion.objects.filter(spec=spec).order_by("pk")
        self.numbers = {one.pk: one.number for one in numbers}
        self.queues = dict(Queue.objects.filter(project_id=self.snapshot.project_id).values_list("pk", "key"))

    def _has(self, what: str) -> bool:
        """Whether the project has, at the snapshot's position, what the query looks for."""
        with connection.cursor() as cursor:
            cursor.execute(what, {"project": self.snapshot.project_id, "position": self.snapshot.position})
            return bool(cursor.fetchone()[0])

    @property
    def fitted(self) -> Mapping[str, export_rules.Fitted]:
        if self._fitted is None:
            self._fitted = fitting.fit(self.snapshot) if self.rule == export_terms.WEIGHED else {}
        return self._fitted

    def of_places(self, first: int, last: int) -> Iterator[Row]:
        """The rows of a stretch of places, while the database goes on reading: nothing else is asked of it meanwhile."""
        known = self._known({"first": first, "last": last})
        self.fitted  # noqa: B018 (asks the database, so before the rows come)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            with cursor.copy(f"COPY ({_ROWS + _OF_PLACES}) TO STDOUT", known) as copy:
                for found in copy.rows():
                    row = self._row(*found)
                    if row is not None:
                        yield row

    def all(self) -> Iterator[Row]:
        """Every row, places or not: what the request says is chosen anew."""
        return self._stream(*self._anew(None))

    def of_item(self, item: int) -> Row | None:
        """The row of one item; None where it has none."""
        return next(iter(self._stream(*self._anew(item))), None)

    def _anew(self, item: int | None) -> tuple[str, dict[str, Any]]:
        choice = export_choice.chosen(self.snapshot, item=item, what=_ROWS, joins=_OF_CHOSEN)
        return f'{choice.query} ORDER BY i.key COLLATE "C"', dict(choice.known)

    def _known(self, more: Mapping[str, Any]) -> dict[str, Any]:
        wanted = self.rule in (export_terms.MAJORITY, export_terms.SOFT) or "unresolved" in self.bases
        return {
            **export_choice.known_of(self.snapshot),
            "item": None,
            **more,
            "answers": wanted or "answers" in self.columns,
            "sure": self.sure,
            "cites": self.cites,
            "selected": self.selected,
            "predictions": self.snapshot.request.get("predictions"),
        }

    def _stream(self, query: str, more: Mapping[str, Any]) -> Iterator[Row]:
        known = self._known(more)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0")
                cursor.execute("SET LOCAL cursor_tuple_fraction = 1")
            with connection.chunked_cursor() as cursor:
                cursor.execute(query, known)
                while batch := cursor.fetchmany(BATCH):
                    for found in batch:
                        row = self._row(*found)
                        if row is not None:
                            yield row

    def _row(
        self,
        item: str,
        key: str,
        payload: str,
        carried: str,
        maps: str,
        queue: str,
        decided: str | None,
        given: str | None,
        selection: str | None,
        predicted: str | None,
    ) -> Row | None:
        """A row from what the database says of it, all of it as texts."""
        asked = self.snapshot.request
        whole = orjson.loads(payload)
        row: Row = {"key": key}
        if asked.get("split"):
            row["split"] = holding_out.of(asked["split"], key, whole)
            if row["split"] not in asked["splits"]:
                return None
        answers = orjson.loads(given) if given else []
        labels = self._labels(int(item), orjson.loads(decided) if decided else [], answers, carried == "true")
        if maps != "[]":
            for became in orjson.loads(maps):
                _mapped(labels, became)
        if not labels or not self._kept(labels):
            return None
        if "payload" in self.columns:
            names = asked.get("item_fields")
            row["payload"] = (
                whole if names is None else {name: whole[name] for name in names if name in whole}
            )
        if "queue" in self.columns:
            row["queue"] = self.queues[int(queue)]
        row["labels"] = {question: self._shown(label) for question, label in labels.items()}
        if selection is not None:
            row["selection"] = _selection(*orjson.loads(selection))
        if "answers" in self.columns:
            row["answers"] = [self._answer(*one) for one in answers]
        if self.snapshot.request.get("predictions") is not None:
            told = orjson.loads(predicted) if predicted else []
            row["predictions"] = [dict(zip(_PREDICTED, one, strict=True)) for one in told]
        return row

    def _labels(self, item: int, decided: list[Any], answers: list[Any], carried: bool) -> dict[str, Row]:
        there = {
            one[0]: _label(carried, self.numbers[one[2]], *one[3:])
            for one in (decided if len(decided) < 2 else sorted(decided, key=_QUESTION_AND_REVISION))
        }
        labels: dict[str, Row] = {}
        for question in self.questions:
            key = question["key"]
            values = [one[0][key] for one in answers if key in one[0]]
            label = there.get(key)
            if label is None:
                if not values or "unresolved" not in self.bases or there:
                    continue
                label = _unresolved(question, values)
            elif not label["n_answers"] and values:
                label = _with_answers(label, question, values)
            elif label["decided_by"] == "adjudicated" and label["distribution"]:
                label["share"] = _share_of(question, label)
            if item in self.gold.get(key, ()):
                gold = self.gold[key][item]
                labels[key] = {**label, "value": gold, "basis": "gold", "decided_by": "gold", "rule": "gold"}
                continue
            found = export_rules.decide(
                self.rule, question, label, values, item=item, fitted=self.fitted.get(key)
            )
            if found is not None:
                labels[key] = found
        return labels

    def _kept(self, labels: Mapping[str, Row]) -> bool:
        """Whether the filters by basis, label and time let the row pass; bases that were not asked for drop their label."""
        asked = self.snapshot.request
        for key in [key for key, label in labels.items() if label["basis"] not in self.bases]:
            del labels[key]  # type: ignore[attr-defined]
        if not labels:
            return False
        for question, wanted in (asked.get("labels") or {}).items():
            value = labels.get(question, {}).get("value")
            said = value if isinstance(value, list) else [value]
            if not {one if isinstance(one, str) else json.dumps(one) for one in said} & set(wanted):
                return False
        settled = max((label["settled_at"] or "" for label in labels.values()), default="")
        after, before = asked.get("after"), asked.get("before")
        return not ((after and settled < after) or (before and settled >= before))

    def _shown(self, label: Row) -> Row:
        """The label with the columns that were asked for."""
        if not self.dropped:
            return label
        return {name: value for name, value in label.items() if name not in self.dropped}

    def _answer(
        self,
        values: dict[str, Any],
        pseudonym: str,
        version: int,
        answered: str,
        cannot: str,
        confidence: int | None,
        cited: list[list[str | None]] | None,
    ) -> Row:
        clauses: dict[str, list[str]] = {}
        for question, clause in cited or ():
            clauses.setdefault(str(question), []).append(clause or "no-clause-fits")
        found: Row = {
            "annotator": pseudonym,
            "values": values,
            "clauses": clauses,
            "spec_version": self.numbers[version],
            "answered_at": utc(answered),
        }
        if cannot:
            found["cannot_be_labelled"] = cannot
        return found if confidence is None else {**found, "confidence": confidence}


def _label(
    carried: bool,
    version: str,
    value: Any,
    basis: str,
    distribution: dict[str, int],
    n: int,
    rule: str,
    cannot: str,
    settled: str,
    cited: list[str] | None,
    sure: list[int] | None,
    ruling: int | None,
    cause: str | None,
    ruled: str | None,
    kept: list[dict[str, Any]] | None = None,
) -> Row:
    decided_by = _NAMES.get(basis, basis)
    total, most = sum(distribution.values()), max(distribution.values(), default=0)
    found = {
        "value": value,
        "basis": "carried" if carried else decided_by,
        "decided_by": decided_by,
        "rule": rule,
        "spec_version": version,
        "distribution": distribution,
        "share": round(most / total, 6) if total else None,
        "entropy": export_rules.entropy(distribution),
        "n_answers": n,
        "clauses": cited or [],
        "ruling": ruling,
        "cause": cause,
        "decisive_clause": ruled,
        "settled_at": utc(settled),
    }
    if kept:
        found["soft_label"] = soft_label(kept)
    if sure:
        found["confidence"] = {str(level): sure.count(level) for level in sorted(set(sure))}
    if cannot:
        found["cannot_be_labelled"] = cannot
    return found


def soft_label(kept: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a label that stays plural is: each value kept as right with its share of those who gave one of them."""
    total = sum(one["n"] for one in kept)
    return [{"value": one["value"], "share": round(one["n"] / total, 6)} for one in kept]


def _mapped(labels: dict[str, Row], became: Mapping[str, Mapping[str, Any]]) -> None:
    """Labels that a later version calls otherwise, under the names that they were carried to."""
    for question, names in became.items():
        label = labels.get(question)
        if label is None:
            continue
        value = label["value"]
        if isinstance(value, list):
            label["value"] = [names.get(one) or one if isinstance(one, str) else one for one in value]
        elif isinstance(value, str):
            label["value"] = names.get(value) or value
        counts: dict[str, int] = {}
        for key, n in label["distribution"].items():
            counts[names.get(key) or key] = counts.get(names.get(key) or key, 0) + n
        label["distribution"] = dict(sorted(counts.items()))


def _share_of(question: Mapping[str, Any], label: Row) -> float:
    """How many of the answers said what a lead decided."""
    said = (
        task_types.get(question["kind"]).key(question, label["value"]) if label["value"] is not None else ""
    )
    return round(label["distribution"].get(said, 0) / sum(label["distribution"].values()), 6)


def _with_answers(label: Row, question: Mapping[str, Any], values: Sequence[Any]) -> Row:
    """A ruling's label, with the answers that it was about."""
    counts, behind = export_rules.counted(question, values)
    same = [n for key, n in counts.items() if behind[key] == label["value"]]
    return {
        **label,
        "distribution": counts,
        "share": round(sum(same) / len(values), 6),
        "entropy": export_rules.entropy(counts),
        "n_answers": len(values),
    }


def _unresolved(question: Mapping[str, Any], values: Sequence[Any]) -> Row:
    nothing = _label(False, "", None, "unresolved", {}, 0, "", "", "", [], None, None, None, None)
    return {**_with_answers(nothing, question, values), "spec_version": None, "settled_at": None}


def _selection(probability: float, reason: str, source: str, happened_at: str) -> Row:
    return {
        "probability": probability,
        "reason": reason,
        "source": source,
        "happened_at": utc(happened_at),
    }


@lru_cache(4096)
def utc(text: str) -> str:
    """A moment that the database wrote, the same in every zone."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat() if text else ""
