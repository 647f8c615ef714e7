"""Our reader beside aiohttp's parsers, on what is valid and what is nearly so."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.agreement import METHODS, DisagreementError, check, doubts
from tests.fuzz.readings import PARSERS, ours, theirs
from tests.fuzz.responses import SEEDS, fresh, split

TOKEN = "!#$%&'*+-.^_`|~09azAZ"
names = st.text(TOKEN, min_size=1, max_size=12).map(lambda name: f"X-{name}".encode())
values = st.binary(max_size=12).map(
    lambda value: bytes(char for char in value if char > 32 and char != 127)
)
blanks = st.sampled_from([b"", b" ", b"\t", b" \t "])
fields = st.lists(
    st.builds(
        lambda name, before, value, after: (name, before + value + after, value),
        names,
        blanks,
        values,
        blanks,
    ),
    max_size=6,
)
seeds = st.integers(0, 255)


def chunked(pieces: list[bytes], extension: bytes, trailers: bytes) -> bytes:
    chunks = [b"%x%b\r\n%b\r\n" % (len(data), extension, data) for data in pieces]
    return b"".join(chunks) + b"0" + extension + b"\r\n" + trailers + b"\r\n"


@given(
    fields=fields,
    pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    framing=st.sampled_from(["length", "chunked", "close"]),
    extension=st.sampled_from([b"", b";a", b';a=b;c="\\"\\\\;"']),
    trailers=st.sampled_from([b"", b"A: b\r\n", b"A:\r\nB: c \r\n"]),
    status=st.integers(200, 599).filter(lambda status: status not in (204, 304)),
    after=st.binary(max_size=8),
    seed=seeds,
)
def test_valid_responses(
    fields: list[tuple[bytes, bytes, bytes]],
    pieces: list[bytes],
    framing: str,
    extension: bytes,
    trailers: bytes,
    status: int,
    after: bytes,
    seed: int,
) -> None:
    """Whatever the book allows is read as it was meant, by all, at every cut."""
    body = b"".join(pieces)
    lines, raw = [name + b":" + value for name, value, _ in fields], body + after
    if framing == "length":
        lines.append(b"content-length: %d" % len(body))
    elif framing == "chunked":
        lines.append(b"transfer-encoding:chunked")
        raw = chunked(pieces, extension, trailers) + after
    else:
        body += after

    head = b"".join(line + b"\r\n" for line in [b"HTTP/1.1 %d Why" % status, *lines])
    outcome = check(head + b"\r\n" + raw, "POST", seed)

    assert outcome.wrong is None
    assert outcome.reading is not None
    assert outcome.reading.body == body
    assert outcome.reading.reusable is (framing != "close")
    read = [
        value.encode("utf-8", "surrogateescape") for _, value in outcome.reading.headers
    ]
    assert read[: len(fields)] == [value for _, _, value in fields]


STARTS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 204\r\n",
    b"HTTP/1.1 304\r\n",
    b"HTTP/1.1 100\r\n\r\nHTTP/1.1 200\r\n",
    b"HTTP/1.1 200 OK\n",
    b"HTTP/1.1 101\r\n",
    b"\r\nHTTP/1.1 200\r\n",
]
LINES = [
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 5\t\r\n",
    b"Transfer-Encoding: chunked\t\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"A: b\r\n",
    b" c\r\n",
    b"A: b\n",
    b"A: \r\r\n",
    b"A:\x00\r\n",
    b"\r\n",
]
BODIES = [
    b"hello",
    b"5\r\nhello\r\n",
    b"5;a=b\r\nhello\r\n",
    b"5 \r\nhello\r\n",
    b"5\nhello\r\n",
    b"5\r\nhello\n",
    b"0x5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"0\r\nA: b\r\n\r\n",
    b"0\r\nA : b\r\n\r\n",
    b"0\r\n\n",
]


def some(parts: list[bytes], most: int) -> st.SearchStrategy[bytes]:
    # What is right comes first, and twice as often.
    return st.lists(st.sampled_from(parts[:2] * 4 + parts), max_size=most).map(b"".join)


@settings(max_examples=250)
@given(
    start=st.sampled_from(STARTS[:2] * 4 + STARTS),
    lines=some(LINES, 3),
    body=some(BODIES, 3),
    method=st.sampled_from(METHODS),
    seed=seeds,
)
def test_nearly_valid_responses(
    start: bytes, lines: bytes, body: bytes, method: str, seed: int
) -> None:
    """What ours accepts, theirs reads alike; what the rules doubt is refused."""
    check(start + lines + b"\r\n" + body, method, seed)


@given(st.integers(0, 2**64))
def test_mutated_responses(seed: int) -> None:
    check(*split(fresh(random.Random(seed))))


def test_much_is_accepted_and_much_is_refused() -> None:
    """Where all were refused, nothing would be compared."""
    dice = random.Random(5)
    tried = [fresh(dice) for _ in range(1500)]

    outcomes = [check(*split(data)) for data in tried]

    accepted = sum(outcome.reading is not None for outcome in outcomes)
    malformed = sum(
        outcome.wrong is not None and "connection ended" not in outcome.wrong
        for outcome in outcomes
    )
    assert accepted > 150
    assert malformed > 500


@pytest.mark.parametrize("raw", SEEDS)
def test_seeds(raw: bytes) -> None:
    """Where the search begins, all agree."""
    assert check(raw, "POST", 1).reading is not None


def test_both_parsers_are_there() -> None:
    assert set(PARSERS) == {"C", "Py"}


def test_a_lenient_reader_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check sees another body, and a connection used again against advice."""
    padded = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    monkeypatch.setattr("gateway.wire.http1.head._PADDED_CODING", Never)

    with pytest.raises(DisagreementError, match="but C"):
        check(padded, "POST", 1)
    assert check(plain, "POST", 1).reading is not None
    monkeypatch.setattr("gateway.wire.http1.reader.persists", lambda head: True)
    with pytest.raises(DisagreementError, match="reusable"):
        check(plain.replace(b"OK", b"OK\r\nConnection: close"), "POST", 1)


class Never:
    @staticmethod
    def search(text: str, start: int) -> None:
        return None


@pytest.mark.parametrize("start", STARTS[5:6] + STARTS[7:])
def test_rules_know_bad_starts(start: bytes) -> None:
    assert list(doubts(start + b"\r\n"))


@pytest.mark.parametrize("line", [*LINES[2:4], *LINES[5:8], *LINES[11:15]])
def test_rules_know_bad_lines(line: bytes) -> None:
    """The second opinion would tell, were the first one wrong."""
    assert list(doubts(STARTS[0] + line + b"\r\n"))


@pytest.mark.parametrize("body", [*BODIES[3:7], *BODIES[9:]])
def test_rules_know_bad_bodies(body: bytes) -> None:
    assert list(doubts(STARTS[0] + LINES[1] + b"\r\n" + body + BODIES[7]))


def test_theirs_tell_what_they_refuse() -> None:
    for name in PARSERS:
        assert isinstance(theirs(name, [b"HTTP/1.1 200 OK\r\n: x\r\n\r\n"]), str)
        assert isinstance(theirs(name, [SEEDS[0][:-1]]), str)
    assert ours([SEEDS[0][:-1]]).wrong is not None
