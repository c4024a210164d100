"""What is recorded about an annotator as a JSON file, for her to take with her: no names of others' answers, no known answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from annotation import dossier, reworking
from annotation.appraising import Share
from annotation.models import Annotation, AnswerDraft, LateAnswer, Resolution
from specs.models import Member
from workforce import suggesting
from workforce.models import Annotator

FORMAT = 1
AT_A_TIME = 500


def chunks(annotator: Annotator) -> Iterator[str]:
    """The file, piece by piece: standing, figures, every answer with what its task ended with, late ones, drafts."""
    head = json.dumps(about(annotator), default=_plain, ensure_ascii=False, indent=1)
    yield head[: head.rindex("}")].rstrip() + ',\n "answers": [\n'
    before, first = None, True
    while rows := _answers(annotator, before):
        before = rows[-1].pk
        ended: dict[int, dict[str, Any]] = {}
        for resolution in Resolution.objects.current().filter(task__in=[row.task_id for row in rows]):
            ended.setdefault(resolution.task_id, {})[resolution.question] = resolution.value
        seen = suggesting.shown_to(annotator=annotator, tasks=[row.task_id for row in rows])
        looks = reworking.decided_on(assignments=[row.assignment_id for row in rows])
        for row in rows:
            line = {
                "item": row.task.item.key,
                "queue": row.queue.key,
                "answered_at": row.answered_at,
                "values": row.values,
                "flagged": row.flagged,
                "confidence": row.confidence,
                "task_ended_with": ended.get(row.task_id),
                "reviewed": [one.as_dict() for one in looks.get(row.assignment_id, ())],
                "suggested_to_you": [one.as_dict() for one in seen.get(row.task_id, ())],
            }
            yield ("" if first else ",\n") + "  " + json.dumps(line, default=_plain, ensure_ascii=False)
            first = False
    for name, lines in (("late_answers", _late(annotator)), ("drafts", _drafts(annotator))):
        yield f'\n ],\n "{name}": ['
        for place, line in enumerate(lines):
            text = json.dumps(line, default=_plain, ensure_ascii=False)
            yield f"{',' if place else ''}\n  {text}"
    yield "\n ]\n}\n"


def _late(annotator: Annotator) -> Iterator[dict[str, Any]]:
    """What she sent when its lease was lost and no slot was free: kept as she wrote it, counted by nothing."""
    rows = LateAnswer.objects.filter(annotator=annotator).select_related(
        "assignment__task__item", "assignment__queue"
    )
    for row in rows.order_by("-pk").iterator(AT_A_TIME):
        yield {
            "item": row.assignment.task.item.key,
            "queue": row.assignment.queue.key,
            "received_at": row.received_at,
            "values": row.values,
            "clauses": row.citations,
            "flagged": row.flagged,
            "confidence": row.confidence,
        }


def _answers(annotator: Annotator, before: int | None) -> list[Annotation]:
    rows = Annotation.objects.counted().filter(annotator=annotator).select_related("task__item", "queue")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.order_by("-pk")[:AT_A_TIME])


def _drafts(annotator: Annotator) -> Iterator[dict[str, Any]]:
    """What she has begun and not given: of tasks under way, and of those that ended without it (`keeping.forget_ended`)."""
    rows = AnswerDraft.objects.filter(annotator=annotator).select_related("task__item", "task__queue")
    for row in rows.order_by("-pk").iterator(AT_A_TIME):
        yield {
            "item": row.task.item.key,
            "queue": row.task.queue.key,
            "saved_at": row.saved_at,
            "values": row.values,
            "clauses": row.citations,
            "flagged": row.flagged,
            "confidence": row.confidence,
            "note": row.note,
        }


def about(annotator: Annotator) -> dict[str, Any]:
    """Standing and figures, as plain values."""
    rows, figures = dossier.standing(annotator), dossier.figures(annotator)
    return {
        "format": FORMAT,
        "pseudonym": annotator.pseudonym,
        "state": annotator.state,
        "languages": annotator.languages,
        "time_zone": annotator.time_zone,
        "weekday_hours": annotator.weekday_hours,
        "days_away": [{"first": row.first, "last": row.last} for row in rows["away"]],
        "skills": [
            {
                "skill": row.skill.key,
                "level": row.level,
                "version": row.version.number if row.version else None,
                "clause": row.clause.key if row.clause else None,
                "since": row.since,
                "until": row.until,
                "granted_by": _name(row.granted_by) or row.source,
                "revoked_at": row.revoked_at,
                "revoked_by": _name(row.revoked_by),
            }
            for row in rows["skills"]
        ],
        "cohorts": [
            {"cohort": row.cohort.key, "since": row.since, "until": row.until} for row in rows["cohorts"]
        ],
        "queues": [
            {
                "queue": one.enrolment.queue.key,
                "enrolled": one.enrolment.active,
                "answers": one.n_answers,
                "skipped": one.n_skipped,
                "late": one.n_late,
            }
            for one in dossier.queues(annotator)
        ],
        "figures": {
            "answers_looked_at": figures.n_answers,
            "agreement": _share(figures.agreement),
            "agreement_shrunk": figures.shrunk,
            "agreement_of_all": figures.usual_agreement,
            "known_answers": _share(figures.gold),
            "agreement_with_herself": _share(figures.self_agreement),
            "seconds_per_answer": asdict(figures.pace),
            "clauses": {
                one.key: {**_share(one.share), "clause_is_flagged": one.flagged} for one in figures.clauses
            },
            "drift": {
                "stream": figures.drift.stream,
                "answers": figures.drift.chart.n,
                "baseline": figures.drift.chart.baseline,
                "threshold": figures.drift.chart.threshold,
                "alarms_at": [figures.drift.times[place] for place in figures.drift.chart.alarms],
            },
        },
        "suspensions": [
            {
                "reason": row.reason,
                "by": _name(row.by),
                "since": row.started_at,
                "until": row.until,
                "evidence": row.evidence,
                "ended": [{"how": end.ending, "at": end.ended_at} for end in row.ends.all()],
                "appeals": [
                    {
                        "filed_at": appeal.filed_at,
                        "text": [text.text for text in appeal.texts.all()],
                        "outcome": appeal.state,
                        "answer": appeal.answer,
                        "decided_by": _name(appeal.decided_by),
                    }
                    for appeal in row.appeals.all()
                ],
            }
            for row in rows["suspensions"]
        ],
        "steps_of_paths": [
            {
                "queue": row.queue.key,
                "step": row.step,
                "from": row.before,
                "to": row.after,
                "judged": row.n,
                "right": row.n_right,
                "reason": row.reason,
                "by": _name(row.by),
                "at": row.at,
            }
            for row in rows["steps"]
        ],
        "tests": [
            {
                "queue": row.queue.key,
                "attempt": row.number,
                "outcome": row.state,
                "right": row.n_right if row.ended_at else None,
                "of": row.wanted,
                "ended_at": row.ended_at,
            }
            for row in rows["sittings"]
        ],
        "findings": [
            {
                "rule": row.rule.name,
                "day": row.window_end,
                "value": row.value,
                "interval": [row.low, row.high],
                "answers": row.n,
                "set_aside": row.n_set_aside,
                "terms": row.terms,
                "held_back": row.held_back_id is not None,
            }
            for row in rows["findings"]
        ],
        "consequences": [
            {
                "action": row.action,
                "reason": row.reason,
                "state": row.state,
                "rule": row.finding.rule.name if row.finding else None,
                "decided_by": _name(row.decided_by),
                "note": row.note,
                "started_at": row.started_at,
                "until": row.until,
                "ended_at": row.ended_at,
            }
            for row in rows["consequences"]
        ],
        "second_looks": [
            {
                "since": row.since,
                "reason": row.reason,
                "tasks": len(row.tasks),
                "by": _name(row.by),
                "at": row.at,
            }
            for row in rows["rechecks"]
        ],
        "history": [
            {"what": event.kind, "by": _name(event.by), "at": event.recorded_at, "data": event.data}
            for event in dossier.events(annotator)
        ],
    }


def _share(share: Share) -> dict[str, Any]:
    return asdict(share)


def _name(member: Member | None) -> str | None:
    return None if member is None else str(member)


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
