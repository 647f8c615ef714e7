"""The contract for backends whose providers speak something else than chat."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp
import pytest

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Fault,
    ReplyEnd,
    ReplyStart,
    TextDelta,
)
from gateway.domain.fold import fold
from gateway.domain.parts import Text
from gateway.domain.reply import Finish, Stop
from gateway.plugin import (
    APIConnectionError,
    BackendError,
    ProcessedResponse,
    ResponseEnvelope,
    StreamingResponseHandle,
    network_errors,
    stream_handle,
)
from gateway.testing import BackendContract, ContractError, Upstream
from gateway.testing.stage import run
from gateway.testing.upstream import Answer
from tests.plugins.mistakes import Good

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATHS = {
    "openai_responses": "/responses",
    "anthropic": "/messages",
    "gemini": "/models/{model}:{verb}",
}


class Speaking(Good):
    """Asks in one of the protocols that the translation knows."""

    protocol: ClassVar[str]

    async def chat_completions(
        self,
        request_data: Any,
        processed_messages: list[Any],
        effective_model: str,
        identity: Any = None,
        **kwargs: Any,
    ) -> Any:
        self.check_key()
        service, stream = self.translation_service, request_data.stream
        body = service.from_domain_request(
            request_data, self.protocol, messages=processed_messages
        )
        if self.protocol != "gemini":
            body |= {"model": effective_model, "stream": stream}
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        path = PATHS[self.protocol].format(model=effective_model, verb=verb)
        with network_errors():
            response = await self.client.post(
                self.api_base_url + path, json=body, headers=self.headers()
            )
            await self.check(response)
            if stream:
                reader = service.stream_reader(self.protocol)
                return stream_handle(response, reader).envelope()
            reply = service.to_domain_response(await response.json(), self.protocol)
        return ResponseEnvelope(reply)


class Messages(Speaking):
    protocol = "anthropic"


class Responses(Speaking):
    protocol = "openai_responses"


class Gemini(Speaking):
    protocol = "gemini"


class TestMessages(BackendContract):
    protocol = "anthropic"

    def make(self, *args: Any) -> Messages:
        return Messages(*args)


class TestResponses(BackendContract):
    protocol = "openai_responses"

    def make(self, *args: Any) -> Responses:
        return Responses(*args)


class TestGemini(BackendContract):
    protocol = "gemini"

    def make(self, *args: Any) -> Gemini:
        return Gemini(*args)


class Lines(Good):
    """Asks a provider with a protocol of its own: a word a line, and a full stop."""

    def body(self, request: Any, messages: list[Any], model: str) -> dict[str, Any]:
        body = super().body(request, messages, model)
        return {"name": model, "say": body["messages"], "slowly": request.stream}

    def envelope(self, response: Any) -> Any:
        return StreamingResponseHandle(
            self.lines(response), self.closing(response)
        ).envelope()

    def closing(self, response: Any) -> Any:
        async def close() -> None:
            response.close()

        return close

    async def lines(self, response: Any) -> AsyncIterator[ProcessedResponse]:
        try:
            yield ProcessedResponse((ReplyStart(), BlockStart(0, Text(""))))
            buffer = b""
            while True:
                with network_errors():
                    chunk = await response.content.readany()
                if not chunk:
                    break
                *whole, buffer = (buffer + chunk).split(b"\n")
                for line in whole:
                    yield ProcessedResponse(self.events(line))
                    if line == b"." or line.startswith(b"!"):
                        return
            raise APIConnectionError("the provider broke off")
        finally:
            response.close()

    def events(self, line: bytes) -> tuple[Any, ...]:
        if line.startswith(b"!"):
            return (Fault(BackendError(line[1:].decode())),)
        if line == b".":
            return (BlockEnd(0), ChoiceEnd(Finish(Stop.END)), ReplyEnd())
        if not line.startswith(b"-"):
            raise BackendError("the provider speaks another protocol")
        return (TextDelta(0, line[1:].decode()),)

    async def whole(self, response: Any) -> Any:
        with network_errors():
            lines = (await response.read()).decode().splitlines()
        if not lines or lines[-1] != ".":
            raise APIConnectionError("the provider broke off")
        events = [event for line in lines for event in self.events(line.encode())]
        return ResponseEnvelope(fold([ReplyStart(), BlockStart(0, Text("")), *events]))


class TestLines(BackendContract):
    """The author says what the provider says."""

    protocol = "lines"
    keeps_code = False
    tells_usage = False

    def make(self, *args: Any) -> Lines:
        return Lines(*args)

    def text(self) -> str:
        return "Grüß dich, Welt"

    def pieces(self) -> list[bytes]:
        words = ["Gr", "üß ", "dich", ", ", "Welt"]
        return [f"-{word}\n".encode() for word in words] + [b".\n"]

    def answer(self) -> bytes:
        return b"".join(self.pieces())

    def error(self, status: int, code: str, message: str) -> bytes:
        return json.dumps({"error": message}).encode()

    def broken(self, message: str) -> list[bytes] | None:
        return [*self.pieces()[:2], f"!{message}\n".encode()]

    def streams(self, request: Any) -> bool:
        return bool(request.json["slowly"])


class InOpenAisWords(Good):
    """Hands on what came, which the gateway reads."""

    def envelope(self, response: Any) -> Any:
        handle = self.handle(response)

        async def pieces() -> Any:
            try:
                while True:
                    with network_errors():
                        chunk = await response.content.readany()
                    if not chunk:
                        break
                    yield ProcessedResponse(chunk)
            finally:
                response.close()

        return StreamingResponseHandle(pieces(), handle.cancel_callback).envelope()

    def read(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise BackendError("the provider answered nothing")
        return ResponseEnvelope(content=data)  # type: ignore[arg-type]


class TestInOpenAisWords(BackendContract):
    def make(self, *args: Any) -> InOpenAisWords:
        return InOpenAisWords(*args)


class ErrorsInEnvelopes(Good):
    """Tells of the provider's errors by the envelope's status."""

    async def ask(self, body: dict[str, Any]) -> Any:
        with network_errors():
            url = f"{self.api_base_url}/chat/completions"
            return await self.client.post(url, json=body, headers=self.headers())

    def envelope(self, response: Any) -> Any:
        if response.status >= 400:
            return self.refused(response)
        return super().envelope(response)

    async def whole(self, response: Any) -> Any:
        if response.status >= 400:
            return await self.refused(response)
        return await super().whole(response)

    async def refused(self, response: Any) -> Any:
        content: Any = await response.json()
        wait = response.headers.get("retry-after")
        if wait:
            content["error"]["details"] = [{"retryDelay": f"{wait}s"}]
        return ResponseEnvelope(content, status_code=response.status)

    async def chat_completions(self, *args: Any, **kwargs: Any) -> Any:
        made = await super().chat_completions(*args, **kwargs)
        return await made if asyncio.iscoroutine(made) else made


class TestErrorsInEnvelopes(BackendContract):
    def make(self, *args: Any) -> ErrorsInEnvelopes:
        return ErrorsInEnvelopes(*args)

    def broken(self, message: str) -> None:
        """Do as a protocol without errors in its streams does."""


class Unfinished(BackendContract):
    protocol = "unheard-of"


def test_what_an_author_must_say() -> None:
    with pytest.raises(NotImplementedError, match=r"make\(\)"):
        Unfinished().make(None, None, None)
    with pytest.raises(NotImplementedError, match=r"override answer\(\)"):
        Unfinished().answer()


def test_upstream_for_tests_of_ones_own() -> None:
    """It can be used by itself, and takes bodies of unknown length."""

    async def body() -> AsyncIterator[bytes]:
        yield b'{"a": '
        yield b"1}"

    async def main() -> tuple[bytes, Any]:
        answer = Answer((b"one ", b"two"), status=201, headers={"x-a": "b"})
        async with (
            Upstream(lambda _: answer) as upstream,
            aiohttp.ClientSession() as session,
            session.post(f"{upstream.url}/x?y=1", data=body()) as response,
        ):
            assert (response.status, response.headers["x-a"]) == (201, "b")
            return await response.read(), upstream.requests[0]

    said, request = run(main())

    assert said == b"one two"
    assert (request.method, request.path, request.json) == ("POST", "/x?y=1", {"a": 1})


def test_contract_error_is_a_failure() -> None:
    """Not an error in the test: it is what was asked about."""
    assert issubclass(ContractError, AssertionError)
