"""Telling the outside: subscribers, and deliveries that are tried until they arrive.

    (nothing) -> subscriber -> ended: subscribe, unsubscribe
    (nothing) -> waiting: tell, mail
    waiting -> delivered, given up: send_due
    delivered, given up -> waiting: send_again, replay
    subscriber -> ended: send_due, when message after message was given up

A delivery is a row written in the transaction of the change it tells of, so none is lost and none tells of what did not happen.
Each is sent at least once; a receiver knows a repeated one by its event. What one receiver is told about one thing (an item and
all that happens to its tasks, an alert) is a line, sent in the order of its events: nothing of it goes out before what came
earlier has arrived or was given up. Lines do not wait for each other. A webhook's body is signed by Standard Webhooks
(`webhook-id`, `webhook-timestamp`, `webhook-signature`), and once more by `Concordat-Signature`: `t=<seconds>,v1=<hex>`,
HMAC-SHA256 with the secret over `<seconds>.<body>`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from kombu.exceptions import OperationalError

from specs import ledger, outbound
from specs.models import Delivery, DeliveryState, Event, Member, Project, Subscriber
from specs.refusals import Invalid, WrongState

log = logging.getLogger(__name__)
SEND = "specs.send_deliveries"
PING = "ping"
TOPICS: dict[str, str | Promise] = {
    PING: gettext_lazy("A message to try the address"),
    "alert.raised": gettext_lazy("An alert was raised"),
    "alert.acknowledged": gettext_lazy("Somebody took an alert on"),
    "alert.closed": gettext_lazy("An alert is over"),
    "version.published": gettext_lazy("A version was published, and whether it breaks what labels mean"),
}
"""What can be subscribed to. Another app adds its own with `topic`."""
_PART_OF: dict[str, tuple[str, str]] = {}
"""Subjects of events that are part of something larger: its name, and the model that leads there."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=6)
_HELD = timedelta(minutes=2)
"""How long a delivery is out of others' reach while one worker tries it."""
_HOPELESS = ("no-address", "ended")
"""What no further try would mend."""


def topic(name: str, title: str | Promise) -> None:
    """Let something be subscribed to."""
    TOPICS[name] = title


def part_of(subject: str, whole: str, *, model: str) -> None:
    """Put what is told about a subject in the line of the whole: the `<whole>_id` of the row of *model* that the event names."""
    _PART_OF[subject] = whole, model


def subscribe(
    *, project: Project, name: str, url: str, topics: Iterable[str], by: Member
) -> tuple[Subscriber, str]:
    """An address that is told of these topics, and its secret, which is shown this once.

    Raises `NotSent` (off, or an address that cannot be used) and `Invalid`.
    """
    wanted = sorted(set(topics) - {PING})
    if not name.strip() or not wanted or not set(wanted) <= set(TOPICS):
        raise Invalid(
            _("A webhook needs a name and one or more of: %(topics)s.")
            % {"topics": ", ".join(sorted(set(TOPICS) - {PING}))}
        )
    if Subscriber.objects.filter(project=project, ended_at__isnull=True).count() >= settings.MAX_SUBSCRIBERS:
        raise Invalid(
            _("A project has at most %(max_subscribers)s webhooks.")
            % {"max_subscribers": settings.MAX_SUBSCRIBERS}
        )
    outbound.parse(url)
    with transaction.atomic():
        made = Subscriber.objects.create(
            project=project,
            name=name.strip()[:100],
            url=url,
            topics=wanted,
            nonce=secrets.token_hex(32),
            made_by=by,
        )
        event = ledger.record(
            project_id=project.pk,
            kind="webhook.made",
            by=by,
            subject=("subscriber", made.pk),
            data={"topics": wanted},
        )
        _write(project.pk, PING, event, {"webhook": made.name}, subscribers=[made.pk])
    return made, secret_of(made)


def unsubscribe(*, subscriber: Subscriber, by: Member) -> None:
    """Tell it nothing more; what waits for it is given up. Harmless to repeat."""
    with transaction.atomic():
        locked = Subscriber.objects.select_for_update(no_key=True).get(pk=subscriber.pk)
        if locked.ended_at is None:
            _end(locked, by=by)


