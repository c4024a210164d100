"""What commands share: finding a project and a spec by their keys, and refusals as errors of the command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError, CommandParser
from django.http import Http404

from specs.models import Project, Spec, SpecVersion
from specs.refusals import Refusal
from specs.versions import keys_of


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
    """The version of that number, the draft under `draft`, or the newest published one."""
    rows = SpecVersion.objects.filter(spec=spec).select_related("spec__project", "based_on", "project")
    if not number:
        found = rows.published().newest_first().first()
    else:
        try:
            found = rows.filter(**keys_of(number)).first()
        except Http404:
            found = None
    if found is None:
        raise CommandError(f"{spec.key} has no version {number or 'that is published'}.")
    return found


def add_spec(parser: CommandParser) -> None:
    parser.add_argument("--project", required=True, help="the key of the project")
    parser.add_argument("--spec", help="the key of the spec; needed where the project has several")


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
