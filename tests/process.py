"""
The real ``sluicegate serve`` process, and what it says about itself.

Every promise that a user has is kept or broken by this process, so tests of
the I/O shell start it rather than parts of it. Leaving the ``async with``
asks it to stop, and asserts that it stopped cleanly.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import yaml

from tests.ways import USUAL, over_the_way

ROOT = Path(__file__).resolve().parents[1]
Config: TypeAlias = str | dict[str, Any]
Line: TypeAlias = dict[str, Any]

_ALARMS = ("Traceback", "Task was destroyed", "never retrieved", "was never awaited")
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "COVERAGE_PROCESS_START")


UPSTREAM_KEY = "sk-upstream-0123456789abcdef"


def backend(url: str, **members: Any) -> dict[str, Any]:
    """Return the settings of an OpenAI-compatible backend, by default at *url*."""
    return {
        "type": "openai-compatible",
        "api_base_url": url,
        "api_key": UPSTREAM_KEY,
        "models": ["m1"],
        **members,
    }


def config_for(
    url: str,
    *,
    server: Mapping[str, Any] | None = None,
    more: Mapping[str, Mapping[str, Any]] | None = None,
    top: Mapping[str, Any] | None = None,
    **members: Any,
) -> dict[str, Any]:
    """
    Return a configuration whose backend ``up`` is the upstream at *url*.

    Args:
        server: members of ``server:``.
        more: further backends, name to members.
        top: further members of the file itself.
        members: members of the backend ``up``.
    """
    others = {name: backend(url, **given) for name, given in (more or {}).items()}
    return {
        "server": dict(server or {}),
        "backends": {"up": backend(url, **members), **others},
        "default_backend": "up",
        **(top or {}),
    }


class Gateway:
    """
    One running process.

    Attributes:
        tasks_at_rest: how many run while nobody asks for anything but this.
        lines: every JSON line that it wrote to stderr, in order.
        text: everything that it wrote, both streams.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[Line] = []
        self.text: list[str] = []
        self.port = 0
        self.tasks_at_rest = 0
        self._news = asyncio.Condition()
        self._open_pipes = 2
        self._readers = [
            asyncio.create_task(self._read(process.stdout)),
            asyncio.create_task(self._read(process.stderr)),
        ]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rss(self) -> int:
        """Return the resident memory, in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def found(self, name: str, **match: Any) -> list[Line]:
        """Return the lines of event *name* whose members equal *match*."""
        return [
            line
            for line in self.lines
            if line.get("event") == name
            and all(line.get(member) == value for member, value in match.items())
        ]

    async def event(self, name: str, timeout: float = 5.0, **match: Any) -> Line:
        """Wait for the first line of event *name* that matches, or for the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(
                    lambda: self.found(name, **match) or not self._open_pipes
                )
        found = self.found(name, **match)
        said = "".join(self.text[-15:])
        assert found, f"no {name} {match} in {timeout} s; last:\n{said}"
        return found[0]

    async def done(self, request_id: str, timeout: float = 5.0) -> Line:
        """Wait for the ``exchange.done`` of one request."""
        return await self.event("exchange.done", timeout, request_id=request_id)

    async def status(self) -> dict[str, Any]:
        """Return what ``GET /admin/status`` says."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/admin/status") as answer,
        ):
            members: dict[str, Any] = await answer.json()
            return members

    async def idle(self, timeout: float = 3.0) -> None:
        """Wait until the gauges are back where they were at the start; else fail."""
        deadline = asyncio.get_running_loop().time() + timeout
        while left := self._left(await self.status()):
            assert asyncio.get_running_loop().time() < deadline, left
            await asyncio.sleep(0.01)

    def _left(self, status: dict[str, Any]) -> dict[str, int]:
        rest = {
            "open_upstreams": 0,
            "active_exchanges": 0,
            "running_tasks": self.tasks_at_rest,
        }
        return {name: status[name] for name in rest if status[name] > rest[name]}

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    async def exit_code(self, timeout: float = 10.0) -> int:
        """Wait until the process has ended and all its output was read."""
        async with asyncio.timeout(timeout):
            code = await self.process.wait()
            await asyncio.gather(*self._readers)
        return code

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self.exit_code()

    def assert_no_alarm(self) -> None:
        """Nothing was left unhandled; shows the first lines that say otherwise."""
        said = [line for line in self.text if "exchange.done" not in line]
        for at, line in enumerate(said):
            if any(alarm in line for alarm in _ALARMS):
                raise AssertionError("".join(said[at : at + 20])[:6000])

    async def _read(self, pipe: asyncio.StreamReader | None) -> None:
        assert pipe is not None
        while raw := await pipe.readline():
            text = raw.decode("utf-8", "replace")
            async with self._news:
                self.text.append(text)
                with contextlib.suppress(ValueError):
                    line = json.loads(text)
                    if isinstance(line, dict):
                        self.lines.append(line)
                self._news.notify_all()
        async with self._news:
            self._open_pipes -= 1
            self._news.notify_all()


def _usual_limits() -> None:
    """
    Let the process begin with as many descriptors as a login shell gives.

    Two per stream are needed; that it raises the limit is its own business.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))


async def start(
    *args: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Gateway:
    """Start ``python -m gateway ARGS`` in a process group and a clean environment."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *args,
        cwd=cwd,
        env={**kept, **(env or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_usual_limits,
        limit=2**24,
    )
    return Gateway(process)


@contextlib.contextmanager
def config_file(config: Config) -> Iterator[str]:
    """
    Write *config* to a file of its own; JSON is YAML, too.

    Unless it is text already, it says which way requests take; see `tests.ways`.
    """
    if not isinstance(config, str):
        config = json.dumps(over_the_way(config))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(config)
        file.flush()
        yield file.name


@contextlib.asynccontextmanager
async def gateway(
    config: Config | None = None, *args: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[Gateway]:
    """
    Serve on a free port of 127.0.0.1, unless *config* or *args* say where.

    On leaving: SIGTERM, exit code 0, no unhandled error in the output.
    """
    given: list[str] = []
    with contextlib.ExitStack() as stack:
        # What it keeps by default must not pile up where the developer lives.
        state = stack.enter_context(tempfile.TemporaryDirectory())
        env = {"XDG_STATE_HOME": state, **(env or {})}
        if config is not None:
            if isinstance(config, str) and not USUAL:
                config = yaml.safe_load(config)
            given += ["--config", stack.enter_context(config_file(config))]
        if "listen" not in f"{config} {args}":
            given += ["--listen", "127.0.0.1:0"]
        running = await start("serve", *given, *args, env=env)
        try:
            await _listening(running)
            yield running
            if running.process.returncode is None:
                running.signal()
            code = await running.exit_code()
        finally:
            await running.kill()
    assert code == 0, f"exit code {code}:\n{''.join(running.text[-15:])}"
    running.assert_no_alarm()


async def _listening(running: Gateway) -> None:
    line = await running.event("server.listening", timeout=15)
    ports = [address.rpartition(":")[2] for address in line["addresses"]]
    running.port = next((int(port) for port in ports if port.isdigit()), 0)
    if running.port:
        running.tasks_at_rest = (await running.status())["running_tasks"]
