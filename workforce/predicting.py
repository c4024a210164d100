"""What models said of items: a source of its own.

    (nothing) -> prediction: bring_in

A prediction is never changed: the same one again changes nothing, another value under the same model and version is a bad row,
and a model that says something else is another version. No slot, no answer and no agreement between people is touched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from specs import ledger, running, store, task_types
from specs.models import Job, Member, Project, Spec, SpecVersion
from specs.refusals import Invalid
from specs.task_types.base import BadValue
from workforce import row_files, rows
from workforce.import_formats import NotCarried, form_of
from workforce.models import Prediction

JOB = "workforce.load_predictions"
_BATCH = 2000
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('workforce.predicting'), %s)"
_INSERT = """
    INSERT INTO workforce_prediction
        (project_id, item_id, spec_id, question, value, model, model_version, confidence, predicted_at)
    SELECT %(project)s, item, %(spec)s, question, value::jsonb, model, model_version, confidence, statement_timestamp()
    FROM unnest(%(items)s::bigint[], %(questions)s::text[], %(values)s::text[], %(models)s::text[], %(versions)s::text[],
                %(confidences)s::float8[]) AS p (item, question, value, model, model_version, confidence)
    ON CONFLICT (item_id, spec_id, question, model, model_version) DO NOTHING
"""
_OTHER = """
    SELECT p.line FROM unnest(%(lines)s::bigint[], %(items)s::bigint[], %(questions)s::text[], %(values)s::text[],
                              %(models)s::text[], %(versions)s::text[]) AS p (line, item, question, value, model, model_version)
    JOIN workforce_prediction k ON k.item_id = p.item AND k.spec_id = %(spec)s AND k.question = p.question
     AND k.model = p.model AND k.model_version = p.model_version
    WHERE k.value <> p.value::jsonb ORDER BY p.line
"""


@dataclass
class BroughtIn:
    """What came of a file of predictions: counts of rows, of new predictions by model and version, and what has no place here."""

    n_rows: int = 0
    n_new: int = 0
    n_known: int = 0
    models: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Given:
    line: int
    key: str
    question: str
    value: Any
    model: str
    model_version: str
    confidence: float | None


def last(project: Project) -> int:
    """The newest prediction of a project, 0 for none. One file comes in at a time, so what comes later has a higher number."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME, [project.pk])
        return Prediction.objects.filter(project=project).aggregate(n=Max("pk"))["n"] or 0


def bring_in(
    *,
    spec: Spec,
    source: BinaryIO,
    name: str,
    model: str = "",
    model_version: str = "",
    by: Member | None,
    progress: Callable[..., None] | None = None,
) -> BroughtIn:
    """Read a file of predictions: a row names an item by its key, and `value`; and `question` (else the first), `confidence` in
    [0, 1], `model` and `model_version` (else those given). Of an export of Label Studio its `predictions` are read, of Argilla
    its `suggestions`.
    All of it or nothing: `Invalid` names line and reason.
    """
    newest = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
    if newest is None:
        raise Invalid(_("The spec has no published version."))
    questions = {question["key"]: question for question in newest.questions}
    digest, found, problems, n_bad = hashlib.sha256(), BroughtIn(), [], 0
    while data := source.read(2**20):
        digest.update(data)
    source.seek(0)
    first = newest.questions[0]["key"]
    if rows.form_of(name) == "label-studio" or form_of(source).title == "Argilla":
        read = _of_export(source, questions, model, model_version, found)
    else:
        read = _of_rows(row_files.unpacked(source), rows.form_of(name), first, model, model_version)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME, [spec.project_id])
        while batch := list(islice(read, _BATCH)):
            found.n_rows += len(batch)
            good: list[_Given] = []
            bad: list[rows.BadRow] = []
            for given in batch:
                if isinstance(given, rows.BadRow):
                    bad.append(given)
                else:
                    good.append(given)
            bad += _write(cursor, spec, questions, good, found)
            n_bad += len(bad)
            problems += [{"where": f"line {one.line}", "message": one.reason} for one in bad]
            problems = problems[: settings.MAX_REPORTED_PROBLEMS]
            if progress is not None:
                progress(found.n_rows, None, "reading")
        if found.n_rows == 0:
            raise Invalid(_("The file has no predictions that have a place here."))
        if n_bad:
            raise Invalid(
                _("%(n_bad)s of %(n_rows)s rows cannot be taken; nothing was kept.")
                % {"n_bad": n_bad, "n_rows": found.n_rows},
                problems=problems,
            )
        ledger.record(
            project_id=spec.project_id,
            kind="predictions.loaded",
            by=by,
            subject=("spec", spec.pk),
            data={"digest": f"sha256:{digest.hexdigest()}", "rows": found.n_rows, "new": found.n_new},
        )
    return found


