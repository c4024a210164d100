"""Gold and repeats are minted at the claim: unseen, at the set share, balanced, and nobody meets an item twice."""

from __future__ import annotations

import io
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from tests import cast
from tests.workforce.test_goldkeeping import bring_in
from workforce import entering, goldkeeping, holding, leasing, loading, minting
from workforce.models import (
    Assignment,
    Barred,
    Enrolment,
    Judgement,
    KnownAnswer,
    Lease,
    Probe,
    Queue,
    Task,
    TaskPurpose,
)

pytestmark = pytest.mark.django_db

_RAISED = "(SELECT NULL::float8 AS gold) raised"
"""Nothing asks for a higher share of gold."""
ODDS = minting.Odds(
    gold_share=0.05,
    gold_first=40,
    gold_first_of=500,
    repeat_share=0.01,
    n_claims=0,
    n_gold=0,
    has_gold=True,
    has_repeats=True,
)


def _gold(stage: cast.Stage, n: int, **more: Any) -> None:
    bring_in(
        stage,
        *(
            {"key": f"gold-{k:04}", "value": "no" if k % 2 else "yes", "text": f"gold {k}", **more}
            for k in range(n)
        ),
    )


def _claims(odds: minting.Odds, n: int, chance: random.Random) -> list[str]:
    """What the next *n* claims are."""
    found = []
    for _ in range(n):
        kind = minting.drawn(odds, chance)
        odds = replace(odds, n_claims=odds.n_claims + 1, n_gold=odds.n_gold + (kind == "gold"))
        found.append(kind.value)
    return found


def test_a_newcomer_meets_forty_in_her_first_five_hundred_and_the_share_from_then_on() -> None:
    chance = random.Random(4)
    runs = [_claims(ODDS, 1500, chance) for _ in range(20)]
    first = [run[:500].count("gold") for run in runs]
    assert min(first) >= 40
    assert sum(first) / len(first) < 44  # the share, where it is above what is owed
    later = sum(run[500:].count("gold") for run in runs)
    assert later / 20_000 == pytest.approx(0.05, abs=0.005)
    assert sum(run.count("repeat") for run in runs) / 30_000 == pytest.approx(0.01, abs=0.002)
    thirds = Counter(place * 3 // 500 for run in runs for place in range(500) if run[place] == "gold")
    assert min(thirds.values()) > 0.7 * max(thirds.values())  # no place among the first tells


def test_the_claim_s_own_statement_has_the_odds_of_the_rule() -> None:
    stage = cast.stage(gold_share="0.05", gold_first=40)
    enrolment = Enrolment.objects.filter(queue=stage.queue, annotator=stage.ben)
    for n_claims, n_gold in ((0, 0), (499, 39), (499, 40), (450, 0), (470, 36), (600, 0), (100, 30)):
        enrolment.update(n_claims=n_claims, n_gold=n_gold)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {minting.gold_odds('raised.gold')} "
                f"FROM {_RAISED}, workforce_enrolment e JOIN workforce_queue q ON q.id = e.queue_id "
                "WHERE e.id = %s",
                [enrolment.get().pk],
            )
            (chance,) = cursor.fetchone()
        assert chance == pytest.approx(replace(ODDS, n_claims=n_claims, n_gold=n_gold).gold)


def test_claims_draw_gold_at_the_set_share_and_the_same_when_they_look_twice() -> None:
    stage = cast.stage()
    _gold(stage, 1)
    Queue.objects.filter(pk=stage.queue.pk).update(gold_share="0.2", gold_first=0, repeat_share="0.1")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT ({minting.draw()}) FROM generate_series(1, 4000) n, LATERAL (SELECT 7::bigint AS id, "
            "'2026-01-01T00:00:00Z'::timestamptz AS since, n AS n_claims, 0 AS n_gold, NULL::timestamptz AS no_gold_until, "
            "'' AS stage) e, "
            f"{_RAISED}, workforce_queue q, workforce_annotator a WHERE q.id = %s AND a.id = %s",
            [stage.queue.pk, stage.ben.pk],
        )
        drawn = Counter(row[0] for row in cursor.fetchall())
    assert drawn["gold"] / 4000 == pytest.approx(0.2, abs=0.02)
    assert drawn["repeat"] / 4000 == pytest.approx(0.1, abs=0.015)
    looks = [entering.look(queue_id=stage.queue.pk, annotator=stage.ben) for _ in range(5)]
    assert len({look.probe for look in looks if look}) == 1


