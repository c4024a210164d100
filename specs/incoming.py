"""Documents that come in: read at once when they are short, else in a job that shows how far it is and can be stopped.

    (nothing) -> draft with other words: take, or the job that it starts

Reading is bounded either way: by size in the request, by time and memory in the job (`specs.reading`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any, Literal

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from specs import copying, drafting, reading, running, store
from specs.documents import Remark, Unreadable
from specs.models import Job, Member, Project, Spec
from specs.refusals import Invalid

READ = "specs.read_document"
What = Literal["guideline", "spec"]


@dataclass(frozen=True)
class Taken:
    """What came of a document: the job that reads it, or what it says by now."""

    job: Job | None = None
    spec: Spec | None = None
    n_clauses: int = 0
    remarks: tuple[Remark, ...] = ()


def take(
    *,
    project: Project,
    data: bytes,
    name: str,
    what: What,
    key: str = "",
    in_job: bool | None = None,
    by: Member,
) -> Taken:
    """Read a guideline (into proposed clauses of the spec *key*) or a spec file (into its draft), now or in a job.

    *in_job* says which; None leaves it to the document: what is longer than `DOCUMENT_BYTES_AT_ONCE`, and every Word file, whose
    size says nothing about what is in it, is read in a job. Raises `Invalid` for what can be seen at once.
    """
    if len(data) > settings.MAX_DOCUMENT_BYTES:
        raise Invalid(
            _("A document has at most %(max_document_bytes)s MiB.")
            % {"max_document_bytes": settings.MAX_DOCUMENT_BYTES // 2**20}
        )
    packed = PurePath(name).suffix.lower() not in (".md", ".markdown", ".txt", ".html", ".htm")
    if in_job is None:
        in_job = len(data) > settings.DOCUMENT_BYTES_AT_ONCE or (what == "guideline" and packed)
    if in_job:
        with store.writing() as scratch:
            scratch.write(data)
            digest, _size = store.keep(scratch)
        arguments = {"file": digest, "name": name[-300:], "what": what, "spec": key}
        return Taken(job=running.start(project=project, kind=READ, arguments=arguments, by=by))
    if what == "spec":
        draft = copying.import_file(project=project, data=data, key=key, by=by)
        return Taken(spec=draft.spec, n_clauses=draft.draft_clauses.count())
    spec = Spec.objects.get(project=project, key=key)
    draft = drafting.open_draft(spec=spec, by=by)
    n_clauses, remarks = copying.import_guideline(draft=draft, data=data, name=name, by=by)
    return Taken(spec=spec, n_clauses=n_clauses, remarks=tuple(remarks))


def read(job: Job, progress: running.Progress) -> dict[str, Any]:
    """What the job does. Nothing is in the draft before all of it was read."""
    asked = job.arguments
    if asked["what"] == "spec":
        progress(0, None, "reading the file")
        with store.opened(asked["file"]) as source, transaction.atomic():
            draft = copying.import_file(
                project=job.project, data=source.read(), key=asked["spec"], by=job.requested_by
            )
            result: dict[str, Any] = {"spec": draft.spec.key, "clauses": draft.draft_clauses.count()}
            running.finish(job, result)
        return result
    spec = Spec.objects.get(project=job.project_id, key=asked["spec"])
    draft = drafting.open_draft(spec=spec, by=job.requested_by)
    with store.opened(asked["file"]) as source:
        path = Path(source.name)
        try:
            found = reading.read(
                path,
                asked["name"],
                max_characters=settings.MAX_BLOCK_CHARACTERS,
                max_clauses=settings.MAX_CLAUSES,
                seconds=settings.DOCUMENT_SECONDS.total_seconds(),
                memory=settings.DOCUMENT_MEMORY_BYTES,
                said=lambda step, done, total: progress(done, total, step),
            )
        except Unreadable as error:
            raise Invalid(str(error)) from error
    result = {
        "spec": spec.key,
        "clauses": len(found.clauses),
        "remarks": [asdict(remark) for remark in found.remarks[: settings.MAX_REPORTED_PROBLEMS]],
    }
    with transaction.atomic():
        copying.propose(draft=draft, found=found, by=job.requested_by)
        running.finish(job, result)
    return result
