"""The questions of a version as a labelling configuration of Label Studio, and back. Pure.

A question is one control (`Choices`, `Rating`, …) named by its key. What Label Studio has no words for stands in the attribute
`concordat` of the control, which it passes over, so that a configuration read back is the same questions. It is told as left
out all the same, because nobody is asked like that there. Both ways end with such a list, in words.

Source: the tags of Label Studio's documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from specs import schema, task_types
from specs.wording import _

Question = Mapping[str, Any]
Read = tuple[list[dict[str, Any]], list[str]]
ITEM = "item"
"""The name of the object that questions without a field of their own are about."""
REST = "concordat"
LONGEST = 1_000_000  # characters
TAGS = {
    "choice": "Choices",
    "multichoice": "Choices",
    "rating": "Rating",
    "number": "Number",
    "text": "TextArea",
    "spans": "Labels",
    "boxes": "RectangleLabels",
    "ranking": "Ranker",
}
_KINDS = {
    "Choices": "choice",
    "Rating": "rating",
    "Number": "number",
    "TextArea": "text",
    "Labels": "spans",
    "RectangleLabels": "boxes",
    "Ranker": "ranking",
}
_OBJECTS = (
    "Text",
    "Image",
    "List",
    "HyperText",
    "Audio",
    "Video",
    "Paragraphs",
    "TimeSeries",
    "Table",
    "Pdf",
)
_MARKS = ("spans", "boxes")
COLOURS = ("blue", "green", "amber", "red", "violet", "grey")
_NATIVE = {
    "rating": ("min", "max"),
    "number": ("min", "max", "whole"),
    "text": ("correct",),
    "spans": ("field",),
    "boxes": ("field",),
    "ranking": ("ties",),
}
"""Settings of a kind that Label Studio knows as well."""
MOST_PLACES = 50


class BadConfig(ValueError):
    """The text is no labelling configuration; the message says why."""


def written(questions: Sequence[Question]) -> tuple[str, list[str]]:
    """The configuration that asks these questions, and what Label Studio does not do of them."""
    view, left_out = Element("View"), list[str]()
    for field, tag in _objects(questions).items():
        SubElement(view, tag, {"name": field[0], "value": f"${field[1]}"})
    if any(not field_of(question) for question in questions):
        left_out.append(_("Of an item only its field “text” is shown; add what else people have to see."))
    for question in questions:
        SubElement(view, "Header", {"value": question["title"]})
        if question.get("help"):
            SubElement(view, "Header", {"value": question["help"], "size": "5"})
        _control(view, question, questions, left_out)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n", left_out


def field_of(question: Question) -> str:
    """The field of the item that a question's control is about; empty for the item as a whole."""
    kind = question["kind"]
    if kind in _MARKS:
        return str(_setting(question, "field"))
    if kind == "text":
        return str(_setting(question, "correct") or "")
    if kind == "ranking":
        return str(question.get("options_from") or options_field(question))
    return ""


def options_field(question: Question) -> str:
    """The field of a task that brings the things to rank of a question that names them itself."""
    return f"{REST}_{question['key']}"


def as_number(question: Question) -> bool:
    """Whether a rating is asked as a number there: stars begin with one."""
    return question["kind"] == "rating" and _setting(question, "min") != 1


def _objects(questions: Sequence[Question]) -> dict[tuple[str, str], str]:
    """The objects that are shown, by name and field of the task."""
    found: dict[tuple[str, str], str] = {}
    if any(not field_of(question) for question in questions):
        found[ITEM, "text"] = "Text"
    for question in questions:
        if field := field_of(question):
            tag = {"boxes": "Image", "ranking": "List"}.get(question["kind"], "Text")
            found[field, field] = tag
    return found


