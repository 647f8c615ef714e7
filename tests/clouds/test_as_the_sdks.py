"""
The gateway asks a cloud as the providers' own clients for that cloud do.

A plain client's request through the gateway and the same one by the cloud's client
must arrive alike: same path, same body. What those clients do is the best source for
what the clouds expect.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.client import ask
from tests.clouds.google import Cloud
from tests.process import gateway
from tests.upstream import reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.process import Gateway
    from tests.upstream import Request

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.needs("python:anthropic", "python:openai", "python:google.genai"),
]

CLAUDE = "claude-sonnet-4-5@20250929"
MESSAGES: Any = [{"role": "user", "content": "hello"}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cloud() -> AsyncIterator[Cloud]:
    made = Cloud()
    made.answer = lambda _: reply({"error": {"code": 400, "message": "no"}}, 400)
    async with made.upstream:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    cloud: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    file = tmp_path_factory.mktemp("google") / "account.json"
    place = {"project": "p1", "location": "us-east5"}
    key = {"api_key": "key-0123456789", "api_base_url": cloud.url}
    backends = {
        "vertex": {
            "api_base_url": cloud.url,
            "auth": cloud.account(file),
            "extra": place,
        },
        "azure": key,
        "azure.dated": {**key, "extra": {"api_version": "2024-10-21"}},
    }
    async with gateway({"backends": backends}) as made:
        yield made


async def by_client(cloud: Cloud, call: Callable[[], Any]) -> Request:
    """Return what a client sends; what it thinks of the answer is no matter."""

    def run() -> None:
        with pytest.raises(Exception, match="no"):
            call()

    before = len(cloud.asked)
    await asyncio.to_thread(run)
    (request,) = cloud.asked[before:]
    return request


async def by_gateway(
    cloud: Cloud, running: Gateway, path: str, body: dict[str, Any], **headers: str
) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    await ask(running.port, body, path, headers=named)
    return cloud.asked[-1]


def alike(ours: Request, theirs: Request) -> None:
    assert ours.method == theirs.method
    assert ours.path == theirs.path
    assert json.loads(ours.body) == json.loads(theirs.body)


@pytest.mark.parametrize("stream", [False, True])
async def test_claude_on_vertex(cloud: Cloud, running: Gateway, stream: bool) -> None:
    """Messages, in one piece and as a stream."""
    from anthropic import AnthropicVertex
    from anthropic._constants import ANTHROPIC_API_VERSION as VERSION

    client = AnthropicVertex(
        project_id="p1",
        region="us-east5",
        access_token="t",
        base_url=f"{cloud.url}/v1",
        max_retries=0,
    )
    said: Any = {"max_tokens": 9, "messages": MESSAGES}
    said |= {"stream": True} if stream else {}

    theirs = await by_client(
        cloud, lambda: client.messages.create(model=CLAUDE, **said)
    )
    ours = await by_gateway(
        cloud,
        running,
        "/v1/messages",
        {"model": f"vertex:{CLAUDE}", **said},
        anthropic_version=VERSION,
    )

    alike(ours, theirs)


async def test_claude_on_vertex_counts(cloud: Cloud, running: Gateway) -> None:
    """Token counts, with what is in beta, too."""
    from anthropic import AnthropicVertex
    from anthropic._constants import ANTHROPIC_API_VERSION as VERSION

    client = AnthropicVertex(
        project_id="p1",
        region="us-east5",
        access_token="t",
        base_url=f"{cloud.url}/v1",
        max_retries=0,
    )
    beta: Any = client.beta  # its types are those of another client

    theirs = await by_client(
        cloud,
        lambda: beta.messages.count_tokens(
            model=CLAUDE, messages=MESSAGES, betas=["b-1"]
        ),
    )
    ours = await by_gateway(
        cloud,
        running,
        "/v1/messages/count_tokens?beta=true",
        {"model": f"vertex:{CLAUDE}", "messages": MESSAGES},
        anthropic_version=VERSION,
        anthropic_beta=theirs.header("anthropic-beta") or "",
    )

    alike(ours, theirs)
    assert ours.header("anthropic-beta") == theirs.header("anthropic-beta")


@pytest.mark.parametrize("what", ["generate", "stream", "count"])
async def test_gemini_on_vertex(cloud: Cloud, running: Gateway, what: str) -> None:
    """Gemini's own client reaches the same paths by either way."""
    from google import genai
    from google.genai import types
    from google.oauth2.credentials import Credentials

    options = types.HttpOptions(base_url=cloud.url)
    direct = genai.Client(
        vertexai=True,
        project="p1",
        location="us-east5",
        credentials=Credentials(token="t"),  # type: ignore[no-untyped-call]
        http_options=options,
    )
    through = genai.Client(
        api_key="k", http_options=types.HttpOptions(base_url=running.url)
    )

    def call(client: genai.Client, model: str) -> Any:
        given: Any = {"model": model, "contents": "hello"}
        if what == "count":
            return client.models.count_tokens(**given)
        config = types.GenerateContentConfig(
            temperature=0.5, system_instruction="be short"
        )
        if what == "stream":
            return list(client.models.generate_content_stream(**given, config=config))
        return client.models.generate_content(**given, config=config)

    theirs = await by_client(cloud, lambda: call(direct, "gemini-2.5-flash"))
    ours = await by_client(cloud, lambda: call(through, "vertex:gemini-2.5-flash"))

    alike(ours, theirs)


async def test_deployment_on_azure(cloud: Cloud, running: Gateway) -> None:
    """OpenAI's client for Azure names the deployment in the path."""
    from openai import AzureOpenAI

    client = AzureOpenAI(
        azure_endpoint=cloud.url,
        api_version="2024-10-21",
        api_key="key-0123456789",
        max_retries=0,
    )

    theirs = await by_client(
        cloud,
        lambda: client.chat.completions.create(model="my-gpt", messages=MESSAGES),
    )
    ours = await by_gateway(
        cloud,
        running,
        "/v1/chat/completions",
        {"model": "azure.dated:my-gpt", "messages": MESSAGES},
    )

    alike(ours, theirs)
    assert ours.header("api-key") == theirs.header("api-key")


async def test_embeddings_on_azure(cloud: Cloud, running: Gateway) -> None:
    """Embeddings are below their deployment, too."""
    from openai import AzureOpenAI

    client = AzureOpenAI(
        azure_endpoint=cloud.url, api_version="2024-10-21", api_key="k", max_retries=0
    )
    said: Any = {"input": "a", "encoding_format": "float"}

    theirs = await by_client(
        cloud, lambda: client.embeddings.create(model="my-ada", **said)
    )
    ours = await by_gateway(
        cloud, running, "/v1/embeddings", {"model": "azure.dated:my-ada", **said}
    )

    alike(ours, theirs)


async def test_claude_on_azure(cloud: Cloud, running: Gateway) -> None:
    """Anthropic's client for Foundry has its own path and header."""
    from anthropic import AnthropicFoundry

    client = AnthropicFoundry(
        base_url=f"{cloud.url}/anthropic/", api_key="key-0123456789", max_retries=0
    )
    said: Any = {"max_tokens": 9, "messages": MESSAGES}

    theirs = await by_client(
        cloud, lambda: client.messages.create(model="claude-haiku-4-5", **said)
    )
    ours = await by_gateway(
        cloud, running, "/v1/messages", {"model": "azure:claude-haiku-4-5", **said}
    )

    alike(ours, theirs)
    assert ours.header("x-api-key") == theirs.header("x-api-key")
