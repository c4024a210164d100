"""A small client for the product's own REST API, over one kept-open connection per person."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit


class Refused(Exception):
    """The API said no; the problem document is the message."""


KEPT_FOR = 20.0
"""Seconds that an idle connection is used again after; shorter than the server keeps one."""


class Client:
    """Calls below `/api/v1/projects/<project>/` with one token."""

    def __init__(self, base_url: str, project: str, token: str) -> None:
        self.host = urlsplit(base_url).netloc
        self.root = f"/api/v1/projects/{project}/"
        self.headers = {"Authorization": f"Bearer {token}"}
        self.connection = http.client.HTTPConnection(self.host, timeout=60)
        self.used_at = time.monotonic()

    def close(self) -> None:
        self.connection.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = "",
        raw: bytes | None = None,
        media: str = "",
        bytes_wanted: bool = False,
    ) -> Any:
        """The answer's JSON (or bytes, if wanted), None for an empty one. Raises `Refused` for 4xx and 5xx."""
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else b"")
        headers = {**self.headers, "Content-Type": media or "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        if time.monotonic() - self.used_at > KEPT_FOR:
            self.connection.close()  # the server ends what is idle for longer; a call that changes something is not repeated
        for attempt in (1, 2):
            try:
                self.connection.request(method, self.root + path, data, headers)
                response = self.connection.getresponse()
                content = response.read()
                self.used_at = time.monotonic()
                break
            except (http.client.HTTPException, ConnectionError):
                self.connection.close()
                if attempt == 2 or not (key or method == "GET"):
                    raise
        if response.status >= 400:
            raise Refused(f"{method} {path}: {response.status} {content[:500].decode(errors='replace')}")
        if not content:
            return None
        return content if bytes_wanted else json.loads(content)

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.call("POST", path, body, **options)

    def download(self, path: str) -> bytes:
        """The bytes of a file."""
        return self.call("GET", path, bytes_wanted=True) or b""

    def finished(self, job: int, *, within: float = 90.0) -> dict[str, Any]:
        """Wait for a job; its row when done. Raises `Refused` when it failed or takes too long."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            row: dict[str, Any] = self.get(f"jobs/{job}")
            if row["state"] == "done":
                return row
            if row["state"] in ("failed", "cancelled"):
                raise Refused(f"job {job} {row['state']}: {row['error']}")
            time.sleep(0.2)
        raise Refused(f"job {job} did not end within {within:.0f} s; is a worker running?")
