"""What callers and upstreams do to each other in the soak, drawn by lot."""

from __future__ import annotations

import random
from collections.abc import Iterator
from enum import Enum
from typing import Any

from attrs import frozen

from tests.client import CHAT, Caller
from tests.streams import DONE, finish_chunk, text_chunk
from tests.upstream import (
    CHUNKED,
    LAST_CHUNK,
    SSE_HEADERS,
    End,
    Pause,
    Step,
    chunk,
    head,
    reply,
)

MESSAGES = "/v1/messages"


class Up(Enum):
    """What the upstream does."""

    WELL = "answers"
    LONG = "answers at length"
    CUT_BEFORE = "closes before its head"
    RESET_BEFORE = "resets before its head"
    CUT = "closes in the middle"
    RESET = "resets in the middle"
    HANG_BEFORE = "says nothing"
    HANG = "says nothing more"
    ERROR = "answers 500"
    FAULT = "tells of an error in its stream"
    GARBAGE = "speaks no HTTP"
    UNFRAMED = "breaks its chunks"


class Down(Enum):
    """What the caller does."""

    READS = "reads all"
    SLOW = "reads slowly"
    CLOSES = "closes at some time"
    RESETS = "resets at some time"
    HALF = "ends its direction at some time"
    BODY = "closes in its own body"


_UPS = [Up.WELL] * 24 + [Up.LONG] * 4 + [u for u in Up if u not in (Up.WELL, Up.LONG)]
_DOWNS = [Down.READS] * 14 + [Down.SLOW] + [Down.CLOSES, Down.RESETS, Down.HALF] * 2
_DOWNS += [Down.BODY]
LEAVING = {
    Down.CLOSES: Caller.leave,
    Down.RESETS: Caller.leave_by_reset,
    Down.HALF: Caller.leave_half,
    Down.BODY: Caller.leave,
}
_WELL = {Up.WELL, Up.LONG}
# What the upstream says itself, of what it does.
_SAID = {Up.ERROR, Up.FAULT}


@frozen
class Act:
    """One request, and what is to happen to it."""

    number: int
    up: Up
    down: Down
    stream: bool
    path: str
    seed: int

    @property
    def name(self) -> str:
        return f"soak-{self.number}"

    @property
    def well(self) -> bool:
        return self.up in _WELL or (self.up is Up.FAULT and not self.stream)

    def end(self, status: int) -> str:
        """Return how it ends, where the caller stays and gets *status*."""
        if self.well:
            return "completed"
        # Its head may have gone out early: then it is too late for a status.
        cut = self.stream and status == 200 and self.up not in _SAID
        return "truncated" if cut else "upstream_failed"

    @property
    def pieces(self) -> list[bytes]:
        dice = random.Random(self.seed)
        size, most = (20_000, 40) if self.up is Up.LONG else (30, 12)
        words = [text_chunk("x" * dice.randrange(1, size)) for _ in range(most)]
        return words[: dice.randrange(1, most)]

    @property
    def whole(self) -> dict[str, Any]:
        text = "x" * (600_000 if self.up is Up.LONG else 300)
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "c", "model": "m1", "choices": [choice]}


def acts(count: int, seed: int) -> Iterator[Act]:
    dice = random.Random(seed)
    for number in range(count):
        yield Act(
            number,
            dice.choice(_UPS),
            dice.choice(_DOWNS),
            stream=dice.random() < 0.7,
            path=MESSAGES if dice.random() < 0.2 else CHAT,
            seed=dice.randrange(2**32),
        )


# -- the upstream's part


def play(act: Act) -> Iterator[Step]:
    match act.up:
        case Up.CUT_BEFORE:
            yield End.FIN
        case Up.RESET_BEFORE:
            yield End.RST
        case Up.HANG_BEFORE:
            yield End.HANG
        case Up.ERROR:
            yield from reply({"error": {"message": "no", "code": "no"}}, 500)
        case Up.GARBAGE:
            yield b"220 mail.example ESMTP\r\n"
            yield End.HANG
        case _:
            yield from _stream(act) if act.stream else _whole(act)


def _stream(act: Act) -> Iterator[Step]:
    dice = random.Random(act.seed + 1)
    yield head(200, SSE_HEADERS, CHUNKED)
    for piece in act.pieces:
        yield chunk(piece)
        if dice.random() < 0.2:
            yield Pause(dice.random() * 0.01)
    match act.up:
        case Up.WELL | Up.LONG:
            yield chunk(finish_chunk() + DONE) + LAST_CHUNK
        case Up.CUT:
            yield End.FIN
        case Up.RESET:
            yield End.RST
        case Up.FAULT:
            yield chunk(b'data: {"error":{"message":"no"}}\n\n') + LAST_CHUNK
        case Up.UNFRAMED:
            yield b"zz\r\n"
            yield End.HANG
        case _:
            yield End.HANG


def _whole(act: Act) -> Iterator[Step]:
    (step,) = reply(act.whole)
    assert isinstance(step, bytes)
    match act.up:
        case Up.WELL | Up.LONG | Up.FAULT:
            yield step
        case Up.UNFRAMED:
            yield head(200, {"content-type": "application/json"}, CHUNKED)
            yield chunk(b'{"id"') + b"zz\r\n"
            yield End.HANG
        case _:
            yield step[:-20]
            ends = {Up.CUT: End.FIN, Up.RESET: End.RST}
            yield ends.get(act.up, End.HANG)
