"""What pipelines follow: pages and streams of the same rows, in an order in which nothing comes before what was read."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from annotation import feeding, importing
from annotation.models import Annotation, Dispute, Resolution
from specs import ledger
from specs.models import Event, LedgerEntry
from tests import cast, databases

API = "/api/v1/projects/rte/feeds"


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(overlap=2, max_overlap=2)
    made.load(5)
    for n in range(5):
        made.answer(made.ben, "yes", cite=["whole", "numbers"])
        made.answer(made.chi, "no" if n == 4 else "yes")
    cast.ruled(made, Dispute.objects.get())
    ledger.seal_all(project_id=made.project.pk)
    return made


def _client(stage: cast.Stage) -> Client:
    return Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})


def _pages(client: Client, feed: str, limit: int) -> list[dict[str, Any]]:
    rows, after = [], ""
    while after is not None:
        page = client.get(f"{API}/{feed}?limit={limit}&after={after}").json()
        assert len(page["rows"]) <= limit
        rows += page["rows"]
        after = page["next_after"]
    return rows


def _stream(client: Client, feed: str, query: str = "") -> list[dict[str, Any]]:
    reply = client.get(f"{API}/{feed}{query}", headers={"accept": "application/x-ndjson"})
    assert (reply.status_code, reply["Content-Type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in reply.getvalue().splitlines()]


def test_pages_and_streams_give_the_same_rows(stage: cast.Stage, settings: Any) -> None:
    settings.FEED_ROWS = 3
    client = _client(stage)
    counted = {
        "items": 5,
        "answers": Annotation.objects.filter(task__purpose="work").count(),
        "resolutions": Resolution.objects.filter(task__purpose="work").count(),
        "events": LedgerEntry.objects.filter(project=stage.project).count(),
    }
    for feed, n in counted.items():
        rows = _stream(client, feed)
        assert rows == _pages(client, feed, 4) == _pages(client, feed, 1000)
        assert _stream(client, feed, f"?after={rows[2]['cursor']}&limit=2") == rows[3:5]
        assert _stream(client, feed, f"?after={rows[-1]['cursor']}") == []
        assert len({row["id"] for row in rows}) == len(rows) == n > 4
    first = _stream(client, "answers", "?limit=1")[0]
    said = {name: first[name] for name in ("item", "annotator", "values", "citations", "version", "source")}
    assert said == {
        "item": "item-0",
        "annotator": stage.ben.pseudonym,
        "values": {"entailed": "yes"},
        "citations": {"entailed": ["numbers", "whole"]},
        "version": "1.0.0",
        "source": "live",
    }
    for query in ("after=x", "after=1-2-3", "after=-1", "limit=0", f"after={'9' * 20}"):
        refused = client.get(f"{API}/answers?{query}", headers={"accept": "application/x-ndjson"})
        assert (refused.status_code, refused["Content-Type"]) == (422, "application/problem+json"), query
        assert refused.json()["title"] == "invalid"


def test_what_commits_late_comes_after_what_was_read(stage: cast.Stage) -> None:
    """An event that was written before others and committed after them takes its place behind them."""
    client = _client(stage)
    with psycopg.connect(databases.admin_url()) as late:
        late.execute(
            "INSERT INTO specs_event (project_id, kind, subject, subject_id, data) VALUES (%s, 'test.late', 'test', 1, '{}')",
            [stage.project.pk],
        )
        stage.load(1, start=50)
        ledger.seal_all(project_id=stage.project.pk)
        seen = _stream(client, "events")
        assert "test.late" not in {row["kind"] for row in seen}
    ledger.seal_all(project_id=stage.project.pk)
    more = _stream(client, "events", f"?after={seen[-1]['cursor']}")
    assert "test.late" in {row["kind"] for row in more}
    assert not {row["id"] for row in seen} & {row["id"] for row in more}


def test_answers_that_were_imported_are_fed_as_well(committed_db: None, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(
        "item_id,annotator_id,label\n"
        + "".join(f"i{k},{who},{'ab'[k % 2]}\n" for k in range(6) for who in "xyz")
    )
    importing.import_labels(folder=tmp_path, project_key="made", by=None)
    stage_project = Event.objects.get(kind="labels.imported").project
    assert stage_project is not None
    ledger.seal_all(project_id=stage_project.pk)
    rows = list(feeding.stream("answers", project=stage_project, after=(0, 0), limit=None))
    assert len({row.cursor for row in rows}) == 18
    middle = feeding.read_cursor(rows[7].cursor)
    assert [row.cursor for row in feeding.page("answers", project=stage_project, after=middle, limit=4)] == [
        row.cursor for row in rows[8:12]
    ]


def test_a_long_stream_takes_no_more_memory_than_a_short_one(stage: cast.Stage, settings: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO specs_event (project_id, kind, subject, subject_id, data)
               SELECT %s, 'test.happened', 'test', n, jsonb_build_object('text', repeat('x', 3000))
               FROM generate_series(1, 6000) n""",
            [stage.project.pk],
        )
    ledger.seal_all(project_id=stage.project.pk)
    settings.FEED_ROWS = 500
    reply = _client(stage).get(f"{API}/events", headers={"accept": "application/x-ndjson"})
    tracemalloc.start()
    try:
        n = sum(chunk.count(b"\n") for chunk in reply)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert n > 6000
    assert peak < 6 * 2**20, f"{peak} bytes at the peak, for about 19 MB of lines"
