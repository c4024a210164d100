"""The report of an experiment with predictions, against answers counted by hand; by page, REST and command."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from annotation import anchoring
from tests import cast
from tests.annotation.test_suggesting import bring
from workforce import suggesting
from workforce.models import Suggestion

pytestmark = pytest.mark.django_db


@pytest.fixture
def answered(settings: Any) -> cast.Stage:
    """12 items, one answer each in a drawn arm, predicted yes: yes where it was shown (all but the first), no elsewhere."""
    settings.ANCHORING_MINIMUM = 2
    stage = cast.stage(overlap=1, max_overlap=1, predictions="experiment")
    stage.load(12)
    bring(stage, 12)
    n_shown = 0
    for _ in range(12):
        served = stage.claim(stage.ben)
        shown = bool(suggesting.serve(served))
        n_shown += shown
        says = "yes" if shown and n_shown > 1 else "no"
        if n_shown == 2 and shown:
            suggesting.take(
                assignment_id=served.assignment_id,
                annotator=stage.ben,
                token=served.token,
                question="entailed",
                by=None,
            )
        stage.submit(stage.ben, served, {"entailed": says})
    return stage


def test_arms_are_counted_and_compared(answered: cast.Stage) -> None:
    (row,) = anchoring.report(queue=answered.queue)
    n_shown = Suggestion.objects.filter(arm="shown").count()
    assert 2 <= n_shown <= 10  # the draw of these twelve is the same in every run of a database
    assert (row["arms"]["shown"]["n"], row["arms"]["hidden"]["n"]) == (n_shown, 12 - n_shown)
    assert row["arms"]["shown"]["median_seconds"] >= 0
    against = row["against"]["model"]
    assert against["hidden"] == 0
    assert against["shown"] == pytest.approx((n_shown - 1) / n_shown, abs=1e-5)
    assert against["low"] < against["difference"] < against["high"]
    assert row["uptake"] == {"accepted": 1, "changed": 0, "ignored": n_shown - 1}
    # One answer alone is what its task ended with: that says nothing.
    assert row["against"]["resolution"]["n_shown"] == 0
    assert row["against"]["gold"]["reason"].startswith("too few")


def test_pairs_of_people_are_compared_within_an_arm(settings: Any) -> None:
    """Everybody sees it, or nobody: of two items, three people agree on one and two of three on the other: 4 of 6 pairs."""
    settings.ANCHORING_MINIMUM = 2
    stage = cast.stage(overlap=3, max_overlap=3, predictions="experiment", predictions_share="0.001")
    stage.load(2)
    bring(stage, 2)
    for item in ("yes yes yes", "yes yes no"):
        for who, value in zip((stage.ben, stage.chi, stage.dov), item.split(), strict=True):
            served = stage.claim(who)
            suggesting.serve(served)
            stage.submit(who, served, {"entailed": value})
    (row,) = anchoring.report(queue=stage.queue)
    assert (row["arms"]["hidden"]["n"], row["arms"]["hidden"]["n_items"]) == (6, 2)
    people = row["against"]["people"]
    assert (people["n_hidden"], people["n_shown"], people["difference"]) == (6, 0, None)
    assert people["hidden"] == pytest.approx(4 / 6, abs=1e-5)


def test_by_page_rest_and_command(answered: cast.Stage, client: Client, settings: Any) -> None:
    user = answered.ada.user
    assert user is not None
    client.force_login(user)
    page = client.get("/p/rte/queues/main/anchoring/").content.decode()
    assert "bert 3" in page
    settings.ANCHORING_MINIMUM = 30
    assert "too few" in client.get("/p/rte/queues/main/anchoring/").content.decode()
    head = {"Authorization": f"Bearer {answered.token(answered.ada)}"}
    by_rest = client.get("/api/v1/projects/rte/queues/main/anchoring", headers=head).json()
    out = io.StringIO()
    call_command("anchoring", "--project", "rte", "--queue", "main", "--json", stdout=out)
    assert json.loads(out.getvalue()) == by_rest
    assert by_rest["experiments"][0]["against"]["model"]["difference"] is None
