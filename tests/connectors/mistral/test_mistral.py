"""Mistral's own dialect: what differs from OpenAI's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.mistral import DIALECT, MISTRAL, TRANSLATOR
from connectors.mistral.request import write_request
from gateway.domain import grammar
from gateway.domain.fold import fold
from gateway.domain.loss import Grade
from gateway.domain.parts import (
    Citation,
    Media,
    Opaque,
    Part,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.reply import Finish, Reply, Stop
from gateway.domain.request import (
    OutputFormat,
    Reasoning,
    Request,
    Role,
    Sampling,
    Tool,
    ToolChoice,
    Turn,
)
from gateway.fronts.openai_chat.front import FRONT
from gateway.wire.faults import read_refusal
from gateway.wire.mistral import call_id
from gateway.wire.sse import SseFramer
from tests.recordings import Recording, select
from tests.streams import cuts

HELLO = Turn(Role.USER, (Text("Hello"),))


def own(**members: Any) -> dict[str, Any]:
    return {"mistral": members}


def chat(**members: Any) -> dict[str, Any]:
    return {"openai_chat": members}


def write(*turns: Turn, **members: Any) -> tuple[dict[str, Any], Any]:
    written = write_request(Request("m", turns or (HELLO,), **members))
    losses = [(loss.path, loss.grade) for loss in written.losses]
    return written.body, losses


def answer(*parts: Part, **more: Any) -> tuple[dict[str, Any], Any]:
    body, losses = write(Turn(Role.ASSISTANT, parts, **more))
    (message,) = body["messages"]
    assert message.pop("role") == "assistant"
    return message, losses


def test_only_what_mistral_knows() -> None:
    """It refuses unknown members, so each that it lacks is left out and told."""
    body, losses = write(
        tools=(Tool("f", schema={}),),
        sampling=Sampling(
            temperature=0.5,
            top_k=4,
            max_tokens=9,
            seed=3,
            logprobs=True,
            top_logprobs=2,
            verbosity="low",
        ),
        reasoning=Reasoning("max"),
        stream=True,
        parallel_tools=False,
        user="u",
        metadata={"a": "b"},
        service_tier="flex",
    )

    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 0.5,
        "max_tokens": 9,
        "random_seed": 3,
        "reasoning_effort": "xhigh",
        "stream": True,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "parallel_tool_calls": False,
        "metadata": {"a": "b"},
    }
    assert losses == [
        *(
            (f"sampling.{name}", Grade.DROPPED)
            for name in ("top_k", "logprobs", "top_logprobs", "verbosity")
        ),
        ("reasoning.effort", Grade.APPROXIMATE),
        ("user", Grade.DROPPED),
        ("service_tier", Grade.DROPPED),
    ]


def test_members_of_its_own_clients() -> None:
    """Mistral's SDK calls the chat front with them; those of others are told."""
    extras = {
        **chat(random_seed=3, safe_prompt=True, logit_bias={}),
        "openai_responses": {"prompt_cache_key": "k"},
    }
    prefix = Turn(Role.ASSISTANT, (Text("I"),), extras=chat(prefix=True))

    body, losses = write(HELLO, prefix, extras=extras)

    assert body["messages"][1] == {"role": "assistant", "content": "I", "prefix": True}
    assert {k: v for k, v in body.items() if k not in ("model", "messages")} == {
        "random_seed": 3,
        "safe_prompt": True,
        "prompt_cache_key": "k",
    }
    assert losses == [("logit_bias", Grade.DROPPED)]


def test_tools() -> None:
    """Functions must have parameters; a custom tool becomes one."""
    body, losses = write(
        tools=(
            Tool("f", strict=True, extras=chat(cache_control={})),
            Tool("g", schema={"type": "object"}),
            Tool("t", custom=True),
            Opaque("openai_chat", {"type": "web_search"}),
        ),
        tool_choice=ToolChoice("required", extras=chat(any=None)),
        output_format=OutputFormat("schema", {}, "n", extras=chat(x=1)),
    )

    empty = {"type": "object", "properties": {}}
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "parameters": empty, "strict": True},
        },
        {
            "type": "function",
            "function": {"name": "g", "parameters": {"type": "object"}},
        },
        {
            "type": "function",
            "function": {
                "name": "t",
                "parameters": {
                    "type": "object",
                    "properties": {"input": {"type": "string"}},
                    "required": ["input"],
                },
            },
        },
    ]
    assert body["tool_choice"] == "any"
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {}},
    }
    assert losses == [
        ("tools[2].custom", Grade.APPROXIMATE),
        ("tools[3]", Grade.DROPPED),
        ("tools[0].cache_control", Grade.DROPPED),
        ("output_format.x", Grade.DROPPED),
    ]


