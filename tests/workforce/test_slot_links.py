"""The links of slots that no key holds: one that leads nowhere is refused, and one that changes under its answer."""

from __future__ import annotations

import psycopg
import pytest
from django.db import Error, connection, transaction

from specs import drafting
from tests import cast

pytestmark = pytest.mark.django_db

BORN = (
    "INSERT INTO workforce_assignment (project_id, task_id, queue_id, number, state, rank, returned, n_returns, served_digest, "
    "n_renewals, {column}) SELECT project_id, id, queue_id, 2, 'withdrawn', 0, false, 0, '', 0, %s FROM workforce_task"
)
GIVEN = "UPDATE workforce_assignment SET {column} = %s WHERE state = 'leased'"


@pytest.fixture
def stage() -> cast.Stage:
    """One slot answered, one leased."""
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(2)
    stage.answer(stage.ben, "yes")
    stage.claim(stage.chi)
    return stage


def _refusal(statement: str, *values: int | None) -> tuple[str | None, str]:
    with connection.cursor() as cursor, pytest.raises(Error) as refused, transaction.atomic():
        cursor.execute(statement, values)
    cause = refused.value.__cause__
    assert isinstance(cause, psycopg.Error)
    return cause.diag.constraint_name, str(cause)


def test_a_slot_leads_to_people_and_versions_of_its_project(stage: cast.Stage) -> None:
    other = cast.stage("other")
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    for column, wrong in (
        ("annotator_id", (-1, other.ben.pk)),
        ("version_id", (-1, other.version.pk, draft.pk)),
    ):
        rule = f"assignment_{column.removesuffix('_id')}_same_project"
        for number in wrong:
            assert _refusal(GIVEN.format(column=column), number)[0] == rule
            if column == "version_id":
                assert _refusal(BORN.format(column=column), number)[0] == rule
    assert _refusal(BORN.format(column="annotator_id").replace("'withdrawn'", "'leased'"), -1)[0] is not None


def test_an_answered_slot_keeps_what_its_answer_repeats(stage: cast.Stage) -> None:
    for column in ("annotator_id", "version_id"):
        statement = f"UPDATE workforce_assignment SET {column} = {column} + 1 WHERE state = 'submitted'"
        assert "Cannot update what an answer repeats" in _refusal(statement)[1]


def test_slots_beyond_the_overlap_are_refused_also_where_their_numbers_go_on(stage: cast.Stage) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workforce_assignment SET state = 'withdrawn' WHERE state = 'open'")
    rows = BORN.format(column="annotator_id").replace("'withdrawn'", "'open'").replace(" 2,", " {number},")
    more = rows + " WHERE state = 'resolved'"
    assert _refusal(more.format(number=2), None)[0] == "workforce_assignment_within_overlap"
