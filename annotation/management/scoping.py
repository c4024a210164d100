"""What commands about agreement share: which answers they are about."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from annotation import scoping
from annotation.answers import Scope
from specs.management.arguments import add_spec, project_of, refusals, spec_of


def add_scope(parser: CommandParser) -> None:
    add_spec(parser)
    parser.add_argument("--queue", help="one queue only")
    parser.add_argument("--meaning", type=int, help="an earlier meaning of the spec")
    parser.add_argument("--question", help="the key of the question (default: the first)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def scope_of(options: dict[str, Any]) -> Scope:
    """The scope that the options name; every name that does not exist is the command's error."""
    spec = spec_of(project_of(options["project"]), options["spec"])
    with refusals():
        return scoping.of(
            spec=spec,
            queue=options["queue"] or "",
            question=options["question"] or "",
            meaning=options["meaning"],
        )
