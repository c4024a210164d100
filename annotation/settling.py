"""Comparing a task's answers once the wanted ones are in.

open -> resolved, with a resolution per question: settle
open -> open with one more slot: settle
open -> resolved, without a resolution: settle, in a pilot
open -> unlabellable, with a resolution that has no value: settle, end_without_label
open -> disputed, with a dispute on the way to the adjudication queue: settle, dispute
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from annotation import (
    parsing,
    prioritising,
    reading_first,
    recording,
    rules,
    stopping,
    under_review,
    unlabellable,
)
from annotation.models import Annotation, Basis, Dispute, DisputeReason, Resolution, ReviewDecision
from specs import canonical, ledger, schema, versions
from specs.models import Member
from workforce import routing
from workforce.models import OverlapPolicy, Purpose, Queue, TaskState

_ANSWERS = """
    SELECT a.id, a.values::text, a.version_id, a.annotator_id,
           ARRAY(SELECT c.question FROM annotation_citation c WHERE c.annotation_id = a.id AND c.clause_id IS NULL),
           q.rule, q.consensus_share, q.max_overlap, t.overlap, t.project_id, q.id, q.adjudication_queue_id, t.item_id,
           t.meaning, q.purpose, a.cannot, q.overlap_policy, coalesce(t.planned, q.overlap), q.stop_target, q.accuracy_target,
           q.audit_share, q.error_cost
    FROM workforce_task t
    JOIN workforce_queue q ON q.id = t.queue_id
    JOIN annotation_annotation a ON a.task_id = t.id
    WHERE t.id = %s AND NOT EXISTS (
        SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
    ORDER BY a.ordinal
"""

_RESOLVE = """
    WITH event AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        VALUES (%(project)s, 'task.resolved', 'task', %(task)s, NULL, %(data)s::jsonb) RETURNING id
    ), settled AS (
        UPDATE workforce_task SET state = 'resolved', settled_at = statement_timestamp() WHERE id = %(task)s
    )
    INSERT INTO annotation_resolution
        (project_id, task_id, question, revision, value, basis, version_id, distribution, answers, rule, resolved_at, event_id)
    SELECT %(project)s, %(task)s, r.question,
           1 + coalesce((SELECT max(o.revision) FROM annotation_resolution o
                         WHERE o.task_id = %(task)s AND o.question = r.question), 0),
           r.value, %(basis)s, %(version)s, r.distribution, %(answers)s, %(rule)s, statement_timestamp(), event.id
    FROM event, jsonb_to_recordset(%(outcomes)s::jsonb) AS r (question text, value jsonb, distribution jsonb)
