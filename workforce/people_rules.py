"""Rules about people: made from a preset or from nothing, changed, switched on and off. What they find is in `consequences`.

    (nothing) -> off: create
    off <-> on: switch
    changed: change

Each change is an event with the terms before and after, which is the rule's history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from specs import ledger
from specs.models import Member, Project
from specs.refusals import Invalid
from workforce.models import Action, Metric, PeopleRule, Queue

TERMS = (
    "name",
    "queue",
    "metric",
    "last_answers",
    "days",
    "minimum",
    "above",
    "threshold",
    "sure",
    "action",
    "confirm",
    "share",
    "gold_share",
    "queues",
    "goal_answers",
    "goal_share",
    "lasts_days",
    "reason",
)
PRESETS: dict[str, dict[str, Any]] = {
    "gold-review": {
        "name": gettext_lazy("Known answers below 80 %"),
        "metric": Metric.GOLD,
        "last_answers": 200,
        "minimum": 20,
        "threshold": 0.8,
        "action": Action.REVIEW,
        "confirm": False,
        "share": 0.5,
        "gold_share": 0.15,
        "reason": gettext_lazy(
            "Fewer than 80 % of the known answers are right, beyond what chance explains."
        ),
    },
    "drift-notice": {
        "name": gettext_lazy("A change in the error rate"),
        "metric": Metric.DRIFT,
        "days": 7,
        "minimum": 40,
        "above": True,
        "threshold": 0,
        "action": Action.NOTIFY,
        "confirm": False,
        "reason": gettext_lazy("The error rate has risen against a baseline of her own."),
    },
    "agreement-notice": {
        "name": gettext_lazy("Agreement below 70 %"),
        "metric": Metric.AGREEMENT,
        "last_answers": 200,
        "minimum": 50,
        "threshold": 0.7,
        "action": Action.NOTIFY,
        "confirm": False,
        "reason": gettext_lazy("Agreement with the others is low, beyond what chance explains."),
    },
    "speed-notice": {
        "name": gettext_lazy("A fifth of the usual time"),
        "metric": Metric.SPEED,
        "last_answers": 100,
        "minimum": 50,
        "threshold": 0.2,
        "action": Action.NOTIFY,
        "confirm": False,
        "reason": gettext_lazy("Answers come in a fifth of the time that others take."),
    },
    "gold-suspension": {
        "name": gettext_lazy("Known answers below 60 %"),
        "metric": Metric.GOLD,
        "last_answers": 200,
        "minimum": 40,
        "threshold": 0.6,
        "action": Action.SUSPEND,
        "confirm": True,
        "lasts_days": 30,
        "reason": gettext_lazy(
            "Fewer than 60 % of the known answers are right, beyond what chance explains."
        ),
    },
}


def create(*, project: Project, by: Member, **terms: Any) -> PeopleRule:
    """A rule, switched off: try it first, then switch it on."""
    rule = PeopleRule(project=project, **_known(terms))
    with transaction.atomic():
        _check(rule)
        _save(rule)
        _record(rule, "people-rule.created", by, {name: _plain(getattr(rule, name)) for name in TERMS})
    return rule


def change(*, rule: PeopleRule, by: Member, **terms: Any) -> PeopleRule:
    """Other terms from now on; what it found before stays as it was found."""
    with transaction.atomic():
        locked = PeopleRule.objects.select_for_update(no_key=True).get(pk=rule.pk)
        changed = {}
        for name, value in _known(terms).items():
            before = getattr(locked, name)
            if before != value:
                changed[name] = [_plain(before), _plain(value)]
                setattr(locked, name, value)
        if changed:
            _check(locked)
            locked.changed_at = Now()
            _save(locked, [*changed, "changed_at"])
            _record(locked, "people-rule.changed", by, changed)
    locked.refresh_from_db()
    return locked


def tried(*, rule: PeopleRule, **terms: Any) -> PeopleRule:
    """A rule with these terms for a dry run: checked, not kept."""
    for name, value in _known(terms).items():
        setattr(rule, name, value)
    _check(rule)
    return rule


def switch(*, rule: PeopleRule, on: bool, by: Member) -> PeopleRule:
    """Harmless to repeat. Switched off, a rule finds nobody; what followed from it lasts until its own end."""
    with transaction.atomic():
        locked = PeopleRule.objects.select_for_update(no_key=True).get(pk=rule.pk)
        if locked.active != on:
            locked.active = on
            locked.save(update_fields=["active"])
            _record(locked, "people-rule.switched", by, {"on": on})
    return locked


def _known(terms: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(terms) - set(TERMS)
    if unknown:
        raise Invalid(_("A rule has no %(unknown)s.") % {"unknown": ", ".join(sorted(unknown))})
    return dict(terms)


def _check(rule: PeopleRule) -> None:
    """Say in words what the constraints would refuse."""
    found: list[dict[str, str]] = []
    rule.name, rule.reason = rule.name.strip(), rule.reason.strip()
    if not rule.reason:
        found.append({"where": "reason", "message": _("whoever is found reads it")})
    if (rule.last_answers is None) == (rule.days is None):
        found.append({"where": "last_answers", "message": _("give a number of answers or of days, not both")})
    if rule.action in (Action.RETRAIN, Action.RESTRICT):
        known = Queue.objects.filter(project_id=rule.project_id, pk__in=rule.queues).count()
        if not rule.queues or known != len(set(rule.queues)):
            found.append({"where": "queues", "message": _("name the queues where she may work meanwhile")})
    if rule.action == Action.SUSPEND and not rule.confirm:
        found.append({"where": "confirm", "message": _("a suspension is decided by a person, always")})
    if rule.metric not in (Metric.DRIFT, Metric.SPEED) and not 0 <= rule.threshold <= 1:
        found.append({"where": "threshold", "message": _("is a share between 0 and 1")})
    if rule.metric == Metric.DRIFT and not rule.above:
        found.append({"where": "above", "message": _("drift has alarms or has none: ask for more than 0")})
    try:
        unset = [name for name in ("last_answers", "days") if getattr(rule, name) is None]
        rule.clean_fields(exclude=["project", "queue", "changed_at", "queues", *unset])
    except ValidationError as error:
        found += [{"where": name, "message": " ".join(said)} for name, said in error.message_dict.items()]
    if found:
        raise Invalid(_("This rule does not make sense."), problems=found)


def _save(rule: PeopleRule, names: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            rule.save(update_fields=names)
    except IntegrityError as error:
        if "people_rule_name_once" not in str(error):
            raise
        raise Invalid(
            _("There is a rule of this name already."), problems=[{"where": "name", "message": _("is taken")}]
        ) from error


def _record(rule: PeopleRule, kind: str, by: Member, data: dict[str, Any]) -> None:
    shown = {name: value for name, value in data.items() if name not in ("name", "reason")}
    ledger.record(project_id=rule.project_id, kind=kind, by=by, subject=("people-rule", rule.pk), data=shown)


def _plain(value: Any) -> Any:
    if isinstance(value, Queue):
        return value.pk
    return str(value) if isinstance(value, float) else value
