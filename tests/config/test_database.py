"""The tests' own ground: which role they work as, and that committed rows do not outlive their test."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import ProgrammingError, connection


def _scalar(statement: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0]


def test_tests_work_as_the_application_role_which_owns_nothing(db: None) -> None:
    assert str(_scalar("SELECT current_user")).endswith("_app")
    assert _scalar("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole") == 0


def test_the_application_role_cannot_create_tables(db: None) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        _scalar("CREATE TABLE of_our_own ()")


@pytest.mark.parametrize("turn", [1, 2])
def test_committed_rows_are_gone_before_the_next_test(committed_db: None, turn: int) -> None:
    assert User.objects.count() == 0
    User.objects.create(username="ada")