def test_named_tool() -> None:
    body, _ = write(tools=(Tool("f"),), tool_choice=ToolChoice("named", ("f",)))

    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}


def test_stored_answers() -> None:
    """The gateway keeps those of Responses itself; a chat client's wish is told."""
    responses = {"openai_responses": {"store": True}}

    assert write(extras=responses)[1] == []
    assert write(extras=chat(store=True))[1] == [("store", Grade.DROPPED)]


def test_choice_among_no_tools() -> None:
    body, losses = write(tool_choice=ToolChoice("required"))

    assert "tool_choice" not in body
    assert losses == [("tool_choice", Grade.REFUSED)]


def test_messages() -> None:
    """Nobody has a name, and developers are the system."""
    body, losses = write(
        Turn(Role.DEVELOPER, (Text("a"),), "ada", extras=chat(role=None)),
        Turn(Role.ASSISTANT, (ToolCall("call_1", "f", "{}"),)),
        Turn(
            Role.TOOL,
            (ToolResult("call_1", (Media("image", url="u"),), "f"),),
        ),
    )

    name = call_id("call_1")
    assert body["messages"] == [
        {"role": "system", "content": "a"},
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": name,
                    "type": "function",
                    "function": {"name": "f", "arguments": "{}"},
                }
            ],
        },
        {
            "role": "tool",
            "tool_call_id": name,
            "content": [{"type": "image_url", "image_url": {"url": "u"}}],
        },
    ]
    assert losses == [("turns[0].name", Grade.DROPPED)]


def test_call_ids() -> None:
    """Nine letters or digits: others become that, always the same."""
    assert call_id("nqjf8Hqe1") == "nqjf8Hqe1"
    assert call_id("call_1") == call_id("call_1") != call_id("call_2")
    assert len(call_id("\ud800")) == 9
    assert call_id("call_1").isalnum()


@pytest.mark.parametrize(
    ("part", "json"),
    [
        (Text("a", extras=own(x=1)), {"type": "text", "text": "a", "x": 1}),
        (
            Media("audio", "audio/wav", "QQ=="),
            {"type": "input_audio", "input_audio": "QQ=="},
        ),
        (
            Media("file", "application/pdf", "QQ==", name="a.pdf"),
            {
                "type": "document_url",
                "document_url": "data:application/pdf;base64,QQ==",
                "document_name": "a.pdf",
            },
        ),
        (
            Media("file", url="https://x/a.pdf"),
            {"type": "document_url", "document_url": "https://x/a.pdf"},
        ),
        (Opaque("mistral", {"type": "x"}), {"type": "x"}),
        (
            Opaque("openai_chat", {"type": "document_url"}),
            {"type": "document_url"},
        ),
        (
            Thinking("a", extras=own(closed=True)),
            {
                "type": "thinking",
                "thinking": [{"type": "text", "text": "a"}],
                "closed": True,
            },
        ),
    ],
)
def test_parts(part: Part, json: dict[str, Any]) -> None:
    body, losses = write(Turn(Role.USER, (part,)))

    assert body["messages"] == [{"role": "user", "content": [json]}]
    assert losses == []


@pytest.mark.parametrize(
    "part",
    [
        Media("video", url="u"),
        Media("file", file_id="f"),
        Media("audio", file_id="f"),
        Opaque("openai_chat", {"type": "video"}),
        Opaque("anthropic", {"type": "thinking"}),
        ToolCall("c", "f"),
    ],
)
def test_parts_that_refuse_a_request(part: Part) -> None:
    _, losses = write(Turn(Role.USER, (part,)))

    assert losses == [("turns[0].parts[0]", Grade.REFUSED)]


def test_documents_that_are_texts() -> None:
    body, losses = write(Turn(Role.USER, (Media("file", "text/plain", "QQ=="),)))

    assert body["messages"][0]["content"] == "A"
    assert losses == [("turns[0].parts[0]", Grade.APPROXIMATE)]


def test_thoughts_in_an_answer() -> None:
    """Mistral's own go back as they came; those of others are nobody's business."""
    seal = Signature("mistral", "QQ==")
    message, losses = answer(
        Thinking("a"),
        Thinking("", seal),
        Thinking("b", Signature("anthropic", "v")),
        Text("c"),
    )

    assert message["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "a"}]},
        {"type": "thinking", "thinking": [], "signature": "QQ=="},
        {"type": "text", "text": "c"},
    ]
    assert losses == [("turns[0].parts[2]", Grade.DROPPED)]


