"""
The leaf objects of Gemini's ``generateContent``: names, finish words, token counts.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.reply import Finish, Json, Stop, Usage

if TYPE_CHECKING:
    from gateway.domain.parts import Extras

PROTOCOL = "gemini"

STOPS = {
    "STOP": Stop.END,
    "MAX_TOKENS": Stop.LENGTH,
    "SAFETY": Stop.FILTER,
    "RECITATION": Stop.FILTER,
    "LANGUAGE": Stop.FILTER,
    "BLOCKLIST": Stop.FILTER,
    "PROHIBITED_CONTENT": Stop.FILTER,
    "SPII": Stop.FILTER,
    "IMAGE_SAFETY": Stop.FILTER,
    "IMAGE_PROHIBITED_CONTENT": Stop.FILTER,
    "IMAGE_RECITATION": Stop.FILTER,
    "MODEL_ARMOR": Stop.FILTER,
    "JAILBREAK": Stop.FILTER,
    "MALFORMED_FUNCTION_CALL": Stop.ERROR,
    "UNEXPECTED_TOOL_CALL": Stop.ERROR,
    "TOO_MANY_TOOL_CALLS": Stop.ERROR,
    "MISSING_THOUGHT_SIGNATURE": Stop.ERROR,
    "MALFORMED_RESPONSE": Stop.ERROR,
    # With ``$alt=json;enum-encoding=int``. From 6 on the numbers of AI Studio and
    # of Vertex AI differ; those up to 8 mean a filter in both.
    "1": Stop.END,
    "2": Stop.LENGTH,
    "3": Stop.FILTER,
    "4": Stop.FILTER,
    "6": Stop.FILTER,
    "7": Stop.FILTER,
    "8": Stop.FILTER,
}
WORDS = {
    Stop.END: "STOP",
    Stop.TOOLS: "STOP",
    Stop.SEQUENCE: "STOP",
    Stop.LENGTH: "MAX_TOKENS",
    Stop.FILTER: "SAFETY",
    Stop.REFUSAL: "SAFETY",
    Stop.ERROR: "OTHER",
    Stop.OTHER: "OTHER",
}


def extras_of(members: dict[str, Json]) -> Extras:
    """Return the ``extras`` of a part of the domain for *members* of this dialect."""
    return {PROTOCOL: members} if members else {}


def own(extras: Extras) -> dict[str, Json]:
    """Return the members of this dialect."""
    members: dict[str, Json] = extras.get(PROTOCOL) or {}
    return members


def text_of(json: dict[str, Json], name: str) -> str | None:
    """
    Return the member *name*, a text, or ``None`` if it is missing or null.

    Raises:
        TypeError: it is something else.
    """
    value = json.get(name)
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{name} is no text")


def is_finish(word: Json) -> bool:
    """Tell whether *word* ends a candidate: not if it is missing, or unspecified."""
    return bool(word) and word != "FINISH_REASON_UNSPECIFIED"


def read_finish(word: Json, *, calls: bool = False) -> Finish:
    """
    Return how a candidate ended.

    Args:
        word: the word, or its number.
        calls: the candidate calls tools, which the word does not tell.
    """
    raw = str(word)
    stop = STOPS.get(raw, Stop.OTHER)
    return Finish(Stop.TOOLS if calls and stop is Stop.END else stop, raw)


def read_block(reason: Json) -> Finish:
    """Return the end of a prompt that was not let through."""
    return Finish(Stop.FILTER, str(reason))


def write_finish(finish: Finish) -> Json:
    """Return the dialect's word; a number if it was one."""
    word, raw = WORDS[finish.stop], finish.raw
    stop = STOPS.get(raw or "")
    if raw and raw.isdecimal():
        return int(raw)
    if raw in STOPS and (stop is finish.stop or WORDS[stop or finish.stop] == word):
        return raw
    if raw and finish.stop is Stop.OTHER and raw.isupper():
        return raw  # a novelty of Google's own
    return word


_COUNTS = (
    *("promptTokenCount", "cachedContentTokenCount", "toolUsePromptTokenCount"),
    *("candidatesTokenCount", "thoughtsTokenCount"),
)


def read_usage(json: dict[str, Json]) -> Usage:
    """
    Split the dialect's overlapping counts into disjoint columns.

    ``promptTokenCount`` includes the cache, ``candidatesTokenCount`` excludes
    thoughts, and what tools of Google's own put before the model is counted apart.
    A chunk may know its prompt only (no column of the output then), and all that
    some chunks tell is a ``trafficType``.
    """
    prompt, cached, tools, said, thought = [
        count if type(count) is int else None for count in map(json.get, _COUNTS)
    ]
    if tools is not None:
        prompt = (prompt or 0) + tools
    if prompt is not None and cached is not None:
        prompt -= cached
    output = said if thought is None else (said or 0) + thought
    return Usage(prompt, cached, None, output, thought, json)


def write_usage(usage: Usage) -> dict[str, Json]:
    """Return the counts in Google's members; its own object if it came from there."""
    raw = usage.raw
    if is_own_usage(usage):
        return dict(raw)
    prompt, output = usage.input_total, usage.output
    json: dict[str, Json] = {}
    if prompt is not None:
        json["promptTokenCount"] = prompt
    if usage.cache_read is not None:
        json["cachedContentTokenCount"] = usage.cache_read
    if output is not None:
        json["candidatesTokenCount"] = output - (usage.reasoning or 0)
    if usage.reasoning is not None:
        json["thoughtsTokenCount"] = usage.reasoning
    json["totalTokenCount"] = (prompt or 0) + (output or 0)
    return json


def is_own_usage(usage: Usage) -> bool:
    """Tell whether ``usage.raw`` is of this dialect and says just the same."""
    raw = usage.raw
    if not isinstance(raw, dict) or not _OWN.issuperset(raw):
        return False
    return read_usage(raw) == usage


_OWN = frozenset(
    {
        *("promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount"),
        *("toolUsePromptTokenCount", "thoughtsTokenCount", "totalTokenCount"),
        *("promptTokensDetails", "cacheTokensDetails", "candidatesTokensDetails"),
        *("toolUsePromptTokensDetails", "trafficType", "serviceTier"),
    }
)
