"""Known answers as a kept thing: brought in, proposed and decided upon, explained, set aside.

    (nothing) -> in use: bring_in, add
    (nothing) -> candidate: add
    candidate -> in use: confirm, bring_in
    candidate -> declined: decline
    in use, candidate -> set aside: set_aside, set_aside_changed

A known answer is bound to clauses and holds from one meaning of its spec on. When one of its clauses changes meaning it is set
aside in the transaction that publishes the change. It is never deleted, and never comes back: the answer is brought in anew.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import canonical, ledger, task_types, versions
from specs.models import Clause, Member, Spec, SpecVersion
from specs.refusals import Invalid, WrongState
from specs.task_types import BadValue
from workforce import loading, rows, setting_aside
from workforce.models import GoldState, Item, ItemClause, KnownAnswer, SetAside

IMPORTED, UNANIMOUS, RULING = "imported", "unanimous", "ruling"
_FIELDS = ("question", "value", "clauses", "explanation")


@dataclass(frozen=True)
class BroughtIn:
    """What an import did: new answers, ones known already, candidates it confirmed, items that came with them."""

    n_rows: int
    n_new: int
    n_known: int
    n_confirmed: int
    n_items: int


@dataclass(frozen=True)
class _Given:
    line: int
    key: str
    payload: dict[str, Any]
    question: str
    value: Any
    clauses: list[int]
    explanation: str


def bring_in(*, spec: Spec, source: BinaryIO, name: str, by: Member | None) -> BroughtIn:
    """Known answers from JSON Lines or CSV: `key`, `value`, and if you like `question`, `clauses`, `explanation`.

    Without a question the first one is meant; clauses are keys, as a list or with blanks between; without any, those that the
    item is known to fall under. Further fields are the payload of an item that is not known yet. Any bad row refuses the
    file (`Invalid` with line and reason). The same file again changes nothing; a candidate with the same answer is confirmed.
    """
    version = _newest(spec)
    given, problems = _read(source, name, version)
    with transaction.atomic():
        items, n_items, more = _items(spec, given, by)
        problems += more
        known = {
            (answer.item_id, answer.question): answer
            for answer in KnownAnswer.objects.select_for_update(no_key=True).filter(
                spec=spec, set_aside_at=None, item__in=[item.pk for item in items.values()]
            )
        }
        new, confirmed, n_known = [], [], 0
        for one in given:
            if one.key not in items:
                continue
            item = items[one.key]
            try:
                value = _value(version, one, item.payload)
            except BadValue as error:
                problems.append(
                    _problem(one.line, _("the value does not fit the question: %(error)s") % {"error": error})
                )
                continue
            before = known.get((item.pk, one.question))
            if before is None:
                answer = KnownAnswer(
                    project_id=spec.project_id,
                    item=item,
                    spec=spec,
                    question=one.question,
                    value=value,
                    source=IMPORTED,
                    meaning=version.meaning,
                    clauses=one.clauses,
                    explanation=one.explanation,
                    decided_by=by,
                )
                known[item.pk, one.question] = answer
                new.append(answer)
            elif not same(version, one.question, before.value, value):
                problems.append(
                    _problem(one.line, _("another answer is known for this item; set that one aside first"))
                )
            elif before.pk and before.state == GoldState.CANDIDATE:
                confirmed.append(before.pk)
            else:
                n_known += 1
        if problems:
            raise Invalid(
                _("%(n_problems)s of %(n_given)s rows cannot be taken; nothing was brought in.")
                % {"n_problems": len(problems), "n_given": len(given) or len(problems)},
                problems=sorted(problems, key=lambda problem: problem["line"])[
                    : settings.MAX_REPORTED_PROBLEMS
                ],
            )
        _fill_clauses(new)
        KnownAnswer.objects.bulk_create(new, batch_size=2000)
        _move(spec, confirmed, GoldState.IN_USE, by)
        if new or confirmed:
            ledger.record(
                project_id=spec.project_id,
                kind="gold.brought-in",
                by=by,
                subject=("spec", spec.pk),
                data={"new": len(new), "confirmed": len(confirmed), "known": n_known, "items": n_items},
            )
    return BroughtIn(len(given), len(new), n_known, len(confirmed), n_items)


def _newest(spec: Spec) -> versions.ReadVersion:
    newest = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
    if newest is None:
        raise Invalid(_("Known answers are given under a published version; this spec has none."))
    return versions.read(newest.pk)


def _problem(line: int, message: str) -> dict[str, Any]:
    return {"line": line, "where": f"line {line}", "message": message}


def _read(
    source: BinaryIO, name: str, version: versions.ReadVersion
) -> tuple[list[_Given], list[dict[str, Any]]]:
    given: list[_Given] = []
    problems: list[dict[str, Any]] = []
    for n, row in enumerate(
        rows.read(source, form=rows.form_of(name), max_bytes=settings.MAX_ITEM_BYTES), start=1
    ):
        if n > settings.MAX_GOLD_ROWS:
            raise Invalid(
                _("A file of known answers has at most %(max_gold_rows)s rows.")
                % {"max_gold_rows": settings.MAX_GOLD_ROWS}
            )
        if isinstance(row, rows.BadRow):
            problems.append(_problem(row.line, row.reason))
            continue
        fields = row.fields()
        question, value, cited, explanation = (fields.pop(name, None) for name in _FIELDS)
        question = str(question or version.questions[0]["key"])
        clauses, unknown = _clauses(version, cited)
        if value in (None, ""):
            problems.append(_problem(row.line, _("has no value")))
        elif all(question != asked["key"] for asked in version.questions):
            problems.append(
                _problem(row.line, _("there is no question %(question)r") % {"question": question[:64]})
            )
        elif unknown:
            problems.append(
                _problem(row.line, _("there is no clause %(unknown)r") % {"unknown": unknown[:64]})
            )
        else:
            given.append(
                _Given(row.line, row.key, fields, question, value, clauses, str(explanation or "").strip())
            )
    if not given and not problems:
        raise Invalid(_("The file has no rows."))
    return given, problems


def _clauses(version: versions.ReadVersion, cited: Any) -> tuple[list[int], str]:
    keys = cited.replace(",", " ").split() if isinstance(cited, str) else cited or []
    if not isinstance(keys, list):
        return [], str(keys)
    found = []
    for key in keys:
        clause = version.clause(str(key).removeprefix("§"))
        if clause is None:
            return [], str(key)
        found.append(clause.id)
    return sorted(set(found)), ""


def _value(version: versions.ReadVersion, one: _Given, payload: Mapping[str, Any]) -> Any:
    """The value as the question takes it; a text that is no answer is read as JSON once (CSV knows texts only)."""
    question = version.question(one.question)
    kind = task_types.get(question["kind"])
    try:
        return kind.parse_json(question, one.value, payload)
    except BadValue:
        if not isinstance(one.value, str):
            raise
        try:
            decoded = canonical.loads_strict(one.value.encode())
        except canonical.NotCanonical:
            decoded = None
        if decoded is None:
            raise
        return kind.parse_json(question, decoded, payload)


def _items(
    spec: Spec, given: Sequence[_Given], by: Member | None
) -> tuple[dict[str, Item], int, list[dict[str, Any]]]:
    """The items by key, made where they are not known and the row brings their content."""
    keys = sorted({one.key for one in given})
    found = _by_key(spec, keys)
    fresh = {one.key: one for one in given if one.key not in found and one.payload}
    problems = [
        _problem(one.line, _("the item is not known, and the row does not say what it looks like"))
        for one in given
        if one.key not in found and one.key not in fresh
    ]
    if fresh:
        lines = "\n".join(json.dumps({**one.payload, "key": one.key}) for one in fresh.values())
        loading.load(
            project=spec.project, queue=None, source=io.BytesIO(lines.encode()), name="gold.jsonl", by=by
        )
        found = _by_key(spec, keys)
    return found, len(fresh), problems


def _by_key(spec: Spec, keys: Sequence[str]) -> dict[str, Item]:
    rows = Item.objects.filter(project_id=spec.project_id, key__in=keys).order_by("key", "revision")
    return {item.key: item for item in rows}


def _fill_clauses(new: Sequence[KnownAnswer]) -> None:
    """An answer that names no clause is bound to those that its item is known to fall under."""
    bare = [answer for answer in new if not answer.clauses]
    under: dict[int, list[int]] = {}
    for item, clause in ItemClause.objects.filter(item__in=[one.item_id for one in bare]).values_list(
        "item_id", "clause_id"
    ):
        under.setdefault(item, []).append(clause)
    for answer in bare:
        answer.clauses = sorted(under.get(answer.item_id, []))


def same(version: versions.ReadVersion, question: str, a: Any, b: Any) -> bool:
    """Whether two values are one answer, as the question's kind says."""
    asked = version.question(question)
    return task_types.get(asked["kind"]).agrees(asked, a, b)


