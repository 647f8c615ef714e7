"""
Bedrock's Converse, whole and as events that botocore decodes.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
and https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.eventstream import EventStreamBuffer, ParserError

from tests.contract.oracle.said import Account, Draft, Drafted, Said, total

FINISHES = {
    "end_turn": "end",
    "tool_use": "tools",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "sequence",
    "guardrail_intervened": "filter",
    "content_filtered": "filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
SERVER = "server_tool_use"


def of_whole(body: bytes) -> Said:
    reply = json.loads(body)
    if not isinstance(reply, dict) or "output" not in reply:
        return Said(error=True)
    account = Account(whole=True)
    draft = account.at(0)
    for index, block in enumerate(reply["output"]["message"]["content"]):
        _block(draft, index, block)
    draft.finish = FINISHES.get(reply["stopReason"], "other")
    _count(account, reply["usage"])
    return account.said()


def of_stream(body: bytes) -> Said:
    account = Account()
    for kind, data in _messages(body):
        try:
            event = json.loads(data)
        except ValueError:
            account.error = True
            break
        if kind.endswith("Exception"):
            account.error = True
            break
        _take(account, kind, event)
        if account.whole:
            break
    return account.said()


def _messages(body: bytes) -> Iterator[tuple[str, bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    try:
        for message in buffer:
            headers = message.headers
            kind = headers.get(":event-type") or headers.get(":exception-type")
            yield str(kind), bytes(message.payload)
    except ParserError:
        yield "Exception", b"{}"


def _take(account: Account, kind: str, event: dict[str, Any]) -> None:
    draft = account.at(0)
    match kind:
        case "contentBlockStart":
            _block(draft, event["contentBlockIndex"], event["start"])
        case "contentBlockDelta":
            _delta(draft, event["contentBlockIndex"], event["delta"])
        case "messageStop":
            draft.finish = FINISHES.get(event["stopReason"], "other")
        case "metadata":
            account.whole = bool(draft.finish)
            _count(account, event["usage"])


def _block(draft: Draft, index: int, block: dict[str, Any]) -> None:
    draft.text += block.get("text") or ""
    for piece in (block.get("citationsContent") or {}).get("content") or ():
        draft.text += piece["text"]
    thought = block.get("reasoningContent") or {}
    draft.thinking += (thought.get("reasoningText") or {}).get("text") or ""
    call = block.get("toolUse")
    if call is not None and call.get("type") != SERVER:
        draft.calls[index] = Drafted(call["name"], json=call.get("input"))


def _delta(draft: Draft, index: int, delta: dict[str, Any]) -> None:
    draft.text += delta.get("text") or ""
    draft.thinking += (delta.get("reasoningContent") or {}).get("text") or ""
    if "toolUse" in delta and index in draft.calls:
        draft.calls[index].text += delta["toolUse"]["input"]


def _count(account: Account, usage: dict[str, Any]) -> None:
    names = ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    account.count(
        prompt=total(*(usage.get(name) for name in names)),
        output=usage.get("outputTokens"),
        cached=usage.get("cacheReadInputTokens"),
    )
