"""What a claim must not pick for somebody, and how much of what is sensitive she may see.

    (nothing) -> consent: agree; consent -> withdrawn: withdraw
    (nothing) -> exclusion: keep_apart, keep_from; exclusion -> ended: end

`SHOWN` is a condition of the claim's own statement, in the text of such claims only: who works in a project without sensitive
items and is kept from nothing pays two looks into empty indexes. Caps are a person's, in all her projects together; they are
counted under a lock of hers that is held until the claim is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import ledger, prepared
from specs.models import Member, Project
from specs.refusals import Invalid, Refusal
from workforce.models import (
    Annotator,
    AnnotatorKind,
    Consent,
    Exclusion,
    Item,
    ItemCategory,
    SensitiveCategory,
)

_OF_CATEGORY = """(coalesce(vi.payload -> 'sensitive_categories' ? c.key, false)
                   OR EXISTS (SELECT FROM workforce_itemcategory ic WHERE ic.item_id = vi.id AND ic.category_id = c.id))"""
SHOWN = """
          AND NOT EXISTS (
              SELECT FROM workforce_task vt JOIN workforce_item vi ON vi.id = vt.item_id
              WHERE vt.id = s.task_id AND (
                  EXISTS (SELECT FROM workforce_sensitivecategory c
                          WHERE c.project_id = vi.project_id AND @category AND (%(capped)s::bool OR NOT EXISTS (
                              SELECT FROM workforce_consent k WHERE k.annotator_id = %(annotator)s::bigint
                                 AND k.category_id = c.id AND k.withdrawn_at IS NULL)))
                  OR %(capped)s::bool AND vi.sensitive
                  OR EXISTS (SELECT FROM workforce_exclusion x
                             WHERE x.annotator_id = %(annotator)s::bigint AND x.ended_at IS NULL AND x.field <> ''
                               AND vi.payload ->> x.field = x.value)
                  OR EXISTS (SELECT FROM workforce_exclusion x
                             JOIN workforce_task ot ON ot.item_id = vi.id
                             JOIN workforce_assignment os ON os.task_id = ot.id AND os.annotator_id = x.other_id
                             WHERE x.annotator_id = %(annotator)s::bigint AND x.ended_at IS NULL
                               AND os.state IN ('leased', 'submitted', 'reserved'))))""".replace(
    "@category", _OF_CATEGORY
)
_SEEN = """
    INSERT INTO workforce_exposure (project_id, user_id, annotator_id, assignment_id, token, served_at)
    SELECT s.project_id, %(user)s::int, s.annotator_id, s.id, s.token, s.leased_at
    FROM workforce_assignment s JOIN workforce_task t ON t.id = s.task_id JOIN workforce_item vi ON vi.id = t.item_id
    WHERE s.id = %(assignment)s::bigint AND (vi.sensitive OR EXISTS (
        SELECT FROM workforce_sensitivecategory c WHERE c.project_id = vi.project_id AND @category))
""".replace("@category", _OF_CATEGORY)
# A thing is seen until it is answered or given back, at most until its lease ends.
_USED = """
    SELECT count(*) FILTER (WHERE x.served_at > statement_timestamp() - interval '1 hour'),
           coalesce(sum(extract(epoch FROM least(
               CASE WHEN s.state = 'submitted' THEN s.submitted_at END, back.at, lease.until, statement_timestamp())
               - x.served_at)), 0)
    FROM workforce_exposure x
    LEFT JOIN workforce_assignment s ON s.id = x.assignment_id AND s.token = x.token
    LEFT JOIN LATERAL (SELECT max(l.until) AS until FROM workforce_lease l WHERE l.token = x.token) lease ON true
    LEFT JOIN LATERAL (
        SELECT min(e.recorded_at) AS at FROM specs_event e
        WHERE e.subject = 'assignment' AND e.subject_id = x.assignment_id AND e.recorded_at > x.served_at
          AND left(e.kind, 11) = 'assignment.'
          AND e.kind NOT IN ('assignment.claimed', 'assignment.renewed', 'assignment.expired')
          AND (e.data ->> 'annotator')::bigint = x.annotator_id
    ) back ON true
    WHERE x.user_id = %(user)s::int AND x.served_at > statement_timestamp() - interval '1 day'
