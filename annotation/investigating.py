"""Clause issues: evidence that a clause is ambiguous, with a case pack, until a version or a reason ends it.

    (nothing) -> open: open_issue
    open -> closed: close

While one is open, known answers under its clause are held (`nominating`), and a pilot can take its cases as a fixed sample.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import nominating
from annotation.models import ClauseEvidence, ClauseIssue, ClauseIssueCase, IssueState
from specs import ledger
from specs.models import Clause, Member, SpecVersion, VersionState
from specs.refusals import Invalid, WrongState

BY_HAND = "by-hand"
"""What an issue is opened for that no report speaks for."""
_TASKS = """
    SELECT DISTINCT ON (w.place) t.id FROM unnest(%(items)s::bigint[]) WITH ORDINALITY AS w (item, place)
    JOIN workforce_task t ON t.item_id = w.item AND t.purpose = 'work'
    JOIN workforce_queue q ON q.id = t.queue_id AND q.spec_id = %(spec)s AND q.purpose IN ('labelling', 'relabelling')
    WHERE EXISTS (SELECT 1 FROM annotation_annotation a WHERE a.task_id = t.id)
    ORDER BY w.place, t.id DESC
"""


def open_issue(
    *,
    clause: Clause,
    evidence: ClauseEvidence | None,
    owner: Member | None = None,
    due_at: datetime | None = None,
    by: Member,
) -> ClauseIssue:
    """Open an issue on a clause, with a case pack of `CASE_PACK_ITEMS` tasks at most, three that nobody disputes among them.

    Raises `WrongState` while one is open, `Invalid` for evidence about another clause.
    """
    if evidence is not None and evidence.clause_id != clause.pk:
        raise Invalid(_("That evidence is about another clause."))
    with transaction.atomic():
        Clause.objects.select_for_update(no_key=True).get(pk=clause.pk)
        if ClauseIssue.objects.filter(clause=clause, state=IssueState.OPEN).exists():
            raise WrongState(_("This clause has an open issue already."))
        issue = ClauseIssue.objects.create(
            project_id=clause.project_id,
            clause=clause,
            opened_for=evidence.verdict if evidence else BY_HAND,
            owner=owner or by,
            due_at=due_at,
        )
        cases = _cases(issue, evidence, clause.spec_id) if evidence else []
        ledger.record(
            project_id=clause.project_id,
            kind="clause-issue.opened",
            by=by,
            subject=("clause-issue", issue.pk),
            data={"clause": clause.pk, "for": issue.opened_for, "tasks": [case.task_id for case in cases]},
        )
        nominating.hold_flagged(project_id=clause.project_id)
    return issue


def _cases(issue: ClauseIssue, evidence: ClauseEvidence, spec: int) -> list[ClauseIssueCase]:
    controls = _tasks(evidence.numbers.get("controls", []), spec)
    contested = [task for task in _tasks(evidence.items, spec) if task not in controls]
    contested = contested[: max(1, settings.CASE_PACK_ITEMS - len(controls))]
    return ClauseIssueCase.objects.bulk_create(
        ClauseIssueCase(project_id=issue.project_id, issue=issue, task_id=task, control=control)
        for tasks, control in ((contested, False), (controls, True))
        for task in tasks
    )


def _tasks(items: list[int], spec: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_TASKS, {"items": items, "spec": spec})
        return [row[0] for row in cursor.fetchall()]


def close(*, issue: ClauseIssue, version: SpecVersion | None, reason: str, by: Member) -> ClauseIssue:
    """End an issue: a published version resolved it, or a reason says why none has to.

    Raises `WrongState` when it is closed, `Invalid` without either or for a version of another spec.
    """
    reason = reason.strip()[: settings.MAX_NOTE_CHARACTERS]
    if version is None and not reason:
        raise Invalid(_("Name the version that resolves it, or say why none has to."))
    if version is not None and (
        version.spec_id != issue.clause.spec_id
        or version.state not in (VersionState.PUBLISHED, VersionState.RETIRED)
    ):
        raise Invalid(_("Only a published version of the same spec resolves an issue."))
    with transaction.atomic():
        locked = ClauseIssue.objects.select_for_update(no_key=True).get(pk=issue.pk)
        if locked.state != IssueState.OPEN:
            raise WrongState(_("This issue is closed already."))
        ClauseIssue.objects.filter(pk=locked.pk).update(
            state=IssueState.CLOSED, closed_at=Now(), closed_by_version=version, closing_reason=reason
        )
        ledger.record(
            project_id=locked.project_id,
            kind="clause-issue.closed",
            by=by,
            subject=("clause-issue", locked.pk),
            data={"clause": locked.clause_id, "version": version.pk if version else None},
        )
        nominating.hold_flagged(project_id=locked.project_id)
        locked.refresh_from_db()
    return locked
