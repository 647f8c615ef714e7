"""
Gemini's answers: whole, as events, and as one JSON array.

Source: https://ai.google.dev/api/generate-content; for arguments in pieces
https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling
"""

from __future__ import annotations

import json
import re
from typing import Any

from attrs import evolve

from tests.contract.oracle.said import Account, Draft, Drafted, Said, events, total

FINISHES: dict[Any, str] = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"), "filter"
    ),
    **dict.fromkeys(
        (
            *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
            "MODEL_ARMOR",
        ),
        "filter",
    ),
    **dict.fromkeys(
        ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"),
        "error",
    ),
    # Some servers send the numbers of the enumeration.
    1: "end",
    2: "length",
    **dict.fromkeys((3, 4, 6, 7, 8), "filter"),
    9: "error",
}
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]|\['([^']*)'\]")


def of_whole(body: bytes) -> Said:
    reply = json.loads(body)
    said = _of([reply])
    # There is no more to come, whether it says how it ended or not.
    return evolve(said, whole=bool(said.choices) and not said.error)


def of_stream(body: bytes) -> Said:
    if body.lstrip()[:1] in (b"[", b"{"):
        return _of_array(body)
    found: list[Any] = []
    for _, data in events(body):
        try:
            found.append(json.loads(data))
        except ValueError:
            found.append({"error": {"message": "no JSON"}})
    tail = body.replace(b"\r\n", b"\n").rsplit(b"\n\n", 1)[-1].strip()
    bare = re.search(rb'(?m)^\{\s*\n?\s*"error"', body.replace(b"\r\n", b"\n"))
    if bare or (tail and not tail.startswith((b"data:", b":"))):
        found.append({"error": {"message": "an error without its data: prefix"}})
    return _of(found)


def _of_array(body: bytes) -> Said:
    """Read object by object: the array may break off."""
    text, decoder = body.decode("utf-8", "replace"), json.JSONDecoder()
    found: list[Any] = []
    at = 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            found.append({"error": {}})
            break
        found.append(value)
    said = _of(found)
    if text.lstrip().startswith("[") and not text.rstrip().endswith("]"):
        return Said(said.choices, said.usage, whole=False, error=said.error)
    return said


def _of(chunks: list[Any]) -> Said:
    account = Account()
    for chunk in chunks:
        if not isinstance(chunk, dict) or "error" in chunk:
            account.error = True
            break
        for place, candidate in enumerate(chunk.get("candidates") or ()):
            draft = account.at(candidate.get("index", place))
            for part in (candidate.get("content") or {}).get("parts") or ():
                _part(draft, part)
            if word := candidate.get("finishReason"):
                draft.finish = FINISHES.get(word, "other")
        if (chunk.get("promptFeedback") or {}).get("blockReason"):
            account.at(0).finish = "filter"
        _count(account, chunk.get("usageMetadata"))
    drafts = account.choices.values()
    account.whole = bool(drafts) and all(d.finish for d in drafts) and not account.error
    return account.said()


def _part(draft: Draft, part: dict[str, Any]) -> None:
    if "text" in part and part.get("thought"):
        draft.thinking += part["text"]
    elif "text" in part:
        draft.text += part["text"]
    elif "functionCall" in part:
        _call(draft, part["functionCall"])


def _call(draft: Draft, call: dict[str, Any]) -> None:
    if "name" in call:
        drafted = Drafted(call["name"], json=call.get("args") or {})
        draft.calls[len(draft.calls)] = drafted
    if not draft.calls:
        return
    drafted = draft.calls[len(draft.calls) - 1]
    for piece in call.get("partialArgs") or ():
        value = next(
            (
                piece[k]
                for k in ("stringValue", "numberValue", "boolValue")
                if k in piece
            ),
            None,
        )
        drafted.json = _put(drafted.json, _steps(piece["jsonPath"]), value)


def _steps(path: str) -> list[Any]:
    return [
        int(index) if index else name or quoted
        for name, index, quoted in _STEP.findall(path.removeprefix("$"))
    ]


def _put(json_value: Any, steps: list[Any], value: Any) -> Any:
    """Return *json_value* with *value* put, or its text appended, at *steps*."""
    if not steps:
        both = isinstance(json_value, str) and isinstance(value, str)
        return json_value + value if both else value
    step, *rest = steps
    if isinstance(step, int):
        items = list(json_value or ())
        items += [None] * (step + 1 - len(items))
        items[step] = _put(items[step], rest, value)
        return items
    members = dict(json_value or {})
    members[step] = _put(members.get(step), rest, value)
    return members


def _count(account: Account, usage: Any) -> None:
    if not isinstance(usage, dict):
        return
    thoughts = usage.get("thoughtsTokenCount")
    account.count(
        prompt=total(
            usage.get("promptTokenCount"), usage.get("toolUsePromptTokenCount")
        ),
        output=total(usage.get("candidatesTokenCount"), thoughts),
        cached=usage.get("cachedContentTokenCount"),
        reasoning=thoughts,
    )
