"""Labels made elsewhere, by upload: another tool's export becomes history of a spec, with a report of what had no place.

(nothing) -> submitted slots with their annotations: receive, run
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from annotation import controls, importing
from specs import running, store
from specs.models import Job, Member, Spec, SpecVersion
from specs.refusals import Invalid
from workforce.import_formats import FORMATS, Form, form_of
from workforce.import_formats.table import PARTS

JOB = "annotation.import_history"


@dataclass(frozen=True)
class How:
    """How a file is read: its form (by how it begins, without), which control answers which question, which column is what.

    `control` is a name, for the first question, or `control=question` with commas between; `columns` is `item=NAME` and so on.
    """

    form: str = ""
    control: str = ""
    columns: str = ""
    sensitive: bool = False

    def form_of(self, source: BinaryIO) -> Form:
        """Raises `Invalid` for a form that there is not."""
        if not self.form:
            return form_of(source)
        if self.form not in FORMATS:
            raise Invalid(
                _("There is no form %(form)s; there are %(forms)s.")
                % {"form": self.form[:64], "forms": ", ".join(FORMATS)}
            )
        return FORMATS[self.form]

    def named(self) -> dict[str, list[str]]:
        """The columns by what they are. Raises `Invalid` for something else."""
        found: dict[str, list[str]] = {}
        for one in filter(None, map(str.strip, self.columns.split(","))):
            part, sign, name = one.partition("=")
            if part.strip() not in PARTS or not sign or not name.strip():
                raise Invalid(
                    _("%(one)s: columns are written as item=NAME; there are %(parts)s.")
                    % {"one": one[:100], "parts": ", ".join(PARTS)}
                )
            found.setdefault(part.strip(), []).append(name.strip())
        return found


@dataclass
class BroughtIn:
    """What came of an export: counts of what was new, and `report`, its mapping and what was left out in sentences."""

    control: str
    form: str = ""
    controls: Mapping[str, str] = field(default_factory=dict)
    n_items: int = 0
    n_annotators: int = 0
    n_labels: int = 0
    n_repeats: int = 0
    report: list[str] = field(default_factory=list)


def look(*, spec: Spec, source: BinaryIO, how: How | None = None) -> tuple[controls.Controls, list[str]]:
    """What an export holds and which control answers which question of the spec, also in sentences; writes nothing.

    Raises `Invalid` where that is not clear, and for a spec that is not published.
    """
    how = how or How()
    newest = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
    if newest is None:
        raise Invalid(_("The spec has no published version."))
    form = how.form_of(source)
    try:
        found = controls.survey(
            source,
            form=form,
            max_bytes=settings.MAX_ITEM_BYTES,
            questions=newest.questions,
            control=how.control,
            columns=how.named(),
        )
    except controls.NotMapped as error:
        raise Invalid(str(error)) from error
    return found, found.sentences(form.kinds)


def bring_in(*, spec: Spec, source: BinaryIO, how: How | None = None, by: Member | None) -> BroughtIn:
    """Bring an export in under the spec's newest version, all of it or nothing; a second time changes nothing.

    Raises `Invalid` for a control that has to be named, and for labels that the version does not have.
    """
    how = how or How()
    found, _sentences = look(spec=spec, source=source, how=how)
    source.seek(0)
    form = how.form_of(source)
    Path(settings.STORE_ROOT).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.STORE_ROOT) as folder:
        controls.unfold(
            source,
            Path(folder),
            form=form,
            max_bytes=settings.MAX_ITEM_BYTES,
            found=found,
            columns=how.named(),
        )
        if not found.n_labels:
            raise Invalid(
                _("The export has no answer that has a place here."),
                problems=[{"where": "report", "message": one} for one in found.sentences(form.kinds)],
            )
        done = importing.import_labels(
            folder=Path(folder), project_key=spec.project.key, spec=spec, sensitive=how.sensitive, by=by
        )
    return BroughtIn(
        control=found.first,
        form=form.title,
        controls=found.taken,
        n_items=done.n_items,
        n_annotators=done.n_annotators,
        n_labels=done.n_labels,
        n_repeats=done.n_repeats,
        report=[*found.sentences(form.kinds), *done.left_out],
    )


def receive(*, spec: Spec, chunks: Iterable[bytes], how: How | None = None, by: Member) -> BroughtIn | Job:
    """Take an export that comes in: at once where it is small, else in a job, which is returned."""
    how = how or How()
    how.named()
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
            return bring_in(spec=spec, source=scratch, how=how, by=by)
        how.form_of(scratch)
        digest, _size = store.keep(scratch)
    return running.start(
        project=spec.project, kind=JOB, arguments={"spec": spec.pk, "file": digest, **vars(how)}, by=by
    )


def run(*, job: Job, progress: Callable[..., None]) -> BroughtIn:
    """Do the work of such a job; harmless to repeat."""
    arguments: dict[str, Any] = job.arguments
    spec = Spec.objects.select_related("project").get(pk=arguments["spec"], project_id=job.project_id)
    how = How(**{name: arguments[name] for name in vars(How()) if name in arguments})
    progress(0, None, "reading")
    with store.opened(arguments["file"]) as source:
        return bring_in(spec=spec, source=source, how=how, by=job.requested_by)
