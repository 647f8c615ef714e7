"""What is compared: no proxy, nginx, the bare relay, the gateway by both its paths."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from bench import nginx, procfs
from bench.gateway_config import write_config
from bench.peers import PEERS
from bench.process import BenchError, start, stop

if TYPE_CHECKING:
    from bench.plan import Plan

DIRECT, NGINX, BARE = "direct", "nginx", "bare"
GATEWAY, ORDINARY = "sluicegate", "sluicegate-aiohttp"
PATHS = {GATEWAY: "fast", ORDINARY: "aiohttp"}
OWN = (NGINX, BARE, ORDINARY, GATEWAY)

_READY_WITHIN = 40.0  # seconds; one of the peers takes seven on a quiet machine
_POLL = 0.001


@frozen
class Setting:
    """
    Where and in front of what a candidate runs.

    Attributes:
        upstreams: ports; a candidate other than the gateway takes the first.
        cores: where its processes may run.
        workers: processes that serve.
        authority: whom to trust for the upstreams' TLS, ``None`` for plain HTTP.
    """

    directory: Path
    upstreams: tuple[int, ...]
    cores: frozenset[int]
    workers: int = 1
    authority: Path | None = None


@frozen
class Running:
    """
    Attributes:
        pid: of its first process, ``None`` if there is no proxy.
        began: when that was started, by ``time.monotonic``.
    """

    name: str
    port: int
    upstream: int
    pid: int | None = None
    began: float = 0.0

    @property
    def pids(self) -> list[int]:
        """The process tree as it is now: workers may come after the socket."""
        return [] if self.pid is None else procfs.tree(self.pid)

    def asked_for(self, plan: Plan) -> Plan:
        """Return *plan* as it suits this candidate."""
        plan = evolve(plan, port=self.port)
        peer = PEERS.get(self.name)
        if peer is None:
            return plan
        longer = peer.patience if plan.do == "loop" else 1.0
        return evolve(
            plan,
            exact=False,
            headers=peer.headers(self.upstream, plan.model),
            warm=plan.warm * longer,
            seconds=plan.seconds * longer,
        )


def available(wanted: list[str]) -> tuple[list[str], dict[str, str]]:
    """Split *wanted* into what can run here and, by name, why the rest cannot."""
    missing = {}
    if shutil.which("nginx") is None:
        missing[NGINX] = "no program nginx (Debian: nginx-light)"
    for name in PATHS:
        if not _sluicegate().exists():
            missing[name] = "the command sluicegate is not installed"
    for name, peer in PEERS.items():
        if peer.missing is not None:
            missing[name] = peer.missing
    can = [name for name in wanted if name not in missing]
    return can, {name: why for name, why in missing.items() if name in wanted}


@contextmanager
def running(name: str, setting: Setting) -> Iterator[Running]:
    """
    Run the candidate *name* until the block ends.

    Raises:
        BenchError: it ended or did not listen in time; the text has its last words.
    """
    upstream = setting.upstreams[0]
    if name == DIRECT:
        yield Running(name, upstream, upstream)
        return
    peer = PEERS.get(name)
    port = _free_port() if name == NGINX or peer else None
    command = _command(name, setting, port)
    log = setting.directory / f"{name}.log"
    with log.open("wb") as output:
        began = time.monotonic()
        process = start(
            command,
            set(setting.cores),
            stdout=output.fileno() if peer else subprocess.DEVNULL,
            stderr=output,
            environment=peer.environment if peer else None,
        )
        try:
            port = _wait_until_ready(process, log, port)
            candidate = Running(name, port, upstream, process.pid, began)
            _wait_for_workers(candidate, setting.workers)
            yield candidate
        finally:
            stop(process)


def _command(name: str, setting: Setting, port: int | None) -> list[str]:
    upstream = setting.upstreams[0]
    if name == NGINX:
        assert port is not None
        config = nginx.write_config(setting, port)
        return ["nginx", "-e", "stderr", "-c", str(config)]
    if name == BARE:
        command = [sys.executable, "-m", "bench.relay_bare"]
        if setting.authority is None:
            return [*command, f"http://127.0.0.1:{upstream}"]
        trusted = ["--authority", str(setting.authority)]
        return [*command, f"https://127.0.0.1:{upstream}", *trusted]
    if name in PEERS:
        assert port is not None
        return PEERS[name].command(setting.directory, port, upstream)
    config = write_config(setting, PATHS[name])
    workers = ["--workers", str(setting.workers)]
    return [str(_sluicegate()), "serve", "--config", str(config), *workers]


def _sluicegate() -> Path:
    return Path(sys.executable).with_name("sluicegate")


def _free_port() -> int:
    """Return a port that was free a moment ago, for those who do not take port 0."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_until_ready(
    process: subprocess.Popen[bytes], log: Path, port: int | None
) -> int:
    """Return the port once it is listened on: as logged, or as tried by connecting."""
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        found = _logged_port(log) if port is None else _accepting(port)
        if found is not None:
            return found
        time.sleep(_POLL)
    last_words = log.read_text(errors="replace")[-2000:]
    raise BenchError(f"{process.args!r} does not listen:\n{last_words}")


def _wait_for_workers(candidate: Running, workers: int) -> None:
    """Wait for those that are started after the socket: their CPU is to be seen."""
    forks = candidate.name == NGINX or (candidate.name in PATHS and workers > 1)
    least = 1 + workers if forks else 1
    deadline = time.monotonic() + _READY_WITHIN
    while len(candidate.pids) < least:
        if time.monotonic() > deadline:
            raise BenchError(f"expected {least} processes, got {candidate.pids}")
        time.sleep(_POLL)


def _logged_port(log: Path) -> int | None:
    text = log.read_bytes()
    if b"server.listening" not in text:
        return None
    for line in text.splitlines(keepends=True):
        if b"server.listening" in line and line.endswith(b"\n"):
            address: str = json.loads(line)["addresses"][0]
            return int(address.rpartition(":")[2])
    return None


def _accepting(port: int) -> int | None:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return None
    return port
