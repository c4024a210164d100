"""One item becomes several, since it holds more than one thing to judge.

(nothing) -> items and open tasks in the same queue: split
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from specs import canonical
from specs.models import Member
from specs.refusals import Invalid
from workforce import routing
from workforce.models import Item, Task

CANNOT = "split"
"""Why the item itself has no label any more."""
MOST_PARTS = 50
RULE_OFF = "---"
"""The line that stands between two parts."""


@dataclass(frozen=True)
class Split:
    """The field of the item that is divided, and what stands in it in each of the new items."""

    field: str
    parts: Sequence[str]

    @classmethod
    def typed(cls, field: str, text: str) -> Split:
        """From a text with a line of three dashes between the parts."""
        parts: list[list[str]] = [[]]
        for line in text.replace("\r\n", "\n").split("\n"):
            if line.strip() == RULE_OFF:
                parts.append([])
            else:
                parts[-1].append(line)
        return cls(field, [part for lines in parts if (part := "\n".join(lines).strip())])


def fields(item: Item) -> list[tuple[str, str]]:
    """The fields that can be divided, with what stands in them."""
    return [(name, value) for name, value in item.payload.items() if isinstance(value, str) and value.strip()]


def split(*, task_id: int, into: Split, by: Member) -> list[int]:
    """The ids of the new items, each with a task in the same queue. Call it under the task's lock. Raises `Invalid`."""
    task = Task.objects.select_related("item", "queue").get(pk=task_id)
    item, parts = task.item, [part.strip() for part in into.parts]
    if into.field not in dict(fields(item)):
        raise Invalid(_("The item has no text in the field %(field)s.") % {"field": into.field[:80]})
    if not 2 <= len(parts) <= MOST_PARTS or not all(parts) or len(set(parts)) < len(parts):
        raise Invalid(_("An item is split into 2 to %(most)d parts that differ.") % {"most": MOST_PARTS})
    keys = [f"{item.key[:190]}/{number}" for number in range(1, len(parts) + 1)]
    if Item.objects.filter(project=task.project_id, key__in=keys).exists():
        raise Invalid(_("There is an item %(key)s already.") % {"key": keys[0]})
    made = [
        _part(item, key, {**item.payload, into.field: text}) for key, text in zip(keys, parts, strict=True)
    ]
    routing.route_many(item_ids=made, queue=task.queue, meaning=task.meaning, by=by)
    return made


def _part(item: Item, key: str, payload: dict[str, object]) -> int:
    return Item.objects.create(
        project_id=item.project_id,
        key=key,
        payload=payload,
        digest=canonical.digest(canonical.dumps(payload)),
        sensitive=item.sensitive,
    ).pk
