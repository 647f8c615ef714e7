from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connectors.gemini import DIALECT, GEMINI
from connectors.gemini.contents import UNSEALED
from connectors.gemini.models import generation
from connectors.gemini.request import write_count, write_request
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
from gateway.wire.ids import make_id

if TYPE_CHECKING:
    from gateway.plugin import Written

OLD, NEW = "gemini-2.5-flash", "gemini-3.5-flash"
DROPPED, APPROXIMATE, REFUSED = Grade.DROPPED, Grade.APPROXIMATE, Grade.REFUSED


def asked(*turns: Turn, model: str = OLD, **members: Any) -> Written:
    return write_request(Request(model, turns or (user("hello"),), **members))


def user(*parts: Part | str) -> Turn:
    return Turn(Role.USER, tuple(Text(p) if isinstance(p, str) else p for p in parts))


def said(*parts: Part) -> Turn:
    return Turn(Role.ASSISTANT, parts)


def tool(*parts: Part) -> Turn:
    return Turn(Role.TOOL, parts)


def losses(written: Written) -> list[tuple[str, Grade]]:
    return [(loss.path, loss.grade) for loss in written.losses]


def config(**members: Any) -> Any:
    written = asked(**members)
    assert written.losses == ()
    return written.body.get("generationConfig")


def test_least() -> None:
    written = asked()

    assert written.body == {
        "contents": [{"parts": [{"text": "hello"}], "role": "user"}]
    }
    assert written.losses == ()


def test_system() -> None:
    """Instructions go before the conversation, wherever they stood."""
    written = asked(
        Turn(Role.SYSTEM, (Text("a"),)),
        Turn(Role.DEVELOPER, (Text("b"),)),
        user("hello"),
        Turn(Role.SYSTEM, (Text("c"),)),
    )

    assert written.body["systemInstruction"] == {
        "parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]
    }
    assert len(written.body["contents"]) == 1
    assert losses(written) == [("turns[3]", APPROXIMATE)]


def test_bare_instruction_and_another() -> None:
    """The form of the first is given up where a second joins it."""
    marked = {"gemini": {"systemInstruction": None, "parts": None}}
    first = Turn(Role.SYSTEM, (Text("a"),), extras=marked)

    alone = asked(first, user("hello")).body["systemInstruction"]
    both = asked(first, first, user("hello")).body["systemInstruction"]

    assert alone == {"parts": {"text": "a"}}
    assert both == {"parts": [{"text": "a"}, {"text": "a"}]}


def test_parallel_calls() -> None:
    """All calls in one content, all results in the next; names are found."""
    written = asked(
        user("hello"),
        said(Text("Look.")),
        said(ToolCall("i", "f", '{"a":1}'), ToolCall(make_id(1), "g", "")),
        tool(ToolResult("i", (Text("x"),))),
        tool(ToolResult(make_id(1), (Text('{"b": 2}'),))),
    )

    assert written.body["contents"][1:] == [
        {
            "parts": [
                {"text": "Look."},
                {"functionCall": {"name": "f", "args": {"a": 1}, "id": "i"}},
                {"functionCall": {"name": "g", "args": {}}},
            ],
            "role": "model",
        },
        {
            "parts": [
                {
                    "functionResponse": {
                        "name": "f",
                        "id": "i",
                        "response": {"output": "x"},
                    }
                },
                {"functionResponse": {"name": "g", "response": {"b": 2}}},
            ],
            "role": "user",
        },
    ]
    assert written.losses == ()


def test_calls_that_gemini_did_not_make() -> None:
    """Newer models refuse them without a seal; Google has a word for that."""
    own = Signature("gemini", "c2Vh")
    calls = said(ToolCall("i", "f", "{}"), ToolCall("j", "f", "{}"))
    sealed = said(ToolCall("k", "f", "{}", signature=own))

    written = asked(calls, user("hello"), sealed, user("hello"), model=NEW)

    first, _, second, _ = written.body["contents"]
    assert [part.get("thoughtSignature") for part in first["parts"]] == [UNSEALED, None]
    assert second["parts"][0]["thoughtSignature"] == "c2Vh"
    assert written.losses == asked(calls).losses == ()


