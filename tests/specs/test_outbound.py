"""The one way out: what it refuses to reach, with listeners that must never be reached; what it sends, and how often."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import mail as outbox
from django.test import Client

from specs import delivering, ledger, outbound
from specs.models import Delivery, DeliveryState
from specs.refusals import Invalid, WrongState
from tests import cast

ROOT = Path(__file__).resolve().parents[2]


class Listener:
    """A server on loopback that counts whoever connects, and answers as it is told."""

    def __init__(self, family: int = socket.AF_INET) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status, self.location, self.delay, self.size = 200, "", 0.0, 2
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((dict(self.headers), body))
                try:
                    time.sleep(outer.delay)
                    self.send_response(outer.status)
                    if outer.location:
                        self.send_header("Location", outer.location)
                    self.end_headers()
                    for _ in range(outer.size // 1000 + 1):
                        self.wfile.write(b"x" * min(outer.size, 1000))
                except OSError:  # whoever asked has left
                    pass

            def log_message(self, *args: Any) -> None:
                """Silent."""

        class Server(http.server.ThreadingHTTPServer):
            address_family = family
            daemon_threads = True

        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self.server = Server((host, 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.stop()


@pytest.fixture
def open_house(settings: Any, listener: Listener) -> Any:
    """Sending is on, by plain HTTP and to the listener's port; loopback is not allowed."""
    settings.OUTBOUND_HTTP = True
    settings.OUTBOUND_SCHEMES = ["http", "https"]
    settings.OUTBOUND_PORTS = [listener.port, 443]
    settings.OUTBOUND_NETWORKS = []
    return settings


def send(url: str) -> int:
    return outbound.post(url, body=b"{}", headers={})


def test_it_is_off_unless_the_settings_say_otherwise(settings: Any) -> None:
    assert settings.OUTBOUND_HTTP is False
    with pytest.raises(outbound.NotSent) as refused:
        send("https://example.org/")
    assert refused.value.reason == "off"


SPELLINGS = [
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001"),
    *(
        "localhost",
        "localhost.",
        "LOCALHOST",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "127.255.255.254",
    ),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]"),
    *(
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
    ),
    *(
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "①②⑦.0.0.1",
        "127。0。0。1",
    ),
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_leads_inside(open_house: Any, listener: Listener, host: str) -> None:
    with pytest.raises(outbound.NotSent) as refused:
        send(f"http://{host}:{listener.port}/")
    assert refused.value.reason in ("address", "name", "url"), refused.value.reason
    assert listener.requests == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://example.org/", "scheme"),
        ("//example.org/", "scheme"),
        ("https:example.org", "url"),
        ("https://ok@127.0.0.1/", "url"),
        ("https://example.org:22/", "port"),
        ("https://example.org:99999/", "url"),
        ("https://example.org/\r\nHost: x", "url"),
        ("https://example.org\\@127.0.0.1/", "url"),
        ("https://exa mple.org/", "url"),
        ("https://[fe80::1%25eth0]/", "url"),
        ("https:///", "url"),
        ("https://" + "a" * 2100, "url"),
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_looked_up(
    open_house: Any, url: str, reason: str
) -> None:
    with pytest.raises(outbound.NotSent) as refused:
        outbound.parse(url)
    assert refused.value.reason == reason


def test_a_name_that_leads_inside_or_changes_its_mind_gains_nothing(
    open_house: Any, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resolver is the other side's; ours asks it once and connects to what it was told, or not at all."""
    asked: list[str] = []

    def resolver(*answers: list[str]) -> Any:
        turns = iter(answers)

        def look_up(host: str, port: int, **_: Any) -> Any:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(turns)]

        return look_up

    monkeypatch.setattr(socket, "getaddrinfo", resolver(["127.0.0.1"]))
    with pytest.raises(outbound.NotSent):
        send(f"http://rebind.example:{listener.port}/")
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["93.184.216.34", "127.0.0.1"]))
    with pytest.raises(outbound.NotSent) as refused:
        send(f"http://both.example:{listener.port}/")
    assert refused.value.reason == "address"
    reached: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, where: reached.append(where))
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["93.184.216.34"], ["127.0.0.1"]))
    with pytest.raises(outbound.NotSent):
        send(f"http://rebind.example:{listener.port}/")
    assert reached == [("93.184.216.34", listener.port)]
    assert asked == ["rebind.example", "both.example", "rebind.example"]
    assert listener.requests == []


