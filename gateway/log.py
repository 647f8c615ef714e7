"""
Structured logs on standard error: one event a line, no secret in any of them.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import structlog

from gateway.secret import redact

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

    from gateway.settings import Log

_HIDDEN = (
    "authorization",
    "api_key",
    "apikey",
    "cookie",
    "password",
    "secret",
    "token",
)
# Counts of tokens are no tokens.
_SHOWN = ("_tokens",)


def set_up(settings: Log, stream: TextIO | None = None) -> None:
    """Send our events and the standard library's to *stream*, in one format."""
    out = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    console = settings.format == "console" or (
        settings.format == "auto" and out.isatty()
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redacted,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=out.isatty())
        if console
        else structlog.processors.JSONRenderer(_to_json)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *shared[:1],
                structlog.stdlib.add_log_level,
                *shared[2:],
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redacted,
                renderer,
            ],
        )
    )
    logging.basicConfig(
        handlers=[handler], level=max(level, logging.WARNING), force=True
    )


def redacted(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask members whose name says that they are secret, and secrets in text."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = "***" if _hides(name) else redact(value)
        elif value is not None and not isinstance(value, int | float) and _hides(name):
            event[name] = "***"
    return event


def _hides(name: str) -> bool:
    low = name.lower()
    return any(word in low for word in _HIDDEN) and not low.endswith(_SHOWN)


def _to_json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()
