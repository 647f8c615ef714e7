"""What an upstream's failure becomes; each class of aiohttp, and real answers."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from unittest.mock import sentinel

import aiohttp
import pytest
from aiohttp import ClientSession
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict
from yarl import URL

from gateway.answers import ClientAnswer
from gateway.domain.errors import BackendError, LLMProxyError, RateLimitExceededError
from gateway.failures import (
    UpstreamAnswerError,
    mapped,
    mapped_plugin,
    read_whole,
    refusal,
)
from gateway.secret import Secret
from tests.upstream import CHUNKED, JSON_HEADERS, End, Upstream, chunk, head, reply

KEY = ConnectionKey("host", 443, True, True, None, None, None)
REFUSED = ConnectionRefusedError(111, "Connection refused")
INFO = aiohttp.RequestInfo(URL("http://h"), "POST", sentinel.headers, URL("http://h"))
UNKNOWN_CA = ssl.SSLCertVerificationError(1, "certificate verify failed")


@pytest.mark.parametrize(
    ("exc", "status", "code"),
    [
        (aiohttp.ConnectionTimeoutError("t"), 503, "upstream_connect_timeout"),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "n")), 503, "upstream_dns"),
        (
            aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "s")),
            502,
            "upstream_tls",
        ),
        (aiohttp.ClientConnectorCertificateError(KEY, UNKNOWN_CA), 502, "upstream_tls"),
        (
            aiohttp.ClientConnectorCertificateError(KEY, ValueError("odd")),
            502,
            "upstream_tls",
        ),
        (aiohttp.ClientConnectorError(KEY, REFUSED), 503, "upstream_unreachable"),
        (aiohttp.ClientConnectorError(KEY, OSError()), 503, "upstream_unreachable"),
        (aiohttp.ClientProxyConnectionError(KEY, REFUSED), 503, "upstream_unreachable"),
        (
            aiohttp.client_exceptions.UnixClientConnectorError("/s", KEY, REFUSED),
            503,
            "upstream_unreachable",
        ),
        (aiohttp.ClientHttpProxyError(INFO, (), status=407), 503, "upstream_proxy"),
        (
            aiohttp.ClientResponseError(
                INFO, (), status=400, message="Bad status line"
            ),
            502,
            "upstream_protocol",
        ),
        (aiohttp.ContentTypeError(INFO, ()), 502, "upstream_protocol"),
        (aiohttp.ClientPayloadError("p"), 502, "upstream_connection_lost"),
        (aiohttp.SocketTimeoutError("t"), 504, "upstream_timeout"),
        (aiohttp.ServerTimeoutError("t"), 504, "upstream_timeout"),
        (TimeoutError("t"), 504, "upstream_timeout"),
        (aiohttp.ServerDisconnectedError(), 502, "upstream_connection_lost"),
        (aiohttp.ClientConnectionResetError("r"), 502, "upstream_connection_lost"),
        (aiohttp.ClientOSError(104, "reset"), 502, "upstream_connection_lost"),
        (ConnectionResetError(104, "reset"), 502, "upstream_connection_lost"),
        (BrokenPipeError(32, "pipe"), 502, "upstream_connection_lost"),
        (aiohttp.ClientConnectionError("closed"), 502, "upstream_protocol"),
        (aiohttp.InvalidURL("http://["), 502, "upstream_protocol"),
        (aiohttp.ClientError("other"), 502, "upstream_protocol"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_mapped(exc: Exception, status: int, code: str) -> None:
    """503 not reached, 504 too slow, 502 broke off; never an exception of its own."""
    error = mapped(exc)

    assert isinstance(error, BackendError)
    assert (error.status_code, error.code) == (status, code)
    assert error.message
    assert "None" not in error.message


def test_raise_for_status_of_a_plugin() -> None:
    """The status that aiohttp raised is kept, and when to come back."""
    exc = aiohttp.ClientResponseError(
        INFO, (), status=429, headers=CIMultiDict({"Retry-After": "7"})
    )

    error = mapped_plugin(exc)

    assert isinstance(error, RateLimitExceededError)
    assert (error.status_code, error.retry_after) == (429, 7)


def test_garbage_before_a_plugin() -> None:
    """A status that aiohttp's parser made up is none of the upstream's."""
    exc = aiohttp.ClientResponseError(INFO, (), status=400)
    exc.__cause__ = aiohttp.http.HttpProcessingError(message="Bad status line")

    assert mapped_plugin(exc).code == "upstream_protocol"


def test_tls_message_says_what() -> None:
    error = mapped(aiohttp.ClientConnectorCertificateError(KEY, UNKNOWN_CA))

    assert "certificate verify failed" in error.message


def test_real_refusal() -> None:
    """The reason is told without an errno in front."""
    error = mapped(aiohttp.ClientConnectorError(KEY, REFUSED))

    assert error.message == "the upstream cannot be reached: Connection refused"


@asynccontextmanager
async def answer(*script: bytes | End) -> AsyncIterator[ClientAnswer]:
    """Give the response to one request that the upstream answers by *script*."""
    async with (
        Upstream(script) as upstream,
        ClientSession() as session,
        session.post(upstream.url, allow_redirects=False) as response,
    ):
        yield ClientAnswer(response)


async def refused(
    body: bytes, status: int = 400, headers: Mapping[str, str] = JSON_HEADERS
) -> LLMProxyError:
    script = [step for step in reply(body, status, headers) if isinstance(step, bytes)]
    async with answer(*script) as response:
        return await refusal(response)


async def test_refusal() -> None:
    """Status, body, type and hints are the upstream's."""
    body = b'{"error": {"message": "slow down", "code": "rate_limit_exceeded"}} '
    headers = {
        "content-type": "application/json; x=1",
        "retry-after": "7",
        "server": "s",
    }

    error = await refused(body, 429, headers)

    assert isinstance(error, UpstreamAnswerError)
    assert (error.status_code, error.code) == (429, "rate_limit_exceeded")
    assert error.message == "slow down"
    assert error.body == body
    assert error.content_type == "application/json; x=1"
    assert error.headers == {"retry-after": "7"}


