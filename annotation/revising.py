"""Correcting one's own answer while its task is open.

    annotation in force -> superseded, with the next revision in force: revise

Nothing is edited: a correction is a row of its own under the same slot and ordinal, and the newest revision is what counts. It is
judged under the version that was served for the slot. Once a task has ended, or a lead has it, its answers stay as they are; an
answer that a reviewer has decided on changes by rework only (`reworking`).

An answer to gold that is told at once, to practice, to a test or as a shadow cannot be corrected: what was expected is known by
then. Silent gold and repeats are corrected like work, so that nobody tells them from it, and are judged anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation import parsing, probing, reckoning, submitting, superseding
from annotation.models import Annotation, Source
from specs import prepared, versions
from specs.models import Member
from specs.refusals import Invalid, KeyReused, Refusal, Stale
from workforce import slots
from workforce.models import Annotator, Queue


class Settled(Refusal):
    """The task has ended or is with a lead, or what was expected was told: the answer stays as it is."""

    code = "answer-stands"
    status = 409


class TooFarBack(Refusal):
    """It is not among the last answers that the queue lets its annotators correct."""

    code = "answer-too-far-back"
    status = 409


@dataclass(frozen=True)
class Given:
    """One of her own answers in a queue as it stands. `correctable` says whether `revise` would take a correction now."""

    assignment_id: int
    task_id: int
    item_key: str
    version_id: int
    values: Mapping[str, Any]
    cannot: str
    answered_at: datetime
    seconds_ago: float
    revision: int
    correctable: bool


@dataclass(frozen=True)
class Fresh:
    """The answer that was given just now. `open` says that its task goes on, and nobody has reviewed it."""

    assignment_id: int
    open: bool


Undoable = Given | Fresh


_LAST = """
    SELECT s.id, s.task_id, i.key, a.version_id, a.values::text, a.cannot, a.answered_at,
           extract(epoch FROM statement_timestamp() - s.submitted_at)::float, a.revision, {open}
    FROM workforce_assignment s
    JOIN workforce_task t ON t.id = s.task_id
    JOIN workforce_item i ON i.id = t.item_id
    JOIN workforce_queue q ON q.id = s.queue_id
    JOIN LATERAL (SELECT * FROM annotation_annotation a WHERE a.assignment_id = s.id AND a.source = 'live'
                  ORDER BY a.revision DESC LIMIT 1) a ON true
    WHERE s.annotator_id = %(annotator)s::bigint AND s.queue_id = %(queue)s::bigint AND s.state = 'submitted'
    ORDER BY s.submitted_at DESC, s.id DESC LIMIT {n}
"""
# Silent probes stay correctable as work does that is still open; what a reviewer has decided on stands.
_OPEN = """(t.state = 'open' AND NOT EXISTS (
    SELECT FROM annotation_review r WHERE r.assignment_id = s.id AND r.state NOT IN ('open', 'withdrawn')) OR EXISTS (
    SELECT FROM workforce_probe p WHERE p.task_id = t.id
       AND (p.purpose = 'repeat' OR p.purpose = 'gold' AND q.gold_feedback = 'silent')))"""


def last(*, annotator: Annotator, queue: Queue) -> list[Given]:
    """Her last answers in the queue, newest first: as many as the queue lets her correct."""
    query = _LAST.format(open=_OPEN, n=int(queue.n_correctable))
    return [given(row) for row in prepared.run(query, {"annotator": annotator.pk, "queue": queue.pk})]


LAST_ONE = _LAST.format(open=_OPEN, n=1)
"""Her last answer in a queue, as `given` reads it."""


def given(row: Sequence[Any]) -> Given:
    return Given(*[*row[:4], json.loads(row[4]), *row[5:]])


def undoable(newest: Given, *, queue: Queue) -> Given | None:
    """Her last answer, within the queue's window for taking it up again, while it can be corrected."""
    soon = newest.seconds_ago <= queue.undo_for.total_seconds()
    return newest if soon and newest.correctable and queue.n_correctable else None


def undoable_at_once(fresh: Fresh, *, queue: Queue) -> Fresh | None:
    """The same of one that was given just now."""
    return fresh if fresh.open and queue.undo_for and queue.n_correctable else None


def in_force(*, annotator: Annotator, assignment_id: int) -> Annotation:
    """Her answer of that slot as it stands, its task and item with it. Raises `TaskGone`."""
    found = (
        Annotation.objects.counted()
        .filter(annotator=annotator, assignment=assignment_id, source=Source.LIVE)
        .select_related("task__item", "queue", "annotator")
        .prefetch_related("citations__clause", "notes")
        .first()
    )
    if found is None:
        raise submitting.TaskGone(_("There is no such answer."))
    return found


def revise(
    *,
    annotator: Annotator,
    assignment_id: int,
    answer: submitting.Answer,
    seen: int,
    client_key: str,
    by: Member | None,
) -> submitting.Receipt:
    """Put *answer* in place of the one in force; returns its receipt. `seen` is the revision that the writer corrected.

    The same `client_key` again gives the first receipt. Raises `TaskGone`, `Settled`, `TooFarBack`, `Stale` (it was corrected
    elsewhere meanwhile; nothing is stored), `KeyReused`, and `Invalid` as `submitting.submit` does.
    """
    if not 8 <= len(client_key) <= 100 or not client_key.isprintable():
        raise Invalid(_("The client key has 8 to 100 printable characters."))
    with transaction.atomic():
        before = in_force(annotator=annotator, assignment_id=assignment_id)
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=None)
        assert slot is not None
        before = in_force(annotator=annotator, assignment_id=assignment_id)
        version = versions.read(before.version_id)
        values = parsing.parse(version, answer.values, slot.payload)
        if before.client_key == client_key:
            if before.values != values:
                raise KeyReused(_("This client key came before with another answer."))
            return _receipt(before, since=before.answered_at)
        _check(annotator, before, seen)
        questions, clauses = parsing.citations(version, answer.citations, values)
        made = superseding.supersede(
            before=before,
            values=values,
            questions=questions,
            clauses=clauses,
            flagged=answer.flagged,
            confidence=answer.confidence,
            note=answer.note,
            client_key=client_key,
            by=by,
        )
        if slot.task_state == "withdrawn":
            probing.judge_again(slot=slot, version_id=version.id, values=values)
        if slot.task_state == "open":
            reckoning.reckon(task_id=slot.task_id)
    return _receipt(made)


def _check(annotator: Annotator, before: Annotation, seen: int) -> None:
    queue = before.queue
    place = next(
        (one for one in last(annotator=annotator, queue=queue) if one.assignment_id == before.assignment_id),
        None,
    )
    if place is None:
        raise TooFarBack(
            _("Only your last %(n_correctable)s answers in this queue can be corrected.")
            % {"n_correctable": queue.n_correctable}
        )
    if not place.correctable:
        raise Settled(
            _("This task has ended, or a lead or a reviewer has looked at it: your answer stays as it is.")
        )
    if before.revision != seen:
        raise Stale(
            _("You corrected this answer in another window meanwhile."),
            revision=before.revision,
            values=before.values,
        )


def _receipt(made: Annotation, *, since: datetime | None = None) -> submitting.Receipt:
    return submitting.Receipt(
        "counted", made.pk, made.task_id, made.queue_id, made.served_digest, since=since
    )
