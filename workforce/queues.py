"""Queues: making them, changing their settings, moving the version in force.

(nothing) -> open: create_queue
open <-> paused: pause, reopen
open -> open: change_settings, put_in_force
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from specs import clauses as clause_shape
from specs import ledger
from specs.models import Member, Project, Spec, SpecVersion, VersionState
from specs.refusals import Invalid, WrongState
from workforce import (
    availability,
    categories,
    dispute_settings,
    gold_settings,
    leasing,
    order_rules,
    overlap_rules,
    prediction_settings,
    reordering,
    restarting,
    service_levels,
)
from workforce.models import (
    WITHOUT_DISPUTES,
    Canary,
    CanaryState,
    Entry,
    InProgress,
    Purpose,
    Queue,
    QueueState,
    Task,
    TaskState,
)

ENTRY = (
    "entry",
    "qualification",
    "quiz_items",
    "quiz_pass_share",
    "quiz_attempts",
    "quiz_failure",
    "quiz_wait",
)
"""What stands before the first claim under a version."""
EXCEPTIONS = (
    "skips_per_hour",
    "skip_share",
    "max_returns",
    "hold_for",
    "max_holds",
    "undo_for",
    "n_correctable",
    "cannot_categories",
)
"""What can happen to a task besides an answer."""
SERVICE_LEVEL = ("oldest_within", "settled_within", "settled_share", "disputes_within", "disputes_share")
"""What the queue's owner answers for."""
REQUIREMENT = ("required_skill", "required_level", "required_clause", "required_languages")
"""What an annotator needs before she can claim."""
OVERLAP = (
    "overlap_policy",
    "double_share",
    "accuracy_target",
    "stop_target",
    "fair_share",
    "audit_share",
    "error_cost",
)
"""How many answers a task wants: see `overlapping`."""
SETTINGS = (
    "name",
    "overlap",
    *OVERLAP,
    "max_overlap",
    "rule",
    "consensus_share",
    *order_rules.NAMES,
    "lease_for",
    "max_renewals",
    "max_leases",
    "batches_for",
    "citing",
    "cite_share",
    "asks_confidence",
    *ENTRY,
    *EXCEPTIONS,
    *gold_settings.NAMES,
    *prediction_settings.NAMES,
    *dispute_settings.NAMES,
    *SERVICE_LEVEL,
    *REQUIREMENT,
)
DISPUTES_PER_LEAD = 10


def create_queue(
    *,
    project: Project,
    key: str,
    name: str,
    spec: Spec,
    owner: Member,
    version: SpecVersion | None = None,
    purpose: str = Purpose.LABELLING,
    adjudication_queue: Queue | None = None,
    by: Member | None,
    **settings: Any,
) -> Queue:
    """A queue open under the newest published version, unless another one is named.

    A queue whose answers can differ gets the spec's adjudication queue, which is made with the first of them.
    """
    version = (
        version or SpecVersion.objects.filter(spec=spec, state=VersionState.PUBLISHED).newest_first().first()
    )
    if version is None:
        raise Invalid(_("A queue needs a published version of its spec."))
    if clause_shape.key_problem(key) or "." in key:
        raise Invalid(_("A queue's key has lower-case letters, digits and hyphens."))
    if Queue.objects.filter(project=project, key=key).exists():
        raise Invalid(_("There is a queue %(key)s already.") % {"key": key})
    with transaction.atomic():
        if purpose not in WITHOUT_DISPUTES and adjudication_queue is None:
            adjudication_queue = adjudication_queue_of(spec=spec, owner=owner, version=version, by=by)
        queue = Queue(
            project=project,
            key=key,
            name=name.strip() or key,
            spec=spec,
            version=version,
            owner=owner,
            purpose=purpose,
            adjudication_queue=adjudication_queue,
            **_checked(settings),
        )
        _validate(queue)
        queue.save()
        ledger.record(
            project_id=project.pk,
            kind="queue.created",
            by=by,
            subject=("queue", queue.pk),
            data={
                "key": key,
                "purpose": purpose,
                "version": version.pk,
                "settings": {named: _plain(getattr(queue, named)) for named in settings},
            },
        )
    return queue


