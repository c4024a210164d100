"""Pictures that clauses show: `![what it shows](picture:<digest>)` in their Markdown.

    (nothing) -> picture: add

Every picture is decoded and encoded again, so nothing but pixels survives; its type is the server's decision, its name is
never used. Bytes live in the one store, under their digest.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from specs import ledger, store
from specs.models import Member, Picture, Project
from specs.refusals import Invalid
from specs.wording import number

_NAMED = re.compile(r"picture:(sha256:[0-9a-f]{64})")
_READ = ("PNG", "JPEG", "WEBP", "GIF")


def named_in(clause: Mapping[str, Any]) -> set[str]:
    """The digests of the pictures that a clause's blocks show."""
    texts = (
        str(block.get(name) or "") for block in clause.get("blocks", ()) for name in ("text", "item", "why")
    )
    return {digest for text in texts for digest in _NAMED.findall(text)}


def add(*, project: Project, source: BinaryIO, by: Member | None) -> Picture:
    """Keep a picture (PNG, JPEG, WebP or GIF's first frame); the same pixels are kept once. Raises `Invalid`."""
    data = source.read(settings.MAX_PICTURE_BYTES + 1)
    if len(data) > settings.MAX_PICTURE_BYTES:
        raise Invalid(
            _("A picture has at most %(max_picture_bytes)s MiB.")
            % {"max_picture_bytes": settings.MAX_PICTURE_BYTES // 2**20}
        )
    pixels, media_type, size = encoded(data)
    with store.writing() as scratch:
        scratch.write(pixels)
        digest, n_bytes = store.keep(scratch)
    with transaction.atomic():
        picture, new = Picture.objects.get_or_create(
            project=project,
            digest=digest,
            defaults={
                "media_type": media_type,
                "width": size[0],
                "height": size[1],
                "n_bytes": n_bytes,
                "added_by": by,
            },
        )
        if new:
            ledger.record(
                project_id=project.pk,
                kind="picture.added",
                by=by,
                subject=("picture", picture.pk),
                data={"digest": digest, "bytes": n_bytes},
            )
    return picture


def encoded(data: bytes) -> tuple[bytes, str, tuple[int, int]]:
    """The picture's pixels as PNG, or as JPEG when they came as JPEG; upright, without metadata."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_READ) as opened:
                if opened.width * opened.height > settings.MAX_PICTURE_PIXELS:
                    raise Invalid(
                        _("A picture has at most %(max_picture_pixels)s pixels.")
                        % {"max_picture_pixels": number(settings.MAX_PICTURE_PIXELS)}
                    )
                came_as = opened.format
                upright = ImageOps.exif_transpose(opened)
                pixels = upright.convert("RGB" if came_as == "JPEG" else "RGBA")
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise Invalid(_("This is no picture that can be read; PNG, JPEG, WebP and GIF can.")) from error
    clean = Image.frombytes(pixels.mode, pixels.size, pixels.tobytes())
    encoded = io.BytesIO()
    if came_as == "JPEG":
        clean.save(encoded, "JPEG", quality=90)
        return encoded.getvalue(), "image/jpeg", clean.size
    clean.save(encoded, "PNG", optimize=True)
    return encoded.getvalue(), "image/png", clean.size