def _end(subscriber: Subscriber, *, by: Member | None) -> int:
    Subscriber.objects.filter(pk=subscriber.pk).update(ended_at=Now())
    n_given_up = Delivery.objects.filter(subscriber=subscriber, state=DeliveryState.WAITING).update(
        state=DeliveryState.GIVEN_UP, sending=False, last_error="ended"
    )
    return ledger.record(
        project_id=subscriber.project_id,
        kind="webhook.ended",
        by=by,
        subject=("subscriber", subscriber.pk),
        data={"given_up": n_given_up, "failed": by is None},
    )


def secret_of(subscriber: Subscriber) -> str:
    """The secret that signs what this subscriber is sent; it can be derived again, but is shown only once."""
    derived = hmac.new(
        settings.SECRET_KEY.encode(), f"specs.webhook.{subscriber.nonce}".encode(), hashlib.sha256
    )
    return f"whsec_{derived.hexdigest()}"


def signature(secret: str, body: bytes, *, at: int) -> str:
    """The header that a receiver checks: recompute it over `<t>.<body>`, compare in constant time, refuse an old `t`."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def standard_signature(secret: str, body: bytes, *, ident: str, at: int) -> str:
    """The header `webhook-signature`. Source: Standard Webhooks, symmetric signatures: `v1,` and Base64 of HMAC-SHA256."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{ident}.{at}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def tell(*, project_id: int, topic: str, event_id: int, body: Mapping[str, Any]) -> int:
    """Write a delivery for each subscriber of the topic; returns how many. Call it inside the transaction of the change.

    `body` holds keys, counts and pseudonyms: no personal and no free text.
    """
    wanted = Subscriber.objects.filter(project_id=project_id, ended_at__isnull=True, topics__contains=[topic])
    return _write(project_id, topic, event_id, body, subscribers=list(wanted.values_list("pk", flat=True)))


def mail(*, member: Member, topic: str, event_id: int, subject: str, text: str) -> None:
    """Write a mail to a member, to be sent after the commit. Call it inside the transaction of the change."""
    _write(member.project_id, topic, event_id, {"subject": subject[:200], "text": text}, members=[member.pk])


def _write(
    project_id: int,
    topic: str,
    event_id: int,
    body: Mapping[str, Any],
    *,
    subscribers: Iterable[int] = (),
    members: Iterable[int] = (),
) -> int:
    receivers = [*({"subscriber_id": pk} for pk in subscribers), *({"member_id": pk} for pk in members)]
    if receivers:
        about, about_id = _line_of(event_id)
        rows = [
            Delivery(
                project_id=project_id,
                topic=topic,
                event_id=event_id,
                about=about,
                about_id=about_id,
                body=dict(body),
                **receiver,
            )
            for receiver in receivers
        ]
        Delivery.objects.bulk_create(rows, ignore_conflicts=True)
        transaction.on_commit(_wake)
    return len(receivers)


def _line_of(event_id: int) -> tuple[str, int]:
    """What an event is about: its subject, or the whole that this is a part of; the event itself where nothing is known of it."""
    found = Event.objects.filter(pk=event_id).values_list("subject", "subject_id").first()
    about, about_id = found or ("event", event_id)
    while about in _PART_OF:
        whole, model = _PART_OF[about]
        rows = apps.get_model(model)._default_manager.filter(pk=about_id)
        about, about_id = whole, rows.values_list(f"{whole}_id", flat=True).get()
    return about, about_id


