"""A lead's process: takes the next dispute and rules on it until none is left; at times one by name that others may have."""

from __future__ import annotations

import json
import random

from annotation import adjudicating, choosing
from annotation.models import Dispute
from specs.models import Member, Project
from specs.refusals import Refusal
from workforce import leasing, staffing
from workforce.models import Annotator


def work(project_id: int, lead_id: int, seed: int) -> None:
    chance = random.Random(seed)
    project, member = Project.objects.get(pk=project_id), Member.objects.get(pk=lead_id)
    annotator = staffing.annotator_for(member=member)
    while True:
        try:
            if not _one(project, member, annotator, chance):
                return
        except Refusal as refusal:
            _tell(str(refusal.status))


def _one(project: Project, member: Member, annotator: Annotator, chance: random.Random) -> bool:
    """Whether there was something to do."""
    if chance.random() < 0.2:
        first = Dispute.objects.filter(project=project, state="open").order_by("pk").first()
        if first is None:
            return False
        return _rule(
            first, member, annotator, adjudicating.take(dispute=first, annotator=annotator, by=member)
        )
    found = choosing.take_next(member=member, project=project, asked=choosing.Asked())
    if found is not None:
        return _rule(found[0], member, annotator, found[1])
    return Dispute.objects.filter(project=project, state="open").exists()


def _rule(dispute: Dispute, member: Member, annotator: Annotator, served: leasing.Served) -> bool:
    adjudicating.rule(
        dispute=dispute,
        annotator=annotator,
        assignment_id=served.assignment_id,
        token=served.token,
        values={"entailed": "yes"},
        cause="annotator-erred",
        by=member,
    )
    _tell("ruled")
    return True


def _tell(outcome: str) -> None:
    print(json.dumps({"outcome": outcome}), flush=True)
