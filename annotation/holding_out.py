"""Train, eval and test: which items a model may learn from, the same in every snapshot of a project.

    (nothing) -> fixed: fix

An item's split is a keyed hash of its key, or of one of its fields, so it does not depend on what else is there, on the spec's
version or on the rule. The shares are fixed once, because other shares would move items from train to test.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import SplitScheme
from specs import ledger
from specs.models import Member, Project
from specs.refusals import Invalid, WrongState

SPLITS = ("train", "eval", "test")
USUAL = (10, 10)
_WHOLE = 2**64


def fix(
    *,
    project: Project,
    evaluate: int | None = None,
    test: int | None = None,
    by_field: str = "",
    by: Member | None,
) -> SplitScheme:
    """The project's scheme, made at the first call; shares are percents. Without shares: what is fixed, else 10 and 10.

    Raises `Invalid` for shares that leave nothing to train on, `WrongState` when others are fixed.
    """
    found = SplitScheme.objects.filter(project=project).first()
    if found is None:
        evaluate, test = USUAL[0] if evaluate is None else evaluate, USUAL[1] if test is None else test
        if not (evaluate >= 0 and test >= 0 and evaluate + test < 100):
            raise Invalid(_("Eval and test are percents, and leave something to train on."))
        return _make(project, evaluate, test, by_field.strip()[:64], by)
    other = (evaluate is not None and evaluate != found.eval_percent) or (
        test is not None and test != found.test_percent
    )
    if other or (by_field.strip() and by_field.strip() != found.by):
        raise WrongState(
            _(
                "The split of this project is fixed: %(eval)s %% eval and %(test)s %% test. Other shares would move items "
                "from test to train."
            )
            % {"eval": found.eval_percent, "test": found.test_percent},
            eval=found.eval_percent,
            test=found.test_percent,
            by=found.by,
        )
    return found


def _make(project: Project, evaluate: int, test: int, by_field: str, by: Member | None) -> SplitScheme:
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        found = SplitScheme.objects.filter(project=project).first()
        if found is not None:
            return found
        event = ledger.record(
            project_id=project.pk,
            kind="split.fixed",
            by=by,
            subject=("project", project.pk),
            data={"eval": evaluate, "test": test, "by": by_field},
        )
        return SplitScheme.objects.create(
            project=project,
            seed=secrets.token_hex(32),
            by=by_field,
            eval_percent=evaluate,
            test_percent=test,
            made_by=by,
            event_id=event,
        )


def as_terms(scheme: SplitScheme) -> dict[str, Any]:
    """What a request keeps of it: enough to say an item's split without this house."""
    return {
        "seed": scheme.seed,
        "by": scheme.by,
        "eval": scheme.eval_percent,
        "test": scheme.test_percent,
    }


def of(terms: Mapping[str, Any], key: str, payload: Mapping[str, Any]) -> str:
    """The split of an item: HMAC-SHA256 of its key (or field) with the seed, its first 8 bytes as a share of their range."""
    value = payload.get(terms["by"], key) if terms["by"] else key
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    drawn = hmac.digest(bytes.fromhex(terms["seed"]), text.encode(), hashlib.sha256)
    place = int.from_bytes(drawn[:8], "big") * 100
    if place < terms["test"] * _WHOLE:
        return "test"
    return "eval" if place < (terms["test"] + terms["eval"]) * _WHOLE else "train"
