from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import BackendError
from gateway.domain.parts import (
    Citation,
    Logprob,
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
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.gemini import (
    PROTOCOL,
    WATCHING,
    GeminiFramer,
    arguments,
    camel,
    is_finish,
    is_own_usage,
    kind_of,
    look,
    read_block,
    read_finish,
    read_part,
    read_schema,
    read_usage,
    text_of,
    unheeded,
    write_finish,
    write_part,
    write_schema,
    write_usage,
)
from gateway.wire.gemini.candidates import (
    created_of,
    index_of,
    rest_of,
    take_citations,
    write_sources,
)
from gateway.wire.gemini.sources import read_logprobs, write_logprobs
from gateway.wire.sse import Frame
from gateway.wire.watching import Seen
from tests.streams import cuts

FEW = [1, 7, 4096]


# Finish words


@pytest.mark.parametrize(
    ("word", "stop"),
    [
        ("STOP", Stop.END),
        ("MAX_TOKENS", Stop.LENGTH),
        ("SPII", Stop.FILTER),
        ("MALFORMED_FUNCTION_CALL", Stop.ERROR),
        ("A_NOVELTY", Stop.OTHER),
        (1, Stop.END),
        (2, Stop.LENGTH),
        (99, Stop.OTHER),
    ],
)
def test_finish_word_comes_back(word: Any, stop: Stop) -> None:
    """Words and their numbers are written as they came."""
    finish = read_finish(word)

    assert finish == Finish(stop, str(word))
    assert write_finish(finish) == word


def test_calls_finish() -> None:
    """``STOP`` does not tell that tools are called."""
    assert read_finish("STOP", calls=True) == Finish(Stop.TOOLS, "STOP")
    assert read_finish("MAX_TOKENS", calls=True).stop is Stop.LENGTH
    assert write_finish(Finish(Stop.TOOLS, "STOP")) == "STOP"


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        (Finish(Stop.TOOLS, "tool_use"), "STOP"),
        (Finish(Stop.SEQUENCE, "stop_sequence"), "STOP"),
        (Finish(Stop.REFUSAL, "refusal"), "SAFETY"),
        (Finish(Stop.ERROR, "error"), "OTHER"),
        (Finish(Stop.OTHER, "pause_turn"), "OTHER"),
        (Finish(Stop.LENGTH), "MAX_TOKENS"),
        (Finish(Stop.LENGTH, "STOP"), "MAX_TOKENS"),
    ],
)
def test_finish_of_others(finish: Finish, word: str) -> None:
    assert write_finish(finish) == word


def test_unspecified_is_no_finish() -> None:
    assert not is_finish("FINISH_REASON_UNSPECIFIED")
    assert not is_finish(None)
    assert is_finish(1)


def test_block() -> None:
    assert read_block("OTHER") == Finish(Stop.FILTER, "OTHER")


# Token counts

COUNTS = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 30,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 5,
    "toolUsePromptTokenCount": 11,
    "totalTokenCount": 123,
}


def test_usage() -> None:
    """The cache is inside the prompt, thoughts and tools stand beside."""
    usage = read_usage(COUNTS)

    assert usage == Usage(input=81, cache_read=30, output=12, reasoning=5)
    assert usage.input_total == 111
    assert is_own_usage(usage)
    assert write_usage(usage) == COUNTS


def test_usage_of_others() -> None:
    usage = Usage(10, 20, 3, 12, 5, raw={"input_tokens": 10})

    assert write_usage(usage) == {
        "promptTokenCount": 33,
        "cachedContentTokenCount": 20,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 45,
    }


def test_merged_usage() -> None:
    """What several chunks told together is in none of them."""
    merged = read_usage(COUNTS).merged(read_usage({"candidatesTokenCount": 9}))

    assert not is_own_usage(merged)
    assert write_usage(merged)["candidatesTokenCount"] == 4


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"trafficType": "ON_DEMAND"}, Usage()),
        ({"toolUsePromptTokenCount": 4}, Usage(input=4)),
        ({"thoughtsTokenCount": 4}, Usage(output=4, reasoning=4)),
        ({"promptTokenCount": "4", "candidatesTokenCount": True}, Usage()),
    ],
)
def test_few_counts(counts: dict[str, Any], usage: Usage) -> None:
    """What is not told stays unknown."""
    assert read_usage(counts) == usage


