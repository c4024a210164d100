"""What is learnt in the background for queues that decide by themselves how many answers they need.

    (nothing) -> skill set with its matrices, stop target, overlap plan: refresh

Each is appended when enough has changed, under a lock per question or queue, so that the job may run twice, at the same time,
and be killed anywhere: a piece is whole or not there, and a second run finds nothing to do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from annotation import foreseeing, rules
from annotation.agreement import dawid_skene, replay, stopping
from annotation.agreement.replay import Labels
from annotation.models import SkillMatrix, SkillSet, StopTarget
from specs import ledger, versions
from specs.models import Spec
from workforce import overlap_rules, overlapping
from workforce.models import OverlapPlan, OverlapPolicy, Queue, QueueState

FIRST_ITEMS = 20
"""Items with two answers from which on anything is learnt."""
GROWN_BY = 1.05
"""A new set is learnt when there are 5 % more answers or known items, or once a day."""
REPETITIONS = 10

_ANSWERS = """
    SELECT i.item_id, i.annotator_id, i.value, i.id FROM (
        SELECT DISTINCT ON (t.item_id, a.annotator_id) t.item_id, a.annotator_id, (a.values -> %(question)s)::text AS value, a.id
        FROM annotation_annotation a
        JOIN specs_specversion v ON v.id = a.version_id
        JOIN workforce_annotator p ON p.id = a.annotator_id
        JOIN workforce_task t ON t.id = a.task_id AND t.purpose IN ('work', 'gold')
        WHERE v.spec_id = %(spec)s AND v.meaning = %(meaning)s AND p.kind IN ('person', 'imported')
          AND (%(queue)s::bigint IS NULL OR a.queue_id = %(queue)s)
          AND a.values ? %(question)s AND NOT EXISTS (
              SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
        ORDER BY t.item_id, a.annotator_id, a.id
    ) i ORDER BY i.id DESC LIMIT %(limit)s
"""
# Gold, and what an audit confirmed or a lead ruled after an audit.
_KNOWN = """
    SELECT item_id, value::text FROM workforce_knownanswer
    WHERE spec_id = %(spec)s AND question = %(question)s AND (state = 'in-use' OR until_meaning > %(meaning)s)
      AND meaning <= %(meaning)s
    UNION ALL
    SELECT t.item_id, r.value::text FROM annotation_stopdecision d
    JOIN workforce_task t ON t.id = d.task_id AND t.meaning = %(meaning)s AND t.state = 'resolved'
    JOIN workforce_queue q ON q.id = d.queue_id AND q.spec_id = %(spec)s
    JOIN LATERAL (SELECT o.value FROM annotation_resolution o WHERE o.task_id = t.id AND o.question = %(question)s
                  ORDER BY o.revision DESC LIMIT 1) r ON r.value IS NOT NULL
    WHERE d.verdict IN ('confirmed', 'contradicted')
"""


@dataclass(frozen=True)
class History:
    """The labels of one question with the names of their codes, and how far they reach."""

    labels: Labels
    values: list[str]
    annotators: list[int]
    upto: int

    @property
    def n_known(self) -> int:
        return int((self.labels.gold >= 0).sum())


def refresh(*, queue: Queue) -> dict[str, int]:
    """Learn what the queue's policy needs, where enough has changed; returns what was appended."""
    if queue.version_id is None or queue.state == QueueState.CLOSED:
        return {}
    if queue.overlap_policy == OverlapPolicy.EXPECTED:
        return {"plans": int(foreseeing.plan(queue=queue))}
    if queue.overlap_policy != OverlapPolicy.DYNAMIC:
        return {}
    version = versions.read(queue.version_id)
    done = {"skill_sets": 0, "targets": 0}
    newest: list[SkillSet | None] = []
    for question in version.questions:
        if not overlap_rules.can_be_dynamic(question):
            continue
        learnt, new = learn(spec=queue.spec, meaning=version.meaning, question=question["key"])
        newest.append(learnt)
        done["skill_sets"] += new
        if learnt is not None and learnt.n_known >= stopping.ENOUGH_KNOWN:
            done["targets"] += choose(queue=queue, skills=learnt)
    proven = bool(newest) and all(one is not None and one.n_known >= stopping.ENOUGH_KNOWN for one in newest)
    _plan_minimum(queue, queue.overlap if proven else max(queue.overlap, stopping.CAUTIOUS_MINIMUM))
    return done


def history(
    *, spec: Spec, meaning: int, question: str, queue: Queue | None = None, limit: int | None = None
) -> History:
    """The newest answers of people to one question under one meaning, gold included, up to *limit* (`SKILL_ANSWERS`)."""
    scope: dict[str, Any] = {
        "spec": spec.pk,
        "meaning": meaning,
        "question": question,
        "queue": queue.pk if queue else None,
        "limit": limit or settings.SKILL_ANSWERS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERS, scope)
        rows = cursor.fetchall()
        cursor.execute(_KNOWN, scope)
        known = {item: _key(value) for item, value in cursor.fetchall()}
    items: dict[int, int] = {}
    annotators: dict[int, int] = {}
    values: dict[str, int] = {}
    codes = np.array(
        [
            (
                items.setdefault(item, len(items)),
                annotators.setdefault(annotator, len(annotators)),
                values.setdefault(_key(value), len(values)),
            )
            for item, annotator, value, _ in rows
        ],
        dtype=np.int64,
    ).reshape(-1, 3)
    gold = np.array(
        [values.setdefault(known[item], len(values)) if item in known else -1 for item in items],
        dtype=np.int64,
    )
    labels = Labels(codes[:, 0], codes[:, 1], codes[:, 2], gold, len(annotators), len(values))
    return History(labels, list(values), list(annotators), max((row[3] for row in rows), default=0))


def _key(text: str) -> str:
    """A JSON text as the text that equal values share."""
    return rules.key_of(json.loads(text))


def learn(*, spec: Spec, meaning: int, question: str) -> tuple[SkillSet | None, bool]:
    """The newest skill set, learnt now if enough has changed; and whether it was."""
    scope = SkillSet.objects.filter(spec=spec, meaning=meaning, question=question)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('annotation.skills'), hashtext(%s))",
            [f"{spec.pk}:{meaning}:{question}"],
        )
        cursor.execute("SET LOCAL statement_timeout = 0")
        newest = scope.order_by("-number").first()
        found = history(spec=spec, meaning=meaning, question=question)
        labels = found.labels
        twice = int((np.bincount(labels.items, minlength=labels.n_items) >= 2).sum()) if labels.n_items else 0
        if twice < FIRST_ITEMS or not 2 <= labels.n_values <= stopping.MOST_VALUES:
            return newest, False
        if newest is not None and not _grown(newest, found):
            return newest, False
        skills = dawid_skene.fit(
            labels.items,
            labels.annotators,
            labels.values,
            n_items=labels.n_items,
            n_annotators=labels.n_annotators,
            n_values=labels.n_values,
        )
        return _append(spec, meaning, question, found, skills, 1 + (newest.number if newest else 0)), True


