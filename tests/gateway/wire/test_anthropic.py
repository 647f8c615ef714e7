"""The leaf objects of Anthropic's dialect, and what a ledger sees of it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from gateway.domain.parts import (
    Citation,
    Opaque,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.domain.reply import Finish, Stop, Usage
from gateway.wire.anthropic import (
    PROTOCOL,
    STOPS,
    WATCHING,
    extras_of,
    form,
    look,
    optional,
    own,
    read_finish,
    read_usage,
    spots,
    text_of,
    without,
    write_delta_usage,
    write_finish,
    write_usage,
)
from gateway.wire.anthropic.blocks import (
    read_block,
    read_redacted,
    read_signature,
    redacted,
    rejoined,
    whole_of,
    write_carrier,
    write_input,
    write_thinking,
)
from gateway.wire.anthropic.citations import (
    is_foreign,
    read_citation,
    write_citation,
)

SEAL = Signature("gemini", "c2VhbA==")


# -- names and forms ---------------------------------------------------------
def test_extras() -> None:
    """Members ride along under the protocol's name, and nothing does as nothing."""
    assert extras_of({"a": 1}) == {PROTOCOL: {"a": 1}}
    assert extras_of({}) == {}
    assert own({PROTOCOL: {"a": None}}) == {"a": None}
    assert own({"gemini": {"a": 1}}) == {}
    assert without({"a": 1, "b": 2}, ("a",)) == {"b": 2}


@pytest.mark.parametrize("value", [False, [], None, "custom"])
def test_forms(value: object) -> None:
    """What was said and says nothing comes back, and is a loss for nobody."""
    kept = form("member", value)

    assert list(kept.values()) == [None]
    assert own({PROTOCOL: {"b": 2, **kept}}) == {"b": 2, "member": value}


def test_member_with_an_equals_sign() -> None:
    """A member that a client really called so keeps its value."""
    assert own({PROTOCOL: {"a=1": 3}}) == {"a=1": 3}


def test_texts() -> None:
    assert text_of("a") == optional("a") == "a"
    assert optional(None) is None
    with pytest.raises(TypeError):
        optional(["a"])


# -- ends ----------------------------------------------------------------------
@pytest.mark.parametrize("word", STOPS)
def test_own_stop_reasons(word: str) -> None:
    """Each of the dialect's own words comes back as it was."""
    assert write_finish(read_finish(word)) == word


def test_stop_reason_to_come() -> None:
    """A word that is newer than this code is passed on."""
    assert read_finish("napping") == Finish(Stop.OTHER, "napping")
    assert write_finish(Finish(Stop.OTHER, "napping")) == "napping"


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        (Finish(Stop.END, "stop"), "end_turn"),
        (Finish(Stop.LENGTH, "length"), "max_tokens"),
        (Finish(Stop.FILTER, "content_filter"), "refusal"),
        (Finish(Stop.TOOLS), "tool_use"),
        (Finish(Stop.ERROR, "error"), "error"),
        (Finish(Stop.OTHER), "other"),
        # The same word means another thing there.
        (Finish(Stop.END, "tool_use"), "end_turn"),
    ],
)
def test_stop_reasons_of_others(finish: Finish, word: str) -> None:
    """Another dialect's end is the nearest word; none is made a success."""
    assert write_finish(finish) == word


def test_stop_sequence() -> None:
    assert read_finish("stop_sequence", "END").sequence == "END"
    assert read_finish("stop_sequence", 5).sequence is None


# -- token counts --------------------------------------------------------------
COUNTS = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 4,
    "output_tokens": 20,
    "output_tokens_details": {"thinking_tokens": 5},
    "service_tier": "standard",
}


def test_usage() -> None:
    """The columns are disjoint already; what is not a count is not reported."""
    usage = read_usage(COUNTS)

    assert usage == Usage(10, 4, 3, 20, 5)
    assert usage.raw is COUNTS
    assert read_usage({"input_tokens": True, "output_tokens": 1.5}) == Usage()


def test_own_usage_comes_back_whole() -> None:
    """What this provider reported is written as it was, unknown members too."""
    assert write_usage(read_usage(COUNTS)) == COUNTS
    later = read_usage({"output_tokens": 9, "server_tool_use": {"n": 1}})
    assert write_delta_usage(Usage(input=1), later) == later.raw