def add(
    *,
    spec: Spec,
    answers: Sequence[KnownAnswer],
    source: str,
    candidates: bool,
    by: Member | None,
) -> int:
    """Keep answers found elsewhere (unanimous tasks, rulings), as candidates or in use; known ones stay. Returns how many."""
    _fill_clauses(answers)
    for answer in answers:
        answer.state = GoldState.CANDIDATE if candidates else GoldState.IN_USE
        answer.source, answer.decided_by = source, None if candidates else by
    with transaction.atomic():
        before = KnownAnswer.objects.filter(spec=spec).count()
        KnownAnswer.objects.bulk_create(answers, batch_size=2000, ignore_conflicts=True)
        n_new = KnownAnswer.objects.filter(spec=spec).count() - before
        if n_new:
            ledger.record(
                project_id=spec.project_id,
                kind="gold.nominated" if candidates else "gold.added",
                by=by,
                subject=("spec", spec.pk),
                data={"source": source, "answers": n_new},
            )
    return n_new


def confirm(*, spec: Spec, ids: Collection[int], by: Member) -> int:
    """Take candidates into use; ones that are none any more stay as they are. Returns how many."""
    return _decide(spec, ids, GoldState.IN_USE, "gold.confirmed", by)


def decline(*, spec: Spec, ids: Collection[int], by: Member) -> int:
    """Say no to candidates, for good. Returns how many."""
    return _decide(spec, ids, GoldState.DECLINED, "gold.declined", by)


