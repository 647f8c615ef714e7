"""An upstream's bytes, read and written anew: what a client gets, what is noted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.anthropic.translator import TRANSLATOR
from gateway.dialects import front
from gateway.domain.errors import BackendError, SessionCancelledError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    ReplyStart,
    TextDelta,
)
from gateway.domain.parts import Text
from gateway.domain.reply import Finish, Stop
from gateway.fronts.base import Ask, Context
from gateway.ledger import Ledger, Outcome
from gateway.plugin import ProcessedResponse
from gateway.rendering import Decoded, Pieces, Rendering
from gateway.secret import Secret
from gateway.wire.sse import SseFramer
from tests.streams import DONE, cuts, data, frame_json, frames

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES = Path(__file__).resolve().parents[1] / "recordings" / "anthropic"
SIZES = [1, 7, 4096]


def case(name: str) -> bytes:
    return (CASES / f"{name}.sse").read_bytes()


def rendering(max_event: int = 1 << 20) -> Rendering:
    """Return what stands between an Anthropic upstream and a chat client."""
    ask = Ask("m", stream=True, wants_usage=True)
    source = Decoded(SseFramer(max_event), TRANSLATOR.reader())
    writer = front("openai_chat").writer(Context(ask, 1, "name"))
    return Rendering(Ledger("req_1", "openai_chat", "chat"), source, writer)


def played(relay: Rendering, chunks: Iterable[Any]) -> bytes:
    return b"".join([*map(relay.feed, chunks), relay.eof()])


def told(body: bytes) -> dict[str, Any]:
    error: dict[str, Any] = frame_json(frames(body)[-1])["error"]
    return error


@pytest.mark.parametrize("size", SIZES)
def test_whole(size: int) -> None:
    """However the network cuts it, the client gets one and the same stream."""
    relay, body = rendering(), case("parallel_calls")

    said = played(relay, cuts(body, size))

    assert said == played(rendering(), [body])
    assert said.endswith(DONE)
    ledger = relay.ledger
    assert ledger.outcome is Outcome.COMPLETED
    assert ledger.finish == {0: Finish(Stop.TOOLS, "tool_use")}
    assert relay.ended
    assert relay.progress == ledger.events == body.count(b"data:")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["cut_tool_call", "cut_before_message_delta"])
def test_cut(name: str, size: int) -> None:
    """A stream that stops early ends in an error, never in a finish reason."""
    relay = rendering()

    said = played(relay, cuts(case(name), size))

    assert told(said)["code"] == "upstream_truncated"
    assert DONE not in said
    assert relay.ledger.outcome is Outcome.TRUNCATED
    assert relay.ledger.finish == {}


def test_error_in_the_middle() -> None:
    relay = rendering()

    said = played(relay, [case("overloaded_in_the_middle")])

    assert told(said)["code"] == "overloaded_error"
    assert relay.begun
    assert relay.opening is None
    assert relay.ledger.outcome is Outcome.UPSTREAM_FAILED
    assert relay.feed(b"event: ping\ndata: {}\n\n") == b""


def test_error_first() -> None:
    """It can still have a status of its own, though a head has been written."""
    relay = rendering()

    relay.feed(case("error_first"))

    assert relay.begun
    assert relay.opening is relay.fault
    assert isinstance(relay.opening, BackendError)


def test_head_alone_is_no_beginning() -> None:
    """After ``message_start`` an error is still one with a status."""
    start, *rest = frames(case("overloaded_in_the_middle"))
    relay = rendering()

    relay.feed(start)
    before = relay.begun
    relay.feed(rest[-1])

    assert not before
    assert relay.opening is relay.fault is not None


@pytest.mark.parametrize("size", SIZES)
def test_malformed(size: int) -> None:
    """What came before it still counts, and it shows none of the content."""
    relay = rendering()

    said = played(relay, cuts(case("malformed_json"), size))

    assert told(said)["code"] == "upstream_malformed"
    assert relay.ledger.outcome is Outcome.UPSTREAM_FAILED


def test_too_large_an_event() -> None:
    """It ends the stream as any other fault does."""
    relay = rendering(max_event=200)

    said = relay.feed(b"data: " + b"x" * 300) + relay.eof()

    assert told(said)["code"] == "event_too_large"
    assert relay.ledger.error_code == "event_too_large"


def test_too_large_a_rest() -> None:
    class Overfull(SseFramer):
        def eof(self) -> Any:
            raise BackendError("too much", code="event_too_large")

    source = Decoded(Overfull(), TRANSLATOR.reader())

    *_, last = source.eof()

    assert isinstance(last, Fault)
    assert last.error.code == "event_too_large"


def test_bare_error_in_place_of_events() -> None:
    """Some servers announce an event stream and then write JSON."""
    relay = rendering()

    said = played(relay, [b'{"error": {"message": "no', b'pe", "code": "nope"}}'])

    assert told(said)["message"] == "nope"
    assert relay.ledger.error_code == "nope"
    assert relay.unread.startswith(b'{"error"')


def test_keys_are_masked() -> None:
    """Some upstreams quote the key when they complain about it."""
    key = Secret("a-very-secret-key")
    error = {"type": "error", "error": {"type": "x", "message": f"bad {key.reveal()}"}}
    relay = rendering()

    said = played(relay, [b"event: error\n" + data(error)])

    assert told(said)["message"] == "bad ***"


def test_interrupted() -> None:
    """Whoever is told, is told in the client's dialect."""
    relay = rendering()
    relay.feed(case("parallel_calls")[:900])

    said = relay.fail(BackendError("the upstream fell silent", code="silent"))

    assert told(said)["code"] == "silent"
    assert relay.ledger.outcome is Outcome.UPSTREAM_FAILED


