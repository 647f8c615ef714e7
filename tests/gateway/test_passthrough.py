"""Streams of other dialects than OpenAI's chat, as they pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.dialects import front
from gateway.domain.errors import APIConnectionError
from gateway.fronts.base import Ask
from gateway.ledger import Ledger, Outcome
from gateway.passthrough import Passthrough
from tests.contract.oracle import DIALECTS
from tests.streams import cuts, frame_json, frames

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES = Path(__file__).resolve().parents[1] / "recordings"
SIZES = [1, 7, 4096]
LOST = APIConnectionError("the upstream closed the connection")


def relay(dialect: str, framing: str = "sse") -> Passthrough:
    array = framing == "array"
    ask = Ask("m", stream=True, framing="array" if array else "sse")
    return Passthrough(Ledger("1", dialect, "chat"), front(dialect), ask)


def played(machine: Passthrough, chunks: Iterable[bytes]) -> bytes:
    for chunk in chunks:
        assert machine.feed(chunk) is chunk
    return machine.eof()


def case(name: str) -> bytes:
    return (CASES / name).read_bytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("anthropic/parallel_calls.sse", Outcome.COMPLETED),
        ("anthropic/cut_tool_call.sse", Outcome.TRUNCATED),
        ("anthropic/cut_before_message_delta.sse", Outcome.TRUNCATED),
        ("anthropic/overloaded_in_the_middle.sse", Outcome.UPSTREAM_FAILED),
        ("gemini/parallel_calls.sse", Outcome.COMPLETED),
        ("gemini/cut_before_the_finish.sse", Outcome.TRUNCATED),
        ("gemini/error_in_the_middle.sse", Outcome.UPSTREAM_FAILED),
        ("gemini/array.array", Outcome.COMPLETED),
        ("gemini/array_cut.array", Outcome.TRUNCATED),
        ("gemini/array_error_in_the_middle.array", Outcome.UPSTREAM_FAILED),
        ("openai_responses/logprobs.sse", Outcome.COMPLETED),
        ("openai_responses/max_output_tokens.sse", Outcome.COMPLETED),
        ("openai_responses/cut_tool_call.sse", Outcome.TRUNCATED),
        ("openai_responses/error_and_failed.sse", Outcome.UPSTREAM_FAILED),
    ],
)
def test_outcomes(name: str, outcome: Outcome, size: int) -> None:
    """The very chunks pass; what they came to is told, and so is a cut."""
    dialect, file = name.split("/")
    machine, body = relay(dialect, file.split(".")[1]), case(name)

    last = played(machine, cuts(body, size))

    ledger = machine.ledger
    assert ledger.outcome is outcome
    assert (last != b"") is (outcome is Outcome.TRUNCATED)
    if file.endswith(".sse") and outcome is Outcome.TRUNCATED:
        heard = DIALECTS[dialect].stream(body + last)
        assert heard.error
        assert not heard.whole


@pytest.mark.parametrize("size", SIZES)
def test_counts(size: int) -> None:
    machine = relay("gemini", "array")

    played(machine, cuts(case("gemini/array.array"), size))

    said = DIALECTS["gemini"].stream(case("gemini/array.array"))
    usage = machine.ledger.usage
    assert usage is not None
    assert (usage.input_total, usage.output) == (said.usage.prompt, said.usage.output)
    assert machine.ledger.events == len(json.loads(case("gemini/array.array")))


def test_array_breaks_between_elements() -> None:
    """It stays an array, whose last element is the error."""
    machine, body = relay("gemini", "array"), case("gemini/array.array")
    elements = json.loads(body)
    first = b"[" + json.dumps(elements[0]).encode()

    machine.feed(first)
    assert machine.at_boundary
    said = json.loads(first + machine.fail(LOST))

    assert said[0] == elements[0]
    assert said[1]["error"]["status"] == "UNAVAILABLE"


def test_array_breaks_in_an_element() -> None:
    """No JSON then, so that nobody can take it for a whole answer."""
    machine, body = relay("gemini", "array"), case("gemini/array.array")

    machine.feed(body[:40])
    assert not machine.at_boundary

    with pytest.raises(ValueError, match=r"."):
        json.loads(body[:40] + machine.fail(LOST))


def test_array_breaks_before_it_began() -> None:
    machine = relay("gemini", "array")

    (only,) = json.loads(machine.fail(LOST))

    assert only["error"]["code"] == 502


def test_first() -> None:
    """What an error that comes first is answered with: its own words."""
    machine = relay("anthropic")
    body = case("anthropic/error_first.sse")

    machine.feed(body)

    assert machine.first is not None
    assert machine.opening is not None
    assert json.loads(machine.first) == frame_json(frames(body)[0])


def test_result() -> None:
    """The last event of a response repeats all of it; others have none."""
    machine, body = relay("openai_responses"), case("openai_responses/logprobs.sse")

    played(machine, cuts(body, 7))

    assert machine.result == frame_json(frames(body)[-1])["response"]
    chat = relay("openai_chat")
    assert chat.result is None
    played(chat, [case("openai_chat/crlf.sse")])
    assert chat.result is None
