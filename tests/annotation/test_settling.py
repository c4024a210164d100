"""When answers agree: the rules, one more answer, disputes, conditional questions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from annotation import rules
from annotation.models import Dispute, Resolution
from tests import cast
from workforce.models import Task

CHOICE = cast.QUESTION


def _verdict(
    values: str, *, rule: str = "share", share: str = "0.8", maximum: int = 5, unfit: int = 0
) -> str:
    answers = [{"entailed": "yes" if value == "y" else "no"} for value in values]
    return rules.decide(
        [CHOICE], answers, {"entailed": unfit}, rule=rule, share=Fraction(share), maximum=maximum
    )[0].verdict


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ("yyy", "agreed"),
        ("yyn", "more"),
        ("yyyn", "more"),
        ("yyyyn", "agreed"),
        ("yyynn", "disputed"),
        ("y", "agreed"),
    ],
)
def test_the_share_rule(values: str, verdict: str) -> None:
    assert _verdict(values) == verdict


def test_unanimity_and_majority() -> None:
    assert _verdict("yyyyn", rule="unanimity") == "disputed"
    assert _verdict("yyn", rule="majority") == "agreed"
    assert _verdict("yn", rule="majority") == "more"
    assert _verdict("yynn", rule="majority", maximum=4) == "disputed"


def test_a_majority_that_finds_no_clause_is_a_dispute_even_when_values_agree() -> None:
    assert _verdict("yyy", unfit=2) == "disputed"
    assert _verdict("yyy", unfit=1) == "agreed"


def test_a_conditional_question_is_judged_on_the_branch_that_was_agreed() -> None:
    why = {**CHOICE, "key": "why", "shown_when": {"question": "entailed", "values": ["yes"]}}
    answers: list[dict[str, Any]] = [
        {"entailed": "yes", "why": "no"},
        {"entailed": "yes", "why": "no"},
        {"entailed": "no"},
    ]
    outcomes = rules.decide([CHOICE, why], answers, {}, rule="majority", share=Fraction(1), maximum=3)
    assert [(o.question, o.verdict, o.value) for o in outcomes] == [
        ("entailed", "agreed", "yes"),
        ("why", "agreed", "no"),
    ]


@pytest.mark.django_db
def test_agreement_resolves_the_task_with_what_it_rests_on() -> None:
    stage = cast.stage(overlap=2)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    assert Task.objects.get().state == "open"
    stage.answer(stage.chi, "yes")
    resolution = Resolution.objects.get()
    assert (Task.objects.get().state, resolution.value, resolution.distribution) == (
        "resolved",
        "yes",
        {"yes": 2},
    )
    assert len(resolution.answers) == 2


@pytest.mark.django_db
def test_disagreement_wants_one_more_answer_and_then_becomes_a_dispute() -> None:
    stage = cast.stage(overlap=2, max_overlap=3)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    task = Task.objects.get()
    assert (task.state, task.overlap) == ("open", 3)
    stage.answer(stage.dov, "no")
    dispute = Dispute.objects.get()
    assert Task.objects.get(pk=task.pk).state == "disputed"
    assert (dispute.questions, dispute.reason) == (["entailed"], "answers-differ")
    assert dispute.work is not None
    assert dispute.work.queue == stage.queue.adjudication_queue
    assert dispute.disagreement == pytest.approx(2 / 3)
