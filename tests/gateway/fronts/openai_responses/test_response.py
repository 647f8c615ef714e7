"""Whole answers as response objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from gateway.domain.loss import dropped
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
from gateway.domain.reply import Choice, Finish, Reply, Stop, Usage
from gateway.fronts.openai_responses.response import write_reply
from gateway.wire.openai_responses import PROTOCOL
from tests.gateway.fronts.openai_responses.told import CONTEXT, ask

if TYPE_CHECKING:
    from gateway.fronts.base import Rendered

BASE: dict[str, Any] = {"model": "m", "input": "hi"}


def reply(*parts: Part, stop: Stop = Stop.END) -> Reply:
    return Reply("up_1", "model-1", None, (Choice(parts, Finish(stop)),))


def written(*parts: Part, stop: Stop = Stop.END) -> Rendered:
    return write_reply(reply(*parts, stop=stop), CONTEXT)


def test_message() -> None:
    """Everything that the official SDKs promise is there."""
    rendered = write_reply(evolve(reply(Text("Hi")), usage=Usage(3, output=2)), CONTEXT)

    assert json.loads(rendered.body) == rendered.json
    assert rendered.losses == ()
    assert rendered.json == {
        "id": "resp_N",
        "object": "response",
        "created_at": 1_700_000_000,
        "model": "model-1",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "output": [
            {
                "type": "message",
                "id": "msg_N0",
                "status": "completed",
                "role": "assistant",
                "content": [
                    {
                        "type": "output_text",
                        "annotations": [],
                        "logprobs": [],
                        "text": "Hi",
                    }
                ],
            }
        ],
        "usage": {
            "input_tokens": 3,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 5,
        },
        "background": False,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    }


def test_repeats_the_request() -> None:
    """What the client asked for comes back, as it was said."""
    asked = {
        "instructions": "be brief",
        "max_output_tokens": 9,
        "max_tool_calls": 2,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "previous_response_id": "resp_0",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "reasoning": {"effort": "low", "summary": "auto"},
        "safety_identifier": "s",
        "service_tier": "flex",
        "store": False,
        "temperature": 0.0,
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "tool_choice": {"type": "function", "name": "f"},
        "tools": [{"type": "function", "name": "f"}],
        "top_logprobs": 3,
        "top_p": 0.5,
        "truncation": "auto",
        "user": "u",
    }
    request = ask({**BASE, **asked, "conversation": "conv_1"})

    json_ = write_reply(reply(), evolve(CONTEXT, request=request)).json

    assert {name: json_[name] for name in asked} == asked
    assert json_["conversation"] == {"id": "conv_1"}


def test_conversation_as_an_object() -> None:
    """A conversation may be named by an object."""
    request = ask({**BASE, "conversation": {"id": "conv_1"}})

    json_ = write_reply(reply(), evolve(CONTEXT, request=request)).json

    assert json_["conversation"] == {"id": "conv_1"}
    assert json_["instructions"] is None


def test_no_turns() -> None:
    """A request of a prompt alone has no instructions."""
    request = ask({"model": "m", "prompt": {"id": "p"}})

    json_ = write_reply(reply(), evolve(CONTEXT, request=request)).json

    assert (json_["instructions"], json_["prompt"]) == (None, {"id": "p"})


def test_of_this_dialect() -> None:
    """An answer of this dialect keeps its own words."""
    words = {"novelty": 1, "form": {"temperature": 0.3, "incomplete_details": None}}

    json_ = write_reply(evolve(reply(), extras={PROTOCOL: words}), CONTEXT).json

    assert json_ == {
        "id": "up_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "model": "model-1",
        "status": "completed",
        "output": [],
        "usage": None,
        "novelty": 1,
        "temperature": 0.3,
        "incomplete_details": None,
    }


def test_compaction() -> None:
    """What has no status and no model of its own gets none."""
    words = {"form": {"object": "response.compaction"}}
    compacted = Reply("c", None, 1, (Choice(),), extras={PROTOCOL: words})

    assert write_reply(compacted, CONTEXT).json == {
        "id": "c",
        "object": "response.compaction",
        "created_at": 1,
        "output": [],
        "usage": None,
    }


def test_items() -> None:
    """Each kind of part becomes its item, numbered for its id."""
    seal, behind = Signature("anthropic", "A"), Signature("gemini", "G")

    rendered = written(
        Thinking("t", seal),
        Text("a"),
        ToolCall("c1", "f", "{}", signature=behind),
        ToolCall("c2", "g", "x", custom=True),
        Refusal("r"),
        Media("image", "image/png", "AA"),
    )

    assert rendered.losses == ()
    assert [item["id"] for item in rendered.json["output"]] == [
        "rs_N0",
        "msg_N1",
        "fc_N2",
        "rs_N3",
        "ctc_N4",
        "msg_N5",
        "ig_N6",
    ]
    assert rendered.json["output"][0]["encrypted_content"] == "anthropic:A"
    assert rendered.json["output"][3]["encrypted_content"] == "^gemini:G"


def test_losses() -> None:
    """What no item can hold is left out and told."""
    rendered = written(
        Text("a", citations=(Citation(quote="q"), Citation("http://x"))),
        Opaque("anthropic", {}),
        Media("audio", data="AA"),
        Media("image", url="http://x"),
        ToolResult("c"),
    )

    assert len(rendered.json["output"]) == 1
    assert {loss.path for loss in rendered.losses} == {
        "choices[0].parts[0].citations[0]",
        "choices[0].parts[1]",
        "choices[0].parts[2]",
        "choices[0].parts[3]",
        "choices[0].parts[4]",
    }


def test_choices() -> None:
    """Of several choices the first is told."""
    two = evolve(reply(Text("a")), choices=(*reply(Text("a")).choices, Choice()))

    rendered = write_reply(two, CONTEXT)

    assert len(rendered.json["output"]) == 1
    assert dropped("choices[1]", "a response has one choice") in rendered.losses


def test_no_choice() -> None:
    """An answer of nothing, of which nobody said how it ended, is not whole."""
    json_ = write_reply(Reply(), CONTEXT).json

    assert (json_["status"], json_["output"]) == ("incomplete", [])
    assert json_["model"] == "m"


@pytest.mark.parametrize(
    ("stop", "status", "details"),
    [
        (Stop.LENGTH, "incomplete", {"reason": "max_output_tokens"}),
        (Stop.REFUSAL, "incomplete", {"reason": "content_filter"}),
        (Stop.ERROR, "failed", None),
    ],
)
def test_endings(stop: Stop, status: str, details: Any) -> None:
    """How it ended, in this dialect's words."""
    json_ = written(Text("a"), stop=stop).json

    assert (json_["status"], json_["incomplete_details"]) == (status, details)
    assert (json_["error"] is not None) == (stop is Stop.ERROR)


def test_readable_refusal() -> None:
    """A refusal in words is a whole answer."""
    assert written(Refusal("no"), stop=Stop.REFUSAL).json["status"] == "completed"
