"""Snapshots: one instant of the project, frozen, content-addressed.

    (nothing) -> building: request
    building -> building, with one part more: build, help_build
    building -> frozen, failed: build

A snapshot names a sealed position of the ledger and reads only append-only rows whose event stands at or below it. Rows are in
the order of their keys, bytes are canonical, nothing in a file depends on when or where it was built: the same request gives
the same digest. Its rows are placed once, and written in parts: by as many workers as there are, each part in a transaction
of its own, so that a worker that dies costs one part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _

from annotation import (
    export_choice,
    export_formats,
    export_rows,
    export_sheets,
    export_terms,
    fitting,
    holding_out,
    manifests,
)
from annotation.export_formats import Layout, Writer
from annotation.models import Snapshot, SnapshotFile, SnapshotPart, SnapshotPlace, SnapshotState
from specs import canonical, delivering, ledger, store
from specs.models import Job, Member, Project, SpecVersion
from specs.refusals import Invalid, Refusal
from workforce import predicting
from workforce.models import Queue

Told = Callable[..., None]


class TooManySnapshots(Refusal):
    code = "too-many-snapshots"
    status = 429


MANIFEST = "manifest.json"
_PLACE = """
    INSERT INTO annotation_snapshotplace (project_id, snapshot, number, item, task, carried, maps)
    {chosen}
"""
_IN_ORDER = """
    SELECT %(project)s, %(snapshot)s, row_number() OVER (ORDER BY i.key COLLATE "C"), c.item_id, c.task_id, c.carried, c.maps
"""
_ITEM_FIELDS = """
    SELECT k FROM (SELECT DISTINCT jsonb_object_keys(i.payload) FROM annotation_snapshotplace p
                   JOIN workforce_item i ON i.id = p.item WHERE p.snapshot = %s) there (k)
    ORDER BY k COLLATE "C" LIMIT %s
"""
_WAIT = 0.2
_AT_ONCE = 10_000
"""Places that are read in one query; between two of them progress is told."""


def request(
    *,
    project: Project,
    version: SpecVersion,
    name: str,
    queues: Sequence[Queue] | None = None,
    position: int | None = None,
    terms: export_terms.Terms | None = None,
    job: Job | None = None,
    by: Member | None,
) -> Snapshot:
    """Ask for a snapshot of the labels valid under a published version; built by `build`, usually in a job.

    Without *position* it is the last sealed one that changed a label. Raises `Invalid` for a draft, a position beyond the
    seal, terms that do not fit, or a project where nothing is settled.
    """
    terms = terms or export_terms.Terms()
    found, _versions = export_terms.checked(terms, version)
    sealed = ledger.seal_all(project_id=project.pk)
    if position is None:
        with connection.cursor() as cursor:
            cursor.execute(export_choice.LAST_POSITION, [project.pk])
            position = int(cursor.fetchone()[0])
    if not 0 < position <= sealed:
        raise Invalid(
            _("The position lies between 1 and %(sealed)s, the last sealed one.") % {"sealed": sealed}
            if sealed
            else _("Nothing is labelled yet.")
        )
    with transaction.atomic():
        _within_a_day(by)
        split = None
        if terms.split:
            split = holding_out.as_terms(
                holding_out.fix(
                    project=project,
                    evaluate=terms.eval_percent,
                    test=terms.test_percent,
                    by_field=terms.split_by,
                    by=by,
                )
            )
        known = (
            fitting.pin(version.spec, version.meaning or 0)
            if terms.gold or terms.rule == export_terms.WEIGHED
            else ""
        )
        snapshot = Snapshot.objects.create(
            project=project,
            name=name.strip()[:200] or f"{version.spec.key} {version.number}",
            version=version,
            position=position,
            request={
                "format": export_terms.FORMAT,
                "version": version.number,
                "spec": version.spec.key,
                "queues": sorted(queue.key for queue in queues) if queues else None,
                "position": position,
                "split": split,
                "known": known or None,
                **({"predictions": predicting.last(project)} if "predictions" in found["columns"] else {}),
                "part_rows": settings.SNAPSHOT_PART_ROWS,
                **found,
            },
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


def _within_a_day(by: Member | None) -> None:
    """Refuse what goes beyond a member's snapshots of a day; two requests at once count one after the other."""
    if by is None:
        return
    Member.objects.select_for_update(no_key=True).get(pk=by.pk)
    asked = Snapshot.objects.filter(requested_by=by, created_at__gt=Now() - timedelta(days=1))
    if asked.count() >= settings.SNAPSHOTS_PER_DAY:
        raise TooManySnapshots(
            _("You asked for %(n)s snapshots within a day, as many as one may.")
            % {"n": settings.SNAPSHOTS_PER_DAY},
            limit=settings.SNAPSHOTS_PER_DAY,
        )