def test_strange_calls() -> None:
    """Google wants an object, and a name for each result."""
    written = asked(
        said(ToolCall("i", "f", "[1]"), ToolCall("k", "t", "ls", custom=True)),
        tool(ToolResult("j", (Text("x"), Text("y"), Refusal("z")), error=True)),
    )

    calls, (result,) = (content["parts"] for content in written.body["contents"])
    args = [call["functionCall"]["args"] for call in calls]
    assert args == [{"input": [1]}, {"input": "ls"}]
    assert result["functionResponse"] == {
        "name": "j",
        "id": "j",
        "response": {"error": "x\ny"},
    }
    assert losses(written) == [
        ("turns[0].parts[1].custom", APPROXIMATE),
        ("turns[0].parts[0].input", APPROXIMATE),
        ("turns[1].parts[0].name", APPROXIMATE),
        ("turns[1].parts[0].parts[2]", DROPPED),
        ("turns[1].parts[0].parts", APPROXIMATE),
    ]


PICTURE = Media("image", "image/png", "QQ==")
BLOB = {"inlineData": {"mimeType": "image/png", "data": "QQ=="}}


def test_picture_in_a_result() -> None:
    """Newer models see it there, older ones beside it."""
    result = ToolResult("i", (Text("x"), PICTURE), "f")

    new = asked(tool(result), model=NEW)
    old = asked(tool(result))

    (part,) = new.body["contents"][0]["parts"]
    assert part["functionResponse"]["parts"] == [BLOB]
    assert new.losses == ()
    part, beside = old.body["contents"][0]["parts"]
    assert "parts" not in part["functionResponse"]
    assert beside == BLOB
    assert losses(old) == [("turns[0].parts[0].parts[1]", APPROXIMATE)]


def test_unreachable_picture_in_a_result() -> None:
    stored = Media("image", file_id="file_1")

    written = asked(tool(ToolResult("i", (stored,), "f")), model=NEW)

    assert losses(written) == [("turns[0].parts[0].parts[0]", REFUSED)]


@pytest.mark.parametrize(
    ("media", "data"),
    [
        (PICTURE, BLOB),
        (
            Media("image", url="https://a.b/c.WEBP?d=e.f"),
            {
                "fileData": {
                    "mimeType": "image/webp",
                    "fileUri": "https://a.b/c.WEBP?d=e.f",
                }
            },
        ),
        (
            Media("video", url="https://www.youtube.com/watch?v=x"),
            {"fileData": {"fileUri": "https://www.youtube.com/watch?v=x"}},
        ),
        (
            Media("file", data="QQ==", name="a.txt", detail="auto"),
            {
                "inlineData": {
                    "mimeType": "text/plain",
                    "data": "QQ==",
                    "displayName": "a.txt",
                }
            },
        ),
        (
            Media("file", file_id="gs://a/b", extras={"gemini": {"fileData": None}}),
            {"fileData": {"fileUri": "gs://a/b"}},
        ),
    ],
)
def test_media(media: Media, data: Any) -> None:
    written = asked(user(media))

    assert written.body["contents"][0]["parts"] == [data]
    assert written.losses == ()


@pytest.mark.parametrize(
    ("media", "lost"),
    [
        (Media("image", data="QQ=="), ("media_type", APPROXIMATE)),
        (Media("image", url="https://a.b/c"), ("media_type", APPROXIMATE)),
        (Media("image", "image/png", "QQ==", detail="high"), ("detail", DROPPED)),
        (Media("audio", "audio/wav", "QQ==", transcript="a"), ("transcript", DROPPED)),
        (Media("image", url="http://a.b/c.png"), ("", REFUSED)),
        (Media("image", url="https://["), ("", APPROXIMATE)),
        (Media("image", file_id="file_1"), ("", REFUSED)),
        (Media("image"), ("", REFUSED)),
    ],
)
def test_media_with_losses(media: Media, lost: tuple[str, Grade]) -> None:
    name, grade = lost

    ((path, found),) = losses(asked(user(media)))

    assert found is grade
    assert path.startswith("turns[0].parts[0]")
    assert path.endswith(name)


