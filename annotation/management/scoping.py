"""What commands about agreement share: which answers they are about."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from annotation import measuring
from annotation.answers import Scope
from specs.management.arguments import add_spec, project_of, refusals, spec_of
from workforce.models import Queue


def add_scope(parser: CommandParser) -> None:
    add_spec(parser)
    parser.add_argument("--queue", help="one queue only")
    parser.add_argument("--meaning", type=int, help="an earlier meaning of the spec")
    parser.add_argument("--question", help="the key of the question (default: the first)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def scope_of(options: dict[str, Any]) -> Scope:
    """The scope that the options name; every name that does not exist is the command's error."""
    project = project_of(options["project"])
    spec = spec_of(project, options["spec"])
    queue = None
    if options["queue"]:
        queue = Queue.objects.filter(project=project, spec=spec, key=options["queue"]).first()
        if queue is None:
            raise CommandError(f"{spec.key} has no queue {options['queue']}.")
    with refusals():
        version = measuring.version_of(spec, options["meaning"])
    keys = [question["key"] for question in version.questions]
    question = options["question"] or keys[0]
    if question not in keys:
        raise CommandError(f"There is no question {question}. There are: {', '.join(keys)}.")
    return Scope(spec, version, question, queue)
