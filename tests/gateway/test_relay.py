"""Both relays as machines: what passes, what is said at the end, what is noted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import (
    APIConnectionError,
    APITimeoutError,
    BackendError,
    LLMProxyError,
    SessionCancelledError,
)
from gateway.domain.events import (
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    Ping,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    UsageUpdate,
)
from gateway.domain.parts import Text
from gateway.domain.reply import Finish, Stop, Usage
from gateway.fronts.base import Ask, Context
from gateway.fronts.openai_chat.front import FRONT
from gateway.ledger import Ledger, Outcome
from gateway.passthrough import Passthrough, UsageStripper
from gateway.plugin import ProcessedResponse
from gateway.relay import ShutdownError, StalledClientError, outcome_of
from gateway.rendering import Pieces, Rendering
from gateway.secret import Secret
from tests.streams import (
    DONE,
    KEEP_ALIVE,
    chat_stream,
    cuts,
    data,
    finish_chunk,
    frame_data,
    frame_json,
    frames,
    random_cuts,
    text_chunk,
    usage_chunk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SIZES = [1, 7, 4096]
GONE = SessionCancelledError("the client has left")
LOST = APIConnectionError("the upstream closed the connection")


def new_ledger() -> Ledger:
    return Ledger("req_1", "openai_chat", "chat")


def passthrough(choices: int = 1) -> Passthrough:
    return Passthrough(new_ledger(), FRONT, Ask("m", True, choices))


def stripper() -> UsageStripper:
    return UsageStripper(new_ledger(), FRONT, Ask("m", True))


def played(relay: Passthrough, chunks: Iterable[bytes]) -> bytes:
    """Return all that a client gets of a stream that ends after *chunks*."""
    return b"".join([*(relay.feed(chunk) for chunk in chunks), relay.eof()])


def told(body: bytes) -> dict[str, str]:
    """Return the error that the last frame of *body* tells."""
    error: dict[str, str] = frame_json(frames(body)[-1])["error"]
    return error


STREAM = b"".join(chat_stream())


@pytest.mark.parametrize("size", SIZES)
def test_the_very_chunks(size: int) -> None:
    """A relay that copies would be a relay that could change something."""
    relay = passthrough()

    for chunk in cuts(STREAM, size):
        assert relay.feed(chunk) is chunk

    assert relay.eof() == b""
    assert relay.ledger.outcome is Outcome.COMPLETED


def test_what_is_noted() -> None:
    relay = passthrough()

    played(relay, [STREAM])

    ledger = relay.ledger
    assert ledger.finish == {0: Finish(Stop.END, "stop")}
    assert ledger.usage == Usage(input=3, output=3)
    assert (ledger.upstream_id, ledger.upstream_model) == ("chatcmpl-written", "m1")
    assert ledger.events == 6
    assert ledger.error_code is None


def outcome_at(place: int) -> Outcome:
    """Return what STREAM cut off at *place* is: the last event must be readable."""
    left = STREAM[:place]
    _, _, rest = left.rpartition(b"\n\n")
    if rest and frame_data(rest) != b"[DONE]":
        try:
            json.loads(frame_data(rest) or b"")
        except ValueError:
            return Outcome.TRUNCATED
    return Outcome.COMPLETED if b'"stop"' in left else Outcome.TRUNCATED


@pytest.mark.parametrize("size", SIZES)
def test_cut_off_anywhere(size: int) -> None:
    """A broken stream ends with an error, a whole one with nothing, at every cut."""
    for place in range(len(STREAM) + 1):
        relay, left = passthrough(), STREAM[:place]

        got = played(relay, cuts(left, size))

        assert relay.ledger.outcome is outcome_at(place), left[-40:]
        if relay.ledger.outcome is Outcome.COMPLETED:
            assert got == left
        else:
            assert got.startswith(left)
            assert told(got)["code"] == relay.ledger.error_code == "upstream_truncated"
            assert not got.endswith(DONE)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_error_frame_stands_alone(line_end: bytes) -> None:
    """The error is an event of its own, whatever was cut in half before it."""
    stream = b": hello\n\n" + text_chunk("one") + b"id: 5\n" + text_chunk("two")
    stream = stream.replace(b"\n", line_end)

    for place in range(len(stream)):
        got = played(passthrough(), [stream[:place]])
        as_lf = got.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        assert told(as_lf)["code"] == "upstream_truncated"


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        KEEP_ALIVE,
        b": bye",
        b"data: {",
        b"x",
        b'data: {"a":1}\n\n',
        b"data: " + b"x" * 200 + b"\n\n",
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_done_is_done(tail: bytes, size: int) -> None:
    """What a server, or a gateway in between, adds after the end changes nothing."""
    relay, body = passthrough(), text_chunk("one") + DONE + tail

    assert played(relay, cuts(body, size)) == body
    assert relay.ended
    assert relay.ledger.outcome is Outcome.COMPLETED


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tail", [b"", KEEP_ALIVE, b": a\n: b", b"\n", b"\r\n"])
def test_finish_without_done(tail: bytes, size: int) -> None:
    """Perplexity and others never say ``[DONE]``."""
    relay, body = passthrough(), text_chunk("one") + finish_chunk() + tail

    assert played(relay, cuts(body, size)) == body
    assert relay.ledger.outcome is Outcome.COMPLETED


@pytest.mark.parametrize(
    ("reasons", "choices", "outcome"),
    [
        (["stop"], 1, Outcome.COMPLETED),
        ([""], 1, Outcome.TRUNCATED),
        (["", "stop"], 1, Outcome.COMPLETED),
        (["stop"], 2, Outcome.TRUNCATED),
        ([], 1, Outcome.TRUNCATED),
    ],
)
def test_finish_reasons(reasons: list[str], choices: int, outcome: Outcome) -> None:
    """Snowflake's empty word is none, and of two answers both must end."""
    relay = passthrough(choices)

    played(relay, [text_chunk("one"), *(finish_chunk(r) for r in reasons)])

    assert relay.ledger.outcome is outcome


