"""Snapshots: one instant of the project, frozen, content-addressed.

    (nothing) -> building: request
    building -> frozen, failed: build

A snapshot names a sealed position of the ledger and reads only append-only rows whose event stands at or below it. Rows are in
the order of their keys, bytes are canonical, nothing in a file depends on when or where it was built: the same request gives
the same digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import measuring, parquet
from annotation.models import Snapshot, SnapshotFile, SnapshotState
from specs import canonical, ledger, store, task_types, versions
from specs.models import Job, Member, Project, SpecVersion, VersionState
from specs.refusals import Invalid
from workforce.models import Queue

FORMAT = 1
# What does not change a label does not move the default position: asking twice gives the same bytes.
_LAST_POSITION = """
    SELECT coalesce(max(l.position), 0) FROM specs_ledgerentry l JOIN specs_event e ON e.id = l.event_id
    WHERE l.project_id = %s AND e.kind IN (
        'annotation.submitted', 'annotation.revised', 'labels.imported', 'task.resolved', 'dispute.decided',
        'relabelling.confirmed', 'task.unlabellable')
"""
# Labels under one meaning: resolved there, or carried into it from the meaning before and not excepted.
_ROWS = """
    WITH RECURSIVE sealed AS MATERIALIZED (
        SELECT event_id FROM specs_ledgerentry WHERE project_id = %(project)s AND position <= %(position)s
    ), carries AS (
        SELECT c.*, f.meaning AS from_meaning, t.meaning AS to_meaning
        FROM annotation_carry c JOIN sealed s ON s.event_id = c.event_id
        JOIN specs_specversion f ON f.id = c.from_version_id JOIN specs_specversion t ON t.id = c.to_version_id
        WHERE c.project_id = %(project)s AND t.spec_id = %(spec)s
    ), decided AS (
        SELECT DISTINCT ON (r.task_id, r.question) r.* FROM annotation_resolution r JOIN sealed s ON s.event_id = r.event_id
        JOIN specs_specversion v ON v.id = r.version_id
        WHERE r.project_id = %(project)s AND v.spec_id = %(spec)s
        ORDER BY r.task_id, r.question, r.revision DESC
    ), reach (task_id, meaning, carried) AS (
        SELECT DISTINCT t.id, t.meaning, 0 FROM workforce_task t JOIN decided d ON d.task_id = t.id
        WHERE t.meaning <= %(meaning)s AND (%(queues)s::bigint[] IS NULL OR t.queue_id = ANY(%(queues)s)
              OR t.queue_id IN (SELECT p.relabel_queue_id FROM annotation_relabelplan p WHERE p.queue_id = ANY(%(queues)s)))
        UNION ALL
        SELECT e.task_id, c.to_meaning, e.carried + 1 FROM reach e JOIN workforce_task t ON t.id = e.task_id
        JOIN carries c ON c.from_meaning = e.meaning AND c.queue_id = t.queue_id AND NOT (e.task_id = ANY(c.exceptions))
    ), chosen AS (
        SELECT DISTINCT ON (t.item_id) t.item_id, t.id AS task_id, e.carried, t.meaning
        FROM reach e JOIN workforce_task t ON t.id = e.task_id WHERE e.meaning = %(meaning)s
        ORDER BY t.item_id, e.carried, t.round DESC, t.id
    )
    SELECT i.key, i.payload::text, c.carried > 0, v.major, v.minor, v.patch, d.question, d.value::text, d.basis,
           d.distribution::text, cardinality(d.answers), d.rule, u.cause, k.key, d.cannot,
           CASE WHEN d.basis = 'plural' THEN (u.sides->d.question)::text END,
           ARRAY(SELECT DISTINCT cl.key FROM annotation_citation ci JOIN specs_clause cl ON cl.id = ci.clause_id
                 WHERE ci.annotation_id = ANY(d.answers) AND ci.question = d.question ORDER BY 1),
           CASE WHEN %(sure)s THEN ARRAY(
               SELECT a.confidence FROM annotation_annotation a WHERE a.id = ANY(d.answers) AND a.confidence IS NOT NULL) END,
           g.probability, g.reason, g.source, g.happened_at
    FROM chosen c JOIN workforce_item i ON i.id = c.item_id
    LEFT JOIN (workforce_signal g JOIN workforce_load o ON o.id = g.load_id JOIN sealed n ON n.event_id = o.event_id)
      ON g.item_id = i.id
    JOIN decided d ON d.task_id = c.task_id JOIN specs_specversion v ON v.id = d.version_id
    LEFT JOIN annotation_ruling u ON u.id = d.ruling_id LEFT JOIN specs_clause k ON k.id = u.clause_id
    ORDER BY i.key COLLATE "C", d.question COLLATE "C"
