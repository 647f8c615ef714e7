"""
The recorded exchanges with real providers, and what a ledger must say of them.

They are read in place. What is expected of the product is computed here by
other means than the product's own, so that both have to be right.
"""

from __future__ import annotations

import base64
import functools
import json
import os
from pathlib import Path
from typing import Any

from attrs import frozen

from tests import eventstream
from tests.streams import frame_data, frame_json, frames

ROOT = Path(
    os.environ.get("SLUICEGATE_RECORDINGS")
    or Path(__file__).resolve().parents[2] / "shared" / "recordings"
)

USED: set[str] = set()
"""The files that tests of this session really opened."""


@frozen
class Recording:
    """One line of the index; the exchange itself is read on demand."""

    file: str
    provider: str
    api: str
    fidelity: str
    status: int
    tags: frozenset[str]

    def __str__(self) -> str:
        return Path(self.file).stem

    @property
    def exchange(self) -> dict[str, Any]:
        USED.add(self.file)
        return _load(self.file)

    @property
    def response(self) -> dict[str, Any]:
        response: dict[str, Any] = self.exchange["response"]
        return response

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers, without those that speak of its transport."""
        return {
            name: value
            for name, value in self.response["headers"].items()
            if name not in ("transfer-encoding", "content-length")
        }

    @property
    def body(self) -> bytes:
        """
        The answer's bytes: a text stream's own, or its JSON written anew.

        Where a source kept only the events' JSON, the framing is ours.
        """
        response = self.response
        if "stream" in response:
            return _stream_body(response)
        if "body_text" in response:
            text: str = response["body_text"]
            return text.encode()
        return json.dumps(response["body"]).encode()


def _stream_body(response: dict[str, Any]) -> bytes:
    pieces: list[str] = response["stream"]
    match response["stream_encoding"]:
        case "text":
            return "".join(pieces).encode()
        case "base64":
            return b"".join(base64.b64decode(piece) for piece in pieces)
        case "payload" if pieces and _is_converse(pieces[0]):
            return eventstream.of_payloads(pieces)
        case "payload":
            return b"".join(b"data: %b\n\n" % piece.encode() for piece in pieces)
        case other:
            raise ValueError(f"a stream kept as {other} has no text")


def _is_converse(piece: str) -> bool:
    """Tell Bedrock's events, of which each is an object of one member."""
    return piece.startswith('{"messageStart"')


@functools.cache
def _load(file: str) -> dict[str, Any]:
    exchange: dict[str, Any] = json.loads((ROOT / file).read_text("utf-8"))
    return exchange


@functools.cache
def _index() -> tuple[Recording, ...]:
    index = ROOT / "index.json"
    if not index.is_file():
        return ()
    members = ("file", "provider", "api", "fidelity", "status")
    return tuple(
        Recording(**{m: line[m] for m in members}, tags=frozenset(line["tags"]))
        for line in json.loads(index.read_text("utf-8"))
    )


def available() -> bool:
    return bool(_index())


def select(*apis: str, tags: str = "", without: str = "") -> list[Recording]:
    """
    Return the recordings of any of *apis* that have all *tags*.

    Args:
        tags: words, all of which must be there.
        without: words, none of which may be there.
    """
    wanted, unwanted = set(tags.split()), set(without.split())
    return [
        recording
        for recording in _index()
        if (not apis or recording.api in apis)
        and wanted <= recording.tags
        and not unwanted & recording.tags
    ]


def text_streams(*apis: str) -> list[Recording]:
    """Return the streams whose bytes were kept."""
    return [r for r in _index() if r.api in apis and _encoding(r) == "text"]


def payload_streams(*apis: str) -> list[Recording]:
    """Return the streams of which only the events' JSON was kept."""
    return [r for r in _index() if r.api in apis and _encoding(r) == "payload"]


def _encoding(recording: Recording) -> str | None:
    response = _load(recording.file)["response"]
    return response["stream_encoding"] if response.get("stream") else None


@frozen
class Expected:
    """What a ledger must say of an answer; ``None`` means "not reported"."""

    finish: tuple[str, ...] = ()
    prompt: int | None = None
    cached: int | None = None
    output: int | None = None
    reasoning: int | None = None
    failed: bool = False
    done: bool = False


def expected_of_stream(body: bytes) -> Expected:
    """Return what the event stream *body* of the chat dialect reports."""
    found = frames(body)
    return _expected(
        [json for frame in found if isinstance(json := frame_json(frame), dict)],
        done=any(frame_data(frame) == b"[DONE]" for frame in found),
    )


def expected_of_reply(body: bytes) -> Expected:
    """Return what a whole answer of the chat dialect reports."""
    try:
        reply = json.loads(body)
    except ValueError:
        return Expected()
    return _expected([reply] if isinstance(reply, dict) else [])


def _expected(objects: list[dict[str, Any]], *, done: bool = False) -> Expected:
    words: dict[int, str] = {}
    counts: dict[str, int] = {}
    for chunk in objects:
        for place, choice in enumerate(chunk.get("choices") or ()):
            if choice.get("finish_reason"):
                words[choice.get("index", place)] = choice["finish_reason"]
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
        if isinstance(usage, dict):
            counts.update(_counts(usage))
    return Expected(
        finish=tuple(words[index] for index in sorted(words)),
        failed=any("error" in chunk and chunk["error"] for chunk in objects),
        done=done,
        **counts,
    )


def _counts(usage: dict[str, Any]) -> dict[str, int]:
    """Return the numbers in *usage*, whatever the provider calls them."""
    inside = usage.get("prompt_tokens_details") or {}
    outside = usage.get("completion_tokens_details") or {}
    cached = [
        inside.get("cached_tokens"),
        usage.get("prompt_cache_hit_tokens"),  # DeepSeek
        usage.get("cached_tokens"),  # Together
    ]
    counts = {
        "prompt": usage.get("prompt_tokens"),
        "output": usage.get("completion_tokens"),
        "cached": next((n for n in cached if n is not None), None),
        "reasoning": outside.get("reasoning_tokens"),
    }
    known = {name: number for name, number in counts.items() if number is not None}
    apart = sum(known.get(n, 0) for n in ("prompt", "output", "reasoning"))
    if known.get("reasoning") and usage.get("total_tokens") == apart:
        known["output"] += known["reasoning"]  # xAI counts reasoning beside
    return known
