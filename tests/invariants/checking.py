"""The invariants in plain SQL: each query gives a row per violation. Nothing of the product's own reads is used."""

from __future__ import annotations

from django.db import connection

_LIVE = "s.state NOT IN ('withdrawn')"
_ABOUT = """(EXISTS (SELECT FROM annotation_dispute d WHERE d.work_id = t.id)
    OR EXISTS (SELECT FROM annotation_deferral f JOIN workforce_assignment o ON o.id = f.assignment_id WHERE o.task_id = t.id)
    OR EXISTS (SELECT FROM annotation_review w WHERE t.id IN (w.work_id, w.rework_id)))"""
"""That the task `t` is work about another task: what is decided there is no answer to it."""
VIOLATIONS = {
    "INV-3: more answers than the task wants": """
        SELECT t.id FROM workforce_task t JOIN annotation_annotation a ON a.task_id = t.id AND a.revision = 1
        WHERE t.purpose = 'work' GROUP BY t.id, t.overlap HAVING count(*) > t.overlap""",
    "INV-3: more slots than the task wants": f"""
        SELECT t.id FROM workforce_task t JOIN workforce_assignment s ON s.task_id = t.id AND {_LIVE}
        GROUP BY t.id, t.overlap HAVING count(*) > t.overlap""",
    "INV-3: an answer without a submitted slot of its annotator, or the reverse": """
        SELECT coalesce(a.task_id, s.task_id) FROM annotation_annotation a
        FULL JOIN (SELECT * FROM workforce_assignment s WHERE s.state = 'submitted' AND NOT EXISTS (
                       SELECT FROM annotation_ruling r WHERE r.assignment_id = s.id) AND NOT EXISTS (
                       SELECT FROM annotation_deferral f WHERE f.assignment_id = s.id) AND NOT EXISTS (
                       SELECT FROM annotation_review w WHERE s.task_id IN (w.work_id, w.rework_id))) s
            ON s.id = a.assignment_id AND s.annotator_id = a.annotator_id AND s.task_id = a.task_id
        WHERE a.id IS NULL OR s.id IS NULL""",
    "INV-3: the count of answers is not their number": f"""
        SELECT t.id FROM workforce_task t LEFT JOIN annotation_annotation a ON a.task_id = t.id AND a.revision = 1
        WHERE NOT {_ABOUT}
        GROUP BY t.id, t.n_answers HAVING count(a.id) <> t.n_answers""",
    "INV-3: ordinals have a gap": """
        SELECT task_id FROM annotation_annotation WHERE revision = 1 GROUP BY task_id
        HAVING min(ordinal) <> 1 OR max(ordinal) <> count(*)""",
    "INV-4: somebody counts twice on a task": """
        SELECT task_id FROM annotation_annotation WHERE revision = 1 GROUP BY task_id, annotator_id HAVING count(*) > 1""",
    "INV-4: somebody has a task twice": """
        SELECT task_id FROM workforce_assignment WHERE annotator_id IS NOT NULL GROUP BY task_id, annotator_id
        HAVING count(*) > 1""",
    "INV-4: somebody has a task that she skipped or may not see": """
        SELECT s.task_id FROM workforce_assignment s JOIN workforce_barred b
            ON b.task_id = s.task_id AND b.annotator_id = s.annotator_id
        WHERE s.state IN ('leased', 'reserved')""",
    "INV-4: one item, one person, one meaning and round, but two answers as work": """
        SELECT t.item_id FROM annotation_annotation a JOIN workforce_task t ON t.id = a.task_id
        WHERE t.purpose = 'work' AND a.revision = 1 GROUP BY t.item_id, t.queue_id, t.meaning, t.round, a.annotator_id
        HAVING count(*) > 1""",
    "INV-5: an answer under a token that was never given for it": """
        SELECT a.id FROM annotation_annotation a WHERE a.source = 'live' AND NOT EXISTS (
            SELECT FROM workforce_lease l WHERE l.token = a.lease_token AND l.assignment_id = a.assignment_id
                AND l.annotator_id = a.annotator_id AND l.version_id = a.version_id)""",
    "INV-5: a late answer whose token counted": """
        SELECT l.id FROM annotation_lateanswer l JOIN annotation_annotation a ON a.lease_token = l.token
        WHERE a.client_key = l.client_key""",
    "INV-6: an open slot of a task that wants no answer": """
        SELECT s.id FROM workforce_assignment s JOIN workforce_task t ON t.id = s.task_id
        WHERE s.state IN ('open', 'reserved') AND t.state <> 'open' AND t.purpose = 'work'""",
    "INV-6: an open task with as many answers as it wants, or nothing left to give out": f"""
        SELECT t.id FROM workforce_task t LEFT JOIN workforce_assignment s ON s.task_id = t.id AND {_LIVE}
        WHERE t.state = 'open' GROUP BY t.id, t.overlap
        HAVING count(s.id) <> t.overlap OR count(*) FILTER (WHERE s.state = 'submitted') >= t.overlap AND NOT EXISTS (
            SELECT FROM annotation_review r WHERE r.task_id = t.id AND r.ended_at IS NULL)""",
    "INV-6: a task that has ended, or a lead has, with an answer under review": """
        SELECT t.id FROM workforce_task t JOIN annotation_review r ON r.task_id = t.id AND r.ended_at IS NULL
        WHERE t.state NOT IN ('open', 'withdrawn')""",
    "INV-6: a review whose work is nowhere, or rework that is not its author's": """
        SELECT r.id FROM annotation_review r WHERE r.ended_at IS NULL AND NOT EXISTS (
            SELECT FROM workforce_assignment s
            WHERE s.task_id = coalesce(r.rework_id, r.work_id) AND s.state IN ('open', 'leased', 'reserved', 'held')
              AND (r.state = 'open' OR s.state = 'held' OR s.annotator_id = r.annotator_id))""",
    "INV-6: who stopped work holds something": """
        SELECT s.id FROM workforce_assignment s JOIN workforce_annotator a ON a.id = s.annotator_id
        WHERE s.state = 'leased' AND a.state <> 'active' OR s.state = 'reserved' AND a.state IN ('suspended', 'left')
            AND NOT EXISTS (SELECT FROM workforce_task t WHERE t.id = s.task_id AND t.kept_for_id = a.id)""",
    "INV-6: a held slot that nothing will let go": """
        SELECT s.id FROM workforce_assignment s WHERE s.state = 'held' AND NOT EXISTS (
            SELECT FROM workforce_hold h WHERE h.task_id = s.task_id AND h.released_at IS NULL)""",
    "INV-10: an answer under another digest than was served": """
        SELECT a.id FROM annotation_annotation a JOIN workforce_assignment s ON s.id = a.assignment_id
        WHERE a.served_digest <> s.served_digest OR a.version_id <> s.version_id""",
    "INV-18: revisions of a resolution have a gap": """
        SELECT task_id FROM annotation_resolution GROUP BY task_id, question
        HAVING min(revision) <> 1 OR max(revision) <> count(*)""",
    "INV-18: a resolution rests on answers that its task does not have": """
        SELECT r.task_id FROM annotation_resolution r WHERE EXISTS (
            SELECT FROM unnest(r.answers) AS one (id) WHERE NOT EXISTS (
                SELECT FROM annotation_annotation a WHERE a.id = one.id AND a.task_id = r.task_id))""",
    "INV-18: settled without a resolution": f"""
        SELECT t.id FROM workforce_task t WHERE t.state IN ('resolved', 'unlabellable')
          AND NOT EXISTS (SELECT FROM annotation_resolution r WHERE r.task_id = t.id) AND NOT {_ABOUT}""",
    "INV-18: settled on other answers than it has": """
        SELECT r.task_id FROM annotation_resolution r JOIN workforce_task t ON t.id = r.task_id
        WHERE t.state IN ('resolved', 'unlabellable') AND NOT EXISTS (
            SELECT FROM annotation_resolution l WHERE l.task_id = r.task_id AND l.question = r.question
                AND l.revision > r.revision)
          AND cardinality(r.answers) <> t.n_answers""",
    "INV-18: two open disputes of a task, or one of a task that is not disputed": """
        SELECT d.task_id FROM annotation_dispute d JOIN workforce_task t ON t.id = d.task_id
        WHERE d.state = 'open' GROUP BY d.task_id, t.state HAVING count(*) > 1 OR t.state <> 'disputed' AND NOT EXISTS (
            SELECT FROM annotation_answerappeal p JOIN annotation_ruling r ON r.id = p.ruling_id
            JOIN annotation_dispute o ON o.id = r.dispute_id WHERE o.task_id = d.task_id AND p.outcome = 'open')
        AND NOT EXISTS (
            SELECT FROM annotation_reopening n JOIN annotation_dispute o ON o.id = n.dispute_id
            WHERE o.task_id = d.task_id AND NOT EXISTS (
                SELECT FROM annotation_ruling l WHERE l.dispute_id = o.id AND l.id > n.ruling_id))""",
    "INV-17: a change by hand that names nobody": """
        SELECT id FROM specs_event WHERE by_id IS NULL AND kind IN (
            'queue.settings-changed', 'queue.version-in-force', 'queue.paused', 'queue.open', 'tasks.overlap-changed',
            'load.undone', 'load.withdrawn', 'member.suspended', 'assignment.recalled', 'assignment.reserved',
            'dispute.decided', 'dispute.returned', 'dispute.escalated', 'dispute.read-first',
            'answers.rechecked', 'review.decided', 'dispute.appealed', 'dispute.reopened', 'answer-appeal.decided')""",
    "INV-22: a lease that ends before it began": "SELECT id FROM workforce_lease WHERE until <= leased_at",
    "INV-22: answered before it was leased": """
        SELECT a.id FROM annotation_annotation a JOIN workforce_lease l ON l.token = a.lease_token AND l.renewal = 0
        WHERE a.answered_at < l.leased_at""",
}
ALL = " UNION ALL ".join(
    f"SELECT {place}, q.* FROM ({text}) AS q (id)" for place, text in enumerate(VIOLATIONS.values())
)


def violations() -> list[str]:
    """What does not hold in the whole database now, in words with the rows' numbers."""
    with connection.cursor() as cursor:
        cursor.execute(ALL)
        names = list(VIOLATIONS)
        return [f"{names[place]} ({number})" for place, number in cursor.fetchall()]
