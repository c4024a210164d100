"""A snapshot is read by what reads it elsewhere: the real libraries and curl, without a way out to the network."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from annotation import jobs
from annotation.client import concordat
from specs.models import Job
from tests import cast
from tests.serving import Site
from workforce import loading

TONE = {
    "key": "tone",
    "kind": "choice",
    "title": "Tone",
    "labels": [{"value": "kind", "title": "Kind"}, {"value": "rude", "title": "Rude"}],
}
NAMES = {
    "key": "names",
    "kind": "spans",
    "title": "Who is named?",
    "required": False,
    "labels": [{"value": "person", "title": "Person"}],
}
STARS = {"key": "stars", "kind": "rating", "title": "Stars"}
ORDER = {
    "key": "order",
    "kind": "ranking",
    "title": "Best first",
    "labels": [{"value": "a"}, {"value": "b"}],
}
N = 20
# What libraries warn of about themselves is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def offline(monkeypatch: Any) -> None:
    """Nothing here reaches another machine, and what tries fails loudly."""
    there = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"the network was asked for {address}")
        there(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_UPDATE_DOWNLOAD_COUNTS"):
        monkeypatch.setenv(name, "0" if "UPDATE" in name else "1")


@pytest.fixture
def snapshot(
    committed_db: None, site: Site, offline: None, tmp_path: Path, monkeypatch: Any
) -> concordat.Snapshot:
    stage = cast.stage(questions=[TONE, NAMES, STARS, ORDER], overlap=2, max_overlap=2)
    rows = [{"key": f"item-{k:02d}", "text": f"Ada 👩‍🚒 met Zoë {k} times, =1+{k}"} for k in range(N)]
    data = "\n".join(map(json.dumps, rows)).encode()
    loading.load(
        project=stage.project, queue=stage.queue, source=io.BytesIO(data), name="i.jsonl", by=stage.ada
    )
    for who in (stage.ben, stage.chi):
        for served in stage.claims(who, stage.queue):
            k = int(str(served.payload["text"]).rpartition("+")[2])
            span = {"start": 0, "end": 3, "label": "person", "text": "Ada"}
            said = {"tone": "kind" if k % 2 else "rude", "names": [span], "stars": 1 + k % 5}
            stage.submit(who, served, {**said, "order": [["a"], ["b"]] if k % 3 else [["a", "b"]]})
    monkeypatch.setenv("CONCORDAT_CACHE", str(tmp_path / "cache"))
    house = concordat.Concordat(site.url, "rte", stage.token(stage.ada))
    formats = ["jsonl", "parquet", "csv", "conll", "label_studio"]
    asked = house.build("rte", "1.0.0", split={"eval": 20, "test": 20}, formats=formats, wait=False)
    jobs.build_snapshot(Job.objects.latest("pk").pk)
    return asked.wait(seconds=60)


def test_the_folder_is_read_by_datasets_duckdb_pyarrow_pandas_mlcroissant_and_label_studio(
    snapshot: concordat.Snapshot, tmp_path: Path, monkeypatch: Any
) -> None:
    import datasets
    import duckdb
    import mlcroissant
    import pandas as pd
    import pyarrow.dataset
    from label_studio_sdk.converter.converter import Converter
    from label_studio_sdk.label_interface.interface import LabelInterface

    folder = tmp_path / "snapshot"
    snapshot.download(folder)
    counts = snapshot.manifest["counts"]["splits"]
    assert sum(counts.values()) == N
    expected = {row["key"]: row["labels"]["tone"]["value"] for row in snapshot.rows()}

    # The folder as it is, by its README; and what the client makes of it.
    for loaded in (
        datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "hub")),
        snapshot.to_datasets(),
    ):
        assert {split: len(rows) for split, rows in loaded.items()} == counts
        assert {row["key"]: row["tone"] for rows in loaded.values() for row in rows} == expected

    frame = pd.concat([snapshot.to_pandas(split) for split in counts])
    assert dict(zip(frame["key"], frame["tone"], strict=True)) == expected
    csv = pd.concat([pd.read_csv(folder / f"{split}.csv") for split in counts])
    assert dict(zip(csv["key"], csv["stars"], strict=True)) == dict(
        zip(frame["key"], frame["stars"], strict=True)
    )
    table = pyarrow.dataset.dataset(sorted(folder.glob("*.parquet"))).to_table()
    assert (table.num_rows, str(table.schema.field("stars").type)) == (N, "int64")
    asked = f"SELECT key, tone, stars FROM '{folder}/*.parquet' WHERE stars = 5 ORDER BY key"
    lines = (
        f"SELECT key, labels.tone.value, labels.stars.value FROM '{folder}/*.jsonl' "
        "WHERE labels.stars.value = 5 ORDER BY key"
    )
    with duckdb.connect() as database:
        database.execute(f"SET extension_directory = '{tmp_path}'")
        found = database.execute(asked).fetchall()
        assert found == database.execute(lines).fetchall()
    assert {key for key, _tone, _stars in found} == {key for key in expected if int(key[-2:]) % 5 == 4}

    described = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not described.metadata.ctx.issues.errors
    assert str(described.metadata.ctx.conforms_to).endswith(("1.1", "V_1_1"))
    read = {
        record[f"rows-{split}.parquet/key"].decode(): record[f"rows-{split}.parquet/tone"].decode()
        for split in counts
        for record in described.records(f"rows-{split}.parquet")
    }
    assert read == expected

    config = (folder / "label-studio.xml").read_text()
    interface = LabelInterface(config)
    interface.validate()
    assert {control.name for control in interface.controls} == {"tone", "names", "stars", "order"}
    tasks = [
        task for split in counts for task in json.loads((folder / f"{split}.label-studio.json").read_text())
    ]
    for task in tasks:
        interface.validate_annotation(task["annotations"][0])
    source = folder / "all.json"
    source.write_text(json.dumps(tasks))
    converter = Converter(config=config, project_dir=None, download_resources=False)
    converter.convert_to_json_min(str(source), str(tmp_path / "min"), is_dir=False)
    converted = json.loads((tmp_path / "min" / "result.json").read_text())
    assert {one["key"]: one["tone"] for one in converted} == expected
    assert {one["names"][0]["text"] for one in converted} == {"Ada"}
    assert {one["stars"][0]["rating"] for one in converted} == {1, 2, 3, 4, 5}
    assert {json.dumps(one["order"][0]["ranker"]) for one in converted} == {
        '{"1": ["a"], "2": ["b"]}',
        '{"1": ["a", "b"]}',
    }


def test_curl_takes_a_file_up_where_it_stopped(
    snapshot: concordat.Snapshot, site: Site, tmp_path: Path
) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("this machine has no curl")
    name = "train.jsonl"
    digest = next(one["digest"] for one in snapshot.files if one["name"] == name)
    address = f"{site.url}/api/v1/projects/rte/snapshots/{snapshot.id}/files/{name}"
    path = tmp_path / name

    def run(*arguments: str) -> str:
        head = f"Authorization: Bearer {snapshot.house._token}"
        command = [curl, "-sS", "--fail-with-body", "-H", head, "-w", "%{http_code}", *arguments, address]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert run("-r", "0-99", "-o", str(path)) == "206"
    assert path.stat().st_size == 100
    assert run("-C", "-", "-o", str(path)) == "206"
    assert f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" == digest
    tagged = tmp_path / "etag"
    assert run("-o", str(path), "--etag-save", str(tagged)) == "200"
    assert run("-o", str(tmp_path / "again"), "--etag-compare", str(tagged)) == "304"
