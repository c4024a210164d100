"""A project with a row of every kind that an address can name, for tests that walk all routes."""

from __future__ import annotations

from dataclasses import dataclass

from annotation import exporting, measuring, relabelling
from annotation.models import Dispute
from specs import drafting, running, tokens
from tests import cast
from workforce import queues


@dataclass
class Furnished:
    """The stage, and what fills the open places of an address."""

    stage: cast.Stage
    ids: dict[str, object]


def furnish(key: str, *, versions: int) -> Furnished:
    stage = cast.stage(key, overlap=2, max_overlap=2)
    stage.load(3)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    lease = stage.claim(stage.ben)
    for clause in ("knowledge", "numbers")[: versions - 1]:
        version = cast.amend(stage, clause)
    spec = drafting.create_spec(project=stage.project, key=f"spec-{key}", title="Another", by=stage.ada)
    drafting.open_draft(spec=spec, by=stage.ada)
    drafting.add_clause(
        draft=drafting.open_draft(spec=stage.spec, by=stage.ada), key=f"c-{key}", title="New", by=stage.ada
    )
    queues.create_queue(
        project=stage.project, key=f"queue-{key}", name="Q", spec=stage.spec, owner=stage.ada, by=stage.ada
    )
    measuring.measure(spec=stage.spec, by=stage.ada)
    snapshot = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    token, _ = tokens.create(member=stage.ada, name="t", permissions=["spec.read"], by=stage.ada)
    ids: dict[str, object] = {
        "spec": stage.spec.key,
        "queue": f"queue-{key}",
        "number": version.number,
        "old": version.number,
        "new": version.number,
        "clause": f"c-{key}",
        "assignment": lease.assignment_id,
        "dispute": Dispute.objects.get(project=stage.project).pk,
        "plan": relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada).pk,
        "snapshot": snapshot.pk,
        "member": stage.member("chi").pk,
        "job": running.start(project=stage.project, kind="measure", arguments={}, by=stage.ada).pk,
        "token": token.pk,
        "pseudonym": stage.chi.pseudonym,
        "step": "suspend",
        "name": "manifest.json",
    }
    return Furnished(stage, ids)
