from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.ollama import DIALECT
from connectors.ollama.translator import TRANSLATOR
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.fold import fold
from gateway.domain.grammar import check
from gateway.domain.parts import Logprob, Media, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.ollama import WATCHING
from tests import recordings
from tests.streams import cuts, random_cuts

SIZES = pytest.mark.parametrize("size", [1, 7, 4096])
TOKEN = {"token": "a", "logprob": -1.0}
AT = "2026-08-07T06:08:14.947137219Z"


def line(message: dict[str, Any] | None = None, **members: Any) -> bytes:
    json_value = {"model": "m", "created_at": AT, "done": False, **members}
    if message is not None:
        json_value["message"] = {"role": "assistant", "content": "", **message}
    return json.dumps(json_value).encode() + b"\n"


def last(word: str = "stop", **members: Any) -> bytes:
    counts = {"prompt_eval_count": 21, "eval_count": 8, "total_duration": 5}
    return line({}, done=True, done_reason=word, **counts, **members)


def read(body: bytes, size: int = 4096) -> list[Event]:
    return read_cuts(cuts(body, size))


def read_cuts(pieces: list[bytes]) -> list[Event]:
    framer, reader = TRANSLATOR.framer(), TRANSLATOR.reader()
    events: list[Event] = []
    for piece in pieces:
        for frame in framer.feed(piece):
            events += reader.feed(frame)
    for frame in framer.eof():
        events += reader.feed(frame)
    events += reader.eof()
    check(events)
    return events


USAGE = Usage(input=21, output=8)
CLOSE = [UsageUpdate(USAGE), ChoiceEnd(Finish(Stop.END, "stop")), ReplyEnd()]
START = ReplyStart(model="m", created=1786082894)


@SIZES
def test_thinking_then_text(size: int) -> None:
    """Two blocks, the second where the first word stands."""
    body = line({"thinking": "Rain"}) + line({"thinking": "?"})
    body += line({"content": "No"}) + line({"content": "."}) + last()

    assert read(body, size) == [
        START,
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "Rain"),
        ThinkingDelta(0, "?"),
        BlockEnd(0),
        BlockStart(1, Text()),
        TextDelta(1, "No"),
        TextDelta(1, "."),
        BlockEnd(1),
        *CLOSE,
    ]


@SIZES
def test_calls(size: int) -> None:
    """Calls come whole; old servers give them no names, so they get lasting ones."""
    call = {"function": {"name": "f", "arguments": {"city": "Brno"}}}
    named = {"id": "c1", "function": {"index": 1, "name": "g", "arguments": None}}
    body = line({"tool_calls": [call]}) + line({"tool_calls": [call, named]}) + last()

    events = read(body, size)

    parts = fold(events).choices[0].parts
    assert [p.input for p in parts if isinstance(p, ToolCall)] == [
        '{"city":"Brno"}',
        '{"city":"Brno"}',
        "{}",
    ]
    first, second, third = (p.id for p in parts if isinstance(p, ToolCall))
    assert first.startswith("call_sg")
    assert first != second
    assert third == "c1"
    assert read(body) == events
    assert events[-2] == ChoiceEnd(Finish(Stop.TOOLS, "stop"))
    assert ToolInputDelta(2, "{}") in events


def test_picture() -> None:
    """A model that draws sends the picture whole."""
    events = read(line({"images": ["aGk="]}) + last())

    assert events[1:4] == [
        BlockStart(0, Media("image")),
        MediaDelta(0, "aGk="),
        BlockEnd(0),
    ]


def test_logprobs() -> None:
    """They ride on the words that they are about."""
    token = {"token": "a", "logprob": -0.5, "bytes": [97]}
    other = {"token": "b", "logprob": -2.0}
    body = line({"content": "a"}, logprobs=[{**token, "top_logprobs": [other]}])

    (delta,) = [e for e in read(body + last()) if isinstance(e, TextDelta)]

    assert delta.logprobs == (Logprob("a", -0.5, (97,), (Logprob("b", -2.0),)),)


def test_what_we_do_not_know() -> None:
    """New members are passed on once, not with every word."""
    body = line({"content": "a", "mood": 1}, remote_model="big")
    body += line({"content": "b", "mood": 1}, remote_model="big") + last()

    found = [e for e in read(body) if isinstance(e, Foreign)]

    assert {(e.name, e.json) for e in found} == {("mood", 1), ("remote_model", "big")}
    assert len(found) == 2


@pytest.mark.parametrize(
    ("word", "stop"),
    [
        ("stop", Stop.END),
        ("length", Stop.LENGTH),
        ("load", Stop.OTHER),
        ("unload", Stop.OTHER),
    ],
)
def test_finish(word: str, stop: Stop) -> None:
    assert ChoiceEnd(Finish(stop, word)) in read(last(word))


