"""Heads of requests: what would be read as something else is never written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.wire.http1 import header_lines, request_head

HEADERS = {"Host": "api.example.com", "Content-Length": "2"}


def test_request_head() -> None:
    """Names keep their case, fields their order."""
    assert request_head("POST", "/v1/chat?a=%20b", HEADERS) == (
        b"POST /v1/chat?a=%20b HTTP/1.1\r\n"
        b"Host: api.example.com\r\nContent-Length: 2\r\n\r\n"
    )


def test_ready_lines() -> None:
    """What stays the same is written once."""
    ready = header_lines({"Authorization": "Bearer x", "Accept": "*/*"})

    assert request_head("GET", "/", {"Host": "a"}, ready) == (
        b"GET / HTTP/1.1\r\nAuthorization: Bearer x\r\nAccept: */*\r\nHost: a\r\n\r\n"
    )
    assert request_head("GET", "/", {}, header_lines({})) == b"GET / HTTP/1.1\r\n\r\n"


def test_repeated_names() -> None:
    headers = CIMultiDict([("A", "b"), ("a", "c")])

    assert header_lines(headers) == b"A: b\r\na: c\r\n"


@pytest.mark.parametrize(
    "value", ["", "b", "b\tc", " b ", "é", "\x80", "\u20ac", ":,;"]
)
def test_values(value: str) -> None:
    """They go out as UTF-8, as they do by aiohttp."""
    assert header_lines({"A": value}) == b"A: " + value.encode() + b"\r\n"


@pytest.mark.parametrize(
    "value",
    [
        "b\r\nC: d",
        "b\nC: d",
        "b\rC: d",
        "b\r\n",
        "\r\n",
        "b\r\n c",
        "\0",
        "b\x1f",
        "\x7f",
    ],
)
def test_value_refused(value: str) -> None:
    """A value from a client or a file cannot begin another field or request."""
    with pytest.raises(ValueError, match="the value of Secret has") as caught:
        header_lines({"A": "b", "Secret": "key" + value})
    with pytest.raises(ValueError, match="the value of Secret has"):
        request_head("POST", "/", {"Secret": value + "key"})

    assert "key" not in str(caught.value)


def test_surrogates_refused() -> None:
    with pytest.raises(ValueError, match="the value of A has") as caught:
        header_lines({"A": "\udc80"})

    assert not isinstance(caught.value, UnicodeError)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "A ",
        " A",
        "A:",
        "A b",
        "A\r\nB",
        "A\n",
        "\r\nA",
        "A\0",
        "É",
        "(A)",
        "A\x7f",
    ],
)
def test_name_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no token"):
        header_lines({name: "b"})


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("", "/"),
        ("PO ST", "/"),
        ("POST\r\n", "/"),
        ("POST / HTTP/1.1\r\nA: b\r\n\r\nPOST", "/"),
        ("PÖST", "/"),
        ("POST", ""),
        ("POST", "/ "),
        ("POST", "/a b"),
        ("POST", "/ HTTP/1.1\r\nA: b\r\n\r\nPOST /"),
        ("POST", "/\r"),
        ("POST", "/\n"),
        ("POST", "/\t"),
        ("POST", "/\0"),
        ("POST", "/\x7f"),
        ("POST", "/é"),
        ("POST", "/#a"),
    ],
)
def test_request_line_refused(method: str, target: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a request line"):
        request_head(method, target, HEADERS)


SOME = st.text("aZ-a-Z-: \t\r\n\0é", max_size=6)


@given(st.dictionaries(st.text("aZ-:", max_size=4), st.text() | SOME, max_size=3))
def test_any_headers(headers: dict[str, str]) -> None:
    """What is written has as many lines as headers, and each says what was meant."""
    try:
        head = request_head("POST", "/", headers)
    except ValueError:
        return

    first, *lines, blank, end = head.split(b"\r\n")
    assert (first, blank, end) == (b"POST / HTTP/1.1", b"", b"")
    read = [line.decode().split(": ", 1) for line in lines]
    assert read == [[name, value] for name, value in headers.items()]
