"""Whole answers, and counts, as Anthropic gives them."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.anthropic import ANTHROPIC, DIALECT
from connectors.anthropic.response import read_count, read_reply
from connectors.anthropic.translator import TRANSLATOR
from gateway.domain.errors import BackendError
from gateway.domain.parts import Text
from gateway.domain.reply import Choice, Finish, Reply, Stop, Usage

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 1},
}


def test_reply() -> None:
    assert read_reply(MESSAGE) == Reply(
        id="msg_1",
        model="claude-x",
        choices=(Choice((Text("Hi"),), Finish(Stop.END, "end_turn")),),
        usage=Usage(input=3, output=1),
    )


def test_other_members() -> None:
    """What ends a message in a stream is the choice's, the rest the reply's."""
    reply = read_reply({**MESSAGE, "container": {"id": "c"}, "diagnostics": None})

    assert reply.choices[0].extras == {"anthropic": {"container": {"id": "c"}}}
    assert reply.extras == {"anthropic": {"diagnostics": None}}


def test_no_reason_no_usage() -> None:
    reply = read_reply({**MESSAGE, "stop_reason": None, "usage": None})

    assert reply.choices[0].finish == Finish(Stop.OTHER)
    assert reply.usage is None


@pytest.mark.parametrize("json", [5, {}, {"type": "message"}, {**MESSAGE, "id": [1]}])
def test_another_shape(json: Any) -> None:
    with pytest.raises(BackendError) as caught:
        read_reply(json)

    assert caught.value.code == "upstream_invalid_reply"


def test_error() -> None:
    """An error under a good status keeps its own words."""
    error = {"type": "rate_limit_error", "message": "slowly"}
    with pytest.raises(BackendError, match="slowly") as caught:
        read_reply({"type": "error", "error": error})

    assert caught.value.status_code == 429


def test_count() -> None:
    assert read_count({"input_tokens": 14, "context_management": None}) == 14
    wrong: list[Any] = [{}, {"input_tokens": True}, []]
    for json in wrong:
        with pytest.raises(BackendError):
            read_count(json)


def test_declaration() -> None:
    """The key goes where this provider wants it; the version is always said."""
    assert ANTHROPIC.auth("k") == {"x-api-key": "k"}
    assert ANTHROPIC.speaks == (DIALECT,)
    assert DIALECT.headers == {"anthropic-version": "2023-06-01"}
    assert DIALECT.translator is TRANSLATOR