def test_nothing_counted() -> None:
    assert write_usage(Usage()) == {"totalTokenCount": 0}
    assert not is_own_usage(Usage())


def test_text_of() -> None:
    assert text_of({"a": "b"}, "a") == "b"
    assert text_of({"a": None}, "a") is None
    with pytest.raises(TypeError):
        text_of({"a": 1}, "a")


# Names


def test_snake_case() -> None:
    """Google takes both; what belongs to the client keeps its names."""
    assert camel(
        {
            "system_instruction": {"parts": [{"inline_data": {"mime_type": "a/b"}}]},
            "contents": [{"parts": [{"function_call": {"args": {"my_arg": 1}}}]}],
            "labels": {"my_team": "x"},
            "generation_config": {
                "response_schema": {
                    "properties": {"my_name": {"min_items": 1}},
                    "property_ordering": ["my_name"],
                }
            },
            "tools": [{"properties": 5}],
        }
    ) == {
        "systemInstruction": {"parts": [{"inlineData": {"mimeType": "a/b"}}]},
        "contents": [{"parts": [{"functionCall": {"args": {"my_arg": 1}}}]}],
        "labels": {"my_team": "x"},
        "generationConfig": {
            "responseSchema": {
                "properties": {"my_name": {"minItems": 1}},
                "propertyOrdering": ["my_name"],
            }
        },
        "tools": [{"properties": 5}],
    }


# Schemas


def test_read_schema() -> None:
    assert read_schema(
        {
            "type": "OBJECT",
            "nullable": False,
            "properties": {
                "a": {"type": 1, "nullable": True, "enum": ["x"], "example": "x"},
                "b": {"type": "array", "items": {"type": "INTEGER"}, "minItems": "2"},
                "c": {"anyOf": [{"type": "STRING"}], "nullable": True},
                "d": {"ref": "#/defs/D"},
                "e": {"nullable": True},
                "f": {"type": "NOVELTY"},
                "g": {"type": 77},
                "h": True,
            },
            "defs": {"D": {"type": "NUMBER", "maxItems": "many"}},
            "additionalProperties": False,
        }
    ) == {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"], "enum": ["x", None], "examples": ["x"]},
            "b": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
            "c": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "d": {"$ref": "#/$defs/D"},
            "e": {"anyOf": [{"type": "null"}]},
            "f": {"type": "NOVELTY"},
            "g": {"type": 77},
            "h": True,
        },
        "$defs": {"D": {"type": "number", "maxItems": "many"}},
        "additionalProperties": False,
    }


_WORDS = st.sampled_from(["a", "b", "c_d"])
_LEAVES = st.fixed_dictionaries(
    {"type": st.sampled_from(["STRING", "NUMBER", "INTEGER", "BOOLEAN"])},
    optional={
        "nullable": st.just(True),
        "description": _WORDS,
        "enum": st.lists(_WORDS, min_size=1),
        "format": _WORDS,
        "example": st.integers() | _WORDS,
        "minimum": st.integers(),
        "maxLength": st.integers(0),
        "default": _WORDS,
    },
)


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    null = {"nullable": st.just(True)}
    named = st.dictionaries(_WORDS, inner, max_size=3)
    return (
        st.fixed_dictionaries(
            {"type": st.just("ARRAY"), "items": inner},
            optional={**null, "minItems": st.integers(0)},
        )
        | st.fixed_dictionaries(
            {"type": st.just("OBJECT")},
            optional={
                **null,
                "properties": named,
                "required": st.lists(_WORDS),
                "propertyOrdering": st.lists(_WORDS),
                "additionalProperties": inner | st.booleans(),
                "defs": named,
            },
        )
        | st.fixed_dictionaries(
            {"anyOf": st.lists(inner, min_size=1, max_size=3)}, optional=null
        )
        | st.just({"ref": "#/defs/a"})
        | st.just({"nullable": True})
    )


