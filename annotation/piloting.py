"""A draft on trial: the same words, frozen, on a sample of items, in a queue that never mixes with production.

    (nothing) -> running: start
    running <-> ended: end, resume

A trial has a meaning of its own, so nothing measures, carries or exports its answers together with others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import criteria, measuring
from annotation.agreement.estimate import Estimate
from annotation.models import Asks, Inquiry, Pilot, PilotState, Sample
from specs import contents, ledger, publishing
from specs.models import Clause, Member, SpecVersion
from specs.refusals import Invalid, WrongState
from workforce import queues, routing, staffing
from workforce.models import Annotator, Purpose, Queue, QueueState

_OF_THE_SPEC = """
    FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id AND q.purpose IN ('labelling', 'relabelling')
    WHERE q.spec_id = %(spec)s AND t.state <> 'withdrawn'
"""
_SAMPLES = {
    Sample.RANDOM: f"""
        SELECT item_id FROM (SELECT DISTINCT t.item_id {_OF_THE_SPEC}) found
        ORDER BY md5(item_id::text || ':' || %(seed)s::text) LIMIT %(n)s
    """,
    Sample.CHANGED: f"""
        WITH of_spec AS (SELECT DISTINCT t.item_id {_OF_THE_SPEC}),
        hit AS (
            SELECT ic.clause_id, ic.item_id FROM workforce_itemclause ic WHERE ic.clause_id = ANY(%(clauses)s)
            UNION
            SELECT c.clause_id, t.item_id FROM annotation_citation c
            JOIN annotation_annotation a ON a.id = c.annotation_id JOIN workforce_task t ON t.id = a.task_id
            WHERE c.clause_id = ANY(%(clauses)s)
            UNION
            SELECT r.clause_id, t.item_id FROM annotation_ruling r
            JOIN annotation_dispute d ON d.id = r.dispute_id JOIN workforce_task t ON t.id = d.task_id
            WHERE r.clause_id = ANY(%(clauses)s)
        ), placed AS (
            SELECT h.item_id, row_number() OVER (PARTITION BY h.clause_id
                ORDER BY md5(h.item_id::text || ':' || %(seed)s::text)) AS place
            FROM hit h JOIN of_spec o ON o.item_id = h.item_id
        )
        SELECT item_id FROM placed GROUP BY 1 ORDER BY min(place), item_id LIMIT %(n)s
    """,
    Sample.PRECEDENTS: """
        SELECT t.item_id FROM annotation_precedent p
        JOIN specs_clause c ON c.id = p.clause_id AND c.spec_id = %(spec)s
        JOIN annotation_ruling r ON r.id = p.ruling_id JOIN annotation_dispute d ON d.id = r.dispute_id
        JOIN workforce_task t ON t.id = d.task_id
        WHERE p.superseded_at IS NULL GROUP BY 1 ORDER BY min(p.id) LIMIT %(n)s
    """,
    Sample.CASES: """
        SELECT t.item_id FROM annotation_clauseissue i
        JOIN specs_clause c ON c.id = i.clause_id AND c.spec_id = %(spec)s
        JOIN annotation_clauseissuecase k ON k.issue_id = i.id JOIN workforce_task t ON t.id = k.task_id
        WHERE i.state = 'open' GROUP BY 1 ORDER BY min(k.id) LIMIT %(n)s
    """,
}
_ACTIVITY = """
    SELECT count(*), count(DISTINCT s.annotator_id),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.submitted_at - s.leased_at))
    FROM workforce_assignment s JOIN workforce_queue q ON q.id = s.queue_id
    WHERE s.state = 'submitted' AND s.submitted_at > s.leased_at AND {which}
"""
_MOVED = """
    SELECT t.item_id, r.value #>> '{}', a.values ->> r.question, v.meaning < 0
    FROM annotation_resolution r
    JOIN workforce_task t ON t.id = r.task_id
    JOIN specs_specversion rv ON rv.id = r.version_id AND rv.spec_id = %(spec)s AND rv.meaning = %(meaning)s
    JOIN workforce_task o ON o.item_id = t.item_id AND o.purpose = 'work'
    JOIN annotation_annotation a ON a.task_id = o.id AND a.values ? r.question
    JOIN specs_specversion v ON v.id = a.version_id AND v.spec_id = %(spec)s AND v.meaning IN (%(meaning)s, %(trial)s)
    WHERE t.item_id IN (SELECT item_id FROM workforce_task WHERE queue_id = %(queue)s) AND r.value IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM annotation_resolution l
                      WHERE l.task_id = r.task_id AND l.question = r.question AND l.revision > r.revision)
