"""Requests to Converse: what each family of models takes, and what is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from connectors.bedrock.models import family_of
from connectors.bedrock.request import write_count, write_request
from gateway.domain.loss import Grade
from gateway.domain.parts import (
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
from gateway.wire.bedrock import PROTOCOL
from gateway.wire.ids import make_id

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-lite-v1:0"
NOVA2 = "us.amazon.nova-2-lite-v1:0"
OSS = "openai.gpt-oss-120b-1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
HI = Turn(Role.USER, (Text("Hi"),))
WEATHER = Tool("weather", "Tells it.", {"properties": {"city": {"type": "string"}}})
CALL = ToolCall("tooluse_a", "weather", '{"city":"Brno"}')


def asked(*turns: Turn, model: str = LLAMA, **members: Any) -> Request:
    return Request(model, turns or (HI,), **members)


def written(request: Request) -> tuple[dict[str, Any], list[str]]:
    """Return the body, and the losses as lines."""
    found = write_request(request)
    json.dumps(found.body)
    return found.body, [f"{loss.grade} {loss.path}" for loss in found.losses]


def content(*parts: Part, role: Role = Role.USER) -> list[Any]:
    body, _ = written(asked(Turn(role, parts)))
    found: list[Any] = body["messages"][0]["content"] if body["messages"] else []
    return found


FAMILIES = {
    CLAUDE: "claude",
    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku": "claude",
    NOVA: "nova",
    NOVA2: "nova2",
    OSS: "openai",
    "us.openai.gpt-6-luna": "openai",
    LLAMA: "",
    "arn:aws:bedrock:eu-west-1:1:application-inference-profile/xyz": "",
}


@pytest.mark.parametrize("model", FAMILIES)
def test_families(model: str) -> None:
    assert family_of(model) == FAMILIES[model]


# -- the conversation


def test_plain() -> None:
    """What stands in the path does not stand in the body."""
    assert written(asked(stream=True)) == (
        {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
        [],
    )


def test_nothing() -> None:
    assert written(Request(LLAMA)) == ({"messages": []}, [])


def test_instructions() -> None:
    """They stand before the messages, wherever they stood; blank ones nowhere."""
    body, losses = written(
        asked(
            Turn(Role.SYSTEM, (Text("Be brief."), Text(""))),
            HI,
            Turn(Role.DEVELOPER, (Text("Be kind."), Media("image", data="x"))),
        )
    )

    assert body["system"] == [{"text": "Be brief."}, {"text": "Be kind."}]
    assert losses == ["approximate turns[2]", "refused turns[2].parts[1]"]


def test_roles_alternate() -> None:
    """Turns of one role become one message, results of calls first."""
    results = [Turn(Role.TOOL, (ToolResult(i, (Text(i),)),)) for i in ("a", "b")]
    calls = [evolve(CALL, id=i) for i in ("a", "b")]
    body, losses = written(
        asked(
            HI,
            Turn(Role.USER, (Text("there"),)),
            Turn(Role.ASSISTANT, (Text(" "), *calls)),
            Turn(Role.USER, (Text("and"),), name="Bob"),
            *results,
            tools=(WEATHER,),
        )
    )

    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][0]["content"] == [{"text": "Hi"}, {"text": "there"}]
    assert [[*block] for block in body["messages"][2]["content"]] == [
        ["toolResult"],
        ["toolResult"],
        ["text"],
    ]
    assert losses == ["dropped turns[3].name"]


def test_blank_texts() -> None:
    """Bedrock refuses them; a turn that says nothing is none."""
    assert content(Text(""), Text(" \n")) == []


def test_calls_and_results() -> None:
    """Ids are Bedrock's or stand for others; a failure is told."""
    long = "x" * 65
    body, losses = written(
        asked(
            HI,
            Turn(
                Role.ASSISTANT,
                (CALL, ToolCall(long, "time", ""), ToolCall("c", "odd", "[1]")),
            ),
            Turn(
                Role.TOOL,
                (
                    ToolResult("tooluse_a", (Text("rain"), Text("")), error=True),
                    ToolResult(long, (Media("image", "image/png", "eA=="),)),
                    ToolResult("c", (Thinking("hm"),)),
                ),
            ),
            tools=(WEATHER,),
        )
    )

    _, said, results = body["messages"]
    assert [block["toolUse"] for block in said["content"]] == [
        {"toolUseId": "tooluse_a", "name": "weather", "input": {"city": "Brno"}},
        {"toolUseId": make_id(long), "name": "time", "input": {}},
        {"toolUseId": "c", "name": "odd", "input": {"input": [1]}},
    ]
    image = {"image": {"format": "png", "source": {"bytes": "eA=="}}}
    assert [block["toolResult"] for block in results["content"]] == [
        {"toolUseId": "tooluse_a", "content": [{"text": "rain"}], "status": "error"},
        {"toolUseId": make_id(long), "content": [image]},
        {"toolUseId": "c", "content": []},
    ]
    assert losses == [
        "approximate turns[1].parts[2].input",
        "refused turns[2].parts[2].parts[0]",
    ]


