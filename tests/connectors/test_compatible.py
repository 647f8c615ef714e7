"""One contract for every declaration; what is special about one is listed here."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest
from yarl import URL

from connectors import compatible
from connectors.cohere import COHERE
from connectors.openai_chat import OPENAI_DIALECT, OPENROUTER_DIALECT
from gateway import discovery
from gateway.building import base_urls
from gateway.plugin import ENTRY_POINT_GROUP, Connector
from gateway.registry import Registry

DECLARED = {
    name: value for name, value in vars(compatible).items() if type(value) is Connector
}
CONNECTORS = list(DECLARED.values())
HOSTED = [c for c in CONNECTORS if c.base_url and not c.ports]
LOCAL = [c for c in CONNECTORS if c.ports]
SETUP_CFG = Path(__file__).resolve().parents[2] / "setup.cfg"

# Whose dialects do not all stand below one version: it is in their paths.
WITHOUT_VERSION = {"deepseek", "ollama"}
ALL = {"chat", "completions", "embeddings"}
CHAT = {"openai_chat": ALL}
ONLY_CHAT = {"openai_chat": {"chat"}}
RESPONSES = {"openai_responses": {"chat"}}
MESSAGES = {"anthropic": {"chat"}}
COUNTING = {"anthropic": {"chat", "count_tokens"}}
KEPT = {"chat", "responses", "response_cancel", "response_input_items"}
# What each offers, by protocol, the preferred one first: what is not here is refused
# by us, not by the provider's 404. Of Groq's and DeepSeek's chat nothing else is
# compatible.
OFFERED: dict[str, dict[str, set[str]]] = {
    "deepseek": ONLY_CHAT | RESPONSES | MESSAGES,
    "groq": ONLY_CHAT | RESPONSES,
    "llama.cpp": CHAT | COUNTING,
    "lmstudio": CHAT | RESPONSES | MESSAGES,
    "ollama": {"ollama": {"chat", "embeddings"}, **CHAT, **RESPONSES, **MESSAGES},
    "openai": CHAT | {"openai_responses": KEPT},
    "openai-compatible": CHAT,
    "openrouter": CHAT | RESPONSES | MESSAGES,
    "together": CHAT | RESPONSES | MESSAGES,
    "vllm": CHAT | RESPONSES | COUNTING,
}

each = pytest.mark.parametrize("connector", CONNECTORS, ids=lambda c: c.name)
hosted = pytest.mark.parametrize("connector", HOSTED, ids=lambda c: c.name)
local = pytest.mark.parametrize("connector", LOCAL, ids=lambda c: c.name)


def entry_points() -> dict[str, str]:
    parser = ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(SETUP_CFG)
    lines = parser["options.entry_points"][ENTRY_POINT_GROUP].split("\n")
    pairs = (line.split("=") for line in lines if line)
    return {name.strip(): value.strip() for name, value in pairs}


def test_entry_points() -> None:
    """Each declaration is installed by its own name, and none is forgotten."""
    ours = {
        name: value
        for name, value in entry_points().items()
        if value.startswith("connectors.compatible:")
    }

    assert ours == {
        connector.name: f"connectors.compatible:{variable}"
        for variable, connector in DECLARED.items()
    }


@pytest.mark.parametrize(
    "what", ["name", "base_url", "key_env", "ports", "docs"], ids=str
)
def test_nothing_twice(what: str) -> None:
    """Copied declarations are where wrong keys go to wrong places."""
    values = [value for c in CONNECTORS if (value := getattr(c, what))]

    assert len(set(values)) == len(values)


@hosted
def test_hosted(connector: Connector) -> None:
    """Keys travel encrypted, to an address with its version."""
    url = URL(connector.base_url)

    assert url.scheme == "https"
    assert str(url) == connector.base_url
    assert not connector.base_url.endswith("/")
    assert not url.query_string
    assert ("v1" in url.parts) is (connector.name not in WITHOUT_VERSION)
    assert not connector.key_optional


@local
def test_local(connector: Connector) -> None:
    """A server on this machine answers on its usual port, without a key."""
    (port,) = connector.ports

    versioned = connector.name not in WITHOUT_VERSION
    version = "/v1" if versioned else ""
    assert connector.base_url == f"http://127.0.0.1:{port}{version}"
    assert connector.key_optional


@each
def test_key_variables(connector: Connector) -> None:
    """They are the providers' own names; `openai-compatible` must not take any."""
    assert all(name.isupper() and name.isidentifier() for name in connector.key_env)
    assert bool(connector.key_env) is bool(connector.base_url)


@each
def test_operations(connector: Connector) -> None:
    """Every protocol that it speaks, and what of it."""
    offered = OFFERED[connector.name]

    assert [d.protocol for d in connector.speaks] == list(offered)
    assert {d.protocol: set(d.paths) for d in connector.speaks} == offered
    for dialect in (*connector.speaks, *connector.optional):
        assert all(path.startswith("/") for path in dialect.paths.values())


@each
def test_first_is_translated_to(connector: Connector) -> None:
    """Clients of a protocol that the provider does not speak need one."""
    assert connector.speaks[0].translator is not None


