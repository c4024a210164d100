"""What the verdicts of a report rest on, gathered from the answers once and kept: no page counts answers.

    (nothing) -> evidence of a report with its clauses: gather

The answers are read again, so evidence may rest on a few more of them than its report: it says its own n.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotation import answers, asking, circumstances, verdicts
from annotation.agreement import ambiguity, opposing, pairwise, pointing
from annotation.agreement.clauses import Members
from annotation.answers import Answers, Scope
from annotation.models import AgreementReport, ClauseEvidence, ClauseVerdict, ReportEvidence
from specs import ledger, versions
from specs.models import SpecVersion
from specs.versions import ReadClause

MOST_VALUES, MOST_PEOPLE = 24, 40
"""Values whose confusions are told apart, and annotators in the matrix of pairs: those with the most answers. By how much the
answers of a pair differ, and so every verdict, rests on all values."""
ITEMS_KEPT = 60
CONFUSIONS_KEPT, CONTROLS_KEPT = 5, 3


@dataclass(frozen=True)
class Found:
    """One clause with all that is known of it; `items` and `annotators` are primary keys, `numbers` what a page shows."""

    clause: ReadClause
    model: ambiguity.Clause
    verdict: ClauseVerdict
    group: int
    beside: ReadClause | None
    annotators: list[int]
    items: list[int]
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Gathered:
    """Clauses by where to look first, and what is known of the whole."""

    clauses: list[Found]
    numbers: dict[str, Any]


def read(scope: Scope) -> Gathered:
    """Judge every clause of the scope's question and gather what that rests on; nothing is kept.

    The clauses of a version without answers come out too, each with too few to say.
    """
    everything = answers.read(scope).first()
    pairs = everything.pairs()
    given, values = _few(everything)
    members, facts = answers.members(scope, given), circumstances.of(scope, given)
    reading = ambiguity.judge(
        pairs,
        members,
        n_clauses=len(scope.version.clauses),
        n_annotators=len(given.annotators),
        minimum=ambiguity.Minimum(least_excess=settings.CLAUSE_FLAG_EXCESS_PERCENT / 100),
    )
    whole = _Whole.of(scope, given.table().counts, values, members)
    found = sorted(
        (_clause(scope, given, members, facts, one, whole) for one in reading.clauses),
        key=lambda one: (one.group, -one.numbers["score"], one.clause.position),
    )
    limits = limits_of(scope)
    numbers = {
        **whole.numbers(),
        **_people(given, pairs),
        "n_items": int((np.bincount(given.item, minlength=len(given.items)) > 0).sum()),
        "n_answers": len(given.item),
        "n_lumped": max(len(everything.values) - MOST_VALUES, 0),
        "per_item": opposing.per_item(given.item, n_items=len(given.items)).tolist(),
        "bad_throughout": verdicts.bad_throughout(reading.clauses, limits),
        "limit": limits.disagreement,
        "cites": bool(len(members.item)),
    }
    return Gathered(found, numbers)


def _few(given: Answers) -> tuple[Answers, list[Any]]:
    """The answers with the `MOST_VALUES` most frequent values told apart, and these values; what is rarer is one value."""
    if len(given.values) <= MOST_VALUES:
        return given, list(given.values)
    order = np.argsort(-np.bincount(given.value, minlength=len(given.values)), kind="stable")
    place = np.full(len(given.values), MOST_VALUES)
    place[order[:MOST_VALUES]] = np.arange(MOST_VALUES)
    values = [*(given.values[k] for k in order[:MOST_VALUES]), None]
    return replace(given, value=place[given.value], values=values), values


def limits_of(scope: Scope) -> verdicts.Limits:
    return verdicts.Limits(
        disagreement=scope.spec.project.gate_disagreement,
        items=settings.CLAUSE_FLAG_ITEMS,
        overlap=settings.CLAUSE_OVERLAP_PERCENT / 100,
        rare=settings.CLAUSE_RARE_PERCENT / 100,
    )


@dataclass(frozen=True)
class _Whole:
    """The labels of the question over all clauses: how they are confused, and which clause that points at."""

    values: list[str]
    titles: list[str]
    counts: NDArray[np.int64]
    confused: NDArray[np.float64]
    by_clause: NDArray[np.float64]
    pointed: NDArray[np.float64]
    beside: tuple[NDArray[np.float64], NDArray[np.int64]]
    close: NDArray[np.int64]

    @classmethod
    def of(cls, scope: Scope, counts: NDArray[np.int64], values: list[Any], members: Members) -> _Whole:
        n_clauses, n_items = len(scope.version.clauses), len(counts)
        texts = ["" if one is None else one if isinstance(one, str) else scope.key(one) for one in values]
        everything = Members(np.arange(n_items), np.zeros(n_items, dtype=np.int64), np.ones(n_items))
        confused = pointing.confusions(counts, everything, n_clauses=1)[0]
        close = [
            pointing.closeness(clause.governs, question=scope.question, values=texts)
            for clause in scope.version.clauses
        ]
        stacked = np.stack(close) if close else np.zeros((0, len(values), len(values)), dtype=np.int64)
        return cls(
            texts,
            [_("other") if one is None else scope.kind.describe(scope.asked, one) for one in values],
            counts,
            confused,
            pointing.confusions(counts, members, n_clauses=n_clauses),
            pointing.pointed(confused, stacked),
            pointing.beside(members, n_clauses=n_clauses),
            stacked,
        )

    def confusions(self, confused: NDArray[np.float64]) -> list[dict[str, Any]]:
        """The pairs of labels that meet most often: their share of the disagreement, and the pairs of answers."""
        apart = np.triu(confused, 1)
        total = float(apart.sum())
        places = np.argsort(-apart, axis=None, kind="stable")[:CONFUSIONS_KEPT]
        found = []
        for c, k in zip(*np.unravel_index(places, apart.shape), strict=True):
            if apart[c, k] > 0:
                found.append(
                    {
                        "values": [self.values[c], self.values[k]],
                        "titles": [self.titles[c], self.titles[k]],
                        "share": round(float(apart[c, k]) / total, 4),
                    }
                )
        return found

    def numbers(self) -> dict[str, Any]:
        r = self.counts.sum(axis=1)
        paired = self.counts[r >= 2].astype(float)
        weight = 1 / np.maximum(paired.sum(axis=1) - 1, 1)
        met = paired.T @ (paired * weight[:, None]) - np.diag((paired * weight[:, None]).sum(axis=0))
        return {
            "values": self.values,
            "titles": self.titles,
            "met": np.round(met, 3).tolist(),
            "confusions": self.confusions(self.confused),
        }


def _clause(
    scope: Scope,
    given: Answers,
    members: Members,
    facts: circumstances.Facts,
    model: ambiguity.Clause,
    whole: _Whole,
) -> Found:
    clause = scope.version.clauses[model.clause]
    limits = limits_of(scope)
    mine = members.item[members.clause == model.clause]
    share, both = whole.beside[0][model.clause], whole.beside[1][model.clause]
    other = int(np.argmax(share)) if len(share) > 1 and share.max() > 0 else None
    n_rulings, n_plural = facts.ruled.get(clause.id, (0, 0))
    known = verdicts.Known(
        n_items_of_spec=len(np.unique(members.item)),  # where nobody cites, no clause is rare
        n_rulings=n_rulings,
        n_plural=n_plural,
        beside=None if other is None else (other, float(share[other]), int(both[other])),
    )
    verdict = verdicts.decide(model, known, limits)
    middle = None if model.shrunk is None or model.excess is None else model.shrunk - model.excess
    heard = facts.heard.get(clause.id, asking.Heard())
    seconds = float(facts.seconds[mine].sum())
    numbers: dict[str, Any] = {
        "n_items": model.n_items,
        "n_answers": model.n_answers,
        "n_annotators": model.n_annotators,
        **{
            name: _rounded(getattr(model, name))
            for name in ("disagreement", "low", "high", "raw", "shrunk", "excess", "z", "z_without")
        },
        **{name: _rounded(getattr(model, name)) for name in ("due_to_people", "due_to_clause")},
        "others": _rounded(middle),
        "flagged": model.flagged,
        "weighty": verdicts.weighty(model, limits),
        "above_limit": verdicts.above(model, limits),
        "reason": model.reason,
        "confusions": whole.confusions(whole.by_clause[model.clause]),
        "beside_share": _rounded(known.beside[1]) if known.beside else None,
        "n_none_fits": int(facts.none_fits[mine].sum()),
        "n_asked": heard.n_asked,
        "n_unclear": heard.n_unclear,
        "n_rulings": n_rulings,
        "n_plural": n_plural,
        "n_precedents": facts.precedents.get(clause.id, 0),
        "n_disputes": int(facts.disputes[mine].sum()),
        "seconds": round(seconds),
        "money": round(seconds / 3600 * float(scope.spec.project.hourly_rate or 0), 2),
    }
    why, score = _why(clause, model, numbers, facts, whole)
    contested = pointing.most_contested(whole.counts, members, model.clause, n=ITEMS_KEPT)
    same = pointing.unanimous(whole.counts, members, model.clause, n=CONTROLS_KEPT)
    if not len(contested) and _points(why):
        contested = _apart(whole, model.clause)
    return Found(
        clause,
        model,
        verdict,
        _group(verdict),
        None if other is None or verdict != ClauseVerdict.OVERLAPPING else scope.version.clauses[other],
        given.annotators[list(model.annotators)].tolist() if verdict == ClauseVerdict.ANNOTATOR else [],
        given.items[contested].tolist(),
        {**numbers, "why": why, "score": round(score, 6), "controls": given.items[same].tolist()},
    )


def _group(verdict: ClauseVerdict) -> int:
    """Verdicts first, then what may not be judged, then what is clear."""
    if verdict == ClauseVerdict.CLEAR:
        return 2
    return 1 if verdict in (ClauseVerdict.TOO_FEW, ClauseVerdict.RARELY_USED) else 0


def _why(
    clause: ReadClause,
    model: ambiguity.Clause,
    numbers: dict[str, Any],
    facts: circumstances.Facts,
    whole: _Whole,
) -> tuple[list[dict[str, Any]], float]:
    """What speaks for looking at a clause, each a share in [0, 1] with its n, and their sum. No verdict.

    Of all disagreement what it governs, of all rulings, questions and bad ratings those on it; and its own excess.
    """
    governed = float(whole.pointed[model.clause])
    asked = sum(one.n_asked + one.n_unclear for one in facts.heard.values())
    ruled = sum(n for n, _ in facts.ruled.values())
    found = []
    if governed > 0:
        close = whole.close[model.clause]
        closest = (close == whole.close.max(axis=0)) & (close > 0)
        pairs = whole.confusions(np.where(closest, whole.confused, 0.0))
        found.append(
            {
                "kind": "governs",
                "share": round(governed, 4),
                "n": int(((whole.counts > 0).sum(axis=1) > 1).sum()),
                "titles": pairs[0]["titles"] if pairs else [],
            }
        )
    if ruled and numbers["n_rulings"]:
        found.append(
            {"kind": "ruled", "share": round(numbers["n_rulings"] / ruled, 4), "n": numbers["n_rulings"]}
        )
    heard = numbers["n_asked"] + numbers["n_unclear"]
    if asked and heard:
        found.append({"kind": "asked", "share": round(heard / asked, 4), "n": heard})
    if model.disagreement is not None and numbers["others"] is not None:
        over = max(0.0, model.disagreement - numbers["others"])
        if over > 0:
            found.append({"kind": "excess", "share": round(over, 4), "n": model.n_items})
    return found, sum(one["share"] for one in found)


def _points(why: list[dict[str, Any]]) -> bool:
    return any(one["kind"] == "governs" for one in why)


def _apart(whole: _Whole, clause: int) -> NDArray[np.int64]:
    """Items on which values meet that the clause governs most closely: what to show where nobody cited anything."""
    close = whole.close[clause]
    mine = (close == whole.close.max(axis=0)) & (close > 0)
    said = (whole.counts > 0).astype(float)
    met = ((said @ np.triu(mine, 1).astype(float)) * said).sum(axis=1)
    r = whole.counts.sum(axis=1)
    top = whole.counts.max(axis=1)
    weight = np.where(met > 0, 1 - top / np.maximum(r, 1), 0.0)
    order = np.lexsort((np.arange(len(r)), -r, -weight))
    return np.asarray(order[weight[order] > 0][:ITEMS_KEPT])


def _people(given: Answers, pairs: Any) -> dict[str, Any]:
    """The matrix of those with the most answers, everybody's camps, and camps that read in opposite ways."""
    n_people = len(given.annotators)
    matrix = pairwise.matrix(pairs, n_annotators=n_people)
    camps = pairwise.communities(matrix)
    n_answers = np.bincount(given.annotator, minlength=n_people)
    shown = np.argsort(-n_answers, kind="stable")[:MOST_PEOPLE]
    shown = shown[np.lexsort((-n_answers[shown], camps[shown]))]
    across = opposing.all_of(
        given.item, given.annotator, given.value, camps, n_items=len(given.items), n_values=len(given.values)
    )
    return {
        "n_annotators": n_people,
        "people": given.annotators[shown].tolist(),
        "n_answers_of": n_answers[shown].tolist(),
        "camps": camps[shown].tolist(),
        "camp_sizes": np.bincount(camps[camps >= 0]).tolist() if len(camps) else [],
        "agreement": [
            [_rounded(float(cell)) if np.isfinite(cell) else None for cell in row]
            for row in matrix.agreement[np.ix_(shown, shown)]
        ],
        "shared": matrix.n[np.ix_(shown, shown)].tolist(),
        "across": [
            {
                "camps": [one.one, one.other],
                "kappa": _rounded(one.kappa),
                "low": _rounded(one.low),
                "high": _rounded(one.high),
                "n_items": one.n_items,
                "opposite": one.opposite,
            }
            for one in across[:10]
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)


def gather(*, report: AgreementReport) -> ReportEvidence:
    """Keep the evidence of a report; what was kept before is returned as it is. A trial's or an earlier meaning's as well."""
    kept = ReportEvidence.objects.filter(report=report).first()
    if kept is not None:
        return kept
    version = (
        SpecVersion.objects.frozen().filter(spec=report.spec_id, meaning=report.meaning).newest_first()[0]
    )
    scope = Scope(report.spec, versions.read(version.pk), report.question, report.queue)
    found = read(scope)
    try:
        return _keep(report, found)
    except IntegrityError:  # two workers at once: the other one's is as good
        return ReportEvidence.objects.get(report=report)


def _keep(report: AgreementReport, found: Gathered) -> ReportEvidence:
    with transaction.atomic():
        event = ledger.record(
            project_id=report.project_id,
            kind="evidence.gathered",
            by=None,
            subject=("spec", report.spec_id),
            data={"report": report.pk, "answers": found.numbers["n_answers"]},
        )
        evidence = ReportEvidence.objects.create(
            project_id=report.project_id, report=report, numbers=found.numbers, event_id=event
        )
        ClauseEvidence.objects.bulk_create(
            ClauseEvidence(
                project_id=report.project_id,
                evidence=evidence,
                clause_id=one.clause.id,
                verdict=one.verdict,
                place=place,
                beside_id=one.beside.id if one.beside else None,
                annotators=one.annotators,
                items=one.items,
                numbers=one.numbers,
            )
            for place, one in enumerate(found.clauses, start=1)
        )
    return evidence


def waiting(*, job: int | None = None, limit: int = 10) -> list[AgreementReport]:
    """Newest reports of their question, meaning and queue that have no evidence yet; with *job*, those that it made."""
    newest = (
        AgreementReport.objects.order_by("spec", "meaning", "question", "queue", "-pk")
        .distinct("spec", "meaning", "question", "queue")
        .values("pk")
    )
    rows = (
        AgreementReport.objects.filter(pk__in=newest)
        if job is None
        else AgreementReport.objects.filter(job=job)
    )
    missing = rows.exclude(pk__in=ReportEvidence.objects.values("report"))
    return list(missing.select_related("spec__project", "queue").order_by("pk")[:limit])


def gather_waiting(*, job: int | None = None) -> int:
    """Gather for every report that waits; returns how many. Harmless to repeat."""
    found = waiting(job=job)
    for report in found:
        gather(report=report)
    return len(found)