def _wake() -> None:
    """Tell a worker. Without a broker the rows wait; the beat sends them when it is back."""
    try:
        current_app.send_task(SEND, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("deliveries wait: the broker does not answer (%s)", type(error).__name__)


def send_due(*, limit: int = 200) -> int:
    """Try what is due, each in a transaction of its own with the network outside of it; returns how many arrived.

    Two workers never try two of one line at once; what a worker held that died is tried again.
    """
    arrived = 0
    for _turn in range(limit):
        try:
            with transaction.atomic():
                due = _first_of_lines().select_for_update(skip_locked=True, no_key=True).first()
                if due is None:
                    break
                Delivery.objects.filter(pk=due.pk).update(
                    sending=True, n_tries=F("n_tries") + 1, next_at=Now() + _HELD
                )
        except IntegrityError:  # one of its line, which was not seen here yet, is being sent
            continue
        arrived += _try(due)
    return arrived


def _first_of_lines() -> QuerySet[Delivery]:
    """What is due and has nothing before it in its line. What is being sent comes first there, so a dead worker's goes on."""
    others = _others_of_its_line().order_by()
    return Delivery.objects.filter(
        ~Exists(others.filter(sending=True)),
        Q(sending=True) | ~Exists(others.filter(pk__lt=OuterRef("pk"))),
        state=DeliveryState.WAITING,
        next_at__lte=Now(),
    ).order_by("next_at", "pk")


def _others_of_its_line() -> QuerySet[Delivery]:
    """What waits to be told to the same receiver about the same thing as the outer delivery, which is not among them."""
    return Delivery.objects.filter(
        Q(subscriber=OuterRef("subscriber")) | Q(member=OuterRef("member")),
        about=OuterRef("about"),
        about_id=OuterRef("about_id"),
        state=DeliveryState.WAITING,
    ).exclude(pk=OuterRef("pk"))


def in_line(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """The rows with `behind`: the number of the delivery that has to go before it, None where its own time counts."""
    ahead = _others_of_its_line().filter(Q(sending=True) | Q(pk__lt=OuterRef("pk")))
    first = Subquery(ahead.order_by("-sending", "pk").values("pk")[:1])
    waits = Q(state=DeliveryState.WAITING, sending=False)
    return rows.annotate(behind=Case(When(waits, then=first)))


def _try(delivery: Delivery) -> bool:
    status: int | None = None
    error = ""
    try:
        if delivery.subscriber_id is not None:
            status = _post(delivery)
            error = "" if 200 <= status < 300 else "redirect" if 300 <= status < 400 else "status"
        else:
            error = _send_mail(delivery)
    except outbound.NotSent as refusal:
        error = refusal.reason
    _note(delivery, n_tries=delivery.n_tries + 1, status=status, error=error)
    return not error


def _note(delivery: Delivery, *, n_tries: int, status: int | None, error: str) -> None:
    """Write down how a try went, and let the line go on; nothing, when another worker has begun the next try meanwhile."""
    rows = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.WAITING, sending=True, n_tries=n_tries)
    if not error:
        rows.update(
            state=DeliveryState.DELIVERED,
            sending=False,
            delivered_at=Now(),
            last_status=status,
            last_error="",
        )
    elif n_tries >= settings.MAX_DELIVERY_TRIES or error in _HOPELESS:
        with transaction.atomic():
            if rows.update(state=DeliveryState.GIVEN_UP, sending=False, last_status=status, last_error=error):
                ledger.record(
                    project_id=delivery.project_id,
                    kind="delivery.given-up",
                    by=None,
                    subject=("delivery", delivery.pk),
                    data={
                        "about": [delivery.about, delivery.about_id],
                        "event": delivery.event_id,
                        "reason": error,
                        "tries": n_tries,
                    },
                )
                _end_hopeless(delivery)
    else:
        rows.update(sending=False, next_at=Now() + wait_after(n_tries), last_status=status, last_error=error)


def _end_hopeless(delivery: Delivery) -> None:
    """End a webhook none of whose last messages arrived, and tell whoever made it. Call it inside the transaction."""
    if delivery.subscriber_id is None:
        return
    subscriber = (
        Subscriber.objects.select_for_update(no_key=True, of=("self",))
        .select_related("made_by__user", "project")
        .get(pk=delivery.subscriber_id)
    )
    ended = Delivery.objects.filter(subscriber=subscriber).exclude(state=DeliveryState.WAITING)
    last = list(ended.order_by("-pk").values_list("state", flat=True)[: settings.WEBHOOK_GIVEN_UP])
    if subscriber.ended_at is not None or len(last) < settings.WEBHOOK_GIVEN_UP:
        return
    if any(state != DeliveryState.GIVEN_UP for state in last):
        return
    event = _end(subscriber, by=None)
    if subscriber.made_by is not None:
        mail(
            member=subscriber.made_by,
            topic="webhook.ended",
            event_id=event,
            subject=_("The webhook %(name)s was ended") % {"name": subscriber.name},
            text=_(
                "None of its last %(n)s messages arrived at %(url)s, so nothing more is sent there. Make it anew when the "
                "address answers."
            )
            % {"n": settings.WEBHOOK_GIVEN_UP, "url": subscriber.url},
        )


def replay(*, subscriber: Subscriber, after: int, by: Member) -> int:
    """Send again what a subscriber was told after a delivery, in order; returns how many. Raises `WrongState` when it has ended.

    At most `MAX_REPLAYED` at once; a receiver knows by the event what it has seen before.
    """
    with transaction.atomic():
        locked = Subscriber.objects.select_for_update(no_key=True).get(pk=subscriber.pk)
        if locked.ended_at is not None:
            raise WrongState(_("This webhook has ended."))
        rows = Delivery.objects.filter(subscriber=locked, pk__gt=after).exclude(state=DeliveryState.WAITING)
        found = list(rows.order_by("pk").values_list("pk", flat=True)[: settings.MAX_REPLAYED])
        Delivery.objects.filter(pk__in=found).update(
            state=DeliveryState.WAITING, n_tries=0, next_at=Now(), delivered_at=None, last_error=""
        )
        ledger.record(
            project_id=locked.project_id,
            kind="webhook.replayed",
            by=by,
            subject=("subscriber", locked.pk),
            data={"after": after, "deliveries": len(found)},
        )
        transaction.on_commit(_wake)
    return len(found)


def wait_after(n_tries: int) -> timedelta:
    """How long until the next try: 30 s, then four times as long each time, six hours at the most."""
    return min(_FIRST_WAIT * 4 ** min(n_tries - 1, 10), _LONGEST_WAIT)


def _post(delivery: Delivery) -> int:
    subscriber = Subscriber.objects.select_related("project").get(pk=delivery.subscriber_id or 0)
    if subscriber.ended_at is not None:  # between the reading of who is told and the commit
        raise outbound.NotSent("ended", _("This webhook has ended."))
    body = json.dumps(
        {
            "event": delivery.event_id,
            "type": delivery.topic,
            "timestamp": delivery.created_at.isoformat(),
            "topic": delivery.topic,
            "project": subscriber.project.key,
            "about": [delivery.about, delivery.about_id],
            "at": delivery.created_at.isoformat(),
            "data": delivery.body,
        },
        sort_keys=True,
    ).encode()
    secret, at, ident = secret_of(subscriber), int(time.time()), f"msg_{delivery.pk}"
    headers = {
        "webhook-id": ident,
        "webhook-timestamp": str(at),
        "webhook-signature": standard_signature(secret, body, ident=ident, at=at),
        "Content-Type": "application/json",
        "User-Agent": "Concordat",
        "Concordat-Delivery": str(delivery.pk),
        "Concordat-Topic": delivery.topic,
        "Concordat-Signature": signature(secret, body, at=at),
    }
    return outbound.post(subscriber.url, body=body, headers=headers)


def _send_mail(delivery: Delivery) -> str:
    member = Member.objects.select_related("user").get(pk=delivery.member_id or 0)
    if member.user is None or not member.user.email or member.state != "active":
        return "no-address"
    try:
        EmailMessage(delivery.body["subject"], delivery.body["text"], to=[member.user.email]).send()
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors; ValueError: a header that is none
        return type(error).__name__[:64]
    return ""


def send_again(*, delivery: Delivery, by: Member) -> None:
    """Try a delivery again that arrived or was given up. Raises `WrongState` while it waits, or when its webhook ended."""
    with transaction.atomic():
        locked = Delivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
        if locked.state == DeliveryState.WAITING:
            raise WrongState(_("It waits for its next try already."))
        if (
            locked.subscriber_id
            and Subscriber.objects.filter(pk=locked.subscriber_id, ended_at__isnull=False).exists()
        ):
            raise WrongState(_("This webhook has ended."))
        Delivery.objects.filter(pk=locked.pk).update(
            state=DeliveryState.WAITING, n_tries=0, next_at=Now(), delivered_at=None, last_error=""
        )
        ledger.record(
            project_id=locked.project_id,
            kind="delivery.sent-again",
            by=by,
            subject=("delivery", locked.pk),
            data={},
        )
        transaction.on_commit(_wake)