def test_cut_short_within_calls() -> None:
    """The limit says more than that there were calls."""
    call = {"function": {"name": "f", "arguments": {}}}

    events = read(line({"tool_calls": [call]}) + last("length"))

    assert events[-2] == ChoiceEnd(Finish(Stop.LENGTH, "length"))


def test_bare_end() -> None:
    """Old servers give no reason, and some an end without a message or counts."""
    events = read(line({"content": "a"}) + line(done=True))

    assert events[-2:] == [ChoiceEnd(Finish(Stop.END)), ReplyEnd()]
    assert not [e for e in events if isinstance(e, UsageUpdate)]


def test_broken_date() -> None:
    (start, *_) = read(line({"content": "a"}, created_at="yesterday") + last())

    assert start == ReplyStart(model="m")


@SIZES
def test_error_in_the_middle(size: int) -> None:
    """It arrives under status 200, and nothing after it counts."""
    body = line({"content": "a"}) + b'{"error": "no more memory"}\n' + last()

    *_, fault = read(body, size)

    assert isinstance(fault, Fault)
    assert fault.error.message == "no more memory"


@SIZES
@pytest.mark.parametrize("drop", [1, 2, 3])
def test_truncated(size: int, drop: int) -> None:
    """Without its last object an answer is broken, whole lines or not."""
    lines = [line({"content": "a"}), line({"content": "b"}), last()]

    *_, fault = read(b"".join(lines[:-drop]), size)

    assert isinstance(fault, Fault)
    assert fault.error.code == "upstream_truncated"


@pytest.mark.parametrize(
    "broken",
    [
        b"no json\n",
        b"[]\n",
        b"1\n",
        b"{}\n",
        b'{"message": null}\n',
        b'{"message": {"content": 1}}\n',
        b'{"message": {"content": "", "tool_calls": [{}]}}\n',
        b'{"message": {"content": "", "tool_calls": 1}}\n',
        b'{"message": {"tool_calls": [{"function": {"arguments": {}}}]}}\n',
        b'{"message": {"tool_calls": [{"function": {"name": ""}}]}}\n',
        b'{"message": {"tool_calls": [{"function": {"name": ["f"]}}]}}\n',
        b'{"message": {"content": "a"}, "logprobs": [1]}\n',
        b'{"message": {"content": "a"}, "logprobs": [{"token": 1, "logprob": 0}]}\n',
        b'{"message": {"content": "a"}, "logprobs": [{"token": "a", "logprob": []}]}\n',
        line({"content": "a"}, logprobs=[{**TOKEN, "bytes": 10**12}]),
        line({"content": "a"}, logprobs=[{**TOKEN, "bytes": [256]}]),
    ],
)
def test_malformed(broken: bytes) -> None:
    """What breaks the protocol is a fault in its place, never an exception."""
    *_, fault = read(line({"content": "a"}) + broken + last())

    assert isinstance(fault, Fault)
    assert fault.error.code == "upstream_malformed"


@pytest.mark.recordings
@pytest.mark.parametrize(
    "recording",
    recordings.select("ollama.chat", "ollama.generate", tags="stream"),
    ids=str,
)
def test_recorded(recording: recordings.Recording) -> None:
    """However it is cut, a recorded stream reads the same, and as its JSON says."""
    body = recording.body
    lines = [json.loads(text) for text in body.decode().split("\n") if text.strip()]
    said = [json_line.get("message", json_line) for json_line in lines]

    events = read(body)
    reply = fold(events)

    for size in (1, 7):
        assert read(body, size) == events
    assert read_cuts(random_cuts(body, 3)) == events
    texts = [p.text for p in reply.choices[0].parts if isinstance(p, Text)]
    assert "".join(texts) == "".join(
        m.get("content") or m.get("response") or "" for m in said
    )
    thoughts = [p.text for p in reply.choices[0].parts if isinstance(p, Thinking)]
    assert "".join(thoughts) == "".join(m.get("thinking") or "" for m in said)
    assert reply.model == lines[0]["model"]
    assert reply.usage is not None
    assert reply.usage.input == lines[-1]["prompt_eval_count"]
    assert reply.usage.output == lines[-1]["eval_count"]


@pytest.mark.recordings
@pytest.mark.parametrize(
    "recording",
    recordings.select("ollama.chat", "ollama.generate", tags="stream"),
    ids=str,
)
def test_watched(recording: recordings.Recording) -> None:
    """What a ledger sees in passing is what the reader says."""
    seen = [WATCHING.look(row, "") for row in recording.body.split(b"\n") if row]

    reply = fold(read(recording.body))

    assert seen[-1].last
    assert seen[-1].finish == {0: reply.choices[0].finish}
    assert seen[-1].usage == reply.usage
    assert {s.model for s in seen} == {reply.model}


def test_dialect() -> None:
    assert DIALECT.paths == {"chat": "/api/chat", "embeddings": "/api/embed"}