def test_old_models_fetch_nothing() -> None:
    """An image from the web cannot reach them, a film of YouTube's can."""
    picture = Media("image", "image/png", url="https://a.b/c.png")
    film = Media("video", url="https://youtu.be/x")

    assert losses(asked(user(picture), model="gemini-2.0-flash")) == [
        ("turns[0].parts[0]", REFUSED)
    ]
    assert asked(user(film), model="gemini-2.0-flash").losses == ()


def test_thoughts() -> None:
    """Gemini gets its own back, and no others; never as text."""
    own = Signature("gemini", "c2Vh")
    other = Signature("anthropic", "c2Vh")
    unsealed = Thinking("c", extras={"gemini": {"thought": None}})

    written = asked(
        said(Thinking("a", own), Thinking("b", other), unsealed, Thinking("d")),
        said(Text("e", signature=own), Text("f", signature=other)),
    )

    assert written.body["contents"][0]["parts"] == [
        {"text": "a", "thought": True, "thoughtSignature": "c2Vh"},
        {"text": "c", "thought": True},
        {"text": "e", "thoughtSignature": "c2Vh"},
        {"text": "f"},
    ]
    assert losses(written) == [
        ("turns[0].parts[1]", DROPPED),
        ("turns[0].parts[3]", DROPPED),
        ("turns[1].parts[1].signature", DROPPED),
    ]


def test_only_thoughts() -> None:
    """A turn of which nothing is left is left out; an empty one is not."""
    written = asked(user("a"), said(Thinking("b")), user())

    assert [c["parts"] for c in written.body["contents"]] == [[{"text": "a"}], []]
    assert losses(asked(said(Thinking("b")), model=NEW)) == [
        ("turns[0].parts[0]", DROPPED)
    ]


def test_other_parts() -> None:
    own = {"executableCode": {"code": "1"}}
    cited = Text("a", citations=(Citation("https://a"),))

    written = asked(
        Turn(Role.USER, (Text("hi"),), name="Ann"),
        said(cited, Refusal("no"), Opaque("gemini", own), Opaque("anthropic", {})),
    )

    assert written.body["contents"][1]["parts"] == [{"text": "a"}, {"text": "no"}, own]
    assert losses(written) == [
        ("turns[0].name", DROPPED),
        ("turns[1].parts[0].citations", DROPPED),
        ("turns[1].parts[1]", APPROXIMATE),
        ("turns[1].parts[3]", REFUSED),
    ]


SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}}


def test_empty_texts() -> None:
    """Beside something else they go, as Google wants no empty ones."""
    call = ToolCall("i", "f", "{}")

    written = asked(user(""), said(Text(""), call))

    hello, calls = written.body["contents"]
    assert hello["parts"] == [{"text": ""}]
    assert [*calls["parts"][0]] == ["functionCall"]


def test_forms_of_contents() -> None:
    """A content in Google's own words comes back in them."""
    marks = {"contents": None, "role": "function", "parts": None}
    turn = Turn(Role.USER, (Text("a"),), extras={"gemini": marks})
    bare = Turn(Role.USER, (Text("b"),), extras={"gemini": {"role": None}})

    assert asked(turn, bare).body["contents"] == [
        {"parts": {"text": "a"}, "role": "function"},
        {"parts": [{"text": "b"}]},
    ]


def test_schemas_in_googles_words() -> None:
    """A client of Google's knows what is heeded there."""
    plain = {"gemini": {"parametersJsonSchema": None}}
    openapi = {"gemini": {"parameters": None}}
    answer = {"gemini": {"responseJsonSchema": None}}

    written = asked(
        tools=(
            Tool("f", schema=SCHEMA, extras=plain),
            Tool("g", schema={"type": "object"}, extras=openapi),
        ),
        output_format=OutputFormat("schema", SCHEMA, extras=answer),
    )

    f, g = written.body["tools"][0]["functionDeclarations"]
    assert f["parametersJsonSchema"] == SCHEMA
    assert g["parameters"] == {"type": "OBJECT"}
    assert written.losses == ()


GRAMMAR = {"type": "grammar", "syntax": "regex", "definition": "[0-9]+"}


