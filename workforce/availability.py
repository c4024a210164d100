"""When an annotator means to work, and in which languages: said by herself or by whoever manages people.

changed: describe; days away come and go: go_away, come_back
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from zoneinfo import available_timezones

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from specs import ledger
from specs.access import require
from specs.models import Member
from specs.refusals import Invalid
from workforce.models import Annotator, DayAway

LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}")
LONGEST_ABSENCE = timedelta(days=366)


def describe(
    *,
    annotator: Annotator,
    languages: Iterable[str],
    time_zone: str,
    weekday_hours: Sequence[float],
    by: Member,
) -> Annotator:
    """Languages as tags ("de", "pt-br"), a time zone by its name, hours of each weekday, Monday first (none: not said)."""
    _may(annotator, by)
    tags = language_tags(languages)
    if time_zone and time_zone not in available_timezones():
        raise Invalid(
            _("This time zone is not known."), problems=[{"where": "time_zone", "message": _("is not known")}]
        )
    hours = [float(each) for each in weekday_hours]
    if hours and (len(hours) != 7 or not all(0 <= each <= 24 for each in hours)):
        raise Invalid(
            _("A week has seven days of 0 to 24 hours."),
            problems=[{"where": "weekday_hours", "message": _("0 to 24")}],
        )
    with transaction.atomic():
        locked = Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)
        locked.languages, locked.time_zone, locked.weekday_hours = tags, time_zone, hours
        locked.save(update_fields=["languages", "time_zone", "weekday_hours"])
        ledger.record(
            project_id=locked.project_id,
            kind="annotator.described",
            by=by,
            subject=("annotator", locked.pk),
            data={"languages": tags, "hours": [str(each) for each in hours]},
        )
    return locked


def language_tags(given: Iterable[str]) -> list[str]:
    """Checked, lower-case, without repeats, in order. Raises `Invalid`."""
    tags = sorted({tag.strip().lower().replace("_", "-") for tag in given if tag.strip()})
    wrong = [tag[:35] for tag in tags if not LANGUAGE.fullmatch(tag)]
    if wrong:
        raise Invalid(
            _("Languages are tags such as de, en or pt-br."),
            problems=[
                {"where": "languages", "message": _("%(tag)s is no language tag") % {"tag": tag}}
                for tag in wrong
            ],
        )
    return tags


def go_away(*, annotator: Annotator, first: date, last: date, by: Member) -> DayAway:
    """Days off, both included. Said again from the same day, the end is replaced."""
    _may(annotator, by)
    if last < first or last - first > LONGEST_ABSENCE:
        raise Invalid(_("Days away end after they began, within a year."))
    with transaction.atomic():
        Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)
        away, _made = DayAway.objects.update_or_create(
            annotator=annotator, first=first, defaults={"project_id": annotator.project_id, "last": last}
        )
        _record(annotator, "annotator.away", by, away)
    return away


def come_back(*, away: DayAway, by: Member) -> None:
    """Days off are taken back."""
    _may(away.annotator, by)
    with transaction.atomic():
        _record(away.annotator, "annotator.not-away", by, away)
        away.delete()


def hours_by_day(
    *, annotators: Iterable[Annotator], first: date, last: date
) -> Mapping[int, Mapping[date, float]]:
    """For each annotator's id, the hours she means to work on each day of the range, in two queries at most.

    Who has not said her hours is left out.
    """
    saying = {one.pk: one for one in annotators if one.weekday_hours}
    away: dict[int, list[DayAway]] = {}
    for row in DayAway.objects.filter(Q(annotator__in=saying) & Q(first__lte=last, last__gte=first)):
        away.setdefault(row.annotator_id, []).append(row)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return {
        pk: {
            day: 0.0
            if any(row.first <= day <= row.last for row in away.get(pk, ()))
            else one.weekday_hours[day.weekday()]
            for day in days
        }
        for pk, one in saying.items()
    }


def _may(annotator: Annotator, by: Member) -> None:
    if annotator.member_id != by.pk:
        require(by, "people.manage")


def _record(annotator: Annotator, kind: str, by: Member, away: DayAway) -> None:
    ledger.record(
        project_id=annotator.project_id,
        kind=kind,
        by=by,
        subject=("annotator", annotator.pk),
        data={"first": away.first.isoformat(), "last": away.last.isoformat()},
    )
