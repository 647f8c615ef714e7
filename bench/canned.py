"""
What client and upstream say to each other, ready made so that saying it costs nothing.

The client tells the upstream what to do at the end of its prompt, which is the one
thing that every gateway and every translation keeps: ``[[whole]]``,
``[[burst COUNT]]``, ``[[paced RATE COUNT]]``, ``[[hold ID]]``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

DONE = b"data: [DONE]\n\n"
KEY = "bench-caller-key"
LAST_CHUNK = b"0\r\n\r\n"

JSON_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: application/json\r\n"
    b"x-request-id: req_0123456789abcdef0123456789abcdef\r\n"
    b"Content-Length: %d\r\n\r\n"
)
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\n"
    b"x-request-id: req_0123456789abcdef0123456789abcdef\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)

_STAMP = b'"t='  # at the beginning of a string, in every dialect
_DIGITS = 20
_USAGE = {"prompt_tokens": 212, "completion_tokens": 199, "total_tokens": 411}
WORDS = ("The", "gate", "lifts", "and", "the", "water", "runs", "to", "the", "mill")
PROMPT = "Explain how a sluice gate holds back water. " * 20


def script_of(body: bytes) -> tuple[str, ...]:
    """Return the words of the script in a request's body, ``whole`` if it has none."""
    at = body.rfind(b"[[")
    if at < 0:
        return ("whole",)
    return tuple(body[at + 2 : body.find(b"]]", at)].decode().split())


def request(script: str, model: str = "m1", headers: Mapping[str, str] = {}) -> bytes:
    """Return one whole HTTP request of about 1.3 kB."""
    wanted: dict[str, object] = {"model": model, "user": "bench", "temperature": 0.7}
    if script != "whole":
        wanted |= {"stream": True, "stream_options": {"include_usage": True}}
    wanted["messages"] = [
        {"role": "system", "content": "You answer briefly."},
        {"role": "user", "content": f"{PROMPT}[[{script}]]"},
    ]
    return post("/v1/chat/completions", wanted, headers)


def post(path: str, members: dict[str, object], headers: Mapping[str, str]) -> bytes:
    body = _dump(members)
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        f"Authorization: Bearer {KEY}\r\n"
        "Content-Type: application/json\r\n"
        "Accept: application/json\r\n"
        "User-Agent: bench\r\n"
        f"{more}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def reply() -> bytes:
    """Return the whole JSON reply of about 1.1 kB."""
    text = " ".join(WORDS * 13)
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _dump(_head("chat.completion") | {"choices": [choice], "usage": _USAGE})


def events(count: int, *, usage: bool = True) -> list[bytes]:
    """
    Return a stream of *count* events (at least 5), about 250 bytes each.

    The first has the role, the last three are the finish reason, the usage chunk
    (one more word if nobody asked for *usage*) and ``[DONE]``.
    """
    first = _event({"role": "assistant", "content": "", "refusal": None})
    words = [_event({"content": f" {WORDS[n % len(WORDS)]}"}) for n in range(count - 4)]
    last = [_event({}, finish="stop"), _sse({"choices": [], "usage": _USAGE}), DONE]
    if not usage:
        last = [words[0], last[0], DONE]
    return [first, *words, *last]


def word_event(text: str) -> bytes:
    return _event({"content": text})


def stamped() -> tuple[bytes, bytes]:
    """Return what stands before and after the time in a timed event's HTTP chunk."""
    event = chunk(_event({"content": f"t={'0' * _DIGITS}"}))
    before, zeros, after = event.partition(b"0" * _DIGITS)
    assert zeros
    return before, after


def stamp(nanoseconds: int) -> bytes:
    return b"%0*d" % (_DIGITS, nanoseconds)


def read_stamp(event: bytes) -> int | None:
    """
    Return the time in *event*, in ns of the upstream's monotonic clock.

    ``None`` also for an event that sums the stream up, and so begins like its first.
    """
    at = event.find(_STAMP) + len(_STAMP)
    if at < len(_STAMP) or event[at + _DIGITS : at + _DIGITS + 1] != b'"':
        return None
    return int(event[at : at + _DIGITS])


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def stream(said: list[bytes]) -> bytes:
    """Return head, one HTTP chunk an event, and the last chunk."""
    return STREAM_HEAD + b"".join(map(chunk, said)) + LAST_CHUNK


def _event(delta: dict[str, object], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _sse({"choices": [choice], "usage": None})


def _sse(members: dict[str, object]) -> bytes:
    return b"data: %b\n\n" % _dump(_head("chat.completion.chunk") | members)


def _head(kind: str) -> dict[str, object]:
    return {
        "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
        "object": kind,
        "created": 1741570283,
        "model": "gpt-4o-mini-2024-07-18",
    }


def _dump(members: dict[str, object]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()
