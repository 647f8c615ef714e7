"""The switch between the ways switches, for the gateway as for its tests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.client import ask, chat
from tests.process import config_for, gateway
from tests.upstream import JSON_HEADERS, head
from tests.ways import WAY, WAYS, over_the_way

ANSWER = b'{"choices":[]}'


class Listening(asyncio.Protocol):
    """Keeps the bytes of a request, which look different on either way."""

    heard = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        type(self).heard += data
        self.transport.write(head(200, JSON_HEADERS, {"content-length": "14"}) + ANSWER)


@pytest.mark.parametrize("way", WAYS)
async def test_switch(way: str) -> None:
    """What the status says is what serves: aiohttp's client writes ``Host``."""

    class Heard(Listening):
        pass

    server = await asyncio.get_running_loop().create_server(Heard, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    config = config_for(url, client=way, server={"writer": way})
    async with server, gateway(config) as running:
        answer = await ask(running.port, chat(stream=False))
        status = await running.status()

    assert answer.body == ANSWER
    assert status["writer"] == status["backends"]["up"]["client"] == way
    assert (b"\r\nhost: " in Heard.heard) is (way == "fast")
    assert (b"\r\nHost: " in Heard.heard) is (way == "aiohttp")


async def test_way_of_the_tests() -> None:
    """They go where SLUICEGATE_TEST_PATH says, by default where users do."""
    async with gateway(config_for("http://127.0.0.1:9/v1")) as running:
        status = await running.status()

    assert status["writer"] == status["backends"]["up"]["client"] == WAY


def test_over_the_way() -> None:
    """It adds what is not said, to the server and to each backend."""
    config: dict[str, Any] = {"backends": {"a": None, "b": {"client": "fast"}}}

    assert over_the_way(config, "fast") == config
    assert over_the_way(config, "aiohttp") == {
        "server": {"writer": "aiohttp"},
        "backends": {"a": {"client": "aiohttp"}, "b": {"client": "fast"}},
    }
