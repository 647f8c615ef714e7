"""What a backend says about its models, without a server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses

from gateway.domain.errors import LLMProxyError
from gateway.registry import Registry
from gateway.settings import Backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.upstream import HttpBackend

URL = "http://lab.example/v1"


class Response(ClientResponse):
    """aioresponses 0.7 does not know an argument that aiohttp 3.14 asks for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)


@pytest.fixture
async def backend() -> AsyncIterator[HttpBackend]:
    settings = Backend(type="openai-compatible", api_base_url=URL)
    made: Any = Registry().build("lab", settings, {})
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("rows", "models"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}]}, ("a", "b")),
        ([{"id": "a"}, {"id": "a"}], ("a",)),
        ({"data": [{"id": ""}, {"name": "x"}, 7, {"id": 5}]}, ()),
        ({"models": [{"name": "models/g"}, {"name": "llama3:8b"}]}, ("g", "llama3:8b")),
    ],
)
async def test_models(backend: HttpBackend, rows: Any, models: tuple[str, ...]) -> None:
    """
    OpenAI puts the rows into an object, Together does not; no id, no model.

    Gemini and Ollama call both the rows and the names otherwise.
    """
    with aioresponses() as provider:
        provider.get(f"{URL}/models", payload=rows, response_class=Response)
        await backend.discover()

    assert backend.models == models


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 500}, "status 500"),
        ({"body": b"<html>"}, "not JSON"),
        ({"payload": {"data": 1}}, "no rows"),
        ({"exception": aiohttp.ServerDisconnectedError()}, "closed the connection"),
        ({"exception": TimeoutError()}, "not answer in time"),
    ],
)
async def test_no_models(backend: HttpBackend, answer: Any, said: str) -> None:
    """Whatever comes instead is an error of ours, and the list stays empty."""
    with aioresponses() as provider:
        provider.get(f"{URL}/models", repeat=True, response_class=Response, **answer)
        with pytest.raises(LLMProxyError, match=said):
            await backend.discover()

    assert backend.models == ()
