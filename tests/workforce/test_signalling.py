"""Signals from production: kept beside their items, sent on by their reason, withdrawn when their time is over."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.test import Client

from specs.models import Event
from specs.refusals import Invalid
from tests import cast
from tests.invariants import rebuilding
from workforce import directing, leasing, loading, looking, queues, signalling
from workforce.models import Assignment, Item, Load, Signal, Task

pytestmark = pytest.mark.django_db


def signals(stage: cast.Stage, *rows: dict[str, Any], **options: Any) -> Load:
    data = "\n".join(json.dumps(row) for row in rows).encode()
    return loading.load(
        project=stage.project,
        queue=stage.queue,
        source=io.BytesIO(data),
        name="thumbs.jsonl",
        by=stage.ada,
        signals=True,
        **options,
    )


def row(
    key: str, *, ago: float = 1, left: float | None = None, reason: str = "thumb down", p: Any = 0.25
) -> dict[str, Any]:
    """A row that happened *ago* hours ago and expires in *left* hours."""
    now = leasing.database_now()
    return {
        "key": key,
        "text": f"text {key}",
        "happened_at": (now - timedelta(hours=ago)).isoformat(),
        "reason": reason,
        "selection_probability": p,
        **({} if left is None else {"expires_at": (now + timedelta(hours=left)).isoformat()}),
    }


def test_what_is_said_of_the_selection_stands_beside_the_item_and_not_in_it() -> None:
    stage = cast.stage()
    signals(stage, row("a", left=2), row("b", p="1"))
    assert Item.objects.get(key="a").payload == {"text": "text a"}
    kept = Signal.objects.get(item__key="a")
    assert (kept.reason, kept.probability, kept.source, kept.state) == (
        "thumb down",
        0.25,
        "thumbs.jsonl",
        "live",
    )
    assert Signal.objects.get(item__key="b").expires_at is None
    signals(stage, row("a", p=0.5))  # the same item again: once is enough
    assert Signal.objects.get(item__key="a").probability == 0.25
    assert Signal.objects.count() == 2


def test_what_rows_do_not_say_the_load_says() -> None:
    stage = cast.stage()
    data = {"key": "a", "text": "t", "happened_at": "2026-01-01T00:00:00"}
    signals(
        stage, data, signal_source="chat", signal_reason="random", signal_probability=0.01, signal_hours=24
    )
    kept = Signal.objects.get()
    assert (kept.source, kept.reason, kept.probability) == ("chat", "random", 0.01)
    assert kept.expires_at is not None
    assert kept.expires_at - kept.happened_at == timedelta(hours=24)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"selection_probability": 0}, "probability"),
        ({"selection_probability": 1.5}, "probability"),
        ({"selection_probability": "often"}, "probability"),
        ({"selection_probability": True}, "probability"),
        ({"reason": ""}, "reason"),
        ({"happened_at": "yesterday"}, "ISO 8601"),
        ({"happened_at": None}, "ISO 8601"),
        ({"expires_at": "2001-01-01"}, "expires before"),
        ({"text": None, "key": "a"}, ""),
    ],
)
def test_a_signal_that_says_too_little_is_a_bad_row(change: dict[str, Any], why: str) -> None:
    stage = cast.stage()
    if not why:
        bare = {name: value for name, value in row("a").items() if name != "text"}
        with pytest.raises(Invalid) as refused:
            signals(stage, bare)
    else:
        with pytest.raises(Invalid) as refused:
            signals(stage, {**row("a"), **change})
    assert why in refused.value.problems[0]["message"]
    assert not Item.objects.exists()


def test_options_of_signals_go_with_signals() -> None:
    stage = cast.stage()
    given: list[dict[str, Any]] = [
        {"signals": False, "signal_reason": "x"},
        {"signal_probability": 2.0},
        {"signal_hours": -1},
    ]
    for options in given:
        with pytest.raises(Invalid):
            loading.begin(
                project=stage.project,
                queue=stage.queue,
                file="",
                name="x.jsonl",
                by=None,
                form=None,
                **{"signals": True, **options},
            )


def test_a_rule_sends_signals_on_by_their_reason() -> None:
    stage = cast.stage()
    other = queues.create_queue(
        project=stage.project, key="urgent", name="Urgent", spec=stage.spec, owner=stage.ada, by=stage.ada
    )
    directing.add(queue=stage.queue, field="reason", value="complaint", target=other, by=stage.ada)
    sample = io.BytesIO(json.dumps(row("a", reason="complaint")).encode())
    seen = looking.look(sample, form="jsonl", queue=stage.queue, options={"signals": True})
    assert (seen.directed[0].n_rows, list(seen.fields)) == (1, ["text"])
    signals(stage, row("a", reason="complaint"), row("b"))
    assert Task.objects.get(item__key="a").queue_id == other.pk
    assert Task.objects.get(item__key="b").queue_id == stage.queue.pk
    assert Signal.objects.count() == 2


def test_what_expired_is_withdrawn_unless_somebody_holds_or_answered_it(settings: Any) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    signals(stage, *(row(key, ago=9, left=1) for key in ("answered", "held", "unseen")), row("fresh", left=5))
    later = leasing.database_now() + timedelta(hours=2)
    assert signalling.end_over() == 0
    stage.answer(stage.ben, "yes")
    held = stage.claim(stage.chi)
    assert held.item_key == "held"
    settings.SIGNALS_ENDED_AT_ONCE = (
        1  # a batch with what has to stay does not keep the next one from its turn
    )
    assert signalling.end_over(at=later) == 1
    assert signalling.end_over(at=later) == 0
    states = {one.item.key: one.state for one in Signal.objects.select_related("item")}
    assert states == {"answered": "used", "held": "live", "unseen": "expired", "fresh": "live"}
    assert Task.objects.get(item__key="unseen").state == "withdrawn"
    assert Assignment.objects.get(task__item__key="unseen").state == "withdrawn"
    assert stage.claim(stage.ben).item_key == "fresh"
    unseen = Task.objects.get(item__key="unseen").pk
    assert Event.objects.get(kind="signals.expired").data == {"signals": 1, "tasks": [unseen]}
    assert rebuilding.differences(stage.project.pk) == []
    leasing.release(assignment_id=held.assignment_id, annotator=stage.chi, token=held.token, by=None)
    assert signalling.end_over(at=later) == 1
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.chi, by=None) is None


def test_freshness_by_source_and_reason_by_page_and_rest(client: Client) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    signals(
        stage, row("a", ago=2), row("b", ago=4), row("c", ago=9, left=-8), row("d", reason="random", p=0.01)
    )
    assert Signal.objects.get(item__key="c").state == "expired"  # it came too late
    stage.answer(stage.ben, "yes")
    stage.answer(stage.ben, "no")
    down, other = signalling.freshness(queue=stage.queue)
    assert (down["reason"], down["n"], down["n_answered"], down["n_expired"], down["n_waiting"]) == (
        "thumb down",
        3,
        2,
        1,
        0,
    )
    assert down["median_seconds"] == pytest.approx(3 * 3600, abs=60)
    assert down["p90_seconds"] == pytest.approx(3.8 * 3600, abs=60)
    assert (other["reason"], other["n_waiting"], other["median_seconds"]) == ("random", 1, None)
    head = {"Authorization": f"Bearer {stage.token(stage.ada)}"}
    reply = client.get("/api/v1/projects/rte/queues/main/signals", headers=head).json()
    assert [one["n"] for one in reply["signals"]] == [3, 1]
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    assert "thumb down" in client.get("/p/rte/queues/main/loads/").content.decode()


def test_the_database_refuses_a_signal_that_makes_no_sense() -> None:
    stage = cast.stage()
    signals(stage, row("a", left=2))
    stage.load(1)
    for broken in (
        "UPDATE workforce_signal SET probability = 0.5",
        "UPDATE workforce_signal SET state = 'expired'",
        "UPDATE workforce_signal SET state = 'odd', ended_at = now()",
        "DELETE FROM workforce_signal",
        *(
            "INSERT INTO workforce_signal (project_id, item_id, load_id, source, reason, probability, happened_at, expires_at) "
            f"SELECT project_id, id, load_id, 's', {values} FROM workforce_item WHERE key = 'item-0'"
            for values in (
                "'r', 0, now(), NULL",
                "'r', 1.1, now(), NULL",
                "'', 1, now(), NULL",
                "'r', 1, now(), now() - interval '1 s'",
            )
        ),
    ):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(broken)
