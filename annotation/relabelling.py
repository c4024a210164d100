"""From a published change of meaning to the tasks it touches; those are asked again, the rest is carried forward.

    (nothing) -> proposed plan, with the affected tasks listed: propose
    proposed -> confirmed, affected routed to a relabelling queue, the rest carried: confirm

A task is affected *directly* when a counted answer cites a changed clause, a ruling on it decided the task, or the item is
known to fall under it; *possibly* when the value in force is one that a changed clause governs (before or after). One affected
counted answer re-asks the whole task. Nothing is overwritten: the new answers are answers to a new task.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import Count
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation.models import Carry, PlanState, Reach, RelabelPlan, RelabelTask
from specs import contents, diff, ledger
from specs.models import Clause, ClauseLineage, Member, SpecVersion
from specs.refusals import Invalid, WrongState
from workforce import gold_settings, ordering, queues
from workforce.models import Enrolment, Purpose, Queue

_DIRECT = """
    SELECT DISTINCT ON (t.id) t.id, hit.clause_id FROM workforce_task t JOIN (
        SELECT a.task_id, c.clause_id FROM annotation_citation c JOIN annotation_annotation a ON a.id = c.annotation_id
        WHERE c.clause_id = ANY(%(clauses)s) AND NOT EXISTS (
            SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
        UNION ALL
        SELECT r.task_id, u.clause_id FROM annotation_resolution r JOIN annotation_ruling u ON u.id = r.ruling_id
        WHERE u.clause_id = ANY(%(clauses)s)
        UNION ALL
        SELECT w.id, ic.clause_id FROM workforce_itemclause ic JOIN workforce_task w ON w.item_id = ic.item_id
        WHERE ic.clause_id = ANY(%(clauses)s) AND w.queue_id = %(queue)s
    ) hit ON hit.task_id = t.id
    WHERE t.queue_id = %(queue)s AND t.meaning = %(meaning)s AND t.state = 'resolved'
    ORDER BY t.id, hit.clause_id
"""
_POSSIBLE = """
    SELECT DISTINCT ON (t.id) t.id, g.clause_id FROM workforce_task t
    JOIN annotation_resolution r ON r.task_id = t.id
    JOIN unnest(%(governing)s::bigint[], %(questions)s::text[], %(values)s::text[]) AS g (clause_id, question, value)
        ON g.question = r.question AND (g.value = '' OR g.value = r.value #>> '{}')
    WHERE t.queue_id = %(queue)s AND t.meaning = %(meaning)s AND t.state = 'resolved'
      AND NOT EXISTS (SELECT 1 FROM annotation_resolution l
                      WHERE l.task_id = r.task_id AND l.question = r.question AND l.revision > r.revision)
      AND NOT (t.id = ANY(%(direct)s))
    ORDER BY t.id, g.clause_id
"""


def propose(*, queue: Queue, to_version: SpecVersion, by: Member | None) -> RelabelPlan:
    """List what publishing *to_version* touches in a queue: changed clauses, affected tasks, directly or possibly.

    The change is taken against the newest published version of the meaning before. Harmless to repeat: the plan of a queue
    and version is made once. Raises `Invalid` when the meaning did not change.
    """
    before = (
        SpecVersion.objects.published()
        .filter(spec_id=to_version.spec_id, meaning__lt=to_version.meaning or 0)
        .newest_first()
        .first()
    )
    if before is None:
        raise Invalid(_("The meaning did not change: no label has to be asked again."))
    with transaction.atomic(), connection.cursor() as cursor:
        Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        known = RelabelPlan.objects.filter(queue=queue, to_version=to_version).first()
        if known is not None:
            return known
        difference = contents.compare(before, to_version)
        changed = sorted(set(difference.changed_meaning()))
        clauses = with_ancestors(to_version.spec_id, changed)
        scope = {"queue": queue.pk, "meaning": before.meaning, "clauses": list(clauses.values())}
        cursor.execute(_DIRECT, scope)
        direct = dict(cursor.fetchall())
        governed = governing(difference, clauses)
        cursor.execute(
            _POSSIBLE,
            {
                **scope,
                "direct": list(direct),
                "governing": [clause for clause, _, _ in governed],
                "questions": [question for _, question, _ in governed],
                "values": [value for _, _, value in governed],
            },
        )
        possible = dict(cursor.fetchall())
        cursor.execute(
            "SELECT count(*) FROM workforce_task WHERE queue_id = %(queue)s AND meaning = %(meaning)s AND state = 'resolved'",
            scope,
        )
        plan = RelabelPlan.objects.create(
            project_id=queue.project_id,
            queue=queue,
            from_version=before,
            to_version=to_version,
            changed=changed,
            n_tasks=cursor.fetchone()[0],
            n_direct=len(direct),
            n_possible=len(possible),
        )
        RelabelTask.objects.bulk_create(
            [
                RelabelTask(
                    project_id=queue.project_id, plan=plan, task_id=task, reach=reach, clause_id=clause
                )
                for reach, found in ((Reach.DIRECT, direct), (Reach.POSSIBLE, possible))
                for task, clause in found.items()
            ],
            batch_size=5000,
        )
        ledger.record(
            project_id=queue.project_id,
            kind="relabelling.proposed",
            by=by,
            subject=("plan", plan.pk),
            data={"queue": queue.pk, "direct": len(direct), "possible": len(possible), "clauses": changed},
        )
    return plan


def propose_all(*, version: SpecVersion, by: Member | None) -> list[RelabelPlan]:
    """A plan for every labelling queue of the spec that has resolved tasks of the meaning before."""
    if (version.meaning or 0) < 2 or version.minor or version.patch:
        return []
    found = Queue.objects.filter(
        spec_id=version.spec_id, purpose__in=[Purpose.LABELLING, Purpose.RELABELLING]
    )
    return [propose(queue=queue, to_version=version, by=by) for queue in found.order_by("pk")]


def with_ancestors(spec_id: int, keys: list[str]) -> dict[str, int]:
    """Changed clauses by key, together with the clauses they were split or merged from."""
    clauses = {clause.key: clause.pk for clause in Clause.objects.filter(spec_id=spec_id, key__in=keys)}
    lineage = ClauseLineage.objects.filter(clause__in=clauses.values()).select_related("ancestor")
    return clauses | {entry.ancestor.key: entry.ancestor_id for entry in lineage}


def governing(difference: diff.Difference, clauses: dict[str, int]) -> list[tuple[int, str, str]]:
    """`(clause, question, value)` for what the changed clauses govern, in the old wording or the new; "" is any value."""
    found: set[tuple[int, str, str]] = set()
    for change in difference.clauses:
        if change.key not in clauses:
            continue
        for words in (change.old, change.new):
            for entry in (words or {}).get("governs", ()):
                values = {
                    *(entry.get("values") or ()),
                    *(v for pair in entry.get("pairs") or () for v in pair),
                } or {""}
                found |= {(clauses[change.key], entry["question"], value) for value in values}
    return sorted(found)


def confirm(*, plan: RelabelPlan, include_possible: bool, reason: str, by: Member | None) -> Carry:
    """Ask the affected tasks again under the new meaning, and record the carry of the rest with its reason.

    Directly affected tasks always go; possibly affected ones when *include_possible*. The relabelling queue is made with the
    first of them, with the annotators of the queue they come from. Raises `Invalid` without a reason, `WrongState` twice.
    """
    if not reason.strip():
        raise Invalid(_("Say why the other labels stay valid."))
    with transaction.atomic(), connection.cursor() as cursor:
        locked = (
            RelabelPlan.objects.select_for_update(no_key=True, of=("self",))
            .select_related("queue", "to_version")
            .get(pk=plan.pk)
        )
        if locked.state != PlanState.PROPOSED:
            raise WrongState(_("This plan is confirmed already."))
        reaches = [Reach.DIRECT, Reach.POSSIBLE] if include_possible else [Reach.DIRECT]
        chosen = RelabelTask.objects.filter(plan=locked, reach__in=reaches)
        n_chosen = chosen.count()
        n_again, relabel_queue = 0, _queue(locked, by) if n_chosen else None
        if relabel_queue is not None:
            cursor.execute(
                _AGAIN, {"plan": locked.pk, "queue": relabel_queue.pk, "reaches": [str(r) for r in reaches]}
            )
            n_again = cursor.rowcount
        locked.relabel_queue, locked.state = relabel_queue, PlanState.CONFIRMED
        locked.confirmed_at, locked.confirmed_by = Now(), by
        locked.save(update_fields=["relabel_queue", "state", "confirmed_at", "confirmed_by"])
        event = ledger.record(
            project_id=locked.project_id,
            kind="relabelling.confirmed",
            by=by,
            subject=("plan", locked.pk),
            data={
                "queue": relabel_queue.pk if relabel_queue else None,
                "affected": n_chosen,
                "carried": locked.n_tasks - n_chosen,
                "again": n_again,
            },
        )
        return Carry.objects.create(
            project_id=locked.project_id,
            plan=locked,
            queue=locked.queue,
            from_version_id=locked.from_version_id,
            to_version=locked.to_version,
            reason=reason.strip(),
            n_carried=locked.n_tasks - n_chosen,
            exceptions=list(chosen.order_by("task_id").values_list("task_id", flat=True)),
            event_id=event,
        )


_AGAIN = (
    """
    WITH made AS (
        INSERT INTO workforce_task
            (project_id, item_id, queue_id, meaning, round, state, overlap, n_answers, rank, priority, created_at)
        SELECT r.project_id, t.item_id, q.id, v.meaning, 1, 'open', q.overlap, 0,
               64 * row_number() OVER (ORDER BY r.reach, t.id)
                   + coalesce((SELECT max(rank) FROM workforce_task w WHERE w.queue_id = q.id), 0),
               0, statement_timestamp()
        FROM annotation_relabeltask r JOIN workforce_task t ON t.id = r.task_id
        JOIN workforce_queue q ON q.id = %(queue)s JOIN specs_specversion v ON v.id = q.version_id
        WHERE r.plan_id = %(plan)s AND r.reach = ANY(%(reaches)s)
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
    WHERE r.plan_id = %(plan)s AND r.task_id = t.id AND r.reach = ANY(%(reaches)s)
"""
)


def _queue(plan: RelabelPlan, by: Member | None) -> Queue:
    """The relabelling queue of a source queue: same settings, the new version in force, the same people."""
    source = plan.queue
    version = plan.to_version
    found = Queue.objects.filter(project_id=source.project_id, key=f"{source.key[:50]}-relabel").first()
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
        overlap=min(source.overlap, 3) if source.overlap > 1 else 3,
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


def by_clause(plan: RelabelPlan) -> list[dict[str, Any]]:
    """How many tasks each changed clause reaches, and how: for the page where a person confirms."""
    rows = RelabelTask.objects.filter(plan=plan).values("clause__key", "reach").annotate(n=Count("pk"))
    return sorted((dict(row) for row in rows), key=lambda row: (-row["n"], str(row["clause__key"])))
