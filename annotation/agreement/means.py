"""Means of shares over items, in groups, each with its interval: items are the units, never answers or pairs. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotation.agreement import people
from annotation.agreement.counts import sums
from annotation.agreement.estimate import Estimate
from annotation.agreement.pairs import Codes, Floats
from specs.wording import _


@dataclass(frozen=True)
class Cells:
    """What items bring to groups: `group: (n_cells,)` codes; `share` in [0, 1] and its `weight`; `n` the answers behind it.

    An item may stand in several groups, in each once. Cells of no weight say nothing.
    """

    group: Codes
    share: Floats
    weight: Floats
    n: Floats


def of(cells: Cells, *, n_groups: int, minimum: int = 1) -> list[Estimate]:
    """The weighted mean share of every group; below *minimum* items none, with the reason.

    The variance is that of a ratio of sums over items (Cochran 1977, section 6.3). It makes an effective number of
    answers, `p (1 - p) / V`, at most as many as there are, and that makes Wilson's interval (Korn and Graubard 1998): it stays in
    [0, 1], and has a width where all items say the same; then items count as one answer each.
    """
    kept = cells.weight > 0
    group, share, weight, n = cells.group[kept], cells.share[kept], cells.weight[kept], cells.n[kept]
    n_items = np.bincount(group, minlength=n_groups)
    whole, n_answers = sums(group, weight, n_groups), sums(group, n, n_groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums(group, weight * share, n_groups) / whole
        around = sums(group, (weight * (share - mean[group])) ** 2, n_groups)
        variance = around / whole**2 * n_items / (n_items - 1)
        alike = whole**2 / sums(group, weight**2, n_groups)
        effective = np.where(around > 1e-12 * whole**2, mean * (1 - mean) / variance, alike)
    effective = np.minimum(effective, np.maximum(n_answers, alike))
    return [
        _estimate(*row, minimum=minimum)
        for row in zip(
            mean.tolist(), effective.tolist(), n_items.tolist(), n_answers.round().tolist(), strict=True
        )
    ]


def _estimate(mean: float, effective: float, n_items: int, n_answers: float, *, minimum: int) -> Estimate:
    if n_items < max(minimum, 1):
        why = too_few(n_items, max(minimum, 1))
        return Estimate(None, n_items=n_items, n_answers=int(n_answers), reason=why)
    if n_items < 2:
        return Estimate(mean, n_items=n_items, n_answers=int(n_answers))
    low, high = people.wilson(mean * effective, effective)
    return Estimate(mean, low, high, n_items, int(n_answers))


def too_few(n: int, minimum: int) -> str:
    return _("too few items to say (%(n_items)s of %(shown_items)s)") % {"n_items": n, "shown_items": minimum}