def test_thoughts() -> None:
    """Only those that Bedrock sealed go back to it."""
    body, losses = written(
        asked(
            HI,
            Turn(
                Role.ASSISTANT,
                (
                    Thinking("2+2", Signature(PROTOCOL, "c2VhbA==")),
                    Thinking("", Signature(PROTOCOL, "redacted:YWJj")),
                    Thinking("no seal"),
                    Thinking("another's", Signature("gemini", "x")),
                    Refusal("No."),
                ),
            ),
        )
    )

    assert body["messages"][1]["content"] == [
        {
            "reasoningContent": {
                "reasoningText": {"text": "2+2", "signature": "c2VhbA=="}
            }
        },
        {"reasoningContent": {"redactedContent": "YWJj"}},
        {"text": "No."},
    ]
    assert losses == [
        "dropped turns[1].parts[2]",
        "dropped turns[1].parts[3]",
        "approximate turns[1].parts[4]",
    ]


def test_opaque() -> None:
    own = Opaque(PROTOCOL, {"guardContent": {"text": {"text": "x"}}})
    body, losses = written(asked(Turn(Role.USER, (own, Opaque("gemini", {})))))

    assert body["messages"][0]["content"] == [own.json]
    assert losses == ["refused turns[0].parts[1]"]


MARKED: dict[str, Any] = {"extras": {"anthropic": {"cache_control": {"ttl": "1h"}}}}
PLAIN_MARK: dict[str, Any] = {"extras": {"openai_chat": {"cache_control": {}}}}


def test_cache_points() -> None:
    """Marks of Anthropic's, and of OpenRouter's chat, are points behind the block."""
    request = asked(
        Turn(Role.SYSTEM, (Text("Be brief.", **MARKED),)),
        Turn(Role.USER, (Text("", **MARKED), Text("Hi", **PLAIN_MARK))),
        Turn(Role.ASSISTANT, (CALL,)),
        Turn(Role.USER, (Text("So?"), ToolResult("tooluse_a", (), **MARKED))),
        model=NOVA,
        tools=(evolve(WEATHER, **MARKED),),
    )
    point, hour = {"type": "default"}, {"type": "default", "ttl": "1h"}

    body, losses = written(request)

    assert body["system"][1:] == [{"cachePoint": hour}]
    assert body["messages"][0]["content"] == [{"text": "Hi"}, {"cachePoint": point}]
    assert [[*block] for block in body["messages"][2]["content"]] == [
        ["toolResult"],
        ["cachePoint"],
        ["text"],
    ]
    assert body["toolConfig"]["tools"][1:] == [{"cachePoint": hour}]
    assert losses == ["dropped turns[1].parts[0].cache_control"]
    _, elsewhere = written(evolve(request, model=LLAMA))
    assert len(elsewhere) == 5


# -- media

