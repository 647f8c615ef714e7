"""
Structured logs on standard error: one event a line, no secret in any of them.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import structlog

from gateway.secret import MASK, redact

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

    from gateway.settings import Log

# Seconds for which finished lines are gathered.
BATCH = 0.02

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
    lines = Lines(out)
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    console = settings.format == "console" or (
        settings.format == "auto" and out.isatty()
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide,
    ]
    render: Processor = (
        structlog.dev.ConsoleRenderer(colors=out.isatty())
        if console
        else structlog.processors.JSONRenderer(_to_json)
    )
    structlog.configure(
        processors=[*shared, render, mask],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *shared[:1],
                structlog.stdlib.add_log_level,
                *shared[2:],
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                hide,
                render,
                mask,
            ],
        )
    )
    logging.basicConfig(
        handlers=[handler], level=max(level, logging.WARNING), force=True
    )


class Lines:
    """
    Writes lines, in batches where an event loop runs.

    A write costs more than all the rest of a log event; what a process that is
    killed had to say in its last moments is lost.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._waiting: list[str] = []
        atexit.register(self.flush)

    def msg(self, line: str) -> None:
        """Take one event; the names below are how structlog calls it."""
        self.write(line + "\n")

    debug = info = warning = error = critical = exception = msg

    def write(self, text: str) -> None:
        self._waiting.append(text)
        if len(self._waiting) > 1:
            return  # somebody will flush
        try:
            asyncio.get_running_loop().call_later(BATCH, self.flush)
        except RuntimeError:
            self.flush()

    def flush(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        if text:
            with suppress(OSError, ValueError):  # nobody reads, or it is closed
                self._out.write(text)
                self._out.flush()


def hide(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask the members whose name says that they are secret."""
    for name in event:
        if _is_secret(name):
            event[name] = MASK
    return event


def mask(_logger: Any, _method: str, line: Any) -> str:
    """Mask secrets wherever they are in the finished *line*."""
    return redact(line)


@cache
def _is_secret(name: str) -> bool:
    low = name.lower()
    return any(word in low for word in _HIDDEN) and not low.endswith(_SHOWN)


def _to_json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()
