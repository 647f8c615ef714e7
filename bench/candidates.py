"""What is compared: no proxy, nginx, the bare relay, the gateway."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from bench import canned, nginx, procfs
from bench.peers import PEERS
from bench.process import BenchError, start, stop

if TYPE_CHECKING:
    import subprocess

DIRECT, NGINX, BARE, GATEWAY = "direct", "nginx", "bare", "sluicegate"

_READY_WITHIN = 20.0  # seconds
_POLL = 0.001


@frozen
class Setting:
    """
    Where and in front of what a candidate runs.

    Attributes:
        upstreams: ports; a candidate other than the gateway takes the first.
        cores: where its processes may run.
        workers: processes that serve.
    """

    directory: Path
    upstreams: tuple[int, ...]
    cores: frozenset[int]
    workers: int = 1


@frozen
class Running:
    """
    Attributes:
        pid: of its first process, ``None`` if there is no proxy.
        began: when that was started, by ``time.monotonic``.
    """

    name: str
    port: int
    pid: int | None = None
    began: float = 0.0

    @property
    def pids(self) -> list[int]:
        """The process tree as it is now: workers may come after the socket."""
        return [] if self.pid is None else procfs.tree(self.pid)


Command: TypeAlias = list[str]


def available(wanted: list[str]) -> tuple[list[str], dict[str, str]]:
    """Split *wanted* into what can run here and, by name, why the rest cannot."""
    missing = {}
    if shutil.which("nginx") is None:
        missing[NGINX] = "no program nginx (Debian: nginx-light)"
    if not _sluicegate().exists():
        missing[GATEWAY] = "the command sluicegate is not installed"
    for peer in PEERS:
        if shutil.which(peer) is None:
            missing[peer] = f"no program {peer}"
    can = [name for name in wanted if name not in missing]
    return can, {name: why for name, why in missing.items() if name in wanted}


@contextmanager
def running(name: str, setting: Setting) -> Iterator[Running]:
    """
    Run the candidate *name* until the block ends.

    Raises:
        BenchError: it ended or did not listen in time; the text has its last words.
    """
    if name == DIRECT:
        yield Running(name, setting.upstreams[0])
        return
    port = _free_port() if name == NGINX or name in PEERS else None
    command = _command(name, setting, port)
    log = setting.directory / f"{name}.log"
    with log.open("wb") as stderr:
        began = time.monotonic()
        process = start(command, set(setting.cores), stderr=stderr)
        try:
            port = _wait_until_ready(process, log, port)
            yield Running(name, port, process.pid, began)
        finally:
            stop(process)


def _command(name: str, setting: Setting, port: int | None) -> Command:
    upstream = setting.upstreams[0]
    if name == NGINX:
        assert port is not None
        config = nginx.write_config(setting.directory, port, upstream, setting.workers)
        return ["nginx", "-e", "stderr", "-c", str(config)]
    if name == BARE:
        module = "bench.relay_bare"
        return [sys.executable, "-m", module, f"http://127.0.0.1:{upstream}"]
    if name in PEERS:
        assert port is not None
        return PEERS[name](setting.directory, port, upstream)
    config = _write_gateway_config(setting)
    workers = ["--workers", str(setting.workers)]
    return [str(_sluicegate()), "serve", "--config", str(config), *workers]


def _sluicegate() -> Path:
    return Path(sys.executable).with_name("sluicegate")


def _write_gateway_config(setting: Setting) -> Path:
    """
    Write what an operator would: a key for callers, log on, a route a model.

    The routes keep the model's name, so that bodies pass verbatim: the n-th model
    ``mN`` goes to the n-th upstream.
    """
    backends = [(f"up{n}", port) for n, port in enumerate(setting.upstreams, start=1)]
    first = f"http://127.0.0.1:{setting.upstreams[0]}"
    config: dict[str, Any] = {
        "server": {
            "listen": ["127.0.0.1:0"],
            "workers": setting.workers,
            "api_keys": [canned.KEY],
            "shutdown_grace": "1s",
        },
        "log": {"format": "json", "level": "info"},
        "backends": {
            name: {
                "type": "openai-compatible",
                "api_base_url": f"http://127.0.0.1:{port}/v1",
                "api_key": "sk-upstream",
                "models": [f"m{n}"],
            }
            for n, (name, port) in enumerate(backends, start=1)
        },
        "routes": [
            {"model": f"m{n}", "to": f"{name}:m{n}"}
            for n, (name, _) in enumerate(backends, start=1)
        ],
        "default_backend": backends[0][0],
    }
    for protocol, version in (("anthropic", "v1"), ("gemini", "v1beta")):
        config["backends"][protocol] = {
            "type": protocol,
            "api_base_url": f"{first}/{version}",
            "api_key": "sk-upstream",
            "models": [protocol],
        }
    path = setting.directory / "sluicegate.yaml"
    path.write_text(json.dumps(config, indent=1))  # JSON is YAML
    return path


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