MEDIA: dict[str, tuple[Media, Any]] = {
    "image": (
        Media("image", "image/jpg", "eA=="),
        {"image": {"format": "jpeg", "source": {"bytes": "eA=="}}},
    ),
    "image of no type": (
        Media("image", None, "iVBORw0KGgo="),
        {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
    ),
    "image in S3": (
        Media("image", url="s3://b/x.webp"),
        {
            "image": {
                "format": "webp",
                "source": {"s3Location": {"uri": "s3://b/x.webp"}},
            }
        },
    ),
    "document": (
        Media("file", "application/pdf", "eA==", name="My report (2).pdf"),
        {
            "document": {
                "format": "pdf",
                "source": {"bytes": "eA=="},
                "name": "My report (2)",
            }
        },
    ),
    "source code": (
        Media("file", "text/x-python; charset=utf-8", "eA=="),
        {
            "document": {
                "format": "txt",
                "source": {"bytes": "eA=="},
                "name": "document",
            }
        },
    ),
    "document by its ending": (
        Media("file", "application/octet-stream", "eA==", name="a.docx"),
        {"document": {"format": "docx", "source": {"bytes": "eA=="}, "name": "a"}},
    ),
    "film": (
        Media("video", "video/3gpp", "eA=="),
        {"video": {"format": "three_gp", "source": {"bytes": "eA=="}}},
    ),
    "sound": (
        Media("audio", "audio/x-wav", "eA=="),
        {"audio": {"format": "wav", "source": {"bytes": "eA=="}}},
    ),
}


@pytest.mark.parametrize(("media", "block"), MEDIA.values(), ids=MEDIA)
def test_media(media: Media, block: Any) -> None:
    body, losses = written(asked(Turn(Role.USER, (media,))))

    assert body["messages"][0]["content"] == [block]
    assert losses == []


NO_MEDIA = {
    "by URL": Media("image", "image/png", url="https://example.org/x.png"),
    "by reference": Media("image", "image/png", file_id="file-1"),
    "of another kind": Media("image", "image/tiff", "eA=="),
    "of no kind": Media("audio", None, "eA=="),
    "a document of no kind": Media("file", None, "eA=="),
}


@pytest.mark.parametrize("media", NO_MEDIA.values(), ids=NO_MEDIA)
def test_no_media(media: Media) -> None:
    """Without the picture the answer would be another one."""
    _, losses = written(asked(Turn(Role.USER, (media,))))

    assert losses == ["refused turns[0].parts[0]"]


def test_media_members() -> None:
    """A name as Bedrock takes it; what to cite, as Anthropic has it."""
    own = {"citations": {"enabled": True}, "context": "HR", "title": "t"}
    document = Media(
        "file",
        "application/pdf",
        "eA==",
        name="a_b\t c.pdf",
        detail="high",
        extras={"anthropic": own},
    )
    body, losses = written(asked(Turn(Role.USER, (document,))))

    found = body["messages"][0]["content"][0]["document"]
    assert (found["name"], found["context"]) == ("a b c", "HR")
    assert found["citations"] == {"enabled": True}
    assert losses == [
        "dropped turns[0].parts[0].detail",
        "approximate turns[0].parts[0].name",
        "dropped turns[0].parts[0].title",
    ]
    nameless = Media("file", "application/pdf", "eA==", name="é.pdf")
    assert content(nameless)[0]["document"]["name"] == "document"


def test_media_of_the_model() -> None:
    _, losses = written(
        asked(HI, Turn(Role.ASSISTANT, (Media("image", "image/png", "eA=="),)))
    )

    assert losses == ["refused turns[1].parts[0]"]


# -- tools


def test_tools() -> None:
    """A schema is that of an object; a strict one is in Anthropic's subset."""
    strict = Tool("time", None, {"type": "object", "minProperties": 1}, strict=True)
    body, losses = written(asked(tools=(WEATHER, strict, Tool("now", ""))))

    assert body["toolConfig"]["tools"] == [
        {
            "toolSpec": {
                "name": "weather",
                "description": "Tells it.",
                "inputSchema": {"json": {"type": "object", **WEATHER.schema}},
            }
        },
        {
            "toolSpec": {
                "name": "time",
                "strict": True,
                "inputSchema": {
                    "json": {
                        "type": "object",
                        "additionalProperties": False,
                        "description": "minProperties: 1",
                    }
                },
            }
        },
        {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}},
    ]
    assert losses == [
        "approximate tools[1].schema/minProperties",
        "approximate tools[1].schema/additionalProperties",
    ]


