"""
Gemini's generateContent.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from tests.sdk.scripts.said import THOUGHT_TOKENS, Heard, Said

PATH = "/v1beta/models/{model}:generateContent"
ENDINGS = {"end": "STOP", "length": "MAX_TOKENS", "tools": "STOP"}
Json = dict[str, Any]


def usage(said: Said) -> Json:
    thoughts = THOUGHT_TOKENS if said.thought else 0
    counts = {
        "promptTokenCount": said.input,
        "candidatesTokenCount": said.output - thoughts,
        "totalTokenCount": said.input + said.output,
    }
    if said.cached:
        counts["cachedContentTokenCount"] = said.cached
    return {**counts, "thoughtsTokenCount": thoughts} if thoughts else counts


def _parts(said: Said) -> list[Json]:
    """Return the parts, of which those in a stream come one by one."""
    parts: list[Json] = [
        {"text": word, "thought": True} for word in said.thought.split(" ") if word
    ]
    parts += [{"text": text} for text in said.text]
    parts += [
        {"functionCall": {"name": call.name, "args": call.arguments}}
        for call in said.calls
    ]
    if said.seal:
        # It rides on the first part that is no thought.
        first = next(part for part in parts if "thought" not in part)
        first["thoughtSignature"] = said.seal
    return parts


def _answer(said: Said, model: str, parts: list[Json], *, last: bool) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = ENDINGS[said.ending]
    return {
        "candidates": [candidate],
        "usageMetadata": usage(said),
        "modelVersion": model,
        "responseId": f"id_{said.name}",
    }


def whole(said: Said, model: str) -> Json:
    parts: list[Json] = [{"text": said.thought, "thought": True}]
    rest = [part for part in _parts(said) if "thought" not in part]
    if said.text:
        first = {**rest[0], "text": said.words}
        rest = [first, *rest[len(said.text) :]]
    return _answer(said, model, [*(parts if said.thought else []), *rest], last=True)


def pieces(said: Said, model: str) -> list[bytes]:
    parts = _parts(said)
    answers = [_answer(said, model, [part], last=part is parts[-1]) for part in parts]
    return [f"data: {json.dumps(answer)}\r\n\r\n".encode() for answer in answers]


def failure(message: str) -> bytes:
    """Return an error in the middle of a stream, which comes without ``data:``."""
    return json.dumps(error(503, message), indent=2).encode() + b"\r\n\r\n"


def error(status: int, message: str) -> Json:
    names = {401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
    name = names.get(status, "UNAVAILABLE")
    return {"error": {"code": status, "message": message, "status": name}}


def heard(body: Any) -> Heard:
    asked = Heard()
    system = _get(body, "systemInstruction") or {}
    asked.said.extend(("system", part["text"]) for part in system.get("parts", []))
    names: list[str] = []
    linked = True
    for content in body["contents"]:
        for part in content["parts"]:
            linked &= _hear(asked, content.get("role", "user"), part, names)
    for tool in body.get("tools") or []:
        for one in _get(tool, "functionDeclarations") or []:
            schema = _get(one, "parametersJsonSchema") or one.get("parameters")
            asked.tools[one["name"]] = schema
    config = _get(body, "generationConfig") or {}
    schema = _get(config, "responseJsonSchema") or _get(config, "responseSchema")
    return evolve(asked, linked=linked, schema=schema)


def _get(json: Json, name: str) -> Any:
    """Return a member; Google takes both spellings, and its SDK uses both."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return json.get(name, json.get(snake))


def _hear(asked: Heard, role: str, part: Json, names: list[str]) -> bool:
    if seal := _get(part, "thoughtSignature"):
        asked.seals.append(seal)
    if call := _get(part, "functionCall"):
        asked.calls.append((call["name"], call.get("args", {})))
        names.append(call["name"])
    elif result := _get(part, "functionResponse"):
        response = result["response"]
        asked.results.append(" ".join(str(v) for v in response.values()))
        return result["name"] in names
    elif blob := _get(part, "inlineData"):
        asked.images.append((_get(blob, "mimeType"), blob["data"]))
    elif part.get("text") and not part.get("thought"):
        role = {"model": "assistant"}.get(role, role)
        asked.said.append((role, part["text"]))
    return True
