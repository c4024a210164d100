"""What a model says beside what people say of the same items: a report of its own. Nothing is kept and nothing changes.

Two kinds of model stand here: a series of predictions (model and version), and a model that answers tasks like a person (its
pseudonym, without a version). Neither is ever part of human agreement. Who saw the model's prediction before she answered says
nothing about the model, so her answers are left out; what seeing it did is in `anchoring`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotation import answers, foretold, units
from annotation.agreement import beside_model
from annotation.agreement.beside_model import Calibration
from annotation.agreement.estimate import Estimate
from annotation.answers import MODELS, Answers, Scope
from annotation.models import Annotation
from specs.models import Spec
from specs.refusals import Invalid
from specs.versions import ReadClause
from workforce.models import Annotator, Arm, Prediction, Queue, Suggestion

MOST_VALUES = 24
"""Values told apart in the confusion: those that are said most."""
MOST_TOLD_APART = 500
"""Different values above which there is no confusion to show: they are texts rather than labels."""
_SAID = """
    SELECT item_id, value::text, confidence FROM workforce_prediction
    WHERE spec_id = %(spec)s AND question = %(question)s AND model = %(model)s AND model_version = %(model_version)s
      AND EXISTS (SELECT 1 FROM workforce_task t WHERE t.item_id = workforce_prediction.item_id AND t.purpose = 'work'
                  AND (%(queue)s::bigint IS NULL OR t.queue_id = %(queue)s))
    ORDER BY md5(item_id::text) LIMIT %(most)s
"""
# Whoever saw it: a prediction of this model that was served in the arm that shows it, before the answer.
_SAW = """
    SELECT a.id FROM workforce_suggestion g
    JOIN workforce_prediction p ON p.id = g.prediction_id AND p.model = %(model)s AND p.model_version = %(model_version)s
    JOIN workforce_assignment s ON s.task_id = g.task_id AND s.annotator_id = g.annotator_id
    JOIN annotation_annotation a ON a.assignment_id = s.id
    WHERE g.question = %(question)s AND g.arm = 'shown' AND p.spec_id = %(spec)s AND p.item_id = ANY(%(items)s)
"""
_LABELS = """
    SELECT DISTINCT ON (t.item_id) t.item_id, r.value::text, r.answers
    FROM annotation_resolution r
    JOIN workforce_task t ON t.id = r.task_id AND t.state = 'resolved' AND t.item_id = ANY(%(items)s)
    JOIN specs_specversion v ON v.id = r.version_id AND v.spec_id = %(spec)s AND v.meaning = ANY(%(meanings)s)
    WHERE r.question = %(question)s AND r.value IS NOT NULL AND r.value <> 'null'::jsonb AND NOT EXISTS (
        SELECT 1 FROM annotation_resolution l
        WHERE l.task_id = r.task_id AND l.question = r.question AND l.revision > r.revision)
    ORDER BY t.item_id, r.id DESC