def test_claims_serve_gold_among_the_work_by_claim_and_by_submission() -> None:
    stage = cast.stage()
    Queue.objects.filter(pk=stage.queue.pk).update(gold_share=0, gold_first=4, gold_first_of=4)
    _gold(stage, 6)
    stage.load(4)
    kinds = []
    for _ in range(7):
        served = stage.claim(stage.ben)
        kinds.append(Task.objects.get(pk=served.task_id).purpose)
        assert stage.claim(stage.ben).assignment_id == served.assignment_id  # one lease, whatever it is
        stage.submit(stage.ben, served, {"entailed": "yes"})
    assert kinds == ["gold"] * 4 + ["work"] * 3
    enrolment = Enrolment.objects.get(queue=stage.queue, annotator=stage.ben)
    assert (enrolment.n_claims, enrolment.n_gold, enrolment.held_until) == (7, 4, None)


def test_a_repeat_comes_with_a_claim_once_she_has_been_here_long_enough() -> None:
    stage = cast.stage()
    _answered_long_ago(stage, 3)
    Queue.objects.filter(pk=stage.queue.pk).update(repeat_after_answers=1, repeat_share="0.1")
    with connection.cursor() as cursor:  # a count of claims at which chance draws a repeat
        cursor.execute(
            "UPDATE workforce_enrolment SET since = now() - interval '9 days' WHERE annotator_id = %s",
            [stage.ben.pk],
        )
        cursor.execute(
            f"SELECT x.n FROM generate_series(1, 500) x (n), workforce_enrolment f, LATERAL (SELECT f.id, f.since, "
            f"x.n AS n_claims, f.n_gold, f.no_gold_until, f.stage) e, {_RAISED}, workforce_queue q, workforce_annotator a "
            f"WHERE f.queue_id = q.id AND a.id = f.annotator_id AND a.id = %s AND ({minting.draw()}) = 'repeat' LIMIT 1",
            [stage.ben.pk],
        )
        (n,) = cursor.fetchone()
    Enrolment.objects.filter(annotator=stage.ben).update(n_claims=n)
    served = stage.claim(stage.ben)
    assert Task.objects.get(pk=served.task_id).purpose == "repeat"


def test_a_late_answer_to_gold_counts_as_one_to_work_does() -> None:
    stage = cast.stage()
    _gold(stage, 1)
    served = cast.mint(stage, stage.ben, "gold")
    assert served is not None
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workforce_assignment SET lease_until = leased_at WHERE state = 'leased'")
    receipt = stage.submit(stage.ben, served, {"entailed": "yes"})
    assert receipt.outcome == "counted"
    assert Judgement.objects.get().right


def test_gold_is_held_and_let_go_like_work_without_a_word() -> None:
    stage = cast.stage()
    _gold(stage, 1)
    served = cast.mint(stage, stage.ben, "gold")
    assert served is not None
    held = holding.hold(
        assignment_id=served.assignment_id, annotator=stage.ben, token=served.token, by=stage.ben.member
    )
    assert Assignment.objects.get(pk=served.assignment_id).state == "held"
    holding.release(hold=held, by=stage.ada)
    again = Assignment.objects.get(pk=served.assignment_id)
    assert (again.state, again.annotator_id) == ("reserved", stage.ben.pk)


