"""Marked spans: real answers against krippendorff and a second implementation, and their edges."""

from __future__ import annotations

import pytest

from annotation.agreement import spans
from tests.agreement import real


def _marked() -> list[list[list[tuple[int, int]]]]:
    data = real.read("event_annotation")
    texts: list[list[list[tuple[int, int]]]] = [[] for _ in data["lengths"]]
    for item, marked in data["spans"]:
        texts[item].append([(start, end) for start, end in marked])
    return texts


def test_spans_that_people_marked() -> None:
    data, texts = real.read("event_annotation"), _marked()
    tokens = [[(start, end) for start, end in each] for each in data["tokens"]]
    expected = real.reference("event_annotation")["spans"]
    found = {
        "mean_pairwise_f1_exact_span": spans.mean_f1(texts, spans.exact_f1),
        "mean_pairwise_f1_iou_0_5": spans.mean_f1(texts, spans.overlap_f1),
        "mean_pairwise_f1_characters": spans.mean_f1(texts, spans.character_f1),
        "mean_pairwise_f1_tokens": spans.mean_f1(texts, [spans.token_f1(each) for each in tokens]),
    }
    for name, estimate in found.items():
        assert estimate.value == pytest.approx(expected[name]["value"], abs=1e-6)
    characters, in_tokens = spans.character_alpha(texts, data["lengths"]), spans.token_alpha(texts, tokens)
    for value in real.values_of(expected["alpha_character_level_in_out"]):
        assert characters.value == pytest.approx(value, abs=1e-6)
    for value in real.values_of(expected["alpha_token_level_in_out"]):
        assert in_tokens.value == pytest.approx(value, abs=1e-6)


def test_spans_at_their_edges() -> None:
    assert spans.exact_f1([], []) == spans.overlap_f1([], []) == 1
    assert spans.character_f1([(0, 3)], []) == 0
    assert spans.overlap_f1([(0, 4)], [(0, 8)]) == 1
    assert spans.overlap_f1([(0, 4)], [(0, 9)]) == 0
    # one span matches one other, however many overlap
    assert spans.overlap_f1([(0, 10)], [(0, 6), (0, 9)]) == pytest.approx(2 / 3)
    assert spans.mean_f1([[[(0, 1)]]], spans.exact_f1).reason == "no item has two answers"
    assert "no variation" in spans.character_alpha([[[], []]], [5]).reason
    assert spans.character_alpha([[[]]], [5]).reason == "no item has two answers"
