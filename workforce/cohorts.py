"""Teams and waves of annotators: what a canary can go to, and what is compared over time.

(nothing) -> cohort: create
outside -> in: join; in -> outside: leave
"""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import clauses as clause_shape
from specs import ledger
from specs.models import Member, Project
from specs.refusals import Invalid
from workforce.models import Annotator, Cohort, CohortMembership


def create(*, project: Project, key: str, name: str, by: Member) -> Cohort:
    if clause_shape.key_problem(key) or "." in key:
        raise Invalid(_("A cohort's key has lower-case letters, digits and hyphens."))
    if not name.strip():
        raise Invalid(_("A cohort needs a name."))
    with transaction.atomic():
        cohort, new = Cohort.objects.get_or_create(project=project, key=key, defaults={"name": name.strip()})
        if not new:
            raise Invalid(_("There is a cohort %(key)s already.") % {"key": key})
        ledger.record(
            project_id=project.pk,
            kind="cohort.created",
            by=by,
            subject=("cohort", cohort.pk),
            data={"key": key},
        )
    return cohort


def join(*, cohort: Cohort, annotator: Annotator, by: Member) -> None:
    """Harmless to repeat."""
    with transaction.atomic():
        Cohort.objects.select_for_update(no_key=True).get(pk=cohort.pk)
        if CohortMembership.objects.filter(cohort=cohort, annotator=annotator, until__isnull=True).exists():
            return
        CohortMembership.objects.create(project_id=cohort.project_id, cohort=cohort, annotator=annotator)
        _record(cohort, annotator, "cohort.joined", by)


def leave(*, cohort: Cohort, annotator: Annotator, by: Member) -> None:
    """Harmless to repeat; when she was in it stays on record."""
    with transaction.atomic():
        rows = CohortMembership.objects.filter(cohort=cohort, annotator=annotator, until__isnull=True)
        if rows.update(until=Now()):
            _record(cohort, annotator, "cohort.left", by)


def _record(cohort: Cohort, annotator: Annotator, kind: str, by: Member) -> None:
    ledger.record(
        project_id=cohort.project_id,
        kind=kind,
        by=by,
        subject=("cohort", cohort.pk),
        data={"annotator": annotator.pk},
    )
