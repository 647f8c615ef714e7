"""What is there without any configuration: keys, local servers, and the demo."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import aiohttp
from attrs import evolve, frozen
from yarl import URL

from gateway.building import check_declared, key_variables
from gateway.config import check_backends
from gateway.domain.errors import ConfigurationError
from gateway.http import SERVER
from gateway.identity import OWN_USER_AGENT
from gateway.loops import LOOP_GUARD, OWN_ID
from gateway.plugin import Connector
from gateway.settings import Backend, Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from gateway.registry import Registry

# The first of these that is found takes model names that nobody else knows.
PREFERENCE = (
    *("openai", "anthropic", "gemini", "openrouter"),
    *("mistral", "groq", "deepseek", "together"),
    *("xai", "fireworks", "cerebras", "moonshot", "zai", "qwen"),
)
DEMO = "demo"

# Tokens that people have for more than models. Who has one of these can use its
# provider by name, but prompts go there unasked only if nothing else is found.
GENERAL = frozenset(
    {
        *("CLOUDFLARE_API_KEY", "CLOUDFLARE_API_TOKEN", "DATABRICKS_TOKEN"),
        *("GITHUB_TOKEN", "HF_TOKEN", "SCW_SECRET_KEY"),
    }
)

_HEADERS = {"User-Agent": OWN_USER_AGENT, LOOP_GUARD: OWN_ID}
# A local server answers at once or is not there.
PROBE_DEADLINE = 0.4


# The entry point of this group, if ours has it, is a module with `Signs`.
SIGNS_GROUP = "sluicegate_signs"


class Signs(Protocol):
    """
    What tells that a connector may be of use, without a configuration.

    Attributes:
        KEYS: the variables that may hold a key, by the names of hosted ones.
        ADDRESSES: where a local one lists its models, by their names.
        NAMED: those that are never found, as somebody must name them.
    """

    @property
    def KEYS(self) -> Mapping[str, Sequence[str]]: ...  # noqa: N802 - a constant

    @property
    def ADDRESSES(self) -> Mapping[str, str]: ...  # noqa: N802 - likewise

    @property
    def NAMED(self) -> Collection[str]: ...  # noqa: N802 - likewise


@frozen
class Found:
    """A backend that can be used as things are, and how it was found."""

    name: str
    why: str


async def find(
    registry: Registry, environ: Mapping[str, str], own_ports: Collection[int] = ()
) -> list[Found]:
    """
    Return the usable backends: hosted ones, local ones, and `demo` last.

    A hosted one is usable if there is a key, and whatever else it needs; what is
    never found so is another gateway, as to ask one is a decision.

    Args:
        own_ports: where the gateway itself listens.
    """
    signs = signs_of(registry)
    connectors = _declared(registry, environ, signs)
    hosted = list(_hosted(connectors, environ))
    local = [
        server
        for server in _local(connectors, registry, signs)
        if not set(server.ports) & set(own_ports)
    ]
    async with aiohttp.ClientSession(headers=_HEADERS) as session:
        answers = await asyncio.gather(*(_answers(session, s.url) for s in local))
    here = [
        Found(server.name, f"answers on 127.0.0.1:{server.ports[0]}")
        for server, there in zip(local, answers, strict=True)
        if there
    ]
    return [
        *(found for is_general, found in hosted if not is_general),
        *here,
        *(found for is_general, found in hosted if is_general),
        Found(DEMO, "always there, needs no key"),
    ]


def adopt(settings: Settings, found: list[Found]) -> Settings:
    """
    Return *settings* with the backends that were found.

    Raises:
        ConfigError: a route or the default names none of them.
    """
    names = [f.name for f in found]
    preferred = [name for name in PREFERENCE if name in names]
    adopted = evolve(
        settings,
        backends={name: Backend() for name in names},
        default_backend=settings.default_backend or [*preferred, *names][0],
    )
    check_backends(adopted)
    return adopted


async def completed(
    settings: Settings, registry: Registry, environ: Mapping[str, str]
) -> Settings:
    """
    Return *settings*, with the backends that are found if they have none.

    Raises:
        ConfigError: a route or the default names none of these.
    """
    if settings.backends:
        return settings
    return adopt(settings, await find(registry, environ))


def signs_of(registry: Registry) -> Signs | None:
    """Return by what ours are found without being loaded; ``None``: nothing says it."""
    for point in registry.own_points(SIGNS_GROUP):
        signs: Signs = point.load()
        return signs
    return None


def _declared(
    registry: Registry, environ: Mapping[str, str], signs: Signs | None
) -> list[Connector]:
    """Return the connectors, without those of ours that cannot be found."""
    order = {name: place for place, name in enumerate(PREFERENCE)}
    kinds = [
        registry.peek(name)
        for name in registry.names
        if signs is None
        or name not in registry.own
        or _is_worth_loading(name, environ, signs)
    ]
    connectors = [kind for kind in kinds if isinstance(kind, Connector)]
    return sorted(connectors, key=lambda c: (order.get(c.name, len(order)), c.name))


def _is_worth_loading(name: str, environ: Mapping[str, str], signs: Signs) -> bool:
    if name in signs.KEYS:
        return bool(key_variables(name, environ, signs.KEYS[name]))
    return name not in signs.ADDRESSES and name not in signs.NAMED


@frozen
class _Server:
    """
    Attributes:
        url: of its models.
    """

    name: str
    url: str
    ports: Sequence[int]


def _local(
    connectors: Iterable[Connector], registry: Registry, signs: Signs | None
) -> list[_Server]:
    known = {} if signs is None else signs.ADDRESSES
    servers = {
        name: _Server(name, url, [URL(url).port or 0])
        for name, url in known.items()
        if name in registry.own
    }
    for c in connectors:
        if c.ports:
            servers[c.name] = _Server(c.name, c.base_url + c.models_path, c.ports)
    return [servers[name] for name in sorted(servers)]


def _hosted(
    connectors: Iterable[Connector], environ: Mapping[str, str]
) -> Iterator[tuple[bool, Found]]:
    """Yield whether each was found by a token for more, and what was found."""
    for connector in connectors:
        if connector.ports or not connector.base_url.startswith("https://"):
            continue
        variables = key_variables(connector.name, environ, connector.key_env)
        if variables and _is_complete(connector, environ):
            first = variables[0]
            is_general = first.rstrip("0123456789").rstrip("_") in GENERAL
            yield is_general, Found(connector.name, f"{first} is set")


def _is_complete(connector: Connector, environ: Mapping[str, str]) -> bool:
    """Tell whether it needs nothing beside its key that is not there."""
    try:
        check_declared(connector.name, connector, Backend(), environ)
    except ConfigurationError:
        return False
    return True


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    """Tell whether what listens there lists models, as any web server would not."""
    try:
        async with (
            asyncio.timeout(PROBE_DEADLINE),
            session.get(url, allow_redirects=False) as response,
        ):
            if response.headers.get("Server") == SERVER:
                return False  # another Sluicegate
            # 401: it is one, and its key is not known yet.
            return response.status == 401 or (
                response.status == 200 and "json" in response.content_type
            )
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
