"""The conversation of another dialect, in Anthropic's messages."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.anthropic.messages import write_conversation
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
from gateway.domain.request import Request, Role, Turn

S, D, U, M, T = Role.SYSTEM, Role.DEVELOPER, Role.USER, Role.ASSISTANT, Role.TOOL
SEAL = Signature("gemini", "x")


def say(role: Role, text: str) -> Turn:
    return Turn(role, (Text(text),), bare=True)


def written(*turns: Turn, **members: Any) -> tuple[Any, list[Any], list[str]]:
    found = write_conversation(Request("m", turns, **members))
    losses = [f"{loss.path}: {loss.grade}" for loss in found.losses]
    return found.system, found.messages, losses


def parts(*found: Part, role: Role = U) -> tuple[list[Any], list[str]]:
    """Return the blocks of one turn, and the losses."""
    _, messages, losses = written(Turn(role, found, bare=False))
    return [b for message in messages for b in message["content"]], losses


def test_instructions() -> None:
    """One text stays a string; several are a list; all stand before."""
    hi = {"role": "user", "content": "Hi"}

    assert written(say(S, "Be brief."), say(U, "Hi")) == ("Be brief.", [hi], [])
    assert written(say(S, "Be brief."), say(D, "Be kind."), say(U, "Hi"))[0] == [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "Be kind."},
    ]


def test_instructions_in_the_middle() -> None:
    """They come first, which is reported."""
    system, messages, losses = written(say(U, "Hi"), say(S, "Be brief."))

    assert (system, len(messages)) == ("Be brief.", 1)
    assert losses == ["turns[1]: approximate"]


def test_instructions_that_are_no_text() -> None:
    picture = Media("image", url="https://e.org/a")

    assert written(Turn(S, (picture,)), say(U, "Hi"))[2] == [
        "turns[0].parts[0]: refused"
    ]
    assert written(say(S, ""), say(U, "Hi"))[0] is None
    assert written(Turn(S, (Text(""),)), say(U, "Hi"))[0] is None


def test_results_of_parallel_calls() -> None:
    """All results stand in one message, first, in the order they came."""
    calls = Turn(M, (Text(""), ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g")))
    first = Turn(T, (ToolResult("a", (Text("1"),), bare=True),))
    second = Turn(T, (ToolResult("b", (Text("2"),), error=True, bare=False),))

    _, messages, losses = written(calls, first, second, say(U, "And?"), say(U, "Well?"))

    assert messages == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "g", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {
                    "type": "tool_result",
                    "tool_use_id": "b",
                    "content": [{"type": "text", "text": "2"}],
                    "is_error": True,
                },
                {"type": "text", "text": "And?"},
                {"type": "text", "text": "Well?"},
            ],
        },
    ]
    assert losses == []


def test_question_before_results() -> None:
    """A message that a result joins begins with the result."""
    result = Turn(T, (ToolResult("a"),))

    (message,) = written(say(U, "Hi"), result)[1]

    assert [block["type"] for block in message["content"]] == ["tool_result", "text"]


def test_users_apart() -> None:
    """Two messages of a user stay two: the provider joins them itself."""
    assert len(written(say(U, "a"), say(U, "b"))[1]) == 2


def test_empty_turns() -> None:
    """Nothing said is no message; a prefilled answer stays the last one."""
    _, messages, losses = written(
        say(U, "Hi"), Turn(M, (Text(""),)), Turn(M, (Text("The"),), bare=True)
    )

    assert messages[1:] == [{"role": "assistant", "content": "The"}]
    assert losses == []


def test_ids() -> None:
    """An id that the provider would refuse is another, the same for the result."""
    call, result = ToolCall("a.b:c", "f"), ToolResult("a.b:c")

    _, messages, _ = written(Turn(M, (call,)), Turn(T, (result,)))

    name = messages[0]["content"][0]["id"]
    assert name.startswith("call_")
    assert messages[1]["content"][0]["tool_use_id"] == name


@pytest.mark.parametrize(
    ("part", "block", "losses"),
    [
        (
            ToolCall("a", "f", "[1]"),
            {"input": {"INVALID_JSON": "[1]"}},
            ["turns[0].parts[0].input: approximate"],
        ),
        (
            ToolCall("a", "f", signature=SEAL),
            {"input": {}},
            ["turns[0].parts[0].signature: dropped"],
        ),
        (Refusal("No."), {"text": "No."}, ["turns[0].parts[0]: approximate"]),
        (
            Text("a", citations=(Citation("https://e.org"),)),
            {"text": "a"},
            ["turns[0].parts[0].citations: dropped"],
        ),
    ],
)
def test_answers(part: Part, block: Any, losses: list[str]) -> None:
    """What the model said before, in other words where it must be."""
    (found,), lost = parts(part, role=M)

    assert found.items() >= block.items()
    assert lost == losses


def test_citations() -> None:
    """Its own citations go back; one that a front made up is left out."""
    mine = {"type": "page_location", "cited_text": "q"}
    made = {"type": "web_search_result_location", "encrypted_index": ""}
    text = Text(
        "a",
        citations=(
            Citation(extras={"anthropic": mine}),
            Citation(extras={"anthropic": made}),
        ),
    )

    (block,), losses = parts(text, role=M)

    assert block["citations"] == [mine]
    assert losses == ["turns[0].parts[0].citations: dropped"]


def test_thoughts() -> None:
    """A sealed thought goes to who sealed it; it never becomes a text."""
    mine = Signature("anthropic", "s")
    gone = Signature("anthropic", "redacted_thinking:d")

    blocks, losses = parts(
        Thinking("a", mine),
        Thinking("", gone),
        Thinking("b", SEAL),
        Thinking("c"),
        role=M,
    )

    assert blocks == [
        {"type": "thinking", "thinking": "a", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
    ]
    assert losses == ["turns[0].parts[2]: dropped", "turns[0].parts[3]: dropped"]


def test_media() -> None:
    """Pictures may be asked about and be results, but no answer holds one."""
    picture = Media("image", url="https://e.org/a")
    result = ToolResult("a", (picture, Text("")))

    assert [b["type"] for b in parts(picture)[0]] == ["image"]
    assert parts(result, role=T)[0][0]["content"][0]["type"] == "image"
    assert parts(picture, role=M) == ([], ["turns[0].parts[0]: refused"])
    assert parts(Media("audio", data="x")) == ([], ["turns[0].parts[0]: refused"])


def test_opaque() -> None:
    """Its own blocks are said in their place; another's cannot be."""
    mine = {"type": "container_upload", "file_id": "f"}

    assert parts(Opaque("anthropic", mine)) == ([mine], [])
    assert parts(Opaque("gemini", {})) == ([], ["turns[0].parts[0]: refused"])


def test_names() -> None:
    assert written(Turn(U, (Text("Hi"),), name="anna"))[2] == ["turns[0].name: dropped"]


def test_cache_marks() -> None:
    """A mark on a part makes a list of a string; a thought takes none."""
    extras = {"openai_chat": {"cache_control": {"type": "ephemeral"}}}
    result = ToolResult("a", (Text("1"),), bare=True, extras=extras)
    thought = Thinking("a", Signature("anthropic", "s"), extras=extras)

    found = write_conversation(Request("m", (Turn(T, (result,)), Turn(M, (thought,)))))

    assert found.said == {"turns[0].parts[0].cache_control"}
    assert found.messages[0]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in found.messages[1]["content"][0]