def _grown(newest: SkillSet, found: History) -> bool:
    if newest.rule != stopping.RULE or not set(found.values) <= set(newest.values):
        return True
    if (
        len(found.labels.values) >= GROWN_BY * newest.n_answers
        or found.n_known >= GROWN_BY * newest.n_known + 1
    ):
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp() - %s > interval '1 day'", [newest.made_at])
        return bool(cursor.fetchone()[0]) and found.upto > newest.upto


def _append(
    spec: Spec, meaning: int, question: str, found: History, skills: dawid_skene.Skills, number: int
) -> SkillSet:
    doubted = skills.doubted()
    event = ledger.record(
        project_id=spec.project_id,
        kind="skills.learnt",
        by=None,
        subject=("spec", spec.pk),
        data={
            "question": question,
            "meaning": meaning,
            "number": number,
            "answers": len(found.labels.values),
            "annotators": len(found.annotators),
            "known": found.n_known,
        },
    )
    made = SkillSet.objects.create(
        project_id=spec.project_id,
        spec=spec,
        meaning=meaning,
        question=question,
        number=number,
        rule=stopping.RULE,
        values=found.values,
        prior=_rounded(skills.prior),
        pooled=_rounded(doubted[-1]),
        n_items=found.labels.n_items,
        n_answers=len(found.labels.values),
        n_known=found.n_known,
        upto=found.upto,
        event_id=event,
    )
    SkillMatrix.objects.bulk_create(
        [
            SkillMatrix(
                project_id=spec.project_id,
                skills=made,
                annotator_id=annotator,
                n_labels=int(skills.n_labels[code]),
                matrix=_rounded(doubted[code]),
            )
            for code, annotator in enumerate(found.annotators)
        ],
        batch_size=1000,
    )
    return made


