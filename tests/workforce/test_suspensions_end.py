"""A suspension with an end, under real commits: the job that lifts it goes by the database's clock."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from specs.models import Member, MemberState, SuspensionEnd
from tests import cast, databases
from workforce import jobs, leasing, suspending
from workforce.models import Annotator


def test_a_suspension_ends_with_its_time_by_itself_and_no_sooner(committed_db: None) -> None:
    stage = cast.stage()
    later = leasing.database_now() + timedelta(days=1)
    for name in ("ben", "chi"):
        suspending.suspend(member=stage.member(name), reason="A break.", until=later, by=stage.ada)
    assert suspending.end_over() == 0
    with psycopg.connect(
        databases.admin_url()
    ) as admin:  # the row is written once: only the clock passes it by
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE specs_suspension SET started_at = now() - interval '1 day', until = now() - interval '1 second' "
            "WHERE member_id = %s",
            [stage.member("ben").pk],
        )
    jobs.end_suspensions()
    states = [Member.objects.get(pk=stage.member(name).pk).state for name in ("ben", "chi")]
    assert states == [MemberState.ACTIVE, MemberState.SUSPENDED]
    assert Annotator.objects.get(pk=stage.ben.pk).state == "active"
    end = SuspensionEnd.objects.get()
    assert (end.ending, end.suspension.member_id) == ("over", stage.member("ben").pk)
    assert suspending.end_over() == 0