def test_usage_of_others() -> None:
    """Both sums are there, known or not: clients' types require them."""
    known = Usage(10, 4, None, 20, 5, raw={"prompt_tokens": 14})

    assert write_usage(known) == {
        "input_tokens": 10,
        "cache_creation_input_tokens": None,
        "cache_read_input_tokens": 4,
        "output_tokens": 20,
        "output_tokens_details": {"thinking_tokens": 5},
    }
    assert write_usage(None)["input_tokens"] == 0
    assert write_delta_usage(Usage(), None) == {"output_tokens": 0}
    assert write_delta_usage(Usage(input=3), Usage(output=7)) == {
        "input_tokens": 3,
        "output_tokens": 7,
    }


# -- blocks ----------------------------------------------------------------------
def test_unsigned_thought() -> None:
    """Clients' types require a signature, so none is an empty one."""
    assert write_thinking("Hm.", None)["signature"] == ""
    assert read_signature("") is None
    assert read_block({"type": "thinking", "thinking": "Hm.", "signature": ""}) == (
        Thinking("Hm.")
    )


def test_foreign_seal() -> None:
    """Another provider's seal crosses in the slot, and comes out of it again."""
    block = write_thinking("Hm.", SEAL)

    assert read_signature(block["signature"]) == SEAL


def test_redacted_thought() -> None:
    """That a thought is nothing but a seal survives dialects with one slot."""
    seal = read_redacted("ZGF0YQ==")

    assert write_thinking("", seal) == {"type": "redacted_thinking", "data": "ZGF0YQ=="}
    assert redacted(seal) == "ZGF0YQ=="
    assert (
        redacted(None) is redacted(SEAL) is redacted(Signature(PROTOCOL, "x")) is None
    )


@pytest.mark.parametrize(
    ("text", "json", "whole"),
    [
        ('{"a": 1}', {"a": 1}, True),
        (" ", {}, True),
        ("[1]", {"INVALID_JSON": "[1]"}, False),
        ('{"a": ', {"INVALID_JSON": '{"a": '}, False),
    ],
)
def test_input(text: str, json: Any, whole: bool) -> None:
    """A call's input has to be an object; what is none is wrapped, never lost."""
    assert write_input(text) == (json, whole)


def test_free_text_input() -> None:
    assert write_input('{"a": 1}', custom=True) == ({"input": '{"a": 1}'}, False)


def test_opaque_whole() -> None:
    """A block of a type to come is put together from its deltas."""
    start = {"type": "server_tool_use", "id": "s", "input": {}}
    pieces = [
        {"type": "input_json_delta", "partial_json": '{"q"'},
        {"type": "input_json_delta", "partial_json": ': "x"}'},
    ]
    assert whole_of(start, pieces) == {**start, "input": {"q": "x"}}
    summary = {"type": "compaction", "content": "a"}
    added = [{"type": "compaction_delta", "content": "b", "n": 1}]
    assert whole_of(summary, added) == {**summary, "content": "ab", "n": 1}


def test_carriers() -> None:
    """A seal of a text or a call stands in a thought beside, and comes back."""
    ahead = write_carrier(SEAL, ahead=True)["signature"]
    behind = write_carrier(SEAL, ahead=False)["signature"]
    thoughts = [Thinking("", Signature(PROTOCOL, value)) for value in (ahead, behind)]
    call, text = ToolCall("t", "n"), Text("x")

    assert rejoined([thoughts[0], call]) == (ToolCall("t", "n", signature=SEAL),)
    assert rejoined([text, thoughts[1]]) == (Text("x", signature=SEAL),)
    # Whoever lost the neighbour lost its seal with it.
    assert rejoined([thoughts[1], Thinking("a")]) == (Thinking("a"),)
    assert rejoined([thoughts[0], Thinking("a"), text])[1] == Text("x", signature=SEAL)


def test_unknown_block() -> None:
    json = {"type": "hologram", "x": 1}
    assert read_block(json) == Opaque(PROTOCOL, json)


