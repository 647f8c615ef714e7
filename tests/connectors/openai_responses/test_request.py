"""Requests of other dialects in the Responses' own words."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.openai_responses.request import write_request
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
from gateway.wire.openai_responses.seals import read_seal

TOOL = Tool("f", schema={"type": "object"})


def user(*parts: Part, bare: bool | None = None) -> Turn:
    return Turn(Role.USER, parts, bare=bare)


def model(*parts: Part) -> Turn:
    return Turn(Role.ASSISTANT, parts)


def written(*turns: Turn, **members: Any) -> dict[str, Any]:
    """Return what is written without a loss."""
    done = write_request(Request("m", turns, **members))
    assert done.losses == ()
    return done.body


def losses(*turns: Turn, **members: Any) -> dict[str, Grade]:
    done = write_request(Request("m", turns, **members))
    return {loss.path: loss.grade for loss in done.losses}


def test_least() -> None:
    """Nobody asked the provider to keep anything."""
    assert written(user(Text("hi"), bare=True)) == {
        "model": "m",
        "input": [{"role": "user", "content": "hi"}],
        "store": False,
    }


def test_settings() -> None:
    """All that this dialect has a word for."""
    body = written(
        user(Text("hi")),
        tools=(TOOL,),
        tool_choice=ToolChoice("required"),
        parallel_tools=False,
        sampling=Sampling(
            temperature=0.5,
            top_p=0.9,
            max_tokens=20,
            logprobs=True,
            top_logprobs=2,
            verbosity="low",
        ),
        reasoning=Reasoning("low"),
        output_format=OutputFormat("json"),
        stream=True,
        user="u",
        metadata={"a": "b"},
        service_tier="flex",
    )

    assert body == {
        "model": "m",
        "input": [{"role": "user", "content": "hi"}],
        "max_output_tokens": 20,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "service_tier": "flex",
        "stream": True,
        "temperature": 0.5,
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "tool_choice": "required",
        "tools": [
            {
                "type": "function",
                "name": "f",
                "parameters": {"type": "object"},
                "strict": False,
            }
        ],
        "top_logprobs": 2,
        "top_p": 0.9,
        "user": "u",
        "store": False,
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    }


def test_long_user() -> None:
    """OpenAI refuses more than 64 characters; a digest tells users apart as well."""
    request = Request("m", (user(Text("hi")),), user="u" * 65)

    answer = write_request(request)

    assert len(answer.body["user"]) == 64
    assert [(loss.path, loss.grade) for loss in answer.losses] == [
        ("user", Grade.APPROXIMATE)
    ]


def test_shared_words() -> None:
    """What chat says under the same names is said, and no loss."""
    chat = {"prompt_cache_key": "k", "store": True, "safety_identifier": None}

    body = written(user(Text("hi")), extras={"openai_chat": chat})

    assert (body["prompt_cache_key"], body["store"]) == ("k", True)


def test_system_in_place() -> None:
    """Messages of the system stand where they stood."""
    body = written(
        Turn(Role.SYSTEM, (Text("s"), Text("t"))),
        user(Text("hi")),
        Turn(Role.DEVELOPER, (Text("d"),)),
    )

    assert body["input"] == [
        {
            "role": "system",
            "content": [
                {"type": "input_text", "text": "s"},
                {"type": "input_text", "text": "t"},
            ],
        },
        {"role": "user", "content": "hi"},
        {"role": "developer", "content": "d"},
    ]


def test_tool_round() -> None:
    """Calls and results find each other; results leave the user's message."""
    body = written(
        user(Text("hi")),
        model(
            Text("a"),
            ToolCall("c1", "f"),
            ToolCall("c2", "g", "x", custom=True),
        ),
        user(
            ToolResult("c1", (Text("ok"),)),
            ToolResult("c2", (), bare=False),
            Text("go on"),
        ),
        Turn(Role.TOOL, (ToolResult("c3", (Text("a"), Text("b"))),)),
    )

    assert body["input"][1:] == [
        {"role": "assistant", "content": "a"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "x"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": ""},
        {"role": "user", "content": "go on"},
        {
            "type": "function_call_output",
            "call_id": "c3",
            "output": [
                {"type": "input_text", "text": "a"},
                {"type": "input_text", "text": "b"},
            ],
        },
    ]


def test_result_behind_words() -> None:
    """The order of a user's parts is kept."""
    body = written(user(Text("a"), ToolResult("c", (Text("b"),))))

    assert [item.get("role") for item in body["input"]] == ["user", None]


def test_empty_message() -> None:
    """A message of nothing is one."""
    assert written(user())["input"] == [{"role": "user", "content": []}]


def test_result_in_the_models_turn() -> None:
    """A result among the model's parts is an item as any."""
    body = written(model(ToolResult("c", (Text("b"),))))

    assert body["input"][0]["type"] == "function_call_output"


def test_answers() -> None:
    """What the short form cannot say is said in the long one."""
    body = written(
        model(Text("a", citations=(Citation("http://x"),)), Refusal("no")),
    )

    (message,) = body["input"]
    assert message["type"] == "message"
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    assert "id" not in message


def test_own_thoughts() -> None:
    """A thought goes back to its issuer with its seal and its item's id."""
    body = written(model(Thinking("a"), Thinking("b", read_seal("gAAA", "rs_1"))))

    assert body["input"] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [
                {"type": "summary_text", "text": "a"},
                {"type": "summary_text", "text": "b"},
            ],
            "encrypted_content": "gAAA",
        }
    ]
    assert body["include"] == ["reasoning.encrypted_content"]


