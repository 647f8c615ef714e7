"""
What clients of this dialect ask, ``{feature: body}``.

Written after https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from typing import Any

from tests.contract.probes.asked.material import (
    ASK,
    MP4,
    ODD_SCHEMA,
    PDF,
    PNG,
    SCHEMA,
    WAV,
    Json,
)


def _contents(*contents: Json, **members: Any) -> Json:
    said = list(contents) or [_turn("user", {"text": ASK})]
    return {"contents": said, **members}


def _turn(role: str, *parts: Json) -> Json:
    return {"role": role, "parts": list(parts)}


def _config(**members: Any) -> Json:
    return _contents(generationConfig=members)


def _declared(**members: Any) -> Json:
    function = {"name": "weather", "description": "Tells it."}
    return {**function, "parametersJsonSchema": SCHEMA, **members}


def _calling(**members: Any) -> Json:
    return {"toolConfig": {"functionCallingConfig": members}, **_DECLARED}


def _inline(media: str, data: str) -> Json:
    return _contents(
        _turn("user", {"text": ASK}, {"inlineData": {"mimeType": media, "data": data}})
    )


_DECLARED: Json = {
    "tools": [{"functionDeclarations": [_declared(), _declared(name="time")]}]
}
_CALLS = (
    {"functionCall": {"name": "weather", "args": {"city": "Brno"}}},
    {"functionCall": {"name": "time", "args": {"city": "Brno"}}},
)
_ANSWERS = (
    {"functionResponse": {"name": "weather", "response": {"output": "rain"}}},
    {"functionResponse": {"name": "time", "response": {"output": "noon"}}},
)
_QUESTION = _turn("user", {"text": ASK})
_PLACE = _turn("user", {"text": "Brno"})

REQUESTS: dict[str, Json] = {
    "system message beside the messages": _contents(
        systemInstruction={"parts": [{"text": "Be brief."}]}
    ),
    "several system messages": _contents(
        systemInstruction={"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    ),
    "a longer conversation": _contents(
        _QUESTION, _turn("model", {"text": "Where?"}), _PLACE
    ),
    "tools": _contents(tools=[{"functionDeclarations": [_declared()]}]),
    "several tools": _contents(**_DECLARED),
    "provider's own tool": _contents(tools=[{"googleSearch": {}}]),
    "tool calls and results": _contents(
        _QUESTION, _turn("model", *_CALLS), _turn("user", *_ANSWERS), **_DECLARED
    ),
    "tool choice: auto": _contents(**_calling(mode="AUTO")),
    "tool choice: none": _contents(**_calling(mode="NONE")),
    "tool choice: required": _contents(**_calling(mode="ANY")),
    "tool choice: one tool": _contents(
        **_calling(mode="ANY", allowedFunctionNames=["time"])
    ),
    "tool choice: some tools": _contents(
        **_calling(mode="ANY", allowedFunctionNames=["time", "weather"])
    ),
    "JSON": _config(responseMimeType="application/json"),
    "JSON schema": _config(
        responseMimeType="application/json", responseJsonSchema=SCHEMA
    ),
    "JSON schema with rare keywords": _config(
        responseMimeType="application/json", responseJsonSchema=ODD_SCHEMA
    ),
    "JSON schema in Google's own words": _config(
        responseMimeType="application/json",
        responseSchema={
            "type": "OBJECT",
            "properties": {"city": {"type": "STRING", "nullable": True}},
            "propertyOrdering": ["city"],
        },
    ),
    "image as data": _inline("image/png", PNG),
    "image by URL": _contents(
        _turn(
            "user",
            {"text": ASK},
            {
                "fileData": {
                    "mimeType": "image/png",
                    "fileUri": "https://example.org/dot.png",
                }
            },
        )
    ),
    "PDF as data": _inline("application/pdf", PDF),
    "audio": _inline("audio/wav", WAV),
    "video": _inline("video/mp4", MP4),
    "file by the provider's id": _contents(
        _turn(
            "user",
            {"text": ASK},
            {
                "fileData": {
                    "mimeType": "application/pdf",
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/f1",
                }
            },
        )
    ),
    "temperature": _config(temperature=0.37),
    "top_p": _config(topP=0.83),
    "top_k": _config(topK=41),
    "most tokens": _config(maxOutputTokens=777),
    "stop sequences": _config(stopSequences=["END", "STOP"]),
    "n > 1": _config(candidateCount=2),
    "seed": _config(seed=4711),
    "presence penalty": _config(presencePenalty=0.41),
    "frequency penalty": _config(frequencyPenalty=0.43),
    "logprobs": _config(responseLogprobs=True, logprobs=3),
    "reasoning effort": _config(thinkingConfig={"thinkingLevel": "HIGH"}),
    "reasoning budget": _config(thinkingConfig={"thinkingBudget": 2048}),
    "no reasoning": _config(thinkingConfig={"thinkingBudget": 0}),
    "reasoning summary": _config(thinkingConfig={"includeThoughts": True}),
    "sealed thoughts in the history": _contents(
        _QUESTION,
        _turn(
            "model",
            {"text": "A place is missing.", "thought": True},
            {"text": "Where?", "thoughtSignature": "c2lnbmF0dXJl"},
        ),
        _PLACE,
    ),
    "unsigned thoughts in the history": _contents(
        _QUESTION,
        _turn(
            "model",
            {"text": "A place is missing.", "thought": True},
            {"text": "Where?"},
        ),
        _PLACE,
    ),
    "provider's own items in the history": _contents(
        _QUESTION,
        _turn(
            "model",
            {"executableCode": {"language": "PYTHON", "code": "2+2"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "4"}},
        ),
        _PLACE,
    ),
    "answer begun for the model": _contents(
        _QUESTION, _turn("model", {"text": "It is"})
    ),
    "safety settings": _contents(
        safetySettings=[
            {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}
        ]
    ),
    "history by reference": _contents(cachedContent="cachedContents/c17"),
    "spoken answer": _config(responseModalities=["AUDIO"]),
    "metadata": _contents(labels={"team": "blue"}),
}
PLAIN = _contents()
