"""Agreement in slices of the answers: by a field of the items, label, clause, cohort or time. Nothing is kept here.

Every slice has its n and interval; below `SLICE_ITEMS` items it says that it is too few. Slices are the largest
`SLICE_PARTS`, and all others as one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Exists, OuterRef
from django.db.models.fields.json import KeyTransform
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotation import answers, columns, units
from annotation.agreement import parts
from annotation.agreement.clauses import Members
from annotation.agreement.estimate import Estimate
from annotation.agreement.levels import Units
from annotation.answers import Answers, Codes, Scope
from specs.models import Job, JobState
from specs.refusals import Invalid
from workforce.models import Cohort, Item, Task

JOB = "annotation.slice"
BY = ("field", "label", "clause", "cohort", "time")
RANGES = 5
"""Into how many ranges of about as many items a field of many different numbers is cut."""
FIELDS_FROM = 500
"""Items whose fields are looked at to say which there are."""
LONGEST = 100
"""Characters of a field's value above which it is a text and no kind of item."""
_COHORTS = """
    SELECT a.id, m.cohort_id FROM annotation_annotation a
    JOIN workforce_cohortmembership m ON m.annotator_id = a.annotator_id
     AND a.answered_at >= m.since AND (m.until IS NULL OR a.answered_at < m.until)
    WHERE a.id = ANY(%(answers)s)
"""
_DAYS = """
    SELECT id, ((answered_at AT TIME ZONE %(zone)s)::date - DATE '1970-01-01')::bigint
    FROM annotation_annotation WHERE id = ANY(%(answers)s)
"""


@dataclass(frozen=True)
class Slice:
    """`agreement` of pairs, and `alpha` (or why there is none here)."""

    key: str
    title: str
    n_answers: int
    agreement: Estimate
    alpha: Estimate


@dataclass(frozen=True)
class Slices:
    """One question in slices. `step` is the unit of time ("day", "week", "month"); `n_merged` slices became the last one."""

    by: str
    field: str
    whole: Slice
    slices: list[Slice]
    step: str = ""
    n_merged: int = 0


@dataclass(frozen=True)
class _Cut:
    """Which slice each answer is in: `code: (n_answers,)`, with the keys and titles of the slices."""

    code: Codes
    keys: list[str]
    titles: list[str]
    step: str = ""
    n_merged: int = 0


def read(scope: Scope, *, by: str, field: str = "") -> Slices:
    """Slices of the answers, the whole beside them. Raises `Invalid` for a way to slice that does not exist, or that the question
    has no labels for."""
    if by not in BY:
        raise Invalid(_("Slices are by %(by)s, not %(given)r.") % {"by": ", ".join(BY), "given": by[:20]})
    if by == "field" and not field:
        raise Invalid(_("Name the field of the items by whose values their answers are cut."))
    given = answers.read(scope).first()
    counted = _Counted.of(scope, given)
    if by == "label":
        return counted.by_label()
    if by == "clause":
        return counted.by_clause()
    if by == "field":
        return counted.cut(_by_field(given, field), by=by, field=field)
    return counted.cut(_by_cohort(scope, given) if by == "cohort" else _by_time(scope, given), by=by)


def of(scope: Scope, *, by: str, field: str = "") -> dict[str, Any] | None:
    """The slices as JSON (`as_dict`): counted now, or as a job has counted them where that takes long; None where none has."""
    if answers.n_given(scope) <= settings.MEASURED_AT_ONCE:
        return as_dict(read(scope, by=by, field=field))
    job = (
        Job.objects.filter(
            project=scope.spec.project_id,
            kind=JOB,
            state=JobState.DONE,
            arguments=arguments(scope, by=by, field=field),
        )
        .order_by("-pk")
        .first()
    )
    return {**job.result, "at": job.finished_at} if job else None


def arguments(scope: Scope, *, by: str, field: str = "") -> dict[str, Any]:
    """What a job needs to count the same slices."""
    return {
        "spec": scope.spec.pk,
        "meaning": scope.version.meaning,
        "question": scope.question,
        "queue": scope.queue.key if scope.queue else "",
        "by": by,
        "field": field,
    }


def fields(scope: Scope) -> list[str]:
    """The fields of the items by which their answers can be cut: what is short, and not another one for every item."""
    of_item = Task.objects.filter(item=OuterRef("pk"))
    of_item = of_item.filter(queue=scope.queue) if scope.queue else of_item.filter(queue__spec=scope.spec)
    rows = Item.objects.filter(Exists(of_item), project=scope.spec.project_id)
    seen: dict[str, Counter[str]] = {}
    unfit: set[str] = set()
    newest = rows.order_by("-pk").values_list("payload", flat=True)[:FIELDS_FROM]
    for payload in newest:
        for name, value in payload.items():
            if isinstance(value, dict | list) or len(str(value)) > LONGEST:
                unfit.add(name)
            elif value is not None:
                seen.setdefault(name, Counter())[str(value)] += 1
    return sorted(
        name
        for name, values in seen.items()
        if name not in unfit and (len(values) < values.total() / 2 or all(map(_is_number, values)))
    )


