"""What pipelines are promised: examples of all that goes out and comes in, and a word when labels come to mean something else."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from annotation import exporting
from specs import equating
from specs.api.deprecating import Deprecation
from tests import cast

PIPELINE = (
    "/snapshots",
    "/runs",
    "/timeline",
    "/history",
    "/predictions",
    "/label-config",
    "/queues/{queue}/items",
)
NOT_MEANT = ("snapshot_download", "model_beside_people")  # bytes; a report, no file of rows


@cache
def _schema() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


def _operations() -> list[tuple[str, Any]]:
    return [
        (path, operation)
        for path, verbs in _schema()["paths"].items()
        if any(one in path for one in PIPELINE)
        for operation in verbs.values()
        if isinstance(operation, dict) and operation.get("operationId") not in NOT_MEANT
    ]


def _shape(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = _schema()["components"]["schemas"][name] if name else schema
    return found


def test_everything_that_goes_out_and_comes_in_has_an_example_of_its_shape() -> None:
    assert len(_operations()) > 15
    for path, operation in _operations():
        told = []
        for status, response in operation["responses"].items():
            for media, content in response.get("content", {}).items():
                if media == "application/problem+json":
                    assert content["examples"], (path, status)
                elif media == "application/json" and "examples" in content:
                    told.append(status)
                    shape = _shape(content["schema"])
                    for one in content["examples"].values():
                        assert set(one["value"]) == set(shape["properties"]), (path, status, one["value"])
        assert told, (path, operation["operationId"])


def test_what_is_deprecated_says_so_in_headers() -> None:
    since, gone = datetime(2026, 1, 2, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)
    assert Deprecation(since, gone, "/docs").headers() == {
        "Deprecation": "@1767312000",
        "Sunset": "Sat, 02 Jan 2027 00:00:00 GMT",
        "Link": '</docs>; rel="deprecation"',
    }


@pytest.mark.django_db
def test_labels_of_an_earlier_meaning_say_that_there_is_another() -> None:
    stage = cast.stage()
    stage.load(1)
    for who in (stage.ben, stage.chi):
        stage.answer(who, "yes")
    asked = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    frozen = exporting.build(snapshot_id=asked.pk)
    client = Client(headers={"Authorization": f"Bearer {stage.token(stage.ada)}"})
    paths = (
        f"/api/v1/projects/rte/snapshots/{frozen.pk}",
        f"/api/v1/projects/rte/snapshots/{frozen.pk}/files/labels.jsonl",
    )
    for path in paths:
        assert "Deprecation" not in client.get(path).headers
    newer = cast.amend(stage)
    assert newer.published_at is not None
    for path in paths:
        told = client.get(path).headers
        assert told["Deprecation"] == f"@{int(newer.published_at.timestamp())}"
        assert told["Link"] == '</api/v1/projects/rte/specs/rte/versions/2.0.0>; rel="successor-version"'
        assert "Sunset" not in told  # a snapshot stays
    equating.declare(spec=stage.spec, meanings=[1, 2], reason="Only words.", by=stage.ada)
    assert "Deprecation" not in client.get(paths[0]).headers
