"""A text in free words, or a text of the item put right (`correct` names its field). A value is the text. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from specs import edits
from specs.problems import Problem
from specs.task_types import _patterns
from specs.task_types.base import BadValue, Question, Setting, TaskType, field, given
from specs.wording import _, later

MOST = 20_000
SHOWN_DIFF = 20_000
"""Characters of both texts together up to which the server shows what was changed; the page's script does so as one writes."""


class Text(TaskType):
    name = later("Text: free words, or a text put right")
    level = "text"
    labelled = False
    settings = (
        Setting(
            "correct",
            later("Field of the item whose text is to be put right"),
            "text",
            hint=later("Empty for a free answer."),
        ),
        Setting("min_length", later("Fewest characters"), "whole", 1, low=0, high=MOST),
        Setting("max_length", later("Most characters"), "whole", 2_000, low=1, high=MOST),
        Setting(
            "must_match",
            later("Patterns that the whole text must fit"),
            "lines",
            hint=later("One a line, in the syntax of RE2: [A-Z]{3}-\\d+"),
        ),
        Setting(
            "must_not_match",
            later("Patterns that must not occur in it"),
            "lines",
            hint=later("One a line, in the syntax of RE2."),
        ),
        Setting("rule_help", later("What to say where a pattern is not kept"), "text", change="minor"),
        Setting("fold", later("Case and white space make no difference"), "yes", False, change="minor"),
        Setting(
            "agree_within",
            later("Answers agree up to this distance"),
            "number",
            0,
            low=0,
            high=0.99,
            hint=later("The share of characters that differ: 0.1 lets every tenth differ."),
            change="minor",
        ),
    )

    def problems(self, question: Question) -> list[Problem]:
        where = f"question {question.get('key', '')}"
        found = []
        if self.setting(question, "max_length") < self.setting(question, "min_length"):
            found.append(Problem(where, _("most characters is below fewest characters")))
        for name in ("must_match", "must_not_match"):
            for pattern in self.setting(question, name) or ():
                if why := _patterns.problem(pattern):
                    found.append(
                        Problem(
                            where,
                            _("the pattern %(pattern)r cannot be read: %(why)s")
                            % {"pattern": pattern[:80], "why": why},
                        )
                    )
        return found

    def posed_with(self, question: Question) -> tuple[str, ...]:
        """The text that is put right."""
        corrected = self.setting(question, "correct")
        return (corrected,) if corrected else ()

    def context(self, question: Question, item: Mapping[str, Any], value: Any) -> dict[str, Any]:
        original = self._original(question, item) if self.setting(question, "correct") else None
        shown = value if isinstance(value, str) else original or ""
        return {
            "shown": shown,
            "original": original,
            "runs": _runs(original, shown) if original is not None else [],
            "fewest": self.setting(question, "min_length"),
            "most": self.setting(question, "max_length"),
        }

    def _original(self, question: Question, item: Mapping[str, Any]) -> str | None:
        found = item.get(self.setting(question, "correct"))
        return _plain(found) if isinstance(found, str) else None

    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        """The text of the form; white space alone is no answer, as long as an empty one is none."""
        texts = given(form, question)
        text = _plain(texts[-1]) if texts else ""
        if not text.strip() and (self.setting(question, "min_length") > 0 or field(question) not in form):
            return None
        return self.parse_json(question, text, item)

    def entered(self, question: Question, form: Mapping[str, Any]) -> Any:
        """Nothing written is nothing; of a text to be put right it is that all of it was taken out."""
        texts = given(form, question)
        emptied = self.setting(question, "correct") and field(question) in form
        return _plain(texts[-1]) if texts else "" if emptied else None

    def from_text(self, question: Question, text: str, item: Mapping[str, Any]) -> Any:
        return self.parse_json(question, text, item)

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        if not isinstance(value, str):
            raise BadValue(_("the answer is a text"))
        text = _plain(value)
        if any(unicodedata.category(character) == "Cs" or character == "\0" for character in text):
            raise BadValue(_("holds a character that no text has: NUL or half of a pair"))
        if self.setting(question, "correct"):
            if self._original(question, item) is None:
                raise BadValue(
                    _("the item has no text %(setting)r to be put right")
                    % {"setting": self.setting(question, "correct")}
                )
        else:
            text = text.strip()
        self._check_length(question, text)
        self._check_patterns(question, text)
        return text

    def _check_length(self, question: Question, text: str) -> None:
        fewest, most = self.setting(question, "min_length"), self.setting(question, "max_length")
        if len(text) < fewest:
            raise BadValue(
                _("has %(n_text)s characters; at least %(fewest)s are asked for")
                % {"n_text": len(text), "fewest": fewest}
            )
        if len(text) > most:
            raise BadValue(
                _("has %(n_text)s characters; at most %(most)s are taken")
                % {"n_text": len(text), "most": most}
            )

    def _check_patterns(self, question: Question, text: str) -> None:
        wanted, unwanted = (
            self.setting(question, "must_match") or (),
            self.setting(question, "must_not_match") or (),
        )
        help_text = self.setting(question, "rule_help")
        for pattern in wanted:
            if not _patterns.fits(pattern, text):
                raise BadValue(help_text or _("does not fit the pattern %(pattern)s") % {"pattern": pattern})
        for pattern in unwanted:
            if _patterns.occurs(pattern, text):
                raise BadValue(
                    help_text or _("holds what must not occur: %(pattern)s") % {"pattern": pattern}
                )

    def key(self, question: Question, value: Any) -> str:
        return " ".join(value.casefold().split()) if self.setting(question, "fold") else str(value)

    def overlay(
        self, question: Question, item: Mapping[str, Any], readings: Sequence[tuple[str, Any]]
    ) -> dict[str, Any] | None:
        """`first` is whose text the others are held against: `others` of `(whose, runs)`; nothing where texts are too long."""
        if len(readings) < 2:
            return None
        (whose, text), *rest = readings
        others = [{"whose": other, "runs": _runs(str(text), str(said))} for other, said in rest]
        return {"first": whose, "others": others} if all(one["runs"] for one in others) else None

    def distance(self, question: Question, a: Any, b: Any) -> float:
        """Edits of a character (Levenshtein 1966) as a share of the longer text."""
        one, other = self.key(question, a), self.key(question, b)
        longer = max(len(one), len(other))
        return edits.edit_distance(one, other) / longer if longer else 0.0

    def describe(self, question: Question, value: Any) -> str:
        return str(value) or "(empty)"

    def sample(self) -> dict[str, Any]:
        question = {
            "key": "summary",
            "kind": "text",
            "title": "Say it in a few words",
            "required": True,
            "settings": {
                "min_length": 2,
                "max_length": 60,
                "must_not_match": ["(?i)lorem"],
                "must_match": ["(?s)[^#]*"],
            },
        }
        return {
            "question": question,
            "item": {},
            "values": ["a cat sleeps", "A cat sleeps", "zwei\nZeilen", "שלום 👩‍👩‍👧 é", "a  cat"],
            "bad": ["", "x", "y" * 61, "Lorem ipsum", "a # b", "a\0b", "\ud800b", 1, None, ["text"]],
        }


def _plain(text: str) -> str:
    """Line breaks as `\\n`: forms send `\\r\\n`, whatever was written."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _runs(original: str, text: str) -> list[edits.Run]:
    if original == text or len(original) + len(text) > SHOWN_DIFF:
        return []
    return edits.words(original, text, islands=True)


task_type = Text()
