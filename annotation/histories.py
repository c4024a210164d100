"""Labels made elsewhere, by upload: a Label Studio export becomes history of a spec, with a report of what had no place.

(nothing) -> submitted slots with their annotations: receive, run
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from annotation import importing, label_studio
from specs import running, store
from specs.models import Job, Member, Spec, SpecVersion
from specs.refusals import Invalid

JOB = "annotation.import_history"


@dataclass
class BroughtIn:
    """What came of an export: counts of what was new, and `report`, its mapping and what was left out in sentences."""

    control: str
    n_items: int = 0
    n_annotators: int = 0
    n_labels: int = 0
    n_repeats: int = 0
    report: list[str] = field(default_factory=list)


def look(*, spec: Spec, source: BinaryIO, control: str = "") -> label_studio.Mapping:
    """What an export holds and which control becomes the answers to the spec's first question; writes nothing.

    Raises `Invalid` where that is not clear, and for a spec that is not published.
    """
    newest = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
    if newest is None:
        raise Invalid(_("The spec has no published version."))
    try:
        return label_studio.survey(
            source,
            max_bytes=settings.MAX_ITEM_BYTES,
            control=control or None,
            kind=newest.questions[0]["kind"],
        )
    except label_studio.NotMapped as error:
        raise Invalid(str(error)) from error


def bring_in(
    *, spec: Spec, source: BinaryIO, control: str = "", sensitive: bool = False, by: Member | None
) -> BroughtIn:
    """Bring an export in under the spec's newest version, all of it or nothing; a second time changes nothing.

    Raises `Invalid` for a control that has to be named, and for labels that the version does not have.
    """
    mapping = look(spec=spec, source=source, control=control)
    source.seek(0)
    with tempfile.TemporaryDirectory(dir=settings.STORE_ROOT) as folder:
        label_studio.unfold(source, Path(folder), max_bytes=settings.MAX_ITEM_BYTES, mapping=mapping)
        done = importing.import_labels(
            folder=Path(folder), project_key=spec.project.key, spec=spec, sensitive=sensitive, by=by
        )
    return BroughtIn(
        control=mapping.taken,
        n_items=done.n_items,
        n_annotators=done.n_annotators,
        n_labels=done.n_labels,
        n_repeats=done.n_repeats,
        report=[*mapping.sentences(), *done.left_out],
    )


def receive(
    *, spec: Spec, chunks: Iterable[bytes], control: str = "", sensitive: bool = False, by: Member
) -> BroughtIn | Job:
    """Take an export that comes in: at once where it is small, else in a job, which is returned."""
    size = 0
    with store.writing() as scratch:
        for chunk in chunks:
            size += len(chunk)
            if size > settings.MAX_LOAD_BYTES:
                raise Invalid(
                    _("The file is larger than %(max_load_bytes)s bytes; nothing was kept.")
                    % {"max_load_bytes": settings.MAX_LOAD_BYTES}
                )
            scratch.write(chunk)
        scratch.seek(0)
        if size <= settings.LOAD_AT_ONCE:
            return bring_in(spec=spec, source=scratch, control=control, sensitive=sensitive, by=by)
        digest, _size = store.keep(scratch)
    arguments = {"spec": spec.pk, "file": digest, "control": control, "sensitive": sensitive}
    return running.start(project=spec.project, kind=JOB, arguments=arguments, by=by)


def run(*, job: Job, progress: Callable[..., None]) -> BroughtIn:
    """Do the work of such a job; harmless to repeat."""
    arguments: dict[str, Any] = job.arguments
    spec = Spec.objects.select_related("project").get(pk=arguments["spec"], project_id=job.project_id)
    progress(0, None, "reading")
    with store.opened(arguments["file"]) as source:
        return bring_in(
            spec=spec,
            source=source,
            control=arguments["control"],
            sensitive=arguments["sensitive"],
            by=job.requested_by,
        )
