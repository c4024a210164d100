"""Accepting answers.

    leased slot -> submitted slot with its annotation: submit
    (nothing) -> late answer: submit, when the lease is lost and no slot of the task is free

The lease token is a fencing token checked under the slot's lock; the client key makes a repeated request one answer. Settling
happens in the same transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotation import accepting, parsing, probing, recording, reworking, settling
from annotation.models import Annotation, LateAnswer, Source
from specs import canonical, ledger, task_types, versions
from specs.models import Member
from specs.refusals import Invalid, KeyReused, Refusal
from specs.schema import BadAnswer
from workforce import leasing, restarting, slots
from workforce.models import Annotator, Assignment, Citing

LOOKS = 3


class TaskGone(Refusal):
    code = "no-such-assignment"
    status = 404


class VersionChanged(Refusal):
    """Another version came into force since the task was served, and the queue has its annotators asked.

    `in_force` is its number; the answer can be sent again with `keep_version`, or the task be taken again.
    """

    code = "version-changed"
    status = 409


@dataclass(frozen=True)
class Receipt:
    """What happened to an answer: `outcome` is `counted` or `late`; `annotation_id` is None for a late one.

    `since` is when it came, where this is the receipt of a repeated request.

    `feedback` says what was expected, where the item was gold and its queue tells at once (`workforce.judging.feedback`).
    """

    outcome: str
    annotation_id: int | None
    task_id: int
    queue_id: int
    served_digest: str
    since: datetime | None = None
    feedback: Sequence[Mapping[str, Any]] = ()

    @property
    def repeated(self) -> bool:
        return self.since is not None


@dataclass(frozen=True)
class Answer:
    """An answer as a client gives it: values by question, cited clause keys by question (or `no-clause-fits`).

    `confidence` is how sure its author is, from 1 to 5.
    `keep_version` says that it is meant under the version that was served, although another one is in force by now.
    """

    values: Mapping[str, Any]
    citations: Mapping[str, Sequence[str]]
    flagged: bool = False
    note: str = ""
    keep_version: bool = False
    confidence: int | None = None


class Written(Protocol):
    """An answer that is read once the version it was served under, and the item, are known: a form, say."""

    def __call__(self, *, version: versions.ReadVersion, payload: Mapping[str, Any]) -> Answer: ...


@dataclass(frozen=True)
class Submitted:
    """A receipt, and the next task if it was asked for and one was there at once. `settled`: the task ended with the answer."""

    receipt: Receipt
    next: leasing.Served | None
    settled: bool


def submit(
    *,
    annotator: Annotator,
    assignment_id: int,
    token: uuid.UUID,
    answer: Answer,
    client_key: str,
    by: Member | None,
) -> Receipt:
    """Store an answer, complete its slot and settle the task when the wanted answers are in.

    The same `client_key` again gives the first receipt; with another body it is refused (`KeyReused`). When the lease is
    lost, the answer counts only if a slot of the task is free, under a new lease taken here; otherwise it is kept as late.
    Raises `Invalid` (the answer does not fit the served version; nothing is stored, the lease stays), `TaskGone`, and
    `LeaseLost` where there never was a lease under this token: nobody picks a task by naming its assignment.
    """
    plain = submit_plain(
        annotator=annotator,
        assignment_id=assignment_id,
        token=token,
        answer=answer,
        client_key=client_key,
        by=by,
    )
    if plain is not None:
        return plain.receipt
    with transaction.atomic():
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)
        if slot is None:
            raise TaskGone(_("There is no such assignment."))
        if not slot.live:
            repeated = _repeated(annotator, assignment_id, client_key, answer)
            if repeated is not None:
                return repeated
            if not slots.held_before(assignment_id=assignment_id, annotator=annotator, token=token):
                raise leasing.LeaseLost(_("No lease of this task was ever given to you under this token."))
            return _late(annotator, slot, token, answer, client_key, by)
        assert slot.version_id is not None
        if slot.other_in_force is not None and not answer.keep_version:
            served, now = versions.read(slot.version_id), versions.read(slot.other_in_force)
            raise VersionChanged(
                _(
                    "Version %(now_number)s came into force since you took this task under %(served_number)s. "
                    "Send the answer as it is, or look at the task again under %(now_number)s."
                )
                % {"now_number": now.number, "served_number": served.number},
                served=served.number,
                in_force=now.number,
            )
        return _record(annotator, slot, token, answer, client_key, by)


def submit_plain(
    *,
    annotator: Annotator,
    assignment_id: int,
    token: uuid.UUID,
    answer: Answer | Written,
    client_key: str,
    by: Member | None,
    claim_next: bool = False,
) -> Submitted | None:
    """The answer under a live lease that settles nothing or settles it in agreement; None for all others.

    One statement where another answer is wanted and its author is served the version that she was served before, else two.
    Somebody who answers the same task in the same moment moves it between the two: then it is looked at anew, `LOOKS` times
    at most. Raises `Invalid` and `KeyReused` as `submit` does, and what *answer* does where it is yet to be read.
    """
    if not 8 <= len(client_key) <= 100 or not client_key.isprintable():
        raise Invalid(_("The client key has 8 to 100 printable characters."))
    who: dict[str, Any] = {
        "project_id": annotator.project_id,
        "annotator_id": annotator.pk,
        "assignment_id": assignment_id,
        "token": token,
    }

    def accepted(judged: _Judged) -> recording.Accepted:
        return recording.Accepted(
            **who,
            version_id=judged.version.id,
            values=judged.values,
            questions=judged.questions,
            clauses=judged.clauses,
            flagged=judged.answer.flagged,
            confidence=judged.answer.confidence,
            client_key=client_key,
            by_id=by.pk if by else None,
        )

    looked = None
    served = _served.get(annotator.pk)
    expected = _judge_as_before(served, answer)
    if served is not None and expected is not None:
        with _one_answer_a_key():
            looked, stored = recording.store_at_once(
                accepted(expected), queue_id=served.queue_id, claim_next=claim_next
            )
        if looked is None:
            return None
        if stored is not None:
            return _submitted(looked, stored)
    seen = -1
    for _look in range(LOOKS):
        looked = looked or recording.look(**who)
        if looked is None or looked.n_answers == seen:
            return None
        version = versions.read(looked.version_id)
        _remember(annotator.pk, version, looked.queue_id)
        judged = _judge(version, answer, looked.payload)
        if judged is None:
            return None
        resolving = None
        if looked.answers is not None:
            resolving = settling.foresee(looked, version, judged.values, judged.questions, judged.clauses)
            if resolving is None:
                return None
        with _one_answer_a_key():
            stored = recording.store(
                accepted(judged), looked=looked, resolving=resolving, claim_next=claim_next
            )
        if stored is not None:
            return _submitted(looked, stored, settled=resolving is not None)
        seen, looked = looked.n_answers, None
    return None


@dataclass(frozen=True)
class _Judged:
    """An answer that fits a version: what is stored of it. `questions` and `clauses` run side by side."""

    version: versions.ReadVersion
    answer: Answer
    values: Mapping[str, Any]
    questions: Sequence[str]
    clauses: Sequence[int | None]


def _judge(
    version: versions.ReadVersion, answer: Answer | Written, payload: Mapping[str, Any]
) -> _Judged | None:
    """The answer as it fits the version; None for one with a note, which is not plain. Raises as `submit_plain` does."""
    given = answer if isinstance(answer, Answer) else answer(version=version, payload=payload)
    if given.note.strip():
        return None
    values = parsing.parse(version, given.values, payload)
    return _Judged(version, given, values, *parsing.citations(version, given.citations, values))


@dataclass(frozen=True)
class _Served:
    version: versions.ReadVersion
    queue_id: int


# What an annotator was last served, where the questions ask nothing of the item: most likely it is the same again, and her answer
# can be judged before its slot is looked at. The statement that stores it makes sure.
_MOST_REMEMBERED = 10_000
_served: dict[int, _Served] = {}


def _remember(annotator_id: int, version: versions.ReadVersion, queue_id: int) -> None:
    if len(_served) >= _MOST_REMEMBERED:
        _served.clear()
    if any(task_types.get(question["kind"]).posed_with(question) for question in version.questions):
        _served.pop(annotator_id, None)
    else:
        _served[annotator_id] = _Served(version, queue_id)


def _judge_as_before(served: _Served | None, answer: Answer | Written) -> _Judged | None:
    """The answer judged by the version that she was served before; None where it has to be looked at first."""
    try:
        return _judge(served.version, answer, {}) if served is not None else None
    except (Invalid, BadAnswer):
        return None


def _submitted(looked: recording.Looked, stored: recording.Stored, *, settled: bool = False) -> Submitted:
    receipt = Receipt("counted", stored.annotation_id, looked.task_id, looked.queue_id, looked.served_digest)
    return Submitted(receipt, stored.next, settled)


@contextmanager
def _one_answer_a_key() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise _reused(error) from error


def _reused(error: IntegrityError) -> Exception:
    """What a violated constraint means: the client key came before, for another slot; anything else is a fault."""
    if "annotation_client_key_once" in str(error):
        return KeyReused(_("This client key came before with another answer."))
    return error


def _record(
    annotator: Annotator,
    slot: slots.Slot,
    token: uuid.UUID,
    answer: Answer,
    client_key: str,
    by: Member | None,
) -> Receipt:
    assert slot.version_id is not None
    version = versions.read(slot.version_id)
    values = parsing.parse(version, answer.values, slot.payload)
    questions, clauses = parsing.citations(version, answer.citations, values)
    try:
        annotation_id = accepting.accept(
            annotator=annotator,
            slot=slot,
            token=token,
            client_key=client_key,
            by=by,
            values=values,
            questions=questions,
            clauses=clauses,
            flagged=answer.flagged,
            confidence=answer.confidence,
            note=answer.note,
        )
    except IntegrityError as error:
        raise _reused(error) from error
    told: Sequence[Mapping[str, Any]] = ()
    if slot.task_state == "withdrawn":
        told = probing.judge(slot=slot, annotator=annotator, version_id=version.id, values=values)
    return Receipt("counted", annotation_id, slot.task_id, slot.queue_id, slot.served_digest, feedback=told)


def take_again(
    *, annotator: Annotator, assignment_id: int, token: uuid.UUID, by: Member | None
) -> leasing.Served | None:
    """After `VersionChanged`: the task again under the version in force, or the next one when it is not to be had.

    Raises `TaskGone`, and `LeaseLost` when there is nothing to take again.
    """
    with transaction.atomic():
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)
        if slot is None:
            raise TaskGone(_("There is no such assignment."))
        if not slot.live or slot.other_in_force is None:
            raise leasing.LeaseLost(_("This lease has ended, or no other version came into force."))
        return restarting.retake(slot=slot, annotator=annotator, by=by)


def _repeated(annotator: Annotator, assignment_id: int, client_key: str, answer: Answer) -> Receipt | None:
    """The receipt of the answer that came under this key before. Raises `KeyReused` when that was another answer."""
    known = (
        Annotation.objects.filter(annotator=annotator, client_key=client_key, source=Source.LIVE)
        .prefetch_related("citations__clause")
        .first()
    )
    if known is not None:
        cited: dict[str, set[str]] = {}
        for citation in known.citations.all():
            cited.setdefault(citation.question, set()).add(
                citation.clause.key if citation.clause else parsing.NO_CLAUSE
            )
        same = (
            known.assignment_id in (assignment_id, _reworked(assignment_id))
            and known.values == dict(answer.values)
            and known.flagged == answer.flagged
            and cited == {question: set(keys) for question, keys in answer.citations.items() if keys}
        )
        if not same:
            raise KeyReused(_("This client key came before with another answer."))
        return Receipt(
            "counted", known.pk, known.task_id, known.queue_id, known.served_digest, since=known.answered_at
        )
    late = (
        LateAnswer.objects.filter(annotator=annotator, client_key=client_key)
        .select_related("assignment")
        .first()
    )
    if late is not None:
        if late.values != dict(answer.values):
            raise KeyReused(_("This client key came before with another answer."))
        return Receipt(
            "late", None, late.assignment.task_id, late.assignment.queue_id, "", since=late.received_at
        )
    return None


def _reworked(assignment_id: int) -> int | None:
    """The slot whose answer was reworked under this one: the answer stands there."""
    slot = Assignment.objects.filter(pk=assignment_id).first()
    return reworking.original(slot.task_id) if slot is not None else None


def _late(
    annotator: Annotator,
    slot: slots.Slot,
    token: uuid.UUID,
    answer: Answer,
    client_key: str,
    by: Member | None,
) -> Receipt:
    anew = leasing.claim_anew(
        task_id=slot.task_id,
        annotator=annotator,
        expired_id=slot.assignment_id if slot.own_but_expired else None,
        by=by,
    )
    if anew is not None:
        fresh = slots.lock(assignment_id=anew.assignment_id, annotator=annotator, token=anew.token)
        assert fresh is not None
        assert fresh.live
        try:
            with transaction.atomic():
                return _record(annotator, fresh, anew.token, answer, client_key, by)
        except Invalid:
            leasing.release(assignment_id=anew.assignment_id, annotator=annotator, token=anew.token, by=by)
    event = ledger.record(
        project_id=annotator.project_id,
        kind="annotation.late",
        by=by,
        subject=("assignment", slot.assignment_id),
        data={"annotator": annotator.pk, "task": slot.task_id},
    )
    LateAnswer.objects.create(
        project_id=annotator.project_id,
        assignment_id=slot.assignment_id,
        annotator=annotator,
        token=token,
        client_key=client_key,
        values=dict(answer.values),
        citations=[
            {"question": question, "clauses": list(keys)} for question, keys in answer.citations.items()
        ],
        flagged=answer.flagged,
        confidence=answer.confidence,
        reason="lease-lost",
        event_id=event,
    )
    return Receipt("late", None, slot.task_id, slot.queue_id, "")


def asks_for_clause(
    *, citing: str, share: float, task_id: int, annotator_id: int, question: Mapping[str, Any]
) -> bool:
    """Whether this annotator is asked for a clause on this task: by the question, the queue, or a fixed random share."""
    if question.get("cite") in ("always", "never"):
        return bool(question["cite"] == "always")
    if citing == Citing.SAMPLE:
        drawn = canonical.digest(f"{task_id}:{annotator_id}".encode())[7:15]
        return int(drawn, 16) / 0xFFFFFFFF < share
    return citing == Citing.ALWAYS
