"""
The OpenAI Chat Completions dialect: leaf objects, tables, and what a skimmer sees.

Source: https://platform.openai.com/docs/api-reference/chat and the deviations
of compatible servers named where they are handled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from attrs import fields
from msgspec import Struct

from gateway.domain.reply import Finish, Json, Stop, Usage
from gateway.domain.request import Sampling
from gateway.wire import jsonsplice
from gateway.wire.faults import read_fault
from gateway.wire.json import decode
from gateway.wire.watching import Seen, Watching

PROTOCOL = "openai_chat"
DONE = b"data: [DONE]\n\n"

STOPS = {
    "stop": Stop.END,
    "eos": Stop.END,  # Together
    "length": Stop.LENGTH,
    "tool_calls": Stop.TOOLS,
    "function_call": Stop.TOOLS,
    "content_filter": Stop.FILTER,
    "error": Stop.ERROR,  # OpenRouter
}
WORDS = {
    Stop.END: "stop",
    Stop.SEQUENCE: "stop",
    Stop.LENGTH: "length",
    Stop.TOOLS: "tool_calls",
    Stop.FILTER: "content_filter",
    # OpenAI's own streams with a refusal in them end so.
    Stop.REFUSAL: "stop",
}

# Where members of the domain stand in a request of this dialect.
PATHS = {
    "turns": "messages",
    **{f"sampling.{member.name}": member.name for member in fields(Sampling)},
    "sampling.max_tokens": "max_completion_tokens",
    "reasoning": "reasoning_effort",
    "output_format": "response_format",
    "parallel_tools": "parallel_tool_calls",
    "include_usage": "stream_options.include_usage",
}

AUDIO = {"wav": "audio/wav", "mp3": "audio/mpeg"}  # format: media type


def extras_of(members: dict[str, Json]) -> dict[str, Json]:
    """Return the ``extras`` of a part of the domain for *members* of this dialect."""
    return {PROTOCOL: members} if members else {}


def read_finish(word: str) -> Finish:
    return Finish(STOPS.get(word, Stop.OTHER), word)


def write_finish(finish: Finish) -> str:
    return WORDS.get(finish.stop) or finish.raw or finish.stop.value


def read_usage(json: dict[str, Json]) -> Usage:
    """
    Split the dialect's overlapping counts into disjoint columns.

    ``prompt_tokens`` includes what came from and went into a cache. xAI counts
    reasoning beside ``completion_tokens``, everybody else inside; only the
    total tells.
    """
    prompt = _count(json, "prompt_tokens")
    output = _count(json, "completion_tokens")
    inside = json.get("prompt_tokens_details")
    cached = _count(inside, "cached_tokens")
    if cached is None:  # DeepSeek; Together
        cached = _count(json, "prompt_cache_hit_tokens")
    if cached is None:
        cached = _count(json, "cached_tokens")
    written = _count(inside, "cache_write_tokens")  # OpenRouter
    reasoning = _count(json.get("completion_tokens_details"), "reasoning_tokens")
    if prompt is not None and output is not None and reasoning:
        outside = _count(json, "total_tokens") == prompt + output + reasoning
        output += reasoning if outside else 0
    fresh = None if prompt is None else prompt - (cached or 0) - (written or 0)
    return Usage(fresh, cached, written, output, reasoning, raw=json)


def write_usage(usage: Usage) -> dict[str, Json]:
    prompt, output = usage.input_total or 0, usage.output or 0
    json: dict[str, Json] = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
    }
    if usage.cache_read is not None:
        json["prompt_tokens_details"] = {"cached_tokens": usage.cache_read}
    if usage.reasoning is not None:
        json["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return json


def _count(json: Any, name: str) -> int | None:
    value = json.get(name) if isinstance(json, dict) else None
    return int(value) if isinstance(value, int | float) else None


class SniffedChoice(Struct):
    """The members of a choice that a ledger wants."""

    index: Any = None
    finish_reason: Any = None


class Sniffed(Struct):
    """The members of a chunk or reply that a ledger wants; all may lie."""

    id: Any = None
    object: Any = None
    model: Any = None
    choices: list[SniffedChoice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None

    def finishes(self) -> dict[int, Finish]:
        """Return how choices ended, by their index; Snowflake writes ``""``."""
        return {
            c.index if isinstance(c.index, int) else i: read_finish(c.finish_reason)
            for i, c in enumerate(self.choices or ())
            if c.finish_reason and isinstance(c.finish_reason, str)
        }

    def tokens(self) -> Usage | None:
        """Return the token counts, which Groq hides in a member of its own."""
        usage = self.usage
        if not usage and isinstance(self.x_groq, dict):
            usage = self.x_groq.get("usage")
        return read_usage(usage) if usage and isinstance(usage, dict) else None


_SNIFFED = msgspec.json.Decoder(Sniffed)


def sniff(data: bytes) -> Sniffed | None:
    """
    Read the few members of *data* (one JSON object) that a ledger wants.

    ``None``: it is JSON, but no object of this dialect.

    Raises:
        msgspec.DecodeError: not JSON.
    """
    try:
        return decode(_SNIFFED, data)
    except msgspec.ValidationError:
        return None


_FINISH = re.compile(rb'"finish_reason"\s*+:\s*+"')
_USAGE = re.compile(rb'"usage"\s*+:\s*+\{')
_MARKS = (_FINISH, _USAGE, re.compile(rb'"error"'), re.compile(rb"\[DONE\]"))


def spots(data: bytes) -> Sequence[int]:
    """
    Return where in *data* something stands that a ledger may want.

    Quotes inside a JSON string are escaped, so a text cannot look like a
    member; a nested member can, which costs a needless look.
    """
    # One pattern for all would be several times slower than these four.
    found: list[int] = []
    for mark in _MARKS:
        if (first := mark.search(data)) is not None:
            found += [m.start() for m in mark.finditer(data, first.start())]
    return sorted(found) if found else ()


ALARM = b'"error"'
_NO_FINISH = b'"finish_reason":null'
# What follows the finish reason; longer, and events hardly end alike.
_LONGEST_ENDING = 200


def ending(data: bytes) -> bytes:
    """
    Return how the last event of *data* ends, if that is with no finish reason.

    With one choice an event, whatever ends so tells a ledger nothing, unless
    there is an error in it.
    """
    at = data.rfind(_NO_FINISH)
    if at < 0 or len(data) - at > _LONGEST_ENDING or _USAGE.search(data, at):
        return b""
    return data[at:]


def look(data: bytes, event: str = "") -> Seen:
    """
    Return what a ledger wants of one event's *data*, or of a whole answer.

    Raises:
        msgspec.DecodeError: it is neither JSON nor ``[DONE]``.
    """
    if data.strip() == b"[DONE]":
        return Seen(last=True)
    seen = sniff(data)
    if seen is None:
        return Seen(fault=read_fault(data, event))
    failed = seen.error or event == "error" or seen.object == "error"
    return Seen(
        seen.id if isinstance(seen.id, str) else None,
        seen.model if isinstance(seen.model, str) else None,
        seen.finishes(),
        seen.tokens(),
        read_fault(data, event) if failed else None,
    )


# Servers without ``[DONE]`` are many: a finish reason for each choice will do.
WATCHING = Watching(look, spots, ending, ALARM, finishes=True)


def asking_for_usage(body: bytes) -> bytes:
    """Return the request *body*, asking for token counts at the stream's end."""
    options = b"{}"
    for name, _, (start, end) in jsonsplice.members(body):
        if name == "stream_options":
            options = body[start:end] if body.startswith(b"{", start) else b"{}"
    options = jsonsplice.replace(options, "include_usage", b"true")
    return jsonsplice.replace(body, "stream_options", options)
