"""The health of known answers, and those that a rule takes out of use.

    in use -> set aside: retire

Rules of the queue in which gold is served: failed by too many skilled annotators (then the answer is wrong, or the clause is
unclear: neither is her fault), shown too often (answers leak), too old. Running it twice, or in parallel, changes nothing more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from specs.models import Spec
from workforce import setting_aside
from workforce.intervals import Share, share
from workforce.models import KnownAnswer, SetAside

# Skilled is who answers her *other* gold of the spec right, often enough to say so.
_HEALTH = """
    WITH wanted AS (
        SELECT k.id, k.item_id FROM workforce_knownanswer k WHERE k.spec_id = %(spec)s AND {which}
    ), judged AS (
        SELECT j.known_id, j.annotator_id, j."right", j.judged_at FROM workforce_judgement j
        JOIN wanted w ON w.id = j.known_id
    ), people AS (
        SELECT j.annotator_id, count(*) AS n, count(*) FILTER (WHERE j."right") AS n_right
        FROM workforce_judgement j JOIN workforce_knownanswer k ON k.id = j.known_id
        WHERE k.spec_id = %(spec)s AND j.annotator_id IN (SELECT annotator_id FROM judged) GROUP BY 1
    ), by_skill AS (
        SELECT j.*, p.n - 1 >= %(enough)s AND p.n_right - j."right"::int >= %(skilled)s * (p.n - 1) AS skilled
        FROM judged j JOIN people p USING (annotator_id)
    )
    SELECT w.id, (SELECT count(*) FROM workforce_probe b
                  WHERE b.item_id = w.item_id AND b.purpose IN ('gold', 'practice', 'test')),
           count(s.known_id), count(*) FILTER (WHERE s."right"), count(*) FILTER (WHERE s.skilled),
           count(*) FILTER (WHERE s.skilled AND NOT s."right"), max(s.judged_at)
    FROM wanted w LEFT JOIN by_skill s ON s.known_id = w.id GROUP BY w.id, w.item_id
"""


@dataclass(frozen=True)
class Health:
    """One known answer: how often its item was shown as gold, what people answered, what skilled people answered."""

    known_id: int
    n_shown: int
    right: Share
    n_skilled: int
    n_skilled_failed: int
    newest: datetime | None

    @property
    def failed_share(self) -> float | None:
        return self.n_skilled_failed / self.n_skilled if self.n_skilled else None


@dataclass(frozen=True)
class Rules:
    """When a known answer is retired; of several queues of a spec the most cautious holds. `age` is a duration or None."""

    failed_share: float
    verdict_from: int
    exposures: int
    age: Any


def health(*, spec: Spec, ids: Collection[int] | None = None) -> dict[int, Health]:
    """The health of some known answers of a spec, or of all in use, in one query."""
    which = "k.state = 'in-use'" if ids is None else "k.id = ANY(%(ids)s)"
    with connection.cursor() as cursor:
        cursor.execute(
            _HEALTH.format(which=which),
            {
                "spec": spec.pk,
                "ids": list(ids or ()),
                "enough": rules(spec).verdict_from,
                "skilled": settings.GOLD_SKILLED_PERCENT / 100,
            },
        )
        return {
            row[0]: Health(row[0], row[1], share(row[3], row[2]), row[4], row[5], row[6])
            for row in cursor.fetchall()
        }


def rules(spec: Spec) -> Rules:
    """The most cautious of what the spec's queues that serve gold say; of all of them where none does."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT min(gold_failed_share), max(gold_verdict_from), min(gold_exposures), min(gold_age)
               FROM workforce_queue WHERE spec_id = %(spec)s AND (gold_share > 0 OR gold_first > 0 OR NOT EXISTS (
                   SELECT 1 FROM workforce_queue o WHERE o.spec_id = %(spec)s AND (o.gold_share > 0 OR o.gold_first > 0)))""",
            {"spec": spec.pk},
        )
        failed, verdict, exposures, age = cursor.fetchone()
    return Rules(float(failed or 0.3), verdict or 10, exposures or 200, age)


def why(*, known: KnownAnswer, health: Health | None, rules: Rules, now: datetime) -> SetAside | None:
    """The first rule that retires a known answer, or None."""
    if health is not None:
        failed = health.failed_share
        if failed is not None and health.n_skilled >= rules.verdict_from and failed > rules.failed_share:
            return SetAside.FAILED
        if health.n_shown >= rules.exposures:
            return SetAside.EXPOSED
    if rules.age is not None and now - known.created_at > rules.age:
        return SetAside.AGED
    return None


def retire(*, spec: Spec) -> dict[str, int]:
    """Set aside what a rule retires, one event for each rule; returns how many by rule."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT statement_timestamp()")
        now = cursor.fetchone()[0]
        found, by_rule = health(spec=spec), rules(spec)
        ended: dict[SetAside, list[int]] = {}
        for known in _locked(spec):
            rule = why(known=known, health=found.get(known.pk), rules=by_rule, now=now)
            if rule is not None:
                ended.setdefault(rule, []).append(known.pk)
        return {
            rule.value: setting_aside.end(
                spec_id=spec.pk, project_id=spec.project_id, ids=ids, why=rule, by=None
            )
            for rule, ids in ended.items()
        }


def _locked(spec: Spec) -> Sequence[KnownAnswer]:
    return list(
        KnownAnswer.objects.select_for_update(no_key=True)
        .filter(spec=spec, state="in-use")
        .only("pk", "created_at")
        .order_by("pk")
    )
