"""Streams of the dialect, in all the ways in which servers write them (written)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.openai_chat.response import read_reply
from connectors.openai_chat.stream import reader
from gateway.domain import grammar
from gateway.domain.errors import BackendError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    Event,
    Fault,
    Foreign,
    MediaDelta,
    RefusalDelta,
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
)
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.ids import is_made
from gateway.wire.sse import SseFramer
from tests.streams import DONE, cuts, data

HEAD = {"id": "r1", "object": "chat.completion.chunk", "created": 5, "model": "m1"}


def extras(**members: Any) -> dict[str, Any]:
    return {"openai_chat": members}


def chunk(*choices: Any, **members: Any) -> bytes:
    return data({**HEAD, "choices": list(choices), **members})


def delta(
    said: Any, index: int | None = 0, finish: Any = None, **members: Any
) -> dict[str, Any]:
    return {"index": index, "delta": said, "finish_reason": finish, **members}


def read(body: bytes, size: int = 4096) -> list[Event]:
    framer, machine = SseFramer(), reader()
    found = [frame for piece in cuts(body, size) for frame in framer.feed(piece)]
    events = [
        event for frame in [*found, *framer.eof()] for event in machine.feed(frame)
    ]
    events += machine.eof()
    grammar.check(events)
    return events


def parts(*said: Any, finish: str = "stop") -> tuple[Part, ...]:
    """Return what the deltas of one choice come to."""
    body = b"".join(chunk(delta(one)) for one in said)
    body += chunk(delta({}, finish=finish)) + DONE
    return fold(read(body)).choices[0].parts


def fault(body: bytes) -> BackendError:
    *_, last = read(body)
    assert isinstance(last, Fault)
    assert isinstance(last.error, BackendError)
    return last.error


TEXT = (
    chunk(delta({"role": "assistant", "content": "", "refusal": None}), usage=None)
    + chunk(delta({"content": "a"}, logprobs=None), obfuscation="xx")
    + chunk(delta({"content": "b"}))
    + chunk(delta({}, finish="stop"))
    + chunk(usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})
    + DONE
)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_text(size: int) -> None:
    """The common case, however the network cuts it."""
    assert read(TEXT, size) == [
        ReplyStart("r1", "m1", 5),
        BlockStart(0, Text()),
        TextDelta(0, "a"),
        TextDelta(0, "b"),
        UsageUpdate(Usage(3, output=2)),
        BlockEnd(0),
        ChoiceEnd(Finish(Stop.END, "stop")),
        ReplyEnd(),
    ]


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_parallel_calls(size: int) -> None:
    """Their pieces come in turns, told apart by their index."""

    def call(index: int, text: str, **more: Any) -> Any:
        function = {"arguments": text} | more.pop("function", {})
        return {"tool_calls": [{"index": index, "function": function, **more}]}

    body = (
        chunk(delta(call(0, "", id="c1", type="function", function={"name": "f"})))
        + chunk(delta(call(1, "", id="c2", type="function", function={"name": "g"})))
        + chunk(delta(call(0, '{"a":')))
        + chunk(delta(call(1, "{}", id="")))
        + chunk(delta(call(0, "1}", id="c1", function={"name": "f"})))
        + chunk(delta({}, finish="tool_calls"))
        + DONE
    )

    assert read(body, size)[1:] == [
        BlockStart(0, ToolCall("c1", "f")),
        BlockStart(1, ToolCall("c2", "g")),
        ToolInputDelta(0, '{"a":'),
        ToolInputDelta(1, "{}"),
        ToolInputDelta(0, "1}"),
        BlockEnd(0),
        BlockEnd(1),
        ChoiceEnd(Finish(Stop.TOOLS, "tool_calls")),
        ReplyEnd(),
    ]


def function(name: str, text: Any, **more: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": text}, **more}


@pytest.mark.parametrize(
    ("calls", "read_as"),
    [
        (  # without a number, whole, in one chunk: Mistral, Ollama
            [[function("f", "1", id="a"), function("g", "2", id="b")]],
            [("a", "f", "1"), ("b", "g", "2")],
        ),
        (  # the same, in chunks of their own
            [[function("f", "1", id="a")], [function("f", "2", id="b")]],
            [("a", "f", "1"), ("b", "f", "2")],
        ),
        (  # all have the number 0
            [
                [function("f", "1", id="a", index=0)],
                [function("g", "2", id="b", index=0)],
            ],
            [("a", "f", "1"), ("b", "g", "2")],
        ),
        (  # neither number nor id: Gemini's endpoint
            [[function("f", "1", id="")], [function("g", "2")]],
            [("", "f", "1"), ("", "g", "2")],
        ),
        (  # pieces without number or id belong to the last
            [[function("f", '{"a"', id="a")], [{"function": {"arguments": ":1}"}}]],
            [("a", "f", '{"a":1}')],
        ),
        (  # or to the one that the id names
            [
                [function("f", "1", id="a"), function("g", "2", id="b")],
                [{"id": "a", "function": {"arguments": "3"}}],
            ],
            [("a", "f", "13"), ("b", "g", "2")],
        ),
        (  # ids that are numbers, arguments that are an object, or none
            [[function("f", {"a": 1}, id=7), function("g", None, id=8)]],
            [("7", "f", '{"a":1}'), ("8", "g", "")],
        ),
    ],
)
def test_ways_to_send_calls(
    calls: list[Any], read_as: list[tuple[str, str, str]]
) -> None:
    """Servers tell them apart in several ways; a call without an id gets one."""
    found = parts(*({"tool_calls": some} for some in calls), finish="stop")

    said = [
        ("" if is_made(part.id) else part.id, part.name, part.input)
        for part in found
        if isinstance(part, ToolCall)
    ]
    assert said == read_as


def test_made_ids_are_stable() -> None:
    call = {"tool_calls": [function("f", "", id=None), function("f", "", id=None)]}

    first, second = parts(call)
    again = parts(call)

    assert again == (first, second)
    assert first != second


def test_custom_call() -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "t", "input": "4+4"}}

    assert parts({"tool_calls": [{"index": 0, **call}]}) == (
        ToolCall("c", "t", "4+4", custom=True),
    )


def test_seal_of_a_call() -> None:
    """Gemini's stands beside the call, maybe after it began."""
    content = {"google": {"thought_signature": "QQ=="}}
    head = {"index": 0, **function("f", "", id="c"), "x": 1}

    early = parts({"tool_calls": [{**head, "extra_content": content}]})
    late = parts(
        {"tool_calls": [head]}, {"tool_calls": [{"index": 0, "extra_content": content}]}
    )

    seal = Signature("openai_chat", "QQ==")
    assert early == (ToolCall("c", "f", signature=seal, extras=extras(x=1)),)
    assert late == early


