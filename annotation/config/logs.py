"""Log lines: one event per line, for a terminal or as JSON, never forgeable by a line break in the data.

A traceback names files, lines and functions. Values of variables, and the rows that PostgreSQL quotes when it refuses one, may be
texts of items, answers or addresses: neither is written.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor


def _on_one_line(logger: Any, method: str, event: EventDict) -> EventDict:
    """Escape line breaks in the message: text that people wrote must not look like a line of ours."""
    event["event"] = str(event.get("event", "")).replace("\r", "\\r").replace("\n", "\\n")
    return event


_QUOTED = re.compile(
    r"^(?:DETAIL|CONTEXT): .*?(?=^The above exception|^During handling of|\Z)", re.DOTALL | re.MULTILINE
)
"""What PostgreSQL says of the very row, up to the next exception of the chain or the end: the row may have blank lines."""


def _without_rows(text: str) -> str:
    return _QUOTED.sub("(PostgreSQL's details are not written)\n\n", text)


def _plain_traceback(out: Any, error: Any) -> None:
    """A plain traceback: the decorated one prints local variables."""
    written = io.StringIO()
    structlog.dev.plain_traceback(written, error)
    out.write(_without_rows(written.getvalue()))


def _json_traceback(exc_info: Any) -> str:
    written = io.StringIO()
    _plain_traceback(written, exc_info)
    return written.getvalue().strip()


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(),
    _on_one_line,
]


def configure(level: str, form: str = "line") -> dict[str, Any]:
    """Set structlog up and return Django's `LOGGING`, both ending in the same lines on stderr; *form* is `line` or `json`."""
    stamp = (
        structlog.processors.TimeStamper(fmt="iso", utc=True)
        if form == "json"
        else structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    )
    shared: list[Processor] = [*_SHARED, stamp]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: list[Processor] = [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=_plain_traceback, pad_event_to=0
        )
    ]
    if form == "json":
        last = [
            structlog.processors.ExceptionRenderer(_json_traceback),
            structlog.processors.JSONRenderer(default=str),
        ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
                "foreign_pre_chain": shared,
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