def test_tools() -> None:
    """Whole JSON Schemas go as they are; what Google does not heed is told."""
    offered = (
        Opaque("gemini", {"googleSearch": {}}),
        Tool("f", "d", SCHEMA, strict=True),
        Tool("g", strict=False),
        Tool("h", custom=True, format=GRAMMAR),
        Opaque("anthropic", {"type": "bash"}),
        Opaque("gemini", {"codeExecution": {}}),
        Tool("k", extras={"gemini": {"behavior": "BLOCKING"}}),
    )

    written = asked(tools=offered)

    search, functions, code, last = written.body["tools"]
    assert search == {"googleSearch": {}}
    f, g, h = functions["functionDeclarations"]
    assert f == {"name": "f", "description": "d", "parametersJsonSchema": SCHEMA}
    assert g == {"name": "g"}
    assert h["parametersJsonSchema"]["required"] == ["input"]
    assert code == {"codeExecution": {}}
    assert last["functionDeclarations"] == [{"name": "k", "behavior": "BLOCKING"}]
    assert losses(written) == [
        ("tools[3].custom", APPROXIMATE),
        ("tools[3].format", APPROXIMATE),
        ("tools[1].schema.pattern", DROPPED),
        ("tools[1].strict", DROPPED),
        ("tools[4]", DROPPED),
    ]


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (
            ToolChoice("required", ("f", "g")),
            {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
        ),
        (ToolChoice("named", ("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (
            ToolChoice("auto", ("f",), {"gemini": {"mode": "VALIDATED"}}),
            {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
        ),
        (ToolChoice("auto", extras={"gemini": {"mode": None}}), {}),
    ],
)
def test_tool_choice(choice: ToolChoice, calling: Any) -> None:
    written = asked(tool_choice=choice)

    assert written.body["toolConfig"] == {"functionCallingConfig": calling}
    assert written.losses == ()


def test_choice_among_some() -> None:
    """A model that need not call may choose among some only if validated."""
    written = asked(tool_choice=ToolChoice("auto", ("f",)), parallel_tools=False)

    assert written.body["toolConfig"]["functionCallingConfig"]["mode"] == "VALIDATED"
    assert losses(written) == [
        ("tool_choice.names", APPROXIMATE),
        ("parallel_tools", DROPPED),
    ]


HOSTED = Opaque("anthropic", {"type": "web_search"})


@pytest.mark.parametrize(
    ("choice", "tools", "found"),
    [
        (ToolChoice("named", ("search",)), (HOSTED, Tool("f")), True),
        (ToolChoice("required"), (HOSTED,), True),
        (
            ToolChoice("required", extras={"openai_responses": {"hosted": {"a": 1}}}),
            (HOSTED, Tool("f")),
            True,
        ),
        (ToolChoice("required"), (HOSTED, Tool("f")), False),
        (ToolChoice("named", ("f",)), (HOSTED, Tool("f")), False),
        (ToolChoice("auto"), (HOSTED, Tool("f", custom=True)), False),
        (ToolChoice("required"), (Tool("f"),), False),
    ],
)
def test_tool_of_another_provider(
    choice: ToolChoice, tools: tuple[Any, ...], found: bool
) -> None:
    """To offer one is no harm; to demand it is."""
    written = asked(tools=tools, tool_choice=choice)

    assert (("tool_choice", REFUSED) in losses(written)) == found
    assert (("tools[0]", DROPPED) in losses(written)) == (HOSTED in tools)


def test_sampling() -> None:
    sampling = Sampling(0.5, 0.9, 40, 100, ("a",), 2, 7, 1.0, -1.0, True, 3)

    assert config(sampling=sampling) == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "maxOutputTokens": 100,
        "stopSequences": ["a"],
        "candidateCount": 2,
        "seed": 7,
        "presencePenalty": 1.0,
        "frequencyPenalty": -1.0,
        "responseLogprobs": True,
        "logprobs": 3,
    }


def test_sampling_with_losses() -> None:
    written = asked(sampling=Sampling(stop=tuple("abcdef"), verbosity="low"))

    assert written.body["generationConfig"]["stopSequences"] == [*"abcde"]
    assert losses(written) == [
        ("sampling.stop", DROPPED),
        ("sampling.verbosity", DROPPED),
    ]


PRO = "gemini-3-pro-preview"
OURS = {"gemini": {"thinkingBudget": None}}


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking"),
    [
        (OLD, Reasoning(), None),
        (OLD, Reasoning(budget=512, enabled=True), {"thinkingBudget": 512}),
        (OLD, Reasoning(enabled=False), {"thinkingBudget": 0}),
        (OLD, Reasoning(enabled=True), {"thinkingBudget": -1}),
        (OLD, Reasoning(summary="detailed"), {}),
        (NEW, Reasoning(effort="low"), {"thinkingLevel": "LOW"}),
        (NEW, Reasoning(effort="high", summary="none"), {"thinkingLevel": "HIGH"}),
        (NEW, Reasoning(enabled=True), {}),
        (NEW, Reasoning(budget=5, extras=OURS), {"thinkingBudget": 5}),
        (
            OLD,
            Reasoning(effort="high", extras={"gemini": {"thinkingLevel": None}}),
            {"thinkingLevel": "HIGH"},
        ),
        (
            OLD,
            Reasoning(extras={"gemini": {"includeThoughts": None, "new": 1}}),
            {"includeThoughts": False, "new": 1},
        ),
    ],
)
def test_thinking(model: str, reasoning: Reasoning, thinking: Any) -> None:
    """By a level or a budget: as it was said, or as the model wants it."""
    found = config(model=model, reasoning=reasoning)

    shown = reasoning.summary == "detailed" or bool(reasoning.enabled)
    if shown and "gemini" not in reasoning.extras:
        thinking = {"includeThoughts": True, **thinking}
    assert found == (None if thinking is None else {"thinkingConfig": thinking})


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "lost"),
    [
        (OLD, Reasoning(effort="low"), {"thinkingBudget": 1024}, "effort"),
        (OLD, Reasoning(effort="max"), {"thinkingBudget": 24576}, "effort"),
        (OLD, Reasoning(effort="adaptive"), None, "effort"),
        (NEW, Reasoning(effort="max"), {"thinkingLevel": "HIGH"}, "effort"),
        (NEW, Reasoning(effort="none"), {"thinkingLevel": "MINIMAL"}, "effort"),
        (NEW, Reasoning(effort="adaptive"), {"thinkingLevel": "HIGH"}, "effort"),
        (PRO, Reasoning(effort="medium"), {"thinkingLevel": "HIGH"}, "effort"),
        (PRO, Reasoning(effort="minimal"), {"thinkingLevel": "LOW"}, "effort"),
        (NEW, Reasoning(enabled=False), {"thinkingLevel": "MINIMAL"}, "enabled"),
        (
            "gemini-3.1-pro",
            Reasoning(enabled=False),
            {"thinkingLevel": "LOW"},
            "enabled",
        ),
        (NEW, Reasoning(budget=8000), {"thinkingLevel": "MEDIUM"}, "budget"),
    ],
)
def test_thinking_in_other_words(
    model: str, reasoning: Reasoning, thinking: Any, lost: str
) -> None:
    written = asked(model=model, reasoning=reasoning)

    found = written.body.get("generationConfig", {}).get("thinkingConfig")
    assert found == thinking
    ((path, grade),) = losses(written)
    assert path == f"reasoning.{lost}"
    assert grade is (DROPPED if thinking is None else APPROXIMATE)


