"""Resolves references to earlier answers, and keeps new ones."""

from __future__ import annotations

from functools import partial
from time import time
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from attrs import frozen

from gateway.domain.errors import InvalidRequestError, RequestTooLargeError
from gateway.fronts.openai_responses import history
from gateway.recall import Recalled
from gateway.store.base import MissingError, Stored, StoreError, TooLongError
from gateway.wire import jsonsplice
from gateway.wire.json import decode, encode, loads

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.store.base import ResponseStore

# What has failed is nothing to go on from.
_KEPT = frozenset({"completed", "incomplete"})


class _Asked(msgspec.Struct):
    """What matters here of a request, which may hold megabytes beside."""

    model: Any = None
    store: Any = None
    previous_response_id: Any = None
    background: Any = None
    conversation: Any = None


_ASKED = msgspec.json.Decoder(_Asked)


@frozen
class _Asker:
    """Of one request: who asks whom, and what it follows."""

    caller: str
    backend: str
    model: str
    stores: bool
    previous: str | None


class Memory:
    """
    `gateway.recall.Responses` over a store.

    Args:
        keeps: whether the store keeps anything.
        alone: there is only one caller, so an id that we do not know may be asked
            of a provider who keeps answers. With several, one could so continue
            the conversation of another.
        most: bytes of an earlier conversation that may be sent along.
    """

    def __init__(
        self, store: ResponseStore, *, keeps: bool, alone: bool, most: int
    ) -> None:
        self.store = store
        self._keeps = keeps
        self._alone = alone
        self._most = most

    async def recall(
        self,
        caller: str,
        backend: str,
        stores: bool,
        body: bytes,
        *,
        passes: bool = False,
    ) -> Recalled:
        asked = decode(_ASKED, body)
        _refuse_what_is_not_offered(asked)
        previous = asked.previous_response_id
        if not isinstance(previous, str | None):
            previous = history.previous_of(body)  # which says what is wrong
        asker = _Asker(caller, backend, str(asked.model), stores, previous)
        remember = None
        if self._keeps and asked.store is not False:  # OpenAI's default is to
            remember = partial(self._remember, asker, body)
        if previous is None or (stores and await self._is_native(asker)):
            return Recalled(body, remember)
        items = []
        for stored in await self._thread(asker, previous):
            found = items_of(stored)
            if (passes or stores) and stored.backend != backend:
                found = [item for item in map(_without_seals, found) if item]
            items += found
        return Recalled(history.with_history(body, items), remember, previous)

    async def close(self) -> None:
        await self.store.close()

    async def _is_native(self, asker: _Asker) -> bool:
        """Tell whether the provider itself has what *asker* refers to."""
        try:
            stored = await self.store.get(asker.caller, str(asker.previous))
        except MissingError:
            return self._alone
        return stored.native and stored.backend == asker.backend

    async def _thread(self, asker: _Asker, name: str) -> list[Stored]:
        try:
            return await self.store.thread(asker.caller, name, self._most)
        except MissingError as exc:
            hint = "" if self._keeps else "; this gateway is set to keep none"
            raise InvalidRequestError(
                # OpenAI's own words, which clients may look for.
                f"Previous response with id '{exc.name}' not found{hint}.",
                code="previous_response_not_found",
                param="previous_response_id",
            ) from exc
        except TooLongError as exc:
            raise RequestTooLargeError(
                str(exc), code="conversation_too_large", param="previous_response_id"
            ) from exc

    async def _remember(self, asker: _Asker, body: bytes, response: Json) -> None:
        response = history.answered(response) or {}
        name = response.get("id")
        if not isinstance(name, str) or response.get("status") not in _KEPT:
            return
        if response.get("previous_response_id") != asker.previous:
            response = {**response, "previous_response_id": asker.previous}
        stored = Stored(
            id=name,
            caller=asker.caller,
            backend=asker.backend,
            model=asker.model,
            created=int(time()),
            input=_own_input(body),
            response=encode(response),
            previous=asker.previous,
            native=asker.stores,
        )
        try:
            await self.store.put(stored)
        except StoreError as exc:
            # The answer is good without; who refers to it will be told.
            log = structlog.get_logger()
            log.warning("response.not_stored", id=name, reason=exc.reason)


def items_of(stored: Stored) -> list[dict[str, Json]]:
    """Return what was asked and what was answered, as items of a request's input."""
    items = [*loads(stored.input), *history.output_items(loads(stored.response))]
    return [item for item in items if isinstance(item, dict)]


def _own_input(body: bytes) -> bytes:
    """Return the input as it came, as a list; whoever answered found it good."""
    spans = [span for name, _, span in jsonsplice.members(body) if name == "input"]
    value = body[slice(*spans[-1])] if spans else b"null"
    if value.startswith(b'"'):
        return b'[{"role":"user","content":%b}]' % value
    return value if value.startswith(b"[") else b"[]"


def _without_seals(item: dict[str, Json]) -> dict[str, Json] | None:
    """
    Return *item* for a provider who did not make it and is shown it as it is.

    It would look for the ids among its own, and could not open the seals.
    """
    if item.get("type") == "reasoning":
        return None
    return {name: value for name, value in item.items() if name != "id"}


def _refuse_what_is_not_offered(asked: _Asked) -> None:
    if asked.background:
        raise InvalidRequestError(
            "this gateway does not run responses in the background; leave out"
            " background, or stream the response",
            code="unsupported_parameter",
            param="background",
        )
    if asked.conversation is not None:
        raise InvalidRequestError(
            "this gateway keeps no conversations; continue by previous_response_id",
            code="unsupported_parameter",
            param="conversation",
        )
