"""What is read out of the dialect, in all the ways in which servers write it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire import openai_chat as chat
from gateway.wire.openai_chat.parts import joined
from gateway.wire.sse import parse
from gateway.wire.watching import Seen


def usage(**members: Any) -> Usage:
    return chat.read_usage(members)


@pytest.mark.parametrize(
    ("json", "columns"),
    [
        ({}, (None, None, None, None, None)),
        ({"prompt_tokens": 3, "completion_tokens": 2}, (3, None, None, 2, None)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, (0, None, None, 0, None)),
        (  # OpenAI
            {
                "prompt_tokens": 10,
                "completion_tokens": 8,
                "total_tokens": 18,
                "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            (6, 4, None, 8, 5),
        ),
        (  # xAI: reasoning stands beside the output; only the total tells
            {
                "prompt_tokens": 466,
                "completion_tokens": 68,
                "total_tokens": 800,
                "completion_tokens_details": {"reasoning_tokens": 266},
            },
            (466, None, None, 334, 266),
        ),
        (  # Gemini's compatible endpoint: the total is neither
            {"prompt_tokens": 66, "completion_tokens": 6, "total_tokens": 100},
            (66, None, None, 6, None),
        ),
        (  # DeepSeek
            {
                "prompt_tokens": 10,
                "completion_tokens": 1,
                "prompt_cache_hit_tokens": 7,
                "prompt_cache_miss_tokens": 3,
            },
            (3, 7, None, 1, None),
        ),
        (  # Together
            {"prompt_tokens": 10, "completion_tokens": 1, "cached_tokens": 0},
            (10, 0, None, 1, None),
        ),
        (  # OpenRouter
            {
                "prompt_tokens": 10,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 5},
            },
            (3, 2, 5, 1, None),
        ),
        (  # Databricks: nulls
            {
                "prompt_tokens": None,
                "completion_tokens": None,
                "total_tokens": None,
                "prompt_tokens_details": None,
                "completion_tokens_details": None,
            },
            (None, None, None, None, None),
        ),
        (
            {"prompt_tokens": "7", "completion_tokens": [1], "total_tokens": {}},
            (None, None, None, None, None),
        ),
        ({"prompt_tokens": 7.0, "completion_tokens": 2.0}, (7, None, None, 2, None)),
        (
            {"completion_tokens_details": {"reasoning_tokens": 5}},
            (None, None, None, None, 5),
        ),
        ({"prompt_tokens_details": "none"}, (None, None, None, None, None)),
    ],
)
def test_read_usage(json: dict[str, Any], columns: tuple[int | None, ...]) -> None:
    """Disjoint columns; what is not reported is not zero."""
    read = chat.read_usage(json)

    assert read == Usage(*columns)
    assert read.raw == json


def test_input_is_counted_once() -> None:
    """The columns add up to what the provider calls the prompt."""
    details = {"cached_tokens": 2, "cache_write_tokens": 5}

    assert usage(prompt_tokens=10, prompt_tokens_details=details).input_total == 10


counts = st.none() | st.integers(0, 10**9)


@given(st.builds(Usage, counts, counts, st.none(), counts, counts))
def test_usage_there_and_back(usage: Usage) -> None:
    """What the gateway writes, a gateway reads."""
    read = chat.read_usage(chat.write_usage(usage))

    assert read.input_total == (usage.input_total or 0)
    assert read.cache_read == usage.cache_read
    assert read.reasoning == usage.reasoning
    assert read.output == (usage.output or 0)


@pytest.mark.parametrize(
    ("word", "stop"),
    [
        ("stop", Stop.END),
        ("eos", Stop.END),
        ("length", Stop.LENGTH),
        ("tool_calls", Stop.TOOLS),
        ("function_call", Stop.TOOLS),
        ("content_filter", Stop.FILTER),
        ("error", Stop.ERROR),
        ("a novelty", Stop.OTHER),
    ],
)
def test_finish(word: str, stop: Stop) -> None:
    assert chat.read_finish(word) == Finish(stop, word)


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        (Finish(Stop.END, "eos"), "eos"),
        (Finish(Stop.END, "end_turn"), "stop"),
        (Finish(Stop.TOOLS, "stop"), "tool_calls"),
        (Finish(Stop.SEQUENCE), "stop"),
        (Finish(Stop.REFUSAL), "stop"),
        (Finish(Stop.LENGTH), "length"),
        (Finish(Stop.TOOLS), "tool_calls"),
        (Finish(Stop.FILTER), "content_filter"),
        (Finish(Stop.OTHER, "a novelty"), "a novelty"),
        (Finish(Stop.OTHER), "other"),
    ],
)
def test_write_finish(finish: Finish, word: str) -> None:
    """The dialect's own words, where it has one."""
    assert chat.write_finish(finish) == word


def test_extras_of() -> None:
    assert chat.extras_of({"a": 1}) == {"openai_chat": {"a": 1}}
    assert chat.extras_of({}) == {}


