"""Alerts: raised once while something is wrong, taken on by somebody, closed when it is over.

    (nothing) -> open: raise_alert
    open -> acknowledged: acknowledge
    open, acknowledged -> open, acknowledged under another owner: hand_over
    open, acknowledged -> closed: close

Each step is a row of the alert's log and an event. The owner (the queue's, else an owner of the project) is told by mail, and
webhooks are told, from the outbox, after the commit.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import delivering, ledger, preferring
from specs.access import permissions_of
from specs.models import Member, MemberState, Project, Role
from specs.refusals import Invalid, WrongState
from workforce.models import Alert, AlertKind, AlertState, AlertStep, Queue

TITLES = dict(AlertKind.choices)


def raise_alert(
    *,
    project: Project,
    kind: str,
    queue: Queue | None = None,
    subject: str = "",
    urgent: bool = False,
    facts: dict[str, Any],
) -> Alert | None:
    """Say that something is wrong. While the same is open already, nothing happens and None is returned."""
    here = Alert.objects.filter(project=project, kind=kind, queue=queue, subject=subject)
    if here.exclude(state=AlertState.CLOSED).exists():
        return None
    owner = _responsible(project, queue)
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                project=project,
                kind=kind,
                queue=queue,
                subject=subject,
                urgent=urgent,
                facts=facts,
                owner=owner,
            )
            event = _step(alert, "raised", by=None, to=owner)
            delivering.tell(
                project_id=project.pk,
                topic="alert.raised",
                event_id=event,
                body={**as_dict(alert), "facts": facts},
            )
            if kind == AlertKind.LEVEL_MISSED:
                delivering.tell(
                    project_id=project.pk, topic="service-level.missed", event_id=event, body=as_dict(alert)
                )
            if owner is not None and settings.ALERTS_BY_MAIL:
                with preferring.speaking_to(owner):
                    delivering.mail(
                        member=owner,
                        topic="alert.raised",
                        event_id=event,
                        subject=_("%(project)s: %(title)s")
                        % {"project": project.name, "title": title(alert)},
                        text=_("%(title)s.\n\nIt waits for you at /p/%(key)s/alerts/")
                        % {"title": title(alert), "key": project.key},
                    )
    except IntegrityError:  # two watchers saw it at once
        return None
    return alert


def acknowledge(*, alert: Alert, note: str = "", by: Member) -> Alert:
    """Take an alert on: whoever does so owns it from then on. Raises `WrongState` unless it is open."""
    with transaction.atomic():
        locked = Alert.objects.select_for_update(no_key=True).get(pk=alert.pk)
        if locked.state != AlertState.OPEN:
            raise WrongState(_("Somebody took this alert on already, or it is over."))
        Alert.objects.filter(pk=locked.pk).update(
            state=AlertState.ACKNOWLEDGED, acknowledged_at=Now(), owner=by
        )
        locked.refresh_from_db()
        event = _step(locked, "acknowledged", by=by, note=note)
        delivering.tell(
            project_id=locked.project_id, topic="alert.acknowledged", event_id=event, body=as_dict(locked)
        )
    return locked


def hand_over(*, alert: Alert, to: Member, note: str = "", by: Member) -> Alert:
    """Make somebody else the owner of an alert; she is told by mail."""
    if (
        to.project_id != alert.project_id
        or to.state != MemberState.ACTIVE
        or "queue.read" not in permissions_of(to)
    ):
        raise Invalid(_("Only an active member who can see queues can own an alert."))
    with transaction.atomic():
        locked = Alert.objects.select_for_update(no_key=True).get(pk=alert.pk)
        if locked.state == AlertState.CLOSED:
            raise WrongState(_("This alert is over."))
        Alert.objects.filter(pk=locked.pk).update(owner=to)
        locked.refresh_from_db()
        event = _step(locked, "handed-over", by=by, to=to, note=note)
        if settings.ALERTS_BY_MAIL:
            with preferring.speaking_to(to):
                delivering.mail(
                    member=to,
                    topic="alert.handed-over",
                    event_id=event,
                    subject=title(locked),
                    text=_("%(title)s. It was handed over to you.") % {"title": title(locked)},
                )
    return locked


def close(*, alert: Alert, note: str = "", by: Member | None) -> Alert | None:
    """An alert is over; by the house itself when what was wrong is no more. None when it was over already."""
    with transaction.atomic():
        locked = Alert.objects.select_for_update(no_key=True).get(pk=alert.pk)
        if locked.state == AlertState.CLOSED:
            return None
        Alert.objects.filter(pk=locked.pk).update(state=AlertState.CLOSED, closed_at=Now())
        locked.refresh_from_db()
        event = _step(locked, "closed", by=by, note=note)
        delivering.tell(
            project_id=locked.project_id, topic="alert.closed", event_id=event, body=as_dict(locked)
        )
    return locked


def title(alert: Alert) -> str:
    """What is wrong, and where."""
    what = str(TITLES[alert.kind])
    return f"{what}: {alert.queue.name}" if alert.queue else what


def as_dict(alert: Alert) -> dict[str, Any]:
    """An alert without names of people."""
    return {
        "alert": alert.pk,
        "kind": alert.kind,
        "queue": alert.queue.key if alert.queue else None,
        "urgent": alert.urgent,
        "state": alert.state,
    }


def awaiting(member: Member) -> int:
    """How many alerts wait for a member."""
    return Alert.objects.filter(owner=member).exclude(state=AlertState.CLOSED).count()


def _responsible(project: Project, queue: Queue | None) -> Member | None:
    if queue is not None and queue.owner is not None and queue.owner.state == MemberState.ACTIVE:
        return queue.owner
    return (
        Member.objects.filter(project=project, state=MemberState.ACTIVE, roles__overlap=[Role.OWNER])
        .order_by("pk")
        .first()
    )


def _step(alert: Alert, step: str, *, by: Member | None, to: Member | None = None, note: str = "") -> int:
    event = ledger.record(
        project_id=alert.project_id,
        kind=f"alert.{step}",
        by=by,
        subject=("alert", alert.pk),
        data={"kind": alert.kind, "queue": alert.queue_id},
    )
    AlertStep.objects.create(
        project_id=alert.project_id,
        alert=alert,
        step=step,
        by=by,
        to=to,
        note=note.strip()[: settings.MAX_NOTE_CHARACTERS],
        event_id=event,
    )
    return event
