"""Clause issues: evidence that a clause is ambiguous, with a case pack, until a version or a reason ends it.

    (nothing) -> open, parked: open_issue, watch
    open -> parked, parked -> open: park, unpark, gather (a parked one that has cases enough)
    open, parked -> closed: close

An issue is opened by hand, by a flag of the newest report, or by `ISSUE_RULINGS` rulings that blame the clause. A clause that
comes back has an issue of its own that follows the last one. While one stands, known answers under its clause are held
(`nominating`), and a pilot can take its cases as a fixed sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max, Min
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import flagging, health, nominating
from annotation.models import (
    CAUSES_IN_THE_SPEC,
    STANDING_ISSUES,
    CaseWhy,
    ClauseEvidence,
    ClauseIssue,
    ClauseIssueCase,
    ClauseVerdict,
    IssueState,
    Ruling,
)
from specs import delivering, ledger
from specs.models import Clause, Member, Project, Spec, SpecVersion, VersionState
from specs.refusals import Invalid, WrongState
from workforce import leasing

BY_HAND, BY_RULINGS = "by-hand", "rulings"
"""What an issue is opened for that no report speaks for."""
CONTROLS = 2
RARE = (ClauseVerdict.RARELY_USED, ClauseVerdict.TOO_FEW)
_TASKS = """
    SELECT DISTINCT ON (w.place) t.id, ARRAY(
        SELECT DISTINCT v.value #>> '{}' FROM annotation_annotation a CROSS JOIN LATERAL jsonb_each(a.values) v
        WHERE a.task_id = t.id)
    FROM unnest(%(items)s::bigint[]) WITH ORDINALITY AS w (item, place)
    JOIN workforce_task t ON t.item_id = w.item AND t.purpose = 'work'
    JOIN workforce_queue q ON q.id = t.queue_id AND q.spec_id = %(spec)s AND q.purpose IN ('labelling', 'relabelling')
    WHERE EXISTS (SELECT 1 FROM annotation_annotation a WHERE a.task_id = t.id)
    ORDER BY w.place, t.id DESC
