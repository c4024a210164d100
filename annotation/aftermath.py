"""What a publication changed: its clauses before and after on fresh items, what flipped, what came back, how long it took.

Read live from answers, rulings and plans; nothing changes here. An item is about a clause where a counted answer cites it, a
ruling names it, or it is known of the item, before and after alike. Items that were asked again are left out of before and after:
they were chosen because of the clause. Answers to a question whose values are names differ or do not; all others are as far apart
as the question's kind says (marked spans and boxes `1 - F1`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from annotation import units
from annotation.adding import newest_version
from annotation.agreement.levels import NAMES
from annotation.answers import INDEPENDENT, independent
from annotation.models import ClauseIssue, RelabelTask
from specs import contents, task_types
from specs.models import Clause, SpecVersion

LEAST = 10
"""Items with two answers below which no share of them is said."""
_Z95 = 1.959964

_SIDE = f"""
    WITH scope AS (
        SELECT t.id, t.item_id, t.state, t.settled_at FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id
        WHERE q.spec_id = %(spec)s AND q.purpose = 'labelling' AND t.purpose = 'work' AND t.meaning = %(meaning)s
          AND (%(clause)s::bigint IS NULL OR EXISTS (
              SELECT FROM annotation_annotation a JOIN annotation_citation c ON c.annotation_id = a.id
              WHERE a.task_id = t.id AND c.clause_id = %(clause)s)
           OR EXISTS (SELECT FROM annotation_dispute d JOIN annotation_ruling u ON u.dispute_id = d.id
                      WHERE d.task_id = t.id AND u.clause_id = %(clause)s)
           OR EXISTS (SELECT FROM workforce_itemclause i WHERE i.item_id = t.item_id AND i.clause_id = %(clause)s))
    ), said AS (
        SELECT s.id, a.annotator_id, v.key, v.value,
               extract(epoch FROM x.submitted_at - x.leased_at) AS seconds
        FROM scope s JOIN annotation_annotation a ON a.task_id = s.id JOIN workforce_assignment x ON x.id = a.assignment_id
        CROSS JOIN LATERAL jsonb_each(a.values) v
        WHERE {INDEPENDENT} AND NOT EXISTS (
            SELECT FROM annotation_annotation l
            WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision AND {independent("l")})
    ), counts AS (
        SELECT id, key, value, count(*) AS n FROM said GROUP BY 1, 2, 3
    ), paired AS (
        SELECT id, key, 1 - sum(n * (n - 1)) / (sum(n) * (sum(n) - 1)) AS apart FROM counts
        WHERE key = ANY(%(plain)s) GROUP BY 1, 2 HAVING sum(n) >= 2
    ), marked AS (
        SELECT id, key, array_agg(value::text ORDER BY value::text) AS texts, array_agg(n ORDER BY value::text) AS ns
        FROM counts WHERE key = ANY(%(measured)s) GROUP BY 1, 2 HAVING sum(n) >= 2
    )
    SELECT (SELECT count(DISTINCT id) FROM (SELECT id FROM paired UNION ALL SELECT id FROM marked) every),
           (SELECT ARRAY[count(*), sum(apart), sum(apart * apart)]::float8[] FROM paired),
           (SELECT coalesce(jsonb_agg(jsonb_build_array(key, texts, ns)), '[]')::text FROM marked),
           (SELECT count(*) FROM scope WHERE state IN ('resolved', 'unlabellable', 'disputed')),
           (SELECT count(*) FROM annotation_dispute d JOIN scope s ON s.id = d.task_id WHERE d.state IN ('open', 'decided')),
           (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM said WHERE seconds > 0),
           (SELECT count(*) FROM annotation_inquiry i JOIN specs_specversion w ON w.id = i.version_id
            WHERE w.spec_id = %(spec)s AND w.meaning = %(meaning)s AND (%(clause)s::bigint IS NULL OR i.clause_id = %(clause)s)),
           (SELECT count(*) FROM said)