def build(
    *, snapshot_id: int, progress: Told | None = None, call_help: Callable[[int], None] | None = None
) -> Snapshot:
    """Write the parts, keep them, freeze the snapshot. Harmless to repeat; a failure is kept with its reason.

    *call_help* is told how many more workers could write parts.
    """
    snapshot = _read(snapshot_id)
    if snapshot.state != SnapshotState.BUILDING:
        return snapshot
    try:
        with translation.override(None):
            n_parts = place(snapshot)
            if call_help is not None and n_parts > 1:
                call_help(n_parts - 1)
            _write_parts(snapshot, n_parts, progress or (lambda *_: None))
            return _freeze(snapshot)
    except Exception as error:
        if type(error).__name__ != "Cancelled":
            Snapshot.objects.filter(pk=snapshot.pk, state=SnapshotState.BUILDING).update(
                state=SnapshotState.FAILED, error=f"{type(error).__name__}: {error}"[:2000]
            )
        raise


def help_build(*, snapshot_id: int) -> int:
    """Write parts that nobody writes, as long as there are any; returns how many. Harmless to repeat."""
    snapshot = _read(snapshot_id)
    n_places = SnapshotPlace.objects.filter(snapshot=snapshot_id).aggregate(n=Count("pk"))["n"]
    if snapshot.state != SnapshotState.BUILDING or not n_places:
        return 0
    with translation.override(None):
        reader, n_parts, n = export_rows.Reader(snapshot), _n_parts(snapshot, n_places), 0
        layout = _layout(reader)
        for number in _missing(snapshot, n_parts):
            n += _write_part(reader, layout, number, n_parts, lambda *_: None)
    return n


def _read(snapshot_id: int) -> Snapshot:
    return Snapshot.objects.select_related("project", "version", "version__spec").get(pk=snapshot_id)


def place(snapshot: Snapshot) -> int:
    """Give every item of the request its place, once; returns the number of parts."""
    with transaction.atomic():
        Snapshot.objects.select_for_update(no_key=True).get(pk=snapshot.pk)
        places = SnapshotPlace.objects.filter(snapshot=snapshot.pk)
        if not places.exists():
            choice = export_choice.chosen(snapshot, what=_IN_ORDER)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0")
                cursor.execute(_PLACE.format(chosen=choice.query), choice.known)
    return _n_parts(snapshot, places.count())