"""


@dataclass(frozen=True)
class Series:
    """A model whose answers are compared: `version` is "" where it has none; `annotator` where it answers like a person."""

    model: str
    version: str = ""
    annotator: int | None = None


@dataclass(frozen=True)
class Report:
    """`agreement` is how often a person says what the model says (how near, where values are more or less apart), `among` how
    often people say what each other says on these items, `lead` the first less the second; `kappa` only where values differ or
    not. `clauses` in the order of the version. `calibration` holds the model's confidence against the labels that tasks ended
    with, or known answers; None without a confidence. `n_saw` answers were given in sight of the prediction and left out.
    """

    series: Series
    n_items: int
    n_said: int
    n_saw: int
    sampled: bool
    agreement: Estimate
    among: Estimate
    lead: Estimate
    kappa: Estimate
    values: list[str]
    titles: list[str]
    confusion: list[list[float]]
    clauses: list[tuple[ReadClause, Estimate]]
    calibration: Calibration | None
    shown_in: list[Queue]


def read(scope: Scope, series: Series) -> Report:
    """The report of one series on the question of the scope. Above `MODEL_ITEMS_AT_ONCE` items it is a random sample of them,
    always the same; below `SLICE_ITEMS` items a figure is a reason."""
    said, sure = _said(scope, series)
    whole = replace(scope, items=tuple(said))
    given = answers.read(whole).first()
    saw = _saw(whole, series)
    given = answers.only(given, ~np.isin(given.answer, saw))
    values = list(given.values)
    places = {scope.key(value): k for k, value in enumerate(values)}
    codes = np.full(len(given.items), -1, dtype=np.int64)
    for k, item in enumerate(given.items.tolist()):
        key = scope.key(said[item])
        if key not in places:
            places[key] = len(values)
            values.append(said[item])
        codes[k] = places[key]
    apart = answers.apart_of(scope, values)
    pairs = given.pairs()
    compared = beside_model.compare(given.item, given.value, codes, pairs, apart=apart)
    least = settings.SLICE_ITEMS
    kappa = (
        beside_model.kappa(given.item, given.value, codes, n_values=len(values), minimum=least)
        if units.level_of(scope.asked) in units.FEW
        else Estimate(None, reason=_("kappa is for labels and scales"))
    )
    clauses = compared.by_group(
        answers.members(whole, given), n_groups=len(scope.version.clauses), minimum=least
    )
    shown, table = _confusion(given, codes, values)
    return Report(
        series,
        n_items=int((compared.n > 0).sum()),
        n_said=len(said),
        n_saw=len(saw),
        sampled=len(said) >= settings.MODEL_ITEMS_AT_ONCE,
        agreement=compared.agreement(minimum=least),
        among=compared.among_people(minimum=least),
        lead=compared.lead(minimum=least),
        kappa=kappa,
        values=[scope.key(values[k]) for k in shown],
        titles=[scope.kind.describe(scope.asked, values[k]) for k in shown],
        confusion=table,
        clauses=list(zip(scope.version.clauses, clauses, strict=True)),
        calibration=_calibration(whole, said, sure, set(saw)),
        shown_in=_shown_in(scope, series),
    )


def asked(*, spec: Spec, given: Mapping[str, Any]) -> dict[str, str]:
    """The model, its version, the question and the queue that an address names; the newest series where it names no model, and no
    model where there is none."""
    found = {name: str(given.get(name, ""))[:200] for name in ("model", "model_version", "question", "queue")}
    if not found["model"] and (series := foretold.series(spec=spec)):
        newest = max(series, key=lambda one: one["newest"])
        found |= {name: newest[name] for name in ("model", "model_version", "question")}
    return found


def series_of(scope: Scope, *, model: str, version: str) -> Series:
    """The series of that name, or the model of that pseudonym that answers tasks. Raises `Invalid` where there is none."""
    rows = Prediction.objects.filter(spec=scope.spec, question=scope.question)
    if rows.filter(model=model, model_version=version).exists():
        return Series(model, version)
    found = Annotator.objects.filter(project=scope.spec.project_id, kind__in=MODELS, pseudonym=model).first()
    if found is None or version:
        raise Invalid(
            _("No model %(model)s %(version)s has said anything about %(question)s.")
            % {"model": model[:64], "version": version[:64], "question": scope.question}
        )
    return Series(model, "", found.pk)


def answering(*, spec: Spec) -> list[Series]:
    """Models that have answered tasks of the spec like a person, by pseudonym."""
    rows = Annotator.objects.filter(project=spec.project_id, kind__in=MODELS).order_by("pseudonym")
    said = Annotation.objects.filter(version__spec=spec, annotator=OuterRef("pk"))
    return [Series(one.pseudonym, "", one.pk) for one in rows.filter(Exists(said))[:200]]


def _said(scope: Scope, series: Series) -> tuple[dict[int, Any], dict[int, float]]:
    """By item, what the model says, and how sure it is where it says that."""
    most = settings.MODEL_ITEMS_AT_ONCE
    if series.annotator is not None:
        given = answers.read(replace(scope, kinds=MODELS)).first()
        mine = np.flatnonzero(given.annotator == np.searchsorted(given.annotators, series.annotator))[:most]
        return {int(given.items[given.item[k]]): given.values[given.value[k]] for k in mine}, {}
    known = {**scope.known, "model": series.model, "model_version": series.version, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_SAID, known)
        rows = cursor.fetchall()
    said = {item: json.loads(text) for item, text, _ in rows}
    return said, {item: float(confidence) for item, _, confidence in rows if confidence is not None}


def _saw(scope: Scope, series: Series) -> list[int]:
    """The answers that were given in sight of what the model said."""
    if series.annotator is not None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_SAW, {**scope.known, "model": series.model, "model_version": series.version})
        return [row[0] for row in cursor.fetchall()]


def _confusion(
    given: Answers, codes: NDArray[np.int64], values: list[Any]
) -> tuple[list[int], list[list[float]]]:
    """The values said most, in the question's order, and items by what the model and what people say of them."""
    n = np.bincount(given.value, minlength=len(values)) + np.bincount(
        codes[codes >= 0], minlength=len(values)
    )
    shown = sorted(np.argsort(-n, kind="stable")[:MOST_VALUES].tolist())
    if len(values) > MOST_TOLD_APART:
        return [], []
    table = beside_model.confusion(given.item, given.value, codes, n_values=len(values))
    return shown, np.round(table[np.ix_(shown, shown)], 3).tolist()


