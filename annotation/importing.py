"""Labels made elsewhere become annotations of a published version.

    (nothing) -> submitted slots with their annotations: import_labels

A folder holds `labels.csv` and, where they are there, `items.csv`, `gold.csv`, `clauses.csv` (each also as `.gz`). What is
missing is created: project, spec 1.0.0 with the labels and clauses found, a queue. Everything happens in one transaction, and
a second import of the same files changes nothing.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from annotation import import_values, label_files, settling
from annotation.label_files import Files
from annotation.models import DisputeReason
from specs import canonical, drafting, ledger, publishing
from specs.models import Member, Project, Role, Spec, SpecVersion
from specs.refusals import Invalid
from specs.versions import read as read_version
from workforce import queues
from workforce.models import Queue
from workforce.pseudonyms import pseudonym

JOIN_WHOLE_FROM = 50_000
COPIED_AT_ONCE = 20_000


@dataclass(frozen=True)
class Imported:
    """What an import did: counts of rows that were new; all zero when everything was known."""

    project: Project
    queue: Queue
    version: SpecVersion
    n_items: int
    n_annotators: int
    n_labels: int
    n_gold: int
    n_repeats: int
    left_out: tuple[str, ...] = ()


def import_labels(
    *,
    folder: Path,
    project_key: str,
    wanted: import_values.Wanted | None = None,
    owner: Member | None = None,
    spec: Spec | None = None,
    sensitive: bool = False,
    by: Member | None = None,
) -> Imported:
    """Import a folder into a project, under *spec*'s newest version when one is given, else one whose question is as *wanted*.

    Raises `Invalid` for a kind, level or setting that there is not, and for files that do not fit; then nothing is kept.
    """
    if spec is not None:
        wanted = import_values.Wanted(_kind_of(spec))
    wanted = (wanted or import_values.Wanted()).checked()
    files = wanted.read(folder)
    with transaction.atomic():
        project = _project(project_key)
        owner = (
            owner
            or Member.objects.filter(project=project, roles__contains=[Role.OWNER]).order_by("pk").first()
        )
        if owner is None:
            owner = Member.objects.create(project=project, roles=[Role.OWNER])
        spec = (
            spec
            or Spec.objects.filter(project=project).order_by("pk").first()
            or _spec(project, files, wanted, by)
        )
        version = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
        if version is None:
            raise Invalid(_("The spec %(spec)s has no published version.") % {"spec": spec.key})
        question = version.questions[0]["key"]
        _check_against(version, files)
        queue = Queue.objects.filter(project=project, key="history").first() or queues.create_queue(
            project=project,
            key="history",
            name="Labels made elsewhere",
            spec=spec,
            owner=owner,
            version=version,
            by=by,
            overlap=3,
            max_overlap=50,
        )
        counts = _write(project, queue, version, question, files, sensitive, by)
    return Imported(project, queue, version, *counts, files.left_out)


def _kind_of(spec: Spec) -> str:
    version = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
    return str(version.questions[0]["kind"]) if version else "choice"


def _project(key: str) -> Project:
    project, _ = Project.objects.get_or_create(key=key, defaults={"name": key.replace("-", " ").capitalize()})
    return project


def _spec(project: Project, files: Files, wanted: import_values.Wanted, by: Member | None) -> Spec:
    """A spec whose version 1.0.0 has the labels and clauses that the files hold."""
    spec = drafting.create_spec(project=project, key="imported", title=f"{project.name}: imported", by=by)
    draft = drafting.open_draft(spec=spec, by=by)
    question = wanted.question(files)
    values = [label["value"] for label in question.get("labels") or ()]
    if len(values) == 1 and wanted.task_type.one_of_options and not wanted.options_from:
        raise Invalid(
            _("All labels are %(values)r; a %(wanted_kind)s has at least two.")
            % {"values": values[0], "wanted_kind": wanted.kind}
        )
    drafting.set_questions(draft=draft, by=by, questions=[question])
    rows = (
        files.clauses or [{"clause_id": key} for key in _clause_keys(files)] or [{"clause_id": "whole-task"}]
    )
    for row in rows:
        expected = row.get("expected_label", "")
        govern = {"question": import_values.QUESTION, "values": [expected] if expected in values else []}
        drafting.add_clause(
            draft=draft,
            key=row["clause_id"],
            title=row["clause_id"].replace("_", " ").replace("-", " ").capitalize(),
            blocks=[{"type": "notes", "text": "Imported with the labels; its wording is not known here."}],
            governs=[govern],
            section=row.get("group", ""),
            by=by,
        )
    publishing.publish(
        draft=draft,
        notes="Made from imported labels.",
        rationale="The labels and clauses are those of the history.",
        by=by,
    )
    return spec


def _clause_keys(files: Files) -> list[str]:
    found: dict[str, None] = {}
    for row in [*files.items, *files.labels]:
        for key in _cited(row):
            found[key] = None
    return sorted(found)


def _cited(row: dict[str, str]) -> list[str]:
    one, several = row.get("clause_id"), row.get("clauses")
    return [key for key in [one, *(several.split("|") if several else ())] if key]


def _check_against(version: SpecVersion, files: Files) -> None:
    question = version.questions[0]
    known = {label["value"] for label in question.get("labels") or ()}
    if question["kind"] == "choice" and not question.get("options_from"):
        unknown = sorted({row["label"] for row in [*files.labels, *files.gold]} - known - {""})
        if unknown:
            raise Invalid(
                _("The labels %(unknown)s are not in version %(version_number)s.")
                % {"unknown": ", ".join(unknown)[:200], "version_number": version.number}
            )
    there = version.version_clauses.values_list("clause__key", flat=True)
    lost = sorted(set(_clause_keys(files)) - set(there))
    if lost:
        raise Invalid(
            _("The clauses %(lost)s are not in version %(version_number)s.")
            % {"lost": ", ".join(lost)[:200], "version_number": version.number}
        )


_STAGED = """
    DROP TABLE IF EXISTS pg_temp.imported_item, pg_temp.imported_label, pg_temp.imported_person, pg_temp.made_task,
        pg_temp.fresh_label;
    CREATE TEMPORARY TABLE imported_item (position bigint, key varchar(200), payload jsonb, digest varchar(80), clause text)
        ON COMMIT DROP;
    CREATE TEMPORARY TABLE imported_label (position bigint, item varchar(200), annotator varchar(200), label jsonb,
        answered_at timestamptz, clauses text[]) ON COMMIT DROP;
    CREATE TEMPORARY TABLE imported_person (origin varchar(200), pseudonym varchar(64)) ON COMMIT DROP;
    CREATE TEMPORARY TABLE made_task (id bigint) ON COMMIT DROP;
    CREATE TEMPORARY TABLE fresh_label (slot bigint, position bigint, task bigint, annotator bigint, label jsonb,
        answered_at timestamptz, clauses text[], number smallint) ON COMMIT DROP;
