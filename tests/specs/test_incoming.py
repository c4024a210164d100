"""Documents that come in: short ones at once, long and packed ones in a job that is bounded, shows how far it is, and stops."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation.config.celery import app
from specs import drafting, incoming, reading, running
from specs.documents import Unreadable
from specs.models import DraftClause, Job, JobState, Role
from tests import cast
from tests.specs.written import word
from workforce import staffing

pytestmark = pytest.mark.django_db

RULE = "## Rule {n}\n\nSay yes when the text says so, in so many words or in others ({n}).\n\n"
LONG = "".join(RULE.format(n=n) for n in range(1, 121)).encode()
SLOW = b"* a\n" * 9_000


@pytest.fixture
def stage() -> cast.Stage:
    return cast.stage()


def _run(job: Job) -> Job:
    app.tasks[job.kind].apply(args=[job.pk], throw=True)
    job.refresh_from_db()
    return job


def _take(stage: cast.Stage, data: bytes, name: str = "g.md", **options: Any) -> incoming.Taken:
    return incoming.take(
        project=stage.project, data=data, name=name, what="guideline", key="rte", by=stage.ada, **options
    )


def test_a_short_document_is_read_at_once_and_a_long_or_packed_one_in_a_job(stage: cast.Stage) -> None:
    short = _take(stage, RULE.format(n=1).encode())
    assert (short.job, short.n_clauses) == (None, 1)
    for data, name in ((LONG, "g.md"), (word("<w:p><w:r><w:t>Say yes.</w:t></w:r></w:p>"), "g.docx")):
        taken = _take(stage, data, name)
        assert taken.job is not None
        assert DraftClause.objects.count() == 4 + (name == "g.docx") * 120  # nothing before it is read
        job = _run(taken.job)
        assert (job.state, job.error) == (JobState.DONE, "")
    assert job.result["clauses"] == 1
    assert [remark["line"] for remark in job.result["remarks"]] == [1]
    assert DraftClause.objects.filter(unseen=True).count() == 122


def test_the_job_proposes_exactly_what_reading_at_once_does(stage: cast.Stage) -> None:
    def proposed() -> list[tuple[Any, ...]]:
        rows = DraftClause.objects.filter(unseen=True).order_by("position")
        return list(rows.values_list("clause__key", "title", "section", "blocks"))

    _take(stage, LONG, in_job=False)
    at_once = proposed()
    drafting.discard_draft(draft=stage.spec.versions.draft().get(), by=stage.ada)
    taken = _take(stage, LONG)
    assert taken.job is not None
    assert _run(taken.job).n_done == 120
    assert proposed() == at_once


def test_what_cannot_be_read_fails_in_the_job_and_says_why(stage: cast.Stage, client: Client) -> None:
    taken = _take(stage, b"\xd0\xcf\x11\xe0" + b"x" * 100, "old.docx")
    assert taken.job is not None
    job = _run(taken.job)
    assert (job.state, "old .doc format" in job.error) == (JobState.FAILED, True)
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    assert "old .doc format" in client.get(f"/p/rte/jobs/{job.pk}/").content.decode()
    bad = incoming.take(
        project=stage.project, data=b"# no front matter", name="s.md", what="spec", in_job=True, by=stage.ada
    )
    assert bad.job is not None
    job = _run(bad.job)
    assert job.state == JobState.FAILED
    where = job.result["problems"][0]["where"]
    assert where.startswith("line")
    assert where in client.get(f"/p/rte/jobs/{job.pk}/").content.decode()


def _refuse(*said: object) -> None:
    raise running.Cancelled


def _listen(*said: object) -> None:
    pass


@pytest.mark.parametrize(
    ("data", "limits", "told", "error"),
    [
        (SLOW, {"seconds": 0.5}, _listen, Unreadable),
        (SLOW, {}, _refuse, running.Cancelled),
        (SLOW, {"memory": 64 * 2**20}, _listen, Unreadable),
    ],
    ids=["time", "cancelled", "memory"],
)
def test_reading_ends_at_its_bounds_and_when_it_is_told_to(
    tmp_path: Path, data: bytes, limits: dict[str, Any], told: Callable[..., None], error: type[Exception]
) -> None:
    path = tmp_path / "document"
    path.write_bytes(data)
    began = time.monotonic()
    bounds = {"seconds": 60, "memory": 2**31, **limits}
    with pytest.raises(error):
        reading.read(path, "g.md", max_characters=20_000, max_clauses=1000, said=told, **bounds)
    assert time.monotonic() - began < 30


def test_whoever_asked_for_a_job_may_stop_it_and_nobody_else_without_the_right(stage: cast.Stage) -> None:
    edi = staffing.add_member(project=stage.project, user=cast.user("edi"), roles=[Role.EDITOR], by=stage.ada)
    taken = incoming.take(project=stage.project, data=LONG, name="g.md", what="guideline", key="rte", by=edi)
    assert taken.job is not None
    rex = staffing.add_member(project=stage.project, user=cast.user("rex"), roles=[Role.READER], by=stage.ada)
    with pytest.raises(running.SomebodyElses):
        running.cancel(job=taken.job, by=rex)
    running.cancel(job=taken.job, by=edi)
    assert _run(taken.job).state == JobState.CANCELLED
    assert not DraftClause.objects.exists()


def test_by_page_and_by_rest_a_long_document_leads_to_its_job(stage: cast.Stage, client: Client) -> None:
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    form = {"what": "guideline", "file": SimpleUploadedFile("g.md", LONG)}
    reply = client.post("/p/rte/specs/rte/import/", form)
    job = Job.objects.get()
    assert reply.headers["Location"] == f"/p/rte/jobs/{job.pk}/"
    _run(job)
    page = client.get(f"/p/rte/jobs/{job.pk}/").content.decode()
    assert "/p/rte/specs/rte/draft/" in page
    headers = {"Authorization": f"Bearer {stage.token(stage.ada)}"}
    address = "/api/v1/projects/rte/specs/rte/draft/guideline?name=g.md"
    options: dict[str, Any] = {"content_type": "text/markdown", "headers": headers}
    reply = client.post(address, LONG, **options)
    assert (reply.status_code, reply.json()["kind"]) == (202, incoming.READ)
    reply = client.post(f"{address}&in_job=0", RULE.format(n=999).encode(), **options)
    assert (reply.status_code, reply.json()["clauses"]) == (200, 1)
    file = client.get("/api/v1/projects/rte/specs/rte/versions/1.0.0/file", headers=headers).content
    reply = client.post("/api/v1/projects/rte/spec-files?in_job=1", file, **options)
    assert reply.status_code == 202
    assert _run(Job.objects.latest("pk")).result == {"spec": "rte", "clauses": 3}
