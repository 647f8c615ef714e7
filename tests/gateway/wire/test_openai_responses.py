"""The leaf objects and tables of the Responses dialect."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from attrs import evolve

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
from gateway.domain.request import OutputFormat, Reasoning, Tool, ToolChoice
from gateway.wire.openai_responses import (
    PROTOCOL,
    WATCHING,
    own,
    read_failure,
    read_finish,
    read_usage,
    write_status,
    write_usage,
)
from gateway.wire.openai_responses.items import (
    read_item,
    sealed_behind,
    split,
    write_item,
)
from gateway.wire.openai_responses.leaves import (
    read_citation,
    read_logprobs,
    write_citations,
    write_logprobs,
    write_text,
)
from gateway.wire.openai_responses.names import said
from gateway.wire.openai_responses.response import (
    beside_output,
    reply_extras,
    unfolded,
)
from gateway.wire.openai_responses.seals import (
    is_behind,
    name_in,
    read_seal,
    write_seal,
)
from gateway.wire.openai_responses.settings import (
    HOSTED,
    write_choice,
    write_format,
    write_reasoning,
    write_tools,
)

COUNTS = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 120,
}


def look(value: Any, event: str = "") -> Any:
    return WATCHING.look(json.dumps(value).encode(), event)


class TestUsage:
    def test_columns(self) -> None:
        """What came from and went into a cache is taken out of the input."""
        assert read_usage(COUNTS) == Usage(30, 60, 10, 20, 5)

    def test_own_object(self) -> None:
        """A provider's own object comes back with all that is in it."""
        usage = read_usage({**COUNTS, "cost": 0.1})

        assert write_usage(usage) == {**COUNTS, "cost": 0.1}

    def test_counts_of_another(self) -> None:
        """Counts of Anthropic's have two of the names, and are added up anew."""
        usage = Usage(3, output=4, raw={"input_tokens": 3, "output_tokens": 4})

        assert write_usage(usage) == {
            "input_tokens": 3,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 4,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 7,
        }

    @pytest.mark.parametrize("number", [None, "7", True, 7.5])
    def test_no_count(self, number: Any) -> None:
        """What is no whole number counts as not reported."""
        assert read_usage({"input_tokens": number}) == Usage()

    def test_whole_fraction(self) -> None:
        """A whole number may be written as a fraction."""
        assert read_usage({"output_tokens": 7.0}).output == 7


