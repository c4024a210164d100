"""The figures of agreement and clause health: what is kept, as charts with their tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotation import health
from annotation.charts.control import columns
from annotation.charts.figure import Figure
from annotation.charts.forest import Row, forest
from annotation.charts.heat import heat
from annotation.charts.over_time import Moment, Point, over_time
from annotation.models import AgreementReport, ClauseVerdict
from specs.models import Event, SpecVersion
from specs.templatetags.charts import figure as written
from specs.templatetags.charts import percent
from workforce.models import Annotator, Cohort, Queue
from workforce.queues import OVERLAP

TONES = {
    ClauseVerdict.AMBIGUOUS: "bad",
    ClauseVerdict.ANNOTATOR: "warn",
    ClauseVerdict.OVERLAPPING: "warn",
    ClauseVerdict.PLURAL: "warn",
    ClauseVerdict.CLEAR: "good",
}
"""The tone of each verdict; what has none is no verdict."""
REPORTS_SHOWN = 200
_RULES = {"overlap", "max_overlap", "rule", "consensus_share", *OVERLAP}
"""Settings of a queue that change which tasks get how many answers."""
FORMATS = {"svg": "image/svg+xml", "csv": "text/csv", "json": "application/json"}


def of_clauses(found: health.Health) -> Figure | None:
    """Every clause's excess over the median of the others, with its interval."""
    if not found.rows:
        return None
    rows = []
    for one in found.rows:
        value, low, high = one.over or (None, None, None)
        tone = TONES.get(ClauseVerdict(one.found.verdict), "none")
        rows.append(
            Row(
                f"§{one.clause.number} {one.clause.title}",
                one.numbers["n_items"],
                value,
                low,
                high,
                tone=tone,
                loose=tone in ("none", "warn"),
                reason=one.numbers["reason"] or _("nothing to say"),
                word=str(one.found.get_verdict_display()),
            )
        )
    return forest(
        "clauses",
        _("Excess disagreement by clause, with 95 % interval"),
        rows,
        reference_says=_("median of the others"),
    )


def of_confusion(found: health.Health) -> Figure | None:
    """Which labels meet on the same item: the share of each label's pairs that go to each other one."""
    numbers = found.evidence.numbers if found.evidence else {"values": []}
    if len(numbers["values"]) < 2:
        return None
    met, titles = numbers["met"], numbers["titles"]
    totals = [sum(row) for row in met]
    cells: list[list[float | None]] = [
        [met[i][k] / totals[i] if totals[i] else None for k in range(len(titles))] for i in range(len(titles))
    ]
    apart = sum(met[i][k] for i in range(len(met)) for k in range(len(met)) if i != k)
    rows = [
        [titles[i], titles[k], cells[i][k], met[i][k], (2 * met[i][k] / apart if apart and i != k else None)]
        for i in range(len(titles))
        for k in range(i, len(titles))
    ]
    top = numbers["confusions"][:1]
    return heat(
        "confusion",
        _("Which labels are taken for each other"),
        _(
            "Of what meets the label of the row, the share that has the label of the column. Most confused: %(top)s."
        )
        % {"top": f"{' / '.join(top[0]['titles'])} {percent(top[0]['share'])}" if top else "–"},
        titles,
        cells,
        written=[[percent(cell) if cell is not None else "" for cell in row] for row in cells],
        columns=[
            _("label"),
            _("other label"),
            _("share of the first"),
            _("pairs"),
            _("share of all disagreement"),
        ],
        rows=rows,
        low=0.0,
        high=1.0,
    )


def of_overlap(found: health.Health) -> Figure | None:
    """How many answers items have."""
    per_item = found.evidence.numbers["per_item"] if found.evidence else []
    bars = [(str(k), float(n)) for k, n in enumerate(per_item) if k and n]
    if not bars:
        return None
    n_items, n_answers = sum(n for _k, n in bars), sum(int(k) * n for k, n in bars)
    return columns(
        "overlap",
        _("Answers per item"),
        _("%(answers)s answers on %(items)s items: %(mean)s each.")
        % {
            "answers": f"{n_answers:,.0f}",
            "items": f"{n_items:,.0f}",
            "mean": written(n_answers / n_items),
        },
        bars,
        named=[_("answers"), _("items")],
    )


def of_cost(found: health.Health) -> Figure | None:
    """The hours that went into answers beyond the overlap and into adjudication, by clause, the dearest first."""
    rows = sorted(
        (row for row in found.rows if row.numbers["seconds"]), key=lambda row: -row.numbers["seconds"]
    )
    if not rows:
        return None
    hours = sum(row.numbers["seconds"] for row in rows) / 3600
    return columns(
        "cost",
        _("Hours lost to disagreement, by clause"),
        _("%(hours)s hours on %(n)d clauses; an item about two clauses counts for both.")
        % {"hours": written(hours, 1), "n": len(rows)},
        [(f"§{row.clause.number}", row.numbers["seconds"] / 3600) for row in rows[:24]],
        named=[_("clause"), _("hours")],
    )


