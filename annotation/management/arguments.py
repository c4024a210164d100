"""What the commands of this app share: finding a project and a spec by their keys, and refusals as errors of the command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from specs.models import Project, Spec, SpecVersion
from specs.refusals import Refusal


def project_of(key: str) -> Project:
    found = Project.objects.filter(key=key).first()
    if found is None:
        known = ", ".join(Project.objects.order_by("key").values_list("key", flat=True)[:20])
        raise CommandError(f"There is no project {key}. There are: {known or 'none'}.")
    return found


def spec_of(project: Project, key: str | None) -> Spec:
    """The spec of that key, or the project's only one."""
    rows = Spec.objects.filter(project=project)
    found = list(rows.filter(key=key) if key else rows.order_by("key"))
    if len(found) != 1:
        known = ", ".join(rows.values_list("key", flat=True))
        raise CommandError(f"Name one spec of {project.key} with --spec. There are: {known or 'none'}.")
    return found[0]


def version_of(spec: Spec, number: str | None) -> SpecVersion:
    """The published version of that number, or the newest one."""
    for version in SpecVersion.objects.published().filter(spec=spec).select_related("spec").newest_first():
        if number in (None, version.number):
            return version
    raise CommandError(f"{spec.key} has no published version {number or ''}.")


@contextmanager
def refusals() -> Iterator[None]:
    """A refusal is the command's error, its problems below it, one a line."""
    try:
        yield
    except Refusal as refusal:
        lines = [
            f"  {problem['where']}: {problem['message']}" for problem in refusal.details.get("problems", [])
        ]
        raise CommandError("\n".join([refusal.message, *lines])) from refusal
