"""Reading what changed, once, before working under it.

(nothing) -> acknowledgement: acknowledge
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from specs import contents, diff, ledger
from specs.models import Acknowledgement, Member, SpecVersion, VersionState
from specs.refusals import Invalid, Stale


@dataclass(frozen=True)
class ToRead:
    """What a member has not read yet: the version, the one she read last (None for a newcomer), and the difference."""

    version: SpecVersion
    last: SpecVersion | None
    difference: diff.Difference | None


def to_read(*, member: Member, version: SpecVersion) -> ToRead:
    """What *version* changes for a member, against the version of the same spec that she acknowledged last.

    What she read for a pilot does not count: it may never have become law.
    """
    known = (
        Acknowledgement.objects.filter(member=member, version__spec=version.spec_id)
        .exclude(version=version)
        .exclude(version__state=VersionState.TRIAL)
        .select_related("version")
        .order_by("-pk")
        .first()
    )
    last = known.version if known else None
    return ToRead(version, last, contents.compare(last, version) if last else None)


def acknowledged(*, member: Member, version: SpecVersion) -> bool:
    return Acknowledgement.objects.filter(member=member, version=version).exists()


def acknowledge(*, member: Member, version: SpecVersion, digest: str) -> Acknowledgement:
    """The member has read what this version says. Harmless to repeat; the digest proves that she saw these very words.

    Raises `Invalid` for a draft, `Stale` when the digest is another one.
    """
    if not version.digest:
        raise Invalid(_("A draft is not acknowledged; it still changes."))
    if digest != version.digest:
        raise Stale(_("This is not the text that was shown."), digest=version.digest)
    with transaction.atomic():
        Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        known = Acknowledgement.objects.filter(member=member, version=version).first()
        if known is not None:
            return known
        read = to_read(member=member, version=version)
        changed = [change.key for change in read.difference.clauses] if read.difference else []
        event = ledger.record(
            project_id=member.project_id,
            kind="version.acknowledged",
            by=member,
            subject=("version", version.pk),
            data={"digest": digest, "clauses": len(changed)},
        )
        return Acknowledgement.objects.create(
            project_id=member.project_id,
            member=member,
            version=version,
            digest=digest,
            changed=changed,
            event_id=event,
        )