def test_two_choices() -> None:
    second = {"index": 1, "delta": {}, "finish_reason": "length"}
    relay = passthrough(2)

    played(relay, [finish_chunk(), data({"choices": [second]})])

    assert relay.ledger.outcome is Outcome.COMPLETED
    assert [f.raw for f in relay.ledger.finish.values()] == ["stop", "length"]


ERROR = data({"error": {"message": "too much", "code": "rate_limit_exceeded"}})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "error",
    [
        ERROR,
        b"event: error\n" + ERROR,
        b'event: error\ndata: {"code": "rate_limit_exceeded"}\n\n',
        b'data: {"object":"error","code":"rate_limit_exceeded"}\n\n',
        ERROR.rstrip(),
    ],
)
def test_upstream_says_error(error: bytes, size: int) -> None:
    """Its own words are passed; the gateway adds none of its own."""
    relay, body = passthrough(), text_chunk("one") + error

    assert played(relay, cuts(body, size)) == body
    assert relay.ledger.outcome is Outcome.UPSTREAM_FAILED
    assert relay.ledger.error_code == "rate_limit_exceeded"
    assert relay.opening is None


@pytest.mark.parametrize(
    ("make", "size"),
    [(passthrough, 4096), *((stripper, size) for size in SIZES)],
)
def test_error_that_quotes_our_key(make: Callable[[], Passthrough], size: int) -> None:
    """A caller does not learn the key that its request went out with."""
    key = Secret("our-own-key-12345")
    body = text_chunk("one") + data({"error": f"bad key {key.reveal()}"})

    got = played(make(), cuts(body, size))

    assert got == body.replace(b"our-own-key-12345", b"***")


def test_error_after_the_finish() -> None:
    """An error is one even where all seemed well."""
    relay = passthrough()

    played(relay, [finish_chunk(), ERROR, DONE])

    assert relay.ledger.outcome is Outcome.UPSTREAM_FAILED


def test_first_error_counts() -> None:
    relay = passthrough()

    played(relay, [ERROR, data({"error": {"message": "more", "code": "other"}})])

    assert relay.ledger.error_code == "rate_limit_exceeded"


@pytest.mark.parametrize("size", SIZES)
def test_opening_error(size: int) -> None:
    """An error before anything else may still become a status."""
    relay = passthrough()

    for chunk in cuts(b": wait\n\n" + ERROR + text_chunk("one"), size):
        relay.feed(chunk)

    assert relay.opening is not None
    assert relay.opening is relay.fault
    assert relay.opening.status_code == 429


