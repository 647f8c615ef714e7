"""Whole responses, read."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.openai_responses.response import read_reply
from gateway.domain.errors import BackendError
from gateway.domain.parts import Opaque, Text, ToolCall
from gateway.domain.reply import Finish, Stop

RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1.0,
    "model": "m",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "a"}],
        },
        {"type": "web_search_call", "id": "ws"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
}


def test_reply() -> None:
    """Parts of all items, numbered by them."""
    reply = read_reply(RESPONSE)

    assert (reply.id, reply.model, reply.created) == ("resp_1", "m", 1)
    (choice,) = reply.choices
    assert [(type(part), part.group) for part in choice.parts] == [
        (Text, 0),
        (Opaque, 1),
        (ToolCall, 2),
    ]
    assert choice.finish == Finish(Stop.TOOLS, "completed")
    assert reply.usage is not None
    assert reply.usage.output == 2


def test_nothing_said() -> None:
    """Counts and time may be missing."""
    reply = read_reply({**RESPONSE, "usage": None, "created_at": None})

    assert (reply.usage, reply.created) == (None, None)


def test_failed() -> None:
    """A failed response is an error with its own words."""
    failed = {"status": "failed", "error": {"code": "server_error", "message": "no"}}

    with pytest.raises(BackendError, match="no"):
        read_reply({**RESPONSE, **failed})


@pytest.mark.parametrize("json", [None, [], {}, {**RESPONSE, "output": [3]}])
def test_another_shape(json: Any) -> None:
    """What is no response is an error of the upstream's."""
    with pytest.raises(BackendError) as caught:
        read_reply(json)

    assert caught.value.code == "upstream_invalid_reply"
