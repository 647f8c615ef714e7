"""
Chat completions, as OpenAI and those who speak like it write them.

Source: https://platform.openai.com/docs/api-reference/chat and, for content in
lists, https://docs.mistral.ai/api/
"""

from __future__ import annotations

import json
from typing import Any

from tests.contract.oracle.said import Account, Draft, Drafted, Said, events

FINISHES = {
    "stop": "end",
    "eos": "end",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tools",
    "function_call": "tools",
    "content_filter": "filter",
    "error": "error",
}


def of_whole(body: bytes) -> Said:
    account = Account(whole=True)
    reply = json.loads(body)
    if not isinstance(reply, dict) or reply.get("error"):
        return Said(error=True)
    for place, choice in enumerate(reply["choices"]):
        draft = account.at(choice.get("index", place))
        _take(draft, choice.get("message") or {})
        _finish(draft, choice)
    _count(account, reply)
    return account.said()


def of_stream(body: bytes) -> Said:
    account = Account()
    for name, data in events(body):
        if data.strip() == "[DONE]":
            account.whole = True
            break
        try:
            chunk = json.loads(data)
        except ValueError:
            account.error = True
            break
        if name == "error" or chunk.get("error") or chunk.get("object") == "error":
            account.error = True
            break
        for place, choice in enumerate(chunk.get("choices") or ()):
            draft = account.at(choice.get("index", place))
            _take(draft, choice.get("delta") or {})
            _finish(draft, choice)
        _count(account, chunk)
    drafts = account.choices.values()
    if drafts and all(draft.finish for draft in drafts) and not account.error:
        account.whole = True  # [DONE] is not said by everybody
    return account.said()


def _finish(draft: Draft, choice: dict[str, Any]) -> None:
    if word := choice.get("finish_reason"):
        draft.finish = FINISHES.get(word, "other")


def _take(draft: Draft, message: dict[str, Any]) -> None:
    _content(draft, message.get("content"))
    _think(draft, message)
    draft.refusal += message.get("refusal") or ""
    for place, call in enumerate(message.get("tool_calls") or ()):
        _call(draft, call, place)
    legacy = message.get("function_call")
    if isinstance(legacy, dict) and any(legacy.values()):
        drafted = draft.calls.setdefault("legacy", Drafted())
        drafted.name += legacy.get("name") or ""
        drafted.text += legacy.get("arguments") or ""


def _content(draft: Draft, content: Any) -> None:
    match content:
        case str():
            draft.text += content
        case list():
            for piece in content:
                _content(draft, piece)
        case {"type": "thinking", "thinking": str() as thought}:
            draft.thinking += thought
        case {"type": "thinking", "thinking": list() as pieces}:
            draft.thinking += "".join(piece.get("text", "") for piece in pieces)
        case {"text": str() as text}:
            draft.text += text


def _think(draft: Draft, message: dict[str, Any]) -> None:
    """Take the one thing that goes by four names."""
    plain = (message.get(n) for n in ("reasoning_content", "reasoning", "thinking"))
    draft.thinking += next((t for t in plain if isinstance(t, str) and t), "")
    details = message.get("reasoning_details")
    for detail in details if isinstance(details, list) else ():
        # They are told beside the plain words, perhaps later and with a seal.
        text = detail.get("text") or detail.get("summary") or ""
        if text not in draft.thinking:
            draft.thinking += text


def _call(draft: Draft, call: dict[str, Any], place: int) -> None:
    inner = call.get("function") or call.get("custom") or {}
    key: Any = call.get("index")
    if key is None:
        key = ("id", call["id"]) if call.get("id") else ("new", len(draft.calls), place)
    drafted = draft.calls.setdefault(key, Drafted())
    if not drafted.name:
        drafted.name = inner.get("name") or ""
    said = inner.get("arguments", inner.get("input"))
    if isinstance(said, dict):
        drafted.json = said
    else:
        drafted.text += said or ""


def _count(account: Account, chunk: dict[str, Any]) -> None:
    usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
    if not isinstance(usage, dict):
        return
    prompt, output = usage.get("prompt_tokens"), usage.get("completion_tokens")
    inside = usage.get("prompt_tokens_details") or {}
    outside = usage.get("completion_tokens_details") or {}
    reasoning = outside.get("reasoning_tokens")
    cached = inside.get("cached_tokens")
    if cached is None:
        cached = usage.get("prompt_cache_hit_tokens", usage.get("cached_tokens"))
    apart = (prompt or 0) + (output or 0) + (reasoning or 0)
    if reasoning and usage.get("total_tokens") == apart:
        output += reasoning  # xAI counts it beside
    account.count(prompt=prompt, output=output, cached=cached, reasoning=reasoning)
