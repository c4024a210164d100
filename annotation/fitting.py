"""What several answers say together by a shrunken Dawid-Skene fit, and the known answers that say how far to believe it.

    (nothing) -> known answers in use, kept under their digest: pin

Known answers come and go without an event each, so a request names the digest of those it used: the same request, the same bytes.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from annotation import answers
from annotation.agreement import aggregate
from annotation.agreement.replay import Labels
from annotation.export_rules import Fitted
from annotation.models import Snapshot
from specs import canonical, store, task_types, versions
from specs.models import Spec
from workforce.models import GoldState, KnownAnswer

Known = dict[str, dict[int, Any]]


def pin(spec: Spec, meaning: int) -> str:
    """Keep the known answers in use under a meaning, and return their digest; empty where there is none."""
    rows = KnownAnswer.objects.filter(spec=spec, state=GoldState.IN_USE, meaning__lte=meaning)
    found = list(rows.order_by("question", "item_id", "pk").values_list("question", "item_id", "value"))
    if not found:
        return ""
    with store.writing() as scratch:
        for row in found:
            scratch.write(canonical.dumps(list(row)) + b"\n")
        return store.keep(scratch)[0]


def known(digest: str) -> Known:
    """The known answers of a request, by question and item."""
    found: Known = {}
    if digest:
        with store.opened(digest) as source:
            for line in source:
                question, item, value = json.loads(line)
                found.setdefault(question, {})[item] = value
    return found


def fit(snapshot: Snapshot) -> dict[str, Fitted]:
    """Posteriors by question and item, for questions whose answer is one of their labels; others are left as they were settled.

    With enough known answers also the calibrated chance that a posterior's value is right.
    """
    version = versions.read(snapshot.version_id)
    gold = known(snapshot.request.get("known") or "")
    found = {}
    for question in version.questions:
        if not task_types.get(question["kind"]).one_of_options:
            continue
        scope = answers.Scope(
            snapshot.version.spec,
            version,
            question["key"],
            position=snapshot.position,
            pinned=tuple(snapshot.request.get("meanings") or (version.meaning,)),
        )
        given = answers.read(scope).first()
        if len(given.item):
            found[question["key"]] = _fit(scope, given, gold.get(question["key"], {}))
    return found


def _fit(scope: answers.Scope, given: answers.Answers, gold: dict[int, Any]) -> Fitted:
    places = {scope.key(value): k for k, value in enumerate(given.values)}
    items = given.items.tolist()
    codes = np.array([places.get(scope.key(gold[item]), -1) if item in gold else -1 for item in items])
    labels = Labels(given.item, given.annotator, given.value, codes, len(given.annotators), len(given.values))
    found = aggregate.METHODS["shrunken-dawid-skene"](labels)
    chance = aggregate.calibrated(found, np.bincount(given.item, minlength=len(items)), codes)
    return Fitted(
        list(given.values),
        dict(zip(items, found.shares, strict=True)),
        {} if chance is None else dict(zip(items, chance.tolist(), strict=True)),
    )