"""
_ADMIT = " ".join(("SELECT s.id FROM workforce_assignment s WHERE s.id = %(assignment)s::bigint", SHOWN))
_LOCK_PERSON = "SELECT pg_advisory_xact_lock(hashtext('workforce.exposure'), %(user)s::int)"
_LOCK_PAIRS = """
    SELECT pg_advisory_xact_lock(hashtext('workforce.pairs'), hashtext(x.project_id::text)) FROM workforce_exclusion x
    WHERE x.annotator_id = %(annotator)s::bigint AND x.other_id IS NOT NULL AND x.ended_at IS NULL LIMIT 1
"""


class ExposureCap(Refusal):
    """She has seen as much of what is sensitive as one may in an hour or a day, and nothing else waits for her here."""

    code = "exposure-cap"
    status = 429


@dataclass(frozen=True)
class Used:
    """What a person has seen of what is sensitive: items within an hour, minutes within a day, in all projects."""

    n_this_hour: int
    minutes_today: float

    @property
    def capped(self) -> bool:
        return (
            self.n_this_hour >= settings.SENSITIVE_PER_HOUR
            or self.minutes_today >= settings.SENSITIVE_MINUTES_PER_DAY
        )


def used(annotator: Annotator) -> Used:
    if annotator.user_id is None or annotator.kind != AnnotatorKind.PERSON:
        return Used(0, 0)
    ((n, seconds),) = prepared.run(_USED, {"user": annotator.user_id})
    return Used(n, float(seconds) / 60)


def before_claim(annotator: Annotator) -> bool:
    """Take the locks that make this claim exact; returns whether what is sensitive is over for her for now.

    Call it inside the claim's transaction, after the enrolment's lock.
    """
    prepared.run(_LOCK_PAIRS, {"annotator": annotator.pk})
    if annotator.user_id is None or annotator.kind != AnnotatorKind.PERSON:
        return False
    prepared.run(_LOCK_PERSON, {"user": annotator.user_id})
    return used(annotator).capped


def after_claim(*, annotator: Annotator, assignment_id: int) -> None:
    """Note what was served, if it is sensitive. Call it inside the claim's transaction."""
    prepared.run(_SEEN, {"user": annotator.user_id, "assignment": assignment_id})


def admit(*, annotator: Annotator, assignment_id: int) -> bool:
    """Whether she may be shown what was made for her, and if so, note it. Call it inside the claim's transaction."""
    known = {
        "annotator": annotator.pk,
        "assignment": assignment_id,
        "capped": before_claim(annotator),
    }
    shown = bool(prepared.run(_ADMIT, known))
    if shown:
        after_claim(annotator=annotator, assignment_id=assignment_id)
    return shown


def refuse_capped() -> None:
    raise ExposureCap(
        _(
            "You have seen as much upsetting content as one may: %(sensitive_per_hour)s items within an "
            "hour, %(sensitive_minutes_per_day)s minutes within a day, in all projects together. Nothing "
            "else waits for you here. Take a break; it counts for nothing against you."
        )
        % {
            "sensitive_per_hour": settings.SENSITIVE_PER_HOUR,
            "sensitive_minutes_per_day": settings.SENSITIVE_MINUTES_PER_DAY,
        },
    )


def add_category(*, project: Project, key: str, name: str, warning: str, by: Member) -> SensitiveCategory:
    """A category of sensitive content: nobody is given its items before she has read the warning and agreed."""
    if not key or len(key) > 32 or not key.replace("-", "").isalnum() or key != key.lower():
        raise Invalid(_("A category's key has lower-case letters, digits and hyphens."))
    if not warning.strip() or not name.strip():
        raise Invalid(_("A category has a name, and a warning that says what people will see."))
    if SensitiveCategory.objects.filter(project=project, key=key).exists():
        raise Invalid(_("There is a category %(key)s already.") % {"key": key})
    with transaction.atomic():
        made = SensitiveCategory.objects.create(
            project=project, key=key, name=name.strip()[:100], warning=warning.strip()[:5000]
        )
        _record(made.project_id, "sensitive-category.added", by, ("sensitive-category", made.pk), key=key)
    return made


