"""Streams as upstreams of different dialects send them; written, not recorded."""

from __future__ import annotations

import json
from typing import Any

from tests.streams import DONE, data, finish_chunk, text_chunk, usage_chunk


def anthropic_frame(kind: str, **members: Any) -> bytes:
    """Return one named event of the Messages dialect."""
    text = json.dumps({"type": kind, **members})
    return f"event: {kind}\ndata: {text}\n\n".encode()


def anthropic_start(input_tokens: int = 7) -> bytes:
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": input_tokens, "output_tokens": 1},
    }
    return anthropic_frame("message_start", message=message)


def anthropic_block(
    index: int, head: dict[str, Any], *deltas: dict[str, Any]
) -> list[bytes]:
    """Return a whole block."""
    return [
        anthropic_frame("content_block_start", index=index, content_block=head),
        *(
            anthropic_frame("content_block_delta", index=index, delta=delta)
            for delta in deltas
        ),
        anthropic_frame("content_block_stop", index=index),
    ]


def anthropic_thought(index: int, *texts: str) -> list[bytes]:
    return anthropic_block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        *({"type": "thinking_delta", "thinking": text} for text in texts),
        {"type": "signature_delta", "signature": "c2VhbA=="},
    )


def anthropic_text(index: int, *texts: str) -> list[bytes]:
    return anthropic_block(
        index,
        {"type": "text", "text": ""},
        *({"type": "text_delta", "text": text} for text in texts),
    )


def anthropic_end(reason: str = "end_turn", output_tokens: int = 9) -> list[bytes]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    usage = {"output_tokens": output_tokens}
    return [
        anthropic_frame("message_delta", delta=delta, usage=usage),
        anthropic_frame("message_stop"),
    ]


def chat_thought(*texts: str) -> list[bytes]:
    """Return thoughts as DeepSeek and others stream them."""
    return [
        data(
            {
                "id": "c1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "m1",
                "choices": [
                    {
                        "index": 0,
                        "delta": {"reasoning_content": text},
                        "finish_reason": None,
                    }
                ],
            }
        )
        for text in texts
    ]


def chat_call(name: str = "weather") -> list[bytes]:
    """Return a tool call and the end that goes with it."""
    function = {"name": name, "arguments": '{"city": "Brno"}'}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    delta = {"role": "assistant", "tool_calls": [call]}
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m1"}
    return [
        data({**head, "choices": [choice]}),
        finish_chunk("tool_calls"),
        usage_chunk(20, 6),
        DONE,
    ]


def chat_answer(*texts: str) -> list[bytes]:
    """Return a whole answer with its counts."""
    said = [text_chunk(text) for text in texts]
    return [*said, finish_chunk(), usage_chunk(100, 5), DONE]
