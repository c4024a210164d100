"""Labels with a planted cause of disagreement: contested clauses, careless people, or one who misreads a clause."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import ambiguity, pairs
from annotation.agreement.ambiguity import Minimum
from annotation.agreement.clauses import Members

N_CLAUSES, N_AMBIGUOUS, N_ANNOTATORS, N_CARELESS = 24, 5, 12, 2
N_VALUES = 4
ERROR, CARELESS_ERROR = 0.10, 0.35
"""Chances of a slip; the published table does not say its own, with these the power comes out as there."""
JUDGE_ALL = Minimum(shown_items=2, judged_items=((0.0, 2),), annotators=2)


@dataclass(frozen=True)
class Planted:
    """Codes of the labels, `(n_labels,)`, and the clause of every item; clauses 0 to `n_ambiguous` - 1 are the ambiguous ones."""

    items: NDArray[np.int64]
    annotators: NDArray[np.int64]
    values: NDArray[np.int64]
    clause_of: NDArray[np.int64]
    n_annotators: int

    def judged(self, minimum: Minimum | None = None) -> list[ambiguity.Clause]:
        n_items = len(self.clause_of)
        return ambiguity.judge(
            pairs.of(self.items, self.annotators, self.values, n_items=n_items),
            Members(np.arange(n_items), self.clause_of, np.ones(n_items)),
            n_clauses=int(self.clause_of.max()) + 1,
            n_annotators=self.n_annotators,
            minimum=minimum,
        ).clauses


def labels(
    generator: np.random.Generator,
    *,
    items: int,
    per_item: int,
    contested: float = 0.0,
    n_ambiguous: int = N_AMBIGUOUS,
    n_clauses: int = N_CLAUSES,
    n_annotators: int = N_ANNOTATORS,
    n_careless: int = N_CARELESS,
    confounded: bool = False,
    misread: float = 0.0,
) -> Planted:
    """`items` per clause with `per_item` labels each by different people.

    Of the items of an ambiguous clause a share `contested` has two readings, and everybody takes either at random. `confounded`:
    the careless get the other clauses' items four times as often. With `misread`, annotator 0 (who is otherwise careful) reads
    that share of the items of clause 0 wrongly.
    """
    clause_of = np.repeat(np.arange(n_clauses), items)
    n_items = len(clause_of)
    careless = np.arange(n_annotators) >= n_annotators - n_careless
    weight = np.ones((n_items, n_annotators))
    if confounded:
        fine = clause_of >= n_ambiguous
        weight[np.ix_(fine, careless)] = 4.0
        weight[np.ix_(~fine, careless)] = 0.25
    # the largest of exponential races: a draw without replacement in proportion to the weights
    race = generator.exponential(size=weight.shape) / weight
    who = np.argsort(race, axis=1)[:, :per_item]
    truth = generator.integers(0, N_VALUES, n_items)
    other = (truth + generator.integers(1, N_VALUES, n_items)) % N_VALUES
    disputed = (clause_of < n_ambiguous) & (generator.random(n_items) < contested)
    read = np.where(disputed[:, None] & (generator.random(who.shape) < 0.5), other[:, None], truth[:, None])
    misreads = (who == 0) & (clause_of == 0)[:, None] & (generator.random(who.shape) < misread)
    read = np.where(misreads, other[:, None], read)
    wrong = generator.random(who.shape) < np.where(careless[who], CARELESS_ERROR, ERROR)
    slip = (read + generator.integers(1, N_VALUES, who.shape)) % N_VALUES
    said = np.where(wrong, slip, read)
    return Planted(
        np.repeat(np.arange(n_items), per_item), who.ravel(), said.ravel(), clause_of, n_annotators
    )