class TestOutcome:
    @pytest.mark.parametrize(
        ("output", "stop"),
        [
            (None, Stop.END),
            ([], Stop.END),
            ("odd", Stop.END),
            ([{"type": "function_call"}], Stop.TOOLS),
            ([{"type": "custom_tool_call"}, "odd"], Stop.TOOLS),
            ([{"type": "message", "content": [{"type": "refusal"}]}], Stop.REFUSAL),
            ([{"type": "message", "content": "odd"}], Stop.END),
            ([{"type": "message", "content": [1]}], Stop.END),
        ],
    )
    def test_completed(self, output: Any, stop: Stop) -> None:
        """The output tells calls and refusals, which the status does not."""
        response = {"status": "completed", "output": output}

        assert read_finish(response) == Finish(stop, "completed")

    @pytest.mark.parametrize(
        ("details", "finish"),
        [
            ({"reason": "max_output_tokens"}, Finish(Stop.LENGTH, "max_output_tokens")),
            ({"reason": "content_filter"}, Finish(Stop.FILTER, "content_filter")),
            ({"reason": "steered"}, Finish(Stop.OTHER, "steered")),
            ({"reason": 1}, Finish(Stop.OTHER, "incomplete")),
            (None, Finish(Stop.OTHER, "incomplete")),
        ],
    )
    def test_incomplete(self, details: Any, finish: Finish) -> None:
        """The reason is the word that is kept."""
        response = {"status": "incomplete", "incomplete_details": details}

        assert read_finish(response) == finish

    @pytest.mark.parametrize("status", [None, "queued", "in_progress", 3])
    def test_not_ended(self, status: Any) -> None:
        """What goes on, or says nothing, has no finish."""
        assert read_finish({"status": status}) is None

    def test_cancelled(self) -> None:
        """A status of another kind is kept as it is, both ways."""
        finish = read_finish({"status": "cancelled"})

        assert finish == Finish(Stop.OTHER, "cancelled")
        assert write_status(finish) == ("cancelled", None)

    @pytest.mark.parametrize(
        ("finish", "status", "reason"),
        [
            (Finish(Stop.END), "completed", None),
            (Finish(Stop.TOOLS), "completed", None),
            (Finish(Stop.SEQUENCE), "completed", None),
            (Finish(Stop.ERROR), "failed", None),
            (Finish(Stop.LENGTH), "incomplete", "max_output_tokens"),
            (Finish(Stop.FILTER), "incomplete", "content_filter"),
            (Finish(Stop.REFUSAL), "incomplete", "content_filter"),
            (Finish(Stop.OTHER, "pause_turn"), "incomplete", "pause_turn"),
            (Finish(Stop.OTHER, "incomplete"), "incomplete", None),
            (Finish(Stop.OTHER), "incomplete", None),
        ],
    )
    def test_status(self, finish: Finish, status: str, reason: str | None) -> None:
        """An answer that is not known to be whole does not pass for one."""
        details = None if reason is None else {"reason": reason}

        assert write_status(finish) == (status, details)

    def test_refusal_that_is_there(self) -> None:
        """A refusal that the client can read is a whole answer."""
        output = [{"type": "message", "content": [{"type": "refusal"}]}]

        assert write_status(Finish(Stop.REFUSAL), output) == ("completed", None)

    def test_failure(self) -> None:
        """A failed response is an error with its words, or with ours."""
        told = read_failure({"error": {"code": "server_error", "message": "no"}})
        silent = read_failure({"error": None})

        assert (told.message, told.code, told.status_code) == (
            "no",
            "server_error",
            500,
        )
        assert silent.code == "upstream_failed"


class TestWatching:
    def test_created(self) -> None:
        """The first event tells who answers."""
        response = {"id": "r", "model": "m", "status": "in_progress", "usage": None}

        seen = look({"type": "response.created", "response": response})

        assert (seen.id, seen.model, seen.finish, seen.last) == ("r", "m", {}, False)

    @pytest.mark.parametrize("kind", ["response.completed", None])
    def test_last(self, kind: str | None) -> None:
        """A last event and a whole response tell the same."""
        response = {
            "object": "response",
            "id": 1,
            "model": None,
            "status": "completed",
            "usage": COUNTS,
        }
        value = response if kind is None else {"type": kind, "response": response}

        seen = look(value)

        assert seen.finish == {0: Finish(Stop.END, "completed")}
        assert seen.usage == read_usage(COUNTS)
        assert seen.last
        assert (seen.id, seen.model) == (None, None)

    def test_failed(self) -> None:
        """A failed response is a fault and the end."""
        response = {"status": "failed", "error": {"code": "x", "message": "no"}}

        seen = look({"type": "response.failed", "response": response})

        assert seen.fault.message == "no"
        assert (seen.finish, seen.last) == ({}, True)

    @pytest.mark.parametrize(
        "value",
        [
            {"type": "error", "code": "c", "message": "no"},
            {"type": "error", "error": {"code": "c", "message": "no"}},
            {"error": {"code": "c", "message": "no"}},
            [{"error": {"code": "c", "message": "no"}}],
        ],
    )
    def test_error(self, value: Any) -> None:
        """An error is one, flat or inside a member."""
        seen = look(value)

        assert (seen.fault.message, seen.fault.code) == ("no", "c")

    def test_error_by_its_name(self) -> None:
        """A frame named error is one whatever is in it."""
        assert look({"message": "no"}, "error").fault.message == "no"

    @pytest.mark.parametrize(
        "value", [{"type": "response.output_text.delta", "delta": "x"}, {"a": 1}, 3]
    )
    def test_nothing(self, value: Any) -> None:
        """Most events tell a ledger nothing."""
        assert look(value).fault is None
        assert not look(value).last

    def test_done(self) -> None:
        """OpenRouter says so in the words of chat, too."""
        assert WATCHING.look(b"[DONE]", "").last

    def test_no_json(self) -> None:
        """What is no JSON is for the caller to handle."""
        with pytest.raises(msgspec.DecodeError):
            WATCHING.look(b"{", "")

    def test_spots(self) -> None:
        """Only members can be spotted: a quote inside a text is escaped."""
        text = json.dumps({"delta": 'say "response" and "error"'}).encode()
        last = b'{"type":"response.completed","response":{"error":null}}'

        assert list(WATCHING.spots(text)) == []
        assert [last[at : at + 7] for at in WATCHING.spots(last)] == [
            b'"respon',
            b'"error"',
        ]


