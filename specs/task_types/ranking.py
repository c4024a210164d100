"""Things put in order, best first: two against each other, or several. They stand in the question, or come from the item.

A value is a list of places, best first, each the list of the things that share it: `[["b"], ["a", "c"]]`. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from specs.problems import Problem
from specs.task_types import _options
from specs.task_types.base import BadValue, Column, Question, Setting, TaskType, field, given
from specs.wording import _, later

MOST = 50


class Ranking(TaskType):
    name = later("Ranking: things in order, best first")
    level = "ranking"
    item_options = True
    settings = (
        Setting("ties", later("Things may share a place"), "yes", True),
        Setting(
            "best",
            later("What the first place means"),
            "text",
            hint=later("Such as “most helpful”."),
            change="minor",
        ),
        Setting(
            "agree_within",
            later("Answers agree up to this distance"),
            "number",
            0,
            low=0,
            high=0.99,
            hint=later("The share of pairs in another order."),
            change="minor",
        ),
    )

    def problems(self, question: Question) -> list[Problem]:
        found = _options.problems(question)
        if len(question.get("labels") or ()) > MOST:
            found.append(
                Problem(
                    f"question {question.get('key', '')}",
                    _("ranks more than %(most)s things") % {"most": MOST},
                )
            )
        return found

    def options(self, question: Question, item: Mapping[str, Any]) -> list[dict[str, str]]:
        found = _options.of(question, item)
        if not 2 <= len(found) <= MOST:
            raise BadValue(
                _("the item brings %(n_found)s things to rank; 2 to %(most)s can be")
                % {"n_found": len(found), "most": MOST}
            )
        return found

    def context(self, question: Question, item: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """`pairs` for two things: the two orders, and the tie; else `rows` with the place of each, in the order shown."""
        try:
            options = self.options(question, item)
        except BadValue:
            return {"pairs": [], "rows": [], "places": []}
        best, ties = self.setting(question, "best") or "", self.setting(question, "ties")
        places = _places(value)
        shown = {"best": best, "ties": ties, "places": range(1, len(options) + 1)}
        if len(options) == 2:
            return {**shown, "pairs": _pairs(options, ties, value), "rows": []}
        rows = [{**option, "place": places.get(option["value"], "")} for option in options]
        ordered = sorted(rows, key=lambda row: row["place"] or len(rows) + 1)
        return {**shown, "pairs": [], "rows": ordered}

    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        entered = self.entered(question, form)
        if not isinstance(entered, dict):
            return None if entered is None else self.parse_json(question, entered, item)
        titles = {option["value"]: option["title"] for option in self.options(question, item)}
        without = [title for value, title in titles.items() if value not in entered]
        if without:
            raise BadValue(
                _("give each a place; without one: %(without)s") % {"without": ", ".join(without)[:200]}
            )
        places: dict[int, list[str]] = {}
        for value, place in entered.items():
            places.setdefault(place, []).append(value)
        return self.parse_json(question, [places[place] for place in sorted(places)], item)

    def entered(self, question: Question, form: Mapping[str, Any]) -> Any:
        """An order as JSON (of two things, or of a script), else the place of each thing that has one, as a dict."""
        if chosen := given(form, question):
            try:
                return json.loads(chosen[-1][:100_000])
            except (ValueError, RecursionError):
                return chosen[-1]
        pairs = zip(_texts(form, question, "thing"), _texts(form, question, "place"), strict=False)
        return {
            thing: int(place)
            for thing, place in pairs
            if place.isascii() and place.isdigit() and len(place) < 4
        } or None

    def form(self, question: Question, value: Any) -> dict[str, list[str]]:
        places = _places(value)
        if len(places) == 2:
            return {field(question): [self.key(question, value)]}
        return {
            field(question, "thing"): list(places),
            field(question, "place"): [str(place) for place in places.values()],
        }

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        if not isinstance(value, list) or not all(isinstance(place, list) and place for place in value):
            raise BadValue(
                _("the answer is a list of places, best first, each a list of the things that share it")
            )
        known = [option["value"] for option in self.options(question, item)]
        ranked = [thing for place in value for thing in place]
        if not all(isinstance(thing, str) for thing in ranked) or sorted(ranked) != sorted(known):
            raise BadValue(_("each of %(known)s has one place") % {"known": ", ".join(known)[:200]})
        if not self.setting(question, "ties") and len(value) < len(known):
            raise BadValue(_("no two may share a place"))
        return [[thing for thing in known if thing in place] for place in value]

    def overlay(
        self, question: Question, item: Mapping[str, Any], readings: Sequence[tuple[str, Any]]
    ) -> dict[str, Any] | None:
        """`whose` are the columns; `rows` the things with their place in each, best first, and whether the places differ."""
        if len(readings) < 2:
            return None
        placed = [_places(value) for _, value in readings]
        things = sorted(
            {thing for places in placed for thing in places},
            key=lambda thing: (sum(places.get(thing, MOST) for places in placed), thing),
        )
        rows = [
            {"title": _options.title(question, thing), "places": [places.get(thing) for places in placed]}
            for thing in things
        ]
        return {
            "whose": [whose for whose, _ in readings],
            "rows": [{**row, "differs": len(set(row["places"])) > 1} for row in rows],
        }

    def distance(self, question: Question, a: Any, b: Any) -> float:
        """The share of pairs in another order; a pair that is tied in one of the two counts a half.

        Source: Kendall 1938; with ties Fagin, Kumar, Mahdian, Sivakumar, Vee 2004 (p = 1/2).

        >>> task_type.distance({"key": "k"}, [["a"], ["b"], ["c"]], [["a"], ["c"], ["b"]])
        0.3333333333333333
        """
        one, other = _places(a), _places(b)
        pairs = list(combinations(sorted(one.keys() & other.keys()), 2))
        apart = sum(abs(_sign(one[x] - one[y]) - _sign(other[x] - other[y])) for x, y in pairs) / 2
        if one.keys() != other.keys() or not pairs:
            return 0.0 if one == other else 1.0
        return apart / len(pairs)

    def key(self, question: Question, value: Any) -> str:
        return super().key(question, [sorted(place) for place in value])

    def describe(self, question: Question, value: Any) -> str:
        return " > ".join(" = ".join(_options.title(question, thing) for thing in place) for place in value)

    def columns(self, question: Question) -> dict[str, Column]:
        """The order in one column, as JSON; the place of each thing that the question names in a column of its own."""
        return super().columns(question) | {name: "whole" for name, _ in _options.columns(question)}

    def rows(self, question: Question, value: Any) -> dict[str, Any]:
        places = _places(value)
        return super().rows(question, value) | {
            name: places.get(thing) for name, thing in _options.columns(question)
        }

    def sample(self) -> dict[str, Any]:
        question = {
            "key": "order",
            "kind": "ranking",
            "title": "Which reads best?",
            "required": True,
            "labels": [{"value": "a", "title": "The first"}, {"value": "b"}, {"value": "c"}],
        }
        return {
            "question": question,
            "item": {},
            "values": [[["a"], ["b"], ["c"]], [["c"], ["a", "b"]], [["a", "b"], ["c"]], [["a", "b", "c"]]],
            "bad": [
                ["a", "b", "c"],
                [["a"], ["b"]],
                [["a"], ["b"], ["c"], []],
                [["a"], ["a"], ["b", "c"]],
                "abc",
                None,
                {},
            ],
        }


def _places(value: Any) -> dict[str, int]:
    """The place of each thing, counted from 1; of what was entered only as far as that is known."""
    if isinstance(value, dict):
        return {str(thing): place for thing, place in value.items() if isinstance(place, int)}
    if not isinstance(value, list):
        return {}
    return {
        str(thing): number
        for number, place in enumerate(value, 1)
        for thing in (place if isinstance(place, list) else ())
    }


def _pairs(options: Sequence[Mapping[str, str]], ties: bool, value: Any) -> list[dict[str, Any]]:
    first, second = (option["value"] for option in options)
    orders = [([[first], [second]], options[0]), ([[second], [first]], options[1])]
    found = [
        {"order": order, "title": option["title"], "shortcut": option["shortcut"]} for order, option in orders
    ]
    if ties:
        found.append({"order": [[first, second]], "title": "", "shortcut": "3"})
    return [{**one, "text": json.dumps(one["order"]), "checked": value == one["order"]} for one in found]


def _texts(form: Mapping[str, Any], question: Question, part: str) -> list[str]:
    """All texts of a field, the empty ones too: the n-th place is that of the n-th thing."""
    name = field(question, part)
    found = form.getlist(name) if hasattr(form, "getlist") else form.get(name)
    return [one if isinstance(one, str) else "" for one in found] if isinstance(found, list | tuple) else []


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


task_type = Ranking()
