"""Meanings of a spec that are declared to be one, so that their answers are measured together.

    (nothing) -> declared: declare
    declared -> withdrawn: withdraw

A major version starts a meaning because its labels *may* be others. Where it turns out that they are not, an owner or
publisher says so by name. Nothing else follows from it: no label is carried, no task is closed, no version changes.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import contents, ledger
from specs.models import Equivalence, EquivalenceState, Member, Spec, SpecVersion
from specs.refusals import Invalid, WrongState


def declare(*, spec: Spec, meanings: Iterable[int], reason: str, by: Member) -> Equivalence:
    """Two published meanings are one from now on. Raises `Invalid` when a question asks for other labels than it did, when
    there is no such meaning or no reason; `WrongState` when they are one already."""
    earlier, later = _two(meanings)
    if not reason.strip():
        raise Invalid(_("Say why the two ask for the same labels."))
    old, new = _newest(spec, earlier), _newest(spec, later)
    other = [one for one in contents.compare(old, new).schema if one.change_class == "major"]
    if other:
        raise Invalid(
            _("The two do not ask the same questions, so their answers cannot be held together."),
            problems=[{"where": one.where, "message": one.message} for one in other],
        )
    with transaction.atomic():
        locked = Spec.objects.select_for_update(no_key=True).get(pk=spec.pk)
        if later in together(spec_id=spec.pk, meaning=earlier):
            raise WrongState(
                _("The meanings %(earlier)s and %(later)s are declared to be one already.")
                % {"earlier": earlier, "later": later}
            )
        event = ledger.record(
            project_id=locked.project_id,
            kind="equivalence.declared",
            by=by,
            subject=("spec", locked.pk),
            data={"earlier": earlier, "later": later},
        )
        return Equivalence.objects.create(
            project_id=locked.project_id,
            spec=locked,
            earlier=earlier,
            later=later,
            reason=reason.strip(),
            declared_by=by,
            event_id=event,
        )


def withdraw(*, spec: Spec, meanings: Iterable[int], by: Member) -> Equivalence:
    """The two are measured apart again; what was measured stays as it was. Raises `WrongState` when they are not declared one."""
    earlier, later = _two(meanings)
    with transaction.atomic():
        found = (
            declared(spec)
            .select_for_update(no_key=True, of=("self",))
            .filter(earlier=earlier, later=later)
            .first()
        )
        if found is None:
            raise WrongState(
                _("Nobody has declared the meanings %(earlier)s and %(later)s to be one.")
                % {"earlier": earlier, "later": later}
            )
        found.state, found.withdrawn_by, found.withdrawn_at = EquivalenceState.WITHDRAWN, by, Now()
        found.save(update_fields=["state", "withdrawn_by", "withdrawn_at"])
        ledger.record(
            project_id=found.project_id,
            kind="equivalence.withdrawn",
            by=by,
            subject=("spec", found.spec_id),
            data={"earlier": earlier, "later": later},
        )
    found.refresh_from_db()
    return found


def declared(spec: Spec) -> QuerySet[Equivalence]:
    """What is in force."""
    return Equivalence.objects.filter(spec=spec, state=EquivalenceState.DECLARED)


def together(*, spec_id: int, meaning: int) -> list[int]:
    """All meanings that are one with this one, itself among them, in order. A trial's is never one with another."""
    found = {meaning}
    if meaning > 0:
        rows = Equivalence.objects.filter(spec=spec_id, state=EquivalenceState.DECLARED)
        pairs = list(rows.values_list("earlier", "later"))
        while fresh := {one for pair in pairs if found & set(pair) for one in pair} - found:
            found |= fresh
    return sorted(found)


def _two(meanings: Iterable[int]) -> tuple[int, int]:
    found = sorted(set(meanings))
    if len(found) != 2:
        raise Invalid(_("An equivalence is between two different meanings."))
    return found[0], found[1]


def _newest(spec: Spec, meaning: int) -> SpecVersion:
    found = SpecVersion.objects.published().filter(spec=spec, meaning=meaning).newest_first().first()
    if found is None:
        raise Invalid(
            _("The spec %(spec)s has no published version of the meaning %(meaning)s.")
            % {"spec": spec.key, "meaning": meaning}
        )
    return found


def next_meaning(*, spec_id: int, meaning: int) -> SpecVersion | None:
    """The first published version of a spec whose labels mean something else than those of this meaning, if there is one."""
    alike = together(spec_id=spec_id, meaning=meaning)
    rows = SpecVersion.objects.published().filter(spec_id=spec_id, meaning__gt=max(alike))
    return rows.order_by("meaning", "published_at").first()
