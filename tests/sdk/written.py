"""Requests and answers that several tests share; all are written, none recorded."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import openai

from tests.streams import DONE, data, finish_chunk

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk, ChatCompletionToolParam

HELLO: Any = [{"role": "user", "content": "hello"}]
REPLY = {
    "id": "chatcmpl-written",
    "object": "chat.completion",
    "created": 1,
    "model": "m1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "three words said"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    "added_next_year": {"deep": [1, 2]},
}
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def call_chunk(index: int, **function: str) -> bytes:
    """Return a frame with a fragment of a tool call; the one with a name opens it."""
    opening = {"id": f"call_{index}", "type": "function"} if "name" in function else {}
    fragment = {"index": index, **opening, "function": function}
    choice = {"index": 0, "delta": {"tool_calls": [fragment]}, "finish_reason": None}
    return data(
        {
            "id": "chatcmpl-written",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m1",
            "choices": [choice],
        }
    )


_BRNO = [
    call_chunk(0, name="weather", arguments=""),
    call_chunk(0, arguments='{"ci'),
    call_chunk(0, arguments='ty": "Brno"}'),
]
_PRAHA = [
    call_chunk(1, name="weather", arguments=""),
    call_chunk(1, arguments='{"city": "Pra'),
    call_chunk(1, arguments='ha"}'),
]
_END = [finish_chunk("tool_calls"), DONE]
TWO_CALLS = [*_BRNO, *_PRAHA, *_END]
# Their fragments alternate. The SDK's ``.stream()`` takes a call for finished
# when the next begins, so only its plain stream can read this.
TWO_CALLS_ABREAST = [*chain(*zip(_BRNO, _PRAHA, strict=True)), *_END]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


async def hear(said: Any) -> tuple[list[Any], openai.APIError | None]:
    """Return a stream's chunks, and what it raised after them."""
    chunks = []
    try:
        async for piece in said:
            chunks.append(piece)  # noqa: PERF401 - kept when it raises
    except openai.APIError as error:
        return chunks, error
    return chunks, None
