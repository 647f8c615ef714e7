"""
What providers refuse with a 400, as far as their pages say so: rules of requests.

Sources: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use,
https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking,
https://platform.openai.com/docs/guides/function-calling,
https://ai.google.dev/gemini-api/docs/function-calling,
https://docs.mistral.ai/capabilities/function_calling/ and
https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.contract.oracle.said import Call, parsed

_MISTRALS = re.compile(r"[a-zA-Z0-9]{9}")
_ANTHROPICS = re.compile(r"[a-zA-Z0-9_-]+")


def broken_rules(upstream: str, body: dict[str, Any]) -> list[str]:
    """Return what the provider would complain about."""
    return list(_RULES[upstream](body))


def _chat(body: dict[str, Any]) -> Iterator[str]:
    waiting: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                yield "a tool's message answers no call"
            else:
                waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            yield "a call is not answered at once"
        calls = message.get("tool_calls") or ()
        waiting = [call["id"] for call in calls]
        if len(set(waiting)) < len(waiting):
            yield "two calls have one id"
        if message["role"] != "assistant" and message.get("content") in (None, []):
            yield f"a message of {message['role']} has no content"
    yield from _choice(body)


def _choice(body: dict[str, Any]) -> Iterator[str]:
    if body.get("tool_choice") not in (None, "none") and not body.get("tools"):
        yield "a tool choice without tools"
    if body.get("parallel_tool_calls") is not None and not body.get("tools"):
        yield "parallel_tool_calls without tools"


def _mistral(body: dict[str, Any]) -> Iterator[str]:
    yield from _chat(body)
    for message in body["messages"]:
        ids = [call["id"] for call in message.get("tool_calls") or ()]
        if "tool_call_id" in message:
            ids.append(message["tool_call_id"])
        if not all(_MISTRALS.fullmatch(i) for i in ids):
            yield "an id is not nine letters and digits"


def _responses(body: dict[str, Any]) -> Iterator[str]:
    items = body["input"] if isinstance(body["input"], list) else []
    called = [i["call_id"] for i in items if i.get("type") in _CALLS]
    answered = [i["call_id"] for i in items if i.get("type") in _OUTPUTS]
    if set(answered) - set(called):
        yield "an output answers no call"
    if set(called) - set(answered):
        yield "a call has no output"
    if len(set(called)) < len(called):
        yield "two calls have one id"
    yield from _choice(body)


_CALLS = ("function_call", "custom_tool_call")
_OUTPUTS = ("function_call_output", "custom_tool_call_output")


def _anthropic(body: dict[str, Any]) -> Iterator[str]:
    if not isinstance(body.get("max_tokens"), int):
        yield "max_tokens is missing"
    waiting: set[str] = set()
    if body["messages"] and body["messages"][0]["role"] == "assistant":
        yield "the first message is not the user's"
    for message in body["messages"]:
        content = message["content"]
        blocks = (
            content
            if isinstance(content, list)
            else [{"type": "text", "text": content}]
        )
        results = [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"]
        if set(results) != waiting:
            yield "the results are not those of the calls before"
        if any(b["type"] == "tool_result" for b in blocks[len(results) :]):
            yield "a result stands behind something else"
        uses = [b["id"] for b in blocks if b["type"] == "tool_use"]
        waiting = set(uses)
        if not all(_ANTHROPICS.fullmatch(i) for i in uses):
            yield "an id has other characters"
        if any(b["type"] == "text" and not b["text"] for b in blocks):
            yield "a text is empty"
    yield from _thinks(body)


def _thinks(body: dict[str, Any]) -> Iterator[str]:
    thinking = body.get("thinking") or {}
    if thinking.get("type") != "enabled":
        return
    if not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
        yield "the budget is below 1024 or not below max_tokens"
    if body.get("temperature") not in (None, 1) or "top_k" in body:
        yield "temperature or top_k beside thinking"
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "a forced tool beside thinking"


def _gemini(body: dict[str, Any]) -> Iterator[str]:
    if not body["contents"]:
        yield "there are no contents"
    waiting: list[str] = []
    for content in body["contents"]:
        if not content["parts"]:
            yield "a content has no parts"
        answers = [
            part["functionResponse"]["name"]
            for part in content["parts"]
            if "functionResponse" in part
        ]
        if waiting and sorted(answers) != sorted(waiting):
            yield "the responses are not those of the calls before"
        waiting = [
            part["functionCall"]["name"]
            for part in content["parts"]
            if "functionCall" in part
        ]
        if any(part == {"text": ""} for part in content["parts"]):
            yield "a text is empty"


def _ollama(body: dict[str, Any]) -> Iterator[str]:
    for message in body["messages"]:
        if not isinstance(message.get("content", ""), str):
            yield "content is no text"
        for call in message.get("tool_calls") or ():
            if not isinstance(call["function"]["arguments"], dict):
                yield "arguments are no object"


_CONVERSES = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")


def _converse(body: dict[str, Any]) -> Iterator[str]:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"""
    waiting: set[str] = set()
    role, tools = "assistant", False
    for message in body["messages"]:
        if message["role"] == role:
            yield "the roles do not alternate"
        role, content = message["role"], message["content"]
        if not content:
            yield "a message has no content"
        results = [b["toolResult"]["toolUseId"] for b in content if "toolResult" in b]
        if set(results) != waiting:
            yield "the results are not those of the calls before"
        if any("toolResult" in block for block in content[len(results) :]):
            yield "a result stands behind something else"
        waiting = {b["toolUse"]["toolUseId"] for b in content if "toolUse" in b}
        tools = tools or bool(results or waiting)
        if not all(_CONVERSES.fullmatch(i) for i in waiting):
            yield "an id has other characters"
        if any(not block.get("text", "-").strip() for block in content):
            yield "a text is blank"
    if tools and not (body.get("toolConfig") or {}).get("tools"):
        yield "there are calls and no tools"
    if {"model", "stream"} & body.keys():
        yield "what stands in the path stands in the body"