@pytest.mark.parametrize(
    "json",
    [
        {"type": "text"},
        {"type": "text", "text": 5},
        {"type": "thinking", "thinking": "", "signature": 5},
        {"type": "redacted_thinking", "data": 1},
        {"type": "tool_use", "id": None, "name": "n"},
    ],
)
def test_broken_block(json: Any) -> None:
    with pytest.raises((KeyError, TypeError)):
        read_block(json)


def test_citations_of_a_block() -> None:
    """A text without citations tells whether it said so."""
    choices: list[Any] = [[], None]
    for citations in choices:
        json = {"type": "text", "text": "a", "citations": citations}
        part = read_block(json)
        assert isinstance(part, Text)
        assert own(part.extras) == {"citations": citations}


def test_call_without_input() -> None:
    block = {"type": "tool_use", "id": "t", "name": "n"}
    assert read_block(block) == ToolCall("t", "n", "")


# -- citations -------------------------------------------------------------------
def test_citations() -> None:
    """The provider's own object comes back whole; a page has one of this dialect."""
    page = {"type": "web_search_result_location", "url": "https://e.org", "title": "E"}
    cited = read_citation({**page, "cited_text": "q", "encrypted_index": "i"})

    assert (cited.url, cited.title, cited.quote) == ("https://e.org", "E", "q")
    assert write_citation(cited) == {**page, "cited_text": "q", "encrypted_index": "i"}
    made = write_citation(Citation("https://e.org", "E"))
    assert made == {**page, "cited_text": "", "encrypted_index": ""}
    assert made is not None
    assert is_foreign(made)
    assert not is_foreign(own(cited.extras))
    assert write_citation(Citation(title="a book")) is None


def test_citation_of_a_search_result() -> None:
    """Its source is a URL only if it looks like one."""
    assert read_citation({"source": "https://e.org"}).url == "https://e.org"
    assert read_citation({"source": "shelf 3", "document_title": "D"}) == Citation(
        title="D", extras={PROTOCOL: {"source": "shelf 3", "document_title": "D"}}
    )


# -- watching ----------------------------------------------------------------------
def event(**members: Any) -> bytes:
    return json.dumps(members).encode()


def test_start() -> None:
    message = {"id": "msg_1", "model": "m", "usage": {"input_tokens": 5}}
    seen = look(event(type="message_start", message=message))

    assert (seen.id, seen.model, seen.usage) == ("msg_1", "m", Usage(input=5))
    assert not seen.last


def test_end() -> None:
    delta = {"stop_reason": "stop_sequence", "stop_sequence": "X"}
    seen = look(event(type="message_delta", delta=delta, usage={"output_tokens": 2}))

    assert seen.finish == {0: Finish(Stop.SEQUENCE, "stop_sequence", "X")}
    assert seen.usage == Usage(output=2)
    assert look(event(type="message_stop")).last


def test_whole() -> None:
    body = event(type="message", id="a", model="m", stop_reason="end_turn", usage={})
    seen = look(body)

    assert (seen.id, seen.finish[0].stop, seen.usage) == ("a", Stop.END, None)


def test_fault() -> None:
    """An error is one by its name, its type or its member."""
    error = {"type": "overloaded_error", "message": "busy"}
    for body, name in (
        (event(type="error", error=error), ""),
        (event(type="x", error=error), ""),
        (event(**error), "error"),
    ):
        seen = look(body, name)
        assert seen.fault is not None
        assert (seen.fault.status_code, seen.last) == (529, True)


def test_lies() -> None:
    """Members of other types say nothing; another shape is no event."""
    assert look(event(type="message", id=5, model=[], stop_reason=3, usage="x")) == (
        look(event(type="message"))
    )
    assert look(b"[1]").fault is None
    with pytest.raises(msgspec.DecodeError):
        look(b"{")


def test_spots() -> None:
    """What matters is found, and no text looks like it."""
    text = event(type="content_block_delta", delta={"text": '"error" "message_stop"'})
    assert list(spots(text)) == []
    assert list(spots(b'{"text": "plain"}')) == []
    both = b'{"type": "error"}\n\n{"type":"message_delta"}'
    assert spots(both) == [both.index(b'"error"'), both.index(b'"message_delta"')]
    assert WATCHING.spots is spots
