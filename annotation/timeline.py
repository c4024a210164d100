"""What changed upstream of a project's labels, newest first, as its ledger has it. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from annotation.models import Snapshot
from specs.models import Event, LedgerEntry, Project, SpecVersion
from workforce.models import Queue

KINDS: Mapping[str, tuple[str, str | Promise]] = {
    "version.published": ("version", gettext_lazy("A version was published")),
    "version.retired": ("version", gettext_lazy("A version was retired")),
    "queue.version-in-force": ("version", gettext_lazy("Another version is in force in a queue")),
    "equivalence.declared": ("version", gettext_lazy("Two meanings were declared the same")),
    "equivalence.withdrawn": ("version", gettext_lazy("Two meanings are measured apart again")),
    "relabelling.confirmed": ("version", gettext_lazy("Labels are asked again, the rest was carried")),
    "queue.created": ("rule", gettext_lazy("A queue was made")),
    "queue.settings-changed": ("rule", gettext_lazy("The rules of a queue changed")),
    "split.fixed": ("rule", gettext_lazy("The split was fixed")),
    "cohort.created": ("cohort", gettext_lazy("A cohort was made")),
    "annotator.enrolled": ("cohort", gettext_lazy("Somebody joined a queue")),
    "labels.imported": ("cohort", gettext_lazy("Labels made elsewhere came in")),
    "items.loaded": ("cohort", gettext_lazy("Items came in")),
    "queue.degraded": ("degradation", gettext_lazy("A measure is in use on a queue")),
    "queue.restored": ("degradation", gettext_lazy("A measure has ended on a queue")),
    "clause-issue.opened": ("clause", gettext_lazy("A clause is called ambiguous")),
    "clause-issue.closed": ("clause", gettext_lazy("An issue of a clause was closed")),
    "snapshot.frozen": ("snapshot", gettext_lazy("A snapshot was frozen")),
    "training-run.registered": ("snapshot", gettext_lazy("A training run was registered")),
}
"""Kinds of events, each with the group that a reader may choose. The index `event_upstream` is over these kinds."""
GROUPS: Mapping[str, str | Promise] = {
    "version": gettext_lazy("Versions"),
    "rule": gettext_lazy("Rules"),
    "cohort": gettext_lazy("People and items"),
    "degradation": gettext_lazy("Measures"),
    "clause": gettext_lazy("Clauses"),
    "snapshot": gettext_lazy("Snapshots and runs"),
}


@dataclass(frozen=True)
class Entry:
    """One event in words; `position` is None while it is not sealed, `about` names the version, queue or snapshot."""

    id: int
    at: datetime
    position: int | None
    kind: str
    group: str
    title: str | Promise
    about: str
    data: dict[str, Any]


def events(project: Project, group: str = "") -> QuerySet[Event]:
    kinds = [kind for kind, (mine, _title) in KINDS.items() if not group or mine == group]
    return Event.objects.filter(project=project, kind__in=kinds)


def told(project: Project, shown: Sequence[Event]) -> list[Entry]:
    """The events in words, in four queries."""
    positions = dict(
        LedgerEntry.objects.filter(event_id__in=[one.pk for one in shown]).values_list("event_id", "position")
    )
    names = {
        "version": {
            one.pk: f"{one.spec.title} {one.number}"
            for one in SpecVersion.objects.filter(pk__in=_ids(shown, "version")).select_related("spec")
        },
        "queue": dict(Queue.objects.filter(pk__in=_ids(shown, "queue")).values_list("pk", "name")),
        "snapshot": dict(Snapshot.objects.filter(pk__in=_ids(shown, "snapshot")).values_list("pk", "name")),
    }
    return [
        Entry(
            one.pk,
            one.recorded_at,
            positions.get(one.pk),
            one.kind,
            KINDS[one.kind][0],
            KINDS[one.kind][1],
            names.get(one.subject, {}).get(one.subject_id, ""),
            one.data,
        )
        for one in shown
    ]


def _ids(shown: Sequence[Event], subject: str) -> list[int]:
    return [one.subject_id for one in shown if one.subject == subject]
