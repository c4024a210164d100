"""Items in, idempotently; with them tasks and their open slots.

    (nothing) -> reading: begin
    (nothing) -> loaded: load (small files, at once)
    reading -> loaded, refused, cancelled: run
    cancelled -> reading: resume

A delivery is staged, checked whole and then activated: all of its good rows or none. A key that is known with the same payload
changes nothing; a known key with another payload is a bad row, or the next revision where updates are asked for (`replacing`).
A load that was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import ledger, running, store
from specs.models import Job, JobState, Member, Project
from specs.refusals import Invalid, WrongState
from workforce import activating, degrading, directing, likening, replacing, row_files, signalling, staging
from workforce.models import ABOUT_ANSWERS, Load, LoadState, Queue, QueueState

JOB = "workforce.load_items"
OPTIONS = ("keep_good_rows", "sensitive", "clause_field", "twins", "near", "updates", *signalling.OPTIONS)
Progress = Callable[..., None]


def load(
    *,
    project: Project,
    queue: Queue | None,
    source: BinaryIO,
    name: str,
    by: Member | None,
    form: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Load:
    """Load a file of items at once, in one transaction, and into *queue* their tasks and slots.

    Any bad row refuses the whole delivery (`Invalid` with line and reason for each, up to a limit) unless *keep_good_rows*.
    Loading the same file again finds everything known and changes nothing. *progress* is told the number of rows read.
    """
    with transaction.atomic():
        found = begin(project=project, queue=queue, file="", name=name, form=form, by=by, **options)
        found.digest = _digest(source)
        _read(found, source, progress or _silent)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('workforce.loading'), %s)", [project.pk])
        _check(found)
        if found.n_bad and not found.options.get("keep_good_rows"):
            raise refusal(found)
        activating.activate(load=found, progress=_silent, alone=True)
        _finish(found)
    found.refresh_from_db()
    return found


def begin(
    *,
    project: Project,
    queue: Queue | None,
    file: str,
    name: str,
    by: Member | None,
    form: str | None = None,
    **options: Any,
) -> Load:
    """A delivery that is about to be read: *file* is its digest in the store. `run` does the rest."""
    if queue is not None and queue.state == QueueState.CLOSED:
        raise WrongState(_("The queue is closed."))
    if queue is not None and queue.purpose in ABOUT_ANSWERS:
        raise WrongState(
            _("Nothing is loaded into this queue: what waits here is about answers of another one.")
        )
    if queue is not None:
        degrading.require_intake(queue)
    if unknown := set(options) - set(OPTIONS):
        raise Invalid(_("A load has no option %(unknown)s.") % {"unknown": ", ".join(sorted(unknown))})
    if options.get("twins") not in (None, *likening.TWINS):
        raise Invalid(_("Twins can be treated as %(twins)s.") % {"twins": ", ".join(likening.TWINS)})
    signalling.check_options(options, queue)
    form = form or row_files.form_of(name)
    if form not in row_files.FORMS:
        raise Invalid(
            _("There is no form %(form)r; there are %(forms)s.")
            % {"form": form[:20], "forms": ", ".join(row_files.FORMS)}
        )
    return Load.objects.create(
        project=project,
        queue=queue,
        source=name[-300:],
        file=file,
        digest=file,
        form=form,
        options=options,
        loaded_by=by,
    )


def start(*, load: Load, by: Member | None) -> Job:
    """Hand a load to a worker."""
    with transaction.atomic():
        job = running.start(project=load.project, kind=JOB, arguments={"load": load.pk}, by=by)
        Load.objects.filter(pk=load.pk).update(job=job)
    load.job = job
    return job


def resume(*, load: Load, by: Member | None) -> Job:
    """Take up a load that was stopped; it goes on where it was."""
    with transaction.atomic():
        locked = Load.objects.select_for_update(no_key=True).get(pk=load.pk)
        if locked.state != LoadState.CANCELLED:
            raise WrongState(_("Only a load that was stopped can be taken up again."))
        locked.state = LoadState.READING
        locked.save(update_fields=["state"])
        return start(load=locked, by=by)


def cancel(*, load: Load, by: Member) -> None:
    """Stop a load; nothing of it is visible, and it can be taken up again."""
    with transaction.atomic():
        locked = (
            Load.objects.select_for_update(no_key=True, of=("self",)).select_related("job").get(pk=load.pk)
        )
        if locked.state != LoadState.READING:
            raise WrongState(_("The load is %(state)s.") % {"state": locked.get_state_display().lower()})
        job = locked.job
        if job is not None and job.state in (JobState.QUEUED, JobState.RUNNING):
            running.cancel(job=job, by=by)
            job.refresh_from_db()
        if job is None or job.state != JobState.RUNNING:
            locked.state = LoadState.CANCELLED
            locked.save(update_fields=["state"])


def receive(
    *, project: Project, queue: Queue | None, chunks: Iterable[bytes], name: str, by: Member, **options: Any
) -> Load:
    """Keep a file that comes in and load it: at once where it is small, else in a job (the load is then still `reading`).

    Raises `Invalid` for a file beyond MAX_LOAD_BYTES, and what `load` raises.
    """
    size = 0
    with store.writing() as scratch:
        for chunk in chunks:
            size += len(chunk)
            if size > settings.MAX_LOAD_BYTES:
                raise Invalid(
                    _("The file is larger than %(max_load_bytes)s bytes; nothing was loaded.")
                    % {"max_load_bytes": settings.MAX_LOAD_BYTES}
                )
            scratch.write(chunk)
        scratch.seek(0)
        if size <= settings.LOAD_AT_ONCE and not options.get("near"):
            return load(project=project, queue=queue, source=scratch, name=name, by=by, **options)
        digest, _size = store.keep(scratch)
    return in_a_job(project=project, queue=queue, file=digest, name=name, by=by, **options)


def from_store(*, file: str, size: int, **named: Any) -> Load:
    """Load a file that is kept already: at once where it is small, else in a job."""
    if size > settings.LOAD_AT_ONCE or named.get("near"):
        return in_a_job(file=file, **named)
    with store.opened(file) as source:
        return load(source=source, **named)


def in_a_job(
    *, project: Project, queue: Queue | None, file: str, name: str, by: Member, **options: Any
) -> Load:
    """Load a file of the store in a job."""
    with transaction.atomic():
        found = begin(project=project, queue=queue, file=file, name=name, by=by, **options)
        start(load=found, by=by)
    return found


def purge() -> int:
    """Drop what loads keep that were stopped or refused long ago; they read their file again if they are taken up."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH old AS (
                   SELECT id FROM workforce_load WHERE state <> 'reading'
                      AND loaded_at < statement_timestamp() - make_interval(secs => %s)
               ), signals AS (
                   DELETE FROM workforce_stagedsignal g USING old WHERE old.id = g.load_number
               )
               DELETE FROM workforce_stagedrow s USING old WHERE old.id = s.load_number""",
            [settings.STAGED_KEPT_FOR.total_seconds()],
        )
        return cursor.rowcount


def run(*, load_id: int, progress: Progress) -> Load:
    """Read, check and activate a delivery of the store, or go on with it; harmless to repeat.

    Raises `Invalid` when bad rows refuse it; then, and when *progress* raises `running.Cancelled`, nothing of it is visible.
    """
    with _only_once(load_id) as mine:
        found = Load.objects.select_related("project", "queue").get(pk=load_id)
        if not mine or found.state != LoadState.READING:
            return found
        try:
            return _run(found, progress)
        except running.Cancelled:
            Load.objects.filter(pk=load_id, state=LoadState.READING).update(state=LoadState.CANCELLED)
            raise
        except Invalid:
            staging.forget(load=found)
            Load.objects.filter(pk=load_id, state=LoadState.READING).update(state=LoadState.REFUSED)
            raise


def _run(found: Load, progress: Progress) -> Load:
    if not staging.whole(load=found):
        staging.start_again(load=found)
    if not found.checked:
        with store.opened(found.file) as source:
            _read(found, source, lambda n: progress(n, None, "reading"))
    with _alone_in(found.project_id):
        with transaction.atomic():
            if found.checked:
                staging.mark_known(load=found)
            else:
                progress(found.n_rows, None, "checking")
                _check(found)
        if found.n_bad and not found.options.get("keep_good_rows"):
            raise refusal(found)
        total = found.n_rows
        activating.activate(
            load=found,
            progress=lambda n: progress(min(n, total), total, "making items, tasks and slots"),
            alone=False,
        )
        with transaction.atomic():
            _finish(found)
    found.refresh_from_db()
    return found


def _read(found: Load, source: BinaryIO, progress: Progress) -> None:
    staging.stage(load=found, source=source, progress=progress)
    if found.n_rows == 0:
        raise Invalid(_("The file has no rows."))


def _check(found: Load) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL work_mem = '64MB'")
    staging.check(load=found)
    if not found.n_bad or found.options.get("keep_good_rows"):
        likening.compare(load=found)
        directing.apply(load=found)


_KNOWN = """
    SELECT count(*) FILTER (WHERE NOT s.gone), count(*) FILTER (WHERE s.gone)
    FROM workforce_stagedrow s JOIN workforce_item i ON i.id = s.known
    WHERE s.load_number = %s AND i.load_id IS DISTINCT FROM s.load_number