def test_no_gold_and_nothing_to_repeat_draw_nothing() -> None:
    none = replace(ODDS, has_gold=False, has_repeats=False)
    assert set(_claims(none, 200, random.Random(1))) == {"work"}
    assert set(_claims(replace(ODDS, gold_share=0, gold_first=0, repeat_share=0), 200, random.Random(1))) == {
        "work"
    }


def test_what_is_owed_after_a_drought_is_caught_up_with_slowly() -> None:
    assert replace(ODDS, n_claims=450).gold == minting.CATCHING_UP
    assert replace(ODDS, n_claims=499, n_gold=39).gold == 1


def test_a_minted_task_looks_like_any_other() -> None:
    stage = cast.stage()
    stage.load(1)
    _gold(stage, 1)
    work, gold = stage.claim(stage.ben), cast.mint(stage, stage.chi, "gold")
    assert gold is not None
    assert gold.item_key == "gold-0000"
    for field in ("number", "n_renewals", "version_id", "served_digest", "sensitive", "queue_id"):
        assert getattr(gold, field) == getattr(work, field)
    assert gold.lease_until - gold.leased_at == work.lease_until - work.leased_at
    assert gold.task_id > work.task_id
    assert gold.assignment_id > work.assignment_id
    assert Lease.objects.filter(assignment=gold.assignment_id).count() == 1
    until = leasing.renew(assignment_id=gold.assignment_id, annotator=stage.chi, token=gold.token)
    assert until > gold.lease_until


def test_nobody_meets_an_item_as_gold_twice_and_then_there_is_none() -> None:
    stage = cast.stage(max_leases=10)
    _gold(stage, 3)
    keys = [served.item_key for k in range(3) if (served := cast.mint(stage, stage.ben, "gold", seed=k))]
    assert sorted(keys) == ["gold-0000", "gold-0001", "gold-0002"]
    assert cast.mint(stage, stage.ben, "gold") is None
    assert Enrolment.objects.get(annotator=stage.ben, no_gold_until__isnull=False).n_gold == 3
    assert cast.mint(stage, stage.chi, "gold") is not None


def test_labels_and_clauses_come_equally_often_however_many_answers_they_have() -> None:
    stage = cast.stage()
    rows = [("yes", "whole")] * 60 + [("no", "numbers")] * 16 + [("no", "whole")] * 4
    bring_in(
        stage,
        *(
            {"key": f"g-{k}", "value": value, "clauses": clause, "text": f"{k}"}
            for k, (value, clause) in enumerate(rows)
        ),
    )
    enrolment = Enrolment.objects.get(queue=stage.queue, annotator=stage.ben)
    drawn: Counter[tuple[str, str]] = Counter()
    items = set()
    answers = {known.item_id: known for known in KnownAnswer.objects.all()}
    titles = goldkeeping.clause_keys({clause for known in answers.values() for clause in known.clauses})
    chance = random.Random(7)
    with connection.cursor() as cursor:
        for _ in range(200):
            known: dict[str, Any] = {
                "at": chance.random(),
                "seed": f"{chance.getrandbits(64):x}",
                "pool": 500,
            }
            cursor.execute(minting._GOLD, {"enrolment": enrolment.pk, "version": stage.version.pk, **known})
            answer = answers[cursor.fetchone()[0]]
            items.add(answer.item_id)
            drawn[answer.value, titles[answer.clauses[0]]] += 1
    assert drawn["yes", "whole"] == pytest.approx(100, abs=25)
    assert drawn["no", "whole"] == pytest.approx(50, abs=20)
    assert drawn["no", "numbers"] == pytest.approx(50, abs=20)
    assert len(items) > 45  # any of them, at random


def test_held_candidate_declined_and_older_answers_are_not_served() -> None:
    stage = cast.stage()
    _gold(stage, 2, clauses="knowledge")
    clause = stage.spec.clauses.get(key="knowledge")
    goldkeeping.hold_flagged(project_id=stage.project.pk, clauses=[clause.pk])
    assert cast.mint(stage, stage.ben, "gold") is None
    goldkeeping.hold_flagged(project_id=stage.project.pk, clauses=[])
    for known in KnownAnswer.objects.all():
        goldkeeping.set_aside(known=known, reason="No.", by=stage.ada)
    assert cast.mint(stage, stage.ben, "gold") is None