"""
_CLOCK = """
    SELECT 'ruling', percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.decided_at - d.opened_at)), count(*)
    FROM annotation_dispute d JOIN workforce_task t ON t.id = d.task_id JOIN workforce_queue q ON q.id = t.queue_id
    WHERE q.spec_id = %(spec)s AND d.state = 'decided'
    UNION ALL
    SELECT 'publication', percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM v.published_at - i.opened_at)), count(*)
    FROM annotation_clauseissue i JOIN specs_specversion v ON v.id = i.closed_by_version_id
    WHERE v.spec_id = %(spec)s AND v.published_at > i.opened_at
    UNION ALL
    SELECT 'relabelled', percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended - published)), count(*) FROM (
        SELECT v.published_at AS published, greatest(p.confirmed_at, max(t.settled_at)) AS ended
        FROM annotation_relabelplan p JOIN specs_specversion v ON v.id = p.to_version_id
        LEFT JOIN annotation_relabeltask r ON r.plan_id = p.id AND r.again_id IS NOT NULL
        LEFT JOIN workforce_task t ON t.id = r.again_id
        WHERE v.spec_id = %(spec)s AND p.state = 'confirmed' GROUP BY p.id, v.id
        HAVING count(t.id) FILTER (WHERE t.state IN ('open', 'disputed')) = 0) done
    UNION ALL
    SELECT 'export', percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.frozen_at - e.recorded_at)), count(*)
    FROM annotation_snapshot s JOIN specs_specversion v ON v.id = s.version_id
    JOIN specs_ledgerentry l ON l.project_id = s.project_id AND l.position = s.position JOIN specs_event e ON e.id = l.event_id
    WHERE v.spec_id = %(spec)s AND s.state = 'frozen'
"""


@dataclass(frozen=True)
class Side:
    """One meaning, of one clause or of all. `apart` is the share of pairs of answers that differ, or how far they are apart on
    the mean where the kind has a distance; None for too few items."""

    n_items: int
    apart: float | None
    error: float | None
    n_tasks: int
    n_disputes: int
    seconds: float | None
    n_questions: int
    n_answers: int

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The 95 % bounds of `apart`; None where there is none."""
        if self.apart is None or self.error is None:
            return None
        return max(self.apart - _Z95 * self.error, 0.0), min(self.apart + _Z95 * self.error, 1.0)

    @property
    def disputes_per_1000(self) -> float | None:
        return 1000 * self.n_disputes / self.n_tasks if self.n_tasks else None

    @property
    def questions_per_1000(self) -> float | None:
        return 1000 * self.n_questions / self.n_answers if self.n_answers else None

    def as_dict(self) -> dict[str, Any]:
        return {
            **vars(self),
            "disputes_per_1000": self.disputes_per_1000,
            "questions_per_1000": self.questions_per_1000,
        }


@dataclass(frozen=True)
class Row:
    """One changed clause (None for the whole spec) before and after, what flipped of what was asked again, and what came back."""

    clause: Clause | None
    before: Side
    after: Side
    n_again: int
    n_flipped: int
    came_back: list[ClauseIssue]

    @property
    def change(self) -> tuple[float, float, float] | None:
        """`after - before` of the share that differs, with 95 % bounds; None where a side has too few items."""
        if None in (self.before.apart, self.after.apart, self.before.error, self.after.error):
            return None
        change = (self.after.apart or 0.0) - (self.before.apart or 0.0)
        half = _Z95 * ((self.before.error or 0.0) ** 2 + (self.after.error or 0.0) ** 2) ** 0.5
        return change, change - half, change + half

    @property
    def works(self) -> bool:
        return self.change is not None and self.change[2] < 0

    @property
    def harms(self) -> bool:
        return self.change is not None and self.change[1] > 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "clause": self.clause.key if self.clause else None,
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "change": self.change,
            "asked_again": self.n_again,
            "flipped": self.n_flipped,
            "came_back": [issue.pk for issue in self.came_back],
        }


@dataclass(frozen=True)
class Effect:
    """A publication that changed the meaning, against the newest version of the meaning before."""

    version: SpecVersion
    before: SpecVersion
    whole: Row
    clauses: list[Row]


