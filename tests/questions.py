"""One question of each kind that takes no text or picture of the item, and items for them."""

from __future__ import annotations

from typing import Any

TOPICS: dict[str, Any] = {
    "key": "topics",
    "kind": "multichoice",
    "title": "What is it about?",
    "options_from": "more",
    "labels": [{"value": "law", "title": "Law"}, {"value": "nothing", "title": "Nothing at all"}],
    "settings": {"max": 3, "alone": ["nothing"]},
}
SEVERITY: dict[str, Any] = {
    "key": "severity",
    "kind": "rating",
    "title": "How severe is it?",
    "settings": {"min": 1, "max": 5, "low_title": "not at all", "high_title": "very"},
}
WHY: dict[str, Any] = {
    "key": "why",
    "kind": "text",
    "title": "Why so severe?",
    "shown_when": {"question": "severity", "values": ["4", "5"]},
    "settings": {"max_length": 200},
}
ORDER: dict[str, Any] = {
    "key": "order",
    "kind": "ranking",
    "title": "Which reply is best?",
    "labels": [
        {"value": value, "title": title}
        for value, title in (("a", "The first"), ("b", "The second"), ("c", "The third"))
    ],
}
FIXED: dict[str, Any] = {
    "key": "fixed",
    "kind": "text",
    "title": "Put the sentence right",
    "settings": {"correct": "text"},
}
HEIGHT: dict[str, Any] = {
    "key": "height",
    "kind": "number",
    "title": "How high is it?",
    "settings": {"unit": "m", "min": 0},
}
ALL = (TOPICS, SEVERITY, WHY, ORDER, FIXED, HEIGHT)


def item(number: int) -> dict[str, Any]:
    return {"key": f"item-{number}", "text": f"This are sentence {number}.", "more": ["art", "sport"]}
