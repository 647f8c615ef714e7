"""What authors use who ask their provider over aiohttp; see also ``tests/guide``."""

from __future__ import annotations

import json
from unittest.mock import Mock

import aiohttp
import pytest

from gateway.asking import network_errors, raise_for_status
from gateway.domain.errors import (
    APIConnectionError,
    APITimeoutError,
    BackendError,
    InvalidRequestError,
    LLMProxyError,
    ServiceUnavailableError,
)
from gateway.secret import Secret
from tests.upstream import JSON_HEADERS, Script, Upstream, head, reply


async def refused(script: Script) -> BackendError:
    async with Upstream(script) as up, aiohttp.ClientSession() as client:
        response = await client.get(up.url, allow_redirects=False)
        with pytest.raises(BackendError) as caught:
            await raise_for_status(response, "mine")
        assert response.closed
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_success(status: int) -> None:
    """Nothing else of a mock is looked at."""
    await raise_for_status(Mock(spec=["status"], status=status))


async def test_words_of_nobody() -> None:
    """Without a body that can be read there is a sentence of ours."""
    error = await refused(reply(b"<html>", 502, {"content-type": "text/html"}))

    assert (error.message, error.code) == (
        "the upstream answered 502",
        "provider_error",
    )
    assert error.body == b"<html>"


async def test_redirect() -> None:
    error = await refused(
        [head(302, {"location": "http://other/", "content-length": "0"})]
    )

    assert (error.status_code, error.code) == (502, "upstream_redirect")
    assert error.body == b""


async def test_secrets_are_masked() -> None:
    """A provider that quotes the key does not spread it."""
    key = Secret("planted-key-aaaa-bbbb")
    said = {"error": {"message": f"bad {key.reveal()}"}}

    error = await refused(reply(said, 418))

    assert isinstance(error, InvalidRequestError)
    assert error.message == "bad ***"
    assert key.reveal().encode() not in error.body


async def test_amazons_name() -> None:
    headers = {**JSON_HEADERS, "x-amzn-errortype": "ThrottlingException:http://x/"}

    error = await refused(reply({"message": "slow"}, 429, headers))

    assert (error.code, error.message) == ("ThrottlingException", "slow")


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (aiohttp.ServerDisconnectedError(), APIConnectionError, None),
        (aiohttp.ConnectionTimeoutError(), APITimeoutError, "upstream_connect_timeout"),
        (TimeoutError(), APITimeoutError, "upstream_timeout"),
        (ConnectionResetError(), APIConnectionError, "upstream_connection_lost"),
        (
            json.JSONDecodeError("secret words", "{", 0),
            APIConnectionError,
            "upstream_invalid_reply",
        ),
        (
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "secret words"),
            APIConnectionError,
            "upstream_invalid_reply",
        ),
    ],
)
def test_network_errors(
    raised: Exception, kind: type[LLMProxyError], code: str | None
) -> None:
    with pytest.raises(kind) as caught, network_errors("mine"):
        raise raised

    error = caught.value
    assert isinstance(error, BackendError)
    assert error.backend_name == "mine"
    assert error.code == (code or error.code)
    assert "secret words" not in error.message


@pytest.mark.parametrize(
    "raised", [ValueError("x"), FileNotFoundError("x"), ServiceUnavailableError("x")]
)
def test_what_is_not_the_network_passes(raised: Exception) -> None:
    with pytest.raises(type(raised)) as caught, network_errors():
        raise raised

    assert caught.value is raised
