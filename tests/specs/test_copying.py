"""Specs come and go as files, documents, clones; what nobody has read is not published; pictures are nothing but pixels."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from specs import contents, copying, drafting, governing, pictures, publishing, restructuring
from specs.models import DraftClause, Event, Spec, SpecVersion
from specs.refusals import Invalid
from tests import cast
from workforce import cloning, paths, queues, skills
from workforce.models import Queue

pytestmark = pytest.mark.django_db
WORDS: dict[str, Any] = {"notes": "n", "rationale": "r"}


@pytest.fixture
def stage() -> cast.Stage:
    return cast.stage()


def _png(mode: str = "RGB", size: tuple[int, int] = (4, 3), **options: object) -> bytes:
    made = io.BytesIO()
    Image.new(mode, size, 0).save(made, "PNG", **options)
    return made.getvalue()


def test_a_spec_goes_out_and_comes_in_again_word_for_word(stage: cast.Stage) -> None:
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    row = DraftClause.objects.select_related("clause", "version").get(version=draft, clause__key="numbers")
    restructuring.move_clause(clause=row, to=1, section="Figures", by=stage.ada)
    text = copying.export(draft)
    other = cast.project("other")
    before = Event.objects.count()
    imported = copying.import_file(project=other, data=text.encode(), by=None)
    assert contents.content(imported) == contents.content(draft)
    assert imported.spec.title == stage.spec.title
    n_events = Event.objects.count()
    assert n_events > before
    copying.import_file(project=other, data=text.encode(), by=None)
    assert Event.objects.count() == n_events, "the same file again changes nothing"
    assert copying.export(imported) == text


def test_a_bad_file_names_its_line_and_changes_nothing(stage: cast.Stage) -> None:
    good = copying.export(stage.version)
    bad = good.replace("### Definition", "### Definitoin", 1)
    with pytest.raises(Invalid) as refused:
        copying.import_file(project=stage.project, data=bad.encode(), by=stage.ada)
    assert refused.value.problems[0]["where"].startswith("line ")
    assert not SpecVersion.objects.draft().exists()
    with pytest.raises(Invalid, match="not UTF-8"):
        copying.import_file(project=stage.project, data=b"\xff\xfe", by=stage.ada)


def test_what_came_out_of_a_document_is_not_published_unseen(stage: cast.Stage) -> None:
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    guide = '# Guide\n\n## Numbers\n\nThey must agree.\n\n## Dates\n\nThey too.\n\nExamples:\n\n- "2 May" -> no: Another day.\n'
    n_clauses, _ = copying.import_guideline(draft=draft, data=guide.encode(), name="guide.md", by=stage.ada)
    assert n_clauses == 2
    rows = {
        row.clause.key: row
        for row in DraftClause.objects.filter(version=draft).select_related("clause", "version")
    }
    assert list(rows) != []
    assert rows["numbers-2"].unseen
    assert rows["dates"].blocks[-1] == {
        "type": "example",
        "item": "2 May",
        "value": "no",
        "why": "Another day.",
    }
    with pytest.raises(Invalid) as refused:
        publishing.publish(draft=draft, by=stage.ada, **WORDS)
    assert {p["where"] for p in refused.value.problems} == {"clause numbers-2", "clause dates"}
    drafting.confirm_clause(clause=rows["dates"], by=stage.ada)
    row = rows["numbers-2"]
    drafting.reword_clause(clause=row, title=row.title, blocks=row.blocks, governs=[], by=stage.ada)
    assert publishing.publish(draft=draft, by=stage.ada, **WORDS).number == "1.1.0"
    with pytest.raises(Invalid, match="docx"):
        copying.import_guideline(draft=draft, data=b"%PDF-1.4", name="guide.pdf", by=stage.ada)


def test_a_clone_says_the_same_and_brings_its_pictures(stage: cast.Stage) -> None:
    picture = pictures.add(project=stage.project, source=io.BytesIO(_png()), by=stage.ada)
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    shown = f"![a square](picture:{picture.digest})"
    drafting.add_clause(
        draft=draft, key="seen", title="Seen", blocks=[{"type": "notes", "text": shown}], by=stage.ada
    )
    version = publishing.publish(draft=draft, by=stage.ada, **WORDS)
    other = cast.project("other")
    cloned = copying.clone_spec(version=version, to=other, key="twin", by=None)
    assert contents.content(cloned) == contents.content(version)
    assert contents.problems(cloned) == []
    missing = copying.import_file(
        project=cast.project("third"), data=copying.export(version).encode(), by=None
    )
    assert "does not have" in contents.problems(missing)[0].message


def test_a_cloned_project_works_like_the_first_and_holds_nobody_elses_work(stage: cast.Stage) -> None:
    governing.change_settings(project=stage.project, gate="off", by=stage.ada)
    stage.load(2)
    paths.lay(queue=stage.queue, path=paths.USUAL, by=stage.ada)
    made = cloning.clone_project(source=stage.project, key="twin", name="Twin", by=stage.ada)
    queue = Queue.objects.get(project=made, key="main")
    assert (made.gate, queue.state, queue.overlap, queue.entry) == ("off", "paused", 2, "none")
    assert paths.terms(queue=queue) == paths.USUAL
    assert Spec.objects.get(project=made).key == "rte"
    assert contents.content(queue.version)["clauses"] == contents.content(stage.version)["clauses"]  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="already"):
        cloning.clone_project(source=stage.project, key="twin", name="Again", by=stage.ada)


def test_a_picture_keeps_its_pixels_and_nothing_else(stage: cast.Stage) -> None:
    polyglot = _png() + b"<script>alert(1)</script>"
    picture = pictures.add(project=stage.project, source=io.BytesIO(polyglot), by=stage.ada)
    assert (picture.media_type, picture.width, picture.height) == ("image/png", 4, 3)
    client = Client()
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    reply = client.get(f"/p/rte/pictures/{picture.digest}")
    assert b"script" not in reply.content
    assert (reply["Content-Type"], reply["X-Content-Type-Options"]) == ("image/png", "nosniff")
    client.force_login(stage.eve)
    assert client.get(f"/p/rte/pictures/{picture.digest}").status_code == 404


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.4",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
    ],
)
def test_what_is_no_picture_is_refused(stage: cast.Stage, data: bytes) -> None:
    with pytest.raises(Invalid):
        pictures.add(project=stage.project, source=io.BytesIO(data), by=stage.ada)


def test_a_picture_of_too_many_pixels_is_refused(stage: cast.Stage, settings: object) -> None:
    settings.MAX_PICTURE_PIXELS = 11  # type: ignore[attr-defined]
    with pytest.raises(Invalid, match="pixels"):
        pictures.add(project=stage.project, source=io.BytesIO(_png()), by=stage.ada)


def test_a_clone_asks_for_the_skill_and_the_clause_that_its_source_asks_for(stage: cast.Stage) -> None:
    skill = skills.create(project=stage.project, key="law", name="Law", by=stage.ada)
    clause = stage.spec.clauses.get(key="whole")
    queues.change_settings(
        queue=stage.queue, required_skill=skill, required_level=2, required_clause=clause, by=stage.ada
    )
    made = cloning.clone_project(source=stage.project, key="twin", name="Twin", by=stage.ada)
    queue = Queue.objects.select_related("required_skill", "required_clause").get(project=made, key="main")
    assert queue.required_skill is not None
    assert queue.required_clause is not None
    assert (queue.required_skill.key, queue.required_level) == ("law", 2)
    assert queue.required_clause.key == "whole"
    assert {queue.required_skill.project_id, queue.required_clause.project_id} == {made.pk}