def _calibration(
    scope: Scope, said: Mapping[int, Any], sure: Mapping[int, float], saw: set[int]
) -> Calibration | None:
    """The confidence against the known answer of an item, or the label its task ended with, unless somebody it rests on saw the
    prediction."""
    if not sure:
        return None
    truth = _labels(scope, saw) | answers.known_answers(scope)
    items = [item for item in sure if item in truth]
    return beside_model.calibration(
        np.array([sure[item] for item in items]),
        np.array([scope.key(said[item]) == truth[item] for item in items], dtype=bool),
        minimum=settings.SLICE_ITEMS,
    )


def _labels(scope: Scope, saw: set[int]) -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(_LABELS, scope.known)
        return {
            item: scope.key(json.loads(text))
            for item, text, given in cursor.fetchall()
            if not saw.intersection(given or ())
        }


def _shown_in(scope: Scope, series: Series) -> list[Queue]:
    """Queues that served its predictions in sight: where to read what that did."""
    shown = Suggestion.objects.filter(
        arm=Arm.SHOWN,
        question=scope.question,
        prediction__spec=scope.spec,
        prediction__model=series.model,
        prediction__model_version=series.version,
    )
    rows = Queue.objects.filter(spec=scope.spec, pk__in=shown.values("queue"))
    return [] if series.annotator is not None else list(rows.order_by("name")[:50])


def as_dict(found: Report) -> dict[str, Any]:
    """The report as JSON."""
    calibration = found.calibration
    return {
        "model": found.series.model,
        "model_version": found.series.version,
        "items": found.n_items,
        "predictions": found.n_said,
        "in_sight": found.n_saw,
        "sampled": found.sampled,
        **{
            name: one.with_n()
            for name, one in (
                ("agreement", found.agreement),
                ("among_people", found.among),
                ("lead", found.lead),
                ("kappa", found.kappa),
            )
        },
        "values": found.values,
        "confusion": found.confusion,
        "clauses": [
            {"key": clause.key, "number": clause.number, **one.with_n()} for clause, one in found.clauses
        ],
        "calibration": None
        if calibration is None
        else {
            **{name: getattr(calibration, name) for name in ("n", "error", "confidence", "right", "reason")},
            "bins": [vars(one) for one in calibration.bins],
        },
        "shown_in": [queue.key for queue in found.shown_in],
    }