def _rounded(values: Any) -> Any:
    return np.round(values, 6).tolist()


def choose(*, queue: Queue, skills: SkillSet) -> bool:
    """Choose by replay where the queue stops on the set's question, unless it was chosen with this set; whether it was now."""
    accuracy = float(queue.accuracy_target)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('annotation.stop_target'), hashtext(%s))",
            [f"{queue.pk}:{skills.question}"],
        )
        last = StopTarget.objects.filter(queue=queue, question=skills.question).order_by("-pk").first()
        if last is not None and last.skills_id == skills.pk:
            return False
        found = history(spec=queue.spec, meaning=skills.meaning, question=skills.question)
        results = replay.replay(
            found.labels,
            taus=stopping.TAUS,
            minimum=queue.overlap,
            maximum=queue.max_overlap,
            repetitions=REPETITIONS,
        )
        trials = replay.trials(results)
        tau, reached = stopping.choose_tau(trials, target=accuracy)
        curve = replay.calibration(found.labels, tau=tau, minimum=queue.overlap, maximum=queue.max_overlap)
        event = ledger.record(
            project_id=queue.project_id,
            kind="queue.stop-target-chosen",
            by=None,
            subject=("queue", queue.pk),
            data={"question": skills.question, "tau": tau, "reached": reached, "known": found.n_known},
        )
        StopTarget.objects.create(
            project_id=queue.project_id,
            queue=queue,
            skills=skills,
            question=skills.question,
            rule=stopping.RULE,
            accuracy=accuracy,
            tau=tau,
            reached=reached,
            n_known=found.n_known,
            trials=[_trial(one) for one in trials],
            calibration={} if curve is None else {"weights": list(curve.weights), "n": curve.n},
            event_id=event,
        )
    return True


def _trial(one: stopping.Trial) -> Mapping[str, float | None]:
    return {name: round(value, 6) if np.isfinite(value) else None for name, value in vars(one).items()}


def _plan_minimum(queue: Queue, wanted: int) -> None:
    """How many answers a task is loaded with: three until enough is known."""
    with transaction.atomic():
        locked = Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        last = (
            OverlapPlan.objects.filter(queue=locked, formula=overlapping.DYNAMIC_FORMULA)
            .order_by("-pk")
            .first()
        )
        if last is not None and last.wanted == wanted:
            return
        if last is None and wanted == overlapping.FAIR_OVERLAP:
            return
        event = ledger.record(
            project_id=queue.project_id,
            kind="queue.overlap-planned",
            by=None,
            subject=("queue", queue.pk),
            data={"formula": overlapping.DYNAMIC_FORMULA, "wanted": wanted},
        )
        assert locked.version_id is not None
        OverlapPlan.objects.create(
            project_id=queue.project_id,
            queue=locked,
            version_id=locked.version_id,
            formula=overlapping.DYNAMIC_FORMULA,
            wanted=wanted,
            expected=0.0,
            event_id=event,
        )


def refresh_all() -> int:
    """Refresh every queue that needs it, one after the other; returns how many were looked at."""
    rows = (
        Queue.objects.exclude(overlap_policy__in=[OverlapPolicy.FIXED, OverlapPolicy.DOUBLES])
        .exclude(state=QueueState.CLOSED)
        .select_related("spec", "version")
        .order_by("pk")
    )
    n = 0
    for queue in rows.iterator():
        refresh(queue=queue)
        n += 1
    return n


def newest(*, queue: Queue) -> list[SkillSet]:
    """The skill sets in force for the queue's meaning, one per question."""
    if queue.version is None:
        return []
    meaning = queue.version.meaning or 0
    numbers = (
        SkillSet.objects.filter(spec=queue.spec, meaning=meaning)
        .values("question")
        .annotate(last=Max("number"))
    )
    found = []
    for row in numbers.order_by("question"):
        found.append(
            SkillSet.objects.get(
                spec=queue.spec,
                meaning=meaning,
                question=row["question"],
                number=row["last"],
            )
        )
    return found
