"""What may differ where Gemini's dialect is read and written again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.contract.identity import Deviation

Frames = list[tuple[str, Any]]


def _everywhere(json: Any, change: Callable[[dict[str, Any]], Any]) -> Any:
    """Return *json* with *change* made to each object in it, the inner ones first."""
    if isinstance(json, list):
        return [_everywhere(item, change) for item in json]
    if isinstance(json, dict):
        return change({name: _everywhere(v, change) for name, v in json.items()})
    return json


def camel_case(request: Any) -> Any:
    """Name members as Google writes them, except in arguments, results, schemas."""
    if isinstance(request, list):
        return [camel_case(item) for item in request]
    if not isinstance(request, dict):
        return request
    named = {
        re.sub("_(.)", lambda found: found[1].upper(), name): value
        for name, value in request.items()
    }
    free = ("args", "response", "properties")
    return {
        name: value if name in free else camel_case(value)
        for name, value in named.items()
    }


def usual_base64(request: Any) -> Any:
    def change(part: dict[str, Any]) -> Any:
        blob = part.get("inlineData")
        if blob:
            blob["data"] = blob["data"].replace("-", "+").replace("_", "/")
        return part

    return _everywhere(request, change)


def without_what_says_nothing(request: Any) -> Any:
    def change(part: dict[str, Any]) -> Any:
        if part.get("thought") is False:
            del part["thought"]
        return part

    request = _everywhere(request, change)
    if request.get("systemInstruction") == {"parts": {"text": ""}}:
        del request["systemInstruction"]
    empty = [n for n in ("generationConfig", "toolConfig") if request.get(n) == {}]
    return {name: json for name, json in request.items() if name not in empty}


def without_role_of_instruction(request: Any) -> Any:
    if isinstance(system := request.get("systemInstruction"), dict):
        system.pop("role", None)
    return request


def types_in_upper_case(request: Any) -> Any:
    words = ("", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT")

    def change(schema: dict[str, Any]) -> Any:
        kind = schema.get("type")
        if isinstance(kind, str):
            schema["type"] = kind.upper()
        elif isinstance(kind, int):
            schema["type"] = words[kind]
        return schema

    for tool in request.get("tools") or ():
        for function in tool.get("functionDeclarations") or ():
            for name in ("parameters", "response"):
                if name in function:
                    function[name] = _everywhere(function[name], change)
    config = request.get("generationConfig") or {}
    if "responseSchema" in config:
        config["responseSchema"] = _everywhere(config["responseSchema"], change)
    return request


def _candidate(json: dict[str, Any], place: int = 0) -> dict[str, Any]:
    """Write out what is the same if it is left out."""
    json.setdefault("index", place)
    content = json.get("content")
    if content is not None and not content.get("parts"):
        del json["content"]
    elif content is not None:
        content.setdefault("role", "model")
    return json


def defaults(reply: Any) -> Any:
    for place, candidate in enumerate(reply.get("candidates") or ()):
        _candidate(candidate, place)
    return reply


def defaults_in_frames(frames: Frames) -> Frames:
    return [(name, defaults(json)) for name, json in frames]


def without_empty_texts(frames: Frames) -> Frames:
    for _, json in frames:
        for candidate in json.get("candidates") or ():
            content = candidate.get("content") or {}
            if "parts" in content:
                content["parts"] = [p for p in content["parts"] if p != {"text": ""}]
            if content.get("parts") == []:
                del candidate["content"]
    return frames


def whole_calls(frames: Frames) -> Frames:
    """Put arguments that came in pieces into the frame of the last one."""
    call: dict[str, Any] | None = None
    for _, json in frames:
        for candidate in json.get("candidates") or ():
            parts = (candidate.get("content") or {}).get("parts") or []
            for part in list(parts):
                piece = part.get("functionCall")
                if piece is None:
                    continue
                more = piece.pop("willContinue", False)
                if call is None and not more and "partialArgs" not in piece:
                    continue
                call = call or {"args": {}}
                seal = {k: v for k, v in part.items() if k != "functionCall"}
                call |= {"seal": call.get("seal") or seal}
                for argument in piece.pop("partialArgs", ()):
                    _put(call["args"], argument)
                call |= piece
                if more:
                    parts.remove(part)
                else:
                    seal = call.pop("seal")
                    part.clear()
                    part |= {"functionCall": call, **seal}
                    call = None
            if parts == [] and "content" in candidate:
                del candidate["content"]
    return frames


def _put(args: Any, argument: dict[str, Any]) -> None:
    names = ("stringValue", "numberValue", "boolValue", "nullValue")
    value: Any = next((argument[name] for name in names if name in argument), None)
    value = None if "nullValue" in argument else value
    *path, last = [
        int(step) if step.isdecimal() else step
        for step in re.findall(r"[^.\[\]'\"$]+", argument["jsonPath"])
    ]
    for n, step in enumerate(path):
        empty: Any = [] if isinstance(([*path, last])[n + 1], int) else {}
        args = _item(args, step, empty)
    before: Any = _item(args, last, None)
    args[last] = before + value if isinstance(before, str) else value


def _item(args: Any, step: Any, empty: Any) -> Any:
    if isinstance(step, int):
        args.extend([None] * (step + 1 - len(args)))
    if (args[step] if isinstance(step, int) else args.get(step)) is None:
        args[step] = empty
    return args[step]


def without_bare_counts(frames: Frames) -> Frames:
    told = ("content", "finishReason")
    return [
        (name, json)
        for name, json in frames
        if "candidates" not in json
        or any(set(c) - {"index"} or set(told) & set(c) for c in json["candidates"])
    ]


DEVIATIONS = {
    "snake_case": Deviation(
        "request",
        "Google takes members in snake_case as well; they are written in camelCase.",
        camel_case,
    ),
    "base64": Deviation(
        "request",
        "Data in the base64 alphabet for URLs is written in the usual one.",
        usual_base64,
    ),
    "says_nothing": Deviation(
        "request",
        "`thought: false`, empty configurations and instructions are left out.",
        without_what_says_nothing,
    ),
    "role_of_instruction": Deviation(
        "request",
        "The role of `systemInstruction`, which Google does not heed, is left out.",
        without_role_of_instruction,
    ),
    "types": Deviation(
        "request",
        "The types in a schema of Google's form are written in upper-case words.",
        types_in_upper_case,
    ),
    "defaults": Deviation(
        "reply",
        "The role `model` and the index are always written, empty contents never.",
        defaults,
    ),
    "defaults_in_chunks": Deviation(
        "stream",
        "The role `model` and the index are always written, empty contents never.",
        defaults_in_frames,
    ),
    "arguments_in_pieces": Deviation(
        "stream",
        "Arguments that come in pieces are written in one, when they are complete.",
        whole_calls,
    ),
    "empty_texts": Deviation(
        "stream",
        "A text that is empty and has no seal is left out.",
        without_empty_texts,
    ),
    "bare_counts": Deviation(
        "stream",
        "A chunk that would only count tokens is left out; the next one counts.",
        without_bare_counts,
    ),
}