def test_an_item_with_open_work_here_is_not_gold_and_gold_is_not_work_here_later() -> None:
    stage = cast.stage()
    stage.load(1)
    _gold(stage, 1)
    bring_in(stage, {"key": "item-0", "value": "yes"})
    assert cast.mint(stage, stage.ben, "gold") is not None
    assert cast.mint(stage, stage.ben, "gold") is None  # item-0 is open work
    rows = '{"key": "gold-0000", "text": "gold 0"}'
    loading.load(
        project=stage.project, queue=stage.queue, source=io.BytesIO(rows.encode()), name="i", by=stage.ada
    )
    task = Task.objects.get(item__key="gold-0000", purpose="work")
    assert list(Barred.objects.filter(task=task).values_list("annotator", flat=True)) == [stage.ben.pk]


def test_a_gold_task_given_back_or_expired_is_for_nobody_else() -> None:
    stage = cast.stage()
    _gold(stage, 2)
    first = cast.mint(stage, stage.ben, "gold")
    assert first is not None
    leasing.release(
        assignment_id=first.assignment_id,
        annotator=stage.ben,
        token=first.token,
        by=stage.ben.member,
    )
    second = cast.mint(stage, stage.chi, "gold")
    assert second is not None
    Assignment.objects.filter(pk=second.assignment_id).update(lease_until=F("leased_at"))
    leasing.return_expired()
    assert set(Assignment.objects.values_list("state", flat=True)) == {"withdrawn"}
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.dov, by=None) is None


def _answered_long_ago(stage: cast.Stage, n: int) -> None:
    stage.load(n)
    for k in range(n):
        stage.answer(stage.ben, "no" if k % 2 else "yes")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_assignment SET submitted_at = submitted_at - interval '8 days' + id * interval '1 s' "
            "WHERE state = 'submitted'"
        )


def test_a_repeat_is_something_she_answered_long_enough_ago_and_only_once() -> None:
    stage = cast.stage(max_leases=5)
    Queue.objects.filter(pk=stage.queue.pk).update(repeat_after_answers=1)
    _answered_long_ago(stage, 3)
    assert cast.mint(stage, stage.chi, "repeat") is None  # she has answered nothing
    drawn = [
        served.item_key for seed in range(12) if (served := cast.mint(stage, stage.ben, "repeat", seed=seed))
    ]
    assert len(drawn) == len(set(drawn)) >= 2
    assert set(drawn) <= {"item-0", "item-1", "item-2"}
    probe = Probe.objects.order_by("pk")[0]
    assert probe.first is not None
    assert (probe.purpose, probe.first.annotator) == ("repeat", stage.ben)


def test_too_recent_by_time_or_by_answers_is_not_repeated() -> None:
    stage = cast.stage()
    stage.load(2)
    stage.answer(stage.ben, "yes")
    Queue.objects.filter(pk=stage.queue.pk).update(repeat_after_answers=1)
    assert cast.mint(stage, stage.ben, "repeat") is None
    Queue.objects.filter(pk=stage.queue.pk).update(repeat_after_answers=100)
    stage.answer(stage.ben, "yes")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_assignment SET submitted_at = submitted_at - interval '9 days' WHERE state = 'submitted'"
        )
    assert cast.mint(stage, stage.ben, "repeat") is None


def test_minting_takes_two_statements_whatever_the_pool() -> None:
    stage = cast.stage(max_leases=10)
    _gold(stage, 60)
    enrolment = Enrolment.objects.get(queue=stage.queue, annotator=stage.ben)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        minting.mint(
            purpose=TaskPurpose.GOLD,
            enrolment_id=enrolment.pk,
            version_id=stage.version.pk,
            by=None,
        )
    assert len(queries) == 2