@dataclass(frozen=True)
class _Counted:
    """The answers of one question with what all slices of them need."""

    scope: Scope
    given: Answers
    units: Units
    pairs: Any

    @classmethod
    def of(cls, scope: Scope, given: Answers) -> _Counted:
        return cls(scope, given, units.of(scope.asked, given)[0], given.pairs())

    @property
    def whole(self) -> Slice:
        everything = np.zeros(len(self.given.item), dtype=np.int64)
        return self._slices(_Cut(everything, [""], [_("all answers")]))[0]

    def cut(self, cut: _Cut, *, by: str, field: str = "") -> Slices:
        return Slices(by, field, self.whole, self._slices(cut), cut.step, cut.n_merged)

    def _slices(self, cut: _Cut) -> list[Slice]:
        """Slices that answers were put into whatever they say: pairs within a slice alone."""
        n_items, n_parts = len(self.given.items), len(cut.keys)
        found = []
        for k in range(n_parts):
            mask = cut.code == k
            part = answers.only(self.given, mask)
            item = np.arange(n_items)
            near = parts.of_items(
                part.pairs(),
                Members(item, np.zeros(n_items, dtype=np.int64), np.ones(n_items)),
                n_parts=1,
                minimum=settings.SLICE_ITEMS,
            )[0]
            found.append(Slice(cut.keys[k], cut.titles[k], int(mask.sum()), near, self._alpha(mask)))
        return found

    def _alpha(self, mask: NDArray[np.bool_]) -> Estimate:
        level = units.level_of(self.scope.asked)
        if level not in units.FEW:
            return Estimate(None, reason=parts.NO_SCALE)
        return parts.alpha_of(
            self.units.item,
            self.units.value,
            mask,
            level=level,  # type: ignore[arg-type]
            n_items=self.units.n_items,
            n_values=max(len(self.units.values), 1),
            minimum=settings.SLICE_ITEMS,
            n_resamples=settings.BOOTSTRAP_RESAMPLES,
        )

    def by_label(self) -> Slices:
        """Positive agreement on every label."""
        if units.level_of(self.scope.asked) not in units.FEW:
            raise Invalid(_("This question has no labels to slice by: its answers are more or less apart."))
        given, n_values = self.given, len(self.given.values)
        found = parts.of_labels(given.table().counts, minimum=settings.SLICE_ITEMS)
        n = np.bincount(given.value, minlength=n_values)
        shown = parts.largest(n.tolist(), settings.SLICE_PARTS)
        kind, asked = self.scope.kind, self.scope.asked
        rows = [
            Slice(
                self.scope.key(given.values[k]),
                kind.describe(asked, given.values[k]),
                int(n[k]),
                found[k],
                Estimate(None, reason=parts.BY_WHAT_WAS_SAID),
            )
            for k in shown
        ]
        return Slices("label", "", self.whole, rows, n_merged=n_values - len(shown))

    def by_clause(self) -> Slices:
        """Agreement on the items about each clause, cited or known; whose fault it is, the clause model says, not this."""
        clauses, given = self.scope.version.clauses, self.given
        members = answers.members(self.scope, given)
        found = parts.of_items(self.pairs, members, n_parts=len(clauses), minimum=settings.SLICE_ITEMS)
        n = np.bincount(
            members.clause,
            weights=members.share * self.pairs.n_answers[members.item],
            minlength=len(clauses),
        )
        rows = [
            Slice(
                clause.key,
                f"§{clause.number} {clause.title}",
                round(float(n[k])),
                found[k],
                Estimate(None, reason=parts.BY_WHAT_WAS_SAID),
            )
            for k, clause in enumerate(clauses)
        ]
        return Slices("clause", "", self.whole, rows)


def _by_field(given: Answers, field: str) -> _Cut:
    items = Item.objects.filter(pk__in=given.items.tolist()).annotate(said=KeyTransform(field, "payload"))
    rows = dict(items.values_list("pk", "said"))
    values = [rows.get(item) for item in given.items.tolist()]
    texts = ["" if value is None else str(value)[:LONGEST] for value in values]
    known = [text for text in texts if text]
    if len(set(known)) > settings.SLICE_PARTS and all(map(_is_number, known)):
        code, titles = _ranges(texts)
        return _Cut(code[given.item], titles, titles)
    order = sorted(set(known)) + ([""] if len(known) < len(texts) else [])
    place = {text: k for k, text in enumerate(order)}
    code = np.array([place[text] for text in texts], dtype=np.int64)
    titles = [text or _("not said") for text in order]
    return _merged(_Cut(code[given.item] if len(code) else given.item, order, titles))


