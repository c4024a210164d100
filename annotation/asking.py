"""What annotators ask about clauses, and how clear they find them.

    (nothing) -> open: ask, ask_and_hold
    open -> answered: answer
    (nothing) or rated -> rated: rate

A public question and its answer stand beside the clause for everybody; a private one is seen by who asked and who may answer.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation.models import ClarityRating, Inquiry
from specs import ledger
from specs.access import permissions_of
from specs.models import Clause, Member, SpecVersion, VersionClause
from specs.refusals import Invalid, WrongState
from specs.wording import number
from workforce import holding, leasing, slots
from workforce.models import Annotator, Hold, HoldOutcome, Queue

_COUNTS = """
    SELECT c.id,
           (SELECT count(*) FROM annotation_inquiry i WHERE i.clause_id = c.id AND i.answered_at IS NULL),
           (SELECT count(*) FROM annotation_inquiry i WHERE i.clause_id = c.id),
           (SELECT count(*) FROM annotation_clarityrating r WHERE r.clause_id = c.id AND r.clear),
           (SELECT count(*) FROM annotation_clarityrating r WHERE r.clause_id = c.id AND NOT r.clear)
    FROM specs_clause c WHERE c.spec_id = %s
"""


@dataclass(frozen=True)
class Heard:
    """What was heard of a clause: questions open and in all, and how many find it clear or unclear."""

    n_open: int = 0
    n_asked: int = 0
    n_clear: int = 0
    n_unclear: int = 0


def ask(
    *,
    version: SpecVersion,
    clause: Clause,
    text: str,
    public: bool = True,
    queue: Queue | None = None,
    task_id: int | None = None,
    hold: Hold | None = None,
    by: Member,
) -> Inquiry:
    """Ask about a clause as *version* words it, from a task if one is at hand. Raises `Invalid`."""
    _worded(text)
    if not VersionClause.objects.filter(version=version, clause=clause).exists():
        raise Invalid(
            _("Version %(version_number)s has no clause %(clause)s.")
            % {"version_number": version.number, "clause": clause.key}
        )
    with transaction.atomic():
        inquiry = Inquiry.objects.create(
            project_id=version.project_id,
            clause=clause,
            version=version,
            queue=queue,
            task_id=task_id,
            hold=hold,
            asked_by=by,
            public=public,
            text=text.strip(),
        )
        ledger.record(
            project_id=version.project_id,
            kind="inquiry.asked",
            by=by,
            subject=("inquiry", inquiry.pk),
            data={"clause": clause.key, "version": version.pk},
        )
    return inquiry


def ask_and_hold(
    *,
    assignment_id: int,
    annotator: Annotator,
    token: uuid.UUID,
    clause_key: str,
    text: str,
    public: bool = True,
    by: Member,
) -> Inquiry:
    """Ask about a clause of the version that was served, and hold the task until the answer comes.

    Raises `LeaseLost`, `NoHolds`, `Invalid`.
    """
    with transaction.atomic():
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)
        if slot is None or not slot.live or slot.version_id is None:
            raise leasing.LeaseLost(_("This lease has ended already."))
        version = SpecVersion.objects.select_related("spec").get(pk=slot.version_id)
        clause = Clause.objects.filter(spec=version.spec, key=clause_key).first()
        if clause is None:
            raise Invalid(_("Choose the clause that you ask about."))
        held = holding.hold(assignment_id=assignment_id, annotator=annotator, token=token, by=by)
        return ask(
            version=version,
            clause=clause,
            text=text,
            public=public,
            queue=held.queue,
            task_id=held.task_id,
            hold=held,
            by=by,
        )


def answer(*, inquiry: Inquiry, text: str, by: Member) -> Inquiry:
    """Answer a question, once; a task that waited for it goes on. Raises `WrongState` when somebody did already."""
    _worded(text)
    with transaction.atomic():
        locked = Inquiry.objects.select_for_update(no_key=True).get(pk=inquiry.pk)
        if locked.answered_at is not None:
            raise WrongState(_("This question is answered already."), answer=locked.answer)
        locked.answer, locked.answered_by, locked.answered_at = text.strip(), by, Now()
        locked.save(update_fields=["answer", "answered_by", "answered_at"])
        ledger.record(
            project_id=locked.project_id,
            kind="inquiry.answered",
            by=by,
            subject=("inquiry", locked.pk),
            data={},
        )
        held = Hold.objects.filter(pk=locked.hold_id or 0, released_at__isnull=True).first()
        if held is not None:
            holding.release(hold=held, outcome=HoldOutcome.ANSWERED, by=by)
    locked.refresh_from_db()
    return locked


def _worded(text: str) -> None:
    if not text.strip():
        raise Invalid(_("There is no text."))
    if len(text) > settings.MAX_COMMENT_CHARACTERS:
        raise Invalid(
            _("A text has at most %(most)s characters.") % {"most": number(settings.MAX_COMMENT_CHARACTERS)}
        )


def rate(*, version: SpecVersion, clause: Clause, clear: bool, by: Member) -> ClarityRating:
    """Say whether the clause is clear as *version* words it; a second thought replaces the first."""
    placed = VersionClause.objects.filter(version=version, clause=clause).first()
    if placed is None:
        raise Invalid(
            _("Version %(version_number)s has no clause %(clause)s.")
            % {"version_number": version.number, "clause": clause.key}
        )
    with transaction.atomic():
        rating, _made = ClarityRating.objects.update_or_create(
            revision_id=placed.revision_id,
            member=by,
            defaults={"clear": clear, "rated_at": Now()},
            create_defaults={
                "project_id": version.project_id,
                "clause": clause,
                "clear": clear,
            },
        )
        ledger.record(
            project_id=version.project_id,
            kind="clause.rated",
            by=by,
            subject=("clause", clause.pk),
            data={"clear": clear, "version": version.pk},
        )
    return rating


def visible_to(member: Member, rows: QuerySet[Inquiry] | None = None) -> QuerySet[Inquiry]:
    """The questions of a project that a member may see: all of them for who may answer, else public ones and her own."""
    found = (Inquiry.objects.all() if rows is None else rows).filter(project_id=member.project_id)
    if "spec.answer" in permissions_of(member):
        return found
    return found.filter(Q(public=True) | Q(asked_by=member))


def heard(*, spec_id: int) -> dict[int, Heard]:
    """By clause id, in one query, whatever the number of clauses."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [spec_id])
        return {row[0]: Heard(*row[1:]) for row in cursor.fetchall()}