def test_answer_that_loses() -> None:
    seal = Signature("gemini", "v")
    message, losses = answer(
        Text("a", citations=(Citation("u"),), signature=seal),
        Text("", signature=seal),
        Refusal("No."),
        Media("image", url="u"),
        ToolCall("nqjf8Hqe1", "f", "{}", signature=seal),
        ToolCall("nqjf8Hqe2", "t", "x", custom=True),
    )

    assert message["content"] == "aNo."
    assert message["tool_calls"][1]["function"]["arguments"] == '{"input": "x"}'
    assert losses == [
        ("turns[0].parts[0].citations", Grade.DROPPED),
        ("turns[0].parts[0].signature", Grade.DROPPED),
        ("turns[0].parts[1].signature", Grade.DROPPED),
        ("turns[0].parts[3]", Grade.REFUSED),
        ("turns[0].parts[4].signature", Grade.DROPPED),
        ("turns[0].parts[2]", Grade.APPROXIMATE),
        ("turns[0].parts[5].custom", Grade.APPROXIMATE),
    ]


def test_empty_answer() -> None:
    assert answer()[0] == {"content": ""}
    assert answer(Text(""), bare=True)[0] == {"content": ""}


def test_results_among_an_answer() -> None:
    body, _ = write(
        Turn(Role.ASSISTANT, (ToolCall("c", "f"), ToolResult("c", (Text("1"),))))
    )

    assert [message["role"] for message in body["messages"]] == ["assistant", "tool"]


def test_declaration() -> None:
    """Nothing of chat passes untouched; embeddings do."""
    assert [dialect.protocol for dialect in MISTRAL.speaks] == [
        "mistral",
        "openai_chat",
    ]
    assert "chat" not in MISTRAL.speaks[1].paths
    assert DIALECT.translator is TRANSLATOR


ANSWERS = [r for r in select("mistral.chat") if r.status == 200]


def read(recording: Recording, size: int = 4096) -> Reply:
    if "stream" not in recording.response:
        return TRANSLATOR.read_reply(recording.response["body"])
    framer, machine = SseFramer(), TRANSLATOR.reader()
    pieces = cuts(recording.body, size)
    frames = [f for piece in pieces for f in framer.feed(piece)]
    events = [e for frame in frames for e in machine.feed(frame)] + machine.eof()
    grammar.check(events)
    return fold(events)


@pytest.mark.recordings
@pytest.mark.parametrize("recording", ANSWERS, ids=str)
def test_recorded_answers(recording: Recording) -> None:
    """Words, thoughts and calls of each, in the order in which they came."""
    reply = read(recording)

    kinds = [type(part).__name__ for part in reply.choices[0].parts]
    if "thinking-chunks" in recording.tags:
        assert kinds == ["Thinking", "Text"]
    elif "tool" in recording.tags:
        assert "ToolCall" in kinds
    else:
        assert kinds == ["Text"]
    (word,) = {choice.finish.raw for choice in reply.choices if choice.finish}
    assert f"finish:{word}" in recording.tags
    assert reply.usage is not None
    assert reply.usage.output
    assert reply.usage.input_total


@pytest.mark.recordings
@pytest.mark.parametrize(
    "recording", [r for r in ANSWERS if "stream" in r.tags], ids=str
)
@pytest.mark.parametrize("size", [1, 7])
def test_cuts(recording: Recording, size: int) -> None:
    assert read(recording, size) == read(recording)


@pytest.mark.recordings
@pytest.mark.parametrize(
    "recording", [r for r in select("mistral.chat") if r.status != 200], ids=str
)
def test_recorded_errors(recording: Recording) -> None:
    """Both shapes have their words."""
    error = read_refusal(recording.body)

    assert error is not None
    assert error.message in ("Invalid API Key", "Invalid model: definitely-not-a-model")


@pytest.mark.recordings
@pytest.mark.parametrize("recording", select("mistral.chat"), ids=str)
def test_recorded_requests(recording: Recording) -> None:
    """What Mistral's own clients send to the chat front reaches Mistral as it was."""
    said = recording.exchange["request"]["body"]
    body = json.dumps(said).encode()

    request = FRONT.read_request(body, FRONT.peek(body, None))
    written = write_request(request)

    kept = {
        k: v for k, v in said.items() if v is not None and (k, v) != ("stream", False)
    }
    assert written.body == kept
    assert written.losses == ()


def test_model_length() -> None:
    """Mistral's word for a full context."""
    reply = TRANSLATOR.read_reply(
        {
            "id": "1",
            "choices": [{"message": {"content": "a"}, "finish_reason": "model_length"}],
        }
    )

    assert reply.choices[0].finish == Finish(Stop.LENGTH, "model_length")