def receive(
    *, spec: Spec, chunks: Iterable[bytes], name: str, model: str = "", model_version: str = "", by: Member
) -> BroughtIn | Job:
    """Take a file that comes in: at once where it is small, else in a job, which is returned."""
    size = 0
    with store.writing() as scratch:
        for chunk in chunks:
            size += len(chunk)
            if size > settings.MAX_LOAD_BYTES:
                raise Invalid(
                    _("The file is larger than %(max_load_bytes)s bytes; nothing was kept.")
                    % {"max_load_bytes": settings.MAX_LOAD_BYTES}
                )
            scratch.write(chunk)
        scratch.seek(0)
        if size <= settings.LOAD_AT_ONCE:
            return bring_in(
                spec=spec, source=scratch, name=name, model=model, model_version=model_version, by=by
            )
        digest, _size = store.keep(scratch)
    arguments = {
        "spec": spec.pk,
        "file": digest,
        "name": name,
        "model": model,
        "model_version": model_version,
    }
    return running.start(project=spec.project, kind=JOB, arguments=arguments, by=by)


def run(*, job: Job, progress: Callable[..., None]) -> BroughtIn:
    """Do the work of such a job; harmless to repeat."""
    arguments = job.arguments
    spec = Spec.objects.select_related("project").get(pk=arguments["spec"], project_id=job.project_id)
    with store.opened(arguments["file"]) as source, transaction.atomic():
        found = bring_in(
            spec=spec,
            source=source,
            name=arguments["name"],
            model=arguments["model"],
            model_version=arguments["model_version"],
            by=job.requested_by,
            progress=progress,
        )
        running.finish(job, vars(found))
    return found


def _of_rows(
    source: BinaryIO, form: str, first: str, model: str, model_version: str
) -> Iterator[_Given | rows.BadRow]:
    for row in rows.read(source, form=form, max_bytes=settings.MAX_ITEM_BYTES):
        yield row if isinstance(row, rows.BadRow) else _given(row, first, model, model_version)


def _of_export(
    source: BinaryIO, questions: dict[str, Any], model: str, model_version: str, found: BroughtIn
) -> Iterator[_Given | rows.BadRow]:
    """The predictions of an export: a control answers the question of its name, else one of them the first one.

    The name of a model is the one that the export has where none is given, else that is its version.
    """
    adopted: str | None = None
    first = next(iter(questions))
    form = form_of(source)

    def leave_out(what: str) -> None:
        if what in found.left_out or len(found.left_out) < 200:
            found.left_out[what] = found.left_out.get(what, 0) + 1

    for line, record in form.records(source, settings.MAX_ITEM_BYTES, {}):
        if isinstance(record, rows.BadRow):
            yield record
            continue
        for prediction in record.predictions:
            named, version = (
                (model, prediction.model or model_version) if model else (prediction.model, model_version)
            )
            score = prediction.score
            sure = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
            if score is not None and (sure is None or not 0 <= sure <= 1):
                leave_out(_("score outside [0, 1]"))
                sure = None
            for control, said in prediction.said.items():
                known = control in questions
                try:
                    value = form.value_of(questions[control if known else first]["kind"], said, record.data)
                except NotCarried as error:
                    leave_out(f"{control} ({said.type}): {error}")
                    continue
                adopted = adopted or (None if known else control)
                if not known and control != adopted:
                    leave_out(f"{control} ({said.type})")
                elif not 0 < len(named) <= 200 or len(version) > 100:
                    yield rows.BadRow(
                        line, "names no model of at most 200 characters with a version of at most 100"
                    )
                else:
                    key = control if known else first
                    yield _Given(line, record.key, key, value, named, version, sure)


