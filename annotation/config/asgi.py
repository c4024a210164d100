"""The ASGI entry point, for those who run one. Refuses what the WSGI entry point refuses."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotation.config.settings")
os.environ.setdefault("STATEMENT_TIMEOUT_SECONDS", "5")
os.environ.setdefault("IDLE_TRANSACTION_TIMEOUT_SECONDS", "30")
application = get_asgi_application()

from annotation.config import celery, checks  # noqa: E402, F401  (they need the settings)

checks.refuse_volatile_database()
