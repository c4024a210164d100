"""What is logged: whole events on one line each, for a terminal or a machine, and nothing that people wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from annotation.config import local

_CANARY = "canary-of-an-item"
_PROGRAM = f"""
import logging, django
django.setup()
import structlog
from django.db import connection
secret = "{_CANARY}-in-a-variable"
structlog.get_logger("concordat").info("two\\nlines", n=3)
logging.getLogger("plain").warning("of %s", "the library")
try:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE said (key text PRIMARY KEY)")
        cursor.execute("INSERT INTO said VALUES (%s)", ["first\\n\\n{_CANARY}"])
        cursor.execute("INSERT INTO said VALUES (%s)", ["first\\n\\n{_CANARY}"])
except Exception:
    structlog.get_logger("concordat").exception("it failed")
    logging.getLogger("plain").exception("it failed as well")
"""


@pytest.mark.parametrize("form", ["line", "json"])
def test_an_event_is_one_line_and_an_error_says_where_and_not_what(django_db_setup: None, form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=local.ROOT,
        env={**os.environ, "LOG_FORMAT": form, "DJANGO_SETTINGS_MODULE": "annotation.config.settings"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert _CANARY not in done.stderr
    assert done.stderr.count("duplicate key value violates unique constraint") >= 2
    if form == "line":
        assert "two\\nlines" in done.stderr
        return
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [one["event"] for one in told] == [
        "two\\nlines",
        "of the library",
        "it failed",
        "it failed as well",
    ]
    assert [one["level"] for one in told] == ["info", "warning", "error", "error"]
    assert (told[0]["n"], told[1]["logger"]) == (3, "plain")
    assert all(one["timestamp"].endswith("Z") for one in told)
    assert "cursor.execute" in told[2]["exception"] or "UniqueViolation" in told[2]["exception"]