def mark(*, category: SensitiveCategory, items: Sequence[str], by: Member) -> int:
    """Say that items, named by their keys, are of a category; returns how many were not yet."""
    wanted = sorted(set(items))
    if not wanted or len(wanted) > settings.MAX_ASSIGNED_AT_ONCE:
        raise Invalid(
            _("Name 1 to %(max_assigned_at_once)s items by their keys.")
            % {"max_assigned_at_once": settings.MAX_ASSIGNED_AT_ONCE}
        )
    found = Item.objects.filter(project_id=category.project_id, key__in=wanted).exclude(
        categories__category=category
    )
    with transaction.atomic():
        made = ItemCategory.objects.bulk_create(
            [ItemCategory(project_id=category.project_id, item=item, category=category) for item in found],
            ignore_conflicts=True,
        )
        _record(
            category.project_id,
            "items.marked-sensitive",
            by,
            ("sensitive-category", category.pk),
            items=len(made),
        )
    return len(made)


def agree(*, annotator: Annotator, category: SensitiveCategory, by: Member) -> Consent:
    """She has read the warning and agrees to see such content. Harmless to repeat."""
    with transaction.atomic():
        given, new = Consent.objects.get_or_create(
            annotator=annotator,
            category=category,
            withdrawn_at=None,
            defaults={"project_id": annotator.project_id},
        )
        if new:
            _record(
                annotator.project_id, "consent.given", by, ("annotator", annotator.pk), category=category.pk
            )
    return given


def withdraw(*, annotator: Annotator, category: SensitiveCategory, by: Member) -> None:
    """She does not want to see it any more: from her next claim on, without reasons and without consequence."""
    with transaction.atomic():
        changed = Consent.objects.filter(
            annotator=annotator, category=category, withdrawn_at__isnull=True
        ).update(withdrawn_at=Now())
        if changed:
            _record(
                annotator.project_id,
                "consent.withdrawn",
                by,
                ("annotator", annotator.pk),
                category=category.pk,
            )


def keep_apart(*, one: Annotator, other: Annotator, by: Member) -> None:
    """Two people who must not label the same item: whoever has it first keeps the other from it."""
    if one.pk == other.pk:
        raise Invalid(_("Two different people are kept apart."))
    with transaction.atomic():
        for annotator, from_whom in ((one, other), (other, one)):
            _exclude(annotator, by, other=from_whom)


def keep_from(*, annotator: Annotator, field: str, value: str, by: Member) -> None:
    """Somebody who must not see the items whose field has a value, such as texts of her own."""
    if not field.strip() or not value.strip() or len(field) > 100 or len(value) > 200:
        raise Invalid(_("Name a field of the items and its value."))
    with transaction.atomic():
        _exclude(annotator, by, field=field.strip(), value=value.strip())


def _exclude(annotator: Annotator, by: Member, **what: object) -> None:
    made, new = Exclusion.objects.get_or_create(
        annotator=annotator,
        ended_at=None,
        **{"other": None, "field": "", "value": "", **what},
        defaults={"project_id": annotator.project_id, "by": by},
    )
    if new:
        _record(
            annotator.project_id, "annotator.excluded", by, ("annotator", annotator.pk), exclusion=made.pk
        )


def end(*, exclusion: Exclusion, by: Member) -> None:
    """Lift it; of two who were kept apart, both sides. Harmless to repeat."""
    with transaction.atomic():
        rows = Exclusion.objects.filter(pk=exclusion.pk)
        if exclusion.other_id is not None:
            rows = rows | Exclusion.objects.filter(annotator=exclusion.other_id, other=exclusion.annotator_id)
        for row in rows.filter(ended_at__isnull=True):
            Exclusion.objects.filter(pk=row.pk).update(ended_at=Now())
            _record(
                row.project_id,
                "annotator.exclusion-ended",
                by,
                ("annotator", row.annotator_id),
                exclusion=row.pk,
            )


def undecided(annotator: Annotator) -> list[SensitiveCategory]:
    """The categories of her project that she has not agreed to."""
    rows = SensitiveCategory.objects.filter(project_id=annotator.project_id).order_by("name")
    agreed = Consent.objects.filter(annotator=annotator, withdrawn_at__isnull=True).values("category")
    return list(rows.exclude(pk__in=agreed))


def _record(project_id: int, kind: str, by: Member, subject: tuple[str, int], **data: object) -> None:
    ledger.record(project_id=project_id, kind=kind, by=by, subject=subject, data=data)
