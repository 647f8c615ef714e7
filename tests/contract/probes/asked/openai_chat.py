"""
What clients of this dialect ask, ``{feature: body}``.

Written after https://platform.openai.com/docs/api-reference/chat/create
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
    WAV,
    Json,
)


def _chat(*messages: Json, **members: Any) -> Json:
    said = list(messages) or [{"role": "user", "content": ASK}]
    return {"model": "m1", "messages": said, **members}


def _user(*parts: Json) -> Json:
    return {"role": "user", "content": [{"type": "text", "text": ASK}, *parts]}


def _function(**members: Any) -> Json:
    function = {"name": "weather", "description": "Tells it.", "parameters": SCHEMA}
    return {"type": "function", "function": {**function, **members}}


def _call(id_: str, name: str = "weather", text: str = '{"city": "Brno"}') -> Json:
    function = {"name": name, "arguments": text}
    return {"id": id_, "type": "function", "function": function}


_CHAT_TOOLS = {"tools": [_function(), _function(name="time")]}
_CHAT_FORMAT = {"name": "answer", "schema": SCHEMA, "strict": True}

REQUESTS: dict[str, Json] = {
    "system message": _chat({"role": "system", "content": "Be brief."}, ASKED),
    "developer message": _chat({"role": "developer", "content": "Be brief."}, ASKED),
    "several system messages": _chat(
        {"role": "system", "content": "Be brief."},
        {"role": "system", "content": "Be kind."},
        ASKED,
    ),
    "system message in the middle": _chat(
        ASKED,
        {"role": "assistant", "content": "Where?"},
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Brno"},
    ),
    "a longer conversation": _chat(
        ASKED,
        {"role": "assistant", "content": "Where?"},
        {"role": "user", "content": "Brno"},
    ),
    "participant's name": _chat({**ASKED, "name": "anna"}),
    "tools": _chat(tools=[_function()]),
    "several tools": _chat(**_CHAT_TOOLS),
    "strict tool": _chat(tools=[_function(strict=True)]),
    "custom tool": _chat(
        tools=[{"type": "custom", "custom": {"name": "shell", "description": "Runs."}}]
    ),
    "provider's own tool": _chat(web_search_options={"search_context_size": "low"}),
    "tool calls and results": _chat(
        ASKED,
        {"role": "assistant", "tool_calls": [_call("call_a"), _call("call_b", "time")]},
        {"role": "tool", "tool_call_id": "call_a", "content": "rain"},
        {"role": "tool", "tool_call_id": "call_b", "content": "noon"},
        **_CHAT_TOOLS,
    ),
    "tool arguments that are no JSON": _chat(
        ASKED,
        {"role": "assistant", "tool_calls": [_call("call_a", text='{"city": Br')]},
        {"role": "tool", "tool_call_id": "call_a", "content": "no JSON"},
        **_CHAT_TOOLS,
    ),
    "custom tool's call and result": _chat(
        ASKED,
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "call_a",
                    "type": "custom",
                    "custom": {"name": "shell", "input": "ls"},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_a", "content": "a.txt"},
        tools=[{"type": "custom", "custom": {"name": "shell"}}],
    ),
    "tool choice: auto": _chat(tool_choice="auto", **_CHAT_TOOLS),
    "tool choice: none": _chat(tool_choice="none", **_CHAT_TOOLS),
    "tool choice: required": _chat(tool_choice="required", **_CHAT_TOOLS),
    "tool choice: one tool": _chat(
        tool_choice={"type": "function", "function": {"name": "time"}}, **_CHAT_TOOLS
    ),
    "tool choice: some tools": _chat(
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "time"}}],
            },
        },
        **_CHAT_TOOLS,
    ),
    "no parallel tools": _chat(parallel_tool_calls=False, **_CHAT_TOOLS),
    "JSON": _chat(response_format={"type": "json_object"}),
    "JSON schema": _chat(
        response_format={"type": "json_schema", "json_schema": _CHAT_FORMAT}
    ),
    "JSON schema with rare keywords": _chat(
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": ODD_SCHEMA},
        }
    ),
    "image as data": _chat(
        _user(
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
        )
    ),
    "image by URL": _chat(
        _user(
            {"type": "image_url", "image_url": {"url": "https://example.org/dot.png"}}
        )
    ),
    "image detail": _chat(
        _user(
            {
                "type": "image_url",
                "image_url": {
                    "url": f"data:image/png;base64,{PNG}",
                    "detail": "low",
                },
            }
        )
    ),
    "PDF as data": _chat(
        _user(
            {
                "type": "file",
                "file": {
                    "filename": "a.pdf",
                    "file_data": f"data:application/pdf;base64,{PDF}",
                },
            }
        )
    ),
    "file by the provider's id": _chat(
        _user({"type": "file", "file": {"file_id": "file-1"}})
    ),
    "audio": _chat(
        _user({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}})
    ),
    "temperature": _chat(temperature=0.37),
    "top_p": _chat(top_p=0.83),
    "most tokens": _chat(max_completion_tokens=777),
    "stop sequences": _chat(stop=["END", "STOP"]),
    "n > 1": _chat(n=2),
    "seed": _chat(seed=4711),
    "presence penalty": _chat(presence_penalty=0.41),
    "frequency penalty": _chat(frequency_penalty=0.43),
    "logprobs": _chat(logprobs=True, top_logprobs=3),
    "logit bias": _chat(logit_bias={"50256": -100}),
    "verbosity": _chat(verbosity="low"),
    "reasoning effort": _chat(reasoning_effort="high"),
    "no reasoning": _chat(reasoning_effort="none"),
    "unsigned thoughts in the history": _chat(
        ASKED,
        {
            "role": "assistant",
            "content": "Where?",
            "reasoning_content": "A place is missing.",
        },
        {"role": "user", "content": "Brno"},
    ),
    "refusal in the history": _chat(
        ASKED,
        {"role": "assistant", "content": None, "refusal": "I can't."},
        {"role": "user", "content": "Brno"},
    ),
    "answer begun for the model": _chat(
        ASKED, {"role": "assistant", "content": "It is"}
    ),
    "metadata": _chat(metadata={"team": "blue"}),
    "user": _chat(user="user-17"),
    "service tier": _chat(service_tier="flex"),
    "storing": _chat(store=True),
    "prompt cache key": _chat(prompt_cache_key="k1"),
    "spoken answer": _chat(
        modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}
    ),
}
PLAIN = _chat()
