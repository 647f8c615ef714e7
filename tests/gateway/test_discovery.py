"""What is there without a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway import discovery
from gateway.discovery import DEMO, GENERAL, PREFERENCE, Found, adopt, find
from gateway.http import SERVER
from gateway.plugin import Connector
from gateway.registry import Registry
from gateway.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

REGISTRY = Registry()
LAST = Found(DEMO, "always there, needs no key")


def declared() -> Iterator[Connector]:
    for name in REGISTRY.names:
        kind = REGISTRY.peek(name)
        if isinstance(kind, Connector):
            yield kind


# As if the gateway itself listened wherever a local server might.
LOCAL = {port for connector in declared() for port in connector.ports}
# What a provider needs beside its key.
NEEDS = {
    "azure": {"AZURE_RESOURCE_NAME": "r"},
    "cloudflare": {"CLOUDFLARE_ACCOUNT_ID": "acc"},
    "databricks": {"DATABRICKS_HOST": "https://w.example"},
    "snowflake": {"SNOWFLAKE_ACCOUNT": "acc"},
}
# Signed in to by more than a key; they have tests of their own.
SIGNED = {"bedrock", "gemini-oauth", "vertex"}
HOSTED = [
    c
    for c in declared()
    if c.base_url.startswith("https://") and c.name not in SIGNED and not c.ports
]


def found(*names: str) -> list[Found]:
    return [Found(name, "") for name in names]


@pytest.mark.parametrize(
    ("names", "default"),
    [
        (["demo"], "demo"),
        (["ollama", "demo"], "ollama"),
        (["openai", "ollama", "demo"], "openai"),
        (["together", "openai", "demo"], "openai"),
        (["llama.cpp", "vllm", "demo"], "llama.cpp"),
    ],
)
def test_default(names: list[str], default: str) -> None:
    """Hosted ones before local ones, the demo last."""
    settings = adopt(Settings(), found(*names))

    assert settings.default_backend == default
    assert list(settings.backends) == names


def test_chosen_default() -> None:
    """Whoever has said which one is not overruled."""
    settings = adopt(Settings(default_backend="demo"), found("openai", "demo"))

    assert settings.default_backend == "demo"


async def test_order() -> None:
    """By preference, whatever the order of the environment; the demo is last."""
    keys = {f"{name.upper()}_API_KEY": "x" for name in sorted(PREFERENCE)}

    names = [f.name for f in await find(REGISTRY, keys, LOCAL)]

    assert names == [*PREFERENCE, DEMO]


def test_preference() -> None:
    """Who is preferred exists."""
    assert set(PREFERENCE) <= {connector.name for connector in HOSTED}


@pytest.mark.parametrize(
    ("variable", "name"),
    [(variable, c.name) for c in HOSTED for variable in c.key_env],
)
async def test_found_by_its_key(variable: str, name: str) -> None:
    """Whoever has a provider's key in the environment has the provider."""
    environ = {variable: "k", "UNRELATED": "x", **NEEDS.get(name, {})}

    assert await find(REGISTRY, environ, LOCAL) == [
        Found(name, f"{variable} is set"),
        LAST,
    ]


@pytest.mark.parametrize("connector", HOSTED, ids=lambda c: c.name)
@pytest.mark.parametrize("end", ["", "_1", "_20"])
async def test_found_by_its_name(connector: Connector, end: str) -> None:
    """``NAME_API_KEY`` works for each, and the keys of a pool do."""
    name = connector.name
    variable = f"{name.upper().replace('-', '_')}_API_KEY{end}"
    environ = {variable: "k", **NEEDS.get(name, {})}

    found = await find(REGISTRY, environ, LOCAL)

    assert found == [Found(name, f"{variable} is set"), LAST]


@pytest.mark.parametrize("name", sorted(NEEDS))
async def test_found_only_if_it_works(name: str) -> None:
    """A key alone is not enough for who needs the name of an account, too."""
    kind = REGISTRY.get(name)
    assert isinstance(kind, Connector)

    assert await find(REGISTRY, {kind.key_env[0]: "k"}, LOCAL) == [LAST]


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY_0", "OPENAI_API_KEY_21"])
async def test_no_key_of_a_pool(variable: str) -> None:
    assert await find(REGISTRY, {variable: "k"}, LOCAL) == [LAST]


@pytest.mark.parametrize("value", ["", " "])
async def test_empty_variable(value: str) -> None:
    assert await find(REGISTRY, {"OPENAI_API_KEY": value}, LOCAL) == [LAST]


async def test_second_variable() -> None:
    """The variable that was found is told, where a provider has two."""
    first, demo = await find(REGISTRY, {"TOGETHERAI_API_KEY": "x"}, LOCAL)

    assert first == Found("together", "TOGETHERAI_API_KEY is set")
    assert demo.name == DEMO