@pytest.mark.parametrize(
    ("form", "said_"),
    [
        (OutputFormat("text"), {"responseMimeType": "text/plain"}),
        (OutputFormat("json"), {"responseMimeType": "application/json"}),
        (
            OutputFormat("schema", {"type": "object"}, strict=True),
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object"},
            },
        ),
        (
            OutputFormat(
                "schema",
                {"type": "object"},
                extras={"gemini": {"responseSchema": None, "responseMimeType": None}},
            ),
            {"responseSchema": {"type": "OBJECT"}},
        ),
        (
            OutputFormat(
                "text", extras={"gemini": {"responseMimeType": "text/x.enum"}}
            ),
            {"responseMimeType": "text/x.enum"},
        ),
        (
            OutputFormat("json", extras={"gemini": {"responseFormat": None}}),
            {"responseFormat": {"text": {}}},
        ),
        (
            OutputFormat(
                "schema",
                SCHEMA,
                extras={"gemini": {"responseFormat": None, "mimeType": "J"}},
            ),
            {"responseFormat": {"text": {"mimeType": "J", "jsonSchema": SCHEMA}}},
        ),
        (OutputFormat("schema"), {"responseMimeType": "application/json"}),
    ],
)
def test_format(form: OutputFormat, said_: Any) -> None:
    assert config(output_format=form) == said_


