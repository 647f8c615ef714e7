"""Reads request bodies, within limits of size and time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp.http_exceptions import PayloadEncodingError
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web import RequestPayloadError
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.domain.errors import (
    InvalidRequestError,
    RequestTimeoutError,
    RequestTooLargeError,
)

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest, Request

    from gateway.settings import Server


_NO_HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())


async def read_body(request: Request, settings: Server) -> bytes:
    """
    Return the whole body.

    Raises:
        RequestTooLargeError: it exceeds ``max_body``, or says it will.
        RequestTimeoutError: nothing came for ``body_timeout``.
        InvalidRequestError: it is not what its head says.
    """
    most = settings.max_body
    if (request.content_length or 0) > most:
        raise _too_large(most)
    content = request.content
    if content.is_eof() and content.exception() is None:  # it came with its head
        body = content.read_nowait()
        if len(body) > most:
            raise _too_large(most)
        return body
    pieces, size = [], 0
    try:
        while not content.at_eof():
            if content.is_eof():  # all of it is here: no timer is needed
                piece = content.read_nowait()
            else:
                async with asyncio.timeout(settings.body_timeout):
                    piece = await content.readany()
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise _too_large(most)
    except TimeoutError as exc:
        raise RequestTimeoutError(
            f"the body stalled for {settings.body_timeout:g} s after {size} bytes"
        ) from exc
    except (RequestPayloadError, PayloadEncodingError) as exc:
        raise InvalidRequestError("the body is broken off or malformed") from exc
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def forget_head(request: BaseRequest) -> None:
    """
    Let go of a request's headers, of which the rest of its answer has no use,
    and of what its body was read from.

    They are most of what an open stream takes: as text, as bytes, and as a table.
    """
    if request.content.is_eof():
        request._payload = EMPTY_PAYLOAD  # noqa: SLF001
    message = request._message  # noqa: SLF001
    request._message = message._replace(headers=_NO_HEADERS, raw_headers=())  # noqa: SLF001
    request._headers = _NO_HEADERS  # noqa: SLF001
    request._cache.clear()  # noqa: SLF001 - what was made of them is made again


def _too_large(most: int) -> RequestTooLargeError:
    return RequestTooLargeError(
        f"the body exceeds {most} bytes, the limit of this gateway (server.max_body)"
    )
