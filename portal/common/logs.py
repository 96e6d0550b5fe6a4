"""Structured logs: JSON in production, readable lines in development; no prompt, key or token is logged."""

import logging.config
import re
from collections.abc import MutableMapping
from typing import Any

import structlog
from django.conf import settings

# Mailed links and signed ones carry their secret in the path, and query strings can hold anything.
_SECRET_IN_PATH = re.compile(r"(?<=/confirm-email/)[^/ ]+|(?<=/reset/key/)[^/ ]+|(?<=/hub/links/)[^/ ]+")
_QUERY = re.compile(r"(?<=\?)\S+")


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank what is secret in the address of a request (a structlog processor).

    >>> hide_secrets(None, "", {"request": "GET /accounts/confirm-email/MQ:1x:abc/?next=/keys/"})
    {'request': 'GET /accounts/confirm-email/[hidden]/?[hidden]'}
    >>> hide_secrets(None, "", {"event": "Forbidden: /hub/links/abc.secret/model.safetensors"})
    {'event': 'Forbidden: /hub/links/[hidden]/model.safetensors'}
    """
    if isinstance(request := event.get("request"), str):
        event["request"] = _QUERY.sub("[hidden]", _SECRET_IN_PATH.sub("[hidden]", request))
    # Django's own line about a refused request names its path.
    if isinstance(said := event.get("event"), str):
        event["event"] = _SECRET_IN_PATH.sub("[hidden]", said)
    return event


# The line at the end of a request or task says all that the one at its start does.
_BEGINNINGS = {"request_started", "streaming_started", "task_enqueued", "task_received", "task_started"}


def drop_beginnings(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave one line a request and one a task (a structlog processor)."""
    if event.get("event") in _BEGINNINGS:
        raise structlog.DropEvent
    return event


_SHARED: list[Any] = [
    drop_beginnings,
    structlog.contextvars.merge_contextvars,
    hide_secrets,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(_: dict[str, Any]) -> None:
    """Configure structlog and the standard library's logging alike (Django's LOGGING_CONFIG)."""
    # A plain traceback: the default one prints local variables, and those can hold prompts and keys.
    readable = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    as_json = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        *(as_json if settings.LOG_JSON else [readable]),
                    ],
                    "foreign_pre_chain": _SHARED,
                }
            },
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["console"], "level": settings.LOG_LEVEL},
            # The request middleware already writes one line a request.
            "loggers": {
                "uvicorn.access": {"handlers": [], "propagate": False},
                "django.server": {"propagate": True},
                "httpx": {"level": "WARNING"},
                # At the level DEBUG it writes down what it signs.
                "botocore": {"level": "INFO"},
            },
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
