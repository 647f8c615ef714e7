"""
Responses, whole and as typed events.

Source: https://platform.openai.com/docs/api-reference/responses and
https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import json
from typing import Any

from tests.contract.oracle.said import Account, Draft, Drafted, Said, events

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "thinking",
    "response.reasoning_text.delta": "thinking",
}
INPUTS = (
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
)
REASONS = {"max_output_tokens": "length", "content_filter": "filter"}
LAST = ("response.completed", "response.incomplete")


def of_whole(body: bytes) -> Said:
    response = json.loads(body)
    if not isinstance(response, dict) or response.get("error"):
        return Said(error=True)
    account = Account(whole=True)
    draft = account.at(0)
    for place, item in enumerate(response["output"]):
        _item(draft, place, item)
    _end(account, response)
    return account.said()


def of_stream(body: bytes) -> Said:
    account, told = Account(), set[Any]()
    for name, data in events(body):
        if data.strip() == "[DONE]":
            continue
        try:
            event = json.loads(data)
        except ValueError:
            account.error = True
            break
        kind = event.get("type") or name
        draft = account.at(0)
        if kind in ("error", "response.failed"):
            account.error = True
            break
        if kind in DELTAS:
            told.add(_place(event))
            slot = DELTAS[kind]
            setattr(draft, slot, getattr(draft, slot) + event["delta"])
        elif kind in INPUTS:
            draft.calls[event["output_index"]].text += event["delta"]
        elif kind == "response.output_item.added" and event["item"]["type"] in CALLS:
            item = event["item"]
            draft.calls[event["output_index"]] = Drafted(item["name"])
        elif kind == "response.output_item.done":
            _done(draft, event, told)
        elif kind in LAST:
            account.whole = True
            _end(account, event["response"])
            break
    return account.said()


def _place(event: dict[str, Any]) -> tuple[int, str, int]:
    sort = "summary" if "summary_index" in event else "content"
    return event["output_index"], sort, event.get(f"{sort}_index", 0)


def _done(draft: Draft, event: dict[str, Any], told: set[Any]) -> None:
    """Take of a finished item what no delta has told."""
    item, index = event["item"], event["output_index"]
    if item["type"] in CALLS:
        drafted = draft.calls.setdefault(index, Drafted(item["name"]))
        drafted.text = drafted.text or item[CALLS[item["type"]]]
        return
    for sort in ("summary", "content"):
        for place, part in enumerate(item.get(sort) or ()):
            if (index, sort, place) not in told:
                _part(draft, part, item)


def _item(draft: Draft, index: int, item: dict[str, Any]) -> None:
    if item["type"] in CALLS:
        draft.calls[index] = Drafted(item["name"], item[CALLS[item["type"]]])
        return
    for part in [*(item.get("summary") or ()), *(item.get("content") or ())]:
        _part(draft, part, item)


def _part(draft: Draft, part: dict[str, Any], item: dict[str, Any]) -> None:
    if item["type"] not in ("message", "reasoning"):
        return
    match part.get("type"):
        case "output_text" if item.get("role", "assistant") == "assistant":
            draft.text += part["text"]
        case "refusal":
            draft.refusal += part["refusal"]
        case "summary_text" | "reasoning_text":
            draft.thinking += part["text"]


def _end(account: Account, response: dict[str, Any]) -> None:
    draft = account.at(0)
    draft.finish = "end" if response.get("status") else ""
    if response.get("status") == "incomplete":
        reason = (response.get("incomplete_details") or {}).get("reason")
        draft.finish = REASONS.get(reason or "", "other")
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return
    account.count(
        prompt=usage.get("input_tokens"),
        output=usage.get("output_tokens"),
        cached=(usage.get("input_tokens_details") or {}).get("cached_tokens"),
        reasoning=(usage.get("output_tokens_details") or {}).get("reasoning_tokens"),
    )
