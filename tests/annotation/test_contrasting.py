"""Two snapshots compared by cause, a row traced to what is behind it, runs that used a snapshot, and what changed upstream."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from annotation import contrasting, exporting, jobs, registering, relabelling, timeline, tracing
from annotation.export_terms import Terms
from annotation.models import Dispute, Snapshot
from specs import migrations, running
from specs.models import SpecVersion
from specs.refusals import Invalid, WrongState
from tests import cast


def _frozen(stage: cast.Stage, version: SpecVersion | None = None, **terms: Any) -> Snapshot:
    asked = exporting.request(
        project=stage.project, version=version or stage.version, name="s", terms=Terms(**terms), by=stage.ada
    )
    return exporting.build(snapshot_id=asked.pk)


def _told(old: Snapshot, new: Snapshot) -> dict[str, Any]:
    return contrasting.as_dict(contrasting.contrast(old, new))


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    """Three agreed upon; one with two against one, which a lead will rule against the two."""
    made = cast.stage(overlap=3, max_overlap=3, rule="majority")
    made.load(4)
    for answers in (("yes", "yes", "yes"), ("no", "no", "no"), ("yes", "yes", "no"), ("yes", "no", "yes")):
        for who, value in zip((made.ben, made.chi, made.dov), answers, strict=True):
            made.answer(who, value, cite=["knowledge"])
    return made


def test_labels_that_changed_are_told_by_cause_and_by_clause(stage: cast.Stage) -> None:
    first = _frozen(stage)
    assert _told(first, _frozen(stage))["questions"][0]["changed"] == 0
    stage.load(1, start=10)
    for who in (stage.ben, stage.chi, stage.dov):
        stage.answer(who, "no")
    version = cast.amend(stage, "knowledge")
    plan = relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)
    relabelling.confirm(plan=plan, tolerated=None, reason="Not touched.", by=stage.ada)
    plan.refresh_from_db()
    assert plan.relabel_queue is not None
    for who, value in ((stage.ben, "no"), (stage.chi, "no"), (stage.dov, "no")):
        for _ in range(2):
            stage.answer(who, value, queue=plan.relabel_queue, cite=["knowledge"])
    later = _frozen(stage, version)
    told = _told(first, later)
    (one,) = told["questions"]
    assert (told["items"]["added"], told["added"]) == (1, ["item-10"])
    assert one["causes"] == {"spec-version": one["changed"]}
    assert one["changed"] == one["shift"][0]["n"] >= 1
    assert (one["shift"][0]["from"], one["shift"][0]["to"]) == ("yes", "no")
    assert one["clauses"] == [{"clause": "knowledge", "n": one["changed"]}]
    assert {row["value"]: (row["old"], row["new"]) for row in one["values"]}["yes"][0] == 3
    assert "`knowledge`" in contrasting.as_markdown(told)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"basis": "gold"}, "gold"),
        ({"ruling": 7, "spec_version": "2.0.0"}, "ruling"),
        ({"spec_version": "2.0.0", "n_answers": 9}, "spec-version"),
        ({"distribution": {"no": 3}}, "answers"),
        ({}, "rule"),
    ],
)
def test_a_change_has_the_first_cause_that_holds(change: dict[str, Any], cause: str) -> None:
    label = {
        "basis": "consensus",
        "ruling": None,
        "spec_version": "1.0.0",
        "n_answers": 3,
        "distribution": {"yes": 3},
    }
    assert contrasting.cause_of(label, {**label, **change}, other_rule=True) == cause


def test_rows_that_the_files_do_not_hold_are_read_anew(stage: cast.Stage) -> None:
    whole, bare = _frozen(stage), _frozen(stage, columns=[], formats=["csv"])
    assert _told(whole, bare)["questions"][0]["same"] == 4


def test_a_row_leads_to_its_answers_clauses_and_rulings(stage: cast.Stage) -> None:
    stage.load(1, start=10)
    for who, value in zip((stage.ben, stage.chi, stage.dov), ("yes", "no", "no"), strict=True):
        stage.answer(who, value, cite=["whole"])
    frozen = _frozen(stage)
    told = tracing.trace(frozen, "item-10")
    assert {one["annotator"] for one in told["row"]["answers"]} == {
        stage.ben.pseudonym,
        stage.chi.pseudonym,
        stage.dov.pseudonym,
    }
    assert [one["key"] for one in told["clauses"]] == ["whole"]
    assert [one["what"] for one in told["history"]] == ["answer", "answer", "answer", "settled"]
    with pytest.raises(tracing.NotInSnapshot):
        tracing.trace(frozen, "item-99")


def test_a_carried_label_tells_what_the_spec_changed_since(stage: cast.Stage) -> None:
    version = cast.amend(stage, "numbers")
    plan = relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)
    relabelling.confirm(plan=plan, tolerated=None, reason="Not touched.", by=stage.ada)
    (since,) = tracing.trace(_frozen(stage, version), "item-0")["since"]
    assert (since["version"], since["change_class"]) == ("1.0.0", "major")
    assert any("numbers" in one["where"] for one in since["changes"])


def test_a_run_is_registered_once_and_not_on_what_tests_it(stage: cast.Stage) -> None:
    frozen = _frozen(stage, split=True)
    terms: dict[str, Any] = {
        "name": "bert",
        "commit": "4f2a",
        "trained_on": ["train"],
        "metrics": {"f1": 0.9},
    }
    run = registering.register(snapshot=frozen, by=stage.ada, **terms)
    assert registering.register(snapshot=frozen, by=stage.ada, **terms) == run
    with pytest.raises(WrongState, match="bert"):
        registering.register(snapshot=frozen, by=stage.ada, **{**terms, "commit": "other"})
    for wrong in (
        {"trained_on": ["test"]},
        {"trained_on": ["all"]},
        {"metrics": {"f1": float("nan")}},
        {"name": " "},
    ):
        with pytest.raises(Invalid):
            registering.register(snapshot=frozen, by=stage.ada, **{**terms, "name": "new", **wrong})
    key = next(iter(exporting.rows(frozen)))["key"]
    assert [one["name"] for one in tracing.trace(frozen, key)["runs"]] == ["bert"]


def test_large_ones_are_compared_in_a_job(stage: cast.Stage, settings: Any, client: Client) -> None:
    old, new = _frozen(stage), _frozen(stage, rule="majority")
    settings.CONTRASTED_AT_ONCE = 1
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    address = f"/p/rte/snapshots/{old.pk}/compare/{new.pk}/"
    assert b"a job compares them" in client.get(address).content
    assert client.post(address).status_code == 302
    job = contrasting.done_in_job(old, new)
    assert job is not None
    jobs.contrast_snapshots(job.pk)
    assert b"labels changed" in client.get(address).content
    markdown = client.get(f"{address}?as=markdown")
    assert markdown["Content-Type"].startswith("text/markdown")
    assert running.resend_waiting() == 0


def test_the_timeline_passes_by_all_other_events() -> None:
    (name,) = (path.stem for path in Path(migrations.__file__ or "").parent.glob("*_event_upstream.py"))
    migration = import_module(f"specs.migrations.{name}")
    assert set(migration.KINDS) == set(timeline.KINDS)


def test_what_changed_upstream_is_told_in_order(stage: cast.Stage) -> None:
    frozen = _frozen(stage)
    shown = list(timeline.events(stage.project).order_by("-pk"))
    entries = timeline.told(stage.project, shown)
    assert (entries[0].kind, entries[0].about) == ("snapshot.frozen", frozen.name)
    assert {"version.published", "queue.created", "items.loaded"} <= {one.kind for one in entries}
    assert {
        one.kind for one in timeline.told(stage.project, list(timeline.events(stage.project, "version")))
    } == {"version.published"}


def test_provenance_by_rest(stage: cast.Stage) -> None:
    old, new = _frozen(stage), _frozen(stage, rule="soft")
    client = stage.client(stage.ada)()
    where = "/api/v1/projects/rte"
    compared = client.get(f"{where}/snapshots/{old.pk}/compare/{new.pk}")
    assert compared.json()["questions"][0]["same"] == 4
    assert client.get(f"{where}/snapshots/{old.pk}/compare/{new.pk}?as=markdown").content.startswith(b"# s")
    assert client.get(f"{where}/snapshots/{new.pk}/trace?key=item-1").json()["row"]["labels"]["entailed"][
        "soft"
    ]
    assert client.get(f"{where}/snapshots/{new.pk}/trace?key=none").status_code == 404
    body = {"name": "r", "metrics": {"f1": 0.5}}
    made = client.post(f"{where}/snapshots/{new.pk}/runs", body, content_type="application/json")
    assert (made.status_code, made.json()["digest"]) == (201, new.digest)
    assert [one["name"] for one in client.get(f"{where}/runs").json()["runs"]] == ["r"]
    told = client.get(f"{where}/timeline?group=snapshot&limit=2").json()
    assert [one["kind"] for one in told["events"]] == ["training-run.registered", "snapshot.frozen"]
    assert Dispute.objects.count() == 0
