"""Real labels as codes, and what other implementations say of them."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from annotation import label_files, replaying
from annotation.agreement.replay import Labels

_DATA = Path(__file__).parent / "data"
SHIPPED = ("bluebirds", "snow_rte", "hatecheck")


@cache
def read(name: str) -> Any:
    """A file of `data/`, by its name without ending."""
    return json.loads(gzip.decompress((_DATA / f"{name}.json.gz").read_bytes()))


def reference(name: str) -> Any:
    return read("reference")[name]


@cache
def labels(name: str) -> Labels:
    return replaying.read(replaying.folder_of(name))


@cache
def names(name: str, column: str) -> list[str]:
    """The names of a column in the order of the codes of `labels`."""
    rows = label_files.read(replaying.folder_of(name)).first_labels
    return list(dict.fromkeys(row[column] for row in rows))


def values_of(found: list[dict[str, Any]]) -> list[float]:
    """The values that several implementations gave."""
    return [one["value"] for one in found if "value" in one]


@cache
def clauses_of_hatecheck() -> tuple[np.ndarray, list[str]]:
    """The clause of every item of `labels("hatecheck")`, and the clauses' keys."""
    rows = label_files.read(replaying.folder_of("hatecheck")).first_labels
    of = {row["item_id"]: row["clause_id"] for row in rows}
    keys = sorted(set(of.values()))
    return np.array([keys.index(of[item]) for item in names("hatecheck", "item_id")]), keys
