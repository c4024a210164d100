"""The WSGI entry point. Refuses to serve on a database that could lose an acknowledged answer."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotation.config.settings")
# A page that needs longer is a job; commands and workers have no such limit.
os.environ.setdefault("STATEMENT_TIMEOUT_SECONDS", "5")
os.environ.setdefault("IDLE_TRANSACTION_TIMEOUT_SECONDS", "30")
application = get_wsgi_application()

# Only now, because they need the settings; Celery's application must be the current one before a view sends a job.
from annotation.config import celery, checks  # noqa: E402, F401

checks.refuse_volatile_database()

# What is loaded by now stays: the collector need not walk through it again and again, and workers share its pages for longer.
gc.collect()
gc.freeze()
