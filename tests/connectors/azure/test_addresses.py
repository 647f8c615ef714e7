"""Where Azure is asked, by resource, surface and what is configured."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from connectors.azure import AZURE
from connectors.azure.addresses import all_but
from gateway.building import addressed, check_declared
from gateway.domain.parts import Text
from gateway.domain.request import Request, Role, Sampling, Turn
from gateway.plugin import ConfigurationError, Dialect
from gateway.settings import Backend

FOUNDRY = "https://r.services.ai.azure.com"


def spoken(
    url: str | None = None,
    extra: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
) -> dict[str, tuple[Dialect, str]]:
    """Return the dialects by protocol, each with where it begins."""
    settings = Backend(api_base_url=url, extra=extra or {})
    _, speaks, bases = addressed("azure", AZURE, settings, environ or {})
    return {d.protocol: (d, bases[d.protocol]) for d in speaks}


def where(*given: Any, operation: str = "chat", **more: Any) -> dict[str, str]:
    """Return the address for one operation of each protocol."""
    found = spoken(*given, **more)
    return {name: base + d.paths[operation] for name, (d, base) in found.items()}


def test_v1() -> None:
    """Without a date everything is on the v1 surface, without a version to name."""
    assert where("https://r.openai.azure.com") == {
        "openai_chat": "https://r.openai.azure.com/openai/v1/chat/completions",
        "openai_responses": "https://r.openai.azure.com/openai/v1/responses",
    }


def test_foundry() -> None:
    """A Foundry resource has Claude, too, at an address of its own."""
    assert where(FOUNDRY) == {
        "openai_chat": f"{FOUNDRY}/openai/v1/chat/completions",
        "openai_responses": f"{FOUNDRY}/openai/v1/responses",
        "anthropic": f"{FOUNDRY}/anthropic/v1/messages",
    }


@pytest.mark.parametrize(
    "url",
    [
        f"{FOUNDRY}/",
        f"{FOUNDRY}/openai",
        f"{FOUNDRY}/openai/v1/",
        f"{FOUNDRY}/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        f"{FOUNDRY}/anthropic/v1/messages",
        f"{FOUNDRY}/models",
        f"{FOUNDRY}/v1",
        f"{FOUNDRY}/api/projects/my-project",
        f"{FOUNDRY}/api/projects/my-project/openai/v1",
    ],
)
def test_forms_of_an_address(url: str) -> None:
    """What people copy from the portal and from programs leads to the same place."""
    assert where(url)["openai_chat"] == f"{FOUNDRY}/openai/v1/chat/completions"
    assert where(url)["anthropic"] == f"{FOUNDRY}/anthropic/v1/messages"


def test_behind_another_gateway() -> None:
    """What comes before Azure's own path stays."""
    url = "http://apim:81/team-a/openai"

    assert where(url)["openai_responses"] == f"{url}/v1/responses"


