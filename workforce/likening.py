"""What repeats within a delivery, and what it repeats of what is known: the same content, and nearly the same.

Call it between the check and the activation of a load, inside its transaction. A row that is left out is not staged any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from specs.refusals import Invalid
from workforce.models import Load, Twin, TwinKind

TWINS = ("keep", "leave_out")
_BATCH = 500

_SAME = """
    WITH fresh AS MATERIALIZED (
        SELECT line, key, digest FROM workforce_stagedrow WHERE load_number = %(load)s AND known IS NULL
    ), twice AS MATERIALIZED (SELECT digest FROM fresh GROUP BY digest HAVING count(*) > 1
    ), within AS (
        SELECT f.line, f.key, first_value(f.key) OVER w AS of, row_number() OVER w AS place
        FROM fresh f JOIN twice USING (digest) WINDOW w AS (PARTITION BY f.digest ORDER BY f.line)
    ), outside AS (
        SELECT f.line, f.key, (SELECT min(i.key) FROM workforce_item i
                               WHERE i.digest = f.digest AND i.project_id = %(project)s AND i.key <> f.key) AS of
        FROM fresh f
    )
    SELECT line, key, of, false AS within FROM outside WHERE of IS NOT NULL
    UNION ALL
    SELECT w.line, w.key, w.of, true FROM within w
    WHERE w.place > 1 AND NOT EXISTS (SELECT 1 FROM outside o WHERE o.line = w.line AND o.of IS NOT NULL)
    ORDER BY line
"""
_STAGED = """
    SELECT s.line, s.key, s.payload::text FROM workforce_stagedrow s
    WHERE s.load_number = %(load)s AND s.known IS NULL AND s.line > %(after)s AND NOT s.line = ANY(%(known_twins)s)
    ORDER BY s.line LIMIT %(limit)s
"""
_ITEMS = """
    SELECT i.id, i.key, i.payload::text FROM workforce_item i
    WHERE i.project_id = %(project)s AND i.id < %(before)s ORDER BY i.id DESC LIMIT %(limit)s
"""


def compare(*, load: Load) -> None:
    """Report the twins of a load's new rows, and leave them out if it says so; sets `n_same`, `n_near`, `n_left_out`."""
    leave_out = load.options.get("twins") == "leave_out"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(_SAME, {"load": load.pk, "project": load.project_id})
        found = [(TwinKind.SAME, *row, 1.0) for row in cursor.fetchall()]
        cursor.execute("SET LOCAL enable_nestloop = on")
    load.n_same = len(found)
    if load.options.get("near"):
        near = _near(load, [row[1] for row in found])
        load.n_near = len(near)
        found += near
    Twin.objects.bulk_create(
        [
            Twin(
                project_id=load.project_id,
                load=load,
                kind=kind,
                line=line,
                key=key,
                of=of,
                within=within,
                likeness=likeness,
                left_out=leave_out,
            )
            for kind, line, key, of, within, likeness in found[: settings.MAX_REPORTED_TWINS]
        ],
        batch_size=1000,
    )
    if leave_out and found:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM workforce_stagedrow WHERE load_number = %s AND line = ANY(%s)",
                [load.pk, [row[1] for row in found]],
            )
            load.n_left_out = cursor.rowcount
        load.n_staged -= load.n_left_out
    load.save(update_fields=["n_same", "n_near", "n_left_out", "n_staged"])


def text_of(payload: Any) -> str:
    """The words of an item: every text in its payload, in the order of its fields."""
    match payload:
        case str():
            return payload
        case dict():
            return "\n".join(filter(None, (text_of(payload[name]) for name in sorted(payload))))
        case list():
            return "\n".join(filter(None, map(text_of, payload)))
        case _:
            return ""


def _near(load: Load, twins: list[int]) -> list[tuple[Any, ...]]:
    """`(kind, line, key, of, within, likeness)` of the rows that are nearly the same as an earlier one or a known one."""
    import numpy as np

    from workforce import sketching

    places: list[tuple[bool, int]] = []  # staged?, then the line or the item's number
    bits, bands = [], []
    for staged, rows in ((False, _items(load)), (True, _staged(load, twins))):
        for batch in rows:
            texts = [text_of(json.loads(payload)) for _, _, payload in batch]
            some_bits, some_bands = sketching.sketch(texts)
            bits.append(some_bits)
            bands.append(some_bands)
            places += [(staged, number) for number, _, _ in batch]
            if len(places) > settings.MAX_COMPARED_ITEMS + load.n_rows:
                raise Invalid(_("There are too many items to compare."))
    if not places or not places[-1][0]:
        return []
    pairs = sketching.candidates(np.concatenate(bits), np.concatenate(bands), at_least=settings.NEAR_LIKENESS)
    best: dict[int, tuple[float, bool, str, str]] = {}
    wanted: list[tuple[int, int]] = []
    for left, right in pairs:
        if places[right][0]:
            wanted.append((left, right))
        if len(wanted) >= _BATCH:
            _judge(load, wanted, places, best)
            wanted = []
    _judge(load, wanted, places, best)
    return [
        (TwinKind.NEAR, line, key, of, within, likeness)
        for line, (likeness, within, key, of) in sorted(best.items())
    ]


def _judge(
    load: Load,
    pairs: list[tuple[int, int]],
    places: list[tuple[bool, int]],
    best: dict[int, tuple[float, bool, str, str]],
) -> None:
    """Compare the texts of candidate pairs themselves, and keep the closest partner of each row."""
    from workforce import sketching

    asked = {place for pair in pairs for place in pair}
    lines = [places[place][1] for place in asked if places[place][0]]
    items = [places[place][1] for place in asked if not places[place][0]]
    texts: dict[tuple[bool, int], tuple[str, str]] = {}
    with connection.cursor() as cursor:
        for staged, query, values in (
            (
                True,
                "SELECT line, key, payload::text FROM workforce_stagedrow WHERE load_number = %s AND line = ANY(%s)",
                lines,
            ),
            (
                False,
                "SELECT id, key, payload::text FROM workforce_item WHERE project_id = %s AND id = ANY(%s)",
                items,
            ),
        ):
            cursor.execute(query, [load.pk if staged else load.project_id, values])
            for number, key, payload in cursor.fetchall():
                texts[staged, number] = (key, text_of(json.loads(payload)))
    for left, right in pairs:
        of, other = texts[places[left]]
        key, text = texts[places[right]]
        alike = sketching.likeness(other, text)
        line = places[right][1]
        if alike >= settings.NEAR_LIKENESS and (line not in best or best[line][0] < alike):
            best[line] = (alike, places[left][0], key, of)


def _staged(load: Load, twins: list[int]) -> Iterator[list[tuple[int, str, str]]]:
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_STAGED, {"load": load.pk, "after": after, "known_twins": twins, "limit": _BATCH})
            batch = cursor.fetchall()
        if not batch:
            return
        yield batch
        after = batch[-1][0]


def _items(load: Load) -> Iterator[list[tuple[int, str, str]]]:
    """The project's newest items, up to a limit."""
    before, left = 2**62, settings.MAX_COMPARED_ITEMS
    while left > 0:
        with connection.cursor() as cursor:
            cursor.execute(_ITEMS, {"project": load.project_id, "before": before, "limit": min(_BATCH, left)})
            batch = cursor.fetchall()
        if not batch:
            return
        yield batch
        before, left = batch[-1][0], left - len(batch)