def _control(view: Element, question: Question, questions: Sequence[Question], left_out: list[str]) -> None:
    key, kind = question["key"], question["kind"]
    tag = "Number" if as_number(question) else TAGS[kind]
    told = {"name": key, "toName": field_of(question) or ITEM}
    if question.get("required", True):
        told["required"] = "true"
    told |= _told(question)
    condition = question.get("shown_when")
    if condition:
        told |= _condition(condition, questions) or {}
    control = SubElement(view, tag, told)
    _labels(control, question)
    rest = _rest(question)
    if rest:
        control.set(REST, json.dumps(rest, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
    unknown = sorted(set(rest.get("settings", {})) - set(_NATIVE.get(kind, ())))
    if unknown:
        left_out.append(
            _("%(key)s: Label Studio knows no %(names)s") % {"key": key, "names": ", ".join(unknown)}
        )
    if as_number(question):
        left_out.append(_("%(key)s: is asked as a number, since stars begin with 1") % {"key": key})
    if condition and "visibleWhen" not in told:
        left_out.append(_("%(key)s: is asked always, since its condition is on no choice") % {"key": key})
    if question.get("options_from"):
        left_out.append(
            _("%(key)s: its options are read from %(field)s where that is a list of objects")
            % {"key": key, "field": question["options_from"]}
        )


def _told(question: Question) -> dict[str, str]:
    """What the kind is in attributes of its tag."""
    kind = question["kind"]
    if kind in ("choice", "multichoice"):
        several = {"choice": "multiple" if kind == "multichoice" else "single"}
        return several | ({"value": f"${question['options_from']}"} if question.get("options_from") else {})
    if kind == "rating" and not as_number(question):
        return {"maxRating": str(_setting(question, "max"))}
    if kind in ("rating", "number"):
        ends = {name: _setting(question, name) for name in ("min", "max")}
        whole = {"step": "1"} if kind == "rating" or _setting(question, "whole") else {}
        return {name: str(value) for name, value in ends.items() if value is not None} | whole
    return {"maxSubmissions": "1"} if kind == "text" else {}


def _labels(control: Element, question: Question) -> None:
    labels = question.get("labels") or ()
    if question["kind"] == "ranking":
        if _setting(question, "ties"):
            for place in range(1, (len(labels) or MOST_PLACES) + 1):
                SubElement(control, "Bucket", {"name": str(place), "title": str(place)})
        return
    tag = "Choice" if control.tag == "Choices" else "Label"
    for label in labels:
        value, title = label["value"], label.get("title")
        told = {"value": title, "alias": value} if title else {"value": value}
        if label.get("shortcut"):
            told["hotkey"] = label["shortcut"]
        if label.get("colour"):
            told["background"] = label["colour"]
        SubElement(control, tag, told)


def _condition(condition: Mapping[str, Any], questions: Sequence[Question]) -> dict[str, str] | None:
    """A condition on a choice, in its words; None for others, and where its values have commas, which part them there."""
    parent = next((one for one in questions if one["key"] == condition["question"]), None)
    if parent is None or TAGS.get(parent["kind"]) != "Choices":
        return None
    titles = {label["value"]: label.get("title") or label["value"] for label in parent.get("labels") or ()}
    values = [titles.get(value, value) for value in condition["values"]]
    if any("," in value for value in values):
        return None
    return {
        "visibleWhen": "choice-selected",
        "whenTagName": parent["key"],
        "whenChoiceValue": ",".join(values),
    }


def _rest(question: Question) -> dict[str, Any]:
    """What tags do not say: settings other than the kind's defaults, the kind where a tag stands for two, things to rank."""
    kind = task_types.get(question["kind"])
    defaults = task_types.own_settings.clean(kind.settings, {})
    own = {
        k: v for k, v in (question.get("settings") or {}).items() if v is not None and defaults.get(k) != v
    }
    found: dict[str, Any] = {"settings": own} if own else {}
    if as_number(question):
        found["kind"] = "rating"
    if question["kind"] == "ranking" and question.get("labels"):
        found["labels"] = question["labels"]
    if question.get("shown_when"):
        found["shown_when"] = question["shown_when"]
    if (question.get("cite") or "default") != "default":
        found["cite"] = question["cite"]
    return found


def _setting(question: Question, name: str) -> Any:
    return task_types.get(question["kind"]).setting(question, name)


# --- Back


def read(text: str) -> Read:
    """The questions of a configuration, as a draft takes them, and what of it has no place here. Raises `BadConfig`."""
    view = _parsed(text)
    fields = {
        one.get("name", ""): (one.tag, (one.get("value") or one.get("valueList") or "").lstrip("$"))
        for one in view.iter()
        if one.tag in _OBJECTS
    }
    found: list[dict[str, Any]] = []
    left_out: list[str] = []
    headers: list[str] = []
    for element in view.iter():
        if element.tag == "Header":
            headers.append(element.get("value", ""))
        elif element.get("toName") is not None or element.tag == "Relations":
            question = _question(element, fields, headers, found, left_out)
            headers = []
            if question is not None:
                found.append(question)
    if not found:
        raise BadConfig(_("The configuration asks nothing that a question here can be."))
    return schema.clean(found), left_out


def _parsed(text: str) -> Element:
    """The tree; a document type, which could name entities, is refused."""
    if len(text) > LONGEST:
        raise BadConfig(_("The configuration is longer than %(most)s characters.") % {"most": LONGEST})
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise BadConfig(_("A configuration has no document type."))
    try:
        return ElementTree.fromstring(text)  # noqa: S314 (no entities without a document type)
    except (ElementTree.ParseError, ValueError) as error:
        raise BadConfig(_("The configuration is not XML: %(error)s.") % {"error": error}) from error


def key_of(name: str) -> str:
    """The key that a control's name becomes."""
    found = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")[:63]
    return found if re.match(r"[a-z]", found) else f"q_{found}"[:63].rstrip("_")


def _question(
    element: Element,
    fields: Mapping[str, tuple[str, str]],
    headers: Sequence[str],
    earlier: Sequence[Question],
    left_out: list[str],
) -> dict[str, Any] | None:
    name = element.get("name") or element.tag
    why = _why_not(element, fields)
    if why:
        left_out.append(f"{name} ({element.tag}): {why}")
        return None
    rest = _kept(element)
    kind = "multichoice" if element.get("choice") == "multiple" else _KINDS[element.tag]
    kind = rest.get("kind", kind) if rest.get("kind") in task_types.kinds() else kind
    key = key_of(name)
    if key != name:
        left_out.append(_("%(name)s: its key is %(key)s here") % {"name": name, "key": key})
    if any(one["key"] == key for one in earlier):
        left_out.append(_("%(name)s: there is a question of this key before it") % {"name": name})
        return None
    _tag, field = fields.get(element.get("toName", ""), ("", ""))
    question: dict[str, Any] = {
        "key": key,
        "kind": kind,
        "title": headers[0] if headers else name,
        "help": " ".join(headers[1:]),
        "required": element.get("required") == "true",
        "labels": rest.get("labels") or _labels_of(element, left_out, name),
        "cite": rest.get("cite"),
        "shown_when": rest.get("shown_when") or _shown_when(element, earlier, left_out, name),
        "settings": {**_settings_of(element, kind, field), **rest.get("settings", {})},
    }
    if element.tag == "Choices" and element.get("value"):
        question["options_from"] = element.get("value", "").lstrip("$")
    if kind == "ranking" and not question["labels"]:
        question["options_from"] = field
    return question


def _why_not(element: Element, fields: Mapping[str, tuple[str, str]]) -> str:
    if element.tag not in _KINDS:
        return _("no kind of question here takes it")
    if "true" in (element.get("perRegion"), element.get("perItem")):
        return _("is asked of each mark, and questions here are asked of the item")
    shown = fields.get(element.get("toName", ""), ("", ""))[0]
    if (element.tag, shown) not in (("Labels", "Text"), ("RectangleLabels", "Image")) and element.tag in (
        "Labels",
        "RectangleLabels",
    ):
        return _("marks something else than a text or an image")
    if element.tag == "Ranker" and _kept(element) == {} and [one for one in element if one.tag == "Bucket"]:
        names = [one.get("name", "") for one in element if one.tag == "Bucket"]
        if names != [str(place) for place in range(1, len(names) + 1)]:
            return _("sorts into groups, and no kind of question here does")
    return ""


def _kept(element: Element) -> dict[str, Any]:
    """What a configuration that was written here kept for reading it back."""
    try:
        found = json.loads(element.get(REST) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _labels_of(element: Element, left_out: list[str], name: str) -> list[dict[str, str]]:
    found, plain = [], 0
    for one in element.iter("Choice" if element.tag == "Choices" else "Label"):
        value, alias = (one.get("value") or "").strip(), (one.get("alias") or "").strip()
        label = {"value": alias, "title": value} if alias else {"value": value}
        if one.get("hotkey"):
            label["shortcut"] = str(one.get("hotkey"))
        colour = one.get("background")
        if colour in COLOURS:
            label["colour"] = str(colour)
        plain += colour is not None and colour not in COLOURS
        found.append({k: v for k, v in label.items() if v})
    if plain:
        left_out.append(_("%(name)s: colours of %(n)s labels") % {"name": name, "n": plain})
    if any(len(one.get("shortcut", "")) > 1 for one in found):
        left_out.append(_("%(name)s: keys of more than one character") % {"name": name})
        found = [{k: v for k, v in one.items() if k != "shortcut" or len(v) == 1} for one in found]
    return found


def _shown_when(
    element: Element, earlier: Sequence[Question], left_out: list[str], name: str
) -> dict[str, Any] | None:
    """The condition of an element or of what it stands in, where it is on a choice before it."""
    if element.get("visibleWhen") is None:
        return None
    parent = next((one for one in earlier if one["key"] == key_of(element.get("whenTagName") or "")), None)
    if (
        element.get("visibleWhen") != "choice-selected"
        or parent is None
        or not element.get("whenChoiceValue")
    ):
        left_out.append(_("%(name)s: is shown by a condition that is not on labels") % {"name": name})
        return None
    values = {label.get("title") or label["value"]: label["value"] for label in parent["labels"]}
    named = [one.strip() for one in str(element.get("whenChoiceValue")).split(",")]
    return {"question": parent["key"], "values": [values.get(one, one) for one in named]}


def _settings_of(element: Element, kind: str, field: str) -> dict[str, Any]:
    if kind == "rating" and element.tag == "Rating":
        return {"min": 1, "max": int(_figure(element.get("maxRating")) or 5)}
    if kind in ("number", "rating"):
        ends = {name: _figure(element.get(name)) for name in ("min", "max")}
        step = _figure(element.get("step"))
        whole = {"whole": True} if kind == "number" and step is not None and step == int(step) else {}
        return {name: value for name, value in ends.items() if value is not None} | whole
    if kind in _MARKS:
        return {"field": field} if field else {}
    if kind == "ranking":
        return {"ties": any(one.tag == "Bucket" for one in element)}
    return {}


def _figure(text: str | None) -> int | float | None:
    try:
        found = float(text or "")
    except ValueError:
        return None
    return int(found) if found == int(found) else found
