"""A problem with something a person wrote: where it is and what is wrong. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Problem:
    """`where` names the place as its author sees it (`clause target, block 2`), `message` is a sentence."""

    where: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)
