"""A kind's own settings: what a question says besides its title, labels and conditions. Pure.

A kind declares them (`TaskType.settings`); they are kept under `settings` of a question, edited with the widget of their type,
checked here, and an edit of one is a change of the class it declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from specs.problems import Problem
from specs.wording import _, number

Change = Literal["patch", "minor", "major"]
Type = Literal["whole", "number", "text", "lines", "choice", "yes"]
MAX_TEXT, MAX_LINES = 2_000, 100


@dataclass(frozen=True)
class Setting:
    """One setting. `whole` and `number` lie in [low, high]; `lines` is a list of texts; `choices` are values with titles."""

    name: str
    title: str
    type: Type
    default: Any = None
    choices: tuple[tuple[str, str], ...] = ()
    low: float | None = None
    high: float | None = None
    hint: str = ""
    change: Change = "major"

    def read(self, text: str) -> Any:
        """What somebody wrote, as its type; a text that is none stays as it is, for `problem` to refuse. None for nothing."""
        text = text.strip()
        if self.type == "yes":
            return bool(text)
        if self.type == "lines":
            return [line.strip() for line in text.splitlines() if line.strip()] or None
        if not text:
            return None
        if self.type in ("whole", "number"):
            return _number(text)
        return text

    def shown(self, value: Any) -> Any:
        """A value as its widget shows it."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def problem(self, value: Any) -> str | None:
        """Why the value is none of this setting's, in words."""
        if value is None:
            return None
        match self.type:
            case "whole" if not isinstance(value, int) or isinstance(value, bool):
                return _("is a whole number")
            case "number" if not isinstance(value, int | float) or isinstance(value, bool):
                return _("is a number")
            case "yes" if not isinstance(value, bool):
                return _("is true or false")
            case "text" if not isinstance(value, str) or len(value) > MAX_TEXT:
                return _("is a text of at most %(max_text)s characters") % {"max_text": MAX_TEXT}
            case "choice" if value not in [known for known, _title in self.choices]:
                return _("is one of %(choices)s") % {
                    "choices": ", ".join(known for known, _title in self.choices)
                }
            case "lines" if not isinstance(value, list) or len(value) > MAX_LINES:
                return _("is a list of at most %(max_lines)s texts") % {"max_lines": MAX_LINES}
            case "lines" if not all(isinstance(line, str) and len(line) <= MAX_TEXT for line in value):
                return _("is a list of texts of at most %(max_text)s characters") % {"max_text": MAX_TEXT}
            case "whole" | "number" if self.low is not None and value < self.low:
                return _("is at least %(low)s") % {"low": number(self.low, None)}
            case "whole" | "number" if self.high is not None and value > self.high:
                return _("is at most %(high)s") % {"high": number(self.high, None)}
        return None


def _number(text: str) -> int | float | str:
    if len(text) > 30:
        return text
    try:
        return int(text)
    except ValueError:
        try:
            found = float(text.replace(",", "."))  # as in answers: a point or a comma before the decimals
        except ValueError:
            return text
        return found if abs(found) < 1e300 else text


def clean(settings: Sequence[Setting], given: Any) -> dict[str, Any]:
    """The settings of a kind with defaults filled in; what is None is left out."""
    known = given if isinstance(given, Mapping) else {}
    found = {one.name: one.default if known.get(one.name) is None else known[one.name] for one in settings}
    return {name: value for name, value in found.items() if value is not None}


def problems(where: str, settings: Sequence[Setting], given: Any) -> Iterable[Problem]:
    """What is wrong with a question's settings as written."""
    if given is None:
        return
    if not isinstance(given, Mapping):
        yield Problem(where, _("settings is an object of names and values"))
        return
    unknown = sorted(set(map(str, given)) - {one.name for one in settings})
    if unknown:
        yield Problem(where, _("has no settings named %(unknown)s") % {"unknown": ", ".join(unknown)[:100]})
    for one in settings:
        if why := one.problem(given.get(one.name)):
            yield Problem(where, f"{_(one.title)} ({one.name}) {why}")


def changes(
    settings: Sequence[Setting], old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[tuple[Change, str]]:
    """`(class of change, what changed)` between two questions of one kind."""
    before, after = clean(settings, old.get("settings")), clean(settings, new.get("settings"))
    return [
        (one.change, _("the setting “%(setting)s” changed") % {"setting": _(one.title)})
        for one in settings
        if before.get(one.name) != after.get(one.name)
    ]
