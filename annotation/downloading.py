"""A snapshot's file on its way out: whole or by range, conditional, and checked before the first byte leaves. Reads only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from annotation.models import SnapshotFile
from specs import store
from specs.api.problems import problem

_RANGE = re.compile(r"^bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))$")
_CHUNK = 2**18


def download(request: Request | HttpRequest, file: SnapshotFile) -> HttpResponseBase:
    """The bytes of a snapshot's file; damaged ones are never served."""
    etag = f'"{file.digest}"'
    if _names(request.headers.get("If-None-Match", ""), etag):
        return HttpResponse(status=304, headers={"ETag": etag, "Cache-Control": "private, immutable"})
    wanted = request.headers.get("Range", "")
    if request.headers.get("If-Range", etag) != etag:
        wanted = ""
    try:
        store.opened(file.digest, again=bool(wanted)).close()
    except store.Corrupted:
        return problem(
            409, "damaged", "The stored bytes are not the ones that were frozen; they are not served."
        )
    part = _part(wanted, file.n_bytes)
    if part is not None and part[0] > part[1]:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.n_bytes}"})
    first, last = part or (0, file.n_bytes - 1)
    headers = {
        "Content-Length": str(last - first + 1),
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "X-Content-Type-Options": "nosniff",
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{file.n_bytes}"
    return StreamingHttpResponse(
        _chunks(file.digest, first, last - first + 1),
        status=200 if part is None else 206,
        content_type=file.media_type,
        headers=headers,
    )


def _names(header: str, etag: str) -> bool:
    """Whether an `If-None-Match` names the tag, weakly or not."""
    given = [one.strip().removeprefix("W/") for one in header.split(",")]
    return etag in given or given == ["*"]


def _part(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a range; None for the whole, which is also the answer to several ranges."""
    found = _RANGE.match(header)
    if found is None:
        return None
    if found[3]:
        return max(0, size - int(found[3])) if int(found[3]) else size, size - 1
    return int(found[1]), min(int(found[2] or size), size - 1)


def _chunks(digest: str, first: int, left: int) -> Iterator[bytes]:
    """Opened when the first byte leaves: an answer that nobody reads keeps no file open."""
    with store.opened(digest, again=True) as source:
        source.seek(first)
        while left and (chunk := source.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