class TestSeals:
    def test_own(self) -> None:
        """A seal of this dialect travels with the id of its item."""
        signature = read_seal("gAAA", "rs_1")

        assert signature == Signature(PROTOCOL, "rs_1:gAAA")
        assert (name_in(signature), write_seal(signature)) == ("rs_1", "gAAA")

    @pytest.mark.parametrize("value", ["gAAA", "g:AAA"])
    def test_without_a_name(self, value: str) -> None:
        """Without an id the value is still told apart."""
        signature = read_seal(value)

        assert (name_in(signature), write_seal(signature)) == (None, value)

    def test_of_another(self) -> None:
        """Another's seal is carried, and comes out as its own."""
        signature = Signature("anthropic", "AAA")

        value = write_seal(signature)

        assert value == "anthropic:AAA"
        assert read_seal(value, "rs_1") == signature
        assert name_in(signature) is None
        assert not is_behind(value)

    def test_behind(self) -> None:
        """The seal of a text or call says that it belongs to what stands before."""
        signature = Signature("gemini", "AAA")

        value = write_seal(signature, behind=True)

        assert is_behind(value)
        assert read_seal(value) == signature


class TestLeaves:
    def test_logprobs(self) -> None:
        """Tokens come back with their bytes and their rivals."""
        tokens = [
            {
                "token": "é",
                "logprob": -0.5,
                "bytes": [195, 169],
                "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": [101]}],
            }
        ]

        assert write_logprobs(read_logprobs(tokens)) == tokens

    def test_no_bytes(self) -> None:
        """Who tells no bytes has told none."""
        assert read_logprobs([{"token": "a", "logprob": -1}])[0].bytes is None

    def test_no_text(self) -> None:
        """A text that is none is an answer of another shape."""
        with pytest.raises(TypeError):
            read_item({**MESSAGE, "content": [{**TEXT, "text": 1}]}, 0)

    def test_list_that_is_not_empty(self) -> None:
        """A list that was left out is written once there is something in it."""
        (text,) = read_item(
            {**MESSAGE, "content": [{"type": "output_text", "text": "a"}]}, 0
        )
        assert isinstance(text, Text)

        cited = evolve(text, citations=(Citation("http://x"),))

        assert len(write_text(cited)["annotations"]) == 1
        assert "logprobs" not in write_text(cited)

    def test_bytes_are_promised(self) -> None:
        """Where nobody told the bytes they are those of the token."""
        assert write_logprobs([Logprob("é", -1.0)])[0]["bytes"] == [195, 169]

    def test_citation(self) -> None:
        """A source of this dialect comes back whole, and a URL of another's."""
        json_ = {
            "type": "container_file_citation",
            "file_id": "f",
            "filename": "a.txt",
            "start_index": 1,
            "end_index": True,
        }

        citation = read_citation(json_)

        assert (citation.title, citation.start, citation.end) == ("a.txt", 1, None)
        assert write_citations([citation, Citation(), Citation("http://x")]) == [
            json_,
            {
                "type": "url_citation",
                "start_index": 0,
                "end_index": 0,
                "title": "",
                "url": "http://x",
            },
        ]

    def test_no_extras(self) -> None:
        """A thing of another dialect has none of ours."""
        assert said({"anthropic": {"a": 1}}) == {}
        assert own({}) == {}


TEXT = {"type": "output_text", "annotations": [], "logprobs": [], "text": "a"}
MESSAGE = {"id": "m", "type": "message", "status": "completed", "role": "assistant"}
THOUGHT = {"type": "summary_text", "text": "s"}