@pytest.mark.parametrize("name", ["litellm", "sluicegate", "openai-compatible"])
async def test_gateways_are_chosen(name: str) -> None:
    """To ask another gateway is a decision that no variable makes."""
    kind = REGISTRY.get(name)
    assert isinstance(kind, Connector)
    own = f"{name.upper().replace('-', '_')}_API_KEY"
    keys = dict.fromkeys((own, *kind.key_env), "k")

    assert await find(REGISTRY, keys, LOCAL) == [LAST]
    assert kind.ports == ()


async def test_general_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has a token for other things is not served by its provider unasked."""
    monkeypatch.setattr(discovery, "_answers", _only("ollama"))
    environ = {"GITHUB_TOKEN": "k", "HF_TOKEN_1": "k", "XAI_API_KEY": "k"}

    found = await find(REGISTRY, environ)

    names = [one.name for one in found]
    assert names == ["xai", "ollama", "github", "huggingface", DEMO]
    del environ["XAI_API_KEY"]
    found = await find(REGISTRY, environ)
    assert adopt(Settings(), found).default_backend == "ollama"


def test_general_tokens_are_known() -> None:
    known = {variable for connector in HOSTED for variable in connector.key_env}

    assert known >= GENERAL


def _only(name: str) -> object:
    """Stand for a machine with one local server."""

    kind = REGISTRY.get(name)
    assert isinstance(kind, Connector)
    here = kind.base_url + kind.models_path

    async def answers(_session: object, url: str) -> bool:
        return url == here

    return answers


async def test_our_own_port() -> None:
    """The gateway does not find itself: llama.cpp's port is ours, too."""
    names = [f.name for f in await find(REGISTRY, {}, LOCAL)]

    assert names == [DEMO]


def test_one_kind_a_port() -> None:
    """A port tells which server it is, so no two kinds claim one."""
    ports = [port for connector in declared() for port in connector.ports]

    assert len(set(ports)) == len(ports)
    assert {"vllm", "sglang", "tgi", "lmstudio", "ollama", "llama.cpp"} == {
        connector.name for connector in declared() if connector.ports
    }


@pytest.mark.parametrize(
    ("status", "headers", "there"),
    [
        (200, {"content-type": "application/json"}, True),
        (401, {"content-type": "text/plain"}, True),
        (200, {"content-type": "text/html"}, False),
        (404, {"content-type": "application/json"}, False),
        (302, {"location": "/login"}, False),
        (200, {"content-type": "application/json", "server": SERVER}, False),
        (401, {"server": SERVER}, False),
    ],
)
async def test_what_listens(status: int, headers: dict[str, str], there: bool) -> None:
    """A server of models is told from any other, and from another Sluicegate."""

    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/v1/models"
        assert "authorization" not in request.headers
        return web.Response(status=status, headers=headers, text="{}")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        here = f"http://127.0.0.1:{server.port}/v1/models"
        assert await discovery._answers(session, here) is there


async def test_nothing_listens() -> None:
    async with aiohttp.ClientSession() as session:
        assert not await discovery._answers(session, "http://127.0.0.1:1/v1/models")


# -- without loading all of ours


def test_signs() -> None:
    """What ours are found by is what they declare, so that none is overlooked."""
    signs = discovery.signs_of(REGISTRY)
    assert signs is not None
    keys, addresses = {}, {}
    for connector in declared():
        if connector.ports:
            addresses[connector.name] = connector.base_url + connector.models_path
        elif connector.base_url.startswith("https://"):
            keys[connector.name] = connector.key_env

    assert keys == signs.KEYS
    assert addresses == signs.ADDRESSES
    assert set(signs.NAMED) == REGISTRY.own - keys.keys() - addresses.keys()


@pytest.mark.parametrize(
    ("environ", "loaded"),
    [({}, set()), ({"XAI_API_KEY": "k", "XAI_API_KEY_1": "l"}, {"xai"})],
    ids=["nothing", "a key"],
)
async def test_loads_only_what_is_found(
    environ: dict[str, str], loaded: set[str]
) -> None:
    """Who has one key does not wait until fifty providers are loaded."""
    registry = Registry()

    names = [one.name for one in await find(registry, environ, LOCAL)]

    assert {*names} == loaded | {DEMO}
    offered = (registry._offers[name] for name in registry._offers)
    assert {offers[0].name for offers in offered if offers[0].loaded} == loaded


async def test_without_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older installation's entry points name none: then all are loaded."""
    monkeypatch.setattr(discovery, "SIGNS_GROUP", "nobody")

    assert await find(REGISTRY, {"XAI_API_KEY": "k"}, LOCAL) == [
        Found("xai", "XAI_API_KEY is set"),
        LAST,
    ]