def test_deprecated_call() -> None:
    """A ``function_call`` comes in pieces; Snowflake's empty one is none."""
    found = parts(
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
        finish="function_call",
    )

    (call,) = found
    assert isinstance(call, ToolCall)
    assert (call.name, call.input) == ("f", "{}")
    assert call.extras == extras(function_call=None)
    assert parts({"content": "a", "function_call": {"name": "", "arguments": ""}}) == (
        Text("a"),
    )


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_names_of_thoughts(name: str) -> None:
    found = parts({name: "h", "content": None}, {name: "m"}, {"content": "a"})

    assert found == (Thinking("hm", extras=extras(**{name: None})), Text("a"))


def test_thoughts_in_detail() -> None:
    """The details repeat the plain text; a seal comes at their end."""

    def item(**members: Any) -> Any:
        return [{"type": "reasoning.text", "format": "f", "index": 0, **members}]

    found = parts(
        {"reasoning": "h", "reasoning_details": item(text="h", signature="")},
        {"reasoning": "m", "reasoning_details": item(text="m")},
        {"reasoning": "", "reasoning_details": item(text="", signature="QQ==")},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "Wg=="}]},
        {"content": "a"},
    )

    said = {"type": "reasoning.text", "format": "f", "index": 0}
    hidden = {"type": "reasoning.encrypted"}
    assert found == (
        Thinking(
            "hm",
            Signature("openai_chat", "QQ=="),
            extras=extras(reasoning_details=said, reasoning=None),
        ),
        Thinking(
            "",
            Signature("openai_chat", "Wg=="),
            extras=extras(reasoning_details=hidden),
        ),
        Text("a"),
    )


