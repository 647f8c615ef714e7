from __future__ import annotations

import json as reference
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.json import decode, encode

ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
TEXT = msgspec.json.Decoder(dict[str, str])
LONE = rb'{"a":"\ud800","b":'


def test_no_surrogates() -> None:
    assert decode(ANY, rb'{"a":"\ud83d\ude00"}') == {"a": "\U0001f600"}


@pytest.mark.parametrize(
    "text", [r"\ud800", r"\uDFFFx", r"\udc00\ud800", r"\ud83d\\ud83d\ude00"]
)
def test_lone_surrogate(text: str) -> None:
    """A document is not refused for one string that JavaScript may write."""
    read = decode(ANY, f'{{"a":"{text}","b":"fine"}}'.encode())

    assert read["b"] == "fine"
    assert "?" in read["a"]


def test_escaped_backslash_before_a_surrogate() -> None:
    """What only looks like an escape does not spoil the document."""
    assert decode(ANY, rb'{"a":"\\ud800","b":"\ud800"}')["b"] == "?"


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"nul", b'{"a":1}x', b"NaN", b'"\x01"', b"\xef\xbb\xbf{}"),
        *(b'"\xff"', LONE + b'"\xff"}', LONE + b"}"),
        *(b"[" * 100_000, LONE + b"[" * 100_000),
    ],
    ids=lambda data: data[:24],
)
def test_no_json(data: bytes) -> None:
    """Whatever is wrong with it, it is one kind of error."""
    with pytest.raises(msgspec.DecodeError) as caught:
        decode(ANY, data)

    assert not isinstance(caught.value, msgspec.ValidationError)


@pytest.mark.parametrize("data", [b'{"a":1}', rb'{"a":"\ud800","b":1}', b"[]"])
def test_another_shape(data: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(TEXT, data)


texts = st.text(st.characters(), max_size=8)
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=8,
)


@given(documents)
def test_encode(document: Any) -> None:
    """Everything that JSON can say comes back, lone surrogates and big numbers too."""
    assert reference.loads(encode(document)) == document


@given(documents)
def test_decode_reads_what_others_write(document: Any) -> None:
    """Escaped or not, it is the same document, but for lone surrogates."""
    for ascii_only in (True, False):
        text = reference.dumps(document, ensure_ascii=ascii_only)
        try:
            data = text.encode()
        except UnicodeEncodeError:
            continue
        if "\\ud" not in text:
            assert decode(ANY, data) == document
        else:
            decode(ANY, data)


def test_lone_surrogate_goes_out_as_it_came() -> None:
    assert encode({"a": "\ud800"}) == rb'{"a":"\ud800"}'
    assert encode({"a": "\u00e9"}) == '{"a":"\u00e9"}'.encode()
