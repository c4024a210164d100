"""A short quiz on what changed, or a qualification on the whole spec, before the first claim under a version.

    (nothing) -> open: begin
    open -> open, passed or failed: answer
    failed -> may try again, or is excused: let_in

What is asked comes from items with known answers that fall under the clauses, and from the examples that the clauses give.
What is drawn depends on annotator, version and attempt alone, so a reload shows the same quiz.
"""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import acknowledging, canonical, ledger, task_types, versions
from specs.models import Member, SpecVersion
from specs.refusals import Invalid, NotAllowed, WrongState
from specs.task_types import BadValue
from workforce import onboarding
from workforce.leasing import database_now
from workforce.models import (
    Annotator,
    Enrolment,
    GoldState,
    KnownAnswer,
    Queue,
    QuizAttempt,
    QuizFailure,
    QuizLeave,
    QuizScope,
    QuizState,
    Stage,
)


class NoAttemptLeft(NotAllowed):
    code = "no-attempt-left"


def begin(*, queue: Queue, annotator: Annotator, version: SpecVersion) -> QuizAttempt:
    """The open attempt, or the next one. Raises `NoAttemptLeft` with the way out, `WrongState` when it is passed already.

    Where the clauses give nothing to ask, the attempt is passed as it begins.
    """
    with transaction.atomic():
        Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)
        past = list(attempts(queue=queue, annotator=annotator, version=version))
        if past and past[-1].state == QuizState.OPEN:
            return past[-1]
        if any(attempt.state == QuizState.PASSED for attempt in past):
            raise WrongState(_("You have passed this quiz already."))
        # An attempt at an older version's quiz is over once another version is asked about.
        for stale in QuizAttempt.objects.filter(queue=queue, annotator=annotator, state=QuizState.OPEN):
            _end(stale, QuizState.FAILED)
        _may_try(queue, annotator, version, past)
        scope = _scope(queue, annotator)
        items = _draw(queue, annotator, version, scope, number=len(past) + 1)
        attempt = QuizAttempt.objects.create(
            project_id=queue.project_id,
            queue=queue,
            annotator=annotator,
            version=version,
            scope=scope,
            number=len(past) + 1,
            items=items,
        )
        if not items:
            _end(attempt, QuizState.PASSED)
    return attempt


def attempts(*, queue: Queue, annotator: Annotator, version: SpecVersion) -> list[QuizAttempt]:
    rows = QuizAttempt.objects.filter(queue=queue, annotator=annotator, version=version)
    return list(rows.order_by("number"))


def again_at(queue: Queue, last: QuizAttempt) -> datetime | None:
    """When the next attempt may begin where waiting is what failing costs."""
    return last.ended_at + queue.quiz_wait if last.ended_at else None


def _may_try(queue: Queue, annotator: Annotator, version: SpecVersion, past: list[QuizAttempt]) -> None:
    if not past:
        return
    let_in_again = QuizLeave.objects.filter(
        queue=queue, annotator=annotator, version=version, given_at__gt=past[-1].started_at
    ).exists()
    if let_in_again:
        return
    if queue.quiz_failure == QuizFailure.WAIT:
        again = again_at(queue, past[-1])
        if len(past) % queue.quiz_attempts == 0 and again and database_now() < again:
            raise NoAttemptLeft(
                _("You can try again at %(again)s UTC.") % {"again": f"{again:%Y-%m-%d %H:%M}"},
                again_at=again.isoformat(),
            )
    elif len(past) >= queue.quiz_attempts:
        raise NoAttemptLeft(
            _(
                "All %(quiz_attempts)s attempts are used. A lead or manager of this queue can let you try "
                "again."
            )
            % {"quiz_attempts": queue.quiz_attempts}
        )


def _scope(queue: Queue, annotator: Annotator) -> QuizScope:
    """A newcomer to a queue with a qualification is asked about the whole spec, everybody else about what changed."""
    if Enrolment.objects.filter(queue=queue, annotator=annotator, stage=Stage.QUIZ).exists():
        return QuizScope.WHOLE
    been_here = QuizAttempt.objects.filter(queue=queue, annotator=annotator, state=QuizState.PASSED).exists()
    return QuizScope.WHOLE if queue.qualification and not been_here else QuizScope.CHANGED


def _draw(
    queue: Queue, annotator: Annotator, version: SpecVersion, scope: QuizScope, *, number: int
) -> list[dict[str, Any]]:
    """What is asked: known answers first, then the clauses' own examples; no item twice."""
    whole = versions.read(version.pk)
    wanted = {clause.key for clause in whole.clauses}
    if scope == QuizScope.CHANGED and annotator.member is not None:
        read = acknowledging.to_read(member=annotator.member, version=version)
        if read.difference is not None:
            wanted &= {change.key for change in read.difference.clauses if change.change_class != "patch"}
    # S311: a draw that can be repeated, not a secret
    draw = random.Random(f"{annotator.pk}:{version.pk}:{number}")  # noqa: S311
    known, examples = _known(queue, whole, wanted), _examples(whole, wanted)
    for found in (known, examples):
        draw.shuffle(found)
    seen: set[str] = set()
    drawn = []
    for entry in [*known, *examples]:
        shown = canonical.dumps(entry["payload"]).decode()
        if shown not in seen:
            seen.add(shown)
            drawn.append(entry)
    return drawn[: queue.quiz_items]


