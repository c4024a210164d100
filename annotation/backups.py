"""What a backup is on disk, and whether it is still what was written.

    FOLDER/20261128T084500Z/manifest.json   versions, ledger heads, counts, digests; carries a digest of itself
                            database.dump   `pg_dump`'s custom format
                            files.txt       a line per kept file: its digest, its size in bytes
    FOLDER/files/ab/abcd…                   the kept files, by digest; all backups of the folder share them

A backup appears under its name when it is whole. Keys are never in it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from specs import canonical

FORMAT = 1
MANIFEST, DATABASE, LIST, FILES = "manifest.json", "database.dump", "files.txt", "files"
_CHUNK = 2**20


class BackupError(Exception):
    """No backup could be made, or none restored; the message says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What is in a backup, all of it from one moment.

    `tables` counts rows and adds up a hash of each row by table; `ledgers` holds `number:digest` of each project's newest seal,
    as `verify_ledger --checkpoint` takes it; `snapshots` the digests of the frozen ones; `key` tells a SECRET_KEY from others.
    """

    made_at: str
    postgres: int
    migrations: list[str]
    tables: dict[str, list[str]]
    ledgers: dict[str, str]
    snapshots: list[str]
    dump_digest: str
    dump_bytes: int
    list_digest: str
    n_files: int
    files_bytes: int
    files_copied: bool
    key: str
    format: int = field(default=FORMAT)

    @property
    def n_rows(self) -> int:
        return sum(int(n) for n, _ in self.tables.values())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    told = asdict(manifest)
    told["digest"] = canonical.digest(canonical.dumps(told))
    (folder / MANIFEST).write_bytes(canonical.dumps(told) + b"\n")


def find(path: Path) -> Path:
    """The folder of one backup: *path* itself, the one whose manifest it is, or the newest of a folder of backups."""
    if path.name == MANIFEST:
        path = path.parent
    if (path / MANIFEST).is_file():
        return path
    found = sorted(one.parent for one in path.glob(f"[0-9]*/{MANIFEST}"))
    if not found:
        raise BackupError(f"There is no backup in {path}.")
    return found[-1]


def read_manifest(folder: Path) -> Manifest:
    """The manifest, if it is the one that was written. Raises `BackupError`."""
    try:
        told = canonical.loads_strict((folder / MANIFEST).read_bytes())
        digest = told.pop("digest")
        if told.get("format") != FORMAT:
            raise BackupError(f"{folder} has another format of backups; restore it with a newer Concordat.")
        if canonical.digest(canonical.dumps(told)) != digest:
            raise BackupError(f"{folder / MANIFEST} is damaged; nothing was restored.")
        return Manifest(**told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"{folder / MANIFEST} cannot be read ({error}); nothing was restored.") from error


def check(folder: Path, manifest: Manifest) -> None:
    """Raise `BackupError` unless the dump and the list of files are, byte for byte, the ones that were written."""
    for name, digest in ((DATABASE, manifest.dump_digest), (LIST, manifest.list_digest)):
        try:
            found = digest_of(folder / name)
        except OSError as error:
            raise BackupError(f"{folder / name} cannot be read ({error.strerror}).") from error
        if found != digest:
            raise BackupError(f"{folder / name} is damaged; nothing was restored.")


def check_files(folder: Path, manifest: Manifest) -> int:
    """Read every kept file that is in the backup and return how many there are. Raises `BackupError`."""
    n_files = 0
    for digest, _size in listed(folder) if manifest.files_copied else ():
        path = place(folder.parent, digest)
        if not path.is_file() or digest_of(path) != digest:
            raise BackupError(f"{path} is damaged or missing.")
        n_files += 1
    return n_files


def listed(folder: Path) -> Iterator[tuple[str, int]]:
    """Digest and size in bytes of every kept file of a backup."""
    with (folder / LIST).open() as lines:
        for line in lines:
            digest, size = line.split()
            yield digest, int(size)


def place(folder: Path, digest: str) -> Path:
    """Where a folder of backups has the kept file of that digest."""
    name = digest.removeprefix("sha256:")
    return folder / FILES / name[:2] / name


def digest_of(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            total.update(chunk)
    return f"sha256:{total.hexdigest()}"


def fingerprint(secret_key: str) -> str:
    """What tells one SECRET_KEY from another and does not give it away."""
    return hmac.new(secret_key.encode(), b"concordat backup", hashlib.sha256).hexdigest()[:16]


def as_dict(manifest: Manifest) -> dict[str, Any]:
    """The figures of a backup, for whoever reads the command's output by machine."""
    return {
        "made_at": manifest.made_at,
        "rows": manifest.n_rows,
        "tables": len(manifest.tables),
        "ledgers": manifest.ledgers,
        "snapshots": len(manifest.snapshots),
        "files": manifest.n_files,
        "files_bytes": manifest.files_bytes,
        "dump_bytes": manifest.dump_bytes,
    }