WHERE = {
    ("deepseek", "openai_chat"): "https://api.deepseek.com/chat/completions",
    ("deepseek", "openai_responses"): "https://api.deepseek.com/responses",
    ("deepseek", "anthropic"): "https://api.deepseek.com/anthropic/v1/messages",
    ("openrouter", "anthropic"): "https://openrouter.ai/api/v1/messages",
    ("groq", "openai_responses"): "https://api.groq.com/openai/v1/responses",
    ("together", "anthropic"): "https://api.together.ai/v1/messages",
    ("ollama", "ollama"): "http://127.0.0.1:11434/api/chat",
    ("ollama", "openai_chat"): "http://127.0.0.1:11434/v1/chat/completions",
    ("ollama", "anthropic"): "http://127.0.0.1:11434/v1/messages",
    ("vllm", "anthropic"): "http://127.0.0.1:8000/v1/messages",
    ("cohere", "cohere"): "https://api.cohere.com/v2/chat",
    (
        "cohere",
        "openai_chat",
    ): "https://api.cohere.com/compatibility/v1/chat/completions",
}


@pytest.mark.parametrize(("name", "protocol"), WHERE)
def test_where(name: str, protocol: str) -> None:
    """The addresses are those of the providers' pages."""
    connector = next(c for c in [*CONNECTORS, COHERE] if c.name == name)

    bases = base_urls(connector, connector.speaks, None, {})

    (dialect,) = (d for d in connector.speaks if d.protocol == protocol)
    assert bases[protocol] + dialect.paths["chat"] == WHERE[name, protocol]


@pytest.mark.parametrize(
    ("connector", "url"),
    [
        (compatible.OLLAMA, "http://box:11434"),
        (compatible.OLLAMA, "http://box:11434/v1"),
        (COHERE, "https://co.example"),
        (COHERE, "https://co.example/v2"),
        (compatible.DEEPSEEK, "https://ds.example"),
        (compatible.DEEPSEEK, "https://ds.example/v1"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_address_with_and_without_version(connector: Connector, url: str) -> None:
    """Both are in use, and lead to the same place."""
    bases = base_urls(connector, connector.speaks, url, {})

    first = connector.speaks[0]
    assert bases[first.protocol] == url.removesuffix("/v1").removesuffix("/v2")


def test_words() -> None:
    """Who knows more than compatible servers do is told more."""
    assert compatible.OPENAI.speaks[0] is OPENAI_DIALECT
    assert compatible.OPENROUTER.speaks[0] is OPENROUTER_DIALECT


def test_responses_of_llama_cpp() -> None:
    """The SDK raises over its events, so they are translated unless asked for."""
    assert compatible.LLAMA_CPP.optional == (compatible.RESPONSES,)


def test_stores() -> None:
    """Only OpenAI keeps answers for others to ask for."""
    keeping = [c.name for c in CONNECTORS if any(d.stores for d in c.speaks)]

    assert keeping == ["openai"]


@pytest.mark.parametrize("name", ["anthropic", "cohere", "gemini", "mistral"])
def test_installed(name: str) -> None:
    """Who has a protocol of one's own is declared beside it."""
    assert entry_points().get(name) == f"connectors.{name}:{name.upper()}"


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("ANTHROPIC_API_KEY", "anthropic"),
        ("GEMINI_API_KEY", "gemini"),
        ("GOOGLE_API_KEY", "gemini"),
        ("CO_API_KEY", "cohere"),
        ("COHERE_API_KEY", "cohere"),
        ("MISTRAL_API_KEY", "mistral"),
        *((c.key_env[0], c.name) for c in HOSTED),
    ],
)
async def test_found_by_its_key(
    variable: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has a provider's key in the environment has the provider."""
    registry = Registry()
    monkeypatch.setattr(discovery, "_answers", _no_answer)

    found = await discovery.find(registry, {variable: "k", "UNRELATED": "x"})

    assert found == [
        discovery.Found(name, f"{variable} is set"),
        discovery.Found("demo", "always there, needs no key"),
    ]


async def test_found_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every key there is one order, and no provider is missing."""
    registry = Registry()
    kinds = [registry.peek(name) for name in registry.names]
    known = [kind for kind in kinds if isinstance(kind, Connector)]
    hosted = [c for c in known if c.key_env and not c.ports]
    monkeypatch.setattr(discovery, "_answers", _no_answer)

    found = await discovery.find(
        registry, {variable: "k" for c in hosted for variable in c.key_env}
    )

    names = [one.name for one in found]
    assert names[:4] == ["openai", "anthropic", "gemini", "openrouter"]
    assert {"cohere", "mistral"} <= set(names)
    assert sorted(names) == sorted([*(c.name for c in hosted), "demo"])


async def _no_answer(*_: object) -> bool:
    """Stand for a machine without local servers."""
    return False


@each
def test_docs(connector: Connector) -> None:
    """Whoever doubts a declaration finds the page it was written from."""
    if connector.base_url:
        assert URL(connector.docs).scheme == "https"


@each
def test_key_is_sent_as_a_bearer_token(connector: Connector) -> None:
    assert connector.auth("k") == {"Authorization": "Bearer k"}


def test_keys_of_messages() -> None:
    """DeepSeek's page promises Anthropic's own header, the others' a bearer token."""
    own = {
        c.name: d.auth("k") for c in CONNECTORS for d in c.speaks if d.auth is not None
    }

    assert own == {"deepseek": {"x-api-key": "k"}}


def test_private_endpoint() -> None:
    """It speaks chat, and by its settings any protocol that is no one provider's."""
    private = compatible.OPENAI_COMPATIBLE

    assert [d.protocol for d in private.optional] == [
        "openai_responses",
        "anthropic",
        "gemini",
        "ollama",
        "cohere",
    ]


def test_compatible_has_no_address() -> None:
    assert compatible.OPENAI_COMPATIBLE.base_url == ""
    assert compatible.OPENAI_COMPATIBLE.key_optional
