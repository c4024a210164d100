"""Connections of the S3 library that go where `outbound` lets them, and nowhere else.

Its connections are made by `outbound.connect`: the name is looked up once, the address that was found is the one that was
checked and the one that is connected to; a redirect or a region's other host comes the same way. No proxy is used.
"""

from __future__ import annotations

from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.httpsession import URLLib3Session
from django.conf import settings
from django.utils.translation import gettext as _

from specs import outbound


def guard(client: Any) -> None:
    """Make every connection of a client a checked one."""
    endpoint = client._endpoint
    if not isinstance(endpoint.http_session, URLLib3Session):
        raise TypeError("the S3 library keeps its connections elsewhere by now")
    endpoint.http_session = _Session(
        timeout=(settings.STORE_SECONDS, settings.STORE_SECONDS), proxies={}, max_pool_connections=10
    )


def _connect(host: str, port: int) -> Any:
    if port not in settings.OUTBOUND_PORTS:  # a redirect's, which nobody has looked at yet
        raise outbound.NotSent(
            "port", _("Port %(port)s is not among those that may be asked.") % {"port": port}
        )
    return outbound.connect(host, port, seconds=settings.STORE_SECONDS)


class _Plain(AWSHTTPConnection):
    def _new_conn(self) -> Any:
        return _connect(self.host, self.port)


class _Secure(AWSHTTPSConnection):
    def _new_conn(self) -> Any:
        return _connect(self.host, self.port)


class _PlainPool(AWSHTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _Secure


class _Session(URLLib3Session):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        self._manager.pool_classes_by_scheme = self._pool_classes_by_scheme
