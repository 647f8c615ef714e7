"""
What an upstream's failure becomes, mapped here and nowhere else.

An answer of the upstream's own keeps its status, its body and its hints when to
try again; a failure of the network gets a status and a code of ours.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
from aiohttp import (
    ClientConnectionResetError,
    ClientPayloadError,
    ServerDisconnectedError,
)

from gateway import http
from gateway.domain.errors import (
    APIConnectionError,
    APITimeoutError,
    BackendError,
    LLMProxyError,
    ServiceUnavailableError,
    kind_of_status,
)
from gateway.secret import redact, without_known
from gateway.wire.faults import read_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.answers import Answer
    from gateway.plugin import Headers

JSON = "application/json"
# Where Amazon names its errors.
AMAZONS_KIND = "x-amzn-errortype"
# An error's body is quoted to the caller; none needs more than this.
MAX_ERROR_BODY = 1024 * 1024


class UpstreamAnswerError(BackendError):
    """
    The upstream answered with an error of its own, which is passed on as it came
    to who speaks its dialect.

    Attributes:
        body: the upstream's, without any secret of ours.
        headers: those that may be passed on.
        verbatim: the client speaks the dialect of the body.
    """

    def __init__(
        self,
        error: LLMProxyError,
        body: bytes,
        content_type: str,
        headers: Headers,
        *,
        verbatim: bool = True,
    ) -> None:
        super().__init__(
            redact(error.message),
            error.details,
            code=error.code,
            status_code=error.status_code,
            retry_after=error.retry_after,
        )
        self.body = without_known(body)
        self.content_type = content_type
        self.headers = headers
        self.verbatim = verbatim


async def refusal(response: Answer, *, verbatim: bool = True) -> LLMProxyError:
    """
    Return the error for an answer whose status is not a success.

    Args:
        verbatim: its body has the shape that the protocol gives to errors.
    """
    status = response.status
    if status < 400:
        return BackendError(
            f"the upstream redirects to {_host(response.headers.get('Location', ''))}; "
            "set api_base_url to where it is",
            code="upstream_redirect",
        )
    body = await read_whole(response, MAX_ERROR_BODY)
    said = read_refusal(body, response.headers.get(AMAZONS_KIND, ""))
    if said is None:
        said = BackendError(f"the upstream answered {status}")
    error = BackendError(
        said.message,
        said.details,
        code=said.code,
        status_code=status,
        retry_after=said.retry_after or http.retry_after(response.headers),
    )
    content_type = response.headers.get("Content-Type", JSON)
    headers = http.to_client(response.headers)
    if error.retry_after is not None:
        # Google says it in the body, where no SDK looks for it.
        headers.setdefault("retry-after", str(ceil(error.retry_after)))
    return UpstreamAnswerError(error, body, content_type, headers, verbatim=verbatim)


def _host(location: str) -> str:
    try:
        return urlsplit(location).hostname or "another path"
    except ValueError:
        return "another path"


async def read_whole(
    response: Answer, most: int, heard: Callable[[], None] | None = None
) -> bytes:
    """
    Read a body that must not exceed *most* bytes.

    Args:
        heard: called for each piece.

    Raises:
        BackendError: it does; or as `mapped` says.
    """
    pieces, size = [], 0
    while chunk := await response.read():
        pieces.append(chunk)
        size += len(chunk)
        if heard is not None:
            heard()
        if size > most:
            raise BackendError(
                f"the upstream's answer exceeds {most} bytes", code="reply_too_large"
            )
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def mapped(exc: Exception) -> LLMProxyError:
    """
    Return the error that stands for a failure of the network or of HTTP.

    503 where the upstream could not be reached, 504 where it was too slow, 502
    where it broke off or spoke no HTTP. aiohttp reports garbage as a 400 of its
    own making; that is no answer of the upstream.
    """
    match exc:
        case aiohttp.ConnectionTimeoutError():
            return APITimeoutError(
                "the upstream could not be reached in time",
                status_code=503,
                code="upstream_connect_timeout",
            )
        case aiohttp.ClientConnectorDNSError():
            return ServiceUnavailableError(
                "the upstream's host name cannot be resolved", code="upstream_dns"
            )
        case aiohttp.ClientSSLError():
            return ServiceUnavailableError(
                f"TLS with the upstream failed: {redact(str(exc.os_error))}",
                code="upstream_tls",
                status_code=502,
            )
        case aiohttp.ClientConnectorError() | aiohttp.ClientProxyConnectionError():
            return ServiceUnavailableError(
                f"the upstream cannot be reached: {exc.os_error.strerror or 'refused'}"
            )
        case aiohttp.ClientHttpProxyError():
            return ServiceUnavailableError(
                f"the proxy answered {exc.status}", code="upstream_proxy"
            )
        case aiohttp.ClientResponseError():
            return APIConnectionError(
                "the upstream's answer is not valid HTTP", code="upstream_protocol"
            )
        case ClientPayloadError():
            return APIConnectionError("the upstream broke off in its answer")
        case TimeoutError():
            return APITimeoutError("the upstream did not answer in time")
        case ServerDisconnectedError() | ClientConnectionResetError() | OSError():
            return APIConnectionError("the upstream closed the connection")
        case _:
            return APIConnectionError(
                f"the request to the upstream failed: {type(exc).__name__}",
                code="upstream_protocol",
            )


def named(error: LLMProxyError, name: str | None) -> LLMProxyError:
    """Return *error* with the backend's name, where it has none and can have one."""
    if isinstance(error, BackendError) and error.backend_name is None:
        error.backend_name = name
    return error


def mapped_plugin(exc: Exception) -> LLMProxyError:
    """
    Return the error for what aiohttp raised in somebody else's code.

    They may have called aiohttp's ``raise_for_status``, which knows a status and no
    body. What the parser raises has the same class, and always a cause.
    """
    if (
        isinstance(exc, aiohttp.ClientResponseError)
        and not isinstance(exc, aiohttp.ClientHttpProxyError)
        and exc.__cause__ is None
        and exc.status >= 400
    ):
        return kind_of_status(exc.status)(
            f"the upstream answered {exc.status}",
            status_code=exc.status,
            retry_after=http.retry_after(exc.headers or {}),
        )
    return mapped(exc)
