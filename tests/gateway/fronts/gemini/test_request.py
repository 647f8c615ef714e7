from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.domain.errors import InvalidRequestError
from gateway.domain.parts import Media, Opaque, Text, ToolCall, ToolResult
from gateway.domain.request import (
    OutputFormat,
    Reasoning,
    Request,
    Role,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.fronts.base import Ask
from gateway.fronts.gemini.request import read_count, read_request

ASK = Ask("m1", True, wants_usage=True)
HELLO = [{"role": "user", "parts": [{"text": "hello"}]}]


def read(**members: Any) -> Request:
    return read_request(json.dumps({"contents": HELLO, **members}).encode(), ASK)


def refused(**members: Any) -> str | None:
    with pytest.raises(InvalidRequestError) as caught:
        read(**members)
    return caught.value.param


def test_least() -> None:
    """The path says model and stream, and each chunk counts."""
    request = read()

    assert (request.model, request.stream, request.include_usage) == ("m1", True, True)
    (turn,) = request.turns
    assert (turn.role, turn.parts) == (Role.USER, (Text("hello"),))


def test_end_of_a_stream_in_history() -> None:
    """Clients keep each chunk of an answer; the last one may be empty."""
    call = {"functionCall": {"name": "tool", "args": {}}}
    empty = {"role": "model", "parts": [{"text": ""}]}
    kept = {"role": "model", "parts": [{"text": "a"}]}
    joined = {"role": "model", "parts": [call, {"text": ""}]}

    request = read(contents=[*HELLO, kept, empty, *HELLO, joined, *HELLO, empty])

    parts = [turn.parts for turn in request.turns]
    assert parts[1:3] == [(Text("a"),), (Text("hello"),)]
    assert [type(part) for part in parts[3]] == [ToolCall]
    assert parts[5] == (Text(""),)  # there is nothing that it is the end of


@pytest.mark.parametrize(
    "instruction",
    [
        "Be brief.",
        {"parts": [{"text": "Be brief."}]},
        {"role": "system", "parts": {"text": "Be brief."}},
    ],
)
@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
def test_system(name: str, instruction: Any) -> None:
    """The instruction is the first turn, in whichever form it comes."""
    system, _ = read(**{name: instruction}).turns

    assert (system.role, system.parts) == (Role.SYSTEM, (Text("Be brief."),))


@pytest.mark.parametrize(
    "instruction",
    ["", {"parts": {"text": ""}}, {"role": "user", "parts": [{"text": ""}]}],
)
def test_empty_system(instruction: Any) -> None:
    """Some clients always send one; elsewhere it would be a mistake."""
    assert read(systemInstruction=instruction).turns == read().turns


def test_empty_system_with_something_else() -> None:
    kept = {"parts": {"text": ""}, "new": 1}

    assert len(read(systemInstruction=kept).turns) == 2


def test_forms_of_contents() -> None:
    """One value may stand for a list of one, and the role may be missing."""
    (turn,) = read(contents={"parts": {"text": "hello"}}).turns

    assert (turn.role, turn.parts) == (Role.USER, (Text("hello"),))
    assert read(contents=[{"role": "user"}]).turns[0].parts == ()


def test_calls_and_results_find_each_other() -> None:
    """With and without ids, in order, and one that nobody asked for."""
    call = {"functionCall": {"name": "f", "args": {}}}
    named = {"functionCall": {"name": "f", "id": "i"}}
    result = {"functionResponse": {"name": "f", "response": {}}}
    named_result = {"functionResponse": {"name": "f", "id": "i", "response": {}}}
    strange = {"functionResponse": {"name": "f", "id": "j", "response": {}}}
    calls, results = read(
        contents=[
            {"role": "model", "parts": [call, named, call]},
            {
                "role": "function",
                "parts": [named_result, result, strange, result, result],
            },
        ]
    ).turns

    asked = [part.id for part in calls.parts if isinstance(part, ToolCall)]
    told = [p.call_id for p in results.parts if isinstance(p, ToolResult)]
    assert len({*asked}) == 3
    assert asked[1] == "i"
    assert told[:4] == ["i", asked[0], "j", asked[2]]
    assert told[4] not in (*asked, "j")
    assert results.role is Role.USER


def test_result_with_media() -> None:
    blob = {"mimeType": "image/png", "data": "QQ=="}
    inner = {"name": "f", "response": {"a": 1}, "parts": [{"inlineData": blob}]}

    (turn,) = read(contents=[{"parts": [{"functionResponse": inner}]}]).turns

    (result,) = turn.parts
    assert isinstance(result, ToolResult)
    assert result.parts[1] == Media("image", "image/png", "QQ==")


def test_sampling() -> None:
    config = {
        "temperature": 0.5,
        "topP": 0.9,
        "top_k": 2.0,
        "maxOutputTokens": 5,
        "stopSequences": ["a", "b"],
        "candidateCount": 2,
        "seed": 7,
        "presencePenalty": 1,
        "frequencyPenalty": -1,
        "responseLogprobs": True,
        "logprobs": 3,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    }

    request = read(generationConfig=config)

    assert request.sampling == Sampling(
        0.5, 0.9, 2, 5, ("a", "b"), 2, 7, 1, -1, True, 3
    )
    assert request.extras["gemini"]["generationConfig"] == {
        "mediaResolution": "MEDIA_RESOLUTION_LOW"
    }


@pytest.mark.parametrize(
    ("thinking", "reasoning"),
    [
        ({"thinkingBudget": 512}, Reasoning(budget=512, enabled=True)),
        ({"thinkingBudget": 0}, Reasoning(budget=0, enabled=False)),
        ({"thinkingBudget": -1}, Reasoning(enabled=True)),
        ({"thinkingLevel": "HIGH"}, Reasoning(effort="high")),
        ({"includeThoughts": True}, Reasoning(summary="auto")),
        ({"includeThoughts": False}, Reasoning()),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, Reasoning()),
    ],
)
def test_thinking(thinking: dict[str, Any], reasoning: Reasoning) -> None:
    found = read(generationConfig={"thinkingConfig": thinking}).reasoning

    for name in ("effort", "budget", "enabled", "summary"):
        assert getattr(found, name) == getattr(reasoning, name)


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
OPENAPI = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}