def _n_parts(snapshot: Snapshot, n_places: int) -> int:
    return max(1, -(-n_places // _part_rows(snapshot)))


def _part_rows(snapshot: Snapshot) -> int:
    return int(snapshot.request.get("part_rows") or settings.SNAPSHOT_PART_ROWS)


def _missing(snapshot: Snapshot, n_parts: int) -> list[int]:
    there = set(SnapshotPart.objects.filter(snapshot=snapshot).values_list("number", flat=True))
    return [number for number in range(1, n_parts + 1) if number not in there]


def _write_parts(snapshot: Snapshot, n_parts: int, progress: Told) -> None:
    """Write what is missing, and wait for what others write; a part whose worker died is written here."""
    reader, layout = export_rows.Reader(snapshot), None
    while missing := _missing(snapshot, n_parts):
        layout = layout or _layout(reader)
        wrote = 0
        for number in missing:
            progress(n_parts - len(_missing(snapshot, n_parts)), n_parts, f"part {number} of {n_parts}")
            wrote += _write_part(reader, layout, number, n_parts, progress)
        if not wrote:
            time.sleep(_WAIT)
    progress(n_parts, n_parts, "freezing")


def _layout(reader: export_rows.Reader) -> Layout:
    asked = reader.snapshot.request
    named = asked.get("item_fields")
    if named is None:
        with connection.cursor() as cursor:
            cursor.execute(_ITEM_FIELDS, [reader.snapshot.pk, settings.SNAPSHOT_ITEM_COLUMNS + 1])
            named = [row[0] for row in cursor.fetchall()]
    return Layout(
        questions=reader.questions,
        columns=reader.columns,
        item_fields=tuple(named) if len(named) <= settings.SNAPSHOT_ITEM_COLUMNS else None,
        selected=reader.selected,
        sure=reader.sure,
        plural=reader.plural,
        split=bool(asked.get("split")),
        soft=reader.rule == export_terms.SOFT,
        chance=reader.rule == export_terms.WEIGHED,
    )


def _write_part(reader: export_rows.Reader, layout: Layout, number: int, n_parts: int, progress: Told) -> int:
    """One part, in one transaction; 0 when somebody else writes it, or has."""
    snapshot = reader.snapshot
    with transaction.atomic(), ExitStack() as stack:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_try_advisory_xact_lock(hashtext('annotation.part'), hashtext(%s))",
                [f"{snapshot.pk}:{number}"],
            )
            if not cursor.fetchone()[0]:
                return 0
        if SnapshotPart.objects.filter(snapshot=snapshot, number=number).exists():
            return 0
        counts, files = manifests.Counts(reader.questions), _Files(stack, snapshot, layout, number, n_parts)
        for first, last in _stretches(snapshot, number):
            for row in reader.of_places(first, last):
                files.write(row)
                counts.add(row)
            progress(number - 1, n_parts, f"part {number} of {n_parts}: {counts.rows} rows")
        SnapshotPart.objects.create(
            project_id=snapshot.project_id,
            snapshot=snapshot,
            number=number,
            files=files.keep(),
            counts=counts.as_dict(),
        )
    return 1


def _stretches(snapshot: Snapshot, number: int) -> Iterator[tuple[int, int]]:
    """The places of a part, `(first, last)` at a time."""
    size = _part_rows(snapshot)
    end = (
        SnapshotPlace.objects.filter(snapshot=snapshot.pk, number__lte=number * size).aggregate(
            n=Max("number")
        )["n"]
        or 0
    )
    for first in range((number - 1) * size + 1, end + 1, _AT_ONCE):
        yield first, min(first + _AT_ONCE - 1, end)


class _Files:
    """The files of one part, by form and split; a split without rows has none, unless nothing is split."""

    def __init__(
        self, stack: ExitStack, snapshot: Snapshot, layout: Layout, number: int, n_parts: int
    ) -> None:
        self.stack, self.layout = stack, layout
        self.forms = snapshot.request["formats"]
        self.part = "" if n_parts == 1 else f"-{number:05d}-of-{n_parts:05d}"
        self.open: dict[tuple[str, str], tuple[Writer, Any]] = {}
        self.n_rows: dict[str, int] = {}
        if not layout.split:
            self._of("labels")

    def _of(self, stem: str) -> list[Writer]:
        if (self.forms[0], stem) not in self.open:
            self.n_rows[stem] = 0
            for name in self.forms:
                scratch = self.stack.enter_context(store.writing())
                self.open[name, stem] = export_formats.FORMATS[name].open(scratch, self.layout), scratch
        return [self.open[name, stem][0] for name in self.forms]

    def write(self, row: dict[str, Any]) -> None:
        stem = row.get("split", "labels")
        for writer in self._of(stem):
            writer.write(row)
        self.n_rows[stem] += 1

    def keep(self) -> list[dict[str, Any]]:
        """Close them, keep their bytes, and say what they are."""
        found = []
        for (name, stem), (writer, scratch) in sorted(self.open.items()):
            writer.close()
            digest, size = store.keep(scratch)
            form = export_formats.FORMATS[name]
            found.append(
                {
                    "name": f"{stem}{self.part}.{form.suffix}",
                    "format": name,
                    "media_type": form.media_type,
                    "digest": digest,
                    "bytes": size,
                    "rows": self.n_rows[stem],
                    "left_out": dict(sorted(writer.left_out.items())),
                }
            )
        return found


def _freeze(snapshot: Snapshot) -> Snapshot:
    """All parts are there: their files, their counts, the manifest, and what stands beside it."""
    parts = list(SnapshotPart.objects.filter(snapshot=snapshot).order_by("number"))
    told = [one for part in parts for one in part.files]
    files = [
        _file(snapshot, one["name"], one["media_type"], one["digest"], one["bytes"], one["rows"])
        for one in told
    ]
    files.sort(key=lambda file: file.name)
    left_out: dict[str, Any] = {}
    for one in told:
        if one["left_out"]:
            left_out[one["format"]] = manifests.together([left_out.get(one["format"], {}), one["left_out"]])
    counts = manifests.together([part.counts for part in parts])
    manifest = manifests.write(snapshot, counts, files, left_out)
    digest = canonical.digest(canonical.dumps(manifest))
    beside = [
        _kept(snapshot, name, media, data)
        for name, media, data in [
            (MANIFEST, "application/json", canonical.dumps(manifest)),
            *export_sheets.beside(manifest, digest),
        ]
    ]
    with transaction.atomic():
        locked = Snapshot.objects.select_for_update(no_key=True).get(pk=snapshot.pk)
        if locked.state != SnapshotState.BUILDING:
            return locked
        SnapshotFile.objects.bulk_create([*files, *beside])
        locked.manifest, locked.digest, locked.n_rows = manifest, digest, counts["rows"]
        locked.state, locked.frozen_at = SnapshotState.FROZEN, Now()
        locked.save()
        SnapshotPlace.objects.filter(snapshot=locked.pk).delete()
        event = ledger.record(
            project_id=locked.project_id,
            kind="snapshot.frozen",
            by=locked.requested_by_id,
            subject=("snapshot", locked.pk),
            data={"digest": locked.digest, "rows": locked.n_rows},
        )
        delivering.tell(
            project_id=locked.project_id,
            topic="snapshot.frozen",
            event_id=event,
            body={
                "snapshot": locked.pk,
                "digest": locked.digest,
                "rows": locked.n_rows,
                "spec": snapshot.version.spec.key,
                "version": snapshot.version.number,
            },
        )
    locked.refresh_from_db()
    return locked


def _kept(snapshot: Snapshot, name: str, media: str, data: bytes) -> SnapshotFile:
    with store.writing() as scratch:
        scratch.write(data)
        digest, size = store.keep(scratch)
    return _file(snapshot, name, media, digest, size, None)


def _file(
    snapshot: Snapshot, name: str, media: str, digest: str, size: int, n_rows: int | None
) -> SnapshotFile:
    return SnapshotFile(
        project_id=snapshot.project_id,
        snapshot=snapshot,
        name=name,
        media_type=media,
        digest=digest,
        n_bytes=size,
        n_rows=n_rows,
    )


def rows(snapshot: Snapshot) -> Any:
    """The rows of a snapshot, read anew from the record: what its files hold."""
    return export_rows.Reader(snapshot).all()


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
    for file in SnapshotFile.objects.filter(snapshot=snapshot).order_by("name"):
        told = named.pop(file.name, file.digest if file.n_rows is None else None)
        if told != file.digest or (file.name == MANIFEST and file.digest != snapshot.digest):
            faults.append(_("%(file)s is not the one that the manifest names") % {"file": file.name})
        elif not store.intact(file.digest):
            faults.append(_("%(file)s is damaged or missing") % {"file": file.name})
        elif file.name.endswith(".jsonl"):
            with store.opened(file.digest) as source:
                if sum(1 for _line in source) != file.n_rows:
                    faults.append(_("%(file)s has another number of rows") % {"file": file.name})
    return faults + [f"{name} is missing" for name in named]
