"""Anthropic on Bedrock: what is changed in a body, and nothing in a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.anthropic.translator import TRANSLATOR
from connectors.bedrock import BEDROCK, MESSAGES
from connectors.bedrock.invoke import EDITS, InvokeDecoder
from gateway.fronts.anthropic.front import FRONT
from gateway.fronts.base import Ask
from gateway.ledger import Ledger, Outcome
from gateway.passthrough import Passthrough
from gateway.rendering import Decoded, Rendering
from gateway.wire.sse import SseFramer
from tests import recordings
from tests.contract import protocols
from tests.eventstream import chunk, event
from tests.streams import cuts, random_cuts

STREAMS = [
    r for r in recordings.select("bedrock.invoke") if "stream" in r.exchange["response"]
]


def edited(body: bytes, headers: dict[str, str] | None = None) -> bytes:
    headers = {} if headers is None else headers
    for edit in EDITS:
        body = edit(body, headers, "chat")
    return body


def decode(body: bytes, size: int = 1 << 20) -> bytes:
    decoder = InvokeDecoder()
    return b"".join(map(decoder.feed, cuts(body, size))) + decoder.eof()


# -- requests


def test_body() -> None:
    """Model and stream go, a version comes; all other bytes stay."""
    body = (
        b'{ "model":"x",  "max_tokens": 5, "stream" :true, "n": 1e400,"messages":[] }'
    )

    told = edited(body)

    assert b'"max_tokens": 5' in told
    assert b'"n": 1e400,"messages":[] }' in told
    assert b'"anthropic_version":"bedrock-2023-05-31"' in told
    assert b'"model"' not in told
    assert b'"stream"' not in told


def test_own_version() -> None:
    assert edited(b'{"anthropic_version":"mine"}') == b'{"anthropic_version":"mine"}'


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("2023-06-01", b"bedrock-2023-05-31"),
        ("2023-01-01", b"bedrock-2023-05-31"),
        ("2026-10-21", b"2026-10-21"),
    ],
)
def test_version_of_a_caller(said: str, sent: bytes) -> None:
    """The header's version goes into the body; a newer one as it is called."""
    headers = {"anthropic-version": said}

    assert edited(b"{}", headers) == b'{"anthropic_version":"%b"}' % sent
    assert not headers


BETAS: dict[str, tuple[dict[str, Any], str, Any]] = {
    "none": ({}, "", None),
    "blank": ({}, " , ", None),
    "some": ({}, "a-1, b-2", ["a-1", "b-2"]),
    "both": ({"anthropic_beta": ["a-1", "c-3"]}, "a-1,b-2", ["a-1", "c-3", "b-2"]),
    "odd": ({"anthropic_beta": "a-1"}, "b-2", ["b-2"]),
    "in the body": ({"anthropic_beta": ["c-3"]}, "", ["c-3"]),
}


@pytest.mark.parametrize(("body", "header", "told"), BETAS.values(), ids=BETAS)
def test_betas(body: dict[str, Any], header: str, told: Any) -> None:
    """What is a header elsewhere is a member here, and no header any more."""
    headers = {"anthropic-beta": header, "x": "y"}

    found = json.loads(edited(json.dumps(body).encode(), headers))

    assert found.get("anthropic_beta") == told
    assert headers == {"x": "y"}


def test_which_models() -> None:
    """Those whose name or ARN says that they are Claude's."""
    serves = [
        "anthropic.claude-3-haiku-20240307-v1:0",
        "global.anthropic.claude-opus-4-5-20251101-v1:0",
        "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-6",
    ]
    assert all(map(MESSAGES.serves, serves))
    assert not MESSAGES.serves("amazon.nova-lite-v1:0")
    assert not MESSAGES.serves("arn:aws:bedrock:us-east-1:1:imported-model/abc")


# -- streams