@pytest.mark.parametrize(
    ("config", "kind", "schema"),
    [
        ({"responseMimeType": "text/plain"}, "text", None),
        ({"responseMimeType": "application/json"}, "json", None),
        ({"responseMimeType": "text/x.enum"}, "text", None),
        ({"responseSchema": OPENAPI}, "schema", SCHEMA),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
            "schema",
            SCHEMA,
        ),
        (
            {
                "responseFormat": {
                    "text": {"mimeType": "APPLICATION_JSON", "jsonSchema": SCHEMA}
                }
            },
            "schema",
            SCHEMA,
        ),
        ({"responseFormat": {"text": {"mimeType": "APPLICATION_JSON"}}}, "json", None),
        ({"responseFormat": {"text": {}}}, "text", None),
    ],
)
def test_format(config: dict[str, Any], kind: str, schema: Any) -> None:
    """What the answer must look like can be said in several ways."""
    form = read(generationConfig=config).output_format

    assert isinstance(form, OutputFormat)
    assert (form.kind, form.schema) == (kind, schema)


def test_no_format() -> None:
    """An image's format is none of ours."""
    request = read(generationConfig={"responseFormat": {"image": {"a": 1}}})

    assert request.output_format is None
    assert "responseFormat" in request.extras["gemini"]["generationConfig"]


def test_tools() -> None:
    """Functions one by one, whichever way their schema is said; Google's own too."""
    functions = [
        {"name": "f", "description": "d", "parameters": OPENAPI},
        {"name": "g", "parametersJsonSchema": SCHEMA, "behavior": "BLOCKING"},
        {"name": "h"},
    ]

    found = read(
        tools=[
            {"functionDeclarations": functions, "codeExecution": {}},
            {"google_search": {}, "urlContext": None},
        ]
    ).tools

    f, g, h, code, search = found
    assert isinstance(f, Tool)
    assert (f.name, f.description, f.schema) == ("f", "d", SCHEMA)
    assert isinstance(g, Tool)
    assert g.schema == SCHEMA
    assert g.extras["gemini"]["behavior"] == "BLOCKING"
    assert h == Tool("h")
    assert code == Opaque("gemini", {"codeExecution": {}})
    assert search == Opaque("gemini", {"googleSearch": {}})


