"""
Cohere's chat, version 2.

Source: https://docs.cohere.com/v2/reference/chat and
https://docs.cohere.com/v2/reference/chat-stream
"""

from __future__ import annotations

import json
from typing import Any

from tests.contract.oracle.said import Account, Draft, Drafted, Said, events

FINISHES = {
    "COMPLETE": "end",
    "STOP_SEQUENCE": "sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tools",
    "ERROR_TOXIC": "filter",
}
BROKEN = ("ERROR", "TIMEOUT")  # the answer is not what it would have been


def of_whole(body: bytes) -> Said:
    reply = json.loads(body)
    if "message" not in reply or not isinstance(reply["message"], dict):
        return Said(error=True)
    account = Account(whole=True)
    draft, message = account.at(0), reply["message"]
    draft.thinking += message.get("tool_plan") or ""
    for piece in message.get("content") or ():
        _content(draft, piece)
    for index, call in enumerate(message.get("tool_calls") or ()):
        inner = call["function"]
        draft.calls[index] = Drafted(inner["name"], inner["arguments"])
    _end(account, reply)
    return account.said()


def of_stream(body: bytes) -> Said:
    account = Account()
    for name, data in events(body):
        if data.strip() == "[DONE]":
            break
        try:
            event = json.loads(data)
        except ValueError:
            account.error = True
            break
        draft = account.at(0)
        if name == "error" or event.get("type") == "error" or "error" in event:
            account.error = True
            break
        delta = event.get("delta") or {}
        message = delta.get("message") or {}
        match event.get("type"):
            case "content-start" | "content-delta":
                _content(draft, message["content"])
            case "tool-plan-delta":
                draft.thinking += message["tool_plan"]
            case "tool-call-start" | "tool-call-delta":
                _call(draft, event["index"], message["tool_calls"]["function"])
            case "message-end":
                account.whole = True
                _end(account, delta)
                break
    return account.said()


def _content(draft: Draft, piece: dict[str, Any]) -> None:
    draft.thinking += piece.get("thinking") or ""
    draft.text += piece.get("text") or ""


def _call(draft: Draft, index: int, function: dict[str, Any]) -> None:
    drafted = draft.calls.setdefault(index, Drafted())
    drafted.name += function.get("name") or ""
    drafted.text += function.get("arguments") or ""


def _end(account: Account, last: dict[str, Any]) -> None:
    account.error = last.get("finish_reason") in BROKEN
    account.at(0).finish = FINISHES.get(last.get("finish_reason") or "", "other")
    usage = last.get("usage") or {}
    tokens = usage.get("tokens") or {}
    account.count(
        prompt=tokens.get("input_tokens"),
        output=tokens.get("output_tokens"),
        cached=usage.get("cached_tokens"),
        reasoning=tokens.get("reasoning_tokens"),
    )
