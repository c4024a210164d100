"""What seeing a prediction beforehand did to the answers of a queue: arm against arm, per model, version and question.

Only first answers of tasks that are work, by people who were drawn into one of the two arms. What was shown after the answer
anchors nobody and is not in it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection

from annotation.agreement.anchoring import Sums, difference
from specs import versions
from workforce.models import Queue

AGAINST = ("model", "resolution", "gold", "people")
# A resolution counts where it rests on more than the answer itself: on others, or on a ruling.
_SAID = """
    WITH said AS MATERIALIZED (
        SELECT p.model, p.model_version, g.question, t.item_id, g.arm = 'shown' AS shown,
               g.taken_at IS NOT NULL OR g.prefilled AS taken, a.values -> g.question AS value,
               a.values -> g.question = p.value AS as_model,
               CASE WHEN r.value IS NOT NULL AND (r.ruling_id IS NOT NULL OR cardinality(r.answers) > 1)
                    THEN a.values -> g.question = r.value END AS as_resolved,
               a.values -> g.question = k.value AS as_gold, extract(epoch FROM a.answered_at - s.leased_at) AS seconds
        FROM workforce_suggestion g
        JOIN workforce_prediction p ON p.id = g.prediction_id
        JOIN workforce_task t ON t.id = g.task_id AND t.purpose = 'work'
        JOIN workforce_assignment s ON s.task_id = g.task_id AND s.annotator_id = g.annotator_id
        JOIN annotation_annotation a ON a.assignment_id = s.id AND a.revision = 1 AND a.source = 'live'
        LEFT JOIN LATERAL (
            SELECT r.value, r.ruling_id, r.answers FROM annotation_resolution r
            WHERE r.task_id = g.task_id AND r.question = g.question AND t.state = 'resolved'
            ORDER BY r.revision DESC LIMIT 1
        ) r ON true
        LEFT JOIN workforce_knownanswer k
          ON k.item_id = t.item_id AND k.spec_id = p.spec_id AND k.question = g.question AND k.state = 'in-use'
        WHERE g.queue_id = %(queue)s AND g.arm IN ('shown', 'hidden') AND a.values ? g.question
    )
"""
_BY_ITEM = """
    , items AS (
        SELECT model, model_version, question, o.against, item_id,
               count(*) FILTER (WHERE shown) AS n1, count(*) FILTER (WHERE shown AND o.is_right) AS k1,
               count(*) FILTER (WHERE NOT shown) AS n0, count(*) FILTER (WHERE NOT shown AND o.is_right) AS k0
        FROM said CROSS JOIN LATERAL (
            VALUES ('model', as_model), ('resolution', as_resolved), ('gold', as_gold)) AS o (against, is_right)
        WHERE o.is_right IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5
        UNION ALL
        SELECT model, model_version, question, 'people', item_id,
               coalesce(sum(n) FILTER (WHERE shown), 0)::bigint, coalesce(sum(k) FILTER (WHERE shown), 0)::bigint,
               coalesce(sum(n) FILTER (WHERE NOT shown), 0)::bigint, coalesce(sum(k) FILTER (WHERE NOT shown), 0)::bigint
        FROM (
            SELECT model, model_version, question, item_id, shown, sum(c) * (sum(c) - 1) / 2 AS n, sum(c * (c - 1) / 2) AS k
            FROM (SELECT model, model_version, question, item_id, shown, value, count(*) AS c
                  FROM said GROUP BY 1, 2, 3, 4, 5, 6) valued
            GROUP BY 1, 2, 3, 4, 5
        ) pairs
        GROUP BY 1, 2, 3, 4, 5
    )
    SELECT model, model_version, question, against, count(*), sum(n1), sum(k1), sum(n0), sum(k0), sum(n1 * n1), sum(n1 * k1),
           sum(k1 * k1), sum(n0 * n0), sum(n0 * k0), sum(k0 * k0), sum(n1 * n0), sum(n1 * k0), sum(k1 * n0), sum(k1 * k0)
    FROM items GROUP BY 1, 2, 3, 4
"""
_BY_ARM = """
    SELECT model, model_version, question, shown, count(*), count(DISTINCT item_id),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), count(*) FILTER (WHERE taken AND as_model),
           count(*) FILTER (WHERE taken AND NOT as_model), count(*) FILTER (WHERE NOT taken)
    FROM said GROUP BY 1, 2, 3, 4 ORDER BY 3, 1, 2, 4 DESC
"""


def report(*, queue: Queue) -> list[dict[str, Any]]:
    """For each model, version and question: both arms, what was done with what was shown, and the differences between the arms.

    `against` holds the share of answers that say what the model said, what the task ended with, and what gold says, and of
    pairs of people in the same arm who say the same: shown minus hidden, each with its 95 % interval. Below
    `ANCHORING_MINIMUM` in an arm there is no difference but a reason. Two queries.
    """
    known = {"queue": queue.pk}
    with connection.cursor() as cursor:
        cursor.execute(_SAID + _BY_ARM, known)
        arms = cursor.fetchall()
        cursor.execute(_SAID + _BY_ITEM, known)
        sums = {tuple(row[:4]): Sums(*(int(number) for number in row[4:])) for row in cursor.fetchall()}
    titles = {}
    if queue.version_id is not None:
        titles = {
            question["key"]: question["title"] for question in versions.read(queue.version_id).questions
        }
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for model, version, question, shown, n, n_items, seconds, accepted, changed, ignored in arms:
        row = found.setdefault(
            (model, version, question),
            {
                "model": model,
                "model_version": version,
                "question": question,
                "title": titles.get(question, question),
                "arms": {"shown": _arm(), "hidden": _arm()},
                "uptake": {"accepted": 0, "changed": 0, "ignored": 0},
            },
        )
        row["arms"]["shown" if shown else "hidden"] = _arm(n, n_items, seconds)
        if shown:
            row["uptake"] = {"accepted": accepted, "changed": changed, "ignored": ignored}
    for named, row in found.items():
        row["against"] = {
            against: difference(
                sums.get((*named, against)) or Sums.of([]), minimum=settings.ANCHORING_MINIMUM
            ).as_dict()
            for against in AGAINST
        }
    return list(found.values())


def _arm(n: int = 0, n_items: int = 0, seconds: Any = None) -> dict[str, Any]:
    return {
        "n": n,
        "n_items": n_items,
        "median_seconds": None if seconds is None else round(float(seconds), 1),
    }