def _known(queue: Queue, whole: versions.ReadVersion, wanted: set[str]) -> list[dict[str, Any]]:
    clauses = {clause.id: clause for clause in whole.clauses if clause.key in wanted}
    rows = KnownAnswer.objects.filter(
        spec=queue.spec_id,
        state=GoldState.IN_USE,
        held_at=None,
        meaning__lte=whole.meaning,
        clauses__overlap=list(clauses),
    ).select_related("item")[:500]
    return [
        _entry(
            row.item.payload,
            row.question,
            row.value,
            row.explanation,
            next(clauses[clause] for clause in row.clauses if clause in clauses),
        )
        for row in rows
    ]


def _examples(whole: versions.ReadVersion, wanted: set[str]) -> list[dict[str, Any]]:
    found = []
    for clause in whole.clauses:
        if clause.key not in wanted:
            continue
        for block in clause.blocks:
            question = _question_of(whole, clause, block.get("value"))
            if block.get("item") and question is not None:
                found.append(
                    _entry({"text": block["item"]}, question, block["value"], block.get("why", ""), clause)
                )
    return found


def _question_of(whole: versions.ReadVersion, clause: versions.ReadClause, value: Any) -> str | None:
    """The question that an example's value answers: one the clause governs, else the first that has the label."""
    having = [
        question["key"]
        for question in whole.questions
        if task_types.get(question["kind"]).one_of_options
        and any(label["value"] == value for label in question["labels"])
    ]
    return next((key for key in having if clause.decides(key)), having[0] if having else None)


def _entry(
    payload: dict[str, Any], question: str, value: Any, why: str, clause: versions.ReadClause
) -> dict[str, Any]:
    return {"payload": payload, "question": question, "value": value, "why": why, "clause": clause.key}


def answer(*, attempt: QuizAttempt, annotator: Annotator, place: int, value: Any) -> QuizAttempt:
    """Answer what stands at *place* (counting from 0); the last one ends the attempt. A given answer stays.

    Raises `Invalid` when the value is none the question has, `WrongState` when the attempt is over.
    """
    with transaction.atomic():
        locked = (
            QuizAttempt.objects.select_for_update(no_key=True, of=("self",))
            .select_related("queue")
            .get(pk=attempt.pk, annotator=annotator)
        )
        if locked.state != QuizState.OPEN:
            raise WrongState(_("This attempt is over."))
        if not 0 <= place < len(locked.items):
            raise Invalid(_("The quiz has no such item."))
        entry = locked.items[place]
        if "answer" not in entry:
            question = versions.read(locked.version_id).question(entry["question"])
            kind = task_types.get(question["kind"])
            try:
                given = kind.parse_json(question, value, entry["payload"])
            except BadValue as error:
                raise Invalid(
                    _("This is no answer to the question: %(error)s.") % {"error": error}
                ) from error
            entry["answer"], entry["right"] = given, kind.agrees(question, given, entry["value"])
            locked.n_right = sum(bool(one.get("right")) for one in locked.items)
            locked.save(update_fields=["items", "n_right"])
        if all("answer" in one for one in locked.items):
            passed = locked.n_right >= float(locked.queue.quiz_pass_share) * len(locked.items) - 1e-9
            _end(locked, QuizState.PASSED if passed else QuizState.FAILED)
    return locked


def _end(attempt: QuizAttempt, state: QuizState) -> None:
    attempt.state, attempt.ended_at = state, Now()
    attempt.save(update_fields=["state", "ended_at"])
    ledger.record(
        project_id=attempt.project_id,
        kind=f"quiz.{state.value}",
        by=None,
        subject=("quiz", attempt.pk),
        data={
            "annotator": attempt.annotator_id,
            "version": attempt.version_id,
            "right": attempt.n_right,
            "asked": len(attempt.items),
        },
    )
    attempt.refresh_from_db()
    if state == QuizState.PASSED:
        onboarding.catch_up(queue_id=attempt.queue_id, annotator=attempt.annotator)


def let_in(
    *, queue: Queue, annotator: Annotator, version: SpecVersion, excused: bool, reason: str, by: Member
) -> QuizLeave:
    """Let somebody try again, or work without the quiz; the name and the reason stay on record."""
    if not reason.strip():
        raise Invalid(_("Say why."))
    with transaction.atomic():
        event = ledger.record(
            project_id=queue.project_id,
            kind="quiz.excused" if excused else "quiz.let-in-again",
            by=by,
            subject=("annotator", annotator.pk),
            data={"queue": queue.pk, "version": version.pk},
        )
        return QuizLeave.objects.create(
            project_id=queue.project_id,
            queue=queue,
            annotator=annotator,
            version=version,
            excused=excused,
            reason=reason.strip(),
            given_by=by,
            event_id=event,
        )


def waiting(*, queue: Queue) -> list[QuizAttempt]:
    """Each annotator's last failed attempt at the quiz of the version in force, where it bars her."""
    rows = (
        QuizAttempt.objects.filter(queue=queue, version=queue.version_id)
        .select_related("annotator")
        .order_by("annotator", "-number")
        .distinct("annotator")
    )
    return [row for row in rows if row.state == QuizState.FAILED]
