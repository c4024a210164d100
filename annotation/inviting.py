"""Whoever is asked to an alignment session is told: by mail when it is convened, and in her inbox while it waits for her.

A session waits for who has cases without a vote of hers, and, once the votes are revealed, for all of its people until it ends.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from annotation.models import (
    OPEN_SESSIONS,
    AlignmentSeat,
    AlignmentSession,
    AlignmentVote,
    ClauseIssueCase,
    SessionState,
)
from specs import delivering, preferring
from specs.models import Member


def tell(*, session: AlignmentSession, members: Iterable[Member], by: Member, event_id: int) -> None:
    """Mail everybody who is asked, but for who asks. Call it inside the transaction of the change."""
    if not settings.SESSIONS_BY_MAIL:
        return
    clause = session.issue.clause
    for member in members:
        if member.pk == by.pk:
            continue
        with preferring.speaking_to(member):
            delivering.mail(
                member=member,
                topic="alignment.convened",
                event_id=event_id,
                subject=_("%(project)s: you are asked to a session on the clause %(clause)s")
                % {"project": session.project.name, "clause": clause.key},
                text=_("Its cases wait for your votes at /p/%(key)s/specs/%(spec)s/alignment/%(session)d/")
                % {"key": session.project.key, "spec": clause.spec.key, "session": session.pk},
            )


def waiting(members: Iterable[Member]) -> QuerySet[AlignmentSeat]:
    """The seats of these members in open sessions that wait for them, with `n_left`: the cases without a vote of hers."""
    cases = ClauseIssueCase.objects.filter(issue=OuterRef("session__issue")).order_by().values("issue")
    votes = AlignmentVote.objects.filter(session=OuterRef("session"), member=OuterRef("member"))
    seats = AlignmentSeat.objects.filter(member__in=list(members), session__state__in=OPEN_SESSIONS)
    seats = seats.annotate(
        n_left=Coalesce(Subquery(cases.annotate(n=Count("pk")).values("n")), 0)
        - Coalesce(Subquery(votes.order_by().values("session").annotate(n=Count("pk")).values("n")), 0)
    )
    left = seats.filter(Q(n_left__gt=0) | ~Q(session__state=SessionState.VOTING))
    return left.select_related("session__issue__clause__spec").order_by(F("session").asc())
