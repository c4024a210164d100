"""The command line: what it prints, and how it refuses."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from annotation import gathering, measuring, replaying
from annotation.demo import story
from annotation.models import AgreementReport, AnnotatorReading
from specs import running
from specs.models import Member
from tests import cast
from tests.agreement import real
from tests.agreement.test_aggregate import NAMES


def _run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_a_history_gives_its_published_agreement() -> None:
    """The 800 pairs of the demo: alpha and majority accuracy as published with the data."""
    _run("import_labels", str(story.DATA / "entailment"), "--project", "snow", "--open-disputes", "3")
    numbers = json.loads(_run("agreement", "--project", "snow", "--json"))
    assert (numbers["annotations"], numbers["items"], numbers["annotators"]) == (8000, 800, 164)
    assert numbers["alpha"]["value"] == pytest.approx(0.241479, abs=5e-7)
    assert numbers["percent_agreement"] == pytest.approx(0.628694, abs=5e-7)
    assert numbers["ac1"] == pytest.approx(0.272732, abs=5e-7)
    assert numbers["majority_accuracy"] == pytest.approx(0.896875, abs=5e-7)
    assert set(numbers["questions"]) == {"label"}
    found = gathering.gather(report=AgreementReport.objects.get(spec__project__key="snow")).numbers
    assert (found["n_annotators"], found["n_answers"], len(found["people"])) == (164, 8000, 40)
    assert len(found["camp_sizes"]) > 1, "groups with readings of their own"
    assert found["across"][0]["kappa"] == min(one["kappa"] for one in found["across"])


@pytest.mark.django_db
def test_labels_whose_annotators_share_an_error_come_out_as_the_reference_has_them() -> None:
    """bluebirds by the command line: alpha to six decimals, several answers as one to half a point of an implementation."""
    _run("import_labels", str(replaying.folder_of("bluebirds")), "--project", "birds")
    expected = real.reference("bluebirds")
    numbers = json.loads(_run("agreement", "--project", "birds", "--json"))
    (alpha,) = set(real.values_of(expected["agreement"]["krippendorff_alpha_nominal"]))
    assert numbers["alpha"]["value"] == pytest.approx(alpha, abs=5e-7)
    for method in ("majority", "wawa", "dawid-skene", "mace"):
        found = json.loads(_run("aggregate", "--project", "birds", "--method", method, "--json"))
        published = real.values_of(expected["aggregation"][NAMES[method]])
        assert min(abs(found["accuracy"] - value) for value in published) < 0.005


@pytest.mark.django_db
def test_the_clauses_of_a_test_suite_are_told_apart() -> None:
    """HateCheck: the clauses with the most disagreement are the published ones."""
    out = _run("import_labels", str(story.DATA / "hatecheck"), "--project", "hc", "--sensitive", "--json")
    assert json.loads(out)["agreement"]["label"]["value"] == pytest.approx(0.928516, abs=5e-7)
    worst = _run("agreement", "--project", "hc").splitlines()[2]
    assert "Negate neg nh: 0.087 n=140" in worst
    _clauses_and_people()


def _clauses_and_people() -> None:
    """Through import and database, the same as the reference says of the files."""
    expected = real.reference("hatecheck")["by_clause"]
    clauses = {row["key"]: row for row in json.loads(_run("clauses", "--project", "hc", "--json"))["clauses"]}
    for row in expected["clauses"]:
        ours = clauses[row["clause_id"]]
        assert (ours["items"], ours["answers"], ours["flagged"]) == (
            row["items"],
            row["labels"],
            row["bh_flag_q10"],
        )
        assert ours["disagreement"] == pytest.approx(row["annotator_adjusted_pair_disagreement"], abs=6e-6)
        assert ours["z"] == pytest.approx(row["z_vs_median_of_other_clauses"], abs=1e-4)
    kept = AgreementReport.objects.get(spec__project__key="hc").numbers["clauses"]["slur_h"]
    assert (kept["verdict"], "annotators" in kept) == ("annotator", False)
    assert (clauses["slur_h"]["verdict"], clauses["slur_h"]["annotators"]) == ("annotator", ["A002"])
    verdicts = {key: row["verdict"] for key, row in clauses.items() if row["verdict"] != "clear"}
    assert set(verdicts) == {row["clause_id"] for row in expected["clauses"] if row["bh_flag_q10"]}
    assert {key for key, verdict in verdicts.items() if verdict == "annotator"} == {
        "slur_h",
        "target_indiv_nh",
    }
    assert set(verdicts.values()) == {"annotator", "ambiguous"}
    assert not any(row["weighty"] for row in clauses.values())
    people = {
        row["annotator"]: row
        for row in json.loads(_run("annotators", "--project", "hc", "--json"))["annotators"]
    }
    for row in expected["annotators"]:
        ours = people[row["annotator_id"]]
        assert (ours["answers"], ours["gold_answers"]) == (row["labels"], row["labels"])
        assert ours["gold_accuracy"] == pytest.approx(1 - row["error_rate_vs_gold"], abs=6e-6)
        assert ours["effect"] == pytest.approx(row["additive_effect_on_pair_disagreement"], abs=6e-6)
    assert next(iter(people)) == "A002"
    found = json.loads(_run("aggregate", "--project", "hc", "--method", "dawid-skene", "--labels", "--json"))
    assert found["accuracy"] == pytest.approx(0.998975, abs=1e-6)
    assert (found["confidence"], len(found["labels"])) == ("calibrated", 3901)
    assert found["calibration_error"] < 0.005
    assert found["labels"]["hc-0001"][0] == "hateful"
    alarms = json.loads(_run("drift", "--project", "hc", "--json"))["alarms"]
    assert {alarm["stream"] for alarm in alarms} <= {"gold", "consensus"}
    assert "A002" in {alarm["annotator"] for alarm in alarms}
    assert alarms == sorted(alarms, key=lambda alarm: alarm["at"])
    assert "§" in _run("clauses", "--project", "hc")
    assert "A002: 1,946 answers" in _run("annotators", "--project", "hc")
    assert "majority: accuracy 0.9987" in _run("aggregate", "--project", "hc", "--method", "majority")
    with pytest.raises(CommandError, match="There are: label"):
        _run("drift", "--project", "hc", "--question", "other")


def test_a_snapshot_is_built_verified_and_found_damaged(committed_db: None) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(2)
    for _ in range(2):
        stage.answer(stage.ben, "yes")
    built = json.loads(_run("snapshot", "--project", "rte", "--json"))
    assert built["rows"] == 2
    assert "intact" in _run("verify_snapshot", built["digest"])
    assert "hold. Checkpoint: " in _run("verify_ledger", "--project", "rte")
    with pytest.raises(CommandError, match="no snapshot"):
        _run("verify_snapshot", "sha256:none")
    with pytest.raises(CommandError, match="checkpoint"):
        _run("verify_ledger", "--project", "rte", "--checkpoint", "1:sha256:other")


@pytest.mark.django_db
def test_commands_say_what_is_there_instead(tmp_path: Path) -> None:
    cast.stage()
    with pytest.raises(CommandError, match="There are: rte"):
        _run("agreement", "--project", "none")
    with pytest.raises(CommandError, match="neither a folder"):
        _run("import_labels", str(tmp_path / "none"), "--project", "x")
    with pytest.raises(CommandError, match=r"no labels\.csv"):
        _run("import_labels", str(tmp_path), "--project", "x")
    with pytest.raises(CommandError, match="has no version"):
        _run("snapshot", "--project", "rte", "--version-number", "9.0.0")


@pytest.mark.django_db
def test_the_first_owner_comes_from_the_command_line() -> None:
    assert "Password: " in _run("create_owner", "root", "--project", "first", "--generate")
    assert Member.objects.get().roles == ["owner"]
    assert User.objects.get().check_password("") is False
    with pytest.raises(CommandError, match="member already"):
        _run("create_owner", "root", "--project", "first", "--generate")
    with pytest.raises(CommandError, match="lower-case"):
        _run("create_owner", "root", "--project", "No Such", "--generate")


@pytest.mark.django_db
def test_a_spec_goes_out_is_linted_compared_and_comes_in_again(tmp_path: Path) -> None:
    stage = cast.stage()
    file = tmp_path / "rte.md"
    call_command("spec_export", "--project", "rte", "--output", str(file))
    changed = file.read_text().replace("Common knowledge decides.", "What every adult knows decides.")
    file.write_text(changed)
    said = io.StringIO()
    call_command("spec_import", str(file), "--project", "rte", stdout=said)
    assert "3 clauses" in said.getvalue()
    out = io.StringIO()
    call_command("spec_diff", "1.0.0", "draft", "--project", "rte", "--json", stdout=out)
    comparison = json.loads(out.getvalue())
    assert (comparison["change_class"], [c["key"] for c in comparison["clauses"]]) == ("major", ["knowledge"])
    text = io.StringIO()
    call_command("spec_diff", "1.0.0", "draft", "--project", "rte", stdout=text)
    assert "~~Common knowledge decides.~~" in text.getvalue() or "**What every adult" in text.getvalue()
    found = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("spec_lint", "--project", "rte", "--number", "draft", "--json", stdout=found)
    assert "no-example" in {one["code"] for one in json.loads(found.getvalue())["findings"]}
    guide = tmp_path / "guide.md"
    guide.write_text("# Guide\n\n## Dates\n\nThey count.\n")
    call_command("spec_import", str(guide), "--project", "rte", "--spec", "rte", "--guideline", stdout=said)
    assert "1 clauses are proposed" in said.getvalue()
    file.write_text("no front matter")
    with pytest.raises(CommandError, match="line 1"):
        call_command("spec_import", str(file), "--project", "rte")
    with pytest.raises(CommandError, match="has no version 7"):
        call_command("spec_diff", "1.0.0", "7.0.0", "--project", "rte")
    assert stage.spec.versions.draft().count() == 1


def test_a_replay_prints_labels_used_accuracy_and_share_accepted() -> None:
    found = json.loads(
        _run("replay_overlap", "bluebirds", "--target", "0.95", "--repetitions", "3", "--json")
    )
    assert (found["target"], found["minimum"], found["maximum"], found["n_labels"]) == (0.95, 2, 5, 4212)
    assert 4 < found["labels"]["value"] < 5
    assert 0.7 < found["accuracy"]["value"] < found["accepted_accuracy"]["value"] < 1
    assert 0.3 < found["accepted_share"]["value"] < 0.7
    assert {"2", "3"} == set(found["margin"])
    assert "target 0.95" in _run("replay_overlap", "bluebirds", "--repetitions", "2")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "snow_rte are shipped"),
        (["bluebirds", "--target", "1.5"], "between 0.5 and 1"),
        (["bluebirds", "--maximum", "1"], "at least the minimum"),
    ],
)
def test_a_replay_says_what_it_cannot_do(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        _run("replay_overlap", *arguments)


@pytest.mark.django_db
def test_a_report_keeps_everybody_apart_from_what_all_may_read() -> None:
    _run("import_labels", str(story.DATA / "entailment"), "--project", "snow")
    report = AgreementReport.objects.get(spec__project__key="snow")
    readings = {one.annotator_id: one for one in report.annotator_readings.all()}
    people = json.loads(_run("annotators", "--project", "snow", "--json"))["annotators"]
    assert len(readings) == len(people) == 164
    assert sorted((one.n_answers, one.n_right, round(one.effect, 6)) for one in readings.values()) == sorted(
        (row["answers"], round((row["gold_accuracy"] or 0) * row["gold_answers"]), row["effect"])
        for row in people
    )
    assert "effect" not in json.dumps(report.numbers)
    reading = next(iter(readings.values()))
    for wrong in ({"n_agreed": reading.n_beside + 1}, {"n_right": reading.n_known + 1}):
        with pytest.raises(IntegrityError, match="annotator_reading_parts"), transaction.atomic():
            AnnotatorReading.objects.create(**{**_copied(reading), **wrong})
    with pytest.raises(IntegrityError, match="annotator_reading_once"), transaction.atomic():
        AnnotatorReading.objects.create(**_copied(reading))


def _copied(reading: AnnotatorReading) -> dict[str, Any]:
    return {field.name: getattr(reading, field.name) for field in reading._meta.fields if field.name != "id"}


@pytest.mark.django_db
def test_a_measurement_says_how_far_it_is_and_stops_when_told_to() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(2)
    for _ in range(2):
        stage.answer(stage.ben, "yes")
    notes: list[str] = []
    measuring.measure(spec=stage.spec, by=None, told=notes.append)
    assert len(notes) == measuring.PARTS
    assert notes[0] == "entailed: reading answers"

    def stop(note: str) -> None:
        if "clauses" in note:
            raise running.Cancelled

    with pytest.raises(running.Cancelled):
        measuring.measure(spec=stage.spec, by=None, told=stop)
    assert AgreementReport.objects.count() == 1
