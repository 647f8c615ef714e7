"""
A backend that keeps to the contract, and others with one mistake each.

`MISTAKES` tells which of the contract's tests must notice which: that one, and no
other.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from contextlib import suppress
from typing import Any

import aiohttp
from attrs import evolve

from gateway.domain.events import (
    BlockStart,
    ChoiceEnd,
    Fault,
    ReplyEnd,
    TextDelta,
    UsageUpdate,
)
from gateway.domain.parts import Text
from gateway.domain.reply import Choice, Finish, Reply, Stop
from gateway.plugin import (
    AuthenticationError,
    BackendError,
    LLMBackend,
    LLMProxyError,
    ProcessedResponse,
    ResponseEnvelope,
    StreamingResponseEnvelope,
    StreamingResponseHandle,
    network_errors,
    raise_for_status,
    stream_handle,
)
from gateway.testing import BackendContract

LOG = logging.getLogger(__name__)


class Good(LLMBackend):
    backend_type = "good"

    def __init__(self, client: Any, config: Any, translation_service: Any) -> None:
        super().__init__(config)
        self.client = client
        self.translation_service = translation_service
        self.available_models: list[str] = []
        self.api_key: str | None = None
        self.api_base_url = "https://api.myprovider.com/v1"

    async def initialize(self, **kwargs: Any) -> None:
        self.api_key = kwargs.get("api_key")
        self.api_base_url = kwargs.get("api_base_url", self.api_base_url)
        if self.api_key:
            await self.discover()

    async def discover(self) -> None:
        try:
            with network_errors():
                url = f"{self.api_base_url}/models"
                response = await self.client.get(url, headers=self.headers())
                await raise_for_status(response)
                listed = await response.json()
            self.available_models = [model["id"] for model in listed["data"]]
        except LLMProxyError as exc:
            LOG.warning("models are unknown: %s", exc)

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    def get_available_models(self) -> list[str]:
        return self.available_models

    async def chat_completions(
        self,
        request_data: Any,
        processed_messages: list[Any],
        effective_model: str,
        identity: Any = None,
        **kwargs: Any,
    ) -> Any:
        self.check_key()
        body = self.body(request_data, processed_messages, effective_model)
        response = await self.ask(body)
        if request_data.stream:
            return self.envelope(response)
        return await self.whole(response)

    def check_key(self) -> None:
        if not self.api_key:
            raise AuthenticationError(message="no key", code="missing_api_key")

    def body(self, request: Any, messages: list[Any], model: str) -> dict[str, Any]:
        service = self.translation_service
        body: dict[str, Any] = service.from_domain_request(
            request, "openai", messages=messages
        )
        return body | {"model": model, "stream": request.stream}

    async def ask(self, body: dict[str, Any]) -> Any:
        with network_errors():
            url = f"{self.api_base_url}/chat/completions"
            response = await self.client.post(url, json=body, headers=self.headers())
            await self.check(response)
            return response

    async def check(self, response: Any) -> None:
        await raise_for_status(response)

    def handle(self, response: Any) -> StreamingResponseHandle:
        reader = self.translation_service.stream_reader("openai")
        return stream_handle(response, reader)

    def envelope(self, response: Any) -> Any:
        handle = self.handle(response)
        return evolve(handle, iterator=self.pieces(handle.iterator)).envelope()

    async def pieces(self, iterator: Any) -> Any:
        try:
            async for piece in iterator:
                for changed in self.changed(piece):
                    yield changed
        finally:
            await iterator.aclose()

    def changed(self, piece: ProcessedResponse) -> list[ProcessedResponse]:
        return [piece]

    async def whole(self, response: Any) -> Any:
        with network_errors():
            data = await response.json()
        return self.read(data)

    def read(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise BackendError("the provider answered nothing")
        reply = self.translation_service.to_domain_response(data, "openai")
        return ResponseEnvelope(content=reply, usage=reply.usage)


def events(piece: ProcessedResponse, keep: Any) -> list[ProcessedResponse]:
    """Return *piece* with those events for which *keep* says so."""
    return [ProcessedResponse(tuple(filter(keep, piece.content)))]


# -- the constructor


class OpensASocket(Good):
    def __init__(self, client: Any, config: Any, translation_service: Any) -> None:
        super().__init__(client, config, translation_service)
        with suppress(AssertionError):  # an author's may suppress everything
            socket.socket().close()


class UsesTheSession(Good):
    def __init__(self, client: Any, config: Any, translation_service: Any) -> None:
        super().__init__(client, config, translation_service)
        try:
            client.headers["X-Mine"] = "1"
        except Exception:
            LOG.debug("no such header")


class StartsATask(Good):
    def __init__(self, client: Any, config: Any, translation_service: Any) -> None:
        super().__init__(client, config, translation_service)
        with suppress(RuntimeError):  # no loop runs
            self.task = asyncio.get_running_loop().create_task(asyncio.sleep(0))


# -- settings and models


class RefusesUnknownSettings(Good):
    async def initialize(self, **kwargs: Any) -> None:
        known = {"api_key", "api_keys", "api_base_url", "models", "provider"}
        if set(kwargs) - known:
            raise TypeError("unexpected keyword arguments")
        await super().initialize(**kwargs)


class ModelsAreATuple(Good):
    def get_available_models(self) -> Any:
        return tuple(self.available_models)


class ForgetsItsModels(Good):
    def get_available_models(self) -> list[str]:
        return []


class StartsOnlyWithModels(Good):
    async def discover(self) -> None:
        try:
            await self.strictly()
        except aiohttp.ClientConnectionError:
            LOG.warning("nobody is there")

    async def strictly(self) -> None:
        url = f"{self.api_base_url}/models"
        async with self.client.get(url, headers=self.headers()) as response:
            response.raise_for_status()
            self.available_models = [m["id"] for m in (await response.json())["data"]]


class AsksWithoutAKey(Good):
    def check_key(self) -> None:
        pass


class SaysItInOtherWords(Good):
    def check_key(self) -> None:
        if not self.api_key:
            raise AuthenticationError(message="no key")


class LeavesATask(Good):
    async def initialize(self, **kwargs: Any) -> None:
        await super().initialize(**kwargs)
        self.task = asyncio.create_task(asyncio.sleep(3600))


# -- requests


class IgnoresTheModel(Good):
    def body(self, request: Any, messages: list[Any], model: str) -> dict[str, Any]:
        return super().body(request, messages, "my-favourite")


class IgnoresProcessedMessages(Good):
    def body(self, request: Any, messages: list[Any], model: str) -> dict[str, Any]:
        return super().body(request, [], model)


class HasItsOwnSession(Good):
    async def initialize(self, **kwargs: Any) -> None:
        self.client = aiohttp.ClientSession()
        await super().initialize(**kwargs)

    async def close(self) -> None:
        if isinstance(self.client, aiohttp.ClientSession):
            await self.client.close()


# -- answers


class ReturnsTheReply(Good):
    def read(self, data: Any) -> Any:
        reply = super().read(data)
        return reply.content


class OneReadIsOneEvent(Good):
    """The slip of many: a stream is cut where the network cuts it."""

    def envelope(self, response: Any) -> Any:
        async def pieces() -> Any:
            reader = self.translation_service.stream_reader("openai")
            try:
                while True:
                    with network_errors():
                        chunk = await response.content.readany()
                    if not chunk:
                        break
                    if chunk.endswith(b"\n\n"):
                        yield ProcessedResponse(reader.feed(chunk))
                yield ProcessedResponse(reader.eof())
            finally:
                response.close()

        async def cancel() -> None:
            response.close()

        return StreamingResponseHandle(pieces(), cancel).envelope()


class SaysGoodbyeTwice(Good):
    def changed(self, piece: ProcessedResponse) -> list[ProcessedResponse]:
        ends = any(isinstance(event, ReplyEnd) for event in piece.content)
        more = (ReplyEnd(),) if ends else ()
        return [ProcessedResponse((*piece.content, *more))]


class ForgetsTheCost(Good):
    def changed(self, piece: ProcessedResponse) -> list[ProcessedResponse]:
        return events(piece, lambda event: not isinstance(event, UsageUpdate))


class ReturnsAHandle(Good):
    def envelope(self, response: Any) -> Any:
        return self.handle(response)


class YieldsBareEvents(Good):
    async def pieces(self, iterator: Any) -> Any:
        try:
            async for piece in iterator:
                yield piece.content
        finally:
            await iterator.aclose()


class CannotBeCancelled(Good):
    """Closing the iterator frees the provider, and nothing else does."""

    def envelope(self, response: Any) -> Any:
        return StreamingResponseEnvelope(self.pieces(self.handle(response).iterator))


class SharesAReader(Good):
    """What one stream has begun, another goes on with."""

    def handle(self, response: Any) -> StreamingResponseHandle:
        reader = vars(self).get("reader")
        if reader is None or vars(self).get("used", 0) <= 0:
            reader = self.translation_service.stream_reader("openai")
            self.reader, self.used = reader, 0
        self.used += 1
        handle = stream_handle(response, reader)

        async def counted() -> Any:
            try:
                async for piece in handle.iterator:
                    yield piece
            finally:
                self.used -= 1
                await handle.iterator.aclose()  # type: ignore[attr-defined]

        return evolve(handle, iterator=counted())


# -- cancelling


class _Cancels(Good):
    """Leaves to its children what becomes of a cancelled stream."""

    async def cancel(self, response: Any) -> None:
        response.close()

    def envelope(self, response: Any) -> Any:
        handle = self.handle(response)

        async def cancel() -> None:
            await self.cancel(response)

        return StreamingResponseEnvelope(
            self.pieces(handle.iterator), cancel_callback=cancel
        )


class CancelsOnlyWhatHasBegun(_Cancels):
    """Before the first piece there is nothing to cancel, it thinks."""

    begun = False

    async def cancel(self, response: Any) -> None:
        if self.begun:
            response.close()

    def changed(self, piece: ProcessedResponse) -> list[ProcessedResponse]:
        self.begun = True
        return [piece]


class ClosesARunningGenerator(Good):
    def envelope(self, response: Any) -> Any:
        pieces = self.pieces(self.handle(response).iterator)

        async def cancel() -> None:
            if pieces.ag_running:
                await pieces.aclose()  # "already running", says Python
            response.close()

        return StreamingResponseEnvelope(pieces, cancel_callback=cancel)


class CancelsWhatIsOver(_Cancels):
    async def cancel(self, response: Any) -> None:
        if response.content.is_eof():
            raise BackendError("there is nothing to cancel")
        response.close()


class CancelsOnce(_Cancels):
    async def cancel(self, response: Any) -> None:
        if response.closed and not response.content.is_eof():
            raise BackendError("it is cancelled already")
        response.close()


class TakesItsTime(_Cancels):
    async def cancel(self, response: Any) -> None:
        over = response.content.is_eof()
        response.close()
        if not over:
            await asyncio.sleep(3600)


class LeavesTheIteratorOpen(Good):
    async def pieces(self, iterator: Any) -> Any:
        self.kept = iterator  # else the garbage collector might do it
        async for piece in iterator:
            yield piece


class SwallowsCancellation(Good):
    async def pieces(self, iterator: Any) -> Any:
        try:
            async for piece in iterator:
                yield piece
        except asyncio.CancelledError:
            LOG.debug("somebody has left")
        finally:
            await iterator.aclose()


# -- failures


class LeaksHttpErrors(Good):
    """As in the guide, where `raise_for_status` raises what nobody maps."""

    async def ask(self, body: dict[str, Any]) -> Any:
        response = await super().ask(body)
        response.raise_for_status()
        return response

    async def check(self, response: Any) -> None:
        pass


class ForgetsTheMessage(Good):
    async def check(self, response: Any) -> None:
        try:
            await raise_for_status(response)
        except LLMProxyError as exc:
            exc.message = "the provider failed"
            raise


class ForgetsWhenToTryAgain(Good):
    async def check(self, response: Any) -> None:
        try:
            await raise_for_status(response)
        except LLMProxyError as exc:
            exc.retry_after = None
            raise


class AlwaysSays502(Good):
    async def check(self, response: Any) -> None:
        try:
            await raise_for_status(response)
        except LLMProxyError as exc:
            raise BackendError(exc.message, code=exc.code) from exc


class EndsWhatBreaksOff(Good):
    """A stream that was cut is taken for one that has ended."""

    async def pieces(self, iterator: Any) -> Any:
        done = False
        try:
            async for piece in iterator:
                cut = [e for e in piece.content if isinstance(e, Fault)]
                if cut and "contract says" not in cut[0].error.message:
                    yield ProcessedResponse((ReplyEnd(),))
                    return
                yield piece
                done = done or bool(piece.content)
        except BackendError as exc:
            if not done or "broke off" not in exc.message:
                raise
            yield ProcessedResponse((ReplyEnd(),))
        finally:
            await iterator.aclose()


class MakesUpAnAnswer(Good):
    """What is no answer is taken for an empty one."""

    async def whole(self, response: Any) -> Any:
        try:
            with network_errors():
                data = await response.json()
        except LLMProxyError:
            data = None
        if data is None:
            choice = Choice((Text("Sorry?"),), Finish(Stop.END))
            return ResponseEnvelope(Reply(choices=(choice,)))
        return self.read(data)


class LeaksLibraryErrors(Good):
    async def ask(self, body: dict[str, Any]) -> Any:
        url = f"{self.api_base_url}/chat/completions"
        response = await self.client.post(url, json=body, headers=self.headers())
        await self.check(response)
        return response


class IgnoresErrorsInTheStream(Good):
    def changed(self, piece: ProcessedResponse) -> list[ProcessedResponse]:
        said = [e for e in piece.content if isinstance(e, Fault)]
        if said and "contract says" in said[0].error.message:
            return []
        return [piece]


# -- secrets


class ShowsItsKey(Good):
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.api_key!r})"


class LogsItsKey(Good):
    async def ask(self, body: dict[str, Any]) -> Any:
        LOG.debug("asking with %s", self.headers())
        return await super().ask(body)


class TellsItsKeyInErrors(Good):
    async def check(self, response: Any) -> None:
        try:
            await raise_for_status(response)
        except LLMProxyError as exc:
            exc.details = {"headers": json.dumps(self.headers())}
            raise


# -- behind the gateway


class NeedsAnIdentity(Good):
    async def chat_completions(
        self,
        request_data: Any,
        processed_messages: list[Any],
        effective_model: str,
        identity: Any = None,
        **kwargs: Any,
    ) -> Any:
        if identity is not None:
            identity.headers()  # there is no such method
        return await super().chat_completions(
            request_data, processed_messages, effective_model
        )


class LosesWords(Good):
    def changed(self, piece: ProcessedResponse) -> list[ProcessedResponse]:
        if any(isinstance(e, BlockStart | ChoiceEnd) for e in piece.content):
            return [piece]
        return events(piece, lambda e: not isinstance(e, TextDelta) or e.text[0] != ".")


MISTAKES: dict[type[Good], set[str]] = {
    Good: set(),
    OpensASocket: {"test_constructor_does_no_io"},
    UsesTheSession: {"test_constructor_does_no_io"},
    StartsATask: {"test_constructor_does_no_io"},
    RefusesUnknownSettings: {"test_unknown_settings_are_ignored"},
    ModelsAreATuple: {"test_models_are_names"},
    ForgetsItsModels: {"test_models_that_were_found_are_told"},
    StartsOnlyWithModels: {"test_models_that_cannot_be_had"},
    AsksWithoutAKey: {"test_missing_key"},
    SaysItInOtherWords: {"test_missing_key"},
    LeavesATask: {"test_close_ends_what_it_began"},
    IgnoresTheModel: {"test_request_asks_for_the_model"},
    IgnoresProcessedMessages: {"test_processed_messages_win"},
    HasItsOwnSession: {"test_requests_carry_the_loop_guard"},
    ReturnsTheReply: {"test_whole_answer"},
    OneReadIsOneEvent: {"test_streamed_answer", "test_streams_side_by_side"},
    SaysGoodbyeTwice: {"test_stream_keeps_to_the_grammar"},
    ForgetsTheCost: {"test_stream_folds_to_the_answer"},
    ReturnsAHandle: {"test_stream_is_what_is_declared"},
    YieldsBareEvents: {"test_stream_is_what_is_declared"},
    SharesAReader: {"test_streams_side_by_side"},
    CannotBeCancelled: {
        "test_stream_is_what_is_declared",
        "test_cancel_before_the_first_piece",
        "test_cancel_during_a_read",
    },
    CancelsOnlyWhatHasBegun: {
        "test_cancel_before_the_first_piece",
    },
    ClosesARunningGenerator: {"test_cancel_during_a_read"},
    CancelsWhatIsOver: {"test_cancel_after_the_end"},
    CancelsOnce: {"test_cancel_twice"},
    TakesItsTime: {
        "test_cancel_before_the_first_piece",
        "test_cancel_during_a_read",
        "test_cancel_twice",
    },
    LeavesTheIteratorOpen: {"test_closed_iterator"},
    SwallowsCancellation: {"test_cancelled_task"},
    LeaksHttpErrors: {"test_http_error"},
    ForgetsTheMessage: {"test_http_error"},
    ForgetsWhenToTryAgain: {"test_http_error"},
    AlwaysSays502: {"test_http_error"},
    EndsWhatBreaksOff: {"test_failure_is_no_success"},
    MakesUpAnAnswer: {"test_failure_is_no_success"},
    LeaksLibraryErrors: {"test_only_our_errors_leave"},
    IgnoresErrorsInTheStream: {"test_failure_in_the_stream"},
    ShowsItsKey: {"test_no_secret_is_shown"},
    LogsItsKey: {"test_no_secret_is_shown"},
    TellsItsKeyInErrors: {"test_no_secret_is_shown"},
    NeedsAnIdentity: {"test_through_the_gateway"},
}


def contract(backend: type[Good]) -> type[BackendContract]:
    """Return the contract's tests of one of these."""

    def make(_: Any, client: Any, config: Any, translation_service: Any) -> Good:
        return backend(client, config, translation_service)

    return type(
        f"Test{backend.__name__}", (BackendContract,), {"make": make, "promptly": 0.2}
    )
