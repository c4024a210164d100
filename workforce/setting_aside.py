"""Known answers that are used no more, whatever the cause.

in use, candidate -> set aside: end
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models.functions import Now

from specs import ledger
from specs.models import Member
from workforce.models import GoldState, KnownAnswer, SetAside


def end(
    *,
    spec_id: int,
    project_id: int,
    ids: Sequence[int],
    why: SetAside,
    reason: str = "",
    until_meaning: int | None = None,
    by: Member | None,
) -> int:
    """Set answers aside for one cause, with one event. Call it inside the transaction that gives the cause."""
    n = KnownAnswer.objects.filter(pk__in=list(ids), set_aside_at=None).update(
        state=GoldState.SET_ASIDE,
        set_aside_for=why,
        reason=reason.strip(),
        set_aside_at=Now(),
        until_meaning=until_meaning,
    )
    if n:
        ledger.record(
            project_id=project_id,
            kind="gold.set-aside",
            by=by,
            subject=("spec", spec_id),
            data={"why": why.value, "answers": n, "ids": list(ids)[:1000]},
        )
    return n