_RULES = {
    "bedrock_converse": _converse,
    "openai_chat": _chat,
    "mistral": _mistral,
    "cohere": _chat,
    "openai_responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _ollama,
}


def calls_in(dialect: str, body: dict[str, Any]) -> list[Call]:
    """Return the tool calls of a conversation, in order."""
    found = []
    for name, arguments in _CALLS_IN[dialect](body):
        value = parsed(arguments)
        found.append(Call(name, {} if value in ("", None) else value))
    return found


def _of_messages(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for message in body["messages"]:
        for call in message.get("tool_calls") or ():
            inner = call.get("function") or call.get("custom")
            yield inner["name"], inner.get("arguments", inner.get("input"))


def _of_items(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for item in body["input"] if isinstance(body["input"], list) else ():
        if item.get("type") in _CALLS:
            yield item["name"], item.get("arguments", item.get("input"))


def _of_blocks(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for message in body["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block["type"] == "tool_use":
                yield block["name"], block["input"]


def _of_parts(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for content in body["contents"] if isinstance(body["contents"], list) else ():
        for part in content["parts"]:
            call = part.get("functionCall") or part.get("function_call")
            if call:
                yield call["name"], call.get("args")


def _of_contents(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for message in body["messages"]:
        for block in message["content"]:
            if "toolUse" in block:
                yield block["toolUse"]["name"], block["toolUse"]["input"]


_CALLS_IN = {
    "bedrock_converse": _of_contents,
    "openai_chat": _of_messages,
    "mistral": _of_messages,
    "cohere": _of_messages,
    "ollama": _of_messages,
    "openai_responses": _of_items,
    "anthropic": _of_blocks,
    "gemini": _of_parts,
}


def texts_in(value: Any, member: str = "") -> Iterator[str]:
    """Yield the texts of a conversation, and of the instructions before it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts_in(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner, member)
    elif isinstance(value, str) and member in _TEXTS and len(value) > 1:
        yield value


_TEXTS = ("text", "content", "instructions", "system")


def all_texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from all_texts(inner)
    elif isinstance(value, str):
        yield value