def test_single_tool() -> None:
    """One value may stand for a list of one."""
    assert (
        read(tools={"googleSearch": {}}).tools
        == read(tools=[{"googleSearch": {}}]).tools
    )


@pytest.mark.parametrize(
    ("calling", "mode", "names"),
    [
        ({"mode": "AUTO"}, "auto", ()),
        ({"mode": "any"}, "required", ()),
        ({"mode": 2, "allowedFunctionNames": ["f", "g"]}, "required", ("f", "g")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, "named", ("f",)),
        ({"mode": "NONE"}, "none", ()),
        ({"mode": "VALIDATED"}, "auto", ()),
        ({}, "auto", ()),
    ],
)
def test_tool_choice(calling: Any, mode: str, names: tuple[str, ...]) -> None:
    choice = read(toolConfig={"functionCallingConfig": calling}).tool_choice

    assert isinstance(choice, ToolChoice)
    assert (choice.mode, choice.names) == (mode, names)


def test_rest() -> None:
    """What the domain has no field for is kept, and what it has is read."""
    request = read(
        model="models/other",
        labels={"my_team": "x"},
        serviceTier="flex",
        safetySettings=[{"category": "X"}],
        cachedContent="cachedContents/a",
        toolConfig={"retrievalConfig": {"languageCode": "de"}},
    )

    assert request.model == "m1"
    assert request.metadata == {"my_team": "x"}
    assert request.service_tier == "flex"
    assert request.extras["gemini"] == {
        "model": None,
        "labels": None,
        "safetySettings": [{"category": "X"}],
        "cachedContent": "cachedContents/a",
        "toolConfig": {"retrievalConfig": {"languageCode": "de"}},
    }


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"contents": "hello"}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": ["hello"]}, "contents[0]"),
        ({"contents": [{"role": "assistant"}]}, "contents[0].role"),
        ({"contents": [{"parts": "hello"}]}, "contents[0].parts"),
        ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": {"thought": 5}}]}, "contents[0].parts.thought"),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "a/b"}}]}]},
            "contents[0].parts[0].inlineData.data",
        ),
        (
            {"contents": [{"parts": [{"functionCall": {"name": "f", "args": 5}}]}]},
            "contents[0].parts[0].functionCall.args",
        ),
        (
            {"contents": [{"parts": [{"functionResponse": {}}]}]},
            "contents[0].parts[0].functionResponse.name",
        ),
        ({"tools": 5}, "tools"),
        (
            {"tools": [{"functionDeclarations": [{}]}]},
            "tools[0].functionDeclarations[0].name",
        ),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
            "toolConfig.functionCallingConfig.mode",
        ),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": []}}},
            "toolConfig.functionCallingConfig.mode",
        ),
        (
            {"toolConfig": {"functionCallingConfig": {"allowedFunctionNames": [5]}}},
            "toolConfig.functionCallingConfig.allowedFunctionNames[0]",
        ),
        ({"generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
        (
            {"generationConfig": {"candidateCount": 0}},
            "generationConfig.candidateCount",
        ),
        (
            {"generationConfig": {"stopSequences": [5]}},
            "generationConfig.stopSequences[0]",
        ),
    ],
)
def test_wrong(members: dict[str, Any], param: str) -> None:
    """What is wrong is named by its path."""
    assert refused(**members) == param


def test_count_of_contents() -> None:
    request = read_count(json.dumps({"contents": HELLO}).encode(), ASK)

    assert request.turns == read().turns


def test_count_of_a_request() -> None:
    inner = {"model": "models/m1", "contents": HELLO, "tools": [{"codeExecution": {}}]}
    body = json.dumps({"generate_content_request": inner}).encode()

    request = read_count(body, ASK)

    assert len(request.tools) == 1


def test_count_of_nothing() -> None:
    with pytest.raises(InvalidRequestError):
        read_count(b"[]", ASK)
