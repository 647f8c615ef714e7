from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import BackendError
from gateway.wire.jsonarray import CUT, JsonArrayFramer
from gateway.wire.sse import Frame
from tests.streams import cuts

ELEMENTS = [
    {"text": 'a "quoted" {brace} and \\ at the end \\'},
    {"nested": [{"a": [1, {"b": "]}"}]}, {}]},
    {},
    {"é": "\u2028"},
]
BODY = json.dumps(ELEMENTS, indent=1).encode()
FEW = [1, 7, 4096]


def read(body: bytes, size: int) -> list[Frame]:
    framer = JsonArrayFramer()
    frames = [frame for cut in cuts(body, size) for frame in framer.feed(cut)]
    return frames + framer.eof()


@pytest.mark.parametrize("size", FEW)
@pytest.mark.parametrize("between", [b",\r\n", b"\n,\n", b","])
def test_elements(size: int, between: bytes) -> None:
    """Each element is a frame with the bytes that came, wherever they are cut."""
    texts = [json.dumps(element).encode() for element in ELEMENTS]

    found = read(b" [" + between.join(texts) + b"]\n", size)

    assert found == [Frame("", text) for text in texts]


_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=3), _JSON, max_size=3), max_size=4))
def test_any_json(elements: list[Any]) -> None:
    """Strings may hold whatever looks like the end of an element."""
    body = json.dumps(elements, ensure_ascii=False).encode("utf-8", "surrogatepass")

    for size in FEW:
        assert [json.loads(frame.data) for frame in read(body, size)] == elements


@pytest.mark.parametrize("size", FEW)
def test_single_object(size: int) -> None:
    """Some errors come without an array around them."""
    assert read(b'{"error": {}}', size) == [Frame("", b'{"error": {}}')]


@pytest.mark.parametrize("size", FEW)
@pytest.mark.parametrize("rest", [b'{"a": "', b'{"a": {}', b"{", b'{"a": "\\'])
def test_cut_element(size: int, rest: bytes) -> None:
    """What lacks its end is told apart, so that nobody takes it for bad JSON."""
    *whole, cut = read(BODY[:-2] + b"," + rest, size)

    assert len(whole) == len(ELEMENTS)
    assert cut == Frame(CUT, rest)


@pytest.mark.parametrize("size", FEW)
@pytest.mark.parametrize("rest", [b"", b",", b"]", b"]\r\n"])
def test_end_between_elements(size: int, rest: bytes) -> None:
    assert len(read(BODY[:-2] + rest, size)) == len(ELEMENTS)


@pytest.mark.parametrize("size", FEW)
def test_no_object(size: int) -> None:
    """Anything else is a frame that no reader takes, and the last one."""
    *before, last = read(b"[{},\n<html>{}</html>]", size)

    assert before == [Frame("", b"{}")]
    assert last.data.startswith(b"<")


@pytest.mark.parametrize("size", FEW)
def test_endless_element(size: int) -> None:
    """What never ends must not fill the memory."""
    framer = JsonArrayFramer(max_event=20)

    with pytest.raises(BackendError) as caught:
        for cut in cuts(b'[{},{"a": "' + b"x" * 21, size):
            framer.feed(cut)

    assert caught.value.code == "event_too_large"
    assert framer.feed(b'"}') == []


def test_watching() -> None:
    """A relay may say something only between elements, and sees them pass."""
    framer = JsonArrayFramer()

    framer.feed(b'[{"a')
    inside = framer.at_boundary, framer.between_events, framer.progress
    framer.feed(b'": 1}\n')
    after = framer.at_boundary, framer.between_events, framer.progress
    framer.feed(b"]")

    assert inside == (False, False, -1)
    assert after == (True, False, 1)
    assert (framer.at_boundary, framer.between_events, framer.events) == (True, True, 1)


def test_single_object_is_whole() -> None:
    """What never was an array lacks no end."""
    framer = JsonArrayFramer()

    framer.feed(b'{"error": {}}')

    assert framer.between_events