def sniff(**members: Any) -> chat.Sniffed:
    seen = chat.sniff(json.dumps(members).encode())
    assert seen is not None
    return seen


def test_sniff() -> None:
    seen = sniff(
        id="chatcmpl-1",
        model="m",
        choices=[{"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None}],
        usage={"prompt_tokens": 1},
    )

    assert (seen.id, seen.model) == ("chatcmpl-1", "m")
    assert seen.finishes() == {0: Finish(Stop.END, "stop")}
    assert seen.tokens() == Usage(input=1)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (None, {}),
        ([], {}),
        ([{}], {}),
        ([{"finish_reason": None}], {}),
        ([{"finish_reason": ""}], {}),  # Snowflake
        ([{"finish_reason": 1}], {}),
        ([{"finish_reason": "stop"}], {0: "stop"}),
        ([{}, {"finish_reason": "stop"}], {1: "stop"}),
        ([{"index": 2, "finish_reason": "eos"}], {2: "eos"}),
        ([{"index": "2", "finish_reason": "stop"}], {0: "stop"}),
        ([{"index": None, "finish_reason": "stop"}], {0: "stop"}),
    ],
)
def test_finishes(choices: Any, words: dict[int, str]) -> None:
    found = sniff(choices=choices).finishes()

    assert {index: finish.raw for index, finish in found.items()} == words


@pytest.mark.parametrize(
    ("members", "tokens"),
    [
        ({}, None),
        ({"usage": None}, None),
        ({"usage": {}}, None),
        ({"usage": "none"}, None),
        ({"usage": {"prompt_tokens": 1}}, 1),
        ({"x_groq": {"usage": {"prompt_tokens": 2}}}, 2),
        ({"x_groq": {"usage": {"prompt_tokens": 2}}, "usage": None}, 2),
        ({"x_groq": {"id": "req_1"}}, None),
        ({"x_groq": "req_1"}, None),
    ],
)
def test_tokens(members: dict[str, Any], tokens: int | None) -> None:
    read = sniff(**members).tokens()

    assert (read.input if read else None) == tokens


@pytest.mark.parametrize("data", [b"[]", b'"text"', b"1", b'{"choices":{}}', b"null"])
def test_not_of_this_dialect(data: bytes) -> None:
    assert chat.sniff(data) is None


def test_no_json() -> None:
    with pytest.raises(msgspec.DecodeError):
        chat.sniff(b"<html>")


blanks = st.text(" \t\r\n", max_size=2)
mattering = st.sampled_from(
    [
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [{"finish_reason": "x", "index": 0}]},
        {"choices": [], "usage": {"prompt_tokens": 1}},
        {"usage": {"a": {}}, "choices": [{"finish_reason": None}]},
        {"x_groq": {"id": "1", "usage": {"queue_time": 0.1}}},
        {"error": {"message": "m", "code": 429}},
        {"error": "text"},
        {"object": "error", "message": "m"},
    ]
)
texts = st.text(max_size=20) | st.sampled_from(['"usage":{', "[DONE]", "\\", '"'])


def spelt(value: Any, gap: str) -> str:
    """Return *value* as JSON with *gap* wherever blanks may stand."""
    match value:
        case dict():
            inner = f"{gap},{gap}".join(
                f"{json.dumps(k)}{gap}:{gap}{spelt(v, gap)}" for k, v in value.items()
            )
            return f"{{{gap}{inner}{gap}}}"
        case list():
            inner = f"{gap},{gap}".join(spelt(v, gap) for v in value)
            return f"[{gap}{inner}{gap}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


@given(mattering, blanks, texts, texts)
def test_nothing_that_matters_is_missed(
    chunk: dict[str, Any], gap: str, before: str, after: str
) -> None:
    """Wherever the member stands and however the JSON is laid out."""
    frame = {"id": before} | chunk | {"system_fingerprint": after}

    assert chat.spots(spelt(frame, gap).encode("utf-8", "surrogatepass"))


@given(mattering, texts)
def test_nothing_is_missed_over_several_lines(chunk: Any, text: str) -> None:
    """Pretty JSON takes a data line for each of its own."""
    pretty = json.dumps({"id": text} | chunk, indent=1)
    lines = [f"data: {line}\n" for line in pretty.split("\n")]
    frame = parse("".join([*lines, "\n"]).encode())

    assert frame is not None
    assert chat.spots(frame.data)


def test_done_matters_wherever_it_is() -> None:
    """What a cut puts into one read with it makes no difference."""
    tail = b'data: {"a":"' + b"x" * 500 + b'"}\n\n'

    assert chat.spots(b"data: [DONE]\n\n" + tail)
    assert chat.spots(tail + b"data:[DONE]\n\n")


def test_spots_are_in_order() -> None:
    data = b'[DONE] "usage" : {} "error" "finish_reason":"" [DONE]'

    assert list(chat.spots(data)) == [0, 7, 20, 28, 47]


