"""Texts that are nearly the same: MinHash over character shingles, and candidates by bands. Pure, numpy only.

A text is taken in small letters with runs of white space as one space; its shingles are its windows of 5 bytes. The likeness of
two texts is the Jaccard index of their sets of shingles, |A & B| / |A | B|. A sketch keeps the least value of each of 64 hash
functions over the shingles (of these 8 bits, and 16 numbers for bands of four), so that a million texts take 128 MB.

Sources: Broder 1997 (MinHash); Li and Koenig 2010 (b-bit minwise hashing); Leskovec et al., Mining of Massive Datasets, 3.4
(bands: two texts of likeness s share a band with probability 1 - (1 - s^4)^16, which is 0.9998 at 0.8 and 0.64 at 0.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

WIDTH = 5
N_HASHES, N_BANDS = 64, 16
_ROWS = N_HASHES // N_BANDS
_CHANCE = np.random.default_rng(20_261_127)
_MULTIPLIERS = (_CHANCE.integers(1, 2**63, N_HASHES, dtype=np.uint64) << np.uint64(1)) | np.uint64(1)
_SHIFTS = _CHANCE.integers(0, 2**63, N_HASHES, dtype=np.uint64)
_POWERS = np.array([31**k for k in range(WIDTH)][::-1], dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
_MIX = (_CHANCE.integers(1, 2**63, _ROWS, dtype=np.uint64) << np.uint64(1)) | np.uint64(1)
_LONGEST = 20_000  # bytes of a text that are looked at


def plain(text: str) -> bytes:
    """The bytes that are compared.

    >>> plain("  Two  Words ")
    b'two words'
    """
    return " ".join(text.casefold().split()).encode()[:_LONGEST]


def shingles(text: str) -> set[bytes]:
    """The windows of a text; a shorter one is its own."""
    data = plain(text)
    return {data[k : k + WIDTH] for k in range(max(1, len(data) - WIDTH + 1))}


def likeness(a: str, b: str) -> float:
    """The Jaccard index of two texts, in [0, 1]; of two empty ones 1.

    >>> likeness("the same words", "The  same words")
    1.0
    """
    one, other = shingles(a), shingles(b)
    return len(one & other) / len(one | other)


def sketch(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """`(bits: (n, 64) uint8, bands: (n, 16) uint32)` of n texts; take some hundred at a time."""
    parts = [plain(text).ljust(WIDTH, b"\0") for text in texts]
    data = np.frombuffer(b"".join(parts), dtype=np.uint8).astype(np.uint64)
    lengths = np.array([len(part) for part in parts])
    ends = np.cumsum(lengths)
    hashes = np.zeros(len(data) - WIDTH + 1, dtype=np.uint64)
    for k in range(WIDTH):
        hashes += data[k : len(data) - WIDTH + 1 + k] * _POWERS[k]
    hashes ^= hashes >> np.uint64(29)
    # Windows that reach into the next text belong to none.
    inside = np.ones(len(hashes), dtype=bool)
    for k in range(1, WIDTH):
        crossing = ends[:-1] - k
        inside[crossing] = False
    hashes = hashes[inside]
    starts = np.concatenate(([0], np.cumsum(lengths - WIDTH + 1)[:-1]))
    least = np.empty((len(texts), N_HASHES), dtype=np.uint32)
    for k in range(N_HASHES):
        mixed = (hashes * _MULTIPLIERS[k] + _SHIFTS[k]) >> np.uint64(32)
        least[:, k] = np.minimum.reduceat(mixed, starts)
    grouped = least.reshape(len(texts), N_BANDS, _ROWS).astype(np.uint64)
    bands = ((grouped * _MIX).sum(axis=2) >> np.uint64(32)).astype(np.uint32)
    return (least & np.uint32(255)).astype(np.uint8), bands


def estimate(bits: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The likeness of the pairs `(left[i], right[i])`, estimated with a standard error of at most 0.063."""
    same = (bits[left] == bits[right]).mean(axis=1)
    chance = 1 / 256
    return np.clip((same - chance) / (1 - chance), 0.0, 1.0)


def candidates(bits: np.ndarray, bands: np.ndarray, *, at_least: float) -> Iterator[tuple[int, int]]:
    """Pairs `(earlier, later)` of rows that share a band and are estimated at *at_least* or little below, each once.

    Within a group of a band a row is paired with the first of the group and with the one before it.
    """
    found: list[np.ndarray] = []
    for band in range(bands.shape[1]):
        values = bands[:, band]
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        equal = ordered[1:] == ordered[:-1]
        if not equal.any():
            continue
        place = np.arange(len(ordered))
        new = np.concatenate(([True], ~equal))
        first = order[np.maximum.accumulate(np.where(new, place, 0))]
        later = order[1:][equal]
        for earlier in (order[:-1][equal], first[1:][equal]):
            close = estimate_in_parts(bits, earlier, later) >= at_least - 0.15
            found.append(np.stack((earlier[close], later[close]), axis=1))
    if found:
        for left, right in np.unique(np.concatenate(found), axis=0):
            yield int(left), int(right)


def estimate_in_parts(
    bits: np.ndarray, left: np.ndarray, right: np.ndarray, step: int = 50_000
) -> np.ndarray:
    """`estimate` without more than *step* pairs in memory."""
    parts = [estimate(bits, left[k : k + step], right[k : k + step]) for k in range(0, len(left), step)]
    return np.concatenate(parts) if parts else np.empty(0)
