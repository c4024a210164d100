"""The one place that keeps files: by the digest of their bytes, so no path is ever made from a name that came from outside."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

_DIGEST = re.compile(r"^sha256:([0-9a-f]{64})$")
_CHUNK = 2**20
_checked: dict[str, tuple[tuple[int, ...], int]] = {}


class Corrupted(Exception):
    """The bytes on disk are not the ones that were kept; they are never served."""


@contextmanager
def writing() -> Iterator[BinaryIO]:
    """A scratch file in the store's own file system; `keep` moves it in, otherwise it is gone afterwards."""
    root = Path(settings.STORE_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=root, prefix=".writing-")
    try:
        os.close(handle)
        with open(name, "w+b") as scratch:
            yield scratch
    finally:
        Path(name).unlink(missing_ok=True)


def keep(scratch: BinaryIO) -> tuple[str, int]:
    """Keep a scratch file's bytes durably; returns their digest and size. The same bytes are kept once."""
    scratch.flush()
    os.fsync(scratch.fileno())
    digest, size = _measure(Path(scratch.name))
    path = _path(digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(scratch.name, path)
    return digest, size


def intact(digest: str) -> bool:
    """Whether the bytes are there and still the ones that were kept."""
    path = _path(digest)
    return path.exists() and _measure(path)[0] == digest


def opened(digest: str, *, again: bool = False) -> BinaryIO:
    """The kept bytes, checked before the first one is handed out. Raises `Corrupted`.

    Of a file that is read piece by piece, *again* trusts a check of this process for a minute, while the file is the same one.
    """
    path = _path(digest)
    seen = _as_seen(path)
    if not (again and seen and _checked.get(digest) == (seen, int(time.monotonic() // 60))):
        _checked.pop(digest, None)
        if not intact(digest):
            raise Corrupted(_("%(digest)s is damaged or missing in the store") % {"digest": digest})
        if len(_checked) > 1000:
            _checked.clear()
        _checked[digest] = (_as_seen(path), int(time.monotonic() // 60))
    return path.open("rb")


def _as_seen(path: Path) -> tuple[int, ...]:
    """What tells a file from another one in its place; empty where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _path(digest: str) -> Path:
    found = _DIGEST.match(digest)
    if found is None:
        raise ValueError("not a digest")
    name = found.group(1)
    return Path(settings.STORE_ROOT) / name[:2] / name


def _measure(path: Path) -> tuple[str, int]:
    total, size = hashlib.sha256(), 0
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            total.update(chunk)
            size += len(chunk)
    return f"sha256:{total.hexdigest()}", size