@given(st.recursive(_LEAVES, _deeper, max_leaves=6))
def test_schema_comes_back(schema: Any) -> None:
    """Whatever Google documents is the same after a trip through JSON Schema."""
    before = json.loads(json.dumps(schema))

    assert write_schema(read_schema(schema)) == schema
    assert schema == before


def test_schema_that_is_none() -> None:
    assert read_schema(None) is None
    assert write_schema(True) is True


def test_unheeded() -> None:
    """Each keyword is named once, wherever it stands, and no note."""
    schema = {
        "$schema": "x",
        "patternProperties": {},
        "properties": {"a": {"pattern": "x", "not": {}}, "b": {"pattern": "y"}},
        "anyOf": [{"const": 1}],
        "items": True,
    }

    assert list(unheeded(schema, "tools[0].schema")) == [
        ("tools[0].schema.patternProperties", "patternProperties"),
        ("tools[0].schema.pattern", "pattern"),
        ("tools[0].schema.not", "not"),
        ("tools[0].schema.const", "const"),
    ]


# Parts


def made(name: str) -> str:
    return f"made-{name}"


SEAL = base64.b64encode(b"\xff\x00sealed").decode()
OWN = Signature(PROTOCOL, SEAL)
PARTS: list[tuple[dict[str, Any], Part]] = [
    ({"text": "a"}, Text("a")),
    ({"text": "a", "thoughtSignature": SEAL}, Text("a", signature=OWN)),
    (
        {"text": "a", "partMetadata": {"b": 1}},
        Text("a", extras={PROTOCOL: {"partMetadata": {"b": 1}}}),
    ),
    (
        {"text": "a", "thought": True},
        Thinking("a", extras={PROTOCOL: {"thought": None}}),
    ),
    (
        {"text": "a", "thought": True, "thoughtSignature": SEAL},
        Thinking("a", OWN),
    ),
    (
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "i"}},
        ToolCall("i", "f", '{"a":1}'),
    ),
    (
        {"functionCall": {"name": "f", "args": {}, "id": "i"}},
        ToolCall("i", "f", "{}"),
    ),
    (
        {"functionCall": {"name": "f", "id": "i"}, "thoughtSignature": SEAL},
        ToolCall("i", "f", "{}", signature=OWN, extras={PROTOCOL: {"args": None}}),
    ),
    (
        {"functionCall": {"name": "f", "args": {}, "id": "i", "new": 1}},
        ToolCall("i", "f", "{}", extras={PROTOCOL: {"functionCall": {"new": 1}}}),
    ),
    (
        {"inlineData": {"mimeType": "image/png", "data": "QQ==", "displayName": "n"}},
        Media("image", "image/png", "QQ==", name="n"),
    ),
    (
        {"inlineData": {"mimeType": "a/b", "data": "QQ==", "new": 1}},
        Media("file", "a/b", "QQ==", extras={PROTOCOL: {"inlineData": {"new": 1}}}),
    ),
    (
        {"fileData": {"mimeType": "video/mp4", "fileUri": "https://a.b/c"}},
        Media("video", "video/mp4", url="https://a.b/c"),
    ),
    (
        {"fileData": {"fileUri": "gs://a/c"}, "thoughtSignature": SEAL},
        Media(
            "file",
            file_id="gs://a/c",
            signature=OWN,
            extras={PROTOCOL: {"fileData": None}},
        ),
    ),
    (
        {"executableCode": {"code": "1"}},
        Opaque(PROTOCOL, {"executableCode": {"code": "1"}}),
    ),
    (
        {"functionResponse": {"name": "f", "id": "i", "response": {"output": "x"}}},
        ToolResult(
            "i", (Text("x"),), "f", bare=True, extras={PROTOCOL: {"output": None}}
        ),
    ),
    (
        {"functionResponse": {"name": "f", "id": "i", "response": {"a": "x"}}},
        ToolResult("i", (Text('{"a":"x"}'),), "f", bare=True),
    ),
    (
        {"functionResponse": {"name": "f", "id": "i", "response": {"error": "x"}}},
        ToolResult("i", (Text("x"),), "f", error=True, bare=True),
    ),
    (
        {"functionResponse": {"name": "f", "id": "i", "response": {"error": {}}}},
        ToolResult("i", (Text('{"error":{}}'),), "f", error=True, bare=True),
    ),
    (
        {"functionResponse": {"name": "f", "id": "i", "willContinue": True}},
        ToolResult(
            "i",
            (),
            "f",
            bare=True,
            extras={
                PROTOCOL: {"none": None, "functionResponse": {"willContinue": True}}
            },
        ),
    ),
    (
        {
            "functionResponse": {
                "name": "f",
                "id": "i",
                "response": {"result": "x"},
                "parts": [{"inlineData": {"mimeType": "image/png", "data": "QQ=="}}],
            }
        },
        ToolResult(
            "i",
            (Text("x"), Media("image", "image/png", "QQ==")),
            "f",
            bare=False,
            extras={PROTOCOL: {"result": None}},
        ),
    ),
]