# A token that is just "error" costs a needless look.
@given(st.text(max_size=30).filter(lambda t: "[DONE]" not in t and t != "error"))
def test_text_does_not_matter(text: str) -> None:
    """The ninety-nine chunks in a hundred are passed with a glance."""
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "1", "choices": [delta], "usage": None}

    assert not chat.spots(json.dumps(chunk).encode())


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (b"{}", b'{"stream_options":{"include_usage":true}}'),
        (b'{"n":1}', b'{"stream_options":{"include_usage":true},"n":1}'),
        (b'{"stream_options":null}', b'{"stream_options":{"include_usage":true}}'),
        (b'{"stream_options": 1 }', b'{"stream_options": {"include_usage":true} }'),
        (
            b'{"stream_options":{"include_usage": false, "a": "\\ud800"},"n":1}',
            b'{"stream_options":{"include_usage": true, "a": "\\ud800"},"n":1}',
        ),
        (
            b'{"stream_options":{"a":12345678901234567890123}}',
            b'{"stream_options":{"include_usage":true,"a":12345678901234567890123}}',
        ),
        (
            b'{"stream_options":{"a":1},"stream_options":{}}',
            b"{%b,%b}" % ((b'"stream_options":{"include_usage":true}',) * 2),
        ),
    ],
)
def test_asking_for_usage(body: bytes, asked: bytes) -> None:
    """Nothing else of the request changes, inside the options neither."""
    assert chat.asking_for_usage(body) == asked


def test_look() -> None:
    """One event's words, or a whole answer's."""
    said = {
        "id": "r1",
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1},
    }

    seen = chat.WATCHING.look(json.dumps(said).encode(), "")

    assert seen == Seen("r1", "m", {0: Finish(Stop.END, "stop")}, Usage(1))
    assert chat.WATCHING.finishes


@pytest.mark.parametrize("data", [b"[DONE]", b" [DONE]\n"])
def test_last_word(data: bytes) -> None:
    assert chat.look(data) == Seen(last=True)


@pytest.mark.parametrize(
    ("said", "event", "code"),
    [
        ({"error": {"message": "m", "code": "c"}}, "", "c"),
        ({"message": "m", "code": "c"}, "error", "c"),
        ({"object": "error", "message": "m", "type": "t"}, "", "t"),
        ({"type": "error", "message": "m", "code": "c"}, "", "c"),
        ([{"error": {"message": "m", "code": "c"}}], "", "c"),
        ({"error": {"code": "c"}, "choices": [{"finish_reason": "error"}]}, "", "c"),
    ],
)
def test_faults_that_pass(said: Any, event: str, code: str) -> None:
    """An error is told in the place of all else."""
    seen = chat.look(json.dumps(said).encode(), event)

    assert seen.fault is not None
    assert seen.fault.code == code
    assert seen.finish == {}


def test_embeddings_and_older_completions() -> None:
    """They have the same members as far as a ledger goes."""
    older = b'{"id":"c","choices":[{"text":"a","index":0,"finish_reason":"length"}]}'
    vectors = b'{"object":"list","data":[],"model":"m","usage":{"prompt_tokens":4}}'

    assert chat.look(older).finish == {0: Finish(Stop.LENGTH, "length")}
    assert chat.look(vectors).usage == Usage(4)
    assert chat.look(b'{"id":"","model":5}') == Seen()


def test_usage_of_the_same_dialect() -> None:
    """The provider's own object goes on where it says the same."""
    raw = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "cost": 0.1}

    assert chat.write_usage(chat.read_usage(raw)) is raw
    assert "cost" not in chat.write_usage(Usage(9, raw=raw))
    assert chat.write_usage(Usage(3, raw={"input_tokens": 3}))["prompt_tokens"] == 3


def test_usage_with_both_caches() -> None:
    json_ = chat.write_usage(Usage(1, 2, 4, 8, 3))

    assert json_ == {
        "prompt_tokens": 7,
        "completion_tokens": 8,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }


def test_numbers_only() -> None:
    assert usage(prompt_tokens=True) == Usage()


def test_ending() -> None:
    """How events end that do not matter: with no finish reason, and little else."""
    chunk = b'data: {"choices":[{"delta":{"content":"a"},%b}]%b}\n\n'
    idle = b'"finish_reason":null'

    assert chat.ending(chunk % (idle, b"")) == idle + b"}]}\n\n"
    assert chat.ending(chunk % (b'"finish_reason":"stop"', b"")) == b""
    assert chat.ending(chunk % (idle, b',"usage":{}')) == b""
    assert chat.ending(chunk % (idle, b',"p":"' + b"x" * 300 + b'"')) == b""


def test_joined() -> None:
    """Objects are joined, all else is replaced."""
    one: dict[str, Any] = {"a": {"x": 1, "y": {"z": 1}}, "b": 1, "c": [1]}
    other: dict[str, Any] = {"a": {"y": {"w": 2}}, "b": 2, "c": {}}

    assert joined(one, other) == {
        "a": {"x": 1, "y": {"z": 1, "w": 2}},
        "b": 2,
        "c": {},
    }
