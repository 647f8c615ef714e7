"""
Messages, whole and as events.

Source: https://docs.anthropic.com/en/api/messages and
https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

import json
from typing import Any

from tests.contract.oracle.said import Account, Draft, Drafted, Said, events, total

FINISHES = {
    "end_turn": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "sequence",
    "tool_use": "tools",
    "refusal": "refusal",
}
COUNTS = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "output_tokens",
)


def of_whole(body: bytes) -> Said:
    message = json.loads(body)
    if not isinstance(message, dict) or message.get("type") == "error":
        return Said(error=True)
    account, counts = Account(whole=True), dict[str, Any]()
    for index, block in enumerate(message["content"]):
        _block(account.at(0), index, block)
    _finish(account.at(0), message)
    _count(counts, message.get("usage"))
    _settle(account, counts)
    return account.said()


def of_stream(body: bytes) -> Said:
    account, counts = Account(), dict[str, Any]()
    for name, data in events(body):
        try:
            event = json.loads(data)
        except ValueError:
            account.error = True
            break
        draft = account.at(0)
        match event.get("type") or name:
            case "error":
                account.error = True
                break
            case "message_start":
                _count(counts, event["message"].get("usage"))
            case "content_block_start":
                _block(draft, event["index"], event["content_block"])
            case "content_block_delta":
                _delta(draft, event["index"], event["delta"])
            case "message_delta":
                _finish(draft, event["delta"])
                _count(counts, event.get("usage"))
            case "message_stop":
                account.whole = True
                break
    _settle(account, counts)
    return account.said()


def _block(draft: Draft, index: int, block: dict[str, Any]) -> None:
    match block["type"]:
        case "text":
            draft.text += block["text"]
        case "thinking":
            draft.thinking += block["thinking"]
        case "tool_use":
            draft.calls[index] = Drafted(block["name"], json=block["input"] or None)


def _delta(draft: Draft, index: int, delta: dict[str, Any]) -> None:
    match delta["type"]:
        case "text_delta":
            draft.text += delta["text"]
        case "thinking_delta":
            draft.thinking += delta["thinking"]
        case "input_json_delta" if index in draft.calls:
            draft.calls[index].text += delta["partial_json"]
            draft.calls[index].json = None


def _finish(draft: Draft, message: dict[str, Any]) -> None:
    if word := message.get("stop_reason"):
        draft.finish = FINISHES.get(word, "other")


def _count(counts: dict[str, Any], usage: Any) -> None:
    if not isinstance(usage, dict):
        return
    for name in COUNTS:
        if usage.get(name) is not None:
            counts[name] = usage[name]
    details = usage.get("output_tokens_details") or {}
    if details.get("thinking_tokens") is not None:
        counts["thinking"] = details["thinking_tokens"]


def _settle(account: Account, counts: dict[str, Any]) -> None:
    account.count(
        prompt=total(*(counts.get(name) for name in COUNTS[:3])),
        output=counts.get("output_tokens"),
        cached=counts.get("cache_read_input_tokens"),
        reasoning=counts.get("thinking"),
    )
