"""One ruling for disputes that look the same: the same questions between the same values, citing the same clauses.

open -> decided, each by a ruling and an event of its own: rule
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from annotation import adjudicating, choosing, shadowing
from annotation.models import Dispute, DisputeState, Ruling
from specs.models import Member, Project
from specs.refusals import Invalid, NotAllowed, Refusal
from workforce import leasing, staffing


@dataclass(frozen=True)
class Done:
    """What became of one of them: its ruling, or why there is none."""

    dispute: Dispute
    ruling: Ruling | None
    refusal: str = ""


def alike(*, dispute: Dispute, member: Member, project: Project, after: str = "") -> list[Dispute]:
    """Open disputes that look like this one, in the order of the list, without it; at most `MAX_ALIKE`."""
    if not dispute.likeness:
        return []
    found = choosing.open_of(
        member=member,
        project=project,
        asked=choosing.Asked(likeness=dispute.likeness, plain=True),
        limit=settings.MAX_ALIKE + 1,
        after=after,
    )
    return [one for one in found if one.pk != dispute.pk][: settings.MAX_ALIKE]


def n_alike(*, dispute: Dispute) -> int:
    """How many others look like it, counted up to `MAX_ALIKE`."""
    if not dispute.likeness:
        return 0
    rows = Dispute.objects.filter(
        project=dispute.project_id, likeness=dispute.likeness, state=DisputeState.OPEN, independent=False
    )
    return rows.exclude(pk=dispute.pk)[: settings.MAX_ALIKE].count()


def rule(*, ruling: Ruling, disputes: Sequence[int], member: Member) -> list[Done]:
    """Rule on each of these as was ruled, in turn, each in a transaction of its own; what others hold or decided stays theirs.

    Raises `NotAllowed` for another lead's ruling, `Invalid` for more than `MAX_ALIKE`, or a ruling that speaks of one item alone.
    """
    source = ruling.dispute
    if ruling.by_id != member.pk:
        raise NotAllowed(_("This is another lead's ruling."))
    if len(disputes) > settings.MAX_ALIKE:
        raise Invalid(_("At most %(most)d at once.") % {"most": settings.MAX_ALIKE})
    if ruling.split_into or not source.likeness or source.shown_state != DisputeState.DECIDED:
        raise Invalid(_("This ruling speaks of its own item alone."))
    rows = shadowing.visible_to(member, Dispute.objects.filter(project=source.project_id, pk__in=disputes))
    there = {
        one.pk: one
        for one in rows.filter(likeness=source.likeness, independent=False).select_related(
            "task__item", "task__queue", "work__queue"
        )
    }
    missing = [pk for pk in disputes if pk not in there]
    if missing:
        raise Invalid(_("Not all of these look like the one that was ruled on; look at the list again."))
    return [_one(there[pk], ruling, member) for pk in dict.fromkeys(disputes)]


def _one(dispute: Dispute, ruling: Ruling, member: Member) -> Done:
    annotator = staffing.annotator_for(member=member)
    served = None
    try:
        assert dispute.work is not None
        staffing.enrol(queue=dispute.work.queue, annotator=annotator, by=member)
        served = adjudicating.take(dispute=dispute, annotator=annotator, by=member)
        made = adjudicating.rule(
            dispute=dispute,
            annotator=annotator,
            assignment_id=served.assignment_id,
            token=served.token,
            values=ruling.values,
            plural={key: [one["value"] for one in kept] for key, kept in ruling.sides.items()},
            cannot=ruling.cannot,
            cause=ruling.cause,
            clause_key=ruling.clause.key if ruling.clause else "",
            reason=ruling.reason,
            along_with=ruling,
            by=member,
        )
        return Done(dispute, made)
    except Refusal as refusal:
        if served is not None:
            with contextlib.suppress(leasing.LeaseLost):
                leasing.release(
                    assignment_id=served.assignment_id, annotator=annotator, token=served.token, by=member
                )
        return Done(dispute, None, refusal.message)
