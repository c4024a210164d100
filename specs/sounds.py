"""What kind of sound a file is, decided by its bytes and never by its name. Pure.

Sounds are kept as they came: nothing here can write them anew. They leave the house under the type decided here, with `nosniff`
and a policy that runs nothing.
"""

from __future__ import annotations

import io
import wave

_MPEG = (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")


def type_of(data: bytes) -> str | None:
    """`audio/wav`, `audio/mpeg`, `audio/ogg` or `audio/flac`; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav" if seconds(data) is not None else None
    if data[:4] == b"OggS" and len(data) > 27:
        return "audio/ogg"
    if data[:4] == b"fLaC" and len(data) > 42:
        return "audio/flac"
    if (data[:3] == b"ID3" and len(data) > 10) or (data[:2] in _MPEG and len(data) > 100):
        return "audio/mpeg"
    return None


def seconds(data: bytes) -> float | None:
    """How long a WAV file is, to a thousandth; None where it cannot be read as one."""
    try:
        with wave.open(io.BytesIO(data)) as opened:
            return round(opened.getnframes() / opened.getframerate(), 3)
    except (wave.Error, EOFError, ZeroDivisionError):
        return None