def test_name_of_a_tool() -> None:
    _, losses = written(asked(tools=(Tool("a.b"),)))

    assert losses == ["refused tools[0].name"]


CHOICES: dict[str, tuple[ToolChoice, Any, list[str]]] = {
    "auto": (ToolChoice("auto"), {"auto": {}}, []),
    "required": (ToolChoice("required"), {"any": {}}, []),
    "named": (ToolChoice("named", ("time",)), {"tool": {"name": "time"}}, []),
    "some": (
        ToolChoice("auto", ("time",)),
        {"auto": {}},
        ["approximate tool_choice.names"],
    ),
    "unknown": (ToolChoice("named", ("x",)), None, ["refused tool_choice"]),
    "nameless": (ToolChoice("named"), None, ["refused tool_choice"]),
}


@pytest.mark.parametrize(("choice", "told", "lost"), CHOICES.values(), ids=CHOICES)
def test_choices(choice: ToolChoice, told: Any, lost: list[str]) -> None:
    body, losses = written(asked(tools=(WEATHER, Tool("time")), tool_choice=choice))

    assert body["toolConfig"].get("toolChoice") == told
    names = [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]]
    assert names == (["time"] if "approximate tool_choice.names" in lost else names)
    assert losses == lost


def test_no_tools_at_all() -> None:
    body, losses = written(asked(tool_choice=ToolChoice("required")))

    assert "toolConfig" not in body
    assert losses == ["refused tool_choice"]


def test_no_tool_may_be_used() -> None:
    """There is no word for that: none is offered, unless the history needs them."""
    none = ToolChoice("none")
    body, losses = written(asked(tools=(WEATHER,), tool_choice=none))
    assert "toolConfig" not in body
    assert losses == ["approximate tool_choice"]

    history = (HI, Turn(Role.ASSISTANT, (CALL,)), Turn(Role.TOOL, (ToolResult("a"),)))
    body, losses = written(asked(*history, tools=(WEATHER,), tool_choice=none))
    assert [*body["toolConfig"]] == ["tools"]
    assert losses == ["dropped tool_choice"]


def test_tools_of_the_history() -> None:
    """Bedrock refuses calls where it is offered no tools."""
    body, losses = written(asked(HI, Turn(Role.ASSISTANT, (CALL, CALL))))

    assert body["toolConfig"] == {
        "tools": [
            {
                "toolSpec": {
                    "name": "weather",
                    "inputSchema": {"json": {"type": "object"}},
                }
            }
        ]
    }
    assert losses == ["approximate tools"]


# -- how to draw and to think


def test_sampling() -> None:
    """Ranges are kept, and what has no member is a loss."""
    sampling = Sampling(
        temperature=1.5,
        top_p=0.5,
        top_k=5,
        max_tokens=20,
        stop=("END", "\n"),
        n=2,
        seed=0,
        presence_penalty=0.0,
        frequency_penalty=0.5,
        logprobs=False,
        top_logprobs=2,
        verbosity="medium",
    )
    body, losses = written(asked(sampling=sampling))

    assert body["inferenceConfig"] == {
        "maxTokens": 20,
        "temperature": 1,
        "topP": 0.5,
        "stopSequences": ["END"],
    }
    assert losses == [
        "refused sampling.n",
        "approximate sampling.temperature",
        "refused sampling.stop",
        "dropped sampling.seed",
        "dropped sampling.frequency_penalty",
        "dropped sampling.top_logprobs",
        "dropped sampling.top_k",
    ]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (NOVA, {"inferenceConfig": {"topK": 5}}),
        (NOVA2, {"inferenceConfig": {"topK": 5}}),
        (CLAUDE, {"top_k": 5}),
        (LLAMA, None),
    ],
)
def test_top_k(model: str, told: Any) -> None:
    body, losses = written(asked(model=model, sampling=Sampling(top_k=5)))

    assert body.get("additionalModelRequestFields") == told
    assert losses == ([] if told else ["dropped sampling.top_k"])


