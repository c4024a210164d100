"""A spec of 300 clauses and 40 versions opens, compares and publishes with as many queries as one of three."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation import releasing
from specs import copying, drafting, versions
from specs.models import Member, Spec, SpecVersion
from tests import cast

pytestmark = pytest.mark.django_db


def _grow(stage: cast.Stage, n_clauses: int, n_versions: int) -> SpecVersion:
    """Publish until there are that many versions, each with that many clauses; leaves a draft that differs in one word."""
    for number in range(1, n_versions + 1):
        draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
        clauses: list[dict[str, Any]] = [
            {
                "key": f"c-{k}",
                "section": f"Section {k // 10}",
                "title": f"Clause {k}",
                "blocks": [
                    {"type": "definition", "text": f"Rule {k}."},
                    {"type": "notes", "text": f"As of {number if k == 0 else 0}."},
                ],
                "governs": [{"question": "entailed", "values": ["yes"], "pairs": []}],
            }
            for k in range(n_clauses)
        ]
        copying.replace(draft=draft, clauses=clauses, questions=[cast.QUESTION], by=stage.ada)
        if number < n_versions:
            releasing.publish(
                draft=draft, notes="n", rationale="r", override_reason="The first clauses.", by=stage.ada
            )
    return draft


def _queries(client: Client, stage: cast.Stage, ada: Member) -> dict[str, int]:
    found: dict[str, int] = {}
    newest = SpecVersion.objects.published().filter(spec=stage.spec).newest_first()[0]
    root = f"/p/{stage.project.key}/specs/{stage.spec.key}/"
    pages = {
        "spec": root,
        "read": f"{root}{newest.number}/",
        "draft": f"{root}draft/",
        "compare": f"{root}compare/1.0.0/{newest.number}/",
        "publish": f"{root}draft/publish/",
    }
    for name, address in pages.items():
        versions.read.cache_clear()
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(address).status_code == 200, address
        found[name] = len(captured)
    with CaptureQueriesContext(connection) as captured:
        releasing.publish(
            draft=SpecVersion.objects.draft().get(spec=stage.spec), notes="n", rationale="r", by=ada
        )
    found["published"] = len(captured)
    return found


@pytest.mark.parametrize(
    ("clauses", "versions_"),
    [
        pytest.param(60, 8, id="short"),
        pytest.param(300, 40, id="long", marks=pytest.mark.long),
    ],
)
def test_the_number_of_queries_grows_with_neither_clauses_nor_versions(clauses: int, versions_: int) -> None:
    small, large = cast.stage("small"), cast.stage("large")
    counted = []
    for stage, n_clauses, n_versions in ((small, 3, 3), (large, clauses, versions_)):
        _grow(stage, n_clauses, n_versions)
        client = Client()
        assert stage.ada.user is not None
        client.force_login(stage.ada.user)
        counted.append(_queries(client, stage, stage.ada))
        assert SpecVersion.objects.published().filter(spec=stage.spec).count() == n_versions + 1
    assert Spec.objects.count() == 2
    assert counted[0] == counted[1]
    assert max(counted[1].values()) < 60, counted[1]
