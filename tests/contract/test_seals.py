"""
Seals: a signed thought comes back to the one who signed it, and to no other.

Three providers think, sign, and call a tool; each client keeps the answer as its
SDK does and asks again; each provider is asked then.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen

from gateway.domain.fold import unfold
from gateway.wire.json import encode
from tests.contract import protocols
from tests.contract.cases import CLIENTS, UPSTREAMS, Asked
from tests.contract.clients import next_request
from tests.contract.protocols import translator

SEAL = base64.b64encode(b"a thought that is nobody else's business 1").decode()
SECOND = base64.b64encode(b"a thought that is nobody else's business 2").decode()


@frozen
class Signed:
    """
    An answer with seals in it.

    Attributes:
        slot: the member in which its issuer wants them back.
        seals: as they are there.
    """

    issuer: str
    answer: dict[str, Any]
    slot: str
    seals: tuple[str, ...] = (SEAL,)


def _message(*content: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m1",
        "content": list(content),
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 7},
    }


def _generated(*parts: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {"candidates": [{**candidate, "finishReason": "STOP"}], "modelVersion": "m1"}


def _response(*output: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "status": "completed",
        "model": "m1",
        "output": list(output),
    }


_THOUGHT = {"type": "thinking", "thinking": "Look.", "signature": SEAL}
_USE = {"type": "tool_use", "id": "toolu_a", "name": "weather", "input": {"a": 1}}
_CALL = {"functionCall": {"name": "weather", "args": {"a": 1}}}
_ITEM = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Look."}],
    "encrypted_content": SEAL,
}
_ITEM_CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_a",
    "name": "weather",
    "arguments": '{"a":1}',
    "status": "completed",
}
SIGNED = {
    "thought and call": Signed("anthropic", _message(_THOUGHT, _USE), "signature"),
    "empty thought": Signed(
        "anthropic", _message({**_THOUGHT, "thinking": ""}, _USE), "signature"
    ),
    "redacted thought": Signed(
        "anthropic", _message({"type": "redacted_thinking", "data": SEAL}, _USE), "data"
    ),
    "two thoughts": Signed(
        "anthropic",
        _message(_THOUGHT, {**_THOUGHT, "signature": SECOND}, _USE),
        "signature",
        (SEAL, SECOND),
    ),
    "signed call": Signed(
        "gemini",
        _generated(
            {"text": "Look.", "thought": True}, {**_CALL, "thoughtSignature": SEAL}
        ),
        "thoughtSignature",
    ),
    "signed text": Signed(
        "gemini",
        _generated({"text": "It rains.", "thoughtSignature": SEAL}),
        "thoughtSignature",
    ),
    "encrypted thought": Signed(
        "openai_responses", _response(_ITEM, _ITEM_CALL), "encrypted_content"
    ),
    "encrypted thought without words": Signed(
        "openai_responses",
        _response({**_ITEM, "summary": []}, _ITEM_CALL),
        "encrypted_content",
    ),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", SIGNED)
def test_round_trip(name: str, client: str, stream: bool) -> None:
    """Through any dialect and back, whole and streamed."""
    signed = SIGNED[name]
    body = encode(next_request(client, _told(client, signed, stream), stream=stream))
    request = protocols.read_asked(Asked(client, name, body))

    wrong = []
    for upstream in UPSTREAMS:
        written = translator(upstream).write_request(request)
        if upstream != signed.issuer:
            if any(_leaks(written.body, seal) for seal in signed.seals):
                wrong.append(f"{upstream} is shown a seal")
        else:
            back = [v for k, v in _members(written.body) if k == signed.slot]
            wrong += [f"{s[-4:]} is not back" for s in signed.seals if s not in back]

    assert not wrong, wrong


def _told(client: str, signed: Signed, stream: bool) -> bytes:
    reply = translator(signed.issuer).read_reply(signed.answer)
    if not stream:
        return protocols.tell_whole(client, reply).body
    return protocols.tell_stream(client, unfold(reply)).body


def _members(json_value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(json_value, dict):
        for key, value in json_value.items():
            yield key, value
            yield from _members(value)
    elif isinstance(json_value, list):
        for value in json_value:
            yield from _members(value)


def _leaks(body: Any, seal: str) -> bool:
    """Say whether *seal* stands in *body*, as it is or inside base64."""
    if seal in json.dumps(body):
        return True
    texts = [value for _, value in _members(body) if isinstance(value, str)]
    return any(
        seal.encode() in base64.b64decode(text + "==") for text in _base64(texts)
    )


def _base64(texts: list[str]) -> Iterator[str]:
    for text in texts:
        try:
            base64.b64decode(text + "==", validate=False)
        except ValueError:
            continue
        yield text
