"""What is there without any configuration: keys, local servers, and the demo."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from attrs import evolve, frozen

from gateway.config import check_backends
from gateway.plugin import Connector
from gateway.settings import Backend, Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gateway.registry import Registry

# The first of these that is found takes model names that nobody else knows.
PREFERENCE = (
    *("openai", "anthropic", "gemini", "openrouter"),
    *("mistral", "groq", "deepseek", "together"),
)
DEMO = "demo"

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

    Args:
        own_ports: where the gateway itself listens.
    """
    connectors = _declared(registry)
    hosted = [
        Found(c.name, f"{variable} is set")
        for c in connectors
        if not c.ports and (variable := _first_set(c, environ))
    ]
    local = [c for c in connectors if c.ports and not set(c.ports) & set(own_ports)]
    async with aiohttp.ClientSession() as session:
        answers = await asyncio.gather(*(_answers(session, c) for c in local))
    here = [
        Found(c.name, f"answers on 127.0.0.1:{c.ports[0]}")
        for c, there in zip(local, answers, strict=True)
        if there
    ]
    return [*hosted, *here, Found(DEMO, "always there, needs no key")]


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


def _declared(registry: Registry) -> list[Connector]:
    order = {name: place for place, name in enumerate(PREFERENCE)}
    kinds = [registry.peek(name) for name in registry.names]
    connectors = [kind for kind in kinds if isinstance(kind, Connector)]
    return sorted(connectors, key=lambda c: (order.get(c.name, len(order)), c.name))


def _first_set(connector: Connector, environ: Mapping[str, str]) -> str | None:
    return next((name for name in connector.key_env if environ.get(name)), None)


async def _answers(session: aiohttp.ClientSession, connector: Connector) -> bool:
    """Tell whether what listens there lists models, as any web server would not."""
    url = connector.base_url + connector.models_path
    try:
        async with (
            asyncio.timeout(PROBE_DEADLINE),
            session.get(url, allow_redirects=False) as response,
        ):
            # 401: it is one, and its key is not known yet.
            return response.status == 401 or (
                response.status == 200 and "json" in response.content_type
            )
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
