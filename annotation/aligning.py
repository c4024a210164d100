"""Alignment sessions: several people on the cases of a clause issue, from blind votes to the clause's next words.

    (nothing) -> voting: convene
    voting -> revealed: reveal
    revealed -> decided, the rule and its examples in the draft: decide
    voting, revealed -> called off: call_off

Nobody sees how others read a case, nor what was answered to it, before all votes are revealed; from then on no vote changes. The
decision is a record (the question, the evidence, the decision, the rule), and goes straight into the draft of the clause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import inviting, rules, settling
from annotation.models import (
    OPEN_SESSIONS,
    STANDING_ISSUES,
    AlignmentRemark,
    AlignmentSeat,
    AlignmentSession,
    AlignmentVote,
    ClauseIssue,
    ClauseIssueCase,
    SessionState,
)
from specs import drafting, ledger, task_types, versions
from specs.models import Member, MemberState, SpecVersion
from specs.refusals import Invalid, NotAllowed, WrongState
from specs.versions import ReadVersion

USES = ("", "example", "counter_example")
"""What a decided case becomes in the draft: nothing, an example or a counter-example."""


@dataclass(frozen=True)
class Reading:
    """One way to read a case: its key, its value, the value in words."""

    key: str
    value: Any
    title: str


@dataclass(frozen=True)
class Outcome:
    """What was decided of one case: the key of a reading, what it becomes in the draft, and why."""

    case: int
    reading: str
    use: str = ""
    why: str = ""


def version_of(issue: ClauseIssue) -> ReadVersion:
    """The version that a session speaks about: the newest published one."""
    newest = SpecVersion.objects.published().filter(spec=issue.clause.spec_id).newest_first()[0]
    return versions.read(newest.pk)


def question_of(issue: ClauseIssue, version: ReadVersion) -> dict[str, Any]:
    """The question that the clause governs, or the first one."""
    clause = next((one for one in version.clauses if one.id == issue.clause_id), None)
    governed = [entry["question"] for entry in clause.governs] if clause else []
    return version.question(governed[0]) if governed else version.questions[0]


def readings(case: ClauseIssueCase, version: ReadVersion, question: Mapping[str, Any]) -> list[Reading]:
    """The ways to read a case that can be voted for: the labels of the question, and what was answered to the case."""
    kind = task_types.get(question["kind"])
    values = [label["value"] for label in question.get("labels") or ()] if kind.one_of_options else []
    given = [
        answer.values[question["key"]]
        for answer in settling.counted(case.task_id)
        if question["key"] in answer.values
    ]
    found: dict[str, Reading] = {}
    for value in [*values, *given]:
        key = rules.key_of(value)
        found.setdefault(key, Reading(key, value, kind.describe(question, value)))
    return list(found.values()) if values else sorted(found.values(), key=lambda one: one.key)


def convene(*, issue: ClauseIssue, members: Sequence[Member], by: Member) -> AlignmentSession:
    """Ask people to a session on an issue's cases; whoever convenes it is one of them.

    Raises `WrongState` while there is one or when the issue is closed, `Invalid` without cases, with fewer than two people or
    with somebody who is not here any more.
    """
    people = {member.pk: member for member in (*members, by)}
    if not 2 <= len(people) <= settings.SESSION_SEATS:
        raise Invalid(_("A session has 2 to %(most)d people.") % {"most": settings.SESSION_SEATS})
    if any(one.project_id != issue.project_id or one.state != MemberState.ACTIVE for one in people.values()):
        raise Invalid(_("Only active members of the project can be asked to a session."))
    with transaction.atomic():
        locked = ClauseIssue.objects.select_for_update(no_key=True).get(pk=issue.pk)
        if locked.state not in STANDING_ISSUES:
            raise WrongState(_("This issue is closed already."))
        if AlignmentSession.objects.filter(issue=locked, state__in=OPEN_SESSIONS).exists():
            raise WrongState(_("A session on this issue is under way."))
        if not locked.cases.exists():
            raise Invalid(_("This issue has no case to vote on yet."))
        session = AlignmentSession.objects.create(
            project_id=locked.project_id,
            issue=locked,
            question=question_of(locked, version_of(locked))["key"],
            convened_by=by,
        )
        AlignmentSeat.objects.bulk_create(
            AlignmentSeat(project_id=locked.project_id, session=session, member_id=member)
            for member in people
        )
        event = _record(session, "convened", by, people=sorted(people))
        inviting.tell(session=session, members=people.values(), by=by, event_id=event)
    return session


def vote(
    *, session: AlignmentSession, case: ClauseIssueCase, reading: str, note: str = "", by: Member
) -> AlignmentVote:
    """One's own reading of a case, blind; a second vote takes the place of the first.

    Raises `NotAllowed` for whoever was not asked, `WrongState` once the votes are revealed, `Invalid` for no reading of the case.
    """
    with transaction.atomic():
        locked = _lock(
            session, SessionState.VOTING, _("The votes are revealed: nobody changes hers any more.")
        )
        _seated(locked, by)
        if case.issue_id != locked.issue_id:
            raise Invalid(_("That case is of another issue."))
        version = version_of(locked.issue)
        offered = {one.key: one for one in readings(case, version, version.question(locked.question))}
        if reading not in offered:
            raise Invalid(_("Choose one of the readings."))
        made, _new = AlignmentVote.objects.update_or_create(
            session=locked,
            case=case,
            member=by,
            defaults={"value": offered[reading].value, "note": note.strip()[: settings.MAX_NOTE_CHARACTERS]},
            create_defaults={
                "project_id": locked.project_id,
                "value": offered[reading].value,
                "note": note.strip()[: settings.MAX_NOTE_CHARACTERS],
            },
        )
        _record(locked, "voted", by, case=case.pk)
    return made


def reveal(*, session: AlignmentSession, by: Member) -> AlignmentSession:
    """Show all votes to all; from now on it is talked about. Raises `Invalid` before two people have voted."""
    with transaction.atomic():
        locked = _lock(session, SessionState.VOTING, _("The votes are revealed already."))
        _seated(locked, by)
        if locked.votes.values("member").distinct().count() < 2:
            raise Invalid(_("Two people vote at least before anything is revealed."))
        AlignmentSession.objects.filter(pk=locked.pk).update(state=SessionState.REVEALED, revealed_at=Now())
        _record(locked, "revealed", by)
    locked.refresh_from_db()
    return locked


def remark(*, session: AlignmentSession, text: str, by: Member) -> AlignmentRemark:
    """Say something about the votes. Raises `WrongState` before they are revealed and after the decision."""
    text = text.strip()[: settings.MAX_NOTE_CHARACTERS]
    if not text:
        raise Invalid(_("Say something."))
    with transaction.atomic():
        locked = _lock(
            session, SessionState.REVEALED, _("It is talked about between the votes and the decision.")
        )
        _seated(locked, by)
        made = AlignmentRemark.objects.create(
            project_id=locked.project_id, session=locked, member=by, text=text
        )
        _record(locked, "remarked", by)
    return made


def decide(
    *,
    session: AlignmentSession,
    asked: str,
    decision: str,
    rule: str,
    outcomes: Sequence[Outcome],
    by: Member,
) -> AlignmentSession:
    """Record the decision and write it into the draft of the clause: the rule as its definition, cases as its examples.

    The draft is opened where there is none. Raises `Invalid` where the record is not complete or a case has no such reading.
    """
    asked, decision, rule = (text.strip() for text in (asked, decision, rule))
    if not (asked and decision and rule):
        raise Invalid(_("A decision names the question, what was decided, and the rule in words."))
    with transaction.atomic():
        locked = _lock(session, SessionState.REVEALED, _("It is decided after the votes were revealed."))
        _seated(locked, by)
        record = _outcomes(locked, outcomes)
        draft = drafting.open_draft(spec=locked.issue.clause.spec, by=by)
        row = (
            draft.draft_clauses.select_related("clause", "version")
            .filter(clause=locked.issue.clause_id)
            .first()
        )
        if row is None:
            raise WrongState(_("The draft does not have this clause any more."))
        drafting.reword_clause(
            clause=row, title=row.title, blocks=_blocks(row.blocks, rule, record), governs=row.governs, by=by
        )
        AlignmentSession.objects.filter(pk=locked.pk).update(
            state=SessionState.DECIDED,
            ended_at=Now(),
            asked=asked,
            decision=decision,
            rule=rule,
            outcomes=[{name: value for name, value in one.items() if name != "item"} for one in record],
            draft=draft,
        )
        _record(locked, "decided", by, draft=draft.pk, examples=sum(bool(one["use"]) for one in record))
    locked.refresh_from_db()
    return locked


def call_off(*, session: AlignmentSession, by: Member) -> AlignmentSession:
    """End a session without a decision; its votes stay on record."""
    with transaction.atomic():
        locked = AlignmentSession.objects.select_for_update(no_key=True).get(pk=session.pk)
        if locked.state not in OPEN_SESSIONS:
            raise WrongState(_("This session is over."))
        _seated(locked, by)
        AlignmentSession.objects.filter(pk=locked.pk).update(state=SessionState.CALLED_OFF, ended_at=Now())
        _record(locked, "called-off", by)
    locked.refresh_from_db()
    return locked


def tally(session: AlignmentSession) -> dict[int, Counter[str]]:
    """How often each reading of a case was voted for, by case; nothing while the votes are blind."""
    if session.state == SessionState.VOTING:
        return {}
    found: dict[int, Counter[str]] = {}
    for one in session.votes.all():
        found.setdefault(one.case_id, Counter())[rules.key_of(one.value)] += 1
    return found


def _outcomes(session: AlignmentSession, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    version = version_of(session.issue)
    question = version.question(session.question)
    cases = {case.pk: case for case in session.issue.cases.select_related("task__item")}
    votes = tally(session)
    record = []
    for one in outcomes:
        case = cases.get(one.case)
        offered = {found.key: found for found in readings(case, version, question)} if case else {}
        if case is None or one.reading not in offered or one.use not in USES:
            raise Invalid(_("A case is decided by one of its readings."))
        if one.use and not one.why.strip():
            raise Invalid(_("Say why, for each case that becomes an example."))
        record.append(
            {
                "case": case.pk,
                "item": _item_in_words(case.task.item.payload),
                "value": offered[one.reading].value,
                "key": one.reading,
                "use": one.use,
                "why": one.why.strip(),
                "votes": dict(votes.get(case.pk, {})),
            }
        )
    return record


def _blocks(
    blocks: Sequence[Mapping[str, Any]], rule: str, record: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The clause's blocks with the rule as the definition, at the place of the first one, and the examples behind the others."""
    kept = [dict(block) for block in blocks if block["type"] != "definition"]
    place = next((index for index, block in enumerate(blocks) if block["type"] == "definition"), 0)
    examples = [
        {"type": one["use"], "item": one["item"], "value": one["key"], "why": one["why"]}
        for one in record
        if one["use"]
    ]
    return [*kept[:place], {"type": "definition", "text": rule}, *kept[place:], *examples]


def _item_in_words(payload: Mapping[str, Any]) -> str:
    """An item's texts, as an example in a clause shows them."""
    texts = [(name, value) for name, value in payload.items() if isinstance(value, str)]
    if len(texts) == 1:
        return texts[0][1]
    return "\n".join(f"{name}: {value}" for name, value in texts)


def _lock(session: AlignmentSession, state: SessionState, refusal: str) -> AlignmentSession:
    locked = (
        AlignmentSession.objects.select_for_update(no_key=True, of=("self",))
        .select_related("issue__clause__spec")
        .get(pk=session.pk)
    )
    if locked.state != state:
        raise WrongState(refusal)
    return locked


def _seated(session: AlignmentSession, by: Member) -> None:
    if not session.seats.filter(member=by).exists():
        raise NotAllowed(_("You were not asked to this session."))


def _record(session: AlignmentSession, what: str, by: Member, **data: Any) -> int:
    return ledger.record(
        project_id=session.project_id,
        kind=f"alignment.{what}",
        by=by,
        subject=("alignment-session", session.pk),
        data={"issue": session.issue_id, **data},
    )
