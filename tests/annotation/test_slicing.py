"""Agreement in slices: by a field, label, clause, cohort, time; each with n and interval, or too few to say."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from annotation import importing, jobs, scoping, slicing
from annotation.answers import Scope
from annotation.demo import story
from specs.models import Job
from specs.refusals import Invalid
from tests import cast
from workforce import cohorts, loading
from workforce.models import Annotator, CohortMembership

pytestmark = pytest.mark.django_db
LANGUAGES = ("de", "en", "fr")


def _stage(n: int = 24) -> cast.Stage:
    """Items of three languages, answered by two; in English they differ on every other item, in French few are answered."""
    made = cast.stage(overlap=2, max_overlap=2)
    rows = [{"key": f"i{k}", "text": "x" * 200, "lang": LANGUAGES[k % 2], "len": k} for k in range(n - 2)] + [
        {"key": f"f{k}", "text": "x" * 200, "lang": "fr", "len": n} for k in range(2)
    ]
    source = io.BytesIO("\n".join(json.dumps(row) for row in rows).encode())
    loading.load(project=made.project, queue=made.queue, source=source, name="i.jsonl", by=made.ada)
    for k in range(n):
        made.answer(made.ben, "yes" if k % 3 else "no", cite=["whole"])
        made.answer(made.chi, "yes" if k % 3 and k % 4 != 1 else "no")
    return made


def _scope(stage: cast.Stage) -> Scope:
    return scoping.of(spec=stage.spec)


def _by(stage: cast.Stage, by: str, field: str = "") -> dict[str, slicing.Slice]:
    return {one.key: one for one in slicing.read(_scope(stage), by=by, field=field).slices}


def test_by_a_field_of_the_items() -> None:
    stage = _stage()
    assert slicing.fields(_scope(stage)) == ["lang", "len"]
    found = slicing.read(_scope(stage), by="field", field="lang")
    by_key = {one.key: one for one in found.slices}
    assert list(by_key) == ["de", "en", "fr"]
    assert sum(one.n_answers for one in found.slices) == found.whole.n_answers == 48
    assert (by_key["de"].agreement.value, by_key["de"].agreement.n_items) == (1.0, 11)
    assert (by_key["en"].agreement.value or 1) < 1
    assert by_key["en"].agreement.low is not None
    assert (by_key["fr"].agreement.value, by_key["fr"].agreement.reason) == (
        None,
        "too few items to say (2 of 10)",
    )
    assert (by_key["de"].alpha.value, by_key["de"].alpha.n_items) == (1.0, 11)
    assert set(_by(stage, "field", "nowhere")) == {""}


def test_numbers_are_cut_into_ranges_and_many_slices_are_put_together(settings: Any) -> None:
    stage = _stage()
    settings.SLICE_PARTS = 4
    found = slicing.read(_scope(stage), by="field", field="len").slices
    assert found[0].title == "0 – 4"
    assert len(found) == slicing.RANGES
    settings.SLICE_PARTS = 2
    words = slicing.read(_scope(stage), by="field", field="lang")
    assert ([one.key for one in words.slices], words.n_merged) == (["de", "en", "…"], 1)


def test_by_label_and_by_clause() -> None:
    stage = _stage()
    labels = _by(stage, "label")
    assert set(labels) == {"yes", "no"}
    assert labels["yes"].n_answers + labels["no"].n_answers == 48
    assert 0 < (labels["yes"].agreement.value or 0) < 1
    clauses = _by(stage, "clause")
    assert list(clauses) == ["whole", "knowledge", "numbers"]
    assert clauses["whole"].agreement.n_items == 24
    assert clauses["numbers"].agreement.reason == "too few items to say (0 of 10)"
    assert "chosen by what people said" in clauses["whole"].alpha.reason


def test_by_cohort_as_it_was_when_she_answered() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(12)
    wave = cohorts.create(project=stage.project, key="wave", name="First wave", by=stage.ada)
    for who in (stage.ben, stage.chi):
        cohorts.join(cohort=wave, annotator=who, by=stage.ada)
    for _ in range(12):
        for who in (stage.ben, stage.chi):
            stage.answer(who, "yes")
    assert {key: one.n_answers for key, one in _by(stage, "cohort").items()} == {"wave": 24}
    CohortMembership.objects.filter(annotator=stage.chi).update(
        since="2020-01-01T00:00Z", until="2020-01-02T00:00Z"
    )
    found = _by(stage, "cohort")
    assert {key: one.n_answers for key, one in found.items()} == {"wave": 12, "": 12}
    assert "too few" in found["wave"].agreement.reason, "no pair lies within it"


def test_by_time_in_days_weeks_or_months(tmp_path: Path) -> None:
    lines = ["item_id,annotator_id,label,timestamp"]
    for k in range(30):
        day = 1 + k % 28
        month = 1 + k // 10
        lines += [f"i{k},a{j},{'yes' if k % 2 else 'no'},2025-{month:02}-{day:02}T10:00:00Z" for j in (1, 2)]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    done = importing.import_labels(folder=tmp_path, project_key="past", by=None)
    found = slicing.read(scoping.of(spec=done.version.spec), by="time")
    assert found.step == "week"
    assert sum(one.n_answers for one in found.slices) == 60
    keys = [one.key for one in found.slices]
    assert keys == sorted(keys)


def test_real_clauses_differ_as_the_model_of_clauses_says_raw() -> None:
    """HateCheck: the slices by clause are the raw rates of `clauses`; one known clause per item."""
    call_command(
        "import_labels", str(story.DATA / "hatecheck"), "--project", "hc", "--sensitive", stdout=io.StringIO()
    )
    out = io.StringIO()
    call_command("agreement", "--project", "hc", "--by", "clause", "--json", stdout=out)
    found = {one["key"]: one for one in json.loads(out.getvalue())["slices"]}
    clauses = io.StringIO()
    call_command("clauses", "--project", "hc", "--json", stdout=clauses)
    for row in json.loads(clauses.getvalue())["clauses"]:
        mine = found[row["key"]]
        assert mine["agreement"]["value"] == pytest.approx(1 - row["raw"], abs=2e-3)
        assert (mine["agreement"]["items"], mine["answers"]) == (row["items"], row["answers"])
    said = io.StringIO()
    call_command("agreement", "--project", "hc", "--by", "label", stdout=said)
    assert "all answers: agreement 0.9" in said.getvalue()


def test_what_does_not_exist_is_refused() -> None:
    stage = cast.stage()
    with pytest.raises(Invalid, match="not 'colour'"):
        slicing.read(_scope(stage), by="colour")
    with pytest.raises(Invalid, match="Name the field"):
        slicing.read(_scope(stage), by="field")
    with pytest.raises(Invalid, match="There are: entailed"):
        scoping.of(spec=stage.spec, question="other")
    with pytest.raises(Invalid, match="no queue"):
        scoping.of(spec=stage.spec, queue="other")


def test_by_page_by_rest_and_in_a_job(client: Client, settings: Any) -> None:
    stage = _stage()
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    address = "/p/rte/agreement/slices/"
    page = client.get(address, {"by": "field"}).content.decode()
    assert "too few items to say (2 of 10)" in page
    taken = "charts/slices.csv?spec=&amp;queue=&amp;question=&amp;by=field&amp;field=lang"
    assert taken in page, "the field that was chosen for whoever named none"
    for by in slicing.BY:
        assert client.get(address, {"by": by}).status_code == 200
    assert client.get(address, {"by": "colour"}).status_code == 200
    assert client.get(address, {"question": "other"}).status_code == 404
    csv = client.get(f"{address}charts/slices.csv", {"by": "field", "field": "lang"}).content.decode()
    assert csv.splitlines()[1].startswith("de,1.0,")
    assert client.get(f"{address}charts/slices.txt", {"by": "label"}).status_code == 404
    rest, api = stage.client(stage.ada)(), "/api/v1/projects/rte/agreement/slices"
    asked = {"spec": "rte", "by": "field", "field": "lang"}
    whole = rest.get(api, asked).json()
    assert [one["key"] for one in whole["slices"]] == ["de", "en", "fr"]
    assert rest.get(api, {"spec": "rte", "by": "colour"}).status_code == 422
    settings.MEASURED_AT_ONCE = 10
    assert rest.get(api, asked).status_code == 409
    assert "too many answers" in client.get(address, asked).content.decode()
    sent = client.post(f"{address}count/", asked)
    assert sent.status_code == 302
    jobs.slice_answers(Job.objects.get(kind=slicing.JOB).pk)
    assert rest.get(api, asked).json()["slices"] == whole["slices"]
    assert "counted" in client.get(address, asked).content.decode()
    made = rest.post(api, asked, content_type="application/json")
    assert (made.status_code, Annotator.objects.filter(project=stage.project).count()) == (202, 3)
