"""The files for those who run it: units that systemd accepts, secrets in files, and the commands of `./concordat up`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from annotation.config import local

UNITS = local.ROOT / "docs" / "deploy" / "systemd"
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