@pytest.mark.parametrize(("json_", "part"), PARTS)
def test_part_comes_back(json_: dict[str, Any], part: Part) -> None:
    read = read_part(json_, made)
    signature = getattr(read, "signature", None)

    assert read == part
    assert write_part(read, signature and signature.value) == json_


def test_part_without_ids() -> None:
    """Calls and results without an id get one."""
    call = read_part({"functionCall": {"name": "f"}}, made)
    result = read_part({"functionResponse": {"name": "f", "response": {}}}, made)

    assert isinstance(call, ToolCall)
    assert call.id == "made-f"
    assert isinstance(result, ToolResult)
    assert result.call_id == "made-f"


@pytest.mark.parametrize(
    "name", ["text", "functionCall", "functionResponse", "inlineData", "fileData"]
)
def test_part_of_null(name: str) -> None:
    """A null says nothing, also where something must be said."""
    assert read_part({name: None}, made) == Opaque(PROTOCOL, {name: None})


def test_thought_of_false() -> None:
    assert read_part({"text": "a", "thought": False}, made) == Text("a")


def test_urlsafe_base64() -> None:
    """Google takes the alphabet for URLs; nobody else does."""
    media = read_part({"inlineData": {"data": "_-A="}}, made)

    assert isinstance(media, Media)
    assert media.data == "/+A="


def test_sealed_by_others() -> None:
    """A seal of another provider that was put into Google's slot is found there."""
    slot = base64.b64encode(b"anthropic:c2VhbA==").decode()

    part = read_part({"text": "", "thought": True, "thoughtSignature": slot}, made)

    assert isinstance(part, Thinking)
    assert part.signature == Signature("anthropic", "c2VhbA==")


@pytest.mark.parametrize(
    "json_",
    [
        {"text": 5},
        {"text": "a", "thoughtSignature": 5},
        {"functionCall": {"args": {}}},
        {"functionCall": {"name": "f", "args": []}},
        {"functionCall": {"name": ["f"]}},
        {"inlineData": {"data": 5}},
        {"fileData": {"fileUri": "a", "mimeType": 5}},
        {"functionResponse": {"name": 5}},
    ],
)
def test_part_of_another_shape(json_: dict[str, Any]) -> None:
    with pytest.raises((TypeError, KeyError)):
        read_part(json_, made)


def test_parts_of_others() -> None:
    assert write_part(Opaque("anthropic", {"type": "x"}), None) is None
    assert write_part(Refusal("no"), None) == {"text": "no"}
    assert write_part(ToolCall("", "f"), None) == {
        "functionCall": {"name": "f", "args": {}}
    }
    assert write_part(ToolResult("i", (), "f"), None) == {
        "functionResponse": {"name": "f", "id": "i", "response": {"output": ""}}
    }


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("42", {"output": "42"}),
        ('{"a": 1}', {"a": 1}),
        ('{"a": ', {"output": '{"a": '}),
        ("[1]", {"output": "[1]"}),
    ],
)
def test_result_of_others(text: str, response: Any) -> None:
    """A text becomes an object, in the way that Google documents."""
    json_ = write_part(ToolResult("i", (Text(text),), "f"), None)

    assert json_ == {"functionResponse": {"name": "f", "id": "i", "response": response}}


