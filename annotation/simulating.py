"""What a queue's rule of overlap implies: played on the queue's own history, or on shipped labels while there is too little."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection

from annotation import learning, replaying
from annotation.agreement import implied, stopping
from annotation.agreement.replay import Labels
from annotation.models import StopTarget
from specs import versions
from workforce import expecting, overlap_rules, overlapping
from workforce.models import OverlapPlan, OverlapPolicy, Queue

ENOUGH = 30
"""Items with two answers from which on a queue's own history is played."""
SHIPPED = "entailment"
DAYS = 28
LEAD_MINUTES = 3.0
"""What a dispute takes a lead, until some were decided."""

_FLOW = """
    SELECT (SELECT count(*) FROM workforce_task WHERE queue_id = %(queue)s AND state = 'resolved'
              AND settled_at > statement_timestamp() - make_interval(days => %(days)s)),
           (SELECT extract(epoch FROM statement_timestamp() - min(settled_at)) / 86400 FROM workforce_task
            WHERE queue_id = %(queue)s AND state = 'resolved'
              AND settled_at > statement_timestamp() - make_interval(days => %(days)s)),
           (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.submitted_at - s.leased_at))
            FROM workforce_assignment s WHERE s.queue_id = %(disputes)s AND s.state = 'submitted' AND s.leased_at IS NOT NULL)
"""


@dataclass(frozen=True)
class Preview:
    """What is expected under a rule. Per day where the queue settled tasks lately (`tasks_per_day`), else per 1,000 tasks."""

    answers_per_task: float | None
    disputed_share: float | None
    accuracy: float | None
    n_known: int
    n_tasks: int
    own_history: bool
    tasks_per_day: float | None
    answers: float | None
    disputes: float | None
    lead_hours: float | None
    lead_minutes: float
    lead_measured: bool
    by_share: list[str]

    @property
    def lead_seconds(self) -> float:
        return self.lead_minutes * 60

    def as_dict(self) -> dict[str, Any]:
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def preview(*, queue: Queue) -> Preview:
    """Play the rule of *queue*, which may be a proposal that is not saved."""
    labels, own = _labels(queue)
    rule = _rule(queue, labels)
    found = implied.imply(labels, rule)
    with connection.cursor() as cursor:
        cursor.execute(_FLOW, {"queue": queue.pk, "disputes": queue.adjudication_queue_id or 0, "days": DAYS})
        settled, days, seconds = cursor.fetchone()
    per_day = settled / max(1.0, float(days)) if settled else None
    n = per_day if per_day is not None else 1000.0
    minutes = float(seconds) / 60 if seconds is not None else LEAD_MINUTES
    disputes = None if found is None else n * found.disputed
    return Preview(
        answers_per_task=None if found is None else found.answers,
        disputed_share=None if found is None else found.disputed,
        accuracy=None if found is None else found.accuracy,
        n_known=0 if found is None else found.n_known,
        n_tasks=0 if found is None else found.n_tasks,
        own_history=own,
        tasks_per_day=per_day,
        answers=None if found is None else n * found.answers,
        disputes=disputes,
        lead_hours=None if disputes is None else disputes * minutes / 60,
        lead_minutes=minutes,
        lead_measured=seconds is not None,
        by_share=overlap_rules.not_dynamic(queue)[1] if queue.overlap_policy == OverlapPolicy.DYNAMIC else [],
    )


def _labels(queue: Queue) -> tuple[Labels, bool]:
    if queue.version_id is not None:
        version = versions.read(queue.version_id)
        for question in version.questions:
            if not overlap_rules.can_be_dynamic(question):
                continue
            found = learning.history(
                spec=queue.spec,
                meaning=version.meaning,
                question=question["key"],
                queue=queue,
                limit=settings.SIMULATED_TASKS * queue.max_overlap,
            ).labels
            twice = np.bincount(found.items, minlength=found.n_items) >= 2 if found.n_items else np.zeros(0)
            if int(twice.sum()) >= ENOUGH and found.n_values <= stopping.MOST_VALUES:
                return found, True
            break
    return _shipped(), False


@lru_cache(maxsize=1)
def _shipped() -> Labels:
    return replaying.read(replaying.folder_of(SHIPPED))


def _rule(queue: Queue, labels: Labels) -> implied.Rule:
    starts: tuple[tuple[int, float], ...] = ((queue.overlap, 1.0),)
    tau, audit = float(queue.stop_target), 0.0
    match queue.overlap_policy:
        case OverlapPolicy.DOUBLES:
            share = float(queue.double_share)
            starts = ((1, 1 - share), (2, share))
        case OverlapPolicy.EXPECTED:
            starts = ((_expected_start(queue, labels), 1.0),)
        case OverlapPolicy.DYNAMIC:
            fair, audit = float(queue.fair_share), float(queue.audit_share)
            n_known = int((labels.gold >= 0).sum())
            least = stopping.minimum(queue.overlap, n_known=n_known, fewest_labels=stopping.ENOUGH_LABELS)
            starts = tuple(
                (n, weight)
                for n, weight in ((least, 1 - fair), (max(least, overlapping.FAIR_OVERLAP), fair))
                if weight > 0
            )
            target = (
                StopTarget.objects.filter(queue_id=queue.pk, accuracy=float(queue.accuracy_target))
                .order_by("-pk")
                .first()
            )
            tau = target.tau if target is not None else tau
    return implied.Rule(
        queue.overlap_policy,
        queue.rule,
        float(queue.consensus_share),
        starts,
        queue.max_overlap,
        tau,
        audit,
        float(queue.error_cost),
    )


def _expected_start(queue: Queue, labels: Labels) -> int:
    """The number for items that no clause is known for, by the newest plan or by how much the labels differ."""
    plan = OverlapPlan.objects.filter(queue_id=queue.pk, formula=expecting.FORMULA).order_by("-pk").first()
    if plan is not None:
        expected = plan.expected
    else:
        votes = np.bincount(
            labels.items * labels.n_values + labels.values, minlength=labels.n_items * labels.n_values
        ).reshape(labels.n_items, labels.n_values)
        n = votes.sum(axis=1)
        votes, n = votes[n >= 2], n[n >= 2]
        expected = (
            float((1 - (votes * (votes - 1)).sum(axis=1) / (n * (n - 1))).mean())
            if len(n)
            else expecting.UNKNOWN
        )
    return expecting.wanted(
        expected, target=float(queue.accuracy_target), minimum=queue.overlap, maximum=queue.max_overlap
    )
