"""Settling tasks of a queue whose overlap is dynamic: by what the answers say together, given who gave them.

    open -> resolved, open with one more slot, disputed: judged by `look`, done by `settling`

The statistics are those that a replay uses (`agreement.stopping`); here are the newest skills of the annotators at hand, read
with one statement, and the record of every look. A question whose answers have no single value out of a few, or for which
nothing has been learnt yet, is judged by the queue's share rule.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from django.db import connection

from annotation import rules
from annotation.agreement import dawid_skene
from annotation.agreement import stopping as rule
from annotation.models import StopDecision, StopVerdict
from specs import canonical, task_types
from specs.versions import ReadVersion
from workforce import overlap_rules

SHARE_RULE = "share/1"

_KNOWN = """
    SELECT wanted.question, s.id, s.values, s.prior, s.pooled, s.n_known,
           (SELECT jsonb_object_agg(m.annotator_id, jsonb_build_array(m.n_labels, m.matrix)) FROM annotation_skillmatrix m
            WHERE m.skills_id = s.id AND m.annotator_id = ANY(%(annotators)s)),
           (SELECT jsonb_build_array(t.id, t.tau, t.calibration) FROM annotation_stoptarget t
            WHERE t.queue_id = %(queue)s AND t.question = wanted.question AND t.accuracy = %(accuracy)s
            ORDER BY t.id DESC LIMIT 1),
           (SELECT CASE WHEN d.verdict = 'audit' THEN jsonb_build_object('n', d.n_answers, 'questions', d.questions) END
            FROM annotation_stopdecision d WHERE d.task_id = %(task)s ORDER BY d.id DESC LIMIT 1)
    FROM unnest(%(questions)s::text[]) AS wanted (question)
    LEFT JOIN LATERAL (
        SELECT * FROM annotation_skillset k WHERE k.spec_id = %(spec)s AND k.meaning = %(meaning)s
          AND k.question = wanted.question ORDER BY k.number DESC LIMIT 1
    ) s ON true
"""


@dataclass(frozen=True)
class Given:
    """A task with its counted answers in order, and what its queue says."""

    task_id: int
    project_id: int
    queue_id: int
    meaning: int
    version: ReadVersion
    answers: Sequence[Mapping[str, Any]]
    annotators: Sequence[int]
    no_clause: Mapping[str, int]
    share: Fraction
    minimum: int
    maximum: int
    tau: Decimal
    accuracy: Decimal
    audit_share: Decimal
    error_cost: Decimal


@dataclass(frozen=True)
class Known:
    """What has been learnt of one question: matrices of the annotators at hand, and where to stop."""

    skills: int
    values: list[str]
    prior: Any
    pooled: Any
    n_known: int
    matrices: Mapping[str, Any]
    target: int | None
    tau: float
    calibration: rule.Calibration | None


@dataclass(frozen=True)
class Look:
    """What a look came to: an outcome per question, and whether one more blind answer has to confirm what is accepted."""

    outcomes: list[rules.Outcome]
    audit: bool = False


def look(given: Given) -> Look:
    """Judge the answers and record what was seen. Call it under the task's lock."""
    found, audited = _known(given)
    if audited is not None:
        return _close_audit(given, audited)
    seen: list[dict[str, Any]] = []

    def judge(question: Mapping[str, Any], places: Sequence[int]) -> tuple[rules.Verdict, Any] | None:
        known = found.get(question["key"])
        if known is None:
            return None
        one = _posterior(given, known, question, places)
        if one is None:
            return None
        seen.append(one)
        return one["verdict"], one.pop("accepted")

    outcomes = rules.decide(
        given.version.questions,
        given.answers,
        given.no_clause,
        rule="share",
        share=given.share,
        maximum=given.maximum,
        judge=judge,
    )
    outcomes = [_not_before_the_minimum(given, outcome, seen) for outcome in outcomes]
    judged = {one["question"]: one for one in seen}
    record = [judged.get(outcome.question) or _by_share(given, outcome) for outcome in outcomes]
    for one, outcome in zip(record, outcomes, strict=True):
        one["verdict"] = outcome.verdict
    verdicts = {outcome.verdict for outcome in outcomes}
    audit = verdicts == {"agreed"} and bool(seen) and _drawn(given)
    verdict = (
        StopVerdict.AUDIT
        if audit
        else StopVerdict.AGREED
        if verdicts == {"agreed"}
        else StopVerdict.DISPUTED
        if "disputed" in verdicts
        else StopVerdict.MORE
    )
    _keep(given, verdict, record, found)
    return Look(outcomes, audit)