def test_failed_result() -> None:
    result = ToolResult("", (Text("no"), Text("way")), error=True)

    json_ = write_part(result, None)

    assert json_ == {"functionResponse": {"name": "", "response": {"error": "no\nway"}}}


@pytest.mark.parametrize(
    ("call", "args", "whole"),
    [
        (ToolCall("i", "f", '{"a":1}'), {"a": 1}, True),
        (ToolCall("i", "f", " "), {}, True),
        (ToolCall("i", "f", '{"a'), {"input": '{"a'}, False),
        (ToolCall("i", "f", "[1]"), {"input": [1]}, False),
        (ToolCall("i", "f", "ls", custom=True), {"input": "ls"}, False),
    ],
)
def test_arguments(call: ToolCall, args: Any, whole: bool) -> None:
    """Google wants an object; what is none is wrapped, and that is told."""
    assert arguments(call) == (args, whole)


def test_kinds() -> None:
    kinds = [kind_of(name) for name in ("image/png", "audio/wav", "video/mp4", None)]

    assert kinds == ["image", "audio", "video", "file"]


# Sources and probabilities


def test_citations() -> None:
    """Bytes become characters; what does not fit the text is left out."""
    sources = [
        {"startIndex": 3, "endIndex": 5, "uri": "https://a", "title": "A"},
        {"startIndex": 1, "endIndex": 99},
        {"startIndex": -1, "endIndex": "x"},
    ]
    rest = {"citationMetadata": {"citationSources": sources}, "other": 1}

    found = take_citations(rest, "é!é")

    assert [(c.url, c.title, c.start, c.end) for c in found] == [
        ("https://a", "A", 2, 3),
        (None, None, None, None),
        (None, None, None, None),
    ]
    assert rest == {"other": 1}
    assert write_sources(found, "é!é", grounded=False) == {
        "citationMetadata": {"citationSources": sources}
    }


def test_citations_of_vertex() -> None:
    """Its list has another name; what else is beside it keeps the whole there."""
    rest = {"citationMetadata": {"citations": [{"uri": "u"}], "new": 1}}

    (citation,) = take_citations(rest, "ab")

    assert citation.extras == {PROTOCOL: {"citations": {"uri": "u"}}}
    assert "citationMetadata" in rest


def test_grounding() -> None:
    """Each passage's sources are citations, and the whole stays where it is."""
    metadata = {
        "groundingChunks": [{"web": {"uri": "u", "title": "t"}}, {"new": 1}],
        "groundingSupports": [
            {"segment": {"endIndex": 2}, "groundingChunkIndices": [0, 1, 7]},
            {},
        ],
    }
    rest = {"groundingMetadata": metadata}

    found = take_citations(rest, "abc")

    marked = {PROTOCOL: {"groundingMetadata": None}}
    assert found == [
        Citation("u", "t", start=0, end=2, extras=marked),
        Citation(start=0, end=2, extras=marked),
    ]
    assert rest == {"groundingMetadata": metadata}
    assert write_sources(found, "abc", grounded=True) == {}


