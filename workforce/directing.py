"""Rules that send the rows of a load into queues by a field of the item.

    (nothing) -> rule: add
    rule -> (nothing): remove

The rules of the queue that a file is loaded into are read once per load, stand on its record with how many rows each took, and
hold for rows that are new there. First match wins; a row that none fits goes where it was loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member
from specs.refusals import Invalid
from workforce.models import ABOUT_ANSWERS, Direction, Load, Queue, QueueState, Skill


@dataclass
class Applied:
    """A rule as it is applied, and how many rows it took."""

    field: str
    value: str
    queue: int | None
    queue_name: str
    priority: int | None
    n_rows: int = 0


def add(
    *,
    queue: Queue,
    field: str,
    value: str,
    target: Queue | None = None,
    skill: Skill | None = None,
    priority: int | None = None,
    by: Member,
) -> Direction:
    """Add a rule after the others. Raises `Invalid` for one that does nothing, or leads to a queue of another spec."""
    field, value = field.strip(), value.strip()
    if not field:
        raise Invalid(_("Name the field."), problems=[{"where": "field", "message": _("is empty")}])
    if target is None and skill is None and priority is None:
        raise Invalid(_("A rule names a queue, a skill or a priority."))
    if target is not None and skill is not None:
        raise Invalid(_("A rule names a queue or a skill, not both."))
    if priority is not None and not 0 <= priority <= 1000:
        raise Invalid(_("A priority lies between 0 and 1000."))
    if target is not None and target.spec_id != queue.spec_id:
        raise Invalid(_("Items go to a queue of the same spec."))
    if target is not None and target.purpose in ABOUT_ANSWERS:
        raise Invalid(_("Items are not loaded into a queue of reviews or of rework."))
    with transaction.atomic():
        Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        rules = Direction.objects.filter(queue=queue)
        if rules.filter(field=field, value=value).exists():
            raise Invalid(_("There is a rule for this field and value; remove it first."))
        if rules.count() >= settings.MAX_DIRECTIONS:
            raise Invalid(
                _("A queue has at most %(max_directions)s rules.")
                % {"max_directions": settings.MAX_DIRECTIONS}
            )
        if skill is not None and _asking_for(queue, skill) is None:
            raise Invalid(_("No open queue of this spec asks for %(skill)s.") % {"skill": skill.name})
        rule = Direction.objects.create(
            project_id=queue.project_id,
            queue=queue,
            position=(rules.aggregate(last=Max("position"))["last"] or 0) + 1,
            field=field,
            value=value,
            target=target,
            skill=skill,
            priority=priority,
            made_by=by,
        )
        _record(rule, "queue.direction-added", by)
    return rule


def remove(*, rule: Direction, by: Member) -> None:
    """Take a rule away; loads that it directed keep it on their record."""
    with transaction.atomic():
        _record(rule, "queue.direction-removed", by)
        Direction.objects.filter(pk=rule.pk).delete()


def _record(rule: Direction, kind: str, by: Member) -> None:
    ledger.record(
        project_id=rule.project_id,
        kind=kind,
        by=by,
        subject=("queue", rule.queue_id),
        data={"rule": rule.pk, "target": rule.target_id, "skill": rule.skill_id, "priority": rule.priority},
    )


def _asking_for(queue: Queue, skill: Skill) -> Queue | None:
    return (
        Queue.objects.filter(spec_id=queue.spec_id, required_skill=skill, state=QueueState.OPEN)
        .order_by("required_level", "pk")
        .first()
    )


def rules_of(*, queue: Queue) -> list[Applied]:
    """The rules as they would be applied now, in their order. Raises `Invalid` where one leads nowhere."""
    found = []
    for rule in Direction.objects.filter(queue=queue).select_related("target", "skill").order_by("position"):
        target = rule.target
        if rule.skill is not None:
            target = _asking_for(queue, rule.skill)
            if target is None:
                raise Invalid(
                    _("The rule %(rule)s leads nowhere: no open queue asks for %(skill)s.")
                    % {"rule": rule, "skill": rule.skill.name}
                )
        if target is not None and target.state == QueueState.CLOSED:
            raise Invalid(
                _("The rule %(rule)s leads to %(target)s, which is closed.")
                % {"rule": rule, "target": target.name}
            )
        found.append(
            Applied(
                rule.field,
                rule.value,
                target.pk if target else None,
                target.name if target else "",
                rule.priority,
            )
        )
    return found


def first_match(rules: Iterable[Applied], payload: Mapping[str, Any]) -> Applied | None:
    """The rule that takes an item, as `apply` would have it."""
    return next(
        (rule for rule in rules if rule.field in payload and _text(payload[rule.field]) == rule.value), None
    )


def _text(value: Any) -> str | None:
    """A value as PostgreSQL's ->> gives it; what has structure is equal to nothing."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | float():
            return repr(value)
        case _:
            return None


_APPLY = """
    UPDATE workforce_stagedrow SET rule = %(rule)s, target = %(target)s, priority = %(priority)s
    WHERE load_number = %(load)s AND rule IS NULL AND payload ->> %(field)s = %(value)s
      AND jsonb_typeof(payload -> %(field)s) IN ('string', 'number', 'boolean')
"""


# Why a signal was chosen stands beside its item, and sends it on as a field of it would.
_APPLY_REASON = """
    UPDATE workforce_stagedrow s SET rule = %(rule)s, target = %(target)s, priority = %(priority)s
    WHERE s.load_number = %(load)s AND s.rule IS NULL AND %(value)s = (
        SELECT g.reason FROM workforce_stagedsignal g WHERE g.load_number = %(load)s AND g.line = s.line)
"""


def apply(*, load: Load) -> None:
    """Write down for each staged row where it goes; sets `directed`. Call it inside the transaction of the check."""
    if load.queue is None:
        return
    rules = rules_of(queue=load.queue)
    with connection.cursor() as cursor:
        for number, rule in enumerate(rules):
            by_reason = rule.field == "reason" and load.options.get("signals")
            cursor.execute(
                _APPLY_REASON if by_reason else _APPLY,
                {
                    "rule": number,
                    "target": rule.queue if rule.queue != load.queue_id else None,
                    "priority": rule.priority or 0,
                    "load": load.pk,
                    "field": rule.field,
                    "value": rule.value,
                },
            )
            rule.n_rows = cursor.rowcount
    load.directed = [asdict(rule) for rule in rules]
    load.save(update_fields=["directed"])
