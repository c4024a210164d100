"""What leads decide is held by the database: each of its rules is broken here by plain SQL, and refused by its name."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import Error, connection, transaction

from annotation import deferring, reading_first
from annotation.models import Dispute
from tests import cast
from tests.annotation.test_ruling_kinds import BOTH, _lead, _rule, _work
from workforce.models import Queue

pytestmark = pytest.mark.django_db

RULING = (
    "INSERT INTO annotation_ruling (project_id, dispute_id, assignment_id, annotator_id, by_id, version_id, values, cannot, "
    "sides, split_into, cause, reason, event_id) SELECT project_id, dispute_id, assignment_id, annotator_id, by_id, "
    "version_id, '{{}}', {cannot}, {sides}, {split}, {cause}, '', 0 FROM annotation_ruling"
)
DEFERRAL = (
    "INSERT INTO annotation_deferral (project_id, dispute_id, assignment_id, annotator_id, by_id, kind, n_answers, queue_id, "
    "person_id, reason, event_id) SELECT f.project_id, dispute_id, assignment_id + 10000, f.annotator_id, by_id, {kind}, {n}, "
    "{queue}, {person}, {reason}, 0 FROM annotation_deferral f"
)
SIDES = """'{"entailed": [1]}'"""
QUEUE = "(SELECT max(id) FROM workforce_queue)"
BREAKS = {
    "ruling_kept_plural_says_so": RULING.format(
        cannot="''", sides=SIDES, split="'{}'", cause="'annotator-erred'"
    ),
    "ruling_splits_into_several": RULING.format(
        cannot="'split'", sides="'{}'", split="'{1}'", cause="'plural'"
    ),
    "plural_resolution_has_no_one_value": "INSERT INTO annotation_resolution (project_id, task_id, question, revision, value, "
    "basis, version_id, ruling_id, distribution, answers, rule, event_id) SELECT project_id, task_id, question, 9, '1', "
    "'plural', version_id, ruling_id, '{}', '{}', '', 0 FROM annotation_resolution",
    "deferral_says_to_whom": DEFERRAL.format(
        kind="'tier'", n="NULL", queue=QUEUE, person="NULL", reason="''"
    ),
    "deferral_kind_known": DEFERRAL.format(kind="'away'", n="1", queue="NULL", person="NULL", reason="'x'"),
    "nobody_passes_on_to_herself": DEFERRAL.format(
        kind="'person'", n="NULL", queue=QUEUE, person="f.annotator_id", reason="'x'"
    ),
    "deferral_once_per_slot": DEFERRAL.format(
        kind="'more'", n="1", queue="NULL", person="NULL", reason="''"
    ).replace(" + 10000", ""),
    "first_reading_says_one_thing": "INSERT INTO annotation_firstreading (project_id, dispute_id, assignment_id, annotator_id, "
    "version_id, values, cannot, event_id) SELECT project_id, dispute_id, assignment_id + 10000, annotator_id, version_id, "
    "values, 'broken', 0 FROM annotation_firstreading",
    "first_reading_once_per_slot": "INSERT INTO annotation_firstreading (project_id, dispute_id, assignment_id, annotator_id, "
    "version_id, values, cannot, event_id) SELECT project_id, dispute_id, assignment_id, annotator_id, version_id, values, "
    "cannot, 0 FROM annotation_firstreading",
    "second_look_is_at_a_dispute": "INSERT INTO annotation_dispute (project_id, task_id, questions, reason, state, "
    "disagreement, event_id) SELECT project_id, task_id, questions, reason, 'second', 0, 0 FROM annotation_dispute LIMIT 1",
    "dispute_seconded_once": "INSERT INTO annotation_dispute (project_id, task_id, questions, reason, state, disagreement, "
    "event_id, of_id) SELECT project_id, task_id, questions, reason, 'second', 0, 0, id FROM annotation_dispute, "
    "generate_series(1, 2)",
    "dispute_place_is_sensible": "UPDATE annotation_dispute SET confidence = 1.5",
    "annotation_dispute_state_steps": "UPDATE annotation_dispute SET state = 'open', decided_at = NULL WHERE state = 'returned'",
    "queue_shares_of_disputes_are_shares": "UPDATE workforce_queue SET second_share = 2",
}
WRITTEN_ONCE = ["annotation_deferral", "annotation_firstreading", "annotation_ruling"]


@pytest.fixture
def decided(db: None) -> cast.Stage:
    """One dispute that stays plural after a first reading, and one that went back for more answers."""
    stage = cast.stage(overlap=2, max_overlap=2)
    queue = Queue.objects.filter(purpose="adjudication")
    queue.update(gold_share="0", gold_first=0, independent_share="1")
    stage.load(2)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no")):
        stage.answer(who, value)
        stage.answer(who, value)
    first, second = Dispute.objects.order_by("pk")
    ada = _lead(stage)
    reading_first.read(**_work(ada, first), values={"entailed": "yes"})
    _rule(ada, first, plural=BOTH, cause="plural")
    deferring.ask_more(n=1, **_work(ada, second))
    return stage


def _refused(statement: str) -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except Error as error:
        cause: Any = error.__cause__
        return f"{cause.diag.constraint_name} {error}"
    return "nothing refused it"


@pytest.mark.parametrize("rule", BREAKS)
def test_the_database_refuses(decided: cast.Stage, rule: str) -> None:
    assert rule in _refused(BREAKS[rule])


@pytest.mark.parametrize("table", WRITTEN_ONCE)
def test_what_leads_said_is_written_once(decided: cast.Stage, table: str) -> None:
    for statement in (
        f"UPDATE {table} SET event_id = 0",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        assert table in _refused(statement)