def test_openai() -> None:
    """OpenAI's models take OpenAI's other members."""
    sampling = Sampling(seed=7, presence_penalty=0.5)
    reasoning = Reasoning(effort="minimal")
    body, losses = written(asked(model=OSS, sampling=sampling, reasoning=reasoning))

    assert body["additionalModelRequestFields"] == {
        "seed": 7,
        "presence_penalty": 0.5,
        "reasoning_effort": "low",
    }
    assert losses == ["approximate reasoning.effort"]


ON = "maxReasoningEffort"
THOUGHTS: dict[str, tuple[str, Reasoning, Any, list[str]]] = {
    "nova2 effort": (
        NOVA2,
        Reasoning(effort="high"),
        {"reasoningConfig": {"type": "enabled", ON: "high"}},
        [],
    ),
    "nova2 on": (
        NOVA2,
        Reasoning(enabled=True),
        {"reasoningConfig": {"type": "enabled", ON: "medium"}},
        ["approximate reasoning"],
    ),
    "nova2 budget": (
        NOVA2,
        Reasoning(budget=1024),
        {"reasoningConfig": {"type": "enabled", ON: "low"}},
        ["approximate reasoning.budget"],
    ),
    "nova2 any budget": (
        NOVA2,
        Reasoning(budget=-1),
        {"reasoningConfig": {"type": "enabled", ON: "medium"}},
        ["approximate reasoning.budget"],
    ),
    "nova2 off": (
        NOVA2,
        Reasoning(effort="none"),
        {"reasoningConfig": {"type": "disabled"}},
        [],
    ),
    "nova2 odd": (
        NOVA2,
        Reasoning(effort="wild"),
        None,
        ["dropped reasoning.effort"],
    ),
    "openai off": (
        OSS,
        Reasoning(budget=0),
        {"reasoning_effort": "low"},
        ["approximate reasoning"],
    ),
    "nova": (NOVA, Reasoning(effort="high"), None, ["dropped reasoning"]),
    "unknown off": (LLAMA, Reasoning(enabled=False), None, ["dropped reasoning"]),
    "summary": (
        LLAMA,
        Reasoning(summary="auto"),
        None,
        ["dropped reasoning.summary"],
    ),
    "claude budget": (
        CLAUDE,
        Reasoning(budget=2048),
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        [],
    ),
    "claude effort": (
        CLAUDE,
        Reasoning(effort="low"),
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        ["approximate reasoning.effort"],
    ),
    "claude off": (
        CLAUDE,
        Reasoning(effort="none"),
        None,
        [],
    ),
}


@pytest.mark.parametrize(
    ("model", "reasoning", "told", "lost"), THOUGHTS.values(), ids=THOUGHTS
)
def test_reasoning(
    model: str, reasoning: Reasoning, told: Any, lost: list[str]
) -> None:
    body, losses = written(asked(model=model, reasoning=reasoning))

    assert body.get("additionalModelRequestFields") == told
    assert losses == lost


def test_claude() -> None:
    """Claude's own rules hold: what excludes what, and what newer models take."""
    sampling = Sampling(temperature=0.5, top_p=0.5, max_tokens=4000, stop=("END",))
    body, losses = written(asked(model=CLAUDE, sampling=sampling))
    assert body["inferenceConfig"] == {
        "temperature": 0.5,
        "stopSequences": ["END"],
        "maxTokens": 4000,
    }
    assert losses == ["dropped sampling.top_p"]

    newer = "anthropic.claude-opus-4-7"
    body, losses = written(asked(model=newer, reasoning=Reasoning(effort="high")))
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    assert body["outputConfig"] == {"effort": "high"}
    assert losses == []


SEALED = Thinking("hm", Signature(PROTOCOL, "c2VhbA=="))


