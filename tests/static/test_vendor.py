"""What others wrote and we serve is what was checked in."""

from __future__ import annotations

import hashlib
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"


def checksums() -> dict[str, str]:
    lines = (VENDOR / "CHECKSUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def test_every_vendored_file_has_its_checksum() -> None:
    assert {path.name for path in VENDOR.iterdir()} - {"CHECKSUMS"} == checksums().keys()


def test_no_vendored_file_was_changed() -> None:
    for name, digest in checksums().items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


def test_htmx_is_of_the_line_that_the_pages_are_written_for() -> None:
    assert 'version:"2.0.' in (VENDOR / "htmx.min.js").read_text()
