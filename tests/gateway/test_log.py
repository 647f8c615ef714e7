"""The log's formats, and what must not be in any of them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import select
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from gateway import log
from gateway.secret import Secret
from gateway.settings import Log

if TYPE_CHECKING:
    from pathlib import Path

KEY = "planted-key-0123456789"


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the process's own logging as it was."""
    monkeypatch.setattr(log, "_direct", None)
    monkeypatch.setattr(log, "_open", [])
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_json(out: io.StringIO) -> None:
    log.set_up(Log(), out)

    structlog.get_logger().info("a.happened", number=1, nothing=None, text="x\ny")

    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "a.happened",
        "level": "info",
        "number": 1,
        "nothing": None,
        "text": "x\ny",
    }


def test_standard_library(out: io.StringIO) -> None:
    """Other people's warnings have the same form; their chatter is not shown."""
    log.set_up(Log(level="debug"), out)

    logging.getLogger("aiohttp.server").warning("something %s", "odd")
    logging.getLogger("asyncio").debug("chatter")

    (line,) = lines(out)
    assert line["event"] == "something odd"
    assert line["level"] == "warning"
    assert "timestamp" in line


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("form", ["json", "console"])
def test_exception(out: io.StringIO, form: Any, ours: bool) -> None:
    """A traceback is one member, and no warning about itself; secrets are masked."""
    log.set_up(Log(format=form), out)
    key = Secret(KEY)

    try:
        raise ValueError(f"could not use {key.reveal()}")
    except ValueError:
        logger: Any = structlog.get_logger() if ours else logging.getLogger("other")
        logger.exception("it.failed")

    said = out.getvalue()
    assert "Traceback" in said
    assert "ValueError: could not use ***" in said
    assert KEY not in said
    if form == "json":
        assert len(lines(out)) == 1


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "value",
    [
        KEY,
        f"before {KEY} after",
        [KEY],
        {"inner": {"deep": KEY}},
        (KEY, 1),
        ValueError(KEY),
        {KEY},
        KEY.encode(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_secrets_in_values(out: io.StringIO, form: Any, value: Any) -> None:
    """However deep a secret is, and whatever its type."""
    log.set_up(Log(format=form), out)
    key = Secret(KEY)

    structlog.get_logger().info("x", value=value, key_itself=key)

    assert KEY not in out.getvalue()
    assert key.reveal() == KEY


@pytest.mark.parametrize(
    "name", ["authorization", "api_key", "Cookie", "proxy_password", "auth_token"]
)
@pytest.mark.parametrize("value", ["anything", ["anything"], b"anything"])
def test_secret_names(out: io.StringIO, name: str, value: Any) -> None:
    """A member that is called a secret is not shown, whatever it is."""
    log.set_up(Log(), out)

    structlog.get_logger().info("x", **{name: value})

    assert "anything" not in out.getvalue()
    assert lines(out)[0][name] == "***"


def test_counts_of_tokens(out: io.StringIO) -> None:
    """They are called tokens and are no secrets."""
    log.set_up(Log(), out)

    structlog.get_logger().info("x", input_tokens=7, output_tokens=None)

    assert lines(out)[0]["input_tokens"] == 7
    assert lines(out)[0]["output_tokens"] is None


def test_values_that_are_no_json(out: io.StringIO) -> None:
    """A line is never lost for one odd value."""
    log.set_up(Log(), out)

    structlog.get_logger().info("x", odd=object(), surrogate="\ud800", many=2**70)

    assert len(lines(out)) == 1


def test_console_escapes(out: io.StringIO) -> None:
    """What a caller has written does not reach the terminal as an order."""
    log.set_up(Log(format="console"), out)

    structlog.get_logger().info("x", model="a\x1b[2Jb\x9b1mc\u202ed\re")

    said = out.getvalue()
    assert not set("\x1b\x9b\u202e\r") & set(said)
    assert "2J" in said


async def test_in_batches(out: io.StringIO) -> None:
    """Where a loop runs lines wait a little for others, and are never lost."""
    log.set_up(Log(), out)
    logger = structlog.get_logger()

    for number in range(5):
        logger.info("x", number=number)
    before = out.getvalue()
    await asyncio.sleep(log.BATCH * 3)

    assert before == ""
    assert [line["number"] for line in lines(out)] == [0, 1, 2, 3, 4]


def test_after_the_loop(out: io.StringIO) -> None:
    """What waited when a loop ended comes before what follows."""
    log.set_up(Log(), out)
    logger = structlog.get_logger()

    async def main(number: int) -> None:
        logger.info("x", number=number)

    asyncio.run(main(0))
    asyncio.run(main(1))
    logger.info("x", number=2)

    assert [line["number"] for line in lines(out)] == [0, 1, 2]


def test_two_loops(out: io.StringIO) -> None:
    """A line that waited for a loop that has ended does not hold up the next."""
    log.set_up(Log(), out)
    logger = structlog.get_logger()

    async def first() -> None:
        logger.info("x", number=0)

    async def second() -> None:
        logger.info("x", number=1)
        await asyncio.sleep(log.BATCH * 3)

    asyncio.run(first())
    asyncio.run(second())

    assert [line["number"] for line in lines(out)] == [0, 1]


class Writes(io.StringIO):
    """Keeps each write apart."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def write(self, text: str) -> int:
        self.all.append(text)
        return super().write(text)


def test_whole_writes() -> None:
    """Processes that share a pipe write whole lines, as much as goes in one piece."""
    out = Writes()
    written = log.Lines(out)
    lengths = [10, 3000, 1000, 5000, 90, 4095, 1]
    given = [chr(97 + n) * length for n, length in enumerate(lengths)]

    async def main() -> None:
        for line in given:
            written.msg(line)

    asyncio.run(main())
    written.flush()

    assert out.getvalue().splitlines() == given
    assert all(text.endswith("\n") for text in out.all)
    for text in out.all:
        assert len(text) <= select.PIPE_BUF or text.count("\n") == 1
    assert len(out.all) < len(given)


def test_writes_to_a_file(tmp_path: Path) -> None:
    """A file takes all that has been gathered at once; no line is cut or lost."""
    path = tmp_path / "log"
    given = ["a" * 3000, "b" * 3000, "c" * 10]
    with path.open("a") as out:
        written = log.Lines(out)
        before = os.fstat(out.fileno()).st_size

        async def main() -> None:
            for line in given:
                written.msg(line)
            assert os.fstat(out.fileno()).st_size == before

        asyncio.run(main())
        written.flush()

        assert path.read_text().splitlines() == given


@pytest.mark.parametrize("form", ["json", "console"])
def test_teller(out: io.StringIO, form: Any) -> None:
    """The short way says what the long way does, and hides as much."""
    log.set_up(Log(format=form), out)
    key = Secret(KEY)
    fields = {"model": f"x{key.reveal()}", "finish": [KEY], "bytes": 5, "stream": True}

    said = f"{fields['model']} {fields['finish']}"
    log.teller("exchange.done")(dict(fields), said)
    structlog.get_logger().info("exchange.done", **fields)

    short, long = out.getvalue().splitlines()
    assert KEY not in short + long
    if form == "json":
        told = [json.loads(line) for line in (short, long)]
        assert all(line.pop("timestamp").endswith("Z") for line in told)
        assert told[0] == told[1]


@pytest.mark.parametrize("level", ["warning", "error"])
def test_teller_below_the_level(out: io.StringIO, level: Any) -> None:
    log.set_up(Log(level=level), out)

    log.teller("exchange.done")({"bytes": 5}, "")

    assert out.getvalue() == ""