"""


def _finish(found: Load) -> None:
    """What came of it, and its event. New is what this load brought, also where it took several goes."""
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [found.pk])
        found.n_known, n_gone = cursor.fetchone()
    found.n_new = found.n_staged - found.n_known - n_gone
    if found.options.get("updates"):
        found.n_replaced, found.n_gone = replacing.end_of(load=found)
    found.event_id = ledger.record(
        project_id=found.project_id,
        kind="items.loaded",
        by=found.loaded_by,
        subject=("load", found.pk),
        data={"digest": found.digest, "rows": found.n_rows, "bad": found.n_bad, "queue": found.queue_id},
    )
    found.state = LoadState.LOADED
    found.loaded_at = Now()
    counts = ["n_known", "n_new", "n_replaced", "n_gone", "n_left_out"]
    found.save(update_fields=[*counts, "event_id", "state", "loaded_at", "digest"])
    staging.forget(load=found)
    if found.options.get("signals"):
        signalling.end_over()  # what came too late is not handed out


def refusal(found: Load) -> Invalid:
    """Why a delivery is refused whole."""
    return Invalid(
        _("%(n_bad)s of %(n_rows)s rows cannot be loaded; nothing was loaded.")
        % {"n_bad": found.n_bad, "n_rows": found.n_rows},
        problems=[
            {"where": f"line {problem['line']}", "message": problem["reason"]} for problem in found.problems
        ],
    )


@contextmanager
def _only_once(load_id: int) -> Iterator[bool]:
    """Whether nobody else runs this load now; a session's lock, so that it ends with the process."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('workforce.load'), %s)", [load_id])
        mine = bool(cursor.fetchone()[0])
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("SELECT pg_advisory_unlock(hashtext('workforce.load'), %s)", [load_id])


@contextmanager
def _alone_in(project_id: int) -> Iterator[None]:
    """One load of a project is checked and activated at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext('workforce.loading'), %s)", [project_id])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('workforce.loading'), %s)", [project_id])


def _digest(source: BinaryIO) -> str:
    total = hashlib.sha256()
    while data := source.read(2**20):
        total.update(data)
    source.seek(0)
    return f"sha256:{total.hexdigest()}"


def _silent(*_: Any) -> None:
    """Nobody watches."""