def adjudication_queue_of(*, spec: Spec, owner: Member, version: SpecVersion, by: Member | None) -> Queue:
    """The queue that takes the spec's disputes; made at first need."""
    found = Queue.objects.filter(spec=spec, purpose=Purpose.ADJUDICATION).first()
    if found is not None:
        return found
    return create_queue(
        project=spec.project,
        key=f"{spec.key[:50]}-disputes",
        name=f"{spec.title}: disputes",
        spec=spec,
        owner=owner,
        version=version,
        purpose=Purpose.ADJUDICATION,
        by=by,
        overlap=1,
        max_overlap=1,
        max_leases=DISPUTES_PER_LEAD,
        citing="never",
        entry=Entry.NONE,
    )


def change_settings(*, queue: Queue, by: Member, **settings: Any) -> Queue:
    """Change named settings; every one is recorded with its value before and after. Nothing answered is touched.

    A higher or lower overlap holds for tasks made from now on; tasks under way keep theirs until somebody asks
    for `overlapping.change`. Another order holds for everything that is open.
    """
    with transaction.atomic():
        locked = Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        changed = {}
        for name, value in _checked(settings).items():
            before = getattr(locked, name)
            if before != value:
                changed[name] = [_plain(before), _plain(value)]
                setattr(locked, name, value)
        if changed:
            _validate(locked)
            locked.save(update_fields=list(changed))
            ledger.record(
                project_id=locked.project_id,
                kind="queue.settings-changed",
                by=by,
                subject=("queue", locked.pk),
                data={name: change for name, change in changed.items() if name != "name"},
            )
            if order_rules.MOVING & set(changed):
                reordering.reorder(queue=locked, by=by)
    return locked


def proposed(*, queue: Queue, **settings: Any) -> Queue:
    """The queue as it would be with these settings, not saved. Raises `Invalid` as `change_settings` does."""
    draft = Queue.objects.select_related("spec", "version").get(pk=queue.pk)
    for name, value in _checked(settings).items():
        setattr(draft, name, value)
    _validate(draft)
    return draft


def pause(*, queue: Queue, by: Member | None) -> Queue:
    """No more claims; leases under way can still be submitted."""
    return _move(queue, QueueState.OPEN, QueueState.PAUSED, by)


def reopen(*, queue: Queue, by: Member | None) -> Queue:
    return _move(queue, QueueState.PAUSED, QueueState.OPEN, by)


def _move(queue: Queue, old: QueueState, new: QueueState, by: Member | None) -> Queue:
    with transaction.atomic():
        locked = Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        if locked.state != old:
            raise WrongState(
                _("The queue is %(state)s, not %(old_label)s.")
                % {"state": locked.get_state_display().lower(), "old_label": old.label.lower()}
            )
        locked.state = new
        locked.save(update_fields=["state"])
        ledger.record(
            project_id=locked.project_id,
            kind=f"queue.{new.value}",
            by=by,
            subject=("queue", locked.pk),
            data={},
        )
    return locked


def put_in_force(
    *,
    queue: Queue,
    version: SpecVersion,
    in_progress: str = InProgress.FINISH,
    by: Member | None,
) -> Queue:
    """Move the pointer to a published version, newer or older (a rollback).

    When the meaning changes, tasks that nobody has touched start again under it. What is under way ends as *in_progress*
    says: `finish` under the version it was served with; `restart`: leases return and, when the meaning changes, unfinished
    tasks start again, their answers so far kept on record and not counted; `ask`: as `finish`, but each annotator is asked
    at submission. Raises `WrongState` while a canary runs.
    """
    if version.spec_id != queue.spec_id or version.state != VersionState.PUBLISHED:
        raise Invalid(_("Only a published version of the queue's own spec can be in force."))
    if in_progress not in InProgress.values:
        raise Invalid(
            _("Work in progress can %(values)s, not %(in_progress)r.")
            % {"values": ", ".join(InProgress.values), "in_progress": in_progress[:20]}
        )
    with transaction.atomic():
        locked = Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        if Canary.objects.filter(queue=locked, state=CanaryState.RUNNING).exists():
            raise WrongState(_("A canary runs in this queue; adopt it or take it back first."))
        before, locked.version, locked.in_progress = locked.version_id, version, in_progress
        locked.cursor_epoch = F("cursor_epoch") + 1
        locked.save(update_fields=["version", "in_progress", "cursor_epoch"])
        n_returned = 0
        if in_progress == InProgress.RESTART:
            n_returned = leasing.return_other_versions(queue_id=locked.pk, version_id=version.pk, by=by)
        n_again = restarting.under_meaning(
            queue_id=locked.pk,
            meaning=version.meaning or 0,
            begun=in_progress == InProgress.RESTART,
        )
        ledger.record(
            project_id=locked.project_id,
            kind="queue.version-in-force",
            by=by,
            subject=("queue", locked.pk),
            data={
                "before": before,
                "after": version.pk,
                "in_progress": in_progress,
                "returned": n_returned,
                "again": n_again,
            },
        )
    locked.refresh_from_db()
    return locked


