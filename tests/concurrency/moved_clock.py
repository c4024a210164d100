"""Settings of processes whose clocks are wrong: each fork an hour ahead or behind, and now and then a step back.

Only the database's clock may matter for leases, limits and paid time. What such a process reads of its own time is moved:
`time.time`, and the `now` that Django and this product ask.
"""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from annotation.config.settings import *  # noqa: F403

_true, _draw = time.time, random.Random()
_moved = [0.0]


def _move() -> None:
    _draw.seed(os.getpid())
    _moved[0] = _draw.choice([-3600.0, 3600.0])


def _time() -> float:
    return _true() + _moved[0] - _draw.choice([0.0, 0.0, 0.0, 30.0])


def _now() -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=_time())


time.time = _time
timezone.now = _now
os.register_at_fork(after_in_child=_move)
_move()