ITEMS: dict[str, dict[str, Any]] = {
    "message": {**MESSAGE, "content": [TEXT]},
    "phase": {**MESSAGE, "phase": "commentary", "content": [TEXT, TEXT]},
    "empty": {**MESSAGE, "content": []},
    "easy": {"role": "assistant", "content": "a"},
    "easy list": {
        "role": "assistant",
        "content": [{"type": "output_text", "text": "a"}],
    },
    "nulls": {**MESSAGE, "content": [{**TEXT, "logprobs": None, "annotations": None}]},
    "refusal": {**MESSAGE, "content": [{"type": "refusal", "refusal": "no", "x": 1}]},
    "unknown part": {**MESSAGE, "content": [TEXT, {"type": "odd"}, TEXT]},
    "unknown part first": {**MESSAGE, "content": [{"type": "odd"}]},
    "thought": {"id": "r", "type": "reasoning", "summary": [THOUGHT]},
    "thoughts": {
        "id": "r",
        "type": "reasoning",
        "status": "completed",
        "summary": [THOUGHT, {**THOUGHT, "new": 1}],
        "content": [{"type": "reasoning_text", "text": "c"}],
        "encrypted_content": "g",
    },
    "only a seal": {"type": "reasoning", "summary": [], "encrypted_content": "g"},
    "nothing": {"type": "reasoning", "summary": [], "content": [], "format": "x"},
    "no seal": {"type": "reasoning", "summary": [THOUGHT], "encrypted_content": None},
    "call": {
        "type": "function_call",
        "id": "f",
        "status": "completed",
        "call_id": "c",
        "name": "n",
        "arguments": "{}",
        "namespace": "ns",
    },
    "bare call": {
        "type": "function_call",
        "call_id": "c",
        "name": "n",
        "arguments": "{}",
    },
    "custom": {"type": "custom_tool_call", "call_id": "c", "name": "n", "input": "x"},
    "hosted": {"type": "web_search_call", "id": "w"},
    "reference": {"id": "w"},
    "another's message": {"type": "message", "role": "user", "content": "x"},
}


@pytest.mark.parametrize("name", ITEMS)
def test_item(name: str) -> None:
    """Each item comes back as it was, with an id or without."""
    assert write_item([*read_item(ITEMS[name], 0)]) == ITEMS[name]
    assert write_item([*read_item(ITEMS[name], 0)], "N") == ITEMS[name]


def test_bookkeeping_of_several_parts() -> None:
    """The first part knows what a stream would tell first, the last one all."""
    first, last = read_item(ITEMS["phase"], 3)

    assert own(first.extras) == {
        "item": {"id": "m", "type": "message"},
        "phase": "commentary",
    }
    assert own(last.extras) == {
        "item": {"id": "m", "type": "message", "status": "completed"}
    }
    assert (first.group, last.group) == (3, 3)


class TestSplit:
    def test_groups(self) -> None:
        """Parts of one item stand together, and those of two do not."""
        parts: list[Part] = [
            *read_item(ITEMS["phase"], 0),
            *read_item(ITEMS["message"], 1),
            *read_item(ITEMS["call"], 2),
        ]

        assert [len(item) for item in split(parts)] == [2, 1, 1]

    def test_of_another_protocol(self) -> None:
        """Texts that follow each other are one message; a seal ends thoughts."""
        seal = Signature("anthropic", "x")
        parts: list[Part] = [
            Thinking("a"),
            Thinking("b", seal),
            Thinking("c", seal),
            Text("d"),
            Refusal("e"),
            Text("f", signature=Signature("gemini", "g")),
            Text("h"),
            ToolCall("1", "n"),
            ToolCall("2", "n"),
            Opaque("anthropic", {}),
        ]

        assert [len(item) for item in split(parts)] == [2, 1, 3, 1, 1, 1, 1]