"""
_ITEMS = """
    INSERT INTO workforce_item (project_id, key, revision, payload, digest, sensitive, created_at)
    SELECT %(project)s, key, 1, payload, digest, %(sensitive)s, statement_timestamp() FROM imported_item ORDER BY position
    ON CONFLICT (project_id, key, revision) DO NOTHING
"""
_ITEM_CLAUSES = """
    INSERT INTO workforce_itemclause (project_id, item_id, clause_id)
    SELECT %(project)s, i.id, c.id FROM imported_item m
    JOIN workforce_item i ON i.project_id = %(project)s AND i.key = m.key AND i.revision = 1
    JOIN specs_clause c ON c.spec_id = %(spec)s AND c.key = m.clause
    ON CONFLICT DO NOTHING
"""
_PEOPLE = """
    INSERT INTO workforce_annotator (project_id, pseudonym, kind, state, origin_key, created_at)
    SELECT %(project)s, pseudonym, 'imported', 'active', origin, statement_timestamp() FROM imported_person
    ON CONFLICT (project_id, origin_key) WHERE origin_key <> '' DO NOTHING
"""
# A task per item, born with its answers counted: the slots' bound is the task's overlap.
_TASKS = """
    WITH made AS (
        INSERT INTO workforce_task
            (project_id, item_id, queue_id, meaning, round, state, overlap, n_answers, rank, priority, created_at)
        SELECT %(project)s, i.id, %(queue)s, %(meaning)s, 1, 'open', count(*), count(*),
               row_number() OVER (ORDER BY min(l.position)), 0, statement_timestamp()
        FROM imported_label l JOIN workforce_item i ON i.project_id = %(project)s AND i.key = l.item AND i.revision = 1
        GROUP BY i.id ON CONFLICT (item_id, queue_id, meaning, round) DO NOTHING
        RETURNING id
    )
    INSERT INTO made_task SELECT id FROM made
