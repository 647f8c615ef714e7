"""What upstreams of this protocol answer, ``{feature: whole answer}``."""

from __future__ import annotations

from typing import Any

from tests.contract.probes.answered.material import PLAIN, Json


def _generated(
    *parts: Json, finish: str = "STOP", usage: Json | None = None, **members: Any
) -> Json:
    candidate = {
        "content": {"role": "model", "parts": list(parts)},
        "finishReason": finish,
        "index": 0,
        **members,
    }
    counts = {
        "promptTokenCount": 1200,
        "candidatesTokenCount": 80,
        "totalTokenCount": 1280,
    }
    return {
        "candidates": [candidate],
        "usageMetadata": {**counts, **(usage or {})},
        "modelVersion": "m1",
        "responseId": "r1",
    }


def _function(name: str = "weather", **members: Any) -> Json:
    return {"functionCall": {"name": name, "args": {"city": "Brno"}}, **members}


_TEXT = {"text": "Hi"}
_LIKELY = {"token": "Hi", "tokenId": 5, "logProbability": -0.25}
ANSWERS: dict[str, Json] = {
    PLAIN: _generated(_TEXT),
    "tool call": _generated(_function()),
    "parallel tool calls": _generated(_function(), _function("time")),
    "sealed tool call": _generated(_function(thoughtSignature="c2ln")),
    "thoughts": _generated({"text": "2+2", "thought": True}, _TEXT),
    "sealed thoughts": _generated(
        {"text": "2+2", "thought": True}, {**_TEXT, "thoughtSignature": "c2ln"}
    ),
    "citation": _generated(
        _TEXT,
        groundingMetadata={
            "webSearchQueries": ["rain"],
            "groundingChunks": [
                {"web": {"uri": "https://example.org/w", "title": "Weather"}}
            ],
            "groundingSupports": [
                {
                    "segment": {"startIndex": 0, "endIndex": 2, "text": "Hi"},
                    "groundingChunkIndices": [0],
                }
            ],
        },
    ),
    "logprobs": _generated(
        _TEXT,
        logprobsResult={
            "topCandidates": [{"candidates": [_LIKELY]}],
            "chosenCandidates": [_LIKELY],
        },
    ),
    "several choices": {
        **_generated(),
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": text}]},
                "finishReason": "STOP",
                "index": n,
            }
            for n, text in enumerate(("one", "two"))
        ],
    },
    "picture": _generated(
        _TEXT, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    ),
    "sound": _generated(
        _TEXT, {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}
    ),
    "provider's own items": _generated(
        {"executableCode": {"language": "PYTHON", "code": "2+2"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "4"}},
        _TEXT,
    ),
    "finish: length": _generated(_TEXT, finish="MAX_TOKENS"),
    "finish: filter": _generated(_TEXT, finish="SAFETY"),
    "finish: error": _generated(finish="MALFORMED_FUNCTION_CALL"),
    "usage: cache read": _generated(_TEXT, usage={"cachedContentTokenCount": 1024}),
    "usage: reasoning": _generated(_TEXT, usage={"thoughtsTokenCount": 64}),
    "safety ratings": _generated(
        _TEXT,
        safetyRatings=[
            {"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}
        ],
    ),
}
