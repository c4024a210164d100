"""What annotators read in their own inbox about what was found of them, and what follows.

(nothing) -> written: write
written -> read: acknowledge
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member
from specs.wording import number
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
        _("over the last %(last_answers)s answers") % {"last_answers": terms["last_answers"]}
        if terms.get("last_answers")
        else _("over the last %(days)s days") % {"days": terms["days"]}
    )
    interval = (
        _(" (%(low)s to %(high)s)") % {"low": _said(metric, finding.low), "high": _said(metric, finding.high)}
        if finding.low is not None and finding.high is not None
        else ""
    )
    where = _(", in %(queue)s") % {"queue": finding.rule.queue.name} if finding.rule.queue else ""
    aside = (
        _(", %(n_set_aside)s set aside") % {"n_set_aside": finding.n_set_aside} if finding.n_set_aside else ""
    )
    side = _("above") if terms["above"] else _("below")
    return _(
        "%(metric)s: %(value)s%(interval)s, from %(n)s judged "
        "%(over)s%(where)s%(aside)s. The rule looks for %(side)s %(threshold)s."
    ) % {
        "metric": metric.label,
        "value": _said(metric, finding.value),
        "interval": interval,
        "n": finding.n,
        "over": over,
        "where": where,
        "aside": aside,
        "side": side,
        "threshold": _said(metric, terms["threshold"]),
    }


def _said(metric: Metric, value: float) -> str:
    if metric in SHARES:
        return f"{100 * value:.0f} %"
    return f"{value:.0f}" if metric == Metric.DRIFT else f"{value:.2f}"


def _follows(consequence: Consequence | None, names: dict[int, str]) -> str:
    if consequence is None:
        return _("Nothing follows. Whoever manages people here reads the same.")
    until = _("until %(day)s") % {"day": date_format(consequence.until)} if consequence.until else ""
    queues = ", ".join(sorted(names[pk] for pk in consequence.queues if pk in names))
    if consequence.action == Action.REVIEW:
        gold = (
            _(", and %(share)s %% of what you are given has a known answer")
            % {"share": number(100 * consequence.gold_share, 0)}
            if consequence.gold_share
            else ""
        )
        return _("%(share)s %% of your tasks get one more answer %(until)s%(gold)s.") % {
            "share": number(100 * consequence.share, 0),
            "until": until,
            "gold": gold,
        }
    if consequence.action == Action.RETRAIN:
        return _(
            "You work in %(queues)s until %(goal_answers)s known answers there are right at %(share)s %%, "
            "at most %(until)s."
        ) % {
            "queues": queues,
            "goal_answers": consequence.goal_answers,
            "share": number(100 * consequence.goal_share, 0),
            "until": until,
        }
    return _("You work in %(queues)s only, %(until)s.") % {"queues": queues, "until": until}
