"""The gate before a version becomes law, and its way into the queues.

    draft -> published, with what the gate said on record, and in force where asked: publish

The gate reads the pilot of exactly these words. It binds majors (a project can turn it off); for minors and patches it is a
banner. Past a failed gate goes an owner alone, by name and with a reason. A patch whose pilot moved labels is no patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation import nominating, piloting
from annotation.agreement.ambiguity import MIN_ITEMS
from annotation.models import Pilot, Publication
from specs import contents, ledger, publishing, retelling
from specs.diff import Class
from specs.models import ChangeClass, Member, Role, SpecVersion
from specs.models.project import GateRule
from specs.refusals import Invalid, NotAllowed, Refusal
from specs.wording import number
from workforce import queues
from workforce.models import InProgress, Queue


class GateFailed(Refusal):
    """`checks` says what failed, clause by clause."""

    code = "gate-failed"
    status = 409


@dataclass(frozen=True)
class Check:
    """One condition of the gate: the clause it is about ("" for none), whether it holds, and the figures in words."""

    name: str
    clause: str
    passed: bool
    message: str


@dataclass(frozen=True)
class Gate:
    """What the gate says of a draft: `binding` when it can stop the publication; `passed` is None without a pilot."""

    change_class: Class
    binding: bool
    passed: bool | None
    pilot: Pilot | None
    checks: list[Check]
    moved: piloting.Moved | None

    @property
    def stops(self) -> bool:
        return self.binding and not self.passed

    def as_dict(self) -> dict[str, Any]:
        return {
            "change_class": self.change_class,
            "binding": self.binding,
            "passed": bool(self.passed) if self.binding else self.passed,
            "pilot": self.pilot.pk if self.pilot else None,
            "checks": [vars(check) for check in self.checks],
            "moved": vars(self.moved) if self.moved else None,
        }


def gate_of(draft: SpecVersion, *, claimed: ChangeClass | None = None) -> Gate:
    """Compute the gate for the draft as it stands. A first version has nothing to be measured against and passes."""
    change_class = contents.change_class_of(draft, claimed)
    project = draft.project
    binding = draft.based_on is not None and change_class == "major" and project.gate == GateRule.MAJORS
    pilot = piloting.newest_for(draft)
    if pilot is None:
        missing = Check("pilot", "", False, _("This draft, word for word, was not tried in a pilot."))
        return Gate(change_class, binding, None, None, [missing] if binding else [], None)
    reading = piloting.read(pilot)
    checks = [
        _changed(one, project.gate_items, project.gate_disagreement) for one in reading.clauses if one.changed
    ]
    checks += [check for one in reading.clauses if not one.changed and (check := _unchanged(one))]
    return Gate(change_class, binding, all(check.passed for check in checks), pilot, checks, reading.moved)


def _changed(one: piloting.Beside, n_items: int, limit: float) -> Check:
    """A clause that changed: tried on enough items, and its disagreement surely below the limit."""
    estimate, wanted = one.trial, max(n_items, MIN_ITEMS)
    if estimate.n_items < wanted or estimate.high is None:
        said = _("§%(number)s %(title)s: %(n_items)s of %(wanted)s items with answers to compare") % {
            "number": one.number,
            "title": one.title,
            "n_items": estimate.n_items,
            "wanted": wanted,
        }
        return Check("enough-items", one.key, False, said)
    said = _(
        "§%(number)s %(title)s: %(value)s of pairs differ, at most %(high)s on %(n_items)s items; "
        "the limit is %(limit)s"
    ) % {
        "number": one.number,
        "title": one.title,
        "value": number(estimate.value, 2),
        "high": number(estimate.high, 2),
        "n_items": estimate.n_items,
        "limit": number(limit, 2),
    }
    return Check("disagreement", one.key, estimate.high <= limit, said)


def _unchanged(one: piloting.Beside) -> Check | None:
    """A clause that did not change must not have become worse; nothing is said where either interval is missing."""
    before = one.before
    if before is None or before.high is None or one.trial.low is None:
        return None
    said = _(
        "§%(number)s %(title)s, unchanged: %(value)s (%(low)s to %(high)s), before %(value_before)s "
        "(%(low_before)s to %(high_before)s)"
    ) % {
        "number": one.number,
        "title": one.title,
        "value": number(one.trial.value, 2),
        "low": number(one.trial.low, 2),
        "high": number(one.trial.high, 2),
        "value_before": number(before.value, 2),
        "low_before": number(before.low, 2),
        "high_before": number(before.high, 2),
    }
    return Check("no-regression", one.key, one.trial.low <= before.high, said)


def publish(
    *,
    draft: SpecVersion,
    claimed: ChangeClass | None = None,
    notes: str,
    rationale: str,
    override_reason: str = "",
    in_force: Sequence[Queue] = (),
    in_progress: str = InProgress.FINISH,
    by: Member,
) -> SpecVersion:
    """Publish a draft through the gate, and put it in force in the named queues, all of it or nothing.

    Raises what `publishing.publish` and `queues.put_in_force` raise, `GateFailed` with the checks, `NotAllowed` when somebody
    who is no owner wants past a failed gate, `Invalid` when a patch moved labels in its pilot.
    """
    with transaction.atomic():
        draft = (
            SpecVersion.objects.select_for_update(no_key=True, of=("self",))
            .select_related("spec__project", "based_on", "project")
            .get(pk=draft.pk)
        )
        gate = _gate_or_refusal(draft, claimed, override_reason, by)
        version = publishing.publish(draft=draft, claimed=claimed, notes=notes, rationale=rationale, by=by)
        nominating.after_publication(version=version, by=by)
        event = ledger.record(
            project_id=version.project_id,
            kind="version.passed-the-gate" if not gate.stops else "version.published-past-the-gate",
            by=by,
            subject=("version", version.pk),
            data={
                "binding": gate.binding,
                "passed": gate.passed,
                "pilot": gate.pilot.pk if gate.pilot else None,
                "reason_length": len(override_reason) if gate.stops else 0,
            },
        )
        Publication.objects.create(
            project_id=version.project_id,
            version=version,
            pilot=gate.pilot,
            gate=gate.as_dict(),
            passed=bool(gate.passed) if gate.binding else gate.passed,
            overridden_by=by if gate.stops else None,
            override_reason=override_reason.strip() if gate.stops else "",
            event_id=event,
        )
        for queue in in_force:
            queues.put_in_force(queue=queue, version=version, in_progress=in_progress, by=by)
    return version


def _gate_or_refusal(
    draft: SpecVersion, claimed: ChangeClass | None, override_reason: str, by: Member
) -> Gate:
    if draft.state != "draft" or contents.problems(draft):
        # The publication itself refuses these, naming everything.
        return Gate("none", False, None, None, [], None)
    with retelling.in_english():
        gate = gate_of(draft, claimed=claimed)
    if gate.change_class == "patch" and gate.moved is not None and gate.moved.significant:
        raise Invalid(
            _("This is no patch: in its pilot the labels moved. Publish it as a minor or a major version."),
            problems=[
                {
                    "where": "pilot",
                    "message": _(
                        "%(trial)s of the answers differ from the label in force, before it were %(before)s (95 %% "
                        "of the gap: %(low)s to %(high)s, %(n_items)s items)"
                    )
                    % {
                        "trial": number(gate.moved.trial, 2),
                        "before": number(gate.moved.before, 2),
                        "low": number(gate.moved.low, 2),
                        "high": number(gate.moved.high, 2),
                        "n_items": gate.moved.n_items,
                    },
                }
            ],
        )
    if gate.stops:
        failed = [check for check in gate.checks if not check.passed]
        if not override_reason.strip():
            raise GateFailed(
                _("The gate is not passed: %(why)s")
                % {"why": " ".join(retelling.retold(check.message) for check in failed)},
                checks=[vars(check) for check in failed],
            )
        if Role.OWNER not in by.roles:
            raise NotAllowed(_("Only an owner publishes past a failed gate."))
    return gate
