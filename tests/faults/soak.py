"""
Many requests whose callers and upstreams do all that they must not do.

What each did is written down, and compared with what the gateway says of it:

    python -m tests.faults.soak 100000
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from tests.client import CHAT, Answer, Caller, chat
from tests.faults.acts import LEAVING, Act, Down, acts, play
from tests.process import Gateway, config_for, gateway
from tests.streams import DONE, KEEP_ALIVE, finish_chunk
from tests.upstream import (
    Request,
    Step,
    Upstream,
)
from tests.ways import WAY

MiB = 1024 * 1024
CALLERS = 100
# In seconds; several of them make a time-out of the gateway's.
STALL = 0.3
# Clocks so short that all of them strike.
SETTINGS: dict[str, Any] = {
    "server": {"open_after": "250ms", "keep_alive": "200ms", "send_timeout": "30s"},
    "limits": {"keep_alive": "500ms"},
}
SHORT = {"first_event": "1500ms", "idle": "1200ms"}
# Of a run that lasts minutes: a busy machine holds up either side for seconds.
LONG = {"first_event": "6s", "idle": "5s"}


@define
class Soak:
    """
    Attributes:
        told: what the gateway said of each request, in order.
        wrong: what does not fit what was done.
        memory: resident bytes, now and then.
        stalls: how often both sides that are played here had to wait.
        late: requests during which that happened.
    """

    gateway: Gateway
    upstream: Upstream
    acts: dict[str, Act] = field(factory=dict)
    told: dict[str, list[dict[str, Any]]] = field(factory=dict)
    asked: set[str] = field(factory=set)
    got: dict[str, int] = field(factory=dict)
    kept: list[Caller] = field(factory=list)
    wrong: list[str] = field(factory=list)
    outcomes: Counter[str] = field(factory=Counter)
    memory: list[int] = field(factory=list)
    reused: int = 0
    stalls: int = 0
    late: set[str] = field(factory=set)

    async def run(self, coming: Iterator[Act]) -> None:
        feeling = asyncio.create_task(self._feel())
        await asyncio.gather(*(self._serve(coming) for _ in range(CALLERS)))
        feeling.cancel()

    async def _feel(self) -> None:
        """Count how often this process had to wait for the machine."""
        while True:
            begun = time.monotonic()
            await asyncio.sleep(0.05)
            self.stalls += time.monotonic() - begun > STALL

    async def _serve(self, coming: Iterator[Act]) -> None:
        for act in coming:
            self.acts[act.name] = act
            stalls = self.stalls
            try:
                await self._visit(act)
            except Exception as exc:  # whatever it is, it belongs in the report
                self.wrong.append(f"{act}: {exc!r}")
            if self.stalls > stalls:
                self.late.add(act.name)
            if act.number % 2000 == 1999:
                self.harvest()
                self.memory.append(self.gateway.rss())

    async def _visit(self, act: Act) -> None:
        named = [{"role": "user", "content": act.name}]
        body = chat(stream=act.stream, max_tokens=9, messages=named)
        raw = json.dumps(body).encode()
        headers = {"x-request-id": act.name, "anthropic-version": "2023-06-01"}
        dice = random.Random(act.seed + 2)
        async with self._caller(act, dice) as caller:
            if act.down is Down.BODY:
                length = {"content-length": str(len(raw)), **headers}
                await caller.send_head(act.path, headers=length)
                caller.writer.write(raw[: dice.randrange(len(raw))])
                await asyncio.sleep(dice.random() * 0.01)
                caller.leave()
                return
            await caller.send(raw, act.path, headers=headers)
            if act.down in LEAVING:
                await self._leave(act, caller, dice)
                return
            if act.down is Down.SLOW:
                await asyncio.sleep(dice.random() * 0.2)
            answer = await caller.answer(20)
            self.got[act.name] = answer.status
            self._check(act, answer)
            if act.down is Down.READS and answer.complete:
                self.kept.append(caller)

    @contextlib.asynccontextmanager
    async def _caller(self, act: Act, dice: random.Random) -> AsyncIterator[Caller]:
        """Give a connection, now and then one that has served before."""
        if act.down is not Down.SLOW and self.kept and dice.random() < 0.7:
            caller = self.kept.pop()
            self.reused += 1
        else:
            small = 8192 if act.down is Down.SLOW else None
            caller = Caller(self.gateway.port, receive_buffer=small)
            await caller.__aenter__()
        try:
            yield caller
        finally:
            if caller not in self.kept:
                await caller.__aexit__()

    async def _leave(self, act: Act, caller: Caller, dice: random.Random) -> None:
        delay = dice.random() ** 3 * 0.5
        with contextlib.suppress(TimeoutError, ConnectionError, ValueError):
            async with asyncio.timeout(delay):
                await caller.reader.read(-1)
        LEAVING[act.down](caller)
        await asyncio.sleep(0.002)

    def _check(self, act: Act, answer: Answer) -> None:
        """Compare what the caller got with what the upstream meant."""
        body = answer.body.replace(KEEP_ALIVE, b"")
        if not answer.complete:
            self.wrong.append(f"{act}: incomplete, {answer}")
        elif b"_timeout" in body[-200:]:
            return  # whether that is true the account tells
        elif act.well:
            if answer.status != 200:
                self.wrong.append(f"{act}: {answer}")
            elif act.path == CHAT:
                said = b"".join(act.pieces) + finish_chunk() + DONE
                fits = body == said if act.stream else answer.json == act.whole
                if not fits:
                    self.wrong.append(f"{act}: another body, {body[-300:]!r}")
            elif act.stream and b"message_stop" not in body:
                self.wrong.append(f"{act}: no end, {body[-300:]!r}")
        elif b'"error"' not in body[-600:]:
            self.wrong.append(f"{act}: no error, {answer.status} {body[-300:]!r}")

    # -- what the gateway says

    def harvest(self) -> None:
        """Take over what was logged, and forget the rest: there is much of it."""
        self.gateway.assert_no_alarm()
        for line in self.gateway.lines:
            if line.get("event") == "exchange.done":
                self.told.setdefault(line["request_id"], []).append(line)
            elif line.get("level") in ("error", "critical"):
                self.wrong.insert(0, f"logged: {line}")
        self.gateway.lines.clear()
        self.gateway.text.clear()
        self.asked.update(_name_in(request) for request in self.upstream.requests)
        self.upstream.requests.clear()
        links = self.upstream._links
        links[:] = [link for link in links if not link.lost]

    def compare(self) -> None:
        """Each request has one account, and it is true."""
        for name, act in self.acts.items():
            lines = self.told.pop(name, [])
            heard = name in self.asked or act.down in (Down.READS, Down.SLOW)
            if len(lines) > 1 or (heard and not lines):
                self.wrong.append(f"{act}: {len(lines)} accounts")
            for line in lines[:1]:
                self.outcomes[line["outcome"]] += 1
                self._judge(act, line)
        if self.told:
            self.wrong.append(f"accounts of nobody: {list(self.told)[:5]}")

    def _judge(self, act: Act, line: dict[str, Any]) -> None:
        outcome, code, status = line["outcome"], line["error_code"], line["status"]
        right = {act.end(status)}
        if act.down in LEAVING:
            right.add("client_gone")
        if (code or "").endswith("_timeout") and act.name in self.late:
            # The upstream, which is played here, was late itself.
            right |= {"truncated", "upstream_failed"}
        if act.down is Down.BODY:
            right = {"client_gone", "refused"}
        told = (code is None) is (outcome == "completed")
        if outcome not in right or not told or self.got.get(act.name, status) != status:
            self.wrong.append(f"{act}: {outcome}, {code}, {status}")


# -- all of it


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def switches(pid: int) -> int:
    """Return how often the process has gone to sleep: a timer wakes it up."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