"""


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

_PLURAL = """
    SELECT EXISTS (
        SELECT FROM annotation_ruling r JOIN specs_ledgerentry l ON l.event_id = r.event_id
        WHERE r.project_id = %(project)s AND r.sides <> '{}'::jsonb
          AND l.project_id = %(project)s AND l.position <= %(position)s)
"""


def request(
    *,
    project: Project,
    version: SpecVersion,
    name: str,
    queues: list[Queue] | None = None,
    position: int | None = None,
    job: Job | None = None,
    by: Member | None,
) -> Snapshot:
    """Ask for a snapshot of the labels valid under a published version; built by `build`, usually in a job.

    Without *position* it is the last sealed one that changed a label. Raises `Invalid` for a draft, a position beyond the
    seal, or a project where nothing is settled.
    """
    if version.state == VersionState.DRAFT:
        raise Invalid(_("A snapshot names a published version."))
    sealed = ledger.seal_all(project_id=project.pk)
    if position is None:
        with connection.cursor() as cursor:
            cursor.execute(_LAST_POSITION, [project.pk])
            position = int(cursor.fetchone()[0])
    if not 0 < position <= sealed:
        raise Invalid(
            _("The position lies between 1 and %(sealed)s, the last sealed one.") % {"sealed": sealed}
            if sealed
            else _("Nothing is labelled yet.")
        )
    asked = {
        "format": FORMAT,
        "version": version.number,
        "spec": version.spec.key,
        "queues": sorted(queue.key for queue in queues) if queues else None,
        "position": position,
    }
    with transaction.atomic():
        snapshot = Snapshot.objects.create(
            project=project,
            name=name.strip()[:200] or f"{version.spec.key} {version.number}",
            version=version,
            position=position,
            request=asked,
            job=job,
            requested_by=by,
        )
        ledger.record(
            project_id=project.pk,
            kind="snapshot.requested",
            by=by,
            subject=("snapshot", snapshot.pk),
            data={"position": position, "version": version.pk},
        )
    return snapshot


def build(*, snapshot_id: int, progress: Callable[..., None] | None = None) -> Snapshot:
    """Write the files, keep them, freeze the snapshot. Harmless to repeat; a failure is kept with its reason."""
    snapshot = Snapshot.objects.select_related("project", "version", "version__spec").get(pk=snapshot_id)
    if snapshot.state != SnapshotState.BUILDING:
        return snapshot
    try:
        files, manifest = _build(snapshot, progress or (lambda *_: None))
    except Exception as error:
        Snapshot.objects.filter(pk=snapshot.pk).update(
            state=SnapshotState.FAILED, error=f"{type(error).__name__}: {error}"[:2000]
        )
        raise
    with transaction.atomic():
        locked = Snapshot.objects.select_for_update(no_key=True).get(pk=snapshot.pk)
        if locked.state != SnapshotState.BUILDING:
            return locked
        SnapshotFile.objects.bulk_create(files)
        locked.manifest = manifest
        locked.digest = canonical.digest(canonical.dumps(manifest))
        locked.n_rows = manifest["counts"]["rows"]
        locked.state, locked.frozen_at = SnapshotState.FROZEN, Now()
        locked.save()
        ledger.record(
            project_id=locked.project_id,
            kind="snapshot.frozen",
            by=locked.requested_by_id,
            subject=("snapshot", locked.pk),
            data={"digest": locked.digest, "rows": locked.n_rows},
        )
    locked.refresh_from_db()
    return locked


def _build(snapshot: Snapshot, progress: Callable[..., None]) -> tuple[list[SnapshotFile], dict[str, Any]]:
    version = versions.read(snapshot.version_id)
    counts = _Counts(version.questions)
    files = []
    with store.writing() as lines, store.writing() as table:
        writer = parquet.Writer(
            table,
            version.questions,
            selected=_has(snapshot, _SELECTED),
            sure=_has(snapshot, _SURE),
            plural=_has(snapshot, _PLURAL),
        )
        for n, row in enumerate(rows(snapshot), 1):
            lines.write(canonical.dumps(row) + b"\n")
            writer.write(row)
            counts.add(row)
            if n % 5000 == 0:
                progress(n, None, "writing rows")
        writer.close()
        for name, media, scratch in (
            ("labels.jsonl", "application/x-ndjson", lines),
            ("labels.parquet", "application/vnd.apache.parquet", table),
        ):
            files.append(_file(snapshot, name, media, scratch, counts.rows))
    return files, _manifest(snapshot, version, counts, files)


def _has(snapshot: Snapshot, what: str) -> bool:
    """Whether the project has, at the snapshot's position, what the query looks for."""
    with connection.cursor() as cursor:
        cursor.execute(what, {"project": snapshot.project_id, "position": snapshot.position})
        return bool(cursor.fetchone()[0])


