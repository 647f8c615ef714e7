"""
Structured logs on standard error: one event a line, no secret in any of them.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import re
import select
import stat
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, lru_cache
from time import time
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import structlog

from gateway.secret import MASK, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from structlog.typing import EventDict, Processor

    from gateway.settings import Log

# Of the request that is being served, for each event of it. structlog's own way to
# bind it costs a microsecond.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

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
# All of ASCII's and Latin-1's but the line breaks of a traceback; separators of
# lines, and what turns the direction of writing.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")


def set_up(settings: Log, stream: TextIO | None = None) -> None:
    """Send our events and the standard library's to *stream*, in one format."""
    out = stream or sys.stderr
    lines = Lines(out)
    _open.append(lines)
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    console = settings.format == "console" or (
        settings.format == "auto" and out.isatty()
    )
    shared: list[Processor] = [
        in_request,
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
    if console:
        shared.append(tame)
    global _direct  # noqa: PLW0603 - as structlog's own configuration is
    _direct = None if console or level > logging.INFO else lines
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
                *shared[:2],
                structlog.stdlib.add_log_level,
                *shared[3:],
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


def teller(event: str) -> Callable[[dict[str, Any], str], None]:
    """
    Return what logs *event* with some fields, at level ``info``.

    It also takes the values that others choose, joined; the rest holds no secret.

    What is logged once a request goes past structlog's layers where its result
    would be a line of JSON: they cost twice as much as the rest of the log.
    """
    slow = structlog.get_logger()
    if _direct is None:
        return lambda fields, _: slow.info(event, **fields)
    lines = _direct
    ending = f',"event":"{event}","level":"info","timestamp":"'

    def tell(fields: dict[str, Any], said: str) -> None:
        line = f'{_to_json(fields)[:-1]}{ending}{_timestamp()}"}}'
        lines.msg(line if redact(said) == said else redact(line))

    return tell


def _timestamp() -> str:
    """Return the time as structlog's ``TimeStamper`` writes it."""
    now = time()
    second = int(now)
    return f"{_second(second)}.{int((now - second) * 1e6):06d}Z"


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]


class Lines:
    """
    Writes lines, in batches where an event loop runs.

    A write costs more than all the rest of a log event; what a process that is
    killed had to say in its last moments is lost.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._waiting: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_file = _is_file(out)

    def msg(self, line: str) -> None:
        """Take one event; the names below are how structlog calls it."""
        self.write(line + "\n")

    debug = info = warning = error = critical = exception = msg

    def write(self, text: str) -> None:
        self._waiting.append(text)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        # A loop that has ended flushes no more.
        if len(self._waiting) == 1 or loop is not self._loop:
            self._loop = loop
            loop.call_later(BATCH, self.flush)

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        # To a file that is appended to, one write goes whole, whatever its length.
        writes = ["".join(waiting)] if self._is_file else _whole_writes(waiting)
        try:
            for text in writes:
                self._out.write(text)
                self._out.flush()
        except BrokenPipeError:
            # Nobody reads any more; or Python would complain about it at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
        except (OSError, ValueError):  # the disk is full, or it is closed
            pass


def _is_file(out: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(out.fileno()).st_mode)
    except (OSError, ValueError):  # no descriptor, or closed
        return False


def _whole_writes(lines: list[str]) -> Iterator[str]:
    """Join *lines* as far as several processes may write without mixing them up."""
    group: list[str] = []
    size = 0
    for line in lines:
        length = len(line) if line.isascii() else len(line.encode("utf-8", "replace"))
        if group and size + length > select.PIPE_BUF:
            yield "".join(group)
            group, size = [], 0
        group.append(line)
        size += length
    if group:
        yield "".join(group)


_open: list[Lines] = []
_direct: Lines | None = None


def flush() -> None:
    """Write what has been gathered; the last thing that a process does."""
    for lines in _open:
        lines.flush()


atexit.register(flush)


def in_request(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Add the id of the request that is being served."""
    name = request_id.get()
    if name is not None:
        event.setdefault("request_id", name)
    return event


def hide(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask the members whose name says that they are secret."""
    for name in event:
        if _is_secret(name):
            event[name] = MASK
    return event


def tame(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Escape what a terminal would take for orders; callers choose some names."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = _CONTROL.sub(lambda c: ascii(c[0])[1:-1], value)
    return event


def mask(_logger: Any, _method: str, line: Any) -> str:
    """Mask secrets wherever they are in the finished *line*."""
    return redact(line)


@cache
def _is_secret(name: str) -> bool:
    low = name.lower()
    return any(word in low for word in _HIDDEN) and not low.endswith(_SHOWN)


def _to_json(event: Any, **_: Any) -> str:
    try:
        return msgspec.json.encode(event, enc_hook=repr).decode()
    except (UnicodeEncodeError, OverflowError):  # a lone surrogate, a huge number
        return json.dumps(event, default=repr)