@pytest.mark.parametrize(
    ("extra", "environ"),
    [
        ({"resource": "r"}, {}),
        ({}, {"AZURE_RESOURCE_NAME": "r"}),
        ({"endpoint": "https://r.openai.azure.com"}, {}),
        ({}, {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/"}),
        ({}, {"AZURE_API_BASE": "https://r.openai.azure.com/"}),
        ({}, {"AZURE_API_BASE_URL": "https://r.openai.azure.com/openai"}),
    ],
)
def test_ways_to_say_it(extra: dict[str, Any], environ: dict[str, str]) -> None:
    """The configuration and the variables of other programs name the resource."""
    url = where(extra=extra, environ=environ)["openai_chat"]

    assert url == "https://r.openai.azure.com/openai/v1/chat/completions"


@pytest.mark.parametrize(
    ("extra", "environ"),
    [
        ({"api_version": "2025-04-01-preview"}, {}),
        ({}, {"OPENAI_API_VERSION": "2025-04-01-preview"}),
        ({}, {"AZURE_API_VERSION": "2025-04-01-preview"}),
    ],
)
def test_dated(extra: dict[str, Any], environ: dict[str, str]) -> None:
    """With a date chat is below its deployment, Responses are not, Claude has none."""
    query = "?api-version=2025-04-01-preview"

    assert where(FOUNDRY, extra, environ) == {
        "openai_chat": f"{FOUNDRY}/openai/deployments/{{model}}/chat/completions"
        + query,
        "openai_responses": f"{FOUNDRY}/openai/responses{query}",
        "anthropic": f"{FOUNDRY}/anthropic/v1/messages",
    }


def test_dated_embeddings() -> None:
    """Embeddings are below their deployment."""
    extra = {"resource": "r", "api_version": date(2024, 10, 21)}  # as YAML reads it

    url = where(extra=extra, operation="embeddings")["openai_chat"]

    path = "/openai/deployments/{model}/embeddings?api-version=2024-10-21"
    assert url == f"https://r.openai.azure.com{path}"


def test_before_responses() -> None:
    """Of a version that does not know Responses nobody asks for them."""
    assert set(spoken(extra={"resource": "r", "api_version": "2024-10-21"})) == {
        "openai_chat"
    }


@pytest.mark.parametrize("version", ["preview", "latest"])
def test_preview(version: str) -> None:
    """The v1 surface can be asked for what is not finished."""
    url = where(extra={"resource": "r", "api_version": version})["openai_responses"]

    assert url.endswith(f"/openai/v1/responses?api-version={version}")


@pytest.mark.parametrize(
    ("version", "member", "role"),
    [
        ("2024-06-01", "max_tokens", "system"),
        ("2024-10-21", "max_completion_tokens", "system"),
        ("2024-12-01-preview", "max_completion_tokens", "developer"),
        ("", "max_completion_tokens", "developer"),
    ],
)
def test_words(version: str, member: str, role: str) -> None:
    """What is translated is said in words that the version knows."""
    dialect, _ = spoken(extra={"resource": "r", "api_version": version})["openai_chat"]
    assert dialect.translator is not None
    request = Request("m", turns=(developer(),), sampling=Sampling(max_tokens=9))

    body: Any = dialect.translator.write_request(request).body

    assert body[member] == 9
    assert body["messages"][0]["role"] == role


def developer() -> Turn:

    return Turn(Role.DEVELOPER, (Text("be short"),))


@pytest.mark.parametrize(
    ("extra", "url", "why"),
    [
        ({}, None, "AZURE_OPENAI_ENDPOINT"),
        ({"resource": "evil.com/"}, None, r"extra\.resource"),
        ({"resource": "r", "api_version": "2024"}, None, r"extra\.api_version"),
        ({"resource": "r", "api_version": "2024-10-21&x=y"}, None, "api_version"),
        ({"endpoint": "r.openai.azure.com"}, None, "no URL"),
    ],
)
def test_no_address(extra: dict[str, Any], url: str | None, why: str) -> None:
    """What makes no address is told at the start."""
    with pytest.raises(ConfigurationError, match=why):
        check_declared("azure", AZURE, Backend(api_base_url=url, extra=extra), {})


@pytest.mark.parametrize(
    ("model", "protocols"),
    [
        ("gpt-5-mini", {"openai_chat", "openai_responses"}),
        ("c", {"openai_chat", "openai_responses"}),
        ("claude", {"openai_chat", "openai_responses"}),
        ("claudia", {"openai_chat", "openai_responses"}),
        ("cl-my-chat", {"openai_chat", "openai_responses"}),
        ("claude-haiku-4-5", {"anthropic"}),
        ("claude-", {"anthropic"}),
    ],
)
def test_deployments(model: str, protocols: set[str]) -> None:
    """A deployment of Claude is known by its name, all others are OpenAI's."""
    found = spoken(FOUNDRY)

    assert {name for name, (d, _) in found.items() if d.serves(model)} == protocols


def test_deployments_without_claude() -> None:
    """Where there is no Claude, a deployment may be called as one likes."""
    found = spoken("https://r.openai.azure.us")

    assert all(d.serves("claude-like") for d, _ in found.values())


def test_all_but() -> None:
    """Names are in, unless they begin so."""
    assert all_but("ab") == ("[!a]*", "a[!b]*", "a")