def _file(snapshot: Snapshot, name: str, media: str, scratch: BinaryIO, n_rows: int) -> SnapshotFile:
    digest, size = store.keep(scratch)
    return SnapshotFile(
        project_id=snapshot.project_id,
        snapshot=snapshot,
        name=name,
        media_type=media,
        digest=digest,
        n_bytes=size,
        n_rows=n_rows,
    )


def rows(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """One row per item, in the order of its key: the value per question with everything it rests on.

    A signal from production has its `selection`: its label stands for `1 / probability` of what it was selected from. Where
    any author of a label's answers said how sure she was, `confidence` counts how many said 1 (a guess) to 5 (certain).
    """
    queues = snapshot.request.get("queues")
    known = {
        "project": snapshot.project_id,
        "position": snapshot.position,
        "spec": snapshot.version.spec_id,
        "meaning": snapshot.version.meaning,
        "queues": list(
            Queue.objects.filter(project_id=snapshot.project_id, key__in=queues).values_list("pk", flat=True)
        )
        if queues
        else None,
        "sure": _has(snapshot, _SURE),
    }
    current: dict[str, Any] | None = None
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(_ROWS, known)
        while batch := cursor.fetchmany(2000):
            for found in batch:
                (
                    key,
                    payload,
                    carried,
                    major,
                    minor,
                    patch,
                    question,
                    value,
                    basis,
                    distribution,
                    n,
                    rule,
                    cause,
                    ruled,
                    cannot,
                    kept,
                    cited,
                    sure,
                    *selection,
                ) = found
                if current is None or current["key"] != key:
                    if current is not None:
                        yield current
                    current = {"key": key, "payload": json.loads(payload), "labels": {}}
                    if selection[0] is not None:
                        current["selection"] = _selection(*selection)
                current["labels"][question] = {
                    "value": json.loads(value) if value is not None else None,
                    "basis": "carried" if carried else basis,
                    "decided_by": basis,
                    "rule": rule,
                    "spec_version": f"{major}.{minor}.{patch}",
                    "distribution": json.loads(distribution),
                    **({"soft_label": soft_label(json.loads(kept))} if kept else {}),
                    "n_answers": n,
                    **({"confidence": _levels(sure)} if sure else {}),
                    "clauses": cited,
                    "cause": cause,
                    "decisive_clause": ruled,
                    **({"cannot_be_labelled": cannot} if cannot else {}),
                }
    if current is not None:
        yield current


def soft_label(kept: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a label that stays plural is: each value kept as right with its share of those who gave one of them."""
    total = sum(one["n"] for one in kept)
    return [{"value": one["value"], "share": round(one["n"] / total, 6)} for one in kept]


def _levels(said: Sequence[int]) -> dict[str, int]:
    """How many said each level of confidence."""
    return {str(level): said.count(level) for level in sorted(set(said))}


def _selection(probability: float, reason: str, source: str, happened_at: datetime) -> dict[str, Any]:
    return {
        "probability": probability,
        "reason": reason,
        "source": source,
        "happened_at": happened_at.astimezone(UTC).isoformat(),
    }


class _Counts:
    """What the manifest counts while rows pass by."""

    def __init__(self, questions: Sequence[Mapping[str, Any]]) -> None:
        self.rows = 0
        self.basis: dict[str, dict[str, int]] = {question["key"]: {} for question in questions}
        # Only of values that come out of a few: a text or a span is hardly ever the same twice.
        self.values: dict[str, dict[str, int]] = {
            question["key"]: {}
            for question in questions
            if (kind := task_types.get(question["kind"])).one_of_options or kind.level == "set"
        }
        self.cannot: dict[str, int] = {}
        self.plural = 0

    def add(self, row: dict[str, Any]) -> None:
        self.rows += 1
        for question, label in row["labels"].items():
            if category := label.get("cannot_be_labelled"):
                self.cannot[f"{question}: {category}"] = self.cannot.get(f"{question}: {category}", 0) + 1
                continue
            self.plural += "soft_label" in label
            for table, key in (
                (self.basis, label["basis"]),
                *(
                    []
                    if "soft_label" in label
                    else [(self.values, json.dumps(label["value"], ensure_ascii=False))]
                ),
            ):
                counts = table.get(question)
                if counts is not None:
                    counts[key] = counts.get(key, 0) + 1


def _manifest(
    snapshot: Snapshot, version: versions.ReadVersion, counts: _Counts, files: list[SnapshotFile]
) -> dict[str, Any]:
    """Everything that made the snapshot; its digest is the snapshot's. Floats are rounded to 6 digits."""
    measured = measuring.compute(
        spec=snapshot.version.spec, meaning=version.meaning, position=snapshot.position
    )
    return {
        "format": FORMAT,
        "project": snapshot.project.key,
        "request": snapshot.request,
        "spec": {
            "key": snapshot.version.spec.key,
            "version": version.number,
            "digest": version.digest,
            "questions": version.questions,
            "clauses": [
                {"key": c.key, "number": c.number, "title": c.title, "blocks": c.blocks, "governs": c.governs}
                for c in version.clauses
            ],
        },
        "rule": "the resolution in force at the position: consensus by the queue's rule, or a ruling; carried where the "
        "meaning changed and the label was not touched",
        "counts": {
            "rows": counts.rows,
            "basis": counts.basis,
            "values": counts.values,
            **({"cannot_be_labelled": counts.cannot} if counts.cannot else {}),
            **({"plural": counts.plural} if counts.plural else {}),
        },
        "agreement": {one.question: one.as_dict() for one in measured},
        "files": [
            {"name": file.name, "digest": file.digest, "bytes": file.n_bytes, "rows": file.n_rows}
            for file in files
        ],
        "writer": {"parquet": parquet.WRITER},
    }


def verify(snapshot: Snapshot) -> list[str]:
    """Every way in which a frozen snapshot is not what it says; an empty list when all is intact.

    Recomputes the digest of the manifest and of every file, and counts the rows again.
    """
    if snapshot.state != SnapshotState.FROZEN or snapshot.manifest is None:
        return [_("the snapshot is not frozen")]
    faults = []
    if canonical.digest(canonical.dumps(snapshot.manifest)) != snapshot.digest:
        faults.append(_("the manifest does not have the snapshot's digest"))
    named = {file["name"]: file["digest"] for file in snapshot.manifest["files"]}
    for file in SnapshotFile.objects.filter(snapshot=snapshot):
        if named.pop(file.name, None) != file.digest:
            faults.append(_("%(file)s is not the one that the manifest names") % {"file": file.name})
        elif not store.intact(file.digest):
            faults.append(_("%(file)s is damaged or missing") % {"file": file.name})
        elif file.name.endswith(".jsonl"):
            with store.opened(file.digest) as source:
                if sum(1 for _ in source) != file.n_rows:
                    faults.append(_("%(file)s has another number of rows") % {"file": file.name})
    return faults + [f"{name} is missing" for name in named]
