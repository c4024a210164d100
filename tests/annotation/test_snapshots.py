"""What a snapshot can be asked for: rules, filters, splits, parts; and that its bytes follow from that alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.utils import translation

from annotation import export_terms, exporting, holding_out
from annotation.agreement import stopping
from annotation.export_terms import Terms
from annotation.models import Annotation, Dispute, Snapshot, SnapshotPart, SnapshotPlace
from specs import canonical, equating, store
from specs.refusals import Invalid, WrongState
from tests import cast
from tests.workforce.test_goldkeeping import bring_in
from workforce import departing


def _frozen(stage: cast.Stage, version: Any = None, *, position: int | None = None, **terms: Any) -> Snapshot:
    asked = exporting.request(
        project=stage.project,
        version=version or stage.version,
        name="",
        position=position,
        terms=Terms(**terms),
        by=stage.ada,
    )
    return exporting.build(snapshot_id=asked.pk)


def _rows(frozen: Snapshot, name: str = "labels.jsonl") -> dict[str, Any]:
    with store.opened(frozen.files.get(name=name).digest) as source:
        return {row["key"]: row for row in map(json.loads, source)}


def _bytes(digest: str) -> bytes:
    with store.opened(digest) as source:
        return source.read()


def _labels(frozen: Snapshot) -> dict[str, Any]:
    return {key: row["labels"]["entailed"] for key, row in _rows(frozen).items()}


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    """Three agreed, one that a lead ruled against the majority, one that is still disputed."""
    made = cast.stage(overlap=3, max_overlap=3, consensus_share=1)
    made.load(5)
    said = [
        ("yes", "yes", "yes"),
        ("no", "no", "no"),
        ("yes", "yes", "yes"),
        ("yes", "yes", "no"),
        ("no", "no", "yes"),
    ]
    for answers in said:
        for who, value in zip((made.ben, made.chi, made.dov), answers, strict=True):
            made.answer(who, value, cite=["whole"])
    cast.ruled(made, Dispute.objects.order_by("pk")[0])
    return made


def test_every_rule_says_what_it_promises(stage: cast.Stage) -> None:
    settled = _labels(_frozen(stage))
    assert {key: (one["value"], one["basis"]) for key, one in settled.items()} == {
        "item-0": ("yes", "consensus"),
        "item-1": ("no", "consensus"),
        "item-2": ("yes", "consensus"),
        "item-3": ("no", "adjudicated"),
    }
    ruled = settled["item-3"]
    assert (ruled["cause"], ruled["decisive_clause"], ruled["distribution"]) == (
        "clause-ambiguous",
        "knowledge",
        {"no": 1, "yes": 2},
    )
    assert (ruled["n_answers"], ruled["entropy"], ruled["share"]) == (3, 0.918296, 0.333333)
    assert set(_labels(_frozen(stage, rule="adjudicated"))) == {"item-3"}
    everything = [*export_terms.BASES]
    majority = _labels(_frozen(stage, rule="majority", bases=everything))
    assert (majority["item-3"]["value"], majority["item-4"]["value"], majority["item-4"]["basis"]) == (
        "no",
        "no",
        "unresolved",
    )
    assert _labels(_frozen(stage, rule="soft", bases=everything))["item-4"]["soft"] == {
        "no": 0.666667,
        "yes": 0.333333,
    }
    weighed = _labels(_frozen(stage, rule="shrunken-dawid-skene", bases=everything))
    assert weighed["item-0"]["value"] == "yes"
    assert 0.5 < weighed["item-4"]["share"] < 1
    assert _labels(_frozen(stage, bases=["unresolved"]))["item-4"]["value"] is None


def test_filters_let_through_what_they_name(stage: cast.Stage) -> None:
    assert set(_rows(_frozen(stage, fields={"text": ["text 1", "text 2"]}))) == {"item-1", "item-2"}
    assert set(_rows(_frozen(stage, labels={"entailed": ["no"]}))) == {"item-1", "item-3"}
    assert set(_rows(_frozen(stage, bases=["adjudicated"]))) == {"item-3"}
    settled = _rows(_frozen(stage))["item-1"]["labels"]["entailed"]["settled_at"]
    assert set(_rows(_frozen(stage, before=settled))) == {"item-0"}
    assert "item-0" not in _rows(_frozen(stage, after=settled))
    row = _rows(_frozen(stage, columns=["answers"], item_fields=[]))["item-3"]
    assert set(row) == {"key", "labels", "answers"}
    assert set(row["labels"]["entailed"]) == {"value", "basis", "decided_by", "rule"}
    pseudonyms = {stage.ben.pseudonym, stage.chi.pseudonym, stage.dov.pseudonym}
    assert {one["annotator"] for one in row["answers"]} == pseudonyms


def test_what_cannot_be_asked_for_is_refused_with_every_reason(stage: cast.Stage) -> None:
    with pytest.raises(Invalid) as refused:
        _frozen(
            stage,
            rule="guess",
            formats=["coco", "jsonl"],
            labels={"other": ["x"]},
            since="9.0.0",
            after="soon",
        )
    assert {one["where"] for one in refused.value.problems} == {"rule", "coco", "labels", "since", "after"}


def test_an_item_stays_in_its_split_for_ever(stage: cast.Stage) -> None:
    first = _frozen(stage, split=True, eval_percent=30, test_percent=30)
    terms = first.request["split"]
    stems = {file.name.split(".")[0] for file in first.files.filter(name__endswith=".jsonl")}
    for stem in stems:
        for key, row in _rows(first, f"{stem}.jsonl").items():
            assert row["split"] == stem == holding_out.of(terms, key, row["payload"])
    stage.load(30, start=100)
    for _ in range(30):
        for who in (stage.ben, stage.chi, stage.dov):
            stage.answer(who, "yes")
    later = _frozen(stage, split=True)
    assert later.request["split"] == terms
    assert later.manifest is not None
    assert sum(later.manifest["counts"]["splits"].values()) == 34
    assert set(later.manifest["counts"]["splits"]) == {"train", "eval", "test"}
    held_out = set(_rows(later, "test.jsonl"))
    assert not held_out & set(_rows(_frozen(stage, split=True, splits=["train"]), "train.jsonl"))
    with pytest.raises(WrongState, match="fixed"):
        _frozen(stage, split=True, test_percent=20)


def test_shares_of_the_split_are_met_and_a_field_keeps_items_together() -> None:
    terms = {"seed": "ab" * 32, "by": "", "eval": 10, "test": 20}
    found = [holding_out.of(terms, f"item-{k}", {}) for k in range(10_000)]
    assert abs(found.count("test") / 10_000 - 0.2) < 0.015
    assert abs(found.count("eval") / 10_000 - 0.1) < 0.015
    together = {holding_out.of({**terms, "by": "talk"}, f"item-{k}", {"talk": 7}) for k in range(100)}
    assert len(together) == 1


def test_a_range_of_versions_counts_only_when_they_mean_the_same(stage: cast.Stage) -> None:
    version = cast.amend(stage, "numbers")
    with pytest.raises(Invalid) as refused:
        _frozen(stage, version, since="1.0.0")
    assert refused.value.problems[0]["where"] == "since"
    assert _frozen(stage, version).n_rows == 0
    equating.declare(spec=stage.spec, meanings=[1, 2], reason="Only words.", by=stage.ada)
    frozen = _frozen(stage, version, since="1.0.0")
    assert (frozen.n_rows, frozen.request["versions"], frozen.request["meanings"]) == (
        4,
        ["1.0.0", "2.0.0"],
        [1, 2],
    )
    equating.withdraw(spec=stage.spec, meanings=[1, 2], by=stage.ada)
    again = Snapshot.objects.create(
        project=stage.project, version=version, position=frozen.position, request=frozen.request, name="again"
    )
    assert exporting.build(snapshot_id=again.pk).digest == frozen.digest


def test_parts_make_the_same_rows_and_a_killed_build_goes_on(stage: cast.Stage, settings: Any) -> None:
    whole = _rows(_frozen(stage))
    settings.SNAPSHOT_PART_ROWS = 2
    asked = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    assert exporting.place(asked) == 2
    assert exporting.help_build(snapshot_id=asked.pk) == 2
    SnapshotPart.objects.get(snapshot=asked, number=1)
    frozen = exporting.build(snapshot_id=asked.pk)
    names = sorted(frozen.files.filter(name__endswith=".jsonl").values_list("name", flat=True))
    assert names == ["labels-00001-of-00002.jsonl", "labels-00002-of-00002.jsonl"]
    assert {**_rows(frozen, names[0]), **_rows(frozen, names[1])} == whole
    assert exporting.verify(frozen) == []
    assert not SnapshotPlace.objects.exists()
    settings.SNAPSHOT_PART_ROWS = 2
    assert _frozen(stage).digest == frozen.digest


def test_erasing_a_person_changes_no_byte(stage: cast.Stage) -> None:
    columns = [*export_terms.COLUMNS]
    before = _frozen(stage, columns=columns)
    departing.remove(member=stage.member("ben"), by=stage.ada)
    assert exporting.verify(before) == []
    assert _frozen(stage, position=before.position, columns=columns).digest == before.digest
    data = b"".join(map(_bytes, before.files.values_list("digest", flat=True)))
    for canary in (b"ben@example.org", b"ada@example.org", b'"ben"', b'"chi"'):
        assert canary not in data


ELSEWHERE = """
import django; django.setup()
from annotation import exporting
from annotation.models import Snapshot
from django.utils import translation
import sys, time
translation.activate(sys.argv[3])
old = Snapshot.objects.get(pk=int(sys.argv[1]))
new = Snapshot.objects.create(project_id=old.project_id, version_id=old.version_id, position=old.position,
                              request=old.request, name=sys.argv[2])