"""
# What is not known yet, each label with its slot-to-be. On a task of an earlier import the numbers go on from what that left.
_FRESH = """
    INSERT INTO fresh_label
    SELECT nextval('workforce_assignment_id_seq'), l.position, t.id, a.id, l.label,
           coalesce(l.answered_at, statement_timestamp()), l.clauses,
           CASE WHEN m.id IS NULL THEN t.n_answers ELSE 0 END + row_number() OVER (PARTITION BY t.id ORDER BY l.position)
    FROM imported_label l
    JOIN workforce_item i ON i.project_id = %(project)s AND i.key = l.item AND i.revision = 1
    JOIN workforce_task t ON t.item_id = i.id AND t.queue_id = %(queue)s AND t.meaning = %(meaning)s AND t.round = 1
    JOIN workforce_annotator a ON a.project_id = %(project)s AND a.origin_key = l.annotator
    LEFT JOIN made_task m ON m.id = t.id
    WHERE m.id IS NOT NULL
       OR NOT EXISTS (SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id AND s.annotator_id = a.id)
"""
_WIDEN = """
    UPDATE workforce_task t SET overlap = f.n, n_answers = f.n
    FROM (SELECT task, max(number) AS n FROM fresh_label GROUP BY task) f
    WHERE t.id = f.task AND NOT EXISTS (SELECT 1 FROM made_task m WHERE m.id = t.id)
"""
_SLOTS = """
    INSERT INTO workforce_assignment
        (id, project_id, task_id, queue_id, number, state, rank, returned, n_returns, annotator_id, version_id, served_digest,
         n_renewals, submitted_at)
    SELECT slot, %(project)s, task, %(queue)s, number, 'submitted', position, false, 0, annotator, %(version)s, %(digest)s, 0,
           answered_at
    FROM fresh_label ORDER BY slot
"""
_ANSWERS = """
    INSERT INTO annotation_annotation
        (project_id, assignment_id, task_id, queue_id, annotator_id, version_id, served_digest, client_key, revision, ordinal,
         values, flagged, source, answered_at, recorded_at, event_id)
    SELECT %(project)s, slot, task, %(queue)s, annotator, %(version)s, %(digest)s, 'import-' || slot, 1, number,
           label, false, 'import', answered_at, statement_timestamp(), %(event)s
    FROM fresh_label ORDER BY slot
"""
_CITATIONS = """
    INSERT INTO annotation_citation (project_id, annotation_id, question, clause_id)
    SELECT %(project)s, a.id, %(question)s, c.id
    FROM fresh_label f JOIN annotation_annotation a ON a.assignment_id = f.slot AND a.revision = 1
    CROSS JOIN LATERAL unnest(f.clauses) AS cited (key)
    JOIN specs_clause c ON c.spec_id = %(spec)s AND c.key = cited.key
    ON CONFLICT DO NOTHING