def _decide(spec: Spec, ids: Collection[int], state: GoldState, kind: str, by: Member) -> int:
    if not ids:
        raise Invalid(_("Choose at least one candidate."))
    with transaction.atomic():
        moved = _move(spec, ids, state, by)
        if moved:
            ledger.record(
                project_id=spec.project_id, kind=kind, by=by, subject=("spec", spec.pk), data={"ids": moved}
            )
    return len(moved)


def _move(spec: Spec, ids: Collection[int], state: GoldState, by: Member | None) -> list[int]:
    chosen = list(
        KnownAnswer.objects.select_for_update(no_key=True)
        .filter(spec=spec, pk__in=list(ids), state=GoldState.CANDIDATE)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    KnownAnswer.objects.filter(pk__in=chosen).update(
        state=state, decided_by=by, set_aside_at=Now() if state == GoldState.DECLINED else None
    )
    return chosen


def set_aside(*, known: KnownAnswer, reason: str, by: Member | None) -> KnownAnswer:
    """Use it no more, by a person's word. Raises `Invalid` without a reason, `WrongState` when it is out of use."""
    if not reason.strip():
        raise Invalid(_("Say why."))
    with transaction.atomic():
        locked = KnownAnswer.objects.select_for_update(no_key=True).get(pk=known.pk)
        if locked.set_aside_at is not None:
            raise WrongState(_("It is out of use already."))
        setting_aside.end(
            spec_id=locked.spec_id,
            project_id=locked.project_id,
            ids=[locked.pk],
            why=SetAside.PERSON,
            reason=reason,
            by=by,
        )
        locked.refresh_from_db()
    return locked


def explain(*, known: KnownAnswer, explanation: str, by: Member) -> KnownAnswer:
    """Say why the answer is right: what an annotator reads after answering, where feedback is given at once."""
    with transaction.atomic():
        locked = KnownAnswer.objects.select_for_update(no_key=True).get(pk=known.pk)
        locked.explanation = explanation.strip()[: settings.MAX_BLOCK_CHARACTERS]
        locked.save(update_fields=["explanation"])
        ledger.record(
            project_id=locked.project_id,
            kind="gold.explained",
            by=by,
            subject=("known-answer", locked.pk),
            data={"length": len(locked.explanation)},
        )
    return locked


_CHANGED = """
    SELECT k.id FROM workforce_knownanswer k
    WHERE k.spec_id = %(spec)s AND k.set_aside_at IS NULL AND (
        k.clauses && %(clauses)s::bigint[]
        OR NOT (k.question = ANY(%(questions)s))
        OR k.clauses = '{}' AND EXISTS (
            SELECT 1 FROM unnest(%(governed)s::text[], %(values)s::text[]) AS g (question, value)
            WHERE g.question = k.question AND (g.value = '' OR g.value = k.value #>> '{}')))
    ORDER BY k.id FOR NO KEY UPDATE
"""


def set_aside_changed(
    *,
    version: SpecVersion,
    clauses: Sequence[int],
    governed: Sequence[tuple[str, str]],
    by: Member | None,
) -> int:
    """A version of another meaning is published: what it makes doubtful is set aside, in that same transaction.

    *clauses* are those whose rule changed, with their ancestors; *governed* the `(question, value)` they govern ("" is any
    value). Doubtful is an answer bound to one of the clauses; one bound to none with a value that a changed clause governs;
    and one whose question is gone, or whose value is no answer to it any more.
    """
    read = versions.read(version.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            _CHANGED,
            {
                "spec": version.spec_id,
                "clauses": list(clauses),
                "questions": [question["key"] for question in read.questions],
                "governed": [question for question, _ in governed],
                "values": [value for _, value in governed],
            },
        )
        doubtful = {row[0] for row in cursor.fetchall()}
    rest = KnownAnswer.objects.filter(spec_id=version.spec_id, set_aside_at=None).exclude(pk__in=doubtful)
    for known in rest.select_related("item").iterator(chunk_size=2000):
        question = read.question(known.question)
        try:
            task_types.get(question["kind"]).parse_json(question, known.value, known.item.payload)
        except BadValue:
            doubtful.add(known.pk)
    return setting_aside.end(
        spec_id=version.spec_id,
        project_id=version.project_id,
        ids=sorted(doubtful),
        why=SetAside.CLAUSE_CHANGED,
        until_meaning=version.meaning,
        by=by,
    )


def hold_flagged(*, project_id: int, clauses: Collection[int]) -> tuple[int, int]:
    """Serve nothing that is bound to these flagged clauses of the project, and serve the rest again.

    Returns how many are held from now on, and how many no longer. Harmless to repeat.
    """
    of_project = KnownAnswer.objects.filter(project_id=project_id, set_aside_at=None)
    flagged = list(clauses)
    with transaction.atomic():
        freed = of_project.filter(held_at__isnull=False).exclude(clauses__overlap=flagged)
        n_freed = freed.update(held_at=None)
        held = of_project.filter(held_at=None, clauses__overlap=flagged).update(held_at=Now())
        if held or n_freed:
            ledger.record(
                project_id=project_id,
                kind="gold.held",
                by=None,
                subject=("project", project_id),
                data={"held": held, "freed": n_freed, "clauses": sorted(flagged)},
            )
    return held, n_freed


def clause_keys(ids: Collection[int]) -> dict[int, str]:
    return dict(Clause.objects.filter(pk__in=list(ids)).values_list("pk", "key"))
