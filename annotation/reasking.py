"""Asking tasks of a plan again: the same items under the new meaning, in a queue of their own.

    (nothing) -> open tasks of the relabelling queue: ask

Nothing is overwritten: the new answers are answers to a new task, whose annotators see the item and the new words, never the old
answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from annotation.models import RelabelPlan
from specs import ledger
from specs.models import Member
from workforce import gold_settings, ordering, queues
from workforce.models import Enrolment, Purpose, Queue

FIRST = 1
"""Answers that a task is first asked for whose label is not known to be touched, or was decided by a lead."""


def ask(plan: RelabelPlan, rows: Iterable[int], *, overlap: int | None, by: Member | None) -> int:
    """Ask these rows of a plan again, with so many answers at first, or as many as the queue asks for. Call it under its lock."""
    wanted = sorted(rows)
    if not wanted:
        return 0
    if plan.relabel_queue is None:
        plan.relabel_queue = _queue(plan, by)
        plan.save(update_fields=["relabel_queue"])
    queue = plan.relabel_queue
    first = min(overlap or queue.overlap, queue.overlap)
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, {"plan": plan.pk, "queue": queue.pk, "rows": wanted, "overlap": first})
        n_again = cursor.rowcount
    ledger.record(
        project_id=plan.project_id,
        kind="relabelling.asked",
        by=by,
        subject=("plan", plan.pk),
        data={"queue": queue.pk, "again": n_again, "overlap": first},
    )
    return n_again


_AGAIN = (
    """
    WITH made AS (
        INSERT INTO workforce_task
            (project_id, item_id, queue_id, meaning, round, state, overlap, n_answers, rank, priority, created_at)
        SELECT r.project_id, t.item_id, q.id, v.meaning, 1, 'open', %(overlap)s, 0,
               64 * row_number() OVER (
                   ORDER BY array_position(ARRAY['direct', 'likely', 'possible', 'rest'], r.reach::text), t.id)
                   + coalesce((SELECT max(rank) FROM workforce_task w WHERE w.queue_id = q.id), 0),
               0, statement_timestamp()
        FROM annotation_relabeltask r JOIN workforce_task t ON t.id = r.task_id
        JOIN workforce_queue q ON q.id = %(queue)s JOIN specs_specversion v ON v.id = q.version_id
        WHERE r.plan_id = %(plan)s AND r.id = ANY(%(rows)s)
        ON CONFLICT (item_id, queue_id, meaning, round) DO NOTHING
        RETURNING *
    ), slots AS (
        INSERT INTO workforce_assignment
            (project_id, task_id, queue_id, number, state, rank, returned, n_returns, served_digest, n_renewals)
        SELECT m.project_id, m.id, m.queue_id, n, 'open', """
    + ordering.rank(number="n", begun="false", t="m")
    + """, false, 0, '', 0
        FROM made m JOIN workforce_queue q ON q.id = m.queue_id CROSS JOIN LATERAL generate_series(1, m.overlap) n
        RETURNING project_id, queue_id, rank, state
    ), """
    + ordering.arrived("slots")
    + """
    UPDATE annotation_relabeltask r SET again_id = m.id
    FROM made m JOIN workforce_task t ON t.item_id = m.item_id
    WHERE r.plan_id = %(plan)s AND r.task_id = t.id AND r.id = ANY(%(rows)s)
"""
)


def overlap_of(source: Queue) -> int:
    """How many answers a task from this queue wants when it is asked again: three, two where two were enough before."""
    return min(source.overlap, 3) if source.overlap > 1 else 3


def _queue(plan: RelabelPlan, by: Member | None) -> Queue:
    """The relabelling queue of a source queue: same settings, the new version in force, the same people.

    What was asked again before is asked again in the same queue once more.
    """
    source = plan.queue
    version = plan.to_version
    found = (
        source
        if source.purpose == Purpose.RELABELLING
        else Queue.objects.filter(project_id=source.project_id, key=f"{source.key[:50]}-relabel").first()
    )
    if found is not None:
        return queues.put_in_force(queue=found, version=version, by=by)
    assert source.owner is not None
    made = queues.create_queue(
        project=source.project,
        key=f"{source.key[:50]}-relabel",
        name=f"{source.name}: relabelling",
        spec=source.spec,
        owner=source.owner,
        version=version,
        purpose=Purpose.RELABELLING,
        adjudication_queue=source.adjudication_queue,
        by=by,
        overlap=overlap_of(source),
        max_overlap=max(min(source.max_overlap, 5), 3),
        rule=source.rule,
        consensus_share=source.consensus_share,
        lease_for=source.lease_for,
        citing=source.citing,
        cite_share=source.cite_share,
        asks_confidence=source.asks_confidence,
        **{name: getattr(source, name) for name in (*queues.ENTRY, *gold_settings.NAMES)},
    )
    people = list(Enrolment.objects.filter(queue=source, active=True).values_list("annotator_id", flat=True))
    Enrolment.objects.bulk_create(
        Enrolment(project_id=made.project_id, queue=made, annotator_id=annotator) for annotator in people
    )
    for annotator in people:
        ledger.record(
            project_id=made.project_id,
            kind="annotator.enrolled",
            by=by,
            subject=("annotator", annotator),
            data={"queue": made.pk},
        )
    return made