@pytest.mark.recordings
@pytest.mark.parametrize("recording", STREAMS, ids=str)
def test_two_paths(recording: recordings.Recording) -> None:
    """Passed or translated, the ledger says the same; cuts change no byte."""
    told = decode(recording.body)
    for size in (1, 7, 4096):
        assert decode(recording.body, size) == told
    decoder = InvokeDecoder()
    pieces = map(decoder.feed, random_cuts(recording.body, 5))
    assert b"".join(pieces) == told

    passed = Passthrough(Ledger("r", "anthropic", "chat"), FRONT, Ask("m", True))
    passed.feed(told)
    assert passed.eof() == b""
    source = Decoded(SseFramer(), TRANSLATOR.reader())
    context = protocols.context("anthropic", stream=True)
    read = Rendering(Ledger("r", "anthropic", "chat"), source, FRONT.writer(context))
    read.feed(told)
    read.eof()

    assert passed.ledger.outcome is read.ledger.outcome is Outcome.COMPLETED
    assert passed.ledger.usage == read.ledger.usage
    assert passed.ledger.finish == read.ledger.finish
    assert passed.ledger.upstream_id == read.ledger.upstream_id
    assert b"amazon-bedrock-invocationMetrics" in told


def test_payload_is_not_touched() -> None:
    """Not its spaces, its numbers, its line separators."""
    payload = '{"type":"ping", "n": 1e400,  "s":"\u2028é"}'.encode()

    assert decode(chunk(payload)) == b"event: ping\ndata: " + payload + b"\n\n"


def test_payload_over_lines() -> None:
    """Line ends in JSON would end the event: they become lines of data."""
    payload = b'{\r\n"type":\n"ping"\r}'

    assert decode(chunk(payload)) == (
        b'event: ping\ndata: {\ndata: "type":\ndata: "ping"\ndata: }\n\n'
    )


@pytest.mark.parametrize("payload", [b"[1]", b'{"type":5}', b'{"type":"a\\nb"}', b"{"])
def test_payload_without_a_name(payload: bytes) -> None:
    assert decode(chunk(payload)) == b"data: " + payload + b"\n\n"


def test_unknown_event() -> None:
    assert decode(event("initial-response", b"{}")) == b""


KINDS = {
    "throttlingException": "rate_limit_error",
    "validationException": "invalid_request_error",
    "modelTimeoutException": "timeout_error",
    "modelStreamErrorException": "api_error",
    "internalServerException": "api_error",
    "serviceUnavailableException": "overloaded_error",
    "accessDeniedException": "permission_error",
}


@pytest.mark.parametrize("name", KINDS)
def test_exceptions(name: str) -> None:
    """An exception is an error in Anthropic's words, and the last of all."""
    first = chunk(b'{"type":"ping"}')
    body = first + event(f"!{name}", {"message": "No."}) + first

    *_, last = decode(body).split(b"\n\n")[:-1]

    assert last.startswith(b"event: error\ndata: ")
    assert json.loads(last[19:]) == {
        "type": "error",
        "error": {"type": KINDS[name], "message": "No."},
    }


@pytest.mark.parametrize(
    "broken",
    [
        event("chunk", b'{"bytes":"no base64!"}'),
        event("chunk", b'{"p":"abc"}'),
        event("chunk", b"\xff"),
        chunk(b"{}")[:-1] + b"\x00",
    ],
)
def test_broken(broken: bytes) -> None:
    decoder = InvokeDecoder()

    told = decoder.feed(chunk(b'{"type":"ping"}') + broken)

    assert told.startswith(b"event: ping\n")
    assert told.count(b"event: error") == 1
    assert b'"api_error"' in told
    assert decoder.feed(chunk(b"{}")) == b""


def test_cut_stays_a_cut() -> None:
    """Half a message is nothing, and makes no end."""
    body = chunk(b'{"type":"ping"}')

    assert decode(body + body[:-3]) == decode(body)


def test_declaration() -> None:
    """Without its query and headers, Anthropic's dialect is itself."""
    assert MESSAGES.protocol == "anthropic"
    assert (MESSAGES.headers, MESSAGES.queries) == ({}, ())
    assert BEDROCK.title == "Amazon Bedrock"
