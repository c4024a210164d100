"""What should not be built on any more says so in every answer: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), `Link`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.http import http_date


@dataclass(frozen=True)
class Deprecation:
    """Since when, until when it is there at all (None: it stays), and where to read on, by its relation."""

    since: datetime
    sunset: datetime | None = None
    link: str = ""
    rel: str = "deprecation"

    def headers(self) -> dict[str, str]:
        """The headers of an answer."""
        found = {"Deprecation": f"@{int(self.since.timestamp())}"}
        if self.sunset is not None:
            found["Sunset"] = http_date(self.sunset.timestamp())
        if self.link:
            found["Link"] = f'<{self.link}>; rel="{self.rel}"'
        return found