"""


def settle(*, task_id: int) -> str:
    """Judge a task's counted answers by its queue's rule; returns what became of it: resolved, open or disputed.

    While an answer is under review the task stays open; what a reviewer fixed stands for the answer that was reviewed. Call it
    under the task's lock, inside the transaction of the last answer, or of the last review.
    """
    if under_review.pending(task_id):
        return "open"
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERS, [task_id])
        rows = cursor.fetchall()
    if not rows:
        return "open"
    fixes = under_review.fixes(task_id)
    fixed = [fixes.get(row[0]) for row in rows]
    answers = [fix.values if fix else json.loads(row[1]) for row, fix in zip(rows, fixed, strict=True)]
    rule, share, maximum, overlap, project_id, queue_id, adjudication, item_id, meaning, purpose = rows[0][
        5:15
    ]
    policy, *stop = rows[0][16:]
    if purpose == Purpose.PILOT:
        return _close_pilot_task(task_id, project_id)
    version = versions.read(max(row[2] for row in rows))
    unfit: dict[str, int] = {}
    for row, fix in zip(rows, fixed, strict=True):
        for question in _unfit(fix) if fix else row[4]:
            unfit[question] = unfit.get(question, 0) + 1
    said = [fix.cannot if fix else row[15] for row, fix in zip(rows, fixed, strict=True)]
    if policy == OverlapPolicy.DYNAMIC and not any(said):
        minimum, tau, accuracy, audit_share, error_cost = stop
        seen = stopping.look(
            stopping.Given(
                task_id=task_id,
                project_id=project_id,
                queue_id=queue_id,
                meaning=meaning,
                version=version,
                answers=answers,
                annotators=[fix.reviewer_id if fix else row[3] for row, fix in zip(rows, fixed, strict=True)],
                no_clause=unfit,
                share=Fraction(share),
                minimum=minimum,
                maximum=maximum,
                tau=tau,
                accuracy=accuracy,
                audit_share=audit_share,
                error_cost=error_cost,
            )
        )
        if seen.audit:
            routing.add_slot(task_id=task_id)
            return "open"
        outcomes, rule = seen.outcomes, policy
    else:
        outcomes = rules.decide(
            version.questions, answers, unfit, rule=rule, share=Fraction(share), maximum=max(maximum, overlap)
        )
    basis = Basis.REVIEW if any(fixed) else Basis.CONSENSUS
    judged = None
    if any(said):
        judged = unlabellable.judge(
            outcomes, said, rule=rule, share=Fraction(share), maximum=max(maximum, overlap)
        )
    if judged is not None and judged.verdict == "cannot":
        end_without_label(
            task_id=task_id,
            project_id=project_id,
            version=version,
            category=judged.category,
            said=said,
            answers=[row[0] for row in rows],
            rule=rule,
            basis=basis,
        )
        return "unlabellable"
    if judged.verdict == "agreed" if judged else all(outcome.verdict == "agreed" for outcome in outcomes):
        with connection.cursor() as cursor:
            cursor.execute(
                _RESOLVE,
                {
                    "project": project_id,
                    "task": task_id,
                    "version": version.id,
                    "rule": rule,
                    "basis": basis.value,
                    "answers": [row[0] for row in rows],
                    "outcomes": json.dumps([outcome.as_resolution() for outcome in outcomes]),
                    "data": canonical.dumps({"basis": basis.value, "questions": len(outcomes)}).decode(),
                },
            )
        return "resolved"
    if judged.verdict == "more" if judged else not any(o.verdict == "disputed" for o in outcomes):
        routing.add_slot(
            task_id=task_id,
            disagreement=judged.disagreement if judged else max(o.disagreement for o in outcomes),
        )
        return "open"
    disputed = [outcome for outcome in outcomes if outcome.verdict != "agreed"]
    open_dispute(
        task_id=task_id,
        project_id=project_id,
        questions=asked(version) if judged else [outcome.question for outcome in disputed],
        reason=DisputeReason.NO_CLAUSE_FITS
        if any(outcome.no_clause_fits for outcome in disputed)
        else DisputeReason.CANNOT
        if judged
        else DisputeReason.ANSWERS_DIFFER,
        disagreement=judged.disagreement if judged else max(outcome.disagreement for outcome in disputed),
        item_id=item_id,
        meaning=meaning,
        adjudication_queue_id=adjudication,
        answered_by=[*(row[3] for row in rows), *under_review.reviewers(task_id)],
        by=None,
    )
    return "disputed"


def _unfit(fix: ReviewDecision) -> list[str]:
    """The questions for which a reviewer says that no clause fits."""
    return [question for question, cited in fix.citations.items() if parsing.NO_CLAUSE in cited]


def asked(version: versions.ReadVersion) -> list[str]:
    """The questions that are asked of every item, whatever is answered to others."""
    return [question["key"] for question in schema.shown(version.questions, {})]


def end_without_label(
    *,
    task_id: int,
    project_id: int,
    version: versions.ReadVersion,
    category: str,
    said: Sequence[str],
    answers: Sequence[int],
    rule: str,
    basis: Basis = Basis.CONSENSUS,
) -> None:
    """End a task whose item cannot be labelled: no value, and why. Call it under the task's lock."""
    event = ledger.record(
        project_id=project_id,
        kind="task.unlabellable",
        by=None,
        subject=("task", task_id),
        data={"basis": basis.value, "category": category, "answers": len(answers)},
    )
    counts = Counter(f"cannot:{one}" if one else "label" for one in said)
    for question in asked(version):
        append_resolution(
            task_id=task_id,
            project_id=project_id,
            question=question,
            value=None,
            cannot=category,
            basis=basis,
            version_id=version.id,
            event_id=event,
            rule=rule,
            distribution=dict(counts),
            answers=answers,
        )
    routing.withdraw_open_slots(task_id=task_id)
    routing.mark(task_id=task_id, state=TaskState.UNLABELLABLE)