def test_thoughts_beside_their_details() -> None:
    """Plain text that the details do not say is a thought of its own."""
    hidden = {"type": "reasoning.encrypted", "data": "Wg=="}
    odd: Any = [{"type": "reasoning.novelty"}]
    sealed, plain = parts({"reasoning": "hm", "reasoning_details": [hidden]})
    body = chunk(delta({"reasoning": "hm", "reasoning_details": odd}, finish="stop"))

    end = read(body + DONE)[-2]

    assert isinstance(sealed, Thinking)
    assert sealed.signature == Signature("openai_chat", "Wg==")
    assert plain == Thinking("hm", extras=extras(reasoning=None))
    assert isinstance(end, ChoiceEnd)
    assert end.extras == extras(message={"reasoning_details": odd})


@pytest.mark.parametrize(
    "content",
    [
        ["a", {"type": "text", "text": "b"}],
        [{"type": "text", "text": "a"}, {"text": "b"}],
        {"type": "text", "text": "ab"},
    ],
)
def test_content_that_is_no_string(content: Any) -> None:
    assert parts({"content": content}) == (Text("ab"),)


def test_parts_in_content() -> None:
    """Thoughts, pictures and novelties among the content, in their order."""
    thinking = {
        "type": "thinking",
        "thinking": [{"type": "text", "text": "hm"}, {"type": "text"}],
        "signature": "QQ==",
        "closed": True,
    }
    url = "data:image/png;base64,QQ=="
    found = parts(
        {"content": [thinking, {"type": "thinking", "thinking": "!"}]},
        {"content": [{"type": "image_url", "image_url": {"url": url}}]},
        {"content": [{"type": "image_url", "image_url": "https://x/a.png"}]},
        {"content": [{"type": "novelty", "x": 1}]},
        {"content": [{"type": "refusal", "refusal": "No."}]},
    )

    seal = Signature("openai_chat", "QQ==")
    assert found == (
        Thinking("hm!", seal, extras=extras(closed=True)),
        Media("image", "image/png", "QQ=="),
        Media("image", url="https://x/a.png"),
        Opaque("openai_chat", {"type": "novelty", "x": 1}),
        Refusal("No."),
    )


def test_refusal() -> None:
    """An answer of which the model refused is told as that."""
    events = read(
        chunk(delta({"refusal": ""}))
        + chunk(delta({"refusal": "No."}))
        + chunk(delta({}, finish="stop"))
        + DONE
    )

    assert events[1:] == [
        BlockStart(0, Refusal()),
        RefusalDelta(0, "No."),
        BlockEnd(0),
        ChoiceEnd(Finish(Stop.REFUSAL, "stop")),
        ReplyEnd(),
    ]


def test_logprobs() -> None:
    """They belong to the text; those of a refusal ride along."""
    token = {"token": "a", "logprob": -0.5, "bytes": [97]}
    tops = [{"token": "b", "logprob": -1, "bytes": None}]
    content = {"content": [{**token, "top_logprobs": tops}], "refusal": None}
    refused = {"content": None, "refusal": [token]}
    body = (
        chunk(delta({"content": "a"}, logprobs=content))
        + chunk(delta({"content": ""}, logprobs={"content": [token], "refusal": []}))
        + chunk(delta({"refusal": "n"}, logprobs=refused))
        + chunk(delta({}, logprobs=refused, finish="stop"))
        + DONE
    )

    reply = fold(read(body))

    read_ = Logprob("a", -0.5, (97,))
    (choice,) = reply.choices
    assert choice.parts[0] == Text(
        "a", (Logprob("a", -0.5, (97,), (Logprob("b", -1.0),)), read_)
    )
    assert choice.extras == extras(logprobs={"refusal": [token, token]})