@pytest.mark.parametrize(
    ("first", "last", "thinks"),
    [
        (SEALED, ToolResult("tooluse_a", (Text("rain"),)), True),
        (Text("hm"), ToolResult("tooluse_a", (Text("rain"),)), False),
        (Text("hm"), Text("And?"), True),
        (Thinking("x", Signature("gemini", "y")), ToolResult("tooluse_a"), False),
    ],
)
def test_claude_in_a_loop(first: Part, last: Part, thinks: bool) -> None:
    """A loop of calls that began without a sealed thought goes on without."""
    role = Role.TOOL if isinstance(last, ToolResult) else Role.USER
    history = (HI, Turn(Role.ASSISTANT, (first, CALL)), Turn(role, (last,)))
    request = asked(
        *history, model=CLAUDE, tools=(WEATHER,), reasoning=Reasoning(budget=2048)
    )

    body, losses = written(request)

    assert ("additionalModelRequestFields" in body) is thinks
    assert ("dropped reasoning" in losses) is not thinks


def test_claude_goes_on() -> None:
    """A turn of the model's own may be the last one."""
    history = (HI, Turn(Role.ASSISTANT, (Text("So"),)))
    body, _ = written(asked(*history, model=CLAUDE, reasoning=Reasoning(budget=2048)))

    assert "thinking" in body["additionalModelRequestFields"]


# -- the rest


def test_format() -> None:
    """The schema is a text in Converse."""
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    form = OutputFormat("schema", schema, "City", "A city.", strict=False)
    body, losses = written(asked(output_format=form))

    assert body["outputConfig"]["textFormat"] == {
        "type": "json_schema",
        "structure": {
            "jsonSchema": {
                "schema": json.dumps(schema, separators=(",", ":")),
                "name": "City",
                "description": "A city.",
            }
        },
    }
    assert losses == ["approximate output_format.strict"]


def test_format_without_a_schema() -> None:
    _, losses = written(asked(output_format=OutputFormat("json")))
    assert losses == ["approximate output_format"]
    assert written(asked(output_format=OutputFormat("text"))) == written(asked())
    lax, strict = (
        written(asked(output_format=OutputFormat("schema", {}, strict=strict)))[1]
        for strict in (None, True)
    )
    assert lax == strict == []


LABELS: list[tuple[Any, bool]] = [
    ({"team": "a-1"}, True),
    ({"team": "ü"}, False),
    ({"team": 5}, False),
    ({f"l{n}": "x" for n in range(17)}, False),
    (["team"], False),
]


@pytest.mark.parametrize(("metadata", "fits"), LABELS)
def test_labels(metadata: Any, fits: bool) -> None:
    body, losses = written(asked(metadata=metadata))

    assert body.get("requestMetadata") == (metadata if fits else None)
    assert losses == ([] if fits else ["dropped metadata"])


@pytest.mark.parametrize(
    ("tier", "told"),
    [("flex", "flex"), ("standard_only", "default"), ("auto", None), ("scale", None)],
)
def test_tier(tier: str, told: str | None) -> None:
    body, losses = written(asked(service_tier=tier))

    assert body.get("serviceTier") == (told and {"type": told})
    assert losses == (["dropped service_tier"] if tier == "scale" else [])


def test_members_of_its_own() -> None:
    """A plugin may say what only Converse has; maker's members are laid over ours."""
    own = {
        "guardrailConfig": {"guardrailIdentifier": "g"},
        "additionalModelRequestFields": {"x": 1},
    }
    request = asked(
        model=NOVA, sampling=Sampling(top_k=5), extras={PROTOCOL: own}, user="me"
    )
    body, losses = written(request)

    assert body["guardrailConfig"] == {"guardrailIdentifier": "g"}
    assert body["additionalModelRequestFields"] == {
        "inferenceConfig": {"topK": 5},
        "x": 1,
    }
    assert losses == ["dropped user"]
    lone = asked(extras={PROTOCOL: {"performanceConfig": {"latency": "optimized"}}})
    assert written(lone)[0]["performanceConfig"] == {"latency": "optimized"}


def test_count() -> None:
    """What does not count is left out, and is no loss."""
    request = asked(
        Turn(Role.SYSTEM, (Text("Be brief."),)),
        HI,
        sampling=Sampling(max_tokens=5, seed=7),
        parallel_tools=False,
    )
    found = write_count(request)

    assert found.body == {
        "input": {
            "converse": {
                "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
                "system": [{"text": "Be brief."}],
            }
        }
    }
    assert [(loss.grade, loss.path) for loss in found.losses] == [
        (Grade.DROPPED, "parallel_tools")
    ]