async def rest(soak: Soak, before: int) -> None:
    """Wait until nothing is left of all that; add to what is wrong if it is."""
    running = soak.gateway
    while soak.kept:
        await soak.kept.pop().__aexit__()
    await running.idle(5)
    deadline = time.monotonic() + 5
    while descriptors(running.pid) > before and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    if (left := descriptors(running.pid)) > before:
        soak.wrong.append(f"{left - before} descriptors more than before")
    woken = switches(running.pid)
    await asyncio.sleep(0.4)
    if (often := switches(running.pid) - woken) > 5:
        soak.wrong.append(f"woken {often} times while nothing was going on")
    if soak.upstream.open:
        soak.wrong.append(f"{soak.upstream.open} connections to the upstream")


async def run(
    count: int,
    seed: int,
    timeouts: Mapping[str, str],
    say: Callable[[str], None] = lambda _: None,
) -> Soak:
    """Make *count* requests, and return what came of them."""
    settings = {**SETTINGS, "timeouts": dict(timeouts)}
    known: dict[str, Act] = {}
    async with (
        Upstream(lambda request: _script(request, known)) as upstream,
        gateway(config_for(upstream.url, **settings)) as running,
    ):
        soak = Soak(running, upstream, known)
        before = descriptors(running.pid)
        begun = time.monotonic()
        coming = acts(count, seed)
        while some := list(itertools.islice(coming, 10_000)):
            await soak.run(iter(some))
            rate = (some[-1].number + 1) / (time.monotonic() - begun)
            say(
                f"{some[-1].number + 1} requests, {rate:.0f}/s, "
                f"{running.rss() / MiB:.1f} MiB, {len(soak.wrong)} wrong"
            )
        await rest(soak, before)
        soak.memory.append(running.rss())
        await asyncio.sleep(0.3)  # the log is written in batches
        soak.harvest()
        soak.compare()
    return soak


def _script(request: Request, known: dict[str, Act]) -> Iterator[Step]:
    return play(known[_name_in(request)])


def _name_in(request: Request) -> str:
    said = request.json["messages"][-1]["content"]
    return said if isinstance(said, str) else str(said[0]["text"])


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    soak = asyncio.run(run(count, seed, LONG, print))
    print(f"way: {WAY}; outcomes: {dict(soak.outcomes.most_common())}")
    print(f"memory, MiB: {[round(one / MiB, 1) for one in soak.memory]}")
    print(f"connections used again by callers: {soak.reused}")
    print(f"had to wait for the machine {soak.stalls} times")
    for wrong in soak.wrong[:40]:
        print("WRONG", wrong[:1000])
    print(f"{len(soak.wrong)} wrong of {count}")
    return 1 if soak.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