def test_older_logprobs() -> None:
    body = chunk(delta({"content": "a"}, finish="stop", logprobs={"tokens": ["a"]}))

    assert fold(read(body + DONE)).choices[0].extras == extras(
        logprobs={"tokens": ["a"]}
    )


def test_annotations() -> None:
    """What a text cites is a citation; other annotations ride along."""
    inner = {"url": "u", "title": "t", "start_index": 0, "end_index": 1, "content": "c"}
    cited = {"type": "url_citation", "url_citation": inner}
    odd = {"type": "url_citation", "url_citation": {"url": 5, "start_index": "0"}}
    file = {"type": "file", "file": {"name": "a.pdf"}}
    body = (
        chunk(delta({"content": "a"}))
        + chunk(delta({"annotations": [cited, file, odd]}, finish="stop"))
        + DONE
    )

    events = read(body)

    assert [e for e in events if isinstance(e, CitationDelta)] == [
        CitationDelta(0, Citation("u", "t", "c", 0, 1, extras(**cited))),
        CitationDelta(0, Citation(extras=extras(**odd))),
    ]
    end = events[-2]
    assert isinstance(end, ChoiceEnd)
    assert end.extras == extras(message={"annotations": [file]})


def test_sound() -> None:
    """It goes on beside the text, and is told until when it is kept."""
    events = read(
        chunk(delta({"audio": {"id": "a1"}}))
        + chunk(delta({"audio": {"data": "QQ==", "transcript": "A"}}))
        + chunk(delta({"content": "b"}))
        + chunk(delta({"audio": {"expires_at": 9}}))
        + chunk(delta({}, finish="stop"))
        + DONE
    )

    assert events[1:] == [
        BlockStart(0, Media("audio", file_id="a1")),
        MediaDelta(0, "QQ==", "A"),
        BlockStart(1, Text()),
        TextDelta(1, "b"),
        BlockEnd(0, extras(expires_at=9)),
        BlockEnd(1),
        ChoiceEnd(Finish(Stop.END, "stop")),
        ReplyEnd(),
    ]


def test_pictures() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}

    assert parts({"content": "a", "images": [picture]}) == (
        Text("a"),
        Media("image", "image/png", "QQ=="),
    )


def test_seal_of_a_text() -> None:
    seal = {"google": {"thought_signature": "QQ=="}}
    events = read(
        chunk(delta({"content": "a"}))
        + chunk(delta({"extra_content": seal}, finish="stop"))
        + DONE
    )

    assert SignatureDelta(0, Signature("openai_chat", "QQ==")) in events


def test_several_choices() -> None:
    """They come in turns, each with an end of its own; what is left out is told."""
    body = (
        chunk(delta({"content": "b"}, 2))
        + chunk(delta({"content": "a"}, 0), delta({}, 2, "length"))
        + chunk(delta({}, 0, "stop"))
        + DONE
    )

    reply = fold(read(body))

    assert [choice.finish for choice in reply.choices] == [
        Finish(Stop.END, "stop"),
        Finish(Stop.OTHER),
        Finish(Stop.LENGTH, "length"),
    ]


@pytest.mark.parametrize("index", [None, "0"])
def test_choice_without_index(index: Any) -> None:
    assert fold(read(chunk(delta({"content": "a"}, index, "stop")) + DONE)).choices


@pytest.mark.parametrize("index", [-1, 128, 10**9])
def test_choice_out_of_bounds(index: int) -> None:
    assert fault(chunk(delta({"content": "a"}, index))).code == "upstream_malformed"


