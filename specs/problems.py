"""A problem with something a person wrote: where it is and what is wrong. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from specs.wording import later

PLACES = (
    later("question %(key)s"),
    later("clause %(key)s"),
    later("section %(name)s"),
    later("line %(n)s"),
    later("%(where)s, label %(value)s"),
    later("%(where)s, block %(n)s"),
    later("%(where)s, block %(n)s (%(kind)s)"),
    later("questions"),
    later("clauses"),
    later("answer"),
)
"""How places are called. They name a field to programs, so they stay English until a page shows them (`specs.retelling`)."""


@dataclass(frozen=True)
class Problem:
    """`where` names the place as its author sees it (`clause target, block 2`), `message` is a sentence."""

    where: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)
