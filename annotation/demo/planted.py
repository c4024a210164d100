"""A world with two planted ambiguous clauses: its spec, its items, how people read, cite and rule. Pure, decided by a seed alone.

Every item falls under one clause, which decides its label. Under a planted clause half of the people read every item as the
other label of the pair that the clause parts, until its words say which reading is meant. Nobody is told which clauses these
are; four of five answers cite nothing, and of those that cite, three in ten name another clause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotation.demo.simulated import drawn

QUESTION: dict[str, Any] = {
    "key": "kind",
    "kind": "choice",
    "title": "What is this message?",
    "required": True,
    "labels": [
        {"value": "insult", "title": "An insult"},
        {"value": "threat", "title": "A threat"},
        {"value": "advert", "title": "An advertisement"},
        {"value": "fine", "title": "Nothing of that"},
    ],
}
LABELS = [label["value"] for label in QUESTION["labels"]]
PAIRS = {
    "irony": ("insult", "fine"),
    "own-group": ("insult", "fine"),
    "swearing": ("insult", "fine"),
    "wishes": ("threat", "insult"),
    "quoted": ("threat", "fine"),
    "conditions": ("threat", "fine"),
    "recommended": ("advert", "fine"),
    "own-work": ("advert", "fine"),
    "links": ("advert", "fine"),
    "names": ("insult", "advert"),
}
"""The clauses by key, each with the pair of labels that it parts."""
PLANTED = 2
ACCURACY = (0.93, 0.97)
CITES, CITES_WRONG = 0.20, 0.30
LEAD_RIGHT, LEAD_HASTY = 0.97, 0.10


@dataclass(frozen=True)
class Item:
    """`clause` decides it; `label` is what its words mean, `other` what the second reading of the clause makes of it."""

    key: str
    clause: str
    label: str
    other: str


@dataclass(frozen=True)
class World:
    """Everything that a seed decides. `amended` are the clauses whose words leave nothing open any more."""

    seed: int

    def draw(self, *parts: object) -> float:
        return drawn(self.seed, *parts)

    def one_of(self, among: list[Any], *parts: object) -> Any:
        return among[int(self.draw(*parts) * len(among))]

    @property
    def planted(self) -> tuple[str, ...]:
        return tuple(sorted(sorted(PAIRS, key=lambda key: self.draw("planted", key))[:PLANTED]))

    def item(self, number: int) -> Item:
        key = f"m{number:05d}"
        clause = self.one_of(sorted(PAIRS), key, "clause")
        pair = PAIRS[clause]
        which = int(self.draw(key, "label") < 0.5)
        return Item(key, clause, pair[which], pair[1 - which])

    def second_reading(self, person: str, people: list[str], clause: str) -> bool:
        """Half of the people read a planted clause in the second way; which half, is another for every clause."""
        order = sorted(people, key=lambda name: self.draw("reading", clause, name))
        return clause in self.planted and order.index(person) < len(people) // 2

    def answer(
        self, person: str, people: list[str], item: Item, *, amended: frozenset[str], time: str
    ) -> tuple[str, str]:
        """`(label, cited clause)`; the clause is "" where nothing is cited. *time* parts one asking of an item from the next."""
        low, high = ACCURACY
        meant = item.label
        if item.clause not in amended and self.second_reading(person, people, item.clause):
            meant = item.other
        if self.draw(person, item.key, time, "slip") >= low + (high - low) * self.draw(person, "accuracy"):
            meant = self.one_of([label for label in LABELS if label != meant], person, item.key, time, "to")
        if self.draw(person, item.key, time, "cites") >= CITES:
            return meant, ""
        if self.draw(person, item.key, time, "wrong") >= CITES_WRONG:
            return meant, item.clause
        others = sorted(set(PAIRS) - {item.clause})
        return meant, self.one_of(others, person, item.key, time, "other")

    def ruling(self, item: Item, *, amended: frozenset[str], time: str) -> dict[str, str]:
        """What a lead rules, with its cause and clause. One in ten times she picks the first cause there is, and no clause."""
        right = self.draw(item.key, time, "lead") < LEAD_RIGHT
        label = item.label if right else item.other
        if self.draw(item.key, time, "hasty") < LEAD_HASTY:
            return {"label": label, "cause": "annotator-erred", "clause": "", "reason": ""}
        if item.clause in self.planted and item.clause not in amended:
            reason = "The clause can be read in two ways."
            return {"label": label, "cause": "clause-ambiguous", "clause": item.clause, "reason": reason}
        return {"label": label, "cause": "annotator-erred", "clause": item.clause, "reason": ""}

    def minutes(self, item: Item, time: str) -> float:
        """What a ruling takes a lead: one to four minutes."""
        return 1 + 3 * self.draw(item.key, time, "minutes")


def clause(key: str, *, amended: bool = False) -> dict[str, Any]:
    """The words of a clause before and after its amendment."""
    first, second = PAIRS[key]
    text = f"Decides between {first} and {second} where {key} is the matter."
    if amended:
        text += f" Only what is meant counts, not how it is put: then it is {first}."
    return {
        "title": key.replace("-", " ").capitalize(),
        "blocks": [{"type": "definition", "text": text}],
        "governs": [{"question": QUESTION["key"], "values": [], "pairs": [[first, second]]}],
    }