def test_left_after_the_end() -> None:
    """Who leaves right after the last word has got everything."""
    relay = rendering()
    relay.feed(case("parallel_calls"))

    assert relay.fail(SessionCancelledError("gone")) == b""
    assert relay.ledger.outcome is Outcome.COMPLETED


def test_losses_of_the_answer() -> None:
    """What the client's dialect has no word for is in the account."""
    relay = rendering()

    played(relay, [case("unknown_block_delta_and_event")])

    assert relay.ledger.losses
    assert relay.ledger.fields()["losses"] == len(relay.ledger.losses)


def test_result() -> None:
    """Of dialects whose clients may ask for the answer again."""
    ask = Ask("m", stream=True)
    source = Decoded(SseFramer(), TRANSLATOR.reader())
    writer = front("openai_responses").writer(Context(ask, 1, "name"))
    relay = Rendering(Ledger("1", "openai_responses", "chat"), source, writer)

    said = played(relay, cuts(case("stop_sequence"), 7))

    assert relay.result == frame_json(frames(said)[-1])["response"]
    assert json.dumps(relay.result["output"])
    assert rendering().result is None


TOLD = (ReplyStart("r", "m"), BlockStart(0, Text()), TextDelta(0, "a"), BlockEnd(0))


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ((*TOLD, ChoiceEnd(Finish(Stop.END))), Outcome.COMPLETED),
        (TOLD, Outcome.TRUNCATED),
        (
            (*TOLD, ChoiceEnd(Finish(Stop.END)), BlockStart(1, Text(), 1)),
            Outcome.TRUNCATED,
        ),
        ((), Outcome.TRUNCATED),
    ],
)
def test_a_backend_that_ends_without_a_last_word(
    events: tuple[Event, ...], outcome: Outcome
) -> None:
    """Its end is one where every choice that began has ended, and only there."""
    relay = rendering()
    relay.source = Pieces()

    said = played(relay, [ProcessedResponse(events)])

    assert relay.ledger.outcome is outcome
    assert said.endswith(DONE) is (outcome is Outcome.COMPLETED)