def _ranges(texts: list[str]) -> tuple[Codes, list[str]]:
    numbers = np.array([float(text) if text else np.nan for text in texts])
    known = ~np.isnan(numbers)
    codes, ends = parts.ranges(numbers[known], RANGES)
    found = np.full(len(texts), len(ends), dtype=np.int64)
    found[known] = codes
    titles = [f"{low:g} – {high:g}" for low, high in ends]
    return found, titles if known.all() else [*titles, _("not said")]


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _by_cohort(scope: Scope, given: Answers) -> _Cut:
    """By who answered: the cohort she was in when she did. Somebody in several stands in the first."""
    rows = columns.read(_COHORTS, {"answers": given.answer.tolist()}, 2)
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    cohorts = list(Cohort.objects.filter(project=scope.spec.project_id).order_by("pk"))
    pks = np.array([one.pk for one in cohorts], dtype=np.int64)
    code = np.full(len(given.answer), len(cohorts), dtype=np.int64)
    order = np.argsort(given.answer)
    at = order[np.searchsorted(given.answer, rows[::-1, 0], sorter=order)]
    code[at] = np.searchsorted(pks, rows[::-1, 1])  # the last one written is the first of several
    keys, titles = [one.key for one in cohorts], [one.name for one in cohorts]
    return _merged(_Cut(code, [*keys, ""], [*titles, _("in no cohort")]))


def _by_time(scope: Scope, given: Answers) -> _Cut:
    """By when an item was first answered, in days, weeks or months of the project's time zone."""
    zone = str(scope.spec.project.time_zone or "UTC")
    rows = columns.read(_DAYS, {"answers": given.answer.tolist(), "zone": zone}, 2)
    order = np.argsort(given.answer)
    day = np.zeros(len(given.answer), dtype=np.int64)
    day[order[np.searchsorted(given.answer, rows[:, 0], sorter=order)]] = rows[:, 1]
    first = np.full(len(given.items), np.iinfo(np.int64).max)
    np.minimum.at(first, given.item, day)
    span = int(first.max() - first.min()) if len(first) else 0
    step = "day" if span < settings.SLICE_PARTS else "week" if span < 7 * settings.SLICE_PARTS else "month"
    begins = {one: _begin(one, step) for one in set(first.tolist())}
    order_of = sorted(set(begins.values()))
    place = {begin: k for k, begin in enumerate(order_of)}
    code = np.array([place[begins[one]] for one in first.tolist()], dtype=np.int64)
    titles = [date_format(one, "F Y" if step == "month" else "j M Y") for one in order_of]
    keys = [one.isoformat() for one in order_of]
    return _merged(_Cut(code[given.item] if len(code) else given.item, keys, titles, step), latest=True)


def _begin(day: int, step: str) -> date:
    found = date(1970, 1, 1) + timedelta(days=day)
    if step == "month":
        return found.replace(day=1)
    return found - timedelta(days=found.weekday()) if step == "week" else found


def _merged(cut: _Cut, *, latest: bool = False) -> _Cut:
    """The largest slices (or the latest), in their order, those without an answer left out; all others as the last one."""
    n = np.bincount(cut.code, minlength=len(cut.keys))
    there = np.flatnonzero(n).tolist()
    most = settings.SLICE_PARTS
    kept = there
    if len(there) > most:
        kept = there[-most:] if latest else [there[k] for k in parts.largest(n[there].tolist(), most)]
    place = np.full(len(cut.keys), len(kept), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    n_merged = len(there) - len(kept)
    other = [_("earlier") if latest else _("all others")] if n_merged else []
    return _Cut(
        place[cut.code],
        [*(cut.keys[k] for k in kept), *(["…"] if n_merged else [])],
        [*(cut.titles[k] for k in kept), *other],
        cut.step,
        n_merged,
    )


def as_dict(found: Slices) -> dict[str, Any]:
    """The slices as JSON."""
    return {
        "by": found.by,
        "field": found.field,
        "step": found.step,
        "merged": found.n_merged,
        "whole": _row(found.whole),
        "slices": [_row(one) for one in found.slices],
    }


def _row(one: Slice) -> dict[str, Any]:
    return {
        "key": one.key,
        "title": one.title,
        "answers": one.n_answers,
        "agreement": one.agreement.with_n(),
        "alpha": one.alpha.with_n(),
    }