"""
# Where the answers agree by the queue's rule the task is resolved; the rest stays open, with no slot left, until a dispute is
# asked for: a history is measured first and argued about later.
_RESOLUTIONS = """
    WITH answers AS (
        SELECT a.task_id, a.values -> %(question)s AS value, a.id, a.ordinal,
               count(*) OVER (PARTITION BY a.task_id, a.values -> %(question)s) AS n
        FROM annotation_annotation a WHERE a.queue_id = %(queue)s AND a.task_id IN (SELECT task FROM fresh_label)
    ), top AS (
        SELECT task_id, (array_agg(value ORDER BY n DESC, value #>> '{}'))[1] AS value, max(n) AS n, count(*) AS total,
               jsonb_object_agg(value #>> '{}', n) AS distribution, array_agg(id ORDER BY ordinal) AS ids
        FROM answers GROUP BY task_id
    ), agreed AS (
        SELECT top.*, 1 + coalesce((SELECT max(r.revision) FROM annotation_resolution r
                                    WHERE r.task_id = top.task_id AND r.question = %(question)s), 0) AS revision
        FROM top JOIN workforce_task t ON t.id = top.task_id AND t.state = 'open'
        WHERE top.n >= (SELECT q.consensus_share FROM workforce_queue q WHERE q.id = %(queue)s) * top.total
    ), settled AS (
        UPDATE workforce_task t SET state = 'resolved', settled_at = statement_timestamp()
        FROM agreed WHERE t.id = agreed.task_id
    )
    INSERT INTO annotation_resolution
        (project_id, task_id, question, revision, value, basis, version_id, distribution, answers, rule, resolved_at, event_id)
    SELECT %(project)s, task_id, %(question)s, revision, value, 'consensus', %(version)s, distribution, ids,
           'share', statement_timestamp(), %(event)s
    FROM agreed ORDER BY task_id
"""
_GOLD = """
    INSERT INTO workforce_knownanswer
        (project_id, item_id, spec_id, question, value, source, meaning, clauses, created_at)
    SELECT %(project)s, i.id, %(spec)s, %(question)s, g.label::jsonb, 'imported', %(meaning)s,
           ARRAY(SELECT c.clause_id FROM workforce_itemclause c WHERE c.item_id = i.id), statement_timestamp()
    FROM unnest(%(gold_items)s::text[], %(gold_labels)s::text[]) AS g (item, label)
    JOIN workforce_item i ON i.project_id = %(project)s AND i.key = g.item AND i.revision = 1
    ON CONFLICT DO NOTHING
"""


def _write(
    project: Project,
    queue: Queue,
    version: SpecVersion,
    question: str,
    files: Files,
    sensitive: bool,
    by: Member | None,
) -> tuple[int, int, int, int, int]:
    first = files.first_labels
    items = files.items or [{"item_id": key} for key in dict.fromkeys(row["item_id"] for row in files.labels)]
    whole = read_version(version.pk)
    by_item = bool(files.items) and "clause_id" in files.items[0]
    known: dict[str, Any] = {
        "project": project.pk,
        "queue": queue.pk,
        "meaning": version.meaning,
        "spec": version.spec_id,
        "version": version.pk,
        "digest": version.digest,
        "question": question,
        "sensitive": sensitive,
        "gold_items": [row["item_id"] for row in files.gold],
        "gold_labels": import_values.texts(project, whole, files, "gold"),
    }
    values = import_values.answers(project, whole, files)
    several = import_values.answers_several(files)
    cites = False

    def staged_items() -> Iterator[tuple[object, ...]]:
        for position, row in enumerate(items):
            payload = canonical.dumps(label_files.fields_of(row) or {"key": row["item_id"]})
            yield (
                position,
                row["item_id"],
                payload.decode(),
                canonical.digest(payload),
                row.get("clause_id"),
            )

    def staged_labels() -> Iterator[tuple[object, ...]]:
        nonlocal cites
        may_cite = "clauses" in first[0] or ("clause_id" in first[0] and not by_item)
        for position, row in enumerate(first):
            cited = "{}"
            if may_cite and (keys := _cited(row)):
                cites, cited = True, f"{{{json.dumps(keys, ensure_ascii=False)[1:-1]}}}"
            yield (
                position,
                row["item_id"],
                row["annotator_id"],
                values[position],
                row.get(label_files.TIME),
                cited,
            )

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT id FROM workforce_queue WHERE id = %s FOR NO KEY UPDATE", [queue.pk])
        cursor.execute(_STAGED)
        _copy(cursor, "imported_item", staged_items())
        _copy(cursor, "imported_label", staged_labels())
        people = dict.fromkeys(row["annotator_id"] for row in first)
        _copy(cursor, "imported_person", ((origin, pseudonym()) for origin in people))
        cursor.execute("ANALYZE imported_item; ANALYZE imported_label")
        n_items = _run(cursor, _ITEMS, known)
        _run(cursor, _ITEM_CLAUSES, known)
        n_people = _run(cursor, _PEOPLE, known)
        if len(first) >= JOIN_WHOLE_FROM:
            # The tables just filled have no statistics yet: say that what follows joins them whole, not row by row.
            cursor.execute("SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '128MB'")
        _run(cursor, _TASKS, known)
        cursor.execute("ANALYZE made_task")
        n_labels = _run(cursor, _FRESH, known)
        if n_labels:
            known["event"] = ledger.record(
                project_id=project.pk,
                kind="labels.imported",
                by=by,
                subject=("queue", queue.pk),
                data={"digest": files.digest, "labels": n_labels, "version": version.pk},
            )
            cursor.execute("ANALYZE fresh_label")
            for query in (_WIDEN, _SLOTS, _ANSWERS, *([_CITATIONS] if cites else [])):
                _run(cursor, query, known)
            if import_values.settled_by_sql(whole) and not several:
                _run(cursor, _RESOLUTIONS, known)
            else:
                cursor.execute("SELECT DISTINCT task FROM fresh_label")
                tasks = [task for (task,) in cursor.fetchall()]
                import_values.settle(queue=queue, version=whole, tasks=tasks, event=known["event"])
        n_gold = _run(cursor, _GOLD, known) if files.gold else 0
    return n_items, n_people, n_labels, n_gold, len(files.labels) - len(first)


def _copy(cursor: Any, table: str, rows: Iterator[tuple[object, ...]]) -> None:
    """Rows into a staging table, as CSV in large pieces: a nothing and an empty text both become NULL."""
    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy:
        while piece := list(islice(rows, COPIED_AT_ONCE)):
            text = io.StringIO(newline="")
            csv.writer(text).writerows(piece)
            copy.write(text.getvalue())


def _run(cursor: Any, query: str, known: dict[str, Any]) -> int:
    cursor.execute(query, known)
    return int(cursor.rowcount)


_CONTESTED = """
    WITH votes AS (
        SELECT a.task_id, count(*) AS n FROM annotation_annotation a JOIN workforce_task t ON t.id = a.task_id
        WHERE t.queue_id = %(queue)s AND t.state = 'open' GROUP BY a.task_id, a.values -> %(question)s
    ), apart AS (
        SELECT task_id, 1 - sum(n * (n - 1))::float / (sum(n) * (sum(n) - 1)) AS disagreement
        FROM votes GROUP BY task_id HAVING sum(n) >= 2
    )
    SELECT t.id, t.item_id, t.meaning, q.adjudication_queue_id,
           ARRAY(SELECT a.annotator_id FROM annotation_annotation a WHERE a.task_id = t.id), apart.disagreement
    FROM apart JOIN workforce_task t ON t.id = apart.task_id JOIN workforce_queue q ON q.id = t.queue_id
    ORDER BY apart.disagreement DESC, t.id LIMIT %(limit)s
"""


def open_disputes(*, queue: Queue, limit: int, by: Member | None) -> int:
    """Open a dispute on each of the *limit* most contested tasks of an imported history; returns how many were opened."""
    version = queue.version
    assert version is not None
    question = version.questions[0]["key"]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CONTESTED, {"queue": queue.pk, "question": question, "limit": limit})
        rows = cursor.fetchall()
        for task_id, item_id, meaning, adjudication, people, disagreement in rows:
            settling.open_dispute(
                task_id=task_id,
                project_id=queue.project_id,
                questions=[question],
                reason=DisputeReason.ASKED_FOR,
                disagreement=disagreement,
                item_id=item_id,
                meaning=meaning,
                adjudication_queue_id=adjudication,
                answered_by=people,
                by=by,
            )
    return len(rows)
