"""The store in an S3-compatible bucket: the same snapshots, by range, checked before they are served; and who may be asked."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from annotation import exporting
from annotation.models import Snapshot, SnapshotFile
from specs import buckets, outbound, store
from tests import cast
from tests.object_storage import BUCKET, REGION, ObjectStorage


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStorage]:
    made = ObjectStorage.start()
    yield made
    made.stop()


@pytest.fixture
def bucket(server: ObjectStorage, settings: Any) -> Any:
    """The house keeps its files there; the client of somebody else with access to it."""
    settings.STORE_BUCKET, settings.STORE_ENDPOINT, settings.STORE_REGION = BUCKET, server.url, REGION
    settings.STORE_ACCESS_KEY, settings.STORE_SECRET_KEY = server.access_key, server.secret_key
    settings.STORE_PREFIX, settings.STORE_SECONDS = "house/", 5
    return server.client()


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(overlap=1, max_overlap=1)
    made.load(24)
    for _ in range(24):
        made.answer(made.ben, "yes")
    return made


def _frozen(stage: cast.Stage) -> Snapshot:
    asked = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    return exporting.build(snapshot_id=asked.pk)


def _key(file: SnapshotFile) -> str:
    name = file.digest.removeprefix("sha256:")
    return f"house/{name[:2]}/{name}"


def _reader(stage: cast.Stage, file: SnapshotFile) -> Any:
    client = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    address = f"/api/v1/projects/rte/snapshots/{file.snapshot_id}/files/{file.name}"
    return lambda **headers: client.get(address, headers=headers)


def test_parts_go_straight_to_the_bucket_and_come_back_by_range(
    stage: cast.Stage, bucket: Any, settings: Any
) -> None:
    settings.SNAPSHOT_PART_ROWS = 10
    frozen = _frozen(stage)
    there = {one["Key"]: one["Size"] for one in bucket.list_objects_v2(Bucket=BUCKET)["Contents"]}
    files = list(frozen.files.all())
    assert {_key(file): file.n_bytes for file in files}.items() <= there.items()
    assert exporting.verify(frozen) == []
    assert {file.digest: file.n_bytes for file in files}.items() <= dict(store.kept()).items()
    for file in files:
        assert not list(Path(settings.STORE_ROOT).rglob(file.digest.removeprefix("sha256:")))
    part = frozen.files.get(name="labels-00002-of-00003.jsonl")
    ask = _reader(stage, part)
    whole = ask().getvalue()
    assert [json.loads(line)["key"] for line in whole.splitlines()] == sorted(f"item-{k}" for k in range(24))[
        10:20
    ]
    some = ask(range="bytes=100-299")
    assert (some.status_code, some["Content-Range"]) == (206, f"bytes 100-299/{part.n_bytes}")
    assert some.getvalue() == whole[100:300]
    assert ask(**{"if-none-match": f'"{part.digest}"'}).status_code == 304
    settings.STORE_BUCKET = ""
    assert _frozen(stage).digest == frozen.digest, "a folder gives the same snapshot"


def test_a_flipped_bit_in_the_bucket_is_found_and_never_served(stage: cast.Stage, bucket: Any) -> None:
    frozen = _frozen(stage)
    file = frozen.files.get(name="labels.jsonl")
    ask = _reader(stage, file)
    assert ask(range="bytes=0-9").status_code == 206
    data = bytearray(bucket.get_object(Bucket=BUCKET, Key=_key(file))["Body"].read())
    begun = store.opened(file.digest)
    data[-3] ^= 1
    bucket.put_object(Bucket=BUCKET, Key=_key(file), Body=bytes(data))
    for headers in ({}, {"range": "bytes=0-9"}):
        answer = ask(**headers)
        assert (answer.status_code, answer.json()["title"]) == (409, "damaged")
    with pytest.raises(buckets.Missing):
        begun.read()
    assert exporting.verify(frozen) == ["labels.jsonl is damaged or missing"]
    bucket.delete_object(Bucket=BUCKET, Key=_key(file))
    assert ask().status_code == 409


def test_a_bucket_that_is_away_is_said_so_and_nothing_of_it_is_told(
    stage: cast.Stage, bucket: Any, settings: Any
) -> None:
    frozen = _frozen(stage)
    settings.STORE_SECRET_KEY = "not the one"
    answer = _reader(stage, frozen.files.get(name="labels.jsonl"))()
    assert (answer.status_code, answer["Retry-After"], answer.json()["title"]) == (503, "5", "storage-away")
    assert BUCKET not in answer.content.decode()
    settings.STORE_ENDPOINT = "http://127.0.0.1:9"
    with pytest.raises(buckets.Away):
        exporting.verify(frozen)


class _Broken(io.BytesIO):
    """A connection that gives four bytes and breaks."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= 4:
            raise ConnectionResetError
        return super().read(4)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.writing() as scratch:
        scratch.write(b"0123456789" * 10)
        digest, _size = store.keep(scratch)
    source, get, asked = store.opened(digest), buckets.Bucket.get, []

    def breaking(self: buckets.Bucket, key: str, found: buckets.Found, start: int) -> Any:
        asked.append(start)
        stream = get(self, key, found, start)
        return _Broken(stream.read()) if len(asked) < 3 else stream

    monkeypatch.setattr(buckets.Bucket, "get", breaking)
    assert source.read() == b"0123456789" * 10
    assert asked == [0, 4, 8]
    source.seek(-3, io.SEEK_END)
    assert source.read() == b"789"


def test_what_a_user_names_is_asked_at_checked_addresses_only(server: ObjectStorage, settings: Any) -> None:
    settings.STORE_SECONDS = 2
    named = buckets.Bucket(BUCKET, server.url, REGION, server.access_key, server.secret_key, guarded=True)
    house = replace(named, guarded=False)
    house.put("media/one.txt", io.BytesIO(b"one"))
    with pytest.raises(outbound.NotSent, match="OUTBOUND_HTTP"):
        named.find("media/one.txt")
    settings.OUTBOUND_HTTP, settings.OUTBOUND_SCHEMES = True, ["http"]
    settings.OUTBOUND_PORTS = [int(server.url.rpartition(":")[2])]
    with pytest.raises(outbound.NotSent) as refused:
        named.find("media/one.txt")
    assert refused.value.reason == "address"
    settings.OUTBOUND_NETWORKS = ["127.0.0.1/32"]
    assert list(named.walk("media/")) == [("media/one.txt", 3)]
    assert named.open("media/one.txt", named.find("media/one.txt")).read() == b"one"
    address = named.presigned("media/one.txt", lasts=timedelta(minutes=5), media_type="text/x-lent")
    assert "X-Amz-Expires=300" in address
    assert server.secret_key not in address + repr(named)
    server.unlock()
    with urllib.request.urlopen(address, timeout=5) as lent:
        assert (lent.read(), lent.headers["Content-Type"]) == (b"one", "text/x-lent")
    named.remove("media/one.txt")
    with pytest.raises(buckets.Missing):
        named.find("media/one.txt")
