"""
An upstream's answer, however it is read: its status, its headers, and its pieces.

There are two ways, with one interface: aiohttp's client, which is read here, and the
gateway's own reader in `gateway.lane`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from aiohttp import ClientError
from multidict import CIMultiDict

from gateway.failures import mapped

if TYPE_CHECKING:
    from aiohttp import ClientResponse
    from multidict import CIMultiDictProxy

    from gateway.plugin import Decoder

# Is given a piece; returns whether it wants no more for the time being.
Take: TypeAlias = Callable[[Any], bool]


class Source(Protocol):
    """Where the pieces of a stream come from; one reader at a time."""

    async def read(self) -> Any:
        """
        Return what came next; something empty at the end.

        Raises:
            LLMProxyError: it broke off.
        """

    async def deliver(self, take: Take) -> bool:
        """
        Call *take* with each piece, as soon as it is here.

        Returns:
            Whether that was all; else *take* wanted no more.

        Raises:
            LLMProxyError: it broke off; what came before that was delivered.
        """

    def pause(self) -> None:
        """Let no more pieces come until `resume`; one may be on its way."""

    def resume(self) -> None: ...


class Answer(Source, Protocol):
    """An upstream's answer, whose head has come."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers; their names may be asked for in any case."""

    def close(self) -> None:
        """Free the upstream at once, unless all was read."""


class Pulled:
    """
    A source that must be asked for each piece.

    Args:
        read: gives the next one; something empty at the end.
    """

    def __init__(self, read: Callable[[], Awaitable[Any]]) -> None:
        self._read = read
        self._clear: asyncio.Future[None] | None = None

    async def read(self) -> Any:
        try:
            return await self._read()
        except (ClientError, TimeoutError, OSError) as exc:
            raise mapped(exc) from exc

    async def deliver(self, take: Take) -> bool:
        while True:
            while self._clear is not None:
                await self._clear
            piece = await self.read()
            if not piece:
                return True
            if take(piece):
                return False

    def pause(self) -> None:
        if self._clear is None:
            self._clear = asyncio.get_running_loop().create_future()

    def resume(self) -> None:
        clear, self._clear = self._clear, None
        if clear is not None and not clear.done():
            clear.set_result(None)


class ClientAnswer(Pulled):
    """An answer that aiohttp's client reads."""

    def __init__(self, response: ClientResponse) -> None:
        super().__init__(response.content.readany)
        self.status = response.status
        self.headers = _writable(response.headers)
        self._response = response

    def close(self) -> None:
        # Does nothing where it was read to its end: then its connection is back
        # in the pool already.
        self._response.close()


def _writable(headers: CIMultiDictProxy[str]) -> Mapping[str, str]:
    """
    Leave out what no writer would take; aiohttp's reader lets control characters pass.
    """
    if "".join(headers.values()).isprintable():
        return headers
    sound = [(name, value) for name, value in headers.items() if _sound(value)]
    return CIMultiDict(sound)


def _sound(value: str) -> bool:
    return value.replace("\t", "").isprintable()


class Decoding:
    """A source of what a decoder makes of the bytes of another."""

    def __init__(self, source: Source, decoder: Decoder) -> None:
        self._source = source
        self._decoder = decoder
        self._over = False
        self.pause = source.pause
        self.resume = source.resume

    async def read(self) -> bytes:
        while not self._over:
            chunk = await self._source.read()
            if data := self._decode(chunk):
                return data
        return b""

    async def deliver(self, take: Take) -> bool:
        def decode_and_take(chunk: bytes) -> bool:
            data = self._decode(chunk)
            return bool(data) and take(data)

        if not self._over and not await self._source.deliver(decode_and_take):
            return False
        if self._over:
            return True
        data = self._decode(b"")
        return not (data and take(data))

    def _decode(self, chunk: bytes) -> bytes:
        self._over = not chunk
        return self._decoder.feed(chunk) if chunk else self._decoder.eof()
