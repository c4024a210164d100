"""What a Label Studio export says of a task: its results by control, and which value they are to a question. Pure.

A task holds `annotations` and `predictions`, each with `result`s of one control (`from_name`) and type. What has no place here
is refused with its reason (`NotCarried`), for the caller to count: half an answer is none.

Source: the formats of results in Label Studio's documentation of exports and of its tags. A place in a text counts UTF-16 units
there and code points here; a rectangle is in per cent of its image there and in pixels here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from specs.wording import _

KINDS: dict[str, tuple[str, ...]] = {
    "choices": ("choice", "multichoice"),
    "rating": ("rating", "choice", "number"),
    "number": ("number", "rating"),
    "textarea": ("text",),
    "labels": ("spans",),
    "rectanglelabels": ("boxes",),
    "ranker": ("ranking",),
}
"""Types of results, and the kinds of question whose value they can be; the first is the one that is made for them."""
MARKS = ("spans", "boxes")
"""Kinds of which an annotation without any result says something too: that there is nothing to mark."""
_SIDES = ("x", "y", "width", "height")


class NotCarried(ValueError):
    """Results that are no value here; the message says why, in words that follow what they are."""


def parts(owner: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list inside another object; none where there is no such list."""
    found = owner.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def control_of(result: Mapping[str, Any]) -> tuple[str, str]:
    """The control and the type of a result."""
    return str(result.get("from_name", ""))[:64], str(result.get("type", ""))[:32]


def chooses_several(result: Mapping[str, Any]) -> bool:
    return len(_listed(result, "choices")) > 1


def value_of(kind: str, results: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> Any:
    """The value that all results of one control, of one annotation or prediction, are to a question of this kind.

    *data* is the task's own. Of boxes a mark has `of`, the size of the image that its pixels are of (`TaskType.from_elsewhere`).
    Raises `NotCarried`.
    """
    for result in results:
        if kind not in KINDS.get(control_of(result)[1], ()):
            raise NotCarried(_("are no answer to a question of the kind %(kind)s") % {"kind": kind})
    if kind == "spans":
        return [span for result in results for span in _spans(result, data)]
    if kind == "boxes":
        return [box for result in results for box in _boxes(result)]
    if len(results) != 1:
        raise NotCarried(_("stand more than once in one annotation"))
    return _VALUES[kind](results[0])


def _choice(result: Mapping[str, Any]) -> str:
    if control_of(result)[1] == "rating":
        return str(_whole(result))
    chosen = _listed(result, "choices")
    if len(chosen) > 1:
        raise NotCarried(_("choose several values"))
    if not chosen or not str(chosen[0]).strip():
        raise NotCarried(_("choose nothing"))
    return str(chosen[0]).strip()


def _choices(result: Mapping[str, Any]) -> list[str]:
    found = [str(one).strip() for one in _listed(result, "choices")]
    if not found or not all(found):
        raise NotCarried(_("choose nothing"))
    return list(dict.fromkeys(found))


def _whole(result: Mapping[str, Any]) -> int:
    number = _number(result)
    if number != int(number):
        raise NotCarried(_("are no whole numbers"))
    return int(number)


def _number(result: Mapping[str, Any]) -> int | float:
    found = _value(result).get(control_of(result)[1])
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise NotCarried(_("hold no number"))
    return found


def _text(result: Mapping[str, Any]) -> str:
    found = _value(result).get("text")
    texts = [found] if isinstance(found, str) else _listed(result, "text")
    texts = [text for text in texts if isinstance(text, str) and text.strip()]
    if len(texts) != 1:
        raise NotCarried(_("hold several texts") if texts else _("hold no text"))
    return str(texts[0])


def _ranking(result: Mapping[str, Any]) -> list[list[str]]:
    """Things in order: a list, one under the control's own name, or groups that are named by their places."""
    found = _value(result).get("ranker")
    name = control_of(result)[0]
    if isinstance(found, dict) and list(found) == [name]:
        found = found[name]
    if isinstance(found, list):
        places: list[Any] = [[one] for one in found]
    elif isinstance(found, dict) and all(
        str(place).isdecimal() or not things for place, things in found.items()
    ):
        places = [
            things
            for _place, things in sorted(found.items(), key=lambda one: (len(one[0]), one[0]))
            if things
        ]
    else:
        raise NotCarried(_("sort things into groups, and are no order"))
    if not places or not all(isinstance(things, list) for things in places):
        raise NotCarried(_("put nothing in order"))
    return [[str(thing) for thing in things] for things in places]


def _spans(result: Mapping[str, Any], data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A span for each of its labels, in code points of the text that it was marked in."""
    value = _value(result)
    start, end, said = value.get("start"), value.get("end"), value.get("text")
    if type(start) is not int or type(end) is not int or not 0 <= start < end:
        raise NotCarried(_("are places in something else than a plain text"))
    texts = [text for name, text in data.items() if isinstance(text, str) and name == result.get("to_name")]
    texts += [text for text in data.values() if isinstance(text, str) and text not in texts]
    for text in texts:
        found = _points(text, start, end)
        if found is not None and (not isinstance(said, str) or said.split() == text[slice(*found)].split()):
            surface = text[slice(*found)]
            return [
                {"start": found[0], "end": found[1], "label": label, "text": surface}
                for label in _labels(result, "labels")
            ]
    raise NotCarried(_("name places where no text of the task has what they say"))


def _points(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Two places in UTF-16 units as places in code points; None beyond the text, or between the halves of a pair."""
    units = text.encode("utf-16-le", "surrogatepass")
    if 2 * end > len(units):
        return None
    try:
        return len(units[: 2 * start].decode("utf-16-le")), len(units[: 2 * end].decode("utf-16-le"))
    except UnicodeDecodeError:
        return None


def _boxes(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A box for each of its labels, in pixels of the image as large as the export says it is."""
    value, told = _value(result), (result.get("original_width"), result.get("original_height"))
    size = [side for side in told if type(side) is int and side >= 1]
    if len(size) < len(told):
        raise NotCarried(_("do not say how large their image is"))
    if value.get("rotation"):
        raise NotCarried(_("are turned, and boxes here stand upright"))
    sides = [value.get(side) for side in _SIDES]
    placed = [side for side in sides if isinstance(side, int | float) and not isinstance(side, bool)]
    if len(placed) < len(sides):
        raise NotCarried(_("have no place on their image"))
    pixels = [side * whole / 100 for side, whole in zip(placed, (*size, *size), strict=True)]
    return [
        {**dict(zip(_SIDES, pixels, strict=True)), "label": label, "of": [*size]}
        for label in _labels(result, "rectanglelabels")
    ]


def _labels(result: Mapping[str, Any], name: str) -> list[str]:
    found = [str(one) for one in _listed(result, name)]
    if not found:
        raise NotCarried(_("are marked without a label"))
    return list(dict.fromkeys(found))


def _value(result: Mapping[str, Any]) -> Mapping[str, Any]:
    found = result.get("value")
    return found if isinstance(found, dict) else {}


def _listed(result: Mapping[str, Any], name: str) -> list[Any]:
    found = _value(result).get(name)
    return found if isinstance(found, list) else []


_VALUES: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "choice": _choice,
    "multichoice": _choices,
    "rating": _whole,
    "number": _number,
    "text": _text,
    "ranking": _ranking,
}
