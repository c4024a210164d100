"""What people's answers are worth over a whole meaning: each beside the others, several as one, and whether somebody drifts.

Read from all answers at once (`answers`); nothing changes here. For one annotator's newest answers see `appraising`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation import answers
from annotation.agreement import aggregate, clauses, drift, leaving_out, people, scales, stopping
from annotation.agreement.replay import Labels
from annotation.answers import Answers, Scope
from workforce.models import Annotator, Item


def annotators(scope: Scope) -> list[dict[str, Any]]:
    """Everybody who answered, whose pairs differ most first.

    `effect` is what somebody adds to the disagreement of a pair, clauses apart; `alpha_without` alpha of the others; shares
    come with their 95 % intervals and are None where nothing can be said.
    """
    given = answers.read(scope).first()
    effects = clauses.fit(
        given.pairs(),
        answers.members(scope, given),
        n_clauses=len(scope.version.clauses),
        n_annotators=len(given.annotators),
    ).annotator
    names = named(given.annotators.tolist())
    rows = [
        {
            "annotator": names[one.annotator],
            "answers": one.n_answers,
            "effect": round(one.effect, 6),
            "agreement_without_self": _share(one.n_agreed, one.n_beside),
            "agreement_answers": one.n_beside,
            "agreement_interval": _interval(one.n_agreed, one.n_beside),
            "alpha_without": _number(one.alpha_without),
            "gold_accuracy": _share(one.n_right, one.n_known),
            "gold_answers": one.n_known,
            "gold_interval": _interval(one.n_right, one.n_known),
        }
        for one in people_of(given, effects, answers.gold(scope, given))
    ]
    return sorted(rows, key=lambda row: (-row["effect"], row["annotator"]))


@dataclass(frozen=True)
class Person:
    """One annotator (primary key) beside the others: see `AnnotatorReading` for what the numbers are."""

    annotator: int
    n_answers: int
    effect: float
    n_beside: int
    n_agreed: int
    n_known: int
    n_right: int
    alpha_without: float | None


def people_of(given: Answers, effects: NDArray[np.float64], gold: answers.Codes | None) -> list[Person]:
    """Everybody, in the order of *given*: first answers only. `effects: (n_annotators,)` from the clause model.

    Where values are too many for a table of them there is no plurality: then nobody is held against one.
    """
    n_items, n_values, n_people = len(given.items), max(len(given.values), 1), len(given.annotators)
    codes = (given.item, given.annotator, given.value)
    known = np.zeros(len(given.item), dtype=bool) if gold is None else gold[given.item] >= 0
    right = known & (given.value == (0 if gold is None else gold[given.item]))
    agreed = beside = np.zeros(n_people)
    without = np.full(n_people, np.nan)
    if len(given.item) * n_values <= scales.MOST_CELLS:
        found = leaving_out.with_others(*codes, n_items=n_items, n_annotators=n_people, n_values=n_values)
        agreed, beside = found.agreed, found.n
        if n_people * n_values**2 <= scales.MOST_CELLS:
            without = leaving_out.alpha_without(
                *codes, n_items=n_items, n_annotators=n_people, n_values=n_values
            )
    counts = [np.bincount(given.annotator[part], minlength=n_people) for part in (slice(None), known, right)]
    return [
        Person(
            int(given.annotators[k]),
            int(counts[0][k]),
            float(effects[k]),
            int(beside[k]),
            int(agreed[k]),
            int(counts[1][k]),
            int(counts[2][k]),
            float(without[k]) if np.isfinite(without[k]) else None,
        )
        for k in range(n_people)
    ]


def aggregated(scope: Scope, *, method: str, with_labels: bool = False) -> dict[str, Any]:
    """One answer from several by a method of `aggregate.METHODS`, held against what is known.

    `confidence` says whether that of the labels is calibrated on known answers or only stated; `calibration_error` is that of
    the confidence given here, over known items, None without any. Raises `KeyError` for a method that does not exist.
    """
    given = answers.read(scope).first()
    gold = answers.gold(scope, given)
    known = np.full(len(given.items), -1, dtype=np.int64) if gold is None else gold
    found = aggregate.METHODS[method](
        Labels(given.item, given.annotator, given.value, known, len(given.annotators), len(given.values))
    )
    n_answers = np.bincount(given.item, minlength=len(given.items))
    chance = aggregate.calibrated(found, n_answers, known)
    confidence = found.confidence if chance is None else chance
    held = known >= 0
    error = stopping.calibration_error(confidence[held], (found.values == known)[held])
    result: dict[str, Any] = {
        "method": method,
        "items": len(given.items),
        "known_items": int(held.sum()),
        "accuracy": _number(found.accuracy(known)),
        "calibration_error": _number(error),
        "confidence": "stated" if chance is None else "calibrated",
    }
    if with_labels:
        keys = dict(Item.objects.filter(pk__in=given.items.tolist()).values_list("pk", "key"))
        result["labels"] = {
            keys[item]: [given.values[value], round(float(sure), 6)]
            for item, value, sure in zip(given.items.tolist(), found.values, confidence, strict=True)
        }
    return result


def alarms(scope: Scope) -> list[dict[str, Any]]:
    """Where somebody's error rate rose, over all her answers and under each clause, in the order of time.

    The stream is gold where she has answered enough of it, else consensus (`drift.GOLD`, `drift.CONSENSUS`); it starts again
    with every version. `at_label` counts her answers to the question from 1.
    """
    given = answers.read(scope).first()
    says, apart = leaving_out.differs(
        given.item, given.value, n_items=len(given.items), n_values=len(given.values)
    )
    gold = answers.gold(scope, given)
    known = np.zeros(len(given.item), dtype=bool) if gold is None else gold[given.item] >= 0
    wrong = known & (given.value != (0 if gold is None else gold[given.item]))
    under = answers.members(scope, given)
    keys = [clause.key for clause in scope.version.clauses]
    of_clause = [np.isin(given.item, under.item[under.clause == k]) for k in range(len(keys))]
    found: list[tuple[int, dict[str, Any]]] = []
    names = _names(given)
    for who, name in enumerate(names):
        mine = np.flatnonzero(given.annotator == who)
        for key, part in [(None, mine), *((key, mine[of_clause[k][mine]]) for k, key in enumerate(keys))]:
            for stream, rows, errors, rule in (
                ("gold", part[known[part]], wrong, drift.GOLD),
                ("consensus", part[says[part]], apart, drift.CONSENSUS),
            ):
                if len(rows) < rule[0]:
                    continue
                starts = np.flatnonzero(np.diff(given.version[rows])) + 1
                chart = drift.chart(
                    errors[rows].tolist(), n_baseline=rule[0], threshold=rule[1], starts=starts.tolist()
                )
                for place in chart.alarms:
                    row = int(rows[place])
                    alarm = {
                        "annotator": name,
                        "stream": stream,
                        "clause": key,
                        "at_label": int(np.searchsorted(mine, row)) + 1,
                    }
                    found.append((int(given.answer[row]), alarm))
                break
    times = _times([answer for answer, _ in found])
    return [{**alarm, "at": times[answer]} for answer, alarm in sorted(found, key=lambda one: one[0])]


def named(given: list[int]) -> dict[int, str]:
    """What annotators are called where their labels came from, else their pseudonyms; by primary key."""
    rows = Annotator.objects.filter(pk__in=given).values_list("pk", "origin_key", "pseudonym")
    return {pk: origin or pseudonym for pk, origin, pseudonym in rows}


def _names(given: Answers) -> list[str]:
    names = named(given.annotators.tolist())
    return [names[pk] for pk in given.annotators.tolist()]


def _times(found: list[int]) -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, answered_at FROM annotation_annotation WHERE id = ANY(%s)", [found])
        return {pk: at.isoformat() for pk, at in cursor.fetchall()}


def _share(n_right: int, n: int) -> float | None:
    return round(n_right / n, 6) if n else None


def _interval(n_right: int, n: int) -> list[float] | None:
    return [round(bound, 6) for bound in people.wilson(n_right, n)] if n else None


def _number(value: float | NDArray[Any] | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 6)
