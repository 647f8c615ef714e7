"""What a candidate takes beside CPU: memory, time to start, time to let go."""

from __future__ import annotations

import json
import socket
import time
from functools import partial
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from bench import canned, procfs
from bench.candidates import PATHS
from bench.descriptors import most_streams, raise_limit
from bench.gateway_config import ADMIN_KEY
from bench.peers import PEERS
from bench.plan import Plan
from bench.process import BenchError
from bench.turns import Outcome, in_turns

if TYPE_CHECKING:
    from bench.candidates import Running
    from bench.records import Record
    from bench.stage import Bench, Stage

_OPENING_TAKES = 120.0  # seconds at most; a guess


def memory(bench: Bench) -> Outcome:
    most = most_streams(raise_limit(), bench.size.idle_streams)
    if most < bench.size.idle_streams:
        bench.say(
            f"memory: {most} streams instead of {bench.size.idle_streams}, since "
            "no process may have more descriptors than two for each of these"
        )
    measure = partial(_memory, most)
    return in_turns(bench, bench.names, measure, bench.size.long_rounds)


def start(bench: Bench) -> Outcome:
    """From exec to the first answer; everything is in the page cache."""
    return in_turns(bench, bench.names, _start, bench.size.starts)


def cancel(bench: Bench) -> Outcome:
    """One record a cancelled stream, not a round."""
    outcome = Outcome()
    for name in bench.names:
        try:
            with bench.stage(name) as stage:
                records = [_cancel(stage, n) for n in range(bench.size.cancels)]
        except (BenchError, OSError) as exc:
            outcome.failed[name] = str(exc)
            bench.say(f"cancel: {name}: {exc}")
        else:
            outcome.records[name] = records
            slowest = max(record["cancel_ms"] for record in records)
            bench.say(f"cancel: {name}: {slowest:.3g} ms at most")
    return outcome


def try_out(bench: Bench, name: str) -> None:
    """
    Start the candidate *name* and ask it once.

    Raises:
        BenchError: it does not answer as it should, or by another path than wanted.
    """
    with bench.stage(name) as stage:
        _ask_once(stage.candidate)
        if name in PATHS:
            _check_path(stage.candidate)


def _check_path(gateway: Running) -> None:
    """The gateway falls back by itself where it must; that is not to be measured."""
    wanted = PATHS[gateway.name]
    address = f"http://127.0.0.1:{gateway.port}/admin/status"
    asked = Request(address, headers={"Authorization": f"Bearer {ADMIN_KEY}"})
    with urlopen(asked, timeout=10) as answer:
        status = json.load(answer)
    taken = {"writer": status["writer"]} | {
        name: backend["client"]
        for name, backend in status["backends"].items()
        if "client" in backend
    }
    others = [name for name, path in taken.items() if path != wanted]
    if others:
        raise BenchError(f"expected {wanted} everywhere, not so: {', '.join(others)}")


def _memory(most: int, stage: Stage) -> Record:
    root = stage.candidate.pid
    assert root is not None
    peer = PEERS.get(stage.candidate.name)
    streams = min(most, (peer and peer.idle_streams) or most)
    _ask_once(stage.candidate)
    time.sleep(0.5)
    idle = procfs.memory_kb(root)
    # What is allocated once, when first used, is no cost of a stream.
    stage.tell(Plan("loop", connections=64, warm=0.2, seconds=0.5))
    stage.tell(Plan("hold", connections=100, seconds=_OPENING_TAKES))
    stage.tell(Plan("release"))
    time.sleep(0.5)
    before = procfs.memory_kb(root)
    stage.tell(Plan("hold", connections=streams, seconds=_OPENING_TAKES))
    time.sleep(0.5)
    after = procfs.memory_kb(root)
    stage.tell(Plan("release"))
    return {
        "idle_mb": idle["rss"] / 1024,
        "idle_pss_mb": idle["pss"] / 1024,
        "streams": streams,
        "stream_kb": (after["rss"] - before["rss"]) / streams,
    }


def _start(stage: Stage) -> Record:
    _ask_once(stage.candidate)
    return {"start_s": time.monotonic() - stage.candidate.began}


def _ask_once(candidate: Running) -> None:
    with _asked(candidate, "whole") as client:
        answer = client.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise BenchError(f"expected an answer, got {answer[:500]!r}")


def _asked(candidate: Running, script: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", candidate.port), timeout=10)
    headers = candidate.asked_for(Plan("loop")).headers
    client.sendall(canned.request(script, headers=headers))
    return client


def _cancel(stage: Stage, number: int) -> Record:
    """Measure from the client's close to the end of the upstream's side."""
    name = f"c{number}"
    with _asked(stage.candidate, f"hold {name}") as client:
        received = b""
        while b"\n\n" not in received.partition(b"\r\n\r\n")[2]:
            piece = client.recv(65536)
            if not piece:
                raise BenchError(f"a stream ended before it began: {received!r}")
            received += piece
        time.sleep(0.005)  # let the proxy finish what the first event began
        closed = time.monotonic_ns()
    try:
        ended = _ended(stage.upstream_port, name)
    except TimeoutError:
        raise BenchError("the upstream was not told in 10 s") from None
    return {"cancel_ms": (ended - closed) / 1e6}


def _ended(upstream_port: int, name: str) -> int:
    address = ("127.0.0.1", upstream_port)
    with socket.create_connection(address, timeout=10) as control:
        control.sendall(b"GET /ended/%b HTTP/1.1\r\n\r\n" % name.encode())
        answer = control.recv(65536)
    return int(answer.partition(b"\r\n\r\n")[2])
