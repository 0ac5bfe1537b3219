"""Structured logs of every process, with a net that keeps names, numbers and what was said out of them."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from runtime.settings import LogFormat, Settings

REDACTED = "[redacted]"
_DROPPED_KEYS = frozenset(
    {
        "name",
        "number",
        "phone",
        "text",
        "transcript",
        "turns",
        "said",
        "note",
        "password",
        "passphrase",
        "secret",
        "token",
        "authorization",
        "cookie",
        "address",
        "id_number",
        "birth_date",
        "caller",
        "callee",
        "caller_id",
        "mobile",
        "email",
        "digits",
    }
)
_DROPPED_PARTS = ("password", "secret", "token", "phone", "transcript", "patient_name", "full_name", "id_card")
_COUNTED_KEYS = re.compile(r"(^|_)(bytes|pid|port|ms|seconds|count|size|offset|samples)$")
# Ids keep their digits: a UUID or checksum with seven digits in a row is not a phone number.
_ID_OR_DIGITS = re.compile(
    r"(?P<id>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|\b[0-9a-f]{32,128}\b)"
    r"|(?P<digits>\d{7,})"
)
# PostgreSQL and SQLAlchemy quote the row's values on lines of these kinds.
_VALUES_LINE = re.compile(r"^\s*(DETAIL:|\[parameters:).*$", re.MULTILINE)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last processor before rendering: values under personal keys go, long digit runs are masked."""
    for key, value in event.items():
        event[key] = _redacted(key, value)
    return event


def configure_logging(settings: Settings, process: str, *, stream: TextIO | None = None) -> None:
    """Send structlog's and every library's log lines to `stream` (stderr), in one form, named after this process."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a logger used before this line has to follow it too
    )
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    # A log call with a fault would otherwise print its raw arguments past the net.
    logging.raiseExceptions = False
    # These say nothing that helps, or write addresses and values of requests on each line.
    for chatty in ("alembic", "uvicorn.access", "httpx", "httpcore", "botocore", "amqp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _named(process: str) -> structlog.types.Processor:
    def add_process(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("process", process)
        return event

    return add_process


def _redacted(key: str, value: Any) -> Any:
    lowered = key.lower()
    if lowered in _DROPPED_KEYS or any(part in lowered for part in _DROPPED_PARTS):
        return REDACTED
    if isinstance(value, str):
        return _ID_OR_DIGITS.sub(_mask, _VALUES_LINE.sub(REDACTED, value))
    if isinstance(value, bool) or value is None or _COUNTED_KEYS.search(lowered):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**6 else _ID_OR_DIGITS.sub(_mask, str(value))
    if isinstance(value, float):
        return value
    if isinstance(value, dict):
        return {name: _redacted(str(name), held) for name, held in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(key, held) for held in value]
    return _ID_OR_DIGITS.sub(_mask, _VALUES_LINE.sub(REDACTED, str(value)))


def _mask(found: re.Match[str]) -> str:
    return found["id"] or "*" * (len(found["digits"]) - 2) + found["digits"][-2:]
