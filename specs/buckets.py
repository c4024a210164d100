"""S3-compatible buckets: objects kept, found, read from any byte on, listed, and lent to a browser by an address that ends.

Two kinds of bucket come here. The house's own (`STORE_BUCKET`) lies wherever its operator says, in an intranet too. One that a
user of the house names is `guarded`: its endpoint has to be one that `outbound` allows, and each connection goes to an address
that was checked, as every other request to what somebody typed. Needs the extra `s3`, and loads it at first use.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any, BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from specs import outbound
from specs.refusals import Refusal

_TRIES = 3
_BUFFER = 2**18


class Away(Refusal):
    """The storage does not answer, or does not let us in. What it said is for the log, not for whoever asked."""

    code = "storage-away"
    status = 503
    headers: Mapping[str, str] = {"Retry-After": "5"}


class Missing(Exception):
    """There is no such object, or it is another one by now."""


@dataclass(frozen=True)
class Found:
    """An object as it stands: `seen` changes whenever its bytes were written anew."""

    size: int
    etag: str
    seen: str


@dataclass(frozen=True)
class Bucket:
    """A bucket and how to get there. Without an endpoint it is Amazon's; without keys the machine's own credentials count."""

    name: str
    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    addressing: str = "auto"
    guarded: bool = False

    def put(self, key: str, source: BinaryIO) -> None:
        """Write an object from where *source* stands, in parts where it is large. Whole or not at all."""
        with _told():
            self._client.upload_fileobj(source, self.name, key)

    def find(self, key: str) -> Found:
        """What is there under the key. Raises `Missing`."""
        with _told():
            told = self._client.head_object(Bucket=self.name, Key=key)
        etag = str(told["ETag"])
        return Found(int(told["ContentLength"]), etag, f"{etag} {told['LastModified'].isoformat()}")

    def open(self, key: str, found: Found) -> BinaryIO:
        """The object's bytes, seekable, of exactly the one that was found: `Missing` once another has its place."""
        return io.BufferedReader(_Reading(self, key, found), _BUFFER)

    def get(self, key: str, found: Found, start: int) -> Any:
        """The stream of the bytes from *start* on."""
        asked = {"Bucket": self.name, "Key": key, "IfMatch": found.etag, "Range": f"bytes={start}-"}
        with _told():
            return self._client.get_object(**asked)["Body"]

    def walk(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Keys that begin so, in their order, each with its size in bytes; a thousand a request."""
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix))
        while True:
            with _told():
                page = next(pages, None)
            if page is None:
                return
            yield from ((one["Key"], int(one["Size"])) for one in page.get("Contents", ()))

    def remove(self, key: str) -> None:
        """Harmless to repeat."""
        with _told():
            self._client.delete_object(Bucket=self.name, Key=key)

    def presigned(self, key: str, *, lasts: timedelta, media_type: str = "") -> str:
        """An address under which whoever has it may read this one object for so long; made here, nobody is asked."""
        asked = {"Bucket": self.name, "Key": key}
        if media_type:
            asked["ResponseContentType"] = media_type
        seconds = int(lasts.total_seconds())
        with _told():
            return str(self._client.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds))

    @property
    def _client(self) -> Any:
        if self.guarded:
            outbound.parse(self.endpoint)
        return _client(self, os.getpid())


@lru_cache(maxsize=64)
def _client(bucket: Bucket, process: int) -> Any:
    """A client of this process; to make one takes a third of a second. Threads may share it."""
    from boto3.session import Session
    from botocore.config import Config

    client = Session().client(
        "s3",
        endpoint_url=bucket.endpoint or None,
        region_name=bucket.region or None,
        aws_access_key_id=bucket.access_key or None,
        aws_secret_access_key=bucket.secret_key or None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": bucket.addressing},
            connect_timeout=settings.STORE_SECONDS,
            read_timeout=settings.STORE_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _TRIES},
            # Many servers know no checksums but MD5; ours is SHA-256, over what we read.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    if bucket.guarded:
        from specs import guarded

        guarded.guard(client)
    return client


class _told:
    """Turns what the library raises into `Missing` and `Away`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or isinstance(error, Refusal):
            return
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, ClientError):
            told = error.response
            status = told.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status in (404, 412, 416) and told.get("Error", {}).get("Code") != "NoSuchBucket":
                raise Missing from error
        if isinstance(error, (ClientError, BotoCoreError, Boto3Error)):
            refused = _refused(error)
            raise refused or Away(_("The storage does not answer just now. Ask again later.")) from error


def _refused(error: BaseException | None) -> outbound.NotSent | None:
    """The refusal of our own way out that the library wrapped into its own error, if that was it."""
    while error is not None:
        if isinstance(error, outbound.NotSent):
            return error
        error = getattr(error, "kwargs", {}).get("error") or error.__cause__ or error.__context__
    return None


class _Reading(io.RawIOBase):
    """One object read from wherever its reader stands. A connection that breaks is taken up where it broke."""

    def __init__(self, bucket: Bucket, key: str, found: Found) -> None:
        self._bucket, self._key, self._found = bucket, key, found
        self._at = 0
        self._stream: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._found.size}[whence]
        if (at := max(0, start + offset)) != self._at:
            self._drop()
            self._at = at
        return at

    def readinto(self, buffer: Any) -> int:
        from botocore.exceptions import BotoCoreError

        wanted = min(len(buffer), self._found.size - self._at)
        if wanted <= 0:
            return 0
        for nth in range(1, _TRIES + 1):
            try:
                self._stream = self._stream or self._bucket.get(self._key, self._found, self._at)
                data = self._stream.read(wanted)
                if data:
                    buffer[: len(data)] = data
                    self._at += len(data)
                    return len(data)
            except (BotoCoreError, OSError) as error:
                if nth == _TRIES:
                    raise Away(_("The storage does not answer just now. Ask again later.")) from error
            self._drop()
        raise Away(_("The storage does not answer just now. Ask again later."))

    def close(self) -> None:
        self._drop()
        super().close()

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = None
