"""What every test of this folder does: ask, read a stream, hide what must differ."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.client import Answer, ask, chat
from tests.streams import DONE, frame_json, frames

if TYPE_CHECKING:
    from tests.process import Gateway

COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"

# Two runs of one request differ in these: ids, the clock, how long it took.
_DIFFERS = re.compile(
    rb'"(id)":"[^"]*"|"(created)":\d+|"(timings)":\{[^}]*\}|"(cached_tokens)":\d+'
)


def config(url: str, kind: str = "llama.cpp", **members: Any) -> dict[str, Any]:
    """Return a configuration with the server at *url* as the backend ``lab``."""
    return {"backends": {"lab": {"type": kind, "api_base_url": url, **members}}}


def question(model: str, **members: Any) -> dict[str, Any]:
    """Return a streaming chat request that is the same on both sides."""
    return chat(model=model, **members)


async def ask_both(
    g: Gateway, url: str, body: dict[str, Any], path: str = "/v1/chat/completions"
) -> tuple[Answer, Answer]:
    """Return the answer through the gateway and the server's own."""
    port = int(url.rpartition(":")[2])
    through = await ask(g.port, {**body, "model": f"lab:{body['model']}"}, path)
    return through, await ask(port, body, path)


def masked(body: bytes) -> bytes:
    """Return *body* without what differs between two runs."""
    return _DIFFERS.sub(rb'"\1\2\3\4":0', body)


def chunks(answer: Answer) -> list[Any]:
    """Return the JSON of a stream that ended as it should."""
    assert answer.status == 200, answer.body
    assert answer.complete
    *said, last = frames(answer.body.rstrip(b"\n") + b"\n\n")
    assert last == DONE
    return [frame_json(frame) for frame in said]


def deltas(answer: Answer) -> list[Any]:
    """Return the deltas of a stream's only choice."""
    return [c["choices"][0]["delta"] for c in chunks(answer) if c["choices"]]


def joined(answer: Answer, member: str = "content") -> str:
    return "".join(delta.get(member) or "" for delta in deltas(answer))


async def busy_slots(url: str) -> int:
    """Return how many requests the server works on, as it says itself."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/slots") as told:
        return sum(slot["is_processing"] for slot in await told.json())


async def slots_busy(url: str, count: int, timeout: float = 5.0) -> float:
    """Wait until *count* slots are busy, and return that moment's monotonic time."""
    async with asyncio.timeout(timeout):
        while await busy_slots(url) != count:
            await asyncio.sleep(0.01)
    return time.monotonic()
