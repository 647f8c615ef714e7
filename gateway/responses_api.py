"""
Responses that clients come back to: looked up, listed, deleted.

Only what was made through this gateway and kept is there. An id that only the
provider knows is not asked of it: the gateway could not tell whose it is.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, NoReturn, TypeAlias
from urllib.parse import quote

from aiohttp import web
from yarl import URL

from gateway.domain.errors import InvalidRequestError
from gateway.failures import JSON, mapped, refusal
from gateway.fronts.base import Ask
from gateway.store.base import MissingError, Stored, TooLongError
from gateway.store.place import OFF, open_store
from gateway.upstream import HttpBackend
from gateway.wire.json import encode, loads

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.settings import Settings
    from gateway.state import Gateway
    from gateway.store.memory import Memory

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Of the list of input items. Source:
# https://platform.openai.com/docs/api-reference/responses/input-items
MOST_LISTED = 100
USUALLY_LISTED = 20
# Seconds for a provider to delete something.
DELETE_DEADLINE = 30.0


def make(settings: Settings) -> Memory:
    """Return the memory of responses that *settings* ask for."""
    from gateway.store.memory import Memory

    return Memory(
        open_store(settings.responses, os.environ),
        keeps=settings.responses.file != OFF,
        alone=len(settings.server.api_keys) < 2,
        most=settings.server.max_body,
    )


def routes(site: Gateway) -> list[tuple[str, str, Handler]]:
    """Return method, path and handler; what a handler raises is to be rendered."""
    api = _Api(site)
    one = "/v1/responses/{id}"
    return [
        ("GET", one, api.retrieve),
        ("DELETE", one, api.delete),
        ("POST", f"{one}/cancel", api.cancel),
        ("GET", f"{one}/input_items", api.input_items),
    ]


class _Api:
    def __init__(self, site: Gateway) -> None:
        self._site = site

    async def retrieve(self, request: web.Request) -> web.Response:
        for name in ("stream", "starting_after"):
            if request.query.get(name, "false") != "false":
                raise InvalidRequestError(
                    f"a finished response is not streamed again; leave out {name}",
                    code="unsupported_parameter",
                    param=name,
                )
        _, stored = await self._find(request)
        return web.Response(body=stored.response, content_type=JSON)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a response, at the provider first if that keeps it, too."""
        caller, stored = await self._find(request)
        if stored.native:
            await self._delete_there(stored)
        try:
            await self._site.responses.store.delete(caller, stored.id)
        except MissingError:  # two at once
            _not_found(stored.id)
        return _json({"id": stored.id, "object": "response", "deleted": True})

    async def cancel(self, request: web.Request) -> web.Response:
        """Refuse, in OpenAI's words: nothing here runs in the background."""
        await self._find(request)
        raise InvalidRequestError(
            "Cannot cancel a synchronous response.", code="not_in_background"
        )

    async def input_items(self, request: web.Request) -> web.Response:
        """List what a response was the answer to, earlier turns included."""
        limit, descending = _limit(request), _descending(request)
        caller, stored = await self._find(request)
        items = await self._items(caller, stored)
        if descending:
            items.reverse()
        after = request.query.get("after")
        if after is not None:
            ids = [item["id"] for item in items]
            if after not in ids:
                raise InvalidRequestError(
                    f"there is no item '{after}' in this list", param="after"
                )
            items = items[ids.index(after) + 1 :]
        page = items[:limit]
        return _json(
            {
                "object": "list",
                "data": page,
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
                "has_more": len(items) > len(page),
            }
        )

    async def _find(self, request: web.Request) -> tuple[str, Stored]:
        caller = await self._site.access.admit(request)
        name = request.match_info["id"]
        try:
            return caller, await self._site.responses.store.get(caller, name)
        except MissingError:
            _not_found(name)

    async def _items(self, caller: str, stored: Stored) -> list[Json]:
        from gateway.fronts.openai_responses.history import input_items
        from gateway.store.memory import items_of

        earlier: list[Stored] = []
        if stored.previous is not None:
            # Where that is not all there any more, its own input is left.
            with suppress(MissingError, TooLongError):
                earlier = await self._site.responses.store.thread(
                    caller, stored.previous, self._site.settings.server.max_reply
                )
        items = [*chain(*map(items_of, earlier)), *loads(stored.input)]
        # Calls and their results are listed with what requests may leave out.
        listed = [
            {"status": "completed", **item} if "call_id" in item else item
            for item in items
        ]
        # With the id, those that are made for items without are unique.
        return input_items(encode({"of": stored.id, "input": listed}))

    async def _delete_there(self, stored: Stored) -> None:
        """
        Delete what the provider keeps.

        Raises:
            BackendError: it did not, so our copy stays for another try.
        """
        backend = self._site.backends.get(stored.backend)
        target = None
        if isinstance(backend, HttpBackend):
            ask = Ask(stored.model, stream=False)
            target = backend.native("openai_responses", "responses", ask, ask.model)
        if target is None or not isinstance(backend, HttpBackend):
            return  # it is no longer configured, and so is its key
        path = target.path.replace("{id}", quote(stored.id, safe=""))
        try:
            async with asyncio.timeout(DELETE_DEADLINE):
                response = await backend.open(
                    target,
                    URL(path, encoded=True),
                    b"",
                    target.headers({}),
                    method="DELETE",
                )
                try:
                    if response.status >= 300 and response.status != 404:
                        raise await refusal(response)
                finally:
                    response.close()
        except TimeoutError as exc:
            raise mapped(exc) from exc


def _not_found(name: str) -> NoReturn:
    raise InvalidRequestError(
        # OpenAI's own words; the same for what others own.
        f"Response with id '{name}' not found.",
        code="response_not_found",
        status_code=404,
    )


def _limit(request: web.Request) -> int:
    said = request.query.get("limit", str(USUALLY_LISTED))
    if not said.isascii() or not said.isdigit() or not 1 <= int(said) <= MOST_LISTED:
        raise InvalidRequestError(
            f"expected a whole number from 1 to {MOST_LISTED}", param="limit"
        )
    return int(said)


def _descending(request: web.Request) -> bool:
    order = request.query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise InvalidRequestError("expected asc or desc", param="order")
    return order == "desc"


def _json(value: Json) -> web.Response:
    return web.Response(body=encode(value), content_type=JSON)
