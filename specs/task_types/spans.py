"""Labelled ranges of a text of the item. Pure.

A value is a list of `{"start", "end", "label", "text"}`, by place. `start` and `end` count Unicode code points of the text as it
was loaded, not normalised, with `end` excluded; `text` is what stands there, so that an offset that was counted in other units
(UTF-16, bytes, graphemes) is refused instead of kept. An empty list says that there is nothing to mark, which is an answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from specs import matching
from specs.problems import Problem
from specs.task_types import _marked, _options
from specs.task_types._settings import Setting
from specs.task_types.base import BadValue, Column, Question, TaskType, given
from specs.wording import _, later

MOST = 1000
"""Spans of one answer, whatever its question says."""
_PARTS = ("label", "text", "start", "end")
_DESCRIBED = 8


class Spans(TaskType):
    name = later("Spans: labelled parts of a text")
    level = "spans"
    imported_from = ("spans", "spans")
    item_options = True
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

    def problems(self, question: Question) -> list[Problem]:
        return _marked.problems(question)

    def options(self, question: Question, item: Mapping[str, Any]) -> list[dict[str, str]]:
        return _marked.coloured(_options.of(question, item))

    def shows(self, question: Question) -> tuple[str, ...]:
        return (self.setting(question, "field"),)

    def context(self, question: Question, item: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """`text` (None where the item has none), its `segments`, the `marks` that stand, the `rows` of the plain form."""
        text = item.get(self.setting(question, "field"))
        text = text if isinstance(text, str) else None
        rows = _marked.rows(value, _PARTS)
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

    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        found = self.entered(question, form)
        if found is None:
            return None
        _marked.check_nothing(question, form, found)
        if not given(form, question) and isinstance(found, list):
            text = self.text(question, item)
            found = [_row(number, row, text) for number, row in enumerate(found, 1)]
        return self.parse_json(question, found, item)

    def entered(self, question: Question, form: Mapping[str, Any]) -> Any:
        return _marked.entered(question, form, _PARTS)

    def form(self, question: Question, value: Any) -> dict[str, list[str]]:
        return _marked.form(question, value)

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        _marked.check_list(value, self.setting(question, "at_most"), "spans")
        text = self.text(question, item)
        labels = {option["value"] for option in self.options(question, item)}
        found = sorted(
            (_checked(number, span, text, labels) for number, span in enumerate(value, 1)), key=_place
        )
        for one, other in itertools.pairwise(found):
            if _place(one) == _place(other):
                raise BadValue(_("%(words)s is marked twice with the same label") % {"words": _words(one)})
        if not self.setting(question, "overlapping"):
            _check_apart(found)
        return found

    def drafted(self, texts: Collection[str], offered: Collection[str]) -> dict[str, Any]:
        """With the labels that are named, else the one label `span`; overlapping where any two do."""
        said = [_marked.pairs(text) for text in texts]
        labels = sorted({span[2] for spans in said for span in spans})
        crossed = any(a[1] > b[0] for spans in said for a, b in itertools.pairwise(sorted(spans)))
        return {
            "labels": [{"value": one, "title": one.capitalize()} for one in labels or [_marked.UNNAMED]],
            "settings": {"overlapping": crossed},
        }

    def from_text(self, question: Question, text: str, item: Mapping[str, Any]) -> Any:
        """Of a JSON list of spans, or of `[start, end]` and `[start, end, label]`: what stands there is taken from the item."""
        whole = self.text(question, item)
        spans = [
            {"start": start, "end": end, "label": label, "text": whole[start:end]}
            for start, end, label in dict.fromkeys(_marked.pairs(text))
        ]
        return self.parse_json(question, spans, item)

    def text(self, question: Question, item: Mapping[str, Any]) -> str:
        """The text that is marked. Raises `BadValue` where the item has none."""
        name = self.setting(question, "field")
        found = item.get(name)
        if not isinstance(found, str):
            raise BadValue(
                _("the item has no text in its field %(name)r, so nothing of it can be marked")
                % {"name": name}
            )
        return found

    def distance(self, question: Question, a: Any, b: Any) -> float:
        """`1 - F1` of the two lists, as the question measures; spans match only under the same label."""
        match self.setting(question, "measure"):
            case "exact":
                return 1.0 - matching.exact(map(_place, a), map(_place, b))
            case "overlap":
                return 1.0 - matching.overlapping([*map(_place, a)], [*map(_place, b)], _overlap)
        first, second = _covered(a), _covered(b)
        both = sum(_shared(first[label], second[label]) for label in first.keys() & second.keys())
        return 1.0 - matching.dice(both, _length(first), _length(second))

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

    def columns(self, question: Question) -> dict[str, Column]:
        return {question["key"]: "text", f"{question['key']}:n": "whole"}

    def rows(self, question: Question, value: Any) -> dict[str, Any]:
        """The list as canonical JSON, and how long it is."""
        return {question["key"]: self.key(question, value), f"{question['key']}:n": len(value)}

    def describe(self, question: Question, value: Any) -> str:
        if not value:
            return _("nothing marked")
        named = [f"{_options.title(question, span['label'])}: {_words(span)}" for span in value[:_DESCRIBED]]
        return "; ".join(named) + (
            _("; and %(n_value)s more") % {"n_value": len(value) - _DESCRIBED}
            if len(value) > _DESCRIBED
            else ""
        )

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


def _checked(number: int, span: Any, text: str, labels: set[str]) -> dict[str, Any]:
    """One span of an answer, or why it is none."""
    _marked.check_parts(number, span, _PARTS, "span")
    start, end, surface = span["start"], span["end"], span["text"]
    if type(start) is not int or type(end) is not int:
        raise BadValue(_("span %(number)s has no whole numbers as start and end") % {"number": number})
    if start < 0 or end > len(text):
        raise BadValue(
            _(
                "span %(number)s goes from %(start)s to %(end)s, but the text has the characters 0 to "
                "%(n_text)s"
            )
            % {"number": number, "start": start, "end": end, "n_text": len(text)}
        )
    if start >= end:
        raise BadValue(
            _("span %(number)s goes from %(start)s to %(end)s: its end lies not behind its start")
            % {"number": number, "start": start, "end": end}
        )
    if span["label"] not in labels:
        raise BadValue(
            _("span %(number)s has the label %(label)r, which is not asked for here")
            % {"number": number, "label": str(span["label"])[:50]}
        )
    if surface != text[start:end]:
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
                "text": text[start:end][:50],
            }
        )
    return {"start": start, "end": end, "label": span["label"], "text": surface}


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


def _check_apart(spans: Sequence[Mapping[str, Any]]) -> None:
    reach = 0
    for span in spans:
        if span["start"] < reach:
            raise BadValue(
                _("%(words)s overlaps another span, which this question does not allow")
                % {"words": _words(span)}
            )
        reach = max(reach, span["end"])


def _place(span: Mapping[str, Any]) -> tuple[int, int, str]:
    return span["start"], span["end"], span["label"]


def _words(span: Mapping[str, Any]) -> str:
    words = " ".join(str(span["text"]).split())
    return f"“{words[:40]}{'…' if len(words) > 40 else ''}” ({span['start']} to {span['end']})"


def _overlap(one: tuple[int, int, str], other: tuple[int, int, str]) -> float:
    return matching.overlap_of_ranges(one[:2], other[:2]) if one[2] == other[2] else 0.0


def _covered(spans: Iterable[Mapping[str, Any]]) -> dict[str, list[tuple[int, int]]]:
    """What each label covers: ranges by place that do not touch."""
    found: dict[str, list[tuple[int, int]]] = {}
    for span in sorted(spans, key=_place):
        ranges = found.setdefault(span["label"], [])
        if ranges and span["start"] <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], span["end"]))
        else:
            ranges.append((span["start"], span["end"]))
    return found


def _length(covered: Mapping[str, Sequence[tuple[int, int]]]) -> int:
    return sum(end - start for ranges in covered.values() for start, end in ranges)


def _shared(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> int:
    """How many characters two lists of ranges have in common; both by place."""
    i = j = found = 0
    while i < len(one) and j < len(other):
        found += max(0, min(one[i][1], other[j][1]) - max(one[i][0], other[j][0]))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


task_type = Spans()