def test_begun() -> None:
    """Comments are no answer; half an event is none yet."""
    relay = passthrough()

    begun = []
    for chunk in (b": wait\n\n", b'data: {"a"', b":1}\n", b"\n"):
        relay.feed(chunk)
        begun.append(relay.begun)

    assert begun == [False, False, False, True]


def test_progress() -> None:
    """Comments do not count as going on; else a dead model would live by its proxy."""
    relay = passthrough()
    relay.feed(text_chunk("one"))
    before = relay.progress

    relay.feed(b": ping\n\n")
    unmoved = relay.progress == before
    relay.feed(text_chunk("two"))

    assert unmoved
    assert relay.progress != before


@pytest.mark.parametrize("chunk", [b"data: <html>\n\n", b'data: "usage":{\n\n'])
def test_frame_that_is_no_json(chunk: bytes) -> None:
    """It passes; it is the client's to judge."""
    relay = passthrough()

    assert played(relay, [chunk, STREAM]) == chunk + STREAM
    assert relay.ledger.outcome is Outcome.COMPLETED


def test_last_event_is_cut_in_its_json() -> None:
    """It looks like the end and is not: the counts are missing."""
    relay = passthrough()
    body = text_chunk("one") + finish_chunk() + b'data: {"usage": {"prompt'

    got = played(relay, [body])

    assert relay.ledger.outcome is Outcome.TRUNCATED
    assert got.startswith(body + b"\n\ndata: ")


def test_event_that_never_ends() -> None:
    relay = passthrough()

    for _ in range(32):
        relay.feed(b"x" * 1024 * 1024)
    with pytest.raises(BackendError, match="an event exceeds"):
        relay.feed(b"x")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (StalledClientError("s"), Outcome.CLIENT_STALLED),
        (GONE, Outcome.CLIENT_GONE),
        (ShutdownError("s"), Outcome.SHUTDOWN),
        (LOST, Outcome.TRUNCATED),
        (APITimeoutError("t"), Outcome.TRUNCATED),
        (BackendError("b"), Outcome.UPSTREAM_FAILED),
        (LLMProxyError("b"), Outcome.UPSTREAM_FAILED),
    ],
)
def test_outcome_of(error: LLMProxyError, outcome: Outcome) -> None:
    assert outcome_of(error) is outcome


@pytest.mark.parametrize("make", [passthrough, stripper])
@pytest.mark.parametrize("error", [GONE, LOST, ShutdownError("bye")])
def test_broken_off_in_the_middle(
    make: Callable[[], Passthrough], error: LLMProxyError
) -> None:
    relay = make()
    relay.feed(text_chunk("one"))

    last = relay.fail(error)

    assert relay.ledger.outcome is outcome_of(error)
    assert told(last)["code"] == error.code == relay.ledger.error_code


@pytest.mark.parametrize(
    "end", [[DONE], [finish_chunk(), KEEP_ALIVE], [DONE, b"data: {"]]
)
def test_broken_off_after_the_last_word(end: list[bytes]) -> None:
    """Who leaves after the end has got everything, and so has who is reset."""
    relay = passthrough()
    for chunk in (text_chunk("one"), *end):
        relay.feed(chunk)

    assert relay.fail(GONE) == b""
    assert relay.ledger.outcome is Outcome.COMPLETED


def test_broken_off_after_an_error() -> None:
    relay = passthrough()
    relay.feed(ERROR)

    assert relay.fail(LOST) == b""
    assert relay.ledger.outcome is Outcome.UPSTREAM_FAILED


@pytest.mark.parametrize(
    "said",
    [
        {"id": 5, "model": None, "choices": None},
        {"id": None, "choices": [{"finish_reason": None}]},
        {"choices": {}},
        [],
    ],
)
def test_members_that_lie(said: object) -> None:
    """Nothing is noted of what is of the wrong kind."""
    ledger = new_ledger()

    ledger.saw(FRONT.watching.look(json.dumps(said).encode(), ""))

    assert (ledger.upstream_id, ledger.upstream_model) == (None, None)
    assert (ledger.finish, ledger.usage) == ({}, None)


