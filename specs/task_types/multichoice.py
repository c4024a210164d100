"""Any number of labels. They stand in the question, come from a field of the item (`options_from`), or both: those of the item
first. A value is the list of the chosen ones, in the order of the options; the empty list says that none fits. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from specs import canonical
from specs.problems import Problem
from specs.task_types import _options
from specs.task_types.base import BadValue, Column, Question, Setting, TaskType, field, given
from specs.wording import _, later

NONE = "none"
DISTANCES = (
    ("masi", later("MASI (a part of the other is nearer)")),
    ("jaccard", later("Jaccard (share in common)")),
)


class MultiChoice(TaskType):
    name = later("Multiple choice: any number of labels")
    level = "set"
    item_options = True
    settings = (
        Setting(
            "min",
            later("Fewest labels"),
            "whole",
            1,
            low=0,
            high=500,
            hint=later("With 0, “none of these” is an answer."),
        ),
        Setting(
            "max",
            later("Most labels"),
            "whole",
            None,
            low=1,
            high=500,
            hint=later("Empty: as many as there are."),
        ),
        Setting(
            "alone",
            later("Values that exclude all others"),
            "lines",
            hint=later("One a line, such as “nothing of it”."),
        ),
        Setting("distance", later("Distance of two answers"), "choice", "masi", DISTANCES, change="minor"),
        Setting(
            "agree_within",
            later("Answers agree up to this distance"),
            "number",
            0,
            low=0,
            high=0.99,
            hint=later("0: only the very same labels agree."),
            change="minor",
        ),
    )

    def problems(self, question: Question) -> list[Problem]:
        where, fewest, most = f"question {question.get('key', '')}", *self._bounds(question)
        labels = [label.get("value") for label in question.get("labels") or ()]
        found = [] if question.get("options_from") else _options.problems(question)
        if most is not None and most < fewest:
            found.append(Problem(where, _("most labels is below fewest labels")))
        if not question.get("options_from") and fewest > len(labels):
            found.append(Problem(where, _("asks for more labels than there are")))
        if fewest > 1 and self.setting(question, "alone"):
            found.append(Problem(where, _("has values that stand alone, and asks for more than one")))
        for value in self.setting(question, "alone") or ():
            if value not in labels:
                found.append(
                    Problem(where, _("%(value)r excludes others, and is no label") % {"value": value[:50]})
                )
        return found

    def _bounds(self, question: Question) -> tuple[int, int | None]:
        return self.setting(question, "min"), self.setting(question, "max")

    def options(self, question: Question, item: Mapping[str, Any]) -> list[dict[str, str]]:
        return _options.of(question, item, and_labels=True)

    def context(self, question: Question, item: Mapping[str, Any], value: Any) -> dict[str, Any]:
        fewest, most = self._bounds(question)
        return {
            "chosen": value if isinstance(value, list) else [],
            "none": value == [],
            "may_be_none": fewest == 0,
            "none_key": self._none_key(question, item),
            "fewest": fewest,
            "most": most,
            "alone": self.setting(question, "alone") or [],
        }

    def _none_key(self, question: Question, item: Mapping[str, Any]) -> str:
        """The digit behind those of the options, where there is one left."""
        try:
            number = len(self.options(question, item)) + 1
        except BadValue:
            return ""
        return str(number) if number <= 9 else ""

    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        chosen = given(form, question)
        if given(form, question, NONE):
            if chosen:
                raise BadValue(_("says that none fits, and names labels as well"))
            return self.parse_json(question, [], item)
        return self.parse_json(question, chosen, item) if chosen else None

    def drafted(self, texts: Collection[str], offered: Collection[str]) -> dict[str, Any]:
        """As labels what no item offers; none at all is an answer where there is an empty one."""
        said = [_several(text) for text in texts]
        own = sorted({one for several in said for one in several} - set(offered))
        settings = {} if all(said) else {"settings": {"min": 0}}
        return {"labels": [{"value": one, "title": one} for one in own], **settings}

    def from_text(self, question: Question, text: str, item: Mapping[str, Any]) -> Any:
        """Of a JSON list, or of values with `|` between."""
        return self.parse_json(question, _several(text), item)

    def entered(self, question: Question, form: Mapping[str, Any]) -> Any:
        chosen = given(form, question)
        return chosen or ([] if given(form, question, NONE) else None)

    def form(self, question: Question, value: Any) -> dict[str, list[str]]:
        return {field(question): list(value)} if value else {field(question, NONE): ["1"]}

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BadValue(_("the answer is a list of the values of labels, as texts"))
        known = [option["value"] for option in self.options(question, item)]
        unknown = sorted(set(value) - set(known))
        if unknown:
            raise BadValue(
                _("%(unknown)r is not one of %(known)s")
                % {"unknown": unknown[0][:50], "known": ", ".join(known[:20])}
            )
        if len(set(value)) != len(value):
            raise BadValue(_("a label is named twice"))
        self._check_number(question, value)
        alone = sorted(set(value) & set(self.setting(question, "alone") or ()))
        if alone and len(value) > 1:
            raise BadValue(_("%(titles)s excludes all others") % {"titles": self._titles(question, alone)})
        return [one for one in known if one in set(value)]

    def _check_number(self, question: Question, value: Sequence[str]) -> None:
        fewest, most = self._bounds(question)
        if len(value) < fewest:
            raise BadValue(
                _("choose at least %(fewest)s; %(n_value)s chosen")
                % {"fewest": fewest, "n_value": len(value)}
            )
        if most is not None and len(value) > most:
            raise BadValue(
                _("choose at most %(most)s; %(n_value)s chosen") % {"most": most, "n_value": len(value)}
            )

    def distance(self, question: Question, a: Any, b: Any) -> float:
        """Jaccard `1 - |A&B|/|A|B|`, or MASI: the similarity counts 2/3 if one contains the other, 1/3 if they only overlap.

        Source: Passonneau 2006. Two empty sets have distance 0.

        >>> task_type.distance({"key": "k"}, ["1", "2"], ["1", "2", "3", "4"])
        0.6666666666666667
        """
        one, other = set(a), set(b)
        if one == other:
            return 0.0
        common = len(one & other) / len(one | other)
        if self.setting(question, "distance") == "jaccard":
            return 1 - common
        return 1 - common * (2 / 3 if one <= other or other <= one else 1 / 3)

    def key(self, question: Question, value: Any) -> str:
        return super().key(question, sorted(value))

    def merge(self, question: Question, values: Sequence[Any]) -> Any:
        """The labels that more than half of the answers have, where that is an answer; else the one nearest to all."""
        counts: dict[str, int] = {}
        for one in (one for value in values for one in value):
            counts[one] = counts.get(one, 0) + 1
        order = {label["value"]: place for place, label in enumerate(question.get("labels") or ())}
        most = [one for one, n in counts.items() if 2 * n > len(values)]
        merged = sorted(most, key=lambda one: order.get(one, -1))
        same = next((value for value in values if set(value) == set(merged)), None)
        return super().merge(question, values) if same is None else same

    def _titles(self, question: Question, value: Sequence[str]) -> str:
        return ", ".join(_options.title(question, one) for one in value)

    def describe(self, question: Question, value: Any) -> str:
        return self._titles(question, value) if value else _("none of these")

    def columns(self, question: Question) -> dict[str, Column]:
        """All in one column, as a JSON list; each label of the question in a column of its own."""
        return super().columns(question) | {name: "yes" for name, _ in _options.columns(question)}

    def rows(self, question: Question, value: Any) -> dict[str, Any]:
        return super().rows(question, value) | {
            name: label in value for name, label in _options.columns(question)
        }

    def sample(self) -> dict[str, Any]:
        question = {
            "key": "topics",
            "kind": "multichoice",
            "title": "What is it about?",
            "required": True,
            "labels": [{"value": "art", "title": "Art"}, {"value": "law", "title": "Law"}, {"value": "no"}],
            "options_from": "more",
            "settings": {"min": 0, "max": 3, "alone": ["no"]},
        }
        return {
            "question": question,
            "item": {"more": ["sport", "trade"]},
            "values": [["art"], ["sport", "art"], ["sport", "trade", "law"], ["no"], []],
            "bad": [
                "art",
                ["arts"],
                ["art", "art"],
                ["no", "art"],
                ["sport", "trade", "art", "law"],
                [1],
                None,
                {},
            ],
        }


def _several(text: str) -> list[Any]:
    if text.lstrip().startswith("["):
        try:
            found = canonical.loads_strict(text)
        except canonical.NotCanonical:
            found = None
        if isinstance(found, list):
            return found
    return list(dict.fromkeys(part for part in text.split("|") if part))


task_type = MultiChoice()
