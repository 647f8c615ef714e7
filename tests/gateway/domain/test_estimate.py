from __future__ import annotations

import pytest

from gateway.domain.estimate import MESSAGE, PICTURE, TOOL, estimate
from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.domain.request import OutputFormat, Request, Role, Tool, Turn


def of(*parts: Part) -> int:
    """Return the estimate for one message, without what a message costs itself."""
    return estimate(Request("m", (Turn(Role.USER, parts),))) - MESSAGE


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("four", 1),
        ("fives", 2),
        ("Zürich", 2),
        ("日本語", 3),
        ("Привет", 3),
        ("Hi 日本", 3),
        ("\ud800", 1),
        ("🙂", 1),
    ],
)
def test_text(text: str, tokens: int) -> None:
    """Four Latin letters a token, two of other alphabets, one where they are words."""
    assert of(Text(text)) == tokens


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Thinking("four"), 1),
        (Refusal("four"), 1),
        (ToolCall("id", "name", '{"a":1}'), TOOL + 1 + 2),
        (
            ToolResult("id", (Text("four"), Media("image", url="u"))),
            MESSAGE + 1 + PICTURE,
        ),
        (Media("image", data="x" * 9_000_000), PICTURE),
        (Media("audio", data="x" * 1600), 10),
        (Media("audio", data="x"), 1),
        (Media("file", data="x" * 900), 10),
        (Media("video", url="u"), PICTURE),
        (Opaque("gemini", {"a": 1}), 2),
        (Opaque("gemini", None), 0),
        (Opaque("gemini", {"a": "\ud800"}), 4),
    ],
    ids=str,
)
def test_part(part: Part, tokens: int) -> None:
    assert of(part) == tokens


def test_around_the_conversation() -> None:
    """Tools and the answer's schema are part of a prompt, too."""
    empty = estimate(Request("m"))

    tools = (Tool("name", "does", {"a": 1}), Opaque("gemini", {"a": 1}))
    form = OutputFormat("schema", {"a": 1})

    assert empty == 1
    assert estimate(Request("m", tools=tools, output_format=form)) == (
        2 * TOOL + 1 + 1 + 2 + 2 + 2
    )


def test_same_number() -> None:
    """A caller who asks again gets no other answer."""
    request = Request("m", (Turn(Role.USER, (Text("Grüße 日本"),)),))

    assert estimate(request) == estimate(request)
