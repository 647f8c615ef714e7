"""
What may differ where Chat Completions are read and written again.

Streams are compared as what their chunks say, choice by choice; see `said`.
"""

from __future__ import annotations

from typing import Any

from tests.contract.identity import Deviation

Frames = list[tuple[str, Any]]

# What servers put beside the deltas to hide how long they are.
PADDING = ("obfuscation",)
# Members of a delta that are words, in the order in which they are told apart.
WORDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "content")
NAMES = ("id", "object", "created", "model")  # the first of them counts
LATER = ("refusal", "annotations", "function_call", "audio", "images")


def without_nothing(json: Any) -> Any:
    """Leave out members that are null or hollow."""
    if isinstance(json, list):
        return [without_nothing(one) for one in json]
    if not isinstance(json, dict):
        return json
    inner = {name: without_nothing(value) for name, value in json.items()}
    return {name: value for name, value in inner.items() if value not in EMPTY}


EMPTY: tuple[Any, ...] = (
    *(None, "", [], {}),
    {"expires_at": 0},  # all that is left of Snowflake's sound that is none
)


def said(frames: Any) -> Any:
    """
    Return what the chunks of a stream say.

    ``head`` are the members beside the choices and ``end`` those of a choice that
    are not its words, each as it was said last; ``words`` are pieces, in order.
    """
    head: dict[str, Any] = {}
    choices: dict[int, Any] = {}
    for _, json in frames:
        chunk = without_nothing(json)
        found = chunk.pop("choices", [])
        for name in PADDING:
            chunk.pop(name, None)
        counts = chunk.get("usage") or head.get("usage")
        if not chunk.get("created"):
            chunk.pop("created", None)
        head = chunk | head | {"usage": counts}
        head |= {name: value for name, value in chunk.items() if name not in NAMES}
        for place, choice in enumerate(found):
            index = choice.pop("index", place)
            one = choices.setdefault(index, {"words": [], "end": {}})
            choice.pop("message", None)
            delta = choice.pop("delta", {})
            one["words"] += pieces(delta, choice)
            one["end"] |= choice | {"delta": one["end"].get("delta", {}) | delta}
    return {"head": head, "choices": choices}


def pieces(delta: dict[str, Any], choice: dict[str, Any]) -> list[Any]:
    """Take the words out of *delta*; those with a log probability name it."""
    delta.pop("role", None)
    found = [[name, delta.pop(name)] for name in WORDS if name in delta]
    found = [one for one in found if not is_hollow(*one)]
    if "logprobs" in choice and found:
        found[-1].append(choice.pop("logprobs"))
    found += [[name, delta.pop(name)] for name in LATER if name in delta]
    for call in delta.pop("tool_calls", ()):
        inner = call.get("function") or call.get("custom") or {}
        text = inner.pop("arguments", inner.pop("input", None))
        index = call.pop("index", None)
        if inner:
            found.append(["call", call])
        if text:
            found.append(["text of a call", index, text])
    return found


def is_hollow(name: str, json: Any) -> bool:
    """Tell a list of thoughts in which nothing is thought or sealed."""
    words = {"text", "summary", "data", "signature"}
    return name == "reasoning_details" and not any(words & item.keys() for item in json)


def ends_of_calls(json: Any) -> Any:
    for choice in json["choices"].values():
        called = any(piece[0] == "call" for piece in choice["words"])
        if called and choice["end"].get("finish_reason") == "stop":
            choice["end"]["finish_reason"] = "tool_calls"
    return json


def calls_in_order(json: Any) -> Any:
    """Leave out numbers, and ids of the gateway's making."""
    for choice in json["choices"].values():
        for piece in choice["words"]:
            if piece[0] == "call" and piece[1].get("id", "").startswith("call_sg"):
                del piece[1]["id"]
            if piece[0] == "text of a call":
                piece[1] = None
    return json


def parts_as_text(json: Any) -> Any:
    for choice in json["choices"].values():
        for piece in choice["words"]:
            if piece[0] == "content" and not isinstance(piece[1], str):
                parts = piece[1] if isinstance(piece[1], list) else [piece[1]]
                piece[1] = "".join(part["text"] for part in parts)
    return json


def nameless(json: Any) -> Any:
    for name in NAMES:
        json["head"].pop(name, None)
    return json


def without(*names: str) -> Any:
    def normalise(json: Any) -> Any:
        return {name: value for name, value in json.items() if name not in names}

    return normalise


def unasked(json: Any) -> Any:
    """Leave out the wish for token counts."""
    options = json.pop("stream_options", {}) or {}
    options.pop("include_usage", None)
    return json | ({"stream_options": options} if options else {})


def not_streamed(json: Any) -> Any:
    return json if json.get("stream") else without("stream")(json)


def no_tools(json: Any) -> Any:
    return json if json.get("tools") else without("tools")(json)


def calls_without_index(json: Any) -> Any:
    for choice in json["choices"]:
        for call in choice["message"].get("tool_calls") or ():
            call.pop("index", None)
    return json


def plain_logprobs(json: Any) -> Any:
    for choice in json["choices"]:
        for token in (choice.get("logprobs") or {}).get("content") or ():
            token.pop("id", None)
            for top in token["top_logprobs"]:
                top.pop("id", None)
    return json


def unfinished(json: Any) -> Any:
    for choice in json["choices"]:
        if choice.get("finish_reason") == "other":
            del choice["finish_reason"]
    return json


DEVIATIONS: dict[str, Deviation] = {
    "token counts are asked for": Deviation(
        "request",
        "a stream is always asked for its token counts, for the ledger",
        unasked,
    ),
    "no stream": Deviation(
        "request", "`stream: false` says what leaving it out says", not_streamed
    ),
    "no tools": Deviation(
        "request", "an empty list of tools says what leaving it out says", no_tools
    ),
    "nothing said": Deviation(
        "reply",
        "members that are null, empty or hollow are left out or null",
        without_nothing,
    ),
    "number of a call": Deviation(
        "reply",
        "some servers number the calls of a whole answer; their order tells it",
        calls_without_index,
    ),
    "number of a token": Deviation(
        "reply",
        "llama.cpp tells the number of each token beside its log probability",
        plain_logprobs,
    ),
    "no finish reason": Deviation(
        "reply", "an answer that does not say how it ended gets `other`", unfinished
    ),
    "no name": Deviation(
        "reply",
        "OpenAI's clients need `id`, `object` and `created`: the gateway's own stand "
        "in where the server leaves them out",
        without("id", "object", "created"),
    ),
    "chunks": Deviation(
        "stream",
        "a chunk that says several things is written as several; what servers say "
        "again on each chunk (counts, sources, filters) is said once; padding is not",
        said,
    ),
    "end of calls": Deviation(
        "stream",
        "some servers end tool calls with `stop`, on which clients of other dialects "
        "would not run them: it is read, and written, as `tool_calls`",
        ends_of_calls,
    ),
    "calls without a number": Deviation(
        "stream",
        "a tool call without a number or an id gets one; clients need both",
        calls_in_order,
    ),
    "content in parts": Deviation(
        "stream",
        "content that is a list of texts is written as a string, as OpenAI's is",
        parts_as_text,
    ),
    "no name in a stream": Deviation(
        "stream",
        "OpenAI's clients need `id`, `model` and `created`: the gateway's own stand "
        "in where the server leaves them out, and names that are numbers",
        nameless,
    ),
}