def counts(*, project: Project) -> dict[int, dict[str, int]]:
    """For every queue of the project: tasks by state, slots open and out. Two queries, whatever the number of queues."""
    found: dict[int, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queue_id, state, count(*) FROM workforce_task WHERE purpose = 'work' AND queue_id IN "
            "(SELECT id FROM workforce_queue WHERE project_id = %s) GROUP BY 1, 2",
            [project.pk],
        )
        for queue_id, state, n in cursor.fetchall():
            found.setdefault(queue_id, {})[state] = n
        cursor.execute(
            "SELECT queue_id, state, count(*) FROM workforce_assignment "
            "WHERE state IN ('open', 'leased', 'held', 'reserved') AND queue_id IN "
            "(SELECT id FROM workforce_queue WHERE project_id = %s) GROUP BY 1, 2",
            [project.pk],
        )
        for queue_id, state, n in cursor.fetchall():
            found.setdefault(queue_id, {})[f"slots_{state}"] = n
    return found


def oldest(*, queue: Queue) -> Task | None:
    """The oldest task that is not settled."""
    return (
        Task.objects.filter(queue=queue, state__in=[TaskState.OPEN, TaskState.DISPUTED])
        .order_by("rank")
        .first()
    )


def _checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise Invalid(_("A queue has no setting %(unknown)s.") % {"unknown": ", ".join(sorted(unknown))})
    return dict(settings)


def _validate(queue: Queue) -> None:
    """Say in words what the constraints would refuse, so that a person can mend it."""
    found: list[dict[str, str]] = []
    try:
        queue.clean_fields(
            exclude=[
                "project",
                "spec",
                "version",
                "owner",
                "adjudication_queue",
                "required_skill",
                "required_clause",
                "required_languages",
            ]
        )
    except ValidationError as error:
        found += [
            {"where": name, "message": " ".join(messages)} for name, messages in error.message_dict.items()
        ]
    found += gold_settings.problems(queue)
    found += prediction_settings.problems(queue)
    found += dispute_settings.problems(queue)
    found += overlap_rules.problems(queue)
    found += order_rules.problems(queue)
    if not Decimal("0.5") < Decimal(queue.consensus_share) <= 1:
        found.append({"where": "consensus_share", "message": _("lies above 0.5 and at most at 1")})
    if not timedelta(seconds=5) <= queue.lease_for <= timedelta(days=30):
        found.append({"where": "lease_for", "message": _("lies between 5 seconds and 30 days")})
    found += categories.problems(queue)
    found += service_levels.problems(queue)
    found += _requirement_problems(queue)
    if found:
        raise Invalid(_("These settings do not make sense together."), problems=found)


def _requirement_problems(queue: Queue) -> list[dict[str, str]]:
    clause = queue.required_clause
    if clause is not None and queue.required_skill is None:
        return [{"where": "required_clause", "message": _("goes with a skill that is asked for")}]
    if clause is not None and clause.spec_id != queue.spec_id:
        return [{"where": "required_clause", "message": _("is not a clause of this queue's spec")}]
    try:
        queue.required_languages = availability.language_tags(queue.required_languages)
    except Invalid as refusal:
        return [{**problem, "where": "required_languages"} for problem in refusal.problems]
    return []


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    return str(value) if isinstance(value, Decimal | timedelta) else value
