"""Who may not see what is decided inside the claim: categories, caps, people and items kept apart."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from specs.refusals import Invalid
from tests import cast
from workforce import assigning, excluding, leasing, loading, queues, skipping, staffing
from workforce.models import Annotator, Arrival, Exclusion, Exposure, SensitiveCategory, Task

pytestmark = pytest.mark.django_db


def _load(stage: cast.Stage, *rows: Mapping[str, object]) -> None:
    lines = "\n".join(
        json.dumps({"key": f"item-{n}", "text": f"text {n}", **row}) for n, row in enumerate(rows)
    )
    loading.load(
        project=stage.project,
        queue=stage.queue,
        source=io.BytesIO(lines.encode()),
        name="items.jsonl",
        by=stage.ada,
    )


def _claim(stage: cast.Stage, who: Annotator) -> str | None:
    served = leasing.claim(queue_id=stage.queue.pk, annotator=who, by=None)
    return served.item_key if served else None


def _violence(stage: cast.Stage) -> SensitiveCategory:
    return excluding.add_category(
        project=stage.project, key="violence", name="Violence", warning="Wounds and blood.", by=stage.ada
    )


def test_nobody_is_given_a_category_before_she_agreed_and_after_she_withdrew() -> None:
    stage = cast.stage(overlap=3, max_overlap=3, max_leases=9)
    category = _violence(stage)
    _load(stage, {"sensitive_categories": ["violence"]}, {}, {"sensitive_categories": ["violence"]})
    Arrival.objects.all().delete()  # the load is over: in a test its transaction never is
    assert [_claim(stage, stage.ben), _claim(stage, stage.ben)] == ["item-1", None]
    assert excluding.undecided(stage.ben) == [category]
    excluding.agree(annotator=stage.ben, category=category, by=stage.member("ben"))
    assert _claim(stage, stage.ben) == "item-2"  # what lies ahead of her comes before what she passed
    excluding.withdraw(annotator=stage.ben, category=category, by=stage.member("ben"))
    assert _claim(stage, stage.ben) is None


def test_items_are_marked_after_they_came_in_and_not_for_another_project() -> None:
    stage, other = cast.stage(overlap=1, max_overlap=1), cast.stage("other")
    stage.load(2)
    other.load(2)
    category = _violence(stage)
    assert excluding.mark(category=category, items=["item-0", "nothing"], by=stage.ada) == 1
    assert excluding.mark(category=category, items=["item-0"], by=stage.ada) == 0
    assert _claim(stage, stage.ben) == "item-1"
    assert _claim(other, other.ben) == "item-0"


def test_what_is_kept_for_her_by_name_is_not_shown_against_her_will() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    _violence(stage)
    _load(stage, {"sensitive_categories": ["violence"]})
    task = Task.objects.get()
    assigning.assign(
        queue=stage.queue,
        task_ids=[task.pk],
        annotator=stage.ben,
        keep=timedelta(days=1),
        by=stage.ada,
    )
    assert _claim(stage, stage.ben) is None


def test_two_who_are_kept_apart_never_have_the_same_item() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(2)
    excluding.keep_apart(one=stage.ben, other=stage.chi, by=stage.ada)
    assert (_claim(stage, stage.ben), _claim(stage, stage.chi), _claim(stage, stage.dov)) == (
        "item-0",
        "item-1",
        "item-0",
    )
    excluding.end(exclusion=Exclusion.objects.get(annotator=stage.chi), by=stage.ada)
    assert not Exclusion.objects.filter(ended_at__isnull=True).exists()


def test_somebody_is_kept_from_the_items_of_a_field() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    _load(stage, {"author": "ben"}, {"author": "eve"})
    excluding.keep_from(annotator=stage.ben, field="author", value="ben", by=stage.ada)
    assert (_claim(stage, stage.ben), _claim(stage, stage.chi)) == ("item-1", "item-0")


def test_exclusions_that_make_no_sense_are_refused() -> None:
    stage = cast.stage()
    with pytest.raises(Invalid):
        excluding.keep_apart(one=stage.ben, other=stage.ben, by=stage.ada)
    with pytest.raises(Invalid):
        excluding.keep_from(annotator=stage.ben, field="", value="x", by=stage.ada)
    with pytest.raises(Invalid):
        excluding.add_category(project=stage.project, key="x", name="X", warning=" ", by=stage.ada)


def test_over_the_cap_of_an_hour_only_what_is_not_sensitive_is_given_then_a_break_is_offered(
    settings: object,
) -> None:
    settings.SENSITIVE_PER_HOUR = 2  # type: ignore[attr-defined]
    stage = cast.stage(overlap=1, max_overlap=1, max_leases=9)
    _load(stage, *[{"sensitive": True}] * 3, {})
    given = [_claim(stage, stage.ben) for _ in range(3)]
    assert given == ["item-0", "item-1", "item-3"]
    with pytest.raises(excluding.ExposureCap, match="break"):
        _claim(stage, stage.ben)
    assert _claim(stage, stage.chi) == "item-2"


def test_the_minutes_of_a_day_are_counted_until_the_answer_or_the_return(settings: object) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    _load(stage, {"sensitive": True}, {"sensitive": True})
    stage.answer(stage.ben, "yes")
    served = stage.claim(stage.ben)
    skipping.skip(
        assignment_id=served.assignment_id,
        annotator=stage.ben,
        token=served.token,
        reason="upsetting",
        by=None,
    )
    assert Exposure.objects.count() == 2
    seen = excluding.used(stage.ben)
    assert (seen.n_this_hour, seen.minutes_today < 1) == (2, True)
    settings.SENSITIVE_MINUTES_PER_DAY = 0  # type: ignore[attr-defined]
    assert excluding.used(stage.ben).capped


def test_the_cap_is_a_persons_in_all_her_projects(settings: object) -> None:
    settings.SENSITIVE_PER_HOUR = 1  # type: ignore[attr-defined]
    stage, other = cast.stage(overlap=1, max_overlap=1), cast.stage("other", overlap=1, max_overlap=1)
    ben = stage.member("ben").user
    assert ben is not None
    member = staffing.add_member(project=other.project, user=ben, roles=["annotator"], by=other.ada)
    there = staffing.annotator_for(member=member)
    staffing.enrol(queue=other.queue, annotator=there, by=other.ada)
    for one in (stage, other):
        _load(one, {"sensitive": True})
    assert _claim(stage, stage.ben) == "item-0"
    with pytest.raises(excluding.ExposureCap):
        leasing.claim(queue_id=other.queue.pk, annotator=there, by=None)


def test_who_is_kept_from_nothing_claims_in_as_many_statements_as_before() -> None:
    plain, other = cast.stage(), cast.stage("other")
    _violence(other)
    for stage in (plain, other):
        stage.load(2)
    plain.answer(plain.ben, "yes")
    with CaptureQueriesContext(connection) as seen:
        assert _claim(plain, plain.ben) == "item-1"
    assert len(seen) == 1
    queues.pause(queue=other.queue, by=other.ada)


def test_by_the_pages_a_category_is_added_and_agreed_to_and_two_are_kept_apart(client: Client) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    address = "/p/rte/exclusions/"
    client.post(address, {"step": "category", "key": "violence", "name": "Violence", "warning": "Wounds."})
    client.post(address, {"step": "mark", "category": "violence", "items": "item-0"})
    unknown = client.post(address, {"step": "apart", "annotator": "X", "other": "Y"}, follow=True)
    assert "Nobody here has the pseudonym" in unknown.content.decode()
    apart = {"step": "apart", "annotator": stage.ben.pseudonym, "other": stage.chi.pseudonym}
    client.post(address, apart)
    page = client.get(address).content.decode()
    assert "Wounds." in page
    assert f"what this one has: {stage.chi.pseudonym}" in page
    client.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    assert "Read the warnings" in client.get("/p/rte/queues/main/label/").content.decode()
    assert _claim(stage, stage.ben) is None
    assert "Wounds." in client.get("/p/rte/sensitive/").content.decode()
    client.post("/p/rte/sensitive/violence/", {"agree": "1"})
    assert _claim(stage, stage.ben) == "item-0"


def test_by_rest_one_agrees_and_sees_what_one_has_seen(client: Client) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    excluding.mark(category=_violence(stage), items=["item-0"], by=stage.ada)
    bearer = {"authorization": f"Bearer {stage.token(stage.member('ben'))}"}
    root = "/api/v1/projects/rte"
    assert client.post(f"{root}/queues/main/claim", headers=bearer).status_code == 204
    assert client.put(f"{root}/sensitive-categories/violence/consent", headers=bearer).status_code == 204
    assert client.post(f"{root}/queues/main/claim", headers=bearer).json()["item"] == "item-0"
    assert client.get(f"{root}/exposure", headers=bearer).json()["items_this_hour"] == 1
