"""Precedents: a ruling shown to annotators beside the clause it interprets.

    (nothing) -> in force: establish
    in force -> superseded: reword (by its next revision), withdraw, supersede (by a later ruling)
    in force -> in force: keep (under the newest version, whose clause has another wording)

What is in force is frozen as a set for every version it concerns (`specs.precedents`): claims pin the digest of it.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation.models import Dispute, DisputeState, Precedent, Ruling
from specs import ledger, precedents, task_types, versions
from specs.models import Clause, Member, SpecVersion
from specs.refusals import Invalid, WrongState
from workforce import categories


def in_force(**where: object) -> QuerySet[Precedent]:
    return Precedent.objects.filter(superseded_at__isnull=True, **where)


def establish(*, ruling: Ruling, clause_key: str = "", text: str, by: Member) -> Precedent:
    """Put a ruling beside a clause, by default the one that it names, in the lead's words.

    Raises `Invalid` for a clause that the ruled version does not have and for words that are missing or too long;
    `WrongState` when the dispute was decided otherwise since, or the ruling is a precedent of the clause already.
    """
    version = versions.read(ruling.version_id)
    clause = version.clause(clause_key) if clause_key else _clause_of(ruling, version)
    if clause is None:
        raise Invalid(_("Name the clause that the ruling interprets, one of the version it was made under."))
    text = _words(text)
    with transaction.atomic():
        dispute = Dispute.objects.select_for_update(no_key=True).get(pk=ruling.dispute_id)
        newest = Ruling.objects.filter(dispute=dispute).order_by("-pk").values_list("pk", flat=True).first()
        if dispute.state != DisputeState.DECIDED or newest != ruling.pk:
            raise WrongState(_("This ruling does not stand any more."))
        if in_force(ruling=ruling, clause=clause.id).exists():
            raise WrongState(_("This ruling is a precedent of the clause already; reword that one."))
        earlier = Precedent.objects.filter(ruling=ruling, clause=clause.id).count()
        made = _make(ruling, clause.id, earlier + 1, text, by)
        ledger.record(
            project_id=ruling.project_id,
            kind="precedent.established",
            by=by,
            subject=("precedent", made.pk),
            data={"ruling": ruling.pk, "clause": clause.id},
        )
        _show(made, under=SpecVersion.objects.get(pk=ruling.version_id), by=by)
    return made


def reword(*, precedent: Precedent, text: str, by: Member) -> Precedent:
    """Say it in other words: the next revision, in force wherever this one was. Raises `WrongState` when it is not any more."""
    text = _words(text)
    with transaction.atomic():
        locked = _locked(precedent)
        locked.superseded_at = Now()
        locked.save(update_fields=["superseded_at"])
        made = _make(locked.ruling, locked.clause_id, locked.revision + 1, text, by)
        locked.superseded_by = made
        locked.save(update_fields=["superseded_by"])
        ledger.record(
            project_id=made.project_id,
            kind="precedent.reworded",
            by=by,
            subject=("precedent", made.pk),
            data={"before": locked.pk, "revision": made.revision},
        )
        precedents.replace(spec_id=made.clause.spec_id, precedent=locked.pk, shown=_shown(made), by=by)
    return made


def withdraw(*, precedent: Precedent, reason: str, by: Member) -> None:
    """Show it no more. Answers given beside it keep naming the digest that has it. Raises `Invalid` without a reason."""
    reason = reason.strip()
    if not reason or len(reason) > settings.MAX_PRECEDENT_CHARACTERS:
        raise Invalid(
            _("Say why it is withdrawn, in at most %(max_precedent_characters)s characters.")
            % {"max_precedent_characters": settings.MAX_PRECEDENT_CHARACTERS}
        )
    with transaction.atomic():
        locked = _locked(precedent)
        locked.superseded_at, locked.withdrawn_by, locked.withdrawn_reason = Now(), by, reason
        locked.save(update_fields=["superseded_at", "withdrawn_by", "withdrawn_reason"])
        _gone(locked, by)


def supersede(*, dispute: Dispute, ruling: Ruling, by: Member) -> None:
    """A later ruling on the same dispute: what earlier ones established is shown no more."""
    for precedent in in_force(ruling__dispute=dispute).exclude(ruling=ruling).select_related("clause"):
        precedent.superseded_at = Now()
        precedent.save(update_fields=["superseded_at"])
        _gone(precedent, by)


def keep(*, precedent: Precedent, by: Member) -> None:
    """Say that it holds for the newest published version too, whose clause was reworded since. Raises `WrongState`, `Invalid`."""
    with transaction.atomic():
        locked = _locked(precedent)
        newest = SpecVersion.objects.published().filter(spec=locked.clause.spec_id).newest_first()[0]
        if versions.read(newest.pk).clause(locked.clause.key) is None:
            raise Invalid(
                _("Version %(newest_number)s has no clause %(clause)s any more.")
                % {"newest_number": newest.number, "clause": locked.clause.key}
            )
        _show(locked, under=newest, by=by)
        ledger.record(
            project_id=locked.project_id,
            kind="precedent.kept",
            by=by,
            subject=("precedent", locked.pk),
            data={"version": newest.pk},
        )


def ruled(ruling: Ruling) -> str:
    """What was ruled, in the words of the questions."""
    if ruling.split_into:
        return _("split into %(n)d items") % {"n": len(ruling.split_into)}
    if ruling.cannot:
        return _("cannot be labelled: %(categories)s") % {"categories": categories.title(ruling.cannot)}
    version = versions.read(ruling.version_id)
    said = []
    for question in version.questions:
        describe, key = task_types.get(question["kind"]).describe, question["key"]
        if key in ruling.values:
            said.append(describe(question, ruling.values[key]))
        elif key in ruling.sides:
            kept = _(" as well as ").join(describe(question, one["value"]) for one in ruling.sides[key])
            said.append(kept)
    return ", ".join(said)


def _clause_of(ruling: Ruling, version: versions.ReadVersion) -> versions.ReadClause | None:
    return next((clause for clause in version.clauses if clause.id == ruling.clause_id), None)


def _words(text: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid(_("Say in words of your own what the ruling means for the clause."))
    if len(text) > settings.MAX_PRECEDENT_CHARACTERS:
        raise Invalid(
            _("A precedent has at most %(max_precedent_characters)s characters.")
            % {"max_precedent_characters": settings.MAX_PRECEDENT_CHARACTERS}
        )
    return text


def _make(ruling: Ruling, clause_id: int, revision: int, text: str, by: Member) -> Precedent:
    return Precedent.objects.create(
        project_id=ruling.project_id,
        clause=Clause.objects.get(pk=clause_id),
        ruling=ruling,
        revision=revision,
        text=text,
        by=by,
    )


def _locked(precedent: Precedent) -> Precedent:
    rows = Precedent.objects.select_for_update(no_key=True, of=("self",))
    locked = rows.select_related("clause", "ruling__dispute__task").get(pk=precedent.pk)
    if locked.superseded_at is not None:
        raise WrongState(_("This precedent is not in force any more."))
    return locked


def _shown(precedent: Precedent) -> precedents.Shown:
    return precedents.Shown(precedent.pk, precedent.clause.key, precedent.text, ruled(precedent.ruling))


def _show(precedent: Precedent, *, under: SpecVersion, by: Member) -> None:
    precedents.add(
        clause_id=precedent.clause_id,
        under=under,
        shown=_shown(precedent),
        item_id=precedent.ruling.dispute.task.item_id,
        by=by,
    )


def _gone(precedent: Precedent, by: Member) -> None:
    ledger.record(
        project_id=precedent.project_id,
        kind="precedent.withdrawn",
        by=by,
        subject=("precedent", precedent.pk),
        data={"ruling": precedent.ruling_id, "clause": precedent.clause_id},
    )
    precedents.drop(spec_id=precedent.clause.spec_id, precedent=precedent.pk, by=by)