def test_thoughts_of_others() -> None:
    """Nobody else's thoughts are shown, sealed or not, nor made into text."""
    turn = model(Thinking("a", Signature("anthropic", "A")), Thinking("b"))

    assert losses(turn) == {
        "turns[0].parts[0]": Grade.DROPPED,
        "turns[0].parts[1]": Grade.DROPPED,
    }
    assert "input" not in write_request(Request("m", (turn,))).body


@pytest.mark.parametrize(
    ("members", "path", "grade"),
    [
        ({"sampling": Sampling(stop=("x",))}, "sampling.stop", Grade.REFUSED),
        ({"sampling": Sampling(n=2)}, "sampling.n", Grade.REFUSED),
        ({"sampling": Sampling(seed=0)}, "sampling.seed", Grade.DROPPED),
        ({"sampling": Sampling(top_k=1)}, "sampling.top_k", Grade.DROPPED),
        ({"service_tier": "standard_only"}, "service_tier", Grade.DROPPED),
        ({"reasoning": Reasoning(budget=9)}, "reasoning.budget", Grade.APPROXIMATE),
        (
            {"reasoning": Reasoning(enabled=False)},
            "reasoning.enabled",
            Grade.APPROXIMATE,
        ),
        ({"tools": (Opaque("gemini", {}),)}, "tools[0]", Grade.DROPPED),
        ({"tool_choice": ToolChoice("named", ("x",))}, "tool_choice", Grade.REFUSED),
        ({"tool_choice": ToolChoice("required")}, "tool_choice", Grade.REFUSED),
        ({"extras": {"anthropic": {"top": 1}}}, "top", Grade.DROPPED),
        ({"extras": {"gemini": {"cachedContent": 1}}}, "cachedContent", Grade.REFUSED),
    ],
)
def test_losses(members: dict[str, Any], path: str, grade: Grade) -> None:
    """What cannot be said is told, and how bad it is."""
    assert losses(user(Text("hi")), **members) == {path: grade}


@pytest.mark.parametrize(
    ("part", "path", "grade"),
    [
        (Opaque("anthropic", {}), "", Grade.REFUSED),
        (Media("image", data="AA"), "", Grade.REFUSED),
        (Text("a", signature=Signature("gemini", "G")), ".signature", Grade.DROPPED),
        (
            ToolCall("c", "f", signature=Signature("gemini", "G")),
            ".signature",
            Grade.DROPPED,
        ),
        (Text("a", citations=(Citation(),)), ".citations[0]", Grade.DROPPED),
    ],
)
def test_losses_of_answers(part: Part, path: str, grade: Grade) -> None:
    """The same in what the model said before."""
    assert losses(model(part)) == {f"turns[0].parts[0]{path}": grade}


@pytest.mark.parametrize(
    ("part", "path", "grade"),
    [
        (Media("video", data="AA"), "", Grade.REFUSED),
        (Media("audio", url="http://x"), "", Grade.REFUSED),
        (Media("image", file_id="f"), "", Grade.REFUSED),
        (Opaque("anthropic", {}), "", Grade.REFUSED),
        (Thinking("a"), "", Grade.REFUSED),
        (
            Media("image", data="AA", signature=Signature("gemini", "G")),
            ".signature",
            Grade.DROPPED,
        ),
        (ToolResult("c", (Text("no"),), error=True), ".error", Grade.DROPPED),
        (ToolResult("c", (Media("video"),)), ".parts[0]", Grade.REFUSED),
    ],
)
def test_losses_of_questions(part: Part, path: str, grade: Grade) -> None:
    """The same in what the user says."""
    assert losses(user(part)) == {f"turns[0].parts[0]{path}": grade}


