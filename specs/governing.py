"""A project's own rules: approvals, other eyes, the gate, the rates that cost is reckoned by, what fields of items are.

(settings) -> (settings): change_settings
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member, Project
from specs.refusals import Invalid

SETTINGS = (
    "name",
    "description",
    "approvals",
    "four_eyes",
    "gate",
    "gate_disagreement",
    "gate_items",
    "hourly_rate",
    "currency",
    "living_wage",
    "time_zone",
    "item_fields",
)
_FREE_TEXT = ("name", "description")


def change_settings(*, project: Project, by: Member, **settings: Any) -> Project:
    """Change named settings; each is recorded with its value before and after, free text without its words."""
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise Invalid(_("A project has no setting %(unknown)s.") % {"unknown": ", ".join(sorted(unknown))})
    with transaction.atomic():
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        changed = {}
        for name, value in settings.items():
            before = getattr(locked, name)
            if before != value:
                changed[name] = [_plain(before), _plain(value)]
                setattr(locked, name, value)
        try:
            locked.clean_fields(exclude=["key"])
        except ValidationError as error:
            raise Invalid(
                _("These settings do not fit."),
                problems=[
                    {"where": name, "message": " ".join(messages)}
                    for name, messages in error.message_dict.items()
                ],
            ) from error
        if changed:
            locked.save(update_fields=list(changed))
            ledger.record(
                project_id=locked.pk,
                kind="project.settings-changed",
                by=by,
                subject=("project", locked.pk),
                data={name: ([] if name in _FREE_TEXT else change) for name, change in changed.items()},
            )
    return locked


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