def test_ipv6_loopback_is_not_reached_either(open_house: Any) -> None:
    try:
        six = Listener(socket.AF_INET6)
    except OSError:
        assert not outbound.allowed(ipaddress.ip_address("::1"))
        return
    open_house.OUTBOUND_PORTS = [six.port]
    with pytest.raises(outbound.NotSent):
        send(f"http://[::1]:{six.port}/")
    six.stop()
    assert six.requests == []


def test_ordinary_addresses_are_allowed_and_a_named_network_is(settings: Any) -> None:
    assert outbound.allowed(ipaddress.ip_address("93.184.216.34"))
    assert outbound.allowed(ipaddress.ip_address("2606:4700:4700::1111"))
    assert not outbound.allowed(ipaddress.ip_address("10.1.2.3"))
    settings.OUTBOUND_NETWORKS = ["10.1.0.0/16"]
    assert outbound.allowed(ipaddress.ip_address("10.1.2.3"))
    assert not outbound.allowed(ipaddress.ip_address("10.2.2.3"))


@pytest.fixture
def reachable(open_house: Any) -> Any:
    open_house.OUTBOUND_NETWORKS = ["127.0.0.1/32"]
    return open_house


def test_a_redirect_is_an_answer_and_is_not_followed(reachable: Any, listener: Listener) -> None:
    elsewhere = Listener()
    listener.status, listener.location = 302, f"http://127.0.0.1:{elsewhere.port}/"
    assert send(f"http://127.0.0.1:{listener.port}/") == 302
    elsewhere.stop()
    assert elsewhere.requests == []


def test_an_answer_has_an_end_in_time_and_in_size(reachable: Any, listener: Listener) -> None:
    reachable.OUTBOUND_ANSWER_BYTES = 1000
    listener.size = 5_000_000
    assert send(f"http://127.0.0.1:{listener.port}/") == 200
    reachable.OUTBOUND_SECONDS = 0.2
    listener.delay = 3
    began = time.monotonic()
    with pytest.raises(outbound.NotSent) as refused:
        send(f"http://127.0.0.1:{listener.port}/")
    assert (refused.value.reason, time.monotonic() - began < 2) == ("timeout", True)


def test_no_other_module_opens_a_way_out() -> None:
    ways = (
        "http.client",
        "urllib.request",
        "import requests",
        "import httpx",
        "import aiohttp",
        "create_connection(",
    )
    found = [
        str(path.relative_to(ROOT))
        for folder in ("specs", "workforce", "annotation")
        for path in (ROOT / folder).rglob("*.py")
        if any(way in path.read_text() for way in ways)
    ]
    ours = {
        "specs/outbound.py",
        "annotation/config/supervisor.py",
        "annotation/demo/client.py",
        "annotation/client/concordat.py",
    }  # two ask ourselves; the last is for others, and nothing here imports it
    assert set(found) - ours == {name for name in found if name.startswith("annotation/config/")} - ours, (
        found
    )


@pytest.fixture
def stage(db: None) -> cast.Stage:
    return cast.stage()


def subscribe(stage: cast.Stage, listener: Listener) -> tuple[Any, str]:
    return delivering.subscribe(
        project=stage.project,
        name="Pager",
        url=f"http://127.0.0.1:{listener.port}/hook",
        topics=["alert.raised"],
        by=stage.ada,
    )