def _not_before_the_minimum(given: Given, outcome: rules.Outcome, seen: Sequence[Any]) -> rules.Outcome:
    """The share rule accepts what agrees at once; without skills that is not before the cautious minimum."""
    by_share = all(one["question"] != outcome.question for one in seen)
    least = max(given.minimum, rule.CAUTIOUS_MINIMUM)
    if by_share and outcome.verdict == "agreed" and len(given.answers) < min(least, given.maximum):
        return rules.Outcome(outcome.question, "more", None, outcome.distribution, outcome.disagreement)
    return outcome


def _known(given: Given) -> tuple[dict[str, Known], dict[str, Any] | None]:
    questions = [
        question["key"] for question in given.version.questions if overlap_rules.can_be_dynamic(question)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            _KNOWN,
            {
                "task": given.task_id,
                "queue": given.queue_id,
                "spec": given.version.spec_id,
                "meaning": given.meaning,
                "questions": questions,
                "annotators": list(given.annotators),
                "accuracy": float(given.accuracy),
            },
        )
        rows = cursor.fetchall()
    found: dict[str, Known] = {}
    audited = None
    for question, skills, *learnt, last in rows:
        audited = audited or _json(last)
        if skills is None:
            continue
        values, prior, pooled, n_known, matrices, target = map(_json, learnt)
        found[question] = Known(
            skills,
            values,
            np.array(prior),
            np.array(pooled),
            n_known,
            matrices or {},
            target[0] if target else None,
            float(target[1]) if target else float(given.tau),
            rule.Calibration(tuple(target[2]["weights"]), target[2]["n"])
            if target and target[2].get("weights")
            else None,
        )
    return found, audited


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _posterior(
    given: Given, known: Known, question: Mapping[str, Any], places: Sequence[int]
) -> dict[str, Any] | None:
    """What is believed of one question; None where an answer has a value that nobody had given when skills were learnt."""
    said = [rules.key_of(given.answers[place][question["key"]]) for place in places]
    codes = {value: code for code, value in enumerate(known.values)}
    if any(value not in codes for value in said):
        return None
    who = [str(given.annotators[place]) for place in places]
    matrices = np.stack(
        [np.array(known.matrices[one][1]) if one in known.matrices else known.pooled for one in who]
    )
    believed = dawid_skene.posteriors(
        known.prior,
        matrices,
        np.arange(len(places))[None, :],
        np.array([[codes[value] for value in said]]),
    )[0, -1]
    fewest = min(known.matrices[one][0] if one in known.matrices else 0 for one in who)
    minimum = min(rule.minimum(given.minimum, n_known=known.n_known, fewest_labels=fewest), given.maximum)
    top = int(believed.argmax())
    sure = float(believed[top])
    accepted = next(
        (
            given.answers[place][question["key"]]
            for place, value in zip(places, said, strict=True)
            if codes[value] == top
        ),
        None,
    )
    verdict = rule.verdict(sure, len(given.answers), minimum=minimum, maximum=given.maximum, tau=known.tau)
    gain = rule.expected_gain(believed, known.pooled)
    if verdict == "more" and len(given.answers) >= minimum and rule.hopeless(gain, float(given.error_cost)):
        verdict = "disputed"
    if verdict == "agreed" and accepted is None:  # the prior alone spoke for a value that nobody gave
        verdict = "more" if len(given.answers) < given.maximum else "disputed"
    confidence = (
        float(known.calibration.of(np.array([sure]), np.array([len(places)]))[0])
        if known.calibration is not None
        else None
    )
    return {
        "question": question["key"],
        "value": accepted,
        "accepted": accepted,
        "posterior": round(sure, 6),
        "tau": known.tau,
        "minimum": minimum,
        "n": len(places),
        "skills": known.skills,
        "target": known.target,
        "confidence": confidence,
        "gain": round(gain, 6),
        "error_cost": float(given.error_cost) or None,
        "verdict": verdict,
    }


