"""Nearly the same is found among made-up texts, and what is not nearly the same is not."""

from __future__ import annotations

import random

import numpy as np
import pytest

from workforce import sketching

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("n", "rt", "st", "", "ll")]


def _texts(chance: random.Random, n: int) -> list[str]:
    return [" ".join(chance.choices(WORDS, k=25)) for _ in range(n)]


def test_likeness_is_the_jaccard_index_of_the_shingles() -> None:
    assert sketching.likeness("abcdef", "abcdef") == 1
    assert sketching.likeness("abcdef", "abcdeg") == 1 / 3
    assert sketching.likeness("abcde", "vwxyz") == 0
    assert sketching.likeness("", "") == 1


def test_estimates_lie_round_the_likeness() -> None:
    chance = random.Random(1)
    texts = _texts(chance, 60)
    changed = [" ".join(chance.sample(WORDS, 1) + text.split()[k % 12 :]) for k, text in enumerate(texts)]
    bits, _ = sketching.sketch([*texts, *changed])
    left, right = np.arange(60), np.arange(60, 120)
    errors = sketching.estimate(bits, left, right) - [
        sketching.likeness(a, b) for a, b in zip(texts, changed, strict=True)
    ]
    assert abs(errors.mean()) < 0.03
    assert np.sqrt((errors**2).mean()) < 0.08


@pytest.mark.parametrize("at_least", [0.7, 0.8, 0.9])
def test_near_duplicates_are_found_and_others_are_not(at_least: float) -> None:
    chance = random.Random(2)
    texts = _texts(chance, 400)
    copies = []
    for k in range(0, 400, 2):
        words = texts[k].split()
        for _ in range(chance.randint(0, 2)):
            words[chance.randrange(len(words))] = chance.choice(WORDS)
        copies.append((k, " ".join(words)))
    everything = texts + [text for _, text in copies]
    bits, bands = sketching.sketch(everything)
    found = {
        pair
        for pair in sketching.candidates(bits, bands, at_least=at_least)
        if sketching.likeness(everything[pair[0]], everything[pair[1]]) >= at_least
    }
    wanted = {
        (k, 400 + place)
        for place, (k, text) in enumerate(copies)
        if sketching.likeness(texts[k], text) >= at_least
    }
    assert len(wanted) > 40
    assert len(found & wanted) / len(wanted) >= 0.97
    assert found <= wanted


def test_short_and_empty_texts_have_sketches() -> None:
    bits, bands = sketching.sketch(["", "a", "", "abcdefgh"])
    assert bits.shape == (4, 64)
    assert bands.shape == (4, 16)
    assert sketching.estimate(bits, np.array([0]), np.array([2]))[0] == 1
    assert sketching.estimate(bits, np.array([0]), np.array([3]))[0] < 0.3