def foresee(
    looked: recording.Looked,
    version: versions.ReadVersion,
    values: Mapping[str, Any],
    questions: Sequence[str],
    clauses: Sequence[int | None],
) -> recording.Resolving | None:
    """What the last wanted answer will settle if nothing moves before it is stored; None unless every question is agreed.

    It decides on what was looked at, without a lock; the statement that stores the answer holds it to that.
    """
    if looked.purpose == Purpose.PILOT or looked.answers is None or any(a["cannot"] for a in looked.answers):
        return None
    if looked.rule == OverlapPolicy.DYNAMIC:  # needs who said what, and leaves a record of its own
        return None
    unfit: dict[str, int] = {}
    for question in (
        *(key for answer in looked.answers for key in answer["unfit"]),
        *(key for key, clause in zip(questions, clauses, strict=True) if clause is None),
    ):
        unfit[question] = unfit.get(question, 0) + 1
    newest = max([version.id, *(answer["version"] for answer in looked.answers)])
    outcomes = rules.decide(
        versions.read(newest).questions,
        [*(answer["values"] for answer in looked.answers), values],
        unfit,
        rule=looked.rule,
        share=Fraction(looked.consensus_share),
        maximum=max(looked.max_overlap, looked.overlap),
    )
    if any(outcome.verdict != "agreed" for outcome in outcomes):
        return None
    return recording.Resolving(
        outcomes=[outcome.as_resolution() for outcome in outcomes],
        version_id=newest,
        earlier=[answer["id"] for answer in looked.answers],
    )


def _close_pilot_task(task_id: int, project_id: int) -> str:
    """A pilot is read as a whole: its tasks end with the wanted answers, without a label and without a dispute."""
    routing.mark(task_id=task_id, state=TaskState.RESOLVED)
    ledger.record(
        project_id=project_id,
        kind="task.resolved",
        by=None,
        subject=("task", task_id),
        data={"basis": "pilot", "questions": 0},
    )
    return "resolved"


def open_dispute(
    *,
    task_id: int,
    project_id: int,
    questions: Sequence[str],
    reason: str,
    disagreement: float,
    item_id: int,
    meaning: int,
    adjudication_queue_id: int | None,
    answered_by: Sequence[int],
    by: Member | None,
) -> Dispute:
    """Open a dispute and put its work into the adjudication queue, where nobody who answered can claim it."""
    with transaction.atomic():
        event = ledger.record(
            project_id=project_id,
            kind="dispute.opened",
            by=by,
            subject=("task", task_id),
            data={"questions": sorted(questions), "reason": str(reason)},
        )
        work, queue = None, None
        if adjudication_queue_id is not None:
            queue = Queue.objects.get(pk=adjudication_queue_id)
            work = routing.route(
                item_id=item_id,
                queue=queue,
                meaning=meaning,
                barred=answered_by,
                overlap=1,
                disagreement=disagreement,
                by=by,
            )
        under_review.withdraw(task_id=task_id)
        routing.withdraw_open_slots(task_id=task_id)
        routing.mark(task_id=task_id, state=TaskState.DISPUTED)
        return Dispute.objects.create(
            project_id=project_id,
            task_id=task_id,
            work=work,
            questions=list(questions),
            reason=reason,
            disagreement=disagreement,
            independent=reading_first.drawn(task_id=task_id, queue=queue),
            event_id=event,
            **vars(prioritising.standing(task_id, questions)),
        )


def append_resolution(
    *,
    task_id: int,
    project_id: int,
    question: str,
    value: Any,
    basis: Basis,
    version_id: int,
    event_id: int,
    rule: str,
    ruling_id: int | None = None,
    cannot: str = "",
    distribution: dict[str, int] | None = None,
    answers: Sequence[int] = (),
) -> Resolution:
    """The next revision of a task's resolution. Call it under the task's lock."""
    last = (
        Resolution.objects.filter(task_id=task_id, question=question).aggregate(last=Max("revision"))["last"]
        or 0
    )
    return Resolution.objects.create(
        project_id=project_id,
        task_id=task_id,
        question=question,
        revision=last + 1,
        value=value,
        cannot=cannot,
        basis=basis,
        version_id=version_id,
        ruling_id=ruling_id,
        distribution=distribution or {},
        answers=list(answers),
        rule=rule,
        event_id=event_id,
    )


def counted(task_id: int) -> list[Annotation]:
    """A task's counted answers in the order they were given."""
    return list(Annotation.objects.counted().filter(task_id=task_id).order_by("ordinal"))
