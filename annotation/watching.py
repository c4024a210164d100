"""Rules about people, evaluated: whom each would find today, and what follows when it is on.

    (nothing) -> finding, with what follows from it: watch
    (nothing) -> spec warning, findings held back by it: watch
    in force -> ended: end_trained (retraining whose goal is reached)

Idempotent: a finding is unique by rule, annotator and day, and is written together with what follows, so the job can run twice,
in parallel, and be killed anywhere. Several people found at once under one clause are a sign about the clause: then a warning is
kept, and nothing follows for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from annotation import appraising, metrics
from specs import ledger
from specs.models import MemberState
from workforce import consequences, leasing
from workforce.models import (
    Action,
    Annotator,
    AnnotatorKind,
    AnnotatorState,
    Consequence,
    ConsequenceState,
    Finding,
    PeopleRule,
    SpecWarning,
)


@dataclass(frozen=True)
class Look:
    """One annotator under one rule: her figure, and whether the rule finds her."""

    annotator: Annotator
    reading: metrics.Reading
    found: bool


@dataclass(frozen=True)
class Outcome:
    """What a rule sees now: everybody judged, who is found, and the clauses (None: all of it) that are suspected instead."""

    looks: list[Look]
    suspected: dict[int | None, set[int]]

    @property
    def found(self) -> list[Look]:
        return [look for look in self.looks if look.found]

    @property
    def n_judged(self) -> int:
        return sum(look.reading.value is not None for look in self.looks)

    def held_back(self, annotator_id: int) -> bool:
        return any(annotator_id in who for who in self.suspected.values())


def look(*, rule: PeopleRule, now: datetime | None = None) -> Outcome:
    """Whom a rule would find now, with the figures; nothing is changed. This is the dry run, and what `watch` acts on."""
    now = now or leasing.database_now()
    people = {
        one.pk: one
        for one in Annotator.objects.filter(
            project_id=rule.project_id,
            kind=AnnotatorKind.PERSON,
            state=AnnotatorState.ACTIVE,
            member__state=MemberState.ACTIVE,
        ).order_by("pseudonym")
    }
    window = metrics.Window(
        annotators=list(people),
        since=_begins(rule, list(people), now),
        last=rule.last_answers,
        queues=None if rule.queue_id is None else [rule.queue_id],
    )
    readings = metrics.READ[rule.metric](window, rule.minimum)
    looks = [
        Look(people[pk], reading, _beyond(rule, reading)) for pk, reading in readings.items() if pk in people
    ]
    looks.sort(key=lambda one: (not one.found, one.annotator.pseudonym))
    return Outcome(looks, _suspected(looks))


def _begins(rule: PeopleRule, annotators: Sequence[int], now: datetime) -> dict[int, datetime]:
    """Where each window begins: what was judged and decided before is not held against anybody twice."""
    first = appraising.LONG_AGO if rule.days is None else now - timedelta(days=rule.days)
    if rule.pk is None:  # tried before it is kept
        return dict.fromkeys(annotators, first)
    decided = dict(
        Consequence.objects.filter(finding__rule=rule, annotator__in=annotators, ended_at__isnull=False)
        .values_list("annotator")
        .annotate(last=Max("ended_at"))
    )
    return {pk: max(first, decided.get(pk) or first) for pk in annotators}


def _beyond(rule: PeopleRule, reading: metrics.Reading) -> bool:
    if reading.value is None or reading.n < rule.minimum:
        return False
    if rule.above:
        bound = reading.low if rule.sure and reading.low is not None else reading.value
        return bound > rule.threshold
    bound = reading.high if rule.sure and reading.high is not None else reading.value
    return bound < rule.threshold


def _suspected(looks: Iterable[Look]) -> dict[int | None, set[int]]:
    """Clauses under which half of the wrong answers of several found annotators lie; None when most of all judged are found."""
    judged = [one for one in looks if one.reading.value is not None]
    found = [one for one in judged if one.found]
    suspected: dict[int | None, set[int]] = {}
    if len(found) < settings.SAME_CLAUSE_ALARMS:
        return suspected
    under: dict[int | None, set[int]] = {}
    for one in found:
        for clause, n in one.reading.clauses.items():
            if 2 * n >= one.reading.n_wrong > 0:
                under.setdefault(clause, set()).add(one.annotator.pk)
    suspected = {clause: who for clause, who in under.items() if len(who) >= settings.SAME_CLAUSE_ALARMS}
    if not suspected and 2 * len(found) > len(judged):
        suspected[None] = {one.annotator.pk for one in found}
    return suspected


def watch(*, rule: PeopleRule, now: datetime | None = None) -> list[Finding]:
    """Write down whom a rule that is on finds today, and let follow what it says. Returns the new findings."""
    if not rule.active:
        return []
    now = now or leasing.database_now()
    outcome = look(rule=rule, now=now)
    warnings = [
        (_warn(rule, now.date(), clause, len(who), outcome.n_judged), who)
        for clause, who in outcome.suspected.items()
    ]
    found = []
    for one in outcome.found:
        held = next((warning for warning, who in warnings if one.annotator.pk in who), None)
        finding = _find(rule, one, now.date(), held)
        if finding is not None:
            found.append(finding)
    return found


def _warn(rule: PeopleRule, day: date, clause: int | None, n_annotators: int, n_judged: int) -> SpecWarning:
    with transaction.atomic():
        PeopleRule.objects.select_for_update(no_key=True).get(pk=rule.pk)
        existing = SpecWarning.objects.filter(rule=rule, window_end=day, clause=clause).first()
        if existing is not None:
            return existing
        event = ledger.record(
            project_id=rule.project_id,
            kind="spec.warned",
            by=None,
            subject=("people-rule", rule.pk),
            data={"clause": clause, "annotators": n_annotators, "judged": n_judged},
        )
        return SpecWarning.objects.create(
            project_id=rule.project_id,
            rule=rule,
            window_end=day,
            clause_id=clause,
            n_annotators=n_annotators,
            n_judged=n_judged,
            event_id=event,
        )


def _find(rule: PeopleRule, one: Look, day: date, held: SpecWarning | None) -> Finding | None:
    """The finding with what follows, in one transaction under the rule's lock; None where it is there already."""
    reading = one.reading
    assert reading.value is not None
    with transaction.atomic():
        locked = PeopleRule.objects.select_for_update(no_key=True).get(pk=rule.pk)
        same_day = Finding.objects.filter(rule=rule, annotator=one.annotator, window_end=day)
        lasting = Consequence.objects.filter(
            finding__rule=rule,
            annotator=one.annotator,
            state__in=[ConsequenceState.PROPOSED, ConsequenceState.IN_FORCE],
        )
        if not locked.active or same_day.exists() or lasting.exists():
            return None
        event = ledger.record(
            project_id=rule.project_id,
            kind="people-rule.found",
            by=None,
            subject=("annotator", one.annotator.pk),
            data={"rule": rule.pk, "n": reading.n, "held_back": held is not None},
        )
        finding = Finding.objects.create(
            project_id=rule.project_id,
            rule=locked,
            annotator=one.annotator,
            window_end=day,
            value=reading.value,
            low=reading.low,
            high=reading.high,
            n=reading.n,
            n_set_aside=reading.n_set_aside,
            terms={
                "metric": locked.metric,
                "threshold": locked.threshold,
                "above": locked.above,
                "minimum": locked.minimum,
                "last_answers": locked.last_answers,
                "days": locked.days,
                "action": locked.action,
            },
            held_back=held,
            event_id=event,
        )
        if held is None:
            consequences.follow(finding=finding)
    return finding


def end_trained() -> int:
    """End retraining whose goal is reached: enough known answers in the named queues since it began. Returns how many."""
    n_ended = 0
    for one in Consequence.objects.filter(state=ConsequenceState.IN_FORCE, action=Action.RETRAIN):
        assert one.started_at is not None
        rows = appraising.answers(
            annotators=[one.annotator_id],
            last=settings.JUDGED_ANSWERS,
            since={one.annotator_id: one.started_at},
            queues=one.queues,
        )
        share = appraising.gold(rows, minimum=one.goal_answers)
        if share.value is not None and share.value >= one.goal_share:
            n_ended += consequences.finish(consequence_id=one.pk)
    return n_ended


def watch_all() -> int:
    """Every rule that is on, then what is over; returns how many findings are new."""
    n_found = sum(len(watch(rule=rule)) for rule in PeopleRule.objects.filter(active=True).order_by("pk"))
    end_trained()
    consequences.end_over()
    return n_found