def test_first_id_counts() -> None:
    """Some servers give each chunk another, and Azure's first has none."""
    ledger = new_ledger()

    for name in ("", "a", "b"):
        said = json.dumps({"id": name, "model": name}).encode()
        ledger.saw(FRONT.watching.look(said, ""))

    assert (ledger.upstream_id, ledger.upstream_model) == ("a", "a")


# -- usage that only the gateway asked for


def null_usage(frame: bytes) -> bytes:
    """Return *frame* as OpenAI writes it when usage was asked for."""
    return frame.replace(b"}\n\n", b',"usage":null}\n\n')


ASKED = b"".join(
    [
        b": hello\n\n",
        null_usage(text_chunk('say "usage":{} and \u2028')),
        b"event: message\r\nid: 7\r\n" + null_usage(text_chunk("two")),
        null_usage(finish_chunk()),
        usage_chunk(3, 2),
        DONE,
    ]
)
STRIPPED = ASKED.replace(usage_chunk(3, 2), b"").replace(b',"usage":null', b"")


@pytest.mark.parametrize("size", [*SIZES, 50])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_usage_is_stripped(size: int, line_end: bytes) -> None:
    """Counts go to the ledger only, and every other byte stays."""
    asked = ASKED.replace(b"\r\n", b"\n").replace(b"\n", line_end)
    relay = stripper()

    got = played(relay, cuts(asked, size))

    assert got == STRIPPED.replace(b"\r\n", b"\n").replace(b"\n", line_end)
    assert relay.ledger.usage == Usage(input=3, output=2)
    assert relay.ledger.outcome is Outcome.COMPLETED


@pytest.mark.parametrize(
    ("block", "left"),
    [
        (b": usage\n\n", None),
        (b': "usage"\n\n', None),
        (b'data: {"usage":\n\n', None),
        (b'data: ["usage"]\n\n', None),
        (b'data: {"x":"\\"usage\\"","a":1}\n\n', None),
        (b'data: {"x":{"usage":null}}\n\n', None),
        (
            b'data: {"choices":[],"usage":null,"a":1}\n\n',
            b'data: {"choices":[],"a":1}\n\n',
        ),
        (b'data: {"choices":[],"usage":{}}\n\n', b'data: {"choices":[]}\n\n'),
        (b'data: {"choices":[],"usage":{"a":1}}\n\n', b""),
        (b'data: {"usage":{"a":1},"choices":[{}]}\n\n', b'data: {"choices":[{}]}\n\n'),
        (b'data: {"usage":null}\n\n', b"data: {}\n\n"),
        # Its JSON is spread over two lines: left as it is rather than guessed at.
        (b'data: {"usage":null,\ndata: "a":1}\n\n', None),
        # It says more than counts.
        (
            b'data: {"choices":[],"usage":{"a":1},"error":{"message":"m"}}\n\n',
            b'data: {"choices":[],"error":{"message":"m"}}\n\n',
        ),
    ],
)
def test_what_is_stripped(block: bytes, left: bytes | None) -> None:
    relay = stripper()

    assert relay.feed(block) == (block if left is None else left)


def test_stripper_holds_back_half_events() -> None:
    """Only whole events leave, so a comment or an error may stand behind each."""
    relay = stripper()

    assert relay.feed(b"data: {") == b""
    assert relay.at_boundary
    assert relay.feed(b'"a":1}\n\ndata') == b'data: {"a":1}\n\n'
    assert told(relay.eof())["code"] == "upstream_truncated"


@pytest.mark.parametrize("tail", [DONE.rstrip(), DONE + KEEP_ALIVE, ERROR.rstrip()])
def test_stripper_gives_what_is_left(tail: bytes) -> None:
    relay, body = stripper(), text_chunk("one") + tail

    assert played(relay, [body]) == body


words = st.lists(
    st.sampled_from(
        [
            text_chunk("one"),
            text_chunk("two", usage=None),
            text_chunk('"usage"'),
            usage_chunk(1, 1),
            finish_chunk(usage={"prompt_tokens": 1}),
            b": ping\n\n",
            KEEP_ALIVE,
            b"event: x\n\n",
            DONE,
        ]
    ),
    max_size=8,
)