def _by_share(given: Given, outcome: rules.Outcome) -> dict[str, Any]:
    return {
        "question": outcome.question,
        "value": outcome.value,
        "posterior": None,
        "tau": None,
        "minimum": max(given.minimum, rule.CAUTIOUS_MINIMUM),
        "n": sum(outcome.distribution.values()),
        "skills": None,
        "target": None,
        "confidence": None,
        "verdict": outcome.verdict,
    }


def _drawn(given: Given) -> bool:
    """Whether the task is one of the share that is audited: a lot of its own, fixed by the task."""
    lot = int(canonical.digest(f"audit:{given.queue_id}:{given.task_id}".encode())[7:15], 16) / 0xFFFFFFFF
    return lot < given.audit_share


def _keep(
    given: Given, verdict: StopVerdict, record: Sequence[dict[str, Any]], found: Mapping[str, Known]
) -> None:
    """The decision as a whole: its posterior is the least sure one, its confidence the chance that all questions are right."""
    sure = [one for one in record if one["posterior"] is not None]
    least = min(sure, key=lambda one: one["posterior"] - one["tau"], default=None)
    calibrated = [one["confidence"] for one in record]
    StopDecision.objects.create(
        project_id=given.project_id,
        task_id=given.task_id,
        queue_id=given.queue_id,
        n_answers=len(given.answers),
        verdict=verdict,
        rule=(rule.WEIGHING_RULE if given.error_cost else rule.RULE) if sure else SHARE_RULE,
        skill_sets=sorted({one["skills"] for one in sure}),
        posterior=least["posterior"] if least else None,
        tau=least["tau"] if least else None,
        confidence=float(np.prod(calibrated)) if calibrated and None not in calibrated else None,
        questions=list(record),
    )


def _agree(given: Given, key: str, a: Any, b: Any) -> bool:
    question = given.version.question(key)
    return task_types.get(question["kind"]).agrees(question, a, b)


def _close_audit(given: Given, audit: dict[str, Any]) -> Look:
    """The blind answer is in: it says the same on every question, or there is a dispute on those where it does not.

    Where it is not wanted any more (overlap was lowered meanwhile), what was accepted is accepted.
    """
    audited: list[dict[str, Any]] = audit["questions"]
    wanted = len(given.answers) > audit["n"]
    blind = given.answers[-1]
    same = {
        one["question"]: not wanted
        or (one["question"] in blind and _agree(given, one["question"], blind[one["question"]], one["value"]))
        for one in audited
    }
    accepted = {one["question"]: one["value"] for one in audited}
    tallied = rules.decide(
        given.version.questions,
        given.answers,
        {},
        rule="share",
        share=Fraction(1),
        maximum=1,
        judge=lambda question, _places: (
            ("agreed", accepted[question["key"]]) if question["key"] in accepted else None
        ),
    )
    outcomes = [
        outcome
        if same.get(outcome.question)
        else rules.Outcome(outcome.question, "disputed", None, outcome.distribution, outcome.disagreement)
        for outcome in tallied
        if outcome.question in accepted
    ]
    verdict = (
        StopVerdict.AGREED
        if not wanted
        else StopVerdict.CONFIRMED
        if all(same.values())
        else StopVerdict.CONTRADICTED
    )
    record = [{**one, "verdict": verdict.value, "blind": blind.get(one["question"])} for one in audited]
    _keep(given, verdict, record, {})
    return Look(outcomes)
