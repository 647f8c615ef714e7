from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.domain.errors import BackendError, RateLimitExceededError
from gateway.domain.events import Event, Fault, Ping, ReplyEnd, ReplyStart
from gateway.wire.json import loads
from gateway.wire.reading import Guarded, none, truncated, whole
from gateway.wire.sse import Frame


class Careless:
    """Reads ``{"say": [...]}`` and trips over anything else."""

    def read(self, frame: Frame) -> Iterator[Event]:
        json = loads(frame.data)
        yield Ping()
        for word in json["say"]:
            match word:
                case "start":
                    yield ReplyStart()
                case "end":
                    yield ReplyEnd()
                case "limit":
                    raise RateLimitExceededError("slow down")
                case "last":
                    raise IndexError

    def end(self) -> Iterator[Event]:
        return none()


def frame(data: str, event: str = "") -> Frame:
    return Frame(event, data.encode())


@pytest.mark.parametrize(
    "data", ["{", "[]", '{"say":1}', "null", '{"x":0}', "[" * 100_000]
)
def test_what_cannot_be_read_is_a_fault_in_its_place(data: str) -> None:
    """The events before it still reach the client, and nothing follows it."""
    reader = Guarded(Careless())
    good = reader.feed(frame('{"say":["start"]}'))

    *_, fault = reader.feed(frame(data, "chunk"))

    assert good == [Ping(), ReplyStart()]
    assert isinstance(fault, Fault)
    assert fault.error.code == "upstream_malformed"
    assert "chunk event" in fault.error.message
    assert reader.feed(frame('{"say":["end"]}')) == []
    assert reader.eof() == []


def test_events_before_the_trip_in_one_frame_count() -> None:
    reader = Guarded(Careless())

    *before, fault = reader.feed(frame('{"say":["start","last"]}'))

    assert before == [Ping(), ReplyStart()]
    assert isinstance(fault, Fault)


def test_an_error_of_ours_is_the_fault() -> None:
    reader = Guarded(Careless())

    *_, fault = reader.feed(frame('{"say":["limit"]}'))

    assert isinstance(fault, Fault)
    assert isinstance(fault.error, RateLimitExceededError)


def test_a_stream_that_stops_is_a_fault() -> None:
    reader = Guarded(Careless())
    reader.feed(frame('{"say":["start"]}'))

    (fault,) = reader.eof()

    assert isinstance(fault, Fault)
    assert fault.error.code == truncated().code
    assert reader.eof() == []


def test_nothing_after_the_end() -> None:
    reader = Guarded(Careless())

    assert reader.feed(frame('{"say":["start","end"]}'))[-1] == ReplyEnd()
    assert reader.feed(frame('{"say":["start"]}')) == []
    assert reader.eof() == []


class Eager:
    """Answers with lists, and trips before there is one."""

    def read(self, frame: Frame) -> list[Event]:
        raise KeyError(frame.event)

    def end(self) -> list[Event]:
        raise KeyError


def test_a_reader_that_is_no_generator() -> None:
    (fault,) = Guarded(Eager()).feed(frame("{}"))
    (at_end,) = Guarded(Eager()).eof()

    assert isinstance(fault, Fault)
    assert isinstance(at_end, Fault)


class Obliging:
    """Says at the end of the stream that this was the end of the reply."""

    def read(self, _frame: Frame) -> Iterator[Event]:
        return none()

    def end(self) -> Iterator[Event]:
        yield ReplyEnd()


def test_an_end_that_was_due() -> None:
    assert Guarded(Obliging()).eof() == [ReplyEnd()]


def test_whole_answers_of_another_shape() -> None:
    def read(json: Any) -> str:
        text: str = json["choices"][0]["text"]
        return text

    assert whole(read, {"choices": [{"text": "a"}]}) == "a"
    shapes: list[Any] = [{}, [], None, {"choices": []}, {"choices": {"0": 1}}]
    for json in shapes:
        with pytest.raises(BackendError) as caught:
            whole(read, json)
        assert caught.value.code == "upstream_invalid_reply"