def of(version: SpecVersion) -> Effect | None:
    """The effect of the meaning that *version* belongs to; None for the first meaning."""
    first = (
        SpecVersion.objects.frozen()
        .filter(spec=version.spec_id, meaning=version.meaning, published_at__isnull=False)
        .order_by("pk")
        .first()
        or version
    )
    before = (
        SpecVersion.objects.published()
        .filter(spec=version.spec_id, meaning__lt=version.meaning or 0)
        .newest_first()
        .first()
    )
    if before is None:
        return None
    changed = contents.compare(before, first).changed_meaning()
    clauses = Clause.objects.filter(spec=version.spec_id, key__in=changed).order_by("key")
    return Effect(
        first, before, _row(None, before, first), [_row(clause, before, first) for clause in clauses]
    )


def curve(version: SpecVersion) -> list[tuple[SpecVersion, Side]]:
    """The whole spec through its meanings, oldest first: each by the version that began it."""
    first: dict[int, SpecVersion] = {}
    rows = SpecVersion.objects.frozen().filter(
        spec=version.spec_id, meaning__gt=0, published_at__isnull=False
    )
    for one in rows.order_by("pk"):
        first.setdefault(one.meaning or 0, one)
    return [(one, _side(one, None)) for _meaning, one in sorted(first.items())]


def clock(version: SpecVersion) -> dict[str, tuple[float | None, int]]:
    """The loop's own times, as the median of seconds and of how many: `ruling` from dispute to ruling, `publication` from issue
    to version, `relabelled` from version to the last answer given again, `export` from the newest event to the snapshot."""
    with connection.cursor() as cursor:
        cursor.execute(_CLOCK, {"spec": version.spec_id})
        return {
            name: (None if seconds is None else float(seconds), n) for name, seconds, n in cursor.fetchall()
        }


def _row(clause: Clause | None, before: SpecVersion, after: SpecVersion) -> Row:
    asked = RelabelTask.objects.filter(plan__to_version=after, again__isnull=False, flipped__isnull=False)
    issues = ClauseIssue.objects.filter(clause__spec=after.spec_id, opened_at__gt=_published(after))
    if clause is not None:
        asked, issues = asked.filter(clause=clause), issues.filter(clause=clause)
    return Row(
        clause,
        _side(before, clause),
        _side(after, clause),
        asked.count(),
        asked.filter(flipped=True).count(),
        list(issues.order_by("pk")[:20]) if clause is not None else [],
    )


def _published(version: SpecVersion) -> datetime:
    assert version.published_at is not None
    return version.published_at


def _apart(question: dict[str, Any], values: list[Any], counts: list[int]) -> float:
    """How far the answers to one item are apart: the mean of the kind's own distance over their pairs, in [0, 1]."""
    kind, n = task_types.get(question["kind"]), sum(counts)
    apart = sum(
        counts[i] * counts[k] * kind.distance(question, values[i], values[k])
        for i in range(len(values))
        for k in range(i)
    )
    return 2 * apart / (n * (n - 1))


def _side(version: SpecVersion, clause: Clause | None) -> Side:
    questions = {one["key"]: one for one in newest_version(version.spec_id, version.meaning or 0).questions}
    with connection.cursor() as cursor:
        cursor.execute(
            _SIDE,
            {
                "spec": version.spec_id,
                "meaning": version.meaning,
                "clause": clause.pk if clause else None,
                "plain": [key for key, question in questions.items() if units.level_of(question) in NAMES],
                "measured": [
                    key for key, question in questions.items() if units.level_of(question) not in NAMES
                ],
            },
        )
        n_items, plain, marked, n_tasks, n_disputes, seconds, n_questions, n_answers = cursor.fetchone()
    n, total, squares = (float(one or 0) for one in plain)
    for key, texts, counts in json.loads(marked):
        found = _apart(questions[key], [json.loads(text) for text in texts], counts)
        n, total, squares = n + 1, total + found, squares + found * found
    enough = n_items >= LEAST
    spread = ((squares - total * total / n) / (n - 1)) if n > 1 else None
    return Side(
        n_items,
        total / n if enough else None,
        max(spread, 0.0) ** 0.5 / n_items**0.5 if enough and spread is not None else None,
        n_tasks,
        n_disputes,
        None if seconds is None else float(seconds),
        n_questions,
        n_answers,
    )
