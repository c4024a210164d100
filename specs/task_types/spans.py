"""Labelled ranges of a text of the item. Pure.

A value is a list of `{"start", "end", "label", "text"}`, by place. `start` and `end` count Unicode code points of the text as it
was loaded, not normalised, with `end` excluded; `text` is what stands there, so that an offset that was counted in other units
(UTF-16, bytes, graphemes) is refused instead of kept. An empty list says that there is nothing to mark, which is an answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from specs import matching
from specs.task_types import _marked, _options
from specs.task_types._settings import Setting
from specs.task_types.base import BadValue, Question
from specs.wording import _, later

MOST = 1000
"""Spans of one answer, whatever its question says."""


class Spans(_marked.Marks):
    name = later("Spans: labelled parts of a text")
    level = "spans"
    parts = ("label", "text", "start", "end")
    mark, marks = "span", "spans"
    imported_from = ("spans", "spans")
    settings = (
        Setting("field", later("Field of the item that holds the text"), "text", default="text"),
        Setting("overlapping", later("Spans may overlap or lie in each other"), "yes", default=False),
        Setting(
            "snap",
            later("What a selection snaps to"),
            "choice",
            default="word",
            choices=(("word", later("Whole words")), ("character", later("Characters"))),
            hint=later("An aid of the page; answers by REST are taken as they are."),
            change="minor",
        ),
        Setting(
            "measure",
            later("When two answers match"),
            "choice",
            default="exact",
            choices=(
                ("exact", later("Spans with the same ends")),
                ("overlap", later("Spans that share at least half of what they cover together")),
                ("characters", later("Characters marked alike")),
            ),
            change="minor",
        ),
        Setting(
            "agree_within",
            later("Answers agree up to this distance (1 - F1)"),
            "number",
            default=0,
            low=0,
            high=1,
            change="minor",
        ),
        Setting("at_most", later("Spans at most"), "whole", default=200, low=1, high=MOST, change="minor"),
    )

    def context(self, question: Question, item: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """`text` (None where the item has none), its `segments`, the `marks` that stand, the `rows` of the plain form."""
        text = item.get(self.setting(question, "field"))
        text = text if isinstance(text, str) else None
        rows = _marked.rows(value, self.parts)
        marks = [mark for mark in rows if text is not None and _fits(mark, len(text))]
        return {
            "text": text,
            "segments": segments(text or "", marks),
            "marks": marks,
            "rows": rows,
            "nothing": value == [],
            "snap": self.setting(question, "snap"),
            "overlapping": self.setting(question, "overlapping"),
            "at_most": self.setting(question, "at_most"),
        }

    def completed(self, question: Question, rows: list[Any], item: Mapping[str, Any]) -> list[Any]:
        text = self.whole(question, item)
        return [_row(number, row, text) for number, row in enumerate(rows, 1)]

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        found = super().parse_json(question, value, item)
        if not self.setting(question, "overlapping"):
            self._check_apart(found)
        return found

    def _check_apart(self, spans: Sequence[Mapping[str, Any]]) -> None:
        reach = 0
        for span in spans:
            if span["start"] < reach:
                raise BadValue(
                    _("%(words)s overlaps another span, which this question does not allow")
                    % {"words": self.words(span)}
                )
            reach = max(reach, span["end"])

    def drafted(self, texts: Collection[str], offered: Collection[str]) -> dict[str, Any]:
        """With the labels that are named, else the one label `span`; overlapping where any two do."""
        said = [_marked.pairs(text) for text in texts]
        labels = sorted({span[2] for spans in said for span in spans})
        crossed = any(
            a[1] > b[0] for spans in said for a, b in itertools.pairwise(sorted(span[:3] for span in spans))
        )
        return {
            "labels": [{"value": one, "title": one.capitalize()} for one in labels or [_marked.UNNAMED]],
            "settings": {"overlapping": crossed},
        }

    def from_text(self, question: Question, text: str, item: Mapping[str, Any]) -> Any:
        """Of a JSON list of spans, of `[start, end]` or `[start, end, label]`; what stands there is the item's unless said."""
        whole = self.whole(question, item)
        spans = [
            {"start": start, "end": end, "label": label, "text": whole[start:end] if said is None else said}
            for start, end, label, said in dict.fromkeys(_marked.pairs(text))
        ]
        return self.parse_json(question, spans, item)

    def whole(self, question: Question, item: Mapping[str, Any]) -> str:
        """The text that is marked. Raises `BadValue` where the item has none."""
        name = self.setting(question, "field")
        found = item.get(name)
        if not isinstance(found, str):
            raise BadValue(
                _("the item has no text in its field %(name)r, so nothing of it can be marked")
                % {"name": name}
            )
        return found

    def checked(self, number: int, mark: Mapping[str, Any], whole: str) -> dict[str, Any]:
        start, end, surface = mark["start"], mark["end"], mark["text"]
        if type(start) is not int or type(end) is not int:
            raise BadValue(_("span %(number)s has no whole numbers as start and end") % {"number": number})
        if start < 0 or end > len(whole):
            raise BadValue(
                _(
                    "span %(number)s goes from %(start)s to %(end)s, but the text has the characters 0 to "
                    "%(n_text)s"
                )
                % {"number": number, "start": start, "end": end, "n_text": len(whole)}
            )
        if start >= end:
            raise BadValue(
                _("span %(number)s goes from %(start)s to %(end)s: its end lies not behind its start")
                % {"number": number, "start": start, "end": end}
            )
        if surface != whole[start:end]:
            raise BadValue(
                _(
                    "span %(number)s says %(surface)r, but from %(start)s to %(end)s stands %(text)r; places "
                    "count Unicode code points"
                )
                % {
                    "number": number,
                    "surface": str(surface)[:50],
                    "start": start,
                    "end": end,
                    "text": whole[start:end][:50],
                }
            )
        return {"start": start, "end": end, "label": mark["label"], "text": surface}

    def place(self, mark: Mapping[str, Any]) -> tuple[int, int, str]:
        return mark["start"], mark["end"], mark["label"]

    def words(self, mark: Mapping[str, Any]) -> str:
        words = " ".join(str(mark["text"]).split())
        return f"“{words[:40]}{'…' if len(words) > 40 else ''}” ({mark['start']} to {mark['end']})"

    def distance(self, question: Question, a: Any, b: Any) -> float:
        """`1 - F1` of the two lists, as the question measures; spans match only under the same label."""
        first, second = [*map(self.place, a)], [*map(self.place, b)]
        match self.setting(question, "measure"):
            case "exact":
                return 1.0 - matching.exact(first, second)
            case "overlap":
                return 1.0 - matching.overlapping(first, second, matching.overlap_of_ranges)
        return 1.0 - matching.covering(first, second)

    def overlay(
        self, question: Question, item: Mapping[str, Any], readings: Sequence[tuple[str, Any]]
    ) -> dict[str, Any] | None:
        """The text in pieces: `{"parts", "tags", "whose", "same"}`; `tags` are `(whose, label)` of what begins there."""
        text = item.get(self.setting(question, "field"))
        if not isinstance(text, str):
            return None
        marks = [{**span, "whose": whose} for whose, value in readings for span in value]
        return {"pieces": [self._piece(question, piece, marks, readings) for piece in segments(text, marks)]}

    def _piece(
        self,
        question: Question,
        piece: Mapping[str, Any],
        marks: Sequence[Mapping[str, Any]],
        readings: Sequence[tuple[str, Any]],
    ) -> dict[str, Any]:
        over = [marks[place] for place in piece["marks"]]
        by = {whose: {mark["label"] for mark in over if mark["whose"] == whose} for whose, _ in readings}
        begun = [mark for mark in over if mark["start"] == piece["start"]]
        return {
            "parts": piece["parts"],
            "tags": [(mark["whose"], _options.title(question, mark["label"])) for mark in begun],
            "whose": " · ".join(whose for whose, labels in by.items() if labels),
            "same": len({frozenset(labels) for labels in by.values()}) == 1,
        }

    def sample(self) -> dict[str, Any]:
        question = {
            "key": "names",
            "kind": "spans",
            "title": "Which names stand in the text?",
            "required": True,
            "labels": [{"value": "person", "title": "Person"}, {"value": "place", "title": "Place"}],
        }
        text = "👨🏻‍🚒 Ada met Zoë\r\nin שלום"

        def span(start: int, end: int, label: str) -> dict[str, Any]:
            return {"start": start, "end": end, "label": label, "text": text[start:end]}

        person, place = span(5, 8, "person"), span(21, 25, "place")
        return {
            "question": question,
            "item": {"text": text},
            "values": [[person, place], [person], [span(13, 18, "person")], []],
            "bad": [
                *(None, 1, "person", {}, [1], [None], [[]], [{}]),
                *([person, person], [{**person, "text": "ada"}], [{**person, "label": "dog"}]),
                *([{**person, "start": 8, "end": 5}], [{**person, "start": -1}], [{**person, "end": 10**9}]),
                *(
                    [{**person, "end": 5, "text": ""}],
                    [{**person, "start": 5.0}],
                    [{**person, "start": True}],
                ),
                *([{**person, "colour": "red"}], [span(5, 8, "person"), span(7, 12, "place")]),
                [span(0, 1, "person")] * (MOST + 1),
            ],
        }


