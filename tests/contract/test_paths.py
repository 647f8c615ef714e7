"""
A glance is enough: what is noted of a chat stream does not depend on its cuts.

The other look reads every single frame, and `tests.recordings` reads the stream
by means of its own.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from gateway.fronts.base import Ask
from gateway.fronts.openai_chat.front import FRONT
from gateway.ledger import Ledger, Outcome
from gateway.passthrough import Passthrough, UsageStripper
from gateway.wire.sse import SseFramer
from tests import recordings
from tests.streams import cuts, random_cuts

if TYPE_CHECKING:
    from tests.recordings import Recording

DIALECT = ("openai.chat", "openai.completions", "mistral.chat")
STREAMS = recordings.text_streams(*DIALECT) + recordings.payload_streams(*DIALECT)
CASES = sorted(
    (Path(__file__).resolve().parents[1] / "recordings/openai_chat").glob("*.sse")
)
NOTED = ("finish", "usage", "upstream_id", "upstream_model")


def ledger() -> Ledger:
    return Ledger("req_1", "openai_chat", "chat")


def relayed(body: bytes, chunks: list[bytes], choices: int = 1) -> Ledger:
    """Return the ledger of a passthrough; the bytes must be the same objects."""
    relay = Passthrough(ledger(), FRONT, Ask("m", True, choices))
    for chunk in chunks:
        assert relay.feed(chunk) is chunk
    whole = relay.eof() == b""
    assert whole is (relay.ledger.outcome is not Outcome.TRUNCATED)
    return relay.ledger


def read_whole(body: bytes) -> Ledger:
    """Return the ledger of one who looks at everything."""
    framer, read = SseFramer(), ledger()
    for frame in [*framer.feed(body), *framer.eof()]:
        with suppress(msgspec.DecodeError):  # the client will see what that means
            read.saw(FRONT.watching.look(frame.data, frame.event))
        read.events += 1
    return read


def ways(body: bytes, seed: int) -> list[list[bytes]]:
    sizes = [cuts(body, size) for size in (1, 7, 4096, len(body))]
    return [*sizes, random_cuts(body, seed)]


def choices_of(recording: Recording) -> int:
    body: dict[str, Any] = recording.exchange["request"]["body"] or {}
    return int(body.get("n") or 1)


@pytest.mark.recordings
@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_recorded(recording: Recording) -> None:
    """A glance at the stream tells what reading all of it tells."""
    body, expected = recording.body, recordings.expected_of_stream(recording.body)
    whole = read_whole(body)

    for chunks in ways(body, len(recording.file)):
        seen = relayed(body, chunks, choices_of(recording))

        assert {n: getattr(seen, n) for n in NOTED} == {
            n: getattr(whole, n) for n in NOTED
        }
        assert seen.events == whole.events
        assert seen.outcome is not Outcome.TRUNCATED
        fields = seen.fields()
        assert fields["finish"] == list(expected.finish)
        assert fields["input_tokens"] == expected.prompt
        assert fields["cache_read_tokens"] == expected.cached
        assert fields["output_tokens"] == expected.output
        assert fields["reasoning_tokens"] == expected.reasoning
        failed = Outcome.UPSTREAM_FAILED if expected.failed else Outcome.COMPLETED
        assert seen.outcome is failed


@pytest.mark.recordings
@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_stripping_changes_no_account(recording: Recording) -> None:
    """What a client is not shown is noted all the same."""
    body, choices = recording.body, choices_of(recording)
    seen = relayed(body, [body], choices)

    for chunks in ways(body, 7):
        relay = UsageStripper(ledger(), FRONT, Ask("m", True, choices))
        for chunk in chunks:
            relay.feed(chunk)
        relay.eof()
        for name in (*NOTED, "events", "outcome", "error_code"):
            assert getattr(relay.ledger, name) == getattr(seen, name)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_written(case: Path) -> None:
    """The same, for habits that nobody recorded."""
    body = case.read_bytes()
    whole = read_whole(body)

    for chunks in ways(body, 11):
        seen = relayed(body, chunks, choices=max(1, len(whole.finish)))

        assert {n: getattr(seen, n) for n in NOTED} == {
            n: getattr(whole, n) for n in NOTED
        }
        assert seen.events == whole.events
