"""Framing and skimming, against the standard's own algorithm written down plainly."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import BackendError
from gateway.wire import openai_chat
from gateway.wire.gemini.framing import GeminiFramer
from gateway.wire.sse import BOM, Frame, SseFramer, SseSkimmer, SseSplitter, parse
from tests.streams import KEEP_ALIVE, cuts

SIZES = [1, 2, 3, 7, 4096]

LINES = [
    b"",
    b"",
    b"data: one",
    b"data:one!",
    b"data",
    b"data:",
    b"data: ",
    b"data:  two spaces",
    b"data: !matters",
    b"data: much! of! it!",
    b"data: a:b",
    b"data: \xe2\x80\xa8 line \xe2\x80\xa9 separators \xc2\x85",
    b"data: \x0b\x0c\x1c form feeds",
    b"data: \xff no UTF-8 \xc3",
    b"data : no such field",
    b"DATA: nor this",
    b"dat",
    b"event: error",
    b"event:ping",
    b"event",
    b"id: 5",
    b"retry: 10",
    b":",
    b": a comment!",
    b"\x00",
]
streams = st.builds(
    lambda mark, lines, rest: mark + b"".join(lines) + rest,
    st.sampled_from([b"", b"", BOM]),
    st.lists(
        st.builds(
            bytes.__add__,
            st.sampled_from(LINES),
            st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]),
        ),
        max_size=14,
    ),
    st.sampled_from([b"", b"", b"data: cut", b"data: x\r", b": cut", b"\n"]),
)


def standard(stream: bytes) -> tuple[list[Frame], bool]:
    """
    Return the events of *stream*, and whether an event was left unfinished.

    This is the algorithm of the HTML standard, section 9.2.6, character by
    character. Fields other than event and data do not concern a gateway.
    """
    stream = stream.removeprefix(BOM)
    events: list[Frame] = []
    name, data, line, at, begun = "", b"", b"", 0, False
    while at < len(stream):
        char = stream[at : at + 1]
        at += 2 if stream[at : at + 2] == b"\r\n" else 1
        if char not in b"\r\n":
            line += char
            continue
        if line:
            begun = begun or not line.startswith(b":")
            field, _, value = line.partition(b":")
            value = value[1:] if value[:1] == b" " else value
            if field == b"event":
                name = value.decode("utf-8", "replace")
            elif field == b"data":
                data += value + b"\n"
        else:
            if data:
                events.append(Frame(name, data[:-1]))
            name, data, begun = "", b"", False
        line = b""
    return events, begun or line[:1] not in (b"", b":")


def cut_at(stream: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({place % (len(stream) + 1) for place in places} | {len(stream)})
    return [stream[a:b] for a, b in zip([0, *ends], ends, strict=False)]


places = st.lists(st.integers(0, 400), max_size=8)


def framed(chunks: Iterable[bytes]) -> list[Frame]:
    framer = SseFramer()
    return [frame for chunk in chunks for frame in framer.feed(chunk)]


def spots(data: bytes) -> list[int]:
    return [match.start() for match in re.finditer(rb"!", data)]


def skimmed(chunks: Iterable[bytes]) -> tuple[int, list[Frame]]:
    skimmer = SseSkimmer(spots)
    frames = [frame for chunk in chunks for frame in skimmer.feed(chunk)]
    return skimmer.events, frames


def worth_it(events: list[Frame]) -> list[Frame]:
    return [
        event
        for place, event in enumerate(events)
        if not place or spots(event.data) or event.event == "error"
    ]


@given(streams, places)
def test_framer_keeps_the_standard(stream: bytes, where: list[int]) -> None:
    """Whatever the network does, a browser would see the same events."""
    assert framed(cut_at(stream, where)) == standard(stream)[0]


# Streams as servers write them: events of one form, nearly all, and one line end.
EVENTS = [b"data: %b\n\n", b"event: n\ndata: %b\n\n"]
STRANGE = [
    b"event: x\ndata: a\nid: 1\nevent: y\ndata: b\n\n",
    *(b": comment\n\n", b"data:tight\n\n", b"event: x\n\n", b"data: a\ndata: b\n\n"),
    *(b"event: x\nid: 1\n\n", b"event: x\rdata: a\n\n", b"x: y\ndata: a\n\n"),
    *(b"event: x\n: c\n: d\ndata: a\n: e\n\n", b"data: a\n: b\ndata: c\n\n"),
    *(b"event: x\rdata: y\ndata: a\n\n", b"event: x\nid: 1\n: c\n\n", b": c\n"),
    *(b"data: a\n\n\n", b"event: x\nid: 1\ndata: a\n\n", b"data: \r\n\n", b"\n"),
    *(b"data: a\r\rdata: b\n\n", b"event: x\ndata: a\rb\n\n", b"id: 1\ndata: a\n\n"),
]
usual = st.builds(
    lambda form, texts, odd, at, crlf: b"".join(
        [
            *[form % text for text in texts[:at]],
            *odd,
            *[form % text for text in texts[at:]],
        ]
    ).replace(b"\n", b"\r\n" if crlf else b"\n"),
    st.sampled_from(EVENTS),
    st.lists(
        st.sampled_from([b"one", b"", b"{}", b" ", b"event: z", b"\xff"]), max_size=6
    ),
    st.lists(st.sampled_from([*STRANGE, *EVENTS]), max_size=2),
    st.integers(0, 6),
    st.booleans(),
)


@pytest.mark.parametrize("make", [SseFramer, GeminiFramer])
@given(stream=usual, where=places)
def test_usual_streams(
    make: Callable[[], SseFramer | GeminiFramer], stream: bytes, where: list[int]
) -> None:
    """What is framed quickly is framed rightly, and each event as soon as it ends."""
    framer, told = make(), list[Frame]()
    for place, chunk in enumerate(chunks := cut_at(stream, where)):
        told += framer.feed(chunk)
        sure = standard(b"".join(chunks[: place + 1]))[0]
        # A CR may be half of a CRLF, and only what follows tells.
        assert len(told) >= len(sure) - chunk.endswith(b"\r")

    assert told == standard(stream)[0]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("odd", STRANGE)
@pytest.mark.parametrize("form", EVENTS)
def test_strange_among_usual(form: bytes, odd: bytes, end: bytes) -> None:
    """One event of another form does not spoil its neighbours."""
    for stream in (odd, odd + form % b"a", form % b"a" + odd + form % b"b"):
        body = stream.replace(b"\n", end)

        assert framed([body]) == standard(body)[0]


@given(streams)
def test_framer_at_every_byte(stream: bytes) -> None:
    events = standard(stream)[0]

    for size in SIZES:
        assert framed(cuts(stream, size)) == events
    for place in range(len(stream)):
        assert framed([stream[:place], stream[place:]]) == events


@given(streams, places)
def test_blocks_are_the_stream(stream: bytes, where: list[int]) -> None:
    """No byte is lost, added or moved."""
    splitter = SseSplitter()

    blocks = [b for chunk in cut_at(stream, where) for b in splitter.feed(chunk)]

    assert b"".join(blocks) + splitter.rest == stream


@given(streams, places)
def test_skimmer_misses_nothing(stream: bytes, where: list[int]) -> None:
    """The fast way and the slow way count and find the same, at every cut."""
    events = standard(stream)[0]

    assert skimmed(cut_at(stream, where)) == (len(events), worth_it(events))


PLAIN = [b"data: one\n\n", b"data:two\n\n", b"data: t!h!ree\n\n", b": ping!\n\n"]
ODD = [
    b"data: crlf\r\n\r\n",
    b"data\n\n",
    b"event: error\ndata: e\n\n",
    b": p\n",
    b"\n",
]


among = st.lists(st.sampled_from(PLAIN * 3 + ODD), max_size=12)


@given(st.lists(among, max_size=5))
def test_whole_events_per_chunk(chunks: list[list[bytes]]) -> None:
    """Chunks of whole events, as servers write them, are what the fast way is for."""
    pieces = [b"".join(chunk) for chunk in chunks]
    events = standard(b"".join(pieces))[0]

    assert skimmed(pieces) == (len(events), worth_it(events))


@given(among, places)
def test_usual_events_cut_anywhere(chunks: list[bytes], where: list[int]) -> None:
    """A read ends within an event; what is whole around it still goes the fast way."""
    stream = b"".join(chunks)
    events = standard(stream)[0]

    assert skimmed(cut_at(stream, where)) == (len(events), worth_it(events))
    for size in SIZES:
        assert skimmed(cuts(stream, size)) == (len(events), worth_it(events))


NAMED = [
    b'event: a\ndata: {"x":1}\n\n',
    b'event: b\ndata: {"y":{}}\n\n',
    b'event: c\ndata: {"matters!":1}\n\n',
]
ODDLY_NAMED = [
    b"event: error\ndata: {}\n\n",
    b"event:error\ndata: {}\n\n",
    b"event: two\ndata: {\ndata: {!}}\n\n",
    b"event: none\n\n",
    b"event: text\ndata: e\n\n",
    b"event: open\ndata: {\n\n",
    b"data: {}\nevent: late!\n\n",
    b": comment\n\n",
    b"data: {}\n\n",
]
named = st.lists(st.sampled_from(NAMED * 4 + ODDLY_NAMED), max_size=12)


def named_end(data: bytes) -> bytes:
    """Most end in one of two ways, and what matters ends so, too."""
    return b'":1}\n\n' if data.endswith(b'":1}\n\n') else b""


@pytest.mark.parametrize("alike", [(), (named_end, b"!")])
@given(chunks=st.lists(named, max_size=5), where=places)
def test_named_events(
    alike: tuple[Callable[[bytes], bytes], bytes] | tuple[()],
    chunks: list[list[bytes]],
    where: list[int],
) -> None:
    """Anthropic and Responses name every event; they are passed as fast as others."""
    pieces = [b"".join(chunk) for chunk in chunks]
    stream = b"".join(pieces)
    events = standard(stream)[0]

    for cut in (pieces, cut_at(stream, where), list(cuts(stream, 7))):
        skimmer = SseSkimmer(spots, *alike)
        frames = [frame for chunk in cut for frame in skimmer.feed(chunk)]
        assert (skimmer.events, frames) == (len(events), worth_it(events))


@given(streams)
def test_a_comment_at_a_boundary_is_invisible(stream: bytes) -> None:
    """Keep-alives are put in where ``at_boundary`` says so, and nowhere else."""
    skimmer, splitter = SseSkimmer(spots), SseSplitter()
    events = standard(stream)[0]

    for place in range(1, len(stream) + 1):
        skimmer.feed(stream[place - 1 : place])
        splitter.feed(stream[place - 1 : place])
        assert skimmer.at_boundary == splitter.at_boundary
        if skimmer.at_boundary and place >= len(BOM):
            pinged = stream[:place] + KEEP_ALIVE + stream[place:]
            assert standard(pinged)[0] == events


@given(streams)
def test_between_events(stream: bytes) -> None:
    """Only comments and line ends lie behind the last event; no field has begun."""
    skimmer = SseSkimmer(spots)
    for chunk in cuts(stream, 5):
        skimmer.feed(chunk)

    if not stream.startswith(BOM):
        assert skimmer.between_events is not standard(stream)[1]


@given(streams)
def test_a_boundary_is_between_events(stream: bytes) -> None:
    skimmer = SseSkimmer(spots)
    for chunk in cuts(stream, 1):
        skimmer.feed(chunk)
        assert skimmer.between_events or not skimmer.at_boundary


@pytest.mark.parametrize(
    ("stream", "whole"),
    [
        (b"", True),
        (b"data: x\n\n", True),
        (b"data: x\r\n\r\n", True),
        (b"data: x\r\n\r", True),
        (b"data: x\r\r", True),
        (b"data: x\n\n\n", True),
        (b"data: x\n", False),
        (b"data: x\r\n\r\nd", False),
        (b"data: x\n\n: ping\n", False),
    ],
)
def test_boundary(stream: bytes, whole: bool) -> None:
    skimmer = SseSkimmer(spots)

    skimmer.feed(stream)

    assert skimmer.at_boundary is whole


@pytest.mark.parametrize(
    ("block", "frame"),
    [
        (b"data: x\n\n", Frame("", b"x")),
        (b"data:x\n\n", Frame("", b"x")),
        (b"data:  x\n\n", Frame("", b" x")),
        (b"data\n\n", Frame("", b"")),
        (b"data: a\ndata:b\ndata\n\n", Frame("", b"a\nb\n")),
        (b"event: error\ndata: x\n\n", Frame("error", b"x")),
        (b"event: a\nevent: b\ndata: x\n\n", Frame("b", b"x")),
        (b"event: \xff\ndata: x\n\n", Frame("\ufffd", b"x")),
        (b"\n: a\n: b\n\n", None),
        (b"event: ping\n\n", None),
        (b"", None),
        (BOM + b"data: x\n\n", Frame("", b"x")),
        ("data: a\u2028b\u2029c\n\n".encode(), Frame("", "a\u2028b\u2029c".encode())),
        (b"data: a\x0bb\x0cc\x1cd\n\n", Frame("", b"a\x0bb\x0cc\x1cd")),
        (b"data: a\rdata: b\r\r", Frame("", b"a\nb")),
    ],
)
def test_parse(block: bytes, frame: Frame | None) -> None:
    assert parse(block) == frame


def test_event_without_its_blank_line() -> None:
    """The standard drops it; some servers forget the line, and it is all there."""
    framer = SseFramer()

    assert list(framer.feed(b"data: a\n\ndata: b\n")) == [Frame("", b"a")]
    assert list(framer.eof()) == [Frame("", b"b")]


def test_nothing_is_left_after_the_last_blank_line() -> None:
    framer, skimmer = SseFramer(), SseSkimmer(spots)
    list(framer.feed(b"data: a\r\n\r\n"))
    skimmer.feed(b"data: a\r\n\r\n: bye")

    assert list(framer.eof()) == []
    assert skimmer.eof() == []


def test_skimmer_gives_what_is_left() -> None:
    skimmer = SseSkimmer(spots)
    skimmer.feed(b"data: a\n\ndata: b!")

    assert skimmer.eof() == [Frame("", b"b!")]


def test_a_named_error_matters_whatever_is_in_it() -> None:
    skimmer = SseSkimmer(spots)
    skimmer.feed(b"data: first\n\n")

    assert skimmer.feed(b"event: error\ndata: oh\n\n") == [Frame("error", b"oh")]


def test_a_value_cut_by_the_next_line() -> None:
    """Joined lines are one JSON text, which may go on in the next line anywhere."""
    skimmer = SseSkimmer(lambda data: [0] if b'"a":\n"b"' in data else [])
    skimmer.feed(b"data: first\n\n")

    assert skimmer.feed(b'data: {"a":\ndata: "b"}\n\n') == [Frame("", b'{"a":\n"b"}')]


@pytest.mark.parametrize(
    "make", [SseSplitter, lambda n: SseSkimmer(spots, max_event=n)]
)
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_cap(make: Callable[[int], SseSplitter], size: int) -> None:
    """An event that never ends is not collected for ever."""
    splitter = make(100)
    for chunk in cuts(b"data: " + b"x" * 94, size):
        splitter.feed(chunk)

    with pytest.raises(BackendError, match="exceeds 100 bytes") as caught:
        splitter.feed(b"x")

    assert caught.value.code == "event_too_large"


def test_cap_is_of_one_event() -> None:
    splitter = SseSplitter(100)

    for chunk in cuts((b"data: " + b"x" * 92 + b"\n\n") * 50, 7):
        splitter.feed(chunk)

    assert splitter.rest == b""


MB = 1024 * 1024
ADVERSE = {
    "one byte at a time": (b"data: " + b"x" * (MB // 4) + b"\n\n", 1),
    "a comment, byte by byte": (b": " + b"x" * (MB // 4) + b"\n\n", 1),
    "comments without an event": (b": ping\n" * (MB // 28), 7),
    "one event in small pieces": (b"data: " + b"x" * (8 * MB) + b"\n\n", 64),
    "line after line": (b"data: x\n" * (MB // 8), 64),
    "nothing but CR": (b"\r" * MB, MB),
    "CR, one by one": (b"\r" * (MB // 4), 1),
    "CRLF, cut in two": (b"\r\n" * (MB // 8), 1),
    "colons": (b"data" + b":" * MB + b"\n\n", MB),
    "CR and text": (b"x\r" * (MB // 4), 3),
}


@pytest.mark.parametrize("case", ADVERSE)
def test_linear_time(case: str) -> None:
    """What a hostile upstream can send costs by its length, not by its square."""
    chunks = cuts(*ADVERSE[case])
    skimmer, framer = SseSkimmer(spots), SseFramer()
    before = time.process_time()

    for chunk in chunks:
        skimmer.feed(chunk)
        for _ in framer.feed(chunk):
            pass

    # Around 0.5 s on a slow machine; what is quadratic here takes minutes.
    assert time.process_time() - before < 8


CHUNK = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"},%b}]%b}\n\n'
NOTHING = CHUNK % (b'"finish_reason":null', b"")
CHAT_PIECES = [
    NOTHING,
    NOTHING,
    NOTHING,
    CHUNK % (b'"finish_reason":null', b',"usage":null'),
    CHUNK % (b'"finish_reason":null', b',"usage":{"prompt_tokens":1}'),
    CHUNK % (b'"finish_reason":null', b',"error":{"code":429}'),
    CHUNK % (b'"finish_reason":"stop"', b""),
    CHUNK % (b'"finish_reason" : "stop"', b', "usage" : null'),
    CHUNK % (b'"logprobs":null', b',"finish_reason":null'),
    b'data: {"error":{"message":"no"},"finish_reason":null}]}\n\n',
    b'event: error\ndata: {"m":1,"finish_reason":null}]}\n\n',
    b": wait\n\n",
    b": wait\n",
    b"\n",
    b"data: [DONE]\n\n",
    b"data: a\ndata: b\n\n",
    b"data: x\r\n\r\n",
]


@given(st.lists(st.sampled_from(CHAT_PIECES), max_size=20), places)
def test_events_that_end_alike(pieces: list[bytes], where: list[int]) -> None:
    """What is passed over because it ends like the last one would not have mattered."""
    stream = b"".join(pieces)
    events = standard(stream)[0]
    wanted = [
        event
        for place, event in enumerate(events)
        if not place or event.event == "error" or openai_chat.spots(event.data)
    ]

    for chunks in (pieces, [stream], cut_at(stream, where)):
        skimmer = SseSkimmer(openai_chat.spots, openai_chat.ending, openai_chat.ALARM)
        found = [frame for chunk in chunks for frame in skimmer.feed(chunk)]
        assert (skimmer.events, found) == (len(events), wanted)
