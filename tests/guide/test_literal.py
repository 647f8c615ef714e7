"""A backend that keeps to the words of another guide works as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.guide.asking import CLIENTS, told
from tests.plugins.installed import install
from tests.process import Gateway, gateway
from tests.sdk.scripts import openai_chat
from tests.sdk.scripts.said import Said
from tests.upstream import JSON_HEADERS, Upstream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = Said(("one ", "two ", "three"), input=21, output=8)
SCRIPTS: dict[str, Any] = {
    "whole": reply(openai_chat.whole(SAID, "m1")),
    "stream": stream(openai_chat.pieces(SAID, "m1")),
    "busy": reply({"error": {}}, 429, {**JSON_HEADERS, "retry-after": "7"}),
}
each_client = pytest.mark.parametrize("client", CLIENTS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def g(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    place = tmp_path_factory.mktemp("literal")
    text = Path(__file__).with_name("literal.py").read_text("utf-8")
    (place / "literal.py").write_text(text, "utf-8")
    install(
        place, "literal", "[llm_proxy_backends]\nliteral = literal:LiteralBackend\n"
    )
    async with Upstream(lambda request: SCRIPTS[request.json["model"]]) as up:
        config = {"backends": {"literal": {"api_base_url": up.url, "api_key": "k"}}}
        async with gateway(config, env={"PYTHONPATH": str(place)}) as running:
            yield running


@each_client
@pytest.mark.parametrize("streamed", [True, False])
async def test_answer(g: Gateway, client: str, streamed: bool) -> None:
    model = f"literal:{'stream' if streamed else 'whole'}"

    heard = await told(g.port, client, model, stream=streamed)

    assert (heard.answer.status, heard.words) == (200, SAID.words)
    assert heard.whole


@each_client
async def test_refused(g: Gateway, client: str) -> None:
    """The status that aiohttp raised reaches the client, and when to come back."""
    heard = await told(g.port, client, "literal:busy")

    assert (heard.answer.status, heard.code) == (429, "rate_limit_exceeded")
    assert heard.answer.header("retry-after") == "7"