@pytest.mark.parametrize(
    ("members", "finish"),
    [
        ({"stop_reason": "END"}, Finish(Stop.SEQUENCE, "stop", "END")),  # vLLM
        ({"stop_reason": 151645}, Finish(Stop.END, "stop")),  # a token's number
    ],
)
def test_which_stop_sequence(members: dict[str, Any], finish: Finish) -> None:
    body = chunk(delta({"content": "a"}, finish="stop", **members)) + DONE

    assert fold(read(body)).choices[0].finish == finish


def test_the_last_finish_reason_counts() -> None:
    """Some servers write one on each chunk, or go on after it."""
    body = (
        chunk(delta({"content": "a"}, finish="stop"))
        + chunk(delta({"content": "b"}, finish="length"))
        + DONE
    )

    (choice,) = fold(read(body)).choices
    assert choice.parts == (Text("ab"),)
    assert choice.finish == Finish(Stop.LENGTH, "length")


def test_members_that_are_not_modelled() -> None:
    """They are kept where they stood: in the head, in between, or at an end."""
    body = (
        chunk(delta({"content": "a", "channel": "x"}), provider="p", sources=[1])
        + chunk(delta({"content": "b", "name": ""}, seed=4), provider="p", sources=[2])
        + chunk(delta({}, finish="stop", filters={}), timings={"n": 1}, nothing=None)
        + DONE
    )

    events = read(body)

    assert events[0] == ReplyStart("r1", "m1", 5, extras(provider="p", sources=[1]))
    assert [(e.name, e.json) for e in events if isinstance(e, Foreign)] == [
        ("sources", [2]),
        ("timings", {"n": 1}),
    ]
    end = events[-2]
    assert isinstance(end, ChoiceEnd)
    assert end.extras == extras(seed=4, message={"channel": "x"})


def test_first_chunk_that_says_nothing() -> None:
    """Azure's tells of the prompt's filters, and has neither id nor model."""
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
    body = data({**first, "prompt_filter_results": [1]}) + TEXT

    assert read(body)[0] == ReplyStart("r1", "m1", 5, extras(prompt_filter_results=[1]))


def test_head_of_other_types() -> None:
    body = data(
        {"id": 7, "created": 1.5, "model": ["m"], "choices": [delta({}, finish="stop")]}
    )

    assert read(body + DONE)[0] == ReplyStart("7")


@pytest.mark.parametrize(
    ("members", "usage"),
    [
        ({"usage": {"prompt_tokens": 3}}, Usage(3)),
        ({"x_groq": {"usage": {"completion_tokens": 2}}}, Usage(output=2)),
        ({"usage": {"prompt_tokens": None, "completion_tokens": None}}, None),
        ({"x_groq": {"id": "r"}}, None),
        ({"x_groq": "r"}, None),
    ],
)
def test_usage(members: dict[str, Any], usage: Usage | None) -> None:
    """Groq puts it into a member of its own; Databricks says null at first."""
    events = read(chunk(delta({}, finish="stop"), **members) + DONE)

    found = [event.usage for event in events if isinstance(event, UsageUpdate)]
    assert found == ([] if usage is None else [usage])


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_end_without_done(size: int) -> None:
    """A finish reason for each choice will do, as on Alibaba and Perplexity."""
    body = TEXT.removesuffix(DONE)

    assert read(body, size) == read(TEXT)


