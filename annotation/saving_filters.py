"""Filters of the item browser that people keep, for themselves or shared with the project.

(nothing) -> filter: save (the same name again: it is another filter now)
filter -> (nothing): forget
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation.finding import Asked
from annotation.models import SavedFilter
from specs import ledger
from specs.access import permissions_of
from specs.models import Member
from specs.refusals import Invalid, NotAllowed


def seen_by(member: Member) -> QuerySet[SavedFilter]:
    """Her own, and those that others share with the project."""
    rows = SavedFilter.objects.filter(Q(member=member) | Q(shared=True), project=member.project_id)
    return rows.select_related("member").order_by("name", "pk")


def save(*, name: str, asked: Asked, shared: bool, by: Member) -> SavedFilter:
    """Keep what is asked under a name of hers. Raises `Invalid`."""
    name = name.strip()
    if not 0 < len(name) <= 100 or not name.isprintable():
        message = _("A filter has a name of at most 100 characters.")
        raise Invalid(message, problems=[{"where": "name", "message": message}])
    with transaction.atomic():
        own = SavedFilter.objects.filter(member=by)
        if own.count() >= settings.MAX_SAVED_FILTERS and not own.filter(name=name).exists():
            raise Invalid(_("You keep %(n)s filters already.") % {"n": settings.MAX_SAVED_FILTERS})
        kept, _new = SavedFilter.objects.update_or_create(
            member=by,
            name=name,
            defaults={
                "project_id": by.project_id,
                "query": asked.query(),
                "shared": shared,
                "saved_at": Now(),
            },
        )
        ledger.record(
            project_id=by.project_id,
            kind="filter.saved",
            by=by,
            subject=("filter", kept.pk),
            data={"shared": shared},
        )
    kept.refresh_from_db()
    return kept


def forget(*, kept: SavedFilter, by: Member) -> None:
    """Drop a filter: one's own, or a shared one by whoever manages the project. Raises `NotAllowed`."""
    if kept.member_id != by.pk and "project.manage" not in permissions_of(by):
        raise NotAllowed(_("Whoever saved a filter drops it, or whoever manages the project."))
    with transaction.atomic():
        ledger.record(
            project_id=by.project_id, kind="filter.forgotten", by=by, subject=("filter", kept.pk), data={}
        )
        kept.delete()
