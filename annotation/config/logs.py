"""Log lines: one event per line, readable in a terminal, never forgeable by a line break in the data."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor


def _on_one_line(logger: Any, method: str, event: EventDict) -> EventDict:
    """Escape line breaks in the message: text that people wrote must not look like a line of ours."""
    event["event"] = str(event.get("event", "")).replace("\r", "\\r").replace("\n", "\\n")
    return event


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
    _on_one_line,
]


def configure(level: str) -> dict[str, Any]:
    """Set structlog up and return Django's `LOGGING`, both ending in the same lines on stderr."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # A plain traceback: the decorated one prints local variables, which may be answers or tokens.
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's own console handler would print every line a second time.
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # One line per request that went wrong, none per request that went well.
            "django_structlog": {
                "level": logging.getLevelName(max(logging.WARNING, getattr(logging, level)))
            },
            "django.request": {"level": "ERROR"},
            # Beat runs something every few seconds: one line per job that went wrong, none per job that went well.
            **{
                name: {"level": logging.getLevelName(max(logging.WARNING, getattr(logging, level)))}
                for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace")
            },
        },
    }