def test_a_message_is_signed_and_names_its_event(
    stage: cast.Stage, reachable: Any, listener: Listener
) -> None:
    made, secret = subscribe(stage, listener)
    delivering.tell(project_id=stage.project.pk, topic="alert.raised", event_id=7, body={"kind": "x"})
    assert delivering.send_due() == 2, "the first message tries the address"
    headers, body = listener.requests[-1]
    at, given = (part.split("=")[1] for part in headers["Concordat-Signature"].split(","))
    assert given == hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert abs(int(at) - time.time()) < 60
    assert json.loads(body)["event"] == 7
    assert secret not in json.dumps(list(type(made).objects.values()), default=str)


def test_what_fails_is_tried_again_later_each_time_and_given_up_in_the_end(
    stage: cast.Stage, reachable: Any, listener: Listener
) -> None:
    reachable.MAX_DELIVERY_TRIES = 3
    listener.status = 500
    subscribe(stage, listener)
    for n in range(1, 4):
        assert delivering.send_due() == 0
        assert delivering.send_due() == 0, "not before its time"
        row = Delivery.objects.get()
        assert (row.n_tries, row.last_status, row.last_error) == (n, 500, "status")
        Delivery.objects.update(next_at=row.created_at)
    assert Delivery.objects.get().state == DeliveryState.GIVEN_UP
    listener.status = 204
    delivering.send_again(delivery=Delivery.objects.get(), by=stage.ada)
    with pytest.raises(WrongState):
        delivering.send_again(delivery=Delivery.objects.get(), by=stage.ada)
    assert delivering.send_due() == 1
    assert Delivery.objects.get().state == DeliveryState.DELIVERED
    waits = [delivering.wait_after(n).total_seconds() for n in range(1, 9)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (30, 6 * 3600)


def test_what_waits_behind_another_says_so_instead_of_a_time_that_is_over(
    stage: cast.Stage, reachable: Any, listener: Listener
) -> None:
    subscribe(stage, listener)
    delivering.send_due()
    listener.status = 500
    for _ in range(2):
        event = ledger.record(
            project_id=stage.project.pk, kind="alert.raised", by=None, subject=("alert", 3), data={}
        )
        delivering.tell(project_id=stage.project.pk, topic="alert.raised", event_id=event, body={})
    delivering.send_due()
    first, second = Delivery.objects.filter(topic="alert.raised").order_by("pk")
    assert (first.n_tries, second.n_tries) == (1, 0)
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    page = client.get("/p/rte/webhooks/").content.decode()
    assert f"waits behind {first.pk}" in page
    assert f"waits behind {second.pk}" not in page
    api = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    told = api.get("/api/v1/projects/rte/deliveries").json()["deliveries"]
    assert [row["behind"] for row in told] == [first.pk, None, None]


def test_webhooks_come_in_pages_like_their_deliveries(
    stage: cast.Stage, reachable: Any, listener: Listener
) -> None:
    for _ in range(3):
        subscribe(stage, listener)
    reachable.PAGE_SIZE = 2
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    first = client.get("/p/rte/webhooks/")
    assert len(first.context["webhooks"]) == 2
    assert len(client.get("/p/rte/webhooks/" + first.context["more_webhooks"]).context["webhooks"]) == 1


def test_a_change_that_did_not_happen_is_not_told(
    stage: cast.Stage, reachable: Any, listener: Listener
) -> None:
    from django.db import transaction

    subscribe(stage, listener)
    try:
        with transaction.atomic():
            delivering.tell(project_id=stage.project.pk, topic="alert.raised", event_id=7, body={})
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    for _ in range(2):
        delivering.tell(project_id=stage.project.pk, topic="alert.raised", event_id=8, body={})
    assert list(Delivery.objects.order_by("pk").values_list("topic", flat=True)) == ["ping", "alert.raised"]


def test_a_mail_goes_to_the_member_once(stage: cast.Stage) -> None:
    for _ in range(2):
        delivering.mail(member=stage.ada, topic="alert.raised", event_id=9, subject="S", text="T")
    assert delivering.send_due() == 1
    assert [message.to for message in outbox.outbox] == [[stage.ada.user.email]]  # type: ignore[union-attr]


def test_webhooks_are_made_listed_and_ended_by_who_may(
    stage: cast.Stage, reachable: Any, listener: Listener
) -> None:
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    where = "/p/rte/webhooks/"
    form = {"name": "Pager", "url": f"http://127.0.0.1:{listener.port}/", "topics": ["alert.raised"]}
    made = client.post(where, form).content.decode()
    assert "whsec_" in made
    assert "whsec_" not in client.get(where).content.decode()
    assert client.post(where, {**form, "url": "http://10.0.0.1:1/"}).status_code == 422
    delivering.send_due()
    assert "Delivered" in client.get(where).content.decode()
    api = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    base = "/api/v1/projects/rte"
    reply = api.post(
        f"{base}/webhooks", {**form, "topics": ["alert.raised"]}, content_type="application/json"
    )
    assert reply.json()["secret"].startswith("whsec_")
    assert "secret" not in api.get(f"{base}/webhooks").json()["webhooks"][0]
    assert api.delete(f"{base}/webhooks/{reply.json()['id']}").status_code == 204
    states = [row["state"] for row in api.get(f"{base}/deliveries").json()["deliveries"]]
    assert states == ["given-up", "delivered"]
    client.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    assert client.get(where).status_code == 403
    with pytest.raises(Invalid):
        delivering.subscribe(
            project=stage.project, name="x", url="https://example.org/", topics=["odd"], by=stage.ada
        )


def test_a_message_is_signed_as_standard_webhooks_are(
    stage: cast.Stage, reachable: Any, listener: Listener
) -> None:
    _made, secret = subscribe(stage, listener)
    delivering.tell(project_id=stage.project.pk, topic="alert.raised", event_id=7, body={"kind": "x"})
    delivering.send_due()
    headers, body = listener.requests[-1]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.split("_")[1])
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert json.loads(body)["type"] == "alert.raised"
    delivery = Delivery.objects.latest("pk")
    delivering.send_again(delivery=delivery, by=stage.ada)
    delivering.send_due()
    assert listener.requests[-1][0]["webhook-id"] == headers["webhook-id"], "a repeat has the same number"


