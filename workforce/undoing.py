"""A load taken back.

    loaded -> undone: undo (nothing of it was answered)
    loaded -> withdrawn: withdraw (open work goes, answers stay)
    open -> withdrawn, for its tasks and their open slots: both

Items are never removed: they stay known, without a task. Loading the same file again gives them tasks anew.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member
from specs.refusals import WrongState
from workforce.models import Load, LoadState

_TOUCHED = """
    SELECT count(*) FROM workforce_task t
    WHERE t.load_id = %(load)s AND (t.n_answers > 0 OR EXISTS (
        SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id AND s.state IN ('leased', 'submitted')))
"""
# A lease is honoured: a task that somebody holds is finished like any other.
_FREE = """NOT EXISTS (SELECT 1 FROM workforce_assignment h WHERE h.task_id = t.id AND h.state = 'leased')"""
_SLOTS = f"""
    UPDATE workforce_assignment s SET state = 'withdrawn', annotator_id = NULL, reserved_until = NULL FROM workforce_task t
    WHERE t.load_id = %(load)s AND t.state = 'open' AND s.task_id = t.id
      AND s.state IN ('open', 'held', 'reserved') AND {_FREE}
"""
_TASKS = f"""
    UPDATE workforce_task t SET state = 'withdrawn', settled_at = statement_timestamp()
    WHERE t.load_id = %(load)s AND t.state = 'open' AND {_FREE}
"""


def n_touched(*, load: Load) -> int:
    """Tasks of the load that somebody holds or has answered."""
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHED, {"load": load.pk})
        return int(cursor.fetchone()[0])


def undo(*, load: Load, by: Member | None) -> int:
    """Withdraw every task of the load; returns how many. Raises `WrongState` when one is held or answered: `withdraw` then."""
    return _take_back(load, LoadState.UNDONE, by)


def withdraw(*, load: Load, by: Member | None) -> int:
    """Withdraw the unfinished tasks that nobody holds; returns how many. Answers stay, leases are honoured."""
    return _take_back(load, LoadState.WITHDRAWN, by)


def _take_back(load: Load, state: LoadState, by: Member | None) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        locked = Load.objects.select_for_update(no_key=True).get(pk=load.pk)
        if locked.state != LoadState.LOADED:
            raise WrongState(_("The load is %(state)s.") % {"state": locked.get_state_display().lower()})
        if state == LoadState.UNDONE and locked.n_replaced + locked.n_gone:
            raise WrongState(
                _(
                    "It changed or withdrew known items; load them as they were, as updates again, or withdraw the rest."
                )
            )
        cursor.execute("SET LOCAL statement_timeout = 0")
        scope = {"load": locked.pk}
        # The slots first: whoever claims one at this moment has it before, and is counted, or finds nothing.
        cursor.execute(_SLOTS, scope)
        n_slots = cursor.rowcount
        if state == LoadState.UNDONE and (n := n_touched(load=locked)):
            raise WrongState(
                _("%(n)s of its tasks are held or answered; withdraw the rest instead.") % {"n": n}, touched=n
            )
        cursor.execute(_TASKS, scope)
        n_tasks = cursor.rowcount
        locked.state = state
        locked.save(update_fields=["state"])
        ledger.record(
            project_id=locked.project_id,
            kind=f"load.{state.value}",
            by=by,
            subject=("load", locked.pk),
            data={"tasks": n_tasks, "slots": n_slots},
        )
    load.state = state
    return n_tasks
