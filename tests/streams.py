"""How networks cut streams, and the little of SSE that a test must say itself."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def cuts(body: bytes, size: int) -> list[bytes]:
    """Return *body* in pieces of *size* bytes; the last may be shorter."""
    return [body[i : i + size] for i in range(0, len(body), size)]


def random_cuts(body: bytes, seed: int, longest: int = 600) -> list[bytes]:
    """Return *body* in pieces of 1 to *longest* bytes, the same for one *seed*."""
    return list(_random_cuts(body, random.Random(seed), longest))


def _random_cuts(body: bytes, dice: random.Random, longest: int) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        size = dice.randint(1, longest)
        yield body[at : at + size]
        at += size


def frames(body: bytes) -> list[bytes]:
    """Return the frames of an event stream, each with its blank line."""
    ends = [match.end() for match in _BLANK_LINE.finditer(body)]
    starts = [0, *ends]
    pieces = [body[a:b] for a, b in zip(starts, [*ends, len(body)], strict=True)]
    return [piece for piece in pieces if piece]


def frame_data(frame: bytes) -> bytes | None:
    """Return the joined ``data:`` lines of one frame, ``None`` without any."""
    lines = [line for line in re.split(rb"\r\n|\r|\n", frame) if line[:5] == b"data:"]
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines) if lines else None


def frame_json(frame: bytes) -> Any:
    """Return the JSON of one frame, ``None`` for ``[DONE]`` and comments."""
    data = frame_data(frame)
    return None if data in (None, b"[DONE]") else json.loads(data)


def data(json_value: Any) -> bytes:
    """Return *json_value* as a ``data:`` frame."""
    text = json.dumps(json_value, separators=(",", ":"), ensure_ascii=False)
    return b"data: " + text.encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n"


def text_chunk(text: str, **members: Any) -> bytes:
    """Return a content frame of the chat dialect."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return data({**_CHUNK, "choices": [choice], **members})


def finish_chunk(reason: str = "stop", **members: Any) -> bytes:
    """Return the frame that carries a finish reason."""
    choice = {"index": 0, "delta": {}, "finish_reason": reason}
    return data({**_CHUNK, "choices": [choice], **members})


def usage_chunk(prompt: int, completion: int) -> bytes:
    """Return the frame that carries token counts and no choice."""
    total = prompt + completion
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total,
    }
    return data({**_CHUNK, "choices": [], "usage": usage})


def chat_stream(*words: str) -> list[bytes]:
    """Return a whole correct stream, frame by frame, that says *words*."""
    said = [text_chunk(word) for word in words or ("one ", "two ", "three")]
    return [*said, finish_chunk(), usage_chunk(3, len(said)), DONE]


_CHUNK = {
    "id": "chatcmpl-written",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m1",
}
