"""``sluicegate routes``: which model goes where, as text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway.discovery import completed
from gateway.domain.errors import RoutingError
from gateway.routes import RouteTable

if TYPE_CHECKING:
    from gateway.registry import Registry
    from gateway.settings import Settings


async def show(settings: Settings, registry: Registry, model: str | None) -> int:
    """
    Print the table, or where *model* goes.

    Returns:
        The exit status; 1 if nothing answers to *model*.
    """
    settings = await completed(settings, registry, os.environ)
    backends = {
        name: registry.build(name, backend, os.environ)
        for name, backend in settings.backends.items()
    }
    table = RouteTable(settings.routes, backends, settings.default_backend)
    try:
        if model is None:
            _print_all(settings)
            return 0
        plan = table.resolve(model)
        print(f"{model} -> {plan.backend.name}:{plan.model}")
    except RoutingError as exc:
        print(exc.message)
        return 1
    finally:
        for built in backends.values():
            await built.close()
    return 0


def _print_all(settings: Settings) -> None:
    rows = [(route.model, route.to) for route in settings.routes]
    for name, backend in settings.backends.items():
        rows.append((f"{name}:*", f"{name}:*"))
        rows += [(model, f"{name}:{model}") for model in backend.models]
    if settings.default_backend is not None:
        rows.append(("*", f"{settings.default_backend}:*"))
    width = max(len(said) for said, _ in rows)
    for said, target in rows:
        print(f"{said:<{width}}  ->  {target}")