"""


@dataclass(frozen=True)
class Beside:
    """One clause under the trial beside the version in force; `changed` says whether the draft changed its rule."""

    key: str
    number: str
    title: str
    changed: bool
    trial: Estimate
    before: Estimate | None
    n_cited: int


@dataclass(frozen=True)
class Moved:
    """How much oftener answers under the trial differ from the label in force than answers before did, with 95 % interval."""

    n_items: int
    before: float
    trial: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        return self.low > 0


@dataclass(frozen=True)
class Reading:
    """What a pilot shows so far."""

    n_answers: int
    n_wanted: int
    n_annotators: int
    seconds: float | None
    seconds_before: float | None
    n_inquiries: int
    clauses: list[Beside]
    measurements: list[measuring.Measurement]
    moved: Moved | None
    criteria: criteria.Reading | None = None
    """Where the pilot asks clause by clause; then there is nothing to set beside the version in force."""


def start(
    *,
    draft: SpecVersion,
    sample: str,
    asks: str = Asks.QUESTIONS,
    n_items: int,
    annotators: Sequence[Annotator],
    overlap: int = 3,
    owner: Member,
    by: Member,
) -> Pilot:
    """Freeze the draft as a trial and put a sample of the spec's items before the chosen annotators.

    `changed` draws evenly from the items of each clause that changed, `precedents` takes the items
    of the precedents in force, `cases` those of the open clause issues, always the same ones, oldest first. It asks the
    draft's questions, or of every clause whether it applies (`criteria`). Raises `Invalid` with what stands in the way:
    problems of the draft, no such item, too few annotators for the overlap.
    """
    if sample not in Sample.values:
        raise Invalid(
            _("A sample is %(values)s, not %(sample)r.")
            % {"values": ", ".join(Sample.values), "sample": sample[:20]}
        )
    if asks not in Asks.values:
        raise Invalid(
            _("A pilot asks %(values)s, not %(asks)r.")
            % {"values": " or ".join(Asks.values), "asks": asks[:20]}
        )
    if not 1 <= n_items <= settings.MAX_PILOT_ITEMS:
        raise Invalid(
            _("A pilot has between 1 and %(max_pilot_items)s items.")
            % {"max_pilot_items": settings.MAX_PILOT_ITEMS}
        )
    if len({annotator.pk for annotator in annotators}) < overlap:
        raise Invalid(
            _("An overlap of %(overlap)s needs at least %(overlap)s annotators.") % {"overlap": overlap}
        )
    changed = _changed(draft)
    with transaction.atomic(), connection.cursor() as cursor:
        questions = criteria.questions(draft, changed=changed) if asks == Asks.CLAUSES else None
        trial = publishing.freeze_trial(draft=draft, questions=questions, by=by)
        cursor.execute(
            _SAMPLES[Sample(sample)],
            {
                "spec": draft.spec_id,
                "seed": trial.pk,
                "n": n_items,
                "clauses": _with_ancestors(draft.spec_id, draft, changed),
            },
        )
        items = [row[0] for row in cursor.fetchall()]
        if not items:
            raise Invalid(
                _(
                    "No item of this spec falls into that sample; choose another kind of sample, or load items first."
                )
            )
        queue = queues.create_queue(
            project=draft.project,
            key=f"{draft.spec.key[:50]}-{trial.number}",
            name=f"{draft.spec.title}: {trial.number}",
            spec=draft.spec,
            owner=owner,
            version=trial,
            purpose=Purpose.PILOT,
            by=by,
            overlap=overlap,
            max_overlap=overlap,
            citing="always" if asks == Asks.QUESTIONS else "never",
        )
        routing.route_many(item_ids=items, queue=queue, meaning=trial.meaning or 0, by=by)
        for annotator in annotators:
            staffing.enrol(queue=queue, annotator=annotator, by=by)
        pilot = Pilot.objects.create(
            project_id=draft.project_id,
            spec=draft.spec,
            trial=trial,
            queue=queue,
            sample=sample,
            asks=asks,
            changed=changed,
            n_items=len(items),
            started_by=by,
        )
        ledger.record(
            project_id=draft.project_id,
            kind="pilot.started",
            by=by,
            subject=("pilot", pilot.pk),
            data={"trial": trial.pk, "items": len(items), "sample": str(sample), "digest": trial.digest},
        )
    return pilot


def _changed(draft: SpecVersion) -> list[str]:
    """The keys of clauses whose rule the draft changes, or else those it adds something to; all of them for a first version."""
    if draft.based_on is None:
        return [clause["key"] for clause in contents.content(draft)["clauses"]]
    difference = contents.compare(draft.based_on, draft)
    there = [change for change in difference.clauses if change.new is not None]
    meaning = set(difference.changed_meaning())
    return sorted(
        [change.key for change in there if change.key in meaning]
        or [change.key for change in there if change.change_class == "minor"]
    )


def _with_ancestors(spec_id: int, draft: SpecVersion, changed: Sequence[str]) -> list[int]:
    """The ids of the changed clauses, and of those they are split or merged from."""
    keys = set(changed)
    for clause in contents.content(draft)["clauses"]:
        if clause["key"] in keys:
            keys |= {entry["key"] for entry in clause.get("ancestors", ())}
    return list(Clause.objects.filter(spec=spec_id, key__in=keys).values_list("pk", flat=True))


def end(*, pilot: Pilot, by: Member) -> Pilot:
    """No more claims; what was answered is what the gate reads."""
    return _move(pilot, PilotState.ENDED, QueueState.PAUSED, by)


def resume(*, pilot: Pilot, by: Member) -> Pilot:
    return _move(pilot, PilotState.RUNNING, QueueState.OPEN, by)


def _move(pilot: Pilot, state: PilotState, of_queue: QueueState, by: Member) -> Pilot:
    with transaction.atomic():
        locked = Pilot.objects.select_for_update(no_key=True).get(pk=pilot.pk)
        if locked.state == state:
            raise WrongState(
                _("This pilot has ended already.")
                if state == PilotState.ENDED
                else _("This pilot is running already.")
            )
        locked.state, locked.ended_at = state, Now() if state == PilotState.ENDED else None
        locked.save(update_fields=["state", "ended_at"])
        Queue.objects.filter(pk=locked.queue_id).exclude(state=of_queue).update(state=of_queue)
        ledger.record(
            project_id=locked.project_id,
            kind=f"pilot.{state.value}",
            by=by,
            subject=("pilot", locked.pk),
            data={},
        )
    locked.refresh_from_db()
    return locked


def is_of(pilot: Pilot, draft: SpecVersion) -> bool:
    """Whether the pilot tried exactly what stands in the draft now."""
    if pilot.asks == Asks.CLAUSES:
        return criteria.is_of(pilot, draft)
    return pilot.trial.digest == contents.digest_of(draft)


def newest_for(draft: SpecVersion) -> Pilot | None:
    """The newest pilot of exactly these words and questions."""
    return (
        Pilot.objects.filter(spec=draft.spec_id, trial__digest=contents.digest_of(draft))
        .select_related("trial", "queue", "spec")
        .order_by("-pk")
        .first()
    )


def read(pilot: Pilot) -> Reading:
    """What the pilot shows now, beside the version that its draft was based on."""
    n_answers, n_annotators, seconds = _activity("q.id = %(queue)s", pilot)
    *_, seconds_before = _activity("q.spec_id = %(spec)s AND q.purpose = 'labelling'", pilot)
    whole = Reading(
        n_answers=n_answers,
        n_wanted=pilot.n_items * pilot.queue.overlap,
        n_annotators=n_annotators,
        seconds=seconds,
        seconds_before=seconds_before,
        n_inquiries=Inquiry.objects.filter(queue=pilot.queue_id).count(),
        clauses=[],
        measurements=[],
        moved=None,
    )
    if pilot.asks == Asks.CLAUSES:
        return replace(whole, seconds_before=None, criteria=criteria.read(pilot))
    return _beside(pilot, whole)


def _beside(pilot: Pilot, whole: Reading) -> Reading:
    """The reading with what the trial's questions show, clause by clause, beside the version in force."""
    measured = measuring.compute(spec=pilot.spec, meaning=pilot.trial.meaning)
    before, cited = _before(pilot), _cited(pilot)
    return replace(
        whole,
        clauses=[
            Beside(
                key=one.key,
                number=one.number,
                title=one.title,
                changed=one.key in pilot.changed,
                trial=one.estimate,
                before=before.get(one.key),
                n_cited=cited.get(one.clause_id, 0),
            )
            for one in sorted(
                measured[0].clauses, key=lambda one: (one.key not in pilot.changed, one.position)
            )
        ],
        measurements=measured,
        moved=_moved(pilot) if pilot.trial.based_on else None,
    )