def test_opaque_result_of_another() -> None:
    """A result that only another protocol understands is refused."""
    turn = Turn(Role.TOOL, (Opaque("anthropic", {}),))

    assert losses(turn) == {"turns[0].parts[0]": Grade.REFUSED}


def test_name_of_a_speaker() -> None:
    """Speakers have no names here."""
    turn = Turn(Role.USER, (Text("a"),), name="bob")

    assert losses(turn) == {"turns[0].name": Grade.DROPPED}


@pytest.mark.parametrize(
    ("reasoning", "json"),
    [
        (Reasoning(budget=0), {"effort": "none"}),
        (Reasoning(budget=9000), {"effort": "medium", "summary": "auto"}),
        (Reasoning(enabled=True), {"effort": "medium", "summary": "auto"}),
        (Reasoning(enabled=False), {"effort": "none"}),
        (Reasoning("high", budget=1), {"effort": "high", "summary": "auto"}),
        (Reasoning(summary="detailed"), {"summary": "detailed"}),
    ],
)
def test_reasoning(reasoning: Reasoning, json: dict[str, str]) -> None:
    """Tokens become words; who asks for thoughts gets to see them."""
    request = Request("m", (user(Text("hi")),), reasoning=reasoning)

    assert write_request(request).body["reasoning"] == json


def test_tools() -> None:
    """Tools of another dialect, in this one's form."""
    body = written(
        user(Text("hi")),
        tools=(
            Tool("f", strict=True),
            Tool(
                "c",
                custom=True,
                format={
                    "type": "grammar",
                    "grammar": {"syntax": "lark", "definition": "x"},
                },
            ),
            Tool("d", custom=True),
            Opaque("openai_responses", {"type": "web_search"}),
        ),
        tool_choice=ToolChoice("named", ("c",)),
    )

    assert body["tools"] == [
        {
            "type": "function",
            "name": "f",
            "parameters": {"type": "object", "properties": {}},
            "strict": True,
        },
        {
            "type": "custom",
            "name": "c",
            "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
        },
        {"type": "custom", "name": "d"},
        {"type": "web_search"},
    ]
    assert body["tool_choice"] == {"type": "custom", "name": "c"}


def test_choice_without_tools() -> None:
    """OpenAI refuses a choice among no tools, which says nothing anyway."""
    assert "tool_choice" not in written(
        user(Text("hi")), tool_choice=ToolChoice("auto")
    )


def test_schema_without_a_name() -> None:
    """A schema needs a name here."""
    wanted = OutputFormat("schema", {"type": "object"})

    body = written(user(Text("hi")), output_format=wanted)

    assert body["text"]["format"]["name"] == "answer"


@pytest.mark.parametrize(
    ("media", "json"),
    [
        (
            Media("image", "image/png", "AA", detail="low"),
            {
                "type": "input_image",
                "image_url": "data:image/png;base64,AA",
                "detail": "low",
            },
        ),
        (
            Media("image", url="http://x"),
            {"type": "input_image", "image_url": "http://x"},
        ),
        (
            Media("file", "application/pdf", "AA"),
            {
                "type": "input_file",
                "filename": "document.pdf",
                "file_data": "data:application/pdf;base64,AA",
            },
        ),
        (
            Media("file", "text/plain", "AA"),
            {
                "type": "input_file",
                "filename": "document.txt",
                "file_data": "data:text/plain;base64,AA",
            },
        ),
        (
            Media("file", data="AA"),
            {"type": "input_file", "filename": "document.pdf", "file_data": "AA"},
        ),
        (
            Media("file", url="http://x", name="a"),
            {"type": "input_file", "filename": "a", "file_url": "http://x"},
        ),
        (
            Media("audio", "audio/mpeg", "AA"),
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
        ),
        (
            Media("audio", data="AA"),
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
        ),
    ],
)
def test_media(media: Media, json: dict[str, Any]) -> None:
    """Pictures, files and sounds, as data and by URL."""
    assert written(user(media))["input"] == [{"role": "user", "content": [json]}]
