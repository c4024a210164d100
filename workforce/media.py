"""Media that items show: pictures and sounds.

    (nothing) -> media: add

One safe door: what comes in is an upload, never an address to be fetched; its type is decided from its bytes; pictures are
decoded and encoded again; bytes live in the one store under their digest. A file of items names media (`"media:cats/1.png"`),
and its rows keep what they are: digest, type, size.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from specs import canonical, ledger, pictures, sounds, store
from specs.models import Member, Project
from specs.refusals import Invalid
from workforce.models import Media
from workforce.rows import BadRow, Row

PREFIX = "media:"
_MARK = b'"media'
_LEVELS = 8
_NAMED = re.compile(
    r"^media:\S.{0,299}$"
)  # a text that only begins with the word goes on with a space, or is longer
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")


def add(*, project: Project, source: BinaryIO, name: str, by: Member | None) -> list[Media]:
    """Keep a picture or a sound under *name*, or all files of a ZIP, each under its path in it. Returns them in their order.

    All or nothing: raises `Invalid` naming every file that cannot be taken. The same bytes under the same name change nothing;
    other bytes under a known name are refused, since items that exist show what stood there.
    """
    packed = source.read(4) == b"PK\x03\x04"
    source.seek(0)
    files = _unpacked(source) if packed else iter([(_clean(name), _bounded(source))])
    wrong: list[dict[str, str]] = []
    with transaction.atomic():
        made = [row for row in (_kept(project, path, data, by, wrong) for path, data in files) if row]
        if wrong:
            raise Invalid(
                _("%(n_wrong)s of the files cannot be kept; nothing was.") % {"n_wrong": len(wrong)},
                problems=wrong[:1000],
            )
        fresh = [row for row, new in made if new]
        if fresh:
            ledger.record(
                project_id=project.pk,
                kind="media.added",
                by=by,
                subject=("media", fresh[0].pk),
                data={"n": len(fresh), "bytes": sum(row.n_bytes for row in fresh)},
            )
    return [row for row, _ in made]


def _kept(
    project: Project, name: str, data: bytes | str, by: Member | None, wrong: list[dict[str, str]]
) -> tuple[Media, bool] | None:
    """One file as a row, and whether it is new; what is wrong with it goes to *wrong*."""
    try:
        if isinstance(data, str):
            raise Invalid(data)
        data, media_type, size, seconds = _read(data)
        with store.writing() as scratch:
            scratch.write(data)
            digest, n_bytes = store.keep(scratch)
        row, new = Media.objects.get_or_create(
            project=project,
            name=name,
            defaults={
                "digest": digest,
                "media_type": media_type,
                "width": size[0] if size else None,
                "height": size[1] if size else None,
                "seconds": seconds,
                "n_bytes": n_bytes,
                "added_by": by,
            },
        )
        if row.digest != digest:
            raise Invalid(_("The name is known with other content; media do not change."))
    except Invalid as refusal:
        wrong.append({"where": name[:100], "message": refusal.message})
        return None
    return row, new


def _read(data: bytes) -> tuple[bytes, str, tuple[int, int] | None, float | None]:
    """What is kept of a file: bytes, type, size in pixels, length in seconds. Raises `Invalid`."""
    if media_type := sounds.type_of(data):
        return data, media_type, None, sounds.seconds(data)
    try:
        encoded, media_type, size = pictures.encoded(data)
    except Invalid as refusal:
        if "pixels" in refusal.message:
            raise
        raise Invalid(
            _(
                "This is neither a picture (PNG, JPEG, WebP, GIF) nor a sound (WAV, MP3, Ogg, FLAC) that can be read."
            )
        ) from refusal
    return encoded, media_type, size, None


def _bounded(source: BinaryIO) -> bytes | str:
    data = source.read(settings.MAX_MEDIA_BYTES + 1)
    return data if len(data) <= settings.MAX_MEDIA_BYTES else _too_large()


def _too_large() -> str:
    return _("A file of media has at most %(max_media_bytes)s bytes.") % {
        "max_media_bytes": settings.MAX_MEDIA_BYTES
    }


def _clean(name: str) -> str:
    """The name that rows call a file by. Raises `Invalid` for one that no row could write, or that looks like a way out."""
    path = PurePosixPath(name)
    odd = any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name or not name.isprintable()
    if odd or path.is_absolute() or not 0 < len(name) <= 300 or name != name.strip():
        raise Invalid(
            _("%(name)r is no name for media: a path of at most 300 characters, without .. and odd signs.")
            % {"name": name[:100]}
        )
    return name


def _unpacked(source: BinaryIO) -> Iterator[tuple[str, bytes | str]]:
    """The files of a ZIP, bounded in number and size; a reason instead of the bytes of one that cannot be taken."""
    try:
        with zipfile.ZipFile(source) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            if len(entries) > settings.MAX_MEDIA_FILES:
                raise Invalid(
                    _("The ZIP holds %(n_entries)s files, more than %(max_media_files)s.")
                    % {"n_entries": len(entries), "max_media_files": settings.MAX_MEDIA_FILES}
                )
            names = [entry.filename for entry in entries]
            if len(set(names)) < len(names):
                raise Invalid(_("The ZIP holds two files of one name."))
            total = 0
            for entry in entries:
                data = _entry(packed, entry)
                total += len(data) if isinstance(data, bytes) else 0
                if total > settings.MAX_LOAD_BYTES:
                    raise Invalid(
                        _("The ZIP holds more than %(max_load_bytes)s bytes.")
                        % {"max_load_bytes": settings.MAX_LOAD_BYTES}
                    )
                yield _clean(entry.filename), data
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise Invalid(_("The ZIP cannot be read: %(error)s.") % {"error": error}) from error


def _entry(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | str:
    if entry.flag_bits & 1:
        return _("The file is encrypted.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        return _("A link is no file.")
    with packed.open(
        entry
    ) as opened:  # read to the bound: what the ZIP says of its size is only what it says
        data = opened.read(settings.MAX_MEDIA_BYTES + 1)
    return data if len(data) <= settings.MAX_MEDIA_BYTES else _too_large()


def noticed(rows: Iterable[Row | BadRow], found: list[str]) -> Iterator[Row | BadRow]:
    """The rows as they are; the key of the first one that names media goes to *found*.

    Nothing is looked up here: rows are read while the connection takes them in, and answers no questions then.
    """
    for row in rows:
        if not found and isinstance(row, Row) and _MARK in row.payload:
            found.append(row.key)
        yield row


def put_in(rows: Iterable[Row], *, project_id: int, max_bytes: int) -> Iterator[Row | BadRow]:
    """Of these rows those that name media, with `{"media": digest, "type", "width", "height"}` in its place.

    A row names media as `"media:<name>"`, or as an object that came out of an export. One that is not here makes a bad row.
    """
    seen: dict[str, Any] = {}
    for row in rows:
        fields = row.fields()
        if named := set(_named(fields, 0)):
            yield _with_media(row, fields, named, project_id, max_bytes, seen)


def _with_media(
    row: Row, fields: dict[str, Any], named: set[str], project_id: int, max_bytes: int, seen: dict[str, Any]
) -> Row | BadRow:
    for name in named - seen.keys():
        seen[name] = _facts(project_id, name)
    if missing := sorted(name for name in named if seen[name] is None):
        return BadRow(row.line, f"names media that this project does not have: {missing[0][:100]}")
    data = canonical.dumps(_replaced(fields, seen))
    if len(data) > max_bytes:
        return BadRow(row.line, f"is larger than {max_bytes} bytes")
    return Row(row.line, row.key, data, canonical.digest(data), row.sensitive)


def _facts(project_id: int, name: str) -> dict[str, Any] | None:
    by = {"digest": name} if name.startswith("sha256:") else {"name": name}
    found = Media.objects.filter(project=project_id, **by).order_by("pk").first()
    return found.facts() if found else None


def _name_of(value: Any) -> str | None:
    """The media that a value names, or None where it names none."""
    if isinstance(value, str) and _NAMED.match(value):
        return value.removeprefix(PREFIX)
    if isinstance(value, dict) and isinstance(value.get("media"), str) and _DIGEST.match(value["media"]):
        return str(value["media"])
    return None


def _named(value: Any, level: int) -> Iterator[str]:
    name = _name_of(value)
    if name is not None:
        yield name
    elif level < _LEVELS and isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _named(child, level + 1)


def _replaced(value: Any, facts: dict[str, Any], level: int = 0) -> Any:
    name = _name_of(value)
    if name is not None:
        return facts[name]
    if level < _LEVELS and isinstance(value, dict):
        return {key: _replaced(child, facts, level + 1) for key, child in value.items()}
    if level < _LEVELS and isinstance(value, list):
        return [_replaced(child, facts, level + 1) for child in value]
    return value
