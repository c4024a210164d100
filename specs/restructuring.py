"""The order and the joints of a draft: places, sections, splitting and merging.

    draft -> draft: move_clause, step_clause, rename_section, split_clause, merge_clauses

A clause that came out of another, or took another in, keeps its ancestors, so that statistics and relabelling can follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import clauses as clause_shape
from specs.drafting import KeyTaken, add_clause, as_it_stands, lock, record_edit, withdraw_clause
from specs.models import DraftClause, Lineage, Member, SpecVersion
from specs.refusals import Invalid, Stale


def move_clause(*, clause: DraftClause, to: int, section: str | None = None, by: Member | None) -> None:
    """Put a clause at place *to* (counting from 1), in *section* if one is named; the others close up."""
    with transaction.atomic():
        draft = lock(clause.version)
        ordered = _ordered(draft)
        moving = _found(ordered, clause)
        ordered.remove(moving)
        ordered.insert(max(0, min(to - 1, len(ordered))), moving)
        if section is not None:
            moving.section = section.strip()
        _write(ordered)
        record_edit(draft, by, "clause-moved", clause.clause.key)


def step_clause(*, clause: DraftClause, to: Literal["up", "down"], by: Member | None) -> None:
    """One step through the outline: past its neighbour, or over the edge of a section into the next one."""
    with transaction.atomic():
        draft = lock(clause.version)
        ordered = _ordered(draft)
        moving = _found(ordered, clause)
        place = ordered.index(moving)
        beside = place + (1 if to == "down" else -1)
        if not 0 <= beside < len(ordered):
            if not moving.section:
                return
            moving.section = ""  # at the edge of the outline the next step leads out of the section
        elif ordered[beside].section != moving.section:
            moving.section = ordered[
                beside
            ].section  # over the edge: the same place, in the neighbour's section
        else:
            ordered.insert(beside, ordered.pop(place))
        _write(ordered)
        record_edit(draft, by, "clause-moved", clause.clause.key)


def rename_section(*, draft: SpecVersion, old: str, new: str, by: Member | None) -> None:
    """Give a section another title; an empty one dissolves it."""
    if len(new.strip()) > clause_shape.MAX_TITLE:
        raise Invalid(
            _("A section's title has at most %(max_title)s characters.")
            % {"max_title": clause_shape.MAX_TITLE}
        )
    with transaction.atomic():
        draft = lock(draft)
        if not DraftClause.objects.filter(version=draft, section=old).update(section=new.strip()):
            raise Invalid(_("There is no section %(old)r in this draft.") % {"old": old[:80]})
        record_edit(draft, by, "section-renamed", "")


def split_clause(
    *,
    clause: DraftClause,
    key: str,
    title: str,
    blocks: Sequence[int],
    revision: int | None = None,
    by: Member | None,
) -> DraftClause:
    """Take the blocks with these places (counting from 1) out of a clause into a new one right behind it.

    The new clause governs the same and knows what it was split from. Raises `Stale`, and `Invalid` when nothing would be
    left in one of the two.
    """
    with transaction.atomic():
        draft = lock(clause.version)
        ordered = _ordered(draft)
        source = _found(ordered, clause)
        if revision is not None and source.revision != revision:
            raise Stale(_("Somebody reworded this clause meanwhile."), **as_it_stands(source))
        chosen = {place for place in blocks if 1 <= place <= len(source.blocks)}
        if not chosen or len(chosen) == len(source.blocks):
            raise Invalid(_("Each of the two clauses needs at least one block."))
        if there := next((row for row in ordered if row.clause.key == key), None):
            raise KeyTaken(
                _("There is a clause %(key)s in this draft already.") % {"key": key}, **as_it_stands(there)
            )
        taken = [block for place, block in enumerate(source.blocks, 1) if place in chosen]
        source.blocks = [block for place, block in enumerate(source.blocks, 1) if place not in chosen]
        source.revision, source.edited_by, source.edited_at = source.revision + 1, by, Now()
        source.save()
        made = add_clause(
            draft=draft,
            key=key,
            title=title,
            blocks=taken,
            governs=source.governs,
            section=source.section,
            ancestors=[{"key": source.clause.key, "kind": Lineage.SPLIT.value}],
            by=by,
        )
        move_clause(clause=made, to=source.position + 1, by=by)
    made.refresh_from_db()
    return made


def merge_clauses(
    *,
    into: DraftClause,
    other: DraftClause,
    revision: int | None = None,
    other_revision: int | None = None,
    by: Member | None,
) -> DraftClause:
    """Take *other* into *into*: its blocks behind, what either governs, and both their ancestors; *other* is withdrawn.

    Raises `Stale` when either was reworded after the revisions that were seen; `details["clauses"]` holds both as they stand.
    """
    if into.pk == other.pk:
        raise Invalid(_("A clause cannot be merged with itself."))
    with transaction.atomic():
        draft = lock(into.version)
        rows = {row.pk: row for row in _ordered(draft)}
        if not {into.pk, other.pk} <= rows.keys():
            raise Invalid(_("Both clauses have to stand in this draft."))
        kept, gone = rows[into.pk], rows[other.pk]
        if any(
            seen is not None and row.revision != seen
            for row, seen in ((kept, revision), (gone, other_revision))
        ):
            both = [{"key": row.clause.key, **as_it_stands(row)} for row in (kept, gone)]
            raise Stale(_("Somebody reworded one of the two clauses meanwhile."), clauses=both)
        kept.blocks = [*kept.blocks, *(block for block in gone.blocks if block not in kept.blocks)]
        if len(kept.blocks) > settings.MAX_BLOCKS:
            raise Invalid(
                _("Together they have more than %(max_blocks)s blocks.") % {"max_blocks": settings.MAX_BLOCKS}
            )
        kept.governs = _united(kept.governs, gone.governs)
        known = {entry["key"] for entry in kept.ancestors} | {kept.clause.key}
        merged = {"key": gone.clause.key, "kind": Lineage.MERGED.value}
        kept.ancestors = [
            *kept.ancestors,
            *(entry for entry in [merged, *gone.ancestors] if entry["key"] not in known),
        ]
        kept.revision, kept.edited_by, kept.edited_at = kept.revision + 1, by, Now()
        kept.save()
        withdraw_clause(clause=gone, by=by)
        record_edit(draft, by, "clauses-merged", kept.clause.key)
    kept.refresh_from_db()
    return kept


def _united(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What two clauses govern together; the whole question (no values, no pairs) wins over single labels of it."""
    found: dict[str, dict[str, Any]] = {}
    for entry in [*a, *b]:
        known = found.get(entry["question"])
        whole = not entry.get("values") and not entry.get("pairs")
        if known is None or whole:
            found[entry["question"]] = dict(entry)
        elif known.get("values") or known.get("pairs"):
            for name in ("values", "pairs"):
                known[name] = [*(known.get(name) or []), *(entry.get(name) or [])]
    united: list[dict[str, Any]] = clause_shape.clean({"governs": list(found.values())})["governs"]
    return united


def _ordered(draft: SpecVersion) -> list[DraftClause]:
    rows = DraftClause.objects.filter(version=draft).select_related("clause", "version", "edited_by__user")
    return list(rows.order_by("position"))


def _found(ordered: list[DraftClause], clause: DraftClause) -> DraftClause:
    found = next((row for row in ordered if row.pk == clause.pk), None)
    if found is None:
        raise Invalid(_("This clause was withdrawn from the draft meanwhile."))
    return found


def _write(ordered: list[DraftClause]) -> None:
    for position, row in enumerate(ordered, 1):
        row.position = position
    DraftClause.objects.bulk_update(ordered, ["position", "section"])
