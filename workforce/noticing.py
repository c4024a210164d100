"""What annotators read in their own inbox about what was found of them, and what follows.

(nothing) -> written: write
written -> read: acknowledge
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from specs import ledger
from specs.models import Member
from workforce.models import Action, Consequence, Finding, Metric, Notice, Queue

SHARES = {Metric.GOLD, Metric.AGREEMENT, Metric.SKIPS, Metric.SELF, Metric.LATE}
"""Figures that are shares, and are said in percent."""


@dataclass(frozen=True)
class Told:
    """A notice in words: what was measured (over what, against what), why it matters, and what follows."""

    notice: Notice
    measured: str
    reason: str
    follows: str


def write(*, finding: Finding | None, consequence: Consequence | None = None) -> Notice:
    """Tell her. Call it in the transaction of what she is told about."""
    about = consequence or finding
    assert about is not None
    event = ledger.record(
        project_id=about.project_id,
        kind="notice.written",
        by=None,
        subject=("annotator", about.annotator_id),
        data={
            "finding": finding.pk if finding else None,
            "consequence": consequence.pk if consequence else None,
        },
    )
    return Notice.objects.create(
        project_id=about.project_id,
        annotator_id=about.annotator_id,
        finding=finding,
        consequence=consequence,
        event_id=event,
    )


def acknowledge(*, notice: Notice, by: Member) -> Notice:
    """She read it. Harmless to repeat."""
    with transaction.atomic():
        locked = Notice.objects.select_for_update(no_key=True).get(pk=notice.pk)
        if locked.read_at is None:
            locked.read_at = Now()
            locked.save(update_fields=["read_at"])
            ledger.record(
                project_id=locked.project_id,
                kind="notice.read",
                by=by,
                subject=("annotator", locked.annotator_id),
                data={"notice": locked.pk},
            )
            locked.refresh_from_db()
    return locked


def in_words(notices: Iterable[Notice]) -> list[Told]:
    """Notices as their reader sees them; one query for the names of all queues. They come with finding, rule and consequence."""
    found = list(notices)
    ids = {pk for one in found if one.consequence for pk in one.consequence.queues}
    names = dict(Queue.objects.filter(pk__in=ids).values_list("pk", "name"))
    return [
        Told(
            one,
            _measured(one.finding) if one.finding else "",
            one.consequence.reason if one.consequence else one.finding.rule.reason if one.finding else "",
            _follows(one.consequence, names),
        )
        for one in found
    ]


def _measured(finding: Finding) -> str:
    terms = finding.terms
    metric = Metric(terms["metric"])
    over = (
        f"over the last {terms['last_answers']} answers"
        if terms.get("last_answers")
        else f"over the last {terms['days']} days"
    )
    interval = (
        f" ({_said(metric, finding.low)} to {_said(metric, finding.high)})"
        if finding.low is not None and finding.high is not None
        else ""
    )
    where = f", in {finding.rule.queue.name}" if finding.rule.queue else ""
    aside = f", {finding.n_set_aside} set aside" if finding.n_set_aside else ""
    side = "above" if terms["above"] else "below"
    return (
        f"{metric.label}: {_said(metric, finding.value)}{interval}, from {finding.n} judged {over}{where}{aside}. "
        f"The rule looks for {side} {_said(metric, terms['threshold'])}."
    )


def _said(metric: Metric, value: float) -> str:
    if metric in SHARES:
        return f"{100 * value:.0f} %"
    return f"{value:.0f}" if metric == Metric.DRIFT else f"{value:.2f}"


def _follows(consequence: Consequence | None, names: dict[int, str]) -> str:
    if consequence is None:
        return "Nothing follows. Whoever manages people here reads the same."
    until = f"until {consequence.until:%Y-%m-%d}" if consequence.until else ""
    queues = ", ".join(sorted(names[pk] for pk in consequence.queues if pk in names))
    if consequence.action == Action.REVIEW:
        gold = (
            f", and {100 * consequence.gold_share:.0f} % of what you are given has a known answer"
            if consequence.gold_share
            else ""
        )
        return f"{100 * consequence.share:.0f} % of your tasks get one more answer {until}{gold}."
    if consequence.action == Action.RETRAIN:
        return (
            f"You work in {queues} until {consequence.goal_answers} known answers there are right at "
            f"{100 * consequence.goal_share:.0f} %, at most {until}."
        )
    return f"You work in {queues} only, {until}."
