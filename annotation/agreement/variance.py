"""Where errors come from: what share of their variance is the annotator's, the clause's, the item's, or a misreading's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotation.agreement.counts import sums
from annotation.agreement.pairs import Codes, Floats


@dataclass(frozen=True)
class Shares:
    """Variances of an error indicator; `total` is all of it. None where no two answers are related so; below 0 is told as 0.

    A rare error is mostly `residual` whatever the rest: compare the others with each other.
    """

    annotator: float | None
    clause: float | None
    item: float | None
    annotator_by_clause: float | None
    residual: float | None
    total: float

    def as_shares(self) -> dict[str, float | None]:
        """The parts of the total, in [0, 1]; None throughout where nothing varies."""
        names = ("annotator", "clause", "item", "annotator_by_clause", "residual")
        return {
            name: None if part is None or self.total <= 0 else part / self.total
            for name in names
            for part in [getattr(self, name)]
        }


def shares(wrong: Floats, items: Codes, annotators: Codes, clause_of: Codes) -> Shares:
    """Moment estimates from the mean products of centred errors over pairs of answers that have this or that in common.

    `wrong: (n_answers,)` 1 for an answer that differs from what is right or what the others say; `items, annotators:
    (n_answers,)`; `clause_of: (n_items,)`. `d = mu + annotator + clause + item(clause) + annotator x clause + residual`: same
    annotator, other clause gives var_a; same clause, another annotator and item, var_c; same item, var_c + var_i; same
    annotator and clause, var_a + var_c + var_ac. One pass over the answers. Source: generalizability theory (Cronbach 1972;
    Brennan 2001), crossed design.
    """
    d = wrong - wrong.mean() if len(wrong) else wrong
    total = float((d**2).mean()) if len(d) else 0.0
    clause = clause_of[items] if len(items) else items
    n_who = int(annotators.max(initial=0)) + 1
    by_who, by_clause, by_item, by_both = (
        _products(d, key) for key in (annotators, clause, items, clause * n_who + annotators)
    )
    own, n_own = float((d**2).sum()), len(d)
    same_annotator = _mean(by_who[0] - by_both[0], by_who[1] - by_both[1])
    same_clause = _mean(
        by_clause[0] - by_both[0] - by_item[0] + own, by_clause[1] - by_both[1] - by_item[1] + n_own
    )
    same_item = _mean(by_item[0] - own, by_item[1] - n_own)
    same_both = _mean(by_both[0] - own, by_both[1] - n_own)
    of_item = _less(same_item, same_clause)
    of_both = _less(same_both, same_annotator, same_clause)
    annotator, clause_part, item, both = (
        _floor(part) for part in (same_annotator, same_clause, of_item, of_both)
    )
    rest = total - sum(part or 0.0 for part in (annotator, clause_part, item, both))
    return Shares(annotator, clause_part, item, both, max(rest, 0.0), total)


def _products(d: Floats, key: Codes) -> tuple[float, float]:
    """Sum and number of products over ordered pairs with the same key, an answer with itself among them."""
    n = np.bincount(key)
    return float((sums(key, d) ** 2).sum()), float((n.astype(float) ** 2).sum())


def _mean(products: float, n: float) -> float | None:
    return products / n if n > 0 else None


def _less(whole: float | None, *parts: float | None) -> float | None:
    if whole is None or any(part is None for part in parts):
        return None
    return whole - sum(part for part in parts if part is not None)


def _floor(part: float | None) -> float | None:
    return None if part is None else max(part, 0.0)
