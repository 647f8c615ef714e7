"""
What a backend needs that asks its provider over aiohttp; see `gateway.plugin`.

Declared backends have all of this built in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import TYPE_CHECKING

from aiohttp import ClientError, ContentTypeError

from gateway.answers import ClientAnswer
from gateway.domain.errors import (
    APIConnectionError,
    kind_of_status,
)
from gateway.failures import UpstreamAnswerError, mapped_plugin, named, refusal
from gateway.plugin import ProcessedResponse, StreamingResponseHandle
from gateway.wire.overflow import CODE

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from gateway.chunks import StreamReader


async def raise_for_status(
    response: ClientResponse, backend_name: str | None = None
) -> None:
    """
    Return if the provider's answer is a success, and else raise what it says.

    The error keeps the provider's status, code, message and retry-after, and its
    whole ``body``, which nobody is shown unasked. The connection is released.

    Args:
        backend_name: for messages and logs.

    Raises:
        BackendError: and `AuthenticationError` for 401, `PermissionDeniedError` for
            403, `RateLimitExceededError` for 429, `ServiceUnavailableError` for 503
            and 529, `APITimeoutError` for 408 and 504, `InvalidRequestError` for all
            other 4xx; of each a child that is a `BackendError` as well.
    """
    if response.status < 300:
        return
    try:
        said = await refusal(ClientAnswer(response))
    finally:
        response.close()
    # A conversation that is too long has one status, whoever says so.
    status = 400 if said.code == CODE else said.status_code
    error = kind_of_status(status)(
        said.message,
        said.details,
        code=said.code,
        status_code=status,
        retry_after=said.retry_after,
        backend_name=backend_name,
    )
    if isinstance(said, UpstreamAnswerError):
        error.body = said.body
    raise error


@contextmanager
def network_errors(backend_name: str | None = None) -> Iterator[None]:
    """
    Raise our own errors for those of the network, of time-outs and of broken JSON.

    Put it around what waits for the provider, and not around a ``yield``.

    Raises:
        ServiceUnavailableError: it could not be reached.
        APITimeoutError: it was too slow.
        APIConnectionError: it broke off, or sent what cannot be read.
        BackendError: as by `raise_for_status`, if aiohttp's own was called.
    """
    try:
        yield
    except (JSONDecodeError, UnicodeDecodeError, ContentTypeError) as exc:
        raise APIConnectionError(
            "the upstream's answer is not valid JSON",
            code="upstream_invalid_reply",
            backend_name=backend_name,
        ) from exc
    except (ClientError, TimeoutError, ConnectionError) as exc:
        raise named(mapped_plugin(exc), backend_name) from exc


def stream_handle(
    response: ClientResponse, reader: StreamReader
) -> StreamingResponseHandle:
    """
    Return the stream in *response* as what a backend answers with.

    Args:
        reader: from `TranslationService.stream_reader`; cuts the bytes into events,
            however the network did.
    """

    async def pieces() -> AsyncIterator[ProcessedResponse]:
        try:
            while True:
                with network_errors():
                    chunk = await response.content.readany()
                if not chunk:
                    break
                if events := reader.feed(chunk):
                    yield ProcessedResponse(events)
            yield ProcessedResponse(reader.eof())
        finally:
            # Does nothing where all was read: then the connection is in the pool.
            response.close()

    async def cancel() -> None:
        response.close()

    return StreamingResponseHandle(pieces(), cancel, dict(response.headers))
