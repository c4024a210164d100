"""The Celery application. Jobs live in each app's `jobs.py`, carry ids only, and call a transition.

A `jobs.py` may define `SCHEDULE`, entries as Celery's `beat_schedule` has them; beat runs all of them.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging

app = Celery("concordat")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(related_name="jobs")


@app.on_after_finalize.connect
def _compose_schedule(sender: Celery, **kwargs: Any) -> None:
    from django.apps import apps

    for config in apps.get_app_configs():
        if find_spec(f"{config.name}.jobs"):
            sender.conf.beat_schedule.update(getattr(import_module(f"{config.name}.jobs"), "SCHEDULE", {}))


@setup_logging.connect
def _keep_our_logging(**kwargs: Any) -> None:
    """A receiver is enough: Celery then leaves the logging alone that Django's settings set up."""


@celeryd_init.connect
def _refuse_volatile_database(**kwargs: Any) -> None:
    from annotation.config import checks

    checks.refuse_volatile_database()
