"""What an annotator's answers say about how she works: each beside the others' and beside what is known. Nothing changes here.

Read for one annotator or for `AT_ONCE` in the same number of queries. Answers under clauses that are flagged now are marked, so
that whoever judges can set them aside first.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from annotation import flagging, rules
from annotation.agreement import drift, people
from specs import task_types, versions

_ANSWERS = """
    SELECT a.annotator_id, a.id, a.task_id, a.queue_id, v.spec_id, v.meaning, a.version_id, a.answered_at, a.values::text,
           (SELECT json_agg(b.values) FROM annotation_annotation b
            WHERE b.task_id = a.task_id AND b.annotator_id <> a.annotator_id AND NOT EXISTS (
                SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = b.assignment_id AND l.revision > b.revision))::text,
           (SELECT json_object_agg(j.question, j."right") FROM workforce_judgement j
            WHERE j.assignment_id = s.id AND j.purpose = 'gold')::text,
           (SELECT json_object_agg(j.question, j."right") FROM workforce_judgement j
            WHERE j.assignment_id = s.id AND j.purpose = 'repeat')::text,
           ARRAY(SELECT DISTINCT c.clause_id FROM annotation_annotation b JOIN annotation_citation c ON c.annotation_id = b.id
                 WHERE b.task_id = a.task_id AND c.clause_id IS NOT NULL)
           || ARRAY(SELECT i.clause_id FROM workforce_itemclause i WHERE i.item_id = t.item_id)
           || ARRAY(SELECT unnest(j.clauses) FROM workforce_judgement j WHERE j.assignment_id = s.id),
           extract(epoch FROM s.submitted_at - s.leased_at)
    FROM unnest(%(who)s::bigint[], %(since)s::timestamptz[]) AS w (id, since)
    CROSS JOIN LATERAL (
        SELECT s.id, s.submitted_at, s.leased_at FROM workforce_assignment s
        WHERE s.annotator_id = w.id AND s.state = 'submitted' AND s.submitted_at >= w.since
          AND s.queue_id IN (SELECT q.id FROM workforce_queue q WHERE q.project_id = s.project_id
                             AND q.purpose NOT IN ('adjudication', 'pilot', 'review', 'rework')
                             AND (%(queues)s::bigint[] IS NULL OR q.id = ANY(%(queues)s)))
        ORDER BY s.submitted_at DESC LIMIT %(last)s
    ) s
    JOIN annotation_annotation a ON a.assignment_id = s.id AND NOT EXISTS (
        SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
    JOIN specs_specversion v ON v.id = a.version_id
    JOIN workforce_task t ON t.id = a.task_id
    ORDER BY a.annotator_id, a.answered_at, a.id
"""
AT_ONCE = 50
"""Annotators of one query, so that none runs into the time limit of a statement."""
LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Judged:
    """One answer to one question. `agrees` with the others (None: they do not say), `right` where it was gold, `again` where it
    was a repeat and she said the same as before.

    `said` and `most` are her value and the others' plurality, as the texts that equal values share; `most` is "" where they do
    not say. `clauses` are those cited on the task or known of the item; `set_aside` says that one of them is flagged now.
    """

    annotator_id: int
    annotation_id: int
    task_id: int
    queue_id: int
    spec_id: int
    meaning: int
    version_id: int
    at: datetime
    question: str
    agrees: bool | None
    right: bool | None
    again: bool | None
    clauses: tuple[int, ...]
    set_aside: bool
    seconds: float | None
    said: str = ""
    most: str = ""

    @property
    def wrong(self) -> bool:
        """An error on gold, else a disagreement."""
        return self.right is False or (self.right is None and self.agrees is False)


@dataclass(frozen=True)
class Share:
    """`value` of `n`, with its interval; None below the minimum, with n. `n_set_aside` were not counted."""

    n: int
    n_right: int
    value: float | None
    low: float | None = None
    high: float | None = None
    n_set_aside: int = 0


def answers(
    *,
    annotators: Sequence[int],
    last: int,
    since: datetime | dict[int, datetime] = LONG_AGO,
    queues: Sequence[int] | None = None,
) -> list[Judged]:
    """The newest *last* answers of each annotator since a time (one for all, or one each), oldest first, question by question."""
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(annotators), AT_ONCE):
        some = annotators[start : start + AT_ONCE]
        with connection.cursor() as cursor:
            cursor.execute(
                _ANSWERS,
                {
                    "who": list(some),
                    "since": [since.get(pk, LONG_AGO) if isinstance(since, dict) else since for pk in some],
                    "last": last,
                    "queues": None if queues is None else list(queues),
                },
            )
            rows += cursor.fetchall()
    flags = flagging.flagged(specs={(row[4], row[5]) for row in rows})
    return [judged for row in rows for judged in _judge(row, flags[row[4], row[5]])]


def _judge(row: tuple[Any, ...], flags: set[int]) -> Iterable[Judged]:
    given, others = json.loads(row[8]), json.loads(row[9]) if row[9] else []
    gold, again = (json.loads(each) if each else {} for each in row[10:12])
    clauses = tuple(sorted(set(row[12])))
    for question, value in given.items():
        asked = versions.read(row[6]).question(question)
        there = [other[question] for other in others if question in other]
        agrees, said = _agrees(asked, value, there), [rules.key_of(other) for other in there]
        yield Judged(
            annotator_id=row[0],
            annotation_id=row[1],
            task_id=row[2],
            queue_id=row[3],
            spec_id=row[4],
            meaning=row[5],
            version_id=row[6],
            at=row[7],
            question=question,
            agrees=agrees,
            right=gold.get(question),
            again=again.get(question),
            clauses=clauses,
            set_aside=not flags.isdisjoint(clauses),
            seconds=None if row[13] is None else float(row[13]),
            said=rules.key_of(value),
            most="" if agrees is None else Counter(said).most_common(1)[0][0],
        )


def _agrees(asked: Mapping[str, Any], own: Any, others: Sequence[Any]) -> bool | None:
    """Whether an answer agrees with what most others say: those that the question lets pass as agreeing say the same."""
    kind = task_types.get(asked["kind"])
    if kind.tolerance(asked) == 0:
        return people.agrees(kind.key(asked, own), [kind.key(asked, other) for other in others])
    groups = kind.compare(asked, others)
    said = [place for place, group in enumerate(groups) for _ in range(group["n"])]
    near = (place for place, group in enumerate(groups) if kind.agrees(asked, own, group["value"]))
    return people.agrees(next(near, -1), said)


def share(
    rows: Iterable[Judged],
    of: Callable[[Judged], bool | None],
    *,
    minimum: int,
    all_of_them: bool = False,
) -> Share:
    """The share of the answers for which *of* holds, those set aside left out; no value below the minimum."""
    judged = [(one, found) for one in rows if (found := of(one)) is not None]
    counted = [found for one, found in judged if all_of_them or not one.set_aside]
    n, n_right = len(counted), sum(counted)
    aside = len(judged) - n
    if n < max(minimum, 1):
        return Share(n, n_right, None, n_set_aside=aside)
    low, high = people.wilson(n_right, n)
    return Share(n, n_right, n_right / n, low, high, aside)


def agreement(rows: Iterable[Judged], *, minimum: int, all_of_them: bool = False) -> Share:
    """Agreement with the others' consensus, her own answer left out of it."""
    return share(rows, lambda one: one.agrees, minimum=minimum, all_of_them=all_of_them)


def gold(rows: Iterable[Judged], *, minimum: int) -> Share:
    """How often she gave what is known to be right."""
    return share(rows, lambda one: one.right, minimum=minimum)


def pooled(rows: Iterable[Judged]) -> float:
    """Agreement over everybody's answers, what a single person's is drawn towards; 1 where nothing can be said."""
    found = agreement(rows, minimum=1)
    return 1.0 if found.value is None else found.value


def self_agreement(rows: Iterable[Judged], *, minimum: int) -> Share:
    """How often she said the same of an item that she saw a second time."""
    return share(rows, lambda one: one.again, minimum=minimum)


@dataclass(frozen=True)
class Drift:
    """A CUSUM over one stream of errors, with when each answer of it was given. `stream` is gold or consensus."""

    stream: str
    chart: drift.Chart
    times: list[datetime] = field(default_factory=list)
    rows: list[Judged] = field(default_factory=list)

    @property
    def marks(self) -> list[int]:
        """The alarms as places in the chart's path, which begins after the baseline."""
        return [place - (len(self.rows) - len(self.chart.path)) for place in self.chart.alarms]

    @property
    def alarm(self) -> Judged | None:
        """The answer that raised the newest alarm."""
        return self.rows[self.chart.alarms[-1]] if self.chart.alarms else None


def drift_of(rows: Sequence[Judged]) -> Drift:
    """Whether her error rate rose: on gold where there is enough of it for a baseline, else on the consensus."""
    counted = [one for one in rows if not one.set_aside]
    on_gold = [one for one in counted if one.right is not None]
    on_others = [one for one in counted if one.agrees is not None]
    if len(on_gold) >= drift.GOLD[0] or len(on_others) < drift.CONSENSUS[0]:
        return _drift("gold", on_gold, [one.right is False for one in on_gold], drift.GOLD)
    return _drift("consensus", on_others, [one.agrees is False for one in on_others], drift.CONSENSUS)


def _drift(stream: str, rows: list[Judged], errors: list[bool], rule: tuple[int, float]) -> Drift:
    starts = [place for place in range(1, len(rows)) if rows[place].version_id != rows[place - 1].version_id]
    made = drift.chart(errors, n_baseline=rule[0], threshold=rule[1], starts=starts)
    return Drift(stream, made, [one.at for one in rows], rows)
