"""What is there without any configuration: keys, local servers, and the demo."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from attrs import evolve, frozen

from gateway.building import check_declared, key_variables
from gateway.config import check_backends
from gateway.domain.errors import ConfigurationError
from gateway.http import SERVER
from gateway.identity import OWN_USER_AGENT
from gateway.loops import LOOP_GUARD, OWN_ID
from gateway.plugin import Connector
from gateway.settings import Backend, Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

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
    connectors = _declared(registry)
    hosted = list(_hosted(connectors, environ))
    local = [c for c in connectors if c.ports and not set(c.ports) & set(own_ports)]
    async with aiohttp.ClientSession(headers=_HEADERS) as session:
        answers = await asyncio.gather(*(_answers(session, c) for c in local))
    here = [
        Found(c.name, f"answers on 127.0.0.1:{c.ports[0]}")
        for c, there in zip(local, answers, strict=True)
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


def _declared(registry: Registry) -> list[Connector]:
    order = {name: place for place, name in enumerate(PREFERENCE)}
    kinds = [registry.peek(name) for name in registry.names]
    connectors = [kind for kind in kinds if isinstance(kind, Connector)]
    return sorted(connectors, key=lambda c: (order.get(c.name, len(order)), c.name))


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


async def _answers(session: aiohttp.ClientSession, connector: Connector) -> bool:
    """Tell whether what listens there lists models, as any web server would not."""
    url = connector.base_url + connector.models_path
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
