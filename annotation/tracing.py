"""From a row of a snapshot to everything behind its label: answers, clauses, rulings, what the spec changed since. Reads only.

What is said of answers and rulings is what stood in the record at the snapshot's position, under pseudonyms.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from annotation import export_rows, export_terms
from annotation.models import Snapshot, SnapshotState, TrainingRun
from specs import contents, versions
from specs.models import Project, SpecVersion
from specs.refusals import Refusal, WrongState
from workforce.models import Item

_HISTORY = """
    SELECT * FROM (
        SELECT l.position, e.recorded_at AS at, 'answer' AS what, q.key AS queue, v.major || '.' || v.minor || '.' || v.patch,
               n.pseudonym, a.values::text, a.cannot, NULL AS cause, NULL AS clause
        FROM annotation_annotation a JOIN workforce_task t ON t.id = a.task_id AND t.item_id = %(item)s AND t.purpose = 'work'
        JOIN specs_ledgerentry l ON l.event_id = a.event_id AND l.position <= %(position)s JOIN specs_event e ON e.id = a.event_id
        JOIN workforce_queue q ON q.id = t.queue_id JOIN specs_specversion v ON v.id = a.version_id AND v.spec_id = %(spec)s
        JOIN workforce_annotator n ON n.id = a.annotator_id
        UNION ALL
        SELECT l.position, e.recorded_at, CASE WHEN r.ruling_id IS NULL THEN 'settled' ELSE 'ruling' END, q.key,
               v.major || '.' || v.minor || '.' || v.patch, NULL, jsonb_build_object(r.question, r.value)::text, r.cannot,
               u.cause, c.key
        FROM annotation_resolution r JOIN workforce_task t ON t.id = r.task_id AND t.item_id = %(item)s
        JOIN specs_ledgerentry l ON l.event_id = r.event_id AND l.position <= %(position)s JOIN specs_event e ON e.id = r.event_id
        JOIN workforce_queue q ON q.id = t.queue_id JOIN specs_specversion v ON v.id = r.version_id AND v.spec_id = %(spec)s
        LEFT JOIN annotation_ruling u ON u.id = r.ruling_id LEFT JOIN specs_clause c ON c.id = u.clause_id
    ) told ORDER BY position, what
"""


class NotInSnapshot(Refusal):
    code = "not-in-snapshot"
    status = 404


def trace(snapshot: Snapshot, key: str) -> dict[str, Any]:
    """Everything behind one row. Raises `NotInSnapshot`, and `WrongState` while the snapshot is built."""
    if snapshot.state != SnapshotState.FROZEN:
        raise WrongState(_("The snapshot is not frozen yet."))
    snapshot.request = {**snapshot.request, "columns": [*export_terms.COLUMNS]}
    reader = export_rows.Reader(snapshot)
    row = None
    for item in Item.objects.filter(project_id=snapshot.project_id, key=key).order_by("-revision"):
        row = reader.of_item(item.pk)
        if row is not None:
            break
    if row is None:
        raise NotInSnapshot(_("The snapshot has no row with the key “%(key)s”.") % {"key": key[:200]})
    version = versions.read(snapshot.version_id)
    return {
        "snapshot": {"id": snapshot.pk, "digest": snapshot.digest, "version": version.number},
        "row": row,
        "clauses": _clauses(version, row),
        "since": _since(snapshot, version, row),
        "history": _history(snapshot, item.pk),
        "runs": [run_as_dict(run) for run in snapshot.runs.order_by("-pk")[:50]],
    }


def _clauses(version: versions.ReadVersion, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The clauses that the answers cite or a lead named, as the snapshot's version has them."""
    named = {clause for label in row["labels"].values() for clause in label["clauses"]}
    named |= {label["decisive_clause"] for label in row["labels"].values() if label.get("decisive_clause")}
    named |= {one for answer in row["answers"] for cited in answer["clauses"].values() for one in cited}
    return [
        {"key": one.key, "number": one.number, "title": one.title, "blocks": one.blocks}
        for one in version.clauses
        if one.key in named
    ]


def _since(snapshot: Snapshot, version: versions.ReadVersion, row: dict[str, Any]) -> list[dict[str, Any]]:
    """What the spec changed between the version that a label was decided under and the snapshot's, by version."""
    numbers = {one["spec_version"] for one in row["labels"].values() if one["spec_version"]} - {
        version.number
    }
    found = []
    for old in SpecVersion.objects.published().filter(spec_id=version.spec_id):
        if old.number in numbers:
            difference = contents.compare(old, snapshot.version)
            found.append(
                {
                    "version": old.number,
                    "change_class": difference.change_class,
                    "changes": [
                        {"where": where, "message": one.message} for where, one in difference.reasons
                    ],
                }
            )
    return found


def _history(snapshot: Snapshot, item: int) -> list[dict[str, Any]]:
    known = {"item": item, "position": snapshot.position, "spec": snapshot.version.spec_id}
    names = (
        "position",
        "at",
        "what",
        "queue",
        "spec_version",
        "annotator",
        "values",
        "cannot",
        "cause",
        "clause",
    )
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, known)
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [{**row, "at": row["at"].isoformat(), "values": json.loads(row["values"] or "{}")} for row in rows]


def run_as_dict(run: TrainingRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "name": run.name,
        "commit": run.commit,
        "snapshot": run.snapshot_id,
        "trained_on": run.trained_on,
        "metrics": run.metrics,
        "registered_at": run.registered_at.isoformat(),
    }


def newest(project: Project) -> Snapshot | None:
    """The newest frozen snapshot: what an item is looked for in when nobody says which."""
    return Snapshot.objects.filter(project=project, state=SnapshotState.FROZEN).order_by("-pk").first()
