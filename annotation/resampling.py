"""Settled items before people again, blind, in a queue of their own: whether labels would come out the same.

    (nothing) -> a frozen sample with its queue: draw
    (nothing) -> a frozen sample for a model's predictions: draw_for_model

The sample runs under a trial with the words of the version in force, so nothing measures, carries or exports its answers
together with others, and no label changes by it. What it shows is read live: it is small.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from annotation.models import Resample, ResampleKind
from specs import ledger, publishing
from specs.models import Member, SpecVersion
from specs.refusals import Invalid
from workforce import queues, routing, staffing
from workforce.models import WITHOUT_DISPUTES, Annotator, Purpose, Queue

_SETTLED = """
    WITH settled AS (
        SELECT t.item_id, json_object_agg(r.question, r.value) AS labels, bool_and(r.basis = 'consensus') AS agreed
        FROM workforce_task t
        JOIN annotation_resolution r ON r.task_id = t.id AND r.value IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM annotation_resolution l
            WHERE l.task_id = r.task_id AND l.question = r.question AND l.revision > r.revision)
        WHERE t.queue_id = %(queue)s AND t.meaning = %(meaning)s AND t.state = 'resolved' AND t.purpose = 'work'
        GROUP BY t.id, t.item_id
    )
    SELECT item_id, labels::jsonb FROM settled WHERE agreed OR NOT %(accepted)s
    ORDER BY md5(item_id::text || ':' || %(seed)s::text) LIMIT %(n)s
"""
_BARRED = """
    INSERT INTO workforce_barred (project_id, task_id, annotator_id, reason, created_at)
    SELECT DISTINCT t.project_id, t.id, a.annotator_id, 'answered before', statement_timestamp()
    FROM workforce_task t JOIN workforce_task o ON o.item_id = t.item_id AND o.queue_id = %(source)s
    JOIN annotation_annotation a ON a.task_id = o.id
    WHERE t.queue_id = %(queue)s ON CONFLICT DO NOTHING
"""


def draw(
    *,
    source: Queue,
    kind: str,
    n_items: int,
    annotators: Sequence[Annotator],
    overlap: int = 1,
    owner: Member,
    by: Member,
) -> Resample:
    """Freeze a random sample of the queue's settled items with their labels, and put it before these people.

    `audit` takes labels that people agreed on, and nobody gets what she answered herself; `again` and `bridge` take all settled
    ones, and `again` lets people meet their own items, which tells repeats apart. Raises `Invalid` with what stands in the way.
    """
    if kind not in ResampleKind.values:
        raise Invalid(
            _("A sample is for %(values)s, not %(kind)r.")
            % {"values": ", ".join(ResampleKind.values), "kind": kind[:20]}
        )
    if len({annotator.pk for annotator in annotators}) < overlap:
        raise Invalid(
            _("%(overlap)s answers per item need at least %(overlap)s annotators.") % {"overlap": overlap}
        )
    version = _drawn_from(source, n_items)
    with transaction.atomic():
        trial = publishing.freeze_again(version=version, by=by)
        labels = _settled(source, kind, n_items, seed=trial.pk)
        if not labels:
            raise Invalid(_("No task of this queue has ended with such a label yet."))
        queue = queues.create_queue(
            project=source.project,
            key=f"{source.key[:40]}-{kind}-{trial.pk}",
            name=f"{source.name}: {ResampleKind(kind).value} {trial.pk}",
            spec=source.spec,
            owner=owner,
            version=trial,
            purpose=Purpose.PILOT,
            by=by,
            overlap=overlap,
            max_overlap=overlap,
            citing=source.citing,
            entry="none",
        )
        routing.route_many(item_ids=list(labels), queue=queue, meaning=trial.meaning or 0, by=by)
        if kind == ResampleKind.AUDIT:
            with connection.cursor() as cursor:
                cursor.execute(_BARRED, {"source": source.pk, "queue": queue.pk})
        for annotator in annotators:
            staffing.enrol(queue=queue, annotator=annotator, by=by)
        event = ledger.record(
            project_id=source.project_id,
            kind="resample.drawn",
            by=by,
            subject=("queue", queue.pk),
            data={"source": source.pk, "for": kind, "items": len(labels), "trial": trial.pk},
        )
        return Resample.objects.create(
            project_id=source.project_id,
            source=source,
            version=version,
            trial=trial,
            queue=queue,
            kind=kind,
            labels={str(item): values for item, values in labels.items()},
            n_items=len(labels),
            started_by=by,
            event_id=event,
        )


def draw_for_model(
    *, source: Queue, model: str, model_version: str = "", n_items: int, by: Member
) -> Resample:
    """Freeze a random sample of the queue's settled items with their labels, to hold a model's predictions of them against: those
    that are there, and those that come later. Nobody answers anything and nothing is enrolled. Raises `Invalid`."""
    if not model.strip():
        raise Invalid(_("Name the model whose predictions are looked at."))
    version = _drawn_from(source, n_items)
    with transaction.atomic():
        event = ledger.record(
            project_id=source.project_id,
            kind="resample.drawn",
            by=by,
            subject=("queue", source.pk),
            data={"source": source.pk, "for": ResampleKind.BRIDGE.value, "items": n_items, "model": True},
        )
        labels = _settled(source, ResampleKind.BRIDGE, n_items, seed=event)
        if not labels:
            raise Invalid(_("No task of this queue has ended with such a label yet."))
        return Resample.objects.create(
            project_id=source.project_id,
            source=source,
            version=version,
            model=model.strip(),
            model_version=model_version.strip(),
            kind=ResampleKind.BRIDGE,
            labels={str(item): values for item, values in labels.items()},
            n_items=len(labels),
            started_by=by,
            event_id=event,
        )


def _drawn_from(source: Queue, n_items: int) -> SpecVersion:
    """The version in force where samples can be drawn. Raises `Invalid` where they cannot, or are too large."""
    if not 1 <= n_items <= settings.MAX_PILOT_ITEMS:
        raise Invalid(
            _("A sample has between 1 and %(max_pilot_items)s items.")
            % {"max_pilot_items": settings.MAX_PILOT_ITEMS}
        )
    if source.version is None or source.purpose in WITHOUT_DISPUTES:
        raise Invalid(_("Samples are drawn from queues whose tasks end with a label."))
    return source.version


def _settled(source: Queue, kind: str, n: int, *, seed: int) -> dict[int, dict[str, Any]]:
    assert source.version is not None
    with connection.cursor() as cursor:
        cursor.execute(
            _SETTLED,
            {
                "queue": source.pk,
                "meaning": source.version.meaning,
                "accepted": kind == ResampleKind.AUDIT,
                "seed": seed,
                "n": n,
            },
        )
        return {row[0]: _json(row[1]) for row in cursor.fetchall()}


def _json(value: Any) -> dict[str, Any]:
    return dict(json.loads(value) if isinstance(value, str) else value)
