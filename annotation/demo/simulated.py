"""Simulated annotators: deterministic from a seed, each with an accuracy of her own, two with a reading of their own. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from annotation.demo.entailment import AMBIGUOUS, DECIDES, FOLLOWS, NOT, SPLIT_OFF

CITES_RIGHT = 0.85
LOOKED_UP = 0.5  # the share of knowledge items that turn on a fact which has to be looked up


@dataclass(frozen=True)
class Simulated:
    """`accuracy` is the share of items read as the experts did; `own_reading` turns the ambiguous clause round."""

    name: str
    accuracy: float
    own_reading: bool = False


CAST = (
    Simulated("sim-bea", 0.95),
    Simulated("sim-cem", 0.94),
    Simulated("sim-dan", 0.92),
    Simulated("sim-eli", 0.93),
    Simulated("sim-fay", 0.60),  # the careless one
    Simulated("sim-gus", 0.93, own_reading=True),
    Simulated("sim-hal", 0.92, own_reading=True),
)


def drawn(*parts: object) -> float:
    """A number in [0, 1) that the parts alone decide, in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7]) / 2**56


def answer(person: Simulated, *, key: str, task: str, gold: str, seed: int, amended: bool) -> tuple[str, str]:
    """`(value, cited clause)` of a person for an item; once the clause is amended, nobody reads it in a way of his own."""
    clause = DECIDES[task]
    right = drawn(seed, person.name, key, "value", amended) < person.accuracy
    if clause == AMBIGUOUS and person.own_reading and not amended:
        right = not right
    value = gold if right else (NOT if gold == FOLLOWS else FOLLOWS)
    if drawn(seed, person.name, key, "cite") < CITES_RIGHT:
        looked_up = amended and clause == AMBIGUOUS and drawn(seed, key, "looked up") < LOOKED_UP
        return value, SPLIT_OFF if looked_up else clause
    others = sorted(set(DECIDES.values()) - {clause})
    return value, others[int(drawn(seed, person.name, key, "other") * len(others))]
