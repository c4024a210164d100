"""Refusals: a rule said no. Pages show the message, the API answers with a problem document of the same code (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class Refusal(Exception):
    """A transition was asked for that the rules do not allow; nothing was changed.

    `code` is stable and machine-readable, `status` the HTTP status, the message is written for the person who asked.
    `details` goes into the problem document (counts, the current state, the way out), never personal data; `headers` are the
    answer's.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    headers: Mapping[str, str] = {}

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class NotAllowed(Refusal):
    code = "not-allowed"
    status = 403


class Invalid(Refusal):
    """The content of a request breaks a rule. `problems` is a list of `{"where": ..., "message": ...}`."""

    code = "invalid"
    status = 422

    def __init__(self, message: str, *, problems: list[dict[str, Any]] | None = None, **details: Any) -> None:
        super().__init__(message, problems=problems or [], **details)

    @property
    def problems(self) -> list[dict[str, Any]]:
        return list(self.details["problems"])


class Stale(Refusal):
    """Somebody else changed it meanwhile. `details` holds what is there now, so that nothing is lost on either side."""

    code = "stale"
    status = 409


class WrongState(Refusal):
    code = "wrong-state"
    status = 409


class KeyReused(Refusal):
    """An idempotency key came again with another body."""

    code = "idempotency-key-reused"
    status = 422