def test_format_with_losses() -> None:
    form = OutputFormat("schema", SCHEMA, "name", "what it is")

    assert losses(asked(output_format=form)) == [
        ("output_format.name", DROPPED),
        ("output_format.description", DROPPED),
        ("output_format.schema.pattern", DROPPED),
    ]


@pytest.mark.parametrize(
    ("tier", "said_"),
    [
        ("flex", "flex"),
        ("default", "standard"),
        ("standard_only", "standard"),
        ("SERVICE_TIER_FLEX", "SERVICE_TIER_FLEX"),
        ("auto", None),
        (None, None),
    ],
)
def test_service_tier(tier: str | None, said_: str | None) -> None:
    written = asked(service_tier=tier)

    assert written.body.get("serviceTier") == said_
    assert written.losses == ()


def test_nothing_like_it() -> None:
    written = asked(
        service_tier="scale",
        user="ann",
        metadata={"a": "b"},
        extras={"openai_chat": {"logit_bias": {"5": 1}}},
    )

    assert losses(written) == [
        ("metadata", DROPPED),
        ("user", DROPPED),
        ("service_tier", APPROXIMATE),
        ("logit_bias", DROPPED),
    ]


def test_googles_own_members() -> None:
    """They come back where they stood, inside what is written anew, too."""
    own: dict[str, Any] = {
        "model": None,
        "labels": None,
        "cachedContent": "c",
        "generationConfig": {
            "mediaResolution": "LOW",
            "thinkingConfig": {"new": 1},
        },
        "toolConfig": {"retrievalConfig": {}},
    }

    written = asked(
        metadata={"a": "b"},
        reasoning=Reasoning(budget=5),
        tool_choice=ToolChoice("auto"),
        extras={"gemini": own},
    )

    assert written.body["model"] == f"models/{OLD}"
    assert written.body["labels"] == {"a": "b"}
    assert written.body["cachedContent"] == "c"
    assert written.body["generationConfig"] == {
        "thinkingConfig": {"thinkingBudget": 5, "new": 1},
        "mediaResolution": "LOW",
    }
    assert written.body["toolConfig"] == {
        "retrievalConfig": {},
        "functionCallingConfig": {"mode": "AUTO"},
    }
    assert written.losses == ()


def test_nulls() -> None:
    own: dict[str, Any] = {
        "generationConfig": None,
        "toolConfig": None,
        "safetySettings": None,
    }

    assert asked(extras={"gemini": own}).body == asked().body | own


def test_count() -> None:
    """Everything counts, so everything is sent."""
    request = Request("m1", (user("hello"),), tools=(Tool("f"),), user="ann")

    written = write_count(request)

    assert written.body == {
        "generateContentRequest": {
            "contents": [{"parts": [{"text": "hello"}], "role": "user"}],
            "tools": [{"functionDeclarations": [{"name": "f"}]}],
            "model": "models/m1",
        }
    }
    assert losses(written) == [("user", DROPPED)]


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("gemini-2.5-flash", (2, 5)),
        ("models/gemini-3-pro-preview", (3, 0)),
        ("gemini-flash-latest", (99, 0)),
        ("gemini-live-2.5-flash", (2, 5)),
        ("tunedModels/mine", (99, 0)),
    ],
)
def test_generation(model: str, version: tuple[int, int]) -> None:
    assert generation(model) == version


def test_declaration() -> None:
    """Every operation that the protocol has, and OpenAI's beside it."""
    own, chat = GEMINI.speaks

    assert own is DIALECT
    assert own.version == "v1beta"
    assert own.paths["chat_stream"].endswith("?alt=sse")
    assert chat.paths["chat"] == "/openai/chat/completions"
    assert GEMINI.auth("k") == {"x-goog-api-key": "k"}
    assert chat.auth is not None
    assert chat.auth("k") == {"Authorization": "Bearer k"}
