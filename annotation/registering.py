"""Training runs, told by the pipelines that used a snapshot: what was trained on what, so that both lead to each other.

(nothing) -> registered: register
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from annotation import holding_out
from annotation.models import Snapshot, SnapshotState, TrainingRun
from specs import ledger
from specs.models import Member, Project
from specs.refusals import Invalid, WrongState


def register(
    *,
    snapshot: Snapshot,
    name: str,
    commit: str = "",
    trained_on: Sequence[str] = (),
    metrics: Mapping[str, float] | None = None,
    by: Member | None,
) -> TrainingRun:
    """Write a run down. The same run again is the one that is there.

    Raises `WrongState` for a snapshot that is not frozen, or another run of that name; `Invalid` for one that learnt from what
    is there to test it with.
    """
    name, metrics = name.strip(), dict(metrics or {})
    if snapshot.state != SnapshotState.FROZEN:
        raise WrongState(_("Only a frozen snapshot can have been trained on."))
    if not name or len(name) > 200:
        raise Invalid(_("A run needs a name of at most 200 characters."))
    if len(metrics) > settings.MAX_RUN_METRICS or any(not math.isfinite(value) for value in metrics.values()):
        raise Invalid(
            _("A run has at most %(n)s metrics, each a finite number.") % {"n": settings.MAX_RUN_METRICS}
        )
    there = holding_out.SPLITS if snapshot.request.get("split") else ()
    if set(trained_on) - set(there):
        raise Invalid(
            _("This snapshot is split into: %(there)s.") % {"there": ", ".join(there) or _("nothing")}
        )
    if "test" in trained_on:
        raise Invalid(_("A run that learnt from the test split has nothing left to be tested on."))
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=snapshot.project_id)
        known = TrainingRun.objects.filter(project=snapshot.project_id, name=name).first()
        asked = (snapshot.pk, commit.strip()[:64], sorted(set(trained_on)), metrics)
        if known is not None:
            if (known.snapshot_id, known.commit, known.trained_on, known.metrics) == asked:
                return known
            raise WrongState(_("Another run has the name “%(name)s” already.") % {"name": name})
        event = ledger.record(
            project_id=snapshot.project_id,
            kind="training-run.registered",
            by=by,
            subject=("snapshot", snapshot.pk),
            data={"digest": snapshot.digest, "metrics": len(metrics)},
        )
        return TrainingRun.objects.create(
            project_id=snapshot.project_id,
            snapshot=snapshot,
            name=name,
            commit=asked[1],
            trained_on=asked[2],
            metrics=metrics,
            registered_by=by,
            event_id=event,
        )
