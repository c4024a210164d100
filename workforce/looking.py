"""The first rows of a file as they would be kept, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from django.conf import settings

from workforce import directing, row_files, rows, signalling
from workforce.models import Queue

SHOWN, LOOKED_AT = 5, 5000


@dataclass
class Seen:
    """What a look at a file gives: some rows, the fields found with how often, and what is wrong so far."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, int] = field(default_factory=dict)
    n_looked: int = 0
    bad: list[dict[str, Any]] = field(default_factory=list)
    n_bad: int = 0
    directed: list[directing.Applied] = field(default_factory=list)
    n_stay: int = 0


def look(
    source: BinaryIO, *, form: str, queue: Queue | None = None, options: Mapping[str, Any] | None = None
) -> Seen:
    """Look at up to `LOOKED_AT` rows, and where the rules of *queue* would send them; *options* are those of the load."""
    seen = Seen(directed=directing.rules_of(queue=queue) if queue else [])
    stream = row_files.unpacked(source)
    said: list[signalling.Staged] = []
    read = rows.read(stream, form=form, max_bytes=settings.MAX_ITEM_BYTES)
    for row in islice(signalling.told(read, options=options or {}, pending=said), LOOKED_AT):
        seen.n_looked += 1
        if isinstance(row, rows.BadRow):
            seen.n_bad += 1
            if len(seen.bad) < 20:
                seen.bad.append({"where": row.line, "message": row.reason})
            continue
        payload = json.loads(row.payload)
        reason = {"reason": said.pop().reason} if said else {}
        taken = directing.first_match(seen.directed, {**payload, **reason})
        if taken is None:
            seen.n_stay += 1
        else:
            taken.n_rows += 1
        for name in payload:
            if name in seen.fields or len(seen.fields) < 100:
                seen.fields[name] = seen.fields.get(name, 0) + 1
        if len(seen.rows) < SHOWN:
            seen.rows.append({"key": row.key, "payload": payload, "sensitive": row.sensitive})
    return seen
