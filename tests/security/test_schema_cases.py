"""Requests made from the API's own description, right ones and wrong ones, by two roles: every answer is as described.

By schemathesis with all its checks, against a real server and a project with a row of every kind: no server error, the status,
media type, headers and shape that the schema names, no verb or credentials let in that are not. 500 cases here, on some of the
operations; 20,000 in the long form, on all of them. A refusal for what a schema cannot say (409, 422) is an
answer as described.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from specs.models import Role
from tests.furnished import Furnished, furnish
from tests.security.routes import ROUTES
from tests.serving import Site

ROLES = ("owner", "annotator")
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "401", "403", "404", "409", "416", "422", "429"]
[generation]
allow-x00 = false
"""


@pytest.fixture
def house(committed_db: None) -> Furnished:
    return furnish("rte", versions=2)


def _secret(house: Furnished, role: str) -> str:
    if role == "annotator":
        return house.stage.token(house.stage.member("ben"))
    house.stage.ada.roles = [Role.OWNER, Role.EDITOR, Role.PUBLISHER, Role.LEAD, Role.MANAGER]
    house.stage.ada.save(update_fields=["roles"])
    return house.stage.token(house.stage.ada)


def _begin(
    house: Furnished, site: Site, secret: str, folder: Path, schema: dict[str, Any], *options: str
) -> subprocess.Popen[str]:
    """A run under way; addresses lead to rows that are there."""
    folder.mkdir()
    (folder / "schema.json").write_text(json.dumps(schema))
    places = {"project": "rte", **{f"path.{name}": value for name, value in house.ids.items()}}
    named = "\n".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in places.items())
    config = folder / "schemathesis.toml"
    config.write_text(f"[parameters]\n{named}\n{CONFIG}")
    program = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run"]
    return subprocess.Popen(
        [
            *program,
            str(folder / "schema.json"),
            *(
                "--url",
                site.url,
                "-H",
                f"Authorization: Bearer {secret}",
                "--checks",
                "all",
                "--no-color",
                "--no-shrink",
            ),
            *("--continue-on-failure", "--warnings", "off", "--report", "json"),
            *("--report-json-path", str(folder / "report.json")),
            *options,
        ],
        env={
            **os.environ,
            "PYTHONPATH": str(settings.ROOT),
            "SCHEMATHESIS_HOOKS": "tests.security.plain_bodies",
        },
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _cases(run: subprocess.Popen[str], secret: str, folder: Path) -> int:
    """How many cases a run made, once it has ended without a failure."""
    told = run.communicate()[0]
    assert run.returncode == 0, told[-20_000:]
    alive = Client(headers={"authorization": f"Bearer {secret}"})
    assert alive.get("/api/v1/projects/rte/leases").status_code in (200, 403), (
        "the token was used up on the way"
    )
    return int(json.loads((folder / "report.json").read_text())["test_cases"]["generated"])


@pytest.fixture
def site(house: Furnished) -> Any:
    unlimited = dict.fromkeys(("TOKEN_REQUESTS_PER_MINUTE", "USER_REQUESTS_PER_MINUTE"), "0")
    with Site.start({**os.environ, **unlimited}) as served:
        yield served


def _schema() -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/api/v1/schema").json()
    return found


def _some_of(schema: dict[str, Any], role: str) -> dict[str, Any]:
    """Every third operation of an annotator's, every ninth of an owner's."""
    policies = {re.sub(r"<\w+:(\w+)>", r"{\1}", f"/{route.where}"): route.policies for route in ROUTES}
    found = [
        (path, verb)
        for path, verbs in schema["paths"].items()
        for verb in verbs
        if path in policies and (policies[path][verb].permission == "work.label") == (role == "annotator")
    ]
    paths: dict[str, Any] = {}
    for path, verb in found[:: 3 if role == "annotator" else 9]:
        paths.setdefault(path, {})[verb] = schema["paths"][path][verb]
    return {**schema, "paths": paths}


def test_five_hundred_requests_are_answered_as_described(
    house: Furnished, site: Site, tmp_path: Path
) -> None:
    """Both roles at once."""
    secrets, schema = {role: _secret(house, role) for role in ROLES}, _schema()
    options = ("-n", "14", "--phases", "fuzzing", "--seed", "8")
    runs = {
        role: _begin(house, site, secrets[role], tmp_path / role, _some_of(schema, role), *options)
        for role in ROLES
    }
    assert sum(_cases(run, secrets[role], tmp_path / role) for role, run in runs.items()) >= 500


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("role", ROLES)
def test_ten_thousand_requests_are_answered_as_described(
    house: Furnished, site: Site, role: str, tmp_path: Path
) -> None:
    options = os.environ.get("SCHEMA_CASES", "-n 8 --phases coverage,fuzzing,stateful --seed 8").split()
    secret = _secret(house, role)
    n = _cases(_begin(house, site, secret, tmp_path / role, _schema(), *options), secret, tmp_path / role)
    print(f"{n} cases as {role}, 0 failures")
    assert n >= 10_000
