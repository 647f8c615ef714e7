"""
What clients of this dialect ask, ``{feature: body}``.

Written after https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import Any

from tests.contract.probes.asked.material import (
    ASK,
    ASKED,
    ODD_SCHEMA,
    PDF,
    PNG,
    SCHEMA,
    Json,
)


def _responses(*items: Json, **members: Any) -> Json:
    said = list(items) or [{"role": "user", "content": ASK}]
    return {"model": "m1", "input": said, **members}


def _input(*parts: Json) -> Json:
    return {"role": "user", "content": [{"type": "input_text", "text": ASK}, *parts]}


def _tool(**members: Any) -> Json:
    tool = {"type": "function", "name": "weather", "description": "Tells it."}
    return {**tool, "parameters": SCHEMA, "strict": False, **members}


def _function_call(call_id: str, name: str = "weather") -> Json:
    call = {"type": "function_call", "call_id": call_id, "name": name}
    return {**call, "arguments": '{"city": "Brno"}'}


def _output(call_id: str, output: Any) -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _said(text: str) -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "role": "assistant", "content": [part]}


_RESPONSES_TOOLS = {"tools": [_tool(), _tool(name="time")]}
_RESPONSES_FORMAT = {"type": "json_schema", "name": "answer", "schema": SCHEMA}

REQUESTS: dict[str, Json] = {
    "system message": _responses({"role": "system", "content": "Be brief."}, ASKED),
    "system message beside the messages": _responses(instructions="Be brief."),
    "developer message": _responses(
        {"role": "developer", "content": "Be brief."}, ASKED
    ),
    "several system messages": _responses(
        {"role": "system", "content": "Be brief."},
        {"role": "system", "content": "Be kind."},
        ASKED,
    ),
    "system message in the middle": _responses(
        ASKED,
        _said("Where?"),
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Brno"},
    ),
    "a longer conversation": _responses(
        ASKED, _said("Where?"), {"role": "user", "content": "Brno"}
    ),
    "tools": _responses(tools=[_tool()]),
    "several tools": _responses(**_RESPONSES_TOOLS),
    "strict tool": _responses(tools=[_tool(strict=True)]),
    "custom tool": _responses(
        tools=[{"type": "custom", "name": "shell", "description": "Runs."}]
    ),
    "provider's own tool": _responses(tools=[{"type": "web_search"}]),
    "tools in a namespace": _responses(
        tools=[
            {
                "type": "namespace",
                "name": "home",
                "description": "At home.",
                "tools": [_tool()],
            }
        ]
    ),
    "tools that come with the input": _responses(
        {"type": "additional_tools", "role": "developer", "tools": [_tool()]},
        {"role": "user", "content": ASK},
    ),
    "tool calls and results": _responses(
        ASKED,
        _function_call("call_a"),
        _function_call("call_b", "time"),
        _output("call_a", "rain"),
        _output("call_b", "noon"),
        **_RESPONSES_TOOLS,
    ),
    "image from a tool": _responses(
        ASKED,
        _function_call("call_a"),
        _output(
            "call_a",
            [{"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}],
        ),
        **_RESPONSES_TOOLS,
    ),
    "custom tool's call and result": _responses(
        ASKED,
        {
            "type": "custom_tool_call",
            "call_id": "call_a",
            "name": "shell",
            "input": "ls",
        },
        {"type": "custom_tool_call_output", "call_id": "call_a", "output": "a.txt"},
        tools=[{"type": "custom", "name": "shell"}],
    ),
    "tool choice: auto": _responses(tool_choice="auto", **_RESPONSES_TOOLS),
    "tool choice: none": _responses(tool_choice="none", **_RESPONSES_TOOLS),
    "tool choice: required": _responses(tool_choice="required", **_RESPONSES_TOOLS),
    "tool choice: one tool": _responses(
        tool_choice={"type": "function", "name": "time"}, **_RESPONSES_TOOLS
    ),
    "tool choice: some tools": _responses(
        tool_choice={
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "time"}],
        },
        **_RESPONSES_TOOLS,
    ),
    "no parallel tools": _responses(parallel_tool_calls=False, **_RESPONSES_TOOLS),
    "JSON": _responses(text={"format": {"type": "json_object"}}),
    "JSON schema": _responses(text={"format": {**_RESPONSES_FORMAT, "strict": True}}),
    "JSON schema with rare keywords": _responses(
        text={"format": {**_RESPONSES_FORMAT, "schema": ODD_SCHEMA}}
    ),
    "image as data": _responses(
        _input({"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"})
    ),
    "image by URL": _responses(
        _input({"type": "input_image", "image_url": "https://example.org/dot.png"})
    ),
    "image detail": _responses(
        _input(
            {
                "type": "input_image",
                "image_url": f"data:image/png;base64,{PNG}",
                "detail": "low",
            }
        )
    ),
    "PDF as data": _responses(
        _input(
            {
                "type": "input_file",
                "filename": "a.pdf",
                "file_data": f"data:application/pdf;base64,{PDF}",
            }
        )
    ),
    "PDF by URL": _responses(
        _input({"type": "input_file", "file_url": "https://example.org/a.pdf"})
    ),
    "file by the provider's id": _responses(
        _input({"type": "input_file", "file_id": "file-1"})
    ),
    "temperature": _responses(temperature=0.37),
    "top_p": _responses(top_p=0.83),
    "most tokens": _responses(max_output_tokens=777),
    "logprobs": _responses(include=["message.output_text.logprobs"], top_logprobs=3),
    "verbosity": _responses(text={"verbosity": "low"}),
    "reasoning effort": _responses(reasoning={"effort": "high"}),
    "no reasoning": _responses(reasoning={"effort": "none"}),
    "reasoning summary": _responses(reasoning={"summary": "auto"}),
    "sealed thoughts in the history": _responses(
        ASKED,
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "A place is missing."}],
            "encrypted_content": "ENC17",
        },
        _said("Where?"),
        {"role": "user", "content": "Brno"},
    ),
    "refusal in the history": _responses(
        ASKED,
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "refusal", "refusal": "I can't."}],
        },
        {"role": "user", "content": "Brno"},
    ),
    "provider's own items in the history": _responses(
        ASKED,
        {
            "type": "web_search_call",
            "id": "ws_1",
            "status": "completed",
            "action": {"type": "search", "query": "rain"},
        },
        _said("Rain."),
        {"role": "user", "content": "Sure?"},
    ),
    "history by reference": _responses(previous_response_id="resp_17"),
    "metadata": _responses(metadata={"team": "blue"}),
    "user": _responses(user="user-17"),
    "service tier": _responses(service_tier="flex"),
    "storing": _responses(store=False),
    "prompt cache key": _responses(prompt_cache_key="k1"),
    "truncation": _responses(truncation="auto"),
    "most calls of tools": _responses(max_tool_calls=3, **_RESPONSES_TOOLS),
}
PLAIN = _responses()
