"""A pipeline's day with the client, over real HTTP: a bot labels, a model is trained, its run leads back to a clause."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from annotation import jobs
from annotation.client import concordat
from specs.models import Job
from tests import cast
from tests.serving import Site
from workforce import loading

WORDS = {"yes": ("sun", "warm", "bright"), "no": ("rain", "cold", "grey")}


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(overlap=2, max_overlap=2)
    rows = [
        {"key": f"item-{k:03d}", "text": f"{WORDS[value][k % 3]} {WORDS[value][(k + 1) % 3]} day {k}"}
        for k, value in enumerate(["yes", "no"] * 30)
    ]
    data = "\n".join(map(json.dumps, rows)).encode()
    loading.load(project=made.project, queue=made.queue, source=io.BytesIO(data), name="i.jsonl", by=made.ada)
    return made


@pytest.fixture
def houses(stage: cast.Stage, site: Site, tmp_path: Path, monkeypatch: Any) -> dict[str, concordat.Concordat]:
    monkeypatch.setenv("CONCORDAT_CACHE", str(tmp_path / "cache"))
    return {
        name: concordat.Concordat(site.url, "rte", stage.token(member))
        for name, member in (("ben", stage.member("ben")), ("chi", stage.member("chi")), ("ada", stage.ada))
    }


def _answer(item: dict[str, Any]) -> dict[str, str]:
    return {"entailed": "yes" if item["text"].split()[0] in WORDS["yes"] else "no"}


def test_from_a_bot_to_a_run_that_is_traced_to_a_clause(
    houses: dict[str, concordat.Concordat], tmp_path: Path
) -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    lease = houses["ben"].claim("main")
    assert lease is not None
    assert lease.submit(_answer(lease.item), citations={"entailed": ["knowledge"]}) == lease.submit(
        _answer(lease.item), citations={"entailed": ["knowledge"]}
    )
    assert houses["ben"].work("main", _answer) == 59
    assert houses["chi"].work("main", _answer) == 60
    asked = houses["ada"].build("rte", "1.0.0", split={"eval": 20, "test": 20}, wait=False)
    jobs.build_snapshot(Job.objects.latest("pk").pk)
    snapshot = asked.wait(seconds=30)
    assert houses["ada"].newest(spec="rte").digest == snapshot.digest

    train, test = snapshot.to_pandas("train"), snapshot.to_pandas("test")
    assert len(train) + len(test) + len(list(snapshot.rows("eval"))) == 60
    assert not set(train["key"]) & set(test["key"])
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    model.fit(train["item.text"], train["entailed"])
    accuracy = float(model.score(test["item.text"], test["entailed"]))
    run = snapshot.register_run(
        "words-1", commit="4f2a9c1", metrics={"accuracy": accuracy}, trained_on=["train"]
    )
    assert (run["digest"], run["metrics"]) == (snapshot.digest, {"accuracy": accuracy})
    assert accuracy > 0.8
    with pytest.raises(concordat.Refused) as refused:
        snapshot.register_run("words-2", trained_on=["test"])
    assert (refused.value.status, refused.value.code) == (422, "invalid")

    cited = next(row["key"] for row in snapshot.rows() if row["labels"]["entailed"]["clauses"])
    behind = snapshot.trace(cited)
    assert [one["key"] for one in behind["clauses"]] == ["knowledge"]
    assert [one["name"] for one in behind["runs"]] == ["words-1"]
    assert len({one["annotator"] for one in behind["row"]["answers"]}) == 2

    folder = tmp_path / "files"
    snapshot.download(folder)
    assert snapshot.verify(folder) == []
    damaged = folder / "train.jsonl"
    whole = damaged.read_bytes()
    damaged.with_name("train.jsonl.part").write_bytes(whole[:100])
    damaged.unlink()
    snapshot.download(folder, only=[".jsonl"])
    assert damaged.read_bytes() == whole
    damaged.write_bytes(whole.replace(b"y", b"n", 1))
    assert snapshot.verify(folder) == ["train.jsonl is damaged"]


def test_the_file_is_a_program_of_its_own(
    houses: dict[str, concordat.Concordat], stage: cast.Stage, site: Site, tmp_path: Path
) -> None:
    for name in ("ben", "chi"):
        houses[name].work("main", _answer, at_most=3)
    asked = houses["ada"].build("rte", "1.0.0", wait=False)
    jobs.build_snapshot(Job.objects.latest("pk").pk)
    from urllib.request import urlopen

    program = tmp_path / "concordat.py"
    with urlopen(f"{site.url}/api/v1/client.py") as reply:
        program.write_bytes(reply.read())
    environment = {
        "CONCORDAT_URL": site.url,
        "CONCORDAT_PROJECT": "rte",
        "CONCORDAT_TOKEN": stage.token(stage.ada),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", str(program), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    listed = run("list").stdout.split("\t")
    assert (listed[0], listed[1], listed[4]) == (str(asked.id), "frozen", asked.refresh().digest)
    fetched = run("download", "newest", str(tmp_path / "out"))
    assert (fetched.returncode, fetched.stderr) == (0, "")
    assert run("verify", asked.digest, str(tmp_path / "out")).returncode == 0
    (tmp_path / "out" / "labels.jsonl").write_text("{}")
    assert "labels.jsonl is damaged" in run("verify", "newest", str(tmp_path / "out")).stderr
    missing = run("trace", "newest", "nothing")
    assert (missing.returncode, "not-in-snapshot" in missing.stderr) == (1, True)
