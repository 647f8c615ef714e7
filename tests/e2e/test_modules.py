"""The page's modules that read streams, run in the browser that will run them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.e2e.browser import Page
from tests.process import gateway
from tests.streams import cuts

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.needs("chromium", "chromedriver")

READ_EVENTS = """
    const [pieces] = args;
    const { readEvents } = await import("/web/sse.js");
    const bytes = (hex) => Uint8Array.from(hex.match(/../g), (h) => parseInt(h, 16));
    const stream = new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(bytes(piece));
        controller.close();
      },
    });
    const found = [];
    let size = 0;
    for await (const events of readEvents(stream, (n) => (size += n)))
      found.push(...events);
    return [found, size];
"""
READ_REPLY = """
    const [events] = args;
    const { Reply } = await import("/web/reply.js");
    const reply = new Reply();
    for (const data of events)
      reply.read(typeof data === "string" ? { data } : { data: JSON.stringify(data) });
    return { ...reply, outcome: reply.outcome(), message: reply.message() };
"""

BODY = (
    "\ufeff: a comment\n"
    "data: one\r\n\r\n"
    "data:two\rdata: lines\r\r"
    ": keep-alive\n"
    "event: error\ndata: {}\nid: 7\nretry: 5\nunknown: x\n\n"
    "event: nothing to tell\n\n"
    "data\n\n"
    "data:  a space, a colon: both kept\n\n"
    "data: \u2028 and \u2029 and \x85 end no line, 🚰 is one sign\n\n"
    "data: [DONE]"
).encode()
EVENTS = [
    ("message", "one"),
    ("message", "two\nlines"),
    ("error", "{}"),
    ("message", ""),
    ("message", " a space, a colon: both kept"),
    ("message", "\u2028 and \u2029 and \x85 end no line, 🚰 is one sign"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loaded(browser: Chrome) -> AsyncIterator[Page]:
    """Load the page once: modules keep nothing from one test to the next."""
    async with gateway() as process:
        page = Page(browser, process.url)
        await asyncio.to_thread(page.open)
        yield page


@pytest.mark.parametrize("size", [1, 2, 7, 4096])
def test_events_at_any_cut(loaded: Page, size: int) -> None:
    """Line ends, characters and events survive, however the network cuts them."""
    pieces = [piece.hex() for piece in cuts(BODY, size)]

    found, count = loaded.run(READ_EVENTS, pieces)

    assert count == len(BODY)
    *ended, last = found
    assert ended == [{"event": event, "data": data} for event, data in EVENTS]
    assert last == {"event": "message", "data": "[DONE]", "unfinished": True}


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def call(text: str, **members: Any) -> dict[str, Any]:
    name = members.pop("name", None)
    function = {"arguments": text} | ({"name": name} if name else {})
    return {"function": function, **members}


ENDINGS: dict[str, tuple[list[Any], str]] = {
    "done": ([chunk(content="a"), chunk("stop"), "[DONE]"], "completed"),
    "no [DONE]": ([chunk(content="a"), chunk("stop")], "completed"),
    "no finish reason": ([chunk(content="a"), "[DONE]"], "completed"),
    "empty finish reason": ([chunk("", content="a")], "truncated"),
    "cut": ([chunk(content="a")], "truncated"),
    "nothing at all": ([], "truncated"),
    "error": ([chunk(content="a"), {"error": {"message": "m"}}], "failed"),
    "error after finish": ([chunk("stop"), {"error": {"message": "m"}}], "failed"),
    "error before [DONE]": ([{"error": "m"}, "[DONE]"], "failed"),
    "no JSON": ([chunk(content="a"), "oops", "[DONE]"], "failed"),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_endings(loaded: Page, case: str) -> None:
    """Only a stream that says that it is complete counts as completed."""
    events, state = ENDINGS[case]

    reply = _read(loaded, events)

    assert reply["outcome"]["state"] == state


SHAPES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "three names of a thought": (
        [
            chunk(reasoning_content="a"),
            chunk(reasoning="b", content=None),
            chunk(content=[{"type": "thinking", "thinking": [{"text": "c"}]}]),
            chunk(content=[{"type": "text", "text": "answer"}]),
        ],
        {"thinking": "abc", "text": "answer", "deltas": 4},
    ),
    "refusal": ([chunk(refusal="I "), chunk(refusal="won't")], {"refusal": "I won't"}),
    "calls side by side": (
        [
            chunk(tool_calls=[call("", index=0, id="x", name="f")]),
            chunk(tool_calls=[call("", index=1, id="y", name="g")]),
            chunk(tool_calls=[call('{"a"', index=0), call("{}", index=1)]),
            chunk(tool_calls=[call(":1}", index=0)]),
        ],
        {
            "calls": [
                {"id": "x", "name": "f", "text": '{"a":1}'},
                {"id": "y", "name": "g", "text": "{}"},
            ]
        },
    ),
    "calls without index": (
        [
            chunk(tool_calls=[call("{}", id="", name="f")]),
            chunk(tool_calls=[call("{", id="", name="g"), call("}")]),
        ],
        {
            "calls": [
                {"id": "call_0", "name": "f", "text": "{}"},
                {"id": "call_1", "name": "g", "text": "{}"},
            ]
        },
    ),
    "usage in parts": (
        [
            {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}},
            {"choices": [], "usage": {"prompt_tokens": None, "completion_tokens": 2}},
        ],
        {"usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    ),
    "usage in a member of its own": (
        [chunk("stop") | {"x_groq": {"usage": {"completion_tokens": 2}}}],
        {"usage": {"completion_tokens": 2}, "finish": "stop"},
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_shapes(loaded: Page, case: str) -> None:
    """What compatible servers make of the dialect is read all the same."""
    events, expected = SHAPES[case]

    reply = _read(loaded, events)

    assert {name: reply[name] for name in expected} == expected


def _read(page: Page, events: list[Any]) -> dict[str, Any]:
    reply = page.run(READ_REPLY, events)
    assert isinstance(reply, dict), reply
    return reply