def _given(row: rows.Row, first: str, model: str, model_version: str) -> _Given | rows.BadRow:
    fields = row.fields()
    confidence = fields.get("confidence")
    if confidence in (None, ""):
        confidence = None
    else:
        try:
            confidence = float(confidence)
        except (TypeError, ValueError):
            return rows.BadRow(row.line, "the confidence is no number")
        if not 0 <= confidence <= 1:
            return rows.BadRow(row.line, "the confidence lies outside [0, 1]")
    named = str(fields.get("model") or model).strip()
    if not 0 < len(named) <= 200:
        return rows.BadRow(row.line, "names no model of at most 200 characters")
    version = str(fields.get("model_version") or model_version).strip()
    if len(version) > 100:
        return rows.BadRow(row.line, "the version of the model is longer than 100 characters")
    if fields.get("value") in (None, ""):
        return rows.BadRow(row.line, "has no value")
    return _Given(
        row.line, row.key, str(fields.get("question") or first), fields["value"], named, version, confidence
    )


def _write(
    cursor: Any, spec: Spec, questions: dict[str, Any], given: list[_Given], found: BroughtIn
) -> list[rows.BadRow]:
    """Write a batch; returns its bad rows. What is known with the same value is counted as known."""
    cursor.execute(
        "SELECT DISTINCT ON (key) key, id, payload::text FROM workforce_item WHERE project_id = %s AND key = ANY(%s) "
        "ORDER BY key, revision DESC",
        [spec.project_id, [one.key for one in given]],
    )
    items = {key: (number, payload) for key, number, payload in cursor.fetchall()}
    bad: list[rows.BadRow] = []
    good: dict[tuple[int, str, str, str], tuple[_Given, str]] = {}
    for one in given:
        question = questions.get(one.question)
        if question is None:
            bad.append(rows.BadRow(one.line, f"there is no question {one.question[:64]!r}"))
        elif one.key not in items:
            bad.append(rows.BadRow(one.line, f"there is no item {one.key[:60]!r}"))
        else:
            number, payload = items[one.key]
            try:
                kind, item = task_types.get(question["kind"]), json.loads(payload)
                value = kind.parse_json(question, kind.from_elsewhere(question, one.value, item), item)
            except BadValue as error:
                bad.append(rows.BadRow(one.line, str(error)))
                continue
            place = (number, one.question, one.model, one.model_version)
            text = json.dumps(value, ensure_ascii=False, sort_keys=True)
            if place in good and good[place][1] != text:
                bad.append(rows.BadRow(one.line, "the item stands twice in this file with different values"))
            else:
                good.setdefault(place, (one, text))
    columns = {
        "project": spec.project_id,
        "spec": spec.pk,
        "lines": [one.line for one, _ in good.values()],
        "items": [place[0] for place in good],
        "questions": [place[1] for place in good],
        "models": [place[2] for place in good],
        "versions": [place[3] for place in good],
        "values": [text for _, text in good.values()],
        "confidences": [one.confidence for one, _ in good.values()],
    }
    cursor.execute(_INSERT, columns)
    n_new = cursor.rowcount
    cursor.execute(_OTHER, columns)
    bad += [
        rows.BadRow(line, "this model and version said something else of the item; give it another version")
        for (line,) in cursor.fetchall()
    ]
    found.n_new += n_new
    found.n_known += len(given) - n_new - len(bad)
    for _one, _text, model, version in good:
        name = f"{model} {version}".strip()
        if len(found.models) < 1000:
            found.models[name] = found.models.get(name, 0) + 1
    return bad
