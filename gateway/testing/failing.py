"""What a backend must make of its provider's failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.domain.events import Fault, ReplyEnd
from gateway.plugin import LLMProxyError, StreamingResponseEnvelope
from gateway.testing.base import Base
from gateway.testing.guards import expect
from gateway.testing.stage import drained, outcome, run, staged, whole
from gateway.testing.upstream import Answer
from gateway.unpacking import envelope_in
from gateway.wire.faults import read_refusal

if TYPE_CHECKING:
    from gateway.testing.stage import Stage
    from gateway.testing.upstream import Request as Asked

STATUSES = (400, 401, 403, 404, 408, 429, 500, 529)
MESSAGE = "contract says no 4417"
CODE = "contract_code"
WAIT = 7
FAILURES = {
    "cut answer": (False,),
    "cut stream": (True,),
    "cut event": (True,),
    "garbage": (False, True),
    "empty": (False, True),
    "nobody": (False, True),
}

each_way = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
each_failure = pytest.mark.parametrize(
    ("failure", "stream"),
    [
        pytest.param(name, way, id=f"{name}-{'stream' if way else 'whole'}")
        for name, ways in FAILURES.items()
        for way in ways
    ],
)


class Failing(Base):
    """Part of `BackendContract`."""

    @each_way
    @pytest.mark.parametrize("status", STATUSES)
    def test_http_error(self, status: int, stream: bool) -> None:
        """It is one of ours, with the provider's status, code and message."""
        self.needs_provider()
        body = self.error(status, CODE, MESSAGE)
        headers = {"retry-after": str(WAIT)} if status == 429 else {}

        async def main(stage: Stage) -> None:
            error = await _result(stage, stream=stream)
            expect(
                isinstance(error, LLMProxyError),
                f"status {status} becomes {_shown(error)}",
            )
            expect(
                error.status_code == status,
                f"status {status} becomes {error.status_code}",
            )
            expect(MESSAGE in error.message, f"the message is lost: {error.message!r}")
            said = read_refusal(body)
            code = said.code if said and self.keeps_code else error.code
            expect(error.code == code, f"the code {code!r} becomes {error.code!r}")
            if headers:
                expect(
                    error.retry_after == WAIT,
                    f"retry-after: {WAIT} becomes {error.retry_after}",
                )

        self.play(main, lambda _: Answer((body,), status=status, headers=headers))

    @each_failure
    def test_failure_is_no_success(self, failure: str, stream: bool) -> None:
        """What breaks off, or makes no sense, is never a complete answer."""
        result = self._fail(failure, stream=stream)
        if isinstance(result, list):
            expect(
                not any(isinstance(event, ReplyEnd) for event in result),
                f"{failure}: passed off as complete",
            )
        else:
            expect(
                isinstance(result, Exception),
                f"{failure}: passed off as an answer: {_shown(result)}",
            )

    @each_failure
    def test_only_our_errors_leave(self, failure: str, stream: bool) -> None:
        """The errors of a library, or of Python, stay inside."""
        result = self._fail(failure, stream=stream)
        if isinstance(result, Exception):
            expect(
                isinstance(result, LLMProxyError),
                f"{failure}: {_shown(result)} leaves the backend",
            )

    def test_failure_in_the_stream(self) -> None:
        """An error that a stream ends in is the caller's to know."""
        self.needs_provider()
        pieces = self.broken(MESSAGE)
        if pieces is None:
            pytest.skip("this protocol has no error in a stream")

        async def main(stage: Stage) -> None:
            result = await _result(stage, stream=True)
            if isinstance(result, list):
                faults = [event for event in result if isinstance(event, Fault)]
                expect(faults, "the error in the stream is ignored")
                result = faults[0].error
            expect(MESSAGE in str(result), f"its message is lost: {_shown(result)}")

        self.play(main, lambda _: Answer(tuple(pieces), stream=True))

    def _fail(self, failure: str, *, stream: bool) -> Any:
        self.needs_provider()

        async def main() -> Any:
            script = self._script_of(failure)
            given = (
                {"api_base_url": "http://127.0.0.1:9"} if failure == "nobody" else {}
            )
            async with staged(self, script, **given) as stage:
                return await _result(stage, stream=stream)

        return run(main())

    def _script_of(self, failure: str) -> Any:
        pieces = self.pieces()

        def play(request: Asked) -> Answer:
            stream = self.streams(request)
            match failure:
                case "cut answer":
                    return Answer((self.answer()[:-9],), end="cut")
                case "cut stream":
                    return Answer(tuple(pieces[:3]), stream=True, end="cut")
                case "cut event":  # the body ends as it should, in half an event
                    return Answer((*pieces[:3], pieces[3][:19]), stream=True)
                case "garbage":
                    return Answer((b"<html>\n<p>It works!</p>\n",), stream=stream)
                case _:
                    return Answer((), stream=stream)

        return play


async def _result(stage: Stage, *, stream: bool) -> Any:
    """Return the answer, the events, or the exception that comes instead."""
    returned = await outcome(stage.ask(stream=stream))
    if isinstance(returned, Exception):
        return returned
    envelope = envelope_in(returned)
    if isinstance(envelope, StreamingResponseEnvelope):
        return await outcome(drained(envelope))
    try:
        return whole(envelope)
    except LLMProxyError as error:  # the envelope says so
        return error


def _shown(result: Any) -> str:
    if isinstance(result, Exception):
        return f"{type(result).__name__}: {result}"
    return f"a {type(result).__name__}"