print(exporting.build(snapshot_id=new.pk).digest)
"""


def test_the_digest_is_the_same_in_another_locale_zone_and_hash_seed(stage: cast.Stage) -> None:
    """INV-14, two processes here; 20 in the long form of `test_snapshots_hold`."""
    formats = ["jsonl", "parquet", "csv", "label_studio"]
    first = _frozen(
        stage, formats=formats, rule="shrunken-dawid-skene", split=True, columns=[*export_terms.COLUMNS]
    )
    for seed, zone, locale, language in (
        ("1", "Pacific/Chatham", "de_DE.UTF-8", "de"),
        ("77", "America/Lima", "C", "en"),
    ):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "LANG": locale}
        told = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, str(first.pk), seed, language],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        assert told.stdout.strip() == first.digest
    with translation.override("de"):
        assert (
            _frozen(
                stage,
                formats=formats,
                rule="shrunken-dawid-skene",
                split=True,
                columns=[*export_terms.COLUMNS],
            ).digest
            == first.digest
        )


def test_the_manifest_is_a_file_and_the_sheets_stand_beside_it(stage: cast.Stage) -> None:
    frozen = _frozen(stage, split=True)
    files = {file.name: file for file in frozen.files.all()}
    assert (
        files["manifest.json"].digest == frozen.digest == canonical.digest(canonical.dumps(frozen.manifest))
    )
    assert frozen.manifest is not None
    assert frozen.manifest["coverage"] == {"main": {"items_answered": 5, "answers": 15, "rows": 4}}
    assert frozen.manifest["shares"] == {"entailed": {'"no"': 0.5, '"yes"': 0.5}}
    with store.opened(files["statement.json"].digest) as source:
        told = {one["name"]: one["digest"]["sha256"] for one in json.load(source)["subject"]}
    for file in frozen.manifest["files"]:
        assert told[file["name"]] == file["digest"].removeprefix("sha256:")
    with store.opened(files["croissant.json"].digest) as source:
        croissant = json.load(source)
    assert {one["sha256"] for one in croissant["distribution"]} == {
        file["digest"].removeprefix("sha256:") for file in frozen.manifest["files"]
    }
    with store.opened(files["README.md"].digest) as source:
        sheet = source.read().decode()
    assert frozen.digest in sheet
    assert "Common knowledge decides." in sheet
    assert Annotation.objects.count() == 15


def test_known_answers_stand_in_a_snapshot_and_calibrate_its_chances(
    stage: cast.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With enough known answers each row says how likely its value is right; they stand for their items where asked for."""
    bring_in(
        stage, *({"key": f"item-{n}", "value": value} for n, value in enumerate(("no", "no", "yes", "no")))
    )
    known = _labels(_frozen(stage, gold=True))
    assert {key: (one["value"], one["basis"]) for key, one in known.items()} == {
        "item-0": ("no", "gold"),
        "item-1": ("no", "gold"),
        "item-2": ("yes", "gold"),
        "item-3": ("no", "gold"),
    }
    assert _labels(_frozen(stage))["item-0"]["basis"] == "consensus"
    assert "chance" not in _labels(_frozen(stage, rule="shrunken-dawid-skene"))["item-0"]
    monkeypatch.setattr(stopping, "ENOUGH_KNOWN", 3)
    frozen = _frozen(stage, rule="shrunken-dawid-skene")
    chances = {key: one["chance"] for key, one in _labels(frozen).items() if one["basis"] != "adjudicated"}
    assert set(chances) == {"item-0", "item-1", "item-2"}
    assert all(0 < chance < 1 for chance in chances.values())
    assert _frozen(stage, rule="shrunken-dawid-skene", position=frozen.position).digest == frozen.digest
