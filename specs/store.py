"""The one place that keeps files: by the digest of their bytes, so no path is ever made from a name that came from outside.

They lie in a folder (`STORE_ROOT`), or in an S3-compatible bucket where `STORE_BUCKET` names one; what is being written lies in
the folder either way. Bytes are checked before the first one is handed out, wherever they lie.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from specs import buckets
from specs.refusals import Refusal

_DIGEST = re.compile(r"^sha256:([0-9a-f]{64})$")
_NAME = re.compile(r"^[0-9a-f]{64}$")
_CHUNK = 2**20
_checked: dict[str, tuple[str, int]] = {}


class Corrupted(Refusal):
    """The bytes in the store are not the ones that were kept; they are never served."""

    code = "damaged"
    status = 409


@contextmanager
def writing() -> Iterator[BinaryIO]:
    """A scratch file in the store's folder; `keep` moves it in, otherwise it is gone afterwards."""
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
    with open(scratch.name, "rb") as source:
        digest, size = _measure(source)
    _place().keep(_name(digest), Path(scratch.name), size)
    return digest, size


def intact(digest: str) -> bool:
    """Whether the bytes are there and still the ones that were kept."""
    place, name = _place(), _name(digest)
    seen = place.seen(name)
    return bool(seen) and _is(place, name, seen, digest)


def opened(digest: str, *, again: bool = False) -> BinaryIO:
    """The kept bytes, checked before the first one is handed out. Raises `Corrupted`.

    Of a file that is read piece by piece, *again* trusts a check of this process for a minute, while the file is the same one.
    """
    place, name = _place(), _name(digest)
    seen = place.seen(name)
    if not (again and seen and _checked.get(digest) == (seen, int(time.monotonic() // 60))):
        _checked.pop(digest, None)
        if not seen or not _is(place, name, seen, digest):
            raise _damaged(digest)
        if len(_checked) > 1000:
            _checked.clear()
        _checked[digest] = (seen, int(time.monotonic() // 60))
    try:
        return place.open(name, seen)
    except (FileNotFoundError, buckets.Missing) as error:
        raise _damaged(digest) from error


def kept() -> Iterator[tuple[str, int]]:
    """The digests of all kept files, each with its size in bytes, in no order."""
    for name, size in _place().walk():
        yield f"sha256:{name}", size


def _is(place: Place, name: str, seen: str, digest: str) -> bool:
    try:
        with place.open(name, seen) as source:
            return _measure(source)[0] == digest
    except (FileNotFoundError, buckets.Missing):  # it went, or another took its place, while it was read
        return False


def _damaged(digest: str) -> Corrupted:
    return Corrupted(_("%(digest)s is damaged or missing in the store") % {"digest": digest})


def _name(digest: str) -> str:
    found = _DIGEST.match(digest)
    if found is None:
        raise ValueError("not a digest")
    return found.group(1)


def _measure(source: BinaryIO) -> tuple[str, int]:
    total, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        total.update(chunk)
        size += len(chunk)
    return f"sha256:{total.hexdigest()}", size


class Place(Protocol):
    """Where kept bytes lie, by the hexadecimal digits of their digest."""

    def keep(self, name: str, scratch: Path, size: int) -> None: ...

    def seen(self, name: str) -> str:
        """What tells a file from another one in its place; empty where there is none."""

    def open(self, name: str, seen: str) -> BinaryIO: ...

    def walk(self) -> Iterator[tuple[str, int]]: ...


class _Folder:
    def keep(self, name: str, scratch: Path, size: int) -> None:
        with scratch.open("rb+") as written:
            os.fsync(written.fileno())
        path = self._path(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(scratch, path)

    def seen(self, name: str) -> str:
        try:
            found = self._path(name).stat()
        except FileNotFoundError:
            return ""
        return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"

    def open(self, name: str, seen: str) -> BinaryIO:
        return self._path(name).open("rb")

    def walk(self) -> Iterator[tuple[str, int]]:
        for path in Path(settings.STORE_ROOT).glob("[0-9a-f][0-9a-f]/*"):
            if _NAME.match(path.name):
                yield path.name, path.stat().st_size

    def _path(self, name: str) -> Path:
        return Path(settings.STORE_ROOT) / name[:2] / name


class _Objects:
    """Files as objects `<prefix><2 digits>/<64 digits>`; what is read is the very object that was seen."""

    def __init__(self, bucket: buckets.Bucket, prefix: str) -> None:
        self.bucket, self.prefix = bucket, prefix

    def keep(self, name: str, scratch: Path, size: int) -> None:
        """Straight from the scratch file, unless as many bytes are there already."""
        try:
            if self._find(name).size == size:
                return
        except buckets.Missing:
            pass
        with scratch.open("rb") as source:
            self.bucket.put(self._key(name), source)

    def seen(self, name: str) -> str:
        try:
            return self._find(name).seen
        except buckets.Missing:
            return ""

    def open(self, name: str, seen: str) -> BinaryIO:
        found = self._find(name)
        if found.seen != seen:
            raise buckets.Missing
        return self.bucket.open(self._key(name), found)

    def walk(self) -> Iterator[tuple[str, int]]:
        for key, size in self.bucket.walk(self.prefix):
            name = key.rpartition("/")[2]
            if _NAME.match(name) and key == self._key(name):
                yield name, size

    def _find(self, name: str) -> buckets.Found:
        return self.bucket.find(self._key(name))

    def _key(self, name: str) -> str:
        return f"{self.prefix}{name[:2]}/{name}"


def _place() -> Place:
    if not settings.STORE_BUCKET:
        return _Folder()
    return _objects(
        buckets.Bucket(
            name=settings.STORE_BUCKET,
            endpoint=settings.STORE_ENDPOINT,
            region=settings.STORE_REGION,
            access_key=settings.STORE_ACCESS_KEY,
            secret_key=settings.STORE_SECRET_KEY,
            addressing=settings.STORE_ADDRESSING,
        ),
        settings.STORE_PREFIX,
    )


_objects = lru_cache(maxsize=8)(_Objects)
