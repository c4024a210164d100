"""Agreement on marked spans: F1 over pairs of annotators, and alpha over characters or tokens in or out.

A span is `(start, end)` or `(start, end, label)` with end excluded, in characters; an answer is a list of spans of one text.
Spans of different labels never match. F1 needs no chance term: what nobody marked has no number (Hripcsak and Rothschild 2005).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import coefficients
from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate
from specs import matching

Span = matching.Range
Answer = Sequence[Span]
Match = Callable[[Answer, Answer], float]


def exact_f1(one: Answer, other: Answer) -> float:
    """Dice over whole spans: `2 both / (n_one + n_other)`; 1 for two empty answers, 0 where one is empty."""
    return matching.exact(one, other)


def overlap_f1(one: Answer, other: Answer) -> float:
    """Dice over spans matched one to one whose intersection is at least half of their union, the best matches first."""
    return matching.overlapping(one, other, matching.overlap_of_ranges)


def character_f1(one: Answer, other: Answer) -> float:
    """Dice over marked characters, each with its label."""
    return matching.covering(one, other)


def token_f1(tokens: Sequence[Span]) -> Match:
    """Dice over tokens of a text, given as spans; a token is marked when any character of it is."""

    def match(one: Answer, other: Answer) -> float:
        return matching.exact(_touched(one, tokens), _touched(other, tokens))

    return match


def mean_f1(texts: Sequence[Sequence[Answer]], match: Match | Sequence[Match]) -> Estimate:
    """Mean over all pairs of annotators of one text, of all texts. `texts` holds the answers of each; one `match`, or one each.

    Undefined where no text has two answers. Source: Hripcsak and Rothschild 2005.
    """
    found = [
        (match if callable(match) else match[place])(one, other)
        for place, answers in enumerate(texts)
        for one, other in combinations(answers, 2)
    ]
    n_items = sum(len(answers) >= 2 for answers in texts)
    if not found:
        return Estimate(None, reason=NO_PAIRS)
    return Estimate(float(np.mean(found)), n_items=n_items, n_answers=sum(map(len, texts)))


def character_alpha(texts: Sequence[Sequence[Answer]], lengths: Sequence[int]) -> Estimate:
    """Alpha over characters in or out of a span; `lengths` in characters. Reacts to the length of spans.

    Undefined where no text has two answers, and where nobody marked anything (or everybody everything).
    """
    units = [
        _marked(answers, length, [(k, k + 1) for k in range(length)])
        for answers, length in zip(texts, lengths, strict=True)
    ]
    return _alpha(units, n_answers=sum(map(len, texts)))


def coincidences(answers: Sequence[Answer], length: int) -> NDArray[np.float64]:
    """What one text of two answers or more adds to the coincidences of characters left out and marked, `(2, 2)`."""
    n = len(answers)
    edges = np.zeros((n, length + 1), dtype=np.int32)
    for row, answer in enumerate(answers):
        for span in answer:
            edges[row, min(span[0], length)] += 1
            edges[row, min(span[1], length)] -= 1
    marked = (np.cumsum(edges[:, :length], axis=1) > 0).sum(axis=0)
    free = n - marked
    mixed = float((free * marked).sum())
    both = np.array([[(free * (free - 1)).sum(), mixed], [mixed, (marked * (marked - 1)).sum()]], dtype=float)
    return np.asarray(both / (n - 1))


def token_alpha(texts: Sequence[Sequence[Answer]], tokens: Sequence[Sequence[Span]]) -> Estimate:
    """Alpha over tokens, given as spans for each text; a token is in when any character of it is."""
    units = [
        _marked(answers, max((token[1] for token in each), default=0), each)
        for answers, each in zip(texts, tokens, strict=True)
    ]
    return _alpha(units, n_answers=sum(map(len, texts)))


def _alpha(units: list[NDArray[np.int64]], *, n_answers: int) -> Estimate:
    counts = np.concatenate(units) if units else np.zeros((0, 2), dtype=np.int64)
    pairable = counts[counts.sum(axis=1) >= 2]
    n_items = sum(len(each) > 0 and int(each[0].sum()) >= 2 for each in units)
    if len(pairable) == 0:
        return Estimate(None, n_answers=n_answers, reason=NO_PAIRS)
    if (pairable.sum(axis=0) > 0).sum() < 2:
        return Estimate(None, n_items=n_items, n_answers=n_answers, reason=NO_VARIATION)
    weights = np.ones(len(pairable), dtype=np.int64)
    return Estimate(
        float(coefficients.krippendorff_alpha(pairable, weights)), n_items=n_items, n_answers=n_answers
    )


def _marked(answers: Sequence[Answer], length: int, units: Sequence[Span]) -> NDArray[np.int64]:
    """How many answers leave out and mark each unit: `(n_units, 2)`."""
    found = np.zeros(len(units), dtype=np.int64)
    starts = np.array([unit[0] for unit in units], dtype=np.int64)
    ends = np.array([unit[1] for unit in units], dtype=np.int64)
    for answer in answers:
        edges = np.zeros(length + 1, dtype=np.int64)
        for start, end, *_ in answer:
            edges[min(start, length)] += 1
            edges[min(end, length)] -= 1
        upto = np.concatenate([[0], np.cumsum(np.cumsum(edges[:length]) > 0)])
        found += upto[ends] > upto[starts]
    return np.stack([len(answers) - found, found], axis=1)


def _touched(answer: Answer, tokens: Sequence[Span]) -> set[int]:
    return {
        k
        for k, (start, end, *_) in enumerate(tokens)
        if any(span[0] < end and span[1] > start for span in answer)
    }
