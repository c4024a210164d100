"""The one way out: every HTTP request that this house makes to an address somebody typed goes through here.

Off unless `OUTBOUND_HTTP` says otherwise. The address is checked where it counts, on the socket's own address after the name was
looked up once, so that a name that answers differently the next time gains nothing. Only global addresses (or networks that
the settings name), only https (or what they allow) on listed ports, no redirects, a deadline for the whole exchange, a bound on
the answer. What was answered is never shown to anybody; only its status is.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from specs.refusals import Refusal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What `is_global` lets pass, although it leads back inside or nowhere: translated and tunnelled addresses, multicast, the rest.
_SPECIAL = [
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *(
            "::/96",
            "::ffff:0:0/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
        ),
        *("2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
]


class NotSent(Refusal):
    """The request was not made, or nothing came back; `reason` is a stable word, without what the other side said."""

    code = "not-sent"
    status = 422

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, reason=reason)
        self.reason = reason


def post(url: str, *, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a POST and return the status of the answer, a redirect's too; its content is read to a bound and forgotten.

    Raises `NotSent`: off, a URL or an address that is not allowed, no connection, no answer in time.
    """
    scheme, host, port, path = parse(url)
    deadline = time.monotonic() + settings.OUTBOUND_SECONDS
    open_now = [
        connect(host, port, seconds=settings.OUTBOUND_SECONDS)
    ]  # the socket as it is by now: TLS takes the plain one's place
    watch = threading.Timer(max(deadline - time.monotonic(), 0.001), _shut, [open_now])
    watch.daemon = True
    watch.start()
    try:
        if scheme == "https":
            open_now[0] = ssl.create_default_context().wrap_socket(open_now[0], server_hostname=host)
        exchange = http.client.HTTPConnection(host, port)
        exchange.sock = open_now[0]
        exchange.request("POST", path, body=body, headers={**headers, "Connection": "close"})
        answer = exchange.getresponse()
        answer.read(settings.OUTBOUND_ANSWER_BYTES)
        return int(answer.status)
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = time.monotonic() >= deadline
        raise NotSent(
            "timeout" if late else "no-answer",
            _("No answer came in time.")
            if late
            else _("No answer came (%(kind)s).") % {"kind": type(error).__name__},
        ) from error
    finally:
        watch.cancel()
        open_now[0].close()


def parse(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and path of a URL that may be asked; raises `NotSent` for any other. Looks nothing up."""
    if not settings.OUTBOUND_HTTP:
        raise NotSent("off", _("This house sends nothing out; its settings can allow it (OUTBOUND_HTTP)."))
    if len(url) > 2000 or any(
        character.isspace() or ord(character) < 33 or character == "\\" for character in url
    ):
        raise NotSent("url", _("This is no address that can be used."))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host.encode("idna").decode() if not host.isascii() else host
    except (ValueError, UnicodeError) as error:
        raise NotSent("url", _("This is no address that can be used.")) from error
    if parts.scheme not in settings.OUTBOUND_SCHEMES:
        raise NotSent(
            "scheme",
            _("The address has to begin with %(outbound_schemes)s://.")
            % {"outbound_schemes": " or ".join(settings.OUTBOUND_SCHEMES)},
        )
    if "@" in parts.netloc or not host or "%" in host:
        raise NotSent("url", _("The address names a host, without a user and without a zone."))
    port = port or (443 if parts.scheme == "https" else 80)
    if port not in settings.OUTBOUND_PORTS:
        raise NotSent("port", _("Port %(port)s is not among those that may be asked.") % {"port": port})
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise NotSent("url", _("The path has to be written in ASCII."))
    return parts.scheme, host, port, path


def allowed(address: Address) -> bool:
    """Whether a socket may lead there: a global address that is not special, or one of a network that the settings name."""
    networks = [ipaddress.ip_network(text) for text in settings.OUTBOUND_NETWORKS]
    if any(address.version == network.version and address in network for network in networks):
        return True
    special = any(address.version == network.version and address in network for network in _SPECIAL)
    return address.is_global and not special and not address.is_multicast


def connect(host: str, port: int, *, seconds: float) -> socket.socket:
    """A connection to an address of the host. One that is not allowed refuses the host, whatever its others are."""
    deadline = time.monotonic() + seconds
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent("name", _("The host's name is not known.")) from error
    if not found or not all(allowed(ipaddress.ip_address(where[0])) for *_, where in found):
        raise NotSent("address", _("The host leads to an address that may not be asked."))
    last: OSError | None = None
    for family, kind, protocol, _name, where in found:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            sock.connect(where)  # the address that was checked: nothing is looked up again
            return sock
        except OSError as error:
            sock.close()
            last = error
    raise NotSent("no-connection", _("Nobody listens there.")) from last


def _shut(open_now: list[socket.socket]) -> None:
    try:
        open_now[0].shutdown(socket.SHUT_RDWR)
    except OSError:  # it is gone already
        pass