def test_done_without_finish_reason() -> None:
    """The upstream says that it is done, and not how."""
    events = read(chunk(delta({"content": "a"}, finish="")) + DONE)

    assert events[-2:] == [ChoiceEnd(Finish(Stop.OTHER)), ReplyEnd()]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "upstream_truncated"),
        (chunk(delta({"content": "a"})), "upstream_truncated"),
        (
            chunk(delta({"content": "a"}, 0, "stop"), delta({"content": "b"}, 1)),
            "upstream_truncated",
        ),
        (DONE, "upstream_empty"),
        (chunk() + DONE, "upstream_empty"),
        (b"data: {\n\n", "upstream_malformed"),
        (b"data: [1]\n\n", "upstream_malformed"),
        (b"data: 5\n\n", "upstream_malformed"),
        (chunk(delta({"content": 5})), "upstream_malformed"),
        (chunk(delta({"content": [5]})), "upstream_malformed"),
        (chunk(delta({"tool_calls": [{"index": 0}]})), "upstream_malformed"),
        (chunk("a"), "upstream_malformed"),
        (
            chunk(delta({"tool_calls": [{"function": {"name": ["f"]}}]})),
            "upstream_malformed",
        ),
        (data({"error": {"message": "m", "code": "c"}}), "c"),
        (data({"object": "error", "message": "m", "type": "t"}), "t"),
        (data({"type": "error", "message": "m", "code": "c"}), "c"),
        (b"event: error\n" + data({"message": "m", "code": "c"}), "c"),
        (data([{"error": {"message": "m", "status": "INTERNAL"}}]), "INTERNAL"),
    ],
)
def test_faults(body: bytes, code: str) -> None:
    """A stream that breaks off, or its rules, ends in a fault and in nothing else."""
    assert fault(body).code == code


def test_error_after_a_finish_reason() -> None:
    """The end that was told is told, and so is the error behind it."""
    body = (
        chunk(delta({"content": "a"}, finish="stop"))
        + data({"error": {"message": "m", "code": "late"}})
        + TEXT
    )

    *_, end, last = read(body)

    assert end == ChoiceEnd(Finish(Stop.END, "stop"))
    assert isinstance(last, Fault)


def test_an_error_that_is_none() -> None:
    assert read(chunk(delta({"content": "a"}, finish="stop"), error=None) + DONE)[
        -1
    ] == (ReplyEnd())


def whole(message: Any, **members: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": "stop", **members}
    return {**HEAD, "object": "chat.completion", "choices": [choice]}


def test_whole_answer() -> None:
    """It is read as a stream of one chunk is."""
    message = {"role": "assistant", "content": "ab", "refusal": None}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

    reply = read_reply({**whole(message), "usage": usage})

    assert reply == fold(read(TEXT))


def test_whole_answer_without_an_end() -> None:
    reply = read_reply(whole({"content": "a"}, finish_reason=""))

    assert reply.choices[0].finish is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "upstream_empty"),
        ([], "upstream_invalid_reply"),
        ("text", "upstream_invalid_reply"),
        ({"choices": 5}, "upstream_invalid_reply"),
        ({"choices": []}, "upstream_empty"),
        ({"error": {"message": "m", "code": "c"}}, "c"),
        (whole({"role": "user", "content": 5}), "upstream_invalid_reply"),
    ],
)
def test_whole_answer_that_is_none(body: Any, code: str) -> None:
    with pytest.raises(BackendError) as raised:
        read_reply(json.loads(json.dumps(body)))

    assert raised.value.code == code


def test_role_of_another() -> None:
    reply = read_reply(whole({"role": "model", "content": "a"}))

    assert reply.choices[0].extras == extras(message={"role": "model"})


def test_delta_deltas_of_thought() -> None:
    events = read(chunk(delta({"reasoning": "a"}, finish="stop")) + DONE)

    assert ThinkingDelta(0, "a") in events


def test_all_in_one_delta() -> None:
    """Ollama and others say everything at once; thoughts come first, calls last."""
    call = function("f", "{}", id="c")
    empty = {"type": "thinking", "thinking": []}
    found = parts(
        {"content": "a", "tool_calls": [call], "reasoning": "hm", "hollow": {}},
        {"content": [empty]},
    )

    assert found == (
        Thinking("hm", extras=extras(reasoning=None)),
        Text("a"),
        ToolCall("c", "f", "{}"),
    )
