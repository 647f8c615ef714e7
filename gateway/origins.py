"""Where a backend gets what its settings do not say; never what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.building import key_variables, stem
from gateway.plugin import Connector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.plugin import BackendPluginDefinition
    from gateway.registry import Registry
    from gateway.settings import Backend, Settings


def notes(
    settings: Settings, registry: Registry, environ: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return backends' names to sentences such as ``api_key: from LAB_API_KEY``."""
    found = {}
    for name, backend in settings.backends.items():
        kind_name = registry.type_of(name, backend)
        kind = registry.get(kind_name)
        said = [] if kind_name in (name, backend.type) else [f"type: {kind_name}"]
        found[name] = [*said, *_of(name, kind, backend, environ)]
    return found


def _of(
    name: str,
    kind: Connector | BackendPluginDefinition,
    backend: Backend,
    environ: Mapping[str, str],
) -> Iterator[str]:
    declared = kind if isinstance(kind, Connector) else None
    if backend.api_key is None and not backend.api_keys:
        yield from _key(name, declared, backend, environ)
    variable = f"{stem(name)}_API_BASE_URL"
    if backend.api_base_url is None and environ.get(variable):
        yield f"api_base_url: from {variable}"
    for parameter in declared.parameters if declared else ():
        known = next((each for each in parameter.env if environ.get(each)), None)
        if parameter.name not in backend.extra and known is not None:
            yield f"extra.{parameter.name}: from {known}"


def _key(
    name: str,
    declared: Connector | None,
    backend: Backend,
    environ: Mapping[str, str],
) -> Iterator[str]:
    usual = declared.key_env if declared else ()
    variables = key_variables(name, environ, usual)
    if variables:
        member = "api_key" if len(variables) == 1 else "api_keys"
        yield f"{member}: from {', '.join(variables)}"
    elif declared and not (
        declared.key_optional or declared.credentials or backend.auth.type
    ):
        ways = " or ".join(dict.fromkeys((f"{stem(name)}_API_KEY", *usual)))
        yield f"api_key: none; set {ways}"
