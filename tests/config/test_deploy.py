"""The files for those who run it: units that systemd accepts, an image, secrets in files, the commands of `./concordat up`."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from annotation.config import local

DEPLOY = local.ROOT / "docs" / "deploy"
UNITS = DEPLOY / "systemd"
CONFIG = local.ROOT / "annotation" / "config"
READERS = "".join((CONFIG / name).read_text() for name in ("settings.py", "limits.py", "gunicorn.py"))
SERVICES = {path.stem.removeprefix("concordat-"): path.read_text() for path in UNITS.glob("*.service")}


def _said(service: str, key: str) -> list[str]:
    """The values of a key of a unit, in their order."""
    lines = (line.partition("=") for line in SERVICES[service].splitlines())
    return [value for name, _, value in lines if name == key]


def test_every_unit_is_one_that_systemd_accepts(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for path in (path for path in UNITS.iterdir() if path.suffix):
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/concordat", str(local.ROOT)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(str(path) for path in tmp_path.iterdir())],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_processes_are_those_of_the_start_script_fenced_in_and_their_secrets_are_files() -> None:
    script = (local.ROOT / "annotation" / "config" / "start.py").read_text()
    assert set(SERVICES) == {"web", "worker", "beat", "migrate", "backup"}
    for name in SERVICES:
        assert _said(name, "User") == ["concordat"]
        assert _said(name, "ProtectSystem") == ["strict"]
        assert ("owner_database_url" in SERVICES[name]) == (name in ("migrate", "backup"))
        given = [part.partition("=") for line in _said(name, "Environment") for part in line.split()]
        for variable, _, value in given:
            assert variable in ("DJANGO_SETTINGS_MODULE", "CONCORDAT_DB_ROLE") or value.startswith("%d/")
            assert value[:3] != "%d/" or f"{value[3:]}:/etc/concordat/{value[3:]}" in _said(
                name, "LoadCredential"
            )
    assert _said("web", "ExecStart")[0].endswith("python -m gunicorn --config annotation/config/gunicorn.py")
    assert '"gunicorn", "--config", "annotation/config/gunicorn.py"' in script
    for name in ("worker", "beat"):
        assert f"-m celery --quiet -A annotation.config.celery {name} " in _said(name, "ExecStart")[0]
        assert f'[*celery, "{name}"' in script


def test_the_wrapper_for_commands_is_a_script_that_a_shell_can_read() -> None:
    subprocess.run(["sh", "-n", UNITS / "concordat-manage"], check=True)


def _compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def test_the_compose_file_names_what_exists_and_fences_every_process_of_ours_in() -> None:
    compose = _compose()
    ours = {name: one for name, one in compose["services"].items() if one["image"] == "concordat"}
    assert set(ours) == {"web", "worker", "beat", "migrate", "backup"}
    assert set(compose["services"]) - set(ours) == {"proxy", "postgres", "redis"}
    for name, service in ours.items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["user"] == "10001"
        given = service["environment"]
        files = {key: value for key, value in given.items() if key.endswith("_FILE")}
        assert {f"/run/secrets/{one}" for one in service["secrets"]} == set(files.values())
        assert ("owner_database_url" in service["secrets"]) == (name in ("migrate", "backup"))
        for variable in given:
            assert re.search(rf'"{variable.removesuffix("_FILE")}"', READERS), variable
    for service in compose["services"].values():
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
        for volume in service.get("volumes", ()):
            place = volume.split(":")[0]
            assert (
                place in compose["volumes"] or place.startswith("${BACKUPS") or (DEPLOY / place).is_file()
            ), volume
        for other in service.get("depends_on", ()):
            assert other in compose["services"]
    for name in ("worker", "beat"):
        assert (
            _said(name, "ExecStart")[0].partition(" -m ")[2].split(" --schedule")[0] in ours[name]["command"]
        )
    assert compose["networks"]["inside"]["internal"] is True
    assert "ports" not in ours["web"]


def test_the_secrets_are_random_closed_and_made_once(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "secrets.sh", tmp_path)
    subprocess.run(["sh", tmp_path / "secrets.sh"], check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert {f"./secrets/{name}" for name in made} == {one["file"] for one in _compose()["secrets"].values()}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert len(made["secret_key"]) >= 50
    passwords = [urlsplit(made[name]).password for name in ("database_url", "owner_database_url")]
    assert len({made["postgres_password"], *passwords}) == 3
    roles = (DEPLOY / "roles.sh").read_text()
    for name, role in (("database_url", "concordat_app"), ("owner_database_url", "concordat_owner")):
        assert urlsplit(made[name]).username == role
        assert f"CREATE ROLE {role} LOGIN" in roles
        cut = re.search(r"sed '(.*?)'", roles)
        assert cut is not None
        found = subprocess.check_output(["sed", cut[1]], input=made[name], text=True)
        assert found == urlsplit(made[name]).password
    again = subprocess.run(["sh", tmp_path / "secrets.sh"], capture_output=True, text=True)
    assert again.returncode == 1
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made


def test_the_image_is_built_from_what_the_tree_has_and_says_nothing_in_its_environment() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    steps = [line for line in lines if line.startswith("COPY") and "--from" not in line]
    copied = {source for line in steps for source in line.split()[1:-1]}
    assert [source for source in copied if not (local.ROOT / source).exists()] == []
    assert {"annotation", "workforce", "specs", "templates", "static", "locale"} <= copied
    assert not [line for line in lines if line.startswith("ENV") and re.search("KEY|PASSWORD|_URL", line)]
    assert [line for line in lines if line.startswith(("USER", "FROM"))][-1] == "USER concordat"
    assert f"CMD python -m {_said('web', 'ExecStart')[0].partition(' -m ')[2]}" in lines
