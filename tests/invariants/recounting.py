"""Live sums beside two counts of all answers: their own, begun anew, and the one that reports are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import connection, transaction

from annotation import adding, answers, following, standings, units
from annotation.agreement import clauses, scales
from annotation.models import LiveItem, LiveQueue, LiveSum
from workforce.models import Queue


def differences(project: int) -> list[str]:
    """What is not the same, after folding whatever is committed."""
    following.catch_up(project_id=project)
    kept = sums(project)
    with transaction.atomic():
        LiveSum.objects.filter(project=project).delete()
        LiveItem.objects.filter(project=project).delete()
        LiveQueue.objects.filter(project=project).update(recounted_to=0)
        assert following.catch_up(project_id=project, seconds=600).whole
        anew = sums(project)
        transaction.set_rollback(True)
    found = [
        f"{name}: {kept.get(name)} is {anew.get(name)}"
        for name in kept.keys() | anew.keys()
        if kept.get(name) != anew.get(name)
    ]
    for queue in Queue.objects.filter(project=project):
        found += _apart(queue)
    return found


def sums(project: int) -> dict[tuple[Any, ...], int]:
    rows = LiveSum.objects.filter(project=project)
    return {
        row[:-1]: int(row[-1]) for row in rows.values_list("queue", "meaning", "question", "name", "amount")
    }


def _apart(queue: Queue) -> list[str]:
    """Where a standing differs from what is made of all answers of the queue at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT meaning FROM annotation_livesum WHERE queue_id = %s", [queue.pk])
        meanings = [row[0] for row in cursor.fetchall()]
    return [
        f"{queue.key} {meaning} {one.question}: {difference}"
        for meaning in meanings
        for one in standings.read(queue=queue, meaning=meaning)
        for difference in _beside(queue, one)
    ]


def _beside(queue: Queue, one: standings.Standing) -> list[str]:
    version = adding.newest_version(queue.spec_id, one.meaning)
    scope = answers.Scope(queue.spec, version, one.question, queue)
    given = answers.read(scope)
    whole, _ = units.of(scope.asked, given)
    expected: dict[str, Any] = {"answers": len(given.item), "items": len(given.items)}
    seen: dict[str, Any] = {"answers": one.live.n_answers, "items": one.live.n_items}
    if one.level in units.FEW:
        counts = given.table().counts
        named = scales.of_counts(counts, level=one.level, n_resamples=0)  # type: ignore[arg-type]
        expected |= {name: each.value for name, each in named.items()}
        seen |= {name: each.value for name, each in one.live.coefficients.items()}
        expected |= {
            scope.key(value): int(n) for value, n in zip(given.values, counts.sum(axis=0), strict=True)
        }
        seen |= {scope.key(value): 0 for value in given.values} | one.live.labels
        places = {clause.id: k for k, clause in enumerate(version.clauses)}
        raw = clauses.fit(
            given.pairs(),
            answers.members(scope, given),
            n_clauses=len(places),
            n_annotators=len(given.annotators),
        ).raw
        expected |= {f"clause {k}": float(raw[k]) for k in range(len(places)) if np.isfinite(raw[k])}
        seen |= {
            f"clause {places[each.clause]}": each.estimate.value
            for each in one.live.clauses
            if each.clause in places
        }
    assert whole.n_items == len(given.items)
    return [
        f"{name} is {seen.get(name)}, not {expected.get(name)}"
        for name in expected.keys() | seen.keys()
        if not _same(seen.get(name), expected.get(name))
    ]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 1e-9
    return bool(one == other)