def _before(pilot: Pilot) -> dict[str, Estimate]:
    """Disagreement per clause under the version in force, measured now; from the newest report where that would take long."""
    base = pilot.trial.based_on
    if base is None:
        return {}
    if measuring.n_measured(spec=pilot.spec, meaning=base.meaning or 0) > settings.MEASURED_AT_ONCE:
        return measuring.newest_readings(spec=pilot.spec, meaning=base.meaning or 0)
    return {
        one.key: one.estimate for one in measuring.compute(spec=pilot.spec, meaning=base.meaning)[0].clauses
    }


def _activity(which: str, pilot: Pilot) -> tuple[int, int, float | None]:
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVITY.format(which=which), {"queue": pilot.queue_id, "spec": pilot.spec_id})
        n_answers, n_annotators, seconds = cursor.fetchone()
    return n_answers, n_annotators, None if seconds is None else float(seconds)


def _cited(pilot: Pilot) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.clause_id, count(*) FROM annotation_citation c
               JOIN annotation_annotation a ON a.id = c.annotation_id
               WHERE a.queue_id = %s AND c.clause_id IS NOT NULL GROUP BY 1""",
            [pilot.queue_id],
        )
        return dict(cursor.fetchall())


def _moved(pilot: Pilot) -> Moved | None:
    """Answers against the label in force, item by item, under the trial and before it; None without a label in force."""
    base = pilot.trial.based_on
    assert base is not None
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVED,
            {
                "spec": pilot.spec_id,
                "meaning": base.meaning,
                "trial": pilot.trial.meaning,
                "queue": pilot.queue_id,
            },
        )
        rows = cursor.fetchall()
    sums: dict[int, list[float]] = {}
    for item, label, said, on_trial in rows:
        tally = sums.setdefault(item, [0.0, 0.0, 0.0, 0.0])
        tally[2 if on_trial else 0] += 1
        tally[3 if on_trial else 1] += said != label
    both = np.array([tally for tally in sums.values() if tally[0] and tally[2]])
    if not len(both):
        return None
    shares = np.stack([both[:, 1] / both[:, 0], both[:, 3] / both[:, 2]], axis=1)
    generator = np.random.default_rng(0)
    drawn = generator.integers(0, len(shares), size=(settings.BOOTSTRAP_RESAMPLES, len(shares)))
    gaps = (shares[drawn, 1] - shares[drawn, 0]).mean(axis=1)
    low, high = np.percentile(gaps, [2.5, 97.5])
    return Moved(len(shares), float(shares[:, 0].mean()), float(shares[:, 1].mean()), float(low), float(high))


def as_dict(reading: Reading) -> dict[str, Any]:
    """A reading as JSON."""
    return {
        "answers": reading.n_answers,
        "wanted": reading.n_wanted,
        "annotators": reading.n_annotators,
        "seconds_per_answer": reading.seconds,
        "seconds_per_answer_before": reading.seconds_before,
        "inquiries": reading.n_inquiries,
        "clauses": [
            {
                "key": one.key,
                "changed": one.changed,
                "items": one.trial.n_items,
                "cited": one.n_cited,
                "trial": one.trial.as_dict(),
                "before": one.before.as_dict() if one.before else None,
            }
            for one in reading.clauses
        ],
        "confusions": [
            {"question": one.question, "values": list(pair.values), "share": pair.share}
            for one in reading.measurements
            for pair in one.confusions
        ],
        "moved": vars(reading.moved) if reading.moved else None,
        "criteria": criteria.as_dict(reading.criteria) if reading.criteria else None,
    }