def segments(text: str, marks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The text in pieces that no mark begins or ends within: `{"start", "parts", "marks"}`, `marks` the places of those over it.

    `parts` is what stands between carriage returns, which a page has to write in a way of their own.
    """
    edges = sorted({0, len(text), *(mark["start"] for mark in marks), *(mark["end"] for mark in marks)})
    return [
        {
            "start": start,
            "parts": text[start:end].split("\r"),
            "marks": [k for k, mark in enumerate(marks) if mark["start"] <= start and end <= mark["end"]],
        }
        for start, end in itertools.pairwise(edges)
    ]


def _fits(mark: Mapping[str, Any], length: int) -> bool:
    start, end = mark.get("start"), mark.get("end")
    return type(start) is int and type(end) is int and 0 <= start < end <= length


def _row(number: int, row: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A row of the plain form as a span: by its places, or by words that stand in the text once."""
    label, words = str(row.get("label") or ""), str(row.get("text") or "")
    start, end = row.get("start"), row.get("end")
    if not label:
        raise BadValue(_("row %(number)s has no label") % {"number": number})
    if start is None and end is None:
        start, end = _found(number, words, text)
    if type(start) is not int or type(end) is not int:
        raise BadValue(
            _("row %(number)s needs both places as whole numbers, or neither and the words")
            % {"number": number}
        )
    surface = text[start:end] if 0 <= start < end else ""
    # A line of a form holds no line ends, so what it showed of a text that has some comes back without them.
    if words and words.split() != surface.split():
        raise BadValue(
            _("row %(number)s: from %(start)s to %(end)s stands %(surface)r, not %(words)r")
            % {"number": number, "start": start, "end": end, "surface": surface[:50], "words": words[:50]}
        )
    return {"start": start, "end": end, "label": label, "text": surface}


def _found(number: int, words: str, text: str) -> tuple[int, int]:
    at = text.find(words) if words else -1
    if at < 0:
        raise BadValue(
            _("row %(number)s: %(words)r does not stand in the text")
            % {"number": number, "words": words[:50]}
        )
    if (n := text.count(words)) > 1:
        raise BadValue(
            _("row %(number)s: %(words)r stands %(n)s times in the text; say from where to where")
            % {"number": number, "words": words[:50], "n": n}
        )
    return at, at + len(words)


task_type = Spans()