class TestMade:
    def test_message(self) -> None:
        """An answer needs ids and a status; a request has neither."""
        assert write_item([Text("a")], "N")["id"] == "msg_N"
        assert write_item([Text("a")], "N")["status"] == "completed"
        assert "id" not in write_item([Text("a")])

    def test_thought(self) -> None:
        """A sealed thought has the id that its seal brings, or a made one."""
        known = write_item([Thinking("a", read_seal("g", "rs_7"))])
        made = write_item([Thinking("a", Signature("anthropic", "x"))], "N")

        assert known["id"] == "rs_7"
        assert made == {
            "type": "reasoning",
            "id": "rs_N",
            "summary": [{"type": "summary_text", "text": "a"}],
            "encrypted_content": "anthropic:x",
        }

    def test_picture(self) -> None:
        """A picture of a model's is what OpenAI's own makes one with."""
        assert write_item([Media("image", "image/webp", "AA")], "N") == {
            "type": "image_generation_call",
            "id": "ig_N",
            "status": "completed",
            "result": "AA",
            "output_format": "webp",
        }
        assert write_item([Media("image", data="AA")])["output_format"] == "png"

    def test_seal_behind(self) -> None:
        """The seal of a call follows it; that of a thought is in its own item."""
        seal = Signature("gemini", "x")

        assert sealed_behind(ToolCall("1", "n", signature=seal), "N") == {
            "type": "reasoning",
            "id": "rs_N",
            "summary": [],
            "encrypted_content": "^gemini:x",
        }
        assert sealed_behind(Thinking("a", seal)) is None
        assert sealed_behind(Refusal("a")) is None


class TestSettings:
    def test_choices(self) -> None:
        """A tool is named by its kind."""
        tools = (Opaque(PROTOCOL, {}), Tool("f"), Tool("c", custom=True))
        named = {"type": "custom", "name": "c"}

        assert write_choice(ToolChoice("auto"), tools) == "auto"
        assert write_choice(ToolChoice("named", ("c",)), tools) == named
        assert write_choice(ToolChoice("required", ("f", "c")), tools) == {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "f"}, named],
        }

    def test_allowed_hosted_tools(self) -> None:
        """A list of hosted tools only is still a list."""
        listed = {"form": {"tools": [{"type": "mcp"}]}}

        assert write_choice(ToolChoice("auto", extras={PROTOCOL: listed}), ()) == {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "mcp"}],
        }

    def test_hosted(self) -> None:
        """The choice of a hosted tool comes back as it was."""
        choice = ToolChoice("required", extras={PROTOCOL: {HOSTED: {"type": "mcp"}}})

        assert write_choice(choice, ()) == {"type": "mcp"}

    def test_tools(self) -> None:
        """Functions have a schema, custom tools a format, hosted ones are kept."""
        tools = (
            Tool("f", "d", {"type": "object"}, strict=False),
            Tool("c", custom=True, format={"type": "text"}),
            Opaque(PROTOCOL, {"type": "web_search"}),
        )

        assert write_tools(tools) == [
            {
                "type": "function",
                "name": "f",
                "description": "d",
                "parameters": {"type": "object"},
                "strict": False,
            },
            {"type": "custom", "name": "c", "format": {"type": "text"}},
            {"type": "web_search"},
        ]

    def test_formats(self) -> None:
        """A schema stands beside its name, not inside another member."""
        schema = OutputFormat("schema", {"type": "object"}, "n", "d", strict=True)

        assert write_format(OutputFormat("json")) == {"type": "json_object"}
        assert write_format(schema) == {
            "type": "json_schema",
            "name": "n",
            "description": "d",
            "schema": {"type": "object"},
            "strict": True,
        }

    def test_reasoning(self) -> None:
        """Nothing that was not said."""
        assert write_reasoning(Reasoning(enabled=True)) == {}
        assert write_reasoning(Reasoning("low", summary="auto")) == {
            "effort": "low",
            "summary": "auto",
        }


def test_beside_output() -> None:
    """What only repeats the request is told apart, and comes back."""
    response = {
        "id": "r",
        "object": "response",
        "output": [],
        "tools": [],
        "service_tier": "flex",
        "novelty": 1,
    }

    members = beside_output(response)

    assert members == {
        "service_tier": "flex",
        "novelty": 1,
        "form": {"tools": []},
    }
    assert reply_extras(response) == {PROTOCOL: members}
    assert unfolded(members) == {"tools": [], "service_tier": "flex", "novelty": 1}
    assert beside_output({"object": "response.compaction", "service_tier": "auto"}) == {
        "form": {"object": "response.compaction", "service_tier": "auto"}
    }