"""


@dataclass(frozen=True)
class Incidents:
    """How often a clause came into question, and the mean of days between; None before there were two."""

    n: int
    days_between: float | None


def open_issue(
    *,
    clause: Clause,
    evidence: ClauseEvidence | None,
    opened_for: str = "",
    owner: Member | None = None,
    due_at: datetime | None = None,
    by: Member | None,
) -> ClauseIssue:
    """Open an issue on a clause, with a case pack of `CASE_PACK_ITEMS` tasks at most, two that nobody disputes among them.

    One that nobody opened by hand is parked while it is rare and has fewer cases than `ISSUE_CASES`. Raises `WrongState` while
    one stands, `Invalid` for evidence about another clause.
    """
    if evidence is not None and evidence.clause_id != clause.pk:
        raise Invalid(_("That evidence is about another clause."))
    with transaction.atomic():
        Clause.objects.select_for_update(no_key=True).get(pk=clause.pk)
        if ClauseIssue.objects.filter(clause=clause, state__in=STANDING_ISSUES).exists():
            raise WrongState(_("This clause has an open issue already."))
        issue = ClauseIssue.objects.create(
            project_id=clause.project_id,
            clause=clause,
            opened_for=opened_for or (evidence.verdict if evidence else BY_HAND),
            follows=ClauseIssue.objects.filter(clause=clause).order_by("-pk").first(),
            owner=owner or by or _author(clause),
            due_at=due_at or leasing.database_now() + timedelta(days=settings.ISSUE_DUE_DAYS),
        )
        cases = _cases(issue, evidence)
        n_contested = sum(not case.control for case in cases)
        if (
            by is None
            and n_contested < settings.ISSUE_CASES
            and (evidence is None or evidence.verdict in RARE)
        ):
            ClauseIssue.objects.filter(pk=issue.pk).update(state=IssueState.PARKED)
            issue.state = IssueState.PARKED
        event = ledger.record(
            project_id=clause.project_id,
            kind="clause-issue.opened",
            by=by,
            subject=("clause-issue", issue.pk),
            data={"clause": clause.pk, "for": issue.opened_for, "tasks": [case.task_id for case in cases]},
        )
        delivering.tell(
            project_id=clause.project_id,
            topic="clause.flagged",
            event_id=event,
            body={"clause": clause.key, "issue": issue.pk, "for": issue.opened_for},
        )
        nominating.hold_flagged(project_id=clause.project_id)
    return issue


def _author(clause: Clause) -> Member | None:
    """Who published the newest version: whom a clause that nobody opened an issue on belongs to."""
    newest = SpecVersion.objects.published().filter(spec=clause.spec_id).newest_first().first()
    return newest.published_by if newest else None


def gather(*, issue: ClauseIssue) -> int:
    """Add to the case pack what has come since, up to its size; a parked issue with cases enough is open again."""
    with transaction.atomic():
        locked = ClauseIssue.objects.select_for_update(no_key=True).get(pk=issue.pk)
        if locked.state not in STANDING_ISSUES:
            return 0
        added = _cases(locked, evidence_on(locked.clause))
        n_contested = locked.cases.filter(control=False).count()
        if locked.state == IssueState.PARKED and n_contested >= settings.ISSUE_CASES:
            _move(locked, IssueState.OPEN, by=None)
    return len(added)


def evidence_on(clause: Clause) -> ClauseEvidence | None:
    """What the newest reports keep of a clause, of the question where it stands first."""
    return (
        ClauseEvidence.objects.filter(clause=clause, evidence__report__in=health.newest(spec=clause.spec))
        .select_related("evidence__report")
        .order_by("place")
        .first()
    )


def _cases(issue: ClauseIssue, evidence: ClauseEvidence | None) -> list[ClauseIssueCase]:
    """The cases that the pack does not have yet, in the order of what they say: blamed, confused, contested, rare, controls."""
    known = set(issue.cases.values_list("task_id", flat=True))
    found: dict[int, str] = {}
    for task in _ruled(issue):
        found.setdefault(task, CaseWhy.RULED)
    controls: list[int] = []
    if evidence is not None:
        spec = issue.clause.spec_id
        controls = [task for task, _values in _tasks(evidence.numbers.get("controls", [])[:CONTROLS], spec)]
        contested = _tasks(evidence.items, spec)
        pair = set(next((one["values"] for one in evidence.numbers.get("confusions", ())), ()))
        often = [value for _task, values in contested for value in values]
        for task, values in sorted(contested, key=lambda one: not (pair and pair <= set(one[1]))):
            rare = any(often.count(value) == 1 for value in values) and len(contested) > CONTROLS
            why = (
                CaseWhy.CONFUSED
                if pair and pair <= set(values)
                else CaseWhy.RARE
                if rare
                else CaseWhy.CONTESTED
            )
            found.setdefault(task, why)
    room = max(settings.CASE_PACK_ITEMS - len(controls) - len(known), 1 - min(len(known), 1))
    contested_new = [task for task in found if task not in known and task not in controls][:room]
    if issue.cases.filter(control=True).exists():
        controls = []
    return ClauseIssueCase.objects.bulk_create(
        ClauseIssueCase(project_id=issue.project_id, issue=issue, task_id=task, control=control, why=why)
        for task, control, why in (
            *((task, False, found[task]) for task in contested_new),
            *((task, True, CaseWhy.CONTROL) for task in controls if task not in known),
        )
    )


def _ruled(issue: ClauseIssue) -> list[int]:
    """Tasks whose ruling blamed the clause since its last issue ended, the newest first."""
    rows = blaming(issue.clause, since=issue.follows.closed_at if issue.follows else None)
    return list(dict.fromkeys(rows.order_by("-pk").values_list("dispute__task", flat=True)))


def blaming(clause: Clause, *, since: datetime | None) -> Any:
    """The rulings that found the cause of a dispute in the words of a clause."""
    rows = Ruling.objects.filter(clause=clause, cause__in=CAUSES_IN_THE_SPEC, dispute__state="decided")
    return rows if since is None else rows.filter(ruled_at__gt=since)


def _tasks(items: list[int], spec: int) -> list[tuple[int, list[str]]]:
    with connection.cursor() as cursor:
        cursor.execute(_TASKS, {"items": items, "spec": spec})
        return list(cursor.fetchall())


def watch(*, project: Project) -> list[ClauseIssue]:
    """Open what the newest reports flag or rulings blame, and look at the packs of what stands; returns what was opened."""
    opened = []
    for spec in Spec.objects.filter(project=project).order_by("pk"):
        newest = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
        if newest is None:
            continue
        last = {
            row["clause"]: row["closed"]
            for row in ClauseIssue.objects.filter(clause__spec=spec)
            .values("clause")
            .annotate(closed=Max("closed_at"))
        }
        standing = set(
            ClauseIssue.objects.filter(clause__spec=spec, state__in=STANDING_ISSUES).values_list(
                "clause", flat=True
            )
        )
        flagged = flagging.flagged_clauses(spec=spec, meaning=newest.meaning or 0)
        for clause in spec.clauses.exclude(pk__in=standing).order_by("pk"):
            why = _due(clause, newest, last.get(clause.pk), flagged)
            if why is not None:
                kept, opened_for = why
                opened.append(open_issue(clause=clause, evidence=kept, opened_for=opened_for, by=None))
    for issue in ClauseIssue.objects.filter(project=project, state__in=STANDING_ISSUES).select_related(
        "clause__spec"
    ):
        gather(issue=issue)
    return opened


def _due(
    clause: Clause, newest: SpecVersion, ended: datetime | None, flagged: set[int]
) -> tuple[ClauseEvidence | None, str] | None:
    """Why an issue on a clause is due: its evidence, and what it is opened for. None where nothing new speaks against it."""
    kept = evidence_on(clause)
    if kept is not None and clause.pk in flagged:
        report = kept.evidence.report
        if report.meaning == newest.meaning and (ended is None or report.measured_at > ended):
            return kept, kept.verdict
    if blaming(clause, since=ended).filter(version__meaning=newest.meaning).count() >= settings.ISSUE_RULINGS:
        return kept, BY_RULINGS
    return None


def park(*, issue: ClauseIssue, parked: bool, by: Member) -> ClauseIssue:
    """Lay an issue aside until there are cases enough, or take it up again. Raises `WrongState` when it is closed."""
    with transaction.atomic():
        locked = ClauseIssue.objects.select_for_update(no_key=True).get(pk=issue.pk)
        if locked.state not in STANDING_ISSUES:
            raise WrongState(_("This issue is closed already."))
        wanted = IssueState.PARKED if parked else IssueState.OPEN
        if locked.state != wanted:
            _move(locked, wanted, by=by)
    return locked


def _move(locked: ClauseIssue, state: IssueState, *, by: Member | None) -> None:
    locked.state = state
    locked.save(update_fields=["state"])
    ledger.record(
        project_id=locked.project_id,
        kind=f"clause-issue.{'parked' if state == IssueState.PARKED else 'taken-up'}",
        by=by,
        subject=("clause-issue", locked.pk),
        data={"clause": locked.clause_id},
    )


def hand_over(
    *, issue: ClauseIssue, owner: Member | None, due_at: datetime | None, by: Member
) -> ClauseIssue:
    """Name who answers for an issue, and until when. Raises `WrongState` when it is closed."""
    with transaction.atomic():
        locked = ClauseIssue.objects.select_for_update(no_key=True).get(pk=issue.pk)
        if locked.state not in STANDING_ISSUES:
            raise WrongState(_("This issue is closed already."))
        locked.owner, locked.due_at = owner, due_at
        locked.save(update_fields=["owner", "due_at"])
        ledger.record(
            project_id=locked.project_id,
            kind="clause-issue.handed-over",
            by=by,
            subject=("clause-issue", locked.pk),
            data={"owner": owner.pk if owner else None, "due": due_at.isoformat() if due_at else None},
        )
    return locked


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
        if locked.state not in STANDING_ISSUES:
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


def incidents(*, spec: Spec) -> dict[int, Incidents]:
    """How often each clause of a spec came into question, by its id."""
    rows = (
        ClauseIssue.objects.filter(clause__spec=spec)
        .values("clause")
        .annotate(n=Count("pk"), first=Min("opened_at"), last=Max("opened_at"))
    )
    return {
        row["clause"]: Incidents(
            row["n"],
            None if row["n"] < 2 else (row["last"] - row["first"]).total_seconds() / 86_400 / (row["n"] - 1),
        )
        for row in rows
    }