def test_a_webhook_that_is_never_there_ends_and_its_maker_is_told(
    stage: cast.Stage, reachable: Any, listener: Listener
) -> None:
    reachable.MAX_DELIVERY_TRIES, reachable.WEBHOOK_GIVEN_UP = 1, 3
    listener.status = 500
    made, _secret = subscribe(stage, listener)
    for event in (7, 8, 9):
        delivering.tell(project_id=stage.project.pk, topic="alert.raised", event_id=event, body={})
    for _turn in range(3):
        made.refresh_from_db()
        assert made.ended_at is None or _turn == 2
        delivering.send_due(limit=1)
    delivering.send_due()
    made.refresh_from_db()
    assert made.ended_at is not None
    told = Delivery.objects.get(member=stage.ada)
    assert "Pager" in told.body["subject"]
    assert not Delivery.objects.filter(subscriber=made, state=DeliveryState.WAITING).exists()
    with pytest.raises(WrongState):
        delivering.replay(subscriber=made, after=0, by=stage.ada)


def test_what_was_told_is_told_again_in_order(stage: cast.Stage, reachable: Any, listener: Listener) -> None:
    made, _secret = subscribe(stage, listener)
    for event in (7, 8, 9):
        delivering.tell(project_id=stage.project.pk, topic="alert.raised", event_id=event, body={})
    delivering.send_due()
    first = Delivery.objects.filter(event_id=7).get()
    before = len(listener.requests)
    assert delivering.replay(subscriber=made, after=first.pk, by=stage.ada) == 2
    delivering.send_due()
    assert [json.loads(body)["event"] for _, body in listener.requests[before:]] == [8, 9]