async def test_time_to_wait_in_the_body() -> None:
    """Google says it where no SDK looks for it, so the header says it, too."""
    body = (
        b'{"error": {"code": 429, "message": "quota", "details": [{"@type":'
        b' "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "16.2s"}]}}'
    )

    error = await refused(body, 429)

    assert isinstance(error, UpstreamAnswerError)
    assert error.retry_after == 16.2
    assert error.headers == {"retry-after": "17"}


@pytest.mark.parametrize("body", [b"<html>no</html>", b"", b'{"oops":"no"}'])
async def test_refusal_without_words(body: bytes) -> None:
    error = await refused(body, 500, {})

    assert isinstance(error, UpstreamAnswerError)
    assert error.message == "the upstream answered 500"
    assert (error.code, error.body) == ("provider_error", body)


async def test_refusal_keeps_our_secret() -> None:
    """An upstream that quotes our key back does not tell it to the caller."""
    secret = Secret("our-own-key-12345")

    error = await refused(
        b'{"error": "bad key our-own-key-12345, sk-callers-own-1"}', 401
    )

    assert isinstance(error, UpstreamAnswerError)
    assert secret.reveal().encode() not in error.body
    assert b"sk-callers-own-1" in error.body
    assert "key-12345" not in error.message


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("https://elsewhere.example.com/x?key=1", "to elsewhere.example.com;"),
        ("/v2/chat", "to another path;"),
        (None, "to another path;"),
        ("http://[", "to another path;"),
    ],
)
async def test_redirect(location: str | None, there: str) -> None:
    """A key is not carried to wherever somebody points."""
    headers = {} if location is None else {"location": location}

    error = await refused(b"", 307, headers)

    assert (error.status_code, error.code) == (502, "upstream_redirect")
    assert there in error.message


async def test_read_whole() -> None:
    async with answer(
        *[s for s in reply(b"x" * 100) if isinstance(s, bytes)]
    ) as response:
        assert await read_whole(response, 100) == b"x" * 100


async def test_read_too_much() -> None:
    script = [s for s in reply(b"x" * 101) if isinstance(s, bytes)]
    async with answer(*script) as response:
        with pytest.raises(BackendError) as caught:
            await read_whole(response, 100)

    assert caught.value.code == "reply_too_large"


async def test_read_what_breaks_off() -> None:
    async with answer(head(200, CHUNKED), chunk(b"one"), End.FIN) as response:
        with pytest.raises(BackendError) as caught:
            await read_whole(response, 100)

    assert caught.value.code == "upstream_connection_lost"
