"""
llama.cpp's own HTTP server, in a process of its own.

Run as a script it is that server; imported it starts the script.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SLOTS = 4
CONTEXT = 4096  # tokens, per slot
START_LIMIT = 20.0  # seconds; a start takes 0.3 on an idle machine


@contextmanager
def llama(model: Path, alias: str, *, embeddings: bool = False) -> Iterator[str]:
    """
    Serve *model* as *alias*; yields the server's address, ``http://host:port``.

    Raises:
        RuntimeError: it did not start; the message is what it printed.
    """
    mode = "embeddings" if embeddings else "chat"
    log = model.with_name(f"{model.stem}.{mode}.log")
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, __file__, str(model), alias, mode],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as server,
    ):
        try:
            yield _address(server, log)
        finally:
            _stop(server)


def _address(server: subprocess.Popen[str], log: Path) -> str:
    """Wait for the line with which the script says that it listens."""
    assert server.stdout is not None
    alarm = Timer(START_LIMIT, server.kill)
    alarm.start()
    try:
        for line in server.stdout:
            if line.startswith("http://"):
                return line.strip()
    finally:
        alarm.cancel()
    raise RuntimeError(f"llama.cpp did not start: {log.read_text()[-2000:]}")


def _stop(server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(timeout=5)
    except subprocess.TimeoutExpired:
        server.kill()


def main(model: str, alias: str, mode: str) -> None:
    # Untyped, and not made for every platform: imported only where it runs.
    xllamacpp = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {alias}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.warmup = False
    params.use_jinja = True
    params.endpoint_slots = True
    params.ui = False
    if mode == "embeddings":
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN

    # Blocked before the server starts its threads, which inherit the mask; one
    # of them would otherwise take the signal.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.sigwait(signals)
    os._exit(0)  # its threads have no orderly end


if __name__ == "__main__":
    main(*sys.argv[1:])
