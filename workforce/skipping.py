"""Leaving a task for good, with a reason, within limits.

    leased -> open, and the annotator is barred from the task: skip

The limits are counted under the enrolment's lock, which a claim takes as well, so that two tabs cannot pass them together. The
order of locks is that of a submission: task, slot, then enrolment. What is skipped because it upsets counts for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from specs.models import Member
from specs.refusals import Invalid, Refusal, WrongState
from specs.wording import percent
from workforce import leasing, slots
from workforce.models import Annotator, Barred, Purpose, Skip, SkipNote, SkipReason

_LOCK = "SELECT 1 FROM workforce_enrolment WHERE queue_id = %s AND annotator_id = %s FOR NO KEY UPDATE"
_COUNT = """
    SELECT q.skips_per_hour, q.skip_share, count(*) FILTER (WHERE k.skipped_at > statement_timestamp() - interval '1 hour'),
           min(k.skipped_at) FILTER (WHERE k.skipped_at > statement_timestamp() - interval '1 hour') + interval '1 hour',
           count(k.id), (SELECT count(*) FROM workforce_assignment s WHERE s.annotator_id = %(annotator)s AND s.queue_id = q.id
                         AND s.state = 'submitted' AND s.submitted_at > statement_timestamp() - interval '1 day')
    FROM workforce_queue q
    LEFT JOIN workforce_skip k ON k.annotator_id = %(annotator)s AND k.queue_id = q.id AND NOT k.excused
         AND k.skipped_at > statement_timestamp() - interval '1 day'
    WHERE q.id = %(queue)s GROUP BY q.id
"""


class TooManySkips(Refusal):
    """A limit on skips is reached; nothing was changed, and the task is still held. `again_at` if an hour's limit is."""

    code = "too-many-skips"
    status = 429


@dataclass(frozen=True)
class Standing:
    """How an annotator stands to a queue's limits: skips that count, and what she did, in an hour and in a day."""

    per_hour: int
    share: Decimal
    n_this_hour: int
    again_at: datetime | None
    n_today: int
    n_answered_today: int

    @property
    def given(self) -> int:
        """The tasks of a day that ended in an answer or a skip."""
        return self.n_today + self.n_answered_today


def standing(*, queue_id: int, annotator: Annotator) -> Standing:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"queue": queue_id, "annotator": annotator.pk})
        return Standing(*cursor.fetchone())


def skip(
    *,
    assignment_id: int,
    annotator: Annotator,
    token: object,
    reason: str,
    note: str = "",
    by: Member | None,
) -> Skip:
    """Give a slot back and never see its task again. Raises `LeaseLost`, `TooManySkips`, `Invalid`.

    Whoever would rather not see a thing is excused: such a skip is refused by no limit.
    """
    if reason not in SkipReason.values:
        raise Invalid(_("A reason is one of %(values)s.") % {"values": ", ".join(SkipReason.values)})
    excused = reason == SkipReason.UPSETTING
    with transaction.atomic(), connection.cursor() as cursor:
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)  # type: ignore[arg-type]
        if slot is None or not slot.live:
            raise leasing.LeaseLost(_("This lease has ended already."))
        if slot.purpose == Purpose.REWORK:
            raise WrongState(
                _(
                    "This is your own answer, and nobody else can rework it: give it anew, ask, or hand it back for now."
                )
            )
        cursor.execute(_LOCK, [slot.queue_id, annotator.pk])
        if not excused:
            _within(standing(queue_id=slot.queue_id, annotator=annotator))
        event = leasing.give_back(assignment_id=assignment_id, by=by, kind="assignment.skipped")
        skipped = Skip.objects.create(
            project_id=annotator.project_id,
            task_id=slot.task_id,
            queue_id=slot.queue_id,
            annotator=annotator,
            assignment_id=assignment_id,
            reason=reason,
            excused=excused,
            event_id=event,
        )
        if note.strip():
            SkipNote.objects.create(
                project_id=annotator.project_id,
                skip=skipped,
                text=note.strip()[: settings.MAX_NOTE_CHARACTERS],
            )
        Barred.objects.bulk_create(
            [
                Barred(
                    project_id=annotator.project_id,
                    task_id=slot.task_id,
                    annotator=annotator,
                    reason=f"skipped: {reason}",
                )
            ],
            ignore_conflicts=True,
        )
    return skipped


def _within(known: Standing) -> None:
    way = _("Answer it, say that it cannot be labelled, ask about a clause, or hand it back.")
    if known.per_hour == 0:
        raise TooManySkips(_("This queue takes no skips. %(way)s") % {"way": way})
    if known.n_this_hour >= known.per_hour:
        assert known.again_at is not None
        raise TooManySkips(
            _(
                "You skipped %(n_this_hour)s tasks within an hour, as many as this queue allows. %(way)s You "
                "can skip again from %(again_at)s UTC on."
            )
            % {"n_this_hour": known.n_this_hour, "way": way, "again_at": f"{known.again_at:%H:%M}"},
            again_at=known.again_at.isoformat(),
        )
    after = known.given + 1
    if after >= settings.SKIP_SHARE_FROM and known.n_today + 1 > known.share * after:
        raise TooManySkips(
            _("You skipped %(n_today)s of the last %(given)s tasks; this queue allows %(share)s. %(way)s")
            % {"n_today": known.n_today, "given": known.given, "share": percent(known.share, 0), "way": way}
        )