def of_agreement(found: health.Health) -> Figure | None:
    """Alpha of every report of the question, with publications and changes of the rule marked."""
    report = found.report
    kept = AgreementReport.objects.filter(
        spec=report.spec_id, question=report.question, queue=report.queue_id, meaning__gt=0
    ).order_by("-pk")[:REPORTS_SHOWN]
    points = [point for one in reversed(kept) if (point := _alpha(one)) is not None]
    if not points:
        return None
    return over_time(
        "agreement",
        _("Alpha over time, with 95 % interval"),
        points,
        _moments(report, points[0].at),
        limits=[0.667, 0.8],
    )


def _alpha(report: AgreementReport) -> Point | None:
    found: dict[str, Any] = report.numbers.get("alpha") or {}
    if any(found.get(name) is None for name in ("value", "low", "high")):
        return None
    word = _("meaning %(n)d") % {"n": report.meaning}
    return Point(
        report.measured_at,
        found["value"],
        found["low"],
        found["high"],
        report.numbers.get("annotations", 0),
        word,
    )


def _moments(report: AgreementReport, since: datetime) -> list[Moment]:
    """Publications of the spec, changes in how many answers tasks get, and of cohorts, since the first measurement."""
    versions = [
        version
        for version in SpecVersion.objects.published().filter(spec=report.spec_id).order_by("-pk")[:100]
        if version.published_at is not None
    ]
    last_before = max(
        (v.published_at for v in versions if v.published_at and v.published_at < since), default=since
    )
    found = [
        Moment(version.published_at, version.number)
        for version in versions
        if version.published_at and version.published_at >= last_before
    ]
    queues = [report.queue_id] if report.queue_id else list(_ids(Queue.objects.filter(spec=report.spec_id)))
    # by subject, which has an index: a project has as many events as answers, and few about its queues
    changed = Event.objects.filter(
        subject="queue", subject_id__in=queues, kind="queue.settings-changed", recorded_at__gte=since
    )
    rules = [event for event in changed.order_by("-pk")[:50] if _RULES & set(event.data)]
    cohorts = Event.objects.filter(
        subject="cohort",
        subject_id__in=list(_ids(Cohort.objects.filter(project=report.project_id))),
        recorded_at__gte=since,
    ).order_by("-pk")[:50]
    return [
        *found,
        *(Moment(event.recorded_at, _("rule")) for event in rules),
        *(Moment(event.recorded_at, _("cohort")) for event in cohorts),
    ]


def _ids(rows: QuerySet[Any]) -> QuerySet[Any, int]:
    return rows.values_list("pk", flat=True)[:1000]


def of_trend(clause: str, title: str, course: list[health.Effect]) -> Figure | None:
    """One clause through the meanings that were measured."""
    rows = [
        Row(
            one.version.number,
            one.reading.n_items,
            one.reading.disagreement,
            one.reading.low,
            one.reading.high,
            tone="good" if one.works else "bad" if one.harms else "",
            reason=one.reading.reason,
            word=_("reworded") if one.reworded else "",
        )
        for one in course
    ]
    return forest(f"trend-{clause}", title, rows) if rows else None


def of_pairs(found: health.Health) -> Figure | None:
    """Who agrees with whom, by camp; pseudonyms."""
    numbers = found.evidence.numbers if found.evidence else {"people": []}
    people = numbers["people"]
    if len(people) < 2:
        return None
    names = dict(Annotator.objects.filter(pk__in=people).values_list("pk", "pseudonym"))
    named = [names.get(pk, "–") for pk in people]
    cells, shared, camps = numbers["agreement"], numbers["shared"], numbers["camps"]
    rows = [
        [named[i], named[k], cells[i][k], shared[i][k], camps[i], camps[k]]
        for i in range(len(people))
        for k in range(i + 1, len(people))
    ]
    return heat(
        "pairs",
        _("Who agrees with whom"),
        _(
            "%(n)d annotators in %(camps)d groups with a reading of their own; a darker cell is more agreement."
        )
        % {"n": numbers["n_annotators"], "camps": max(1, len(numbers["camp_sizes"]))},
        named,
        cells,
        written=[["" if cell is None else written(cell, 2) for cell in row] for row in cells],
        columns=[_("annotator"), _("other annotator"), _("agreement"), "n", _("group"), _("other group")],
        rows=rows,
        cuts=[place for place in range(1, len(camps)) if camps[place] != camps[place - 1]],
    )


Make = Callable[[health.Health], Figure | None]
FIGURES: dict[str, Make] = {
    "clauses": of_clauses,
    "agreement": of_agreement,
    "confusion": of_confusion,
    "overlap": of_overlap,
    "cost": of_cost,
}
"""Figures of a report that whoever sees agreement may see. Those that name people are not among them."""
OF_PEOPLE: dict[str, Make] = {"pairs": of_pairs}
