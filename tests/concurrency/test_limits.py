"""Limits that are counted: many at once pass them together no further than one after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from tests import cast
from workforce import leasing, skipping


def test_sixteen_skips_at_once_pass_the_limit_together_no_further(committed_db: None) -> None:
    stage = cast.stage(max_leases=16, skips_per_hour=5)
    stage.load(16)
    leases = [stage.claim(stage.ben) for _ in range(16)]

    def skip(served: leasing.Served) -> bool:
        try:
            skipping.skip(
                assignment_id=served.assignment_id,
                annotator=stage.ben,
                token=served.token,
                reason="other",
                by=None,
            )
        except skipping.TooManySkips:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(skip, leases)) == 5
