from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.gemini import DIALECT
from connectors.gemini.stream import reader
from gateway.domain import grammar
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.fold import fold
from gateway.domain.parts import (
    Logprob,
    Media,
    Opaque,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.jsonarray import CUT
from gateway.wire.sse import Frame
from tests.recordings import Recording, select
from tests.streams import cuts

FEW = [1, 7, 4096]
HEAD = {"modelVersion": "m", "responseId": "r"}
USAGE = {"promptTokenCount": 3, "totalTokenCount": 3}
STOP = {"finishReason": "STOP"}
SEAL = "/wBzZWFs"
OWN = Signature("gemini", SEAL)
DONE = ChoiceEnd(Finish(Stop.END, "STOP"))


def chunk(*parts: Any, **members: Any) -> dict[str, Any]:
    """Return a chunk; *members* are the candidate's."""
    candidate = {"content": {"parts": list(parts), "role": "model"}, **members}
    return {"candidates": [candidate], **HEAD}


def counted(json_: dict[str, Any]) -> dict[str, Any]:
    return {**json_, "usageMetadata": USAGE}


def read(*chunks: Any) -> list[Event]:
    """Return the events of a stream that ends after *chunks*."""
    reading = reader()
    frames = [Frame("", json.dumps(json_).encode()) for json_ in chunks]
    events = [event for frame in frames for event in reading.feed(frame)]
    events += reading.eof()
    grammar.check(events)
    return events


def test_text() -> None:
    """The end of the stream is the end of the reply, once all have finished."""
    last = counted(chunk({"text": "d"}, **STOP, index=0))
    third = counted(chunk({"text": "c"}, index=0))

    assert read(chunk({"text": "a"}), chunk({"text": "b"}), third, last) == [
        ReplyStart("r", "m"),
        BlockStart(0, Text()),
        TextDelta(0, "a"),
        TextDelta(0, "b"),
        TextDelta(0, "c"),
        UsageUpdate(Usage(3)),
        TextDelta(0, "d"),
        UsageUpdate(Usage(3)),
        BlockEnd(0),
        DONE,
        ReplyEnd(),
    ]


def test_thoughts_and_seals() -> None:
    """A seal goes to the part that is open, also on an empty text; then it ends."""
    thought = {"thought": True}

    assert read(
        chunk({"text": "H", **thought}, {"text": "m", **thought}),
        chunk({"text": "a"}),
        chunk({"text": "", "thoughtSignature": SEAL}),
        chunk({"text": "b"}),
        chunk({"text": "", "thoughtSignature": SEAL, **thought}),
        chunk({"text": ""}),
        counted(chunk({"text": "c", "thoughtSignature": SEAL}, **STOP)),
    )[1:-2] == [
        BlockStart(0, Thinking()),
        ThinkingDelta(0, "H"),
        ThinkingDelta(0, "m"),
        BlockEnd(0),
        BlockStart(1, Text()),
        TextDelta(1, "a"),
        SignatureDelta(1, OWN),
        BlockEnd(1),
        BlockStart(2, Text()),
        TextDelta(2, "b"),
        BlockEnd(2),
        BlockStart(3, Thinking()),
        SignatureDelta(3, OWN),
        BlockEnd(3),
        BlockStart(4, Text()),
        TextDelta(4, "c"),
        SignatureDelta(4, OWN),
        UsageUpdate(Usage(3)),
        BlockEnd(4),
    ]


def test_calls() -> None:
    """Each comes whole and gets a name; the finish word stands for them."""
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    named = {"functionCall": {"name": "g", "id": "i"}, "thoughtSignature": SEAL}

    reply = fold(read(chunk({"text": "a"}), counted(chunk(call, call, named, **STOP))))

    (choice,) = reply.choices
    text, one, two, three = choice.parts
    assert text == Text("a")
    assert isinstance(one, ToolCall)
    assert isinstance(two, ToolCall)
    assert one.input == '{"a":1}'
    assert one.id != two.id
    extras = {"gemini": {"args": None}}
    assert three == ToolCall("i", "g", "{}", signature=OWN, extras=extras)
    assert choice.finish == Finish(Stop.TOOLS, "STOP")


def test_other_parts() -> None:
    """Pictures, what is Google's own, and texts with members of their own."""
    blob = {"mimeType": "image/png", "data": "QQ=="}
    code = {"executableCode": {"code": "1"}}
    noted = {"text": "a", "partMetadata": {"b": 1}}
    thought = {"text": "b", "thought": True, "partMetadata": {"b": 1}}
    file = {"fileData": {"fileUri": "https://a.b/c.png", "mimeType": "image/png"}}
    parts = [{"inlineData": blob, "thoughtSignature": SEAL}, code, noted, thought, file]

    events = read(counted(chunk(*parts, **STOP)))

    note = {"gemini": {"partMetadata": {"b": 1}}}
    unsealed = {"gemini": {"partMetadata": {"b": 1}, "thought": None}}
    assert events[1:-2] == [
        BlockStart(0, Media("image", "image/png")),
        MediaDelta(0, "QQ=="),
        SignatureDelta(0, OWN),
        BlockEnd(0),
        BlockStart(1, Opaque("gemini", code)),
        BlockEnd(1),
        BlockStart(2, Text(extras=note)),
        TextDelta(2, "a"),
        BlockEnd(2),
        BlockStart(3, Thinking(extras=unsealed)),
        ThinkingDelta(3, "b"),
        BlockEnd(3),
        BlockStart(4, Media("image", "image/png", url="https://a.b/c.png")),
        BlockEnd(4),
        UsageUpdate(Usage(3)),
    ]


def piece(**members: Any) -> dict[str, Any]:
    return chunk({"functionCall": members})


def test_arguments_in_pieces() -> None:
    """They are put together, and passed on when the call is complete."""
    text = {"jsonPath": "$.a", "stringValue": "x", "willContinue": True}
    events = read(
        piece(name="f", id="i", willContinue=True),
        chunk(
            {
                "functionCall": {"partialArgs": [text], "willContinue": True},
                "thoughtSignature": SEAL,
            }
        ),
        piece(partialArgs=[text]),
        piece(name="g", willContinue=True),
        piece(name="h", partialArgs=[{"jsonPath": "$.b", "numberValue": 1}]),
        piece(name="k", willContinue=True),
        counted(chunk(finishReason="MAX_TOKENS")),
    )

    assert [type(event) for event in events[1:5]] == [
        BlockStart,
        SignatureDelta,
        ToolInputDelta,
        BlockEnd,
    ]
    parts = fold(events).choices[0].parts
    calls = [(p.name, p.input) for p in parts if isinstance(p, ToolCall)]
    assert calls == [("f", '{"a":"xx"}'), ("g", "{}"), ("h", '{"b":1}'), ("k", "{}")]


def test_cut_call() -> None:
    """Half a call never ends as if it were whole."""
    events = read(piece(name="f", willContinue=True))

    assert isinstance(events[-1], Fault)
    assert BlockEnd not in [type(event) for event in events]


def test_sources_and_probabilities() -> None:
    """They belong to the open text; what else a candidate has passes too."""
    source = {"uri": "u", "endIndex": 1}
    result = {"chosenCandidates": [{"token": "a", "logProbability": -1.0}]}

    events = read(
        chunk(citationMetadata={"citationSources": [source]}),
        chunk({"text": "a"}, citationMetadata={"citationSources": [source]}),
        chunk(logprobsResult=result, index=0),
        counted(chunk(**STOP, avgLogprobs=-1)),
    )

    metadata = {"citationMetadata": {"citationSources": [source]}}
    assert events[1] == Foreign("gemini", "candidates", {"index": 0, **metadata})
    (cited,) = [e.citation for e in events if isinstance(e, CitationDelta)]
    assert (cited.url, cited.end) == ("u", 1)
    assert TextDelta(0, "", (Logprob("a", -1.0),)) in events
    assert Foreign("gemini", "candidates", {"index": 0, "logprobsResult": result}) in (
        events
    )
    assert ChoiceEnd(DONE.finish, 0, {"gemini": {"avgLogprobs": -1}}) in events


def test_old_models_finish_in_every_chunk() -> None:
    """An end that counts no tokens is held until nothing follows."""
    events = read(chunk({"text": "a"}, **STOP), chunk({"text": "b"}, **STOP))

    assert events[2:] == [
        TextDelta(0, "a"),
        TextDelta(0, "b"),
        BlockEnd(0),
        DONE,
        ReplyEnd(),
    ]


def test_after_the_end() -> None:
    """What follows a counted end passes in Google's own words."""
    late = chunk({"text": "b"})

    events = read(counted(chunk({"text": "a"}, **STOP)), late)

    assert events[-2:] == [
        Foreign("gemini", "candidates", late["candidates"][0]),
        ReplyEnd(),
    ]


def test_two_candidates() -> None:
    """The reply is over when both are."""
    both = {
        "candidates": [
            {"content": {"parts": [{"text": "a"}]}},
            {"content": {"parts": [{"text": "b"}]}, "index": 1},
        ],
        **HEAD,
    }
    one = counted(chunk(**STOP, index=1))

    whole, cut = read(both, one, counted(chunk(**STOP))), read(both, one)

    assert [choice.parts for choice in fold(whole).choices] == [
        (Text("a"),),
        (Text("b"),),
    ]
    assert isinstance(cut[-1], Fault)


def test_changing_head() -> None:
    """What changes from chunk to chunk is told when it does."""
    events = read(
        {**chunk({"text": "a"}), "createTime": "1970-01-01T00:00:05Z"},
        {**chunk({"text": "b"}), "modelStatus": 1, "createTime": "x"},
    )

    extras = {"gemini": {"createTime": "1970-01-01T00:00:05Z"}}
    assert events[0] == ReplyStart("r", "m", 5, extras)
    assert Foreign("gemini", "modelStatus", 1) in events
    assert Foreign("gemini", "createTime", "x") in events


def test_blocked_prompt() -> None:
    feedback = {"blockReason": "SAFETY"}

    assert read({"promptFeedback": feedback}) == [
        ReplyStart(),
        ChoiceEnd(
            Finish(Stop.FILTER, "SAFETY"), 0, {"gemini": {"promptFeedback": feedback}}
        ),
        ReplyEnd(),
    ]


def test_harmless_feedback() -> None:
    feedback = {"safetyRatings": [1]}

    events = read({**counted(chunk({"text": "a"}, **STOP)), "promptFeedback": feedback})

    assert Foreign("gemini", "promptFeedback", feedback) in events


def test_shapes_that_are_no_plain_text() -> None:
    """The quick way does not take what needs a closer look."""
    odd = [
        {"candidates": [], **HEAD},
        {"candidates": [{"content": {}}], **HEAD},
        {"candidates": [{"content": {"role": "model"}}], **HEAD},
        {"candidates": [{"content": {"parts": [{"text": "b"}]}, "index": 1}], **HEAD},
    ]

    events = read(chunk({"text": "a"}), *odd, counted(chunk(**STOP)))

    assert [e.block for e in events if isinstance(e, TextDelta)] == [0, 1]


def test_error() -> None:
    """A finish that was held is told before it."""
    error = {"error": {"code": 503, "message": "busy"}}

    *_, end, fault = read(chunk({"text": "a"}, **STOP), error)

    assert end == DONE
    assert isinstance(fault, Fault)
    assert fault.error.status_code == 503
    assert isinstance(read({"error": None, **chunk({"text": "a"})})[-1], Fault)


@pytest.mark.parametrize(
    "json_",
    [
        [],
        chunk({"text": 5}),
        chunk(5),
        chunk({"text": "a"}, index="0"),
        chunk({"functionCall": {"willContinue": True}}),
        chunk({"functionCall": {"name": ["f"]}}),
        {**chunk(), "modelVersion": 5},
    ],
)
def test_malformed(json_: Any) -> None:
    *_, fault = read(json_)

    assert isinstance(fault, Fault)
    assert fault.error.code == "upstream_malformed"


def test_cut_element() -> None:
    """Of an array an element may be cut off: that is no malformed one."""
    reading = reader()
    (fault,) = reading.feed(Frame(CUT, b'{"cand'))

    assert isinstance(fault, Fault)
    assert fault.error.code == "upstream_truncated"


def test_empty_stream() -> None:
    """It happens, under status 200."""
    (fault,) = read()

    assert isinstance(fault, Fault)


def recorded(recording: Recording, size: int) -> list[Event]:
    translator = DIALECT.translator
    assert translator is not None
    framer, reading = translator.framer(), translator.reader()
    frames = [f for cut in cuts(recording.body, size) for f in framer.feed(cut)]
    frames += framer.eof()
    return [e for frame in frames for e in reading.feed(frame)] + reading.eof()


@pytest.mark.recordings
@pytest.mark.parametrize("size", FEW)
@pytest.mark.parametrize(
    "recording",
    select("gemini.generateContent", tags="stream", without="json-array-stream"),
    ids=str,
)
def test_recording(recording: Recording, size: int) -> None:
    """Every recorded stream reads alike, however the network cut it."""
    events = recorded(recording, size)

    grammar.check(events)
    assert repr(events) == repr(recorded(recording, 1 << 20))  # errors differ
    broken = recording.tags & {"empty-stream", "mid-stream-error"}
    failed = isinstance(events[-1], Fault)
    assert failed == (bool(broken) or "5cd1a6" in recording.file)
