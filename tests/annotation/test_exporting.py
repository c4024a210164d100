"""Snapshots: the same request, the same bytes; one flipped bit is found; rows equal an independent count."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import connections

from annotation import exporting, relabelling, submitting
from annotation.models import Annotation, Resolution, Snapshot, SnapshotFile
from specs import canonical, ledger, store
from specs.refusals import Invalid
from tests import cast
from tests.annotation.test_mapping import _plan as mapped_plan
from workforce import loading


def _frozen(stage: cast.Stage, **options: object) -> Snapshot:
    asked = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada, **options)  # type: ignore[arg-type]
    return exporting.build(snapshot_id=asked.pk)


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    """Committed, because only committed events can be sealed."""
    made = cast.stage(overlap=2, max_overlap=2)
    made.load(4)
    for _ in range(4):
        for who in (made.ben, made.chi):
            made.answer(who, "yes", cite=["whole"])
    return made


def _files(frozen: Snapshot) -> dict[str, SnapshotFile]:
    return {file.name: file for file in frozen.files.all()}


def _path(digest: str) -> Path:
    name = digest.removeprefix("sha256:")
    return Path(settings.STORE_ROOT) / name[:2] / name


def test_the_same_request_gives_the_same_bytes(stage: cast.Stage) -> None:
    first, second = _frozen(stage), _frozen(stage)
    assert first.digest == second.digest
    assert first.digest == canonical.digest(canonical.dumps(first.manifest))
    assert exporting.verify(first) == []


def test_an_older_position_gives_the_older_bytes_after_more_work(stage: cast.Stage) -> None:
    first = _frozen(stage)
    stage.load(2, start=4)
    for who in (stage.ben, stage.chi):
        stage.answer(who, "no")
    later = _frozen(stage)
    assert (first.n_rows, later.n_rows) == (4, 5)
    assert _frozen(stage, position=first.position).digest == first.digest


def test_rows_equal_an_independent_recount_in_both_formats(stage: cast.Stage) -> None:
    files = _files(_frozen(stage))
    with store.opened(files["labels.jsonl"].digest) as source:
        rows = [json.loads(line) for line in source]
    assert [row["key"] for row in rows] == [f"item-{k}" for k in range(4)]
    assert {row["labels"]["entailed"]["value"] for row in rows} == set(
        Resolution.objects.values_list("value", flat=True)
    )
    assert sum(row["labels"]["entailed"]["n_answers"] for row in rows) == Annotation.objects.count()
    assert rows[0]["labels"]["entailed"]["clauses"] == ["whole"]
    table = pq.read_table(_path(files["labels.parquet"].digest)).to_pylist()
    assert [(r["key"], r["entailed"]) for r in table] == [
        (r["key"], r["labels"]["entailed"]["value"]) for r in rows
    ]


def test_how_sure_the_authors_were_is_counted_where_any_of_them_said(stage: cast.Stage) -> None:
    before = _frozen(stage)
    assert "entailed.confidence" not in pq.read_schema(_path(_files(before)["labels.parquet"].digest)).names
    stage.load(1, start=4)
    for who, sure in ((stage.ben, 5), (stage.chi, None)):
        served = stage.claim(who)
        submitting.submit(
            annotator=who,
            assignment_id=served.assignment_id,
            token=served.token,
            answer=submitting.Answer({"entailed": "no"}, {}, confidence=sure),
            client_key=f"how-sure-{who.pk}",
            by=who.member,
        )
    files = _files(_frozen(stage))
    with store.opened(files["labels.jsonl"].digest) as source:
        said = {row["key"]: row["labels"]["entailed"].get("confidence") for row in map(json.loads, source)}
    assert said == {**{f"item-{k}": None for k in range(4)}, "item-4": {"5": 1}}
    table = pq.read_table(_path(files["labels.parquet"].digest)).to_pylist()
    assert [row["entailed.confidence"] for row in table] == [None] * 4 + ['{"5":1}']
    assert _frozen(stage, position=before.position).digest == before.digest


def test_one_flipped_bit_is_found_and_the_file_is_not_served(stage: cast.Stage) -> None:
    frozen = _frozen(stage)
    file = frozen.files.get(name="labels.jsonl")
    path = _path(file.digest)
    data = bytearray(path.read_bytes())
    data[10] ^= 1
    path.unlink()
    path.write_bytes(data)
    assert exporting.verify(frozen) == ["labels.jsonl is damaged or missing"]
    with pytest.raises(store.Corrupted):
        store.opened(file.digest)
    os.unlink(path)


def test_labels_are_carried_into_the_next_meaning_with_their_basis(stage: cast.Stage) -> None:
    version = cast.amend(stage, "numbers")
    plan = relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)
    relabelling.confirm(plan=plan, tolerated=None, reason="Not touched.", by=stage.ada)
    asked = exporting.request(project=stage.project, version=version, name="", by=stage.ada)
    frozen = exporting.build(snapshot_id=asked.pk)
    assert frozen.manifest is not None
    assert frozen.manifest["counts"]["basis"] == {"entailed": {"carried": 4}}
    rows = list(exporting.rows(frozen))
    assert {row["labels"]["entailed"]["spec_version"] for row in rows} == {"1.0.0"}


def test_a_position_beyond_the_seal_is_refused(stage: cast.Stage) -> None:
    with pytest.raises(Invalid, match="position"):
        _frozen(stage, position=10**9)


def test_the_chain_finds_what_was_changed_behind_its_back(stage: cast.Stage) -> None:
    import psycopg

    from tests import databases

    ledger.seal_all(project_id=stage.project.pk)
    assert ledger.verify(project_id=stage.project.pk) == []
    last = ledger.seal_all(project_id=stage.project.pk)
    with psycopg.connect(databases.admin_url()) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE specs_event SET data = '{}' WHERE id = (SELECT min(event_id) FROM specs_ledgerentry)"
        )
    assert ledger.verify(project_id=stage.project.pk)
    assert ledger.verify(project_id=stage.project.pk, checkpoint=(last + 10**6, "sha256:gone"))


def test_what_was_selected_from_production_is_weighted_by_its_probability(stage: cast.Stage) -> None:
    """Of 100 ordinary messages one was drawn, of the complaints all 3; Horvitz and Thompson 1952, eq. 4: 100 + 3 = 103."""
    before = _frozen(stage)
    assert "selection" not in next(iter(exporting.rows(before)))
    rows = [("ordinary", "random", 0.01), *((f"complaint-{k}", "complaint", 1.0) for k in range(3))]
    data = "\n".join(
        json.dumps(
            {
                "key": key,
                "text": key,
                "happened_at": "2026-01-01T10:00:00+02:00",
                "reason": reason,
                "selection_probability": probability,
            }
        )
        for key, reason, probability in rows
    )
    loading.load(
        project=stage.project,
        queue=stage.queue,
        source=io.BytesIO(data.encode()),
        name="s.jsonl",
        by=stage.ada,
        signals=True,
        signal_source="chat",
    )
    for _ in range(4):
        for who in (stage.ben, stage.chi):
            stage.answer(who, "yes")
    frozen = _frozen(stage)
    found = {row["key"]: row.get("selection") for row in exporting.rows(frozen)}
    assert found["item-0"] is None
    assert found["ordinary"] == {
        "probability": 0.01,
        "reason": "random",
        "source": "chat",
        "happened_at": "2026-01-01T08:00:00+00:00",
    }
    assert sum(1 / one["probability"] for one in found.values() if one) == pytest.approx(103)
    table = frozen.files.get(name="labels.parquet")
    assert pq.read_table(_path(table.digest))["selection.probability"].to_pylist().count(1.0) == 3
    assert _frozen(stage, position=before.position).digest == before.digest


def test_carried_labels_have_the_names_that_they_were_mapped_to(committed_db: None) -> None:
    stage, plan = mapped_plan()
    labels = {"entailed": {"rude": ["insult"], "odd": ["threat"]}}
    before = Counter(Resolution.objects.values_list("value", flat=True))
    relabelling.confirm(plan=plan, labels=labels, tolerated=None, reason="New names.", by=stage.ada)
    asked = exporting.request(project=stage.project, version=plan.to_version, name="", by=stage.ada)
    frozen = exporting.build(snapshot_id=asked.pk)
    assert frozen.manifest is not None
    assert frozen.manifest["counts"]["values"]["entailed"] == {
        '"yes"': before["yes"],
        '"no"': before["no"],
        '"insult"': before["rude"],
        '"threat"': before["odd"],
    }


def test_snapshots_of_a_day_are_limited_also_for_requests_at_once(
    stage: cast.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SNAPSHOTS_PER_DAY", 3)

    def ask(_: int) -> bool:
        try:
            exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
        except exporting.TooManySnapshots:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(ask, range(12))) == 3
