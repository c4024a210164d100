"""A number with what belongs to it: its interval, how much it rests on, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specs.wording import later

NO_PAIRS = later("no item has two answers")
NO_VARIATION = later("all answers are the same: there is no variation to agree about")


@dataclass(frozen=True)
class Estimate:
    """`value` is None when undefined, and `reason` says why. `low` and `high` bound 95 % where an interval was made."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n_items: int = 0
    n_answers: int = 0
    reason: str = ""

    def as_dict(self, *, digits: int = 6) -> dict[str, Any]:
        def rounded(number: float | None) -> float | None:
            return None if number is None else round(number, digits)

        found: dict[str, Any] = {
            "value": rounded(self.value),
            "low": rounded(self.low),
            "high": rounded(self.high),
        }
        return {**found, "reason": self.reason} if self.reason else found

    def with_n(self) -> dict[str, Any]:
        """The same with what it rests on, every name always there."""
        return {"reason": "", **self.as_dict(), "items": self.n_items, "answers": self.n_answers}