def test_citations_of_others() -> None:
    """Characters become bytes; a source that is cited twice is listed once."""
    cited = [Citation("u", "t", start=1, end=2), Citation("u", "t"), Citation()]

    written = write_sources(cited, "éé", grounded=False)

    assert written["groundingMetadata"] == {
        "groundingChunks": [
            {"web": {"uri": "u", "title": "t"}},
            {"web": {"uri": "", "title": ""}},
        ],
        "groundingSupports": [
            {
                "segment": {"startIndex": 2, "endIndex": 4, "text": "é"},
                "groundingChunkIndices": [0],
            },
            {"segment": {"startIndex": 0}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": 0}, "groundingChunkIndices": [1]},
        ],
    }


def test_offset_inside_a_character() -> None:
    rest = {"citationMetadata": {"citations": [{"startIndex": 1, "endIndex": 2}]}}

    (citation,) = take_citations(rest, "é")

    assert (citation.start, citation.end) == (None, 1)


def test_strange_metadata() -> None:
    assert take_citations({"citationMetadata": 5, "groundingMetadata": []}, "a") == []


def test_logprobs() -> None:
    tokens = (
        Logprob("a", -1.5, top=(Logprob("a", -1.5), Logprob("b", -2.0))),
        Logprob("c", -0.5),
    )

    assert read_logprobs(write_logprobs(tokens)) == tokens


def test_logprobs_without_others() -> None:
    result = {"chosenCandidates": [{"token": "a"}]}

    assert read_logprobs(result) == (Logprob("a", 0.0),)


def test_rest_and_index() -> None:
    assert rest_of({"content": 1, "finishReason": 2, "index": 3, "a": 4}) == {"a": 4}
    assert index_of({}, 3) == 3
    for index in ("0", -1, True):
        with pytest.raises(TypeError):
            index_of({"index": index}, 0)


def test_created() -> None:
    assert created_of("2026-05-04T20:01:02.264968Z") == 1777924862
    assert created_of("soon") is None
    assert created_of(5) is None


# Framing

CRLF = b'data: {"a": 1}\r\n\r\n'


@pytest.mark.parametrize("size", FEW)
def test_events(size: int) -> None:
    """Events in CRLF and in LF, comments, and an error that is no event."""
    error = b'{\n  "error": {\n    "code": 499\n  }\n}\n'
    body = CRLF * 2 + b": hi\n\ndata: {}\n\n" + error
    framer = GeminiFramer()

    frames = [frame for cut in cuts(body, size) for frame in framer.feed(cut)]
    frames += framer.eof()

    *events, last = frames
    assert events == [Frame("", b'{"a": 1}')] * 2 + [Frame("", b"{}")]
    assert json.loads(last.data) == {"error": {"code": 499}}


def test_whole_events_at_once() -> None:
    """The usual case: one event in a piece, then several."""
    framer = GeminiFramer()

    assert list(framer.feed(CRLF)) == [Frame("", b'{"a": 1}')]
    assert list(framer.feed(CRLF * 2)) == [Frame("", b'{"a": 1}')] * 2
    assert framer.eof() == []


def test_endless_event() -> None:
    framer = GeminiFramer(max_event=20)

    with pytest.raises(BackendError):
        framer.feed(b"data: " + b"x" * 30)


# Watching


def seen(json_: Any, event: str = "") -> Seen:
    return look(json.dumps(json_).encode(), event)


def test_look() -> None:
    assert seen(
        {
            "candidates": [
                {"index": 1, "finishReason": "STOP", "content": {"parts": []}},
                {
                    "index": 0,
                    "finishReason": 1,
                    "content": {"parts": [{"functionCall": {"name": "f"}}]},
                },
                {"content": {}},
            ],
            "usageMetadata": {"promptTokenCount": 3},
            "modelVersion": "m",
            "responseId": "r",
        }
    ) == Seen(
        "r",
        "m",
        {1: Finish(Stop.END, "STOP"), 0: Finish(Stop.TOOLS, "1")},
        Usage(input=3),
    )


def test_look_at_a_blocked_prompt() -> None:
    blocked = seen({"promptFeedback": {"blockReason": "SAFETY"}})

    assert blocked == Seen(finish={0: Finish(Stop.FILTER, "SAFETY")})
    assert seen({"promptFeedback": {}}) == Seen()


def test_look_at_an_error() -> None:
    fault = seen({"error": {"code": 429, "message": "no"}}).fault

    assert fault is not None
    assert fault.status_code == 429
    named = seen({"message": "no"}, "error").fault
    assert named is not None


def test_look_at_strange_things() -> None:
    """What does not fit tells nothing; what is no JSON is told so."""
    strange = {
        "candidates": [{"index": "x", "finishReason": "STOP"}],
        "usageMetadata": 5,
        "modelVersion": 5,
        "responseId": 5,
    }

    assert seen(strange) == Seen(finish={0: Finish(Stop.END, "STOP")})
    assert seen([1]) == Seen()
    with pytest.raises(msgspec.DecodeError):
        look(b"{", "")


def test_watching() -> None:
    """Each event is looked at, and the finish words suffice."""
    assert WATCHING.finishes
    assert list(WATCHING.spots(b'data: {"a": 1}\n\ndata: {}\n\n')) == [6, 22]
