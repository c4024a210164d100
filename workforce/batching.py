"""Claims for programs that work by themselves: several tasks at once, or one from whichever queue comes first.

    open -> leased, several times: claim_many
    open -> leased: claim_one, claim_first

A batch is one transaction, and each lease as a claim by itself would have given it: the same chances of gold and of a random
task, the same caps. There are never more leases than the queue, or the token that asks, lets one hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from specs.refusals import Invalid, NotAllowed, Refusal
from specs.tokens import Bearer
from workforce import leasing, limiting
from workforce.models import Annotator, AnnotatorKind, BatchesFor, Enrolment, QueueState

SHORT = {
    "too-many-leases": gettext_lazy("You hold as many leases as this queue allows."),
    limiting.TokenFull.code: gettext_lazy("You hold as many leases as this token allows."),
    "nothing-left": gettext_lazy("There is nothing else for you in this queue now."),
    "exposure-cap": gettext_lazy(
        "What is left is upsetting content, and you have seen as much of it as one may for now."
    ),
    "refused": gettext_lazy("Something else has to come first; the next claim says what."),
}
"""Why a batch is smaller than was asked for."""


class NoBatches(NotAllowed):
    """The queue gives out one task at a time."""

    code = "no-batches"


@dataclass(frozen=True)
class Batch:
    """What was leased, in the order of the queue, and why it is not more: a key of `SHORT`, or nothing."""

    leases: list[leasing.Served]
    short: str = ""


def claim_many(*, queue_id: int, annotator: Annotator, n: int, bearer: Bearer) -> Batch:
    """Lease up to *n* tasks. Raises what a claim raises where not one is given, `NoBatches`, and `Invalid` for a wild number."""
    if not 1 <= n <= settings.MAX_CLAIMED_AT_ONCE:
        raise Invalid(
            _("One claim takes 1 to %(max_claimed_at_once)s tasks.")
            % {"max_claimed_at_once": settings.MAX_CLAIMED_AT_ONCE},
            problems=[
                {
                    "where": "n",
                    "message": _("lies between 1 and %(max_claimed_at_once)s")
                    % {"max_claimed_at_once": settings.MAX_CLAIMED_AT_ONCE},
                }
            ],
        )
    leases: list[leasing.Served] = []
    with limiting.within(bearer=bearer, annotator=annotator) as room, transaction.atomic():
        _require(queue_id, annotator)
        if room == 0:
            raise limiting.full(bearer)
        while len(leases) < n:
            if len(leases) == room:
                return Batch(leases, limiting.TokenFull.code)
            try:
                served = leasing.claim_one_more(queue_id=queue_id, annotator=annotator, by=bearer.member)
            except Refusal as refusal:
                if not leases:
                    raise
                return Batch(leases, refusal.code if refusal.code in SHORT else "refused")
            if served is None:
                return Batch(leases, "nothing-left")
            leases.append(served)
    return Batch(leases)


def claim_one(*, queue_id: int, annotator: Annotator, bearer: Bearer) -> leasing.Served | None:
    """As `leasing.claim`, for a program: no more than its token lets it hold. Raises `TokenFull` besides."""
    with limiting.within(bearer=bearer, annotator=annotator):
        return leasing.claim(queue_id=queue_id, annotator=annotator, by=bearer.member)


def claim_first(*, annotator: Annotator, bearer: Bearer) -> leasing.Served | None:
    """Lease the next task of her queues, those that come first (`Queue.priority`, a declared degradation) before the others.

    None when there is nothing in any. Where every queue refuses, the first one's refusal is raised.
    """
    enrolled = Enrolment.objects.filter(annotator=annotator, active=True, queue__state=QueueState.OPEN)
    order = enrolled.order_by("-queue__priority", "queue__name", "queue")
    refused: list[Refusal] = []
    queues = list(order.values_list("queue", flat=True))
    for queue_id in queues:
        try:
            served = claim_one(queue_id=queue_id, annotator=annotator, bearer=bearer)
        except Refusal as refusal:
            refused.append(refusal)
            continue
        if served is not None:
            return served
    if refused and len(refused) == len(queues):
        raise refused[0]
    return None


def _require(queue_id: int, annotator: Annotator) -> None:
    mine = Enrolment.objects.filter(queue=queue_id, annotator=annotator)
    allowed = mine.values_list("queue__batches_for", flat=True).first()
    if allowed is None:  # the claim says so in its own words
        return
    if allowed == BatchesFor.NOBODY or (
        allowed == BatchesFor.PROGRAMS and annotator.kind == AnnotatorKind.PERSON
    ):
        raise NoBatches(
            _("This queue gives out one task at a time.")
            if allowed == BatchesFor.NOBODY
            else _("This queue gives out one task at a time, except to programs.")
        )