@given(words, st.integers(0, 1000))
def test_stripper_does_not_depend_on_cuts(blocks: list[bytes], seed: int) -> None:
    body = b"".join(blocks)

    whole = played(stripper(), [body])

    assert played(stripper(), random_cuts(body, seed, 40)) == whole


@given(words, st.integers(0, 1000))
def test_ledger_does_not_depend_on_cuts(blocks: list[bytes], seed: int) -> None:
    """Nor on what is between the upstream and the gateway."""
    body = b"".join(blocks)
    one, other = passthrough(), passthrough()

    said = played(one, [body])

    assert played(other, random_cuts(body, seed, 90)) == said
    for name in ("finish", "usage", "outcome", "error_code", "events", "upstream_id"):
        assert getattr(one.ledger, name) == getattr(other.ledger, name)


# -- a backend that answers in events


def rendering() -> Rendering:
    context = Context(Ask("m", True, wants_usage=True), 1, "name")
    return Rendering(new_ledger(), Pieces(), FRONT.writer(context))


def fed(relay: Rendering, *events: Event) -> bytes:
    return b"".join(relay.feed(ProcessedResponse((event,))) for event in events)


HELLO: tuple[Event, ...] = (
    ReplyStart("r1", "model-1"),
    BlockStart(0, Text("")),
    TextDelta(0, "hello"),
)
BYE: tuple[Event, ...] = (
    UsageUpdate(Usage(input=3, output=1)),
    ChoiceEnd(Finish(Stop.LENGTH, "length")),
    ReplyEnd(),
)


def test_rendering() -> None:
    relay = rendering()

    body = fed(relay, *HELLO, *BYE) + relay.eof()

    assert body.endswith(DONE)
    ledger = relay.ledger
    assert ledger.outcome is Outcome.COMPLETED
    assert (ledger.upstream_id, ledger.upstream_model) == ("r1", "model-1")
    assert ledger.usage == Usage(input=3, output=1)
    assert ledger.finish == {0: Finish(Stop.LENGTH, "length")}
    assert relay.progress == ledger.events == 6
    assert relay.at_boundary


@pytest.mark.parametrize("size", SIZES)
def test_rendering_is_a_stream_that_passes(size: int) -> None:
    """What the gateway writes, a gateway relays: two paths, one ledger."""
    one, other = rendering(), passthrough()

    body = fed(one, *HELLO, *BYE) + one.eof()

    assert played(other, cuts(body, size)) == body
    for name in ("finish", "usage", "outcome", "upstream_id", "upstream_model"):
        assert getattr(one.ledger, name) == getattr(other.ledger, name)


def test_rendering_begins_with_content() -> None:
    """A name and a sign of life are no answer yet; an error may be a status."""
    relay = rendering()

    fed(relay, ReplyStart("r1"), Ping())
    before = relay.begun
    fed(relay, BlockStart(0, Text("")))

    assert (before, relay.begun) == (False, True)


def test_rendering_opens_with_an_error() -> None:
    relay, error = rendering(), BackendError("no", code="no")

    said = fed(relay, ReplyStart("r1"), Fault(error))

    assert relay.opening is relay.fault is error
    assert told(said)["code"] == "no"
    assert relay.eof() == b""
    assert relay.ledger.outcome is Outcome.UPSTREAM_FAILED


def test_rendering_fails_late() -> None:
    relay = rendering()

    fed(relay, *HELLO, Fault(BackendError("no", code="no")))

    assert relay.opening is None
    assert relay.fail(GONE) == b""
    assert relay.ledger.error_code == "no"


def test_rendering_without_an_end() -> None:
    """A backend that just stops has not finished."""
    relay = rendering()

    last = (fed(relay, *HELLO), relay.eof())[1]

    assert told(last)["code"] == "upstream_truncated"
    assert relay.ledger.outcome is Outcome.TRUNCATED


def test_rendering_is_left_after_its_end() -> None:
    relay = rendering()
    fed(relay, *HELLO, *BYE)

    assert relay.fail(GONE) == b""
    assert relay.ledger.outcome is Outcome.COMPLETED
